//! What the desk should do, ask for, or tell the person.
//!
//! Promise: every piece of advice says who decides where it is not the station. Never: a subsidy or a day as a promise; a word of law that is not a row of
//! the rules.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use super::Sentence;
use super::Telling;
use super::day;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::facility::FacilityCode;
use crate::domain::freshness::DataAge;
use crate::domain::freshness::Freshness;
use crate::domain::rules::Confidence;
use crate::domain::rules::Said;
use crate::domain::rules::Season;
use crate::domain::rules::Urgency;
use crate::domain::verdict::Advice;

/// What to do next.
pub fn advice(advice: &Advice) -> Sentence {
    match advice {
        Advice::Renew { days_left, urgency, .. } => renew(*days_left, *urgency),
        Advice::RenewBeforeWait { days_since, wait_begins_on, wait_days, urgency } => {
            renew_before(*days_since, *wait_begins_on, *wait_days, *urgency)
        }
        Advice::PaidForByOthers { days_left, said, decided_by, confidence } => paid_for(*days_left, &sure(said, *confidence), decided_by),
        Advice::NotInsured { category } => Sentence::new(
            format!(
                "Hôm nay chưa tính BHYT cho lượt này (mã {category}). Dặn giữ hóa đơn, giấy tờ để đề nghị thanh toán trực tiếp. Cơ quan BHXH quyết định."
            ),
            format!(
                "Not an insured visit today (code {category}). Keep bills and papers for a direct claim. The Social Insurance office decides."
            ),
        ),
        Advice::PaidInTreatment { until } => {
            let until = day(*until);
            Sentence::new(
                format!(
                    "Nếu đang điều trị khi thẻ hết hạn: có thể được trả đến khi ra viện, muộn nhất {until} (NĐ 188/2025, Điều 50 khoản 4); \
                     bấm F9 chọn lại đối tượng. Cơ quan BHXH quyết định."
                ),
                format!(
                    "If under treatment when the card ended: may be paid until discharge, at the latest {until} (Decree 188/2025, Article 50(4)); \
                     press F9 and choose the category. The Social Insurance office decides."
                ),
            )
        }
        Advice::RenewWithWait { wait_days } => Sentence::new(
            format!("Nhắc tham gia lại; thẻ mới có thể phải chờ {wait_days} ngày sau khi đóng. Cơ quan BHXH quyết định ngày thẻ mới."),
            format!(
                "Remind to take part again; a new card may wait {wait_days} days after payment. The Social Insurance office decides when it begins."
            ),
        ),
        Advice::NextCard(next) => {
            let (number, from) = (next.card_number.as_str(), day(next.validity.valid_from));
            let until = |word: &str| next.validity.valid_until.map(|until| format!(" {word} {}", day(until))).unwrap_or_default();
            Sentence::new(
                format!("Có thẻ {number}: có giá trị từ {from}{}.", until("đến")),
                format!("There is a card {number}: in force from {from}{}.", until("until")),
            )
        }
        Advice::UseRecordedNumber => Sentence::new(
            "Dùng số thẻ trong dữ liệu, không dùng số in trên thẻ đưa ra.",
            "Use the number on record, not the one printed on the card shown.",
        ),
        Advice::CompareIdentity => Sentence::new(
            "So với giấy tờ có ảnh (trẻ nhỏ: giấy khai sinh) trước khi tiếp nhận.",
            "Compare with a document with a photo (a small child: the birth certificate) first.",
        ),
        Advice::AskIdentityDocument => {
            Sentence::new("Xin xem CCCD hoặc giấy tờ khác có ảnh.", "Ask for the id card or another document with a photo.")
        }
        Advice::AskPhotoIfNone => {
            Sentence::new("Nếu thẻ không có ảnh, xin xem thêm giấy tờ có ảnh.", "If the card has no photo, ask for a document with one.")
        }
        Advice::CardOrNumberIsEnough => Sentence::new(
            "Trẻ em: chỉ cần thẻ hoặc mã số BHXH, không cần giấy tờ có ảnh.",
            "A child: the card or the insurance number is enough.",
        ),
        Advice::AskBirthCertificate => Sentence::new(
            "Trẻ em chưa có thẻ: xin xem giấy khai sinh (bản chính hoặc bản sao). Trẻ sơ sinh: cha mẹ ký xác nhận vào hồ sơ.",
            "A child without a card: ask for the birth certificate or a copy. A newborn: a parent signs the file.",
        ),
        Advice::AskReceipt => Sentence::new(
            "Nếu đang chờ cấp hoặc đổi thẻ: xin xem giấy hẹn trả thẻ và giấy tờ có ảnh.",
            "If a card is being issued or changed: ask for the receipt with its appointment and a document with a photo.",
        ),
        Advice::AskPaperCard => Sentence::new("Xin xem thẻ giấy.", "Ask for the paper card."),
        Advice::AskNumber => Sentence::new(
            "Hỏi số CCCD hoặc mã số BHXH (xem trên CCCD, trong VssID hoặc VNeID) rồi gõ số đó để tra.",
            "Ask for the id or insurance number (on the id card, in VssID or VNeID), then type it to look up.",
        ),
        Advice::TryAnotherNumber => Sentence::new(
            "Xem lại số, hoặc tra bằng số khác của người này: CCCD, mã số BHXH, thẻ trong VssID.",
            "Look at the number again, or try another one of this person: id, insurance number, the card in VssID.",
        ),
        Advice::LookForNewCard => Sentence::new(
            "Tìm thẻ mới: hỏi người bệnh, xem VssID hoặc VNeID, rồi tra bằng số mới.",
            "Look for the new card: ask the person, see VssID or VNeID, then look up the new number.",
        ),
        Advice::ElseNotInsured { usual, otherwise } => else_not_insured(usual, otherwise),
        Advice::AdmitAndCheckLater => Sentence::new(
            "Cứ tiếp nhận, ghi số thẻ; kiểm tra lại khi có mạng (khoản 2 Điều 38 Nghị định 188/2025).",
            "Admit and note the card number; check again when there is a link (Decree 188/2025, Article 38(2)).",
        ),
        Advice::AskCommuneForSupport { said, confidence } => {
            let Sentence { vi, en } = sure(said, *confidence);
            Sentence::new(
                format!("Nhắc hỏi UBND xã về hỗ trợ đóng. {vi}. UBND xã quyết định."),
                format!("Remind to ask the commune about support with the premium. {en}. The commune decides."),
            )
        }
        Advice::Season(Season { counted_end, said, decided_by, confidence, .. }) => {
            let Sentence { vi, en } = sure(said, *confidence);
            let (vi_end, en_end) = counted_end.map(day).map_or_else(Default::default, |end| {
                (format!("Thẻ này thường dùng đến {end}. "), format!("This card is usually good until {end}. "))
            });
            Sentence::new(format!("{vi_end}{vi}. Nhắc hỏi {}.", decided_by.vi), format!("{en_end}{en}. Remind to ask {}.", decided_by.en))
        }
    }
}

/// Each step closer to the end is said with more weight.
fn renew(days_left: i64, urgency: Urgency) -> Sentence {
    let left = days(days_left);
    match (days_left, urgency) {
        (0, _) => Sentence::new("GẤP. Thẻ hết hạn hôm nay: nhắc gia hạn ngay.", "URGENT. The card ends today: remind to renew now."),
        (_, Urgency::Pressing) => Sentence::new(
            format!("GẤP. Thẻ chỉ còn {days_left} ngày: nhắc gia hạn ngay để không bị ngắt quãng."),
            format!("URGENT. The card ends in {left}: remind to renew now, so that there is no gap."),
        ),
        (_, Urgency::Soon) => {
            Sentence::new(format!("Thẻ còn {days_left} ngày: nhắc gia hạn sớm."), format!("The card ends in {left}: remind to renew soon."))
        }
        (_, Urgency::Early) => {
            Sentence::new(format!("Thẻ còn {days_left} ngày: nhắc gia hạn."), format!("The card ends in {left}: remind to renew."))
        }
    }
}

/// The wait that is still to be avoided, and how long it would be.
fn renew_before(days_since: i64, wait_begins_on: NaiveDate, wait_days: u32, urgency: Urgency) -> Sentence {
    let (ago, until) = (days(days_since), day(wait_begins_on));
    let vi = format!(
        "Thẻ đã hết hạn {days_since} ngày: nhắc đóng tiếp trước ngày {until}, để quá có thể phải chờ {wait_days} ngày sau khi đóng"
    );
    let en = format!("The card ended {ago} ago: remind to pay before {until}, later a new one may wait {wait_days} days after payment");
    let (vi_urgent, en_urgent) = if urgency == Urgency::Pressing { ("GẤP. ", "URGENT. ") } else { ("", "") };
    Sentence::new(
        format!("{vi_urgent}{vi}. Cơ quan BHXH quyết định ngày thẻ mới."),
        format!("{en_urgent}{en}. The Social Insurance office decides when the new card begins."),
    )
}

/// What the visit falls under as it is, and what if no other card is found.
fn else_not_insured(usual: &AttendanceCategory, otherwise: &AttendanceCategory) -> Sentence {
    Sentence::new(
        format!(
            "Lưu ngay thì lượt thuộc đối tượng {usual}. Nếu không có thẻ nào khác: bấm F9 chọn {otherwise} (không khám theo BHYT), \
             dặn giữ hóa đơn, giấy tờ để đề nghị thanh toán trực tiếp. Cơ quan BHXH quyết định."
        ),
        format!(
            "Saved as it is, the visit falls under {usual}. If there is no other card: press F9 and choose {otherwise} (not an insured visit), \
             and keep bills and papers for a direct claim. The Social Insurance office decides."
        ),
    )
}

/// Whose card others pay for is told neither to pay nor to wait.
fn paid_for(days_left: i64, said: &Sentence, decided_by: &Said) -> Sentence {
    let Sentence { vi, en } = said;
    let (vi_end, en_end) = match days_left {
        0 => ("Thẻ hết hạn hôm nay".to_owned(), "The card ends today".to_owned()),
        left @ 1.. => (format!("Thẻ còn {left} ngày"), format!("The card ends in {}", days(left))),
        since => (format!("Thẻ đã hết hạn {} ngày", -since), format!("The card ended {} ago", days(-since))),
    };
    Sentence::new(
        format!("{vi_end}. {vi}. Hỏi {} về thẻ tiếp theo; nơi đó quyết định.", decided_by.vi),
        format!("{en_end}. {en}. About the next card ask {}, who decide.", decided_by.en),
    )
}

fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// What a row says, and that it is not certain where it is not.
fn sure(said: &Said, confidence: Confidence) -> Sentence {
    match confidence {
        Confidence::High => Sentence::new(&*said.vi, &*said.en),
        Confidence::Medium | Confidence::Low => {
            Sentence::new(format!("{} (cần hỏi lại cho chắc)", said.vi), format!("{} (to be confirmed)", said.en))
        }
    }
}

/// Whether the card is registered at this station, as far as known.
pub fn registration(facility: &FacilityCode, home: &FacilityCode) -> Sentence {
    if facility == home {
        return Sentence::new("Đăng ký KCB ban đầu TẠI TRẠM NÀY.", "Registered HERE for first care.");
    }
    let code = facility.as_str();
    Sentence::new(format!("Đăng ký KCB ban đầu NƠI KHÁC: cơ sở {code}."), format!("Registered ELSEWHERE for first care: facility {code}."))
}

/// When the data get worse and what to do before; nothing where no hour of it is known.
pub fn countdown(age: &DataAge, telling: Telling) -> Option<(DateTime<Utc>, Sentence)> {
    let at = age.worsens_at?;
    let (vi, en) = match age.freshness {
        Freshness::Fresh => ("hơi cũ", "aging"),
        _ => ("CŨ", "OLD"),
    };
    let when = telling.when(at);
    let sentence = Sentence::new(
        format!("Dữ liệu thẻ sẽ {vi} lúc {when}; cần nối mạng trước đó."),
        format!("The card data will be {en} at {when}; connect before."),
    );
    Some((at, sentence))
}

/// The hour has passed while the answer was on the page.
pub fn countdown_over() -> Sentence {
    Sentence::new("Dữ liệu thẻ đã cũ thêm: nối mạng rồi tra lại.", "The card data have become older: connect, then look up again.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::benefit::MemberGroup;
    use crate::domain::clock::ClockState;
    use crate::domain::clock::Now;

    #[test]
    fn each_step_is_said_with_more_weight() {
        let said = |days_left, step, urgency| advice(&Advice::Renew { days_left, step, urgency }).vi;
        assert_eq!(said(45, 60, Urgency::Early), "Thẻ còn 45 ngày: nhắc gia hạn.");
        assert_eq!(said(20, 30, Urgency::Soon), "Thẻ còn 20 ngày: nhắc gia hạn sớm.");
        assert!(said(3, 7, Urgency::Pressing).starts_with("GẤP. Thẻ chỉ còn 3 ngày"));
        assert!(said(0, 7, Urgency::Pressing).starts_with("GẤP. Thẻ hết hạn hôm nay"));
        let lapsed = |days_since, urgency| {
            advice(&Advice::RenewBeforeWait { days_since, wait_begins_on: "2027-03-31".parse().unwrap(), wait_days: 30, urgency }).vi
        };
        assert_eq!(
            lapsed(59, Urgency::Soon),
            "Thẻ đã hết hạn 59 ngày: nhắc đóng tiếp trước ngày 31/03/2027, để quá có thể phải chờ 30 ngày sau khi đóng. Cơ quan BHXH quyết định ngày thẻ mới."
        );
        assert!(lapsed(60, Urgency::Pressing).starts_with("GẤP. Thẻ đã hết hạn 60 ngày"));
    }

    #[test]
    fn whose_card_others_pay_for_is_told_neither_to_pay_nor_to_wait_but_who_decides() {
        let tables = crate::ops::rules::builtin().unwrap();
        let on = "2026-12-24".parse().unwrap();
        for group in ["HN", "HT", "BT", "KC", "XD", "TS", "LH", "CK", "DN"] {
            let row = tables.paid_for(&MemberGroup::parse(group).unwrap(), on).unwrap();
            for days_left in [60, 7, 0, -1, -89, -400] {
                let (said, decided_by, confidence) = (row.said.clone(), row.decided_by.clone(), row.confidence);
                let said = advice(&Advice::PaidForByOthers { days_left, said, decided_by, confidence });
                assert!(said.vi.contains("nơi đó quyết định") && said.en.contains("who decide"), "{group}: {}", said.vi);
                for word in ["chờ", "đóng tiếp", "GẤP", "wait", "URGENT"] {
                    assert!(!said.vi.contains(word) && !said.en.contains(word), "{group} {days_left}: {}", said.vi);
                }
            }
        }
        for group in ["GD", "CN", "HS", "SV", "GB"] {
            assert!(tables.paid_for(&MemberGroup::parse(group).unwrap(), on).is_none(), "{group} pays, with support or without");
        }
    }

    #[test]
    fn a_subsidy_is_a_question_and_what_is_not_certain_says_so() {
        let said = Said { vi: "Ví dụ".into(), en: "Example".into() };
        let support = |confidence| advice(&Advice::AskCommuneForSupport { said: said.clone(), confidence });
        assert_eq!(support(Confidence::High).vi, "Nhắc hỏi UBND xã về hỗ trợ đóng. Ví dụ. UBND xã quyết định.");
        assert!(support(Confidence::Medium).vi.contains("Ví dụ (cần hỏi lại cho chắc)"));
        assert!(support(Confidence::Low).en.contains("Example (to be confirmed)"));
    }

    #[test]
    fn the_hour_at_which_data_get_worse_is_told_with_its_day_unless_it_is_today() {
        let now = Now { at: "2026-11-21T03:00:00Z".parse().unwrap(), state: ClockState::Plausible };
        let age =
            |freshness, at: Option<&str>| DataAge { freshness, age: None, worsens_at: at.map(|at| at.parse().unwrap()), doubted: None };
        let said = |age: &DataAge| countdown(age, Telling::by(&now)).map(|(_, sentence)| sentence.vi);
        let fresh = age(Freshness::Fresh, Some("2026-11-21T08:30:00Z"));
        assert_eq!(said(&fresh).unwrap(), "Dữ liệu thẻ sẽ hơi cũ lúc 15:30; cần nối mạng trước đó.");
        let aging = age(Freshness::Aging, Some("2026-11-22T08:30:00Z"));
        assert_eq!(said(&aging).unwrap(), "Dữ liệu thẻ sẽ CŨ lúc 15:30 22/11/2026; cần nối mạng trước đó.");
        assert_eq!(said(&age(Freshness::Stale, None)), None);
    }
}
