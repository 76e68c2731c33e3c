//! The station's certificate and the index's key, replaced where they lie.
//!
//! Promise: at every moment the old file or the new one, whole and flushed. Never: a private key.

use std::io;
use std::path::PathBuf;

use crate::ops::config::Keys;
use crate::storage;
use crate::storage::key;
use crate::upstream::KeyFile;
use crate::upstream::KeyKeeper;

/// Where the two files are.
pub(super) struct KeysFolder {
    /// The client certificate.
    pub(super) certificate: PathBuf,
    /// The public key of the index.
    pub(super) index_key: PathBuf,
}

impl KeysFolder {
    /// The files of the configured folder.
    pub(super) fn of(keys: &Keys) -> Self {
        Self { certificate: keys.station_certificate(), index_key: keys.index_public_key() }
    }
}

impl KeyKeeper for KeysFolder {
    fn keep(&self, file: KeyFile, content: &str) -> Result<(), io::Error> {
        let path = match file {
            KeyFile::Certificate => &self.certificate,
            KeyFile::IndexKey => &self.index_key,
        };
        key::replace_secret(path, content.as_bytes()).map_err(|error| match error {
            storage::Error::File { source, .. } => source,
            other => io::Error::other(other),
        })
    }
}
