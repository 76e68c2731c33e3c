//! Looks at every answer before anything is done with one of them.
//!
//! Promise: with nobody to ask, all that is missing or wrong is told at once, and nothing is written, made or sent before; what the station has already is not
//! asked for again. Never: a secret's value, or a file changed.

use std::fs;

use zeroize::Zeroizing;

use super::Look;
use super::Orders;
use super::Setup;
use super::answers;
use super::answers::Answers;
use super::configure::address;
use super::edit;
use super::edit::Text;
use super::terminal;
use crate::app::hands::one_time_code;
use crate::cli::account;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::desk::words::setup as said;
use crate::domain::facility::FacilityCode;
use crate::domain::operator::Pin;
use crate::domain::visit::OperatorName;
use crate::ops::config;
use crate::ops::config::Authority;
use crate::ops::config::Config;
use crate::ops::config::Reason;
use crate::ops::exit_code::ExitCode;

/// The lines of secrets that were read: each of standard input comes once.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) code: Option<Zeroizing<String>>,
    pub(super) pin: Option<Zeroizing<String>>,
}

/// What was found, in the order of the questions.
struct Found {
    missing: Vec<Sentence>,
    wrong: Vec<Sentence>,
}

impl Found {
    fn missing(&mut self, key: &str) {
        self.missing.push(Sentence::same(key));
    }

    fn wrong(&mut self, key: &str, why: Sentence) {
        self.wrong.push(said::wrong(key, why));
    }
}

impl Setup<'_> {
    /// Says everything that is wrong with the answers, and with nobody to ask everything that is missing. `wrong`: what was wrong with them as a file.
    pub(super) fn check(&self, text: &Text, answers: &Answers, wrong: Vec<Sentence>) -> Result<Secrets, ExitCode> {
        let mut found = Found { missing: Vec::new(), wrong };
        let is_enrolled = self.keys(text).station_certificate().exists();
        if is_enrolled {
            found.wrong.extend(self.contradicted(text, answers));
        }
        let has_province = check_configured(self, text, answers, is_enrolled, &mut found);
        let has_head = self.has_head()?;
        let secrets = check_secrets(answers, has_province.map(|has| has && !is_enrolled), !has_head, &mut found);
        if !found.missing.is_empty() && !terminal::is_there() {
            let [vi, en] = [|key: &Sentence| key.vi.clone(), |key: &Sentence| key.en.clone()]
                .map(|of| found.missing.iter().map(of).collect::<Vec<_>>().join(", "));
            self.say(&said::unanswered(&Sentence::new(vi, en)));
        } else if found.wrong.is_empty() {
            return Ok(secrets);
        }
        for wrong in &found.wrong {
            self.say(wrong);
        }
        let code = if found.wrong.is_empty() { ExitCode::Usage } else { ExitCode::Data };
        Err(self.refuse(&said::nothing_done(), code))
    }

    /// Whether somebody can sign in as head already, as far as that can be seen without making anything.
    fn has_head(&self) -> Result<bool, ExitCode> {
        let Ok(config) = Config::load(self.path) else { return Ok(false) };
        // Where it cannot be seen, what comes later says why.
        if !config.data_dir.join("visits.db").exists() {
            return Ok(false);
        }
        let account = account::of_service(&config.data_dir).filter(|account| account::is_root() && account.user != 0);
        let seen = self.order(&config, account, &Orders { look: Some(Look::WithoutMaking), ..Orders::default() })?;
        match seen.failed.and_then(super::code_of) {
            Some(failed) => Err(self.refuse(&said::again(), failed)),
            None => Ok(!seen.wanted.head),
        }
    }
}

/// Facility, name, and the province with its authority. Returns whether there is a province; `None`: that is not answered.
fn check_configured(setup: &Setup<'_>, text: &Text, answers: &Answers, is_enrolled: bool, found: &mut Found) -> Option<bool> {
    let facility = if is_enrolled { text.value("facility") } else { text.written("facility") };
    match &answers.facility {
        None if facility.is_none() => found.missing("facility"),
        Some(told) if (!is_enrolled || facility.is_none()) && FacilityCode::parse(told).is_err() => {
            found.wrong("facility", said::no_facility());
        }
        _ => {}
    }
    if let Some(name) = answers.station_name.as_deref().filter(|_| text.value("station-name").is_none())
        && let Err(Reason { vi, en }) = config::station_name(name)
    {
        found.wrong("station-name", Sentence::new(vi, en));
    }
    let held = text.value("province.url");
    let url = answers.province_url.as_deref();
    let has_province = match (url, &held) {
        (Some(""), Some(held)) if !is_enrolled => {
            found.wrong.push(said::has_province(&setup.path.display().to_string(), held));
            None
        }
        (Some(""), None) => Some(false),
        (Some(url), _) if address(url).is_none() => {
            found.wrong("province-url", said::no_address());
            Some(true)
        }
        (Some(_), _) | (None, Some(_)) => Some(true),
        // A facility that was written without a province is of a station that works alone.
        (None, None) if facility.is_some() => Some(false),
        (None, None) => {
            found.missing("province-url");
            None
        }
    };
    let held_authority = text.value("province.ca-file").unwrap_or_default();
    match answers.province_ca_file.as_deref() {
        Some(file) if has_province != Some(false) && !edit::is_same_file(file, &held_authority) => check_authority(file, found),
        None if held.is_none() && has_province == Some(true) => found.missing("province-ca-file"),
        None if held.is_none() && has_province.is_none() => found.missing.push(said::with_a_province("province-ca-file")),
        _ => {}
    }
    has_province
}

fn check_authority(file: &str, found: &mut Found) {
    match fs::canonicalize(file).map(Authority::read) {
        Ok(Ok(_)) => {}
        Ok(Err(Reason { vi, en })) => found.wrong("province-ca-file", said::no_authority(file, &vi, &en)),
        Err(error) => found.wrong("province-ca-file", said::unreadable_file(file, &error.to_string())),
    }
}

/// Code, name and PIN. What is to be typed at a terminal is left for its question.
fn check_secrets(answers: &Answers, wants_code: Option<bool>, wants_head: bool, found: &mut Found) -> Secrets {
    let mut secrets = Secrets::default();
    let read = |key: &str, path: &str, found: &mut Found| {
        let read = Some(path).filter(|path| *path != "-" || !terminal::is_there()).map(answers::secret);
        read.and_then(|read| read.map_err(|error| found.wrong(key, said::unreadable_file(path, &error.to_string()))).ok())
    };
    match (answers.enrolment_code_file.as_deref(), wants_code) {
        // Its line of standard input is there also where no code is wanted any more, and is nobody's PIN.
        (Some(path), wanted) if wanted != Some(false) || path == "-" => {
            secrets.code = read("enrolment-code-file", path, found);
            if wanted == Some(true) && secrets.code.as_ref().is_some_and(|code| one_time_code(code).is_none()) {
                found.wrong("enrolment-code-file", words::identity::unreadable_code());
            }
        }
        (None, Some(true)) => found.missing("enrolment-code-file"),
        (None, None) => found.missing.push(said::with_a_province("enrolment-code-file")),
        _ => {}
    }
    if !wants_head {
        return secrets;
    }
    match answers.head_name.as_deref() {
        None => found.missing("head-name"),
        Some(name) if OperatorName::parse(name).is_err() => found.wrong("head-name", words::operators::name_wanted()),
        Some(_) => {}
    }
    match answers.head_pin_file.as_deref() {
        None => found.missing("head-pin-file"),
        Some(path) => {
            secrets.pin = read("head-pin-file", path, found);
            if let Some(Err(problem)) = secrets.pin.as_ref().map(|pin| Pin::parse(pin)) {
                found.wrong("head-pin-file", words::operators::unfit_pin(problem).1);
            }
        }
    }
    secrets
}
