//! The verdict as it is shown: the word to be read from two metres, then who, until when, at what rate, and how we know.
//!
//! Promise: four classes, each with its own shape, pattern and words, so that none is told by colour alone; a person who differs from the record is
//! said before the verdict. Never: a value of the record where what was shown contradicts it, without saying which is which.

use crate::desk::Lookup;
use crate::desk::Station;
use crate::desk::words;
use crate::domain::freshness::Freshness;
use crate::domain::verdict::IdentityMatch;
use crate::domain::verdict::Standing;
use crate::domain::verdict::Verdict;

/// From so many characters on the verdict is set smaller, to stay on two lines of a small screen.
const LONG: usize = 16;

/// What is shown of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct ResultView {
    /// `Standing::code`.
    pub(in crate::reception) standing: &'static str,
    /// `in_force`, `not_in_force`, `unknown`, `papers`.
    pub(in crate::reception) class: &'static str,
    /// The class in words.
    pub(in crate::reception) class_words: &'static str,
    /// The verdict.
    pub(in crate::reception) headline: &'static str,
    /// Whether the headline is a long one.
    pub(in crate::reception) is_long: bool,
    /// Why, in a sentence.
    pub(in crate::reception) reason: &'static str,
    /// Until when, if a card counts.
    pub(in crate::reception) until: Option<String>,
    /// Rate and its rule.
    pub(in crate::reception) rate: Option<RateView>,
    /// `IdentityMatch::code`.
    pub(in crate::reception) identity: &'static str,
    /// Whether the person differs, in words.
    pub(in crate::reception) identity_words: &'static str,
    /// What differs; empty if nothing does.
    pub(in crate::reception) differences: Vec<Difference>,
    /// Label and value.
    pub(in crate::reception) person: Vec<(&'static str, String)>,
    /// What to do.
    pub(in crate::reception) advice: Vec<String>,
    /// `Freshness::code`.
    pub(in crate::reception) freshness: &'static str,
    /// What the answer rests on.
    pub(in crate::reception) knowledge: Vec<String>,
    /// Doubts that stand beside the verdict: old data, a wrong clock.
    pub(in crate::reception) doubts: Vec<&'static str>,
}

/// The rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RateView {
    pub(in crate::reception) percent: u8,
    pub(in crate::reception) rule: String,
    pub(in crate::reception) full_below: Option<String>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Difference {
    pub(in crate::reception) field: &'static str,
    pub(in crate::reception) shown: String,
    pub(in crate::reception) recorded: String,
}

/// Makes the view.
pub(in crate::reception) fn of(lookup: &Lookup, station: &Station) -> ResultView {
    let verdict = &lookup.verdict;
    let (class, class_words) = class(verdict);
    let headline = words::standing(verdict.standing);
    let rate = verdict.benefit.as_ref().map(|benefit| RateView {
        percent: benefit.rate.as_percent(),
        rule: words::rate_rule(&benefit.article, benefit.category.as_str(), &benefit.category_name, &station.rules),
        full_below: benefit.full_below_dong.map(words::full_below),
    });
    let stale = (verdict.data_age.freshness == Freshness::Stale).then_some("DỮ LIỆU CŨ: chỉ để tham khảo, kiểm tra lại khi có mạng.");
    ResultView {
        standing: verdict.standing.code(),
        class,
        class_words,
        headline,
        is_long: headline.chars().count() >= LONG,
        reason: words::reason(verdict.standing),
        until: until(lookup),
        rate,
        identity: verdict.identity.code(),
        identity_words: words::identity(verdict.identity),
        differences: differences(lookup),
        person: person(lookup),
        advice: verdict.advice.iter().map(words::advice).collect(),
        freshness: verdict.data_age.freshness.code(),
        knowledge: vec![words::knowledge(verdict.knowledge), words::data_age(&verdict.data_age)],
        doubts: stale.into_iter().chain(words::clock(verdict.now.state)).collect(),
    }
}

fn class(verdict: &Verdict) -> (&'static str, &'static str) {
    let differs = !matches!(verdict.identity, IdentityMatch::Match | IdentityMatch::NotChecked);
    match verdict.standing {
        Standing::Valid | Standing::Superseded { .. } if differs => ("in_force", "Thẻ có giá trị, CHƯA CHẮC của người này"),
        Standing::Valid | Standing::Superseded { .. } => ("in_force", "Thẻ có giá trị hôm nay"),
        Standing::NotYetValid
        | Standing::Expired
        | Standing::Revoked
        | Standing::Locked
        | Standing::Deregistered { .. }
        | Standing::NotListed => ("not_in_force", "Thẻ KHÔNG có giá trị hôm nay"),
        Standing::NotCovered { .. } => ("unknown", "Máy này không đủ dữ liệu để trả lời"),
        Standing::ManagedElsewhere => ("papers", "Xem giấy tờ, máy này không giữ dữ liệu"),
    }
}

/// The days of the card that counts; where none does, the recorded ones, because they say why.
fn until(lookup: &Lookup) -> Option<String> {
    let validity = match (&lookup.verdict.in_force, &lookup.record, lookup.verdict.standing) {
        (Some(card), ..) => card.validity,
        (None, Some(record), Standing::Expired | Standing::NotYetValid) => record.validity,
        _ => return None,
    };
    Some(words::validity(validity.valid_from, validity.valid_until))
}

fn differences(lookup: &Lookup) -> Vec<Difference> {
    let (scan, Some(record)) = (&lookup.scan, &lookup.record) else { return Vec::new() };
    let (name, born) = match lookup.verdict.identity {
        IdentityMatch::Match | IdentityMatch::NotChecked => (false, false),
        IdentityMatch::NameDiffers => (true, false),
        IdentityMatch::BirthDateDiffers => (false, true),
        IdentityMatch::NameAndBirthDateDiffer => (true, true),
    };
    let name = scan.name.as_ref().filter(|_| name).map(|shown| Difference {
        field: "Họ tên",
        shown: shown.as_str().to_owned(),
        recorded: record.name.as_str().to_owned(),
    });
    let born = scan.birth_date.filter(|_| born).map(|shown| Difference {
        field: "Ngày sinh",
        shown: words::birth_date(shown),
        recorded: words::birth_date(record.birth_date),
    });
    name.into_iter().chain(born).collect()
}

/// Who, as the visit would be saved: the record, or what was shown if there is none or it contradicts.
fn person(lookup: &Lookup) -> Vec<(&'static str, String)> {
    let person = lookup.person();
    let hamlet = lookup.record.as_ref().filter(|_| differences(lookup).is_empty()).and_then(|record| record.hamlet.as_deref());
    let rows = [
        ("Họ tên", person.name.as_ref().map(|name| name.as_str().to_owned())),
        ("Ngày sinh", person.birth_date.map(words::birth_date)),
        ("Giới tính", person.sex.map(|sex| words::sex(sex).to_owned())),
        ("Số thẻ", person.card_number.as_ref().map(|number| number.as_str().to_owned())),
        // The card number ends with it.
        ("Mã số BHXH", person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|n| n.as_str().to_owned())),
        ("CCCD", person.personal_id.as_ref().map(|id| id.as_str().to_owned())),
        ("Thôn, ấp", hamlet.map(str::to_owned)),
    ];
    rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}
