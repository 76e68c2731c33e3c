//! The verbs for a person who asks for their own data, or for their erasure.
//!
//! Promise: the number comes over standard input; they work with and without the daemon; whoever erases at a terminal is asked once more. Never: a number in
//! the list of processes unless the administrator put it there.

use std::io;

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::output;
use super::output::Form;
use super::terminal;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::keeping::KeepingRequest;
use crate::desk::words;
use crate::desk::words::Sentence;
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

/// Longest text read from standard input.
const LONGEST: u64 = 2000;

pub(super) fn run(verb: &Verb) -> ExitCode {
    let (text, usual) = match verb {
        Verb::Export { text, usual } | Verb::Erase { text, usual, .. } => (text, usual),
    };
    let Ok(text) = number(text, usual.form()) else {
        return usual.form().refuse(&ErrorBody::said("not_text", words::service::not_text()), ExitCode::Data);
    };
    let text = text.trim().to_owned();
    match verb {
        // Whom it is for reads it with any program: there is one form.
        Verb::Export { .. } => ask::ask(usual.config(), &request(KeepingRequest::ExportPerson { text }), usual.form(), |value| {
            Sentence::same(format!("{value:#}"))
        }),
        Verb::Erase { .. } if !is_wanted(usual.form()) => {
            usual.form().refuse(&ErrorBody::said("not_erased", words::backup::not_erased()), ExitCode::TempFail)
        }
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

/// The number as it was given, or as it is read; a person is asked for it.
fn number(text: &str, form: Form) -> io::Result<String> {
    if text == "-" && can_ask(form) {
        let typed = terminal::ask(words::backup::ask_number().of(form.language()))?;
        return typed.ok_or_else(|| io::ErrorKind::Interrupted.into());
    }
    output::text_or_stdin(text, LONGEST)
}

/// Nothing brings it back: a person is asked once more. A program has been written by somebody who knew.
fn is_wanted(form: Form) -> bool {
    let is_yes = || {
        let answer = terminal::ask(words::backup::ask_erase().of(form.language()));
        matches!(answer, Ok(Some(answer)) if words::backup::is_yes_to_erase(&answer))
    };
    !can_ask(form) || is_yes()
}

fn can_ask(form: Form) -> bool {
    form != Form::Json && terminal::is_there()
}
