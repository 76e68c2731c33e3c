//! Files of other versions under the present program: those of released ones, and those of one that is newer.

use std::collections::BTreeMap;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use bhyt_agent::storage::cards;
use bhyt_agent::storage::open::Schema;
use bhyt_agent::storage::visits;
use rusqlite::Connection;

use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bad_disk::copy_folder;
use crate::support::wait_for;

fn databases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/databases")
}

/// Every file below a folder, but the lock.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.append(&mut contents(&path));
        } else if entry.file_name() != "lock" {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// With the key, as the agent opens it. It must not be running.
fn opened(station: &TestStation, path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    let key = fs::read_to_string(station.dir.path().join("keys/database.key")).unwrap();
    connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key.trim_end())).unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_starts_on_the_files_of_every_released_version_and_delivers_what_was_pending_exactly_once() {
    let mut folders: Vec<_> = fs::read_dir(databases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let province = TestProvince::new(300).await;
        let station = TestStation::configured(&province);
        let (data, keys) = (station.dir.path().join("data"), station.dir.path().join("keys"));
        copy_folder(&folder.join("data"), &data);
        fs::create_dir(&keys).unwrap();
        fs::copy(folder.join("database.key"), keys.join("database.key")).unwrap();
        fs::set_permissions(keys.join("database.key"), Permissions::from_mode(0o400)).unwrap();
        // Under another key nothing of it is touched.
        let before = contents(&data);
        let other = TestStation::configured_with_data(&province, tempfile::tempdir().unwrap(), &data);
        fs::create_dir(other.dir.path().join("keys")).unwrap();
        fs::write(other.dir.path().join("keys/database.key"), "08".repeat(32)).unwrap();
        assert_eq!(other.run(&["status"]).await.status.code(), Some(78));
        assert!(contents(&data) == before);

        // Of those that say who came: without that the province takes none.
        let pending: Vec<u64> = {
            let visits = opened(&station, &data.join("visits.db"));
            let sql = "SELECT sequence FROM visit JOIN outbox USING (sequence) WHERE state = 'pending' AND card_number IS NOT NULL";
            let mut statement = visits.prepare(sql).unwrap();
            let sequences = statement.query_map([], |row| row.get(0)).unwrap();
            sequences.map(Result::unwrap).collect()
        };
        // Each revision by its number of the station: it stands there once.
        let stored = || {
            let mut stored: Vec<_> = province.province.visits().unwrap().into_iter().map(|visit| visit.sequence).collect();
            stored.sort_unstable();
            stored
        };
        assert!(pending.len() >= 5, "{}: {pending:?}", folder.display());
        station.enrol(&province).await;
        let daemon = station.loaded().await;
        let _ = station.run(&["sync-now"]).await;
        station.status_when("all are delivered", |status| status["outbox"]["pending"] == 0).await;
        wait_for("they are there", async || pending.iter().all(|sequence| stored().contains(sequence)).then_some(())).await;
        let held = stored();
        assert!(held.windows(2).all(|pair| pair[0] < pair[1]), "{}: {held:?}", folder.display());
        assert_eq!(daemon.terminate().await, Some(0));
        let verified = station.run(&["verify-log"]).await.status.code();
        assert!(matches!(verified, Some(0 | 69)), "{}: the access log holds: {verified:?}", folder.display());
        // And a second start finds nothing to send.
        let daemon = station.started().await;
        let again = station.status().await;
        assert_eq!((&again["outbox"]["pending"], again["quarantined"].as_array().unwrap().len()), (&0.into(), 0));
        assert_eq!(daemon.terminate().await, Some(0));
        assert_eq!(stored(), held);
    }
}

/// Makes a file one of a newer program. `is_killed`: the newer program was killed, and only its log says so.
fn made_newer(station: &TestStation, path: &Path, schema: &Schema, is_killed: bool) {
    let connection = opened(station, path);
    let newer = format!("CREATE TABLE of_tomorrow (a INTEGER) STRICT; PRAGMA user_version = {};", schema.version() + 1);
    connection.execute_batch(&newer).unwrap();
    let name = |end: &str| path.with_file_name(format!("{}{end}", path.file_name().unwrap().to_string_lossy()));
    if is_killed {
        let kept: Vec<_> = ["", "-wal", "-shm"].iter().map(|end| (name(end), fs::read(name(end)).unwrap())).collect();
        drop(connection);
        for (path, content) in kept {
            fs::write(path, content).unwrap();
        }
        assert!(fs::metadata(name("-wal")).unwrap().len() > 0);
    } else {
        drop(connection);
    }
}

/// F22, the station's own record: refused by every verb, said, and not a byte of it changed; so that the newer program finds it as it left it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_visits_of_a_newer_program_are_refused_without_a_byte_written() {
    let province = TestProvince::new(200).await;
    for is_killed in [false, true] {
        let station = TestStation::enrolled(&province).await;
        let daemon = station.loaded().await;
        let card = province.person_in_force().card;
        station.check_in(&card).await.unwrap();
        assert_eq!(daemon.terminate().await, Some(0));
        let data = station.dir.path().join("data");
        made_newer(&station, &data.join("visits.db"), &visits::SCHEMA, is_killed);
        let before = contents(&data);
        for verb in [&["serve"][..], &["status"], &["lookup", &card], &["outbox"], &["verify-log"], &["operator", "list"]] {
            let output = station.run(verb).await;
            assert_eq!(output.status.code(), Some(78), "{verb:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains("cài lại bản mới hơn"), "{verb:?}");
            let after = contents(&data);
            let changed: Vec<_> = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
            assert!(changed.is_empty(), "{verb:?}, killed: {is_killed}: {changed:?}");
        }
    }
}

/// F22, the province's roster: not a byte of it changed, and look-ups work by one fetched beside it; visits are saved and delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_beside_a_roster_of_a_newer_program_look_ups_and_check_ins_work_and_it_is_not_touched() {
    let province = TestProvince::new(200).await;
    let card = province.person_in_force().card;
    for is_killed in [false, true] {
        let station = TestStation::enrolled(&province).await;
        assert_eq!(station.loaded().await.terminate().await, Some(0));
        let folder = station.dir.path().join("data/cards");
        let path = folder.join(fs::read_to_string(folder.join("current")).unwrap().trim_end());
        made_newer(&station, &path, &cards::SCHEMA, is_killed);
        let before = contents(&folder);
        let daemon = station.loaded().await;
        assert_eq!(station.lookup(&card).await["verdict"]["standing"], "valid");
        let id = station.check_in(&card).await.unwrap();
        wait_for("it is delivered", async || province.stored().contains_key(&id).then_some(())).await;
        assert_eq!(daemon.terminate().await, Some(0));
        assert!(contents(&folder) == before, "killed: {is_killed}");
        assert!(station.log().contains("was written by a newer program"));
    }
}
