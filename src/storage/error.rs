//! What can go wrong with our files, sorted by what the caller can do about it.
//!
//! Promise: only what SQLite says is damage is called damage; everything else never leads to a file being set aside. Never: a value from a row.

use std::io;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;

use crate::domain::roster::Upheaval;

/// A storage failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else holds the file for a moment: try again.
    #[error("database is busy")]
    Busy,
    /// The disk is full: nothing was saved; free space and try again.
    #[error("disk is full")]
    Full,
    /// The file system does not take writes.
    #[error("files cannot be written")]
    ReadOnly,
    /// The file is damaged: set it aside.
    #[error("database is damaged")]
    Corrupt(#[source] rusqlite::Error),
    /// The file is damaged, and whoever opened it may not set it aside: it is as it was.
    #[error("{} is damaged and was left as it is", file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What shows it.
        #[source]
        source: rusqlite::Error,
    },
    /// The disk failed while writing or flushing: what was asked last is not saved; reopen and verify.
    #[error("disk failed")]
    Disk(#[source] rusqlite::Error),
    /// The file was written by a newer program: install that program.
    #[error("{} was written by a newer program (version {found}; this program knows up to {known}); install the newer program again", file.display())]
    TooNew {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The key file is not the one the databases were made with: restore it. Nothing is set aside for this.
    #[error("the key does not belong to the databases in {}", folder.display())]
    WrongKey {
        /// Where the databases are.
        folder: PathBuf,
    },
    /// The visits are another station's than the one that is configured: put the facility code right. Nothing was written.
    #[error("the visits in {} are station {theirs}'s, and the configuration says {ours}", folder.display())]
    OtherFacility {
        /// Where the databases are.
        folder: PathBuf,
        /// Whose they are.
        theirs: Box<str>,
        /// Who is configured.
        ours: Box<str>,
    },
    /// There is no key, or none that can be read: make or restore it. Nothing works without.
    #[error("{}: {what}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The province has ordered that this computer gives up what it held, and it has: there is nothing to open.
    #[error("this computer was wiped by order of the province")]
    Wiped {
        /// Where the sealed visits are.
        folder: PathBuf,
        /// When.
        at: Option<DateTime<Utc>>,
        /// How many were sealed.
        sealed: Option<u64>,
    },
    /// No service has worked in this folder, and only the service makes one: look whether the disk is there, and whether it is the right folder.
    #[error("there are no data in {}", folder.display())]
    NoData {
        /// Where they should be.
        folder: PathBuf,
    },
    /// Another process works on these files.
    #[error("{} is in use by another process", folder.display())]
    InUse {
        /// Where the databases are.
        folder: PathBuf,
    },
    /// The files belong to another user: run as that one.
    #[error("{} belongs to another user; run as that user", folder.display())]
    OtherOwner {
        /// Where the databases are.
        folder: PathBuf,
    },
    /// A file in a folder of ours belongs to another account, which keeps it from this one: give it back. Nothing is damaged or lost.
    #[error("{} belongs to account {owner} and is closed to account {account}", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who needs it.
        account: u32,
    },
    /// A file or folder could not be used.
    #[error("{}: {what}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The feed does not fit the state we hold: take the snapshot.
    #[error("the feed does not fit: {0}")]
    Mismatch(#[from] Mismatch),
    /// The feed itself could not be read.
    #[error("the feed cannot be read")]
    Feed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A revision of a visit does not follow the latest one: somebody else has corrected it meanwhile.
    #[error("the revision does not follow the latest one of the visit")]
    NotLatest,
    /// The worker has stopped.
    #[error("storage has stopped")]
    Stopped,
    /// Our mistake.
    #[error("database refused a statement")]
    Bug(#[source] rusqlite::Error),
}

/// How a delta or snapshot contradicts the state it is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A changed or gone person is not held.
    #[error("a change for a person who is not held")]
    MissingPerson,
    /// A new person is held already.
    #[error("a new person who is held already")]
    KnownPerson,
    /// The number of lines differs from the header's.
    #[error("row count")]
    RowCount,
    /// The header is for another session or serial.
    #[error("header")]
    Header,
    /// The state after applying has another digest than the index says.
    #[error("state digest")]
    StateDigest,
    /// The cursor moved while the file was prepared.
    #[error("cursor moved")]
    CursorMoved,
    /// It fits, and takes away more at once than the guard lets through: a person has to look at it first.
    #[error("it would take {} and stop {} of {} people", .0.gone, .0.stopped, .0.held)]
    Upheaval(Upheaval),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            // The index of the log is made by writing it to its length, which is the first thing that a full disk refuses.
            _ if error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Disk(error),
            _ => Self::Bug(error),
        }
    }
}

impl Error {
    /// The stable code of the contract.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Full => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Corrupt(_) | Self::Damaged { .. } => "damaged",
            Self::Disk(_) => "disk_failed",
            Self::TooNew { .. } => "too_new",
            Self::WrongKey { .. } => "wrong_key",
            Self::OtherFacility { .. } => "other_facility",
            Self::Key { .. } => "no_key",
            Self::NoData { .. } => "no_data",
            Self::InUse { .. } => "in_use",
            Self::OtherOwner { .. } => "other_owner",
            Self::NotOurs { .. } => "not_ours",
            Self::File { .. } => "file",
            Self::Wiped { .. } => "wiped",
            Self::Mismatch(_) | Self::Feed(_) => "feed",
            Self::NotLatest => "not_latest",
            Self::Stopped => "stopped",
            Self::Bug(_) => "bug",
        }
    }

    /// Wraps an I/O failure; a full disk is told apart wherever it is met.
    pub fn file(path: impl Into<PathBuf>, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::File { path, what, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn sorted(code: i32) -> Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn only_damage_is_called_damage() {
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_CORRUPT_INDEX, ffi::SQLITE_CORRUPT_VTAB, ffi::SQLITE_NOTADB] {
            assert!(matches!(sorted(code), Error::Corrupt(_)), "{code}");
        }
        for (code, wanted) in [
            (ffi::SQLITE_BUSY, "Busy"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "Busy"),
            (ffi::SQLITE_LOCKED, "Busy"),
            (ffi::SQLITE_FULL, "Full"),
            (ffi::SQLITE_IOERR_SHMSIZE, "Full"),
            (ffi::SQLITE_READONLY, "ReadOnly"),
            (ffi::SQLITE_IOERR_FSYNC, "Disk"),
            (ffi::SQLITE_IOERR_WRITE, "Disk"),
            (ffi::SQLITE_IOERR_READ, "Disk"),
            (ffi::SQLITE_CANTOPEN, "Disk"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "Bug"),
            (ffi::SQLITE_ERROR, "Bug"),
            (ffi::SQLITE_MISUSE, "Bug"),
        ] {
            let error = format!("{:?}", sorted(code));
            assert!(error.starts_with(wanted), "{code}: {error}");
        }
        assert!(matches!(Error::from(rusqlite::Error::QueryReturnedNoRows), Error::Bug(_)));
    }

    #[test]
    fn a_full_disk_is_told_apart_wherever_it_is_met() {
        let met = |kind: io::ErrorKind| Error::file("/data", "cannot be written")(kind.into());
        assert!(matches!(met(io::ErrorKind::StorageFull), Error::Full));
        assert!(matches!(met(io::ErrorKind::QuotaExceeded), Error::Full));
        assert!(matches!(met(io::ErrorKind::ReadOnlyFilesystem), Error::ReadOnly));
        let other = met(io::ErrorKind::PermissionDenied);
        assert_eq!(other.to_string(), "/data: cannot be written");
    }
}
