//! Ninety days without a link, and then a thin one: the real daemon over everything it saved meanwhile.
//!
//! Promise: each visit is at the province once, what the station needs of its disk is bounded, and a line of 256 kbit/s is enough. A short run takes a thirtieth of
//! the visits; `BHYT_VISITS=18000` takes all, and with `BHYT_KBIT` the line is another one.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for a person to read")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bhyt_agent::domain::benefit::AttendanceCategory;
use bhyt_agent::domain::benefit::BenefitRate;
use bhyt_agent::domain::benefit::CareType;
use bhyt_agent::domain::card::CardNumber;
use bhyt_agent::domain::clock::ClockState;
use bhyt_agent::domain::clock::TimeKeeper;
use bhyt_agent::domain::person::BirthDate;
use bhyt_agent::domain::person::CitizenId;
use bhyt_agent::domain::person::PersonName;
use bhyt_agent::domain::person::Sex;
use bhyt_agent::domain::roster::Serial;
use bhyt_agent::domain::roster::SessionId;
use bhyt_agent::domain::scan::Source;
use bhyt_agent::domain::visit::ClockStamp;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::OperatorName;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::ShownVerdict;
use bhyt_agent::domain::visit::VisitId;
use bhyt_agent::domain::visit::VisitPerson;
use bhyt_agent::ops::clock::RELEASED_AT;
use bhyt_agent::ops::clock::SystemClock;
use bhyt_agent::storage::folder::DataFolder;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::visits::VisitStore;
use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use crate::power_cut::number;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::proxy::Proxy;
use crate::support::proxy::Rules;
use crate::support::wait_at_most;
use crate::support::writers::Writer;

const VISITS: u64 = 600;
const DAYS: u64 = 90;
/// All of them.
const FULL: u64 = 18_000;
/// kbit/s, each way.
const LINE: u64 = 256;
/// What the drain of all of them may take on that line.
const DRAIN: Duration = Duration::from_mins(10);
/// Start, handshakes and a contact, whatever is to be sent: on machines that are busy.
const START: Duration = Duration::from_secs(20);
const ROOM: u64 = 200 << 20;

/// A made-up visit of the long time without a link, with everything in it that a card and a verdict give.
fn visit(n: u64, count: u64, now: DateTime<Utc>, session: Uuid) -> NewVisit {
    let lasted = TimeDelta::days(i64::try_from(DAYS).unwrap());
    let arrived_at = now - lasted + TimeDelta::seconds(lasted.num_seconds() * i64::try_from(n).unwrap() / i64::try_from(count).unwrap());
    let card = CardNumber::parse(&format!("GD499{:010}", n % 7_919)).unwrap();
    NewVisit {
        id: VisitId::new(arrived_at, rand::random()),
        revision: Revision::FIRST,
        arrived_at,
        operator: OperatorName::parse("Lê Thị Thử").unwrap(),
        source: Source::BhytCard,
        person: VisitPerson {
            insurance_number: Some(card.insurance_number()),
            card_number: Some(card),
            personal_id: Some(CitizenId::parse(&format!("0971{:08}", n % 7_919)).unwrap()),
            name: Some(
                PersonName::parse(&format!("Trần Thị Ví Dụ {}", ["An", "Bình", "Chi", "Dung", "Giang"][usize::try_from(n % 5).unwrap()]))
                    .unwrap(),
            ),
            birth_date: Some(BirthDate::parse_iso(&format!("19{:02}-09-02", 30 + n % 60)).unwrap()),
            sex: Some(Sex::Female),
        },
        attendance_category: AttendanceCategory::parse("1.2").unwrap(),
        care_type: CareType::parse("01").unwrap(),
        proof: None,
        queue_number: None,
        note: None,
        voided: None,
        verdict: ShownVerdict {
            standing: "valid".into(),
            identity_match: "match".into(),
            knowledge: "cached".into(),
            freshness: "stale".into(),
            basis: Some((SessionId(session), Serial(1))),
            as_of: Some(now - lasted),
            rate: Some(BenefitRate::percent(100).unwrap()),
            rules_version: Some("2026-07".into()),
        },
        clock: ClockStamp { state: ClockState::Plausible, boot_id: "00000000-0000-4000-8000-000000000001".into(), boot_ms: 1_000 * n },
    }
}

/// Saves them as the daemon would, without the daemon.
async fn save(station: &TestStation, count: u64, session: Uuid) -> BTreeSet<Uuid> {
    let key = DatabaseKey::read(&station.dir.path().join("keys/database.key")).unwrap();
    let folder = DataFolder::lock(&station.dir.path().join("data"), &key).unwrap();
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let (visits, writer) = VisitStore::open(folder.path(), &key, time).unwrap();
    let (now, mut saved) = (Utc::now(), BTreeSet::new());
    for n in 0..count {
        let visit = visit(n, count, now, session);
        saved.insert(visit.id.0);
        visits.append(visit).await.unwrap();
    }
    drop(visits);
    tokio::task::spawn_blocking(|| Writer::of(writer).join()).await.unwrap();
    saved
}

/// Bytes of all files below a folder.
fn bytes(folder: &Path) -> u64 {
    // A file may go while we look.
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| if entry.path().is_dir() { bytes(&entry.path()) } else { entry.metadata().map_or(0, |file| file.len()) }).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f34_ninety_days_offline_are_delivered_once() {
    let (count, line) = (number("BHYT_VISITS", VISITS), number("BHYT_KBIT", LINE));
    let province = TestProvince::new(300).await;
    let proxy = Proxy::to(province.address).await;
    let station = TestStation::configured_at(&province, proxy.address);
    station.enrol(&province).await;
    let held = station.loaded().await;
    assert_eq!(held.terminate().await, Some(0));
    let session = province.publish().await.index.session;

    let begun = Instant::now();
    let mut saved = save(&station, count, session).await;
    let (data, filled) = (station.dir.path().join("data"), begun.elapsed());
    let before = bytes(&data);
    // Without a link, then with one.
    proxy.set(Rules { refuses: true, ..Rules::default() });
    let _daemon = station.started().await;
    assert_eq!(station.status().await["outbox"]["pending"], count);
    let (up, down, begun) = (proxy.up(), proxy.down(), Instant::now());
    let rate = u32::try_from(line * 1000 / 8).unwrap();
    proxy.set(Rules { rate: Some(rate), ..Rules::default() });
    // Somebody comes while all that is on its way. It also wakes the engine.
    saved.insert(station.check_in(&province.person_in_force().card).await.unwrap());
    let (mut most, mut slowest) = (before, Duration::ZERO);
    wait_at_most(2 * DRAIN, "all are delivered", async || {
        let asked = Instant::now();
        let status = station.status().await;
        slowest = slowest.max(asked.elapsed());
        most = most.max(bytes(&data));
        tokio::time::sleep(Duration::from_millis(50)).await;
        (status["outbox"]["pending"] == 0).then_some(())
    })
    .await;
    let took = begun.elapsed();
    assert_eq!(station.status().await["outbox"]["parked"], 0);

    let visits = province.province.visits().unwrap();
    let again = visits.iter().filter(|visit| visit.times_seen > 1).count();
    let (up, down) = (proxy.up() - up, proxy.down() - down);
    println!(
        "{} visits saved in {filled:.1?}, delivered in {took:.1?} over {line} kbit/s: {up} bytes up ({:.0} a visit), {down} down, {} connections, {again} sent again; \
         {before} bytes on the disk before, {most} at most; slowest status {slowest:.1?}",
        visits.len(),
        up as f64 / saved.len() as f64,
        proxy.connections()
    );
    assert_eq!(visits.len(), saved.len(), "one row for each");
    assert_eq!(visits.iter().map(|visit| visit.id).collect::<BTreeSet<_>>(), saved);
    assert!(most <= ROOM * count / FULL + (8 << 20), "{most} bytes");
    assert!(up >= count, "nothing went over the line: this test proved nothing");
    if line >= LINE {
        assert!(took <= DRAIN * u32::try_from(count).unwrap() / u32::try_from(FULL).unwrap() + START, "{took:?}");
    }
}
