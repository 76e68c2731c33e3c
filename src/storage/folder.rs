//! The data folder: one process at a time, readable by its owner only.
//!
//! Promise: while a `DataFolder` lives no other process of this product works on the files; the lock goes with the process,
//! so a killed one leaves none behind. Never: another user's folder, in which our files would lock the daemon out.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::error::Error;
use super::key::DatabaseKey;

/// The locked folder.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed, locks it, and checks that the key is the one its databases were made with.
    pub fn lock(path: &Path, key: &DatabaseKey) -> Result<Self, Error> {
        create_private(path)?;
        let owner = fs::metadata(path).map_err(Error::file(path, "cannot be read"))?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(Error::OtherOwner { folder: path.to_owned() });
        }
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(Error::file(&lock_path, "cannot be opened"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { folder: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::file(lock_path, "cannot be locked")(source)),
        }
        key.check_mark(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Databases set aside because of damage, oldest first. They stay until a person has looked at them.
    pub fn quarantined(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path.join("quarantine")) else { return Vec::new() };
        let mut names: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .filter(|name| Path::new(name).extension().is_some_and(|e| e == "db"))
            .collect();
        names.sort();
        names
    }
}

/// Makes a folder, and the missing ones above it, for the owner only.
pub fn create_private(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file(path, "cannot be created"))
}

/// Bytes a plain user can still write on the file system of a path.
pub fn free_bytes(path: &Path) -> Result<u64, Error> {
    let disk = rustix::fs::statvfs(path).map_err(|e| Error::file(path, "has no file system to ask")(e.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
