//! Why a try failed, and what to do: one sentence for every trouble the engine knows.
//!
//! Promise: what is, and the next step of the receptionist or the administrator; a stable code beside it. Never: a server's own text; two troubles in one
//! sentence.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::roster::Upheaval;
use crate::storage::Mismatch;
use crate::sync::status::Direction;
use crate::sync::status::Distrust;
use crate::sync::status::Fault;
use crate::sync::status::PullRefusal;
use crate::sync::status::Refusal;
use crate::sync::status::Trouble;

use super::sentence::Sentence;
use super::sentence::Telling;

/// What the sentence may tell beside the trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// When it is tried again.
    pub next_at: Option<DateTime<Utc>>,
    /// Bytes that have gone today.
    pub used: Option<u64>,
    /// Bytes that may.
    pub allowed: Option<u64>,
    /// The station's certificate is in force by the time that is gone by here.
    pub is_in_force: bool,
}

/// The stable code and the sentence, without what does not work because of it.
pub(super) fn why(trouble: &Trouble, telling: Option<Telling>, beside: Beside) -> (&'static str, Sentence) {
    let said = |code, vi: &str, en: &str| (code, Sentence::new(vi, en));
    match trouble {
        Trouble::Unreachable => said(
            "unreachable",
            "Mạng tới tỉnh không thông. Cứ tiếp nhận, ghi số thẻ, kiểm tra lại khi có mạng; cần thì in giấy xác nhận (khoản 2 Điều 38 Nghị định 188/2025). Nếu kéo dài, kiểm tra đường mạng.",
            "There is no link to the province. Admit, note the card number, check later; print evidence if needed (Decree 188/2025, Article 38(2)). If it lasts, check the link.",
        ),
        Trouble::Untrusted(why) => distrust(*why),
        Trouble::Stranger => said(
            "stranger",
            "Nơi trả lời không phải hệ thống của tỉnh, có thể mạng đang đòi đăng nhập. Mở trình duyệt, đăng nhập mạng nếu được hỏi; nếu không phải, báo quản trị.",
            "What answered is not the province, perhaps a network that wants a login. Open a browser and log in if asked; if that is not it, tell the administrator.",
        ),
        Trouble::ServerBusy => busy(telling, beside),
        Trouble::AllowanceUsed => allowance(telling, beside),
        Trouble::Refused(refusal) => refused(refusal, beside.is_in_force),
        Trouble::Contract(fault) => self::fault(*fault),
        Trouble::Index(refusal) => index(*refusal),
        Trouble::Held(upheaval) | Trouble::Mismatch(Mismatch::Upheaval(upheaval)) => ("roster_held", held(*upheaval, None, telling)),
        Trouble::Mismatch(Mismatch::MissingPerson) => {
            mismatch("mismatch.missing_person", "có thay đổi cho người không có", "a change for somebody not held")
        }
        Trouble::Mismatch(Mismatch::KnownPerson) => {
            mismatch("mismatch.known_person", "thêm một người đã có", "a new person who is there already")
        }
        Trouble::Mismatch(Mismatch::RowCount) => mismatch("mismatch.row_count", "sai số dòng", "another number of lines"),
        Trouble::Mismatch(Mismatch::Header) => mismatch("mismatch.header", "sai số của bản", "another version"),
        Trouble::Mismatch(Mismatch::StateDigest) => {
            mismatch("mismatch.state", "kết quả khác bản của tỉnh", "another result than the province's")
        }
        Trouble::Mismatch(Mismatch::CursorMoved) => {
            mismatch("mismatch.moved", "danh sách vừa đổi trong lúc tải", "the list changed meanwhile")
        }
        Trouble::DiskFull => said(
            "disk_full",
            "Ổ đĩa sắp đầy nên máy ngừng tải danh sách, để dành chỗ cho lượt khám. Xóa bớt tệp không cần, hoặc báo quản trị.",
            "The disk is nearly full, so the list is not fetched, to leave room for visits. Delete files nobody needs, or tell the administrator.",
        ),
        Trouble::Storage => said(
            "storage",
            "Không đọc hoặc ghi được tệp dữ liệu trên ổ đĩa của máy. Báo quản trị kiểm tra ổ đĩa ngay.",
            "The data files on this computer's disk cannot be read or written. Have the administrator check the disk at once.",
        ),
        Trouble::Keys => said(
            "keys",
            "Tệp khóa hoặc chứng thư của trạm không dùng được. Báo quản trị chép lại tệp đã sao lưu, hoặc đăng ký lại.",
            "The station's key files or certificate cannot be used. The administrator restores them from a backup, or enrols again.",
        ),
    }
}

/// What does not work, before the reason; `None`: several directions at once.
pub(super) fn head(direction: Option<Direction>, trouble: &Trouble) -> (&'static str, &'static str) {
    match direction {
        Some(Direction::Pull) => ("Không tải được danh sách thẻ", "Fetching the list of cards has failed"),
        Some(Direction::Push) => ("Không gửi được lượt khám", "Sending visits has failed"),
        Some(Direction::Contact) => ("Không báo được tình trạng lên tỉnh", "Reporting to the province has failed"),
        Some(Direction::Ask) => ("Không hỏi được tỉnh về từng thẻ", "Asking about single cards has failed"),
        None if matches!(trouble, Trouble::Unreachable | Trouble::Untrusted(_) | Trouble::Stranger) => {
            ("Không liên lạc được với tỉnh", "Speaking with the province has failed")
        }
        None => ("Chưa trao đổi được với tỉnh", "Exchange with the province has failed"),
    }
}

/// A roster held back.
pub fn held(upheaval: Upheaval, since: Option<DateTime<Utc>>, telling: Option<Telling>) -> Sentence {
    let Upheaval { held, gone, stopped } = upheaval;
    let (vi, en) = telling.map(|telling| telling.since(since)).unwrap_or_default();
    Sentence::new(
        format!(
            "Danh sách mới của tỉnh bỏ {gone} người và dừng thẻ của {stopped} người trong số {held} người nên được giữ lại{vi}, chưa dùng. \
             Hỏi tỉnh; nếu đúng, quản trị chạy bhyt-agent accept-roster."
        ),
        format!(
            "The province's new list takes away {gone} and stops {stopped} of {held} people and is held back{en}. \
             Ask the province; if it is right, the administrator runs bhyt-agent accept-roster."
        ),
    )
}

/// A roster held back that a person has agreed to.
pub fn agreed() -> Sentence {
    Sentence::new(
        "Đã đồng ý dùng danh sách mới của tỉnh từng bị giữ lại; máy dùng ở lần tải tới. Nếu danh sách đó đến bằng USB, lấy dữ liệu từ USB lần nữa.",
        "The province's list that was held back is agreed to and is taken at the next download. If it came by stick, take the stick in once more.",
    )
}

fn busy(telling: Option<Telling>, beside: Beside) -> (&'static str, Sentence) {
    let (vi, en) = telling.map(|telling| telling.at(beside.next_at, "lúc", "at")).unwrap_or_default();
    let vi = format!(
        "Hệ thống của tỉnh đang bận hoặc gặp lỗi. Cứ tiếp nhận, ghi số thẻ, kiểm tra lại sau; máy tự thử lại{vi}. Nếu mai vẫn lỗi, báo quản trị."
    );
    let en = format!(
        "The province is busy or has failed. Admit, note the card number, check later; it is tried again{en}. If it lasts until tomorrow, tell the administrator."
    );
    ("server_busy", Sentence::new(vi, en))
}

fn allowance(telling: Option<Telling>, beside: Beside) -> (&'static str, Sentence) {
    let (vi_next, en_next) = match telling.map(|telling| telling.at(beside.next_at, "lúc", "at")) {
        Some((vi, en)) if !vi.is_empty() => (vi, en),
        _ => (" sau nửa đêm".to_owned(), " after midnight".to_owned()),
    };
    let (vi_used, en_used) = match (beside.used, beside.allowed) {
        (Some(used), Some(allowed)) => {
            let told = |mark| (megabytes(used, mark), megabytes(allowed, mark), megabytes(allowed.saturating_sub(used), mark));
            let ((vi_used, vi_all, vi_left), (en_used, en_all, en_left)) = (told(','), told('.'));
            (format!(" (đã dùng {vi_used}, được {vi_all}, còn {vi_left} MB)"), format!(" ({en_used} used of {en_all}, {en_left} MB left)"))
        }
        _ => (String::new(), String::new()),
    };
    let vi = format!("Hết dung lượng mạng cho phép hôm nay{vi_used}. Danh sách tải tiếp{vi_next}; lượt khám vẫn gửi.");
    let en = format!("Today's network allowance is used up{en_used}. The list goes on{en_next}; visits are sent all the same.");
    ("allowance_used", Sentence::new(vi, en))
}

/// With one digit, as much as anybody needs.
pub(super) fn megabytes(bytes: u64, mark: char) -> String {
    let tenths = bytes.saturating_mul(10) / 1_000_000;
    format!("{}{mark}{}", tenths / 10, tenths % 10)
}

fn distrust(why: Distrust) -> (&'static str, Sentence) {
    match why {
        Distrust::OtherServer => (
            "untrusted.other_server",
            Sentence::new(
                "Nơi trả lời không chứng minh được là hệ thống của tỉnh, chưa gửi gì đi. Xem mạng có đòi đăng nhập không; nếu không, báo quản trị.",
                "The server that answered is not the province's, and nothing was sent. See whether the network wants a login; if not, tell the administrator.",
            ),
        ),
        Distrust::ServerExpired => (
            "untrusted.server_expired",
            Sentence::new(
                "Chứng thư của hệ thống tỉnh đã hết hạn, hoặc máy này sai giờ. Xem lại ngày giờ của máy; nếu đúng, báo quản trị hỏi tỉnh.",
                "The province's certificate has ended, or this clock is wrong. Check the date and time; if right, have the administrator ask the province.",
            ),
        ),
        Distrust::OurCertificateExpired => (
            "untrusted.our_certificate_expired",
            Sentence::new(
                "Chứng thư của trạm đã hết hạn, máy đang tự xin gia hạn. Lượt khám vẫn lưu ở đây; nếu mai vẫn lỗi, báo quản trị.",
                "The station's certificate has ended, and the computer asks for a new one. Visits are kept; if it lasts until tomorrow, tell the administrator.",
            ),
        ),
        Distrust::OurCertificateRefused => (
            "untrusted.our_certificate_refused",
            Sentence::new(
                "Hệ thống của tỉnh không tin chứng thư của trạm. Lượt khám vẫn lưu ở đây; báo quản trị đăng ký lại trạm.",
                "The province's server does not trust the station's certificate. Visits are kept here; the administrator enrols the station again.",
            ),
        ),
        Distrust::Unclear => (
            "untrusted.unclear",
            Sentence::new(
                "Không lập được kết nối an toàn với tỉnh. Xem ngày giờ của máy và mạng có đòi đăng nhập không; nếu vẫn lỗi, báo quản trị.",
                "No safe connection to the province comes about. Check the clock and whether the network wants a login; if it lasts, tell the administrator.",
            ),
        ),
    }
}

/// The province's codes are text on the wire: one that this program does not know has its sentence too.
fn refused(refusal: &Refusal, is_in_force: bool) -> (&'static str, Sentence) {
    let said = |code, vi: &str, en: &str| (code, Sentence::new(vi, en));
    match refusal.as_str() {
        "no_certificate" => said(
            "refused.no_certificate",
            "Tỉnh không nhận được chứng thư của trạm. Lượt khám vẫn lưu ở đây; báo quản trị kiểm tra đường mạng và tệp chứng thư.",
            "The province was shown no certificate. Visits are kept here; the administrator checks the way through the network and the certificate's file.",
        ),
        "revoked_certificate" => said(
            "refused.revoked_certificate",
            "Tỉnh đã thu hồi chứng thư và không nhận lượt khám của máy này, kể cả qua USB. Lượt khám vẫn lưu ở đây; quản trị gọi tỉnh xin mã rồi chạy bhyt-agent replace-this-machine --code -.",
            "The province has ended this computer's certificate and takes no visits, nor by stick. They are kept; get a code and run bhyt-agent replace-this-machine --code -.",
        ),
        "replaced_certificate" => said(
            "refused.replaced_certificate",
            "Máy khác đã thay máy này. Nếu đây là máy cũ: chép lượt khám ra USB rồi tắt máy; nếu là máy ở quầy: quản trị xin mã rồi chạy bhyt-agent replace-this-machine --code -.",
            "Another computer took this one's place. If this is the old one, carry visits out by stick and stop it; if it is the desk's, run bhyt-agent replace-this-machine --code -.",
        ),
        "other_station" => said(
            "refused.other_station",
            "Tỉnh coi chứng thư của máy này là của trạm khác. Lượt khám vẫn lưu ở đây; báo quản trị xem lại mã cơ sở.",
            "To the province this computer's certificate is another station's. Visits are kept here; the administrator checks the facility code.",
        ),
        "other_key" => said(
            "refused.other_key",
            "Tỉnh chưa từng cấp chứng thư cho khóa của máy này. Lượt khám vẫn lưu ở đây; báo quản trị đăng ký lại.",
            "The province has never certified this computer's key. Visits are kept here; the administrator enrols again.",
        ),
        "too_late" if is_in_force => said(
            "refused.too_late_by_its_clock",
            "Tỉnh nói chứng thư của trạm đã hết hạn từ lâu, nhưng theo máy này vẫn còn hạn. Xem ngày giờ của máy; nếu đúng, báo quản trị: giờ của tỉnh sai.",
            "The province says the certificate ended long ago; by this clock it is in force. Check this one; if right, tell the administrator that the province's is wrong.",
        ),
        "too_late" => said(
            "refused.too_late",
            "Chứng thư của trạm hết hạn đã quá 180 ngày nên không gia hạn được. Lượt khám vẫn lưu ở đây; quản trị xin mã rồi chạy bhyt-agent replace-this-machine --code -.",
            "The certificate ended more than 180 days ago and cannot be renewed. Visits are kept here; the administrator gets a code: bhyt-agent replace-this-machine --code -.",
        ),
        _ => said(
            "refused.other",
            "Tỉnh từ chối máy này, phần mềm chưa biết lý do. Lượt khám vẫn lưu ở đây; báo quản trị hỏi tỉnh.",
            "The province refuses this computer for a reason that this program does not know. Visits are kept here; have the administrator ask the province.",
        ),
    }
}

fn index(refusal: PullRefusal) -> (&'static str, Sentence) {
    match refusal {
        PullRefusal::Older => (
            "older_index",
            Sentence::new(
                "Tỉnh đưa bản danh sách cũ hơn bản đang có nên không nhận. Máy giữ bản mới hơn; báo quản trị hỏi tỉnh.",
                "The province offers an older list than the one held, which is not taken. The newer one stays; have the administrator ask the province.",
            ),
        ),
        PullRefusal::Ahead => (
            "index_ahead",
            Sentence::new(
                "Tỉnh ký danh sách với ngày còn rất xa nên không nhận, giữ bản đang có. Xem ngày giờ máy này; nếu đúng, báo quản trị: giờ của tỉnh sai.",
                "The province dated its list far ahead: it is not taken. Check this computer's date; if right, tell the administrator that the province's clock is wrong.",
            ),
        ),
        PullRefusal::Expired => (
            "expired_index",
            Sentence::new(
                "Bản danh sách của tỉnh đã quá hạn nên không nhận. Xem ngày giờ của máy; nếu đúng, báo quản trị hỏi tỉnh.",
                "The province's list has passed its date and is not taken. Check this computer's date; if right, have the administrator ask the province.",
            ),
        ),
        PullRefusal::Rewritten => (
            "rewritten_feed",
            Sentence::new(
                "Tỉnh đã đổi nội dung của một bản danh sách đã phát nên không nhận. Giữ bản đang có; báo quản trị hỏi tỉnh.",
                "The province changed a list that it had already issued, which is not taken. The one held stays; have the administrator ask the province.",
            ),
        ),
    }
}

fn mismatch(code: &'static str, vi: &str, en: &str) -> (&'static str, Sentence) {
    let vi = format!("Danh sách tải về không khớp bản của tỉnh ({vi}) nên không dùng. Máy tự tải lại; nếu mai vẫn lỗi, báo quản trị.");
    let en = format!(
        "The list fetched does not fit the province's ({en}). The computer fetches it again; if it lasts until tomorrow, tell the administrator."
    );
    (code, Sentence::new(vi, en))
}

fn fault(fault: Fault) -> (&'static str, Sentence) {
    const ASK: (&str, &str) = ("Giữ dữ liệu cũ; báo quản trị hỏi tỉnh.", "The old data stay; have the administrator ask the province.");
    const AGAIN: (&str, &str) = (
        "Máy tự tải lại; nếu mai vẫn lỗi, báo quản trị.",
        "The computer fetches it again; if it lasts until tomorrow, tell the administrator.",
    );
    const UPDATE: (&str, &str) =
        ("Giữ dữ liệu cũ; quản trị cài bản phần mềm mới.", "The old data stay; the administrator installs a newer version.");
    const ENROL: (&str, &str) =
        ("Giữ dữ liệu cũ; báo quản trị đăng ký lại trạm.", "The old data stay; the administrator enrols the station again.");
    const KEPT: (&str, &str) =
        ("Lượt khám vẫn lưu ở đây; báo quản trị hỏi tỉnh.", "The visits are kept here; have the administrator ask the province.");
    let said =
        |code, vi: &str, en: &str, next: (&str, &str)| (code, Sentence::new(format!("{vi}. {}", next.0), format!("{en}. {}", next.1)));
    match fault {
        Fault::Signature => said(
            "contract.signature",
            "Mục lục danh sách không mang chữ ký của tỉnh nên không dùng",
            "The list of files does not bear the province's signature",
            ASK,
        ),
        Fault::Index => {
            said("contract.index", "Mục lục danh sách của tỉnh không đọc được", "The province's list of files cannot be read", ASK)
        }
        Fault::Answer => said("contract.answer", "Câu trả lời của tỉnh không đọc được", "The province's answer cannot be read", ASK),
        Fault::Certificate => said(
            "contract.certificate",
            "Chứng thư mới mà tỉnh gửi không phải cho máy này",
            "The new certificate that came is not for this computer",
            ASK,
        ),
        Fault::OtherStation => said(
            "contract.other_station",
            "Tỉnh gửi danh sách của trạm khác nên không dùng",
            "The province sent another station's list",
            ASK,
        ),
        Fault::UnknownFormat => said(
            "contract.unknown_format",
            "Tỉnh dùng bản mới mà phần mềm này chưa hiểu",
            "The province speaks a newer form than this program knows",
            UPDATE,
        ),
        Fault::Digest => said(
            "contract.digest",
            "Tệp tải về không đúng như tỉnh công bố nên không dùng",
            "A file is not the one that the province named",
            AGAIN,
        ),
        Fault::TooLarge => said(
            "contract.too_large",
            "Tệp của tỉnh lớn quá mức cho phép nên không tải",
            "A file of the province is larger than allowed",
            ASK,
        ),
        Fault::Range => said(
            "contract.range",
            "Tỉnh gửi nhầm đoạn của tệp nên không dùng",
            "The province sent another part of a file than was asked for",
            AGAIN,
        ),
        Fault::Sealed => said(
            "contract.sealed",
            "Tệp của tỉnh không mở được bằng khóa của trạm này",
            "A file of the province does not open with this station's key",
            ENROL,
        ),
        Fault::Packed => said("contract.packed", "Tệp danh sách bị đứt hoặc hỏng", "A file of the list is cut short or damaged", AGAIN),
        Fault::Line(line) => said(
            "contract.line",
            &format!("Dòng {line} của tệp danh sách không đọc được"),
            &format!("Line {line} of the list's file cannot be read"),
            ASK,
        ),
        Fault::Request => {
            said("contract.request", "Tỉnh báo không đọc được tin của trạm", "The province cannot read what this station sends", KEPT)
        }
        Fault::Receipts => said("contract.receipts", "Biên nhận của tỉnh không đọc được", "The province's receipts cannot be read", KEPT),
        Fault::KeyChain => said(
            "contract.key_chain",
            "Tỉnh đổi khóa ký mà không chứng minh được",
            "The province changed its signing key and does not prove it",
            ASK,
        ),
    }
}
