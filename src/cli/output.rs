//! What every verb prints, and the codes that errors end with.
//!
//! Promise: standard output carries answers only; a pipe that is closed early is no failure. Never: a panic over a closed pipe.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::control::contract::ErrorBody;
use crate::desk::words;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::storage;

/// Prints an answer.
pub(super) fn answer(text: &str) -> ExitCode {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::Ok,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::Ok,
        Err(_) => ExitCode::Io,
    }
}

/// Prints a message for a person.
pub(super) fn say(text: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints an error as the caller wants it and returns the code.
pub(super) fn refuse(error: &ErrorBody, as_json: bool, code: ExitCode) -> ExitCode {
    if as_json {
        answer(&json!({ "error": error }).to_string());
    } else {
        say(&error.message);
    }
    code
}

/// Prints a value as JSON, or as `text` makes it for a person.
pub(super) fn value(value: &Value, as_json: bool, text: impl FnOnce(&Value) -> String) -> ExitCode {
    answer(&if as_json { value.to_string() } else { text(value) })
}

/// An error told in the words of who found it, which have no other language.
pub(super) fn plain(code: &str, message: String) -> ErrorBody {
    ErrorBody { field: None, code: code.to_owned(), message, english: None }
}

/// What was given as text; `-` reads standard input.
pub(super) fn text_or_stdin(text: &str, longest: u64) -> io::Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = String::new();
    io::stdin().take(longest).read_to_string(&mut read)?;
    Ok(read)
}

/// Loads the configuration or prints everything that is wrong with it.
pub(super) fn config(path: &Path, as_json: bool) -> Result<Config, ExitCode> {
    Config::load(path).map_err(|error| refuse(&plain("config", error.to_string()), as_json, ExitCode::Config))
}

/// The exit code of a storage error: what the caller can do.
pub(super) fn storage_code(error: &storage::Error) -> ExitCode {
    match error {
        storage::Error::Busy | storage::Error::Stopped | storage::Error::InUse { .. } => ExitCode::TempFail,
        storage::Error::TooNew { .. } | storage::Error::WrongKey { .. } | storage::Error::Key { .. } => ExitCode::Config,
        storage::Error::OtherOwner { .. } => ExitCode::NoPermission,
        storage::Error::Full | storage::Error::ReadOnly => ExitCode::CannotCreate,
        storage::Error::Corrupt(_) | storage::Error::Damaged { .. } | storage::Error::Disk(_) | storage::Error::File { .. } => ExitCode::Io,
        storage::Error::Mismatch(_) | storage::Error::Feed(_) | storage::Error::NotLatest | storage::Error::Bug(_) => ExitCode::Software,
    }
}

/// Prints a storage error for a person: what is, what led to it, and what to do.
pub(super) fn storage_error(error: &storage::Error) -> ExitCode {
    say(&format!("{}\n({})", words::cannot_open(error).vi, crate::ops::logging::Chain(error)));
    storage_code(error)
}
