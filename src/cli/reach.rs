//! How a verb finds the service that it asks, also beside a configuration with mistakes: a service that runs goes on under the one before.
//!
//! Promise: whatever only asks is answered, and what has to be mended is said beside it. Never: the files worked on by such a configuration.

use std::path::Path;

use super::output;
use super::output::Form;
use crate::control::contract::ErrorBody;
use crate::desk::words;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::config::damaged::Damaged;
use crate::ops::exit_code::ExitCode;

/// A configuration to find the service by.
pub(super) struct Reach {
    pub(super) config: Config,
    /// What is wrong with the file, if anything is: then it is good for asking a service that goes on under the one before, and for nothing else.
    pub(super) refused: Option<ConfigError>,
}

impl Reach {
    /// The refusal for a verb that would have to work on the files itself.
    pub(super) fn refusal(&self) -> Option<ErrorBody> {
        self.refused.as_ref().map(|error| ErrorBody::said("config", output::of_config(error)))
    }

    /// Says beside an answer what has to be mended.
    pub(super) fn warn(&self, form: Form) {
        if let Some(error) = &self.refused {
            output::say(words::service::configuration_to_mend(error.problems.len()).of(form.language()));
        }
    }
}

/// Loads as much of the configuration as finding the service takes.
pub(super) fn reach(path: &Path, form: Form) -> Result<Reach, ExitCode> {
    let error = match Config::load(path) {
        Ok(config) => return Ok(Reach { config, refused: None }),
        Err(error) => error,
    };
    match Damaged::look(error.clone()) {
        Some(damaged) => Ok(Reach { config: damaged.config, refused: Some(error) }),
        None => Err(form.refuse(&ErrorBody::said("config", output::of_config(&error)), ExitCode::Config)),
    }
}
