//! What every connection promises: schema, pragmas, the right key, the right version.

use sha2::Digest;
use sha2::Sha256;

use super::*;
use crate::domain::roster::hex;
use crate::storage::cards;
use crate::storage::test_support::damage;
use crate::storage::test_support::files;
use crate::storage::test_support::key;
use crate::storage::test_support::other_key;
use crate::storage::visits;

fn schemas() -> [(&'static str, &'static Schema); 2] {
    [("cards", &cards::SCHEMA), ("visits", &visits::SCHEMA)]
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> T {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

/// A released migration is never edited, only followed by another one: add a line here, change none.
#[test]
fn migrations_are_frozen() {
    let released: [(&str, &[&str]); 2] = [
        (
            "cards",
            &[
                "a6b118bac5d55a27aeea94f772e6952b9cda8336b28b722389afa901aebdcb01",
                "c21d73ed6ce68a5c7ae77fe5cd627d53a0ecb1ac9aeb57a207a46b6c4384d768",
                "b18bdd5c95f0b190a73b007502cdc07004755702331820b684c0fa1972bb1303",
                "05da1f3d6a54e16379e1cc1fb2a5eac592b4ff3891371044dac719008cc2e5d8",
            ],
        ),
        (
            "visits",
            &[
                "31f8a9cea20ac3642126ecc1db6189b76c6a87ffae7c347608f29cf323131552",
                "05d834bcf225f5d7df278b0eea027c6b356cc43a672f9f525c79f59ac0676193",
                "5ca294e0db685b7da419a14c562a3e390ef52efb0384f0892449d37ce8cd80ce",
                "1b5440b968f550cd25e0513af92488660ccd0c0fa13e3676964d4a8300a53f95",
                "6a33b601c6d5c141e8d7c311bf94609f19d28b950b84da2667a2af25b9551f41",
                "69bb3b64be701c9e377be8ba8dd276a52876e0b698933695c6c1fda5fe40330c",
                "48f3abfa55e1c661938c0ee9f98d4d3ab981b3d2daabd0c7c872c87cd02fee41",
                "6671f86826f1e251dc0f2d6a0290dac501004227b74c162451950b1c8d960a7f",
                "15a86a067de904b813cb298b74fb168669798a8544e2b17edd6d35332b608d7a",
                "35d31b6c03616847c6abd736f8f084cf4f9e34eeffb6d53be4a35cf242ba170d",
                "218fca659b6f05902e0d422830b42fd3a2bdc2535199293fd48c67ce65ad2dfc",
                "3d55e70cb038bf432aa9ed47f6c85d03e207ab9fda020ebd7ec38e7daaff29bb",
                "96bb262b25c948b07dc744c5f0f1e6bcf953524c6b5eeaac6e339f969bec5015",
                "4a2f54aa3ac1d6762e2c34f659103ccba49f3c69ce08e24e9e6f83797ae6892f",
                "cc2df0006cf8d8f5df2da58476aa4921a297121864e3a0aab902bad4452e49da",
                "f050a143b87f23d0b0939f4df7e8926730a08b253fbf91edd46419a3ce76c6ea",
                "54abef58742cfa55a965300a48828507aaab8456976483cc9bdaa5940884fb13",
                "de216c94590e015cf04e7090b5dda95e1590d7c43d285efde5ce2eed3ae7dfce",
                "bf2991c26a9d6ba89f00892234e52eecd33ab4b66b657031e600ab6e8862d322",
            ],
        ),
    ];
    for ((name, schema), (_, frozen)) in schemas().into_iter().zip(released) {
        let digests: Vec<_> = schema.migrations.iter().map(|sql| hex(&Sha256::digest(sql))).collect();
        assert_eq!(digests, frozen, "{name}");
    }
}

#[test]
fn every_version_migrates_to_the_schema_of_a_fresh_file() {
    fn described(connection: &Connection) -> Vec<(String, String, Option<String>)> {
        let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, schema) in schemas() {
        let fresh = writer(&folder.path().join(format!("{name}-fresh.db")), &key(), schema).unwrap();
        assert_eq!(pragma::<u32>(&fresh, "user_version"), schema.version());
        assert_eq!(pragma::<i32>(&fresh, "application_id"), schema.application_id);
        for version in 0..=schema.migrations.len() {
            let path = folder.path().join(format!("{name}-{version}.db"));
            let older = Schema { migrations: &schema.migrations[..version], ..*schema };
            drop(writer(&path, &key(), &older).unwrap());
            let migrated = writer(&path, &key(), schema).unwrap();
            assert_eq!(pragma::<u32>(&migrated, "user_version"), schema.version());
            assert_eq!(described(&migrated), described(&fresh), "{name} from version {version}");
        }
    }
}

#[test]
fn a_migration_that_fails_leaves_the_version_before_it() {
    const GOOD: &str = "CREATE TABLE one (a INTEGER) STRICT;";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let first = Schema { migrations: &[GOOD], application_id: 1, synchronous: "FULL" };
    drop(writer(&path, &key(), &first).unwrap());
    let broken = Schema { migrations: &[GOOD, "CREATE TABLE two (a INTEGER) STRICT; CREATE TABLE one (a INTEGER) STRICT;"], ..first };
    assert!(matches!(writer(&path, &key(), &broken), Err(Error::Bug(_))));
    let connection = writer(&path, &key(), &first).unwrap();
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!((pragma::<u32>(&connection, "user_version"), tables), (1, 1));
}

#[test]
fn the_pragmas_of_the_design_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    for ((name, schema), synchronous) in schemas().into_iter().zip([1, 2]) {
        let path = folder.path().join(name);
        let writer = writer(&path, &key(), schema).unwrap();
        assert_eq!(pragma::<String>(&writer, "journal_mode"), "wal", "{name}");
        assert_eq!(pragma::<i64>(&writer, "synchronous"), synchronous, "{name}: 1 is NORMAL, 2 is FULL");
        assert_eq!(pragma::<i64>(&writer, "secure_delete"), 1, "{name}");
        let reader = reader(&path, &key(), schema).unwrap();
        assert_eq!(pragma::<i64>(&reader, "query_only"), 1, "{name}");
        for connection in [&writer, &reader] {
            assert_eq!(pragma::<i64>(connection, "foreign_keys"), 1, "{name}");
            assert_eq!(pragma::<i64>(connection, "trusted_schema"), 0, "{name}");
            assert_eq!(pragma::<i64>(connection, "cell_size_check"), 1, "{name}");
            assert_eq!(pragma::<i64>(connection, "temp_store"), 2, "{name}: in memory");
        }
    }
}

#[test]
fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("visits.db");
    let _writer = writer(&path, &key(), &visits::SCHEMA).unwrap();
    let reader = reader(&path, &key(), &visits::SCHEMA).unwrap();
    let error = Error::from(reader.execute("INSERT INTO identity VALUES (1, 'a', 'b')", []).unwrap_err());
    assert!(matches!(error, Error::ReadOnly), "{error:?}");
}

/// Only the writer checkpoints, and only when it says so: a connection that is closed, because it is the last or because the file is damaged,
/// leaves file and log as they are.
#[test]
fn closing_a_connection_changes_neither_file_nor_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("visits.db");
    let connection = writer(&path, &key(), &visits::SCHEMA).unwrap();
    connection.execute("INSERT INTO identity VALUES (1, 'a', 'b')", []).unwrap();
    let content = || {
        let mut all = files(folder.path());
        all.retain(|path, _| !path.to_string_lossy().ends_with("-shm"));
        all
    };
    let before = content();
    assert_ne!(before[&folder.path().join("visits.db-wal")].0, 0, "the log has content");
    drop(connection);
    assert_eq!(content(), before, "the writer");
    drop(reader(&path, &key(), &visits::SCHEMA).unwrap());
    assert_eq!(content(), before, "a reader");
    let connection = writer(&path, &key(), &visits::SCHEMA).unwrap();
    let id: String = connection.query_row("SELECT install_id FROM identity", [], |row| row.get(0)).unwrap();
    assert_eq!(id, "a");
    checkpoint(&connection).unwrap();
    assert_eq!(content()[&folder.path().join("visits.db-wal")].0, 0);
}

#[test]
fn a_checkpoint_that_a_reader_holds_up_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("visits.db");
    let connection = writer(&path, &key(), &visits::SCHEMA).unwrap();
    let reader = reader(&path, &key(), &visits::SCHEMA).unwrap();
    let asking = reader.unchecked_transaction().unwrap();
    asking.query_row("SELECT count(*) FROM visit", [], |row| row.get::<_, u32>(0)).unwrap();
    connection.execute("INSERT INTO identity VALUES (1, 'a', 'b')", []).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    assert!(matches!(checkpoint(&connection), Err(Error::Busy)));
    drop(asking);
    checkpoint(&connection).unwrap();
}

/// F14: an SQLite that may damage a file is refused where the program is built, and where it is started with another one.
#[test]
fn f14_an_affected_sqlite_is_refused() {
    for affected in [3_007_000, 3_040_001, 3_051_002] {
        let error = refuse_affected(affected).unwrap_err();
        assert!(matches!(&error, Error::Bug(source) if source.to_string().contains("WAL-reset")), "{error:?}");
    }
    refuse_affected(OLDEST_SQLITE).unwrap();
    refuse_affected(rusqlite::version_number()).unwrap();
    assert_eq!(rusqlite::version_number(), rusqlite::ffi::SQLITE_VERSION_NUMBER, "the one that runs is the one that was built in");
}

/// F22: also where a kill left a log that the file is not whole without, and where there is none.
#[test]
fn f22_a_newer_file_is_refused_without_a_byte_written() {
    for is_killed in [false, true] {
        for (name, schema) in schemas() {
            let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = folder.path().join(name);
            let connection = writer(&path, &key(), schema).unwrap();
            if !is_killed {
                checkpoint(&connection).unwrap();
            }
            connection.pragma_update(None, "user_version", schema.version() + 1).unwrap();
            if is_killed {
                // The file itself does not say yet that it is newer: only its log does.
                assert!(files(folder.path()).len() == 3);
            } else {
                checkpoint(&connection).unwrap();
            }
            for (from, _) in files(folder.path()) {
                std::fs::copy(&from, image.path().join(from.file_name().unwrap())).unwrap();
            }
            drop(connection);
            let path = image.path().join(name);
            if !is_killed {
                for left in ["-wal", "-shm"] {
                    let _ = std::fs::remove_file(image.path().join(format!("{name}{left}")));
                }
            }
            let before = files(image.path());
            let wanted = |error: &Error| matches!(error, Error::TooNew { found, .. } if *found == schema.version() + 1);
            assert!(wanted(&refuse_newer(&path, &key(), schema).unwrap_err()), "{name}, killed: {is_killed}");
            assert_eq!(files(image.path()), before, "{name}, killed: {is_killed}");
            // And what is ours is let through as untouched.
            let own = Schema { migrations: schema.migrations, ..*schema };
            std::fs::remove_file(&path).unwrap();
            refuse_newer(&path, &key(), &own).unwrap();
            assert!(!path.exists());
        }
    }
}

#[test]
fn a_newer_file_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    for (name, schema) in schemas() {
        let path = folder.path().join(name);
        let connection = writer(&path, &key(), schema).unwrap();
        connection.pragma_update(None, "user_version", schema.version() + 1).unwrap();
        checkpoint(&connection).unwrap();
        drop(connection);
        let before = std::fs::read(&path).unwrap();
        let wanted = |error: &Error| matches!(error, Error::TooNew { found, known, .. } if (*found, *known) == (schema.version() + 1, schema.version()));
        assert!(wanted(&writer(&path, &key(), schema).unwrap_err()), "{name}");
        assert!(wanted(&reader(&path, &key(), schema).unwrap_err()), "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn another_products_database_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cards.db");
    let connection = writer(&path, &key(), &cards::SCHEMA).unwrap();
    checkpoint(&connection).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = writer(&path, &key(), &visits::SCHEMA).unwrap_err();
    assert!(matches!(error, Error::TooNew { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_under_another_key_looks_damaged_to_sqlcipher() {
    // Which is why `DataFolder` compares the key with its mark before any database is opened.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("visits.db");
    drop(writer(&path, &key(), &visits::SCHEMA).unwrap());
    assert!(matches!(writer(&path, &other_key(), &visits::SCHEMA), Err(Error::Corrupt(_))));
}

/// A database of some thirty pages.
fn filled(path: &Path) {
    let connection = writer(path, &key(), &cards::SCHEMA).unwrap();
    for n in 0..1000 {
        connection.execute("INSERT INTO tombstone VALUES (?1, ?2, 1, '')", (format!("0971{n:08}"), format!("GD499{n:010}"))).unwrap();
    }
    checkpoint(&connection).unwrap();
}

#[test]
fn damage_anywhere_in_the_file_is_called_damage_by_the_writer() {
    const PAGE: usize = 4096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cards.db");
    filled(&path);
    let whole = std::fs::read(&path).unwrap();
    for page in 0..whole.len() / PAGE {
        let mut content = whole.clone();
        content[page * PAGE + 100] ^= 1;
        std::fs::write(&path, &content).unwrap();
        let opened = writer(&path, &key(), &cards::SCHEMA);
        assert!(matches!(opened, Err(Error::Corrupt(_))), "page {}: {opened:?}", page + 1);
        drop(opened);
        assert_eq!(std::fs::read(&path).unwrap(), content, "page {}: looked at, not touched", page + 1);
    }
    for length in [PAGE / 2, 3 * PAGE, whole.len() - PAGE, whole.len() - 100] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let opened = writer(&path, &key(), &cards::SCHEMA);
        assert!(matches!(opened, Err(Error::Corrupt(_))), "cut to {length}: {opened:?}");
    }
    std::fs::write(&path, &whole).unwrap();
    writer(&path, &key(), &cards::SCHEMA).unwrap();
}

#[test]
fn damage_met_by_a_question_is_called_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cards.db");
    filled(&path);
    damage(&path);
    let connection = reader(&path, &key(), &cards::SCHEMA).unwrap();
    for id in ["097100000000", "097100000500", "097100000999"] {
        let asked = connection.query_row("SELECT serial FROM tombstone WHERE id = ?1", [id], |row| row.get::<_, u32>(0));
        let error = Error::from(asked.unwrap_err());
        assert!(matches!(error, Error::Corrupt(_)), "{id}: {error:?}");
    }
}
