//! What `setup` writes into the configuration: facility, and the province with its authority.
//!
//! Promise: the package's own facility code is nobody's answer; until the province has taken the station an answer counts for more than what is written,
//! after that it is refused where it differs, but for the authority's file, which a province may change. Never: a file changed for an answer that was refused.

use std::env;
use std::fs;
use std::io;
use std::path;
use std::path::Path;
use std::path::PathBuf;

use url::Url;

use super::super::terminal;
use super::Setup;
use super::answers::Answers;
use super::edit;
use super::edit::Text;
use super::output;
use super::output::Form;
use crate::desk::words::Sentence;
use crate::desk::words::setup as said;
use crate::domain::facility::FacilityCode;
use crate::ops::config::Authority;
use crate::ops::config::Config;
use crate::ops::config::ConfigError;
use crate::ops::config::KEYS_DIR_VARIABLE;
use crate::ops::config::Keys;
use crate::ops::exit_code::ExitCode;

/// Where the keys are if the configuration does not say.
const KEYS_DIR: &str = "/etc/bhyt-agent/keys";

impl Setup<'_> {
    /// The configuration's text, if it is one.
    pub(super) fn text(&self) -> Result<Text, ExitCode> {
        let unreadable = |error: io::Error| {
            self.refuse(&said::not_configured(&self.path.display().to_string(), &error.to_string()), ExitCode::NoPermission)
        };
        let text = Text::read(self.path).map_err(unreadable)?;
        if text.is_broken() {
            // What is wrong with it is said there.
            output::config(self.path, Form::Text(self.language))?;
        }
        Ok(text)
    }

    /// Facility, and the province with its authority: all that must stand in the configuration, from answers that were checked. Returns whether that was
    /// changed.
    pub(super) fn configure(&self, text: &mut Text, answers: &Answers) -> Result<bool, ExitCode> {
        let is_enrolled = self.keys(text).station_certificate().exists();
        let facility = if is_enrolled { text.value("facility") } else { text.written("facility") };
        let province = text.value("province.url");
        // The two are written together: a facility without a province is a station that works alone. At a terminal it is asked whether that is still so.
        let alone = Some("").filter(|_| facility.is_some() && !terminal::is_there());
        let url = answers.province_url.as_deref().or(alone);
        // Until the province has taken the station under them, an answer counts for more than what was written before.
        if !is_enrolled || facility.is_none() {
            let read = |line: &str| FacilityCode::parse(line).ok().map(|code| code.as_str().to_owned());
            let told = answers.facility.as_deref();
            let code = self.answer_or(told, facility.as_deref(), "facility", &said::ask_facility(), &said::no_facility(), read)?;
            if text.written("facility").as_ref() != Some(&code) {
                text.set("facility", &code);
            }
        }
        let mut has_authority = false;
        match province {
            None => {
                if let Some(url) = self.answer(url, "province-url", &said::ask_province(false), &said::no_address(), address)? {
                    let authority = self.authority(answers, None)?.0;
                    text.add_province(url.as_str(), &authority.display().to_string());
                }
            }
            Some(held) if !is_enrolled => has_authority = self.change_province(text, answers, &held)?,
            // A province that changes its authority tells the file to stations that it knows.
            Some(_) => has_authority = self.change_authority(text, answers, false)?,
        }
        if let Some(name) = answers.station_name.as_deref().filter(|_| text.value("station-name").is_none()) {
            text.set("station-name", name);
        }
        Ok(self.write(text)? || has_authority)
    }

    /// The keys' folder as the file has it, which may be no whole configuration yet.
    pub(super) fn keys(&self, text: &Text) -> Keys {
        let written = || Keys::new(text.value("keys-dir").map_or_else(|| KEYS_DIR.into(), PathBuf::from), None);
        let own = env::var_os(KEYS_DIR_VARIABLE).filter(|dir| !dir.is_empty()).map(|dir| Keys::new(dir.into(), None));
        Config::load(self.path).map_or_else(|_| own.unwrap_or_else(written), |config| config.keys)
    }

    /// What the station is enrolled with is changed by nobody's answer.
    pub(super) fn contradicted(&self, text: &Text, answers: &Answers) -> Vec<Sentence> {
        let url = |text: &str| address(text).flatten().map_or_else(|| text.to_owned(), |url| url.to_string());
        let (facility, province) = (text.value("facility"), text.value("province.url").map(|held| url(&held)));
        let asked = answers.province_url.as_deref().map(url);
        let pairs = [("facility", facility, answers.facility.clone()), ("province.url", province, asked)];
        let told = pairs.into_iter().filter_map(|(key, held, answer)| {
            let (held, answer) = held.zip(answer).filter(|(held, answer)| held != answer)?;
            Some(said::contradicted(key, &self.path.display().to_string(), &held, &answer))
        });
        told.collect()
    }

    /// Another address or authority for a province that does not know the station yet. Returns whether the authority's file was replaced.
    fn change_province(&self, text: &mut Text, answers: &Answers, held: &str) -> Result<bool, ExitCode> {
        let told = answers.province_url.as_deref();
        let read = |line: &str| address(line).flatten().map(|url| url.to_string());
        let is_same = |url: &str| read(held).as_deref() == Some(url);
        let url = self.answer_or(told, Some(held), "province-url", &said::ask_province(true), &said::no_address(), read)?;
        let is_another = !is_same(&url);
        if is_another {
            text.set("province.url", &url);
        }
        self.change_authority(text, answers, is_another && terminal::is_there())
    }

    /// Another file of the province's authority. Returns whether the one there was is replaced, which the configuration need not show.
    fn change_authority(&self, text: &mut Text, answers: &Answers, is_asked: bool) -> Result<bool, ExitCode> {
        let held = text.value("province.ca-file").unwrap_or_default();
        let is_another = answers.province_ca_file.as_deref().is_some_and(|file| !edit::is_same_file(file, &held));
        if !is_another && !is_asked {
            return Ok(false);
        }
        let (authority, is_placed) = self.authority(answers, Some(&held))?;
        let authority = authority.display().to_string();
        if authority != held {
            text.set("province.ca-file", &authority);
        }
        if is_placed && is_another {
            self.say(&said::authority_placed(&authority));
        }
        Ok(is_placed)
    }

    /// What was told beforehand, or asked where somebody is there, or else stays.
    fn answer_or(
        &self,
        told: Option<&str>,
        held: Option<&str>,
        key: &str,
        question: &Sentence,
        wrong: &Sentence,
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<String, ExitCode> {
        let (Some(held), None) = (held, told) else { return self.answer(told, key, question, wrong, read) };
        if !terminal::is_there() {
            return Ok(held.to_owned());
        }
        let or_held = |line: &str| read(if line.is_empty() { held } else { line });
        self.ask(&said::or_still(question, held), wrong, or_held)
    }

    /// What was told beforehand, or else asked.
    pub(super) fn answer<T>(
        &self,
        told: Option<&str>,
        key: &str,
        question: &Sentence,
        wrong: &Sentence,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ExitCode> {
        match told {
            Some(told) => read(told).ok_or_else(|| self.refuse(&said::wrong(key, wrong.clone()), ExitCode::Data)),
            None if !terminal::is_there() => Err(self.refuse(&said::unanswered(&Sentence::same(key)), ExitCode::Usage)),
            None => self.ask(question, wrong, read),
        }
    }

    /// Takes the authority's file to where the service can read it. Returns where that is, and whether it was not there before. `held` is the one
    /// there was.
    fn authority(&self, answers: &Answers, held: Option<&str>) -> Result<(PathBuf, bool), ExitCode> {
        let existing = |line: &str| fs::canonicalize(line).ok().filter(|path| path.is_file()).map(|path| path.display().to_string());
        let told = answers.province_ca_file.as_deref();
        let from = PathBuf::from(self.answer_or(told, held, "province-ca-file", &said::ask_authority(), &said::no_file(), existing)?);
        let to = self.path.with_file_name("province-ca.pem");
        let is_there = fs::canonicalize(&to).is_ok_and(|to| to == from);
        if !is_there {
            // What stands there may be in use, and stays unless this can take its place.
            Authority::read(from.clone())
                .map_err(|why| self.refuse(&said::no_authority(&from.display().to_string(), &why.vi, &why.en), ExitCode::Data))?;
            let failed = |error: io::Error| {
                self.refuse(&said::not_configured(&to.display().to_string(), &error.to_string()), ExitCode::NoPermission)
            };
            edit::place_authority(&from, &to).map_err(failed)?;
        }
        Ok((path::absolute(&to).unwrap_or(to), !is_there))
    }

    /// Writes the configuration, if there is something to write and the service would take it.
    pub(super) fn write(&self, text: &mut Text) -> Result<bool, ExitCode> {
        if !text.has_changed() {
            return Ok(false);
        }
        let path = self.path.display().to_string();
        let check = |beside: &Path| Config::load(beside).map(|_| ()).map_err(NotWritten::Refused);
        match text.write(self.path, check) {
            Ok(()) => {
                self.say(&said::configured(&path));
                Ok(true)
            }
            Err(NotWritten::Refused(error)) => {
                self.say(&output::of_config(&ConfigError { path: self.path.to_owned(), ..error }));
                Err(ExitCode::Config)
            }
            Err(NotWritten::Disk(error)) => Err(self.refuse(&said::not_configured(&path, &error.to_string()), ExitCode::NoPermission)),
        }
    }
}

/// Why the configuration was not written.
enum NotWritten {
    Refused(ConfigError),
    Disk(io::Error),
}

impl From<io::Error> for NotWritten {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The province's address; `Some(None)` where there is none. `None`: that is no address.
#[expect(clippy::option_option, reason = "an answer that is no address, and the answer that there is none")]
pub(super) fn address(text: &str) -> Option<Option<Url>> {
    if text.is_empty() {
        return Some(None);
    }
    Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.host().is_some()).map(Some)
}
