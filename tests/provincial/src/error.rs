//! What can go wrong inside the reference server, in one type.
//!
//! Promises: a message never holds a name, a card number or a personal id. Must never be shown on the wire as it
//! is: the routes translate it into a stable code.

use std::{io, path::PathBuf};

/// A failure of the reference province.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A socket or another system call failed.
    #[error("system call failed: {0}")]
    System(#[from] io::Error),
    /// `province.db` refused.
    #[error("province.db: {0}")]
    Ledger(#[from] rusqlite::Error),
    /// What the ledger holds cannot be read: another version wrote it, or it is damaged.
    #[error("province.db holds something unreadable: {0}")]
    Unreadable(String),
    /// Serialising failed.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    /// The minisign key pair failed.
    #[error("signing the index: {0}")]
    Sign(#[from] minisign::PError),
    /// A certificate or a signing request failed.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS configuration failed.
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
    /// Sealing a feed file failed.
    #[error("sealing a feed file: {0}")]
    Seal(String),
    /// There is no station with this code.
    #[error("no station {0} in this province")]
    NoStation(String),
    /// The station has no key to seal its feed to yet.
    #[error("station {0} is not enrolled: there is no key to seal its feed to")]
    NotEnrolled(String),
    /// The folder already holds a province.
    #[error("{0} already holds a province")]
    Exists(PathBuf),
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    /// A file failure with its path.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
