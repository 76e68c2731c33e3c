//! Looking again at past visits with newer data: the law has the station admit on what it knows and check later.
//!
//! Promise: after every change of the roster, and after every single answer of the province, the visits of the last days are judged again, each for the day
//! the person came; where our data now speak and say something else in standing or rate, both answers are kept, until they agree again. Never: a change
//! to a visit; a difference that is only silence: data that cannot speak about that day contradict nobody.

use std::collections::HashMap;
use std::collections::VecDeque;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::domain::outage;
use crate::domain::recheck::Recheck;
use crate::domain::roster::Wanted;
use crate::domain::scan::Scan;
use crate::domain::verdict::NotCovered;
use crate::domain::verdict::Standing;
use crate::domain::verdict::Verdict;
use crate::domain::visit::Sequence;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::Visit;
use crate::storage;
use crate::storage::visits::ListedRecheck;
use crate::storage::visits::LoggedVisit;

use super::Desk;

/// Visits judged between two looks at whether to stop.
const PAGE: usize = 200;
/// Most people the province is asked about after one look: fewer than the engine's queue holds, which is the desk's first.
const ASKED: usize = 10;
/// Most differences read to compare with.
const LISTED: usize = 10_000;

/// What looking again came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rechecked {
    /// Visits judged again.
    pub visits: usize,
    /// Differences found now that were not listed, or were listed otherwise.
    pub found: usize,
    /// Listed differences that have gone.
    pub resolved: usize,
}

impl Desk {
    /// Judges the visits of the last days again. Returns after what was found is on the disk.
    pub async fn recheck(&self) -> Result<Rechecked, storage::Error> {
        let since = self.time.now().at - TimeDelta::days(self.station_in_force().recheck_days.into());
        let listed = self.visits.rechecks(LISTED).await?.into_iter().filter(|listed| !listed.is_over);
        let listed: HashMap<Sequence, Recheck> = listed.map(|listed| (listed.recheck.sequence, listed.recheck)).collect();
        let unreached = self.visits.unreached(since).await?;
        let (mut after, mut total, mut silent) = (Sequence(0), Rechecked::default(), VecDeque::new());
        loop {
            let visits = self.visits.recheckable(since, after, PAGE).await?;
            let Some(last) = visits.last() else { break };
            after = last.sequence;
            let (mut found, mut resolved, mut confirmed) = (Vec::new(), Vec::new(), Vec::new());
            for visit in &visits {
                let held = listed.get(&visit.sequence);
                match self.judge_past(visit, since).await? {
                    Judged::Silent(wanted) => silent.extend(wanted),
                    Judged::Agrees(as_of) => {
                        resolved.extend(held.map(|_| visit.sequence));
                        let is_unsure = outage::is_unsure(&visit.content.verdict) || unreached.contains(&visit.sequence);
                        let borne_out = as_of.filter(|_| is_unsure);
                        confirmed.extend(borne_out.map(|as_of| (visit.sequence, as_of)));
                    }
                    Judged::Differs(now) => {
                        if held.is_none_or(|held| Recheck::differs(&held.now, &now)) {
                            found.push(self.difference(visit, *now).await?);
                        }
                    }
                }
                if silent.len() > ASKED {
                    silent.pop_front();
                }
            }
            total.visits += visits.len();
            total.found += found.len();
            total.resolved += resolved.len();
            if !confirmed.is_empty() {
                self.visits.confirm(confirmed, self.time.now().at).await?;
            }
            if !(found.is_empty() && resolved.is_empty()) {
                self.visits.put_rechecks(found, resolved).await?;
                self.sync.rechecks_found();
            }
        }
        // The last one said is asked about first: the newest visit.
        for wanted in silent {
            self.sync.ask(wanted);
        }
        Ok(total)
    }

    /// The differences: open ones first, the newest visit first.
    pub async fn rechecks(&self, limit: usize) -> Result<Vec<ListedRecheck>, storage::Error> {
        self.visits.rechecks(limit).await
    }

    /// The differences that nobody has looked at yet, each with its visit.
    pub async fn open_rechecks(&self, limit: usize) -> Result<Vec<(ListedRecheck, LoggedVisit)>, storage::Error> {
        let mut open = Vec::new();
        for listed in self.visits.rechecks(limit).await?.into_iter().filter(|listed| listed.settled_at.is_none() && !listed.is_over) {
            let revisions = self.visits.revisions(listed.recheck.id).await?;
            let visit = revisions.into_iter().find(|logged| logged.visit.sequence == listed.recheck.sequence);
            open.extend(visit.map(|visit| (listed, visit)));
        }
        Ok(open)
    }

    /// A person has seen to a difference. `false`: there is no open one for this visit.
    pub async fn settle_recheck(&self, sequence: Sequence) -> Result<bool, storage::Error> {
        let is_settled = self.visits.settle_recheck(sequence, self.time.now().at).await?;
        if is_settled {
            let listed = self
                .visits
                .rechecks(LISTED)
                .await
                .ok()
                .and_then(|listed| listed.into_iter().find(|listed| listed.recheck.sequence == sequence));
            self.access(Act::Rechecked, listed.map(|listed| About::visit(listed.recheck.id)).unwrap_or_default()).await;
        }
        Ok(is_settled)
    }

    async fn judge_past(&self, visit: &Visit, since: DateTime<Utc>) -> Result<Judged, storage::Error> {
        let content = &visit.content;
        let placed = self.placed(content).await?;
        if content.clock.state.is_suspect() && placed.is_none_or(|at| at < since) {
            // Nobody knows of which day it is, or it is too long ago.
            return Ok(Judged::Silent(None));
        }
        // The day is the visit's own, whatever the clock says now.
        let on = Now { at: placed.unwrap_or(content.arrived_at), state: ClockState::Plausible };
        let lookup = self.judge_for(scan_of(visit), content.id, on).await?;
        let now = self.shown_as(&lookup.verdict, &content.attendance_category);
        // Only data of after the visit bear out what the desk knew too little of.
        let as_of = now.as_of.filter(|as_of| *as_of >= on.at);
        let is_unknown = lookup.verdict.standing == Standing::NotCovered { why: NotCovered::UnknownToProvince };
        if is_unknown && content.verdict.standing == now.standing {
            // Asked about this very number, the province has answered: nothing more will come of waiting.
            return Ok(Judged::Agrees(as_of));
        }
        Ok(match compare(&content.verdict, &lookup.verdict, now) {
            Judged::Agrees(_) => Judged::Agrees(as_of),
            Judged::Silent(_) if matches!(lookup.verdict.standing, Standing::NotCovered { .. }) => Judged::Silent(lookup.wanted()),
            judged => judged,
        })
    }

    async fn difference(&self, visit: &Visit, now: ShownVerdict) -> Result<Recheck, storage::Error> {
        let content = &visit.content;
        Ok(Recheck {
            id: content.id,
            revision: content.revision,
            sequence: visit.sequence,
            arrived_at: self.arrived(content).await?,
            shown: content.verdict.clone(),
            now,
            found_at: self.time.now().at,
        })
    }
}

enum Judged {
    /// Our data say nothing about that day. Whom to ask the province about, if that may help.
    Silent(Option<Wanted>),
    /// Of when the data are that agree.
    Agrees(Option<DateTime<Utc>>),
    Differs(Box<ShownVerdict>),
}

fn compare(shown: &ShownVerdict, verdict: &Verdict, now: ShownVerdict) -> Judged {
    // A record whose days begin after the visit is the next card's: it says nothing about the day the person came.
    let is_next_card = verdict.standing == Standing::NotYetValid && &*shown.standing != Standing::NotYetValid.code();
    if is_next_card || matches!(verdict.standing, Standing::NotCovered { .. }) {
        return Judged::Silent(None);
    }
    // A card that counts is a card that counts: that a next one is known changes nothing on the day.
    let counts =
        |shown: &ShownVerdict| [Standing::Valid.code(), Standing::Superseded { in_force: true }.code()].contains(&&*shown.standing);
    let is_same_card = matches!(verdict.standing, Standing::Valid | Standing::Superseded { in_force: true });
    if is_same_card && counts(shown) && shown.rate == now.rate {
        return Judged::Agrees(None);
    }
    if Recheck::differs(shown, &now) { Judged::Differs(Box::new(now)) } else { Judged::Agrees(None) }
}

/// What was shown, as far as the visit has kept it.
fn scan_of(visit: &Visit) -> Scan {
    let person = visit.content.person.clone();
    Scan {
        card_number: person.card_number,
        insurance_number: person.insurance_number,
        personal_id: person.personal_id,
        name: person.name,
        birth_date: person.birth_date,
        sex: person.sex,
        ..Scan::of(visit.content.source)
    }
}

/// Looks again at the start, and whenever the roster, single answers, or what is known of the time have changed, until stopped.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    let (mut roster, mut answers, mut engine) = (desk.cards.roster(), desk.sync.answers(), desk.sync.status());
    let mut seen = None;
    loop {
        let cursor = roster.borrow_and_update().cursor.as_ref().map(|cursor| (cursor.session, cursor.serial));
        // The first contact since the machine started may place visits that could not be judged before.
        let state = (cursor, *answers.borrow_and_update(), desk.time.is_anchored());
        if seen != Some(state) {
            match stop.run_until_cancelled(desk.recheck()).await {
                None => return,
                Some(Ok(done)) if done.found + done.resolved > 0 => {
                    tracing::info!(name: "visit.rejudged", visits = done.visits, found = done.found, resolved = done.resolved, "past visits were looked at again");
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::error!(name: "storage.write-failed", %error, "past visits could not be looked at again; the next change of the roster tries anew");
                }
            }
            seen = Some(state);
        }
        let changed = async {
            tokio::select! {
                changed = roster.changed() => changed.is_ok(),
                changed = answers.changed() => changed.is_ok(),
                changed = engine.changed() => changed.is_ok(),
            }
        };
        if stop.run_until_cancelled(changed).await != Some(true) {
            return;
        }
    }
}
