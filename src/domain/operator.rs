//! Who works at the desk.
//!
//! Promise: what somebody may do follows from the role alone; a PIN that anybody would try first cannot be one. Never: a shared account (whoever does
//! something is named); a PIN in a log.

use core::fmt;

use chrono::DateTime;
use chrono::Utc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::field::Problem;
use super::person::CitizenId;
use super::visit::OperatorName;

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives people: looks up, saves, corrects.
    #[default]
    Reception,
    /// Heads the station: manages the accounts and the desks, and sees the lists of people as a whole.
    Head,
}

impl Role {
    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::Head => "head",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        [Self::Reception, Self::Head].into_iter().find(|role| role.code() == text).ok_or(Problem::UnknownCode)
    }

    /// Whether accounts, desks and whole lists of people are this person's business.
    pub fn is_head(self) -> bool {
        self == Self::Head
    }
}

/// An account. Only rises and is never given twice. FROZEN: the access log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperatorId(pub u32);

impl OperatorId {
    /// Reads its digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten().map(Self)
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Somebody at the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The account; `None` on the command line, where nobody signs in.
    pub id: Option<OperatorId>,
    /// By this name visits are saved.
    pub name: OperatorName,
    /// What this person may do.
    pub role: Role,
}

/// What an account is made of, besides its PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// By this name visits are saved.
    pub name: OperatorName,
    /// On the person's own card; without it the card cannot be scanned to sign in.
    pub personal_id: Option<CitizenId>,
    /// What this person may do.
    pub role: Role,
}

/// An account as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: OperatorId,
    /// Whose.
    pub content: NewAccount,
    /// Rises whenever the PIN becomes another one: whoever signed in with the one before signs in again.
    pub pin_number: u32,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when; `None` while it is open.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Account {
    /// Whoever has it, at the desk.
    pub fn operator(&self) -> Operator {
        Operator { id: Some(self.id), name: self.content.name.clone(), role: self.content.role }
    }
}

/// By what two names of accounts are the same: letters in any case, however they are composed.
pub fn name_key(name: &OperatorName) -> String {
    name.as_str().to_lowercase().nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Six to twelve digits that only its owner knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl Pin {
    /// Fewest digits.
    pub const SHORTEST: usize = 6;
    /// Most digits.
    pub const LONGEST: usize = 12;

    /// Takes a PIN that somebody chose. All the same digit, and digits that run up or down (over 9 to 0 too), are what is tried first, and are refused.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let digits = text.trim().as_bytes();
        match digits.len() {
            0 => return Err(Problem::Empty),
            Self::SHORTEST..=Self::LONGEST => {}
            _ => return Err(Problem::Length),
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(Problem::Shape);
        }
        let steps = |step: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
        if [0, 1, 9].into_iter().any(steps) {
            return Err(Problem::Order);
        }
        Ok(Self(Zeroizing::new(text.trim().to_owned())))
    }

    /// The digits. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_written() {
        for role in [Role::Reception, Role::Head] {
            assert_eq!(Role::parse(role.code()), Ok(role));
        }
        assert_eq!(Role::parse("admin"), Err(Problem::UnknownCode));
    }

    #[test]
    fn a_pin_that_anybody_would_try_first_is_refused() {
        for (text, problem) in [
            ("", Problem::Empty),
            ("13579", Problem::Length),
            ("1357913579135", Problem::Length),
            ("13579a", Problem::Shape),
            ("１３５７９２", Problem::Length),
            ("000000", Problem::Order),
            ("777777777777", Problem::Order),
            ("123456", Problem::Order),
            ("678901", Problem::Order),
            ("654321", Problem::Order),
            ("2109876", Problem::Order),
        ] {
            assert_eq!(Pin::parse(text), Err(problem), "{text}");
        }
        for good in ["135790", "112233", "123457", " 908172635445 "] {
            assert_eq!(Pin::parse(good).unwrap().as_str(), good.trim());
        }
        assert_eq!(format!("{:?}", Pin::parse("135790")), "Ok(Pin(…))");
    }

    #[test]
    fn two_names_of_one_person_are_one() {
        let key = |text| name_key(&OperatorName::parse(text).unwrap());
        assert_eq!(key("Nguyễn  Thị Mẫu"), key("NGUYỄN THỊ MẪU"));
        assert_eq!(key("Tra\u{302}\u{300}n Du\u{323}"), key("Trần Dụ"));
        assert_ne!(key("Nguyễn Văn Hoa"), key("Nguyễn Văn Hóa"));
    }

    #[test]
    fn an_account_is_named_by_digits_only() {
        assert_eq!(OperatorId::parse("12"), Some(OperatorId(12)));
        for text in ["", "+1", "-1", " 1", "1.", "99999999999"] {
            assert_eq!(OperatorId::parse(text), None, "{text}");
        }
    }
}
