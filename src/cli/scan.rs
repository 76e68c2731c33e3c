//! `bhyt-agent scan`: reads a payload and says what stands in it. Needs neither daemon nor configuration.

use crate::cli::output;
use crate::control::contract;
use crate::domain::field::Field;
use crate::domain::field::Problem;
use crate::domain::scan;
use crate::ops::exit_code::ExitCode;

pub(super) fn run(text: &str, as_json: bool) -> ExitCode {
    let longest = u64::try_from(scan::LONGEST).unwrap_or(u64::MAX) + 2;
    // What is not text is no payload either.
    let read = output::text_or_stdin(text, longest).map_err(|_| Problem::Shape.at(Field::Payload)).and_then(|text| scan::read(&text));
    match read {
        Ok(scan) => output::value(&contract::scan(&scan), as_json, |value| {
            let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            fields.map(|(key, value)| format!("{key}: {}", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join("\n")
        }),
        Err(unreadable) => output::refuse(&unreadable.into(), as_json, ExitCode::Data),
    }
}
