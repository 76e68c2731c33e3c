//! Rechecked visits as they stand on the wire.
//!
//! Promise: both answers in the form that visits have them. Never: the person; the province knows the visit.

use serde::Serialize;
use uuid::Uuid;

use super::FORMAT;
use super::VerdictDto;
use super::instant;
use crate::domain::recheck::Recheck;

/// A batch of them.
#[derive(Serialize)]
pub struct RechecksRequest<'a> {
    format: u32,
    station: &'a str,
    install: Uuid,
    rechecks: Vec<RecheckDto<'a>>,
}

#[derive(Serialize)]
struct RecheckDto<'a> {
    id: Uuid,
    revision: u32,
    found_at: String,
    shown: VerdictDto<'a>,
    now: VerdictDto<'a>,
}

impl<'a> RechecksRequest<'a> {
    /// Writes them down.
    pub fn new(station: &'a str, install: Uuid, rechecks: &'a [Recheck]) -> Self {
        let write = |recheck: &'a Recheck| RecheckDto {
            id: recheck.id.0,
            revision: recheck.revision.0,
            found_at: instant(recheck.found_at),
            shown: VerdictDto::new(&recheck.shown),
            now: VerdictDto::new(&recheck.now),
        };
        Self { format: FORMAT, station, install, rechecks: rechecks.iter().map(write).collect() }
    }
}
