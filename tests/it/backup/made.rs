//! Copies that can and that cannot be made, and what is told of them.
//!
//! Promise: a failure is told since its first time, and the copies that are there stay. Never: a folder that is made.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use bhyt_agent::control::client::ControlError;
use bhyt_agent::control::contract::Request;

use super::Elsewhere;
use super::Place;
use super::back_up;
use super::codes;
use super::json;
use crate::support::TestProvince;
use crate::support::TestStation;

#[tokio::test]
async fn a_backup_that_cannot_be_made_is_told_since_when_and_the_old_ones_stay() {
    let province = TestProvince::new(20).await;
    let elsewhere = Elsewhere::new();
    let station = TestStation::enrolled(&province).await;
    assert_eq!(station.run(&["backup"]).await.status.code(), Some(78), "it is not set up");
    elsewhere.configure(&station);
    let daemon = station.loaded().await;
    let made = back_up(&station).await;
    let status = station.status().await;
    assert!(status["backup"]["good_at"].is_string() && status["backup"]["failing"].is_null(), "{status}");
    let (folder, away) = (elsewhere.folder(), elsewhere.dir.path().join("away"));
    fs::rename(&folder, &away).unwrap();
    let refused = station.run(&["backup", "--json"]).await;
    assert_eq!(refused.status.code(), Some(74), "{refused:?}");
    let status = station.status().await;
    assert_eq!(status["backup"]["failing"]["code"], "file");
    let since = status["backup"]["failing"]["since"].clone();
    assert!(codes(&status).contains(&"backup.failing") && since.is_string());
    assert!(!folder.exists(), "a stick that is not in is not made");
    assert_eq!(daemon.terminate().await, Some(0));
    let status = json(&station.run(&["status", "--json"]).await);
    assert_eq!(status["backup"]["failing"]["since"], since, "also without the service, and since the first time");
    fs::rename(&away, &folder).unwrap();
    // Without the daemon too.
    assert_eq!(back_up(&station).await["visits"], made["visits"]);
    assert_eq!(elsewhere.files(".db").len() + elsewhere.files(".key.age").len(), 2, "of one day the newest stays");
    let status = json(&station.run(&["status", "--json"]).await);
    assert!(status["backup"]["failing"].is_null());
}

/// A small file system in the place of a folder, taken away at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    fn mount(folder: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(folder).output();
        let disk = mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder.to_owned()));
        if disk.is_none() {
            println!("skipped: no file system can be mounted here");
        }
        disk
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// F07 where copies go: said since when, the copies that are there stay, and the next one is made when there is room.
#[tokio::test]
async fn f07_a_disk_of_backups_that_is_full_is_told_until_one_finds_room() {
    let Place { province: _province, elsewhere, station, card, daemon } = Place::backed_up(20).await;
    let Some(_disk) = SmallDisk::mount(&elsewhere.folder()) else { return };
    station.check_in(&card).await.unwrap();
    back_up(&station).await;
    let good: Vec<_> = elsewhere.files(".db").into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let filler = elsewhere.folder().join("pictures");
    let mut file = fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 512]).is_ok() {}
    drop(file);
    for _ in 0..2 {
        let refused = station.run(&["backup", "--json"]).await;
        assert_eq!((refused.status.code(), json(&refused)["error"]["code"].clone()), (Some(73), "disk_full".into()), "{refused:?}");
    }
    let status = station.status().await;
    assert_eq!(status["backup"]["failing"]["code"], "disk_full", "{status}");
    assert!(codes(&status).contains(&"backup.failing") && status["backup"]["failing"]["since"].is_string());
    assert_eq!(elsewhere.files("").len(), 3, "the copy, its key, and what fills the disk");
    assert!(good.iter().all(|(bytes, path)| fs::read(path).unwrap() == *bytes));
    // The desk has another disk.
    station.check_in(&card).await.unwrap();
    fs::remove_file(filler).unwrap();
    assert_eq!(back_up(&station).await["visits"], 2);
    let status = station.status().await;
    assert!(status["backup"]["failing"].is_null() && !codes(&status).contains(&"backup.failing"), "{status}");
    assert_eq!(daemon.terminate().await, Some(0));
}

#[tokio::test]
async fn a_copy_in_a_folder_that_somebody_names_is_told_apart_from_those_that_are_configured() {
    let Place { province: _province, elsewhere, station, daemon, .. } = Place::backed_up(20).await;
    let named = elsewhere.dir.path().join("named");
    fs::create_dir(&named).unwrap();
    let made = station.run(&["backup", "--to", named.to_str().unwrap(), "--json"]).await;
    assert_eq!((made.status.code(), &json(&made)["counts"], &json(&made)["same_disk"]), (Some(0), &false.into(), &true.into()), "{made:?}");
    let said = json(&made)["message"].as_str().unwrap().to_owned();
    assert!(said.contains("CÙNG Ổ ĐĨA") && said.contains("không tính là bản theo lịch"), "{said}");
    assert!(station.status().await["backup"]["good_at"].is_null());
    // As for a service that has a folder of its own under that name.
    let place = Some((1, 1));
    let refused = station.ask(&Request::BackUp { folder: Some(named.clone()), place }).await.unwrap_err();
    assert!(matches!(&refused, ControlError::Answer(error) if error.code == "other_folder"), "{refused:?}");
    assert_eq!(fs::read_dir(&named).unwrap().count(), 2, "nothing more was written");
    assert_eq!(back_up(&station).await["counts"], true);
    assert!(station.status().await["backup"]["good_at"].is_string());
    assert_eq!(daemon.terminate().await, Some(0));
}
