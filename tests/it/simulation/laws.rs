//! The laws, and what they are checked against: an own record of what the desks said, and an own reading of the province's ledger.
//!
//! Promise: everything is checked at every step at a cost that does not grow with the run: the ledger is read on from where the last look ended, and sums are kept.
//! What a visit said is compared from the desk's answer to the ledger's row, with neither the product's messages nor its tables between. Never: a law that
//! looks at the product's own bookkeeping only.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use bhyt_agent::desk::Lookup;
use bhyt_agent::desk::Overview;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

/// A law that does not hold.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) law: u8,
    what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "law {}: {}", self.law, self.what)
    }
}

/// A law holds, or the run ends here.
pub(super) fn holds(law: u8, holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { law, what: what() }) }
}

/// What the desk showed and said about one revision of a visit.
type Content = [u8; 16];

/// A revision of a visit.
pub(super) type Key = (Uuid, u32);

struct Visit {
    station: usize,
    sequence: u64,
    content: Content,
    /// What a revision of this number said before the station's disk fell back: the province may have that one.
    before: Option<Content>,
    /// As the province holds it, if it does.
    there: Option<There>,
    state: State,
}

/// A row of the province's ledger.
#[derive(Clone, Copy, Debug)]
struct There {
    sequence: u64,
    /// With our content; otherwise with that of before the disk fell back.
    is_ours: bool,
}

/// What the station must show of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Delivered,
    Parked,
    Closed,
    Superseded,
    /// The station's disk fell back to a time before it.
    Forgotten,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    keys: Vec<Key>,
    saved: u64,
    pending: u64,
    parked: u64,
    delivered: u64,
    closed: u64,
    /// To be at the province and not there.
    missing: u64,
    last_sequence: u64,
    /// Which of the states published it holds.
    held: usize,
    /// It knows which record of visits the province has.
    has_heard: bool,
    /// Visits that were on its disk and, after that fell back, were not: each as often as it was lost.
    lost: u64,
}

impl Sums {
    fn count(&mut self, visit: &Visit, by: i64) {
        let add = |sum: &mut u64| *sum = sum.checked_add_signed(by).expect("no sum falls below nothing");
        match visit.state {
            State::Pending => add(&mut self.pending),
            State::Delivered => add(&mut self.delivered),
            State::Parked => add(&mut self.parked),
            State::Closed => add(&mut self.closed),
            State::Superseded | State::Forgotten => {}
        }
        if visit.there.is_none() && matches!(visit.state, State::Pending | State::Delivered | State::Parked) {
            add(&mut self.missing);
        }
    }
}

/// A station's record at an instant, for a disk that falls back to it.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    states: Vec<(Key, State)>,
    last_sequence: u64,
    pub(super) restores: u64,
}

type Position = (usize, Uuid, u64);

pub(super) struct Laws {
    visits: HashMap<Key, Visit>,
    stations: Vec<Sums>,
    numbers: HashMap<String, usize>,
    /// Every state that was ever published.
    states: HashMap<Position, (usize, String)>,
    latest: HashMap<usize, (Uuid, u64)>,
    place: PathBuf,
    ledger: Option<Connection>,
    /// The ledger's own name for itself.
    pub(super) identity: String,
    pub(super) restores: u64,
    read_to: i64,
}

impl Laws {
    pub(super) fn new(codes: &[String], ledger: &Path) -> Self {
        let numbers = codes.iter().cloned().enumerate().map(|(number, code)| (code, number)).collect();
        let mut laws = Self {
            visits: HashMap::new(),
            stations: vec![Sums::default(); codes.len()],
            numbers,
            states: HashMap::new(),
            latest: HashMap::new(),
            place: ledger.to_owned(),
            ledger: None,
            identity: String::new(),
            restores: 0,
            read_to: 0,
        };
        laws.open_ledger();
        laws
    }

    fn open_ledger(&mut self) {
        let ledger = open(&self.place);
        self.identity = ledger.query_row("SELECT value FROM meta WHERE key = 'ledger'", [], |row| row.get(0)).unwrap();
        self.ledger = Some(ledger);
    }

    pub(super) fn saved_visits(&self) -> u64 {
        self.stations.iter().map(|station| station.saved).sum()
    }

    /// Changes what is known of a revision, and the sums with it.
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Visit)) {
        let Some(visit) = self.visits.get_mut(key) else { return };
        let sums = &mut self.stations[visit.station];
        sums.count(visit, -1);
        change(visit);
        sums.count(visit, 1);
    }

    /// A desk said that a visit is on its disk.
    pub(super) fn saved(&mut self, station: usize, lookup: &Lookup, evidence: &Evidence<'_>) -> Result<(), Broken> {
        self.keep((lookup.visit_id.0, 1), station, evidence.sequence, shown(lookup, evidence))
    }

    /// A person corrected a visit, or took it back.
    pub(super) fn revised(&mut self, station: usize, visit: &NewVisit, sequence: u64) -> Result<(), Broken> {
        let key = (visit.id.0, visit.revision.0);
        self.keep(key, station, sequence, revised(visit, sequence))?;
        for older in 1..key.1 {
            self.change(&(key.0, older), |visit| {
                if visit.state == State::Parked {
                    visit.state = State::Superseded;
                }
            });
        }
        Ok(())
    }

    fn keep(&mut self, key: Key, station: usize, sequence: u64, content: Content) -> Result<(), Broken> {
        let sums = &mut self.stations[station];
        holds(6, sequence > sums.last_sequence, || format!("station {station} gave {sequence} after {}", sums.last_sequence))?;
        sums.last_sequence = sequence;
        sums.saved += 1;
        let forgotten = self.visits.get(&key).filter(|visit| visit.state == State::Forgotten && key.1 > 1);
        let before = forgotten.map(|visit| visit.content);
        let there = forgotten.and_then(|visit| visit.there).map(|there| There { is_ours: false, ..there });
        if before.is_none() {
            sums.keys.push(key);
        }
        let visit = Visit { station, sequence, content, before, there, state: State::Pending };
        sums.count(&visit, 1);
        let known = self.visits.insert(key, visit);
        holds(6, known.is_none() || before.is_some(), || format!("station {station} gave one id twice"))
    }

    /// Reads what has come into the ledger since the last look.
    pub(super) fn read_ledger(&mut self) -> Result<(), Broken> {
        let Some(ledger) = self.ledger.take() else { return Ok(()) };
        let outcome = self.read_from(&ledger);
        self.ledger = Some(ledger);
        outcome
    }

    fn read_from(&mut self, ledger: &Connection) -> Result<(), Broken> {
        let sql = "SELECT position, id, revision, station, sequence, body FROM visits WHERE position > ?1 ORDER BY position";
        let mut statement = ledger.prepare_cached(sql).unwrap();
        let mut rows = statement.query([self.read_to]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (id, revision, code, sequence): (String, u32, String, u64) =
                (row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap(), row.get(4).unwrap());
            self.read_to = row.get(0).unwrap();
            let (key, station) = ((id.parse::<Uuid>().unwrap(), revision), self.numbers[&code]);
            let Some(visit) = self.visits.get(&key).filter(|visit| visit.station == station) else {
                return holds(2, false, || {
                    format!("the province holds sequence {sequence} of station {station}, which nobody saved there")
                });
            };
            holds(1, visit.there.is_none(), || format!("the province holds sequence {sequence} of station {station} twice"))?;
            let body: Value = serde_json::from_str(row.get_ref(5).unwrap().as_str().unwrap()).unwrap();
            let arrived = arrived(sequence, &body);
            holds(1, visit.content == arrived || visit.before == Some(arrived), || {
                format!("sequence {sequence} of station {station} arrived with another content")
            })?;
            let there = There { sequence, is_ours: visit.content == arrived };
            self.change(&key, |visit| visit.there = Some(there));
        }
        Ok(())
    }

    /// A try of a station came to its end with these receipts, and they are on its disk.
    pub(super) fn delivered(&mut self, station: usize, receipts: &[Receipt]) -> Result<(), Broken> {
        for receipt in receipts {
            let key = (receipt.id.0, receipt.revision.0);
            let Some(visit) = self.visits.get(&key) else { continue };
            match receipt.outcome {
                ReceiptOutcome::Held { .. } => {
                    // Of a restored ledger a station must have heard before it can know what is missing in it.
                    let is_held = visit.there.is_some() || (self.restores > 0 && !self.stations[station].has_heard);
                    holds(4, is_held, || format!("station {station} holds a receipt for a visit that the province has not"))?;
                    self.change(&key, |visit| visit.state = State::Delivered);
                }
                ReceiptOutcome::Refused { .. } if visit.state == State::Pending => {
                    let newer = self.visits.get(&(key.0, key.1 + 1));
                    let is_newest = newer.is_none_or(|newer| newer.state == State::Forgotten);
                    self.change(&key, |visit| visit.state = if is_newest { State::Parked } else { State::Superseded });
                }
                ReceiptOutcome::Refused { .. } | ReceiptOutcome::Retry { .. } => {}
            }
        }
        Ok(())
    }

    /// A person sent a refused visit again, or ended it.
    pub(super) fn decided(&mut self, key: &Key, state: State) {
        self.change(key, |visit| visit.state = state);
    }

    /// The province is about to get another file in the place of its ledger.
    pub(super) fn close_ledger(&mut self) {
        self.ledger = None;
    }

    /// The province was restored from a backup: what it holds now is what the backup held.
    pub(super) fn restored(&mut self) {
        self.open_ledger();
        self.restores += 1;
        let keys: Vec<Key> = self.visits.keys().copied().collect();
        for key in keys {
            self.change(&key, |visit| visit.there = None);
        }
        let ledger = self.ledger.take().unwrap();
        let mut statement = ledger.prepare("SELECT id, revision, sequence, body FROM visits").unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (id, revision, sequence): (String, u32, u64) = (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            let body = row.get_ref(3).unwrap().as_str().unwrap();
            self.change(&(id.parse().unwrap(), revision), |visit| {
                let is_ours = visit.before.is_none() || visit.content == arrived(sequence, &serde_json::from_str(body).unwrap());
                visit.there = Some(There { sequence, is_ours });
            });
        }
        drop(rows);
        drop(statement);
        self.read_to = ledger.query_row("SELECT ifnull(max(position), 0) FROM visits", [], |row| row.get(0)).unwrap();
        self.ledger = Some(ledger);
        for sums in &mut self.stations {
            sums.has_heard = false;
        }
    }

    pub(super) fn has_heard(&self, station: usize) -> bool {
        self.stations[station].has_heard
    }

    /// A station has heard which ledger the province has: what it still calls delivered is in it, and no number that is in it is given again.
    pub(super) fn heard(&mut self, station: usize, unsent: &HashMap<Key, State>) -> Result<(), Broken> {
        self.stations[station].has_heard = true;
        let keys = self.stations[station].keys.clone();
        let mut highest = 0;
        for key in keys {
            if unsent.get(&key) == Some(&State::Pending) {
                self.change(&key, |visit| visit.state = State::Pending);
            }
            let visit = &self.visits[&key];
            if visit.there.is_some() {
                highest = highest.max(visit.sequence);
            }
            holds(4, visit.there.is_some() || visit.state != State::Delivered, || {
                format!("station {station} has heard of the province's backup and sends sequence {} not again", visit.sequence)
            })?;
        }
        let sums = &mut self.stations[station];
        sums.last_sequence = sums.last_sequence.max(highest);
        Ok(())
    }

    /// What a station's disk says now, for the day on which it is put back.
    pub(super) fn copied(&self, station: usize) -> Copied {
        let sums = &self.stations[station];
        let states = sums.keys.iter().map(|key| (*key, self.visits[key].state)).collect();
        Copied { states, last_sequence: sums.last_sequence, restores: self.restores }
    }

    /// A station's disk fell back: what was saved since is known to nobody but the province, where it has it. Returns what is lost for good.
    pub(super) fn fell_back(&mut self, station: usize, copied: &Copied) -> u64 {
        let (mut lost, mut gone) = (0, 0);
        let keys = self.stations[station].keys.clone();
        let known: HashMap<_, _> = copied.states.iter().copied().collect();
        for key in keys {
            self.change(&key, |visit| {
                let before = core::mem::replace(&mut visit.state, known.get(&key).copied().unwrap_or(State::Forgotten));
                lost += u64::from(visit.state == State::Forgotten && visit.there.is_none());
                gone += u64::from(visit.state == State::Forgotten && before != State::Forgotten);
            });
        }
        let sums = &mut self.stations[station];
        (sums.last_sequence, sums.has_heard) = (copied.last_sequence, false);
        sums.lost += gone;
        lost
    }

    /// What the province holds of a station and its disk does not since it fell back to that copy. `None`: something is among it that an earlier disk of
    /// it had lost, and that came late; whether it was told of is not known here.
    pub(super) fn missing_since(&self, station: usize, copied: &Copied) -> Option<u64> {
        let known: HashSet<_> = copied.states.iter().filter(|(_, state)| *state == State::Forgotten).map(|(key, _)| *key).collect();
        let mut missing = 0;
        for key in &self.stations[station].keys {
            let visit = &self.visits[key];
            let is_missing = |there: There| visit.state == State::Forgotten || !there.is_ours;
            if visit.there.is_some_and(|there| there.sequence > copied.last_sequence && is_missing(there)) {
                if known.contains(key) {
                    return None;
                }
                missing += 1;
            }
        }
        Some(missing)
    }

    /// A station is told of no more visits that are missing on its disk than it ever lost.
    pub(super) fn told(&self, station: usize, missing: u64) -> Result<(), Broken> {
        let lost = self.stations[station].lost;
        holds(9, missing <= lost, || format!("station {station} is told that {missing} visits are missing on its disk, and it lost {lost}"))
    }

    /// What a station shows is true, and its roster goes forwards.
    pub(super) fn shown(&mut self, station: usize, overview: &Overview) -> Result<(), Broken> {
        let (sums, unsent) = (&self.stations[station], &overview.unsent);
        let shown = [unsent.pending, unsent.parked, unsent.delivered, unsent.closed];
        let ours = [sums.pending, sums.parked, sums.delivered, sums.closed];
        holds(4, shown == ours, || {
            format!("station {station} shows {shown:?} pending, parked, delivered and closed, and it is {ours:?} of {}", sums.saved)
        })?;
        let shows_nothing_unsent = unsent.pending == 0 && unsent.parked == 0;
        let may_not_know = self.restores > 0 && !sums.has_heard;
        holds(5, !shows_nothing_unsent || sums.missing == 0 || may_not_know, || {
            format!("station {station} shows nothing unsent, and the province lacks {} of its visits", sums.missing)
        })?;
        let Some(cursor) = &overview.roster.cursor else {
            self.stations[station].held = 0;
            return Ok(());
        };
        let published = self.states.get(&(station, cursor.session.0, cursor.serial.0));
        let Some((order, _)) = published.filter(|(_, state)| *state == cursor.state.to_hex()) else {
            return holds(3, false, || format!("station {station} holds serial {} in a state that was never published", cursor.serial.0));
        };
        let before = core::mem::replace(&mut self.stations[station].held, *order);
        holds(3, *order >= before, || format!("the roster of station {station} went back to serial {}", cursor.serial.0))
    }

    /// The roster of a station is gone with its disk: an older one is no step back.
    pub(super) fn forget_roster(&mut self, station: usize) {
        self.stations[station].held = 0;
    }

    /// The station's own list says what the sums say, visit by visit. `unsent` is what the station lists as not delivered.
    pub(super) fn listed(&self, station: usize, unsent: &HashMap<Key, State>) -> Result<(), Broken> {
        let sums = &self.stations[station];
        let is_ours =
            |(key, state): (&Key, &State)| self.visits.get(key).is_some_and(|visit| visit.station == station && visit.state == *state);
        holds(4, unsent.len() as u64 == sums.pending + sums.parked && unsent.iter().all(is_ours), || {
            format!(
                "station {station} lists {} visits as not delivered; {} are pending and {} parked",
                unsent.len(),
                sums.pending,
                sums.parked
            )
        })
    }

    /// A receipt that could not be put on the disk is none: what the station lists counts.
    pub(super) fn recount(&mut self, station: usize, handed: &[Receipt], unsent: &HashMap<Key, State>) -> Result<(), Broken> {
        let is_kept = |receipt: &&Receipt| unsent.get(&(receipt.id.0, receipt.revision.0)) != Some(&State::Pending);
        let kept: Vec<_> = handed.iter().filter(is_kept).cloned().collect();
        self.delivered(station, &kept)
    }

    pub(super) fn published(&mut self, station: usize, index: &provincial::wire::Index) {
        let order = self.states.len() + 1;
        self.states.entry((station, index.session, index.serial)).or_insert_with(|| (order, index.state_sha256.clone()));
        self.latest.insert(station, (index.session, index.serial));
    }

    /// Whether a station holds all that the province has for it, and the province all that it saved, and both know it.
    pub(super) fn is_healed(&self, station: usize, overview: &Overview) -> bool {
        let sums = &self.stations[station];
        let cursor = overview.roster.cursor.as_ref().map(|cursor| (cursor.session.0, cursor.serial.0));
        let is_delivered = sums.missing == 0 && overview.unsent.pending == 0 && overview.unsent.parked == 0;
        is_delivered && sums.has_heard && cursor == self.latest.get(&station).copied()
    }

    /// The state that the province published last.
    pub(super) fn latest_state(&self, station: usize) -> Option<&str> {
        let (session, serial) = self.latest.get(&station)?;
        self.states.get(&(station, *session, *serial)).map(|(_, state)| state.as_str())
    }

    /// At the end: each revision once, by the ledger's own count, but for those that a person ended, and those that a disk lost before they were sent.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        self.read_ledger()?;
        let ledger = self.ledger.as_ref().unwrap();
        let count: u64 = ledger.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap();
        let here: u64 = self.visits.values().map(|visit| u64::from(visit.there.is_some())).sum();
        let is_owed = |visit: &Visit| matches!(visit.state, State::Pending | State::Delivered | State::Parked);
        let missing = self.visits.values().filter(|visit| visit.there.is_none() && is_owed(visit)).count();
        holds(1, missing == 0 && count == here, || {
            format!("{} visits were answered as saved, the province holds {count}, and {missing} are missing", self.saved_visits())
        })
    }
}

/// What the desk knew as it saved.
pub(super) struct Evidence<'a> {
    pub(super) sequence: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) boot_id: &'a str,
    pub(super) boot_ms: u64,
}

fn content(parts: &[&str]) -> Content {
    let digest: [u8; 32] = Sha256::digest(parts.join("\u{1f}")).into();
    let mut content = Content::default();
    content.copy_from_slice(&digest[..16]);
    content
}

fn shown(lookup: &Lookup, evidence: &Evidence<'_>) -> Content {
    let (person, verdict) = (lookup.person(), &lookup.verdict);
    let serial = verdict.basis.map_or(0, |basis| basis.serial.0);
    content(&[
        &evidence.sequence.to_string(),
        &evidence.at.timestamp_millis().to_string(),
        evidence.boot_id,
        &evidence.boot_ms.to_string(),
        person.card_number.as_ref().map_or("", |number| number.as_str()),
        person.insurance_number.as_ref().map_or("", |number| number.as_str()),
        person.personal_id.as_ref().map_or("", |number| number.as_str()),
        person.name.as_ref().map_or("", |name| name.as_str()),
        verdict.standing.code(),
        &serial.to_string(),
        "1",
        "",
        "",
    ])
}

fn revised(visit: &NewVisit, sequence: u64) -> Content {
    let (person, verdict) = (&visit.person, &visit.verdict);
    let serial = verdict.basis.map_or(0, |(_, serial)| serial.0);
    content(&[
        &sequence.to_string(),
        &visit.arrived_at.timestamp_millis().to_string(),
        &visit.clock.boot_id,
        &visit.clock.boot_ms.to_string(),
        person.card_number.as_ref().map_or("", |number| number.as_str()),
        person.insurance_number.as_ref().map_or("", |number| number.as_str()),
        person.personal_id.as_ref().map_or("", |number| number.as_str()),
        person.name.as_ref().map_or("", |name| name.as_str()),
        &verdict.standing,
        &serial.to_string(),
        &visit.revision.0.to_string(),
        visit.note.as_deref().unwrap_or_default(),
        visit.voided.as_deref().unwrap_or_default(),
    ])
}

fn arrived(sequence: u64, body: &Value) -> Content {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = DateTime::parse_from_rfc3339(&text(&body["arrived_at"])).map_or(0, |at| at.timestamp_millis());
    content(&[
        &sequence.to_string(),
        &at.to_string(),
        &text(&body["clock"]["boot_id"]),
        &body["clock"]["boot_ms"].as_u64().unwrap_or_default().to_string(),
        &text(&body["card_number"]),
        &text(&body["insurance_number"]),
        &text(&body["personal_id"]),
        &text(&body["name"]),
        &text(&body["verdict"]["standing"]),
        &body["verdict"]["serial"].as_u64().unwrap_or_default().to_string(),
        &body["revision"].as_u64().unwrap_or_default().to_string(),
        &text(&body["note"]),
        &text(&body["voided"]),
    ])
}

#[expect(clippy::disallowed_methods, reason = "somebody else's eyes are what is wanted")]
fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA query_only = ON").unwrap();
    connection
}
