//! What could not be done, in words and with a stable label.
//!
//! Promise: the label names the case for tests and support calls, the message says what to do next, the status says it to programs. Never: what was
//! typed.

use axum::http::StatusCode;

use crate::desk::StorageError;
use crate::desk::Undone;
use crate::desk::words;
use crate::domain::field::Unreadable;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Problem {
    pub(in crate::reception) label: String,
    pub(in crate::reception) message: String,
    pub(in crate::reception) status: StatusCode,
}

impl Problem {
    fn new(status: StatusCode, label: &str, message: &str) -> Self {
        Self { label: label.to_owned(), message: message.to_owned(), status }
    }

    /// `payload:length` and the like.
    pub(in crate::reception) fn unreadable(error: Unreadable) -> Self {
        let label = format!("{}:{}", error.field.key(), error.problem.code());
        Self { label, message: words::unreadable(error), status: StatusCode::UNPROCESSABLE_ENTITY }
    }

    pub(in crate::reception) fn cannot_look_up(error: &StorageError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, &format!("look_up:{}", error.code()), words::cannot_look_up(error))
    }

    pub(in crate::reception) fn not_saved(error: &StorageError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, &format!("storage:{}", error.code()), words::storage(error))
    }

    pub(in crate::reception) fn new_day() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "lookup:new_day",
            "CHƯA LƯU: đã sang ngày mới, thẻ được xét lại theo hôm nay. Xem lại rồi bấm Enter.",
        )
    }

    pub(in crate::reception) fn lookup_expired() -> Self {
        let message = "CHƯA LƯU: Lượt tra đã quá lâu, quét lại. Nếu ngờ đã lưu rồi, xem danh sách hôm nay trước.";
        Self::new(StatusCode::GONE, "lookup:expired", message)
    }

    pub(in crate::reception) fn no_stick() -> Self {
        Self::new(StatusCode::NOT_FOUND, "usb:gone", "Không thấy USB nữa. Chưa chép gì. Cắm lại, đợi nút hiện ra rồi bấm lại.")
    }

    pub(in crate::reception) fn stick(undone: &Undone) -> Self {
        Self::new(StatusCode::CONFLICT, &format!("usb:{}", undone.code), &undone.message)
    }

    pub(in crate::reception) fn form_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "form:token", "CHƯA LÀM GÌ: trang này đã cũ và vừa được mở lại. Quét lại.")
    }

    /// A save whose page is of another process: only the list of the day can tell.
    pub(in crate::reception) fn form_unsure() -> Self {
        let message = "KHÔNG RÕ ĐÃ LƯU CHƯA: xem danh sách hôm nay; chỉ quét lại nếu chưa có.";
        Self::new(StatusCode::FORBIDDEN, "form:unsure", message)
    }

    pub(in crate::reception) fn form_size() -> Self {
        let message = "Không đọc được mã quét: quá dài. Quét lại; nếu vẫn lỗi, gõ số in trên thẻ.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "form:size", message)
    }

    pub(in crate::reception) fn form_time() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "form:time", "Trình duyệt gửi quá chậm. Mở lại trang và quét lại.")
    }

    pub(in crate::reception) fn form_kind() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "form:kind", "Yêu cầu không phải từ trang này.")
    }

    pub(in crate::reception) fn host() -> Self {
        let message = "Địa chỉ này không phải của trang tiếp đón. Mở lại bằng dấu trang của trạm.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "request:host", message)
    }

    pub(in crate::reception) fn origin() -> Self {
        let message = "Trang khác không được mở trang tiếp đón. Mở bằng dấu trang của trạm hoặc gõ địa chỉ.";
        Self::new(StatusCode::FORBIDDEN, "request:origin", message)
    }

    pub(in crate::reception) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "request:method", "Không làm được việc này ở đây. Mở lại trang tiếp đón.")
    }

    pub(in crate::reception) fn head_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "request:head_only", "Trang này chỉ dành cho trưởng trạm. Nhờ trưởng trạm mở.")
    }

    pub(in crate::reception) fn cannot_count(error: &StorageError, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, &format!("coverage:{}", error.code()), message)
    }

    pub(in crate::reception) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "request:not_found", "Không có trang này. Mở lại trang tiếp đón.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::field::Field;
    use crate::domain::field::Problem as Why;

    #[test]
    fn every_message_has_its_own_label_and_ends_a_sentence() {
        let mut problems = vec![
            Problem::lookup_expired(),
            Problem::form_token(),
            Problem::form_unsure(),
            Problem::form_size(),
            Problem::form_time(),
            Problem::form_kind(),
            Problem::host(),
            Problem::origin(),
            Problem::method(),
            Problem::not_found(),
            Problem::head_only(),
            Problem::unreadable(Why::Length.at(Field::Payload)),
            Problem::unreadable(Why::NotText.at(Field::Name)),
        ];
        for error in [StorageError::Full, StorageError::ReadOnly, StorageError::Busy, StorageError::Stopped] {
            problems.extend([Problem::not_saved(&error), Problem::cannot_look_up(&error)]);
        }
        let labels: std::collections::BTreeSet<_> = problems.iter().map(|p| p.label.clone()).collect();
        assert_eq!(labels.len(), problems.len());
        for Problem { label, message, status } in &problems {
            assert!(message.ends_with('.') && !status.is_success(), "{label}: {message}");
        }
    }

    #[test]
    fn a_full_disk_says_that_nothing_was_saved() {
        let problem = Problem::not_saved(&StorageError::Full);
        assert_eq!(problem.label, "storage:disk_full");
        assert!(problem.message.starts_with("CHƯA LƯU"), "{}", problem.message);
    }
}
