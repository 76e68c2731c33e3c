//! What is said of an enrolment, of another identity, and of a roster a person agreed to.
//!
//! Promise: what became of it, and what to do next. Never: a code or a key; of a key, where it lies.

use std::path::Path;

use super::sentence::Sentence;

/// Why no enrolment came about, by the province's code.
pub fn code_refused(code: &str) -> Sentence {
    let (vi, en) = match code {
        "wrong_code" => (
            "Mã đăng ký không đúng với trạm này. Kiểm tra mã và mã cơ sở.",
            "The code is not the one of this station. Check it and the facility code.",
        ),
        "used_code" => ("Mã đăng ký đã dùng rồi. Xin tỉnh cấp mã mới.", "The code was used before. Ask the province for a new one."),
        "expired_code" => {
            ("Mã đăng ký đã quá 24 giờ. Xin tỉnh cấp mã mới.", "The code is older than 24 hours. Ask the province for a new one.")
        }
        "too_many_tries" => {
            ("Đã nhập sai quá nhiều lần. Xin tỉnh cấp mã mới.", "It was typed wrong too often. Ask the province for a new one.")
        }
        code => {
            return Sentence::new(
                format!("Tỉnh không nhận ({code}). Báo quản trị hỏi tỉnh."),
                format!("The province refuses ({code}). Have the administrator ask it."),
            );
        }
    };
    Sentence::new(vi, en)
}

/// Nothing answered.
pub fn no_way() -> Sentence {
    Sentence::new(
        "Không nối được tới tỉnh. Kiểm tra mạng và địa chỉ trong [province], rồi chạy lại lệnh này.",
        "The province cannot be reached. Check the network and the address in [province], then run this again.",
    )
}

/// The configuration names no province.
pub fn no_province() -> Sentence {
    Sentence::new(
        "Cấu hình chưa có mục [province] với url và ca-file. Sửa cấu hình rồi chạy lại lệnh này.",
        "The configuration has no [province] with url and ca-file. Add it, then run this again.",
    )
}

/// Asks for the province's code at a terminal.
pub fn ask_code() -> Sentence {
    Sentence::new("Mã đăng ký một lần do tỉnh cấp (không hiện):", "The province's one-time code (not shown):")
}

/// Asks at a terminal for what opens a backup's key.
pub fn ask_identity() -> Sentence {
    Sentence::new("Dán khóa bí mật age (AGE-SECRET-KEY-…, không hiện):", "Paste the age identity (AGE-SECRET-KEY-…, not shown):")
}

/// What was typed is no code.
pub fn unreadable_code() -> Sentence {
    Sentence::new("Mã đăng ký phải có 8 chữ cái và số. Kiểm tra và gõ lại.", "A code has 8 letters and digits. Check it and type it again.")
}

/// There is no other identity, and nothing was sent.
pub fn not_replaced(reason: Sentence) -> Sentence {
    reason.after("CHƯA THAY", "NOT REPLACED")
}

/// The province gave no other identity.
pub fn unchanged(reason: Sentence) -> Sentence {
    reason.after("CHƯA THAY, mọi thứ vẫn như cũ", "NOT REPLACED, all is as it was")
}

/// The code went out, and no answer came: the province may have put the keys that wait in force, and then takes nothing of the old ones.
pub fn perhaps_replaced() -> Sentence {
    Sentence::new(
        "CHƯA BIẾT tỉnh đã thay máy này chưa: mã đã gửi đi mà không có câu trả lời dùng được. Khóa mới vẫn được giữ. \
         Khi có mạng, chạy lại lệnh này với đúng mã đó (mã có hạn 24 giờ). Trước đó tỉnh có thể không nhận máy này; lượt khám vẫn lưu ở đây.",
        "NOT KNOWN whether the province replaced this computer: the code went out and no answer of use came. The new keys are kept. \
         When there is a link, run this again with the same code (good for 24 hours). Until then the province may refuse this computer; visits are kept here.",
    )
}

/// This try came to nothing, and it is not known what became of the one before.
pub fn still_open(reason: &Sentence) -> Sentence {
    let Sentence { vi, en } = reason.clone().after("LẦN NÀY CHƯA THAY", "NOT REPLACED THIS TIME");
    Sentence::new(
        format!(
            "{vi} Chưa biết tỉnh đã nhận lần thử trước chưa nên khóa mới của lần đó vẫn được giữ. \
             Chạy lại với đúng mã của lần đó, hoặc với mã mới của tỉnh."
        ),
        format!(
            "{en} It is not known whether the province took the try before, so its new keys are kept. \
             Run this again with that code, or with a new one of the province."
        ),
    )
}

/// A code was shown to enrol, and no answer came. The keys stay what they are, so that the same code is good again.
pub fn perhaps_enrolled(is_enrolled: bool) -> Sentence {
    let (vi, en) = if is_enrolled { ("Chứng thư đang có vẫn như cũ. ", "The certificate held is as it was. ") } else { ("", "") };
    Sentence::new(
        format!(
            "CHƯA BIẾT tỉnh đã nhận đăng ký chưa: mã đã gửi đi mà không có câu trả lời dùng được. {vi}Khi có mạng, chạy lại lệnh này với đúng mã đó \
             (mã có hạn 24 giờ)."
        ),
        format!(
            "NOT KNOWN whether the province enrolled this station: the code went out and no answer of use came. {en}When there is a link, run this again \
             with the same code (good for 24 hours)."
        ),
    )
}

/// No enrolment came about with this code. A station that was enrolled before is as it was.
pub fn not_enrolled(is_enrolled: bool, reason: Sentence) -> Sentence {
    if is_enrolled {
        reason.after(
            "TRẠM ĐÃ ĐĂNG KÝ từ trước và vẫn như cũ, không cần mã nếu trạm đang gửi nhận được. Lần này không đăng ký lại",
            "THE STATION IS ENROLLED as before, and needs no code if it sends and receives. It was not enrolled again this time",
        )
    } else {
        reason.after("CHƯA ĐĂNG KÝ", "NOT ENROLLED")
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
pub fn replaced(station_name: &str) -> Sentence {
    Sentence::new(
        format!(
            "Máy này đã nhận khóa và chứng thư mới của trạm: {station_name}. Máy cũ (nếu còn chạy) không gửi được nữa. \
             Danh sách thẻ đang có vẫn dùng cho đến khi tải xong bản mới; lượt chưa gửi sẽ gửi từ máy này."
        ),
        format!(
            "This computer has the new keys and certificate of the station: {station_name}. The old computer, if it runs, can send no more. \
             The list of cards held is used until the new one is here; visits not sent yet go from this computer."
        ),
    )
}

/// The station is enrolled now.
pub fn enrolled(station: &str, facility: &str) -> Sentence {
    Sentence::new(format!("Đã đăng ký: {station} ({facility})."), format!("Enrolled: {station} ({facility})."))
}

/// The key that opens the data was made.
pub fn database_key_made(path: &Path) -> Sentence {
    let path = path.display();
    Sentence::new(
        format!("Đã tạo khóa dữ liệu {path}. Sao lưu khóa này ở nơi khác: mất khóa là mất dữ liệu."),
        format!("The data's key {path} was made. Keep a copy elsewhere: without the key the data are lost."),
    )
}

/// The keys that the province knows the station by were made.
pub fn station_keys_made(folder: &Path) -> Sentence {
    let folder = folder.display();
    Sentence::new(format!("Đã tạo khóa của trạm trong {folder}."), format!("The station's keys were made in {folder}."))
}
