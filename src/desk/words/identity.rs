//! What is said of an enrolment, of another identity, and of a roster a person agreed to.
//!
//! Promise: what became of it, and what to do next. Never: a code or a key.

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

/// A person agreed to a roster that was held back.
pub fn accepted(was_held: bool) -> &'static str {
    if was_held {
        "Đã đồng ý dùng bản danh sách đang giữ lại. Máy đang tải; xem kết quả bằng bhyt-agent status."
    } else {
        "Không có bản danh sách nào đang chờ đồng ý."
    }
}

/// There is another identity.
pub fn replaced(station_name: &str) -> String {
    format!(
        "Máy này đã nhận khóa và chứng thư mới của trạm: {station_name}. Máy cũ (nếu còn chạy) không gửi được nữa. \
         Danh sách thẻ đang có vẫn dùng cho đến khi tải xong bản mới; lượt chưa gửi sẽ gửi theo máy này."
    )
}
