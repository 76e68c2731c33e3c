//! What bad input gets: a clear message in the page's language, nothing lost, and an agent that goes on or refuses to start with exit 78.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use provincial::Person;
use provincial::payload;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::NEIGHBOUR;
use crate::support::TestProvince;
use crate::support::TestStation;

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_name_that_differs_a_neighbour_and_a_scan_that_cannot_be_read_have_each_their_answer() {
    let province = TestProvince::new(200).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let person = province.person_in_force();
    let other = Person { name: "NGUYỄN THỊ KHÁC TÊN".to_owned(), ..person.clone() };
    let shown = station.lookup(&payload::bhyt_card(&other)).await;
    assert_eq!((&shown["verdict"]["standing"], &shown["verdict"]["identity_match"]), (&"valid".into(), &"name_differs".into()));
    assert_eq!(shown["person"]["name"], "NGUYỄN THỊ KHÁC TÊN", "what was shown is the evidence");

    let neighbour = province.province.people(NEIGHBOUR).unwrap().into_iter().next().unwrap();
    let shown = station.lookup(&payload::bhyt_card(&neighbour)).await;
    assert_eq!(
        (&shown["verdict"]["standing"], &shown["verdict"]["standing_detail"]),
        (&"not_covered".into(), &"registered_elsewhere".into())
    );

    let cut: String = payload::bhyt_card(&person).chars().take(60).collect();
    let output = station.run(&["lookup", "--json", &cut]).await;
    assert_eq!(output.status.code(), Some(65));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&error["error"]["field"], &error["error"]["code"]), (&"payload".into(), &"truncated".into()));
    assert!(error["error"]["message"].as_str().unwrap().contains("Quét lại"));
}

#[tokio::test]
async fn a_configuration_with_three_mistakes_lists_all_three_and_ends_with_78() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    let text = fs::read_to_string(&station.config).unwrap();
    let text = text.replace("facility = \"99001\"", "facility = \"99\"").replace("listen = \"127.0.0.1", "listen = \"0.0.0.0");
    fs::write(&station.config, format!("{text}pull-schedule = \"hourly\"\n")).unwrap();
    for verb in ["check-config", "serve", "status", "init"] {
        let output = station.run(&[verb]).await;
        assert_eq!(output.status.code(), Some(78), "{verb}");
        let said = stderr(&output);
        for key in ["facility", "listen", "pull-schedule"] {
            assert!(said.contains(key), "{verb}: {key} is not in\n{said}");
        }
    }
}

#[tokio::test]
async fn without_keys_the_daemon_says_what_to_run() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    let output = station.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(stderr(&output).contains("bhyt-agent setup"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_database_of_a_newer_version_or_another_key_is_left_alone_and_ends_with_78() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    drop(station.started().await);
    let key = station.dir.path().join("keys/database.key");
    let file = station.dir.path().join("data/visits.db");
    let own = fs::read_to_string(&key).unwrap();

    fs::remove_file(&key).unwrap();
    fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
    let output = station.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("database.key"), "{}", stderr(&output));
    fs::write(&key, &own).unwrap();

    let db = Connection::open(&file).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"; PRAGMA user_version = 99;", own.trim_end())).unwrap();
    drop(db);
    let before = fs::read(&file).unwrap();
    let output = station.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("99"), "{}", stderr(&output));
    assert_eq!(fs::read(&file).unwrap(), before, "untouched");
    assert!(!station.dir.path().join("data/quarantine").exists());
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_by_a_new_one() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let key = station.dir.path().join("keys/database.key");
    fs::remove_file(&key).unwrap();
    let output = station.run(&["init"]).await;
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(stderr(&output).contains("recover-key") && !key.exists(), "{}", stderr(&output));
}

#[tokio::test]
async fn a_file_in_the_place_of_the_control_socket_is_left_alone() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    fs::write(&station.socket, "precious").unwrap();
    let output = station.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&station.socket).unwrap(), "precious");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_called_a_missing_link() {
    let (province, other) = (TestProvince::new(50).await, TestProvince::new(50).await);
    let station = TestStation::enrolled(&province).await;
    fs::write(station.dir.path().join("ca.pem"), other.province.ca_pem()).unwrap();
    let _daemon = station.started().await;
    let status = station.status_when("it shows", |status| !status["pull"]["failing"].is_null()).await;
    assert_eq!(status["pull"]["failing"]["code"], "untrusted");
}

#[tokio::test]
async fn a_daemon_that_goes_away_in_the_middle_of_a_check_in_leaves_it_open_whether_it_was_saved() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let listener = std::os::unix::net::UnixListener::bind(&station.socket).unwrap();
    let socket = station.socket.clone();
    let gone = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        fs::remove_file(socket).unwrap();
        std::io::Read::read_exact(&mut stream, &mut [0; 10]).unwrap();
    });
    let output = station.run(&["check-in", "--json", "0100000001"]).await;
    gone.join().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("KHÔNG RÕ ĐÃ LƯU CHƯA"), "{answer}");
}

#[tokio::test]
async fn a_second_daemon_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let output = station.run(&["serve"]).await;
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    station.check_in(&province.person_in_force().card).await.unwrap();
}

#[tokio::test]
async fn a_damaged_roster_is_set_aside_and_fetched_again_while_visits_go_on() {
    let province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    drop(station.loaded().await);
    let folder = station.dir.path().join("data/cards");
    let current = fs::read_to_string(folder.join("current")).unwrap();
    let path = folder.join(current.trim_end());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let _daemon = station.loaded().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    assert!(fs::read_dir(folder.join("quarantine")).unwrap().count() > 0);
}

#[tokio::test]
async fn damaged_visits_are_set_aside_untouched_and_an_alarm_stays() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    daemon.terminate().await;
    let path = station.dir.path().join("data/visits.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[5000..9000].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let _daemon = station.loaded().await;
    let status = station.status().await;
    let alarms = status["quarantined"].as_array().unwrap();
    assert_eq!(alarms.len(), 1, "{status}");
    let set_aside = station.dir.path().join("data/quarantine").join(alarms[0].as_str().unwrap());
    assert_eq!(fs::read(set_aside).unwrap(), bytes);
    station.check_in(&province.person_in_force().card).await.unwrap();
}

/// A small file system of its own, unmounted when dropped. `None` where the test may not mount.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={megabytes}m,mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test]
async fn on_a_full_disk_downloads_stop_first_visits_last_and_both_go_on_when_there_is_room() {
    let province = TestProvince::new(200).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let Some(_disk) = SmallDisk::mount(&data, 72) else {
        println!("not run: this test may not mount a file system");
        return;
    };
    let station = TestStation::configured_with_data(&province, dir, &data);
    station.enrol(&province).await;
    let _daemon = station.started().await;
    let card = province.person_in_force().card;
    let ballast = data.join("ballast");
    let fill = |leave: u64| {
        let free = rustix::fs::statvfs(&data).map(|disk| disk.f_bavail * disk.f_frsize).unwrap();
        let mut file = fs::File::options().create(true).append(true).open(&ballast).unwrap();
        let written = (free.saturating_sub(leave) / 4096) * 4096;
        match file.write_all(&vec![0; usize::try_from(written).unwrap()]) {
            // The agent took the rest meanwhile: there is as little room as was wanted.
            Err(error) if leave == 0 && error.kind() == std::io::ErrorKind::StorageFull => {}
            filled => filled.unwrap(),
        }
    };
    station.status_when("the roster is held", |status| status["roster"]["serial"] == 1).await;

    // Less than what is kept back for the visits: no download, but visits.
    fill(20 << 20);
    province.change(0.1, 1).await;
    assert_eq!(station.run(&["sync-now"]).await.status.code(), Some(75));
    let status = station.status_when("the download waits", |status| status["pull"]["failing"]["code"] == "disk_full").await;
    assert_eq!(status["roster"]["serial"], 1);
    station.check_in(&card).await.unwrap();

    // No room at all: not saved, and said so. SQLite may still have pages of its own to use up first.
    fill(0);
    let refused = crate::support::wait_for("a visit is refused", async || match station.check_in(&card).await {
        Err(bhyt_agent::control::client::ControlError::Answer(error)) => Some(error),
        _ => None,
    })
    .await;
    assert_eq!(refused.code, "disk_full");
    assert!(refused.message.starts_with("CHƯA LƯU: ổ đĩa đầy"), "{}", refused.message);
    assert_eq!(station.lookup(&card).await["verdict"]["standing"], "valid", "the desk still answers");

    fs::remove_file(&ballast).unwrap();
    station.check_in(&card).await.unwrap();
    assert!(station.run(&["sync-now"]).await.status.success());
    station.status_when("all goes on", |status| status["roster"]["serial"] == 2 && status["outbox"]["pending"] == 0).await;
}
