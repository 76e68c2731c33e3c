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
use super::output::Form;
use super::terminal;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::control::contract::operators::OperatorRequest;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::desk::words::Sentence;
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
    /// Kiểm tra sổ truy cập có như lúc ghi: so với các lượt đã lưu và đầu sổ tỉnh giữ; in đầu sổ. Mã 69: khớp, nhưng chưa có gì để so.
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
    let ask = |usual: &UsualArguments, operator, shown: fn(&Value) -> Sentence| {
        ask::ask(usual.config(), &Request::Operator { operator }, usual.form(), shown)
    };
    match verb {
        Verb::Add { name, role, with_personal_id, usual } => with_lines(with_personal_id, usual.form(), |pin, personal_id| {
            ask(&usual, OperatorRequest::Add { name, personal_id, role, pin }, account)
        }),
        Verb::List { usual } => ask(&usual, OperatorRequest::List, accounts),
        Verb::Pin { id, usual } => with_lines(false, usual.form(), |pin, _| ask(&usual, OperatorRequest::Pin { id, pin }, account)),
        Verb::Role { id, role, usual } => ask(&usual, OperatorRequest::Role { id, role }, account),
        Verb::Close { id, usual } => ask(&usual, OperatorRequest::Close { id }, account),
    }
}

pub(super) fn run_log(verb: LogVerb) -> ExitCode {
    match verb {
        LogVerb::AccessLog { usual, limit } => ask::ask(usual.config(), &Request::AccessLog { limit }, usual.form(), access_log),
        LogVerb::VerifyLog { usual, head } => verify(usual.config(), head, usual.form()),
    }
}

/// A PIN that is typed twice alike, and a personal id if it is wanted; neither is shown.
fn typed(wants_id: bool, language: Language) -> io::Result<(String, Option<String>)> {
    loop {
        let pin = output::typed_unseen(&words::operators::ask_pin(), language)?;
        if pin == output::typed_unseen(&words::operators::ask_pin_again(), language)? {
            let id = wants_id.then(|| output::typed_unseen(&words::operators::ask_personal_id(), language)).transpose()?;
            return Ok((pin.trim().to_owned(), id.map(|id| id.trim().to_owned())));
        }
        output::say(words::setup::pins_differ().of(language));
    }
}

/// The first line of standard input, and the second if it is wanted; at a terminal both are asked for.
fn with_lines(wants_second: bool, form: Form, ask: impl FnOnce(String, Option<String>) -> ExitCode) -> ExitCode {
    if terminal::is_there() {
        return match typed(wants_second, form.language()) {
            Ok((first, second)) => ask(first, second),
            Err(_) => form.refuse(&ErrorBody::said("broken_off", words::setup::broken_off()), ExitCode::TempFail),
        };
    }
    let mut lines = io::Read::take(io::stdin().lock(), LONGEST_LINE).lines();
    let mut next = || lines.next().transpose().map(|line| line.unwrap_or_default().trim().to_owned());
    match (next(), wants_second.then(next).transpose()) {
        (Ok(first), Ok(second)) => ask(first, second),
        _ => form.refuse(&ErrorBody::said("not_text", words::service::not_text()), ExitCode::Data),
    }
}

/// Whole, spoken against, or agreeing with itself alone: then something to compare with is what is missing.
fn verify(config: &Path, head: Option<String>, form: Form) -> ExitCode {
    ask::ask_and_judge(config, &Request::VerifyLog { head }, form, verified, |value| {
        match (value["consistent"] == true, value["whole"] == true) {
            (true, true) => ExitCode::Ok,
            (true, false) => ExitCode::Unavailable,
            (false, _) => ExitCode::Data,
        }
    })
}

fn verified(value: &Value) -> Sentence {
    let confirmed = &value["confirmed"];
    let (lines, head) = (&value["lines"], text(value, "head"));
    let mut said = Vec::new();
    let mut say = |vi: String, en: String| said.push(Sentence::new(vi, en));
    let mut is_whole = true;
    let mut against = |vi: String, en: String| {
        is_whole = false;
        say(vi, en);
    };
    if let Some(number) = value["broken_at"].as_u64() {
        against(
            format!("Sổ truy cập ĐÃ BỊ SỬA HOẶC CẮT, sớm nhất ở dòng {number}."),
            format!("The access log WAS ALTERED OR CUT, first at line {number}."),
        );
    }
    if value["holds_noted_head"] == false {
        against(
            "Sổ KHÔNG CÒN chứa đầu sổ đã ghi lần trước: đã bị cắt hoặc thay.".to_owned(),
            "The log does NOT hold the head noted last time: it was cut or replaced.".to_owned(),
        );
    }
    if confirmed["held"] == false {
        let (head, at) = (text(confirmed, "head"), text(confirmed, "at"));
        against(
            format!("Sổ KHÔNG chứa đầu sổ mà tỉnh giữ ({head}, tỉnh báo lúc {at}): đã bị cắt hoặc thay."),
            format!("The log does NOT hold the head that the province keeps ({head}, told by it at {at}): it was cut or replaced."),
        );
    }
    if let Some(first) = value["first_unlogged_visit"].as_u64() {
        let unlogged = &value["unlogged_visits"];
        against(
            format!("{unlogged} lượt đã lưu KHÔNG có dòng nào trong sổ, sớm nhất là lượt số {first}."),
            format!("Saved visits WITHOUT a line in the log: {unlogged}, first visit {first}."),
        );
    }
    if let Some(number) = value["visit_missing_at"].as_u64() {
        against(
            format!("Dòng {number} ghi một lượt đã lưu mà nay KHÔNG CÒN."),
            format!("Line {number} tells of a saved visit that is NOT THERE any more."),
        );
    }
    if is_whole {
        say(
            format!("Sổ truy cập khớp từ đầu đến cuối và khớp với các lượt đã lưu: {lines} dòng."),
            format!("The access log agrees with itself from end to end, and with the saved visits: {lines} lines."),
        );
    }
    if value["holds_noted_head"] == true {
        say("Sổ chứa đầu sổ đã ghi lần trước.".to_owned(), "The log holds the head noted last time.".to_owned());
    }
    if confirmed["held"] == true {
        let (lines, at) = (&confirmed["lines"], text(confirmed, "at"));
        say(
            format!("Đến dòng {lines}, sổ đúng như tỉnh giữ (tỉnh báo lúc {at})."),
            format!("Up to line {lines} the log is as the province keeps it (told by it at {at})."),
        );
    }
    if confirmed.is_null() && value["holds_noted_head"].is_null() {
        say(
            "CHƯA có gì ở nơi khác để so: ai có khóa dữ liệu đều làm lại được một sổ khớp. So với đầu sổ tỉnh giữ, hoặc đầu sổ trong journalctl -u bhyt-agent \
             (verify-log --head SỐ:MÃ)."
                .to_owned(),
            "There is NOTHING elsewhere to compare with yet: whoever has the data's key can make a log that agrees. Compare with the head that the province \
             keeps, or with the one in journalctl -u bhyt-agent (verify-log --head NUMBER:CODE)."
                .to_owned(),
        );
    }
    if let Some(gaps) = value["gaps"].as_u64().filter(|gaps| *gaps > 0) {
        say(
            format!("Sổ tự ghi {gaps} chỗ thiếu dòng (dòng gap): khi đó đĩa không ghi được."),
            format!("The log itself tells of places without lines (lines gap): {gaps}; the disk could not be written then."),
        );
    }
    say(format!("Đầu sổ bây giờ: {head}"), format!("The head now: {head}"));
    output::lines(said)
}

fn account(value: &Value) -> Sentence {
    let [closed_vi, closed_en] =
        value["closed_at"].as_str().map(|at| [format!("\tđã đóng {at}"), format!("\tclosed {at}")]).unwrap_or_default();
    let [card_vi, card_en] = if value["has_personal_id"] == true { ["\tquét thẻ được", "\tby card too"] } else { [""; 2] };
    let (facts, role) = (format!("{}\t{}", value["id"], text(value, "name")), words::operators::role_of(text(value, "role")));
    Sentence::new(format!("{facts}\t{}{card_vi}{closed_vi}", role.vi), format!("{facts}\t{}{card_en}{closed_en}", role.en))
}

fn accounts(value: &Value) -> Sentence {
    match value.as_array().map_or(&[][..], Vec::as_slice) {
        [] => Sentence::new(
            "Chưa có tài khoản nào. Thêm: sudo -u bhyt-agent bhyt-agent operator add \"HỌ TÊN\" --role head",
            "There is no account yet. Add one: sudo -u bhyt-agent bhyt-agent operator add \"NAME\" --role head",
        ),
        accounts => output::lines(accounts.iter().map(account)),
    }
}

fn access_log(value: &Value) -> Sentence {
    let line = |line: &Value| {
        let number = |key: &str| line[key].as_u64().map_or_else(|| "–".to_owned(), |number| number.to_string());
        let about =
            ["person", "visit"].into_iter().filter_map(|key| line[key].as_str().map(|text| text.chars().take(12).collect::<String>()));
        let account = line["account"].as_u64().map(|number| format!("#{number}"));
        let shown = line["shown"].as_u64().map(|count| format!("×{count}"));
        let detail = line["detail"].as_str().map(str::to_owned);
        let about = about.chain(account).chain(detail).chain(shown).collect::<Vec<_>>().join(" ");
        format!("{}\t{}\t{}\t{}\t{}\t{about}", line["number"], text(line, "at"), number("operator"), text(line, "place"), text(line, "act"))
    };
    output::lines(value.as_array().into_iter().flatten().map(|found| Sentence::same(line(found))))
}
