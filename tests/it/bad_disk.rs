//! Disks that fail under the running program: flushes that are refused, no room at any call, a file system that turns read-only.
//!
//! Promise: whatever fails, look-ups are answered; what was called saved is on the disk and reaches the province exactly once; what could not be saved is
//! refused with a reason; and the same process goes on when the disk does. `BHYT_PLACES` says at how many places each fault strikes (30 otherwise; the house's rule
//! is 200 flushes and 1,000 full disks), `BHYT_SEED` which; both are printed.

#![allow(clippy::print_stdout, reason = "seeds and figures for a person to read")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bhyt_agent::control::client::ControlError;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::time::Instant;
use uuid::Uuid;

use crate::kill_either::visits_on_disk;
use crate::power_cut::number;
use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bad_disk::BadDisk;
use crate::support::wait_for;

const PLACES: u64 = 30;
/// The house's rule for coming back by itself.
const RECOVERY: Duration = Duration::from_secs(30);

/// A station that holds a roster, whose data folder fails as told, and whose province is away: what is saved stays where it is.
struct Failing {
    province: TestProvince,
    station: TestStation,
    disk: BadDisk,
    daemon: Daemon,
    card: String,
    saved: BTreeSet<Uuid>,
    random: StdRng,
    places: u64,
}

impl Failing {
    async fn new() -> Self {
        let seed = number("BHYT_SEED", rand::random::<u32>().into());
        let places = number("BHYT_PLACES", PLACES);
        println!("BHYT_SEED={seed} BHYT_PLACES={places}");
        let mut province = TestProvince::new(300).await;
        let station = TestStation::enrolled(&province).await;
        let disk = BadDisk::new(station.dir.path(), &station.dir.path().join("data"));
        let daemon = station.start_with(&disk.variables());
        station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
        province.switch_off().await;
        let card = province.person_in_force().card;
        Self { province, station, disk, daemon, card, saved: BTreeSet::new(), random: StdRng::seed_from_u64(seed), places }
    }

    /// Saves a visit; the stable code of the refusal if it was not.
    async fn check_in(&mut self) -> Result<(), String> {
        match self.station.check_in(&self.card).await {
            Ok(id) => {
                assert!(self.saved.insert(id));
                Ok(())
            }
            Err(ControlError::Answer(error)) => Err(error.code),
            Err(error) => panic!("the daemon went away: {error}"),
        }
    }

    async fn looks_up(&self) {
        assert_eq!(self.station.lookup(&self.card).await["verdict"]["standing"], "valid");
    }

    /// The disk is well: how long until a visit is saved again.
    async fn comes_back(&mut self) -> Duration {
        self.disk.is("well", 0, 0);
        let begun = Instant::now();
        while let Err(code) = self.check_in().await {
            assert!(begun.elapsed() < RECOVERY, "still {code}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }

    /// Killed and started anew: what was called saved is on the disk, and is at the province once.
    async fn ends_well(mut self) {
        self.daemon.kill();
        let on_disk = visits_on_disk(&self.station);
        let lost: Vec<_> = self.saved.iter().filter(|id| !on_disk.contains_key(id)).collect();
        assert!(lost.is_empty(), "{} of {} that were called saved are not on the disk", lost.len(), self.saved.len());
        self.province.switch_on().await;
        let daemon = self.station.start();
        self.station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
        assert!(self.station.status().await["quarantined"].as_array().unwrap().is_empty(), "nothing was damaged");
        assert_eq!(daemon.terminate().await, Some(0));
        let stored = self.province.stored();
        assert!(self.saved.iter().all(|id| stored.get(id) == Some(&1)) && stored.values().all(|times| *times == 1));
    }
}

/// F06: a flush that fails, and takes a part of what it should have made certain with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_a_visit_whose_flush_failed_is_not_called_saved_and_the_file_is_verified_before_the_next_one_is() {
    let mut failing = Failing::new().await;
    let (mut refused, mut slowest) = (0_u64, Duration::ZERO);
    for place in 0..failing.places {
        let (flush, seed): (u64, u32) = (failing.random.random_range(1..=8), failing.random.random());
        // Once, and then no more at all: the line of the access log may meet the first one in the visit's stead.
        failing.disk.is(if place % 2 == 0 { "flush" } else { "flushes" }, flush, u64::from(seed));
        for _ in 0..10 {
            if let Err(code) = failing.check_in().await {
                assert!(["disk_failed", "damaged"].contains(&code.as_str()), "{code}");
                refused += 1;
                failing.looks_up().await;
                break;
            }
        }
        slowest = slowest.max(failing.comes_back().await);
    }
    let warned = failing.station.log().matches("opened and verified anew").count();
    println!("{} visits saved, {refused} refused, {warned} warnings, saved again after {slowest:?} at most", failing.saved.len());
    assert!(refused >= failing.places / 2 && u64::try_from(warned).unwrap() >= failing.places * 2 / 3, "the fault struck");
    failing.ends_well().await;
}

/// F07: from any call on no write finds room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_with_no_room_at_any_call_look_ups_go_on_the_refusal_is_clear_and_room_is_found_again() {
    let mut failing = Failing::new().await;
    let (mut refused, mut slowest) = (0_u64, Duration::ZERO);
    for _ in 0..failing.places {
        let call = failing.random.random_range(1..=400);
        failing.disk.is("full", call, 0);
        for _ in 0..40 {
            if let Err(code) = failing.check_in().await {
                assert_eq!(code, "disk_full");
                refused += 1;
                break;
            }
        }
        failing.looks_up().await;
        let status = failing.station.status().await;
        let told: Vec<_> = status["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect();
        assert!(
            told.iter().any(|code| code.contains("unsaved") || code.contains("disk")),
            "it is told before the next person comes: {told:?}"
        );
        slowest = slowest.max(failing.comes_back().await);
    }
    println!("{} visits saved, {refused} refused, saved again after {slowest:?} at most", failing.saved.len());
    assert_eq!(refused, failing.places, "every time");
    failing.ends_well().await;
}

/// A small ext4 on a loop device, whose driver can be told that it met an error.
struct Ext4 {
    _dir: TempDir,
    image: PathBuf,
    mounted: PathBuf,
}

impl Ext4 {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, mounted) = (dir.path().join("image"), dir.path().join("mounted"));
        fs::create_dir(&mounted).unwrap();
        fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output().is_ok_and(|made| made.status.success());
        let disk = Self { _dir: dir, image, mounted };
        if made && disk.mount() && disk.trigger().is_some_and(|trigger| trigger.exists()) {
            return Some(disk);
        }
        println!("skipped: no ext4 can be mounted and told of an error here (needs root, loop devices and /sys/fs/ext4)");
        None
    }

    fn mount(&self) -> bool {
        let mounted = Command::new("mount").args(["-o", "loop,errors=remount-ro"]).arg(&self.image).arg(&self.mounted).output();
        mounted.is_ok_and(|mounted| mounted.status.success())
    }

    fn trigger(&self) -> Option<PathBuf> {
        let found = Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(&self.mounted).output().ok()?;
        let device = String::from_utf8(found.stdout).ok()?;
        Some(Path::new("/sys/fs/ext4").join(Path::new(device.trim()).file_name()?).join("trigger_fs_error"))
    }

    /// The kernel meets an error and takes no write from now on.
    fn fails(&self) {
        fs::write(self.trigger().unwrap(), "1").unwrap();
    }

    /// As a person does who repairs it.
    fn is_repaired(&self) {
        assert!(Command::new("umount").arg(&self.mounted).status().unwrap().success());
        let checked = Command::new("e2fsck").args(["-f", "-y"]).arg(&self.image).output().unwrap();
        assert!(checked.status.code().is_some_and(|code| code < 4), "{checked:?}");
        assert!(self.mount());
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.mounted).output();
    }
}

/// F08: the kernel makes the file system read-only because it met an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_on_a_file_system_that_turned_read_only_look_ups_go_on_and_the_process_stays() {
    let Some(disk) = Ext4::new() else { return };
    let mut province = TestProvince::new(300).await;
    let station = TestStation::configured_with_data(&province, tempfile::tempdir().unwrap(), &disk.mounted.join("data"));
    station.enrol(&province).await;
    let card = province.person_in_force().card;
    let mut saved = BTreeSet::new();
    for round in 0..2 {
        let mut daemon = station.loaded().await;
        province.switch_off().await;
        for _ in 0..5 {
            saved.insert(station.check_in(&card).await.unwrap());
        }
        disk.fails();
        for _ in 0..5 {
            match station.check_in(&card).await {
                Err(ControlError::Answer(error)) => {
                    assert!(["read_only", "disk_failed", "file"].contains(&error.code.as_str()), "{}", error.code);
                    assert!(error.message.contains("CHƯA LƯU") || error.message.to_lowercase().contains("lưu"), "{}", error.message);
                }
                other => panic!("round {round}: {other:?}"),
            }
            assert_eq!(station.lookup(&card).await["verdict"]["standing"], "valid");
        }
        let told = station.status_when("it is told", |status| !status["notices"].as_array().unwrap().is_empty()).await;
        let codes: Vec<_> = told["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect();
        assert!(codes.iter().any(|code| code.contains("unsaved") || code.contains("disk") || code.contains("save")), "{codes:?}");
        assert!(!station.log().contains("a task ended unasked"), "no restart");
        daemon.kill();
        disk.is_repaired();
        province.switch_on().await;
    }
    let daemon = station.started().await;
    station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
    let stored =
        wait_for("all are there", async || Some(province.stored()).filter(|stored| saved.iter().all(|id| stored.contains_key(id)))).await;
    assert!(stored.values().all(|times| *times == 1));
    assert_eq!(daemon.terminate().await, Some(0));
}
