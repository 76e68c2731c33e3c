//! `bhyt-agent check-config`: loads the configuration as the daemon would, prints every mistake, opens nothing.
//!
//! Promise: root reads it as the service's account, so that a file which only root may read is a mistake here too. Never: anything changed.

use std::path::Path;

use crate::cli::account;
use crate::cli::output;
use crate::ops::exit_code::ExitCode;

pub(super) fn run(path: &Path) -> ExitCode {
    if let Err(code) = account::become_service(path) {
        return code;
    }
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
