//! A visit: who came, when, what the desk was shown, and the evidence behind it.
//!
//! Promise: a visit's id is made before it is saved and never changes; a correction is a new revision of the same id. Never: a change
//! to a saved revision.

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use super::attendance::Proof;
use super::attendance::QueueNumber;
use super::benefit::AttendanceCategory;
use super::benefit::BenefitRate;
use super::benefit::CareType;
use super::card::CardNumber;
use super::card::InsuranceNumber;
use super::clock::ClockState;
use super::field::Problem;
use super::field::is_unseen;
use super::person::BirthDate;
use super::person::CitizenId;
use super::person::PersonName;
use super::person::Sex;
use super::redact::personal_text;
use super::roster::Serial;
use super::roster::SessionId;
use super::scan::Source;
use super::verdict::Knowledge;
use super::verdict::Verdict;

/// Identity of a visit: UUID version 7. With the revision it is the idempotency key at the province.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitId(pub Uuid);

impl VisitId {
    /// Makes an id from the time and ten random bytes, both given by the caller.
    pub fn new(at: DateTime<Utc>, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// Which version of a visit; 1 for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u32);

impl Revision {
    /// The first.
    pub const FIRST: Self = Self(1);
}

/// Rises by one per revision saved at this station, so that a gap shows; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Reads one that somebody typed or sent; what no file can count to is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|number| i64::try_from(*number).is_ok()).map(Self)
    }
}

personal_text! {
    /// Name of the member of staff who received the person.
    OperatorName
}

impl OperatorName {
    /// One to a hundred characters, no control characters. What is not seen, and may turn the direction of what stands beside it, is left out.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let name: String = text.chars().filter(|c| c.is_control() || !is_unseen(*c)).collect();
        let name = name.trim();
        match name.chars().count() {
            0 => Err(Problem::Empty),
            1..=100 if name.chars().any(char::is_control) => Err(Problem::Shape),
            1..=100 => Ok(Self(name.into())),
            _ => Err(Problem::TooLong),
        }
    }
}

/// The person of a visit, as far as known: from the record where there is one, else from what was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitPerson {
    /// Card number.
    pub card_number: Option<CardNumber>,
    /// Insurance number.
    pub insurance_number: Option<InsuranceNumber>,
    /// Personal id.
    pub personal_id: Option<CitizenId>,
    /// Name.
    pub name: Option<PersonName>,
    /// Birth date.
    pub birth_date: Option<BirthDate>,
    /// Sex.
    pub sex: Option<Sex>,
}

impl VisitPerson {
    /// Whether a number is known that the person can be found by.
    pub fn has_number(&self) -> bool {
        self.card_number.is_some() || self.insurance_number.is_some() || self.personal_id.is_some()
    }

    /// Whether two visits may be of one person: a number is the same, or where no number of one kind is known of both, name and birth date are.
    pub fn may_be(&self, other: &Self) -> bool {
        let insurance_number = |person: &Self| {
            let on_card = || person.card_number.as_ref().map(CardNumber::insurance_number);
            person.insurance_number.clone().or_else(on_card)
        };
        let insured = insurance_number(self).zip(insurance_number(other)).map(|(one, other)| one == other);
        let registered = self.personal_id.as_ref().zip(other.personal_id.as_ref()).map(|(one, other)| one == other);
        match (insured, registered) {
            (Some(true), _) | (_, Some(true)) => true,
            (Some(false), _) | (_, Some(false)) => false,
            (None, None) => {
                let named = self.name.as_ref().zip(other.name.as_ref()).is_some_and(|(one, other)| one.same_as(other));
                named && self.birth_date.zip(other.birth_date).is_some_and(|(one, other)| one.agrees_with(other))
            }
        }
    }
}

/// What the desk was shown, kept so that the station can prove later what it knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownVerdict {
    /// `Standing::code`.
    pub standing: Box<str>,
    /// `IdentityMatch::code`.
    pub identity_match: Box<str>,
    /// `Knowledge::code`.
    pub knowledge: Box<str>,
    /// `Freshness::code`.
    pub freshness: Box<str>,
    /// State of the roster that was asked: session and serial.
    pub basis: Option<(SessionId, Serial)>,
    /// The instant that what it rests on describes: of that state, or of the province's answer about this person alone.
    pub as_of: Option<DateTime<Utc>>,
    /// Rate shown.
    pub rate: Option<BenefitRate>,
    /// Rules behind the rate.
    pub rules_version: Option<Box<str>>,
}

impl ShownVerdict {
    /// Whether it rests on the province's answer about this person alone.
    pub fn is_asked(&self) -> bool {
        *self.knowledge == *Knowledge::VERIFIED
    }
}

impl From<&Verdict> for ShownVerdict {
    fn from(verdict: &Verdict) -> Self {
        let as_of = match verdict.knowledge {
            Knowledge::Verified { at } => Some(at),
            Knowledge::Cached(_) | Knowledge::Unverified => verdict.basis.map(|position| position.as_of),
        };
        Self {
            standing: verdict.standing.code().into(),
            identity_match: verdict.identity.code().into(),
            knowledge: verdict.knowledge.code().into(),
            freshness: verdict.data_age.freshness.code().into(),
            basis: verdict.basis.map(|position| (position.session, position.serial)),
            as_of,
            rate: verdict.benefit.as_ref().map(|b| b.rate),
            rules_version: verdict.benefit.as_ref().map(|_| verdict.rules_version.clone()),
        }
    }
}

/// The machine's own idea of when it was, kept beside the time so that a wrong clock can be corrected later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockStamp {
    /// Whether the clock could be believed.
    pub state: ClockState,
    /// Which start of the machine.
    pub boot_id: Box<str>,
    /// Milliseconds since that start.
    pub boot_ms: u64,
}

/// A revision of a visit that is about to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVisit {
    /// Its identity.
    pub id: VisitId,
    /// Its revision.
    pub revision: Revision,
    /// When the person came, by the station's clock (even if that is suspect; see `clock`).
    pub arrived_at: DateTime<Utc>,
    /// Who received the person; a correction changes nothing of that.
    pub operator: OperatorName,
    /// How the person was looked up.
    pub source: Source,
    /// Who.
    pub person: VisitPerson,
    /// Provisional category.
    pub attendance_category: AttendanceCategory,
    /// Care type.
    pub care_type: CareType,
    /// What was shown, where somebody said so.
    pub proof: Option<Proof>,
    /// The number the person was called under.
    pub queue_number: Option<QueueNumber>,
    /// Free text.
    pub note: Option<Box<str>>,
    /// Why the visit does not count, if this revision takes it back. A visit is never deleted.
    pub voided: Option<Box<str>>,
    /// What the desk was shown.
    pub verdict: ShownVerdict,
    /// The clock's evidence.
    pub clock: ClockStamp,
}

/// What is kept beside a revision that was saved at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// When it was saved.
    pub saved_at: DateTime<Utc>,
    /// By whom.
    pub saved_by: OperatorName,
    /// Since when the province could not be reached while the person was judged; `None`: nothing was known to fail.
    pub unreached_since: Option<DateTime<Utc>>,
}

/// A saved revision of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its place in the station's order.
    pub sequence: Sequence,
    /// What was saved.
    pub content: NewVisit,
}

/// How far a visit is on its way to the province.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Saved here, not confirmed there.
    Pending,
    /// The province holds it; we hold the receipt.
    Delivered,
    /// The province refused it; a person has to look.
    Parked,
    /// It was refused, and a person has ended it with a note.
    Closed,
    /// It was refused, and a newer revision goes instead.
    Superseded,
}

impl Delivery {
    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Parked => "parked",
            Self::Closed => "closed",
            Self::Superseded => "superseded",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let all = [Self::Pending, Self::Delivered, Self::Parked, Self::Closed, Self::Superseded];
        all.into_iter().find(|delivery| delivery.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// The province's answer for one revision of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which visit.
    pub id: VisitId,
    /// Which revision.
    pub revision: Revision,
    /// The answer.
    pub outcome: ReceiptOutcome,
}

/// What the province did with a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// It holds the visit, now or since an earlier attempt.
    Held {
        /// The province's proof.
        reference: Box<str>,
        /// When it first received the visit, by its own clock.
        received_at: DateTime<Utc>,
        /// Whether an earlier attempt had brought it.
        duplicate: bool,
    },
    /// It refuses the visit as it is.
    Refused {
        /// Stable reason.
        code: Box<str>,
        /// Text for a person.
        text: Box<str>,
    },
    /// Not now.
    Retry {
        /// Earliest next attempt.
        after_seconds: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(card: &str, id: &str, name: &str, born: &str) -> VisitPerson {
        let card_number = CardNumber::parse(card).ok();
        VisitPerson {
            insurance_number: None,
            card_number,
            personal_id: CitizenId::parse(id).ok(),
            name: PersonName::parse(name).ok(),
            birth_date: BirthDate::parse_iso(born).ok(),
            sex: None,
        }
    }

    #[test]
    fn what_turns_the_direction_of_a_line_is_in_no_name() {
        let name = OperatorName::parse("Lê \u{202e}Thị\u{200b} Hai\u{2069}").unwrap();
        assert_eq!(name.as_str(), "Lê Thị Hai");
        assert_eq!(OperatorName::parse("\u{202e}"), Err(Problem::Empty));
        assert_eq!(OperatorName::parse("a\nb"), Err(Problem::Shape));
    }

    #[test]
    fn one_person_is_told_by_any_number_and_by_name_and_birth_date_where_no_number_can_tell() {
        let whole = person("GD4010100000001", "001185000001", "TRẦN THỊ VÍ DỤ", "1985-09-02");
        for (other, may_be) in [
            (person("HT3010100000001", "", "", ""), true),
            (person("GD4010100000002", "001185000001", "", ""), true),
            (person("", "001185000001", "Tên Khác", "1990"), true),
            (person("GD4010100000002", "", "TRẦN THỊ VÍ DỤ", "1985-09-02"), false),
            (person("", "001185000002", "TRẦN THỊ VÍ DỤ", "1985-09-02"), false),
            (person("", "", "Trần Thị Ví Dụ", "1985"), true),
            (person("", "", "Trần Thị Ví Dụ", ""), false),
            (person("", "", "Trần Thị Khác", "1985-09-02"), false),
            (person("", "", "", ""), false),
        ] {
            assert_eq!((whole.may_be(&other), other.may_be(&whole)), (may_be, may_be), "{other:?}");
        }
        let by_id = person("", "001185000001", "Trần Thị Ví Dụ", "1985");
        let by_card = person("GD4010100000001", "", "Trần Thị Ví Dụ", "1985-09-02");
        assert!(by_id.may_be(&by_card), "numbers of two kinds tell nothing of each other");
    }
}
