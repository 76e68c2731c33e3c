//! "Saved", with its number, hour and person: two that were looked up one after the other must not be mistaken for each other.

use crate::desk::CheckedIn;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::visit::VisitPerson;

/// What is said after a check-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct SavedView {
    pub(in crate::reception) text: String,
    /// `new`, `already`, or `twice`: another desk has just saved one of the same person.
    pub(in crate::reception) code: &'static str,
}

impl SavedView {
    /// `unusual` is what of the visit is not as usual.
    pub(in crate::reception) fn new(saved: &CheckedIn, person: &VisitPerson, unusual: &[String], words: &Messages) -> Self {
        let who = [super::who(person)].into_iter().chain(unusual.iter().map(String::as_str)).collect::<Vec<_>>().join(" – ");
        let number = saved.sequence.0;
        if saved.already_saved {
            // The hour of this call is not the hour of the visit; that one stands in the list.
            Self { text: format!("Lượt số {number} ĐÃ LƯU từ trước, không lưu thêm: {who}"), code: "already" }
        } else {
            let text = format!("ĐÃ LƯU lượt số {number} lúc {}: {who}", words::hour(saved.at));
            let Some(other) = saved.meanwhile else { return Self { text, code: "new" } };
            let told = words.visit.meanwhile.with("saved", text).with("number", other.sequence.0).with("time", words::hour(other.at));
            Self { text: told.to_string(), code: "twice" }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::desk::Earlier;
    use crate::desk::messages::Language;
    use crate::domain::card::CardNumber;
    use crate::domain::person::PersonName;
    use crate::domain::visit::Sequence;
    use crate::domain::visit::VisitId;

    #[test]
    fn new_and_known_visits_are_told_apart() {
        let at = "2026-11-21T02:05:00Z".parse().unwrap();
        let saved = CheckedIn { id: VisitId(Uuid::nil()), sequence: Sequence(14), already_saved: false, at, meanwhile: None };
        let words = Messages::of(Language::Vietnamese);
        let card_number = CardNumber::parse("GD4220100000001").ok();
        let mut person = VisitPerson { card_number, insurance_number: None, personal_id: None, name: None, birth_date: None, sex: None };
        assert_eq!(SavedView::new(&saved, &person, &[], words).text, "ĐÃ LƯU lượt số 14 lúc 09:05: GD4220100000001");
        person.name = PersonName::parse("Trần Thị Ví Dụ").ok();
        let unusual = ["Cấp cứu (2)".to_owned()];
        assert_eq!(SavedView::new(&saved, &person, &unusual, words).text, "ĐÃ LƯU lượt số 14 lúc 09:05: Trần Thị Ví Dụ – Cấp cứu (2)");
        let again = SavedView::new(&CheckedIn { already_saved: true, ..saved }, &person, &[], words);
        assert!(again.text.ends_with(": Trần Thị Ví Dụ"), "{}", again.text);
        assert!(again.text.contains("từ trước") && !again.text.contains("09:05"), "{}", again.text);
        let other = Earlier { id: saved.id, sequence: Sequence(13), at };
        let twice = SavedView::new(&CheckedIn { meanwhile: Some(other), ..saved }, &person, &[], words);
        assert!(twice.code == "twice" && twice.text.starts_with("ĐÃ LƯU lượt số 14") && twice.text.contains("số 13"), "{}", twice.text);
    }
}
