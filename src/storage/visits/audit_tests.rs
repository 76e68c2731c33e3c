//! The access log on a real database, and what is found when somebody has been at it.

use super::*;
use crate::domain::access::About;
use crate::domain::access::Access;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::Place;
use crate::domain::access::ShownPeople;
use crate::domain::clock::ClockState;
use crate::domain::operator::OperatorId;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;
use crate::storage::test_support::visit;
use crate::storage::visits::LoggedAccess;

fn line(n: u32) -> Access {
    Access {
        at: morning() + chrono::TimeDelta::seconds(n.into()),
        clock: ClockState::Plausible,
        operator: (!n.is_multiple_of(3)).then_some(OperatorId(n % 3)),
        place: Place::browser("ab12cd34"),
        act: if n.is_multiple_of(2) { Act::LookedUp } else { Act::Printed },
        about: About {
            visit: n.is_multiple_of(2).then(|| visit(n).id),
            shown: n.is_multiple_of(5).then(|| ShownPeople::of([&visit(n).person, &visit(n + 1).person])),
            detail: n.is_multiple_of(10).then(|| Detail::numbered("days", n.into())),
            ..About::person(&visit(n % 7).person)
        },
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
    assert!(verified.is_consistent() && !verified.is_borne_out() && verified.head.unwrap().number == 20);
    let lines = visits.access(3).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [20, 19, 18]);
    let same = |a: usize, b: usize, lines: &[LoggedAccess]| lines[a].person == lines[b].person;
    let all = visits.access(100).await.unwrap();
    assert!(same(0, 7, &all) && !same(0, 1, &all), "the same person is the same digest");
    visits.close();
    assert!(station.visits().verify_access(verified.head).await.unwrap().is_borne_out(), "and after a restart");
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
        ("UPDATE access SET act = 'rechecked' WHERE number = 4", Some(4)),
        ("UPDATE access SET visit = NULL WHERE number = 7", Some(7)),
        ("UPDATE access SET account = 1 WHERE number = 6", Some(6)),
        ("UPDATE access SET shown = 1 WHERE number = 6", Some(6)),
        ("UPDATE access SET shown = NULL, people = NULL WHERE number = 6", Some(6)),
        ("UPDATE access SET people = randomblob(16) WHERE number = 16", Some(16)),
        ("UPDATE access SET detail = NULL WHERE number = 1", Some(1)),
        ("UPDATE access SET detail = '' WHERE number = 2", Some(2)),
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
        assert!(visits.verify_access(noted).await.unwrap().is_borne_out(), "the control: nobody was at it");
        meddle(&visits, sql).await;
        let verified = visits.verify_access(noted).await.unwrap();
        assert!(!verified.is_consistent(), "{sql}");
        assert_eq!(verified.broken_at, broken_at, "{sql}");
        visits.close();
    }
}

/// F57: any value of any line, exchanged for another one at random, each time in a log that is whole otherwise. `BHYT_MUTATIONS` sets their number (the house's
/// rule is 10,000), `BHYT_SEED` the seed.
#[tokio::test]
async fn f57_any_value_of_any_line_that_is_another_one_is_found_there() {
    use rand::RngExt;
    use rand::SeedableRng;
    use rusqlite::types::Value;
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (mutations, seed) = (number("BHYT_MUTATIONS", 500), number("BHYT_SEED", rand::random::<u32>().into()));
    println!("BHYT_MUTATIONS={mutations} BHYT_SEED={seed}");
    let station = Station::new();
    let visits = filled(&station, 40).await;
    let noted = visits.verify_access(None).await.unwrap().head;
    meddle(&visits, "").await;
    let found = visits.write(move |db| {
        let mut random = rand::rngs::StdRng::seed_from_u64(seed);
        let columns: Vec<String> =
            db.prepare("SELECT name FROM pragma_table_info('access')")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let (mut tried, mut missed) = (0, Vec::new());
        while tried < mutations {
            let (line, column) = (random.random_range(1..=40_u64), &columns[random.random_range(0..columns.len())]);
            let is: Value = db.query_row(&format!("SELECT {column} FROM access WHERE number = ?1"), [line], |row| row.get(0))?;
            let other = match &is {
                Value::Integer(was) => Value::Integer(was + random.random_range(1..1_000_000_i64)),
                Value::Text(was) if !was.is_empty() => {
                    let mut bytes = was.clone().into_bytes();
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
                    String::from_utf8(bytes).map_or(Value::Null, Value::Text)
                }
                Value::Blob(was) if !was.is_empty() => {
                    let mut bytes = was.clone();
                    let at = random.random_range(0..bytes.len());
                    bytes[at] ^= 1 << random.random_range(0..8);
                    Value::Blob(bytes)
                }
                Value::Null => Value::Integer(random.random_range(0..9)),
                _ => Value::Null,
            };
            // As it was afterwards, whatever came of it.
            let transaction = db.savepoint()?;
            let sql = format!("UPDATE access SET {column} = ?2 WHERE number = ?1");
            // What the table itself refuses is no forgery.
            if transaction.execute(&sql, (line, &other)).is_ok() {
                tried += 1;
                // A number that is moved leaves a hole where it was.
                let verified = verify(&transaction, noted)?;
                if verified.is_consistent() || verified.broken_at != Some(line) {
                    missed.push(format!("{column} of line {line}: {is:?} made {other:?}: {:?}", verified.broken_at));
                }
            }
            drop(transaction);
        }
        Ok(missed)
    });
    assert_eq!(found.await.unwrap(), [""; 0]);
    assert!(visits.verify_access(noted).await.unwrap().is_borne_out(), "the control: none of it stayed");
    visits.close();
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
        assert_eq!((verified.broken_at, verified.holds_noted), (if all { None } else { Some(8) }, Some(!all)));
        assert!(!verified.is_consistent());
        visits.close();
    }
}

/// Somebody with the key makes a log anew that agrees with itself.
async fn make_anew(visits: &VisitStore) {
    visits
        .write(|db| {
            let mut previous = BEGINNING;
            let numbers: Vec<u64> =
                db.prepare("SELECT number FROM access ORDER BY number")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for (number, was) in (1..).zip(numbers) {
                db.execute("UPDATE access SET number = ?1 WHERE number = ?2", (number, was))?;
                let line = db.query_row("SELECT * FROM access WHERE number = ?1", [number], logged)?;
                previous = chained(&previous, &line);
                db.execute("UPDATE access SET digest = ?2 WHERE number = ?1", (number, previous))?;
            }
            db.execute("UPDATE sqlite_sequence SET seq = (SELECT count(*) FROM access) WHERE name = 'access'", [])?;
            Ok(())
        })
        .await
        .unwrap();
}

/// A8: a log that agrees with itself and with nothing else is never called whole; the province's word about its end tells, also after an older copy was put back.
#[tokio::test]
async fn a8_a_forged_log_that_agrees_with_itself_is_found_by_what_the_province_holds() {
    for sql in [
        "DELETE FROM access WHERE number > 15",
        "DELETE FROM access WHERE number = 7",
        "UPDATE access SET operator = 9 WHERE number = 3",
        "DELETE FROM access",
    ] {
        let station = Station::new();
        let visits = filled(&station, 20).await;
        let head = visits.access_head().await.unwrap().unwrap();
        let control = visits.verify_access(None).await.unwrap();
        assert!(control.is_consistent() && !control.is_borne_out(), "nothing speaks for it yet: {sql}");
        assert!(visits.head_confirmed(Confirmed { head, at: morning() }).await.unwrap());
        assert!(visits.verify_access(None).await.unwrap().is_borne_out(), "the control: {sql}");
        // As in an older copy, before the province's word came.
        meddle(&visits, "DELETE FROM access_confirmed;").await;
        visits.write(move |db| Ok(db.execute_batch(sql)?)).await.unwrap();
        make_anew(&visits).await;
        let forged = visits.verify_access(None).await.unwrap();
        assert!(forged.is_consistent() && !forged.is_borne_out(), "it agrees with itself: {sql}: {forged:?}");
        assert!(!visits.head_confirmed(Confirmed { head, at: morning() }).await.unwrap(), "{sql}");
        let compared = visits.verify_access(None).await.unwrap();
        assert!(!compared.is_consistent() && compared.confirmed.is_some_and(|(_, is_held)| !is_held), "{sql}");
        // A province that was put back to an older state of its own takes nothing back.
        let older = Head { number: 1, digest: Sha256Digest([1; 32]) };
        visits.head_confirmed(Confirmed { head: older, at: morning() }).await.unwrap();
        assert_eq!(visits.verify_access(None).await.unwrap(), compared, "{sql}");
        visits.close();
    }
}

fn saved(n: u32) -> Access {
    let about = About { visit: Some(visit(n).id), ..About::person(&visit(n).person) };
    Access { act: Act::Saved, about, ..line(n) }
}

/// A8: every visit that was saved has its line, unless the log itself says that lines are missing there; and every line has its visit.
#[tokio::test]
async fn a8_saved_visits_and_lines_are_held_against_each_other() {
    let gap = |n| Access { act: Act::Gap, about: About::default(), ..line(n) };
    let all: Vec<Access> = (1..=40).map(saved).collect();
    let without = |range: core::ops::RangeInclusive<usize>, instead: Option<Access>| {
        let (before, after) = (all[..range.start() - 1].to_vec(), all[*range.end()..].to_vec());
        [before, instead.into_iter().collect(), after].concat()
    };
    for (what, lines, unlogged, missing_at) in [
        ("all", all.clone(), vec![], None),
        ("one left out", without(20..=20, None), vec![20], None),
        ("the last", without(39..=40, None), vec![39, 40], None),
        ("all lines", Vec::new(), (1..=40).collect(), None),
        ("lost, as the log says", without(20..=25, Some(gap(20))), vec![], None),
        ("lost at the end, as the log says", without(35..=40, Some(gap(35))), vec![], None),
        ("a gap explains nothing elsewhere", [without(5..=5, None), vec![gap(41)]].concat(), vec![5], None),
        ("a visit of nobody", [all.clone(), vec![saved(99)]].concat(), vec![], Some(41)),
    ] {
        let station = Station::new();
        let visits = station.visits();
        for n in 1..=40 {
            visits.append(visit(n)).await.unwrap();
        }
        visits.write_access(lines).await.unwrap();
        let verified = visits.verify_access(None).await.unwrap();
        let numbers: Vec<u64> = verified.unlogged.iter().map(|sequence| sequence.0).collect();
        assert_eq!((numbers, verified.visit_missing_at), (unlogged, missing_at), "{what}");
        assert_eq!(verified.is_consistent(), verified.unlogged.is_empty() && missing_at.is_none(), "{what}");
        visits.close();
    }
}

#[tokio::test]
async fn a_long_list_s_people_are_one_digest_and_a_short_list_s_can_be_asked_for() {
    let station = Station::new();
    let visits = station.visits();
    let shown = |people: u32| {
        let people: Vec<_> = (0..people).map(|n| visit(n).person).collect();
        Access { about: About::list(Detail::code("day"), ShownPeople::of(&people)), act: Act::Listed, ..line(1) }
    };
    let one = Access { about: About::person(&visit(2).person), ..line(1) };
    visits.write_access(vec![one, shown(3), shown(32), shown(33), shown(500)]).await.unwrap();
    let lines = visits.access(5).await.unwrap();
    let of = |at: usize| (lines[at].shown.unwrap(), lines[at].people.as_ref().unwrap().len());
    assert_eq!([of(3), of(2), of(1), of(0)], [(3, 24), (32, 256), (33, 32), (500, 32)]);
    let token = &lines[4].person.as_ref().unwrap()[..8];
    assert!(lines[3].people.as_ref().unwrap().chunks(8).any(|known| known == token), "whether somebody was shown can be told");
}
