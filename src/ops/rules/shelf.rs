//! The sets of rules that were brought to this station, and which one is in force.
//!
//! In the data folder: `rules/<version>.rules`, each the signed file as it came, and `rules/state`, which names those that count and those that somebody went
//! back from. In force is the newest of these and of the built-in set whose day has come.
//!
//! Promise: `state` names whole files at every instant, also after a power cut: each is written beside, flushed, renamed, and the folder flushed. A file is
//! verified every time it is read; one that is damaged, or whose key is no longer trusted, is passed over and named, and the next older set holds. Going back
//! is remembered by version, so that a restart does not undo it and the next newer set does. Where `state` is lost or damaged the files count themselves. Never:
//! an older set than one that was here; a station without rules; the set in force put out by sets that wait, or by what cannot be read.

use std::collections::BTreeSet;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use chrono::NaiveDate;
use serde::Deserialize;
use serde::Serialize;

use super::RulesError;
use super::builtin;
use super::bundle;
use super::bundle::Bundle;
use super::bundle::BundleError;
use super::bundle::LONGEST;
use super::bundle::RulesKey;
use super::bundle::RulesVersion;
use crate::domain::rules::RuleTables;
use crate::domain::rules::RulesOrigin;
use crate::ops::config::reload::Stamp;

/// In the data folder.
const FOLDER: &str = "rules";

/// Which files count.
const STATE: &str = "state";

/// Sets kept whose day has come: the newest, and what can be gone back to. Those that wait for their day stay besides.
const KEPT: usize = 3;

/// The set in force.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The set.
    pub tables: RuleTables,
    /// Newer ones that are not used.
    pub passed_over: Vec<PassedOver>,
}

/// A set that is here and newer than the one in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Which.
    pub version: RulesVersion,
    /// Why.
    pub why: Why,
}

/// Why a set is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its first day has not come.
    Early(NaiveDate),
    /// Somebody went back from it.
    WentBack,
    /// It cannot be read, or is no longer trusted: the reason.
    Unusable(String),
    /// It has nothing for what this station is.
    Unfitting,
}

/// What became of a file that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It is kept now.
    New(RulesVersion),
    /// It was here before.
    Already(RulesVersion),
    /// The program has brought it, and it is not kept a second time.
    OfProgram(RulesVersion),
}

/// Why a change of the sets was not made.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file is not taken.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A newer one is here, or was.
    #[error("version {found} is older than {held}, which is here or was")]
    Older {
        /// What was brought.
        found: RulesVersion,
        /// What is here.
        held: RulesVersion,
    },
    /// Two different sets of one version.
    #[error("another set of version {0} is here")]
    OtherOfSameVersion(RulesVersion),
    /// It has nothing for what this station is.
    #[error("the set has no attendance category for this station")]
    Unfitting,
    /// There is nothing to go back to.
    #[error("there is no earlier set")]
    NothingEarlier,
    /// The data folder is another user's; what is written there could not be read by the service.
    #[error("{} belongs to another user", .0.display())]
    OtherOwner(PathBuf),
    /// Somebody else is at it.
    #[error("another process changes the rules")]
    InUse,
    /// The built-in set is not whole: our mistake.
    #[error(transparent)]
    Builtin(#[from] RulesError),
    /// A file or folder.
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
}

fn file(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> ShelfError {
    let path = path.to_owned();
    move |source| ShelfError::File { path, what, source }
}

/// Which files count. FROZEN: on the disk.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
struct State {
    /// Versions whose files count, oldest first.
    installed: Vec<String>,
    /// Versions that somebody went back from.
    #[serde(default)]
    gone_back_from: BTreeSet<String>,
    /// The newest that was ever here.
    #[serde(default)]
    newest: Option<String>,
}

impl State {
    /// What was written; a version that is none shows that it is not whole.
    fn parse(text: &[u8]) -> Result<Self, String> {
        let state: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match state.installed.iter().find(|text| RulesVersion::parse(text).is_none()) {
            Some(_) => Err("it names what is no version".to_owned()),
            None => Ok(state),
        }
    }

    fn went_back_from(&self, version: RulesVersion) -> bool {
        self.gone_back_from.contains(&version.to_string())
    }

    fn installed(&self) -> impl DoubleEndedIterator<Item = RulesVersion> {
        self.installed.iter().filter_map(|text| RulesVersion::parse(text))
    }

    fn newest(&self) -> Option<RulesVersion> {
        self.installed().chain(self.newest.as_deref().and_then(RulesVersion::parse)).max()
    }
}

/// The sets of a station.
#[derive(Clone, Debug)]
pub struct Shelf {
    data: PathBuf,
    keys: Vec<RulesKey>,
}

impl Shelf {
    /// Those in a data folder, signed by one of these keys.
    pub fn new(data: &Path, keys: &[RulesKey]) -> Self {
        Self { data: data.to_owned(), keys: keys.to_vec() }
    }

    /// Changes whenever the sets that count do.
    pub fn stamp(&self) -> Stamp {
        Stamp::of(&self.folder().join(STATE))
    }

    fn folder(&self) -> PathBuf {
        self.data.join(FOLDER)
    }

    fn path(&self, version: RulesVersion) -> PathBuf {
        self.folder().join(format!("{version}.rules"))
    }

    /// The set that holds on a day, for a station that it fits. Reads, and changes nothing; the built-in set is what is left where nothing else can be used.
    pub fn choose(&self, on: NaiveDate, fits: impl Fn(&RuleTables) -> bool) -> Result<Chosen, RulesError> {
        let own = builtin()?;
        let own_version = RulesVersion::parse(&own.version);
        // What cannot be read for a moment puts no set out of force.
        let state = self.state().unwrap_or_else(|_| self.of_files());
        let mut versions: Vec<_> = state.installed().chain(own_version).collect();
        versions.sort();
        versions.dedup();
        let mut passed_over = Vec::new();
        for version in versions.into_iter().rev() {
            let why = if state.went_back_from(version) {
                Why::WentBack
            } else if Some(version) == own_version {
                return Ok(Chosen { tables: own, passed_over });
            } else {
                match self.read(version) {
                    Err(error) => Why::Unusable(error.to_string()),
                    Ok(bundle) if bundle.valid_from > on => Why::Early(bundle.valid_from),
                    Ok(bundle) if !fits(&bundle.tables) => Why::Unfitting,
                    Ok(bundle) => return Ok(Chosen { tables: bundle.tables, passed_over }),
                }
            };
            passed_over.push(PassedOver { version, why });
        }
        // Whoever went back from everything meant a set that is no longer readable: the program's own is always whole.
        Ok(Chosen { tables: own, passed_over })
    }

    /// Keeps a file that was brought, after it was found good. Returns after the disk has it.
    pub fn install(&self, bytes: &[u8], on: NaiveDate, fits: impl Fn(&RuleTables) -> bool) -> Result<Installed, ShelfError> {
        let Bundle { version, tables, .. } = Bundle::open(bytes, &self.keys)?;
        if !fits(&tables) {
            return Err(ShelfError::Unfitting);
        }
        let _lock = self.lock()?;
        let mut state = self.state()?;
        let of_program = builtin()?;
        let own = RulesVersion::parse(&of_program.version);
        if let Some(held) = state.newest().max(own).filter(|held| *held > version) {
            return Err(ShelfError::Older { found: version, held });
        }
        if Some(version) == own {
            if !tables.say_the_same(&of_program) {
                return Err(ShelfError::OtherOfSameVersion(version));
            }
            if state.gone_back_from.remove(&version.to_string()) {
                self.keep(&state)?;
            }
            return Ok(Installed::OfProgram(version));
        }
        let is_here = state.installed().any(|held| held == version);
        let held = if is_here && self.read(version).is_ok() { self.bytes(version).ok() } else { None };
        if held.as_ref().is_some_and(|held| !bundle::say_the_same(held, bytes)) {
            return Err(ShelfError::OtherOfSameVersion(version));
        }
        // The same text under another signature, as while the publisher changes keys: the newer one is kept.
        if held.as_deref() != Some(bytes) {
            write(&self.path(version), bytes)?;
        }
        if !state.gone_back_from.remove(&version.to_string()) && held.is_some() {
            return Ok(Installed::Already(version));
        }
        if !is_here {
            state.installed.push(version.to_string());
        }
        if let Some(oldest) = self.oldest_wanted(&state, version.day().min(on), fits) {
            state.installed.retain(|text| RulesVersion::parse(text) >= Some(oldest));
        }
        state.newest = Some(version.to_string());
        self.keep(&state)?;
        Ok(Installed::New(version))
    }

    /// Goes back to the set before the one in force, or to the built-in one. Returns after the disk has it, with what is in force now.
    pub fn go_back(&self, to_builtin: bool, on: NaiveDate, fits: impl Fn(&RuleTables) -> bool + Copy) -> Result<Chosen, ShelfError> {
        let _lock = self.lock()?;
        let mut state = self.state()?;
        let own = RulesVersion::parse(&builtin()?.version);
        let chosen = self.choose(on, fits)?;
        let held = RulesVersion::parse(&chosen.tables.version).ok_or(ShelfError::NothingEarlier)?;
        let of_program = chosen.tables.origin == RulesOrigin::Builtin;
        if to_builtin {
            state.gone_back_from.extend(state.installed.iter().cloned());
            if let Some(own) = own {
                state.gone_back_from.remove(&own.to_string());
            }
        } else {
            // Something usable has to be left, and it must be older.
            let older = state.installed().filter(|version| *version < held && !state.went_back_from(*version));
            let older = older.filter(|version| self.read(*version).is_ok_and(|bundle| bundle.valid_from <= on && fits(&bundle.tables)));
            let own_is_older = own.is_some_and(|own| own < held && !state.went_back_from(own));
            if older.max().is_none() && (of_program || !own_is_older) {
                return Err(ShelfError::NothingEarlier);
            }
            state.gone_back_from.insert(held.to_string());
        }
        self.keep(&state)?;
        Ok(self.choose(on, fits)?)
    }

    fn bytes(&self, version: RulesVersion) -> Result<Vec<u8>, ShelfError> {
        let path = self.path(version);
        let mut bytes = Vec::new();
        let opened = File::open(&path).and_then(|opened| opened.take(LONGEST + 1).read_to_end(&mut bytes));
        opened.map_err(file(&path, "cannot be read"))?;
        Ok(bytes)
    }

    fn read(&self, version: RulesVersion) -> Result<Bundle, ShelfError> {
        let bundle = Bundle::open(&self.bytes(version)?, &self.keys)?;
        if bundle.version == version { Ok(bundle) } else { Err(BundleError::Form(format!("it is version {}", bundle.version)).into()) }
    }

    /// The oldest set of the [`KEPT`] newest that can be used on a day; `None`: there are not so many. The day is one that has come for certain, whatever the
    /// station's clock says: nobody dates the newest set's version ahead.
    fn oldest_wanted(&self, state: &State, on: NaiveDate, fits: impl Fn(&RuleTables) -> bool) -> Option<RulesVersion> {
        let mut versions: Vec<_> = state.installed().filter(|version| !state.went_back_from(*version)).collect();
        versions.sort();
        let is_usable = |version: &RulesVersion| self.read(*version).is_ok_and(|set| set.valid_from <= on && fits(&set.tables));
        versions.into_iter().rev().filter(is_usable).nth(KEPT - 1)
    }

    /// Which sets count. Where that is lost or damaged, every one that is here.
    fn state(&self) -> Result<State, ShelfError> {
        let path = self.folder().join(STATE);
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|opened| opened.take(LONGEST).read_to_end(&mut text));
        match read {
            Ok(_) => Ok(State::parse(&text).unwrap_or_else(|error| {
                tracing::warn!(name: "rules.unread", error, "which rules were installed cannot be read: all that are here count");
                self.of_files()
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.of_files()),
            Err(error) => {
                tracing::warn!(name: "rules.unread", %error, "which rules were installed cannot be read: all that are here count");
                Err(file(&path, "cannot be read")(error))
            }
        }
    }

    /// By the names of the files: each is verified when it is used.
    fn of_files(&self) -> State {
        let entries = fs::read_dir(self.folder()).into_iter().flatten().filter_map(Result::ok);
        let version = |entry: fs::DirEntry| RulesVersion::parse(entry.file_name().to_str()?.strip_suffix(".rules")?);
        let versions: BTreeSet<_> = entries.filter_map(version).collect();
        State { installed: versions.iter().map(ToString::to_string).collect(), ..State::default() }
    }

    fn keep(&self, state: &State) -> Result<(), ShelfError> {
        let text = serde_json::to_string(state).map_err(|error| file(&self.folder(), "cannot be written")(error.into()))?;
        write(&self.folder().join(STATE), text.as_bytes())?;
        self.clear(state);
        Ok(())
    }

    /// Removes what does not count. What stays is removed the next time.
    fn clear(&self, state: &State) {
        let wanted: BTreeSet<_> = state.installed().map(|version| self.path(version)).collect();
        let entries = fs::read_dir(self.folder()).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|end| end == "rules" || end == "new");
        for left in entries.filter(|path| is_ours(path) && !wanted.contains(path)) {
            if let Err(error) = fs::remove_file(&left) {
                tracing::warn!(name: "rules.leftover", %error, "a set of rules that is not used stays for now");
            }
        }
    }

    /// Makes the folder if needed, and waits for nobody.
    fn lock(&self) -> Result<File, ShelfError> {
        let owner = fs::metadata(&self.data).map_err(file(&self.data, "cannot be read"))?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(ShelfError::OtherOwner(self.data.clone()));
        }
        let folder = self.folder();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(file(&folder, "cannot be created"))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(file(&path, "cannot be opened"))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(fs::TryLockError::WouldBlock) => Err(ShelfError::InUse),
            Err(fs::TryLockError::Error(source)) => Err(file(&path, "cannot be locked")(source)),
        }
    }
}

/// Writes a file beside, flushes it, gives it its name, and flushes the folder.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ShelfError> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    let made = options.write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let written = made.and_then(|mut made| made.write_all(bytes).and_then(|()| made.sync_all()));
    written.map_err(file(&beside, "cannot be written"))?;
    fs::rename(&beside, path).map_err(file(path, "cannot be renamed"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file(folder, "cannot be flushed"))
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
