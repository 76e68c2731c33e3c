//! What `status` says after real faults: the sentence is the fixture's, and the way to it is the whole way: province, wire, engine, daemon, command line.
//!
//! Times and counts are left out of the comparison; the rest is letter by letter. The wrong clock is looked at in the library, where a clock can be had for
//! nothing.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use provincial::Fault;
use provincial::wire;
use serde_json::Value;

use crate::slow_link::skipped;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;
use crate::tab::Tab;

const FIXTURE: &str = include_str!("../fixtures/status/notices.json");

/// Every number becomes `N`, and a day after an hour goes: whether it is told depends on midnight.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut masked = String::new();
    for c in text.chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !masked.ends_with('N') {
            masked.push('N');
        }
    }
    masked.replace("N:N N/N/N", "N:N")
}

fn is_in_fixture(notice: &Value) -> bool {
    let cases: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
    let same = |case: &Value, key: &str| without_numbers(case[key].as_str().unwrap()) == without_numbers(notice[key].as_str().unwrap());
    cases.iter().any(|case| case["code"] == notice["code"] && same(case, "vi") && same(case, "en"))
}

/// Waits until this is told, in the fixture's words, about this direction.
async fn told(station: &TestStation, code: &str, direction: Option<&str>) -> Value {
    let fits = |notice: &Value| notice["code"] == code && notice["direction"].as_str() == direction && is_in_fixture(notice);
    let notices = |status: &Value| status["notices"].as_array().cloned().unwrap_or_default();
    let status = station.status_when(code, |status| notices(status).iter().any(fits)).await;
    notices(&status).into_iter().find(fits).unwrap()
}

/// Waits until the province has been spoken with and nothing is wrong any more.
async fn calm(station: &TestStation) {
    station.run(&["sync-now"]).await;
    let is_calm = |status: &Value| status["contact"]["succeeded_at"].is_string() && status["notices"].as_array().is_some_and(Vec::is_empty);
    station.status_when("nothing is wrong", is_calm).await;
}

#[tokio::test]
async fn a_link_that_is_down_is_told_and_the_command_line_begins_with_it() {
    let mut province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    calm(&station).await;
    let status = station.status().await;
    assert!(status["certificate"]["not_after"].is_string() && status["machine"]["state"] == "known", "{status}");
    assert!(
        status["used_today"].as_u64().unwrap() > 0 && status["counts"]["highest"] == 0 && status["contact"]["succeeded_at"].is_string()
    );
    assert_eq!(status["roster"]["snapshot_reason_text"], "Lần gần nhất tải cả danh sách vì trên máy chưa có danh sách nào.");

    province.switch_off().await;
    station.run(&["sync-now"]).await;
    let notice = told(&station, "unreachable", None).await;
    assert!(notice["since"].is_string());
    for (arguments, key) in [(&["status"][..], "vi"), (&["status", "--english"][..], "en")] {
        let printed = String::from_utf8(station.run(arguments).await.stdout).unwrap();
        assert!(printed.starts_with("! ") && printed.contains(notice[key].as_str().unwrap()), "{printed}");
    }
    province.switch_on().await;
    calm(&station).await;

    // Without a daemon the same is told from the files.
    daemon.terminate().await;
    let stopped: Value = serde_json::from_slice(&station.run(&["status", "--json"]).await.stdout).unwrap();
    assert_eq!((&stopped["machine"], &stopped["certificate"]), (&status["machine"], &status["certificate"]));
}

#[tokio::test]
async fn what_is_wrong_with_the_feed_is_told_in_the_fixture_s_words() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    calm(&station).await;
    let index = || -> wire::Index {
        serde_json::from_slice(&std::fs::read(province.province.feed_dir(STATION).join("index.json")).unwrap()).unwrap()
    };
    let first = index();
    for (seed, fault, code, direction) in [
        (1, Fault::FeedWrongByte, "contract.digest", Some("pull")),
        (2, Fault::FeedBreaksOff, "unreachable", Some("pull")),
        (3, Fault::FeedFails, "server_busy", Some("pull")),
        (4, Fault::CaptivePortal, "stranger", None),
    ] {
        province.province.faults().set(fault);
        province.change(0.05, seed).await;
        station.run(&["sync-now"]).await;
        told(&station, code, direction).await;
        province.province.faults().clear();
        calm(&station).await;
    }
    let index = index();
    let mut rewritten = index.clone();
    rewritten.deltas[0].sha256 = "0".repeat(64);
    let older = wire::Index { published_at: index.published_at, ..first };
    let expired = wire::Index { expires_at: index.as_of, ..index.clone() };
    for (forged, code) in [(older, "older_index"), (expired, "expired_index"), (rewritten, "rewritten_feed")] {
        province.province.forge_index(STATION, &forged).unwrap();
        station.run(&["sync-now"]).await;
        told(&station, code, Some("pull")).await;
    }
    province.province.forge_index(STATION, &index).unwrap();
    calm(&station).await;

    province.province.edit_people(STATION, |people| people.clear()).unwrap();
    province.publish().await;
    station.run(&["sync-now"]).await;
    told(&station, "roster_held", Some("pull")).await;
    assert_eq!(station.status().await["held"]["held"], 200);
}

#[tokio::test]
async fn what_happens_to_visits_is_told_in_the_fixture_s_words() {
    let province = TestProvince::new(100).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    calm(&station).await;
    let card = province.person_in_force().card;
    province.province.faults().set(Fault::IntakeBusy(2));
    station.check_in(&card).await.unwrap();
    told(&station, "server_busy", Some("push")).await;
    province.province.faults().clear();
    calm(&station).await;
    assert_eq!(station.status().await["counts"]["delivered"], 1);

    province.province.restored().unwrap();
    station.run(&["sync-now"]).await;
    told(&station, "province_restored", None).await;
    station.status_when("all is sent again", |status| status["outbox"]["pending"] == 0 && status["requeued"]["visits"] == 1).await;

    province.province.faults().set(Fault::RejectVisits(1));
    station.check_in(&card).await.unwrap();
    told(&station, "parked", None).await;
    province.province.faults().clear();

    province.province.revoke(STATION).unwrap();
    station.run(&["sync-now"]).await;
    told(&station, "refused.revoked_certificate", None).await;
}

#[tokio::test]
async fn a_station_that_is_not_enrolled_is_told_what_to_run() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    let _daemon = station.started().await;
    told(&station, "link.not_enrolled", None).await;
    told(&station, "data.absent", None).await;
}

#[test]
fn a_sentence_that_differs_in_a_letter_is_found() {
    let cases: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
    for mut case in cases {
        assert!(is_in_fixture(&case));
        case["vi"] = format!("{} ", case["vi"].as_str().unwrap()).into();
        assert!(!is_in_fixture(&case));
    }
    assert_eq!(without_numbers("lúc 23:59 01/02/2026, 57 lượt"), without_numbers("lúc 00:01, 5 lượt"));
}

/// A file system of its own, taken away at the end.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    pub(crate) fn mount(path: &Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=90m,mode=0700", "none"]).arg(path).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            Some(Self(path.to_owned()))
        } else {
            skipped("a_full_disk", "no file system can be mounted here");
            None
        }
    }

    /// Takes so many mebibytes, or all room that is left.
    pub(crate) fn fill(&self, most: usize) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        for _ in 0..most << 10 {
            if filler.write_all(&[1; 1 << 10]).is_err() {
                break;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_what_it_is_also_after_a_restart_and_by_nothing_that_contradicts_it() {
    let province = TestProvince::new(100).await;
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("data")) else { return };
    let station = TestStation::configured_with_data(&province, dir, &disk.0);
    station.enrol(&province).await;
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    calm(&station).await;
    assert_eq!(daemon.terminate().await, Some(0));
    disk.fill(60);
    let daemon = station.started().await;
    told(&station, "little_room", None).await;
    disk.fill(usize::MAX >> 10);
    assert!(wait_for("the disk is full", async || station.check_in(&card).await.is_err().then_some(true)).await);
    station.run(&["sync-now"]).await;
    let only = async || {
        told(&station, "unsaved.disk_full", None).await;
        let status = station.status().await;
        let codes: Vec<_> = status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap()).collect();
        assert!(codes[0] == "unsaved.disk_full" && !codes.contains(&"disk_full") && !codes.contains(&"little_room"), "{codes:?}");
    };
    only().await;
    assert_eq!(daemon.terminate().await, Some(0));
    // What its log had taken is free again.
    disk.fill(usize::MAX >> 10);
    let output = station.run(&["status", "--english"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("VISITS CANNOT BE SAVED since"), "nobody has tried since");
    let daemon = station.started().await;
    only().await;
    assert!(Tab::at(station.page).get("/").await.has("KHÔNG LƯU ĐƯỢC LƯỢT KHÁM"));
    disk.make_room();
    station.check_in(&card).await.unwrap();
    let status = station.status().await;
    assert!(!status["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "unsaved.disk_full"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// The texts between quotation marks of a source, as the program has them: a line that is continued begins where its first word does.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next().is_some_and(|c| c != '\n') {},
            // One of a single character.
            '\'' if rest.clone().nth(1) == Some('\'') => drop((rest.next(), rest.next())),
            '"' => {
                let mut text = String::new();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    match c {
                        '\\' if rest.peek() == Some(&'\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                        '\\' => text.extend(rest.next().map(|c| if c == 'n' { '\n' } else { c })),
                        c => text.push(c),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    found
}

/// A continuation that is lost leaves the indentation of the source in the sentence.
#[test]
fn no_sentence_holds_two_blanks_in_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let has_two = |text: &str| text.trim_start().contains("  ");
    assert!(has_two(&literals("say(\"one   \n two\")")[0]) && !has_two(&literals("say(\"one \\\n    two\")")[0]));
    let folder = |path: &str| fs::read_dir(root.join(path)).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut sources = [folder("src/desk/words"), folder("src/cli/doctor")].concat();
    sources.push(root.join("src/desk/words.rs"));
    // Its blanks are columns.
    sources.retain(|path| !path.ends_with("doctor/line.rs"));
    let mut seen = 0;
    for path in sources {
        for text in literals(&fs::read_to_string(&path).unwrap()) {
            assert!(!has_two(&text), "{}: {text}", path.display());
            seen += 1;
        }
    }
    println!("{seen} texts");
    assert!(seen > 500);
}
