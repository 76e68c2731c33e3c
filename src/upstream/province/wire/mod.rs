//! The messages of the protocol, version 1, as they stand on the wire. FROZEN.
//!
//! Promise: own structs, read against the same fixtures as the reference server's, so that a mistake cannot be the same on both sides. What is
//! read is checked for what the protocol promises (sizes, order, contiguous serials). Never: personal text in an error.

mod contact;
mod enrol;
mod index;
mod lookup;
mod rechecks;
mod renewal;
#[cfg(test)]
pub(super) mod tests;
mod visits;

use std::collections::HashMap;

use chrono::DateTime;
use chrono::Utc;
use serde::Deserialize;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

pub use contact::ContactRequest;
pub use contact::read_greeting;
pub use enrol::EnrolAnswer;
pub use enrol::EnrolRequest;
pub use index::read_index;
pub use lookup::LookupRequest;
pub use lookup::read_answered;
pub use rechecks::RechecksRequest;
pub use renewal::RenewAnswer;
pub use renewal::RenewRequest;
pub use visits::VisitsRequest;
pub use visits::read_receipts;

use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::visit::ShownVerdict;

/// The protocol version this program speaks.
pub const FORMAT: u32 = 1;
/// Largest sealed file.
pub const MAX_SEALED: u64 = 32 << 20;
/// Largest unpacked file.
pub const MAX_UNPACKED: u64 = 128 << 20;
/// Longest line of a file.
pub const MAX_LINE: usize = 4 << 10;
/// Largest index or signature read; the protocol allows 1,000 bytes.
pub const MAX_INDEX: usize = 4 << 10;
/// Largest answer to a batch or an enrolment read.
pub const MAX_ANSWER: usize = 1 << 20;
/// Largest answer to a contact read.
pub const MAX_CONTACT: usize = 4 << 10;
/// Largest whole number: what every JSON reader holds exactly.
const MAX_WHOLE: u64 = 1 << 53;

#[derive(Serialize)]
pub(super) struct VerdictDto<'a> {
    standing: &'a str,
    identity_match: &'a str,
    knowledge: &'a str,
    freshness: &'a str,
    session: Option<Uuid>,
    serial: Option<u64>,
    as_of: Option<String>,
    rate_percent: Option<u8>,
    rules_version: Option<&'a str>,
}

impl<'a> VerdictDto<'a> {
    fn new(verdict: &'a ShownVerdict) -> Self {
        Self {
            standing: &verdict.standing,
            identity_match: &verdict.identity_match,
            knowledge: &verdict.knowledge,
            freshness: &verdict.freshness,
            session: verdict.basis.map(|(session, _)| session.0),
            serial: verdict.basis.map(|(_, serial)| serial.0),
            as_of: verdict.as_of.map(instant),
            rate_percent: verdict.rate.map(|v| v.as_percent()),
            rules_version: verdict.rules_version.as_deref(),
        }
    }
}

/// What the province hears of the station's clock: why it is doubted is the station's own affair.
fn clock_word(state: ClockState) -> &'static str {
    match state {
        ClockState::Plausible => "plausible",
        ClockState::Learned => "learned",
        ClockState::Behind | ClockState::FarAhead => "suspect",
    }
}

/// An instant as the province reads it: Vietnamese time, as precise as it is stored.
fn instant(at: DateTime<Utc>) -> String {
    let precision = if at.timestamp_subsec_millis() == 0 { chrono::SecondsFormat::Secs } else { chrono::SecondsFormat::Millis };
    clock::vietnam_time(at).to_rfc3339_opts(precision, false)
}

fn bounded(text: &str, longest: usize) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(longest).collect::<String>().into()
}

/// Whether a body is a message of the protocol's at all: an object with this key. A network's log-in may answer in JSON as well.
pub fn is_message(bytes: &[u8], key: &str) -> bool {
    serde_json::from_slice::<HashMap<String, &RawValue>>(bytes).is_ok_and(|object| object.contains_key(key))
}

/// The code of a refusal's body, if it has one.
pub fn read_refusal(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
    }
    serde_json::from_slice::<Body>(bytes).ok().map(|body| body.error.code)
}
