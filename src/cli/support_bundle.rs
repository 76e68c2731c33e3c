//! `bhyt-agent support-bundle`: everything somebody far away needs to help, in one file that is safe to send.
//!
//! Promise: what is in it and what is not stands in it and is said, also that this account may not read a part of it; the file is its owner's alone and no
//! other one's is written over; each part says for itself why it is missing, and none keeps the others from being there; every part is bounded. Never: a
//! database, a key, a comment of the configuration, a person's name, a number of a person.
//!
//! `status`, `doctor` and `integrity-check` are asked as verbs of this same program: a version that has none of them says so in their place.

use std::env;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;
use tokio::runtime::Builder;
use zstd::Encoder;

use crate::cli::account;
use crate::cli::account::Account;
use crate::cli::output;
use crate::cli::output::Behind;
use crate::cli::output::Form;
use crate::cli::state;
use crate::control::client;
use crate::control::client::ControlError;
use crate::control::contract::Request;
use crate::control::running::VERSION;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::domain::clock::Clock;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::config::damaged::Damaged;
use crate::ops::config::written;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;

/// Longest part.
const LONGEST_PART: u64 = 4 << 20;
/// Seconds that a program may take which is asked for a part.
const PATIENCE: &str = "20";
/// The same for this program's own looks: a service that is silent, two databases and a province that does not answer each have their time.
const LONG_PATIENCE: &str = "150";
/// Lines of the journal: some days of a station that has trouble.
const JOURNAL_LINES: &str = "5000";
/// As many digits in a row as the shortest number of a person has. Nothing in the journal has more but such a number.
const NUMBER: usize = 10;
/// Its folder in the archive.
const FOLDER: &str = "bhyt-agent-support";

/// What of the unit is told. Not its environment, which may hold anything.
const UNIT: &str = "Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,ExecMainStartTimestamp,NRestarts,WatchdogUSec,MemoryCurrent,\
    FragmentPath,DropInPaths,NeedDaemonReload,UnitFileState,StatusText,StateChangeTimestamp";

const README: &str = "Gói hỗ trợ của bhyt-agent / support bundle of bhyt-agent\n\
    \n\
    Có / in it: phiên bản, tình trạng, số đo, kết quả doctor và integrity-check (nếu bản này có), cấu hình không có tên người trực và không có chú thích,\n\
    kích thước các tệp dữ liệu, tình trạng dịch vụ theo systemd, các dòng cuối của nhật ký (dãy từ 10 chữ số trở lên bị che).\n\
    Version, status, figures, what doctor and integrity-check say (if this version has them), the configuration without the operator's name and without\n\
    comments, sizes of the data files, the service as systemd sees it, the last lines of the journal (rows of 10 and more digits are masked).\n\
    \n\
    Không có / not in it: cơ sở dữ liệu, khóa, chứng thư, mã PIN, tên, ngày sinh hoặc số của bất kỳ ai.\n\
    Databases, keys, certificates, PINs; name, birth date or number of anybody.\n";

/// A part: its name in the archive and what stands in it.
type Part = (&'static str, String);

pub(super) fn run(config: &Path, file: &Path, language: Language) -> ExitCode {
    let in_english = language == Language::English;
    if file == Path::new("-") {
        output::say(words::service::bundle_is_a_file().of(language));
        return ExitCode::Usage;
    }
    let mut created = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(created) => created,
        Err(error) => {
            let path = file.display();
            output::say(&match (error.kind(), in_english) {
                (io::ErrorKind::AlreadyExists, false) => format!("Đã có tệp {path}; không ghi đè. Chọn tên khác."),
                (io::ErrorKind::AlreadyExists, true) => {
                    format!("There is a file {path} already; it is not written over. Choose another name.")
                }
                (_, false) => format!("KHÔNG GHI ĐƯỢC tệp {path}: {error}"),
                (_, true) => format!("The file {path} cannot be written: {error}"),
            });
            return ExitCode::CannotCreate;
        }
    };
    output::say(if in_english {
        "Being gathered; on a station that is ill it may take up to five minutes."
    } else {
        "Đang gom; trên trạm có trục trặc có thể mất đến năm phút."
    });
    let Gathered { parts, closed } = gather(config);
    if let Err(error) = write(&mut created, &parts) {
        // Half a bundle is none.
        let _ = fs::remove_file(file);
        output::say(&if in_english {
            format!("The bundle could not be written: {error}")
        } else {
            format!("KHÔNG GHI ĐƯỢC gói hỗ trợ: {error}")
        });
        return ExitCode::Io;
    }
    let (path, names) = (file.display(), parts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
    let said = if in_english {
        format!(
            "{path}: {names}.\nThere is no database in it, no key, no PIN, and no name or number of a person. It can be sent to whoever helps; look into it \
             with: tar --zstd -xf {path}"
        )
    } else {
        format!(
            "{path}: {names}.\nTrong đó không có cơ sở dữ liệu, khóa, mã PIN, tên hoặc số của ai. Có thể gửi cho người hỗ trợ; xem trước bằng: \
             tar --zstd -xf {path}"
        )
    };
    let printed = Form::Text(language).text(Behind::Deed, &said);
    if closed.is_empty() {
        return printed;
    }
    output::say(words::service::bundle_without(&closed.join(", "), account::is_root()).of(language));
    ExitCode::NoPermission
}

/// What a bundle is made of.
struct Gathered {
    parts: Vec<Part>,
    /// The parts that this account may not read.
    closed: Vec<&'static str>,
}

fn gather(path: &Path) -> Gathered {
    let (config, problems, knows_data) = match Config::load(path) {
        Ok(config) => (Some(config), None, true),
        Err(error) => {
            // A service that runs goes on under the one before, and can be asked.
            let damaged = Damaged::look(error.clone());
            let knows_data = damaged.as_ref().is_some_and(|damaged| !damaged.is_open("data-dir"));
            (damaged.map(|damaged| damaged.config), Some(error), knows_data)
        }
    };
    let own = |account: Option<Account>, arguments: &[&str]| {
        let program = env::current_exe().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
        let mut words = vec![program.as_str()];
        words.extend(arguments);
        let path = path.to_string_lossy();
        words.extend(["--config", &path]);
        asked(account, LONG_PATIENCE, &words)
    };
    let mut closed = Vec::new();
    let mut parts = vec![("README.txt", README.to_owned()), ("version.json", system().to_string())];
    if let Some(config) = &config {
        // Without the service it is answered from the files, by the account that they are of.
        let owner = if account::is_root() && knows_data { account::of_service(&config.data_dir) } else { None };
        let Asked { printed, ended, code } = own(owner, &["status", "--json"]);
        if let Ok(status) = serde_json::from_str::<Value>(&printed)
            && status["error"].is_null()
        {
            let said = state::text(&status);
            parts.push(("status.txt", format!("{}\n\n{}", said.vi, said.en)));
            // Its figures are no rows of digits of a person's.
            parts.push(("status.json", status.to_string()));
        } else {
            parts.push(("status.json", masked(&printed)));
        }
        closed.extend(is_closed(code).then_some("status.json"));
        parts.extend(ended.map(|ended| ("status.ended.txt", masked(&ended))));
        parts.push(("metrics.txt", metrics(config)));
        if knows_data {
            let is_denied = fs::read_dir(&config.data_dir).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
            closed.extend(is_denied.then_some("files.json"));
            parts.push(("files.json", files(config).to_string()));
        }
    }
    parts.extend(problems.map(|error| ("configuration-problems.txt", error.to_string())));
    parts.push(("configuration.toml", written::without_secrets(path)));
    // How they ended stands apart: what they print is to be read by programs.
    for (name, ended_name, verb) in
        [("doctor.json", "doctor.ended.txt", "doctor"), ("integrity-check.json", "integrity-check.ended.txt", "integrity-check")]
    {
        let Asked { printed, ended, code } = own(None, &[verb, "--json"]);
        // What `doctor` ends with is what it found, and it reads what it may.
        closed.extend((is_closed(code) && verb != "doctor").then_some(name));
        parts.push((name, masked(&printed)));
        parts.extend(ended.map(|ended| (ended_name, masked(&ended))));
    }
    let of_system = |words: &[&str]| {
        let Asked { printed, ended, .. } = asked(None, PATIENCE, words);
        printed + &ended.unwrap_or_default()
    };
    // What has given up is told of by the unit that stands in its place.
    let units = ["bhyt-agent.service", "bhyt-agent-refused.service", "bhyt-agent-sealed.service"];
    parts.push(("unit.txt", of_system(&["systemctl", "show", units[0], units[1], "--no-pager", "--property", UNIT])));
    parts.push(("systemd.txt", of_system(&["systemctl", "--version"])));
    let journal = ["--lines", JOURNAL_LINES, "--output", "short-iso", "--no-pager", "--quiet"];
    let journal = [&["journalctl", "--unit", units[0], "--unit", units[1]], &journal[..]].concat();
    parts.push(("journal.txt", masked(&of_system(&journal))));
    Gathered { parts, closed }
}

/// Whether a verb was refused because this account may not read what it needs.
fn is_closed(code: Option<i32>) -> bool {
    code == Some(i32::from(ExitCode::NoPermission.number()))
}

/// The service's figures, or why there are none.
fn metrics(config: &Config) -> String {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return String::new() };
    let said = match runtime.block_on(client::ask(&config.control_socket, &Request::Metrics)) {
        Ok(value) => return value["text"].as_str().unwrap_or_default().to_owned(),
        Err(ControlError::NotRunning) => words::service::no_figures(),
        Err(ControlError::NotAllowed) => words::service::not_allowed(),
        Err(error) => words::service::silent().because(&Chain(&error).to_string()),
    };
    format!("{}\n{}\n", said.vi, said.en)
}

/// What a program printed.
struct Asked {
    printed: String,
    /// Unless it ended well: how, and what it said.
    ended: Option<String>,
    /// The number it ended with, if it ended by itself.
    code: Option<i32>,
}

/// Asks a program, which may take so many seconds, as an account other than this one where one is given.
fn asked(account: Option<Account>, patience: &str, words: &[&str]) -> Asked {
    let run = || -> io::Result<Asked> {
        let mut command = Command::new("timeout");
        if let Some(Account { user, group }) = account.filter(|account| account.user != 0) {
            command.uid(user).gid(group);
        }
        let mut child = command.arg(patience).args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut printed = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            // Whoever prints more finds the pipe closed.
            stdout.take(LONGEST_PART).read_to_end(&mut printed)?;
        }
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(1 << 10).read_to_end(&mut said)?;
        }
        let ended = child.wait()?;
        let said = String::from_utf8_lossy(&said);
        Ok(Asked {
            printed: String::from_utf8_lossy(&printed).into_owned(),
            code: ended.code(),
            ended: (!ended.success()).then(|| format!("({}: {ended}: {said})", words.get(1).unwrap_or(&""))),
        })
    };
    let failed = |error: io::Error| format!("({}: {error})", words.first().unwrap_or(&""));
    run().unwrap_or_else(|error| Asked { printed: String::new(), ended: Some(failed(error)), code: None })
}

/// What the machine and the program are.
fn system() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let os = read("/etc/os-release");
    let os = os.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default().trim_matches('"');
    let uname = rustix::system::uname();
    let made = storage::made_of();
    json!({
        "version": VERSION,
        "sqlite": made.sqlite,
        "visits_schema": made.visits_schema,
        "cards_schema": made.cards_schema,
        "os": os,
        "kernel": uname.release().to_string_lossy(),
        "machine": uname.machine().to_string_lossy(),
        "uptime_seconds": SystemClock::new().read().since_boot.as_secs(),
        "wall_clock": SystemClock::new().read().wall.to_rfc3339(),
        "memory": read("/proc/meminfo").lines().take(3).collect::<Vec<_>>(),
        "load": read("/proc/loadavg"),
    })
}

/// Names and sizes of what is in the data folder, two levels deep, and the room beside it.
fn files(config: &Config) -> Value {
    let mut found = Vec::new();
    let mut folders = vec![(config.data_dir.clone(), String::new())];
    while let Some((folder, above)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten().take(1000) {
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            match entry.metadata() {
                Ok(data) if data.is_dir() && above.is_empty() => folders.push((entry.path(), format!("{name}/"))),
                Ok(data) => found.push(json!({ "name": name, "bytes": data.len() })),
                Err(error) => found.push(json!({ "name": name, "error": error.to_string() })),
            }
        }
    }
    json!({ "files": found, "free_bytes": storage::folder::free_bytes(&config.data_dir).ok() })
}

/// Without rows of digits that could be a number of a person, should one have come into a line after all.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(from);
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (row, after) = digits.split_at(length);
        masked.push_str(before);
        masked.push_str(if length >= NUMBER { "**********" } else { row });
        rest = after;
    }
    masked + rest
}

fn write(file: &mut File, parts: &[Part]) -> io::Result<()> {
    let mut archive = tar::Builder::new(Encoder::new(file, 0)?);
    let made = u64::try_from(SystemClock::new().read().wall.timestamp()).unwrap_or_default();
    for (name, text) in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
        header.set_mode(0o600);
        header.set_mtime(made);
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), text.as_bytes())?;
    }
    let file = archive.into_inner()?.finish()?;
    file.flush()?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_digits_are_masked_and_nothing_else() {
        assert_eq!(
            masked("card GD4797912345678, id 079123456789; 123456789 and 2026-11-20"),
            "card GD**********, id **********; 123456789 and 2026-11-20"
        );
        assert_eq!((masked(""), masked("1234567890"), masked("số 12")), (String::new(), "**********".to_owned(), "số 12".to_owned()));
    }

    #[test]
    fn a_program_that_fails_or_is_not_there_is_told_of() {
        let ended = asked(None, PATIENCE, &["no-such-program-at-all"]).ended.unwrap_or_default();
        assert!(ended.contains("no-such-program"), "{ended}");
        let well = asked(None, PATIENCE, &["echo", "yes"]);
        assert_eq!((well.printed.as_str(), well.ended), ("yes\n", None));
        let ill = asked(None, PATIENCE, &["sh", "-c", "echo {}; echo why >&2; exit 75"]);
        assert!(ill.printed == "{}\n" && ill.ended.is_some_and(|ended| ended.contains("75") && ended.contains("why")));
        let slow = asked(None, "2", &["sh", "-c", "echo half; exec sleep 60"]);
        assert!(slow.printed == "half\n" && slow.ended.is_some_and(|ended| ended.contains("124")));
    }
}
