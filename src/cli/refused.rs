//! `bhyt-agent serve --refused`: a page in the place of a service that may not run, for whoever stands before the desk.
//!
//! Promise: it says what `serve` would have said, since when, and what to do; it ends with 75 for systemd to start the service again: as soon as there is nothing
//! to say any more, or, where only the service itself can find that out, after a pause that grows to a minute. Told to stop it ends with 0, and nothing is
//! started. The files are opened when something about them has changed, and once a minute otherwise: whoever works on them meanwhile is not in its way.
//! Never: a look-up, a visit, a word to the province.

use core::net::Ipv4Addr;
use core::net::SocketAddr;
use core::time::Duration;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use rustix::fs::StatVfsMountFlags;
use tokio::runtime::Builder;
use tokio::time;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::AppError;
use crate::app::Opened;
use crate::cli::output;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::Clock;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging;
use crate::ops::notify;
use crate::ops::signal;
use crate::reception;
use crate::reception::refused;
use crate::reception::refused::Refusal;
use crate::storage;
use crate::storage::open::OnDamage;
use crate::storage::visits;

/// How often it is looked whether anything has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long the files stay closed though nothing has changed, as far as can be seen from outside.
const LOOK_ANYWAY: Duration = Duration::from_mins(1);

/// How long the service is left alone after each try, in seconds; from then on the last.
const PAUSES: [u64; 5] = [5, 10, 20, 40, 60];

/// What was long ago has nothing to do with now: above the time that a start may take.
const ANOTHER_TIME: u64 = 300;

/// Ends this process so that the service is started; the unit knows this number.
const HAND_BACK: ExitCode = ExitCode::TempFail;

/// Where the page is if the configuration does not say.
const USUAL: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8686);

pub(super) fn run(path: &Path) -> ExitCode {
    if let Err(error) = logging::start() {
        output::say(&logging::Chain(&error).to_string());
        return ExitCode::Config;
    }
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(stand_in(path)),
        Err(_) => ExitCode::Software,
    }
}

/// The reason, and under which address and names it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    address: SocketAddr,
    hosts: Vec<String>,
    why: Sentence,
    /// Whether it can pass without anybody, or cannot be seen from here: then the service tries again.
    may_pass: bool,
}

/// What was found.
#[derive(Debug)]
enum Look {
    /// The service may not run.
    Told(Told),
    /// Nothing is in the way.
    Free,
    /// Nothing has changed, or somebody works on the files.
    Same,
}

async fn stand_in(path: &Path) -> ExitCode {
    let stop = CancellationToken::new();
    if signal::cancel_on_signal(stop.clone()).is_err() {
        return ExitCode::Software;
    }
    let clock = Arc::new(SystemClock::new());
    let episode = Episode::go_on(env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from), &*clock);
    // Without the sealed key nothing can be looked at here, and a key that is missing is not what is wrong.
    let first = if ended_with() == Some(words::service::CREDENTIALS) { Look::Same } else { look(path, None).await };
    let mut told = match first {
        Look::Told(told) => told,
        Look::Free | Look::Same => by_its_end(path),
    };
    let began = Instant::now();
    loop {
        let listener = match reception::bind(told.address) {
            Ok(listener) => listener,
            Err(error) => {
                output::say(&logging::Chain(&error).to_string());
                return ExitCode::Unavailable;
            }
        };
        tracing::warn!(name: "service.refused", page = %told.address, "the service may not run; the page says why");
        notify::status(&told.why.vi);
        notify::ready();
        let ended = stop.child_token();
        let page = tokio::spawn(refused::serve(listener, told.hosts.clone(), episode.tell(&told.why), ended.clone()));
        let next = stop.run_until_cancelled(Box::pin(changed(path, &told, began + episode.pause))).await;
        ended.cancel();
        if !matches!(page.await, Ok(Ok(()))) {
            return ExitCode::Unavailable;
        }
        match next {
            Some(Some(now)) => told = now,
            Some(None) => {
                episode.end(episode.tries.saturating_add(1), &*clock);
                return HAND_BACK;
            }
            None => {
                episode.end(episode.tries, &*clock);
                return ExitCode::Ok;
            }
        }
    }
}

/// Waits until there is another reason. `None`: until the service is to try.
async fn changed(path: &Path, told: &Told, tried_at: Instant) -> Option<Told> {
    let (mut seen, mut opened) = (Marks::of(path), Instant::now());
    loop {
        time::sleep(LOOK_AGAIN).await;
        if told.may_pass {
            if Instant::now() >= tried_at || Marks::of(path) != seen {
                return None;
            }
            continue;
        }
        let known = seen.as_ref().filter(|_| opened.elapsed() < LOOK_ANYWAY);
        let is_known = known.is_some();
        match look(path, known).await {
            Look::Free => return None,
            Look::Told(now) if now != *told => return Some(now),
            Look::Same if is_known => {}
            // Only now: the look itself may have left its mark.
            Look::Told(_) | Look::Same => (seen, opened) = (Marks::of(path), Instant::now()),
        }
    }
}

/// What can be seen of the files from outside, without a key or the lock.
#[derive(Debug, PartialEq, Eq)]
struct Marks(Vec<Option<[i128; 6]>>);

impl Marks {
    /// `None`: the configuration does not say where they are.
    fn of(path: &Path) -> Option<Self> {
        Config::load(path).ok().map(|config| Self::by(path, &config))
    }

    fn by(path: &Path, config: &Config) -> Self {
        let data = &config.data_dir;
        let file = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            let changed = i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec());
            Some([changed, found.ino().into(), found.dev().into(), found.size().into(), found.mode().into(), found.uid().into()])
        };
        // When a folder was changed tells nothing: a look makes and removes files in it.
        let folder = rustix::fs::statvfs(data).ok().map(|disk| {
            let found = fs::metadata(data).ok();
            let of = |value: fn(&fs::Metadata) -> u64| found.as_ref().map_or(-1, |found| value(found).into());
            let has_room = i128::from(storage::folder::free_bytes(data).is_ok_and(|free| free >= storage::folder::RESERVED));
            let is_read_only = i128::from(disk.f_flag.contains(StatVfsMountFlags::RDONLY));
            [
                is_read_only,
                has_room,
                of(MetadataExt::dev),
                of(MetadataExt::ino),
                of(|found| found.mode().into()),
                of(|found| found.uid().into()),
            ]
        });
        let files = [path.to_owned(), config.keys.database_key(), data.join("key.mark"), data.join(visits::FILE)];
        Self(files.iter().map(|path| file(path)).chain([folder]).collect())
    }
}

/// Why the service may not run. With what was seen when the files were opened last, they are opened only if that has changed.
async fn look(path: &Path, seen: Option<&Marks>) -> Look {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            let told = error.to_string();
            let en = format!("The configuration is wrong; bhyt-agent check-config says the same.\n{}", error.in_english());
            let why = Sentence::new(format!("Tệp cấu hình sai:\n{told}"), en);
            return Look::Told(Told { address: USUAL, hosts: usual_hosts(), why, may_pass: false });
        }
    };
    if seen.is_some_and(|seen| *seen == Marks::by(path, &config)) {
        return Look::Same;
    }
    let error = match Opened::open(&config, Arc::new(SystemClock::new()), OnDamage::Refuse).await {
        Ok(opened) => {
            opened.close().await;
            return Look::Free;
        }
        Err(AppError::Storage(storage::Error::InUse { .. })) => return Look::Same,
        // The service sets it aside and goes on.
        Err(AppError::Storage(storage::Error::Damaged { .. } | storage::Error::Corrupt(_))) => return Look::Free,
        Err(AppError::Storage(error)) => error,
        // Whatever passes by itself is the service's to try again.
        Err(_) => return Look::Free,
    };
    let may_pass = match output::storage_code(&error) {
        ExitCode::Config => false,
        ExitCode::CannotCreate | ExitCode::Io | ExitCode::NoPermission => true,
        _ => return Look::Free,
    };
    let why = words::cannot_open(&error).because(&logging::Chain(&error).to_string());
    Look::Told(Told { why, ..told_at(&config, may_pass) })
}

/// By which number, as systemd says.
fn ended_with() -> Option<u8> {
    env::var("MONITOR_EXIT_STATUS").ok()?.parse().ok()
}

/// The service has ended with a reason that is not found here.
fn by_its_end(path: &Path) -> Told {
    match Config::load(path) {
        Ok(config) => {
            let why = words::service::ended(ended_with(), &config.data_dir, &config.keys.dir().join("database.key"));
            Told { why, ..told_at(&config, true) }
        }
        Err(_) => Told { address: USUAL, hosts: usual_hosts(), why: words::service::ended_unknown(), may_pass: true },
    }
}

fn told_at(config: &Config, may_pass: bool) -> Told {
    let address = config.page.listen;
    Told { address, hosts: config.page.hosts(address.port()), why: words::service::ended_unknown(), may_pass }
}

fn usual_hosts() -> Vec<String> {
    [format!("localhost:{}", USUAL.port()), USUAL.to_string()].into()
}

/// Since when the service does not run, and how often it was tried meanwhile, over all processes of this kind since the machine was started.
#[derive(Debug)]
struct Episode {
    /// Where it is kept; without systemd nowhere.
    note: Option<PathBuf>,
    since: DateTime<Utc>,
    tries: usize,
    pause: Duration,
}

impl Episode {
    fn go_on(folder: Option<PathBuf>, clock: &dyn Clock) -> Self {
        let note = folder.map(|folder| folder.join("since"));
        let now = clock.read();
        let before = note.as_ref().and_then(|note| fs::read_to_string(note).ok()).and_then(|text| read_note(&text));
        let before = before.filter(|(last, ..)| now.since_boot.as_secs().saturating_sub(*last) < ANOTHER_TIME);
        let (_, since, tries) = before.unwrap_or((0, now.wall, 0));
        let pause = Duration::from_secs(PAUSES[tries.min(PAUSES.len() - 1)]);
        Self { note, since, tries, pause }
    }

    /// For whoever goes on.
    fn end(&self, tries: usize, clock: &dyn Clock) {
        if let Some(note) = &self.note {
            let last = clock.read().since_boot.as_secs();
            // Lost, it is told from now, and tried sooner.
            let _ = fs::write(note, format!("{last} {} {tries}\n", self.since.to_rfc3339()));
        }
    }

    /// A reason with since when.
    fn tell(&self, why: &Sentence) -> Refusal {
        let now = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT).now();
        let Sentence { vi, en } = words::service::not_running_since(self.since, self.tries, &now);
        Refusal { vi: format!("{}\n{vi}", why.vi).trim_end().to_owned(), en: format!("{}\n{en}", why.en).trim_end().to_owned() }
    }
}

/// Seconds since the machine's start when it was written, since when, and tries.
fn read_note(text: &str) -> Option<(u64, DateTime<Utc>, usize)> {
    let mut parts = text.split_whitespace();
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Reading;

    #[derive(Debug)]
    struct At(u64);

    impl Clock for At {
        fn read(&self) -> Reading {
            let wall = DateTime::from_timestamp(1_795_305_600, 0).unwrap() + Duration::from_secs(self.0);
            Reading { wall, since_boot: Duration::from_secs(self.0), boot_id: "a start".into() }
        }
    }

    /// A crash loop over a disk that takes no writes: neither a storm nor a long wait.
    #[test]
    fn the_service_is_tried_after_pauses_that_grow_to_a_minute_and_another_time_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let at = |second| Episode::go_on(Some(folder.path().to_owned()), &At(second));
        let (mut now, mut pauses) = (100, Vec::new());
        for _ in 0..7 {
            let episode = at(now);
            assert_eq!(episode.since, At(100).read().wall);
            pauses.push(episode.pause.as_secs());
            now += episode.pause.as_secs() + 2;
            episode.end(episode.tries + 1, &At(now - 1));
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(at(now).tries, 7);
        let anew = at(now + ANOTHER_TIME);
        assert_eq!((anew.tries, anew.pause.as_secs(), anew.since), (0, 5, At(now + ANOTHER_TIME).read().wall));
        fs::write(folder.path().join("since"), "no note").unwrap();
        assert_eq!(at(5).tries, 0);
        assert_eq!(Episode::go_on(None, &At(5)).pause.as_secs(), 5, "without systemd nothing is kept");
    }
}
