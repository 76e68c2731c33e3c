//! "Saved", with its number, hour and person: two that were looked up one after the other must not be mistaken for each other.

use crate::desk::CheckedIn;
use crate::desk::words;
use crate::domain::visit::VisitPerson;

/// What is said after a check-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct SavedView {
    pub(in crate::reception) text: String,
    /// `new` or `already`.
    pub(in crate::reception) code: &'static str,
}

impl SavedView {
    pub(in crate::reception) fn new(saved: &CheckedIn, person: &VisitPerson) -> Self {
        let who = super::who(person);
        let number = saved.sequence.0;
        if saved.already_saved {
            // The hour of this call is not the hour of the visit; that one stands in the list.
            Self { text: format!("Lượt số {number} ĐÃ LƯU từ trước, không lưu thêm: {who}"), code: "already" }
        } else {
            Self { text: format!("ĐÃ LƯU lượt số {number} lúc {}: {who}", words::hour(saved.at)), code: "new" }
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
        assert_eq!(SavedView::new(&saved, &person).text, "ĐÃ LƯU lượt số 14 lúc 09:05: GD4220100000001");
        person.name = PersonName::parse("Trần Thị Ví Dụ").ok();
        assert_eq!(SavedView::new(&saved, &person).text, "ĐÃ LƯU lượt số 14 lúc 09:05: Trần Thị Ví Dụ");
        let again = SavedView::new(&CheckedIn { already_saved: true, ..saved }, &person);
        assert!(again.text.ends_with(": Trần Thị Ví Dụ"), "{}", again.text);
        assert!(again.text.contains("từ trước") && !again.text.contains("09:05"), "{}", again.text);
    }
}
