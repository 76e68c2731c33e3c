//! The verbs for a person who asks for their own data, or for their erasure.
//!
//! Promise: the number comes over standard input; they work with and without the daemon; whoever erases at a terminal sees the number as it was read, and is
//! asked once more. Never: a number in the list of processes unless the administrator put it there, or on anything but the terminal.

use std::io;

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::output;
use super::output::Form;
use super::terminal;
use super::terminal::Asking;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::keeping::KeepingRequest;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::field::Unreadable;
use crate::domain::scan;
use crate::domain::scan::Scan;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// In mọi dữ liệu lượt khám của một người (JSON), để trao cho chính người đó.
    Export {
        /// Số căn cước, số BHXH hoặc số thẻ; dấu - là đọc từ đầu vào chuẩn.
        #[arg(value_name = "SỐ", allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Xóa hẳn dữ liệu lượt khám của một người theo yêu cầu; lượt chưa gửi xong được giữ và nói rõ.
    Erase {
        /// Số căn cước, số BHXH hoặc số thẻ; dấu - là đọc từ đầu vào chuẩn.
        #[arg(value_name = "SỐ", allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

/// Longest text read from standard input: one that is too long is refused and not cut.
const LONGEST: usize = scan::LONGEST + 2;

/// Why nothing is begun.
enum Stopped {
    /// Whoever was asked for a number or a yes gave none.
    NotWanted,
    /// Nobody sees the question.
    Unseen,
    /// No number can be read in it.
    Unreadable(Unreadable),
    /// It cannot be read at all.
    Unread(io::Error),
}

pub(super) fn run(verb: &Verb) -> ExitCode {
    let (text, usual) = match verb {
        Verb::Export { text, usual } | Verb::Erase { text, usual } => (text, usual),
    };
    let text = match wanted(verb, text, usual.form()) {
        Ok(text) => text,
        Err(stopped) => return not_done(verb, stopped, usual.form()),
    };
    match verb {
        // Whom it is for reads it with any program: there is one form.
        Verb::Export { .. } => ask::ask(usual.config(), &request(KeepingRequest::ExportPerson { text }), usual.form(), |value| {
            Sentence::same(format!("{value:#}"))
        }),
        Verb::Erase { .. } => {
            let erase = request(KeepingRequest::ErasePerson { text });
            ask::ask_and_judge(usual.config(), &erase, usual.form(), output::message, |value: &Value| {
                // Something of it is still to be done: again later. Nobody was found at all: perhaps mistyped.
                let some = |key: &str| value[key].as_u64() > Some(0);
                if some("kept") || some("set_aside_unsent") {
                    ExitCode::TempFail
                } else if some("removed") || some("corrected") || some("set_aside") || value["was_cut"] == true {
                    ExitCode::Ok
                } else {
                    ExitCode::Data
                }
            })
        }
    }
}

fn request(keeping: KeepingRequest) -> Request {
    Request::Keeping { keeping }
}

/// What the verb is to be done with, once that is sure.
fn wanted(verb: &Verb, text: &str, form: Form) -> Result<String, Stopped> {
    // A program has been written by somebody who knew.
    let asking = if form == Form::Json { Asking::Nobody } else { Asking::now() };
    let text = number(text, asking, form)?.trim().to_owned();
    let read = scan::read(&text).map_err(Stopped::Unreadable)?;
    if matches!(verb, Verb::Erase { .. }) {
        make_sure(&read, asking, form)?;
    }
    Ok(text)
}

/// The number as it was given, or as it is read; a person is asked for it.
fn number(text: &str, asking: Asking, form: Form) -> Result<String, Stopped> {
    match asking {
        Asking::Somebody if text == "-" => answer(terminal::ask(words::backup::ask_number().of(form.language()))),
        Asking::Unseen if text == "-" => Err(Stopped::Unseen),
        _ => output::text_or_stdin(text, u64::try_from(LONGEST).unwrap_or(u64::MAX)).map_err(Stopped::Unread),
    }
}

/// Nothing brings it back: a person is asked once more.
fn make_sure(read: &Scan, asking: Asking, form: Form) -> Result<(), Stopped> {
    match asking {
        Asking::Nobody => Ok(()),
        Asking::Unseen => Err(Stopped::Unseen),
        Asking::Somebody => {
            let typed = answer(terminal::ask_afresh(words::backup::ask_erase(read).of(form.language())))?;
            if words::backup::is_yes_to_erase(&typed) { Ok(()) } else { Err(Stopped::NotWanted) }
        }
    }
}

fn answer(asked: io::Result<Option<String>>) -> Result<String, Stopped> {
    asked.map_err(Stopped::Unread)?.ok_or(Stopped::NotWanted)
}

fn not_done(verb: &Verb, stopped: Stopped, form: Form) -> ExitCode {
    let (code, nothing) = match verb {
        Verb::Export { .. } => ("not_exported", words::backup::not_exported()),
        Verb::Erase { .. } => ("not_erased", words::backup::not_erased()),
    };
    let (error, ended) = match stopped {
        Stopped::NotWanted => (ErrorBody::said(code, nothing), ExitCode::TempFail),
        Stopped::Unseen => (ErrorBody::said(code, nothing.and(&words::backup::unseen_question())), ExitCode::TempFail),
        Stopped::Unreadable(unreadable) => (unreadable.into(), ExitCode::Data),
        Stopped::Unread(error) if error.kind() == io::ErrorKind::InvalidData => {
            (ErrorBody::said("not_text", words::service::not_text()), ExitCode::Data)
        }
        Stopped::Unread(error) => (ErrorBody::said(code, nothing.because(&error.to_string())), ExitCode::Io),
    };
    form.refuse(&error, ended)
}
