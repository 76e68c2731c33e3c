//! What is said after somebody has done something with a saved visit, or could not.

use axum::http::StatusCode;

use super::problem::Problem;
use super::saved::SavedView;
use crate::desk::CorrectError;
use crate::desk::LookUpError;
use crate::desk::words;
use crate::domain::visit::VisitPerson;

/// A correction is on the disk.
pub(in crate::reception) fn corrected(person: Option<&VisitPerson>) -> SavedView {
    SavedView { text: words::corrected(person.map(super::who).unwrap_or_default()), code: "corrected" }
}

/// Nothing was done.
pub(in crate::reception) fn problem(error: &CorrectError) -> Problem {
    let status = match error {
        CorrectError::NoVisit => StatusCode::NOT_FOUND,
        CorrectError::Voided | CorrectError::NotParked | CorrectError::Closed { .. } | CorrectError::Changed => StatusCode::CONFLICT,
        CorrectError::NotOffered(_) | CorrectError::Nothing => StatusCode::UNPROCESSABLE_ENTITY,
        CorrectError::LookUp(LookUpError::Unreadable(unreadable)) => return Problem::unreadable(*unreadable),
        CorrectError::LookUp(LookUpError::Storage(error)) => return Problem::cannot_look_up(error),
        CorrectError::Storage(error) => return Problem::not_saved(error),
    };
    Problem { label: format!("visit:{}", error.code()), message: words::correct_error(error), status }
}

/// The note that must be there is not, or is too long.
pub(in crate::reception) fn note_wanted() -> Problem {
    Problem { label: "visit:note".to_owned(), message: words::NOTE_WANTED.to_owned(), status: StatusCode::UNPROCESSABLE_ENTITY }
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
            CorrectError::Nothing,
            CorrectError::Changed,
        ];
        let mut problems: Vec<_> = own.iter().map(problem).collect();
        problems.push(note_wanted());
        for Problem { label, message, status } in &problems {
            assert!(message.starts_with("CHƯA") && message.ends_with('.') && !status.is_success(), "{label}: {message}");
        }
        problems.push(problem(&CorrectError::LookUp(LookUpError::Unreadable(Why::Length.at(Field::Payload)))));
        problems.push(problem(&CorrectError::Storage(StorageError::Full)));
        let labels: std::collections::BTreeSet<_> = problems.iter().map(|problem| problem.label.clone()).collect();
        assert_eq!(labels.len(), problems.len());
    }
}
