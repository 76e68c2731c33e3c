//! The laws, and what they are checked against: an own record of what the desks said, and an own reading of the province's ledger.
//!
//! Promise: everything is checked at every step at a cost that does not grow with the run: the ledger is read on from where the last look ended, and sums are kept.
//! What a visit said is compared from the desk's answer to the ledger's row, with neither the product's messages nor its tables between. Never: a law that
//! looks at the product's own bookkeeping only.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use bhyt_agent::desk::Lookup;
use bhyt_agent::desk::Overview;
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

/// What the desk showed and said about one visit.
type Content = [u8; 16];

struct Visit {
    station: usize,
    content: Content,
    is_at_province: bool,
    is_delivered: bool,
}

#[derive(Clone, Default)]
struct Sums {
    saved: u64,
    at_province: u64,
    delivered: u64,
    parked: u64,
    last_sequence: u64,
    /// Which of the states published it holds.
    held: usize,
}

type Position = (usize, Uuid, u64);

pub(super) struct Laws {
    visits: HashMap<Uuid, Visit>,
    stations: Vec<Sums>,
    numbers: HashMap<String, usize>,
    /// Every state that was ever published.
    states: HashMap<Position, (usize, String)>,
    latest: HashMap<usize, (Uuid, u64)>,
    ledger: Connection,
    read_to: i64,
}

impl Laws {
    pub(super) fn new(codes: &[String], ledger: &Path) -> Self {
        let numbers = codes.iter().cloned().enumerate().map(|(number, code)| (code, number)).collect();
        Self {
            visits: HashMap::new(),
            stations: vec![Sums::default(); codes.len()],
            numbers,
            states: HashMap::new(),
            latest: HashMap::new(),
            ledger: open(ledger),
            read_to: 0,
        }
    }

    pub(super) fn saved_visits(&self) -> u64 {
        self.stations.iter().map(|station| station.saved).sum()
    }

    /// A desk said that a visit is on its disk.
    pub(super) fn saved(&mut self, station: usize, lookup: &Lookup, evidence: &Evidence<'_>) -> Result<(), Broken> {
        let (id, sequence) = (lookup.visit_id.0, evidence.sequence);
        let sums = &mut self.stations[station];
        holds(6, sequence > sums.last_sequence, || format!("station {station} gave {sequence} after {}", sums.last_sequence))?;
        sums.last_sequence = sequence;
        sums.saved += 1;
        let visit = Visit { station, content: shown(lookup, evidence), is_at_province: false, is_delivered: false };
        holds(6, self.visits.insert(id, visit).is_none(), || format!("station {station} gave one id twice"))
    }

    /// Reads what has come into the ledger since the last look.
    pub(super) fn read_ledger(&mut self) -> Result<(), Broken> {
        let sql = "SELECT position, id, revision, station, sequence, body FROM visits WHERE position > ?1 ORDER BY position";
        let mut statement = self.ledger.prepare_cached(sql).unwrap();
        let mut rows = statement.query([self.read_to]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (id, revision, code, sequence): (String, u32, String, u64) =
                (row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap(), row.get(4).unwrap());
            self.read_to = row.get(0).unwrap();
            let (id, station) = (id.parse::<Uuid>().unwrap(), self.numbers[&code]);
            let Some(visit) = self.visits.get_mut(&id).filter(|visit| visit.station == station) else {
                return holds(2, false, || {
                    format!("the province holds sequence {sequence} of station {station}, which nobody saved there")
                });
            };
            holds(1, !visit.is_at_province && revision == 1, || {
                format!("the province holds sequence {sequence} of station {station} twice")
            })?;
            let body: Value = serde_json::from_str(row.get_ref(5).unwrap().as_str().unwrap()).unwrap();
            holds(1, visit.content == arrived(sequence, &body), || {
                format!("sequence {sequence} of station {station} arrived with another content")
            })?;
            visit.is_at_province = true;
            self.stations[station].at_province += 1;
        }
        Ok(())
    }

    /// A try of a station came to its end with these receipts, and they are on its disk.
    pub(super) fn delivered(&mut self, station: usize, receipts: &[Receipt]) -> Result<(), Broken> {
        for receipt in receipts {
            let Some(visit) = self.visits.get_mut(&receipt.id.0) else { continue };
            match receipt.outcome {
                ReceiptOutcome::Held { .. } if !visit.is_delivered => {
                    visit.is_delivered = true;
                    self.stations[station].delivered += 1;
                    holds(4, visit.is_at_province, || format!("station {station} holds a receipt for a visit that the province has not"))?;
                }
                ReceiptOutcome::Refused { .. } => self.stations[station].parked += 1,
                ReceiptOutcome::Held { .. } | ReceiptOutcome::Retry { .. } => {}
            }
        }
        Ok(())
    }

    /// What a station shows is true, and its roster goes forwards.
    pub(super) fn shown(&mut self, station: usize, overview: &Overview) -> Result<(), Broken> {
        let (sums, unsent) = (&self.stations[station], &overview.unsent);
        holds(
            4,
            unsent.pending + unsent.parked + sums.delivered == sums.saved
                && unsent.parked == sums.parked
                && unsent.delivered == sums.delivered,
            || {
                format!(
                    "station {station} shows {} pending, {} parked, {} delivered; {} were saved, {} delivered, {} parked",
                    unsent.pending, unsent.parked, unsent.delivered, sums.saved, sums.delivered, sums.parked
                )
            },
        )?;
        let shows_nothing_unsent = unsent.pending == 0 && unsent.parked == 0;
        holds(5, !shows_nothing_unsent || sums.at_province == sums.saved, || {
            format!("station {station} shows nothing unsent, and the province lacks {} of its visits", sums.saved - sums.at_province)
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

    /// The station's own list says what the sums say, visit by visit. `unsent` is what the station lists as not delivered.
    pub(super) fn listed(&self, station: usize, unsent: &HashSet<Uuid>) -> Result<(), Broken> {
        let ours = self.stations[station].saved - self.stations[station].delivered;
        let open = |id: &Uuid| self.visits.get(id).is_some_and(|visit| visit.station == station && !visit.is_delivered);
        holds(4, unsent.len() as u64 == ours && unsent.iter().all(open), || {
            format!("station {station} lists {} visits as not delivered; {ours} are not", unsent.len())
        })
    }

    /// A receipt that could not be put on the disk is none: what the station lists counts.
    pub(super) fn recount(&mut self, station: usize, handed: &[Receipt], unsent: &HashSet<Uuid>) -> Result<(), Broken> {
        let kept: Vec<_> = handed.iter().filter(|receipt| !unsent.contains(&receipt.id.0)).cloned().collect();
        self.delivered(station, &kept)
    }

    pub(super) fn published(&mut self, station: usize, index: &provincial::wire::Index) {
        let order = self.states.len() + 1;
        self.states.entry((station, index.session, index.serial)).or_insert_with(|| (order, index.state_sha256.clone()));
        self.latest.insert(station, (index.session, index.serial));
    }

    /// Whether a station holds all that the province has for it, and the province all that it saved.
    pub(super) fn is_healed(&self, station: usize, overview: &Overview) -> bool {
        let sums = &self.stations[station];
        let cursor = overview.roster.cursor.as_ref().map(|cursor| (cursor.session.0, cursor.serial.0));
        sums.at_province == sums.saved && overview.unsent.pending == 0 && cursor == self.latest.get(&station).copied()
    }

    /// The state that the province published last.
    pub(super) fn latest_state(&self, station: usize) -> Option<&str> {
        let (session, serial) = self.latest.get(&station)?;
        self.states.get(&(station, *session, *serial)).map(|(_, state)| state.as_str())
    }

    /// At the end: each visit once, by the ledger's own count.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        self.read_ledger()?;
        let count: u64 = self.ledger.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap();
        let missing = self.visits.values().filter(|visit| !visit.is_at_province).count();
        holds(1, missing == 0 && count == self.saved_visits(), || {
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
    ])
}

#[expect(clippy::disallowed_methods, reason = "somebody else's eyes are what is wanted")]
fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA query_only = ON").unwrap();
    connection
}
