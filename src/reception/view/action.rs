//! What is said after somebody has done something with a saved visit, or could not.

use axum::http::StatusCode;

use super::options;
use super::problem::Problem;
use super::saved::SavedView;
use crate::desk::CorrectError;
use crate::desk::Corrected;
use crate::desk::Desk;
use crate::desk::LookUpError;
use crate::desk::messages::Messages;
use crate::reception::printing::Printable;

/// A correction is on the disk: of whom, what of it is not as usual, and whether the person was here before on that day.
pub(in crate::reception) fn corrected(desk: &Desk, corrected: &Corrected) -> SavedView {
    let visit = &corrected.visit;
    let said = |words: &Messages| {
        let who = [super::who(&visit.person).to_owned()].into_iter().chain(options::unusual(desk, visit, words));
        let saved = words.visits.corrected.with("who", who.collect::<Vec<_>>().join(" – ")).to_string();
        match corrected.lookup.as_ref().and_then(|lookup| super::visit::same_day(&lookup.earlier, words)) {
            Some(note) => words.visit.noted.with("saved", saved).with("note", note).to_string(),
            None => saved,
        }
    };
    SavedView::new("corrected", said).with(Printable::Visit(visit.id))
}

/// The person who was shown before a correction is not kept any more.
pub(in crate::reception) fn person_expired() -> Problem {
    Problem::new(StatusCode::GONE, "visit:person_expired", |words| words.visits.person_expired.to_string())
}

/// Nothing was done.
pub(in crate::reception) fn problem(error: &CorrectError) -> Problem {
    let status = match error {
        CorrectError::NoVisit => StatusCode::NOT_FOUND,
        CorrectError::Voided | CorrectError::NotParked | CorrectError::Closed { .. } | CorrectError::Changed | CorrectError::NoOutage => {
            StatusCode::CONFLICT
        }
        CorrectError::NotOffered(_) | CorrectError::Nothing | CorrectError::NameGiven => StatusCode::UNPROCESSABLE_ENTITY,
        CorrectError::LookUp(LookUpError::Unreadable(unreadable)) => return Problem::unreadable(*unreadable),
        CorrectError::LookUp(LookUpError::Storage(error)) => return Problem::cannot_look_up(error),
        CorrectError::Storage(error) => return Problem::not_saved(error),
    };
    Problem::new(status, format!("visit:{}", error.code()), |words| words.correct_error(error))
}

/// A reader has written into the note.
pub(in crate::reception) fn scan_in_note() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "visit:scan", |words| words.visits.scan_in_reason.to_string())
}

/// The note that must be there is not, or is too long.
pub(in crate::reception) fn note_wanted() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "visit:note", |words| words.visits.note_wanted.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::NotOffered;
    use crate::desk::StorageError;
    use crate::domain::field::Field;
    use crate::domain::field::Problem as Why;

    #[test]
    fn every_refusal_has_its_own_label_says_that_nothing_was_done_and_ends_a_sentence() {
        let own = [
            CorrectError::NoVisit,
            CorrectError::Voided,
            CorrectError::NotParked,
            CorrectError::Closed { closing: None },
            CorrectError::NotOffered(NotOffered::Category),
            CorrectError::NotOffered(NotOffered::CareType),
            CorrectError::NotOffered(NotOffered::QueueNumber),
            CorrectError::NoOutage,
            CorrectError::Nothing,
            CorrectError::NameGiven,
            CorrectError::Changed,
        ];
        let mut problems: Vec<_> = own.iter().map(problem).collect();
        problems.extend([note_wanted(), person_expired()]);
        for Problem { label, message, status, .. } in &problems {
            assert!(message.vi.starts_with("CHƯA") && message.vi.ends_with('.') && !status.is_success(), "{label}: {message:?}");
            assert!(message.en.starts_with("NO") && message.en.ends_with('.'), "{label}: {message:?}");
        }
        problems.push(problem(&CorrectError::LookUp(LookUpError::Unreadable(Why::Length.at(Field::Payload)))));
        problems.push(problem(&CorrectError::Storage(StorageError::Full)));
        let labels: std::collections::BTreeSet<_> = problems.iter().map(|problem| problem.label.clone()).collect();
        assert_eq!(labels.len(), problems.len());
    }
}
