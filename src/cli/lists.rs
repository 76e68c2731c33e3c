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
use super::output::Form;
use crate::control::contract::Request;
use crate::desk::words;
use crate::desk::words::Sentence;
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
        Verb::Renewals { csv: None, usual } => ask::ask(usual.config(), &Request::Renewals, usual.form(), renewals),
        Verb::Renewals { csv: Some(path), usual } => export(usual.config(), &path, usual.form()),
        Verb::Coverage { usual } => ask::ask(usual.config(), &Request::Coverage, usual.form(), coverage),
    }
}

fn export(config: &Path, path: &Path, form: Form) -> ExitCode {
    if path == Path::new("-") {
        // The file ends its last line itself.
        return ask::ask(config, &Request::Renewals, form, |value| {
            Sentence::same(text(value, "csv").trim_end_matches("\r\n").to_owned() + "\r")
        });
    }
    let mut written = Ok(());
    let code = ask::ask(config, &Request::Renewals, form, |value| {
        written = File::create_new(path).and_then(|mut file| file.write_all(text(value, "csv").as_bytes()));
        renewals(value)
    });
    match written {
        Ok(()) => code,
        Err(error) => {
            output::say(words::service::unwritten(path, &error.to_string()).of(form.language()));
            ExitCode::CannotCreate
        }
    }
}

fn renewals(value: &Value) -> Sentence {
    let span = |span: &Value| {
        let people = &span["people"];
        match span["within_days"].as_u64() {
            Some(days) => Sentence::new(format!("còn từ {days} ngày trở xuống: {people}"), format!("{days} days or fewer left: {people}")),
            None => Sentence::new(format!("vừa hết hạn: {people}"), format!("ended lately: {people}")),
        }
    };
    let (people, as_of) = (&value["people"], text(value, "as_of"));
    let all = Sentence::new(format!("{people} người (dữ liệu tính đến {as_of})"), format!("{people} people (data as of {as_of})"));
    output::lines(core::iter::once(all).chain(value["spans"].as_array().into_iter().flatten().map(span)))
}

fn coverage(value: &Value) -> Sentence {
    let line = |value: &Value| format!("{} / {} ({} %)", value["in_force"], value["people"], value["share_percent"]);
    let (all, as_of) = (line(value), text(value, "as_of"));
    let mut lines = vec![
        Sentence::new(format!("Còn giá trị trong danh sách của trạm: {all}"), format!("In force in the station's list: {all}")),
        Sentence::new(
            format!("Dữ liệu tính đến {as_of}; không phải tỷ lệ trên dân số"),
            format!("Data as of {as_of}; this is no share of the population"),
        ),
    ];
    let target = &value["target_percent"];
    if target.is_number() {
        lines.push(Sentence::new(format!("Mục tiêu: {target} %"), format!("Target: {target} %")));
    }
    let hamlets = value["hamlets"].as_array().into_iter().flatten();
    lines.extend(hamlets.map(|hamlet| Sentence::same(format!("{}\t{}", text(hamlet, "hamlet"), line(hamlet)))));
    output::lines(lines)
}
