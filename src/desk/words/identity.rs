//! What is said of an enrolment, of another identity, and of a roster a person agreed to.
//!
//! Promise: what became of it, and what to do next. Never: a code or a key.

use super::sentence::Sentence;

/// Why no enrolment came about, by the province's code.
pub fn code_refused(code: &str) -> String {
    match code {
        "wrong_code" => "mã đăng ký không đúng với trạm này. Kiểm tra mã và mã cơ sở.".into(),
        "used_code" => "mã đăng ký đã dùng rồi. Xin tỉnh cấp mã mới.".into(),
        "expired_code" => "mã đăng ký đã quá 24 giờ. Xin tỉnh cấp mã mới.".into(),
        "too_many_tries" => "đã nhập sai quá nhiều lần. Xin tỉnh cấp mã mới.".into(),
        code => format!("tỉnh không nhận ({code})."),
    }
}

/// The code went out, and no answer came: the province may have put the keys that wait in force, and then takes nothing of the old ones.
pub const PERHAPS_REPLACED: &str = "CHƯA BIẾT tỉnh đã thay máy này chưa: mã đã gửi đi mà không có câu trả lời dùng được. Khóa mới vẫn được giữ: \
    khi có mạng, chạy lại lệnh này với đúng mã đó (mã có hạn 24 giờ). Trước đó tỉnh có thể không nhận máy này; lượt khám vẫn lưu ở đây.";

/// This try came to nothing, and it is not known what became of the one before.
pub fn still_open(reason: &str) -> String {
    format!(
        "LẦN NÀY CHƯA THAY: {reason} Chưa biết tỉnh đã nhận lần thử trước chưa nên khóa mới của lần đó vẫn được giữ: \
         chạy lại với đúng mã của lần đó, hoặc với mã mới của tỉnh."
    )
}

/// A code was shown to enrol, and no answer came. The keys stay what they are, so that the same code is good again.
pub fn perhaps_enrolled(is_enrolled: bool) -> String {
    let before = if is_enrolled { "Chứng thư đang có vẫn như cũ. " } else { "" };
    format!(
        "CHƯA BIẾT tỉnh đã nhận đăng ký chưa: mã đã gửi đi mà không có câu trả lời dùng được. {before}Khi có mạng, chạy lại lệnh này với đúng mã đó \
         (mã có hạn 24 giờ)."
    )
}

/// No enrolment came about with this code. A station that was enrolled before is as it was.
pub fn not_enrolled(is_enrolled: bool, reason: &str) -> String {
    if is_enrolled {
        format!("TRẠM ĐÃ ĐĂNG KÝ từ trước và vẫn như cũ: không cần mã nếu trạm đang gửi nhận được. Lần này không đăng ký lại: {reason}")
    } else {
        format!("CHƯA ĐĂNG KÝ: {reason}")
    }
}

/// A person agreed to a roster that was held back, or there was none; and whether the service runs, which fetches it.
pub fn accepted(was_held: bool, runs: bool) -> Sentence {
    match (was_held, runs) {
        (false, _) => Sentence::new("Không có bản danh sách nào đang chờ đồng ý.", "No list waits to be agreed to."),
        (true, true) => Sentence::new(
            "Đã đồng ý dùng bản danh sách đang giữ lại. Máy dùng ở lần tải tới, xem kết quả bằng bhyt-agent status; \
             nếu bản đó đến bằng USB, lấy dữ liệu từ USB lần nữa.",
            "The list that was held back is agreed to. It is taken at the next download, see bhyt-agent status; \
             if it came by stick, take the stick in once more.",
        ),
        (true, false) => Sentence::new(
            "Đã đồng ý dùng bản danh sách đang giữ lại. Dịch vụ chưa chạy nên máy chưa tải: chạy systemctl start bhyt-agent; \
             nếu bản đó đến bằng USB, lấy dữ liệu từ USB lần nữa.",
            "The list that was held back is agreed to. The service does not run, so nothing is fetched: run systemctl start bhyt-agent; \
             if it came by stick, take the stick in once more.",
        ),
    }
}

/// There is another identity.
pub fn replaced(station_name: &str) -> String {
    format!(
        "Máy này đã nhận khóa và chứng thư mới của trạm: {station_name}. Máy cũ (nếu còn chạy) không gửi được nữa. \
         Danh sách thẻ đang có vẫn dùng cho đến khi tải xong bản mới; lượt chưa gửi sẽ gửi theo máy này."
    )
}
