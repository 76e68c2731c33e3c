//! What the templates print, made of the desk's values.
//!
//! Promise: pure functions; a template prints and repeats, and decides nothing. Every state that a test or a support call may name has a stable
//! code beside its words. Never: markup in a value; a sentence about the card that is not `desk::words`'.

pub(super) mod log;
pub(super) mod problem;
pub(super) mod result;
pub(super) mod saved;
pub(super) mod status;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use crate::desk::words;
use crate::domain::clock;

/// The hour, with the day where it is another one than today.
fn when(at: DateTime<Utc>, today: NaiveDate) -> String {
    if clock::vietnam_day(at) == today { words::hour(at) } else { words::instant(at) }
}
