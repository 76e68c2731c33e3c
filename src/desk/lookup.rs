//! Looking somebody up: from what was scanned or typed to a dated verdict.
//!
//! Promise: one answer for every readable input, with the knowledge it rests on; the visit's id is made here, so that however often the answer is
//! checked in, it is one visit. Never: the network.

use crate::domain::card::CardRecord;
use crate::domain::field::Unreadable;
use crate::domain::freshness;
use crate::domain::roster::PullCursor;
use crate::domain::scan;
use crate::domain::scan::Scan;
use crate::domain::verdict;
use crate::domain::verdict::IdentityMatch;
use crate::domain::verdict::RosterAnswer;
use crate::domain::verdict::RosterKnowledge;
use crate::domain::verdict::RosterPosition;
use crate::domain::verdict::StationRules;
use crate::domain::verdict::Verdict;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage;
use crate::storage::cards::Holding;

use super::Desk;

/// What the desk is shown, and what it would check in.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Identity of the visit this becomes if it is checked in.
    pub visit_id: VisitId,
    /// What was scanned or typed.
    pub scan: Scan,
    /// The roster's record, if it holds one.
    pub record: Option<Box<CardRecord>>,
    /// The judgement.
    pub verdict: Verdict,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The input cannot be read: scan again or type the number.
    #[error("the input cannot be read: {0}")]
    Unreadable(#[from] Unreadable),
    /// Our own files cannot be read.
    #[error("the roster cannot be read")]
    Storage(#[from] storage::Error),
}

impl Lookup {
    /// The person of the visit: from the record, unless what was shown contradicts it; then what was shown is kept, for that is the evidence.
    pub fn person(&self) -> VisitPerson {
        let Scan { card_number, insurance_number, personal_id, name, birth_date, sex, .. } = self.scan.clone();
        let shown = VisitPerson { card_number, insurance_number, personal_id, name, birth_date, sex };
        let contradicts = !matches!(self.verdict.identity, IdentityMatch::Match | IdentityMatch::NotChecked);
        let Some(record) = self.record.as_ref().filter(|_| !contradicts) else { return shown };
        let in_force = self.verdict.in_force.as_ref().map(|card| card.card_number.clone());
        let card_number = in_force.unwrap_or_else(|| record.card_number.clone());
        VisitPerson {
            insurance_number: Some(card_number.insurance_number()),
            card_number: Some(card_number),
            personal_id: record.personal_id.clone().or(shown.personal_id),
            name: Some(record.name.clone()),
            birth_date: Some(record.birth_date),
            sex: Some(record.sex),
        }
    }
}

impl Desk {
    /// Reads what was scanned or typed, finds the person, and judges the card for today.
    pub async fn look_up(&self, text: &str) -> Result<Lookup, LookUpError> {
        let visit_id = VisitId::new(self.time.now().at, rand::random());
        Ok(self.judge(scan::read(text)?, visit_id).await?)
    }

    /// The same person by today's day and roster; still the same visit.
    pub async fn judge_again(&self, lookup: &Lookup) -> Result<Lookup, storage::Error> {
        self.judge(lookup.scan.clone(), lookup.visit_id).await
    }

    async fn judge(&self, scan: Scan, visit_id: VisitId) -> Result<Lookup, storage::Error> {
        let found = self.cards.find(&scan).await?;
        let now = self.time.now();
        let position = found.cursor.as_ref().map(position);
        let data_age = freshness::data_age(position.map(|position| position.as_of), now.at, self.station.thresholds);
        let rules =
            StationRules { home_facility: &self.station.facility, facility_class: &self.station.class, tables: &self.station.rules };
        let answer = match &found.holding {
            Holding::Held(record) => RosterAnswer::Held(record),
            Holding::Unreadable => RosterAnswer::Unreadable,
            Holding::Several => RosterAnswer::Several,
            Holding::Left => RosterAnswer::Left,
            Holding::NotHeld => RosterAnswer::NotHeld,
            Holding::NoRoster => RosterAnswer::NoRoster,
        };
        let verdict = verdict::assess(answer, &scan, now, RosterKnowledge { position, data_age }, rules);
        let record = if let Holding::Held(record) = found.holding { Some(record) } else { None };
        Ok(Lookup { visit_id, scan, record, verdict })
    }
}

fn position(cursor: &PullCursor) -> RosterPosition {
    RosterPosition { session: cursor.session, serial: cursor.serial, as_of: cursor.as_of }
}
