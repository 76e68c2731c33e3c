//! `bhyt-agent check-config`: loads the configuration as the daemon would, prints every mistake, opens nothing.

use std::path::Path;

use crate::cli::output;
use crate::ops::exit_code::ExitCode;

pub(super) fn run(path: &Path) -> ExitCode {
    match output::config(path, false) {
        Ok(config) => {
            for warning in config.keys.warnings() {
                output::say(&warning.to_string());
            }
            output::answer(&format!("{}: dùng được", path.display()))
        }
        Err(code) => code,
    }
}
