//! `bhyt-agent check-config`: loads the configuration as the daemon would, prints every mistake, opens nothing.
//!
//! Promise: root reads it as the service's account, so that a file which only root may read is a mistake here too. Never: anything changed.

use std::path::Path;

use crate::cli::account;
use crate::cli::output;
use crate::cli::output::Form;
use crate::desk::messages::Language;
use crate::desk::words::Sentence;
use crate::ops::exit_code::ExitCode;

pub(super) fn run(path: &Path, language: Language) -> ExitCode {
    if let Err(code) = account::become_service(path) {
        return code;
    }
    match output::config(path, Form::Text(language)) {
        Ok(config) => {
            for warning in config.keys.warnings() {
                output::say(Sentence::new(warning.to_string(), warning.in_english()).of(language));
            }
            let path = path.display();
            output::answer(Sentence::new(format!("{path}: dùng được"), format!("{path}: can be used")).of(language))
        }
        Err(code) => code,
    }
}
