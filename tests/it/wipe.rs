//! F59: a wipe order, with the real daemon, real sockets and the reference province: the real one is obeyed, nothing else is, and no unsent visit is lost.
//!
//! `BHYT_FALSE_ORDERS` sets how many false ones come (1,000), `BHYT_CUTS` at how many places the power fails (40), `BHYT_SEED` what they are and what is lost
//! there; all are printed.

#![allow(clippy::print_stdout, reason = "seeds and figures for a person to read")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use bhyt_agent::control::contract::Request;
use chrono::TimeDelta;
use minisign::KeyPair;
use provincial::Fault;
use provincial::Province;
use provincial::wire::WipeOrder;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::power_cut::number;
use crate::refused::page;
use crate::support::AGENT;
use crate::support::Daemon;
use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bad_disk::BadDisk;
use crate::support::bad_disk::copy_folder;
use crate::support::bounds;
use crate::support::wait_for;

/// What the service ends with so that systemd does not start it again.
const CONFIG: Option<i32> = Some(78);

/// Data and keys in a folder of their own, so that a bad disk can be put under both and nothing else.
fn configured(province: &TestProvince) -> TestStation {
    let station = TestStation::configured(province);
    let place = station.dir.path().display().to_string();
    let text = fs::read_to_string(&station.config).unwrap();
    let text = text.replace(&format!("\"{place}/data\""), &format!("\"{place}/home/data\""));
    fs::write(&station.config, text.replace(&format!("\"{place}/keys\""), &format!("\"{place}/home/keys\""))).unwrap();
    fs::create_dir(station.dir.path().join("home")).unwrap();
    station
}

/// One that lets itself be wiped.
async fn willing(province: &TestProvince) -> TestStation {
    let station = configured(province);
    let text = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, text.replace("[province]\n", "[province]\nwipe-orders = true\n")).unwrap();
    station.enrol(province).await;
    station
}

fn data(station: &TestStation) -> PathBuf {
    station.dir.path().join("home/data")
}

fn keys(station: &TestStation) -> PathBuf {
    station.dir.path().join("home/keys")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Work of the province, away from the thread its server runs on.
async fn at<T: Send + 'static>(province: &TestProvince, work: impl FnOnce(Province) -> T + Send + 'static) -> T {
    let province = province.province.clone();
    tokio::task::spawn_blocking(move || work(province)).await.unwrap()
}

async fn installed(station: &TestStation) -> Uuid {
    let answer = station.ask(&Request::ReloadKeys).await.unwrap();
    answer["install"].as_str().unwrap().parse().unwrap()
}

/// The province takes in what was sealed; how many of the visits it holds now because of it, and how many it held already.
async fn carried_in(province: &TestProvince, folder: &Path) -> (usize, usize) {
    let folder = folder.to_owned();
    let files = at(province, move |province| province.carry_in(&folder).unwrap()).await;
    let words: Vec<_> = files.iter().flat_map(|file| file.outcome.as_ref().unwrap()).map(|receipt| receipt.outcome.word()).collect();
    let count = |word: &str| words.iter().filter(|found| **found == word).count();
    assert_eq!(count("accepted") + count("duplicate"), words.len(), "{words:?}");
    (count("accepted"), count("duplicate"))
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap())
}

/// Asks for a contact. The service may go while it is asked.
async fn ring(station: &TestStation) {
    let _ = station.ask(&Request::SyncNow).await;
}

/// How often the log says that an order was refused for this reason; for any, without one.
fn refused(station: &TestStation, reason: &str) -> usize {
    station.log().lines().filter(|line| line.contains("a wipe order came and is not obeyed") && line.contains(reason)).count()
}

#[tokio::test]
async fn f59_a_real_order_is_obeyed_in_seconds_and_the_province_gets_every_unsent_visit() {
    let province = TestProvince::new(60).await;
    let station = willing(&province).await;
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    let pending = |count: u64| move |status: &Value| status["outbox"]["pending"] == count;
    for _ in 0..3 {
        station.check_in(&card).await.unwrap();
    }
    station.status_when("three visits are sent", |status| status["counts"]["delivered"] == 3).await;
    province.province.faults().set(Fault::RejectVisits(1));
    station.check_in(&card).await.unwrap();
    station.status_when("one is refused", |status| status["outbox"]["parked"] == 1).await;
    province.province.faults().clear();
    province.province.faults().set(Fault::IntakeBusy(3600));
    for _ in 0..5 {
        station.check_in(&card).await.unwrap();
    }
    station.status_when("five wait", pending(5)).await;
    let old = installed(&station).await;

    let order = at(&province, |province| province.order_wipe(STATION, None, 7).unwrap()).await;
    assert_eq!(order.install, old);
    let asked = Instant::now();
    ring(&station).await;
    let gone = || {
        let has_key = keys(&station).join("database.key").exists() || keys(&station).join("station.key.pem").exists();
        !has_key && !data(&station).join("visits.db").exists() && !data(&station).join("cards").exists()
    };
    wait_for("keys and data are gone", async || gone().then_some(())).await;
    let took = asked.elapsed();
    println!("from the question that led to the contact until keys and data were gone: {took:?}");
    // Measured from before the contact, so it is never less than what is promised; the service's own stop is in it. Whatever comes by a timetable comes
    // after a minute.
    assert!(took <= bounds::house_or(Duration::from_secs(5), Duration::from_secs(30)), "{took:?}");
    assert_eq!(daemon.ended().await, CONFIG);
    let folder = data(&station).join("wiped-1");
    assert_eq!(names(&data(&station)), ["lock", "wiped-1"]);
    assert_eq!(names(&folder), ["bhyt", "order.json"]);
    assert_eq!(names(&keys(&station)), Vec::<String>::new());

    // It stays down, and every way to ask says why, since when and what to do.
    assert_eq!(station.start().ended().await, CONFIG);
    let (exit, text) = said(&station.run(&["status"]).await);
    assert_eq!(exit, CONFIG, "{text}");
    assert!(text.contains("ĐÃ BỊ XÓA theo lệnh của tỉnh lúc") && text.contains("6 lượt chưa gửi") && text.contains("wiped-1"), "{text}");
    let (exit, text) = said(&station.run(&["status", "--english"]).await);
    assert_eq!(exit, CONFIG, "{text}");
    assert!(
        text.contains("WERE WIPED by order of the province at") && text.contains("6 visits not sent") && text.contains("setup"),
        "{text}"
    );
    let (_, text) = said(&station.run(&["doctor", "--english"]).await);
    assert!(text.contains("WERE WIPED by order of the province") && text.contains("bhyt-agent setup"), "{text}");
    let mut stand_in = Command::new(AGENT);
    stand_in.args(["serve", "--refused", "--config"]).arg(&station.config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut stand_in = stand_in.spawn().unwrap();
    let shown = wait_for("the page says why", async || page(station.page)).await;
    stand_in.kill().unwrap();
    stand_in.wait().unwrap();
    assert!(shown.contains("ĐÃ BỊ XÓA theo lệnh của tỉnh") && shown.contains("WERE WIPED by order of the province"), "{shown}");
    assert!(!shown.contains("Saved visits are all there"), "{shown}");

    // What the province would not take over the wire for trouble of its own comes by hand: each once.
    province.province.faults().clear();
    assert_eq!(province.stored().len(), 3);
    assert_eq!(carried_in(&province, &folder).await, (6, 0));
    assert_eq!(carried_in(&province, &folder).await, (0, 6));
    let stored = province.stored();
    assert!(stored.len() == 9 && stored.values().all(|times| *times == 1), "{stored:?}");

    // Set up anew it is another computer to the province: the old order, shown to it, is not for it.
    station.enrol(&province).await;
    let daemon = station.loaded().await;
    let new = installed(&station).await;
    assert_ne!(new, old);
    let replayed = serde_json::to_value(province.province.sign_wipe(&order).unwrap()).unwrap();
    at(&province, move |province| province.put_wipe(STATION, new, Some(&replayed)).unwrap()).await;
    ring(&station).await;
    wait_for("the replayed order is refused", async || (refused(&station, "other_install") > 0).then_some(())).await;
    // Nor is the number good again, should somebody at the province write it on another order.
    let same_number = serde_json::to_value(province.province.sign_wipe(&WipeOrder { install: new, ..order }).unwrap()).unwrap();
    at(&province, move |province| province.put_wipe(STATION, new, Some(&same_number)).unwrap()).await;
    ring(&station).await;
    wait_for("the used number is refused", async || (refused(&station, "repeated") > 0).then_some(())).await;
    station.check_in(&card).await.unwrap();
    station.status_when("the new record is sent", |status| status["counts"]["delivered"] == 1).await;
    assert!(folder.join("order.json").exists(), "the sealed visits stay");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Everything that is not the one order for this computer.
struct Forger {
    rng: StdRng,
    station: String,
    install: Uuid,
    elsewhere: KeyPair,
    /// Signed by the province's key, and no order.
    index: (String, String),
}

impl Forger {
    fn real(&mut self, province: &Province) -> WipeOrder {
        let now = province.now();
        WipeOrder {
            format: 1,
            number: self.rng.random_range(1..1000),
            station: self.station.clone(),
            install: self.install,
            given_at: provincial::wire::Instant(now - TimeDelta::minutes(self.rng.random_range(1..10_000))),
            expires_at: provincial::wire::Instant(now + TimeDelta::minutes(self.rng.random_range(1..10_000))),
        }
    }

    fn next(&mut self, province: &Province) -> (&'static str, Value) {
        let order = self.real(province);
        let now = province.now();
        let signed = |order: &WipeOrder| serde_json::to_value(province.sign_wipe(order).unwrap()).unwrap();
        match self.rng.random_range(0..10) {
            0 => {
                let text = serde_json::to_string(&order).unwrap();
                let bytes = [provincial::wire::WIPE_CONTEXT, text.as_bytes()].concat();
                let signature = minisign::sign(None, &self.elsewhere.sk, &*bytes, None, None).unwrap().to_string();
                ("unsigned", json!({ "order": text, "signature": signature }))
            }
            1 | 2 => {
                let mut envelope = signed(&order);
                let part = if self.rng.random() { "order" } else { "signature" };
                let text = envelope[part].as_str().unwrap().to_owned();
                // Of the signature's first line nothing is signed: it is for people.
                let first = if part == "order" { 0 } else { text.find('\n').unwrap() + 1 };
                let changed = loop {
                    let mut bytes = text.clone().into_bytes();
                    let at = self.rng.random_range(first..text.trim_end().len());
                    bytes[at] ^= 1 << self.rng.random_range(0..7);
                    // What is no text cannot stand in JSON.
                    if let Ok(changed) = String::from_utf8(bytes) {
                        break changed;
                    }
                };
                envelope[part] = changed.into();
                ("unsigned", envelope)
            }
            3 => ("other_station", signed(&WipeOrder { station: NEIGHBOUR.to_owned(), ..order })),
            4 => ("other_install", signed(&WipeOrder { install: Uuid::from_u128(self.rng.random()), ..order })),
            5 => {
                let expires_at = provincial::wire::Instant(now - TimeDelta::seconds(self.rng.random_range(1..1_000_000)));
                let given_at = provincial::wire::Instant(expires_at.0 - TimeDelta::days(7));
                ("expired", signed(&WipeOrder { given_at, expires_at, ..order }))
            }
            6 => {
                let given_at = provincial::wire::Instant(now + TimeDelta::hours(self.rng.random_range(1..1000)));
                let expires_at = provincial::wire::Instant(given_at.0 + TimeDelta::days(7));
                ("not_yet", signed(&WipeOrder { given_at, expires_at, ..order }))
            }
            7 => ("unsigned", json!({ "order": self.index.0, "signature": self.index.1 })),
            8 => ("unsigned", signed(&WipeOrder { format: 2, ..order })),
            _ => {
                let odd = [json!(true), json!({}), json!([1]), json!("wipe"), json!({ "order": {}, "signature": "" })];
                let envelope = odd[self.rng.random_range(0..odd.len())].clone();
                ("unsigned", envelope)
            }
        }
    }
}

#[tokio::test]
async fn f59_of_a_thousand_false_orders_none_is_obeyed() {
    let (seed, orders) = (number("BHYT_SEED", rand::random::<u32>().into()), number("BHYT_FALSE_ORDERS", 1000));
    println!("BHYT_SEED={seed} BHYT_FALSE_ORDERS={orders}");
    let province = TestProvince::new(60).await;
    province.province.trust_the_disk().unwrap();
    let station = willing(&province).await;
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    station.check_in(&card).await.unwrap();
    station.status_when("a visit is sent", |status| status["counts"]["delivered"] == 1).await;
    let install = installed(&station).await;
    let feed = province.province.feed_dir(STATION);
    let index = ["index.json", "index.json.minisig"].map(|name| fs::read_to_string(feed.join(name)).unwrap());
    let mut forger = Forger {
        rng: StdRng::seed_from_u64(seed),
        station: STATION.to_owned(),
        install,
        elsewhere: KeyPair::generate_unencrypted_keypair().unwrap(),
        index: index.into(),
    };
    let mut kinds = BTreeMap::<&str, u64>::new();
    for count in 1..=orders {
        let (why, envelope) = forger.next(&province.province);
        at(&province, move |province| province.put_wipe(STATION, install, Some(&envelope)).unwrap()).await;
        ring(&station).await;
        let wanted = usize::try_from(count).unwrap();
        wait_for(&format!("order {count} ({why}) is refused"), async || (refused(&station, "") >= wanted).then_some(())).await;
        let log = station.log();
        let last = log.lines().rfind(|line| line.contains("a wipe order came and is not obeyed")).unwrap();
        assert!(last.contains(why), "order {count} ({why}): {last}");
        *kinds.entry(why).or_default() += 1;
    }
    println!("refused: {kinds:?}");
    assert_eq!(refused(&station, ""), usize::try_from(orders).unwrap());
    assert!(!data(&station).join("wiped").exists() && !data(&station).join("wipe.staged").exists(), "{:?}", names(&data(&station)));
    let status = station.status().await;
    assert_eq!((&status["counts"]["delivered"], &status["outbox"]["pending"]), (&1.into(), &0.into()));
    // And that it listened all the while: the real one.
    at(&province, |province| province.order_wipe(STATION, None, 7).unwrap()).await;
    ring(&station).await;
    assert_eq!(daemon.ended().await, CONFIG);
    assert!(!keys(&station).join("database.key").exists() && !data(&station).join("visits.db").exists());
}

#[tokio::test]
async fn f59_a_station_that_has_not_agreed_to_orders_obeys_none() {
    let province = TestProvince::new(60).await;
    let station = configured(&province);
    station.enrol(&province).await;
    let daemon = station.loaded().await;
    at(&province, |province| province.order_wipe(STATION, None, 7).unwrap()).await;
    ring(&station).await;
    wait_for("it is refused", async || (refused(&station, "not_allowed") > 0).then_some(())).await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    assert_eq!(daemon.terminate().await, Some(0));
    assert!(keys(&station).join("database.key").exists() && data(&station).join("visits.db").exists());
}

#[tokio::test]
async fn f59_where_unsent_visits_cannot_be_sealed_nothing_is_wiped_and_that_is_told() {
    let province = TestProvince::new(60).await;
    let station = willing(&province).await;
    let daemon = station.loaded().await;
    province.province.faults().set(Fault::IntakeBusy(3600));
    let card = province.person_in_force().card;
    station.check_in(&card).await.unwrap();
    let (recipient, away) = (keys(&station).join("intake.pub"), station.dir.path().join("intake.pub"));
    fs::rename(&recipient, &away).unwrap();
    at(&province, |province| province.order_wipe(STATION, None, 7).unwrap()).await;
    ring(&station).await;
    let told = |status: &Value| status["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "wipe_waits");
    station.status_when("it is told that an order waits", told).await;
    // The desk goes on, and what it saves meanwhile is sealed with the rest.
    station.check_in(&card).await.unwrap();
    // A visit has the province asked again, and what it says tried again.
    wait_for("nothing is left of a try", async || (!data(&station).join("wipe.staged").exists()).then_some(())).await;
    fs::rename(&away, &recipient).unwrap();
    ring(&station).await;
    assert_eq!(daemon.ended().await, CONFIG);
    assert_eq!(carried_in(&province, &data(&station).join("wiped-1")).await, (2, 0));
}

/// What was set aside because it was damaged may hold visits too: what can be read of it is sealed with the rest, and the rest goes to the province as it is.
#[tokio::test]
async fn f59_visits_in_files_that_were_set_aside_are_not_lost_with_the_key() {
    let province = TestProvince::new(60).await;
    let station = willing(&province).await;
    let card = province.person_in_force().card;
    let path = data(&station).join("visits.db");
    let damage = |how: fn(&mut [u8])| {
        let mut bytes = fs::read(&path).unwrap();
        how(&mut bytes);
        fs::write(&path, &bytes).unwrap();
    };
    province.province.faults().set(Fault::IntakeBusy(3600));
    let saved = async |visits: usize| {
        let daemon = station.loaded().await;
        for _ in 0..visits {
            station.check_in(&card).await.unwrap();
        }
        assert_eq!(daemon.terminate().await, Some(0));
    };
    saved(3).await;
    // The first page: without it nothing can be opened at all, and the others are what they were.
    damage(|bytes| bytes[2000] ^= 0x10);
    saved(1).await;
    // Not a page of this one can be read, nor what it was opened with.
    damage(|bytes| bytes.fill(0x5a));
    fs::write(path.with_extension("salt"), "").unwrap();
    let daemon = station.loaded().await;
    station.check_in(&card).await.unwrap();
    let key = fs::read_to_string(keys(&station).join("database.key")).unwrap();
    let install = installed(&station).await;
    at(&province, move |province| province.order_wipe(STATION, Some(install), 7).unwrap()).await;
    ring(&station).await;
    assert_eq!(daemon.ended().await, CONFIG);
    let folder = data(&station).join("wiped-1");
    assert_eq!(names(&folder), ["bhyt", "order.json", "quarantine", "set-aside-0.key.age"]);
    assert_eq!(carried_in(&province, &folder).await, (4, 0), "three that could be read, and the last one");
    assert!(names(&folder.join("quarantine")).iter().filter(|name| name.ends_with("-visits.db")).count() == 2);
    // The rest is under a key that only the province can open now.
    let sealed = fs::read(folder.join("set-aside-0.key.age")).unwrap();
    let intake: age::x25519::Identity = fs::read_to_string(province.folder().join("keys/intake.key")).unwrap().trim().parse().unwrap();
    assert_eq!(age::decrypt(&intake, &sealed).unwrap(), key.as_bytes());
    assert!(age::decrypt(&age::x25519::Identity::generate(), &sealed).is_err());
}

fn cuts() -> Option<u64> {
    match env::var("BHYT_CUTS").as_deref() {
        Ok("all") => None,
        Ok(text) => Some(text.parse().expect("a number, or all")),
        Err(_) => Some(40),
    }
}

#[tokio::test]
async fn f59_a_power_cut_at_any_step_leaves_it_whole_or_wiped_and_no_visit_is_lost() {
    const VISITS: usize = 3;
    let seed = number("BHYT_SEED", rand::random::<u32>().into());
    let province = TestProvince::new(60).await;
    province.province.trust_the_disk().unwrap();
    let station = willing(&province).await;
    let daemon = station.loaded().await;
    province.province.faults().set(Fault::IntakeBusy(3600));
    let card = province.person_in_force().card;
    for _ in 0..VISITS {
        station.check_in(&card).await.unwrap();
    }
    assert_eq!(daemon.terminate().await, Some(0));
    let (home, before) = (station.dir.path().join("home"), station.dir.path().join("before"));
    copy_folder(&home, &before);
    at(&province, |province| province.order_wipe(STATION, None, 7).unwrap()).await;
    let disk = BadDisk::new(station.dir.path(), &home);
    let begin = || {
        fs::remove_dir_all(&home).unwrap();
        copy_folder(&before, &home);
    };
    let wiped = data(&station).join("wiped-1");
    begin();
    // With visits that wait the first contact comes at once: the order is heard at the start.
    let whole: Daemon = station.start_with(&disk.variables());
    assert_eq!(whole.ended().await, CONFIG);
    assert_eq!(carried_in(&province, &wiped).await, (VISITS, 0));
    let calls = disk.calls();
    let cuts = cuts().unwrap_or(calls).clamp(1, calls);
    println!("{calls} calls from the start to the end, cut at {cuts} of them, BHYT_SEED={seed}");
    let (mut cut_before, mut cut_after, mut not_cut) = (0, 0, 0);
    for cut in 0..cuts {
        let place = if cuts == 1 { 1 } else { 1 + cut * (calls - 1) / (cuts - 1) };
        begin();
        disk.is("cut", place, seed.wrapping_add(cut));
        let ended = station.start_with(&disk.variables()).ended().await;
        let is_decided = data(&station).join("wiped").exists() || wiped.exists();
        if ended.is_some() {
            // A run may make a call less than the first one.
            assert_eq!(ended, CONFIG, "call {place}");
            not_cut += 1;
        } else if is_decided {
            cut_after += 1;
        } else {
            assert!(keys(&station).join("database.key").exists() && data(&station).join("visits.db").exists(), "call {place}: not decided");
            cut_before += 1;
        }
        disk.is("well", 0, 0);
        // Where it was not decided, the order comes again; where it was, nothing else is done.
        let again = station.start().ended().await;
        assert_eq!(again, CONFIG, "call {place}");
        assert_eq!(names(&data(&station)), ["lock", "wiped-1"], "call {place}");
        assert_eq!(names(&keys(&station)), Vec::<String>::new(), "call {place}");
        assert_eq!(carried_in(&province, &wiped).await, (0, VISITS), "call {place}: all that was unsent is there, and was known before");
    }
    println!("cut before the decision {cut_before}, after it {cut_after}, not cut {not_cut}");
    assert!(cut_before > 0 && cut_after > 0, "both were met");
    assert!(province.stored().values().all(|times| *times == 1));
}
