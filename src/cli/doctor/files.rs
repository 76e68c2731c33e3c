//! Looks at the station's files and judges them: owners and modes, databases.
//!
//! Promise: read as the account that runs the service, so that what it cannot read shows; nothing is changed. Never: a key.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Display;
use std::path::Path;
use std::path::PathBuf;

use super::line::Check;
use super::line::Line;
use crate::cli::account;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::TimeKeeper;
use crate::domain::facility::FacilityCode;
use crate::ops::exit_code::ExitCode;
use crate::storage;
use crate::storage::examine::Examined;
use crate::storage::examine::Found;
use crate::storage::visits::Seen;

/// Whether this process is neither root nor whoever the data belong to: what it may not read tells nothing of the service.
pub(super) fn is_stranger(data: &Path) -> bool {
    let ours = rustix::process::geteuid();
    let is = |account: Option<account::Account>| account.is_none_or(|account| account.user == ours.as_raw());
    !ours.is_root() && !is(account::of_service(data)) && !account::named(account::SERVICE).is_some_and(|account| is(Some(account)))
}

/// What a stranger cannot know, with what lets somebody know it.
pub(super) fn as_stranger(line: Line) -> Line {
    let checks = [
        Check::Permissions,
        Check::Keys,
        Check::Databases,
        Check::SetAside,
        Check::Certificate,
        Check::Identity,
        Check::Feed,
        Check::Outbox,
        Check::Backups,
        Check::Operators,
    ];
    if !checks.contains(&line.check) {
        return line;
    }
    let said = Sentence::new("tài khoản đang chạy lệnh này không được đọc", "the account that runs this may not read it");
    Line::unknown(line.check, "not_allowed", said)
        .and_next(Sentence::new("chạy lại: sudo bhyt-agent doctor", "run again: sudo bhyt-agent doctor"))
}

/// Whether a file belongs to somebody else.
pub(super) fn has_other_owner(amiss: Option<&[Amiss]>) -> bool {
    amiss.is_some_and(|amiss| amiss.iter().any(|amiss| matches!(amiss, Amiss::Owner(_))))
}

/// What cannot be read because it belongs to somebody else, which has its own line.
pub(super) fn owned_by_others(check: Check) -> Line {
    let said = Sentence::new("không đọc được; xử lý dòng quyền tệp trước", "cannot be read; mend file permissions first");
    Line::unknown(check, "other_owner", said)
}

/// A file or folder that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Amiss {
    /// It belongs to somebody else.
    Owner(PathBuf),
    /// Others may do more than they should.
    Loose {
        /// Which.
        path: PathBuf,
        /// Its mode,
        mode: u32,
        /// and as it should be.
        wanted: u32,
    },
}

/// What the top folder of a file system holds from the beginning.
pub(in crate::cli) const LOST_AND_FOUND: &str = "lost+found";
/// So many entries are looked at: a data folder holds a dozen.
const MOST: usize = 500;

/// Owners and modes of everything in the folders of data and keys, and of the configuration. `None`: there is no data folder.
pub(super) fn look_at_owners(config: &Path, data: &Path, keys: &Path) -> Option<Vec<Amiss>> {
    fs::symlink_metadata(data).ok()?;
    let ours = rustix::process::geteuid().as_raw();
    let mut paths = vec![data.to_owned(), keys.to_owned()];
    let mut at = 0;
    while at < paths.len() && paths.len() < MOST {
        // A folder that cannot be listed is told by its owner.
        let entries = fs::read_dir(&paths[at]).into_iter().flatten().filter_map(Result::ok);
        let is_data = paths[at] == data;
        // Root's, in every file system of its own.
        let is_lost_and_found = |name: &OsStr| is_data && name == LOST_AND_FOUND;
        let inside: Vec<_> = entries.take(MOST).filter(|entry| !is_lost_and_found(&entry.file_name())).map(|entry| entry.path()).collect();
        paths.extend(inside);
        at += 1;
    }
    let mut amiss = Vec::new();
    for path in paths {
        // A folder may be elsewhere: whose it is counts there.
        let looked = if path == data || path == keys { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        let Ok(found) = looked else { continue };
        if found.uid() != ours {
            amiss.push(Amiss::Owner(path));
        } else if (path == data || path == keys) && found.mode() & 0o077 != 0 {
            amiss.push(Amiss::Loose { path, mode: found.mode() & 0o7777, wanted: 0o700 });
        }
    }
    let mode = fs::metadata(config).map_or(0, |found| found.mode() & 0o7777);
    amiss.extend((mode & 0o022 != 0).then(|| Amiss::Loose { path: config.to_owned(), mode, wanted: 0o644 }));
    Some(amiss)
}

/// Whether the service's account owns what it works on.
pub(super) fn permissions(data: &Path, keys: &Path, amiss: Option<&[Amiss]>) -> Line {
    let Some(amiss) = amiss else {
        let said = Sentence::new("chưa có thư mục dữ liệu", "there is no data folder yet");
        return Line::unknown(Check::Permissions, "no_folder", said);
    };
    let others: Vec<_> = amiss.iter().filter_map(|amiss| if let Amiss::Owner(path) = amiss { Some(path) } else { None }).collect();
    if others.iter().any(|path| *path == data) {
        let found =
            Sentence::new(format!("{} là của người dùng khác", data.display()), format!("{} belongs to another user", data.display()));
        let next = Sentence::same(format!("chown -R bhyt-agent: {}", data.display()));
        return Line::broken(Check::Permissions, "other_owner", ExitCode::NoPermission, found, next);
    }
    if let Some(first) = others.first() {
        let (count, first) = (others.len(), first.display());
        let found = Sentence::new(
            format!("{count} tệp là của người dùng khác, ví dụ {first}"),
            format!("files of another user: {count}, such as {first}"),
        );
        let command = format!("chown -R bhyt-agent: {} {}", data.display(), keys.display());
        return Line::broken(Check::Permissions, "other_owner", ExitCode::NoPermission, found, Sentence::same(command));
    }
    let loose = amiss.iter().filter_map(|amiss| match amiss {
        Amiss::Loose { path, mode, wanted } => Some((path.display(), mode, wanted)),
        Amiss::Owner(_) => None,
    });
    let loose: Vec<_> = loose.collect();
    if !loose.is_empty() {
        let each =
            |tell: &dyn Fn(&(Display<'_>, &u32, &u32)) -> String, between: &str| loose.iter().map(tell).collect::<Vec<_>>().join(between);
        let found = Sentence::new(
            each(&|(path, mode, wanted)| format!("{path} mở cho người khác (quyền {mode:04o}, cần {wanted:04o})"), "; "),
            each(&|(path, mode, wanted)| format!("{path} is open to others (mode {mode:04o}, wanted {wanted:04o})"), "; "),
        );
        let command = each(&|(path, _, wanted)| format!("chmod {wanted:04o} {path}"), " && ");
        return Line::attention(Check::Permissions, "loose", found, Sentence::same(command));
    }
    Line::good(
        Check::Permissions,
        Sentence::new("dữ liệu và khóa chỉ tài khoản của dịch vụ đọc được", "data and keys are the service's account's alone"),
    )
}

/// How the look at the databases went.
#[derive(Debug)]
pub(super) enum Opened {
    /// A service has them open and answers from them.
    ByService,
    /// Nobody has them open.
    Here(Box<Examined>),
    /// They could not be looked at.
    Not(storage::Error),
    /// There is no data folder, or no key to open anything with.
    Nothing { has_key: bool },
}

/// Whether a record of visits was set aside.
pub(super) fn has_set_aside(quarantined: &[String]) -> bool {
    quarantined.iter().any(|name| name.contains("visits"))
}

/// Both databases, and what was set aside of them. `ours`: the station that is configured, where that is known.
pub(super) fn databases(data: &Path, opened: &Opened, quarantined: &[String], ours: Option<&FacilityCode>) -> Line {
    let shown = data.display();
    if let (Opened::Here(examined), Some(ours)) = (opened, ours)
        && let Some(line) = of_other_facility(&examined.visits, ours)
    {
        return line;
    }
    if let Opened::Here(examined) = opened
        && let Some(line) = lost(data, &examined.visits)
            .or_else(|| failed("visits", data, &examined.visits))
            .or_else(|| failed("cards", data, &examined.cards))
    {
        return line;
    }
    let newest = quarantined.iter().filter_map(|name| TimeKeeper::quarantined_at(name)).max();
    if has_set_aside(quarantined) {
        let found = Sentence::new(
            format!("visits.db hỏng đã được cất riêng ({} tệp), lượt mới lưu vào sổ mới", quarantined.len()),
            format!("a damaged visits.db was set aside (files: {}), new visits go into a new record", quarantined.len()),
        );
        let next = Sentence::new(
            format!(
                "chép {shown}/quarantine ra nơi khác, sudo -u bhyt-agent bhyt-agent quarantine list, rồi sudo -u bhyt-agent bhyt-agent quarantine salvage để lấy lại lượt; kiểm tra ổ đĩa (dmesg)"
            ),
            format!(
                "copy {shown}/quarantine elsewhere, sudo -u bhyt-agent bhyt-agent quarantine list, then sudo -u bhyt-agent bhyt-agent quarantine salvage to take visits back; check the disk (dmesg)"
            ),
        );
        return Line::broken(Check::Databases, "visits_set_aside", ExitCode::Io, found, next).since(newest);
    }
    if !quarantined.is_empty() {
        let found = Sentence::new(
            format!("cards.db hỏng đã được cất riêng ({} tệp), danh sách được tải lại", quarantined.len()),
            format!("a damaged cards.db was set aside (files: {}), the list is fetched again", quarantined.len()),
        );
        let next = Sentence::new(
            format!("kiểm tra ổ đĩa (dmesg), rồi xóa {shown}/cards/quarantine"),
            format!("check the disk (dmesg), then delete {shown}/cards/quarantine"),
        );
        return Line::attention(Check::Databases, "cards_set_aside", found, next).since(newest);
    }
    match opened {
        Opened::ByService => Line::good(
            Check::Databases,
            Sentence::new("dịch vụ đã kiểm khi mở và đang dùng", "checked by the service when it opened them, and in use"),
        ),
        Opened::Here(examined) => of_both(&examined.visits, &examined.cards),
        Opened::Not(storage::Error::InUse { .. }) => {
            let said = Sentence::new("một tiến trình khác đang giữ; không mở", "another process holds them; not opened");
            Line::unknown(Check::Databases, "in_use", said)
        }
        Opened::Not(storage::Error::WrongKey { .. }) | Opened::Nothing { has_key: false } => {
            let said = Sentence::new("không có khóa để mở; xử lý dòng khóa trước", "there is no key to open them with; mend keys first");
            Line::unknown(Check::Databases, "no_key", said)
        }
        Opened::Not(error) => Line::unknown(Check::Databases, "not_opened", words::cannot_open(error)),
        Opened::Nothing { has_key: true } => no_data(data),
    }
}

/// The service does not go on in another station's record.
fn of_other_facility(visits: &Found<Seen>, ours: &FacilityCode) -> Option<Line> {
    let Found::Whole { told, .. } = visits else { return None };
    let theirs = told.facility.as_deref().filter(|theirs| *theirs != ours.as_str())?;
    let found = Sentence::new(
        format!("visits.db là của trạm {theirs}, còn tệp cấu hình ghi trạm {ours}: dịch vụ không chạy"),
        format!("visits.db is station {theirs}'s, and the configuration says {ours}: the service does not run"),
    );
    let next = Sentence::new(
        format!(
            "sửa facility = \"{theirs}\" rồi systemctl restart bhyt-agent; nếu máy này nay là trạm {ours}: đặt data-dir và keys-dir khác"
        ),
        format!(
            "put it right: facility = \"{theirs}\", then systemctl restart bhyt-agent; if this computer is station {ours} now: another data-dir and keys-dir"
        ),
    );
    Some(Line::broken(Check::Databases, "other_facility", ExitCode::Config, found, next))
}

fn nothing_yet() -> Line {
    let found = Sentence::new("chưa có tệp dữ liệu", "there are no data files yet");
    let next = Sentence::new(
        "bhyt-agent setup, rồi systemctl enable --now bhyt-agent",
        "bhyt-agent setup, then systemctl enable --now bhyt-agent",
    );
    Line::attention(Check::Databases, "none", found, next)
}

/// There is a key, and no service has worked in the folder that is configured.
fn no_data(data: &Path) -> Line {
    let shown = data.display();
    let found = Sentence::new(
        format!("máy có khóa của trạm, mà trong {shown} không có dữ liệu"),
        format!("this computer has the station's key, and there are no data in {shown}"),
    );
    let [vi, en] = words::service::put_data_back(data);
    Line::broken(Check::Databases, "no_data", ExitCode::Config, found, Sentence::new(vi, en))
}

/// The record of visits was there.
fn lost<T>(data: &Path, visits: &Found<T>) -> Option<Line> {
    let Found::Lost = visits else { return None };
    let shown = data.display();
    let found = Sentence::new("visits.db đã mất: không còn tệp, hoặc tệp rỗng", "visits.db is lost: the file is gone, or empty");
    let next = Sentence::new(
        format!(
            "xem ổ đĩa (findmnt --target {shown}; dmesg), rồi đặt bản sao lại: sudo -u bhyt-agent bhyt-agent restore TỆP; không có bản sao: systemctl start bhyt-agent ghi tiếp vào sổ mới, tỉnh cho biết đã có những lượt nào"
        ),
        format!(
            "look at the disk (findmnt --target {shown}; dmesg), then put a backup back: sudo -u bhyt-agent bhyt-agent restore FILE; without one: systemctl start bhyt-agent goes on in a new record, and the province tells which visits it has"
        ),
    );
    Some(Line::broken(Check::Databases, "visits_lost", ExitCode::Io, found, next))
}

fn failed<T>(name: &str, data: &Path, found: &Found<T>) -> Option<Line> {
    let Found::Failed(error) = found else { return None };
    let shown = data.display();
    Some(match error {
        storage::Error::Corrupt(_) if name == "visits" => Line::broken(
            Check::Databases,
            "visits_damaged",
            ExitCode::Io,
            Sentence::new("visits.db hỏng", "visits.db is damaged"),
            Sentence::new(
                format!(
                    "chép nguyên {shown} ra nơi khác, rồi systemctl start bhyt-agent: dịch vụ cất tệp hỏng riêng và ghi tiếp vào sổ mới; lấy lại lượt cũ: sudo -u bhyt-agent bhyt-agent quarantine salvage (xem sudo -u bhyt-agent bhyt-agent quarantine list)"
                ),
                format!(
                    "copy all of {shown} elsewhere, then systemctl start bhyt-agent: the service sets the file aside and goes on in a new record; take back old visits: sudo -u bhyt-agent bhyt-agent quarantine salvage (see sudo -u bhyt-agent bhyt-agent quarantine list)"
                ),
            ),
        ),
        storage::Error::Corrupt(_) => Line::broken(
            Check::Databases,
            "cards_damaged",
            ExitCode::Io,
            Sentence::new(
                "cards.db hỏng; danh sách lấy lại được từ tỉnh",
                "cards.db is damaged; the list can be had again from the province",
            ),
            Sentence::new(
                "systemctl start bhyt-agent: dịch vụ cất tệp hỏng riêng và tải lại danh sách; kiểm tra ổ đĩa (dmesg)",
                "systemctl start bhyt-agent: the service sets the file aside and fetches the list again; check the disk (dmesg)",
            ),
        ),
        storage::Error::TooNew { found, known, .. } => Line::broken(
            Check::Databases,
            "newer",
            ExitCode::Config,
            Sentence::new(
                format!("{name}.db do bản mới hơn ghi (phiên bản {found}, bản này biết đến {known})"),
                format!("{name}.db was written by a newer program (version {found}; this one knows up to {known})"),
            ),
            Sentence::new("đừng động đến tệp; cài lại bản mới hơn của bhyt-agent", "leave the files; install the newer bhyt-agent again"),
        ),
        storage::Error::Full | storage::Error::ReadOnly => Line::unknown(Check::Databases, "not_opened", words::cannot_open(error)),
        storage::Error::NotOurs { path, .. } => Line::broken(
            Check::Databases,
            "not_ours",
            ExitCode::NoPermission,
            words::cannot_open(error),
            Sentence::same(format!("chown bhyt-agent: {}", path.display())),
        ),
        error => Line::broken(
            Check::Databases,
            "unreadable",
            ExitCode::Io,
            words::cannot_open(error).because(&crate::ops::logging::Chain(error).to_string()),
            Sentence::same(format!("ls -l {shown} && dmesg | tail -50")),
        ),
    })
}

fn of_both<T, U>(visits: &Found<T>, cards: &Found<U>) -> Line {
    fn one<T>(name: &str, found: &Found<T>) -> Option<(String, bool, bool)> {
        match found {
            Found::Whole { version, is_checked, .. } => Some((format!("{name}.db v{version}"), *is_checked, false)),
            Found::Older { version } => Some((format!("{name}.db v{version}"), true, true)),
            Found::Missing | Found::Lost | Found::Failed(_) => None,
        }
    }
    let both: Vec<_> = [one("visits", visits), one("cards", cards)].into_iter().flatten().collect();
    if both.is_empty() {
        return nothing_yet();
    }
    let names = both.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>().join(", ");
    let (mut vi, mut en) = (format!("{names}: nguyên vẹn"), format!("{names}: whole"));
    if both.iter().any(|(_, is_checked, _)| !is_checked) {
        (vi, en) =
            (format!("{names}: mở được, chưa đủ giờ kiểm hết"), format!("{names}: can be opened; there was no time to check all of it"));
    }
    if both.iter().any(|(.., is_older)| *is_older) {
        (vi, en) = (format!("{vi}; bản cũ, dịch vụ tự nâng khi chạy"), format!("{en}; older, brought up by the service when it starts"));
    }
    Line::good(Check::Databases, Sentence::new(vi, en))
}
