//! The verbs about single visits: see, correct, take back, send again, end; and what newer data say about them.
//!
//! Promise: what a person writes can come over standard input, so that it stands in no list of processes. Never: anything without the daemon.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;

use super::UsualArguments;
use super::ask;
use super::ask::text;
use super::output;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::desk::Note;
use crate::desk::words;
use crate::domain::scan;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Một lượt khám với mọi bản sửa của nó.
    Visit {
        /// Mã của lượt.
        id: Uuid,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Sửa một lượt; bản sửa được gửi như lượt mới.
    Correct {
        /// Mã của lượt.
        id: Uuid,
        /// Mã quét hoặc số đúng; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "MÃ", allow_hyphen_values = true)]
        text: Option<String>,
        /// Mã đối tượng đến khám đúng, ví dụ 1.1.
        #[arg(long, value_name = "MÃ")]
        category: Option<String>,
        /// Ghi chú; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "GHI CHÚ", allow_hyphen_values = true)]
        note: Option<String>,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Hủy một lượt; lượt và lý do vẫn được giữ, ở đây và ở tỉnh.
    Void {
        /// Mã của lượt.
        id: Uuid,
        /// Lý do; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "LÝ DO", allow_hyphen_values = true)]
        reason: String,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Gửi lại nguyên vẹn một lượt bị tỉnh từ chối.
    Resend {
        /// Mã của lượt.
        id: Uuid,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đóng một lượt bị tỉnh từ chối; không gửi nữa.
    Close {
        /// Mã của lượt.
        id: Uuid,
        /// Lý do; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "LÝ DO", allow_hyphen_values = true)]
        note: String,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Các lượt nay có kết quả khác lúc khám.
    Rechecks {
        #[command(flatten)]
        usual: UsualArguments,
        /// Nhiều nhất bấy nhiêu lượt.
        #[arg(long, value_name = "SỐ", default_value_t = 100)]
        limit: usize,
    },
    /// Đã xem một lượt trong danh sách đó.
    RecheckDone {
        /// Số thứ tự của lượt.
        sequence: u64,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    match verb {
        Verb::Visit { id, usual } => ask::ask(usual.config(), &Request::Visit { id }, usual.as_json(), visit),
        Verb::Correct { id, text, category, note, usual } => correct(usual.config(), (id, text, category, note), usual.as_json()),
        Verb::Void { id, reason, usual } => {
            with_note(&reason, usual.as_json(), |reason| ask::ask(usual.config(), &Request::Void { id, reason }, usual.as_json(), visit))
        }
        Verb::Resend { id, usual } => ask::ask(usual.config(), &Request::Resend { id }, usual.as_json(), visit),
        Verb::Close { id, note, usual } => {
            with_note(&note, usual.as_json(), |note| ask::ask(usual.config(), &Request::Close { id, note }, usual.as_json(), visit))
        }
        Verb::Rechecks { usual, limit } => ask::ask(usual.config(), &Request::Rechecks { limit }, usual.as_json(), rechecks),
        Verb::RecheckDone { sequence, usual } => {
            ask::ask(usual.config(), &Request::RecheckDone { sequence }, usual.as_json(), |_| "Đã ghi là đã xem.".to_owned())
        }
    }
}

type Wanted = (Uuid, Option<String>, Option<String>, Option<String>);

fn correct(config: &Path, (id, text, category, note): Wanted, as_json: bool) -> ExitCode {
    if text.as_deref() == Some("-") && note.as_deref() == Some("-") {
        return output::refuse(&ErrorBody::said("usage", words::service::one_input()), as_json, ExitCode::Usage);
    }
    let longest = u64::try_from(scan::LONGEST.max(LONGEST_NOTE)).unwrap_or(u64::MAX) + 2;
    let read = |given: Option<String>| given.map(|given| output::text_or_stdin(&given, longest)).transpose();
    match (read(text), read(note)) {
        (Ok(text), Ok(note)) => ask::ask(config, &Request::Correct { id, text, category, note }, as_json, visit),
        _ => not_text(as_json),
    }
}

/// Bytes of the longest note that can be taken, and a little, so that one that is too long is refused and not cut.
const LONGEST_NOTE: usize = Note::LONGEST * 4 + 4;

fn with_note(note: &str, as_json: bool, ask: impl FnOnce(String) -> ExitCode) -> ExitCode {
    match output::text_or_stdin(note, u64::try_from(LONGEST_NOTE).unwrap_or(u64::MAX)) {
        Ok(note) => ask(note),
        Err(_) => not_text(as_json),
    }
}

fn not_text(as_json: bool) -> ExitCode {
    output::refuse(&ErrorBody::said("not_text", words::service::not_text()), as_json, ExitCode::Data)
}

fn visit(value: &Value) -> String {
    let line = |revision: &Value| {
        let refused = revision["refused"]["code"].as_str().map(|code| format!(" ({code}: {})", text(&revision["refused"], "text")));
        let said = [("hủy", &revision["voided"]), ("ghi chú", &revision["note"]), ("đóng", &revision["closing"]["note"])];
        let said = said.into_iter().filter_map(|(word, said)| said.as_str().map(|said| format!("\t{word}: {said}")));
        format!(
            "bản {}\tlượt số {}\t{}\t{}\t{}\tmã phiếu {}{}{}",
            revision["revision"],
            revision["sequence"],
            text(revision, if revision["placed_at"].is_null() { "arrived_at" } else { "placed_at" }),
            text(revision, "standing"),
            text(revision, "delivery"),
            text(revision, "slip_code"),
            refused.unwrap_or_default(),
            said.collect::<String>(),
        )
    };
    value["revisions"].as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

fn rechecks(value: &Value) -> String {
    let line = |found: &Value| {
        let seen = if found["settled_at"].is_null() && found["is_over"] == false { "" } else { "\t(đã xem hoặc đã hết)" };
        format!(
            "{}\t{}\t{} ({}) → {} ({}){seen}",
            found["sequence"],
            text(found, "arrived_at"),
            text(&found["shown"], "standing"),
            text(&found["shown"], "as_of"),
            text(&found["now"], "standing"),
            text(&found["now"], "as_of"),
        )
    };
    let lines: Vec<_> = value.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "Không có lượt nào cần kiểm tra lại.".to_owned() } else { lines.join("\n") }
}
