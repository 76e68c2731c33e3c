//! The verbs for the day on which the computer, its disk or its key is gone.
//!
//! Promise: they work on the files only while no daemon runs; an identity comes from a file or over standard input. Never: an identity in the list of processes.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use tokio::runtime::Builder;
use zeroize::Zeroizing;

use super::UsualArguments;
use super::account;
use super::grammar;
use super::output;
use super::output::Form;
use super::terminal;
use crate::app::restore;
use crate::app::restore::RestoreError;
use crate::app::rotate;
use crate::app::rotate::RotateError;
use crate::control::contract::ErrorBody;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;
use crate::storage::backup;

/// How the sealed key of a backup ends.
const SEALED: &str = ".key.age";

/// Longest identity file read.
const LONGEST_IDENTITY: u64 = 16 << 10;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Khôi phục lượt khám từ một bản sao lưu (dịch vụ phải dừng). Tệp đang dùng được cất riêng, không bị xóa.
    Restore {
        /// Tệp visits-….db của bản sao lưu.
        #[arg(value_name = "TỆP")]
        file: PathBuf,
        /// Khóa bí mật age của người quản trị; dấu - là đọc từ đầu vào chuẩn. Chỉ cần khi khóa của trạm không mở được bản này.
        #[arg(long, value_name = "TỆP")]
        identity: Option<PathBuf>,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Mã hóa lại cả hai tệp dữ liệu bằng khóa mới (dịch vụ phải dừng). Bị ngắt giữa chừng thì lần chạy sau tự làm nốt hoặc hoàn lại.
    RotateKey {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Lấy lại khóa database.key đã mất từ tệp ….key.age của bản sao lưu (dịch vụ phải dừng).
    RecoverKey {
        /// Tệp visits-….key.age.
        #[arg(value_name = "TỆP")]
        file: PathBuf,
        /// Khóa bí mật age của người quản trị; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "TỆP")]
        identity: PathBuf,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    match verb {
        Verb::Restore { file, identity, usual } => {
            let form = usual.form();
            with_identity(identity.as_deref(), form, |identity| put_back(usual.config(), &file, identity, form))
        }
        Verb::RotateKey { usual } => rotate_key(usual.config(), usual.form()),
        Verb::RecoverKey { file, identity, usual } => {
            let form = usual.form();
            with_identity(Some(&identity), form, |identity| recover(usual.config(), &file, identity.unwrap_or_default(), form))
        }
    }
}

fn with_identity(path: Option<&Path>, form: Form, run: impl FnOnce(Option<&str>) -> ExitCode) -> ExitCode {
    let read = |path: &Path| {
        if path == Path::new("-") && terminal::is_there() {
            // A pasted file has remarks before the identity.
            let is_identity = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
            let typed = terminal::ask_unseen_until(words::identity::ask_identity().of(form.language()), is_identity)?;
            return typed.ok_or_else(|| io::ErrorKind::Interrupted.into());
        }
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let read = if path == Path::new("-") {
            io::stdin().take(LONGEST_IDENTITY).read_to_string(&mut text)
        } else {
            File::open(path).and_then(|file| file.take(LONGEST_IDENTITY).read_to_string(&mut text))
        };
        read.map(|_| text)
    };
    let named = path.unwrap_or(Path::new("-"));
    match path.map(read).transpose() {
        Ok(text) => run(text.as_ref().map(|text| text.as_str())),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            form.refuse(&ErrorBody::said("not_allowed", words::closed::identity(named, &grammar::verb())), ExitCode::NoPermission)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            form.refuse(&ErrorBody::said("identity", words::closed::no_identity(named)), ExitCode::Data)
        }
        Err(error) => form.refuse(&ErrorBody::said("identity", words::restored::no_identity().because(&error.to_string())), ExitCode::Data),
    }
}

fn put_back(config: &Path, file: &Path, identity: Option<&str>, form: Form) -> ExitCode {
    let config = match output::config(config, form) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    match runtime.block_on(restore::restore(&config, file, identity)) {
        Ok(done) => {
            let contents = done.put_back.contents;
            let said = words::restored::done(contents.visits, contents.unsent, done.made_at, done.put_back.set_aside, done.key_too)
                .and(&words::keys::aside(done.no_key_aside.as_deref()))
                .and(&words::restored::beside(done.unsent_aside.as_ref().ok().copied().unwrap_or_default(), done.put_back.removed));
            let said = match (&done.put_back.unfinished, &done.unsent_aside) {
                (Some(error), _) => said.and(&words::restored::unfinished().because(&Chain(error).to_string())),
                (None, Err(error)) => said.and(&words::restored::unnoted().because(&Chain(error).to_string())),
                (None, Ok(_)) => said,
            };
            let value = json!({
                "visits": contents.visits,
                "unsent": contents.unsent,
                "highest": contents.highest,
                "install": done.put_back.install,
                "set_aside": done.put_back.set_aside,
                "unsent_set_aside": done.unsent_aside.as_ref().ok(),
                "is_finished": done.put_back.unfinished.is_none(),
                "removed_again": done.put_back.removed,
                "no_key_set_aside": done.no_key_aside,
                "message": said.vi,
                "english": said.en,
            });
            form.done(&value, output::message)
        }
        Err(error) => refuse(&error, form),
    }
}

fn recover(config: &Path, file: &Path, identity: &str, form: Form) -> ExitCode {
    let config = match output::config(config, form) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    match runtime.block_on(restore::recover_key(&config, file, identity)) {
        Ok(aside) => said(&words::keys::recovered(aside.as_deref()), form),
        Err(error) => refuse(&error, form),
    }
}

fn rotate_key(config: &Path, form: Form) -> ExitCode {
    let config = match output::config(config, form) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    match runtime.block_on(rotate::rotate(&config, &time)) {
        Ok(()) => said(&words::backup::key_rotated(), form),
        Err(RotateError::Credential) => form.refuse(&ErrorBody::said("credential", words::backup::key_is_credential()), ExitCode::Config),
        Err(RotateError::Storage(error)) => refuse_storage(&error, form),
    }
}

/// Prints what was done.
pub(super) fn said(said: &Sentence, form: Form) -> ExitCode {
    let value = json!({ "message": said.vi, "english": said.en });
    form.done(&value, output::message)
}

fn refuse(error: &RestoreError, form: Form) -> ExitCode {
    match error {
        RestoreError::NoKey => form.refuse(&ErrorBody::said("no_key_opens", words::restored::no_key()), ExitCode::Data),
        RestoreError::NoIdentity => form.refuse(&ErrorBody::said("no_identity", words::restored::not_an_identity()), ExitCode::Data),
        RestoreError::NoRecipient => form.refuse(&ErrorBody::said("no_recipient", words::restored::not_a_recipient()), ExitCode::Data),
        RestoreError::OtherStation { theirs, ours } => {
            form.refuse(&ErrorBody::said("other_station", words::backup::other_station(theirs, ours)), ExitCode::Data)
        }
        RestoreError::NoFile => form.refuse(&ErrorBody::said("no_such_file", words::restored::no_file()), ExitCode::Data),
        RestoreError::NotABackup => form.refuse(&ErrorBody::said("not_a_backup", words::restored::not_a_backup()), ExitCode::Data),
        RestoreError::HasLog => form.refuse(&ErrorBody::said("has_log", words::restored::has_log()), ExitCode::Data),
        RestoreError::Damaged => form.refuse(&ErrorBody::said("damaged_backup", words::restored::damaged()), ExitCode::Data),
        RestoreError::Closed(file) => closed(file, form),
        RestoreError::KeyIsThere { path, aside, fits } => {
            form.refuse(&ErrorBody::said("key_is_there", words::keys::is_there(path, aside, *fits)), ExitCode::Config)
        }
        RestoreError::Storage(error) => refuse_storage(error, form),
    }
}

/// A file that was named is closed to this account, which is to have a copy: of a backup with its key, which stands beside it.
fn closed(file: &Path, form: Form) -> ExitCode {
    let is_sealed = file.to_string_lossy().ends_with(SEALED);
    // In a folder that is closed too it is most likely there.
    let sealed = Some(backup::sealed_key_of(file)).filter(|sealed| !is_sealed && !matches!(sealed.try_exists(), Ok(false)));
    let account = match account::named(account::SERVICE) {
        Some(_) => account::SERVICE.to_owned(),
        None => rustix::process::geteuid().as_raw().to_string(),
    };
    let verb = grammar::verb().replace(" …", "") + if is_sealed { " --identity -" } else { "" };
    form.refuse(&ErrorBody::said("not_allowed", words::closed::file(file, sealed.as_deref(), &account, &verb)), ExitCode::NoPermission)
}

/// What the files are in the way of.
pub(super) fn refuse_storage(error: &storage::Error, form: Form) -> ExitCode {
    let (body, code) = output::of_storage(error);
    let found = Chain(error).to_string();
    let because = |said: String| format!("{said} ({found})");
    let body = match error {
        storage::Error::InUse { .. } => body,
        _ => ErrorBody { message: because(body.message), english: body.english.map(because), ..body },
    };
    form.refuse(&body, code)
}
