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
use super::output::Form;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::desk::Note;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::scan;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Một lượt khám với mọi bản sửa của nó.
    Visit {
        /// Mã của lượt.
        #[arg(value_name = "MÃ")]
        id: Uuid,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Sửa một lượt; bản sửa được gửi như lượt mới.
    Correct {
        /// Mã của lượt.
        #[arg(value_name = "MÃ")]
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
        #[arg(value_name = "MÃ")]
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
        #[arg(value_name = "MÃ")]
        id: Uuid,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đóng một lượt bị tỉnh từ chối; không gửi nữa.
    Close {
        /// Mã của lượt.
        #[arg(value_name = "MÃ")]
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
        #[arg(value_name = "SỐ")]
        sequence: u64,
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    match verb {
        Verb::Visit { id, usual } => ask::ask(usual.config(), &Request::Visit { id }, usual.form(), visit),
        Verb::Correct { id, text, category, note, usual } => correct(usual.config(), (id, text, category, note), usual.form()),
        Verb::Void { id, reason, usual } => {
            with_note(&reason, usual.form(), |reason| ask::ask(usual.config(), &Request::Void { id, reason }, usual.form(), visit))
        }
        Verb::Resend { id, usual } => ask::ask(usual.config(), &Request::Resend { id }, usual.form(), visit),
        Verb::Close { id, note, usual } => {
            with_note(&note, usual.form(), |note| ask::ask(usual.config(), &Request::Close { id, note }, usual.form(), visit))
        }
        Verb::Rechecks { usual, limit } => ask::ask(usual.config(), &Request::Rechecks { limit }, usual.form(), rechecks),
        Verb::RecheckDone { sequence, usual } => ask::ask(usual.config(), &Request::RecheckDone { sequence }, usual.form(), |_| {
            Sentence::new("Đã ghi là đã xem.", "Noted as looked at.")
        }),
    }
}

type Wanted = (Uuid, Option<String>, Option<String>, Option<String>);

fn correct(config: &Path, (id, text, category, note): Wanted, form: Form) -> ExitCode {
    if text.as_deref() == Some("-") && note.as_deref() == Some("-") {
        return form.refuse(&ErrorBody::said("usage", words::service::one_input()), ExitCode::Usage);
    }
    let longest = u64::try_from(scan::LONGEST.max(LONGEST_NOTE)).unwrap_or(u64::MAX) + 2;
    let read = |given: Option<String>| given.map(|given| output::text_or_stdin(&given, longest)).transpose();
    match (read(text), read(note)) {
        (Ok(text), Ok(note)) => ask::ask(config, &Request::Correct { id, text, category, note }, form, visit),
        _ => not_text(form),
    }
}

/// Bytes of the longest note that can be taken, and a little, so that one that is too long is refused and not cut.
const LONGEST_NOTE: usize = Note::LONGEST * 4 + 4;

fn with_note(note: &str, form: Form, ask: impl FnOnce(String) -> ExitCode) -> ExitCode {
    match output::text_or_stdin(note, u64::try_from(LONGEST_NOTE).unwrap_or(u64::MAX)) {
        Ok(note) => ask(note),
        Err(_) => not_text(form),
    }
}

fn not_text(form: Form) -> ExitCode {
    form.refuse(&ErrorBody::said("not_text", words::service::not_text()), ExitCode::Data)
}

fn visit(value: &Value) -> Sentence {
    let line = |revision: &Value| {
        let refused = revision["refused"]["code"].as_str().map(|code| words::refusal(code, text(&revision["refused"], "text")));
        let [refused_vi, refused_en] = refused.map(|why| [format!(" ({})", why.vi), format!(" ({})", why.en)]).unwrap_or_default();
        let said = [
            ("hủy", "taken back", &revision["voided"]),
            ("ghi chú", "note", &revision["note"]),
            ("đóng", "ended", &revision["closing"]["note"]),
        ];
        let said =
            said.into_iter().filter_map(|(vi, en, said)| said.as_str().map(|said| (format!("\t{vi}: {said}"), format!("\t{en}: {said}"))));
        let (said_vi, said_en): (String, String) = said.unzip();
        let (number, sequence, slip) = (&revision["revision"], &revision["sequence"], text(revision, "slip_code"));
        let at = text(revision, if revision["placed_at"].is_null() { "arrived_at" } else { "placed_at" });
        let (standing, delivery) = (text(revision, "standing"), words::delivery(text(revision, "delivery")));
        Sentence::new(
            format!("bản {number}\tlượt số {sequence}\t{at}\t{standing}\t{}\tmã phiếu {slip}{refused_vi}{said_vi}", delivery.vi),
            format!("revision {number}\tvisit {sequence}\t{at}\t{standing}\t{}\tslip {slip}{refused_en}{said_en}", delivery.en),
        )
    };
    output::lines(value["revisions"].as_array().into_iter().flatten().map(line))
}

fn rechecks(value: &Value) -> Sentence {
    let line = |found: &Value| {
        let is_open = found["settled_at"].is_null() && found["is_over"] == false;
        let [vi, en] = if is_open { [""; 2] } else { ["\t(đã xem hoặc đã hết)", "\t(looked at or over)"] };
        let then = |key: &str| format!("{} ({})", text(&found[key], "standing"), text(&found[key], "as_of"));
        let facts = format!("{}\t{}\t{} → {}", found["sequence"], text(found, "arrived_at"), then("shown"), then("now"));
        Sentence::new(format!("{facts}{vi}"), format!("{facts}{en}"))
    };
    match value.as_array().map_or(&[][..], Vec::as_slice) {
        [] => Sentence::new("Không có lượt nào cần kiểm tra lại.", "There is no visit to look at again."),
        found => output::lines(found.iter().map(line)),
    }
}
