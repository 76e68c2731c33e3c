//! The power fails in the middle of a change of our files: a migration of either database, or another set of rules.
//!
//! Every call that writes, flushes, cuts, renames or removes is a place to fail at, and of what was not flushed by then anything may be missing, whole or in part.
//! `BHYT_CUTS` says at how many of them (60 of each otherwise; `all` for every one), `BHYT_SEED` what is lost; both are printed.

#![allow(clippy::print_stdout, reason = "seeds and figures for a person to read")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use bhyt_agent::storage::cards;
use bhyt_agent::storage::key::DatabaseKey;
use bhyt_agent::storage::open;
use bhyt_agent::storage::open::Schema;
use bhyt_agent::storage::visits;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::power_cut::number;
use crate::rules_files::Publisher;
use crate::support::AGENT;
use crate::support::bad_disk::BadDisk;
use crate::support::bad_disk::copy_folder;

const KEY: [u8; 32] = [7; 32];

/// Three visits as version 1 wrote them, one of each state it knew.
const VISITS: &str = "
INSERT INTO identity VALUES (1, '00000000-0000-4000-8000-00000000000a', '2026-11-01T00:00:00.000Z');
INSERT INTO visit (sequence, id, revision, station_day, arrived_at, operator, source, attendance_category, care_type, standing, identity_match,
    knowledge, freshness, clock_state, boot_id, boot_ms)
    SELECT n, '019abc00-0000-7000-8000-00000000000' || n, 1, '2026-11-22', '2026-11-22T01:0' || n || ':00.000Z', 'Lê Thị Thử', 'typed', '1.2', '01',
    'valid', 'match', 'cached', 'fresh', 'plausible', 'boot', n FROM (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3);
INSERT INTO outbox VALUES (1, 'delivered', NULL, NULL, NULL), (2, 'parked', NULL, 'unknown_facility', 'Cơ sở không có'), (3, 'pending', NULL, NULL, NULL);
INSERT INTO receipt VALUES (1, 'VR-1', '2026-11-22T01:00:00.000Z', 1, '2026-11-22T01:00:01.000Z');
";

/// Some people as version 1 wrote them, one of whom has left.
const CARDS: &str = "
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
    INSERT INTO card (id, card, name, predecessor) SELECT printf('0971%08d', n), printf('GD499%010d', n), 'Trần Thị Ví Dụ', NULL FROM numbers;
INSERT INTO tombstone VALUES ('097199999999', 'GD4999999999999', 1);
INSERT INTO cursor VALUES (1, '00000000-0000-0000-0000-000000000099', 1, '0000000000000000000000000000000000000000000000000000000000000000', '2026-11-22T00:00:00.000Z', '2026-11-22T00:00:00.000Z',
    '2026-11-22T00:00:00.000Z', 0);
";

/// The schema of a file, table by table.
type Described = Vec<(String, String, Option<String>)>;

fn described(connection: &Connection) -> Described {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}

/// The schema of every version there was.
fn versions(schema: &Schema) -> BTreeMap<u32, Described> {
    let folder = tempfile::tempdir().unwrap();
    let of = |count: usize| {
        let older = Schema { migrations: &schema.migrations[..count], ..*schema };
        let connection = open::writer(&folder.path().join(format!("{count}.db")), &DatabaseKey::from_bytes(&KEY), &older).unwrap();
        (older.version(), described(&connection))
    };
    (1..=schema.migrations.len()).map(of).collect()
}

/// A file and its log as the power cut left them, looked at in a copy: opening the file itself would recover it.
fn look(path: &Path) -> (u32, Described, u32) {
    let folder = tempfile::tempdir().unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for end in ["", "-wal"] {
        let _ = fs::copy(path.with_file_name(format!("{name}{end}")), folder.path().join(format!("{name}{end}")));
    }
    let connection = Connection::open(folder.path().join(&name)).unwrap();
    let key = "07".repeat(KEY.len());
    connection.execute_batch(&format!("PRAGMA key = \"x'{key}'\"")).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be read");
    assert_eq!(check, "ok");
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let table = if name.starts_with("visits") { "visit" } else { "card" };
    let rows = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
    (version, described(&connection), rows)
}

/// A station without a province, and the bad disk its data folder lies on.
struct Place {
    dir: TempDir,
    disk: BadDisk,
}

impl Place {
    fn new(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        fs::create_dir(dir.path().join("keys")).unwrap();
        DatabaseKey::from_bytes(&KEY).write_new(&dir.path().join("keys/database.key")).unwrap();
        let text = format!(
            "facility = \"99001\"\noperator = \"Người trực mẫu\"\ndata-dir = \"{place}/data\"\nkeys-dir = \"{place}/keys\"\n\
             control-socket = \"{place}/control.sock\"\n{more}"
        );
        fs::write(dir.path().join("bhyt-agent.toml"), text).unwrap();
        let disk = BadDisk::new(dir.path(), &dir.path().join("data"));
        Self { dir, disk }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data folder as it was before.
    fn begin(&self) {
        let _ = fs::remove_dir_all(self.path("data"));
        copy_folder(&self.path("before"), &self.path("data"));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(AGENT);
        command.args(arguments).arg("--config").arg(self.path("bhyt-agent.toml")).envs(self.disk.variables());
        command.output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Does it once whole, and then again and again with the power failing, at places from the first call to the last.
    fn cut_everywhere(&self, arguments: &[&str], mut after: impl FnMut(u64)) {
        let seed = number("BHYT_SEED", rand::random::<u32>().into());
        self.begin();
        self.disk.is("well", 0, 0);
        let whole = self.run(arguments);
        assert!(whole.status.success(), "{whole:?}");
        let calls = self.disk.calls();
        let cuts = match env::var("BHYT_CUTS").as_deref() {
            Ok("all") => calls,
            Ok(text) => text.parse().expect("a number, or all"),
            Err(_) => 60,
        }
        .clamp(1, calls);
        println!("{}: {calls} calls, cut at {cuts} of them, BHYT_SEED={seed}", arguments[0]);
        for cut in 0..cuts {
            // The first and the last are among them.
            let at = if cuts == 1 { 1 } else { 1 + cut * (calls - 1) / (cuts - 1) };
            self.begin();
            self.disk.is("cut", at, seed.wrapping_add(cut));
            let output = self.run(arguments);
            assert_eq!(output.status.signal(), Some(9), "call {at}: {}", String::from_utf8_lossy(&output.stderr));
            self.disk.is("well", 0, 0);
            after(at);
        }
    }
}

/// F21: from the first version of both databases through every step to the present one.
#[test]
fn f21_a_power_cut_anywhere_in_a_migration_leaves_the_old_schema_or_the_new_one() {
    let place = Place::new("");
    let (before, key) = (place.path("before"), DatabaseKey::from_bytes(&KEY));
    fs::create_dir_all(before.join("cards")).unwrap();
    for (path, schema, rows) in
        [(before.join("visits.db"), &visits::SCHEMA, VISITS), (before.join("cards/cards-000001.db"), &cards::SCHEMA, CARDS)]
    {
        let first = Schema { migrations: &schema.migrations[..1], ..*schema };
        let connection = open::writer(&path, &key, &first).unwrap();
        connection.execute_batch(rows).unwrap();
        open::checkpoint(&connection).unwrap();
    }
    fs::write(before.join("cards/current"), "cards-000001.db\n").unwrap();
    let known = [versions(&visits::SCHEMA), versions(&cards::SCHEMA)];
    let files = [place.path("data/visits.db"), place.path("data/cards/cards-000001.db")];
    let mut met = [BTreeMap::<u32, u32>::new(), BTreeMap::new()];
    place.cut_everywhere(&["status", "--json"], |at| {
        for ((path, known), (met, expected)) in files.iter().zip(&known).zip(met.iter_mut().zip([3, 300])) {
            let (version, schema, rows) = look(path);
            assert_eq!(Some(&schema), known.get(&version), "call {at}, {}: version {version} is none there was", path.display());
            assert_eq!(rows, expected, "call {at}, {}", path.display());
            *met.entry(version).or_default() += 1;
        }
        let status = place.json(&["status", "--json"]);
        let counts =
            (&status["outbox"]["pending"], &status["outbox"]["parked"], &status["counts"]["delivered"], &status["roster"]["cards"]);
        assert_eq!(counts, (&1.into(), &1.into(), &1.into(), &300.into()), "call {at}");
        assert!(status["quarantined"].as_array().unwrap().is_empty(), "call {at}");
        assert_eq!(files.clone().map(|path| look(&path).0), [visits::SCHEMA.version(), cards::SCHEMA.version()], "call {at}");
    });
    println!("versions met after a cut: visits {:?}, cards {:?}", met[0], met[1]);
    // Many steps were met half done, or nothing was proved.
    assert!(met[0].len() > visits::SCHEMA.migrations.len() / 2 && met[1].len() > 1, "{met:?}");
}

/// A set of rules is in force whole or not at all; and the way back.
#[test]
fn a_power_cut_anywhere_while_rules_are_installed_leaves_the_old_set_or_the_new_one() {
    let publisher = Publisher::new();
    let place = Place::new(&format!("rules-keys = [\"{}\"]\n", publisher.key()));
    fs::create_dir(place.path("data")).unwrap();
    for count in 1..=2 {
        fs::write(place.path(&format!("{count}.rules")), publisher.set(&format!("2026-11-01.{count}"), "2026-11-01")).unwrap();
    }
    let [first, second] = [1, 2].map(|count| place.path(&format!("{count}.rules")).display().to_string());
    place.json(&["rules", "install", &first, "--json"]);
    copy_folder(&place.path("data"), &place.path("before"));
    let in_force = || place.json(&["rules", "show", "--json"])["version"].as_str().unwrap().to_owned();
    let mut met = BTreeMap::<String, u32>::new();
    place.cut_everywhere(&["rules", "install", &second], |at| {
        let version = in_force();
        assert!(["2026-11-01.1", "2026-11-01.2"].contains(&version.as_str()), "call {at}: {version}");
        *met.entry(version).or_default() += 1;
        place.json(&["rules", "install", &second, "--json"]);
        assert_eq!(in_force(), "2026-11-01.2", "call {at}");
    });
    assert!(met.len() == 2, "both were met: {met:?}");
    fs::remove_dir_all(place.path("before")).unwrap();
    copy_folder(&place.path("data"), &place.path("before"));
    place.cut_everywhere(&["rules", "rollback"], |at| {
        let version = in_force();
        assert!(["2026-11-01.1", "2026-11-01.2"].contains(&version.as_str()), "call {at}: {version}");
    });
}
