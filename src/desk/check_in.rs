//! Checking somebody in: the visit on the disk, with what the desk was shown.
//!
//! Promise: "saved" is said after the disk has visit and outbox row; the same look-up again is the same visit. Never: a refusal because of a verdict: the
//! station admits and keeps the evidence (Decree 188/2025, Article 38(2)).

use chrono::DateTime;
use chrono::Utc;

use crate::domain::clock::ClockState;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Revision;
use crate::domain::visit::Sequence;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::VisitId;
use crate::storage;
use crate::storage::visits::Saved;

use super::Desk;
use super::Lookup;

/// A visit that is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedIn {
    /// Which visit.
    pub id: VisitId,
    /// Its place in the station's order.
    pub sequence: Sequence,
    /// Whether it was on the disk before this call.
    pub was_saved: bool,
    /// When the person came, by the station's clock.
    pub arrived_at: DateTime<Utc>,
}

impl Desk {
    /// Saves the visit of a look-up. Returns after the disk has it.
    pub async fn check_in(&self, lookup: &Lookup) -> Result<CheckedIn, storage::Error> {
        let (reading, now) = (self.time.reading(), self.time.now());
        let arrived_at = reading.wall;
        let benefit = lookup.verdict.benefit.as_ref();
        let visit = NewVisit {
            id: lookup.visit_id,
            revision: Revision::FIRST,
            arrived_at,
            operator: self.station.operator.clone(),
            source: lookup.scan.source,
            person: lookup.person(),
            attendance_category: benefit.map_or_else(|| self.station.category.clone(), |benefit| benefit.category.clone()),
            care_type: self.station.care_type.clone(),
            note: None,
            verdict: ShownVerdict::from(&lookup.verdict),
            clock: ClockStamp {
                state: now.state,
                boot_id: reading.boot_id,
                boot_ms: u64::try_from(reading.since_boot.as_millis()).unwrap_or(u64::MAX),
            },
        };
        let saved = self.visits.append(visit).await?;
        if now.state == ClockState::Plausible {
            self.time.passed(arrived_at);
        }
        self.sync.visit_saved();
        Ok(CheckedIn { id: lookup.visit_id, sequence: saved.sequence(), was_saved: matches!(saved, Saved::Already(_)), arrived_at })
    }
}
