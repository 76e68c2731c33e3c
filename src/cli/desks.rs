//! The verbs about the station's other desks: which there are, and one that is to be none any more.
//!
//! Promise: a desk that is sent away here gets nothing from its next request on. Never: a desk let in from the command line; the code is opened where its
//! fingerprint can be compared.

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::ask::text;
use crate::control::contract::Request;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Các bàn đã ghép, mới nhất trước.
    List {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Ngắt một bàn; muốn dùng lại thì phải ghép lại.
    Revoke {
        /// Số của bàn, như trong danh sách.
        number: u64,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: &Verb) -> ExitCode {
    match verb {
        Verb::List { usual } => ask::ask(usual.config(), &Request::Desks, usual.as_json(), list),
        Verb::Revoke { number, usual } => {
            ask::ask(usual.config(), &Request::RevokeDesk { number: *number }, usual.as_json(), |_| "Đã ngắt bàn.".to_owned())
        }
    }
}

fn list(value: &Value) -> String {
    let line = |desk: &Value| {
        let ended = match desk["ended"].as_str() {
            Some("copied") => "\tđã ngắt: có máy dùng bản sao",
            Some(_) => "\tđã ngắt",
            None => "",
        };
        format!(
            "{}\t{}\tghép {}\tmở lần cuối {}{ended}",
            desk["number"],
            text(desk, "name"),
            text(desk, "paired_at"),
            text(desk, "seen_at")
        )
    };
    let lines: Vec<_> = value.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "Chưa có bàn nào.".to_owned() } else { lines.join("\n") }
}
