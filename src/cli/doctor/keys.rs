//! Looks at the station's keys and judges them: the database's, and what makes this machine the station.
//!
//! Promise: read as the account that runs the service, so that what it cannot read shows; nothing is changed. Never: a key's content kept.

use std::fs;
use std::io;
use std::path::Path;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use super::kept;
use super::kept::FormerKeys;
use super::line::Check;
use super::line::Line;
use super::records::Papers;
use crate::cli::account;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::ops::config::Keys;
use crate::ops::exit_code::ExitCode;
use crate::storage;
use crate::storage::key::DatabaseKey;
use crate::storage::visits;
use crate::storage::wipe::Wiped;
use crate::upstream::province::enrol;

/// Where systemd puts the keys of a service that runs.
const CREDENTIALS: &str = "/run/credentials/bhyt-agent.service";

/// The keys as the service has them, although this process is not it.
pub(in crate::cli) fn keys_of_service(keys: &Keys) -> Keys {
    let credentials = Path::new(CREDENTIALS);
    if keys.database_key().starts_with(keys.dir()) && credentials.join("database.key").exists() {
        return Keys::new(keys.dir().to_owned(), Some(credentials.to_owned()));
    }
    keys.clone()
}

/// What else is known of the keys.
#[derive(Debug)]
pub(super) struct Beside {
    /// There is a certificate.
    pub(super) is_enrolled: bool,
    /// The key sealed to this machine opens no more, which has its own line.
    pub(super) is_sealed_closed: bool,
    /// Keys of before.
    pub(super) former: FormerKeys,
}

/// The keys. `key` is what reading the database's key gave, and whether the databases were made with it.
pub(super) fn keys(keys: &Keys, data: &Path, key: &Result<Option<bool>, storage::Error>, beside: &Beside) -> Line {
    if let Some(wiped) = storage::wipe::is_wiped(data, &keys.own_database_key()) {
        return gone(wiped);
    }
    let path = keys.database_key();
    let amiss = of_database(&path, data, key, beside.is_sealed_closed)
        .or_else(|| beside.is_enrolled.then(|| of_station(keys)).flatten())
        .or_else(|| too_open(keys))
        .or_else(|| kept::former_keys(keys.dir(), &beside.former));
    amiss.unwrap_or_else(|| {
        let (vi, en) =
            if path.starts_with(keys.dir()) { ("tệp", "a file") } else { ("systemd giữ (credential)", "a systemd credential") };
        Line::good(Check::Keys, Sentence::new(format!("đọc được; khóa dữ liệu là {vi}"), format!("can be read; the database key is {en}")))
    })
}

/// All went, by order of the province.
fn gone(wiped: Wiped) -> Line {
    let at = wiped.record.as_ref().map(|record| record.wiped_at);
    let said = words::cannot_open(&wiped.into());
    let next =
        Sentence::new("mang lượt đã niêm phong lên tỉnh; bhyt-agent setup", "carry the sealed visits to the province; bhyt-agent setup");
    Line::broken(Check::Keys, "wiped", ExitCode::Config, said, next).since(at)
}

/// Gives a key's file back to the service.
fn own(path: &Path) -> Sentence {
    Sentence::same(format!("chown bhyt-agent: {0} && chmod 0400 {0}", path.display()))
}

/// The database's key, unless it is as it should be.
fn of_database(path: &Path, data: &Path, key: &Result<Option<bool>, storage::Error>, is_sealed_closed: bool) -> Option<Line> {
    let shown = path.display();
    let restore = || {
        if !data.join(visits::FILE).exists() {
            return Sentence::same("bhyt-agent setup");
        }
        Sentence::new(
            format!("đừng xóa dữ liệu; chép lại {shown} đã cất, hoặc sudo -u bhyt-agent bhyt-agent recover-key TỆP.key.age --identity TỆP"),
            format!("delete no data; put the kept {shown} back, or sudo -u bhyt-agent bhyt-agent recover-key FILE.key.age --identity FILE"),
        )
    };
    let broken = |what, exit, vi: &str, en: &str, next| {
        Line::broken(Check::Keys, what, exit, Sentence::new(format!("{shown}: {vi}"), format!("{shown}: {en}")), next)
    };
    let unreadable = || {
        let (vi, en) = ("tài khoản của dịch vụ không đọc được", "the service's account cannot read it");
        broken("unreadable", ExitCode::NoPermission, vi, en, own(path))
    };
    let line = match key {
        Err(storage::Error::NotOurs { .. }) => unreadable(),
        Err(storage::Error::Key { source, .. }) => match source.kind() {
            io::ErrorKind::NotFound if is_sealed_closed => {
                let found = Sentence::new(
                    "khóa niêm phong không mở được; xử lý dòng systemd trước",
                    "the sealed key does not open; mend systemd first",
                );
                Line::unknown(Check::Keys, "sealed", found)
            }
            io::ErrorKind::NotFound if account::has_sealed_key() => {
                let found = Sentence::new(
                    "khóa dữ liệu do systemd niêm phong, chỉ mở được khi dịch vụ chạy",
                    "the database key is sealed by systemd and can be opened by the running service only",
                );
                let next = "systemctl start bhyt-agent; bhyt-agent doctor";
                Line::unknown(Check::Keys, "sealed", found).and_next(Sentence::same(next))
            }
            io::ErrorKind::NotFound => broken("missing", ExitCode::Config, "chưa có khóa dữ liệu", "there is no database key", restore()),
            io::ErrorKind::PermissionDenied => unreadable(),
            _ => broken("not_a_key", ExitCode::Config, "không phải khóa (64 chữ số hex)", "is no key (64 hex digits)", restore()),
        },
        Err(_) => broken("failed", ExitCode::Io, "không đọc được", "cannot be read", restore()),
        Ok(Some(false)) => {
            let next = Sentence::new(
                "đừng động đến tệp dữ liệu; chép lại đúng database.key, hoặc sudo -u bhyt-agent bhyt-agent recover-key TỆP.key.age --identity TỆP (lệnh này chỉ cách cất khóa đang có)",
                "leave the data files; put the right database.key back, or sudo -u bhyt-agent bhyt-agent recover-key FILE.key.age --identity FILE (it says how to put the present one aside)",
            );
            let (vi, en) = ("không phải khóa của tệp dữ liệu này", "is not the key of these data files");
            broken("other_key", ExitCode::Config, vi, en, next)
        }
        Ok(_) => return None,
    };
    Some(line)
}

/// What makes this machine the station, unless all of it can be read.
fn of_station(keys: &Keys) -> Option<Line> {
    for file in [keys.station_key(), keys.feed_key(), keys.index_public_key()] {
        let Err(error) = fs::File::open(&file) else { continue };
        let (exit, next) = if error.kind() == io::ErrorKind::PermissionDenied {
            (ExitCode::NoPermission, own(&file))
        } else {
            let next = Sentence::new(
                "bản sao lưu không có khóa này: xin tỉnh mã mới, rồi bhyt-agent replace-this-machine --code -",
                "no backup holds this key: ask the province for a new code, then bhyt-agent replace-this-machine --code -",
            );
            (ExitCode::Config, next)
        };
        let shown = file.display();
        let found = Sentence::new(format!("{shown}: không đọc được"), format!("{shown}: cannot be read"));
        return Some(Line::broken(Check::Keys, "station_key", exit, found, next));
    }
    None
}

/// A key that others may read.
fn too_open(keys: &Keys) -> Option<Line> {
    let warning = keys.warnings().into_iter().next()?;
    let (path, mode) = (warning.path.display(), warning.mode);
    let found = Sentence::new(format!("{path}: quyền {mode:04o} quá rộng"), format!("{path}: mode {mode:04o} is too open"));
    let command = format!("chmod {:04o} {path}", warning.wanted);
    Some(Line::attention(Check::Keys, "loose", found, Sentence::same(command)))
}

/// What the keys tell of who this machine is.
pub(super) fn papers(keys: &Keys) -> Papers {
    let certificate = fs::read_to_string(keys.station_certificate()).ok();
    let asked = [keys.next().dir().join("install"), keys.enrolment_asked()];
    let since = asked.iter().find_map(|path| fs::metadata(path).ok()).map(|found| found.modified().ok().map(DateTime::<Utc>::from));
    Papers { certified: certificate.as_deref().and_then(enrol::certified_install).filter(|install| *install != Uuid::nil()), asked: since }
}

/// Reads the database's key, and compares it with the mark of the data folder.
pub(super) fn look_at_key(keys: &Keys, data: &Path) -> (Result<Option<bool>, storage::Error>, Option<DatabaseKey>) {
    match DatabaseKey::read(&keys.database_key()) {
        // A folder that cannot be read is told elsewhere.
        Ok(key) => (Ok(key.is_marked(data).unwrap_or(None)), Some(key)),
        Err(error) => (Err(error), None),
    }
}
