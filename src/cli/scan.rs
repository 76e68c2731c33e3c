//! `bhyt-agent scan`: reads a payload and says what stands in it. Needs neither daemon nor configuration.

use crate::cli::output;
use crate::cli::output::Form;
use crate::control::contract;
use crate::desk::words::Sentence;
use crate::domain::field::Field;
use crate::domain::field::Problem;
use crate::domain::scan;
use crate::ops::exit_code::ExitCode;

pub(super) fn run(text: &str, form: Form) -> ExitCode {
    let longest = u64::try_from(scan::LONGEST).unwrap_or(u64::MAX) + 2;
    // What is not text is no payload either.
    let read = output::text_or_stdin(text, longest).map_err(|_| Problem::Shape.at(Field::Payload)).and_then(|text| scan::read(&text));
    match read {
        Ok(scan) => form.value(&contract::scan(&scan), |value| {
            let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            output::lines(fields.map(|(key, value)| Sentence::same(format!("{key}: {}", value.as_str().unwrap_or_default()))))
        }),
        Err(unreadable) => form.refuse(&unreadable.into(), ExitCode::Data),
    }
}
