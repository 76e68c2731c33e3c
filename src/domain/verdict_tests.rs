//! The decision table of `assess`: what the desk is told, row by row, and the laws that hold on every day.
//!
//! Promise: a row reads without the code, and a failure names the row. The rules are the ones the program carries. Never: a row that
//! depends on today.

use chrono::Datelike;
use chrono::TimeDelta;

use super::*;
use crate::domain::benefit::BenefitCode;
use crate::domain::card::Mark;
use crate::domain::card::Successor;
use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::clock::Known;
use crate::domain::clock::judge;
use crate::domain::freshness::Thresholds;
use crate::domain::freshness::data_age;
use crate::domain::person::BirthDate;
use crate::domain::person::CitizenId;
use crate::domain::person::PersonName;
use crate::domain::person::Sex;
use crate::domain::scan::Source;
use crate::ops::rules::builtin;

const HOME: &str = "22001";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|_| panic!("no day: {text}"))
}

/// Ten in the morning in Vietnam.
fn morning(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(3, 0, 0).unwrap().and_utc()
}

/// The first five characters of a card number stand for the whole; all belong to one person.
fn card(prefix: &str) -> CardNumber {
    CardNumber::parse(&format!("{prefix}0100000001")).unwrap()
}

/// `2026-01-01..2026-12-31`, or `2026-01-01..` where no end is known.
fn validity(text: &str) -> Validity {
    let (from, until) = text.split_once("..").unwrap();
    Validity { valid_from: day(from), valid_until: (!until.is_empty()).then(|| day(until)) }
}

fn mark(text: &str) -> Mark {
    Mark::parse(text).unwrap_or_else(|_| panic!("no mark: {text}"))
}

/// `GD401 2026-01-01..2026-12-31`, then in any order `next GD422 2027-01-01..`, `before DT201`, `mark revoked`.
fn record(text: &str) -> CardRecord {
    let mut words = text.split_whitespace();
    let mut record = CardRecord {
        card_number: card(words.next().unwrap()),
        personal_id: None,
        name: PersonName::parse("Trần Thị Ví Dụ").unwrap(),
        birth_date: BirthDate::parse_iso("1985-09-02").unwrap(),
        sex: Sex::Female,
        hamlet: None,
        registered_facility: FacilityCode::parse(HOME).unwrap(),
        validity: validity(words.next().unwrap()),
        five_years_on: None,
        copay_exempt_from: None,
        residence_area: None,
        mark: Mark::None,
        predecessor: None,
        successor: None,
    };
    while let Some(word) = words.next() {
        let value = words.next().unwrap();
        match word {
            "next" => {
                record.successor = Some(Successor {
                    card_number: card(value),
                    validity: validity(words.next().unwrap()),
                    registered_facility: FacilityCode::parse(HOME).unwrap(),
                });
            }
            "before" => record.predecessor = Some(card(value)),
            "mark" => record.mark = mark(value),
            "elsewhere" => record.registered_facility = FacilityCode::parse("22002").unwrap(),
            _ => panic!("{word} in {text}"),
        }
    }
    record
}

fn nothing_shown() -> Scan {
    Scan {
        source: Source::CitizenId,
        card_number: None,
        insurance_number: None,
        personal_id: None,
        name: None,
        birth_date: None,
        sex: None,
        address: None,
        facility: None,
        valid_from: None,
        valid_until: None,
        issued_on: None,
        five_years_on: None,
        residence_area: None,
    }
}

/// `-` or a card's first five characters, then in any order `at 22001`, `from 2026-01-01`, `issued 2026-01-01`. The name and birth date shown
/// are the recorded ones.
fn shown(text: &str) -> Scan {
    let mut scan = nothing_shown();
    scan.name = Some(PersonName::parse("TRẦN THỊ VÍ DỤ").unwrap());
    scan.birth_date = Some(BirthDate::parse_iso("1985-09-02").unwrap());
    let mut words = text.split_whitespace();
    scan.card_number = words.next().filter(|word| *word != "-").map(card);
    if text.contains("from") {
        scan.source = Source::BhytCard;
    }
    while let Some(word) = words.next() {
        let value = words.next().unwrap();
        match word {
            "at" => scan.facility = Some(FacilityCode::parse(value).unwrap()),
            "from" => scan.valid_from = Some(day(value)),
            "issued" => scan.issued_on = Some(day(value)),
            _ => panic!("{word} in {text}"),
        }
    }
    scan
}

struct Desk {
    tables: RuleTables,
    facility: FacilityCode,
    class: FacilityClass,
    former_province: Option<ProvinceCode>,
}

impl Desk {
    fn new(facility: &str, class: &str) -> Self {
        Self {
            tables: builtin().unwrap(),
            facility: FacilityCode::parse(facility).unwrap(),
            class: FacilityClass::parse(class).unwrap(),
            former_province: None,
        }
    }

    fn rules(&self) -> StationRules<'_> {
        StationRules {
            home_facility: &self.facility,
            facility_class: &self.class,
            former_province: self.former_province.as_ref(),
            tables: &self.tables,
        }
    }

    fn station() -> Self {
        Self::new(HOME, "commune_station")
    }

    fn assess_at(&self, answer: RosterAnswer<'_>, scan: &Scan, now: Now, as_of: Option<DateTime<Utc>>) -> Verdict {
        let thresholds = Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) };
        let position = as_of.map(|as_of| RosterPosition { session: SessionId(uuid::Uuid::nil()), serial: Serial(7), as_of });
        let knowledge = RosterKnowledge { position, data_age: data_age(as_of, now, thresholds), is_askable: false };
        let rules = self.rules();
        assess(answer, scan, now, knowledge, rules)
    }

    /// With what the province answered about this person alone, beside a roster of its own age.
    fn assess_asked(&self, answer: RosterAnswer<'_>, scan: &Scan, now: Now, roster: Option<DateTime<Utc>>) -> Verdict {
        let thresholds = Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) };
        let position = roster.map(|as_of| RosterPosition { session: SessionId(uuid::Uuid::nil()), serial: Serial(7), as_of });
        let knowledge = RosterKnowledge { position, data_age: data_age(answer.asked_as_of(), now, thresholds), is_askable: false };
        let rules = self.rules();
        assess(answer, scan, now, knowledge, rules)
    }

    /// On a day, with data that are so many days old.
    fn assess(&self, answer: RosterAnswer<'_>, scan: &Scan, on: NaiveDate, data_days: i64) -> Verdict {
        let now = Now { at: morning(on), state: ClockState::Plausible };
        self.assess_at(answer, scan, now, Some(now.at - TimeDelta::days(data_days)))
    }

    /// A record and the person it is about, with fresh data.
    fn held(&self, record: &CardRecord, scan: &Scan, on: NaiveDate) -> Verdict {
        self.assess(RosterAnswer::Held(record), scan, on, 1)
    }
}

fn standing_text(standing: Standing) -> String {
    match standing {
        Standing::Superseded { in_force: true } => "superseded, in force".to_owned(),
        Standing::Superseded { in_force: false } => "superseded".to_owned(),
        Standing::Deregistered { why } => Mark::Deregistered(why).code().to_owned(),
        Standing::NotCovered { why } => format!("not_covered: {}", why.code()),
        other => other.code().to_owned(),
    }
}

fn prefix(number: &CardNumber) -> &str {
    &number.as_str()[..5]
}

fn advice_text(advice: &[Advice]) -> String {
    let one = |advice: &Advice| match advice {
        Advice::Renew { days_left, .. } => format!("renew {days_left}"),
        Advice::RenewBeforeWait { days_since, wait_begins_on, .. } => format!("lapsed {days_since}, wait from {wait_begins_on}"),
        Advice::RenewWithWait { wait_days } => format!("wait {wait_days}"),
        Advice::PaidForByOthers { days_left, decided_by, .. } => format!("paid for {days_left}: {}", decided_by.vi),
        Advice::NotInsured { category } => format!("not insured {category}"),
        Advice::PaidInTreatment { until } => format!("in treatment until {until}"),
        Advice::NextCard(next) => format!("next {} {}", prefix(&next.card_number), next.validity.valid_from),
        Advice::UseRecordedNumber => "recorded number".to_owned(),
        Advice::CompareIdentity => "compare".to_owned(),
        Advice::AskIdentityDocument => "document".to_owned(),
        Advice::AskPaperCard => "paper card".to_owned(),
        Advice::AskNumber => "number".to_owned(),
        Advice::TryAnotherNumber => "another number".to_owned(),
        Advice::LookForNewCard => "new card".to_owned(),
        Advice::ElseNotInsured { usual, otherwise } => format!("{usual}, else {otherwise}"),
        Advice::AskPhotoIfNone => "photo if none".to_owned(),
        Advice::CardOrNumberIsEnough => "number is enough".to_owned(),
        Advice::AskBirthCertificate => "birth certificate".to_owned(),
        Advice::AskReceipt => "receipt".to_owned(),
        Advice::AdmitAndCheckLater => "check later".to_owned(),
        Advice::AskCommuneForSupport { said, .. } => format!("support {}", said.vi.split(':').next().unwrap_or_default()),
        Advice::Season(season) => {
            format!("season {}", season.counted_end.map(|end| end.to_string()).unwrap_or_default()).trim_end().to_owned()
        }
    };
    advice.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The rows of a table: name, then the cells. Lines that begin with `#` are headings.
fn rows<const CELLS: usize>(table: &str) -> Vec<(&str, [&str; CELLS])> {
    table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, cells) = line.split_once('|').unwrap_or_else(|| panic!("no cells: {line}"));
            let cells: Vec<_> = cells.split('|').map(str::trim).collect();
            (name.trim(), cells.try_into().unwrap_or_else(|_| panic!("not {CELLS} cells: {line}")))
        })
        .collect()
}

/// Fails with every row that is not as written, by name.
fn check<const CELLS: usize>(table: &str, at_least: usize, judged: impl Fn([&str; CELLS]) -> (String, String)) {
    let rows = rows::<CELLS>(table);
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(name, cells)| {
            let (expected, found) = judged(*cells);
            (expected != found).then(|| format!("{name}\n    expected {expected}\n    found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(rows.len() >= at_least, "rows were lost: {}", rows.len());
}

/// Data are a day old (fresh) unless the row says otherwise; `-` on record: the roster has nobody, `left`: it had, `no roster`: there is none.
const STANDING: &str = "
# name                                      | day        | on record                                                     | shown | data days | standing | counts | advice

# the days alone
in the middle of the term                   | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 |
first day                                   | 2026-01-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 |
day before the first                        | 2025-12-31 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | not_yet_valid | - | not insured 9
last day                                    | 2026-12-31 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 | renew 0
day after the last, data from the last day  | 2027-01-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | expired | - | check later; in treatment until 2027-01-15; lapsed 1, wait from 2027-03-31
day after the last, data from that day      | 2027-01-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 0 | expired | - | not insured 9; in treatment until 2027-01-15; lapsed 1, wait from 2027-03-31
one-day card                                | 2026-06-15 | GD422 2026-06-15..2026-06-15                                  | GD422 | 1 | valid | GD422 | renew 0
no end known                                | 2040-01-01 | TE122 2026-01-01..                                            | TE122 | 1 | valid | TE122 |
no end known, not begun                     | 2025-12-31 | TE122 2026-01-01..                                            | TE122 | 1 | not_yet_valid | - | not insured 9
found without a card number                 | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | -     | 1 | valid | GD422 |

# renewal
61 days left                                | 2026-10-31 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 |
60 days left                                | 2026-11-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 | renew 60
30 days left                                | 2026-12-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 | renew 30
7 days left                                 | 2026-12-24 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | valid | GD422 | renew 7
89 days since                               | 2027-03-30 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | expired | - | not insured 9; lapsed 89, wait from 2027-03-31
90 days since                               | 2027-03-31 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | expired | - | not insured 9; wait 30
two years since                             | 2029-01-01 | GD422 2026-01-01..2026-12-31                                  | GD422 | 1 | expired | - | not insured 9; wait 30
next card known: no call to renew           | 2026-12-24 | GD422 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | valid | GD422 | next GD422 2027-01-01
extended under the same number              | 2027-01-01 | GD422 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | valid | GD422 |
extended, near the new end                  | 2027-12-24 | GD422 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | valid | GD422 | renew 7
extended, also over                         | 2028-01-10 | GD422 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | expired | - | not insured 9; in treatment until 2028-01-15; lapsed 10, wait from 2028-03-30

# a next card under another number: chosen by the day (complaint P1: the new one was taken before its first day)
old one shown, new one not begun            | 2026-12-24 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | DT222 | 1 | superseded, in force | DT222 | next GD422 2027-01-01
new one shown before its first day          | 2026-12-24 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | superseded, in force | DT222 | recorded number; next GD422 2027-01-01
none shown, new one not begun               | 2026-12-24 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | -     | 1 | superseded, in force | DT222 | next GD422 2027-01-01
last day of the old one                     | 2026-12-31 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | DT222 | 1 | superseded, in force | DT222 | next GD422 2027-01-01
old one shown on the new one's first day    | 2027-01-01 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | DT222 | 1 | superseded | GD422 | recorded number
new one shown on its first day              | 2027-01-01 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | valid | GD422 |
none shown on the new one's first day       | 2027-01-01 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | -     | 1 | valid | GD422 |
old one shown, both cover: the new counts   | 2026-08-01 | GD422 2026-01-01..2026-12-31 next CN222 2026-07-01..2026-12-31 | GD422 | 1 | superseded | CN222 | recorded number
old one without end, new one begun          | 2026-08-01 | TE122 2020-01-01.. next HS422 2026-07-01..2026-12-31          | TE122 | 1 | superseded | HS422 | recorded number
gap, old one shown                          | 2027-01-15 | DT222 2026-01-01..2026-12-31 next GD422 2027-02-01..2027-12-31 | DT222 | 1 | expired | - | not insured 9; in treatment until 2027-01-15; next GD422 2027-02-01
gap, new one shown                          | 2027-01-15 | DT222 2026-01-01..2026-12-31 next GD422 2027-02-01..2027-12-31 | GD422 | 1 | not_yet_valid | - | not insured 9; next GD422 2027-02-01
gap, none shown                             | 2027-01-15 | DT222 2026-01-01..2026-12-31 next GD422 2027-02-01..2027-12-31 | -     | 1 | not_yet_valid | - | not insured 9; next GD422 2027-02-01
both over, new one shown                    | 2028-01-02 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31 | GD422 | 1 | expired | - | not insured 9; in treatment until 2028-01-15; paid for -2: UBND xã và cơ quan BHXH

# an older number, or an old print of the same one
predecessor shown                           | 2026-06-15 | GD422 2026-01-01..2026-12-31 before DT222                     | DT222 | 1 | superseded | GD422 | recorded number
predecessor of the same group shown         | 2026-06-15 | GD422 2026-01-01..2026-12-31 before GD417                     | GD417 | 1 | superseded | GD422 | recorded number
another group, not recorded                 | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | HN222 | 1 | superseded | GD422 | recorded number
old benefit digit                           | 2026-06-15 | CN222 2026-01-01..2026-12-31                                  | CN322 | 1 | valid | CN222 | recorded number
old province of a merged one                | 2026-06-15 | GD431 2026-01-01..2026-12-31                                  | GD430 | 1 | valid | GD431 | recorded number
old digit, card over                        | 2027-04-15 | CN222 2026-01-01..2026-12-31                                  | CN322 | 1 | expired | - | not insured 9; wait 30; support Quảng Ninh
old digit, another next card                | 2026-12-24 | CN222 2026-01-01..2026-12-31 next GD422 2027-01-01..          | CN322 | 1 | superseded, in force | CN222 | recorded number; next GD422 2027-01-01
predecessor shown, recorded one not begun   | 2026-12-24 | GD422 2027-01-01..2027-12-31 before DT222                     | DT222 | 1 | not_covered: not_on_roster | - | check later; next GD422 2027-01-01
recorded one not begun, one before it       | 2026-12-24 | GD422 2027-01-01..2027-12-31 before DT222                     | GD422 | 1 | not_yet_valid | - | check later
predecessor shown, recorded one over        | 2027-04-15 | GD422 2026-01-01..2026-12-31 before DT222                     | DT222 | 1 | expired | - | not insured 9; wait 30

# a card that our data are too old to know
another group, begun since                  | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | CN222 from 2026-06-14 | 1 | not_covered: issued_after_our_data | - | check later; photo if none
another group, issued since                 | 2026-06-15 | GD422 2026-01-01..2026-05-31                                  | CN222 from 2026-06-01 issued 2026-06-14 | 1 | not_covered: issued_after_our_data | - | check later; photo if none
another group, issued the day before        | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | CN222 from 2026-01-01 issued 2026-06-13 | 1 | superseded | GD422 | photo if none; recorded number
renewed since under the same number         | 2027-01-05 | GD422 2026-01-01..2026-12-31                                  | GD422 from 2027-01-04 | 3 | not_covered: issued_after_our_data | - | check later; photo if none
renewed since, insurance number only        | 2027-01-05 | GD422 2026-01-01..2026-12-31                                  | - from 2027-01-04 | 3 | not_covered: issued_after_our_data | - | check later; photo if none
the recorded card, insurance number only    | 2027-01-05 | GD422 2026-01-01..2026-12-31                                  | - from 2026-01-01 | 3 | expired | - | photo if none; not insured 9; in treatment until 2027-01-15; lapsed 5, wait from 2027-03-31
printed ahead, insurance number only        | 2026-12-31 | GD422 2026-01-01..2026-12-31                                  | - from 2027-01-01 issued 2026-12-30 | 1 | valid | GD422 | photo if none; renew 0
reprinted since, same days                  | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | GD422 from 2026-01-01 issued 2026-06-15 | 1 | valid | GD422 | photo if none
known next card, printed ahead              | 2026-12-24 | DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..          | GD422 from 2027-01-01 issued 2026-12-24 | 1 | superseded, in force | DT222 | photo if none; recorded number; next GD422 2027-01-01
taken off, new card issued since            | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_rejoining      | GD422 from 2026-06-15 | 1 | not_covered: issued_after_our_data | - | check later; photo if none

# marks
withdrawn                                   | 2026-06-15 | GD422 2026-01-01..2026-12-31 mark revoked                     | GD422 | 1 | revoked | - | not insured 9
withdrawn, over as well                     | 2027-06-15 | GD422 2026-01-01..2026-12-31 mark revoked                     | GD422 | 1 | revoked | - | not insured 9
withdrawn, but the next card has begun      | 2026-08-01 | CN222 2026-01-01..2026-12-31 next GD422 2026-07-01..2026-12-31 mark revoked | - | 1 | revoked | - | check later; next GD422 2026-07-01
locked                                      | 2026-06-15 | GD422 2026-01-01..2026-12-31 mark locked                      | GD422 | 1 | locked | - | not insured 9
taken off, no reason                        | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered                | DN422 | 1 | deregistered | - | new card; receipt; 1.2, else 9
stopped contributing                        | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_stopped        | DN422 | 1 | deregistered_stopped | - | new card; 1.2, else 9
moved to another province                   | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_left_province  | DN422 | 1 | deregistered_left_province | - | new card; receipt; 1.2, else 9
moved within the province                   | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_moved          | DN422 | 1 | deregistered_moved | - | new card; receipt; 1.2, else 9
to be added again                           | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_rejoining      | DN422 | 1 | deregistered_rejoining | - | new card; receipt; 1.2, else 9
taken off, next card not begun              | 2026-06-15 | DN422 2026-01-01..2026-12-31 next GD422 2026-07-01..2026-12-31 mark deregistered_stopped | DN422 | 1 | deregistered_stopped | - | new card; 1.2, else 9; next GD422 2026-07-01
taken off, next card begun, old one shown   | 2026-07-01 | DN422 2026-01-01..2026-12-31 next GD422 2026-07-01..2026-12-31 mark deregistered_stopped | DN422 | 1 | superseded | GD422 | recorded number
taken off, next card begun and shown        | 2026-07-01 | DN422 2026-01-01..2026-12-31 next GD422 2026-07-01..2026-12-31 mark deregistered_stopped | GD422 | 1 | valid | GD422 |
army                                        | 2026-06-15 | QN597 2026-01-01.. mark army                                  | QN597 | 1 | managed_elsewhere | - | paper card
police, days over                           | 2027-06-15 | CA597 2026-01-01..2026-12-31 mark police                      | CA597 | 1 | managed_elsewhere | - | paper card

# old data answer, and say so
aging                                       | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | GD422 | 3 | valid | GD422 |
stale                                       | 2026-06-15 | GD422 2026-01-01..2026-12-31                                  | GD422 | 9 | valid | GD422 | check later
stale and withdrawn                         | 2026-06-15 | GD422 2026-01-01..2026-12-31 mark revoked                     | GD422 | 9 | revoked | - | check later
stale and over                              | 2027-04-15 | GD422 2026-01-01..2026-12-31                                  | GD422 | 9 | expired | - | check later; wait 30
stale and nobody on record                  | 2026-06-15 | -                                                             | GD422 | 9 | not_covered: not_on_roster | - | check later

# nobody on record
number alone                                | 2026-06-15 | -                                                             | GD422 | 1 | not_covered: not_on_roster | - | check later
nothing but a name                          | 2026-06-15 | -                                                             | -     | 1 | not_covered: no_number | - | number
names us, issued before our data            | 2026-06-15 | -                                                             | GD422 at 22001 from 2026-01-01 | 1 | not_listed | - | check later; receipt
names us, issued on the day of our data     | 2026-06-15 | -                                                             | GD422 at 22001 from 2026-06-14 | 1 | not_covered: issued_after_our_data | - | check later
names us, issued later than it begins       | 2026-06-15 | -                                                             | GD422 at 22001 from 2026-01-01 issued 2026-06-15 | 1 | not_covered: issued_after_our_data | - | check later
names us, no day                            | 2026-06-15 | -                                                             | GD422 at 22001 | 1 | not_covered: not_on_roster | - | check later
names another facility                      | 2026-06-15 | -                                                             | GD422 at 22002 from 2026-01-01 | 1 | not_covered: registered_elsewhere | - | check later
left the roster                             | 2026-06-15 | left                                                          | GD422 at 22001 from 2026-01-01 | 1 | not_covered: left_roster | - | check later; receipt
no roster yet                               | 2026-06-15 | no roster                                                     | GD422 at 22001 from 2026-01-01 | 1 | not_covered: no_roster | - | check later
";

#[test]
fn what_the_desk_is_told() {
    let desk = Desk::station();
    check(STANDING, 79, |[on, on_record, scan, data_days, standing, counts, advice]| {
        let held = (!matches!(on_record, "-" | "left" | "no roster")).then(|| record(on_record));
        let answer = match (on_record, &held) {
            ("left", _) => RosterAnswer::Left,
            ("no roster", _) => RosterAnswer::NoRoster,
            (_, Some(record)) => RosterAnswer::Held(record),
            (_, None) => RosterAnswer::NotHeld,
        };
        let now = Now { at: morning(day(on)), state: ClockState::Plausible };
        let as_of = (on_record != "no roster").then(|| now.at - TimeDelta::days(data_days.parse().unwrap()));
        let verdict = desk.assess_at(answer, &shown(scan), now, as_of);
        let in_force = verdict.in_force.as_ref().map_or("-", |card| prefix(&card.card_number));
        // What holds for every row: a rate comes with a card that counts, and what cannot speak is not called knowledge.
        assert_eq!(verdict.benefit.is_some(), verdict.in_force.is_some(), "{on_record}");
        let speaks = matches!(verdict.knowledge, Knowledge::Cached(_));
        assert_eq!(speaks, !matches!(verdict.standing, Standing::NotCovered { .. }), "{on_record}");
        (
            format!("{standing} | {counts} | {advice}"),
            format!("{} | {in_force} | {}", standing_text(verdict.standing), advice_text(&verdict.advice)),
        )
    });
}

/// The roster cannot speak; days: how old it is (`-`: there is none) and how old the province's answer is. `nobody`: the province knows no card. Elsewhere
/// is facility 22002.
const ASKED: &str = "
# name                                | day        | answered                                          | shown | roster | answer | standing | knowledge | freshness | counts | advice

# the record decides, whatever the roster's age
in the middle of the term             | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 | 1  | 0  | valid | verified | fresh | GD422 |
registered elsewhere                  | 2026-06-15 | GD422 2026-01-01..2026-12-31 elsewhere yes        | GD422 at 22002 | 1  | 0  | valid | verified | fresh | GD422 |
no roster yet                         | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 | -  | 0  | valid | verified | fresh | GD422 |
an old roster beside a young answer   | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 | 90 | 0  | valid | verified | fresh | GD422 |
found without a card number           | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | -     | 1  | 0  | valid | verified | fresh | GD422 |
names us, so our roster should have it| 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 at 22001 from 2026-01-01 | 1 | 0 | valid | verified | fresh | GD422 | photo if none
over                                  | 2027-01-05 | GD422 2026-01-01..2026-12-31                      | GD422 | 1  | 0  | expired | verified | fresh | - | not insured 9; in treatment until 2027-01-15; lapsed 5, wait from 2027-03-31
not begun                             | 2025-12-31 | GD422 2026-01-01..2026-12-31                      | GD422 | 1  | 0  | not_yet_valid | verified | fresh | - | not insured 9
followed by another card              | 2026-08-01 | DT222 2026-01-01..2026-06-30 next GD422 2026-07-01.. | DT222 | 1 | 0 | superseded | verified | fresh | GD422 | recorded number
withdrawn                             | 2026-06-15 | GD422 2026-01-01..2026-12-31 mark revoked         | GD422 | 1  | 0  | revoked | verified | fresh | - | not insured 9
locked                                | 2026-06-15 | GD422 2026-01-01..2026-12-31 mark locked          | GD422 | 1  | 0  | locked | verified | fresh | - | not insured 9
stopped contributing                  | 2026-06-15 | DN422 2026-01-01..2026-12-31 mark deregistered_stopped | DN422 | 1 | 0 | deregistered_stopped | verified | fresh | - | new card; 1.2, else 9
army                                  | 2026-06-15 | QN597 2026-01-01.. mark army                      | QN597 | 1  | 0  | managed_elsewhere | verified | fresh | - | paper card

# an answer has an age of its own, whatever the roster's
two days old                          | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 | 0  | 2  | valid | verified | aging | GD422 |
old                                   | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | GD422 | 0  | 20 | valid | verified | stale | GD422 | check later
over since it was given               | 2027-01-01 | GD422 2026-01-01..2026-12-31                      | GD422 | 0  | 1  | expired | verified | fresh | - | check later; in treatment until 2027-01-15; lapsed 1, wait from 2027-03-31
card begun since it was given         | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | CN222 from 2026-06-14 | 0 | 1 | not_covered: issued_after_our_data | unverified | fresh | - | check later; photo if none
card begun before it was given        | 2026-06-15 | GD422 2026-01-01..2026-12-31                      | CN222 from 2026-06-13 | 9 | 1 | superseded | verified | fresh | GD422 | photo if none; recorded number

# the province knows no card
nobody                                | 2026-06-15 | nobody                                            | GD422 | 1  | 0  | not_covered: unknown_to_province | verified | fresh | - | another number; receipt; 1.2, else 9
nobody, no roster                     | 2026-06-15 | nobody                                            | GD422 | -  | 0  | not_covered: unknown_to_province | verified | fresh | - | another number; receipt; 1.2, else 9
nobody, on a card that names us       | 2026-06-15 | nobody                                            | GD422 at 22001 from 2026-01-01 | 1 | 0 | not_covered: unknown_to_province | verified | fresh | - | another number; receipt; 1.2, else 9
nobody, some time ago                 | 2026-06-15 | nobody                                            | GD422 | 0  | 20 | not_covered: unknown_to_province | verified | stale | - | check later; another number; receipt
";

#[test]
fn what_the_desk_is_told_when_the_province_was_asked() {
    let desk = Desk::station();
    check(ASKED, 22, |[on, answered, scan, roster, days, standing, knowledge, freshness, counts, advice]| {
        let now = Now { at: morning(day(on)), state: ClockState::Plausible };
        let ago = |days: &str| days.parse().ok().map(|days| now.at - TimeDelta::days(days));
        let as_of = ago(days).unwrap();
        let record = (answered != "nobody").then(|| record(answered));
        let answer = record.as_ref().map_or(RosterAnswer::AskedNone { as_of }, |record| RosterAnswer::Asked { record, as_of });
        let verdict = desk.assess_asked(answer, &shown(scan), now, ago(roster));
        let in_force = verdict.in_force.as_ref().map_or("-", |card| prefix(&card.card_number));
        // The station's rate does not ask where a card is registered.
        assert_eq!(verdict.benefit.as_ref().map(|benefit| benefit.rate.as_percent()), verdict.in_force.as_ref().map(|_| 100), "{answered}");
        assert_eq!(verdict.basis.map(|position| position.as_of), ago(roster), "the roster that could not speak");
        if let Knowledge::Verified { at } = verdict.knowledge {
            assert_eq!(at, as_of);
        }
        let identity = if record.is_some() { IdentityMatch::Match } else { IdentityMatch::NotChecked };
        assert_eq!(verdict.identity, identity, "{answered}");
        let (told, age) = (verdict.knowledge.code(), verdict.data_age.freshness.code());
        (
            format!("{standing} | {knowledge} | {freshness} | {counts} | {advice}"),
            format!("{} | {told} | {age} | {in_force} | {}", standing_text(verdict.standing), advice_text(&verdict.advice)),
        )
    });
}

const IDENTITY: &str = "
# name                                | shown name       | shown birth | recorded name    | recorded birth | identity | advice
all agrees                            | Trần Thị Ví Dụ   | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | match |
capitals                              | TRẦN THỊ VÍ DỤ   | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | match |
typed without accents                 | TRAN THI VI DU   | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | match |
tone mark in the other place          | Nguyễn Văn Hoà   | 1985-09-02  | Nguyễn Văn Hòa   | 1985-09-02 | match |
another accent                        | Trần Thị Vi Dụ   | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | name_differs | compare
a syllable less                       | Trần Thị Dụ      | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | name_differs | compare
year only on the card                 | Trần Thị Ví Dụ   | 1985        | Trần Thị Ví Dụ   | 1985-09-02 | match |
year only on record                   | Trần Thị Ví Dụ   | 1985-09-02  | Trần Thị Ví Dụ   | 1985       | match |
month only on record                  | Trần Thị Ví Dụ   | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09    | match |
another month                         | Trần Thị Ví Dụ   | 1985-08     | Trần Thị Ví Dụ   | 1985-09-02 | birth_date_differs | compare
another day                           | Trần Thị Ví Dụ   | 1985-09-03  | Trần Thị Ví Dụ   | 1985-09-02 | birth_date_differs | compare
another year, year only               | Trần Thị Ví Dụ   | 1986        | Trần Thị Ví Dụ   | 1985-09-02 | birth_date_differs | compare
both differ                           | Lê Văn Mẫu       | 1990-01-01  | Trần Thị Ví Dụ   | 1985-09-02 | name_and_birth_date_differ | compare
name alone                            | Trần Thị Ví Dụ   | -           | Trần Thị Ví Dụ   | 1985-09-02 | not_checked | document
birth date alone                      | -                | 1985-09-02  | Trần Thị Ví Dụ   | 1985-09-02 | not_checked | document
birth date alone, another             | -                | 1985-09-01  | Trần Thị Ví Dụ   | 1985-09-02 | birth_date_differs | compare
a number alone                        | -                | -           | Trần Thị Ví Dụ   | 1985-09-02 | not_checked | document
";

#[test]
fn whether_it_is_the_person_on_record() {
    let desk = Desk::station();
    check(IDENTITY, 17, |[name, birth, recorded_name, recorded_birth, identity, advice]| {
        let mut record = record("GD422 2026-01-01..2026-12-31");
        record.name = PersonName::parse(recorded_name).unwrap();
        record.birth_date = BirthDate::parse_iso(recorded_birth).unwrap();
        let mut scan = shown("GD422");
        scan.name = PersonName::parse(name).ok().filter(|_| name != "-");
        scan.birth_date = BirthDate::parse_iso(birth).ok();
        let verdict = desk.held(&record, &scan, day("2026-06-15"));
        // Who the person is and whether the card is in force are two questions.
        assert_eq!(verdict.standing, Standing::Valid);
        (format!("{identity} | {advice}"), format!("{} | {}", verdict.identity.code(), advice_text(&verdict.advice)))
    });
}

#[test]
fn what_was_only_said_fits_the_record_and_is_not_called_a_match() {
    let record = record("GD422 2026-01-01..2026-12-31");
    let judged = |source| {
        let verdict = Desk::station().held(&record, &Scan { source, ..shown("-") }, day("2026-06-15"));
        (verdict.identity, verdict.identity.code(), advice_text(&verdict.advice))
    };
    assert_eq!(judged(Source::Typed), (IdentityMatch::Said, "not_checked", "document".to_owned()));
    assert_eq!(judged(Source::CitizenId), (IdentityMatch::Match, "match", String::new()));
}

const BENEFIT: &str = "
# name                                      | class           | card  | day        | rate | code | category | full below
commune station, household                  | commune_station | GD422 | 2026-06-15 | 100 | 4 | 1.2 | -
commune station, pensioner                  | commune_station | HT322 | 2026-06-15 | 100 | 3 | 1.2 | -
commune station, child                      | commune_station | TE122 | 2026-06-15 | 100 | 1 | 1.2 | -
first day of the present law                | commune_station | GD422 | 2025-07-01 | 100 | 4 | 1.2 | -
day before: no row, no rate                 | commune_station | GD422 | 2025-06-30 | none | - | - | -
other primary, household, old salary        | other_primary   | GD422 | 2026-06-30 | 80 | 4 | 1.11 | 351000
other primary, household, new salary        | other_primary   | GD422 | 2026-07-01 | 80 | 4 | 1.11 | 379500
other primary, pensioner                    | other_primary   | HT322 | 2026-07-01 | 95 | 3 | 1.11 | 379500
other primary, merit                        | other_primary   | CC122 | 2026-07-01 | 100 | 1 | 1.11 | -
near-poor, printed 3, December 2025         | other_primary   | CN322 | 2025-12-31 | 95 | 3 | 1.11 | 351000
near-poor, printed 3, January 2026          | other_primary   | CN322 | 2026-01-01 | 100 | 2 | 1.11 | -
near-poor, printed 2                        | other_primary   | CN222 | 2026-01-01 | 100 | 2 | 1.11 | -
social pension, printed 4, December 2025    | other_primary   | LH422 | 2025-12-31 | 80 | 4 | 1.11 | 351000
social pension, printed 4, January 2026     | other_primary   | LH422 | 2026-01-01 | 100 | 2 | 1.11 | -
the overrides are for their groups only     | other_primary   | HT322 | 2026-01-01 | 95 | 3 | 1.11 | 351000
… and for their printed digit only          | other_primary   | CN422 | 2026-01-01 | 80 | 4 | 1.11 | 351000
a class the rules do not know               | hospital        | GD422 | 2026-06-15 | none | - | - | -
";

#[test]
fn what_the_fund_pays() {
    check(BENEFIT, 17, |[class, prefix, on, rate, code, category, full_below]| {
        let record = record(&format!("{prefix} 2025-01-01.."));
        let verdict = Desk::new(HOME, class).held(&record, &shown(prefix), day(on));
        assert_eq!(verdict.standing, Standing::Valid);
        let found = verdict.benefit.map_or("none | - | - | -".to_owned(), |benefit| {
            let full_below = benefit.full_below_dong.map_or("-".to_owned(), |dong| dong.to_string());
            format!("{} | {} | {} | {full_below}", benefit.rate.as_percent(), benefit.counted_code.digit(), benefit.category)
        });
        (format!("{rate} | {code} | {category} | {full_below}"), found)
    });
}

#[test]
fn the_card_that_counts_gives_the_rate_not_the_one_shown() {
    let desk = Desk::new(HOME, "other_primary");
    let record = record("GD422 2026-01-01..2026-12-31 before DT222");
    let benefit = desk.held(&record, &shown("DT222"), day("2026-06-15")).benefit.unwrap();
    assert_eq!((benefit.rate.as_percent(), benefit.counted_code), (80, BenefitCode::parse('4').unwrap()));
}

const SUPPORT: &str = "
# `former`: the province before the merger that the station's configuration names; the card ends so many days after the day of the row.
# name                              | facility | former | card  | born       | day        | ends in | advice
Quảng Ninh, day before 70           | 22001 | -  | GD422 | 1956-12-25 | 2026-12-24 | 7   | renew 7
Quảng Ninh, 70 today                | 22001 | -  | GD422 | 1956-12-24 | 2026-12-24 | 7   | renew 7; support Quảng Ninh
Quảng Ninh, last day of 79          | 22001 | -  | GD422 | 1946-12-25 | 2026-12-24 | 7   | renew 7; support Quảng Ninh
Quảng Ninh, 80 today                | 22001 | -  | GD422 | 1946-12-24 | 2026-12-24 | 7   | renew 7
Quảng Ninh, year only               | 22001 | -  | GD422 | 1956       | 2026-12-24 | 7   | renew 7; support Quảng Ninh
Quảng Ninh, no end in sight         | 22001 | -  | GD422 | 1950-01-01 | 2026-06-15 | 61  |
Quảng Ninh, near-poor and young     | 22001 | -  | CN222 | 1990-01-01 | 2026-12-24 | 7   | renew 7; support Quảng Ninh
Quảng Ninh, near-poor and 70        | 22001 | -  | CN222 | 1950-01-01 | 2026-12-24 | 7   | renew 7; support Quảng Ninh; support Quảng Ninh
Quảng Ninh, near-poor before 2026   | 22001 | -  | CN322 | 1990-01-01 | 2025-12-24 | 7   | renew 7
another province                    | 42001 | -  | GD442 | 1950-01-01 | 2026-12-24 | 7   | renew 7

# the same birth date: two former provinces, two answers until 2025-12-31, and one after
old Hải Phòng, 62, before           | 31001 | -  | GD431 | 1963-06-01 | 2025-12-31 | 7   | renew 7; support Hải Phòng (trước sáp nhập)
old Hải Dương, 62, before           | 31001 | -  | GD430 | 1963-06-01 | 2025-12-31 | 7   | renew 7
old Hải Phòng, 62, after            | 31001 | -  | GD431 | 1963-06-01 | 2026-01-01 | 7   | renew 7; support Hải Phòng
old Hải Dương, 62, after            | 31001 | -  | GD430 | 1963-06-01 | 2026-01-01 | 7   | renew 7; support Hải Phòng
old Hải Phòng, 76, before           | 31001 | -  | GD431 | 1949-06-01 | 2025-12-31 | 7   | renew 7; support Hải Phòng (trước sáp nhập)
old Hải Dương, 76, before           | 31001 | -  | GD430 | 1949-06-01 | 2025-12-31 | 7   | renew 7; support Hải Dương (trước sáp nhập)
old Hải Phòng, 76, after            | 31001 | -  | GD431 | 1949-06-01 | 2026-01-01 | 7   | renew 7
old Hải Dương, 76, after            | 31001 | -  | GD430 | 1949-06-01 | 2026-01-01 | 7   | renew 7
old Hải Dương, 77, before           | 31001 | -  | GD430 | 1948-06-01 | 2025-12-31 | 7   | renew 7; support Hải Dương (trước sáp nhập)
old Hải Dương, 80, before           | 31001 | -  | GD430 | 1945-06-01 | 2025-12-31 | 7   | renew 7
before the merger                   | 31001 | -  | GD431 | 1963-06-01 | 2025-06-30 | 7   |
card of another province            | 31001 | -  | GD422 | 1963-06-01 | 2025-12-31 | 7   | renew 7
the station's word, not the card's  | 31001 | 30 | GD431 | 1963-06-01 | 2025-12-31 | 7   | renew 7
the station's word for any card     | 31001 | 31 | GD422 | 1963-06-01 | 2025-12-31 | 7   | renew 7; support Hải Phòng (trước sáp nhập)
Hải Phòng, 59                       | 31001 | -  | GD431 | 1967-06-01 | 2026-12-24 | 7   | renew 7
Hải Phòng, 75                       | 31001 | -  | GD431 | 1951-06-01 | 2026-12-24 | 7   | renew 7
Hải Phòng, near-poor                | 31001 | -  | CN231 | 1990-06-01 | 2026-12-24 | 7   | renew 7; support Hải Phòng
Hải Phòng, 65 and lapsed            | 31001 | -  | GD431 | 1961-06-01 | 2027-01-15 | -15 | not insured 9; in treatment until 2027-01-15; lapsed 15, wait from 2027-03-31; support Hải Phòng
Hải Phòng, after 2030               | 31001 | -  | GD431 | 1970-06-01 | 2031-01-01 | 7   | renew 7

# cards that others pay for: no call to pay, no wait, no support of a premium that the holder does not pay
a pensioner of 72                   | 22001 | -  | HT322 | 1954-06-01 | 2026-12-24 | 7   | paid for 7: cơ quan BHXH
a pensioner of 65 in Hải Phòng      | 31001 | -  | HT331 | 1961-06-01 | 2026-12-24 | 7   | paid for 7: cơ quan BHXH
a poor household of 72              | 22001 | -  | HN222 | 1954-06-01 | 2026-12-24 | 7   | paid for 7: UBND xã và cơ quan BHXH
an employee of 61 in Hải Phòng      | 31001 | -  | DN431 | 1965-06-01 | 2026-12-24 | 7   | paid for 7: nơi làm việc và cơ quan BHXH
a poor household, lapsed            | 22001 | -  | HN222 | 1990-06-01 | 2027-01-30 | -30 | not insured 9; paid for -30: UBND xã và cơ quan BHXH
a pensioner, lapsed long ago        | 22001 | -  | HT322 | 1954-06-01 | 2027-06-01 | -120 | not insured 9; paid for -120: cơ quan BHXH
a poor household, far from the end  | 22001 | -  | HN222 | 1990-06-01 | 2026-06-01 | 61  |

# seasons: the day on record goes before a counted one
child, end on record                | 22001 | -  | TE122 | 2020-05-01 | 2026-09-23 | 7   | season
child, card over by age              | 22001 | -  | TE122 | 2020-05-01 | 2026-10-23 | -23 | not insured 9; season
child, no end on record             | 22001 | -  | TE122 | 2020-05-01 | 2026-09-23 | -   | season 2026-09-30
child of 29 September               | 22001 | -  | TE122 | 2020-09-29 | 2026-09-23 | -   | season 2026-09-30
child of 30 September               | 22001 | -  | TE122 | 2020-09-30 | 2026-09-23 | -   | season 2026-09-30
child of 1 October                  | 22001 | -  | TE122 | 2020-10-01 | 2026-09-23 | -   | season 2026-10-31
child, far from the end             | 22001 | -  | TE122 | 2022-05-01 | 2026-09-23 | -   |
grade 12                            | 22001 | -  | HS422 | 2008-05-01 | 2026-09-23 | 7   | renew 7; season
grade 11                            | 22001 | -  | HS422 | 2009-05-01 | 2026-09-23 | 7   | renew 7
";

#[test]
fn which_subsidy_or_season_is_worth_telling_of() {
    check(SUPPORT, 37, |[facility, former, number, born, on, ends_in, advice]| {
        let on = day(on);
        let ends = ends_in.parse().ok().map(|days| on + TimeDelta::days(days));
        let mut record = record("GD422 2025-01-01..");
        (record.card_number, record.validity.valid_until) = (card(number), ends);
        record.birth_date = BirthDate::parse_iso(born).unwrap();
        let mut scan = shown(number);
        scan.birth_date = Some(record.birth_date);
        let desk = Desk { former_province: ProvinceCode::parse(former).ok(), ..Desk::new(facility, "commune_station") };
        (advice.to_owned(), advice_text(&desk.held(&record, &scan, on).advice))
    });
}

#[test]
fn each_reminder_says_which_it_is() {
    let desk = Desk::station();
    let record = record("GD422 2026-01-01..2026-12-31");
    for (on, expected) in [
        ("2026-11-01", "60 early"),
        ("2026-11-30", "60 early"),
        ("2026-12-01", "30 soon"),
        ("2026-12-23", "30 soon"),
        ("2026-12-24", "7 pressing"),
        ("2026-12-31", "7 pressing"),
        ("2027-01-01", "soon"),
        ("2027-02-28", "soon"),
        ("2027-03-01", "pressing"),
        ("2027-03-30", "pressing"),
    ] {
        let found = desk.held(&record, &shown("GD422"), day(on)).advice.into_iter().find_map(|advice| match advice {
            Advice::Renew { step, urgency, .. } => Some(format!("{step} {}", urgency.code())),
            Advice::RenewBeforeWait { urgency, .. } => Some(urgency.code().to_owned()),
            _ => None,
        });
        assert_eq!(found.as_deref(), Some(expected), "{on}");
    }
}

const PROOFS: &str = "
# What is shown: a typed number, the scan of a card, or of an identity card, with name and birth date or without.
# name                          | on record                     | born       | shown              | advice
number typed                    | GD422 2026-01-01..2030-12-31  | 1985-09-02 | typed              | document
name and birth date said        | GD422 2026-01-01..2030-12-31  | 1985-09-02 | typed, person      | document
card scanned                    | GD422 2026-01-01..2030-12-31  | 1985-09-02 | bhyt_card, person  | photo if none
identity card scanned           | GD422 2026-01-01..2030-12-31  | 1985-09-02 | citizen_id, person |
child of 5, said                | GD422 2026-01-01..2030-12-31  | 2021-06-16 | typed, person      | number is enough
child of 5, number typed        | GD422 2026-01-01..2030-12-31  | 2021-06-16 | typed              | number is enough
child of 6, number typed        | GD422 2026-01-01..2030-12-31  | 2020-06-15 | typed              | document
child's card after 6            | TE122 2026-01-01..2030-12-31  | 2020-01-15 | typed              | number is enough
child's card scanned            | TE122 2026-01-01..2030-12-31  | 2021-06-16 | bhyt_card, person  |
child, not on the roster        | -                             | 2021-06-16 | citizen_id, person | number; birth certificate
adult, not on the roster        | -                             | 1985-09-02 | citizen_id, person | number
adult's number, not on it       | -                             | 1985-09-02 | typed              | number; document
a small child's id, not on it   | -                             | 1985-09-02 | typed 022321000123 | check later; birth certificate
a grown child's id, not on it   | -                             | 1985-09-02 | typed 022320000123 | check later; document
army card, not on it            | -                             | 1985-09-02 | typed QN597        | check later; paper card
police card, not on it          | -                             | 1985-09-02 | typed CA597        | check later; paper card
army, on record                 | QN597 2026-01-01.. mark army  | 1985-09-02 | bhyt_card, person  | paper card
to be added again               | DN422 2026-01-01..2030-12-31 mark deregistered_rejoining | 1985-09-02 | citizen_id, person | new card; receipt; 1.2, else 9
stopped                         | DN422 2026-01-01..2030-12-31 mark deregistered_stopped | 1985-09-02 | citizen_id, person | new card; 1.2, else 9
";

#[test]
fn what_is_asked_for() {
    let desk = Desk::station();
    check(PROOFS, 19, |[on_record, born, what, advice]| {
        let born = BirthDate::parse_iso(born).unwrap();
        let held = (on_record != "-").then(|| CardRecord { birth_date: born, ..record(on_record) });
        let (kind, number) = what.split_once(' ').unwrap_or((what, ""));
        let mut scan = if number == "person" { shown("-") } else { nothing_shown() };
        scan.source = Source::parse(kind.trim_end_matches(',')).unwrap();
        scan.birth_date = scan.birth_date.map(|_| born);
        scan.card_number = (number.len() == 5).then(|| card(number));
        scan.personal_id = CitizenId::parse(number).ok();
        let answer = held.as_ref().map_or(RosterAnswer::NotHeld, RosterAnswer::Held);
        (advice.to_owned(), advice_text(&desk.assess(answer, &scan, day("2026-06-15"), 1).advice))
    });
}

/// Decree 188/2025, Article 38(2), is for a look-up that failed. Of whom the province can still be asked, the question tells how that goes.
#[test]
fn admit_and_check_later_is_said_only_where_a_look_up_has_failed() {
    let (desk, now) = (Desk::station(), Now { at: morning(day("2026-06-15")), state: ClockState::Plausible });
    let (as_of, moved) = (now.at - TimeDelta::days(1), record("DN422 2026-01-01..2026-12-31 mark deregistered_moved"));
    let position = Some(RosterPosition { session: SessionId(uuid::Uuid::nil()), serial: Serial(7), as_of });
    let data_age = data_age(Some(as_of), now, Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) });
    let says = |answer, scan: &Scan, is_askable| {
        let knowledge = RosterKnowledge { position, data_age, is_askable };
        assess(answer, scan, now, knowledge, desk.rules()).advice.contains(&Advice::AdmitAndCheckLater)
    };
    let (number, elsewhere, ours) = (shown("GD422"), shown("GD422 at 22002 from 2026-01-01"), shown("GD422 at 22001 from 2026-01-01"));
    for (answer, scan) in
        [(RosterAnswer::NotHeld, &number), (RosterAnswer::NotHeld, &elsewhere), (RosterAnswer::NotHeld, &ours), (RosterAnswer::Left, &ours)]
    {
        assert!(says(answer, scan, false) && !says(answer, scan, true), "{answer:?}");
    }
    assert!(says(RosterAnswer::NoRoster, &number, true), "there are no data");
    for (answer, scan) in
        [(RosterAnswer::AskedNone { as_of }, &number), (RosterAnswer::NotHeld, &shown("-")), (RosterAnswer::Held(&moved), &number)]
    {
        assert!(!says(answer, scan, false) && !says(answer, scan, true), "{answer:?}: nothing failed");
    }
}

const CLOCK: &str = "
# The floor is 2026-11-20, the province last vouched for 2026-11-19.
# name                               | wall clock           | judged for | clock     | on record                    | standing
in step                              | 2026-11-22T03:00:00Z | 2026-11-22 | Plausible | GD422 2026-11-22..2026-11-22 | valid
before midnight in Vietnam           | 2026-11-21T16:59:59Z | 2026-11-21 | Plausible | GD422 2026-11-22..2026-11-22 | not_yet_valid
midnight in Vietnam                  | 2026-11-21T17:00:00Z | 2026-11-22 | Plausible | GD422 2026-11-22..2026-11-22 | valid
dead battery: judged at the floor    | 2015-01-01T00:00:00Z | 2026-11-20 | Behind    | GD422 2026-01-01..2026-12-31 | valid
dead battery, card over              | 2015-01-01T00:00:00Z | 2026-11-20 | Behind    | GD422 2015-01-01..2015-12-31 | expired
far ahead: judged at the floor       | 2037-01-01T00:00:00Z | 2026-11-20 | FarAhead  | GD422 2026-01-01..2026-12-31 | valid
far ahead, card of that year         | 2037-01-01T00:00:00Z | 2026-11-20 | FarAhead  | GD422 2037-01-01..2037-12-31 | not_yet_valid
";

#[test]
fn by_which_day_it_is_judged() {
    let desk = Desk::station();
    let as_of = morning(day("2026-11-19"));
    check(CLOCK, 7, |[wall, judged_for, state, on_record, standing]| {
        let released = morning(day("2026-11-01"));
        let now = judge(wall.parse().unwrap(), Known { released, vouched: Some(as_of), recorded: Some(morning(day("2026-11-20"))) });
        let verdict = desk.assess_at(RosterAnswer::Held(&record(on_record)), &shown("GD422"), now, Some(as_of));
        (
            format!("{judged_for} | {state} | {standing}"),
            format!("{} | {:?} | {}", verdict.on, verdict.now.state, standing_text(verdict.standing)),
        )
    });
}

#[test]
fn what_comes_first_is_most_urgent() {
    let record = record("GD422 2026-01-01..2026-12-31 before DT222");
    let mut scan = shown("DT222");
    scan.birth_date = None;
    scan.name = Some(PersonName::parse("Lê Văn Mẫu").unwrap());
    let verdict = Desk::station().assess(RosterAnswer::Held(&record), &scan, day("2026-12-24"), 9);
    assert_eq!(advice_text(&verdict.advice), "compare; check later; recorded number; renew 7");
}

fn each_day() -> impl Iterator<Item = NaiveDate> {
    day("2024-01-01").iter_days().take_while(|on| on.year() <= 2028)
}

#[test]
fn law_valid_exactly_on_the_days_of_the_card() {
    let desk = Desk::station();
    for days in ["2025-03-01..2026-02-28", "2024-02-29..2024-02-29", "2027-12-31..2028-01-01", "2026-07-01..", "2020-01-01..2030-12-31"] {
        let record = record(&format!("GD422 {days}"));
        let Validity { valid_from, valid_until } = record.validity;
        for on in each_day() {
            let standing = desk.held(&record, &shown("GD422"), on).standing;
            let expected = if on < valid_from {
                Standing::NotYetValid
            } else if valid_until.is_some_and(|until| until < on) {
                Standing::Expired
            } else {
                Standing::Valid
            };
            assert_eq!(standing, expected, "{days} on {on}");
        }
    }
}

/// P1 as a law: whatever is shown, a card on record that covers the day is found, and never one that does not.
#[test]
fn law_the_card_that_counts_covers_the_day() {
    let desk = Desk::station();
    for on_record in [
        "DT222 2025-01-01..2025-12-31 next GD422 2026-01-01..2026-12-31",
        "DT222 2025-01-01..2025-12-31 next GD422 2026-02-01..2026-12-31 before HN222",
        "DT222 2025-01-01..2025-12-31 next GD422 2025-07-01..",
        "DT222 2025-01-01.. next GD422 2025-07-01..2025-12-31",
        "GD422 2025-01-01..2025-12-31 next GD422 2026-01-01..2026-12-31",
    ] {
        let record = record(on_record);
        let next = record.successor.as_ref().unwrap();
        for on in each_day() {
            let covered = covers(record.validity, on) || covers(next.validity, on);
            let counts: Vec<_> = ["-", "DT222", "GD422", "HN222", "GD417"]
                .into_iter()
                .map(|number| {
                    let verdict = desk.held(&record, &shown(number), on);
                    let in_force = matches!(verdict.standing, Standing::Valid | Standing::Superseded { .. });
                    assert_eq!(in_force, covered, "{on_record} on {on} showing {number}: {:?}", verdict.standing);
                    assert_eq!(verdict.in_force.is_some(), covered, "{on_record} on {on} showing {number}");
                    assert!(verdict.in_force.as_ref().is_none_or(|card| covers(card.validity, on)), "{on_record} on {on} showing {number}");
                    if verdict.standing == (Standing::Superseded { in_force: true }) {
                        assert_eq!(verdict.in_force.as_ref().map(|card| &card.card_number), Some(&record.card_number));
                    }
                    verdict.in_force
                })
                .collect();
            assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "what is shown changed what counts: {on_record} on {on}");
        }
    }
}

#[test]
fn law_a_mark_is_never_overruled_by_the_days() {
    let desk = Desk::station();
    for (mark, standing) in [
        ("revoked", Standing::Revoked),
        ("locked", Standing::Locked),
        ("army", Standing::ManagedElsewhere),
        ("police", Standing::ManagedElsewhere),
        ("deregistered_stopped", Standing::Deregistered { why: Deregistration::Stopped }),
    ] {
        let record = record(&format!("GD422 2025-03-01..2026-02-28 mark {mark}"));
        for on in each_day() {
            let verdict = desk.held(&record, &shown("GD422"), on);
            assert_eq!((verdict.standing, verdict.in_force), (standing, None), "{mark} on {on}");
        }
    }
}

#[test]
fn law_renewal_is_never_both_due_and_settled() {
    let desk = Desk::station();
    let record = record("DT222 2025-01-01..2025-12-31 next GD422 2026-02-01..2026-12-31");
    for on in each_day() {
        let advice = desk.held(&record, &shown("-"), on).advice;
        let settled = advice.iter().any(|advice| matches!(advice, Advice::NextCard(_)));
        let due = advice.iter().any(|advice| {
            matches!(
                advice,
                Advice::Renew { .. } | Advice::RenewBeforeWait { .. } | Advice::RenewWithWait { .. } | Advice::PaidForByOthers { .. }
            )
        });
        assert!(!(settled && due), "{on}");
        assert_eq!(settled, on < day("2026-02-01"), "{on}");
        assert_eq!(due, on >= day("2026-11-01"), "{on}");
    }
}

/// Days by the rule of the calendar, counted here and not by the library: a year's days are 365, or 366 where it is a leap year.
fn calendar() -> Vec<(String, i64)> {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut days = Vec::new();
    // 1970-01-01 is day 0, and 1900-01-01 lies seventy years of which seventeen were leap years before it.
    let mut count = -(70 * 365 + 17);
    for year in 1900..=2100 {
        for (month, length) in (1..).zip([31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            for day in 1..=length {
                days.push((format!("{year}-{month:02}-{day:02}"), count));
                count += 1;
            }
        }
    }
    days
}

/// On every day of two centuries: a card's last day counts to its last millisecond in Vietnam, its first from its first, and not one more.
#[test]
fn f43_the_last_day_counts_on_every_day_from_1900_to_2100() {
    const DAY: i64 = 86_400_000;
    let desk = Desk::station();
    let days = calendar();
    assert_eq!(days.len(), 201 * 365 + 49, "1900 and 2100 are no leap years");
    let scan = shown("-");
    let (mut ending, mut beginning) = (record("GD422 1800-01-01..1800-01-01"), record("GD422 1800-01-01.."));
    for (text, number) in &days {
        // Midnight in Vietnam is seven hours before midnight in Greenwich.
        let begins = number * DAY - 7 * 3_600_000;
        (ending.validity.valid_until, beginning.validity.valid_from) = (Some(day(text)), day(text));
        let standing = |record: &CardRecord, millis: i64| {
            let at = DateTime::from_timestamp_millis(millis).unwrap();
            let now = Now { at, state: ClockState::Plausible };
            desk.assess_at(RosterAnswer::Held(record), &scan, now, Some(at)).standing
        };
        for (record, millis, expected) in [
            (&ending, begins + DAY - 1, Standing::Valid),
            (&ending, begins + DAY, Standing::Expired),
            (&beginning, begins - 1, Standing::NotYetValid),
            (&beginning, begins, Standing::Valid),
        ] {
            assert_eq!(standing(record, millis), expected, "{text}, {} ms after midnight", millis - begins);
        }
    }
}

/// Wall clocks that a machine may wake up with, most of them drawn at random.
fn wall_clocks(seed: u64, released: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    use rand::RngExt;
    use rand::SeedableRng;
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let years = |years: i64| TimeDelta::days(years * 365);
    let told = [DateTime::UNIX_EPOCH, released, released - TimeDelta::milliseconds(1), released + years(10), released - years(10)];
    let mut walls = Vec::from(told);
    // Anywhere between 1970 and 2106, and around the edges of what is believed.
    walls.extend((0..60).map(|_| DateTime::from_timestamp(random.random_range(0..u32::MAX.into()), 0).unwrap()));
    walls.extend((0..60).map(|_| released + TimeDelta::hours(random.random_range(-500..24 * 500))));
    walls
}

/// 125 clocks and 10 cards, with and without visits recorded since the province last spoke: 2,500 answers. A clock that cannot be right is never judged
/// by: the day is the last one known to have passed, every answer says so, and one that time will change says to check later as well.
#[test]
fn f38_no_flat_answer_on_a_clock_that_cannot_be_right() {
    let seed = rand::random();
    println!("seed {seed}");
    let desk = Desk::station();
    let at = |text| morning(day(text));
    let (released, vouched) = (at("2026-11-01"), at("2026-11-19"));
    let cards = [
        "GD422 2026-01-01..2026-12-31",
        "GD422 2026-01-01..2026-11-21",
        "GD422 2026-11-23..2027-11-22",
        "GD422 1970-01-01..1970-12-31",
        "GD422 2015-01-01..2015-12-31",
        "GD422 2036-01-01..2037-12-31",
        "TE122 2020-01-01..",
        "DT222 2026-01-01..2026-12-31 next GD422 2027-01-01..2027-12-31",
        "GD422 2026-01-01..2026-12-31 mark revoked",
        "GD422 2026-01-01..2026-12-31 mark deregistered_stopped",
    ]
    .map(record);
    let (mut believed, mut doubted) = (0, 0);
    for recorded in [None, Some(at("2026-11-22"))] {
        let floor = recorded.unwrap_or(vouched);
        for wall in wall_clocks(seed, released) {
            let now = judge(wall, Known { released, vouched: Some(vouched), recorded });
            let is_possible = vouched <= wall && wall <= vouched + TimeDelta::days(400);
            for record in &cards {
                let verdict = desk.assess_at(RosterAnswer::Held(record), &shown("-"), now, Some(vouched));
                let what = format!("{wall} {} {:?}", record.card_number.as_str(), record.validity);
                let by_day =
                    |at| desk.assess_at(RosterAnswer::Held(record), &shown("-"), Now { at, state: ClockState::Plausible }, Some(vouched));
                if now.state == ClockState::Plausible {
                    assert!(is_possible, "{what}: a clock that cannot be right was believed");
                    assert_eq!(verdict, Verdict { now, ..by_day(wall) }, "{what}");
                    believed += 1;
                    continue;
                }
                doubted += 1;
                assert!(now.state.is_suspect() && verdict.now == now, "{what}: nothing says so");
                assert_eq!(
                    (verdict.on, verdict.standing),
                    (clock::vietnam_day(floor), by_day(floor).standing),
                    "{what}: not judged at the floor"
                );
                // It is later than the floor, by nobody knows how much. What is said without a reserve holds on every later day.
                let has_reserve = verdict.advice.contains(&Advice::AdmitAndCheckLater);
                for later in (0..800).step_by(40) {
                    let truth = by_day(floor + TimeDelta::days(later)).standing;
                    assert!(
                        has_reserve || truth == verdict.standing,
                        "{what}: flatly {:?}, and {truth:?} {later} days on",
                        verdict.standing
                    );
                }
            }
        }
    }
    assert!(believed > 300 && doubted > 1_000, "{believed} {doubted}");
}
