//! The page on the house's network: its authority's files, its certificate, and that this one is renewed.
//!
//! Promise: the authority is made once, its key 0400 beside the others; without `[lan]` nothing is made and nothing listens. Never: another authority in
//! the place of one that desks trust already.

use core::time::Duration;
use std::fs;
use std::io;
use std::sync::Arc;

use tokio::time;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::AppError;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::reception::tls::Authority;
use crate::reception::tls::Shown;
use crate::reception::tls::TlsError;
use crate::storage;
use crate::storage::key;

/// How often it is looked at whether the certificate is still good, and the clock still as it was.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// What is shown on the house's network under these names.
pub(super) fn shown(config: &Config, names: &[Box<str>], time: &TimeKeeper) -> Result<Arc<Shown>, AppError> {
    let authority = authority(&config.keys)?;
    let names = names.iter().map(|name| name.to_string()).collect();
    Ok(Shown::new(authority, names, time.now())?)
}

/// The authority of the keys' folder; a new one where there is none.
fn authority(keys: &Keys) -> Result<Authority, AppError> {
    let (key_path, path) = (keys.desks_authority_key(), keys.desks_authority());
    if !path.exists() {
        let made = Authority::make()?;
        let key_pem = Zeroizing::new(made.key_pem);
        // The certificate comes last: without it a key is one that no desk trusts yet.
        key::replace_secret(&key_path, key_pem.as_bytes())?;
        key::write_new_secret(&path, made.certificate_pem.as_bytes())?;
        tracing::info!(name: "desks.authority-made", "an authority for the station's other desks was made");
    }
    let read = |path| fs::read_to_string(path).map_err(storage::Error::file(path, "cannot be read"));
    let key_pem = Zeroizing::new(read(&key_path)?);
    Ok(Authority::read(&key_pem, &read(&path)?)?)
}

/// Renews the certificate until stopped.
pub(super) async fn renew(shown: Arc<Shown>, keeper: TimeKeeper, stop: CancellationToken) -> Result<(), io::Error> {
    while stop.run_until_cancelled(time::sleep(LOOK_EVERY)).await.is_some() {
        match shown.renew(keeper.now()) {
            Ok(true) => tracing::info!(name: "desks.certificate-renewed", "the certificate shown to the station's other desks was renewed"),
            Ok(false) => {}
            Err(error) => log(&error),
        }
    }
    Ok(())
}

fn log(error: &TlsError) {
    tracing::error!(name: "desks.certificate-failed", error = error as &dyn core::error::Error, "the certificate shown to the station's other desks cannot be renewed");
}
