//! `bhyt-agent setup`: from an installed package to a station that works, in five questions.
//!
//! Promise: it can be run again after any failure, a cut or Ctrl-C, and goes on where it stopped: no key is made twice, nobody is enrolled
//! twice; what the province has taken the station under stays, and until then an answer counts for more than what the configuration says. As root it writes the configuration, and has everything else done by the account that owns the
//! station's data. It ends with `doctor`. Never: a secret on the command line, in the environment, or in a message.
//!
//! * [`answers`]: told beforehand, [`check`]: looked at before anything is done; [`mod@super::terminal`]: asked
//! * [`configure`]: what is written into the configuration; [`edit`]: how

mod answers;
mod check;
mod configure;
mod edit;

use std::fs;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::path;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Builder;
use zeroize::Zeroizing;

use self::answers::Answers;
use self::check::Secrets;
use super::account;
use super::account::Account;
use super::ask;
use super::doctor;
use super::init;
use super::output;
use super::output::Form;
use super::terminal;
use crate::app::hands::one_time_code;
use crate::control::contract::Request;
use crate::control::contract::operators::OperatorRequest;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::desk::words::setup as said;
use crate::domain::operator::Pin;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::storage::folder;

/// What this program is called with by `setup`, for what the service's account does.
pub(super) const REST: &str = "setup-rest";

/// How it is run.
pub(super) struct Setup<'s> {
    pub(super) path: &'s Path,
    pub(super) answers: Option<&'s Path>,
    pub(super) may_start: bool,
    pub(super) language: Language,
}

/// Runs the verb.
pub(super) fn run(setup: &Setup<'_>) -> ExitCode {
    match setup.all() {
        Ok(()) => ExitCode::Ok,
        Err(code) => code,
    }
}

/// What is still to be done by the service's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Wanted {
    /// It is to be enrolled, and is not.
    code: bool,
    /// Nobody can sign in as head.
    head: bool,
}

/// How it is looked what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum Look {
    /// Makes the keys that are missing: without them nobody can look.
    MakingKeys,
    /// Where there is a record of visits, and nothing may be made yet.
    WithoutMaking,
}

/// What is done by the service's account. Goes over a pipe.
#[derive(Default, Deserialize, Serialize)]
struct Orders {
    /// Say what is to be done, and do nothing of it.
    look: Option<Look>,
    code: Option<Zeroizing<String>>,
    /// Name and PIN.
    head: Option<(String, Zeroizing<String>)>,
}

/// What became of it.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Done {
    wanted: Wanted,
    /// As the province has it.
    station_name: Option<String>,
    /// The exit code of what failed first.
    failed: Option<u8>,
}

impl Setup<'_> {
    fn say(&self, sentence: &Sentence) {
        output::say(sentence.of(self.language));
    }

    fn refuse(&self, sentence: &Sentence, code: ExitCode) -> ExitCode {
        self.say(sentence);
        code
    }

    fn all(&self) -> Result<(), ExitCode> {
        let (answers, wrong) = Answers::read(self.answers).map_err(|why| self.refuse(&why, ExitCode::Data))?;
        for path in answers.secrets().into_iter().filter(|path| answers::is_open_to_others(path)) {
            self.say(&said::open_secret(path));
        }
        let mut text = self.text()?;
        let secrets = self.check(&text, &answers, wrong)?;
        let mut has_changed = self.configure(&mut text, &answers)?;
        let config = output::config(self.path, Form::Text(self.language))?;
        let account = self.account(&config)?;
        let found = self.order(&config, account, &Orders { look: Some(Look::MakingKeys), ..Orders::default() })?;
        if let Some(failed) = found.failed.and_then(code_of) {
            return Err(self.refuse(&said::again(), failed));
        }
        let orders = self.orders(&config, &answers, found.wanted, secrets)?;
        let done = self.order(&config, account, &orders)?;
        if let Some(name) = done.station_name {
            has_changed |= self.name_station(&name)?;
        }
        let is_started = self.start(&config, has_changed);
        let checked = self.doctor(account, is_started);
        if let Some(failed) = done.failed.and_then(code_of) {
            if let Some(province) = config.province.as_ref().filter(|_| orders.code.is_some() && failed == ExitCode::NoPermission) {
                let path = self.path.display().to_string();
                self.say(&said::not_enrolled_as(&path, config.facility.as_str(), province.url.as_str()));
            }
            return Err(self.refuse(&said::again(), failed));
        }
        let files = answers.secrets();
        if !files.is_empty() {
            self.say(&said::secrets_done(&files.join(", ")));
        }
        if checked == ExitCode::Ok { Ok(()) } else { Err(checked) }
    }

    /// Asks somebody who is there, until the answer will do.
    fn ask<T>(&self, question: &Sentence, wrong: &Sentence, read: impl Fn(&str) -> Option<T>) -> Result<T, ExitCode> {
        loop {
            let line = terminal::ask(question.of(self.language)).map_err(|_| ExitCode::Io)?;
            let Some(line) = line else { return Err(self.refuse(&said::broken_off(), ExitCode::TempFail)) };
            match read(&line) {
                Some(answer) => return Ok(answer),
                None => self.say(wrong),
            }
        }
    }

    fn ask_unseen(&self, question: &Sentence) -> Result<Zeroizing<String>, ExitCode> {
        let typed = terminal::ask_unseen(question.of(self.language)).map_err(|_| ExitCode::Io)?;
        typed.ok_or_else(|| self.refuse(&said::broken_off(), ExitCode::TempFail))
    }

    /// Until it can be one: before anything else is typed that would be typed in vain.
    fn ask_code(&self, is_again: bool) -> Result<Zeroizing<String>, ExitCode> {
        loop {
            let typed = self.ask_unseen(&said::ask_code(is_again))?;
            if one_time_code(&typed).is_some() {
                return Ok(typed);
            }
            self.say(&words::identity::unreadable_code());
        }
    }

    /// The province's own name for the station, where nobody has given it another one. Returns whether it was written.
    fn name_station(&self, name: &str) -> Result<bool, ExitCode> {
        let Ok(mut text) = edit::Text::read(self.path) else { return Ok(false) };
        if text.value("station-name").is_none() && !name.trim().is_empty() {
            text.set("station-name", name.trim());
        }
        self.write(&mut text)
    }

    /// Who works on the files; `None`: whoever runs this. Root makes the folders that are missing.
    fn account(&self, config: &Config) -> Result<Option<Account>, ExitCode> {
        if !account::is_root() {
            return Ok(None);
        }
        let account = account::of_service(&config.data_dir).ok_or_else(|| self.refuse(&said::no_account(), ExitCode::Config))?;
        for path in [&config.data_dir, config.keys.dir()] {
            if path.exists() {
                self.take_over(path, account)?;
                continue;
            }
            folder::create_reachable(path).map_err(|error| output::storage_error(&error, self.language))?;
            let failed = |error: io::Error| {
                self.refuse(&said::not_configured(&path.display().to_string(), &error.to_string()), ExitCode::CannotCreate)
            };
            chown(path, Some(account.user), Some(account.group)).map_err(failed)?;
        }
        Ok(Some(account).filter(|account| account.user != 0))
    }

    /// A folder that root made, such as where a disk was mounted, becomes the account's if nothing is in it yet.
    fn take_over(&self, path: &Path, account: Account) -> Result<(), ExitCode> {
        let shown = path.display().to_string();
        let failed = |error: io::Error| self.refuse(&said::not_configured(&shown, &error.to_string()), ExitCode::NoPermission);
        if account.user == 0 || fs::metadata(path).map_err(failed)?.uid() != 0 {
            return Ok(());
        }
        let mut entries = fs::read_dir(path).map_err(failed)?;
        if !entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == doctor::LOST_AND_FOUND)) {
            return Err(self.refuse(&said::of_root(&shown), ExitCode::NoPermission));
        }
        chown(path, Some(account.user), Some(account.group)).map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)
    }

    /// Has something done by the service's account.
    fn order(&self, config: &Config, account: Option<Account>, orders: &Orders) -> Result<Done, ExitCode> {
        let Some(account) = account else { return Ok(carry_out(config, orders, self.language)) };
        let spawned = self.rest(account).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let failed = |error: io::Error| {
            output::say(&format!("bhyt-agent: {error}"));
            ExitCode::NoPermission
        };
        let mut child = spawned.map_err(failed)?;
        let text = Zeroizing::new(serde_json::to_string(orders).map_err(|_| ExitCode::Software)?);
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes()).map_err(failed)?;
        }
        let ended = child.wait_with_output().map_err(failed)?;
        // What it has said on standard error stands there already.
        let failed = ended_with(ended.status).filter(|code| *code != ExitCode::Ok).unwrap_or(ExitCode::Software);
        serde_json::from_slice(&ended.stdout).map_err(|_| failed)
    }

    /// Code, and the head's name and PIN, as far as they are wanted.
    fn orders(&self, config: &Config, answers: &Answers, wanted: Wanted, secrets: Secrets) -> Result<Orders, ExitCode> {
        let mut orders = Orders::default();
        if wanted.code {
            let is_again = config.keys.enrolment_asked().exists();
            let file = answers.enrolment_code_file.as_deref();
            orders.code = Some(match secrets.code {
                Some(code) => code,
                None => self.secret_or(file, "enrolment-code-file", || self.ask_code(is_again))?,
            });
        }
        if wanted.head {
            let some = |line: &str| Some(line.to_owned()).filter(|line| !line.is_empty());
            let name = self.answer(answers.head_name.as_deref(), "head-name", &said::ask_head(), &said::ask_head(), some)?;
            let pin = match secrets.pin {
                Some(pin) => pin,
                None => self.secret_or(answers.head_pin_file.as_deref(), "head-pin-file", || self.new_pin())?,
            };
            // Before the code is used up.
            Pin::parse(&pin).map_err(|problem| self.refuse(&words::operators::unfit_pin(problem).1, ExitCode::Data))?;
            orders.head = Some((name, pin));
        }
        Ok(orders)
    }

    /// A secret that was not read before: it turned out only now that it is wanted, or it is to be typed.
    fn secret_or(
        &self,
        path: Option<&str>,
        key: &str,
        ask: impl FnOnce() -> Result<Zeroizing<String>, ExitCode>,
    ) -> Result<Zeroizing<String>, ExitCode> {
        match path {
            Some(path) => answers::secret(path)
                .map_err(|error| self.refuse(&said::wrong(key, said::unreadable_file(path, &error.to_string())), ExitCode::Data)),
            None if terminal::is_there() => ask(),
            None => Err(self.refuse(&said::unanswered(&Sentence::same(key)), ExitCode::Usage)),
        }
    }

    fn new_pin(&self) -> Result<Zeroizing<String>, ExitCode> {
        loop {
            let pin = self.ask_unseen(&said::ask_pin())?;
            if let Err(problem) = Pin::parse(&pin) {
                self.say(&words::operators::unfit_pin(problem).1);
                continue;
            }
            if *self.ask_unseen(&said::ask_pin_again())? == *pin {
                return Ok(pin);
            }
            self.say(&said::pins_differ());
        }
    }

    /// Has systemd start the service now and with the computer, or start it anew where its configuration has changed. Returns whether it should run now: not where
    /// that was not wanted, or where there is no systemd to do it.
    fn start(&self, config: &Config, has_changed: bool) -> bool {
        let systemctl = |arguments: &[&str]| {
            let mut command = Command::new("systemctl");
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
            command.status().is_ok_and(|ended| ended.success())
        };
        let has_systemd = Path::new("/run/systemd/system").exists();
        if !self.may_start || !account::is_root() || !has_systemd {
            let is_there = UnixStream::connect(&config.control_socket).is_ok();
            if has_changed && is_there {
                self.say(&said::restart());
            } else if self.may_start && !has_systemd && !is_there {
                self.say(&said::no_systemd());
            }
            return self.may_start && has_systemd;
        }
        let was_active = systemctl(&["is-active", "--quiet", "bhyt-agent.service"]);
        let verbs: &[&[&str]] = if was_active && has_changed {
            &[&["enable", "--quiet", "bhyt-agent.service"], &["restart", "bhyt-agent.service"]]
        } else {
            &[&["enable", "--quiet", "--now", "bhyt-agent.service"]]
        };
        if !verbs.iter().all(|arguments| systemctl(arguments)) {
            // What `doctor` says next.
            self.say(&said::not_started());
        }
        true
    }

    fn doctor(&self, account: Option<Account>, is_started: bool) -> ExitCode {
        let Some(account) = account else { return doctor::after_setup(self.path, self.language, is_started) };
        let mut command = self.rest(account);
        command.arg("--examine");
        if !is_started {
            command.arg("--unstarted");
        }
        command.stdin(Stdio::null()).status().ok().and_then(ended_with).unwrap_or(ExitCode::Software)
    }

    /// This program once more, for what the service's account does.
    fn rest(&self, account: Account) -> Command {
        let path = path::absolute(self.path).unwrap_or_default().into_os_string();
        let mut command = account::again_as(account, [REST.into(), "--config".into(), path]);
        if self.language == Language::English {
            command.arg("--english");
        }
        command
    }
}

fn ended_with(ended: ExitStatus) -> Option<ExitCode> {
    ended.code().and_then(|number| u8::try_from(number).ok()).and_then(code_of)
}

fn code_of(number: u8) -> Option<ExitCode> {
    ExitCode::ALL.into_iter().find(|code| code.number() == number)
}

/// Longest orders.
const LONGEST: u64 = 16 << 10;

fn read_orders<T: DeserializeOwned>() -> Option<T> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The part of the service's account: orders on standard input, what became of them on standard output.
pub(super) fn run_rest(path: &Path, language: Language) -> ExitCode {
    let mut config = match output::config(path, Form::Text(language)) {
        Ok(config) => config,
        Err(code) => return code,
    };
    // Where systemd holds the database's key, it is that one.
    config.keys = doctor::keys_of_service(&config.keys);
    let Some(orders) = read_orders::<Orders>() else { return ExitCode::Data };
    let done = carry_out(&config, &orders, language);
    serde_json::to_string(&done).map_or(ExitCode::Software, |text| output::answer(&text))
}

fn carry_out(config: &Config, orders: &Orders, language: Language) -> Done {
    if let Some(how) = orders.look {
        return look(config, how, language).unwrap_or_else(|code| Done { failed: Some(code.number()), ..Done::default() });
    }
    let mut done = Done::default();
    match init::run_with(config, orders.code.as_ref().map(|code| code.as_str()), language) {
        Ok(name) => done.station_name = name,
        Err(code) => done.failed = Some(code.number()),
    }
    // Whatever became of the enrolment: it is one thing less to be done the next time.
    if let Some((name, pin)) = &orders.head {
        let operator = OperatorRequest::Add { name: name.clone(), personal_id: None, role: "head".to_owned(), pin: pin.to_string() };
        match answered(config, &Request::Operator { operator }, language) {
            Ok(_) => output::say(said::head_added().of(language)),
            Err(code) => done.failed = done.failed.or(Some(code.number())),
        }
    }
    done
}

/// What is still to be done.
fn look(config: &Config, how: Look, language: Language) -> Result<Done, ExitCode> {
    if how == Look::MakingKeys {
        init::run_with(config, None, language)?;
    }
    let accounts = answered(config, &Request::Operator { operator: OperatorRequest::List }, language)?;
    let is_head = |account: &serde_json::Value| account["role"] == "head" && account["closed_at"].is_null();
    let wanted = Wanted {
        code: config.province.is_some() && !config.keys.station_certificate().exists(),
        head: !accounts.as_array().is_some_and(|accounts| accounts.iter().any(is_head)),
    };
    Ok(Done { wanted, ..Done::default() })
}

/// Asks the service, or the files where none runs; says what is wrong.
fn answered(config: &Config, request: &Request, language: Language) -> Result<serde_json::Value, ExitCode> {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return Err(ExitCode::Software) };
    let asked = async {
        let mut tries = 0;
        loop {
            match ask::answer(config, request).await {
                Err((error, _)) if error.code == init::IN_USE && init::is_held_briefly(&mut tries).await => {}
                answer => break answer,
            }
        }
    };
    runtime.block_on(asked).map_err(|(error, code)| {
        output::say(output::in_language(&error, language));
        code
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_of_roots_becomes_the_accounts_and_a_full_one_is_left_alone() {
        if !account::is_root() {
            println!("skipped: needs root");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (path, account) = (folder.path(), Account { user: 65_534, group: 65_534 });
        let setup = Setup { path, answers: None, may_start: false, language: Language::English };
        let owner = || fs::metadata(path).unwrap().uid();
        fs::create_dir(path.join("lost+found")).unwrap();
        fs::write(path.join("visits.db"), "").unwrap();
        assert_eq!((setup.take_over(path, account), owner()), (Err(ExitCode::NoPermission), 0));
        fs::remove_file(path.join("visits.db")).unwrap();
        assert_eq!((setup.take_over(path, account), owner()), (Ok(()), account.user));
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o700);
    }
}
