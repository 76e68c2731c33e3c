//! When ways to the province failed, and what became of the visits that came meanwhile.
//!
//! Promise: one open row for each way; the newest thousand rows and the newest ten thousand tries are kept, whatever any clock says; tries are found by the
//! machine's own running, not by its clock. Never: a row that a restart forgets.

use std::collections::HashSet;

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::TransactionBehavior;

use super::VisitStore;
use super::outbox;
use super::outbox::LoggedVisit;
use super::recheck::DOUBTED;
use super::recheck::IS_DOUBTED;
use super::recheck::IS_LATEST;
use super::row;
use crate::domain::outage::Checked;
use crate::domain::outage::FailedTry;
use crate::domain::outage::Outage;
use crate::domain::visit::ClockStamp;
use crate::domain::visit::Sequence;
use crate::domain::visit::VisitId;
use crate::storage::error::Error;

/// Years of a bad link.
const KEPT: u32 = 1_000;

/// Tries that failed: a hundred bad days.
const TRIES_KEPT: u32 = 10_000;

const COLUMNS: &str = "direction, trouble, began_at, last_try_at, tries, ended_at";

impl VisitStore {
    /// Writes an outage down: over the open row of its way, or as a new one.
    pub async fn put_outage(&self, outage: Outage) -> Result<(), Error> {
        self.write(move |db| put(db, &outage)).await
    }

    /// Those that go on.
    pub async fn open_outages(&self) -> Result<Vec<Outage>, Error> {
        self.ask(|db| listed(db, "WHERE ended_at IS NULL ORDER BY number", [])).await
    }

    /// Those that went on at an instant, in the order in which they began.
    pub async fn outages_at(&self, at: DateTime<Utc>) -> Result<Vec<Outage>, Error> {
        let rest = "WHERE began_at <= ?1 AND (ended_at IS NULL OR ended_at >= ?1) ORDER BY began_at, number";
        self.ask(move |db| listed(db, rest, [row::instant(at)])).await
    }

    /// Writes tries that failed down, in this order.
    pub async fn put_tries(&self, tries: Vec<FailedTry>) -> Result<(), Error> {
        self.write(move |db| put_tries(db, &tries)).await
    }

    /// The tries around a visit, oldest first, and those about its person.
    pub async fn tries_around(&self, id: VisitId, clock: ClockStamp) -> Result<Vec<FailedTry>, Error> {
        let tries = self.ask(move |db| tries_around(db, id, &clock).map(|tries| FailedTry::around(tries, id, clock.boot_ms))).await?;
        Ok(tries)
    }

    /// Visits since one of them that came while the province could not be reached and that no newer data have borne out.
    pub async fn unreached(&self, since: DateTime<Utc>) -> Result<HashSet<Sequence>, Error> {
        self.ask(move |db| unreached(db, since)).await
    }

    /// Newer data have borne out what these visits came on: since when, and of when the data are.
    pub async fn confirm(&self, confirmed: Vec<(Sequence, DateTime<Utc>)>, now: DateTime<Utc>) -> Result<(), Error> {
        self.write(move |db| confirm(db, &confirmed, now)).await
    }

    /// The visits since a day that came on missing or old knowledge, newest first, and how far looking at them again is.
    pub async fn unsure(&self, since: NaiveDate, most: usize) -> Result<Vec<(LoggedVisit, Checked)>, Error> {
        self.ask(move |db| unsure(db, since, most)).await
    }
}

fn put(connection: &mut Connection, outage: &Outage) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let values = (
        &outage.direction,
        &outage.trouble,
        row::instant(outage.began_at),
        row::instant(outage.last_try_at),
        outage.tries,
        outage.ended_at.map(row::instant),
    );
    let over = "UPDATE outage SET trouble = ?2, began_at = ?3, last_try_at = ?4, tries = ?5, ended_at = ?6 WHERE direction = ?1 AND ended_at IS NULL";
    if transaction.prepare_cached(over)?.execute(values.clone())? == 0 {
        let new = format!("INSERT INTO outage ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        transaction.prepare_cached(&new)?.execute(values)?;
        let old = "DELETE FROM outage WHERE ended_at IS NOT NULL AND number <= (SELECT max(number) FROM outage) - ?1";
        transaction.prepare_cached(old)?.execute([KEPT])?;
    }
    transaction.commit()?;
    Ok(())
}

fn listed(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> Result<Vec<Outage>, Error> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM outage {rest}"))?;
    let outages = statement.query_map(values, read)?.collect::<Result<_, _>>()?;
    Ok(outages)
}

fn read(found: &Row<'_>) -> rusqlite::Result<Outage> {
    let instant = |at| found.get::<_, Option<String>>(at)?.map(|text| row::read_instant(&text, at)).transpose();
    let required = |at| row::read_instant(&found.get::<_, String>(at)?, at);
    Ok(Outage {
        direction: found.get(0)?,
        trouble: found.get(1)?,
        began_at: required(2)?,
        last_try_at: required(3)?,
        tries: found.get(4)?,
        ended_at: instant(5)?,
    })
}

fn put_tries(connection: &mut Connection, tries: &[FailedTry]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for one in tries {
        let new = "INSERT INTO link_try (direction, trouble, failed_at, boot_id, boot_ms, visit) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let about = one.about.map(|id| id.0.to_string());
        let values = (&one.direction, &one.trouble, row::instant(one.at), &one.boot_id, one.boot_ms, about);
        transaction.prepare_cached(new)?.execute(values)?;
    }
    transaction.prepare_cached("DELETE FROM link_try WHERE number <= (SELECT max(number) FROM link_try) - ?1")?.execute([TRIES_KEPT])?;
    transaction.commit()?;
    Ok(())
}

fn tries_around(connection: &Connection, id: VisitId, clock: &ClockStamp) -> Result<Vec<FailedTry>, Error> {
    let sql = "SELECT direction, trouble, failed_at, boot_id, boot_ms, visit FROM link_try \
        WHERE visit = ?1 OR (boot_id = ?2 AND boot_ms BETWEEN ?3 AND ?4) ORDER BY number";
    let (from, to) = FailedTry::span_around(clock.boot_ms);
    let values = (id.0.to_string(), &clock.boot_id, from, to);
    let mut statement = connection.prepare_cached(sql)?;
    let tries = statement.query_map(values, |found| {
        let about: Option<String> = found.get(5)?;
        Ok(FailedTry {
            direction: found.get(0)?,
            trouble: found.get(1)?,
            at: row::read_instant(&found.get::<_, String>(2)?, 2)?,
            boot_id: found.get(3)?,
            boot_ms: found.get(4)?,
            about: about.map(|id| row::read_uuid(&id, 5)).transpose()?.map(VisitId),
        })
    })?;
    Ok(tries.collect::<Result<_, _>>()?)
}

fn unreached(connection: &Connection, since: DateTime<Utc>) -> Result<HashSet<Sequence>, Error> {
    let sql = "SELECT sequence FROM circumstance WHERE unreached_since IS NOT NULL AND saved_at >= ?1 \
        AND NOT EXISTS (SELECT 1 FROM confirmed WHERE confirmed.sequence = circumstance.sequence)";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([row::instant(since)], |found| found.get(0).map(Sequence))?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn confirm(connection: &mut Connection, confirmed: &[(Sequence, DateTime<Utc>)], now: DateTime<Utc>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (sequence, as_of) in confirmed {
        let sql = "INSERT INTO confirmed SELECT sequence, ?2, ?3 FROM visit WHERE sequence = ?1 ON CONFLICT DO NOTHING";
        transaction.prepare_cached(sql)?.execute((sequence.0, row::instant(now), row::instant(*as_of)))?;
    }
    transaction.commit()?;
    Ok(())
}

/// The condition of the index `visit_unsure`.
const IS_UNSURE: &str = "(visit.knowledge = 'unverified' OR visit.freshness IN ('stale', 'absent'))";

/// Each of the two by its own index. A day that the clock could not tell leaves nobody out.
fn unsure_sql() -> String {
    format!(
        "SELECT visit.sequence, (SELECT as_of FROM confirmed WHERE confirmed.sequence = visit.sequence), \
         EXISTS (SELECT 1 FROM recheck WHERE recheck.sequence = visit.sequence AND is_over = 0) \
         FROM visit WHERE visit.sequence IN (SELECT visit.sequence FROM visit INDEXED BY visit_unsure WHERE {IS_UNSURE} \
         UNION SELECT sequence FROM circumstance INDEXED BY circumstance_unreached WHERE unreached_since IS NOT NULL) \
         AND (station_day >= ?1 OR ({IS_DOUBTED} AND visit.sequence > (SELECT max(sequence) FROM visit) - {DOUBTED})) \
         AND voided IS NULL AND {IS_LATEST} ORDER BY visit.sequence DESC LIMIT ?2"
    )
}

fn unsure(connection: &Connection, since: NaiveDate, most: usize) -> Result<Vec<(LoggedVisit, Checked)>, Error> {
    let mut statement = connection.prepare_cached(&unsure_sql())?;
    let found = statement.query_map((since.to_string(), most), |found| {
        let as_of = found.get::<_, Option<String>>(1)?.map(|text| row::read_instant(&text, 1)).transpose()?;
        let checked = match (found.get(2)?, as_of) {
            (true, _) => Checked::Differs,
            (false, Some(as_of)) => Checked::Confirmed { as_of },
            (false, None) => Checked::Open,
        };
        Ok((Sequence(found.get(0)?), checked))
    })?;
    let mut visits = Vec::new();
    for line in found {
        let (sequence, checked) = line?;
        let Some(visit) = outbox::at(connection, sequence)? else { continue };
        let is_askable = checked != Checked::Open || visit.visit.content.person.has_number();
        visits.push((visit, if is_askable { checked } else { Checked::NumberWanted }));
    }
    Ok(visits)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::outage::is_unsure;
    use crate::domain::recheck::Recheck;
    use crate::domain::visit::NewVisit;
    use crate::domain::visit::ShownVerdict;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;
    use crate::storage::test_support::visit;

    fn outage(direction: &str, minute: i64) -> Outage {
        let began_at = morning() + TimeDelta::minutes(minute);
        Outage { direction: direction.into(), trouble: "unreachable".into(), began_at, last_try_at: began_at, tries: 2, ended_at: None }
    }

    #[tokio::test]
    async fn each_way_has_one_open_outage_that_a_restart_keeps() {
        let station = Station::new();
        let visits = station.visits();
        for begun in [outage("pull", 0), outage("push", 1)] {
            visits.put_outage(begun).await.unwrap();
        }
        let longer = Outage { tries: 9, last_try_at: morning() + TimeDelta::minutes(30), ..outage("pull", 0) };
        visits.put_outage(longer.clone()).await.unwrap();
        visits.close();
        let visits = station.visits();
        assert_eq!(visits.open_outages().await.unwrap(), [longer.clone(), outage("push", 1)]);
        let over = Outage { ended_at: Some(morning() + TimeDelta::minutes(40)), ..longer };
        visits.put_outage(over.clone()).await.unwrap();
        visits.put_outage(outage("pull", 50)).await.unwrap();
        assert_eq!(visits.outages_at(morning() + TimeDelta::minutes(35)).await.unwrap(), [over, outage("push", 1)]);
        assert_eq!(visits.outages_at(morning() + TimeDelta::minutes(45)).await.unwrap(), [outage("push", 1)]);
        visits.close();
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_those_that_go_on() {
        let station = Station::new();
        let visits = station.visits();
        visits.put_outage(outage("ask", 0)).await.unwrap();
        let fill = |db: &mut Connection| {
            for minute in 0..i64::from(KEPT) + 50 {
                let ended_at = Some(morning() + TimeDelta::minutes(minute));
                put(db, &outage("pull", minute))?;
                put(db, &Outage { ended_at, ..outage("pull", minute) })?;
            }
            Ok(())
        };
        visits.write(fill).await.unwrap();
        let count = |db: &rusqlite::Transaction<'_>| Ok(db.query_row("SELECT count(*) FROM outage", [], |row| row.get::<_, u32>(0))?);
        assert_eq!(visits.readers.ask(count).await.unwrap(), KEPT + 1);
        assert_eq!(visits.open_outages().await.unwrap(), [outage("ask", 0)]);
        visits.close();
    }

    fn with(n: u32, knowledge: &str, freshness: &str) -> NewVisit {
        let base = visit(n);
        let verdict = ShownVerdict { knowledge: knowledge.into(), freshness: freshness.into(), ..base.verdict.clone() };
        NewVisit { verdict, ..base }
    }

    #[tokio::test]
    async fn visits_on_missing_or_old_knowledge_are_listed_with_what_became_of_them() {
        let station = Station::new();
        let visits = station.visits();
        let all = [
            with(1, "cached", "fresh"),
            with(2, "cached", "stale"),
            with(3, "unverified", "fresh"),
            with(4, "cached", "absent"),
            with(5, "verified", "aging"),
            NewVisit { voided: Some("nhầm".into()), ..with(6, "unverified", "absent") },
        ];
        let mut sequences = Vec::new();
        for visit in &all {
            sequences.push(visits.append(visit.clone()).await.unwrap().sequence());
        }
        let as_of = morning() + TimeDelta::days(1);
        visits.confirm(vec![(sequences[1], as_of), (Sequence(99), as_of)], as_of).await.unwrap();
        let recheck = Recheck {
            id: all[2].id,
            revision: all[2].revision,
            sequence: sequences[2],
            arrived_at: all[2].arrived_at,
            shown: all[2].verdict.clone(),
            now: ShownVerdict { standing: "expired".into(), ..all[2].verdict.clone() },
            found_at: as_of,
        };
        visits.put_rechecks(vec![recheck], Vec::new()).await.unwrap();
        let states = async |since: &str| {
            let listed = visits.unsure(since.parse().unwrap(), 10).await.unwrap();
            listed.into_iter().map(|(visit, checked)| (visit.visit.sequence, checked)).collect::<Vec<_>>()
        };
        let expected = [(sequences[3], Checked::Open), (sequences[2], Checked::Differs), (sequences[1], Checked::Confirmed { as_of })];
        assert_eq!(states("2026-11-22").await, expected);
        assert_eq!(states("2026-11-23").await, []);
        let by_domain: Vec<_> = all[..5].iter().map(|visit| is_unsure(&visit.verdict)).collect();
        assert_eq!(by_domain, [false, true, true, true, false], "the index and the domain mean the same");
        visits.close();
    }
}
