//! What the tests of several judgements take.
//!
//! Promise: one morning for all of them. Never: the time of the run.

use chrono::DateTime;
use chrono::Utc;

use super::line::Line;
use super::station::Notice;
use super::station::Station;
use crate::desk::words::Sentence;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn now(state: ClockState) -> Now {
    Now { at: at("2026-11-22T01:00:00Z"), state }
}

/// What a line tells, and whether it is red.
pub(super) fn what(line: &Line) -> (&'static str, bool) {
    (line.what, line.is_broken())
}

/// A station whose service gives this notice.
pub(super) fn noticed(code: &str) -> Station {
    let notice = Notice { code: code.to_owned(), since: None, sentence: Sentence::new("Một việc.", "One thing.") };
    Station { notices: vec![notice], ..Station::default() }
}
