//! What every verb prints, and the codes that errors end with.
//!
//! Promise: standard output carries answers only; whatever is made for a person is made in both languages; a pipe that is closed early is no failure.
//! Never: a panic over a closed pipe.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use serde_json::json;
use zeroize::Zeroizing;

use super::grammar;
use super::terminal;
use crate::control::contract::ErrorBody;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;

/// Prints an answer.
pub(super) fn answer(text: &str) -> ExitCode {
    printed(writeln!(io::stdout(), "{text}"), ExitCode::Ok)
}

/// What is behind an answer, for whoever does not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// A look, or something that was not done: asking again changes nothing.
    Nothing,
    /// Something that was done, and would be done twice.
    Deed,
}

/// The code to end with after something was written for whoever reads it.
pub(super) fn printed(written: io::Result<()>, code: ExitCode) -> ExitCode {
    match written {
        Ok(()) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(_) => ExitCode::Io,
    }
}

/// Prints a message for a person.
pub(super) fn say(text: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// How an answer is printed. `--json` has both languages in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text(Language),
}

impl Form {
    pub(super) fn of(as_json: bool, language: Language) -> Self {
        if as_json { Self::Json } else { Self::Text(language) }
    }

    /// That of what goes to standard error.
    pub(super) fn language(self) -> Language {
        match self {
            Self::Json => Language::default(),
            Self::Text(language) => language,
        }
    }

    /// Prints an error and returns the code.
    pub(super) fn refuse(self, error: &ErrorBody, code: ExitCode) -> ExitCode {
        // Where the contract's form reaches nobody, the sentence may.
        if self != Self::Json || answer(&json!({ "error": error }).to_string()) != ExitCode::Ok {
            say(in_language(error, self.language()));
        }
        code
    }

    /// Prints a value: as JSON, or as `text` makes it for a person.
    pub(super) fn value(self, value: &Value, text: impl FnOnce(&Value) -> Sentence) -> ExitCode {
        self.value_of(Behind::Nothing, value, text)
    }

    /// The same for what was done.
    pub(super) fn done(self, value: &Value, text: impl FnOnce(&Value) -> Sentence) -> ExitCode {
        self.value_of(Behind::Deed, value, text)
    }

    /// The same by what is behind it.
    pub(super) fn value_of(self, behind: Behind, value: &Value, text: impl FnOnce(&Value) -> Sentence) -> ExitCode {
        match self {
            Self::Json => self.text(behind, &value.to_string()),
            Self::Text(language) => self.text(behind, text(value).of(language)),
        }
    }

    /// Prints an answer. One that cannot be written is told of on standard error: a script that takes the code for a failure would do it again.
    pub(super) fn text(self, behind: Behind, text: &str) -> ExitCode {
        match writeln!(io::stdout(), "{text}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                say(words::service::unprinted(behind == Behind::Deed, &error).of(self.language()));
                printed(Err(error), ExitCode::Ok)
            }
            written => printed(written, ExitCode::Ok),
        }
    }
}

/// What an error says; what an older service answers may have no English.
pub(super) fn in_language(error: &ErrorBody, language: Language) -> &str {
    let english = error.english.as_deref().filter(|_| language == Language::English);
    english.unwrap_or(&error.message)
}

/// What the contract says in words, under a key of each language; what an older service answers may have no English.
pub(super) fn said(value: &Value, vi: &str, en: &str) -> Sentence {
    let vi = value[vi].as_str().unwrap_or("–");
    Sentence::new(vi, value[en].as_str().unwrap_or(vi))
}

/// The answer's own sentence, where it has one.
pub(super) fn message(value: &Value) -> Sentence {
    said(value, "message", "english")
}

/// Each on a line of its own.
pub(super) fn lines(lines: impl IntoIterator<Item = Sentence>) -> Sentence {
    let (vi, en): (Vec<_>, Vec<_>) = lines.into_iter().map(|line| (line.vi, line.en)).unzip();
    Sentence::new(vi.join("\n"), en.join("\n"))
}

/// A failure of the program itself, as it was found.
pub(super) fn broken(code: &str, found: &str) -> ErrorBody {
    ErrorBody::said(code, words::service::broken().because(found))
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

/// The same for what nobody is to see or keep: at a terminal it is asked for, and not shown.
pub(super) fn secret_or_stdin(text: &str, longest: u64, question: &Sentence, language: Language) -> io::Result<Zeroizing<String>> {
    if text == "-" && terminal::is_there() { typed_unseen(question, language) } else { text_or_stdin(text, longest).map(Zeroizing::new) }
}

/// Asks at the terminal for what is not shown.
pub(super) fn typed_unseen(question: &Sentence, language: Language) -> io::Result<Zeroizing<String>> {
    terminal::ask_unseen(question.of(language))?.ok_or_else(|| io::ErrorKind::Interrupted.into())
}

/// Loads the configuration or prints everything that is wrong with it.
pub(super) fn config(path: &Path, form: Form) -> Result<Config, ExitCode> {
    Config::load(path).map_err(|error| form.refuse(&ErrorBody::said("config", of_config(&error)), ExitCode::Config))
}

/// What is wrong with the configuration.
pub(super) fn of_config(error: &ConfigError) -> Sentence {
    Sentence::new(error.to_string(), error.in_english())
}

/// Whether the files are closed to this account, and nothing is wrong with them.
fn is_closed(error: &storage::Error) -> bool {
    match error {
        storage::Error::OtherOwner { .. } => true,
        storage::Error::Key { source, .. } | storage::Error::File { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// A storage error as a verb tells it: what is, what to do, and what it ends with.
pub(super) fn of_storage(error: &storage::Error) -> (ErrorBody, ExitCode) {
    let body = if is_closed(error) {
        // A file that is closed is no key that is lost, and no disk that fails.
        let code = if matches!(error, storage::Error::OtherOwner { .. }) { error.code() } else { "not_allowed" };
        ErrorBody::said(code, words::closed::station(&grammar::verb()))
    } else {
        ErrorBody::said(error.code(), words::cannot_open(error))
    };
    (body, storage_code(error))
}

/// The exit code of a storage error: what the caller can do.
pub(super) fn storage_code(error: &storage::Error) -> ExitCode {
    match error {
        closed if is_closed(closed) => ExitCode::NoPermission,
        storage::Error::Busy | storage::Error::Stopped | storage::Error::InUse { .. } => ExitCode::TempFail,
        storage::Error::TooNew { .. }
        | storage::Error::WrongKey { .. }
        | storage::Error::OtherFacility { .. }
        | storage::Error::Wiped { .. }
        | storage::Error::NoData { .. }
        | storage::Error::Key { .. } => ExitCode::Config,
        storage::Error::OtherOwner { .. } | storage::Error::NotOurs { .. } => ExitCode::NoPermission,
        storage::Error::Full | storage::Error::ReadOnly => ExitCode::CannotCreate,
        storage::Error::Corrupt(_) | storage::Error::Damaged { .. } | storage::Error::Disk(_) | storage::Error::File { .. } => ExitCode::Io,
        storage::Error::Mismatch(_) | storage::Error::Feed(_) | storage::Error::NotLatest | storage::Error::Bug(_) => ExitCode::Software,
    }
}

/// Prints a storage error for a person: what is, what led to it, and what to do.
pub(super) fn storage_error(error: &storage::Error, language: Language) -> ExitCode {
    say(&format!("{}\n({})", words::cannot_open(error).of(language), Chain(error)));
    storage_code(error)
}
