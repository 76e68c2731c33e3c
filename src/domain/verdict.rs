//! The judgement of a card: one dated record, never a boolean.
//!
//! Promise: `assess` is a pure function of what the roster holds or the province answered, what the person shows, the day, the age of our data and the
//! rules. "Not covered" (our data cannot speak), "too old" (freshness) and "refused" (revoked, expired, …) are
//! three different answers. Never: a rate or a date that is not in the record or the rules; a promise.

mod advice;
mod proof;
mod standing;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use super::card::CardNumber;
use super::card::CardRecord;
use super::card::Deregistration;
use super::card::Validity;
use super::clock::Now;
use super::facility::FacilityClass;
use super::facility::FacilityCode;
use super::facility::ProvinceCode;
use super::freshness::DataAge;
use super::roster::Serial;
use super::roster::SessionId;
use super::rules::Benefit;
use super::rules::RuleTables;
use super::scan::Scan;
use super::scan::Source;
pub use advice::Advice;
use advice::advice;
pub use advice::last_end;
use standing::covers;
use standing::standing_of;
use standing::standing_without_record;

/// Whether the card is in force, or why we cannot say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// In force on the day.
    Valid,
    /// Its first day is still to come.
    NotYetValid,
    /// Its last day has passed.
    Expired,
    /// A newer card exists than the one spoken of: the one shown, or the recorded one where none is shown.
    Superseded {
        /// Whether the older, recorded card is still the one that counts on the day. If not, the newer one does, and it is in
        /// [`Verdict::in_force`].
        in_force: bool,
    },
    /// Withdrawn.
    Revoked,
    /// Held or temporarily locked.
    Locked,
    /// Taken off the list.
    Deregistered {
        /// Why, as far as the province says.
        why: Deregistration,
    },
    /// Army or police keep the record: look at the papers.
    ManagedElsewhere,
    /// Our data cover this person and hold no card.
    NotListed,
    /// Our data cannot speak about this person.
    NotCovered {
        /// Why not.
        why: NotCovered,
    },
}

/// Why our data cannot speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotCovered {
    /// No roster was ever received, or it is being fetched again.
    NoRoster,
    /// The card is registered at another facility.
    RegisteredElsewhere,
    /// The card was issued after the day our data describe.
    IssuedAfterOurData,
    /// The person was on the roster and left it: moved or registered elsewhere.
    LeftRoster,
    /// No number was shown, only a name: nobody can be looked up by it.
    NoNumber,
    /// The number is not on our roster, and it does not tell where the person is registered; or it is an older one whose days
    /// the roster no longer holds while the recorded card has not begun.
    NotOnRoster,
    /// The person is on the roster, with a value that this program cannot read: the province's mistake, or a newer word.
    RecordUnreadable,
    /// Several people on the roster carry the number shown and nothing shown tells them apart.
    SeveralOnRoster,
    /// The roster has nobody, and the province, asked about this very number, knows no card with it. Another province may.
    UnknownToProvince,
}

impl Standing {
    /// The stable text of the contract and the wire. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Superseded { .. } => "superseded",
            Self::Revoked => "revoked",
            Self::Locked => "locked",
            Self::Deregistered { .. } => "deregistered",
            Self::ManagedElsewhere => "managed_elsewhere",
            Self::NotListed => "not_listed",
            Self::NotCovered { .. } => "not_covered",
        }
    }
}

impl NotCovered {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRoster => "no_roster",
            Self::RegisteredElsewhere => "registered_elsewhere",
            Self::IssuedAfterOurData => "issued_after_our_data",
            Self::LeftRoster => "left_roster",
            Self::NoNumber => "no_number",
            Self::NotOnRoster => "not_on_roster",
            Self::RecordUnreadable => "record_unreadable",
            Self::SeveralOnRoster => "several_on_roster",
            Self::UnknownToProvince => "unknown_to_province",
        }
    }
}

/// Whether the person shown is the person on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityMatch {
    /// Name and birth date were both shown and agree.
    Match,
    /// Name and birth date were both said and agree: anybody who knows the person can say them, and nothing was shown.
    Said,
    /// The name differs.
    NameDiffers,
    /// The birth date differs.
    BirthDateDiffers,
    /// Both differ: very likely another person's number.
    NameAndBirthDateDiffer,
    /// Nothing differs, but name and birth date were not both there to compare.
    NotChecked,
}

impl IdentityMatch {
    /// Whether something speaks against the person.
    pub fn differs(self) -> bool {
        match self {
            Self::Match | Self::Said | Self::NotChecked => false,
            Self::NameDiffers | Self::BirthDateDiffers | Self::NameAndBirthDateDiffer => true,
        }
    }

    /// The stable text of the contract and the wire. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NameDiffers => "name_differs",
            Self::BirthDateDiffers => "birth_date_differs",
            Self::NameAndBirthDateDiffer => "name_and_birth_date_differ",
            // Whoever reads of it later asks what was shown, and that is nothing.
            Self::Said | Self::NotChecked => "not_checked",
        }
    }
}

/// Where the answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// The gateway or the province answered for this very person.
    Verified {
        /// When.
        at: DateTime<Utc>,
    },
    /// From our roster.
    Cached(RosterPosition),
    /// We hold nothing that speaks.
    Unverified,
}

impl Knowledge {
    /// Code of an answer of the province about one person alone.
    pub const VERIFIED: &'static str = "verified";

    /// The stable text of the contract and the wire. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Verified { .. } => Self::VERIFIED,
            Self::Cached(_) => "cached",
            Self::Unverified => "unverified",
        }
    }
}

/// Which state of the roster an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterPosition {
    /// The numbering.
    pub session: SessionId,
    /// The serial.
    pub serial: Serial,
    /// The instant it describes.
    pub as_of: DateTime<Utc>,
}

/// The card that counts on the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardInForce {
    /// Its number.
    pub card_number: CardNumber,
    /// Its days.
    pub validity: Validity,
    /// Where it is registered.
    pub registered_facility: FacilityCode,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The day it was judged for.
    pub on: NaiveDate,
    /// The clock behind that day.
    pub now: Now,
    /// Whether the card is in force.
    pub standing: Standing,
    /// Whether it is this person's.
    pub identity: IdentityMatch,
    /// Where the answer comes from.
    pub knowledge: Knowledge,
    /// The state of the roster that was asked, also where it could not speak: "not on it" is said of one state.
    pub basis: Option<RosterPosition>,
    /// How old what the answer rests on is: that state, or the province's answer about this person alone.
    pub data_age: DataAge,
    /// The card that counts on the day, if one does.
    pub in_force: Option<CardInForce>,
    /// What the fund pays, if a card counts and the rules have a row.
    pub benefit: Option<Benefit>,
    /// Version of the rules.
    pub rules_version: Box<str>,
    /// What to do next, most urgent first.
    pub advice: Vec<Advice>,
}

/// What the roster says about the person.
#[derive(Clone, Copy, Debug)]
pub enum RosterAnswer<'a> {
    /// There is a record.
    Held(&'a CardRecord),
    /// There was one.
    Left,
    /// There is one that cannot be read.
    Unreadable,
    /// There are several that the claim does not tell apart.
    Several,
    /// There is none.
    NotHeld,
    /// There is no roster.
    NoRoster,
    /// It cannot speak, but the province, asked about this person alone, has a record.
    Asked {
        /// That record, which need not be of a card registered here.
        record: &'a CardRecord,
        /// The instant the province's register described.
        as_of: DateTime<Utc>,
    },
    /// It cannot speak, and the province, asked about this person alone, knows no card.
    AskedNone {
        /// The instant the province's register described.
        as_of: DateTime<Utc>,
    },
}

impl<'a> RosterAnswer<'a> {
    fn record(self) -> Option<&'a CardRecord> {
        match self {
            Self::Held(record) | Self::Asked { record, .. } => Some(record),
            _ => None,
        }
    }

    /// The instant the province's answer about this person alone describes.
    fn asked_as_of(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Asked { as_of, .. } | Self::AskedNone { as_of } => Some(as_of),
            _ => None,
        }
    }
}

/// What we know and how old it is.
#[derive(Clone, Copy, Debug)]
pub struct RosterKnowledge {
    /// The state of the roster, if there is one.
    pub position: Option<RosterPosition>,
    /// The age of what speaks: of that state, or of the province's answer about this person alone.
    pub data_age: DataAge,
    /// Whether the province can be asked about this very person: then the question tells how that goes, and nothing has failed yet.
    pub is_askable: bool,
}

/// The station's place in the rules.
#[derive(Clone, Copy, Debug)]
pub struct StationRules<'a> {
    /// Its own code.
    pub home_facility: &'a FacilityCode,
    /// What it is.
    pub facility_class: &'a FacilityClass,
    /// Which province it was in before the merger of 2025, where its configuration says so.
    pub former_province: Option<&'a ProvinceCode>,
    /// The tables.
    pub tables: &'a RuleTables,
}

/// Judges a card: `answer` is what the roster holds, or the province has answered, for the `claimed` identity; `now` gives the day.
pub fn assess(answer: RosterAnswer<'_>, claimed: &Scan, now: Now, knowledge: RosterKnowledge, rules: StationRules<'_>) -> Verdict {
    let on = now.day();
    let asked = answer.asked_as_of();
    let as_of = asked.or(knowledge.position.map(|position| position.as_of));
    let (standing, in_force) = match answer {
        RosterAnswer::Held(record) | RosterAnswer::Asked { record, .. } => standing_of(record, claimed, as_of, on),
        RosterAnswer::AskedNone { .. } => (Standing::NotCovered { why: NotCovered::UnknownToProvince }, None),
        RosterAnswer::Left => (Standing::NotCovered { why: NotCovered::LeftRoster }, None),
        RosterAnswer::Unreadable => (Standing::NotCovered { why: NotCovered::RecordUnreadable }, None),
        RosterAnswer::Several => (Standing::NotCovered { why: NotCovered::SeveralOnRoster }, None),
        RosterAnswer::NoRoster | RosterAnswer::NotHeld if !claimed.has_number() => {
            (Standing::NotCovered { why: NotCovered::NoNumber }, None)
        }
        RosterAnswer::NoRoster => (Standing::NotCovered { why: NotCovered::NoRoster }, None),
        RosterAnswer::NotHeld => (standing_without_record(claimed, knowledge.position, rules.home_facility), None),
    };
    let record = answer.record();
    let identity = record.map_or(IdentityMatch::NotChecked, |r| compare(claimed, r));
    // That the province knows nobody is an answer of its; every other silence is ours.
    let speaks = match standing {
        Standing::NotCovered { why } => why == NotCovered::UnknownToProvince,
        _ => true,
    };
    let cached = knowledge.position.map(Knowledge::Cached);
    let source = asked.map(|at| Knowledge::Verified { at }).or(cached).filter(|_| speaks);
    Verdict {
        on,
        now,
        standing,
        identity,
        knowledge: source.unwrap_or(Knowledge::Unverified),
        basis: knowledge.position,
        data_age: knowledge.data_age,
        benefit: in_force.as_ref().and_then(|card| rules.tables.benefit(&card.card_number, rules.facility_class, on)),
        advice: advice(standing, identity, record, in_force.as_ref(), claimed, (as_of, knowledge), rules, now),
        in_force,
        rules_version: rules.tables.version.clone(),
    }
}

/// What a record says of itself on a day: its standing and the card that counts, whatever is shown.
pub fn of_record(record: &CardRecord, on: NaiveDate) -> (Standing, Option<CardInForce>) {
    standing_of(record, &Scan::of(Source::Typed), None, on)
}

fn compare(claimed: &Scan, record: &CardRecord) -> IdentityMatch {
    let name = claimed.name.as_ref().map(|n| n.same_as(&record.name));
    let born = claimed.birth_date.map(|b| b.agrees_with(record.birth_date));
    match (name, born) {
        (Some(false), Some(false)) => IdentityMatch::NameAndBirthDateDiffer,
        (Some(false), _) => IdentityMatch::NameDiffers,
        (_, Some(false)) => IdentityMatch::BirthDateDiffers,
        (Some(true), Some(true)) if claimed.source == Source::Typed => IdentityMatch::Said,
        (Some(true), Some(true)) => IdentityMatch::Match,
        // One of the two alone is shared by too many people to say "this is the person".
        _ => IdentityMatch::NotChecked,
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
