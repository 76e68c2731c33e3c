//! The configuration files we hand out, and those people get wrong.
//!
//! Each `tests/fixtures/config/<name>.toml` with a `<name>.txt` beside it is refused with exactly those lines; one without is taken. `@folder`
//! in them stands for a folder that this file fills, because paths have to be full ones.
//! `BHYT_WRITE_EXPECTED=1` writes what is said now into the `.txt` files, to be read before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::is_english;
use bhyt_agent::domain::clock::vietnam_time;
use bhyt_agent::ops::clock::RELEASED_AT;
use bhyt_agent::ops::config::Config;
use bhyt_agent::ops::config::ConfigError;
use bhyt_agent::ops::config::KEYS;
use bhyt_agent::ops::config::Keys;
use chrono::TimeDelta;
use tempfile::TempDir;
use toml::Table;
use toml::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with everything the files refer to.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("province-ca.pem", "-----BEGIN CERTIFICATE-----\nbWFkZSB1cA==\n-----END CERTIFICATE-----\n");
        folder.write("cut-off-ca.pem", "-----BEGIN CERTIFICATE-----\nbWFkZSB1cA==\n");
        folder.write("private-key.pem", "-----BEGIN PRIVATE KEY-----\nbWFkZSB1cA==\n-----END PRIVATE KEY-----\n");
        let rules = folder.path("rules");
        let wrong = folder.path("rules-with-mistakes");
        for dir in [&rules, &wrong] {
            for part in ["", "support"] {
                let (from, to) = (root().join("config/rules").join(part), dir.join(part));
                fs::create_dir_all(&to).unwrap();
                for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
                    fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                }
            }
        }
        let renewal = fs::read_to_string(wrong.join("renewal.toml")).unwrap();
        fs::write(wrong.join("renewal.toml"), renewal.replace("gap_days = 90", "gap_days = 0")).unwrap();
        fs::write(wrong.join("rules.toml"), "version = \" \"\n").unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, text: &str) -> Result<Config, ConfigError> {
        Config::load(&self.write("bhyt-agent.toml", &text.replace("@folder", self.0.path().to_str().unwrap())))
    }

    /// What a refusal says, one line per problem, with the paths of this machine taken out.
    fn lines(&self, error: &ConfigError) -> Vec<String> {
        let file = format!("{}: ", error.path.display());
        let lines = error.to_string();
        let line = |line: &str| line.strip_prefix(&file).unwrap().replace(self.0.path().to_str().unwrap(), "@folder");
        lines.lines().map(line).collect()
    }
}

fn fixtures() -> Vec<(String, String, Option<Vec<String>>)> {
    let folder = root().join("tests/fixtures/config");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    names.sort();
    let read = |path: PathBuf| {
        let expected = fs::read_to_string(path.with_extension("txt")).ok();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap(), expected.map(|text| text.lines().map(str::to_owned).collect()))
    };
    names.into_iter().map(read).collect()
}

#[test]
fn each_file_is_taken_or_refused_with_every_problem() {
    let folder = Folder::new();
    for (name, text, expected) in fixtures() {
        let found = folder.load(&text).map_err(|error| {
            assert_eq!(error.in_english().lines().count(), error.problems.len(), "{name}");
            assert!(error.problems.iter().all(|problem| is_english(&problem.reason.en)), "{name}: {}", error.in_english());
            folder.lines(&error)
        });
        if std::env::var_os("BHYT_WRITE_EXPECTED").is_some() {
            if let Err(lines) = &found {
                fs::write(root().join(format!("tests/fixtures/config/{name}.txt")), lines.join("\n") + "\n").unwrap();
            }
            continue;
        }
        assert_eq!(found.err(), expected, "{name}");
    }
}

/// A table and a line in it, and what the refusal says somewhere; nothing where the value is taken.
const LINES: &[(&str, &str, &str)] = &[
    ("", "facility = \"99 – 001\"", ""),
    ("", "facility = \"9900\"", "hai chữ số mã tỉnh"),
    ("", "care-type = \"1a\"", "hai chữ số"),
    ("", "data-dir = \"/srv/../etc\"", "không có .."),
    ("", "station-name = \"một\\nhai\"", "trên một dòng"),
    ("", "stick-folders = [\"/media/*/BHYT\", \"/mnt/usb\"]", ""),
    ("", "stick-folders = [\"/media/*/*\"]", "nhiều nhất một phần là *"),
    ("", "stick-folders = [\"/media/B*\"]", "nhiều nhất một phần là *"),
    ("", "stick-folders = [\"media/BHYT\"]", "nhiều nhất một phần là *"),
    ("", "rules-keys = [\"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"]", ""),
    ("", "rules-keys = [\"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO\"]", "khóa công khai minisign"),
    ("", "rules-keys = \"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"", "danh sách nhiều nhất 4 khóa"),
    ("page", "listen = \"127.0.0.1:80\"", "cổng dưới 1024"),
    ("page", "listen = \"192.168.1.2:8686\"", "chỉ phục vụ trên chính máy này"),
    ("page", "listen = \"[::]:8686\"", "chỉ phục vụ trên chính máy này"),
    ("page", "listen = \"[::ffff:127.0.0.1]:8686\"", "chỉ phục vụ trên chính máy này"),
    ("page", "listen = \"127.0.0.9:0\"", ""),
    ("page", "slip-paper = \"a4\"", "80mm"),
    ("page", "slip-paper = 80", "80mm"),
    ("page", "slip-paper = \"a5\"", ""),
    ("lan", "listen = \"192.168.1.10:8687\"", ""),
    ("lan", "listen = \"192.168.1.10:8686\"", "chọn cổng khác"),
    ("lan", "listen = \"192.168.1.10:443\"", "cổng dưới 1024"),
    ("lan", "listen = \"0.0.0.0:8687\"", "hãy viết names"),
    ("lan", "listen = \"203.0.113.9:8687\"", "hãy viết names"),
    ("lan", "names = [\"tram.local\"]", "hãy viết listen"),
    ("lan", "listen = \"[::]:8687\"\nnames = [\"tram.home.arpa\", \"172.16.0.1\"]", ""),
    ("lan", "listen = \"[::]:8687\"\nnames = [\"172.32.0.1\"]", "mạng của trạm"),
    ("lan", "listen = \"[::]:8687\"\nnames = [\".local\"]", "mạng của trạm"),
    ("lan", "listen = \"[::]:8687\"\nnames = []", "mạng của trạm"),
    ("page", "allowed-hosts = [\"a\", 5]", "danh sách tên máy"),
    ("page", "allowed-hosts = \"quay\"", "danh sách tên máy"),
    ("page", "allowed-hosts = [\"127.1\"]", "danh sách tên máy"),
    ("page", "allowed-hosts = [\"a/b\"]", "danh sách tên máy"),
    ("page", "allowed-hosts = [\"192.168.1.2\", \"QUAY\"]", ""),
    ("page", "lock-after-minutes = 60", ""),
    ("page", "lock-after-minutes = 0", "từ 1 đến 60"),
    ("page", "lookups-per-minute = 6000", ""),
    ("page", "lookups-per-minute = 9", "từ 10 đến 6000"),
    ("freshness", "stale-after-hours = 8760", ""),
    ("freshness", "stale-after-hours = 8761", "từ 1 đến 8760"),
    ("freshness", "stale-after-hours = -1", "từ 1 đến 8760"),
    ("freshness", "stale-after-hours = 0x30", ""),
    ("freshness", "stale-after-hours = 36", "phải lớn hơn aging-after-hours (36)"),
    ("freshness", "stale-after-hours = 37", ""),
    ("province", "url = \"bhyt.example.vn\"", "không phải địa chỉ"),
    ("province", "url = \"https://bhyt.example.vn/?a=1\"", "sau dấu ?"),
    ("province", "url = \"https://bhyt.example.vn/#a\"", "sau dấu ?"),
    ("province", "url = \"https://ai@bhyt.example.vn/\"", "tên người dùng"),
    ("province", "url = \"ftp://bhyt.example.vn/\"", "https://"),
    ("sync", "pull-schedule = \"@daily\"", "năm phần"),
    ("sync", "pull-schedule = \"0 3 * * MON *\"", "năm phần"),
    ("sync", "pull-schedule = \"*/0 * * * *\"", "năm phần"),
    ("sync", "pull-schedule = \"60 * * * *\"", "năm phần"),
    ("sync", "pull-schedule = \"1, 2 * * *\"", "năm phần"),
    ("sync", "pull-schedule = \"0 3 * * 1\"", "bằng tên"),
    ("sync", "pull-schedule = \"0 3 * * SAT,7\"", "bằng tên"),
    ("sync", "pull-schedule = \"0 3 30 FEB *\"", "không ngày nào"),
    ("sync", "pull-schedule = \"  0 3  * * mon-fri,SUN \"", ""),
    ("sync", "longest-pause-minutes = 1440", ""),
    ("sync", "longest-pause-minutes = 1441", "từ 1 đến 1440"),
    ("sync", "contact-schedule = \"0 3 * * 1\"", "bằng tên"),
    ("sync", "daily-megabytes = 1", ""),
    ("sync", "daily-megabytes = 0", "từ 1 đến 1000000"),
    ("sync", "hold-above-percent = 100", ""),
    ("sync", "hold-above-percent = 101", "từ 1 đến 100"),
    ("sync", "recheck-days = 366", ""),
    ("sync", "recheck-days = 0", "từ 1 đến 366"),
    ("", "former-province = \"31\"", ""),
    ("", "former-province = \"3\"", "không phải mã tỉnh"),
    ("", "former-province = 31", "dấu nháy kép"),
    ("backup", "recipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]", "thiếu; hãy viết folder"),
    ("backup", "folder = \"/mnt/BHYT\"", "thiếu; hãy viết recipients"),
    ("backup", "folder = \"/mnt/BHYT\"\nrecipients = [\"age1nobody\"]", "age-keygen"),
    ("backup", "folder = \"/mnt/BHYT\"\nrecipients = []", "age-keygen"),
    (
        "backup",
        "folder = \"/var/lib/bhyt-agent/backup\"\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]",
        "không được nằm trong data-dir",
    ),
    (
        "backup",
        "folder = \"/mnt/BHYT\"\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\nkeep-days = 0",
        "từ 1 đến 366",
    ),
    ("retention", "visits-days = 90", ""),
    ("retention", "visits-days = 89", "từ 90 đến 36500"),
    ("coverage", "target-percent = 100", ""),
    ("coverage", "target-percent = 95.75", ""),
    ("coverage", "target-percent = 95.755", "nhiều nhất hai chữ số"),
    ("coverage", "target-percent = 100.5", "từ 0.01 đến 100"),
    ("coverage", "target-percent = inf", "từ 0.01 đến 100"),
    ("province", "url = \"https://bhyt.example.vn/\"\nwipe-orders = true", ""),
    ("province", "url = \"https://bhyt.example.vn/\"\nwipe-orders = \"true\"", "phải là true hoặc false"),
    ("coverage", "target-percent = \"95\"", "từ 0.01 đến 100"),
    ("metrics", "listen = \"127.0.0.1:9686\"", ""),
    ("metrics", "listen = \"[::1]:0\"", ""),
    ("metrics", "listen = \"0.0.0.0:9686\"", "chỉ được đọc trên chính máy này"),
    ("metrics", "listen = \"192.168.1.10:9686\"", "chỉ được đọc trên chính máy này"),
    ("metrics", "listen = \"127.0.0.1:8686\"", "đã dùng cho trang"),
    ("metrics", "listen = \"127.0.0.1:90\"", "cổng dưới 1024"),
    ("metrics", "listen = 9686", "phải là chữ"),
];

#[test]
fn each_value_has_its_limits() {
    let folder = Folder::new();
    for (table, line, expected) in LINES {
        let facility = if line.starts_with("facility =") { "" } else { "facility = \"99001\"\n" };
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let authority = if *table == "province" { "\nca-file = \"@folder/province-ca.pem\"" } else { "" };
        let text = format!("{facility}operator = \"N\"\n{header}{line}{authority}\n");
        let found = folder.load(&text).map_or_else(
            |error| {
                assert!(error.problems.iter().all(|problem| is_english(&problem.reason.en)), "{}", error.in_english());
                folder.lines(&error)
            },
            |_| Vec::new(),
        );
        match (found.as_slice(), expected.is_empty()) {
            ([], true) => {}
            ([reason], false) if reason.contains(expected) => {}
            _ => panic!("{line}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn three_mistakes_are_three_problems() {
    let folder = Folder::new();
    let (_, text, _) = fixtures().into_iter().find(|(name, ..)| name == "three-mistakes").unwrap();
    let problems = folder.load(&text).unwrap_err().problems;
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_deref().unwrap()).collect();
    assert_eq!(keys, ["facility", "page.listen", "freshness.stale-after-hours"]);
}

#[test]
fn no_message_repeats_a_secret_or_a_name() {
    let folder = Folder::new();
    for (name, text, _) in fixtures() {
        let Err(error) = folder.load(&text) else { continue };
        for secret in ["matkhau", "bimat", "cá chép", "Thị Mẫu", "12345", "bWFkZ"] {
            assert!(!format!("{error}\n{error:?}").contains(secret), "{name} gives away {secret}: {error}");
        }
    }
}

#[test]
fn every_value_arrives_in_its_own_type() {
    let folder = Folder::new();
    let (_, text, _) = fixtures().into_iter().find(|(name, ..)| name == "good-full").unwrap();
    let config = folder.load(&text).unwrap();
    assert_eq!(config.facility.as_str(), "01K5A");
    assert_eq!(config.facility_class.as_str(), "other_primary");
    assert_eq!(config.station_name.as_deref(), Some("Trạm y tế xã Mẫu"));
    assert_eq!(config.former_province.as_ref().map(|province| province.as_str()), Some("30"));
    assert_eq!(config.coverage_target.map(|share| share.hundredths()), Some(9550));
    assert_eq!(config.operator.as_str(), "Nguyễn Thị Mẫu");
    assert_eq!(config.retention.visits.zip(config.retention.access), Some((TimeDelta::days(3650), TimeDelta::days(730))));
    let backup = config.backup.unwrap();
    assert_eq!((backup.folder.as_path(), backup.recipients.len()), (Path::new("/mnt/BHYT"), 1));
    assert_eq!((backup.keep_days, backup.keep_weeks, backup.late_after), (7, 4, TimeDelta::days(2)));
    assert_eq!(backup.schedule.source(), "0 0 12 * * *");
    assert_eq!(config.care_type.as_str(), "07");
    assert_eq!(config.data_dir, Path::new("/srv/bhyt/data"));
    assert_eq!(config.keys, Keys::new("/srv/bhyt/keys".into(), None));
    assert_eq!(config.control_socket, Path::new("/srv/bhyt/control.sock"));
    assert_eq!(config.page.listen.to_string(), "[::1]:9000");
    assert_eq!(config.page.hosts(9000), ["127.0.0.1:9000", "[::1]:9000", "localhost:9000", "quay-1:9000", "quay.tram.lan:9000"]);
    assert_eq!((config.page.lock_after, config.page.lookups_per_minute), (Duration::from_mins(3), 30));
    assert_eq!(config.freshness.aging_after, TimeDelta::hours(12));
    assert_eq!(config.freshness.stale_after, TimeDelta::days(1));
    let province = config.province.unwrap();
    assert_eq!(province.url.join("index.json").unwrap().as_str(), "https://bhyt.example.vn:8443/tram/index.json");
    assert_eq!(province.authority.file, folder.path("province-ca.pem"));
    assert!(province.authority.pem.starts_with(b"-----BEGIN"));
    assert_eq!(config.sync.longest_pause, Duration::from_hours(1));
    assert_eq!(config.sync.contact_schedule.source(), "0 5 6-18 * * *");
    assert_eq!((config.sync.daily_bytes, config.sync.hold_above_percent, config.sync.recheck_days), (Some(20 << 20), 10, 14));
    // 2026-11-01 is a Sunday; seven in the morning in Vietnam when it begins in UTC.
    let next: Vec<_> = config.sync.pull_schedule.after(&vietnam_time(RELEASED_AT)).take(2).map(|at| at.to_rfc3339()).collect();
    assert_eq!(next, ["2026-11-02T05:30:00+07:00", "2026-11-02T12:30:00+07:00"]);
    assert!(!config.rules.classes.is_empty());
}

#[test]
fn a_station_that_fills_in_two_lines_gets_the_defaults() {
    let config = Folder::new().load("facility = \"99001\"\noperator = \"Nguyễn Thị Mẫu\"\n").unwrap();
    assert_eq!(config.facility_class.as_str(), "commune_station");
    assert_eq!((config.care_type.as_str(), &config.station_name), ("01", &None));
    assert_eq!(config.data_dir, Path::new("/var/lib/bhyt-agent"));
    assert_eq!(config.keys.dir(), Path::new("/etc/bhyt-agent/keys"));
    assert_eq!(config.control_socket, Path::new("/run/bhyt-agent/control.sock"));
    assert_eq!(config.page.hosts(8686), ["127.0.0.1:8686", "localhost:8686"]);
    assert_eq!((config.page.lock_after, config.page.lookups_per_minute), (Duration::from_mins(5), 60));
    assert_eq!((config.freshness.aging_after, config.freshness.stale_after), (TimeDelta::hours(36), TimeDelta::hours(168)));
    assert_eq!(config.province, None);
    assert_eq!((config.former_province, config.coverage_target), (None, None));
    assert_eq!(config.sync.pull_schedule.source(), "0 */15 * * * *");
    assert_eq!(config.sync.push_schedule.source(), "0 */5 * * * *");
    assert_eq!(config.sync.longest_pause, Duration::from_mins(15));
    assert_eq!(config.sync.contact_schedule.source(), "0 17 * * * *");
    assert_eq!((config.sync.daily_bytes, config.sync.hold_above_percent, config.sync.recheck_days), (None, 30, 30));
}

#[test]
fn a_folder_of_rules_replaces_the_built_in_ones() {
    let folder = Folder::new();
    fs::write(folder.path("rules/rules.toml"), "version = \"of the province\"\n").unwrap();
    let config = folder.load("facility = \"99001\"\noperator = \"Nguyễn Thị Mẫu\"\nrules-dir = \"@folder/rules\"\n").unwrap();
    assert_eq!(&*config.rules.version, "of the province");
}

#[test]
fn a_key_folder_that_leads_into_the_data_is_refused() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("data/keys")).unwrap();
    std::os::unix::fs::symlink(folder.path("data/keys"), folder.path("keys")).unwrap();
    let text = "facility = \"99001\"\noperator = \"N\"\ndata-dir = \"@folder/data\"\nkeys-dir = \"@folder/keys\"\n";
    let lines = folder.lines(&folder.load(text).unwrap_err());
    assert!(lines.len() == 1 && lines[0].contains("keys-dir = \"@folder/keys\": khóa không được nằm trong data-dir"), "{lines:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem() {
    let folder = Folder::new();
    let missing = Config::load(&folder.path("none.toml")).unwrap_err();
    assert!(folder.lines(&missing)[0].starts_with("không đọc được tệp"), "{missing}");
    let path = folder.path("latin.toml");
    fs::write(&path, b"facility = \"99001\"\noperator = \"Nguy\xean\"\n").unwrap();
    let latin = Config::load(&path).unwrap_err();
    assert_eq!(folder.lines(&latin), ["không phải văn bản UTF-8; hãy lưu lại tệp với mã hóa UTF-8"]);
}

/// Saved with Windows' Notepad: byte order mark and carriage returns.
#[test]
fn a_file_from_notepad_is_taken() {
    let text = "\u{feff}facility = \"99001\"\r\noperator = \"Nguyễn Thị Mẫu\"\r\n";
    assert_eq!(Folder::new().load(text).unwrap().facility.as_str(), "99001");
}

fn handed_out(name: &str) -> String {
    fs::read_to_string(root().join("config").join(name)).unwrap()
}

/// The text with the keys that have no default written out, as a person does who removes the `#` in front of them.
fn all_written(text: &str) -> String {
    let written = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(written).collect::<Vec<_>>().join("\n")
}

fn keys(text: &str) -> BTreeSet<String> {
    let table: Table = text.parse().unwrap();
    let of = |(key, value): (String, Value)| match value {
        Value::Table(inner) => inner.keys().map(|leaf| format!("{key}.{leaf}")).collect(),
        _ => vec![key],
    };
    table.into_iter().flat_map(of).collect()
}

#[test]
fn the_file_a_station_fills_in_is_taken() {
    let folder = Folder::new();
    let text = handed_out("bhyt-agent.toml");
    let alone = folder.load(&text).unwrap();
    assert_eq!(alone.province, None);
    let connected = all_written(&text).replace("/etc/bhyt-agent/province-ca.pem", "@folder/province-ca.pem");
    assert!(folder.load(&connected).unwrap().province.is_some());
}

#[test]
fn the_example_says_what_the_defaults_are() {
    let folder = Folder::new();
    let example = folder.load(&handed_out("bhyt-agent.example.toml")).unwrap();
    let defaults = folder.load(&handed_out("bhyt-agent.toml")).unwrap();
    assert_eq!(format!("{example:#?}"), format!("{defaults:#?}"));
    let changed = folder.load(&handed_out("bhyt-agent.example.toml").replace("= 36", "= 37")).unwrap();
    assert_ne!(format!("{changed:#?}"), format!("{defaults:#?}"), "the comparison sees no difference");
}

#[test]
fn the_example_lists_every_key() {
    let example = all_written(&handed_out("bhyt-agent.example.toml"));
    let known: BTreeSet<_> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(keys(&example), known);
    let here =
        example.replace("/etc/bhyt-agent/province-ca.pem", "@folder/province-ca.pem").replace("/etc/bhyt-agent/rules", "@folder/rules");
    Folder::new().load(&here).unwrap();
}

#[test]
fn a_credential_wins_over_the_key_file() {
    let folder = Folder::new();
    let keys = Keys::new("/keys".into(), Some(folder.path("")));
    assert_eq!(keys.database_key(), Path::new("/keys/database.key"));
    let credential = folder.write("database.key", "");
    assert_eq!(keys.database_key(), credential);
    assert_eq!(Keys::new("/keys".into(), None).database_key(), Path::new("/keys/database.key"));
}

#[test]
fn loose_key_files_are_warned_of() {
    let folder = Folder::new();
    let keys = Keys::new(folder.path("").components().collect(), None);
    assert_eq!(keys.warnings(), []);
    for (path, mode) in [
        (keys.database_key(), 0o400),
        (keys.station_key(), 0o640),
        (keys.feed_key(), 0o604),
        (keys.station_certificate(), 0o644),
        (keys.index_public_key(), 0o664),
        (keys.intake_recipient(), 0o666),
    ] {
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let warnings: Vec<_> = keys.warnings().iter().map(|w| w.to_string().replace(folder.0.path().to_str().unwrap(), "@folder")).collect();
    assert_eq!(
        warnings,
        [
            "@folder/station.key.pem: quyền 0640 quá rộng; hãy chạy: chmod 0600 @folder/station.key.pem",
            "@folder/feed.key: quyền 0604 quá rộng; hãy chạy: chmod 0600 @folder/feed.key",
            "@folder/index.pub: quyền 0664 quá rộng; hãy chạy: chmod 0644 @folder/index.pub",
            "@folder/intake.pub: quyền 0666 quá rộng; hãy chạy: chmod 0644 @folder/intake.pub",
        ]
    );
}
