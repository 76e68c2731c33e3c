//! Desks elsewhere in the house: how one is let in, and by what it is known from then on.
//!
//! Promise: a code and a token are random and are kept as digests only; a token that was followed by another one, which its browser has shown, is a copy.
//! Never: a code or a token in a log line; letters that look like others in what a person has to type.

use core::fmt;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;

use super::field::Problem;
use super::field::is_unseen;
use super::redact::personal_text;
use super::roster::Sha256Digest;
use super::roster::hex;
use super::visit::OperatorName;

personal_text! {
    /// What people call a desk.
    DeskName
}

impl DeskName {
    /// Longest name, in characters.
    pub const LONGEST: usize = 40;

    /// One line of one to forty characters; what is not seen is left out.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let name: String = text.chars().filter(|c| c.is_control() || !is_unseen(*c)).collect();
        let name = name.trim();
        match name.chars().count() {
            0 => Err(Problem::Empty),
            1..=Self::LONGEST if name.chars().any(char::is_control) => Err(Problem::Shape),
            1..=Self::LONGEST => Ok(Self(name.into())),
            _ => Err(Problem::TooLong),
        }
    }
}

/// Digits and letters of a code; none of them looks like another one, typed or written down.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Characters of a code: 40 bits, of which five can be tried.
const CODE_LENGTH: usize = 8;

/// What is typed at a new desk, once.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode([u8; CODE_LENGTH]);

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

impl PairingCode {
    /// The code of these random bytes.
    pub fn of(random: [u8; CODE_LENGTH]) -> Self {
        Self(random.map(|byte| LETTERS[usize::from(byte) % LETTERS.len()]))
    }

    /// Reads what somebody typed: upper or lower case, with or without spaces and dashes.
    pub fn parse(text: &str) -> Option<Self> {
        let typed: Vec<_> = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).map(|b| b.to_ascii_uppercase()).collect();
        let typed: [u8; CODE_LENGTH] = typed.try_into().ok()?;
        typed.iter().all(|b| LETTERS.contains(b)).then_some(Self(typed))
    }

    /// As it is read out: two groups of four.
    pub fn to_text(&self) -> String {
        let (first, second) = self.0.split_at(CODE_LENGTH / 2);
        format!("{} {}", String::from_utf8_lossy(first), String::from_utf8_lossy(second))
    }

    /// What is kept of it.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest(Sha256::new().chain_update("bhyt-agent pairing code 1:").chain_update(self.0).finalize().into())
    }
}

/// What the browser of a paired desk shows with every request: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct DeskToken([u8; 32]);

impl fmt::Debug for DeskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeskToken(…)")
    }
}

impl DeskToken {
    /// The token of these random bytes.
    pub fn of(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what `to_text` wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        Sha256Digest::parse(text).ok().map(|bytes| Self(bytes.0))
    }

    /// As it stands in a cookie.
    pub fn to_text(&self) -> String {
        hex(&self.0)
    }

    /// What is kept of it.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest(Sha256::new().chain_update("bhyt-agent desk token 1:").chain_update(self.0).finalize().into())
    }
}

/// Why a desk is not one any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The head has sent it away.
    Revoked,
    /// A token of it was shown that it does not hold any more: somebody has a copy.
    Copied,
}

impl Ended {
    /// The stable text. FROZEN: stored in visits.db.
    pub fn code(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Copied => "copied",
        }
    }

    /// Reads the stable text.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        [Self::Revoked, Self::Copied].into_iter().find(|why| why.code() == text).ok_or(Problem::UnknownCode)
    }
}

/// A desk that was paired once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedDesk {
    /// Rises; never given twice.
    pub number: u64,
    /// What people call it.
    pub name: DeskName,
    /// Since when it is one.
    pub paired_at: DateTime<Utc>,
    /// Who let it in.
    pub paired_by: OperatorName,
    /// When it was last seen, to the hour.
    pub seen_at: DateTime<Utc>,
    /// Why it is none any more, and since when.
    pub ended: Option<(Ended, DateTime<Utc>)>,
}

/// Which of a desk's tokens was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The one it was given last; whether it has shown it before.
    Current {
        /// For the first time it says that the answer has arrived.
        is_first: bool,
    },
    /// The one before; whether its browser has shown the next one.
    Previous {
        /// Then only a request that was under way can still come with it.
        is_followed: bool,
    },
    /// An older one.
    Spent,
}

/// A desk as a token of it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDesk {
    /// Which.
    pub number: u64,
    /// Which token.
    pub shown: Shown,
    /// The digest of its newest token, which need not be the one shown.
    pub newest: Sha256Digest,
    /// The day on which it was given its last one.
    pub renewed_on: NaiveDate,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
    /// It is none any more.
    pub ended: Option<Ended>,
}

/// What came of a try with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It was the code; it is good no more. The desk's number.
    Paired(u64),
    /// It was not; so many tries are left.
    Wrong {
        /// None: the head has to open another code.
        left: u32,
    },
    /// The last try is too short ago; this one was not looked at.
    TooSoon,
    /// No code is open.
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_written_and_tells_nothing_in_a_log() {
        let code = PairingCode::of([0, 1, 2, 31, 32, 255, 8, 9]);
        let text = code.to_text();
        assert_eq!(text.len(), 9);
        for written in [text.clone(), text.replace(' ', ""), text.to_lowercase(), text.replace(' ', " - ")] {
            assert_eq!(PairingCode::parse(&written), Some(code.clone()), "{written}");
        }
        for wrong in ["", "2345678", "234567890", "0O1I2345", "ăâêôơư12"] {
            assert_eq!(PairingCode::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{code:?}").contains(&text[..4]));
    }

    #[test]
    fn a_token_is_read_as_written_only_and_is_kept_as_another_text() {
        let token = DeskToken::of([0xab; 32]);
        let text = token.to_text();
        assert_eq!(DeskToken::parse(&text), Some(token.clone()));
        for wrong in [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), String::new()] {
            assert_eq!(DeskToken::parse(&wrong), None, "{wrong}");
        }
        assert_ne!(token.digest().to_hex(), text);
        assert_eq!(format!("{token:?}"), "DeskToken(…)");
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(DeskName::parse(" Bàn 2 ").unwrap().as_str(), "Bàn 2");
        for wrong in ["", "  ", "a\nb"] {
            assert!(DeskName::parse(wrong).is_err());
        }
        assert!(DeskName::parse(&"x".repeat(41)).is_err());
    }

    #[test]
    fn why_a_desk_ended_is_read_as_written() {
        for why in [Ended::Revoked, Ended::Copied] {
            assert_eq!(Ended::parse(why.code()), Ok(why));
        }
        assert!(Ended::parse("lost").is_err());
    }
}
