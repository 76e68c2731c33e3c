//! What the station's administrator sets, read from one TOML file.
//!
//! Promise: every value is parsed into its own type before anything starts, and a refusal names every problem at once, with its line, key,
//! value and what to write instead, so that a station far away is put right in one go. The rule tables are part of it, so that `check-config`
//! finds their mistakes as well. Never: a secret in the file or a name of a person in a message, a guess at a mistyped value, a network access.

mod backup;
pub mod damaged;
pub mod flat;
mod keys;
mod problem;
pub mod reload;
mod retention;
mod section;
mod values;
pub mod written;

use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono::TimeDelta;
use cron::Schedule;
use toml::de::DeValue;
use url::Url;

use crate::domain::benefit::CareType;
use crate::domain::coverage::Share;
use crate::domain::facility::FacilityClass;
use crate::domain::facility::FacilityCode;
use crate::domain::facility::ProvinceCode;
use crate::domain::freshness::Thresholds;
use crate::domain::rules::RuleTables;
use crate::domain::rules::RulesOrigin;
use crate::domain::slip::SlipPaper;
use crate::domain::visit::OperatorName;
use crate::ops::rules::RulesError;
use crate::ops::rules::bundle::RulesKey;
use crate::ops::rules::shelf::Chosen;
use crate::ops::rules::shelf::Shelf;

pub use backup::Backup;
pub use keys::KeyWarning;
pub use keys::Keys;
pub use problem::ConfigError;
pub use problem::ConfigProblem;
pub use problem::Position;
pub use problem::Reason;
pub use retention::Retention;

use section::Section;

/// Every key there is, with its table. `config/bhyt-agent.example.toml` explains each.
pub const KEYS: [&str; 42] = [
    "facility",
    "facility-class",
    "former-province",
    "station-name",
    "operator",
    "care-type",
    "data-dir",
    "keys-dir",
    "rules-dir",
    "rules-keys",
    "control-socket",
    "stick-folders",
    "page.listen",
    "page.allowed-hosts",
    "page.slip-paper",
    "page.lock-after-minutes",
    "page.lookups-per-minute",
    "lan.listen",
    "lan.names",
    "freshness.aging-after-hours",
    "freshness.stale-after-hours",
    "province.url",
    "province.ca-file",
    "province.wipe-orders",
    "sync.pull-schedule",
    "sync.push-schedule",
    "sync.contact-schedule",
    "sync.longest-pause-minutes",
    "sync.daily-megabytes",
    "sync.hold-above-percent",
    "sync.recheck-days",
    "coverage.target-percent",
    "metrics.listen",
    "backup.folder",
    "backup.recipients",
    "backup.schedule",
    "backup.keep-days",
    "backup.keep-weeks",
    "backup.late-after-days",
    "retention.visits-days",
    "retention.access-log-days",
    "retention.coverage-days",
];

/// The tables they stand in.
const TABLES: [&str; 9] = ["page", "lan", "freshness", "province", "sync", "coverage", "metrics", "backup", "retention"];

/// The configuration of a station.
#[derive(Clone, Debug)]
pub struct Config {
    /// The station's own code (`facility`).
    pub facility: FacilityCode,
    /// What the station is; the rule tables know it (`facility-class`).
    pub facility_class: FacilityClass,
    /// Which province it was in before the merger of 2025 (`former-province`); without it the cards' own province part is gone by.
    pub former_province: Option<ProvinceCode>,
    /// What the page calls the station (`station-name`).
    pub station_name: Option<Box<str>>,
    /// Who sits at the desk (`operator`); until there are accounts, one name for all visits.
    pub operator: OperatorName,
    /// Care type of a new visit (`care-type`).
    pub care_type: CareType,
    /// Where both databases are (`data-dir`).
    pub data_dir: PathBuf,
    /// Where the keys are (`keys-dir`); never inside `data_dir`.
    pub keys: Keys,
    /// The rule tables: those of `rules-dir`, or the ones the program carries.
    pub rules: RuleTables,
    /// Who may sign sets of rules that are newer than the program's (`rules-keys`).
    pub rules_keys: Vec<RulesKey>,
    /// The operator's socket (`control-socket`).
    pub control_socket: PathBuf,
    /// Where sticks come up (`stick-folders`); in each one part may be `*`.
    pub stick_folders: Vec<PathBuf>,
    /// The local page.
    pub page: Page,
    /// The page on the house's network; without it no other machine is answered.
    pub lan: Option<Lan>,
    /// From which age data are aging, and stale. Rising.
    pub freshness: Thresholds,
    /// The province; without it the station works alone.
    pub province: Option<Province>,
    /// When to pull and push.
    pub sync: Sync,
    /// Share of the people on the roster whose cards should be in force (`coverage.target-percent`).
    pub coverage_target: Option<Share>,
    /// Where figures are told to a monitoring program on this machine (`metrics.listen`): a loopback address. Without it nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Copies of the visits elsewhere; without it none are made.
    pub backup: Option<Backup>,
    /// How long things stay.
    pub retention: Retention,
}

/// The only variables of the environment that are read for the configuration: where secrets are. Everything else of the environment is nobody's word.
pub const KEYS_DIR_VARIABLE: &str = "BHYT_KEYS_DIR";
/// Set by systemd for a unit with `LoadCredential`.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// What the environment says in place of the file: paths of secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Overrides {
    keys_dir: Option<PathBuf>,
    credentials: Option<PathBuf>,
}

impl Overrides {
    fn of_environment() -> Self {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { keys_dir: path(KEYS_DIR_VARIABLE), credentials: path(CREDENTIALS_VARIABLE) }
    }

    /// The folder of the keys: as written, unless the environment names another.
    fn keys_dir(&self, written: PathBuf, top: &mut Section<'_>) -> PathBuf {
        self.keys_dir.as_deref().map_or(Ok(written), values::whole_path).unwrap_or_else(|reason| {
            let reason = Reason::new(
                format!("biến môi trường {KEYS_DIR_VARIABLE}: {}", reason.vi),
                format!("environment variable {KEYS_DIR_VARIABLE}: {}", reason.en),
            );
            top.refuse("keys-dir", reason);
            PathBuf::new()
        })
    }
}

/// `[page]`: the local page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it listens (`listen`): a loopback address. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Further names by which browsers may ask for it (`allowed-hosts`), in lower case, without port.
    pub allowed_hosts: Vec<Box<str>>,
    /// On which paper slips are printed (`slip-paper`).
    pub slip_paper: SlipPaper,
    /// After how long a desk that nobody touches wants the PIN again (`lock-after-minutes`).
    pub lock_after: Duration,
    /// How many people one operator may look up in a minute (`lookups-per-minute`): more are no receptionist.
    pub lookups_per_minute: u32,
}

impl Page {
    /// Every `Host` a request may name: `localhost`, the address itself, and the further names. `port` is the one really bound.
    pub fn hosts(&self, port: u16) -> Vec<String> {
        let own = match self.listen {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        let mut names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), own];
        names.extend(self.allowed_hosts.iter().map(|name| name.to_string()));
        names.sort();
        names.dedup();
        // Port 80 cannot be bound without a capability the service does not have, so the port is always written out.
        names.into_iter().map(|name| format!("{name}:{port}")).collect()
    }
}

/// `[lan]`: the page on the house's network, over TLS, for desks that were paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lan {
    /// Where it listens (`listen`). Port 0 takes any free one.
    pub listen: SocketAddr,
    /// By which names and addresses desks ask for it (`names`); they stand in its certificate. The first is the one that people are told.
    pub names: Vec<Box<str>>,
}

impl Lan {
    /// Reads the table. `taken` is the port of the page itself.
    fn of(top: &mut Section<'_>, taken: u16) -> Option<Self> {
        let mut lan = top.optional_table("lan")?;
        let listen = lan.required("listen", values::lan_listen);
        let names = lan.optional("names", values::lan_names);
        let own = listen.filter(|listen| !listen.ip().is_unspecified()).and_then(|listen| values::private_name(&listen.ip().to_string()));
        if listen.is_some() && names.is_none() && own.is_none() && !lan.refused("names") {
            let reason = Reason::new(
                "thiếu; hãy viết names = [\"192.168.1.10\"] (địa chỉ hoặc tên mà các bàn khác dùng để mở máy này)",
                "missing; write names = [\"192.168.1.10\"] (the address or name by which the other desks ask for this computer)",
            );
            lan.refuse("names", reason);
        }
        if listen.is_some_and(|listen| listen.port() == taken && taken != 0) {
            let reason = Reason::new(
                format!("cổng {taken} đã dùng cho trang trên máy này (page.listen); hãy chọn cổng khác, ví dụ 8687"),
                format!("port {taken} is taken by this computer's own page (page.listen); choose another, for example 8687"),
            );
            lan.refuse("listen", reason);
        }
        top.close(lan);
        Some(Self { listen: listen?, names: names.or(own.map(|own| vec![own]))? })
    }

    /// Every `Host` a request may name. `port` is the one really bound.
    pub fn hosts(&self, port: u16) -> Vec<String> {
        let host = |name: &str| if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") };
        self.names.iter().map(|name| host(name)).collect()
    }
}

/// `[province]`: the provincial server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Province {
    /// Its address (`url`): `https`, no user, no query; the path ends with a slash, so that joining a file name adds to it.
    pub url: Url,
    /// The certificate authority that vouches for it, the only one trusted.
    pub authority: Authority,
    /// Whether the province may order that this computer gives up what it holds (`wipe-orders`).
    pub wipe_orders: bool,
}

/// A certificate authority's file, read at load so that a wrong path is found by `check-config`.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// The file (`ca-file`).
    pub file: PathBuf,
    /// Its content: at least one certificate in PEM form, and no private key.
    pub pem: Box<[u8]>,
}

impl Authority {
    /// Reads the file, and says what is wrong with it.
    pub fn read(file: PathBuf) -> Result<Self, Reason> {
        values::authority_in(file)
    }
}

/// Whether a text may be `station-name`: it as it is kept, or why not.
pub fn station_name(text: &str) -> Result<Box<str>, Reason> {
    values::station_name(&DeValue::String(text.into()))
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Authority({}, {} bytes)", self.file.display(), self.pem.len())
    }
}

/// `[sync]`: when to pull and push. Ask the schedules with `domain::clock::vietnam_time`: their hours are Vietnamese.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// When to ask the province for card changes (`pull-schedule`).
    pub pull_schedule: Schedule,
    /// When to send what a new visit did not send at once (`push-schedule`).
    pub push_schedule: Schedule,
    /// When station and province tell each other how they stand (`contact-schedule`).
    pub contact_schedule: Schedule,
    /// Cap of the pause after failures (`longest-pause-minutes`).
    pub longest_pause: Duration,
    /// Bytes a day after which downloads wait for the next (`daily-megabytes`); without it there is no limit.
    pub daily_bytes: Option<u64>,
    /// Percent of the people held whom one change may take away without a person having looked at it (`hold-above-percent`).
    pub hold_above_percent: u8,
    /// So many days back visits are judged again when the roster has changed (`recheck-days`).
    pub recheck_days: u16,
}

/// `[freshness]`.
fn thresholds(top: &mut Section<'_>) -> Thresholds {
    let mut freshness = top.table("freshness");
    let aging_after = freshness.optional("aging-after-hours", values::hours).unwrap_or(TimeDelta::hours(36));
    let stale_after = freshness.optional("stale-after-hours", values::hours).unwrap_or(TimeDelta::hours(168));
    if aging_after >= stale_after && !freshness.refused("aging-after-hours") && !freshness.refused("stale-after-hours") {
        if freshness.written("stale-after-hours") {
            let hours = aging_after.num_hours();
            let [vi, en] = [format!("phải lớn hơn aging-after-hours ({hours})"), format!("has to be above aging-after-hours ({hours})")];
            freshness.refuse("stale-after-hours", Reason::new(vi, en));
        } else {
            let hours = stale_after.num_hours();
            let [vi, en] = [format!("phải nhỏ hơn stale-after-hours ({hours})"), format!("has to be below stale-after-hours ({hours})")];
            freshness.refuse("aging-after-hours", Reason::new(vi, en));
        }
    }
    top.close(freshness);
    Thresholds { aging_after, stale_after }
}

/// Where figures are told. `taken` is the port of the page itself.
fn metrics_door(top: &mut Section<'_>, taken: u16) -> Option<SocketAddr> {
    let mut metrics = top.table("metrics");
    let listen = metrics.optional("listen", values::metrics_listen);
    if listen.is_some_and(|listen| listen.port() == taken && taken != 0) {
        let reason = Reason::new(
            format!("cổng {taken} đã dùng cho trang (page.listen); hãy chọn cổng khác, ví dụ 9686"),
            format!("port {taken} is taken by the page (page.listen); choose another, for example 9686"),
        );
        metrics.refuse("listen", reason);
    }
    top.close(metrics);
    listen
}

impl Config {
    /// The sets of rules that were brought to this station.
    pub fn shelf(&self) -> Shelf {
        Shelf::new(&self.data_dir, &self.rules_keys)
    }

    /// Whether a folder is among the data or the keys, by whatever way it is named: no place for copies.
    pub fn is_own(&self, folder: &Path) -> bool {
        [&self.data_dir, self.keys.dir()].into_iter().any(|own| values::is_inside(folder, own))
    }

    /// Whether a set has what this station needs on a day.
    pub fn is_fitted_by(&self, tables: &RuleTables, on: NaiveDate) -> bool {
        tables.classes.iter().any(|row| row.class == self.facility_class) && tables.provisional_category(&self.facility_class, on).is_some()
    }

    /// The rules that hold on a day: those of `rules-dir`, or the newest of what the program carries and what was installed.
    pub fn rules_on(&self, on: NaiveDate) -> Result<Chosen, RulesError> {
        if self.rules.origin == RulesOrigin::Folder {
            return Ok(Chosen { tables: self.rules.clone(), passed_over: Vec::new() });
        }
        self.shelf().choose(on, |tables| self.is_fitted_by(tables, on))
    }

    /// Reads a configuration file and the rule tables. Keys and credentials are only named, not read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let overrides = Overrides::of_environment();
        let read = fs::read(path).map_err(|error| vec![ConfigProblem::file(values::unreadable(&error))]);
        read.and_then(|bytes| Self::parse(&bytes, &overrides)).map_err(|problems| ConfigError { path: path.to_owned(), problems })
    }

    fn parse(bytes: &[u8], overrides: &Overrides) -> Result<Self, Vec<ConfigProblem>> {
        let source = str::from_utf8(bytes).map_err(|_| {
            let [vi, en] = ["không phải văn bản UTF-8; hãy lưu lại tệp với mã hóa UTF-8", "is not UTF-8 text; save the file as UTF-8"];
            vec![ConfigProblem::file(Reason::new(vi, en))]
        })?;
        let mut top = Section::document(source)?;
        let read = Self::read(&mut top, overrides);
        let problems = top.finish();
        read.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Takes every key. `None`: something is missing that has no default; why stands among the problems, as does whatever was written and is not taken.
    fn read(top: &mut Section<'_>, overrides: &Overrides) -> Option<Self> {
        let facility = top.required("facility", values::facility);
        let named_class = top.optional("facility-class", values::facility_class);
        let former_province = top.optional("former-province", values::province);
        let station_name = top.optional("station-name", values::station_name);
        let operator = top.required("operator", values::operator);
        let care_type = top.optional("care-type", values::care_type).or_else(|| CareType::parse("01").ok());
        let data_dir = top.optional("data-dir", values::path).unwrap_or_else(|| "/var/lib/bhyt-agent".into());
        let written_dir = top.optional("keys-dir", values::path).unwrap_or_else(|| "/etc/bhyt-agent/keys".into());
        let keys_dir = overrides.keys_dir(written_dir, top);
        let rules = top.rules("rules-dir");
        let rules_keys = top.optional("rules-keys", values::rules_keys).unwrap_or_default();
        let control_socket = top.optional("control-socket", values::socket_path).unwrap_or_else(|| "/run/bhyt-agent/control.sock".into());
        let stick_folders = top
            .optional("stick-folders", values::stick_folders)
            .unwrap_or_else(|| ["/media/*/BHYT", "/run/media/*/BHYT", "/mnt/BHYT"].map(PathBuf::from).to_vec());
        let facility_class = named_class.or_else(|| FacilityClass::parse("commune_station").ok());
        if let (Some(rules), Some(class)) = (&rules, &facility_class)
            && !rules.classes.iter().any(|row| row.class == *class)
        {
            top.refuse("facility-class", values::unknown_class(rules));
        }
        if values::is_inside(&keys_dir, &data_dir) && !top.refused("data-dir") && !top.refused("keys-dir") {
            let reason = Reason::new(
                "khóa không được nằm trong data-dir: ai chép dữ liệu sẽ chép luôn khóa; hãy chọn thư mục khác, ví dụ \"/etc/bhyt-agent/keys\"",
                "keys must not lie in data-dir: who copies the data would copy the keys; choose another folder, for example \"/etc/bhyt-agent/keys\"",
            );
            top.refuse("keys-dir", reason);
        }

        let mut page = top.table("page");
        let listen = page.optional("listen", values::listen).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8686)));
        let allowed_hosts = page.optional("allowed-hosts", values::hosts).unwrap_or_default();
        let slip_paper = page.optional("slip-paper", values::slip_paper).unwrap_or_default();
        let lock_after = page.optional("lock-after-minutes", values::idle_minutes).unwrap_or(Duration::from_mins(5));
        let lookups_per_minute = page.optional("lookups-per-minute", values::lookups).unwrap_or(60);
        top.close(page);

        let lan = Lan::of(top, listen.port());

        let freshness = thresholds(top);

        let province = top.optional_table("province").and_then(|mut province| {
            let url = province.required("url", values::province_url);
            let authority = province.required("ca-file", values::authority);
            let wipe_orders = province.optional("wipe-orders", values::switch).unwrap_or(false);
            top.close(province);
            Some(Province { url: url?, authority: authority?, wipe_orders })
        });

        let mut sync = top.table("sync");
        let pull_schedule = sync.optional("pull-schedule", values::schedule).or_else(|| values::cron("*/15 * * * *").ok());
        let push_schedule = sync.optional("push-schedule", values::schedule).or_else(|| values::cron("*/5 * * * *").ok());
        let contact_schedule = sync.optional("contact-schedule", values::schedule).or_else(|| values::cron("17 * * * *").ok());
        let longest_pause = sync.optional("longest-pause-minutes", values::minutes).unwrap_or(Duration::from_mins(15));
        let daily_bytes = sync.optional("daily-megabytes", values::megabytes);
        let hold_above_percent = sync.optional("hold-above-percent", values::percent).unwrap_or(30);
        let recheck_days = sync.optional("recheck-days", values::days).unwrap_or(30);
        top.close(sync);

        let mut coverage = top.table("coverage");
        let coverage_target = coverage.optional("target-percent", values::share);
        top.close(coverage);

        let metrics_listen = metrics_door(top, listen.port());
        let backup = Backup::of(top, &data_dir, &keys_dir);
        let retention = Retention::of(top);

        let (pull_schedule, push_schedule, contact_schedule) = (pull_schedule?, push_schedule?, contact_schedule?);
        Some(Self {
            facility: facility?,
            facility_class: facility_class?,
            former_province,
            station_name,
            operator: operator?,
            care_type: care_type?,
            data_dir,
            keys: Keys::new(keys_dir, overrides.credentials.clone()),
            rules: rules?,
            rules_keys,
            control_socket,
            stick_folders,
            page: Page { listen, allowed_hosts, slip_paper, lock_after, lookups_per_minute },
            lan,
            freshness,
            province,
            sync: Sync { pull_schedule, push_schedule, contact_schedule, longest_pause, daily_bytes, hold_above_percent, recheck_days },
            coverage_target,
            metrics_listen,
            backup,
            retention,
        })
    }
}
