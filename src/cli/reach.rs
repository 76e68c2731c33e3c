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
    refused: Option<ConfigError>,
}

impl Reach {
    /// By a configuration without mistakes.
    pub(super) fn by(config: Config) -> Self {
        Self { config, refused: None }
    }

    /// The configuration for a verb that has to work on the files itself, or the refusal.
    pub(super) fn of_files(&self) -> Result<&Config, ErrorBody> {
        match &self.refused {
            Some(error) => Err(ErrorBody::said(CONFIG, output::of_config(error))),
            None => Ok(&self.config),
        }
    }

    /// Says beside an answer what has to be mended, unless the answer was that. `error`: what was answered, if it was one.
    pub(super) fn warn_beside(&self, error: Option<&ErrorBody>, form: Form) {
        if let Some(refused) = self.refused.as_ref().filter(|_| error.is_none_or(|error| error.code != CONFIG)) {
            output::say(words::service::configuration_to_mend(refused.problems.len()).of(form.language()));
        }
    }
}

/// What a refusal because of the configuration is called.
const CONFIG: &str = "config";

/// Loads as much of the configuration as finding the service takes.
pub(super) fn reach(path: &Path, form: Form) -> Result<Reach, ExitCode> {
    let error = match Config::load(path) {
        Ok(config) => return Ok(Reach::by(config)),
        Err(error) => error,
    };
    match Damaged::look(error.clone()) {
        Some(damaged) => Ok(Reach { config: damaged.config, refused: Some(error) }),
        None => Err(form.refuse(&ErrorBody::said(CONFIG, output::of_config(&error)), ExitCode::Config)),
    }
}
