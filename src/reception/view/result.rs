//! The verdict as it is shown: the word to be read from two metres, then who, until when, at what rate, and how we know.
//!
//! Promise: four classes, each with its own shape, pattern and words, so that none is told by colour alone; a person who differs from the record is
//! said before the verdict. Never: a value of the record where what was shown contradicts it, without saying which is which.

use chrono::NaiveDate;

use crate::desk::Choices;
use crate::desk::Desk;
use crate::desk::Lookup;
use crate::desk::Question;
use crate::desk::Station;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::desk::messages::Text;
use crate::desk::words;
use crate::desk::words::Telling;
use crate::desk::words::birth_date;
use crate::domain::card::CardRecord;
use crate::domain::card::Validity;
use crate::domain::clock::Now;
use crate::domain::facility::FacilityCode;
use crate::domain::freshness::Freshness;
use crate::domain::rules::Benefit;
use crate::domain::verdict::IdentityMatch;
use crate::domain::verdict::NotCovered;
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
    pub(in crate::reception) class_words: &'static Text,
    /// The verdict.
    pub(in crate::reception) headline: &'static Text,
    /// Whether the headline is a long one.
    pub(in crate::reception) is_long: bool,
    /// Why, in a sentence.
    pub(in crate::reception) reason: &'static Text,
    /// Until when, if a card counts.
    pub(in crate::reception) until: Option<String>,
    /// Rate and its rule.
    pub(in crate::reception) rate: Option<RateView>,
    /// `IdentityMatch::code`.
    pub(in crate::reception) identity: &'static str,
    /// Whether the person differs, in words.
    pub(in crate::reception) identity_words: &'static Text,
    /// Where the one side of what differs comes from.
    pub(in crate::reception) claimed: &'static Text,
    /// What differs; empty if nothing does.
    pub(in crate::reception) differences: Vec<Difference>,
    /// Label and value.
    pub(in crate::reception) person: Vec<(&'static Text, String)>,
    /// What to do.
    pub(in crate::reception) advice: Vec<String>,
    /// `Freshness::code`.
    pub(in crate::reception) freshness: &'static str,
    /// What the answer rests on.
    pub(in crate::reception) knowledge: Vec<String>,
    /// How the question about this person stands: its code, and in words.
    pub(in crate::reception) question: Option<(&'static str, &'static Text)>,
    /// Visits of the same person today.
    pub(in crate::reception) earlier: Vec<EarlierView>,
    /// Whether the card is registered here: `here` or `elsewhere`, and in words.
    pub(in crate::reception) registration: Option<(&'static str, String)>,
    /// When the data get worse.
    pub(in crate::reception) countdown: Option<CountdownView>,
    /// Doubts that stand beside the verdict: old data, a wrong clock.
    pub(in crate::reception) doubts: Vec<String>,
}

/// A visit of the same person today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct EarlierView {
    pub(in crate::reception) number: u64,
    pub(in crate::reception) time: String,
}

/// The rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RateView {
    pub(in crate::reception) percent: u8,
    pub(in crate::reception) rule: String,
    pub(in crate::reception) full_below: Option<String>,
}

/// The hour at which the data get worse. The words are right without a script; one counts what is left beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct CountdownView {
    /// What is left when the page is made.
    pub(in crate::reception) seconds: i64,
    pub(in crate::reception) words: String,
    /// What is said when nothing is left.
    pub(in crate::reception) over: String,
}

/// In which language and at which instant a page is made.
#[derive(Clone, Copy, Debug)]
pub(in crate::reception) struct Made {
    pub(in crate::reception) words: &'static Messages,
    pub(in crate::reception) now: Now,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Difference {
    pub(in crate::reception) field: &'static Text,
    pub(in crate::reception) shown: String,
    pub(in crate::reception) recorded: String,
}

/// Makes the view.
pub(in crate::reception) fn of(lookup: &Lookup, station: &Station, question: Option<Question>, made: Made) -> ResultView {
    let texts = made.words;
    let verdict = &lookup.verdict;
    let headline = texts.verdict.standing(verdict.standing);
    let rate = verdict.benefit.as_ref().map(|benefit| rate(benefit, station, texts));
    let stale = (verdict.data_age.freshness == Freshness::Stale).then(|| texts.verdict.old_data.to_string());
    let clock = words::clock_doubt(verdict.now.state).map(|sentence| sentence.of(texts.language).to_owned());
    let differs = verdict.identity.differs();
    let check_number = lookup.is_unknown_typed_number().then(|| texts.search.check_number.to_string());
    ResultView {
        standing: verdict.standing.code(),
        class: class(verdict.standing),
        class_words: texts.verdict.class(verdict.standing, differs),
        headline,
        is_long: headline.to_string().chars().count() >= LONG,
        reason: texts.verdict.reason(verdict.standing),
        until: until(lookup).map(|days| texts.verdict.validity(days.valid_from, days.valid_until)),
        rate,
        identity: verdict.identity.code(),
        identity_words: texts.verdict.identity(verdict.identity),
        claimed: texts.verdict.claimed(lookup.scan.source),
        differences: differences(lookup, texts),
        person: person(lookup, texts),
        advice: verdict.advice.iter().map(|advice| texts.say(&words::advice(advice)).to_owned()).chain(check_number).collect(),
        freshness: verdict.data_age.freshness.code(),
        knowledge: vec![texts.verdict.knowledge(verdict.knowledge), texts.verdict.data_age(&verdict.data_age)],
        question: question.map(|question| (question.code(), texts.verdict.question(question, verdict.knowledge))),
        registration: registration(lookup, &station.facility, texts.language),
        countdown: countdown(verdict, made),
        earlier: lookup.earlier.iter().map(|earlier| EarlierView { number: earlier.number.0, time: words::hour(earlier.at) }).collect(),
        doubts: stale.into_iter().chain(clock).collect(),
    }
}

impl ResultView {
    /// With the rate of the category that was chosen before: what stands on the page is what is saved.
    pub(in crate::reception) fn with_rate(self, desk: &Desk, lookup: &Lookup, chosen: &Choices, texts: &'static Messages) -> Self {
        let Some(category) = &chosen.category else { return self };
        let (station, on) = (desk.station(), lookup.verdict.on);
        let card = lookup.verdict.in_force.as_ref().map(|card| &card.card_number);
        let benefit = card.and_then(|card| station.rules.benefit_as(card, category, on));
        Self { rate: benefit.map(|benefit| rate(&benefit, station, texts)), ..self }
    }
}

fn rate(benefit: &Benefit, station: &Station, texts: &Messages) -> RateView {
    let rule = texts.verdict.rule.with("article", &benefit.article).with("category", benefit.category.as_str());
    RateView {
        percent: benefit.rate.as_percent(),
        rule: rule.with("name", &benefit.category_name).with("version", &station.rules.version).to_string(),
        full_below: benefit.full_below_dong.map(|dong| texts.verdict.full_below(dong)),
    }
}

/// Where the card that counts is registered; where none does, the recorded one, or what the card shown says.
fn registration(lookup: &Lookup, home: &FacilityCode, language: Language) -> Option<(&'static str, String)> {
    let counts = lookup.verdict.in_force.as_ref().map(|card| &card.registered_facility);
    let recorded = lookup.record.as_ref().map(|record| &record.registered_facility);
    let facility = counts.or(recorded).or(lookup.scan.facility.as_ref())?;
    let code = if facility == home { "here" } else { "elsewhere" };
    Some((code, words::registration(facility, home).of(language).to_owned()))
}

fn countdown(verdict: &Verdict, made: Made) -> Option<CountdownView> {
    let (at, sentence) = words::countdown(&verdict.data_age, Telling::by(&made.now))?;
    let seconds = at.signed_duration_since(made.now.at).num_seconds();
    let over = words::countdown_over().of(made.words.language).to_owned();
    // What has passed since the look-up is not told as still to come.
    let words = if seconds > 0 { sentence.of(made.words.language).to_owned() } else { over.clone() };
    Some(CountdownView { seconds: seconds.max(0), words, over })
}

fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Valid | Standing::Superseded { .. } => "in_force",
        Standing::NotYetValid | Standing::Expired | Standing::Revoked | Standing::Locked | Standing::NotListed => "not_in_force",
        // Another card may well count: it is looked for among the person's papers.
        Standing::Deregistered { .. } | Standing::NotCovered { why: NotCovered::UnknownToProvince } | Standing::ManagedElsewhere => {
            "papers"
        }
        Standing::NotCovered { .. } => "unknown",
    }
}

/// The days of the card that counts; where none does, the recorded ones, because they say why.
fn until(lookup: &Lookup) -> Option<Validity> {
    Some(match (&lookup.verdict.in_force, &lookup.record, lookup.verdict.standing) {
        (Some(card), ..) => card.validity,
        (None, Some(record), Standing::Expired) => ended_last(record, lookup.verdict.on),
        (None, Some(record), Standing::NotYetValid) => to_come(record, lookup.verdict.on),
        _ => return None,
    })
}

/// The days of the card on record that ended last: the next one may have come and gone since the recorded one.
fn ended_last(record: &CardRecord, on: NaiveDate) -> Validity {
    let next = record.successor.as_ref().map(|next| next.validity);
    let ended = next.filter(|next| next.valid_until.is_some_and(|end| end < on && record.validity.valid_until.is_none_or(|old| old < end)));
    ended.unwrap_or(record.validity)
}

/// The days of the card that has not begun: the next one's if the recorded one has come and gone.
fn to_come(record: &CardRecord, on: NaiveDate) -> Validity {
    let next = record.successor.as_ref().map(|next| next.validity);
    next.filter(|_| record.validity.valid_from <= on).unwrap_or(record.validity)
}

fn differences(lookup: &Lookup, texts: &'static Messages) -> Vec<Difference> {
    let (scan, Some(record)) = (&lookup.scan, &lookup.record) else { return Vec::new() };
    let (name, born) = match lookup.verdict.identity {
        IdentityMatch::Match | IdentityMatch::Said | IdentityMatch::NotChecked => (false, false),
        IdentityMatch::NameDiffers => (true, false),
        IdentityMatch::BirthDateDiffers => (false, true),
        IdentityMatch::NameAndBirthDateDiffer => (true, true),
    };
    let name = scan.name.as_ref().filter(|_| name).map(|shown| Difference {
        field: &texts.verdict.name,
        shown: shown.as_str().to_owned(),
        recorded: record.name.as_str().to_owned(),
    });
    let born = scan.birth_date.filter(|_| born).map(|shown| Difference {
        field: &texts.verdict.birth_date,
        shown: birth_date(shown),
        recorded: birth_date(record.birth_date),
    });
    name.into_iter().chain(born).collect()
}

/// Who, as the visit would be saved: the record, or what was shown if there is none or it contradicts.
fn person(lookup: &Lookup, texts: &'static Messages) -> Vec<(&'static Text, String)> {
    let person = lookup.person();
    let hamlet = lookup.record.as_ref().filter(|_| differences(lookup, texts).is_empty()).and_then(|record| record.hamlet.as_deref());
    let words = &texts.verdict;
    let rows = [
        (&words.name, person.name.as_ref().map(|name| name.as_str().to_owned())),
        (&words.birth_date, person.birth_date.map(birth_date)),
        (&words.sex, person.sex.map(|sex| words.sex_of(sex).to_string())),
        (&words.card_number, person.card_number.as_ref().map(|number| number.as_str().to_owned())),
        // The card number ends with it.
        (&words.insurance_number, person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|n| n.as_str().to_owned())),
        (&words.personal_id, person.personal_id.as_ref().map(|id| id.as_str().to_owned())),
        (&words.hamlet, hamlet.map(str::to_owned)),
    ];
    rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::CardNumber;
    use crate::domain::card::Mark;
    use crate::domain::card::Successor;
    use crate::domain::facility::FacilityCode;
    use crate::domain::person::BirthDate;
    use crate::domain::person::PersonName;
    use crate::domain::person::Sex;

    fn days(from: &str, until: &str) -> Validity {
        Validity { valid_from: from.parse().unwrap(), valid_until: until.parse().ok() }
    }

    fn record(validity: Validity, next: Option<Validity>) -> CardRecord {
        let (card_number, facility) = (CardNumber::parse("GD4220100000001").unwrap(), FacilityCode::parse("22001").unwrap());
        let successor = |validity| Successor { card_number: card_number.clone(), validity, registered_facility: facility.clone() };
        CardRecord {
            successor: next.map(successor),
            personal_id: None,
            name: PersonName::parse("Trần Thị Ví Dụ").unwrap(),
            birth_date: BirthDate::parse_iso("1985-09-02").unwrap(),
            sex: Sex::Female,
            hamlet: None,
            registered_facility: facility.clone(),
            card_number: card_number.clone(),
            validity,
            five_years_on: None,
            copay_exempt_from: None,
            residence_area: None,
            mark: Mark::None,
            predecessor: None,
        }
    }

    #[test]
    fn the_days_shown_are_of_the_card_that_decided() {
        let on = "2027-06-01".parse().unwrap();
        let old = days("2025-01-01", "2025-12-31");
        let (ended, open, coming) = (days("2026-01-01", "2026-12-31"), days("2026-01-01", ""), days("2027-07-01", "2028-06-30"));
        for (validity, next, wanted) in
            [(old, None, old), (old, Some(ended), ended), (ended, Some(old), ended), (old, Some(coming), old), (old, Some(open), old)]
        {
            assert_eq!(ended_last(&record(validity, next), on), wanted, "{validity:?}, {next:?}");
        }
        for (validity, next, wanted) in
            [(coming, None, coming), (old, Some(coming), coming), (coming, Some(days("2028-07-01", "")), coming)]
        {
            assert_eq!(to_come(&record(validity, next), on), wanted, "{validity:?}, {next:?}");
        }
    }
}
