//! Who looked at whom: what one line of the access log says.
//!
//! Promise: a line says what was done, by which account, at which desk, and about whom only as a digest that nobody can turn back without the database's
//! own key. Never: a name or a number of a person in what is kept.

use core::fmt;

use chrono::DateTime;
use chrono::Utc;

use super::card::InsuranceNumber;
use super::clock::ClockState;
use super::field::Problem;
use super::operator::OperatorId;
use super::person::CitizenId;
use super::redact::public_code;
use super::roster::Sha256Digest;
use super::visit::VisitId;
use super::visit::VisitPerson;

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Act {
            $($(#[$doc])* $name,)*
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable text. FROZEN: stored in visits.db.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

acts! {
    /// Somebody showed a PIN that is right.
    SignedIn = "signed_in",
    /// Somebody showed a PIN that is not.
    SignInFailed = "sign_in_failed",
    /// A desk was locked: by its operator, or after too many look-ups that found nobody.
    Locked = "locked",
    /// Somebody left a desk.
    SignedOut = "signed_out",
    /// A person was looked up by a number or a card.
    LookedUp = "looked_up",
    /// People were looked for by name.
    Searched = "searched",
    /// A visit was saved.
    Saved = "saved",
    /// A visit was corrected.
    Corrected = "corrected",
    /// A visit was taken back.
    Voided = "voided",
    /// A refused visit was sent again.
    Resent = "resent",
    /// A refused visit was ended.
    Closed = "closed",
    /// A visit that would now be judged otherwise was looked at.
    Rechecked = "rechecked",
    /// Something about people was printed.
    Printed = "printed",
    /// A list of people was taken out.
    Exported = "exported",
    /// An account was made.
    AccountAdded = "account_added",
    /// An account got another PIN.
    AccountPin = "account_pin",
    /// An account got another role.
    AccountRole = "account_role",
    /// An account was closed.
    AccountClosed = "account_closed",
    /// A visit was opened, with all its revisions.
    Viewed = "viewed",
    /// A list of visits was opened.
    Listed = "listed",
    /// Visits were put on a stick.
    CarriedOut = "carried_out",
    /// Roster and receipts were taken off a stick.
    CarriedIn = "carried_in",
    /// A code was opened that lets a desk in.
    PairingOpened = "pairing_opened",
    /// A desk was let in.
    DeskPaired = "desk_paired",
    /// A desk was sent away.
    DeskRevoked = "desk_revoked",
    /// The visits were copied elsewhere.
    BackedUp = "backed_up",
    /// Visits were put back from a copy.
    Restored = "restored",
    /// A visit was taken out of a file that was set aside.
    Salvaged = "salvaged",
    /// A file that was set aside was removed.
    Dropped = "dropped",
    /// What was old enough was taken out by rule.
    Pruned = "pruned",
    /// One person's data were taken out on request.
    PersonExported = "person_exported",
    /// One person's data were erased on request.
    PersonErased = "person_erased",
    /// From the moment this line bears until the next line, lines are missing: the disk did not take them.
    Gap = "gap",
}

impl Act {
    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|act| act.code() == text).ok_or(Problem::UnknownCode)
    }
}

public_code! {
    /// Where something was done: the mark of a browser, which says nothing of its user, or the command line.
    Place
}

impl Place {
    /// One that has no mark: the command line and the control socket.
    pub fn command_line() -> Self {
        Self("command_line".into())
    }

    /// A browser. Letters and digits, at most sixteen.
    pub fn browser(mark: &str) -> Self {
        Self(mark.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>().into())
    }
}

/// A person as the access log tells people apart: before it becomes a digest.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonKey(String);

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(…)")
    }
}

impl PersonKey {
    /// By the personal id if there is one, else by the insurance number, else by the card's; `None` for somebody without a number.
    pub fn of(person: &VisitPerson) -> Option<Self> {
        let of_card = || person.card_number.as_ref().map(|card| card.insurance_number());
        let insurance_number = || person.insurance_number.clone().or_else(of_card);
        Self::of_numbers(person.personal_id.as_ref(), insurance_number().as_ref())
    }

    /// The same, from the numbers alone.
    pub fn of_numbers(personal_id: Option<&CitizenId>, insurance_number: Option<&InsuranceNumber>) -> Option<Self> {
        let personal_id = personal_id.map(|id| format!("personal_id:{}", id.as_str()));
        personal_id.or_else(|| insurance_number.map(|number| format!("insurance_number:{}", number.as_str()))).map(Self)
    }

    /// What the digest is made of. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whom or what a line is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// A person, who is written as a keyed digest.
    pub person: Option<PersonKey>,
    /// A visit.
    pub visit: Option<VisitId>,
    /// An account.
    pub account: Option<OperatorId>,
    /// Of a list: how many people it showed, and whom.
    pub shown: Option<ShownPeople>,
    /// Which list, desk or filter.
    pub detail: Option<Detail>,
}

/// Whom a list showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownPeople {
    /// How many rows.
    pub count: usize,
    /// The people in them, as far as they have a number.
    pub people: Vec<PersonKey>,
}

impl ShownPeople {
    /// Those in the rows of a list.
    pub fn of<'a>(people: impl IntoIterator<Item = &'a VisitPerson>) -> Self {
        Self::by_key(people.into_iter().map(PersonKey::of))
    }

    /// The same where rows are no visits.
    pub fn by_key(people: impl IntoIterator<Item = Option<PersonKey>>) -> Self {
        let mut shown = Self::default();
        for person in people {
            shown.count += 1;
            shown.people.extend(person);
        }
        shown
    }
}

public_code! {
    /// Which list, desk or filter a line is about: a code of this program's own and numbers, nothing that somebody typed.
    Detail
}

impl Detail {
    /// A code.
    pub fn code(code: &'static str) -> Self {
        Self(code.into())
    }

    /// A code and a number.
    pub fn numbered(code: &'static str, number: u64) -> Self {
        Self(format!("{code}:{number}").into())
    }
}

impl About {
    /// A person who was looked at.
    pub fn person(person: &VisitPerson) -> Self {
        Self { person: PersonKey::of(person), ..Self::default() }
    }

    /// A visit.
    pub fn visit(visit: VisitId) -> Self {
        Self { visit: Some(visit), ..Self::default() }
    }

    /// Some list, and the people in it.
    pub fn list(detail: Detail, shown: ShownPeople) -> Self {
        Self { shown: Some(shown), detail: Some(detail), ..Self::default() }
    }

    /// Something that is about nobody.
    pub fn detail(detail: Detail) -> Self {
        Self { detail: Some(detail), ..Self::default() }
    }

    /// An account.
    pub fn account(account: OperatorId) -> Self {
        Self { account: Some(account), ..Self::default() }
    }
}

/// A line that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// When, by the station's clock.
    pub at: DateTime<Utc>,
    /// Whether that clock was believed.
    pub clock: ClockState,
    /// By which account; `None` where nobody was signed in.
    pub operator: Option<OperatorId>,
    /// Where.
    pub place: Place,
    /// What.
    pub act: Act,
    /// About whom.
    pub about: About,
}

/// The end of the log: whoever has it noted down can prove later that nothing before it was changed or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last line.
    pub number: u64,
    /// Its digest, over all before it.
    pub digest: Sha256Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest.to_hex())
    }
}

impl Head {
    /// Reads what was printed: the number of the line, a colon, and the digest.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, digest) = text.trim().split_once(':')?;
        Some(Self { number: number.parse().ok()?, digest: Sha256Digest::parse(digest).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::CardNumber;

    #[test]
    fn an_act_is_read_as_written() {
        for act in Act::ALL {
            assert_eq!(Act::parse(act.code()), Ok(*act));
        }
        assert_eq!(Act::parse("peeked"), Err(Problem::UnknownCode));
    }

    #[test]
    fn a_card_and_its_insurance_number_are_one_person_and_nothing_prints_either() {
        let card = CardNumber::parse("GD4220100000001").unwrap();
        let nobody = VisitPerson { card_number: None, insurance_number: None, personal_id: None, name: None, birth_date: None, sex: None };
        let of_card = VisitPerson { card_number: Some(card.clone()), ..nobody.clone() };
        let of_number = VisitPerson { insurance_number: Some(card.insurance_number()), ..nobody.clone() };
        assert_eq!(PersonKey::of(&of_card), PersonKey::of(&of_number));
        let known = VisitPerson { personal_id: CitizenId::parse("022085000001").ok(), ..of_card };
        assert_eq!(PersonKey::of(&known).unwrap().as_str(), "personal_id:022085000001");
        assert_eq!(PersonKey::of(&nobody), None);
        assert!(!format!("{:?}", About::person(&known)).contains("0220"));
    }

    #[test]
    fn an_end_is_read_as_printed() {
        let head = Head { number: 12, digest: Sha256Digest([7; 32]) };
        assert_eq!(Head::parse(&head.to_string()), Some(head));
        for text in ["", "12", "12:", ":07", "-1:07", &head.to_string()[1..]] {
            assert!(Head::parse(text).is_none_or(|read| read != head), "{text}");
        }
    }

    #[test]
    fn a_place_says_nothing_but_its_mark() {
        assert_eq!(Place::browser("ab12<script>alert(1)").as_str(), "ab12scriptalert1");
    }
}
