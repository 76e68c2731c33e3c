//! What the desk says, in both languages: the one place for the sentences of page and command line that are put together from what is the matter. What is
//! fixed stands in [`super::messages`].
//!
//! Promise: every message says what is and what to do next; "not covered", "too old" and "refused" never share a sentence. Never: a promise about a later
//! refund, a person's data, or a word that blames the person.

mod advice;
pub mod backup;
pub mod closed;
pub mod identity;
pub mod keys;
pub(crate) mod operators;
pub mod restored;
mod sentence;
pub mod service;
pub mod setup;
mod standing;
pub mod stick;
mod troubles;

use std::io;
use std::path::Path;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use crate::domain::clock;
use crate::domain::person::BirthDate;
use crate::domain::visit::Delivery;
use crate::storage;
use crate::sync::status::Direction;
use crate::sync::status::Trouble;

pub use advice::advice;
pub use advice::countdown;
pub use advice::countdown_over;
pub use advice::registration;
pub use sentence::Sentence;
pub use sentence::Telling;
pub use standing::Damaged;
pub use standing::certificate_ended;
pub use standing::certificate_ends;
pub use standing::certificate_not_yet;
pub use standing::clock;
pub use standing::clock_doubt;
pub use standing::copied;
pub use standing::data_absent;
pub use standing::data_stale;
pub use standing::fell_back;
pub use standing::identity_open;
pub use standing::link;
pub use standing::little_room;
pub use standing::missing_accepted;
pub use standing::not_running;
pub use standing::odd_time;
pub use standing::other_record;
pub use standing::parked;
pub use standing::put_off;
pub use standing::quarantined;
pub use standing::rechecks;
pub use standing::requeued;
pub use standing::snapshot_reason;
pub use standing::unfit;
pub use standing::unsaved;
pub use troubles::Beside;
pub use troubles::agreed;
pub use troubles::held;

/// A birth date as precisely as it is known.
pub fn birth_date(born: BirthDate) -> String {
    match born {
        BirthDate::Day(date) => day(date),
        BirthDate::Month { year, month } => format!("{month:02}/{year}"),
        BirthDate::Year(year) => year.to_string(),
    }
}

/// A day as it is written here.
pub fn day(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// An instant as the station's wall clock shows it.
pub fn instant(at: DateTime<Utc>) -> String {
    clock::vietnam_time(at).format("%H:%M %d/%m/%Y").to_string()
}

/// The hour of an instant.
pub fn hour(at: DateTime<Utc>) -> String {
    clock::vietnam_time(at).format("%H:%M").to_string()
}

/// A file that lies among ours and is another account's.
fn not_ours(path: &Path, owner: u32, account: u32) -> Sentence {
    let shown = path.display();
    let [of_vi, of_en] = if owner == 0 {
        ["root", "root's"].map(str::to_owned)
    } else {
        [format!("tài khoản số {owner}"), format!("account {owner}'s")]
    };
    Sentence::new(
        format!(
            "{shown} là của {of_vi}, tài khoản của dịch vụ (số {account}) không đọc hoặc không ghi được. Tệp không hỏng và không mất. Chạy: sudo chown {account}: {shown}"
        ),
        format!(
            "{shown} is {of_en}, and the service's account ({account}) may not read or write it. It is neither damaged nor lost. Run: sudo chown {account}: {shown}"
        ),
    )
}

/// Why the files cannot be opened, and what to do.
pub fn cannot_open(error: &storage::Error) -> Sentence {
    let (vi, en) = match error {
        storage::Error::TooNew { .. } => (
            "Tệp dữ liệu do bản mới hơn của phần mềm ghi. Đừng động đến tệp; cài lại bản mới hơn.",
            "The data files were written by a newer version. Leave them as they are; install the newer version again.",
        ),
        storage::Error::WrongKey { .. } => (
            "Khóa không phải của tệp dữ liệu này. Đừng động đến tệp; chép lại đúng tệp database.key, hoặc lấy lại từ bản sao lưu: sudo -u bhyt-agent bhyt-agent recover-key TỆP.key.age --identity TỆP.",
            "The key is not the one of these data files. Leave them as they are; put the right database.key back, or take it out of a backup: sudo -u bhyt-agent bhyt-agent recover-key FILE.key.age --identity FILE.",
        ),
        storage::Error::OtherFacility { folder, theirs, ours } => return service::other_facility(folder, theirs, ours),
        storage::Error::NotOurs { path, owner, account } => return not_ours(path, *owner, *account),
        storage::Error::Key { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => (
            "Tài khoản đang chạy không có quyền đọc khóa dữ liệu database.key. Khóa vẫn còn, đừng tạo khóa mới. Chạy bằng tài khoản của dịch vụ (sudo -u bhyt-agent), hoặc xem: sudo bhyt-agent doctor",
            "The account that runs this may not read the key database.key. The key is still there: make no new one. Run this as the service's account (sudo -u bhyt-agent), or look: sudo bhyt-agent doctor",
        ),
        storage::Error::Key { .. } => (
            "Không đọc được khóa dữ liệu database.key. Lần đầu: sudo bhyt-agent setup; đã có dữ liệu: chép lại khóa đã cất, hoặc sudo -u bhyt-agent bhyt-agent recover-key TỆP.key.age --identity TỆP.",
            "The key database.key cannot be read. The first time: run sudo bhyt-agent setup; with data: put the kept key back, or run sudo -u bhyt-agent bhyt-agent recover-key FILE.key.age --identity FILE.",
        ),
        storage::Error::Wiped { folder, at, sealed } => return service::wiped(folder, *at, *sealed),
        storage::Error::NoData { folder } => return service::no_data(folder),
        storage::Error::InUse { .. } => return backup::stop_first(),
        storage::Error::OtherOwner { .. } => (
            "Thư mục dữ liệu là của người dùng khác. Chạy bằng đúng người dùng đó (sudo -u bhyt-agent).",
            "The data folder is another user's. Run this as that user (sudo -u bhyt-agent).",
        ),
        storage::Error::Full => {
            ("Ổ đĩa đầy. Xóa bớt tệp không cần rồi thử lại.", "The disk is full. Delete files nobody needs and try again.")
        }
        storage::Error::ReadOnly => {
            ("Ổ đĩa không cho ghi. Kiểm tra quyền và ổ đĩa.", "The disk takes no writes. Check the permissions and the disk.")
        }
        storage::Error::Busy | storage::Error::Stopped => ("Tệp dữ liệu đang bận. Thử lại.", "The data files are busy. Try again."),
        storage::Error::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => (
            "Tài khoản đang chạy không có quyền với một tệp của trạm; tệp không hỏng và không mất. Chạy bằng tài khoản của dịch vụ (sudo -u bhyt-agent), hoặc xem: sudo bhyt-agent doctor",
            "The account that runs this may not use a file of the station's; it is neither damaged nor lost. Run this as the service's account (sudo -u bhyt-agent), or look: sudo bhyt-agent doctor",
        ),
        storage::Error::File { .. } => {
            ("Một tệp không dùng được. Kiểm tra quyền và ổ đĩa.", "A file cannot be used. Check the permissions and the disk.")
        }
        storage::Error::Damaged { file, .. } => return backup::left_as_it_is(file.ends_with("visits.db")),
        storage::Error::Corrupt(_) | storage::Error::Disk(_) => (
            "Ổ đĩa hoặc tệp dữ liệu bị lỗi. Báo quản trị kiểm tra ổ đĩa.",
            "The disk or a data file has a fault. Have the administrator check the disk.",
        ),
        storage::Error::Mismatch(_) | storage::Error::Feed(_) | storage::Error::NotLatest | storage::Error::Bug(_) => {
            ("Lỗi của phần mềm. Báo quản trị.", "A fault of the program. Tell the administrator.")
        }
    };
    Sentence::new(vi, en)
}

/// How far a visit is on its way, by the contract's code.
pub fn delivery(code: &str) -> Sentence {
    match Delivery::parse(code) {
        Ok(delivery) => Sentence::of_both(|words| words.visits.delivery(delivery).to_string()),
        Err(_) => Sentence::same(code),
    }
}

/// The province's reason against a visit, by the contract's code and the province's own words.
pub fn refusal(code: &str, text: &str) -> Sentence {
    Sentence::of_both(|words| words.visits.refusal(code, text))
}

/// Why the province could not take a visit even alone, by the contract's code.
pub fn unfit_why(code: &str) -> Sentence {
    match code {
        "too_large" => Sentence::new("tỉnh không nhận vì quá lớn", "larger than the province takes"),
        "unreadable" => Sentence::new("tỉnh không đọc được", "the province cannot read it"),
        code => Sentence::same(code),
    }
}

/// How the station stands to the province, by the contract's code.
pub fn link_state(code: &str) -> Sentence {
    match code {
        "not_configured" => {
            Sentence::new("không cấu hình tỉnh, trạm làm việc một mình", "no province is configured, the station works alone")
        }
        "not_enrolled" => Sentence::new("chưa đăng ký với tỉnh", "not enrolled with the province"),
        "unusable" => Sentence::new("khóa hoặc chứng thư không dùng được", "keys or certificate cannot be used"),
        "ready" => Sentence::new("sẵn sàng", "ready"),
        code => Sentence::same(code),
    }
}

/// Why a try failed, and what to do.
pub fn trouble(trouble: &Trouble) -> Sentence {
    troubles::why(trouble, None, Beside::default()).1
}

/// The stable code of a notice about a trouble.
pub fn trouble_code(trouble: &Trouble) -> &'static str {
    troubles::why(trouble, None, Beside::default()).0
}

/// What does not work, since when, why, and what to do; with the stable code.
pub fn failing(
    direction: Option<Direction>,
    trouble: &Trouble,
    since: Option<DateTime<Utc>>,
    telling: Telling,
    beside: Beside,
) -> (&'static str, Sentence) {
    let (code, why) = troubles::why(trouble, Some(telling), beside);
    let (vi, en) = troubles::head(direction, trouble);
    let (vi_since, en_since) = telling.since(since);
    (code, why.after(&format!("{vi}{vi_since}"), &format!("{en}{en_since}")))
}

/// A number with its thousands set apart, as it is written here.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let dotted = digits.char_indices().flat_map(|(at, digit)| {
        let dot = at > 0 && (digits.len() - at).is_multiple_of(3);
        dot.then_some('.').into_iter().chain([digit])
    });
    dotted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1.000"), (379_500, "379.500"), (12_345_678, "12.345.678")] {
            assert_eq!(thousands(number), text);
        }
    }
}
