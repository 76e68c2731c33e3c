//! The key both databases are encrypted with, and the mark by which a wrong key is told from a damaged file.
//!
//! Promise: 32 random bytes in a file of their own, never beside the databases, wiped from memory when dropped. Never: a passphrase (a raw key
//! opens in milliseconds), and never a quarantine because of a wrong key: SQLCipher cannot tell the two apart, so we must.

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::Error;
use crate::domain::roster::hex;

/// A raw database key as 64 hex digits.
#[derive(Clone)]
pub struct DatabaseKey(Zeroizing<String>);

impl core::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DatabaseKey(…)")
    }
}

/// Longest key file read: the digits and a line end.
const LONGEST_FILE: u64 = 80;

/// File that says which key the databases in a folder were made with.
const MARK_FILE: &str = "key.mark";

impl DatabaseKey {
    /// Makes a key from 32 random bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(hex(bytes)))
    }

    /// Reads a key file. Anything but 64 hex digits is refused.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = fs::File::open(path).map_err(Error::file(path, "cannot be opened"))?;
        let mut text = Zeroizing::new(String::new());
        file.take(LONGEST_FILE).read_to_string(&mut text).map_err(Error::file(path, "cannot be read"))?;
        let digits = text.trim_end();
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(Zeroizing::new(digits.to_owned())))
        } else {
            Err(Error::file(path, "is not a database key (64 hex digits)")(io::ErrorKind::InvalidData.into()))
        }
    }

    /// Writes the key to a new file, readable by its owner only, and flushes it. Fails if the file exists: a key is never replaced by accident.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        write_new_secret(path, format!("{}\n", self.0.as_str()).as_bytes())
    }

    /// The statement that unlocks a connection.
    pub(super) fn pragma(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", self.0.as_str()))
    }

    /// Compares the key with the mark of a data folder; a folder without a mark gets one. The mark is a hash of a random 256-bit key: it
    /// tells nothing about it.
    pub fn check_mark(&self, folder: &Path) -> Result<(), Error> {
        let digest = Sha256::digest(format!("bhyt-agent key mark 1:{}", self.0.as_str()));
        let mark = hex(&digest);
        let path = folder.join(MARK_FILE);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim_end() == mark => Ok(()),
            Ok(_) => Err(Error::WrongKey { folder: folder.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => write_new_secret(&path, format!("{mark}\n").as_bytes()),
            Err(error) => Err(Error::file(path, "cannot be read")(error)),
        }
    }
}

/// Creates a file that only its owner may read (0400), writes, flushes file and folder. Fails if the file exists.
pub fn write_new_secret(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o400).open(path).map_err(Error::file(path, "cannot be created"))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(Error::file(path, "cannot be written"))?;
    super::open::sync_folder(path.parent().unwrap_or(Path::new(".")))
}
