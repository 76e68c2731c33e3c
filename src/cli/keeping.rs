//! The verbs about the files themselves: whether they are whole, and what was set aside.
//!
//! Promise: they work with and without the daemon; damage ends with a code of its own (65); root looks as the account that owns the data, so that the look leaves
//! no file that the service could not open. Never: a name or a number of a person.

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::account;
use super::ask;
use super::ask::text;
use super::output;
use crate::control::contract::Request;
use crate::control::contract::keeping::KeepingRequest;
use crate::desk::words::Sentence;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Kiểm tra từng trang của cả hai tệp dữ liệu. Mã 65: có trang hỏng; 75: chưa xem hết.
    IntegrityCheck {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Tệp hỏng hoặc đã thay, được cất riêng: xem, lấy lại lượt khám trong đó.
    #[command(subcommand)]
    Quarantine(QuarantineVerb),
}

#[derive(Debug, Subcommand)]
pub(super) enum QuarantineVerb {
    /// Các tệp đã cất riêng: từ khi nào, vì sao, còn đọc được bao nhiêu lượt.
    List {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Lấy các lượt khám còn đọc được vào tệp đang dùng để gửi; tệp cất riêng giữ nguyên.
    Salvage {
        /// Tên tệp theo quarantine list; không ghi thì lấy mọi tệp.
        #[arg(value_name = "TÊN")]
        name: Option<String>,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Xóa hẳn một tệp đã cất riêng, sau khi đã lấy lại lượt khám. Tệp còn lượt chưa gửi chỉ xóa khi ghi đúng số lượt đó.
    Drop {
        /// Tên tệp theo quarantine list.
        #[arg(value_name = "TÊN")]
        name: String,
        /// Chấp nhận mất đúng số lượt chưa gửi này; 0 cho tệp không đọc được.
        #[arg(long, value_name = "SỐ")]
        unsent: Option<u64>,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    let ask = |usual: &UsualArguments, keeping, shown: fn(&Value) -> Sentence, judge: fn(&Value) -> ExitCode| {
        ask::ask_and_judge(usual.config(), &Request::Keeping { keeping }, usual.form(), shown, judge)
    };
    match verb {
        Verb::IntegrityCheck { usual } => {
            if let Err(code) = account::become_service(usual.config()) {
                return code;
            }
            ask(&usual, KeepingRequest::Integrity, output::message, |value| {
                let is = |code: &str| value["visits"] == code || value["cards"] == code;
                match (is("damaged"), is("unfinished")) {
                    (true, _) => ExitCode::Data,
                    (_, true) => ExitCode::TempFail,
                    _ => ExitCode::Ok,
                }
            })
        }
        Verb::Quarantine(QuarantineVerb::List { usual }) => ask(&usual, KeepingRequest::Quarantine, listed, |_| ExitCode::Ok),
        Verb::Quarantine(QuarantineVerb::Drop { name, unsent, usual }) => {
            ask(&usual, KeepingRequest::Drop { name, unsent }, output::message, |_| ExitCode::Ok)
        }
        Verb::Quarantine(QuarantineVerb::Salvage { name, usual }) => ask(
            &usual,
            KeepingRequest::Salvage { name },
            output::message,
            |value| {
                if value["unread"] == 0 { ExitCode::Ok } else { ExitCode::Data }
            },
        ),
    }
}

fn listed(value: &Value) -> Sentence {
    let number = |file: &Value, key: &str| file[key].as_u64().map_or("–".to_owned(), |number| number.to_string());
    let line = |file: &Value| {
        let (visits, not_here, unsent) = (number(file, "visits"), number(file, "not_here"), number(file, "unsent"));
        let facts = format!("{}\t{}\t{}\t{} byte", text(file, "name"), text(file, "since"), text(file, "why"), file["bytes"]);
        Sentence::new(
            format!("{facts}\tlượt {visits}, chưa có ở tệp đang dùng {not_here}, chưa gửi {unsent}"),
            format!("{facts}\tvisits {visits}, not here {not_here}, unsent {unsent}"),
        )
    };
    let lines = value["files"].as_array().into_iter().flatten().map(line);
    output::lines(core::iter::once(output::message(value)).chain(lines))
}
