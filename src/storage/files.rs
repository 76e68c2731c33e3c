//! A database's files: what lies beside one is called after it, and one that is to go may have gone.
//!
//! Promise: one way to name them and one to remove them. Never: a folder flushed; whoever removes knows when.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::error::Error;

/// What SQLite keeps beside a database,
pub(super) const LOG: &str = "-wal";
/// and what it needs to share it.
pub(super) const LOG_INDEX: &str = "-shm";

/// What lies beside a file, by the end of its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes a file. One that is not there is gone already.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(path, "cannot be removed")(error)),
        _ => Ok(()),
    }
}
