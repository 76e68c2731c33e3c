//! The verbs about accounts and the access log.
//!
//! Promise: they work with and without the daemon; a PIN and a personal id come over standard input and stand in no list of processes. Never: a PIN printed.

use std::io;
use std::io::BufRead;
use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::ask::text;
use super::output;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::operators::OperatorRequest;
use crate::desk::words;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Thêm một người; mã PIN (6 đến 12 chữ số) đọc từ dòng đầu của đầu vào chuẩn.
    Add {
        /// Họ và tên.
        #[arg(value_name = "HỌ TÊN")]
        name: String,
        /// Vai trò: reception (tiếp đón) hoặc head (trưởng trạm).
        #[arg(long, value_name = "VAI TRÒ", default_value = "reception")]
        role: String,
        /// Dòng thứ hai của đầu vào chuẩn là số căn cước (12 số), để người đó quét thẻ vào trực.
        #[arg(long)]
        with_personal_id: bool,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Các tài khoản, kể cả đã đóng.
    List {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đặt mã PIN mới; mã đọc từ đầu vào chuẩn.
    Pin {
        /// Số của tài khoản.
        #[arg(value_name = "SỐ")]
        id: u32,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đổi vai trò.
    Role {
        /// Số của tài khoản.
        #[arg(value_name = "SỐ")]
        id: u32,
        /// reception (tiếp đón) hoặc head (trưởng trạm).
        #[arg(value_name = "VAI TRÒ")]
        role: String,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đóng một tài khoản; tên vẫn còn ở những việc đã làm.
    Close {
        /// Số của tài khoản.
        #[arg(value_name = "SỐ")]
        id: u32,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum LogVerb {
    /// Sổ truy cập: ai đã xem, lưu, sửa gì; không có tên hay số của người bệnh.
    AccessLog {
        #[command(flatten)]
        usual: UsualArguments,
        /// Nhiều nhất bấy nhiêu dòng, mới nhất trước.
        #[arg(long, value_name = "SỐ", default_value_t = 100)]
        limit: usize,
    },
    /// Kiểm tra sổ truy cập có còn nguyên như lúc ghi; in đầu sổ để ghi lại ở nơi khác.
    VerifyLog {
        #[command(flatten)]
        usual: UsualArguments,
        /// Đầu sổ đã ghi lại lần trước (SỐ:MÃ): kiểm tra sổ vẫn chứa nó.
        #[arg(long, value_name = "SỐ:MÃ")]
        head: Option<String>,
    },
}

/// Longest line read from standard input.
const LONGEST_LINE: u64 = 200;

pub(super) fn run(verb: Verb) -> ExitCode {
    let ask = |usual: &UsualArguments, operator, shown: fn(&Value) -> String| {
        ask::ask(usual.config(), &Request::Operator { operator }, usual.as_json(), shown)
    };
    match verb {
        Verb::Add { name, role, with_personal_id, usual } => with_lines(with_personal_id, usual.as_json(), |pin, personal_id| {
            ask(&usual, OperatorRequest::Add { name, personal_id, role, pin }, account)
        }),
        Verb::List { usual } => ask(&usual, OperatorRequest::List, accounts),
        Verb::Pin { id, usual } => with_lines(false, usual.as_json(), |pin, _| ask(&usual, OperatorRequest::Pin { id, pin }, account)),
        Verb::Role { id, role, usual } => ask(&usual, OperatorRequest::Role { id, role }, account),
        Verb::Close { id, usual } => ask(&usual, OperatorRequest::Close { id }, account),
    }
}

pub(super) fn run_log(verb: LogVerb) -> ExitCode {
    match verb {
        LogVerb::AccessLog { usual, limit } => ask::ask(usual.config(), &Request::AccessLog { limit }, usual.as_json(), access_log),
        LogVerb::VerifyLog { usual, head } => verify(usual.config(), head, usual.as_json()),
    }
}

/// The first line of standard input, and the second if it is wanted.
fn with_lines(wants_second: bool, as_json: bool, ask: impl FnOnce(String, Option<String>) -> ExitCode) -> ExitCode {
    let mut lines = io::Read::take(io::stdin().lock(), LONGEST_LINE).lines();
    let mut next = || lines.next().transpose().map(|line| line.unwrap_or_default().trim().to_owned());
    match (next(), wants_second.then(next).transpose()) {
        (Ok(first), Ok(second)) => ask(first, second),
        _ => output::refuse(&ErrorBody::said("not_text", words::service::not_text()), as_json, ExitCode::Data),
    }
}

fn verify(config: &Path, head: Option<String>, as_json: bool) -> ExitCode {
    ask::ask_and_judge(config, &Request::VerifyLog { head }, as_json, verified, |value| {
        if value["whole"] == true { ExitCode::Ok } else { ExitCode::Data }
    })
}

fn verified(value: &Value) -> String {
    let head = text(value, "head");
    if value["whole"] == true {
        return format!("Sổ truy cập còn nguyên: {} dòng.\nĐầu sổ, nên ghi lại ở nơi khác: {head}", value["lines"]);
    }
    let broken = value["broken_at"].as_u64().map(|number| format!("Sổ truy cập ĐÃ BỊ SỬA HOẶC CẮT, sớm nhất ở dòng {number}."));
    let lost = (value["holds_noted_head"] == false).then(|| "Sổ không còn chứa đầu sổ đã ghi lần trước: đã bị cắt hoặc thay.".to_owned());
    [broken, lost, Some(format!("Đầu sổ bây giờ: {head}"))].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn account(value: &Value) -> String {
    let closed = value["closed_at"].as_str().map(|at| format!("\tđã đóng {at}")).unwrap_or_default();
    let card = if value["has_personal_id"] == true { "\tquét thẻ được" } else { "" };
    format!("{}\t{}\t{}{card}{closed}", value["id"], text(value, "name"), text(value, "role"))
}

fn accounts(value: &Value) -> String {
    let lines: Vec<_> = value.as_array().into_iter().flatten().map(account).collect();
    if lines.is_empty() { "Chưa có tài khoản nào. Thêm: bhyt-agent operator add".to_owned() } else { lines.join("\n") }
}

fn access_log(value: &Value) -> String {
    let line = |line: &Value| {
        let number = |key: &str| line[key].as_u64().map_or_else(|| "–".to_owned(), |number| number.to_string());
        let about =
            ["person", "visit"].into_iter().filter_map(|key| line[key].as_str().map(|text| text.chars().take(12).collect::<String>()));
        let account = line["account"].as_u64().map(|number| format!("#{number}"));
        let about = about.chain(account).collect::<Vec<_>>().join(" ");
        format!("{}\t{}\t{}\t{}\t{}\t{about}", line["number"], text(line, "at"), number("operator"), text(line, "place"), text(line, "act"))
    };
    value.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
