//! Looking somebody up: from what was scanned or typed to a dated verdict.
//!
//! Promise: one answer for every readable input, with the knowledge it rests on; the visit's id is made here, so that however often the answer is
//! checked in, it is one visit; it says what the province should be asked, and leaves that to others. Never: a wait for the network.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::card::CardRecord;
use crate::domain::clock::Now;
use crate::domain::field::Unreadable;
use crate::domain::freshness;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Wanted;
use crate::domain::scan;
use crate::domain::scan::Scan;
use crate::domain::scan::Source;
use crate::domain::verdict;
use crate::domain::verdict::NotCovered;
use crate::domain::verdict::RosterAnswer;
use crate::domain::verdict::RosterKnowledge;
use crate::domain::verdict::RosterPosition;
use crate::domain::verdict::Standing;
use crate::domain::verdict::StationRules;
use crate::domain::verdict::Verdict;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::domain::visit::VisitPerson;
use crate::storage;
use crate::storage::cards::Asked;
use crate::storage::cards::Found;
use crate::storage::cards::Holding;
use crate::storage::cards::Said;
use crate::sync::status::Link;

use super::Desk;
use super::Earlier;

/// What the desk is shown, and what it would check in.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Identity of the visit this becomes if it is checked in.
    pub visit_id: VisitId,
    /// What was scanned or typed.
    pub scan: Scan,
    /// The record judged: the roster's, or where that cannot speak, the one the province sent for this person alone.
    pub record: Option<Box<CardRecord>>,
    /// The judgement.
    pub verdict: Verdict,
    /// Whether the province, asked about this person alone, may improve the answer.
    pub is_askable: bool,
    /// Visits of the same person today, as far as they could be read.
    pub earlier: Vec<Earlier>,
    /// The last revision that was on the disk before those were read; `None`: they could not be.
    pub seen: Option<Sequence>,
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

/// How long an answer of the province about one person is not asked for again.
const ASKED_ANEW_AFTER: TimeDelta = TimeDelta::hours(1);

impl Lookup {
    /// What to ask the province, if that may improve this answer: the roster cannot speak, a number was shown, and no answer younger than an hour is held.
    pub fn wanted(&self) -> Option<Wanted> {
        let Scan { card_number, insurance_number, personal_id, .. } = self.scan.clone();
        self.is_askable.then_some(Wanted { card_number, insurance_number, personal_id })
    }

    /// Whether it found somebody; `None`: without a roster every number is nobody's, and that tells nothing.
    pub fn finds(&self) -> Option<bool> {
        let is_silent = self.verdict.standing == Standing::NotCovered { why: NotCovered::NoRoster };
        (!is_silent).then_some(self.record.is_some())
    }

    /// Whether a number was typed that nobody is known by: a digit may be wrong.
    pub fn is_unknown_typed_number(&self) -> bool {
        let is_unknown = match self.verdict.standing {
            Standing::NotListed => true,
            Standing::NotCovered { why } => matches!(why, NotCovered::NotOnRoster | NotCovered::UnknownToProvince),
            _ => false,
        };
        is_unknown && self.scan.source == Source::Typed
    }

    /// Whether a desk that was shown the one has seen what the other says. How old the data are may differ.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |lookup: &Self| {
            let Verdict { on, standing, identity, knowledge, in_force, benefit, advice, .. } = lookup.verdict.clone();
            (on, standing, identity, knowledge, in_force, benefit, advice)
        };
        said(self) == said(other) && self.record == other.record && self.earlier == other.earlier
    }

    /// The person of the visit: from the record, unless what was shown contradicts it; then what was shown is kept, for that is the evidence. What was typed
    /// shows nothing: whoever was chosen for a name is the one of the record, and the page says what differs.
    pub fn person(&self) -> VisitPerson {
        let Scan { card_number, insurance_number, personal_id, name, birth_date, sex, .. } = self.scan.clone();
        let shown = VisitPerson { card_number, insurance_number, personal_id, name, birth_date, sex };
        let is_shown = self.scan.source != Source::Typed;
        let contradicts = is_shown && self.verdict.identity.differs();
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
    /// Reads a scan or a number, finds the person, and judges the card for today.
    pub async fn look_up(&self, text: &str) -> Result<Lookup, LookUpError> {
        Ok(self.look_up_scan(scan::read(text)?).await?)
    }

    /// The same person by today's day and roster; still the same visit.
    pub async fn judge_again(&self, lookup: &Lookup) -> Result<Lookup, storage::Error> {
        self.judge(lookup.scan.clone(), lookup.visit_id).await
    }

    pub(super) async fn look_up_scan(&self, scan: Scan) -> Result<Lookup, storage::Error> {
        let visit_id = VisitId::new(self.time.now().at, rand::random());
        let lookup = self.judge(scan, visit_id).await?;
        self.ask_about(&lookup);
        self.access(Act::LookedUp, About::person(&lookup.person())).await;
        Ok(lookup)
    }

    async fn judge(&self, scan: Scan, visit_id: VisitId) -> Result<Lookup, storage::Error> {
        let lookup = self.judge_for(scan, visit_id, self.time.now()).await?;
        let highest = self.visits.counts().borrow().highest;
        match self.earlier_today(visit_id, lookup.person()).await {
            Ok(earlier) => Ok(Lookup { earlier, seen: Some(highest), ..lookup }),
            Err(error) => {
                // The answer about the card is given all the same; the list of the day says that it cannot be read.
                tracing::warn!(name: "storage.read-failed", %error, "whether somebody was here before today cannot be read");
                Ok(lookup)
            }
        }
    }

    /// The judgement for a day, which may have passed; how old our data are is always said for today.
    pub(super) async fn judge_for(&self, scan: Scan, visit_id: VisitId, now: Now) -> Result<Lookup, storage::Error> {
        let found = self.cards.find(&scan).await?;
        let today = self.time.now();
        let position = found.cursor.as_ref().map(position);
        let asked = found.asked.as_ref().filter(|asked| asked.answered != Said::Unreadable);
        let as_of = asked.map(|asked| asked.as_of).or(position.map(|position| position.as_of));
        let data_age = freshness::data_age(as_of, today, self.station.thresholds);
        let is_askable = scan.has_number() && is_askable(&found, today.at);
        let can_be_asked = is_askable && self.sync.status().borrow().link == Link::Ready;
        let rules = StationRules {
            home_facility: &self.station.facility,
            facility_class: &self.station.class,
            former_province: self.station.former_province.as_ref(),
            tables: &self.station.rules,
        };
        let answer = match (asked, &found.holding) {
            (Some(Asked { answered: Said::Record(record), as_of, .. }), _) => RosterAnswer::Asked { record, as_of: *as_of },
            (Some(Asked { as_of, .. }), _) => RosterAnswer::AskedNone { as_of: *as_of },
            (None, Holding::Held(record)) => RosterAnswer::Held(record),
            (None, Holding::Unreadable) => RosterAnswer::Unreadable,
            (None, Holding::Several) => RosterAnswer::Several,
            (None, Holding::Left) => RosterAnswer::Left,
            (None, Holding::NotHeld) => RosterAnswer::NotHeld,
            (None, Holding::NoRoster) => RosterAnswer::NoRoster,
        };
        let verdict = verdict::assess(answer, &scan, now, RosterKnowledge { position, data_age, is_askable: can_be_asked }, rules);
        let record = match (found.holding, found.asked.map(|asked| asked.answered)) {
            (Holding::Held(record), _) | (_, Some(Said::Record(record))) => Some(record),
            _ => None,
        };
        Ok(Lookup { visit_id, scan, record, verdict, is_askable, earlier: Vec::new(), seen: None })
    }
}

fn is_askable(found: &Found, now: DateTime<Utc>) -> bool {
    // Also of an answer from the future: then the clock was set, and nobody knows how old the answer is.
    let is_recent = |asked: &Asked| now.signed_duration_since(asked.asked_at).abs() < ASKED_ANEW_AFTER;
    found.holding.is_silent() && !found.asked.as_ref().is_some_and(is_recent)
}

fn position(cursor: &PullCursor) -> RosterPosition {
    RosterPosition { session: cursor.session, serial: cursor.serial, as_of: cursor.as_of }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T01:00:00Z".parse().unwrap()
    }

    fn found(holding: Holding, asked_minutes_ago: Option<i64>) -> Found {
        let asked = |minutes| Asked { answered: Said::Nobody, as_of: now(), asked_at: now() - TimeDelta::minutes(minutes) };
        Found { holding, cursor: None, asked: asked_minutes_ago.map(asked) }
    }

    #[test]
    fn the_province_is_asked_where_the_roster_is_silent_and_no_young_answer_is_held() {
        for (holding, minutes, is_wanted) in [
            (Holding::NotHeld, None, true),
            (Holding::Left, None, true),
            (Holding::NoRoster, None, true),
            (Holding::Several, None, false),
            (Holding::Unreadable, None, false),
            (Holding::NotHeld, Some(0), false),
            (Holding::NotHeld, Some(59), false),
            (Holding::NotHeld, Some(60), true),
            (Holding::NotHeld, Some(-59), false),
            (Holding::NotHeld, Some(-60), true),
        ] {
            assert_eq!(is_askable(&found(holding.clone(), minutes), now()), is_wanted, "{holding:?}, {minutes:?} minutes ago");
        }
    }
}
