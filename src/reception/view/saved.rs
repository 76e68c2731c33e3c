//! "Saved", with its number, hour and person: two that were looked up one after the other must not be mistaken for each other.

use crate::desk::CheckedIn;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::visit::VisitPerson;

/// What is said after something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct SavedView {
    pub(in crate::reception) text: Sentence,
    /// `new`, `already`, or what else was done.
    pub(in crate::reception) code: &'static str,
}

impl SavedView {
    /// What the message files say of it.
    pub(in crate::reception) fn new(code: &'static str, say: impl Fn(&Messages) -> String) -> Self {
        Self { text: Sentence::of_both(say), code }
    }

    /// A check-in.
    pub(in crate::reception) fn checked_in(saved: &CheckedIn, person: &VisitPerson) -> Self {
        let (who, number) = (super::who(person), saved.sequence.0);
        if saved.already_saved {
            // The hour of this call is not the hour of the visit; that one stands in the list.
            Self::new("already", |words| words.visits.saved_before.with("number", number).with("who", who).to_string())
        } else {
            let at = words::hour(saved.at);
            Self::new("new", |words| words.visits.saved.with("number", number).with("at", &at).with("who", who).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::card::CardNumber;
    use crate::domain::person::PersonName;
    use crate::domain::visit::Sequence;
    use crate::domain::visit::VisitId;

    #[test]
    fn new_and_known_visits_are_told_apart() {
        let at = "2026-11-21T02:05:00Z".parse().unwrap();
        let saved = CheckedIn { id: VisitId(Uuid::nil()), sequence: Sequence(14), already_saved: false, at };
        let card_number = CardNumber::parse("GD4220100000001").ok();
        let mut person = VisitPerson { card_number, insurance_number: None, personal_id: None, name: None, birth_date: None, sex: None };
        assert_eq!(SavedView::checked_in(&saved, &person).text.vi, "ĐÃ LƯU lượt số 14 lúc 09:05: GD4220100000001");
        person.name = PersonName::parse("Trần Thị Ví Dụ").ok();
        assert_eq!(SavedView::checked_in(&saved, &person).text.vi, "ĐÃ LƯU lượt số 14 lúc 09:05: Trần Thị Ví Dụ");
        let again = SavedView::checked_in(&CheckedIn { already_saved: true, ..saved }, &person);
        assert!(again.text.vi.ends_with(": Trần Thị Ví Dụ"), "{:?}", again.text);
        assert!(again.text.vi.contains("từ trước") && !again.text.vi.contains("09:05"), "{:?}", again.text);
    }
}
