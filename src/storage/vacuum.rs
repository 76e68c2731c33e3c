//! A database written anew in its own place, so that no page of it holds what was deleted.
//!
//! SQLite's own `VACUUM` builds the new file as a temporary one, which is kept in memory here (`temp_store`, so that nothing goes to a folder of the system's):
//! a record of many years would take more than the unit may. So it is built beside the database, under its key, and copied back page by page: with 165 MiB
//! that took 3 MiB of memory, and `VACUUM` 177.
//! Promise: one transaction: a cut leaves the database as it was; memory does not grow with the file. Never: the room that the visits need.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::backup::StepResult;

use super::error::Error;
use super::files;
use super::files::LOG;
use super::folder;
use super::key::DatabaseKey;
use super::open;

/// The new one, until it is copied back.
const ANEW: &str = ".anew";

/// Writes the database of the only writer anew. What is in its log afterwards is the whole of it: a checkpoint has to follow.
pub(super) fn anew(connection: &mut Connection, path: &Path, key: &DatabaseKey) -> Result<(), Error> {
    let beside = files::beside(path, ANEW);
    // What one that was cut off has left.
    clear(path)?;
    check_room(path)?;
    let written = write(connection, &beside, key);
    let cleared = clear(path);
    written.and(cleared)
}

fn write(connection: &mut Connection, beside: &Path, key: &DatabaseKey) -> Result<(), Error> {
    connection.execute("VACUUM INTO ?1", [beside.to_string_lossy()])?;
    // Each page is held against its code as it is read: one that is not what was written ends it, and nothing is changed.
    let from = open::untouched(beside, key)?;
    match Backup::new(&from, connection)?.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(Error::Busy),
    }
}

/// The file itself stays as long as the copy beside it and the same once more in its log.
fn check_room(path: &Path) -> Result<(), Error> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let wanted = 2 * (length(path) + length(&files::beside(path, LOG))) + folder::RESERVED;
    if folder::free_bytes(path.parent().unwrap_or(Path::new(".")))? < wanted { Err(Error::Full) } else { Ok(()) }
}

/// Removes what one that was cut off has left beside a database.
pub(super) fn clear(path: &Path) -> Result<(), Error> {
    ["", "-journal"].iter().try_for_each(|end| files::remove(&files::beside(path, &format!("{ANEW}{end}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::salvage;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::key;
    use crate::storage::test_support::names;
    use crate::storage::test_support::visit;
    use crate::storage::visits;

    #[tokio::test]
    async fn a_record_written_anew_is_the_same_and_holds_no_byte_of_what_was_deleted() {
        let station = Station::new();
        let visits = station.visits();
        for n in 0..50 {
            visits.append(visit(n)).await.unwrap();
        }
        visits.close();
        let path = station.path().join(visits::FILE);
        let mut connection = open::writer(&path, &key(), &visits::SCHEMA).unwrap();
        let many = "CREATE TABLE deleted AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
            SELECT 'SECRET' || hex(zeroblob(900)) AS text FROM n";
        connection.execute_batch(&format!("PRAGMA secure_delete = OFF; {many}; DROP TABLE deleted;")).unwrap();
        open::checkpoint(&connection).unwrap();
        let holds = || {
            let mut hits = 0;
            for page in salvage::plain(&path, &key()).unwrap() {
                hits += usize::from(page.windows(6).any(|part| part == b"SECRET"));
            }
            hits
        };
        assert!(holds() > 0, "it lies in free pages");
        let count = |connection: &Connection| -> (u64, String) {
            let sql = "SELECT count(*), (SELECT install_id FROM identity) FROM visit";
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let (before, length) = (count(&connection), fs::metadata(&path).unwrap().len());
        fs::write(files::beside(&path, ANEW), "cut off").unwrap();
        anew(&mut connection, &path, &key()).unwrap();
        open::checkpoint(&connection).unwrap();
        assert_eq!(count(&connection), before);
        open::examine(&connection).unwrap();
        assert_eq!(holds(), 0);
        assert!(fs::metadata(&path).unwrap().len() < length);
        assert!(!names(station.path()).iter().any(|name| name.contains(ANEW)));
        drop(connection);
        let visits = station.visits();
        assert_eq!(visits.counts().borrow().highest.0, 50);
        visits.close();
    }
}
