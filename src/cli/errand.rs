//! The verbs that are done by whoever holds the keys: the daemon where one runs, else this process under the lock of the data folder.
//!
//! Promise: the same answer either way; the exit code says whether it was the stick, the province, the keys or the disk. Never: a code in the list of
//! processes unless the administrator put it there.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Builder;

use crate::app::AppError;
use crate::app::Opened;
use crate::app::hands::one_time_code;
use crate::cli::output;
use crate::cli::output::Behind;
use crate::cli::output::Form;
use crate::cli::reach;
use crate::cli::reach::Reach;
use crate::control::client;
use crate::control::client::ControlError;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::errand;
use crate::desk::Undone;
use crate::desk::errands::Named;
use crate::desk::words;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage::folder;
use crate::storage::open::OnDamage;

/// Longest code read from standard input.
const LONGEST_CODE: u64 = 100;

pub(super) fn replace(config: &Path, code: &str, form: Form) -> ExitCode {
    let given = output::secret_or_stdin(code, LONGEST_CODE, &words::identity::ask_code(), form.language());
    let code = given.ok().and_then(|text| one_time_code(&text));
    let Some(code) = code else {
        let said = words::identity::not_replaced(words::identity::unreadable_code());
        return form.refuse(&ErrorBody::said("code", said), ExitCode::Data);
    };
    run(config, &Request::ReplaceMachine { code }, form)
}

pub(super) fn carry_out(config: &Path, dir: &Path, form: Form) -> ExitCode {
    with_folder(dir, form, |dir| run(config, &Request::CarryOut { dir }, form))
}

pub(super) fn carry_in(config: &Path, dir: &Path, form: Form) -> ExitCode {
    with_folder(dir, form, |dir| run(config, &Request::CarryIn { dir }, form))
}

pub(super) fn accept_roster(config: &Path, form: Form) -> ExitCode {
    run(config, &Request::AcceptRoster, form)
}

pub(super) fn back_up(config: &Path, folder: Option<&Path>, form: Form) -> ExitCode {
    let named = |folder: &Path| {
        let path = folder.canonicalize()?;
        let place = folder::place(&path)?;
        Ok((path, place))
    };
    match folder.map(named).transpose() {
        Ok(named) => {
            let (folder, place) = named.unzip();
            run(config, &Request::BackUp { folder, place }, form)
        }
        Err::<_, io::Error>(error) => {
            form.refuse(&ErrorBody::said("file", words::backup::not_made("file").because(&error.to_string())), ExitCode::Io)
        }
    }
}

/// The daemon has another working folder.
fn with_folder(dir: &Path, form: Form, run: impl FnOnce(PathBuf) -> ExitCode) -> ExitCode {
    match dir.canonicalize() {
        Ok(dir) => run(dir),
        Err(error) => form.refuse(&ErrorBody::said("stick_unreadable", words::service::no_folder(&error)), ExitCode::Io),
    }
}

fn run(config: &Path, request: &Request, form: Form) -> ExitCode {
    let reach = match reach::reach(config, form) {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    let answer = runtime.block_on(answer(&reach, request));
    reach.warn_beside(answer.as_ref().err(), form);
    match answer {
        Ok(value) => {
            // Nothing was held: whoever wanted to agree to something should look again.
            let (behind, code) =
                if value["accepted"] == false { (Behind::Nothing, ExitCode::TempFail) } else { (Behind::Deed, ExitCode::Ok) };
            match form.value_of(behind, &value, output::message) {
                ExitCode::Ok => code,
                unprinted => unprinted,
            }
        }
        Err(error) => {
            let code = exit_code(&error.code);
            form.refuse(&error, code)
        }
    }
}

async fn answer(reach: &Reach, request: &Request) -> Result<Value, ErrorBody> {
    match client::ask(&reach.config.control_socket, request).await {
        Ok(value) => Ok(value),
        Err(ControlError::Answer(error)) => Err(error),
        Err(ControlError::NotRunning) => directly(reach.of_files()?, request).await,
        Err(ControlError::NotAllowed) => Err(ErrorBody::said("not_allowed", words::service::not_allowed())),
        Err(error @ ControlError::Broken(_)) => {
            Err(ErrorBody::said("no_answer", words::service::silent_errand().because(&Chain(&error).to_string())))
        }
    }
}

/// Does it here while no daemon runs.
async fn directly(config: &Config, request: &Request) -> Result<Value, ErrorBody> {
    let opened = Opened::open_when_free(config, Arc::new(SystemClock::new()), OnDamage::Refuse).await.map_err(|error| match error {
        AppError::Storage(error) => output::of_storage(&error).0,
        error => output::broken("start", &Chain(&error).to_string()),
    })?;
    let hands = opened.hands(config);
    let done = match request {
        Request::ReplaceMachine { code } => hands.replace(code).await.map(|name| errand::replaced(&name)),
        Request::CarryOut { dir } => match hands.carry_out(dir).await {
            Ok(taken) => {
                opened.desk.carried_out(taken).await;
                Ok(errand::taken_out(taken))
            }
            Err(undone) => Err(undone),
        },
        Request::CarryIn { dir } => match hands.carry_in(dir).await {
            Ok(taken) => {
                opened.desk.carried_in(taken).await;
                Ok(errand::taken_in(taken))
            }
            Err(undone) => Err(undone),
        },
        Request::BackUp { folder, place } => match hands.back_up(folder.clone().map(|path| Named { path, place: *place })).await {
            Ok(made) => {
                opened.desk.backed_up(&made).await;
                Ok(errand::backed_up(&made))
            }
            Err(undone) => Err(undone),
        },
        Request::AcceptRoster => match opened.desk.accept_held().await {
            Ok(was_held) => Ok(errand::accepted(was_held, false)),
            Err(error) => Err(Undone { code: error.code().to_owned(), said: words::cannot_open(&error) }),
        },
        _ => return Err(ErrorBody::said("not_running", words::service::absent())),
    };
    drop(hands);
    opened.close().await;
    Ok(done?)
}

/// What a script can do about it.
fn exit_code(code: &str) -> ExitCode {
    match code {
        "stick_full" | "stick_unwritable" | "disk_full" | "read_only" | "other_folder" => ExitCode::CannotCreate,
        "stick_unreadable" | "damaged" | "disk_failed" | "file" | "storage" => ExitCode::Io,
        "stick_no_recipient"
        | "backup_not_configured"
        | "not_sealed"
        | "station_keys"
        | "not_configured"
        | "config"
        | "keys"
        | "no_key"
        | "wrong_key"
        | "other_facility"
        | "own_folder"
        | "no_data"
        | "too_new" => ExitCode::Config,
        "code" => ExitCode::Data,
        "wrong_code" | "used_code" | "expired_code" | "too_many_tries" | "not_allowed" | "other_owner" | "not_ours" => {
            ExitCode::NoPermission
        }
        "unreachable" | "untrusted" | "stranger" | "server_busy" | "contract" | "not_running" => ExitCode::Unavailable,
        "start" | "bug" | "feed" => ExitCode::Software,
        // What is wrong with the stick itself.
        stick if stick.starts_with("stick_") => ExitCode::Data,
        _ => ExitCode::TempFail,
    }
}
