//! The short code on a slip: station and province compute it from what each holds of the visit, so that paper can be held against either record.
//!
//! Promise: a pure function of what the visit says on the wire; one value changed, and the code is another; a letter misread or two exchanged when it is
//! copied down are seen in its last character, which is of the same alphabet. FROZEN: on paper, and specified beside the protocol. Never: a secret,
//! or a proof against somebody who can compute it too: it tells a mistake, not a fraud.

use core::fmt;

use chrono::DateTime;
use chrono::Utc;
use sha2::Digest;
use sha2::Sha256;

use super::visit::NewVisit;

/// First line of the text that is hashed.
const FORMAT: &str = "bhyt-slip-1";

/// Crockford's digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

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
        let mut check = 0;
        for at in 0..LENGTH {
            let separator = if at == LENGTH / 2 { "-" } else { "" };
            let value = self.0 >> (5 * (LENGTH - 1 - at)) & 31;
            check = doubled(check ^ value);
            write!(f, "{separator}{}", sign(value))?;
        }
        write!(f, "-{}", sign(check))
    }
}

/// Twice a digit's value in the field of 32 (x⁵ + x² + 1): each place counts by a power of its own, so that no single mistake and no exchange of two is unseen.
fn doubled(value: u64) -> u64 {
    let twice = value << 1;
    if twice > 31 { twice ^ 0b10_0101 } else { twice }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the last character fits the ten before it.
    fn fits(values: &[usize]) -> bool {
        let number = values[..10].iter().fold(0, |number: u64, value| number << 5 | u64::try_from(*value).unwrap());
        SlipCode(number).to_string().bytes().last() == Some(DIGITS[values[10]])
    }

    #[test]
    fn the_check_character_is_of_the_same_alphabet_and_sees_one_mistake_and_every_exchange() {
        for seed in 0..200_u64 {
            let number = Sha256::digest(seed.to_be_bytes()).iter().take(7).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
            let printed = SlipCode(number >> 6).to_string();
            assert!(printed.bytes().all(|sign| sign == b'-' || DIGITS.contains(&sign)), "{printed}");
            let values: Vec<usize> =
                printed.bytes().filter(|sign| *sign != b'-').map(|sign| DIGITS.iter().position(|digit| *digit == sign).unwrap()).collect();
            assert!(values.len() == 11 && fits(&values), "{printed}");
            for at in 0..11 {
                for other in (0..32).filter(|other| *other != values[at]) {
                    let mut wrong = values.clone();
                    wrong[at] = other;
                    assert!(!fits(&wrong), "{printed}: {other} at {at}");
                }
                for with in (0..at).filter(|with| values[*with] != values[at]) {
                    let mut wrong = values.clone();
                    wrong.swap(at, with);
                    assert!(!fits(&wrong), "{printed}: {at} and {with} exchanged");
                }
            }
        }
    }
}
