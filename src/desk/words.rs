//! What the desk says, in Vietnamese: the one place for the words of page and command line.
//!
//! Promise: every message says what is and what to do next; "not covered", "too old" and "refused" never share a sentence. Never: a promise about a later
//! refund, a person's data, or a word that blames the person.

mod advice;
pub mod identity;
mod question;
mod sentence;
mod standing;
pub mod stick;
mod troubles;
mod visits;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::card::Deregistration;
use crate::domain::clock;
use crate::domain::field::Field;
use crate::domain::field::Problem;
use crate::domain::field::Unreadable;
use crate::domain::freshness::DataAge;
use crate::domain::freshness::Freshness;
use crate::domain::person::BirthDate;
use crate::domain::person::Sex;
use crate::domain::rules::RuleTables;
use crate::domain::verdict::IdentityMatch;
use crate::domain::verdict::Knowledge;
use crate::domain::verdict::NotCovered;
use crate::domain::verdict::Standing;
use crate::domain::visit::Delivery;
use crate::storage;
use crate::sync::status::Direction;
use crate::sync::status::Trouble;

pub use advice::advice;
pub use advice::countdown;
pub use advice::countdown_over;
pub use advice::registration;
pub use question::ANSWERED;
pub use question::LOOK_AGAIN;
pub use question::question;
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
pub use visits::CATEGORY_WANTED;
pub use visits::CLOSED;
pub use visits::NO_RECHECK;
pub use visits::NOTE_WANTED;
pub use visits::PLACED;
pub use visits::RESENT;
pub use visits::SEEN;
pub use visits::as_of;
pub use visits::correct_error;
pub use visits::corrected;
pub use visits::refusal;

/// The verdict in a few words, to be read from two metres.
pub fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Valid => "CÒN HẠN",
        Standing::NotYetValid => "CHƯA ĐẾN HẠN",
        Standing::Expired => "HẾT HẠN",
        Standing::Superseded { in_force: true } => "CÒN HẠN – ĐÃ CÓ THẺ MỚI",
        Standing::Superseded { in_force: false } => "THẺ CŨ – DÙNG THẺ MỚI",
        Standing::Revoked => "THẺ ĐÃ THU HỒI",
        Standing::Locked => "THẺ TẠM KHÓA",
        Standing::Deregistered { .. } => "ĐÃ BÁO GIẢM",
        Standing::ManagedElsewhere => "QUÂN ĐỘI / CÔNG AN QUẢN LÝ",
        Standing::NotListed => "KHÔNG CÓ TRONG DANH SÁCH",
        Standing::NotCovered { .. } => "CHƯA TRA ĐƯỢC",
    }
}

/// The standing of a saved visit, by its stable code, short enough for a list.
pub fn saved_standing(code: &str) -> &'static str {
    match code {
        "valid" => "Còn hạn",
        "not_yet_valid" => "Chưa đến hạn",
        "expired" => "Hết hạn",
        "superseded" => "Đã có thẻ mới",
        "revoked" => "Đã thu hồi",
        "locked" => "Tạm khóa",
        "deregistered" => "Báo giảm",
        "managed_elsewhere" => "Quân đội / công an",
        "not_listed" => "Không có thẻ",
        _ => "Chưa tra được",
    }
}

/// Who differs, of a saved visit, by its stable code, short enough for a list; `None` where nothing speaks against the person.
pub fn saved_identity(code: &str) -> Option<&'static str> {
    match code {
        "name_differs" => Some("KHÁC TÊN"),
        "birth_date_differs" => Some("KHÁC NGÀY SINH"),
        "name_and_birth_date_differ" => Some("KHÁC NGƯỜI?"),
        _ => None,
    }
}

/// Why, in one sentence.
pub fn reason(standing: Standing) -> &'static str {
    match standing {
        Standing::Valid => "Thẻ đang có giá trị sử dụng.",
        Standing::NotYetValid => "Thẻ có nhưng chưa đến ngày bắt đầu.",
        Standing::Expired => "Thẻ đã qua ngày kết thúc.",
        Standing::Superseded { in_force: true } => "Thẻ này còn giá trị; thẻ mới đã cấp và sẽ thay từ ngày ghi bên dưới.",
        Standing::Superseded { in_force: false } => "Số thẻ đưa ra là số cũ; người này có thẻ mới hơn.",
        Standing::Revoked => "Cơ quan BHXH đã thu hồi thẻ này.",
        Standing::Locked => "Thẻ đang bị tạm giữ hoặc tạm khóa.",
        Standing::Deregistered { why } => match why {
            Deregistration::Unstated => "Người này đã được báo giảm, không ghi lý do.",
            Deregistration::LeftProvince => "Người này đã báo giảm vì chuyển sang tỉnh khác.",
            Deregistration::MovedWithin => "Người này đã báo giảm vì chuyển đơn vị trong tỉnh.",
            Deregistration::Rejoining => "Người này đã báo giảm để tham gia lại trong cùng đơn vị.",
            Deregistration::Stopped => "Người này đã dừng tham gia.",
        },
        Standing::ManagedElsewhere => "Dữ liệu do BHXH quân đội hoặc công an giữ, trạm không có.",
        Standing::NotListed => "Thẻ ghi đăng ký tại trạm này, nhưng danh sách của tỉnh cho trạm không có người này.",
        Standing::NotCovered { why } => match why {
            NotCovered::NoRoster => "Máy này chưa có danh sách thẻ, hoặc đang tải lại.",
            NotCovered::RegisteredElsewhere => "Thẻ đăng ký ở cơ sở khác nên không nằm trong danh sách của trạm.",
            NotCovered::IssuedAfterOurData => "Thẻ cấp sau ngày của dữ liệu trên máy này.",
            NotCovered::LeftRoster => "Người này đã rời danh sách của trạm (chuyển nơi đăng ký).",
            NotCovered::NotOnRoster => "Số này không có trong danh sách của trạm; có thể đăng ký ở nơi khác.",
            NotCovered::RecordUnreadable => "Có người này trong danh sách, nhưng dòng dữ liệu của tỉnh bị lỗi.",
            NotCovered::SeveralOnRoster => "Có nhiều người cùng số này trong danh sách.",
            NotCovered::UnknownToProvince => "Tỉnh trả lời không có thẻ nào mang số này; thẻ có thể do tỉnh khác cấp.",
        },
    }
}

/// Whether the person shown is the one on record.
pub fn identity(identity: IdentityMatch) -> &'static str {
    match identity {
        IdentityMatch::Match => "Họ tên và ngày sinh khớp với dữ liệu.",
        IdentityMatch::NameDiffers => "HỌ TÊN KHÁC với dữ liệu.",
        IdentityMatch::BirthDateDiffers => "NGÀY SINH KHÁC với dữ liệu.",
        IdentityMatch::NameAndBirthDateDiffer => "HỌ TÊN VÀ NGÀY SINH ĐỀU KHÁC với dữ liệu: có thể là số của người khác.",
        IdentityMatch::NotChecked => "Chưa đối chiếu đủ họ tên và ngày sinh với dữ liệu.",
    }
}

/// The days of a card.
pub fn validity(from: NaiveDate, until: Option<NaiveDate>) -> String {
    match until {
        Some(until) => format!("{} – {}", day(from), day(until)),
        None => format!("từ {}, không ghi ngày hết", day(from)),
    }
}

/// Sex.
pub fn sex(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "Nam",
        Sex::Female => "Nữ",
        Sex::Undetermined => "Chưa xác định",
    }
}

/// A birth date as precisely as it is known.
pub fn birth_date(born: BirthDate) -> String {
    match born {
        BirthDate::Day(date) => day(date),
        BirthDate::Month { year, month } => format!("{month:02}/{year}"),
        BirthDate::Year(year) => year.to_string(),
    }
}

/// How old the data are, and when that gets worse. By a clock in doubt: of when they are, and how old they are at least where that is too old already.
pub fn data_age(age: &DataAge) -> String {
    if let Some(as_of) = age.doubted {
        let unknown = format!("Dữ liệu thẻ tính đến {}", instant(as_of));
        return match age.age.filter(|_| age.freshness == Freshness::Stale) {
            Some(least) => format!("{unknown}, ít nhất {} trước (CŨ, chỉ để tham khảo)", span(least)),
            None => format!("{unknown}, không rõ cách nay bao lâu vì đồng hồ máy chưa tin được"),
        };
    }
    let word = match age.freshness {
        Freshness::Fresh => "mới",
        Freshness::Aging => "hơi cũ, nên nối mạng",
        Freshness::Stale => "CŨ, chỉ để tham khảo",
        Freshness::Absent => return "Chưa có dữ liệu thẻ".into(),
    };
    let old = age.age.map(span).unwrap_or_default();
    let worse = age.worsens_at.map(|at| format!(", sẽ cũ hơn từ {}", instant(at))).unwrap_or_default();
    format!("Dữ liệu thẻ {old} trước ({word}{worse})")
}

/// What the answer rests on.
pub fn knowledge(knowledge: Knowledge) -> String {
    match knowledge {
        Knowledge::Verified { at } => format!("Tỉnh trả lời riêng cho người này lúc {}.", instant(at)),
        Knowledge::Cached(position) => format!("Theo bản số {}, đúng đến {}.", position.serial.0, instant(position.as_of)),
        Knowledge::Unverified => "Dữ liệu trên máy không nói gì về người này.".into(),
    }
}

/// A span in its largest sensible unit.
pub fn span(span: TimeDelta) -> String {
    match (span.num_days(), span.num_hours(), span.num_minutes()) {
        (2.., ..) => format!("{} ngày", span.num_days()),
        (_, 2.., _) => format!("{} giờ", span.num_hours()),
        (_, _, 1..) => format!("{} phút", span.num_minutes()),
        _ => "dưới 1 phút".into(),
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

/// How far a visit is.
pub fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Pending => "Chờ gửi",
        Delivery::Delivered => "Đã gửi",
        Delivery::Parked => "Bị từ chối",
        Delivery::Closed => "Đã đóng",
        Delivery::Superseded => "Đã thay bằng bản sửa",
    }
}

/// What could not be read, why, and what to do.
pub fn unreadable(error: Unreadable) -> String {
    if error == Problem::Empty.at(Field::Payload) {
        return "Chưa có gì để tra. Quét mã hoặc gõ số.".into();
    }
    if error == Problem::Length.at(Field::Payload) {
        return "Số gõ vào phải có 10 (mã số BHXH), 12 (CCCD) hoặc 15 ký tự (thẻ). Kiểm tra và gõ lại.".into();
    }
    let part = match error.field {
        Field::Payload => "mã quét",
        Field::CardNumber => "số thẻ",
        Field::InsuranceNumber => "mã số BHXH",
        Field::PersonalId => "số CCCD",
        Field::Name => "họ tên",
        Field::BirthDate => "ngày sinh",
        Field::Sex => "giới tính",
        Field::Address => "địa chỉ",
        Field::Facility => "nơi đăng ký KCB",
        Field::ValidFrom => "ngày bắt đầu",
        Field::ValidUntil => "ngày kết thúc",
        Field::FiveYearsOn => "ngày đủ 5 năm",
        Field::ResidenceArea => "mã khu vực",
    };
    let why = match error.problem {
        Problem::Empty => "để trống",
        Problem::TooLong => "quá dài",
        Problem::Length => "sai độ dài",
        Problem::PartCount => "sai số phần",
        Problem::Truncated => "bị đứt giữa chừng",
        Problem::Shape => "có ký tự lạ",
        Problem::NotHex | Problem::NotText => "không giải mã được",
        Problem::NotADate => "không phải ngày có thật",
        Problem::Order => "ngày kết thúc trước ngày bắt đầu",
        Problem::UnknownCode => "mã không có trong danh mục",
    };
    format!("Không đọc được {part}: {why}. Quét lại; nếu vẫn lỗi, gõ số in trên thẻ.")
}

/// Why a visit was not saved, and what to do.
pub fn storage(error: &storage::Error) -> &'static str {
    match error {
        storage::Error::Busy | storage::Error::Stopped => "CHƯA LƯU: máy đang bận. Bấm Enter lần nữa.",
        storage::Error::NotLatest => "CHƯA LƯU: lượt này vừa được sửa ở chỗ khác. Mở lại lượt đó rồi sửa.",
        storage::Error::Full => "CHƯA LƯU: ổ đĩa đầy. Ghi lượt này ra giấy, xóa bớt tệp rồi thử lại; báo quản trị.",
        storage::Error::ReadOnly => "CHƯA LƯU: ổ đĩa không cho ghi. Ghi lượt này ra giấy và báo quản trị.",
        storage::Error::Corrupt(_) | storage::Error::Disk(_) => {
            "CHƯA LƯU: ổ đĩa bị lỗi. Thử lại; nếu vẫn lỗi, ghi ra giấy và báo quản trị."
        }
        _ => "CHƯA LƯU: lỗi của phần mềm. Ghi lượt này ra giấy và báo quản trị.",
    }
}

/// Why the files cannot be opened, and what to do.
pub fn cannot_open(error: &storage::Error) -> &'static str {
    match error {
        storage::Error::TooNew { .. } => "Tệp dữ liệu do bản mới hơn của phần mềm ghi. Không động đến tệp; cài lại bản mới hơn.",
        storage::Error::WrongKey { .. } => "Khóa không phải của tệp dữ liệu này. Không động đến tệp; chép lại đúng tệp database.key.",
        storage::Error::Key { .. } => {
            "Không đọc được khóa dữ liệu database.key. Lần đầu: chạy bhyt-agent init; đã từng chạy: chép lại khóa đã sao lưu."
        }
        storage::Error::InUse { .. } => "Thư mục dữ liệu đang do một tiến trình bhyt-agent khác dùng.",
        storage::Error::OtherOwner { .. } => "Thư mục dữ liệu là của người dùng khác. Chạy bằng đúng người dùng đó (sudo -u bhyt-agent).",
        storage::Error::Full => "Ổ đĩa đầy. Xóa bớt tệp rồi thử lại.",
        storage::Error::ReadOnly => "Ổ đĩa không cho ghi. Kiểm tra quyền và ổ đĩa.",
        storage::Error::Busy | storage::Error::Stopped => "Tệp dữ liệu đang bận. Thử lại.",
        storage::Error::File { .. } => "Một tệp không dùng được. Kiểm tra quyền và ổ đĩa.",
        storage::Error::Corrupt(_) | storage::Error::Disk(_) => "Ổ đĩa hoặc tệp dữ liệu bị lỗi. Báo quản trị.",
        storage::Error::Mismatch(_) | storage::Error::Feed(_) | storage::Error::NotLatest | storage::Error::Bug(_) => {
            "Lỗi của phần mềm. Báo quản trị."
        }
    }
}

/// Why nothing could be looked up in our own files, and what to do.
pub fn cannot_look_up(error: &storage::Error) -> &'static str {
    match error {
        storage::Error::Busy | storage::Error::Stopped => "CHƯA TRA ĐƯỢC: máy đang bận. Tra lại.",
        _ => "CHƯA TRA ĐƯỢC: không đọc được dữ liệu trên máy này. Tra lại; nếu vẫn lỗi, tiếp nhận, ghi số ra giấy và báo quản trị.",
    }
}

/// Why a try failed, and what to do.
pub fn trouble(trouble: &Trouble) -> String {
    troubles::why(trouble, None, Beside::default()).1.vi
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

/// The rate and the rule behind it, in one line.
pub fn rate_rule(article: &str, category: &str, name: &str, tables: &RuleTables) -> String {
    format!("{article} – đối tượng {category}: {name} (bộ quy tắc {})", tables.version)
}

/// Below which cost a visit is paid in full.
pub fn full_below(dong: u64) -> String {
    format!("Chi phí một lượt dưới {} đồng: 100%.", thousands(dong))
}

/// A number with its thousands set apart, as it is written here.
fn thousands(number: u64) -> String {
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
    fn the_age_of_data_is_no_fact_while_the_clock_is_in_doubt() {
        let as_of: DateTime<Utc> = "2026-11-20T13:00:00Z".parse().unwrap();
        let age = |freshness, days, doubted| DataAge { freshness, age: Some(TimeDelta::days(days)), worsens_at: None, doubted };
        assert_eq!(data_age(&age(Freshness::Fresh, 0, None)), "Dữ liệu thẻ dưới 1 phút trước (mới)");
        let said = data_age(&age(Freshness::Aging, 0, Some(as_of)));
        assert_eq!(said, "Dữ liệu thẻ tính đến 20:00 20/11/2026, không rõ cách nay bao lâu vì đồng hồ máy chưa tin được");
        let said = data_age(&age(Freshness::Stale, 9, Some(as_of)));
        assert_eq!(said, "Dữ liệu thẻ tính đến 20:00 20/11/2026, ít nhất 9 ngày trước (CŨ, chỉ để tham khảo)");
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1.000"), (379_500, "379.500"), (12_345_678, "12.345.678")] {
            assert_eq!(thousands(number), text);
        }
    }
}
