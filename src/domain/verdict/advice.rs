//! What the desk is told to do beside the standing.
//!
//! Promise: one pass over what `assess` found; every sentence the desk may say about renewal or support comes from a row of the rules. Never: a
//! standing changed by a piece of advice.

use chrono::DateTime;
use chrono::Days;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;

use super::CardInForce;
use super::IdentityMatch;
use super::NotCovered;
use super::RosterKnowledge;
use super::Standing;
use super::StationRules;
use super::covers;
use super::proof;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::card::CardRecord;
use crate::domain::card::Successor;
use crate::domain::clock;
use crate::domain::clock::Now;
use crate::domain::freshness::Freshness;
use crate::domain::rules::Applicant;
use crate::domain::rules::Confidence;
use crate::domain::rules::Occasion;
use crate::domain::rules::PaidForRow;
use crate::domain::rules::RuleTables;
use crate::domain::rules::Said;
use crate::domain::rules::Season;
use crate::domain::rules::Urgency;
use crate::domain::scan::Scan;

/// What the desk should do or say next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The card ends soon and no next card is known.
    Renew {
        /// Days left, today not counted.
        days_left: i64,
        /// The reminder this is, by the days before the end at which it begins.
        step: u32,
        /// How pressing it is.
        urgency: Urgency,
    },
    /// The card ended; renewed before this day there is no waiting time.
    RenewBeforeWait {
        /// Days since the end.
        days_since: i64,
        /// First day on which a new card has to wait.
        wait_begins_on: NaiveDate,
        /// How long, from that day on.
        wait_days: u32,
        /// How pressing it is.
        urgency: Urgency,
    },
    /// The gap is so long that a new card waits after payment.
    RenewWithWait {
        /// How long.
        wait_days: u32,
    },
    /// The card ends soon or has ended, and others pay for it: its holder neither pays for the next one nor waits.
    PaidForByOthers {
        /// Days left, today not counted; below zero: days since the end.
        days_left: i64,
        /// Where it comes from.
        said: Said,
        /// Who decides.
        decided_by: Said,
        /// How sure that is.
        confidence: Confidence,
    },
    /// No card counts, and no newer data are likely to say otherwise: the visit is not an insured one.
    NotInsured {
        /// What it falls under.
        category: AttendanceCategory,
    },
    /// The card has just ended: treatment that goes on is paid for until this day.
    PaidInTreatment {
        /// The last day.
        until: NaiveDate,
    },
    /// A next card is known: its number and days.
    NextCard(Successor),
    /// The printed number is not the one on record; the record's is to be used.
    UseRecordedNumber,
    /// Compare the person with an identity document: something shown differs.
    CompareIdentity,
    /// Ask for an identity document: a number alone proves nothing.
    AskIdentityDocument,
    /// Ask for an identity document if the card shown has no photo.
    AskPhotoIfNone,
    /// The card or a number is enough: it is a child.
    CardOrNumberIsEnough,
    /// Ask for the birth certificate: a child without a card.
    AskBirthCertificate,
    /// Ask whether a card is being issued or changed, and for the receipt.
    AskReceipt,
    /// Ask for the paper card as well.
    AskPaperCard,
    /// Ask for a number: there is none to look up by.
    AskNumber,
    /// Look at the number again, and try another one of the person: the province knows no card with it.
    TryAnotherNumber,
    /// Look for the new card: the one on record is off the list.
    LookForNewCard,
    /// What the visit falls under as it is, and what else if no other card is found.
    ElseNotInsured {
        /// As it is.
        usual: AttendanceCategory,
        /// If there is no other card.
        otherwise: AttendanceCategory,
    },
    /// Admit, note the number, check again when there is a link (Decree 188/2025, Article 38(2)).
    AdmitAndCheckLater,
    /// A subsidy the commune may grant.
    AskCommuneForSupport {
        /// Who gets what.
        said: Said,
        /// How sure that is.
        confidence: Confidence,
    },
    /// The card ends with a season of life.
    Season(Season),
}

impl Advice {
    /// The stable text of the contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Renew { .. } => "renew",
            Self::RenewBeforeWait { .. } => "renew_before_wait",
            Self::RenewWithWait { .. } => "renew_with_wait",
            Self::PaidForByOthers { .. } => "paid_for_by_others",
            Self::NotInsured { .. } => "not_insured",
            Self::PaidInTreatment { .. } => "paid_in_treatment",
            Self::NextCard(_) => "next_card",
            Self::UseRecordedNumber => "use_recorded_number",
            Self::CompareIdentity => "compare_identity",
            Self::AskIdentityDocument => "ask_identity_document",
            Self::AskPhotoIfNone => "ask_photo_if_none",
            Self::CardOrNumberIsEnough => "card_or_number_is_enough",
            Self::AskBirthCertificate => "ask_birth_certificate",
            Self::AskReceipt => "ask_receipt",
            Self::AskPaperCard => "ask_paper_card",
            Self::AskNumber => "ask_number",
            Self::TryAnotherNumber => "try_another_number",
            Self::LookForNewCard => "look_for_new_card",
            Self::ElseNotInsured { .. } => "else_not_insured",
            Self::AdmitAndCheckLater => "admit_and_check_later",
            Self::AskCommuneForSupport { .. } => "ask_commune_for_support",
            Self::Season(_) => "season",
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the whole judgement so far; a struct for one private call would say no more")]
pub(super) fn advice(
    standing: Standing,
    identity: IdentityMatch,
    record: Option<&CardRecord>,
    in_force: Option<&CardInForce>,
    claimed: &Scan,
    (as_of, knowledge): (Option<DateTime<Utc>>, RosterKnowledge),
    rules: StationRules<'_>,
    now: Now,
) -> Vec<Advice> {
    let (on, mut advice) = (now.day(), Vec::new());
    let asked = proof::asked(standing, identity, record, claimed, on, rules.tables);
    advice.extend(asked.first);
    let is_to_be_checked = knowledge.data_age.freshness == Freshness::Stale
        || (is_beyond_our_data(standing, record, as_of, on) && !(knowledge.is_askable && is_silent(standing)))
        || (now.state.is_suspect() && ends_with_time(standing));
    if is_to_be_checked && standing != Standing::ManagedElsewhere {
        advice.push(Advice::AdmitAndCheckLater);
    }
    let by_another = match standing {
        Standing::NotCovered { why: NotCovered::NoNumber } => Some(Advice::AskNumber),
        Standing::NotCovered { why: NotCovered::UnknownToProvince } => Some(Advice::TryAnotherNumber),
        Standing::Deregistered { .. } => Some(Advice::LookForNewCard),
        _ => None,
    };
    let may_have_another = matches!(by_another, Some(Advice::TryAnotherNumber | Advice::LookForNewCard));
    advice.extend(by_another);
    advice.extend(asked.then);
    let occasion = Occasion { class: rules.facility_class, day: on, standing: standing.code(), born: None, is_to_be_checked };
    advice.extend(rules.tables.not_insured(&occasion).map(|row| Advice::NotInsured { category: row.code.clone() }));
    if may_have_another && !is_to_be_checked {
        advice.extend(
            rules
                .tables
                .usual_and_uninsured(&occasion)
                .map(|(usual, otherwise)| Advice::ElseNotInsured { usual: usual.code.clone(), otherwise: otherwise.code.clone() }),
        );
    }
    let Some(record) = record else { return advice };
    let is_another = |card: &CardInForce| {
        // A card before this one may have had another insurance number too.
        claimed.card_number.as_ref().is_some_and(|shown| *shown != card.card_number)
            || claimed.insurance_number.as_ref().is_some_and(|shown| *shown != card.card_number.insurance_number())
    };
    if in_force.is_some_and(is_another) {
        advice.push(Advice::UseRecordedNumber);
    }
    if standing == Standing::Expired {
        advice.extend(paid_in_treatment(record, on, rules.tables));
    }
    if let Some(next) = next_card(standing, record, on) {
        advice.push(Advice::NextCard(next));
    } else if matches!(standing, Standing::Valid | Standing::Superseded { .. } | Standing::Expired) {
        advice.extend(renewal(record, in_force, rules, on));
    }
    advice
}

/// What is said of the end of the card that counts, or of the last one that did.
fn renewal(record: &CardRecord, in_force: Option<&CardInForce>, rules: StationRules<'_>, on: NaiveDate) -> Vec<Advice> {
    let tables = rules.tables;
    let card = in_force.map_or(&record.card_number, |card| &card.card_number);
    let group = card.group();
    let ends = in_force.map_or_else(|| last_end(record, on), |card| card.validity.valid_until);
    let paid_for = group.as_ref().and_then(|group| tables.paid_for(group, on));
    let season = group.as_ref().and_then(|group| tables.season(group, record.birth_date, ends, on));
    // What ends by age is not renewed, and what is said of the season says where to go.
    let is_over = season.as_ref().is_some_and(|season| season.ends_card);
    let due = ends.filter(|_| !is_over).and_then(|ends| renewal_advice(ends, on, paid_for, tables));
    let issued_by = card.province();
    let province = rules.home_facility.province();
    let area = rules.former_province.or(issued_by.as_ref());
    let who = Applicant { province: &province, area, born: record.birth_date, group: group.as_ref() };
    // A support of the premium is for those who pay one.
    let support = if due.is_some() && paid_for.is_none() { tables.supports(who, on) } else { Vec::new() };
    let support = support.into_iter().map(|row| Advice::AskCommuneForSupport { said: row.said.clone(), confidence: row.confidence });
    due.into_iter().chain(season.map(Advice::Season)).chain(support).collect()
}

/// Whether the standing is another one on some later day. A clock that is doubted is judged at the last instant known to have passed, and it is later.
fn ends_with_time(standing: Standing) -> bool {
    matches!(standing, Standing::Valid | Standing::NotYetValid | Standing::Superseded { .. })
}

/// Whether the roster has nobody, and only the province can say more.
fn is_silent(standing: Standing) -> bool {
    match standing {
        Standing::NotListed => true,
        Standing::NotCovered { why } => !matches!(why, NotCovered::NoRoster),
        _ => false,
    }
}

/// Whether what decides is not in our data, however young they are. Where the province itself has answered, or nobody has a number to ask it by, nothing is
/// missing that a link would bring.
fn is_beyond_our_data(standing: Standing, record: Option<&CardRecord>, as_of: Option<DateTime<Utc>>, on: NaiveDate) -> bool {
    let next_counts = || record.and_then(|record| record.successor.as_ref()).is_some_and(|next| covers(next.validity, on));
    match standing {
        Standing::NotCovered { why } => !matches!(why, NotCovered::NoNumber | NotCovered::UnknownToProvince),
        Standing::NotListed => true,
        // Most cards are renewed in their last days, without a new number: data from before the end cannot know.
        Standing::Expired => {
            record.and_then(|record| last_end(record, on)).zip(as_of).is_some_and(|(end, as_of)| clock::vietnam_day(as_of) <= end)
        }
        // The card before may hold until this one begins, but its days are no longer on record.
        Standing::NotYetValid => record.is_some_and(|record| on < record.validity.valid_from && record.predecessor.is_some()),
        // Withdrawn and yet followed by a card in force: the data contradict themselves, and a person must not pay for that.
        Standing::Revoked => next_counts(),
        Standing::Valid | Standing::Superseded { .. } | Standing::Deregistered { .. } | Standing::Locked | Standing::ManagedElsewhere => {
            false
        }
    }
}

/// The card on record that the person should know of beside the one that counts: one still to come, or one hidden behind a mark.
fn next_card(standing: Standing, record: &CardRecord, on: NaiveDate) -> Option<Successor> {
    let begins = on < record.validity.valid_from;
    if begins && standing == (Standing::NotCovered { why: NotCovered::NotOnRoster }) {
        return Some(Successor {
            card_number: record.card_number.clone(),
            validity: record.validity,
            registered_facility: record.registered_facility.clone(),
        });
    }
    let marked = matches!(standing, Standing::Revoked | Standing::Locked | Standing::ManagedElsewhere);
    record.successor.clone().filter(|next| on < next.validity.valid_from || (marked && covers(next.validity, on)))
}

/// The latest of the ends on record that have passed.
pub fn last_end(record: &CardRecord, on: NaiveDate) -> Option<NaiveDate> {
    let next = record.successor.as_ref().and_then(|next| next.validity.valid_until);
    [record.validity.valid_until, next].into_iter().flatten().filter(|end| *end < on).max()
}

/// Until when treatment that goes on is paid for, if that day has not passed.
fn paid_in_treatment(record: &CardRecord, on: NaiveDate, tables: &RuleTables) -> Option<Advice> {
    let days = tables.renewal(on)?.treatment_days;
    let until = last_end(record, on)?.checked_add_days(Days::new(days.into()))?;
    (on <= until).then_some(Advice::PaidInTreatment { until })
}

/// What to say about an end date: nothing while it is far, the days left when it is near, and after it how long a renewal is without a wait.
/// Who neither pays nor waits is told who decides.
fn renewal_advice(ends: NaiveDate, on: NaiveDate, paid_for: Option<&PaidForRow>, tables: &RuleTables) -> Option<Advice> {
    let rule = tables.renewal(on)?;
    let days_left = TimeDelta::num_days(&ends.signed_duration_since(on));
    if let Some(row) = paid_for {
        let is_near = days_left < 0 || rule.step(days_left).is_some();
        let (said, decided_by, confidence) = (row.said.clone(), row.decided_by.clone(), row.confidence);
        return is_near.then_some(Advice::PaidForByOthers { days_left, said, decided_by, confidence });
    }
    if days_left >= 0 {
        return rule.step(days_left).map(|(step, urgency)| Advice::Renew { days_left, step, urgency });
    }
    let days_since = -days_left;
    if days_since < i64::from(rule.gap_days) {
        let wait_begins_on = ends.checked_add_days(Days::new(u64::from(rule.gap_days)))?;
        Some(Advice::RenewBeforeWait { days_since, wait_begins_on, wait_days: rule.wait_days, urgency: rule.gap(days_since) })
    } else {
        Some(Advice::RenewWithWait { wait_days: rule.wait_days })
    }
}
