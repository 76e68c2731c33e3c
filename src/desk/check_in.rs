//! Checking somebody in: the visit on the disk, with what the desk was shown.
//!
//! Promise: "saved" is said after the disk has visit and outbox row; the same look-up again is the same visit. Never: a refusal because of a verdict: the
//! station admits and keeps the evidence (Decree 188/2025, Article 38(2)).

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
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

/// Why a visit was not saved.
#[derive(Debug, thiserror::Error)]
pub enum CheckInError {
    /// Since the look-up a new day has begun: the judgement is made anew, to be seen before it is saved.
    #[error("a new day has begun since the look-up")]
    NewDay(Box<Lookup>),
    /// Our own files.
    #[error("the visit could not be saved")]
    Storage(#[from] storage::Error),
}

/// A visit that is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedIn {
    /// Which visit.
    pub id: VisitId,
    /// Its place in the station's order.
    pub sequence: Sequence,
    /// Whether it was on the disk before this call; then nothing was added.
    pub already_saved: bool,
    /// The instant of this call, by the clock the station goes by; for a visit that is new, when the person came.
    pub at: DateTime<Utc>,
}

impl Desk {
    /// Saves the visit of a look-up. Returns after the disk has it.
    pub async fn check_in(&self, lookup: &Lookup) -> Result<CheckedIn, CheckInError> {
        let reading = self.time.reading();
        let now = self.time.judge(&reading);
        if now.day() != lookup.verdict.on {
            return Err(CheckInError::NewDay(Box::new(self.judge_again(lookup).await?)));
        }
        let arrived_at = now.stamp(&reading);
        let benefit = lookup.verdict.benefit.as_ref().map(|benefit| benefit.category.clone());
        let category = benefit.or_else(|| self.station.rules.provisional_category(&self.station.class, now.day()));
        let visit = NewVisit {
            id: lookup.visit_id,
            revision: Revision::FIRST,
            arrived_at,
            operator: self.operator.name.clone(),
            source: lookup.scan.source,
            person: lookup.person(),
            attendance_category: category.unwrap_or_else(|| self.station.category.clone()),
            care_type: self.station.care_type.clone(),
            note: None,
            voided: None,
            verdict: ShownVerdict::from(&lookup.verdict),
            clock: ClockStamp {
                state: now.state,
                boot_id: reading.boot_id,
                boot_ms: u64::try_from(reading.since_boot.as_millis()).unwrap_or(u64::MAX),
            },
        };
        let saved = self.visits.append(visit).await?;
        if now.state == ClockState::Plausible {
            self.time.recorded(arrived_at);
        }
        self.sync.visit_saved();
        let already_saved = matches!(saved, Saved::Already(_));
        self.access(Act::Saved, About { visit: Some(lookup.visit_id), ..About::person(&lookup.person()) }).await;
        Ok(CheckedIn { id: lookup.visit_id, sequence: saved.sequence(), already_saved, at: arrived_at })
    }
}
