//! What the province's refusals of this station mean, and what to do.

/// Why the province does not take the station's certificate, or gives no new one.
pub fn refused(code: &str) -> String {
    match code {
        "too_late" => {
            "Chứng thư của trạm hết hạn đã quá 180 ngày nên không gia hạn được nữa. Lượt khám vẫn lưu ở đây. \
             Quản trị xin tỉnh mã đăng ký rồi chạy bhyt-agent replace-this-machine --code MÃ."
        }
        "revoked_certificate" | "other_key" => {
            "Tỉnh đã thu chứng thư của máy này (một máy khác đã đăng ký thay, hoặc tỉnh thu hồi). Lượt khám vẫn lưu ở đây. \
             Nếu máy này còn dùng: quản trị xin tỉnh mã đăng ký rồi chạy bhyt-agent replace-this-machine --code MÃ; \
             nếu bỏ máy này: chép lượt chưa gửi ra USB cho máy mới."
        }
        code => return format!("Tỉnh không nhận chứng thư của trạm ({code}). Báo quản trị: cần đăng ký lại."),
    }
    .to_owned()
}

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
