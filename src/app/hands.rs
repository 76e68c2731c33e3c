//! What is done with the station's keys, whether the daemon runs or not: another identity, and a stick there and back.
//!
//! Promise: every failure comes back as a sentence with a stable code. Never: a key held longer than the errand takes.

use std::path::Path;
use std::path::PathBuf;

use super::escrow;
use super::identity;
use super::identity::ReplaceError;
use super::keeping::KeysFolder;
use super::read_key_file;
use crate::desk::errands::BackedUp;
use crate::desk::errands::Named;
use crate::desk::errands::TakenIn;
use crate::desk::errands::TakenOut;
use crate::desk::errands::Undone;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Backup;
use crate::ops::config::Config;
use crate::ops::private_tmp;
use crate::storage;
use crate::storage::backup;
use crate::storage::backup::Keep;
use crate::storage::backup::Plan;
use crate::storage::cards::CardStore;
use crate::storage::folder;
use crate::storage::key::DatabaseKey;
use crate::storage::rotate::former;
use crate::storage::visits::SetAside;
use crate::storage::visits::VisitStore;
use crate::sync::carry::Carry;
use crate::sync::carry::CarryError;
use crate::sync::carry::CarryKeys;
use crate::sync::driver::SyncHandle;
use crate::sync::status::StickError;
use crate::sync::status::Trouble;
use crate::upstream;

/// The station's files, and what is needed to work on them.
#[derive(Clone)]
pub struct Hands {
    pub(super) config: Config,
    pub(super) cards: CardStore,
    pub(super) visits: VisitStore,
    pub(super) time: TimeKeeper,
    pub(super) sync: SyncHandle,
    /// The locked data folder.
    pub(super) folder: PathBuf,
}

/// Characters of a one-time code.
const CODE_LENGTH: usize = 8;

/// A code as people type it; they have capital letters only, and a wrong one costs one of five tries.
pub fn one_time_code(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    (code.len() == CODE_LENGTH && code.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(code)
}

/// Why the province did not enrol this station, and what to do.
pub fn not_enrolled(error: &upstream::Error) -> Sentence {
    match error {
        upstream::Error::Refused(code) => words::identity::code_refused(&code.to_string()),
        upstream::Error::Unreachable(_) => words::identity::no_way(),
        other => words::trouble(&Trouble::from(other)),
    }
}

fn code_of(error: &upstream::Error) -> String {
    match error {
        upstream::Error::Refused(code) => code.to_string(),
        other => Trouble::from(other).code().to_owned(),
    }
}

fn undone(code: &str, said: Sentence) -> Undone {
    Undone { code: code.to_owned(), said }
}

fn own_files(error: &storage::Error) -> Undone {
    tracing::error!(name: "errand.failed", error = error as &dyn std::error::Error, "an errand failed at our own files");
    undone(error.code(), words::cannot_open(error))
}

impl Hands {
    /// Another identity with a one-time code; the station's name as the province has it.
    pub async fn replace(&self, code: &str) -> Result<String, Undone> {
        let Some(code) = one_time_code(code) else {
            return Err(undone("code", words::identity::not_replaced(words::identity::unreadable_code())));
        };
        identity::replace(&self.config, &self.visits, &self.time, &code).await.map_err(|error| match error {
            ReplaceError::NoProvince => undone("not_configured", words::identity::not_replaced(words::identity::no_province())),
            ReplaceError::Province(error) => {
                tracing::warn!(name: "identity.refused", error = &error as &dyn std::error::Error, "no other identity was given");
                undone(&code_of(&error), words::identity::unchanged(not_enrolled(&error)))
            }
            ReplaceError::Open(error) => {
                tracing::warn!(name: "identity.unsure", error = &error as &dyn std::error::Error, "whether there is another identity is not known");
                let message = if error.leaves_open() {
                    words::identity::perhaps_replaced()
                } else {
                    words::identity::still_open(&not_enrolled(&error))
                };
                undone(&code_of(&error), message)
            }
            ReplaceError::Storage(error) => own_files(&error),
        })
    }

    /// All pending visits, put on a stick.
    pub async fn carry_out(&self, root: &Path) -> Result<TakenOut, Undone> {
        let keys = self.keys().map_err(|error| Self::not_carried(&error.into()))?;
        let carried = self.carry(&keys, &self.keeper()).out(root).await.map_err(|error| Self::not_carried(&error))?;
        Ok(TakenOut { visits: count(carried.visits), files: count(carried.files) })
    }

    /// Roster and receipts, taken off a stick. Not while the engine runs.
    pub async fn carry_in(&self, root: &Path) -> Result<TakenIn, Undone> {
        let keys = self.keys().map_err(|error| Self::not_carried(&error.into()))?;
        let carried = self.carry(&keys, &self.keeper()).bring_in(root).await.map_err(|error| Self::not_carried(&error))?;
        let pending = self.visits.counts().borrow().pending;
        Ok(TakenIn { serial: carried.serial.0, changed: carried.changed, told: carried.told, pending })
    }

    /// A copy of the visits, in a folder or where the configuration says. How one where the configuration wants it ended is remembered, and told until one is
    /// good; one elsewhere says nothing about those.
    pub async fn back_up(&self, named: Option<Named>) -> Result<BackedUp, Undone> {
        let Some(configured) = &self.config.backup else {
            return Err(undone("backup_not_configured", words::backup::not_configured()));
        };
        let made = match &named {
            Some(named) if !is_seen_here(named) => Err(undone("other_folder", words::backup::other_folder())),
            // A link may lead there that led elsewhere when the configuration was read.
            _ if self.config.is_own(named.as_ref().map_or(&configured.folder, |named| &named.path)) => {
                Err(undone("own_folder", words::backup::not_made("own_folder")))
            }
            Some(named) => self.copy(configured, named.path.clone()).await,
            None => self.copy(configured, configured.folder.clone()).await,
        };
        let noted = match &made {
            Ok(made) if made.counts => self.visits.backed_up(Ok(()), self.time.now().at).await,
            Err(undone) if named.is_none() => self.visits.backed_up(Err(undone.code.clone().into()), self.time.now().at).await,
            Ok(_) | Err(_) => Ok(()),
        };
        if let Err(error) = noted {
            tracing::warn!(name: "backup.unwritten", %error, "how the backup ended is not kept");
        }
        made
    }

    async fn copy(&self, configured: &Backup, folder: PathBuf) -> Result<BackedUp, Undone> {
        let refused = |error: &storage::Error| {
            tracing::error!(name: "backup.failed", error = error as &dyn std::error::Error, "no backup was made");
            undone(error.code(), words::backup::not_made(error.code()))
        };
        if private_tmp::holds(&folder) {
            // Nobody else sees it, and it is gone when the service stops.
            return Err(undone("other_folder", words::backup::not_made("other_folder")));
        }
        let key = DatabaseKey::read(&self.config.keys.database_key()).map_err(|error| refused(&error))?;
        let sealed_key = escrow::seal(&key, &configured.recipients).ok_or_else(|| undone("not_sealed", words::backup::not_sealed()))?;
        let aside = self.visits.set_aside().await.map_err(|error| refused(&error))?;
        let counts = folder == configured.folder || are_one(&folder, &configured.folder);
        let plan = Plan {
            former: former(self.config.keys.dir()),
            is_set_aside: aside.iter().any(SetAside::holds_more),
            data: self.folder.clone(),
            key,
            sealed_key,
            folder,
            station: self.config.facility.clone(),
            at: self.time.now().at,
            keep: Keep { days: configured.keep_days, weeks: configured.keep_weeks },
        };
        let made = backup::make(plan).await.map_err(|error| refused(&error))?;
        tracing::info!(
            name: "backup.made",
            bytes = made.bytes,
            visits = made.contents.visits,
            unsent = made.contents.unsent,
            removed = made.removed,
            "backed up"
        );
        Ok(BackedUp {
            file: made.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: made.bytes,
            visits: made.contents.visits,
            unsent: made.contents.unsent,
            removed: count(made.removed),
            all_kept: made.all_kept,
            same_disk: made.same_disk,
            counts,
        })
    }

    fn keeper(&self) -> KeysFolder {
        KeysFolder::of(&self.config.keys)
    }

    fn carry<'a>(&'a self, keys: &'a CarryKeys, keeper: &'a KeysFolder) -> Carry<'a> {
        Carry {
            station: &self.config.facility,
            cards: &self.cards,
            visits: &self.visits,
            time: &self.time,
            parts: self.folder.join("stick-parts"),
            hold_above_percent: self.config.sync.hold_above_percent,
            handle: &self.sync,
            keys,
            keeper,
        }
    }

    fn keys(&self) -> Result<CarryKeys, StickError> {
        let keys = &self.config.keys;
        let read = |path: PathBuf| read_key_file(&path).map_err(|_| StickError::Keys("a key file cannot be read"));
        Ok(CarryKeys {
            key_pem: read(keys.station_key())?,
            feed_key: read(keys.feed_key())?,
            index_public_key: read(keys.index_public_key())?.to_string(),
            // Missing where the province takes nothing this way.
            intake_recipient: read_key_file(&keys.intake_recipient()).ok().map(|text| text.to_string()),
        })
    }

    fn not_carried(error: &CarryError) -> Undone {
        tracing::warn!(name: "stick.refused", error = error as &dyn std::error::Error, "a stick was refused");
        match error {
            CarryError::Stick(error) => undone(error.code(), words::stick::refused(error)),
            CarryError::Refused(refusal) => undone(&format!("stick_{}", refusal.code()), words::stick::index(*refusal)),
            CarryError::Held { upheaval, told } => {
                undone("held", words::stick::held(upheaval.gone + upheaval.stopped, upheaval.held, *told))
            }
            CarryError::Storage(error) => own_files(error),
        }
    }
}

/// Whether a folder that somebody named is the same one here: a service has a `/tmp` of its own, which goes with it.
fn is_seen_here(named: &Named) -> bool {
    named.place.is_none_or(|place| folder::place(&named.path).is_ok_and(|here| here == place))
}

fn are_one(one: &Path, other: &Path) -> bool {
    matches!((folder::place(one), folder::place(other)), (Ok(one), Ok(other)) if one == other)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
