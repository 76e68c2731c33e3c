//! What needs somebody, beside the troubles of the link: one sentence each.
//!
//! Promise: what is, and the next step; counted facts only. Never: a file's name, a person.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::clock::ClockState;
use crate::domain::clock::OddTime;
use crate::domain::contact::Ahead;
use crate::storage::visits::Unfit;
use crate::storage::visits::Unsaved;
use crate::sync::status::Asked;
use crate::sync::status::AskedFor;
use crate::sync::status::CertificateLife;
use crate::sync::status::Link;
use crate::sync::status::SnapshotReason;

use super::sentence::Sentence;
use super::sentence::Telling;
use super::troubles::megabytes;

/// Which database was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// The station's own record.
    Visits,
    /// The roster.
    Cards,
}

/// A damaged file that was set aside.
pub fn quarantined(what: Damaged, files: usize, since: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi_at, en_at) = telling.at(since, "lúc", "at");
    let (vi_more, en_more) =
        if files > 1 { (format!(" ({files} lần)"), format!(" ({files} times)")) } else { (String::new(), String::new()) };
    match what {
        Damaged::Visits => Sentence::new(
            format!(
                "TỆP LƯỢT KHÁM HỎNG HOẶC MẤT{vi_at}{vi_more}, còn gì đã cất riêng. Lượt mới vẫn được lưu. Quản trị: bhyt-agent quarantine salvage."
            ),
            format!(
                "THE FILE OF VISITS WAS DAMAGED OR LOST{en_at}{en_more}; what is left of it was set aside. New visits are saved. Administrator: bhyt-agent quarantine salvage."
            ),
        ),
        Damaged::Cards => Sentence::new(
            format!("TỆP DANH SÁCH THẺ BỊ HỎNG{vi_at}{vi_more} và đã được cất riêng. Máy tự tải lại từ tỉnh; báo quản trị kiểm tra ổ đĩa."),
            format!(
                "THE FILE OF CARDS WAS DAMAGED{en_at}{en_more} and set aside. It is fetched again from the province; have the administrator check the disk."
            ),
        ),
    }
}

/// No visit can be saved.
pub fn unsaved(unsaved: Unsaved, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(unsaved.since));
    let ((vi_why, vi_do), (en_why, en_do)) = if unsaved.is_full {
        (("ổ đĩa đã đầy", "dọn chỗ trên ổ đĩa"), ("the disk is full", "free room on the disk"))
    } else {
        (("ổ đĩa hoặc tệp dữ liệu không ghi được", "kiểm tra ổ đĩa"), ("the disk or its data files take no writes", "check the disk"))
    };
    Sentence::new(
        format!("KHÔNG LƯU ĐƯỢC LƯỢT KHÁM{vi}: {vi_why}. Ghi từng lượt ra giấy để nhập lại sau; báo quản trị {vi_do} ngay."),
        format!("VISITS CANNOT BE SAVED{en}: {en_why}. Write each on paper and enter it later; have the administrator {en_do} at once."),
    )
}

/// Less room than downloads leave to the visits.
pub fn little_room(free: u64) -> Sentence {
    let (vi_left, en_left) = (megabytes(free, ','), megabytes(free, '.'));
    Sentence::new(
        format!(
            "Ổ đĩa chỉ còn {vi_left} MB: lượt khám vẫn lưu, nhưng danh sách thẻ mới có thể không tải được. Xóa bớt tệp không cần, hoặc báo quản trị dọn chỗ."
        ),
        format!(
            "Only {en_left} MB are left on the disk: visits are saved, but a new list may not be fetched. Delete files nobody needs, or have the administrator free room."
        ),
    )
}

/// Two machines from one disk.
pub fn copied(since: DateTime<Utc>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(since));
    Sentence::new(
        format!(
            "HAI MÁY CÙNG CHẠY từ bản sao của một ổ đĩa{vi}. Quản trị tắt máy thừa, rồi trên máy giữ lại chạy bhyt-agent replace-this-machine --code -."
        ),
        format!(
            "TWO COMPUTERS RUN from copies of one disk{en}. The administrator stops one, then on the one that stays runs bhyt-agent replace-this-machine --code -."
        ),
    )
}

/// A disk that went back in time. What the province tells of it is told by the province's clock, and so is never in doubt.
pub fn fell_back(ahead: Option<Ahead>, since: DateTime<Utc>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(since));
    match ahead {
        None => Sentence::new(
            format!(
                "Ổ đĩa máy này đã quay về bản cũ, hoặc có máy khác chạy bản sao của nó{vi}. Lượt mới vẫn lưu và gửi; báo quản trị kiểm tra."
            ),
            format!(
                "This disk went back to an older state, or another computer runs a copy of it{en}. New visits are kept and sent; tell the administrator."
            ),
        ),
        Some(Ahead { visits, first_received_at, last_received_at, .. }) => {
            let (first, last) = (telling.when(first_received_at), telling.when(last_received_at));
            Sentence::new(
                format!(
                    "Dữ liệu máy này đã quay về bản cũ: {visits} lượt tỉnh nhận từ {first} đến {last} không còn ở đây. Đừng nhập lại; quản trị đối chiếu rồi bhyt-agent accept-missing."
                ),
                format!(
                    "This record went back: visits the province has from {first} to {last} and that are missing here: {visits}. Enter none again; once they are known: bhyt-agent accept-missing."
                ),
            )
        }
    }
}

/// Somebody knows of the visits that only the province holds. `None`: there were none.
pub fn missing_accepted(missing: Option<Ahead>) -> Sentence {
    let Some(Ahead { visits, first_received_at, last_received_at, .. }) = missing else {
        return Sentence::new(
            "Máy không báo lượt nào chỉ còn ở tỉnh: không có gì thay đổi.",
            "No visit is told of as held by the province alone: nothing has changed.",
        );
    };
    let (first, last) = (super::instant(first_received_at), super::instant(last_received_at));
    Sentence::new(
        format!("Đã ghi nhận {visits} lượt chỉ còn ở tỉnh (tỉnh nhận từ {first} đến {last}). Máy thôi báo; đừng nhập lại các lượt đó."),
        format!(
            "Noted: visits that only the province holds, received from {first} to {last}: {visits}. They are told of no more; do not enter them again."
        ),
    )
}

/// What is the matter with the machine's clock; `None` if nothing.
pub fn clock(state: ClockState) -> Option<Sentence> {
    match state {
        ClockState::Plausible => None,
        ClockState::Behind => Some(Sentence::new(
            "ĐỒNG HỒ MÁY CHẬM: hạn thẻ tính theo ngày cuối cùng biết chắc. Chỉnh lại ngày giờ của máy.",
            "THE CLOCK IS BEHIND: cards are judged by the last day known for certain. Set the computer's date and time.",
        )),
        ClockState::FarAhead => Some(Sentence::new(
            "ĐỒNG HỒ MÁY NHANH QUÁ NHIỀU: hạn thẻ tính theo ngày cuối cùng biết chắc. Chỉnh lại ngày giờ của máy.",
            "THE CLOCK IS FAR AHEAD: cards are judged by the last day known for certain. Set the computer's date and time.",
        )),
        ClockState::Learned => Some(Sentence::new(
            "ĐỒNG HỒ MÁY KHÁC GIỜ TỈNH: đang dùng giờ của tỉnh. Xem ngày giờ của máy, sai thì chỉnh; nếu đúng, báo quản trị hỏi tỉnh.",
            "THIS CLOCK DIFFERS FROM THE PROVINCE'S, which is used. Check this computer's date and set it if wrong; if right, have the administrator ask the province.",
        )),
    }
}

/// What a wrong clock means for one answer; `None` if nothing. What is to be done about it is said once on the page, not at every person.
pub fn clock_doubt(state: ClockState) -> Option<Sentence> {
    match state {
        ClockState::Plausible => None,
        ClockState::Behind | ClockState::FarAhead => Some(Sentence::new(
            "NGÀY GIỜ CHƯA CHẮC: hạn thẻ tính theo ngày cuối cùng biết chắc.",
            "DATE NOT CERTAIN: the card is judged by the last day that has certainly come.",
        )),
        ClockState::Learned => Some(Sentence::new(
            "ĐỒNG HỒ MÁY KHÁC GIỜ TỈNH: hạn thẻ tính theo giờ của tỉnh.",
            "THE CLOCK DIFFERS FROM THE PROVINCE’S: the card is judged by the province’s time.",
        )),
    }
}

/// What the province tells of the time contradicts what it has signed.
pub fn odd_time(odd: OddTime) -> Sentence {
    match odd {
        OddTime::SignedAhead { signed, told } => {
            let (signed, told) = (super::instant(signed), super::instant(told));
            Sentence::new(
                format!(
                    "GIỜ CỦA TỈNH TRƯỚC ĐÂY SAI: tỉnh đã ký ngày {signed}, nay báo {told}. Hạn thẻ đang tính theo ngày đã ký. Đừng chỉnh giờ máy; báo quản trị để tỉnh đổi khóa ký."
                ),
                format!(
                    "THE PROVINCE'S CLOCK WAS WRONG: it signed {signed} and now tells {told}. Cards are judged by the day signed. Do not set this computer; have the administrator make the province change its signing key."
                ),
            )
        }
        OddTime::ToldWrong { told } => {
            let told = super::instant(told);
            Sentence::new(
                format!("GIỜ CỦA TỈNH ĐANG SAI: tỉnh báo {told}, máy này không theo. Đừng chỉnh giờ máy; báo quản trị để tỉnh chỉnh giờ."),
                format!(
                    "THE PROVINCE'S CLOCK IS WRONG NOW: it tells {told}, which is not gone by here. Do not set this computer; have the administrator make the province set its clock."
                ),
            )
        }
        OddTime::Unclear { signed, told } => {
            let (signed, told) = (super::instant(signed), super::instant(told));
            Sentence::new(
                format!(
                    "GIỜ KHÔNG KHỚP: tỉnh đã ký ngày {signed}, nay báo {told}, máy này lại khác. Xem ngày giờ của máy; nếu đúng, báo quản trị hỏi tỉnh."
                ),
                format!(
                    "THE CLOCKS DISAGREE: the province signed {signed}, now tells {told}, and this computer has another time. Check this computer's; if right, have the administrator ask the province."
                ),
            )
        }
    }
}

/// A roster too old to rely on. The province dates it.
pub fn data_stale(as_of: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) =
        as_of.map(|at| (format!(" (tính đến {})", telling.when(at)), format!(" (as of {})", telling.when(at)))).unwrap_or_default();
    Sentence::new(
        format!("DỮ LIỆU THẺ CŨ{vi}: kết quả chỉ để tham khảo. Nối mạng sớm, hoặc xin tỉnh chép danh sách thẻ vào USB."),
        format!(
            "THE CARD DATA ARE OLD{en}: answers are for reference only. Connect soon, or have the province put the list on a USB stick."
        ),
    )
}

/// No roster at all.
pub fn data_absent() -> Sentence {
    Sentence::new(
        "CHƯA CÓ DANH SÁCH THẺ: cứ tiếp nhận, ghi số thẻ, kiểm tra lại sau. Nối mạng hoặc cắm USB của tỉnh để máy nhận danh sách.",
        "THERE IS NO LIST OF CARDS: admit people, note the card numbers, check later. Connect, or plug in the province's USB stick.",
    )
}

/// Visits that the province refused.
pub fn parked(visits: u64) -> Sentence {
    Sentence::new(
        format!("Tỉnh từ chối {visits} lượt khám: xem lý do trong danh sách, rồi sửa và gửi lại, hoặc đóng và ghi lý do."),
        format!(
            "Visits refused by the province: {visits}. See the reasons in the list, then correct and send again, or close with a note."
        ),
    )
}

/// Visits that the province asked to have later.
pub fn put_off(visits: u64, until: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) = next_try(until, telling);
    Sentence::new(
        format!("Tỉnh đề nghị gửi {visits} lượt khám muộn hơn: máy tự gửi lại{vi}. Không ai phải làm gì."),
        format!("Visits that the province asked to have later: {visits}. They are sent again{en}. Nobody has to do anything."),
    )
}

/// Visits that the province could not take even alone.
pub fn unfit(visits: u64, why: Unfit, is_often: bool, until: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) = next_try(until, telling);
    let (vi_why, en_why) = match why {
        Unfit::TooLarge => ("quá lớn", "too large"),
        Unfit::Unreadable => ("tỉnh không đọc được", "cannot be read there"),
    };
    if is_often {
        Sentence::new(
            format!("Tỉnh nhiều lần KHÔNG NHẬN ĐƯỢC {visits} lượt khám ({vi_why}): máy vẫn giữ và gửi lại{vi}. Báo quản trị hỏi tỉnh."),
            format!(
                "Visits that the province AGAIN AND AGAIN could not take: {visits} ({en_why}). They are kept and sent again{en}. Have the administrator ask the province."
            ),
        )
    } else {
        Sentence::new(
            format!("Tỉnh chưa nhận được {visits} lượt khám ({vi_why}): máy giữ lại và tự gửi lại{vi}. Chưa ai phải làm gì."),
            format!(
                "Visits that the province could not take: {visits} ({en_why}). They are kept and sent again{en}. Nobody has to do anything yet."
            ),
        )
    }
}

/// When visits that were put off are tried again.
fn next_try(until: Option<DateTime<Utc>>, telling: Telling) -> (String, String) {
    let (vi, en) = telling.at(until, "lúc", "at");
    if vi.is_empty() { (" ở lần gửi tới".to_owned(), " with the next ones".to_owned()) } else { (vi, en) }
}

/// The service does not run: what is told comes from its files, and nothing is exchanged or can be saved.
pub fn not_running() -> Sentence {
    Sentence::new(
        "DỊCH VỤ KHÔNG CHẠY: không tra thẻ, không lưu lượt khám được, không có gì gửi đi. Quản trị chạy systemctl start bhyt-agent; nếu vẫn dừng, xem journalctl -u bhyt-agent.",
        "THE SERVICE DOES NOT RUN: the desk can neither look up nor save, and nothing is sent. The administrator runs systemctl start bhyt-agent, or reads journalctl -u bhyt-agent.",
    )
}

/// Past visits that would be answered otherwise now.
pub fn rechecks(visits: u64) -> Sentence {
    Sentence::new(
        format!("{visits} lượt khám trước đây nay có kết quả tra thẻ khác: xem danh sách Cần kiểm tra lại và xử lý từng lượt."),
        format!("Past visits that would now have another answer: {visits}. See the list on the page and settle each."),
    )
}

/// Whether there is a province to talk to; `None` if all is there.
pub fn link(link: Link) -> Option<Sentence> {
    match link {
        Link::Ready => None,
        Link::NotConfigured => Some(Sentence::new(
            "Chưa khai báo địa chỉ của tỉnh nên máy chỉ lưu tại chỗ. Quản trị chạy sudo bhyt-agent setup để thêm mục [province] và đăng ký.",
            "No province is configured, so everything stays here. The administrator runs sudo bhyt-agent setup, which adds [province] and enrols the station.",
        )),
        Link::NotEnrolled => Some(Sentence::new(
            "Trạm chưa đăng ký với tỉnh nên máy chỉ lưu tại chỗ. Quản trị xin tỉnh mã đăng ký rồi chạy sudo bhyt-agent setup.",
            "The station is not enrolled, so everything stays here. The administrator asks the province for a code and runs sudo bhyt-agent setup.",
        )),
        Link::Unusable => Some(Sentence::new(
            "Khóa hoặc chứng thư của trạm không dùng được nên máy chỉ lưu tại chỗ. Báo quản trị khôi phục khóa, hoặc đăng ký lại.",
            "The station's keys or certificate are unusable, so everything stays here. The administrator restores the keys, or enrols again.",
        )),
    }
}

/// A code was shown and its answer has not come: the same one is good again.
pub fn identity_open(asked: Asked, telling: Telling) -> Sentence {
    let (vi, en) = telling.at(asked.since, "lúc", "at");
    match asked.what {
        AskedFor::Enrolment => Sentence::new(
            format!(
                "Trạm đã xin đăng ký{vi} mà chưa có câu trả lời, chưa cần mã khác. Khi có mạng, chạy lại sudo bhyt-agent setup với ĐÚNG MÃ ĐÓ; nếu bị từ chối mới xin mã mới."
            ),
            format!(
                "The station asked to be enrolled{en} and no answer came; no other code is needed. Run sudo bhyt-agent setup again with THE SAME CODE; get a new one only if it is refused."
            ),
        ),
        AskedFor::Replacement => Sentence::new(
            format!(
                "Đã xin thay máy này{vi} mà chưa có câu trả lời. Khi có mạng, chạy lại bhyt-agent replace-this-machine --code - với ĐÚNG MÃ ĐÓ; nếu bị từ chối mới xin mã mới. Lượt vẫn lưu ở đây."
            ),
            format!(
                "A replacement of this computer was asked for{en}, and no answer came. Run bhyt-agent replace-this-machine --code - again with THE SAME CODE; get a new one only if it is refused."
            ),
        ),
    }
}

/// The record of visits is another one than the certificate was given for.
pub fn other_record(since: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(since);
    Sentence::new(
        format!(
            "SỔ LƯỢT KHÁM LÀ SỔ MỚI{vi}: lượt chưa gửi trước đó không có trong sổ. Quản trị tìm thư mục dữ liệu, ổ đĩa cũ hoặc bản sao trước đã; nếu mất hẳn, đừng nhập lại lượt tỉnh đã có."
        ),
        format!(
            "THE RECORD OF VISITS IS A NEW ONE{en}: visits not sent before are not in it. First look for the old data folder, disk or a copy; if lost, do not enter again what the province has."
        ),
    )
}

/// A certificate that is about to end.
pub fn certificate_ends(life: CertificateLife, telling: Telling) -> Sentence {
    let day = telling.when(life.not_after);
    Sentence::new(
        format!("Chứng thư của trạm hết hạn lúc {day} mà chưa gia hạn được. Nối mạng để máy tự gia hạn; nếu không được, báo quản trị."),
        format!(
            "The station's certificate ends at {day} and is not renewed yet. Connect, so that the computer renews it; if it does not, tell the administrator."
        ),
    )
}

/// A certificate that has not begun: the province made it by a clock that ran ahead.
pub fn certificate_not_yet(life: CertificateLife, telling: Telling) -> Sentence {
    let day = telling.when(life.not_before);
    Sentence::new(
        format!(
            "Chứng thư của trạm ghi bắt đầu từ {day}, chưa tới: tỉnh đã cấp khi giờ sai, hoặc máy này sai giờ. Máy tự xin lại; nếu mai vẫn lỗi, báo quản trị hỏi tỉnh."
        ),
        format!(
            "The station's certificate begins only at {day}: the province's clock was wrong then, or this one is. The computer asks again; if it lasts until tomorrow, tell the administrator."
        ),
    )
}

/// A certificate that has ended.
pub fn certificate_ended(life: CertificateLife, telling: Telling) -> Sentence {
    let day = telling.when(life.not_after);
    Sentence::new(
        format!(
            "Chứng thư của trạm đã hết hạn từ {day}; lượt khám vẫn lưu ở đây. Nối mạng để máy xin gia hạn; nếu không được, báo quản trị."
        ),
        format!(
            "The station's certificate ended at {day}; visits are kept here. Connect, so that the computer asks for a new one; if it fails, tell the administrator."
        ),
    )
}

/// The province was restored from a backup.
pub fn requeued(visits: u64, at: DateTime<Utc>, telling: Telling) -> Sentence {
    let (vi, en) = telling.at(Some(at), "lúc", "at");
    Sentence::new(
        format!("Tỉnh đã phục hồi từ bản sao lưu, máy nhận biết{vi}: {visits} lượt được gửi lại. Không ai phải làm gì."),
        format!("The province was restored from a backup, noticed{en}; visits sent again: {visits}. Nobody has to do anything."),
    )
}

/// Why the whole roster was fetched the last time.
pub fn snapshot_reason(reason: SnapshotReason) -> Sentence {
    let (vi, en) = match reason {
        SnapshotReason::First => ("trên máy chưa có danh sách nào", "there was none on the computer"),
        SnapshotReason::NewSession => ("tỉnh đã đánh số danh sách lại từ đầu", "the province began to number it anew"),
        SnapshotReason::Gap => {
            ("máy vắng quá lâu, tỉnh không còn giữ các phần thay đổi ở giữa", "the computer was away for longer than changes are offered")
        }
        SnapshotReason::Cheaper => ("tải cả danh sách nhẹ hơn tải từng phần thay đổi", "that was less to fetch than all the changes"),
        SnapshotReason::Mismatch => ("phần thay đổi không khớp danh sách trên máy", "the changes did not fit the list on the computer"),
    };
    Sentence::new(format!("Lần gần nhất tải cả danh sách vì {vi}."), format!("The whole list was last fetched because {en}."))
}
