//! What is said about visits that were refused, corrected, or looked at again.

use chrono::DateTime;
use chrono::Utc;

use crate::desk::CorrectError;
use crate::desk::LookUpError;

/// The province's reason in Vietnamese, with what to do; `None` for a code this program does not know.
pub fn refusal(code: &str) -> Option<&'static str> {
    Some(match code {
        "no_identity" => "Lượt không có số thẻ, mã số BHXH hay số định danh. Quét hoặc gõ số đúng.",
        "wrong_station" => "Lượt gửi dưới tên trạm khác. Báo quản trị; khi đã chỉnh xong thì gửi lại.",
        "unknown_attendance_category" => "Mã đối tượng đến khám không có trong danh mục. Báo quản trị sửa mã rồi gửi.",
        "malformed" => "Tỉnh không đọc được nội dung lượt. Quét hoặc gõ lại số; nếu vẫn bị từ chối, báo quản trị.",
        "other_content" => "Tỉnh đã giữ một lượt cùng mã với nội dung khác. Xem lại; nếu lượt này đúng thì sửa để gửi thành bản mới.",
        _ => return None,
    })
}

/// Why nothing was done to a visit.
pub fn correct_error(error: &CorrectError) -> String {
    match error {
        CorrectError::NoVisit => "CHƯA LÀM GÌ: không có lượt này. Xem lại danh sách.".to_owned(),
        CorrectError::Voided => "CHƯA LÀM GÌ: lượt này đã bị hủy từ trước.".to_owned(),
        CorrectError::NotParked => "CHƯA LÀM GÌ: lượt này không còn bị từ chối. Xem lại danh sách.".to_owned(),
        CorrectError::Closed { closing } => {
            let who = closing.as_ref().map(|(by, at)| format!(" ({}, {})", by.as_str(), super::instant(*at))).unwrap_or_default();
            format!("CHƯA LÀM GÌ: lượt này đã đóng{who} và không gửi nữa. Nếu vẫn cần gửi, sửa lượt để gửi thành bản mới.")
        }
        CorrectError::Nothing => "CHƯA LÀM GÌ: chưa có gì để sửa. Quét mã hoặc gõ số đúng.".to_owned(),
        CorrectError::Changed => "CHƯA SỬA: lượt này vừa được sửa ở nơi khác. Xem lại danh sách.".to_owned(),
        CorrectError::LookUp(LookUpError::Unreadable(unreadable)) => super::unreadable(*unreadable),
        CorrectError::LookUp(LookUpError::Storage(error)) => super::cannot_look_up(error).to_owned(),
        CorrectError::Storage(error) => super::storage(error).to_owned(),
    }
}

/// A note is missing or too long.
pub const NOTE_WANTED: &str = "CHƯA LÀM GÌ: cần ghi lý do, nhiều nhất 500 ký tự.";

/// An attendance category that cannot be one.
pub const CATEGORY_WANTED: &str = "CHƯA LÀM GÌ: mã đối tượng đến khám không đúng mẫu, ví dụ 1.1.";

/// There is no paired desk of a number.
pub const NO_DESK: &str = "Không có bàn nào đang ghép với số này. Xem lại: bhyt-agent desks list.";

/// There is no open difference for a visit.
pub const NO_RECHECK: &str = "Lượt này không có gì chờ kiểm tra lại.";

/// What was done, for the page.
pub fn corrected(who: &str) -> String {
    format!("ĐÃ SỬA, đang gửi lại: {who}")
}

/// A refused visit goes again.
pub const RESENT: &str = "ĐANG GỬI LẠI lượt bị từ chối.";

/// A refused visit was ended.
pub const CLOSED: &str = "ĐÃ ĐÓNG lượt bị từ chối, không gửi nữa. Lý do được giữ lại.";

/// A difference was looked at.
pub const SEEN: &str = "ĐÃ XEM: lượt không còn trong danh sách cần kiểm tra lại.";

/// Of when the data behind an answer are.
pub fn as_of(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "chưa có dữ liệu".to_owned(), |at| format!("dữ liệu tính đến {}", super::instant(at)))
}

/// A time that was not the machine's own.
pub const PLACED: &str = "giờ đã chỉnh theo tỉnh";
