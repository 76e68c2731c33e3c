//! The short code on a station's slip, computed from what the province holds of the visit.
//!
//! Promises: written from the README alone, the same code as the station's for the same content. Must never ask the station.

use sha2::{Digest as _, Sha256};

use crate::wire::{Instant, Visit};

/// Crockford's digits.
const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text that is hashed.
pub fn text(visit: &Visit) -> String {
    fn line(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let millis = |instant: Instant| instant.0.timestamp_millis();
    let standing = serde_json::to_value(visit.verdict.standing).ok();
    let lines = [
        "bhyt-slip-1".to_owned(),
        visit.id.hyphenated().to_string(),
        visit.revision.to_string(),
        millis(visit.arrived_at).to_string(),
        line(visit.card_number.as_ref()),
        line(visit.insurance_number.as_ref()),
        line(visit.personal_id.as_ref()),
        line(standing.as_ref().and_then(|word| word.as_str())),
        line(visit.verdict.as_of.map(millis)),
        line(visit.verdict.session.map(|session| session.hyphenated().to_string())),
        line(visit.verdict.serial),
        line(visit.verdict.rate_percent),
    ];
    lines.join("\n")
}

/// The code as it is printed.
pub fn code(visit: &Visit) -> String {
    let digest = Sha256::digest(text(visit).as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number * 256 + u64::from(*byte)) >> 14;
    let sign = |value: u64| DIGITS.chars().nth(usize::try_from(value).unwrap_or_default()).unwrap_or('?');
    let values: Vec<u64> = (0..10).rev().map(|at| (number >> (5 * at)) % 32).collect();
    let digits: String = values.iter().map(|value| sign(*value)).collect();
    format!("{}-{}-{}", &digits[..5], &digits[5..], sign(check(&values)))
}

/// The value of the check character.
fn check(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, value| {
        let doubled = (sum ^ value) * 2;
        if doubled >= 32 { doubled ^ 0b10_0101 } else { doubled }
    })
}

/// A code that somebody copied down, as it would be printed: small letters, spaces and look-alikes are put right. `None`: its check character does not
/// fit, so it was copied wrongly.
pub fn read(copied: &str) -> Option<String> {
    let signs: Vec<u64> = copied
        .chars()
        .filter(|sign| !sign.is_whitespace() && *sign != '-')
        .map(|sign| match sign.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            sign => sign,
        })
        .map(|sign| DIGITS.chars().position(|digit| digit == sign).and_then(|at| u64::try_from(at).ok()))
        .collect::<Option<_>>()?;
    let (check, digits) = signs.split_last()?;
    if digits.len() != 10 || self::check(digits) != *check {
        return None;
    }
    let printed: String = signs.iter().filter_map(|at| DIGITS.chars().nth(usize::try_from(*at).ok()?)).collect();
    Some(format!("{}-{}-{}", &printed[..5], &printed[5..10], &printed[10..]))
}
