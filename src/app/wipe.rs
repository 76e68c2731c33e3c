//! An order of the province that this computer gives up what it holds: judged, and obeyed.
//!
//! While the service runs the unsent visits are sealed once for trial: where that fails nothing is stopped. Then the service stops, so that no visit is saved
//! beside it; they are sealed again, it is decided, and all goes. The process ends with a code after which it is not started again.
//! Promise: nothing goes before every visit that the province has not confirmed is sealed to it on this disk; a wipe that was decided is gone on with before
//! anything else is done. Never: a step without a line in the log; an order obeyed that `domain::wipe` refuses.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use chrono::DateTime;
use chrono::Utc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::AppError;
use super::escrow;
use super::hands::Hands;
use super::identity;
use super::no_key;
use super::read_key_file;
use crate::domain::clock::TimeKeeper;
use crate::domain::wipe::Heard;
use crate::domain::wipe::Order;
use crate::domain::wipe::Standing;
use crate::domain::wipe::decide;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::storage;
use crate::storage::folder::DataFolder;
use crate::storage::key;
use crate::storage::key::DatabaseKey;
use crate::storage::open::OnDamage;
use crate::storage::rotate::former;
use crate::storage::rotate::former_files;
use crate::storage::visits::SetAside;
use crate::storage::visits::VisitStore;
use crate::storage::wipe;
use crate::storage::wipe::Record;
use crate::sync::carry;
use crate::sync::carry::CarryError;
use crate::sync::status::StickError;

/// Goes on with a wipe that was decided. Without one it changes nothing. Before a key is read or made.
pub(crate) fn go_on(config: &Config) -> Result<(), storage::Error> {
    if !wipe::is_decided(&config.data_dir) {
        return Ok(());
    }
    tracing::warn!(name: "wipe.resumed", "a wipe that was decided was cut off: it is gone on with");
    let folder = DataFolder::hold(&config.data_dir)?;
    match finish(config, &folder) {
        storage::Error::Wiped { .. } => Ok(()),
        error => Err(error),
    }
}

/// The same; and where one has ended and nobody has set the computer up anew since, that is said.
pub(super) fn settle(config: &Config) -> Result<(), storage::Error> {
    go_on(config)?;
    wipe::is_wiped(&config.data_dir, &config.keys.own_database_key()).map_or(Ok(()), |wiped| Err(wiped.into()))
}

/// Listens for orders until stopped. One that is to be obeyed, and can be, is put into `ordered`, and stops everything.
pub(super) async fn follow(hands: Hands, ordered: Arc<OnceLock<Order>>, stop: CancellationToken) {
    let mut heard = hands.sync.wipes_heard();
    // One may have come before anybody listened.
    heard.mark_changed();
    let listen = async {
        while heard.changed().await.is_ok() {
            let Some((order, told_at)) = heard.borrow_and_update().clone() else { continue };
            let judged = match hands.visits.install_id().await {
                Ok(install) => judge(&hands, &order, install, told_at),
                Err(error) => {
                    tracing::warn!(name: "wipe.postponed", %error, "whether a wipe order is for this computer cannot be read");
                    None
                }
            };
            let Some(order) = judged else { continue };
            tracing::warn!(name: "wipe.ordered", order = order.number, given = %order.given_at, "the province has ordered this computer wiped");
            match try_out(&hands).await {
                Ok(()) => {
                    let _ = ordered.set(order);
                    return;
                }
                Err(error) => {
                    tracing::error!(name: "wipe.postponed", error = &error as &dyn std::error::Error, "unsent visits cannot be sealed: nothing is wiped");
                    hands.sync.wipe_waits(hands.time.now().at);
                }
            }
        }
        core::future::pending::<()>().await;
    };
    if stop.run_until_cancelled(listen).await.is_some() {
        stop.cancel();
    }
}

fn judge(hands: &Hands, heard: &Heard, install: Uuid, told_at: DateTime<Utc>) -> Option<Order> {
    let standing = Standing {
        station: &hands.config.facility,
        install,
        is_allowed: hands.config.province.as_ref().is_some_and(|province| province.wipe_orders),
        obeyed: &wipe::obeyed(&hands.folder),
        told_at,
        now: hands.time.now(),
    };
    match decide(heard, &standing) {
        Ok(order) => Some(order.clone()),
        Err(refusal) => {
            tracing::warn!(name: "wipe.refused", reason = refusal.code(), "a wipe order came and is not obeyed");
            None
        }
    }
}

/// Takes back what files set aside hold, and seals everything, while the desk goes on.
async fn try_out(hands: &Hands) -> Result<(), CarryError> {
    for file in hands.visits.set_aside().await? {
        if file.holds.is_some_and(|holds| holds.unsent > 0) {
            hands.visits.salvage(&file.name, hands.time.now()).await?;
        }
    }
    let sealed = async {
        let staged = wipe::stage(&hands.folder)?;
        seal(&hands.config, &hands.visits, &staged).await
    };
    let sealed = sealed.await;
    if sealed.is_err() {
        // A full disk has better use for the room.
        wipe::unstage(&hands.folder)?;
    }
    sealed.map(|_| ())
}

/// Obeys, with everything closed and the folder held. Returns with what the process ends.
pub(super) async fn obey(config: &Config, folder: &DataFolder, order: &Order, time: &TimeKeeper) -> AppError {
    match seal_and_decide(config, folder, order, time).await {
        Ok(()) => finish(config, folder).into(),
        Err(error) => {
            tracing::error!(name: "wipe.postponed", error = &error as &dyn std::error::Error, "unsent visits cannot be sealed: nothing is wiped");
            let _ = wipe::unstage(folder.path());
            error.into()
        }
    }
}

async fn seal_and_decide(config: &Config, folder: &DataFolder, order: &Order, time: &TimeKeeper) -> Result<(), CarryError> {
    let key = DatabaseKey::read(&config.keys.database_key())?;
    let (visits, writer) = VisitStore::open_or(OnDamage::Refuse, folder.path(), &key, time.clone())?;
    let visits = visits.with_former_keys(former(config.keys.dir()));
    let staged = wipe::stage(folder.path())?;
    let sealed = seal(config, &visits, &staged).await;
    drop(visits);
    // Whatever became of it: the file is closed before anything else is done.
    let is_closed = tokio::task::spawn_blocking(move || writer.join().is_ok()).await;
    let (sealed, keeps_aside) = sealed?;
    if !matches!(is_closed, Ok(true)) {
        return Err(storage::Error::Stopped.into());
    }
    Ok(wipe::decide(folder, &Record::of(order, time.now().at, sealed, keeps_aside))?)
}

fn finish(config: &Config, folder: &DataFolder) -> storage::Error {
    match wipe::finish(folder, &key_files(&config.keys)) {
        Ok(wiped) => {
            let sealed = wiped.record.as_ref().map(|record| record.sealed);
            tracing::warn!(name: "wipe.done", sealed, "keys and data are gone, by order of the province");
            wiped.into()
        }
        Err(error) => {
            tracing::error!(name: "wipe.unfinished", error = &error as &dyn std::error::Error, "not everything could be removed: at the next start again");
            error
        }
    }
}

/// Seals what is not confirmed into a folder. Returns how many revisions, and whether files that were set aside have to stay for the province to read.
async fn seal(config: &Config, visits: &VisitStore, staged: &Path) -> Result<(u64, bool), CarryError> {
    let keys = &config.keys;
    let recipient = read_key_file(&keys.intake_recipient()).ok();
    let key_pem = read_key_file(&keys.station_key()).map_err(|_| StickError::Keys("a key file cannot be read"))?;
    let recipient = recipient.as_ref().map(|text| text.trim());
    let sealed = carry::seal_all(visits, &config.facility, recipient, &key_pem, staged).await?;
    let is_open = |file: &SetAside| file.holds_more() || file.holds.is_some_and(|holds| holds.missing > 0);
    if !visits.set_aside().await?.iter().any(is_open) {
        return Ok((sealed, false));
    }
    // Encrypted as they are; whoever has the province's key opens theirs.
    let recipients: Vec<Box<str>> = recipient.into_iter().map(Into::into).collect();
    let mut of_files = vec![DatabaseKey::read(&keys.database_key())?];
    of_files.extend(former(keys.dir()));
    for (number, of_file) in of_files.iter().enumerate() {
        let text = escrow::seal(of_file, &recipients).filter(|_| !recipients.is_empty()).ok_or(StickError::NoRecipient)?;
        key::write_new_secret(&staged.join(format!("set-aside-{number}.key.age")), &text)?;
    }
    Ok((sealed, true))
}

/// Every file of the keys folder, in the order in which they go: what opens the databases, what makes this machine the station, and what is public.
pub(super) fn key_files(keys: &Keys) -> Vec<PathBuf> {
    let next = keys.next();
    let mut files = vec![keys.own_database_key(), keys.next_database_key()];
    files.extend(former_files(keys.dir()));
    files.extend(no_key::files(keys.dir()));
    for folder in [keys, &next] {
        files.extend([folder.station_key(), folder.feed_key(), folder.desks_authority_key()]);
    }
    for folder in [keys, &next] {
        files.extend([folder.station_certificate(), folder.index_public_key(), folder.intake_recipient(), folder.desks_authority()]);
    }
    files.extend([keys.enrolment_asked(), identity::install_file(&next)]);
    files
}
