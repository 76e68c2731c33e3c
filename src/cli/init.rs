//! `bhyt-agent init`: makes the station's keys, and with a code enrols it at the province.
//!
//! Promise: a key that is there stays; what is made is readable by its owner only and flushed before it is spoken of; the certificate and the index's key
//! take their places only together with a successful enrolment. Never: a key or code on standard output.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app;
use crate::app::hands::not_enrolled;
use crate::app::hands::one_time_code;
use crate::cli::output;
use crate::cli::output::Form;
use crate::control::client;
use crate::control::contract::Request;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;
use crate::storage::folder;
use crate::storage::folder::DataFolder;
use crate::storage::key;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::open::OnDamage;
use crate::storage::visits;
use crate::storage::visits::VisitStore;
use crate::upstream;
use crate::upstream::province::enrol;
use crate::upstream::province::enrol::Enrolment;
use crate::upstream::province::enrol::StationKeys;

/// Longest code read from standard input.
const LONGEST_CODE: u64 = 100;

pub(super) fn run(path: &Path, code: Option<&str>, language: Language) -> ExitCode {
    match output::config(path, Form::Text(language)).and_then(|config| run_with(&config, code, language)) {
        Ok(_) => ExitCode::Ok,
        Err(code) => code,
    }
}

/// Makes what is missing, and with a code enrols. Says what is wrong; returns the station's name as the province has it, where it was enrolled now.
pub(super) fn run_with(config: &Config, code: Option<&str>, language: Language) -> Result<Option<String>, ExitCode> {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return Err(ExitCode::Software) };
    let done = runtime.block_on(init(config, code, language));
    let is_enrolled = config.keys.station_certificate().exists();
    done.map_err(|error| match error {
        InitError::Storage(error) => output::storage_error(&error, language),
        InitError::Province(error) => {
            let said = if error.leaves_open() {
                words::identity::perhaps_enrolled(is_enrolled)
            } else {
                words::identity::not_enrolled(is_enrolled, not_enrolled(&error))
            };
            output::say(&format!("{}\n({})", said.of(language), Chain(&error)));
            match error {
                upstream::Error::Refused(_) => ExitCode::NoPermission,
                upstream::Error::Keys(_) => ExitCode::Config,
                _ => ExitCode::Unavailable,
            }
        }
        InitError::NoProvince => {
            output::say(words::identity::not_enrolled(is_enrolled, words::identity::no_province()).of(language));
            ExitCode::Config
        }
        InitError::Code => {
            output::say(words::identity::not_enrolled(is_enrolled, words::identity::unreadable_code()).of(language));
            ExitCode::Data
        }
    })
}

enum InitError {
    Storage(storage::Error),
    Province(upstream::Error),
    NoProvince,
    Code,
}

impl From<storage::Error> for InitError {
    fn from(error: storage::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<upstream::Error> for InitError {
    fn from(error: upstream::Error) -> Self {
        Self::Province(error)
    }
}

async fn init(config: &Config, code: Option<&str>, language: Language) -> Result<Option<String>, InitError> {
    app::wipe::go_on(config)?;
    // Before anything is made: the wrong user, or a key that was lost, must leave nothing behind.
    DataFolder::may_be_begun(&config.data_dir, &config.keys.database_key())?;
    folder::create_private(config.keys.dir())?;
    make_keys(config, language)?;
    let install = install_id(config).await?;
    let Some(code) = code else { return Ok(None) };
    let code = output::secret_or_stdin(code, LONGEST_CODE, &words::identity::ask_code(), language).map_err(|_| InitError::Code)?;
    let code = one_time_code(&code).ok_or(InitError::Code)?;
    let province = config.province.as_ref().ok_or(InitError::NoProvince)?;
    let keys =
        StationKeys { key_pem: app::read_key_file(&config.keys.station_key())?, feed_key: app::read_key_file(&config.keys.feed_key())? };
    let ca_pem = String::from_utf8_lossy(&province.authority.pem);
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let judged = upstream::judged_by(&time);
    let asked = config.keys.enrolment_asked();
    let is_again = asked.exists();
    if !is_again {
        // Before the code goes out: whatever comes between, the same one is good again, and that is told.
        key::replace_secret(&asked, b"")?;
    }
    let enrolment = match enrol::enrol(&province.url, &ca_pem, &config.facility, &code, install, &keys, &judged).await {
        Ok(enrolment) => enrolment,
        Err(error) => {
            if !is_again && !error.leaves_open() {
                let _ = fs::remove_file(&asked);
            }
            // A daemon that runs tells of it.
            let _ = reload(config).await;
            return Err(error.into());
        }
    };
    keep(config, &enrolment)?;
    // With the certificate there is nothing open, whatever becomes of this.
    let _ = fs::remove_file(&asked);
    // A daemon that runs goes on with the new certificate; where none runs, or it cannot be asked, it reads the keys when it starts or within a minute.
    let _ = reload(config).await;
    output::say(words::identity::enrolled(&enrolment.station_name, config.facility.as_str()).of(language));
    Ok(Some(enrolment.station_name))
}

fn make_keys(config: &Config, language: Language) -> Result<(), InitError> {
    let database_key = config.keys.database_key();
    if !database_key.exists() {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        DatabaseKey::from_bytes(&bytes).write_new(&database_key)?;
        output::say(words::identity::database_key_made(&database_key).of(language));
    }
    let (station_key, feed_key) = (config.keys.station_key(), config.keys.feed_key());
    if !station_key.exists() || !feed_key.exists() {
        let keys = StationKeys::generate()?;
        for (path, content) in [(&station_key, &keys.key_pem), (&feed_key, &keys.feed_key)] {
            if !path.exists() {
                key::write_new_secret(path, content.as_bytes())?;
            }
        }
        output::say(words::identity::station_keys_made(config.keys.dir()).of(language));
    }
    Ok(())
}

/// Makes the data folder and asks `visits.db` who it is; where the daemon holds it, asks that.
async fn install_id(config: &Config) -> Result<Uuid, InitError> {
    let database_key = DatabaseKey::read(&config.keys.database_key())?;
    let mut tries = 0;
    let folder = loop {
        match DataFolder::lock(&config.data_dir, &database_key) {
            Err(in_use @ storage::Error::InUse { .. }) => match reload(config).await {
                Some(install) => return Ok(install),
                None if is_held_briefly(&mut tries).await => {}
                None => return Err(InitError::Storage(in_use)),
            },
            locked => break locked?,
        }
    };
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    visits::refuse_other_facility(folder.path(), &database_key, &config.facility, app::certified_station(config).as_ref())?;
    let (visits, writer) = VisitStore::open_or(OnDamage::Refuse, folder.path(), &database_key, time)?;
    let install = visits.install_id().await?;
    drop(visits);
    // The writer has nothing left to do; that it ended otherwise would have been an error above.
    let _ = writer.join();
    Ok(install)
}

/// What files are called that somebody else holds.
pub(super) const IN_USE: &str = "in_use";

/// How often it is looked again whether files that are held are free, or whoever holds them answers.
const LOOKS: u32 = 40;

/// Whether to try again, after a moment. The page of refusals opens the files to see whether the service may run as soon as they have changed, and the service holds them
/// before it answers: whoever makes the missing key meets both.
pub(super) async fn is_held_briefly(tries: &mut u32) -> bool {
    *tries += 1;
    let again = *tries <= LOOKS;
    if again {
        time::sleep(Duration::from_millis(250)).await;
    }
    again
}

/// Has a daemon that runs look at the keys. Returns which record of visits it keeps; `None`: none runs.
async fn reload(config: &Config) -> Option<Uuid> {
    let answer = client::ask(&config.control_socket, &Request::ReloadKeys).await.ok()?;
    Uuid::parse_str(answer["install"].as_str()?).ok()
}

/// Puts what the province gave in its place, so that an old certificate is never half replaced.
fn keep(config: &Config, enrolment: &Enrolment) -> Result<(), InitError> {
    key::replace_secret(&config.keys.index_public_key(), enrolment.index_public_key.as_bytes())?;
    let path = config.keys.intake_recipient();
    match &enrolment.intake_recipient {
        Some(recipient) => key::replace_secret(&path, recipient.as_bytes())?,
        // Another province's, from an enrolment before: nothing must be sealed to it any more.
        None => match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(storage::Error::file(&path, "cannot be removed")(error).into());
            }
            _ => open::sync_folder(config.keys.dir())?,
        },
    }
    // Last: with it the station is enrolled, and has all the rest.
    Ok(key::replace_secret(&config.keys.station_certificate(), enrolment.certificate_pem.as_bytes())?)
}
