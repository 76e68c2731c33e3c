//! "Saved", with its number and hour.

use crate::desk::CheckedIn;
use crate::desk::words;

/// What is said after a check-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct SavedView {
    pub(in crate::reception) text: String,
    /// `new` or `already`.
    pub(in crate::reception) code: &'static str,
}

impl SavedView {
    pub(in crate::reception) fn new(saved: &CheckedIn) -> Self {
        let number = saved.sequence.0;
        if saved.already_saved {
            // The hour of this call is not the hour of the visit; that one stands in the list.
            Self { text: format!("Lượt số {number} ĐÃ LƯU từ trước, không lưu thêm"), code: "already" }
        } else {
            Self { text: format!("ĐÃ LƯU lượt số {number} lúc {}", words::hour(saved.at)), code: "new" }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::visit::Sequence;
    use crate::domain::visit::VisitId;

    #[test]
    fn new_and_known_visits_are_told_apart() {
        let at = "2026-11-21T02:05:00Z".parse().unwrap();
        let saved = CheckedIn { id: VisitId(Uuid::nil()), sequence: Sequence(14), already_saved: false, at };
        assert_eq!(SavedView::new(&saved).text, "ĐÃ LƯU lượt số 14 lúc 09:05");
        let again = SavedView::new(&CheckedIn { already_saved: true, ..saved });
        assert!(again.text.contains("từ trước") && !again.text.contains("09:05"), "{}", again.text);
    }
}
