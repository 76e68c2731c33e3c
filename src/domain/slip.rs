//! The short code on a slip: station and province compute it from what each holds of the visit, so that paper can be held against either record.
//!
//! Promise: a pure function of what the visit says on the wire; one value changed, and the code is another; a letter misread or two exchanged when it is
//! copied down are seen in its last character. FROZEN: on paper, and specified beside the protocol. Never: a secret, or a proof against somebody who can
//! compute it too: it tells a mistake, not a fraud.

use core::fmt;

use chrono::DateTime;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;

use super::visit::NewVisit;

/// First line of the text that is hashed.
const FORMAT: &str = "bhyt-slip-1";

/// Crockford's digits, and after them the signs that only a check character can be.
const DIGITS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

/// Characters before the check character, five bits each.
const LENGTH: u32 = 10;

/// On which paper slips are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SlipPaper {
    /// A roll 80 mm wide.
    #[default]
    Roll,
    /// A sheet of A5.
    A5,
}

impl SlipPaper {
    /// The text of the configuration and of the page.
    pub fn code(self) -> &'static str {
        match self {
            Self::Roll => "80mm",
            Self::A5 => "a5",
        }
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Roll, Self::A5].into_iter().find(|paper| paper.code() == text)
    }

    /// The one that it is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Roll => Self::A5,
            Self::A5 => Self::Roll,
        }
    }
}

/// Ten characters and a check character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlipCode(u64);

impl SlipCode {
    /// The code of a revision of a visit.
    pub fn of(visit: &NewVisit) -> Self {
        let digest = Sha256::digest(text(visit));
        let (first, _) = digest.split_at(8);
        let number = first.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        Self(number >> (64 - 5 * LENGTH))
    }
}

impl fmt::Display for SlipCode {
    /// As it is printed: five, five, and the check character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |value: u64| usize::try_from(value).ok().and_then(|at| DIGITS.get(at)).copied().map_or('?', char::from);
        for at in 0..LENGTH {
            let separator = if at == LENGTH / 2 { "-" } else { "" };
            write!(f, "{separator}{}", sign(self.0 >> (5 * (LENGTH - 1 - at)) & 31))?;
        }
        write!(f, "-{}", sign(self.0 % 37))
    }
}

/// The text that is hashed: one line per value, an absent one empty, a line feed after each but the last. Instants are milliseconds since 1970 UTC.
pub fn text(visit: &NewVisit) -> String {
    let instant = |at: DateTime<Utc>| at.timestamp_millis().to_string();
    let (person, verdict) = (&visit.person, &visit.verdict);
    let absent = String::new;
    [
        FORMAT.to_owned(),
        visit.id.0.hyphenated().to_string(),
        visit.revision.0.to_string(),
        instant(visit.arrived_at),
        person.card_number.as_ref().map_or_else(absent, |number| number.as_str().to_owned()),
        person.insurance_number.as_ref().map_or_else(absent, |number| number.as_str().to_owned()),
        person.personal_id.as_ref().map_or_else(absent, |number| number.as_str().to_owned()),
        verdict.standing.to_string(),
        verdict.as_of.map_or_else(absent, instant),
        verdict.basis.map_or_else(absent, |(session, _)| session.0.hyphenated().to_string()),
        verdict.basis.map_or_else(absent, |(_, serial)| serial.0.to_string()),
        verdict.rate.map_or_else(absent, |rate| rate.as_percent().to_string()),
    ]
    .join("\n")
}
