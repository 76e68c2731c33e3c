//! The verbs about the roster as a whole: whose card ends soon, and how many cards are in force.
//!
//! Promise: a file is its owner's alone, and is never written over another one. Never: a person's name on standard error.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::UsualArguments;
use super::ask;
use super::ask::text;
use super::output;
use crate::control::contract::Request;
use crate::ops::exit_code::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Người có thẻ sắp hết hạn hoặc vừa hết hạn.
    Renewals {
        /// Ghi danh sách ra tệp CSV mới; dấu - là in ra đầu ra chuẩn. Danh sách có dữ liệu cá nhân.
        #[arg(long, value_name = "TỆP", conflicts_with = "json")]
        csv: Option<PathBuf>,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Tỷ lệ người trong danh sách của trạm có thẻ còn giá trị.
    Coverage {
        #[command(flatten)]
        usual: UsualArguments,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    match verb {
        Verb::Renewals { csv: None, usual } => ask::ask(usual.config(), &Request::Renewals, usual.as_json(), renewals),
        Verb::Renewals { csv: Some(path), usual } => export(usual.config(), &path),
        Verb::Coverage { usual } => ask::ask(usual.config(), &Request::Coverage, usual.as_json(), coverage),
    }
}

fn export(config: &Path, path: &Path) -> ExitCode {
    if path == Path::new("-") {
        // The file ends its last line itself.
        return ask::ask(config, &Request::Renewals, false, |value| text(value, "csv").trim_end_matches("\r\n").to_owned() + "\r");
    }
    let mut written = Ok(());
    let code = ask::ask(config, &Request::Renewals, false, |value| {
        written = File::create_new(path).and_then(|mut file| file.write_all(text(value, "csv").as_bytes()));
        renewals(value)
    });
    match written {
        Ok(()) => code,
        Err(error) => {
            output::say(&format!("KHÔNG GHI ĐƯỢC tệp {}: {error}", path.display()));
            ExitCode::CannotCreate
        }
    }
}

fn renewals(value: &Value) -> String {
    let span = |span: &Value| match span["within_days"].as_u64() {
        Some(days) => format!("còn từ {days} ngày trở xuống: {}", span["people"]),
        None => format!("vừa hết hạn: {}", span["people"]),
    };
    let mut lines = vec![format!("{} người (dữ liệu tính đến {})", value["people"], text(value, "as_of"))];
    lines.extend(value["spans"].as_array().into_iter().flatten().map(span));
    lines.join("\n")
}

fn coverage(value: &Value) -> String {
    let line = |value: &Value| format!("{} / {} ({} %)", value["in_force"], value["people"], value["share_percent"]);
    let mut lines = vec![
        format!("Còn giá trị trong danh sách của trạm: {}", line(value)),
        format!("Dữ liệu tính đến {}; không phải tỷ lệ trên dân số", text(value, "as_of")),
    ];
    if value["target_percent"].is_number() {
        lines.push(format!("Mục tiêu: {} %", value["target_percent"]));
    }
    lines.extend(value["hamlets"].as_array().into_iter().flatten().map(|hamlet| format!("{}\t{}", text(hamlet, "hamlet"), line(hamlet))));
    lines.join("\n")
}
