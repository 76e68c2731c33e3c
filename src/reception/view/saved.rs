//! "Saved", with its number, hour and person: two that were looked up one after the other must not be mistaken for each other.

use crate::desk::CheckedIn;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::visit::VisitPerson;
use crate::reception::printing::Printable;

/// What is said after something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct SavedView {
    pub(in crate::reception) text: Sentence,
    /// `new`, `already`, `twice` (another desk has just saved one of the same person), `called_alike` (somebody else came under the same number), or what else
    /// was done.
    pub(in crate::reception) code: &'static str,
    /// What one key prints while this is said, and of this: another person's slip must never lie beside it.
    pub(in crate::reception) printable: Option<Printable>,
}

impl SavedView {
    /// What the message files say of it.
    pub(in crate::reception) fn new(code: &'static str, say: impl Fn(&Messages) -> String) -> Self {
        Self::said(code, Sentence::of_both(say))
    }

    /// What is said elsewhere too.
    pub(in crate::reception) fn said(code: &'static str, text: Sentence) -> Self {
        Self { text, code, printable: None }
    }

    /// The same, with what can be printed of it.
    pub(in crate::reception) fn with(self, printable: Printable) -> Self {
        Self { printable: Some(printable), ..self }
    }

    /// A check-in. `unusual` is what of the visit is not as usual.
    pub(in crate::reception) fn checked_in(saved: &CheckedIn, person: &VisitPerson, unusual: impl Fn(&Messages) -> Vec<String>) -> Self {
        Self::words_of(saved, person, unusual).with(Printable::Visit(saved.id))
    }

    fn words_of(saved: &CheckedIn, person: &VisitPerson, unusual: impl Fn(&Messages) -> Vec<String>) -> Self {
        let who = |words: &Messages| [super::who(person).to_owned()].into_iter().chain(unusual(words)).collect::<Vec<_>>().join(" – ");
        let number = saved.sequence.0;
        if saved.already_saved {
            // The hour of this call is not the hour of the visit; that one stands in the list.
            Self::new("already", |words| words.visits.saved_before.with("number", number).with("who", who(words)).to_string())
        } else {
            let at = words::hour(saved.at);
            let said = |words: &Messages| words.visits.saved.with("number", number).with("at", &at).with("who", who(words)).to_string();
            match (saved.meanwhile, saved.called_alike) {
                (Some(other), _) => {
                    let time = words::hour(other.at);
                    Self::new("twice", |words| {
                        words.visit.meanwhile.with("saved", said(words)).with("number", other.number.0).with("time", &time).to_string()
                    })
                }
                (None, Some((queue, other))) => Self::new("called_alike", |words| {
                    words.visit.called_alike.with("saved", said(words)).with("queue", queue).with("number", other.0).to_string()
                }),
                (None, None) => Self::new("new", said),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::desk::Earlier;
    use crate::domain::card::CardNumber;
    use crate::domain::person::PersonName;
    use crate::domain::visit::Sequence;
    use crate::domain::visit::VisitId;

    #[test]
    fn new_and_known_visits_are_told_apart() {
        let at = "2026-11-21T02:05:00Z".parse().unwrap();
        let (id, sequence) = (VisitId(Uuid::nil()), Sequence(14));
        let saved = CheckedIn { id, sequence, already_saved: false, at, meanwhile: None, called_alike: None, content: None };
        let card_number = CardNumber::parse("GD4220100000001").ok();
        let mut person = VisitPerson { card_number, insurance_number: None, personal_id: None, name: None, birth_date: None, sex: None };
        let nothing = |_: &Messages| Vec::new();
        assert_eq!(SavedView::checked_in(&saved, &person, nothing).text.vi, "ĐÃ LƯU lượt số 14 lúc 09:05: GD4220100000001");
        person.name = PersonName::parse("Trần Thị Ví Dụ").ok();
        let unusual = |_: &Messages| vec!["Cấp cứu (2)".to_owned()];
        let said = SavedView::checked_in(&saved, &person, unusual).text.vi;
        assert_eq!(said, "ĐÃ LƯU lượt số 14 lúc 09:05: Trần Thị Ví Dụ – Cấp cứu (2)");
        let again = SavedView::checked_in(&CheckedIn { already_saved: true, ..saved.clone() }, &person, nothing).text.vi;
        assert!(again.ends_with(": Trần Thị Ví Dụ"), "{again}");
        assert!(again.contains("từ trước") && !again.contains("09:05"), "{again}");
        let other = Earlier { id: saved.id, number: Sequence(13), at };
        let twice = SavedView::checked_in(&CheckedIn { meanwhile: Some(other), ..saved }, &person, nothing);
        let said = &twice.text.vi;
        assert!(twice.code == "twice" && said.starts_with("ĐÃ LƯU lượt số 14") && said.contains("số 13"), "{said}");
    }
}
