//! Where the station's keys are.
//!
//! Promise: paths only; who needs a key reads it where it is used and wipes it after. A credential handed over by systemd wins over a file,
//! because it may be sealed to the machine. Never: a key's content.

use core::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

const DATABASE_KEY: &str = "database.key";

/// The files of `keys-dir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    dir: PathBuf,
    credentials: Option<PathBuf>,
}

impl Keys {
    /// Keys in a folder; `credentials` is systemd's `$CREDENTIALS_DIRECTORY`.
    pub fn new(dir: PathBuf, credentials: Option<PathBuf>) -> Self {
        Self { dir, credentials }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The key of both databases: systemd's credential where there is one, else the file.
    pub fn database_key(&self) -> PathBuf {
        let credential = self.credentials.as_ref().map(|dir| dir.join(DATABASE_KEY)).filter(|path| path.exists());
        credential.unwrap_or_else(|| self.dir.join(DATABASE_KEY))
    }

    /// The file that this program makes and may replace, whoever hands the key over.
    pub fn own_database_key(&self) -> PathBuf {
        self.dir.join(DATABASE_KEY)
    }

    /// Where the next database key waits until everything is under it.
    pub fn next_database_key(&self) -> PathBuf {
        self.dir.join("database.key.next")
    }

    /// The station's TLS key, PEM.
    pub fn station_key(&self) -> PathBuf {
        self.dir.join("station.key.pem")
    }

    /// The station's TLS certificate, PEM; public.
    pub fn station_certificate(&self) -> PathBuf {
        self.dir.join("station.crt.pem")
    }

    /// The age identity that opens the feed.
    pub fn feed_key(&self) -> PathBuf {
        self.dir.join("feed.key")
    }

    /// The minisign key that the province signs the index with; public, but who can change it can make up a feed.
    pub fn index_public_key(&self) -> PathBuf {
        self.dir.join("index.pub")
    }

    /// Empty; there while a code was shown to enrol and its answer has not come.
    pub fn enrolment_asked(&self) -> PathBuf {
        self.dir.join("enrolment-asked")
    }

    /// The age recipient of visits carried on a stick; public, but who can change it can read what is carried. Missing where the province takes none.
    pub fn intake_recipient(&self) -> PathBuf {
        self.dir.join("intake.pub")
    }

    /// The key of the authority that vouches for this machine to the station's other desks, PEM.
    pub fn desks_authority_key(&self) -> PathBuf {
        self.dir.join("desks-ca.key.pem")
    }

    /// Its certificate, PEM; public.
    pub fn desks_authority(&self) -> PathBuf {
        self.dir.join("desks-ca.crt.pem")
    }

    /// Where the keys of the next identity wait until the province has certified them. Beside the others, so that they only change their names.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { dir: self.dir.join("next"), credentials: None }
    }

    /// Files others can read or change though they must not. Files that do not exist (before enrolment) are fine.
    /// Credentials are systemd's and not looked at.
    pub fn warnings(&self) -> Vec<KeyWarning> {
        const SECRET: u32 = 0o077;
        const PUBLIC: u32 = 0o022;
        let files = [
            (self.dir.clone(), PUBLIC),
            (self.dir.join(DATABASE_KEY), SECRET),
            (self.station_key(), SECRET),
            (self.feed_key(), SECRET),
            (self.desks_authority_key(), SECRET),
            (self.desks_authority(), PUBLIC),
            (self.station_certificate(), PUBLIC),
            (self.index_public_key(), PUBLIC),
            (self.intake_recipient(), PUBLIC),
        ];
        let loose = |(path, forbidden): (PathBuf, u32)| {
            let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
            (mode & forbidden != 0).then_some(KeyWarning { wanted: mode & !forbidden, path, mode })
        };
        files.into_iter().filter_map(loose).collect()
    }
}

/// A key file whose permissions are too loose. A warning, not a refusal: the desk goes on working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWarning {
    /// The file or folder.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// What they should be.
    pub wanted: u32,
}

impl KeyWarning {
    /// The same in English.
    pub fn in_english(&self) -> String {
        let path = self.path.display();
        format!("{path}: mode {:04o} is too wide; run: chmod {:04o} {path}", self.mode, self.wanted)
    }
}

impl fmt::Display for KeyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{path}: quyền {:04o} quá rộng; hãy chạy: chmod {:04o} {path}", self.mode, self.wanted)
    }
}
