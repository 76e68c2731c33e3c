//! The access log on a real database, and what is found when somebody has been at it.

use super::*;
use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Place;
use crate::domain::clock::ClockState;
use crate::domain::operator::OperatorId;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;
use crate::storage::test_support::visit;

fn line(n: u32) -> Access {
    Access {
        at: morning() + chrono::TimeDelta::seconds(n.into()),
        clock: ClockState::Plausible,
        operator: (!n.is_multiple_of(3)).then_some(OperatorId(n % 3)),
        place: Place::browser("ab12cd34"),
        act: if n.is_multiple_of(2) { Act::LookedUp } else { Act::Saved },
        about: About { visit: n.is_multiple_of(2).then(|| visit(n).id), ..About::person(&visit(n % 7).person) },
    }
}

async fn filled(station: &Station, lines: u32) -> crate::storage::test_support::Open<VisitStore> {
    let visits = station.visits();
    visits.write_access((0..lines / 2).map(line).collect()).await.unwrap();
    visits.write_access((lines / 2..lines).map(line).collect()).await.unwrap();
    visits
}

/// Somebody with the key, who takes the triggers away first.
async fn meddle(visits: &VisitStore, sql: &'static str) {
    let free = "DROP TRIGGER IF EXISTS access_is_not_changed; DROP TRIGGER IF EXISTS access_is_not_deleted;";
    visits.write(move |db| Ok(db.execute_batch(&format!("{free} {sql}"))?)).await.unwrap();
}

#[tokio::test]
async fn lines_are_added_and_neither_changed_nor_taken_out() {
    let station = Station::new();
    let visits = filled(&station, 20).await;
    for sql in ["UPDATE access SET operator = 9 WHERE number = 3", "DELETE FROM access WHERE number = 20"] {
        assert!(visits.write(move |db| Ok(db.execute(sql, [])?)).await.is_err(), "{sql}");
    }
    let verified = visits.verify_access(None).await.unwrap();
    assert!(verified.is_whole() && verified.head.unwrap().number == 20);
    let lines = visits.access(3).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [20, 19, 18]);
    let same = |a: usize, b: usize, lines: &[LoggedAccess]| lines[a].person == lines[b].person;
    let all = visits.access(100).await.unwrap();
    assert!(same(0, 7, &all) && !same(0, 1, &all), "the same person is the same digest");
    visits.close();
    assert!(station.visits().verify_access(verified.head).await.unwrap().is_whole(), "and after a restart");
}

#[tokio::test]
async fn a_person_is_another_digest_in_another_station_s_log() {
    let (one, two) = (Station::new(), Station::new());
    let (of_one, of_two) = (filled(&one, 2).await.access(1).await.unwrap(), filled(&two, 2).await.access(1).await.unwrap());
    assert!(of_one[0].person.is_some() && of_one[0].person != of_two[0].person);
}

/// F57: edits, exchanges, cuts and additions, each at a place of its own; and a cut at the end, which only a noted head tells.
#[tokio::test]
async fn f57_whoever_was_at_the_log_is_found() {
    for (sql, broken_at) in [
        ("UPDATE access SET operator = 9 WHERE number = 7", Some(7)),
        ("UPDATE access SET operator = NULL WHERE number = 8", Some(8)),
        ("UPDATE access SET person = randomblob(32) WHERE number = 1", Some(1)),
        ("UPDATE access SET at = '2026-11-22T01:00:00.001Z' WHERE number = 20", Some(20)),
        ("UPDATE access SET at = 'sometime' WHERE number = 20", Some(20)),
        ("UPDATE access SET clock_state = 'behind' WHERE number = 2", Some(2)),
        ("UPDATE access SET place = 'ab12cd3' WHERE number = 4", Some(4)),
        ("UPDATE access SET act = 'printed' WHERE number = 4", Some(4)),
        ("UPDATE access SET visit = NULL WHERE number = 7", Some(7)),
        ("UPDATE access SET account = 1 WHERE number = 6", Some(6)),
        ("UPDATE access SET digest = randomblob(32) WHERE number = 9", Some(9)),
        ("UPDATE access SET place = place || act, act = '' WHERE number = 10", Some(10)),
        ("DELETE FROM access WHERE number = 11", Some(11)),
        ("DELETE FROM access WHERE number = 1", Some(1)),
        ("UPDATE access SET number = -number WHERE number IN (12, 13); UPDATE access SET number = 25 + number WHERE number < 0", Some(12)),
        ("DELETE FROM access WHERE number > 15", Some(16)),
        ("DELETE FROM access", Some(1)),
        ("DELETE FROM access WHERE number > 15; UPDATE sqlite_sequence SET seq = 15 WHERE name = 'access'", None),
    ] {
        let station = Station::new();
        let visits = filled(&station, 20).await;
        let noted = visits.verify_access(None).await.unwrap().head;
        assert!(visits.verify_access(noted).await.unwrap().is_whole(), "the control: nobody was at it");
        meddle(&visits, sql).await;
        let verified = visits.verify_access(noted).await.unwrap();
        assert!(!verified.is_whole(), "{sql}");
        assert_eq!(verified.broken_at, broken_at, "{sql}");
        visits.close();
    }
}

/// Whoever knows how lines are bound makes the edited one anew: then the next one does not follow. Whoever makes all of them anew has another head.
#[tokio::test]
async fn f57_a_line_that_was_made_anew_breaks_the_next_one_and_all_of_them_a_noted_head() {
    for all in [false, true] {
        let station = Station::new();
        let visits = filled(&station, 20).await;
        let noted = visits.verify_access(None).await.unwrap().head;
        meddle(&visits, "UPDATE access SET operator = 9 WHERE number = 7;").await;
        visits
            .write(move |db| {
                for number in 7..=if all { 20 } else { 7 } {
                    let previous = db.query_row("SELECT digest FROM access WHERE number = ?1", [number - 1], |row| row.get(0))?;
                    let line = db.query_row("SELECT * FROM access WHERE number = ?1", [number], logged)?;
                    db.execute("UPDATE access SET digest = ?2 WHERE number = ?1", (number, chained(&previous, &line)))?;
                }
                Ok(())
            })
            .await
            .unwrap();
        let verified = visits.verify_access(noted).await.unwrap();
        assert_eq!((verified.broken_at, verified.holds_noted), (if all { None } else { Some(8) }, !all));
        assert!(!verified.is_whole());
        visits.close();
    }
}
