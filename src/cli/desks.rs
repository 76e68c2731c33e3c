//! The verbs about the station's other desks: which there are, and one that is to be none any more.
//!
//! Promise: a desk that is sent away here gets nothing from its next request on. Never: a desk let in from the command line; the code is opened where its
//! fingerprint can be compared.

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::ask::text;
use super::output;
use crate::control::contract::Request;
use crate::desk::words::Sentence;
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
        #[arg(value_name = "SỐ")]
        number: u64,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: &Verb) -> ExitCode {
    match verb {
        Verb::List { usual } => ask::ask(usual.config(), &Request::Desks, usual.form(), list),
        Verb::Revoke { number, usual } => ask::ask(usual.config(), &Request::RevokeDesk { number: *number }, usual.form(), |_| {
            Sentence::new("Đã ngắt bàn.", "The desk is sent away.")
        }),
    }
}

fn list(value: &Value) -> Sentence {
    let line = |desk: &Value| {
        let [ended_vi, ended_en] = match desk["ended"].as_str() {
            Some("copied") => ["\tđã ngắt: có máy dùng bản sao", "\tsent away: a computer used a copy"],
            Some(_) => ["\tđã ngắt", "\tsent away"],
            None => [""; 2],
        };
        let (number, name, paired, seen) = (&desk["number"], text(desk, "name"), text(desk, "paired_at"), text(desk, "seen_at"));
        Sentence::new(
            format!("{number}\t{name}\tghép {paired}\tmở lần cuối {seen}{ended_vi}"),
            format!("{number}\t{name}\tlet in {paired}\tlast seen {seen}{ended_en}"),
        )
    };
    match value.as_array().map_or(&[][..], Vec::as_slice) {
        [] => Sentence::new("Chưa có bàn nào.", "There is no desk yet."),
        desks => output::lines(desks.iter().map(line)),
    }
}
