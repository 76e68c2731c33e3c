//! Looks at the machine and judges it: clock, disk, systemd's view of the service, and the service's own answer.
//!
//! Promise: nothing is written to see whether it can be; whoever is asked has a time limit; each look is apart from its judgement, which is pure. Never: a
//! unit started or stopped.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use rustix::fs::StatVfsMountFlags;

use super::line::Check;
use super::line::Line;
use super::port::Taken;
use super::station::Station;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::ops::exit_code::ExitCode;
use crate::storage::folder;

/// The clock: `wall` is what the machine shows, `now` what is gone by.
pub(super) fn clock(wall: DateTime<Utc>, now: Now, station: &Station) -> Line {
    let (shown, known) = (words::instant(wall), words::instant(now.at));
    // A province that contradicts itself may be what makes our clock look wrong: nobody is to set it before that is known.
    let odd = ["clock.signed_ahead", "clock.told_wrong", "clock.unclear"].into_iter().find_map(|code| station.notice(code));
    if let Some(notice) = odd {
        let next = Sentence::new("báo tỉnh; xem timedatectl và so với điện thoại", "tell the province; compare timedatectl with a phone");
        return Line::attention(Check::Clock, "province", notice.sentence.clone(), next).since(notice.since);
    }
    let set = Sentence::new(
        "timedatectl set-ntp true, hoặc timedatectl set-time 'NĂM-THÁNG-NGÀY GIỜ:PHÚT'; sai lại sau khi tắt máy thì thay pin đồng hồ",
        "timedatectl set-ntp true, or timedatectl set-time 'YEAR-MONTH-DAY HOUR:MINUTE'; if it is wrong again after a power cut, replace the clock's battery",
    );
    let broken = |what, vi: String, en: String| Line::broken(Check::Clock, what, ExitCode::Config, Sentence::new(vi, en), set.clone());
    match now.state {
        ClockState::Plausible => Line::good(Check::Clock, Sentence::same(shown)),
        ClockState::Behind => broken(
            "behind",
            format!("máy chỉ {shown}, nhưng chắc chắn đã qua {known}"),
            format!("the computer shows {shown}, but {known} has passed for certain"),
        ),
        ClockState::FarAhead => broken(
            "far_ahead",
            format!("máy chỉ {shown}, quá xa lần cuối tỉnh ký giờ ({known})"),
            format!("the computer shows {shown}, far beyond the last time the province signed ({known})"),
        ),
        ClockState::Learned => broken(
            "differs",
            format!("máy chỉ {shown}, giờ của tỉnh là {known}; đang dùng giờ của tỉnh"),
            format!("the computer shows {shown}, the province's time is {known}, which is used"),
        ),
    }
}

/// A file system as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    free: u64,
    is_read_only: bool,
    /// Files that can still be made; `None`: this file system does not count them.
    files: Option<u64>,
    last_write: Option<DateTime<Utc>>,
}

impl Disk {
    pub(super) fn last_write(self) -> Option<DateTime<Utc>> {
        self.last_write
    }
}

/// Asks the file system of a folder, and looks at when the databases were last written.
pub(super) fn look_at_disk(data: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(data).ok()?;
    let written = |name: &str| fs::metadata(data.join(name)).and_then(|file| file.modified()).ok().map(DateTime::<Utc>::from);
    Some(Disk {
        free: folder::free_bytes(data).ok()?,
        is_read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        files: (disk.f_files > 0).then_some(disk.f_favail),
        last_write: ["visits.db", "visits.db-wal"].into_iter().filter_map(written).max(),
    })
}

/// Less than this is no room for one visit.
const ONE_VISIT: u64 = 128 << 10;
/// A save makes a few files at most.
const FEW_FILES: u64 = 16;

/// Whether visits have room.
pub(super) fn disk(data: &Path, disk: Option<Disk>, station: &Station) -> Line {
    let Some(Disk { free, is_read_only, files, last_write }) = disk else {
        let said = Sentence::new("chưa có thư mục dữ liệu", "there is no data folder yet");
        return Line::unknown(Check::Disk, "no_folder", said);
    };
    let megabytes = free >> 20;
    let wrote = last_write.map_or_else(|| "–".to_owned(), words::instant);
    let found = |vi: &str, en: &str| {
        Sentence::new(format!("{vi}còn {megabytes} MB, ghi lần cuối {wrote}"), format!("{en}{megabytes} MB left, last written {wrote}"))
    };
    let look = Sentence::new(
        format!("df -h {0} && du -xh --max-depth=2 / | sort -h | tail; xóa tệp không cần, không xóa gì trong {0}", data.display()),
        format!("df -h {0} && du -xh --max-depth=2 / | sort -h | tail; delete what nobody needs, and nothing in {0}", data.display()),
    );
    let check = Sentence::new(
        "dmesg | tail -50; chép dữ liệu ra nơi khác trước rồi kiểm tra hoặc thay ổ đĩa",
        "dmesg | tail -50; copy the data elsewhere first, then check or replace the disk",
    );
    let unsaved = |code: &str| station.notice(code).map(|notice| notice.since);
    if is_read_only {
        return Line::broken(Check::Disk, "read_only", ExitCode::CannotCreate, found("chỉ đọc, không ghi được; ", "read-only; "), check);
    }
    if let Some(since) = unsaved("unsaved.disk_failed") {
        let found = found("KHÔNG LƯU ĐƯỢC lượt khám; ", "VISITS CANNOT BE SAVED; ");
        return Line::broken(Check::Disk, "failed", ExitCode::Io, found, check).since(since);
    }
    let full = unsaved("unsaved.disk_full");
    if full.is_some() || free < ONE_VISIT || files.is_some_and(|files| files < FEW_FILES) {
        let found = found("ĐẦY, không lưu được lượt khám; ", "FULL, visits cannot be saved; ");
        return Line::broken(Check::Disk, "full", ExitCode::CannotCreate, found, look).since(full.flatten());
    }
    if free < folder::RESERVED {
        return Line::attention(Check::Disk, "little_room", found("sắp đầy; ", "nearly full; "), look);
    }
    Line::good(Check::Disk, found("", ""))
}

/// How asking the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    Answers,
    Silent,
    NotRunning,
    NotAllowed,
}

/// Whether the service runs. `hindrance`: what was found that keeps it from running; `taken`: its port is another program's.
pub(super) fn service(talk: Talk, hindrance: Option<Check>, taken: Option<&Taken>, last_write: Option<DateTime<Utc>>) -> Line {
    let start = Sentence::same("systemctl start bhyt-agent; journalctl -u bhyt-agent -n 50");
    if let (Talk::NotRunning, None, Some(taken)) = (talk, hindrance, taken) {
        return port_taken(taken).since(last_write);
    }
    match (talk, hindrance) {
        (Talk::Answers, _) => Line::good(Check::Service, Sentence::new("đang chạy và trả lời", "runs and answers")),
        (Talk::NotRunning, Some(check)) => {
            let (vi, en) = (check.name(Language::Vietnamese), check.name(Language::English));
            let found = Sentence::new(format!("không chạy; xử lý dòng {vi} trước"), format!("does not run; mend {en} first"));
            Line::attention(Check::Service, "hindered", found, start).since(last_write)
        }
        (Talk::NotRunning, None) => {
            let found = Sentence::new("không chạy: quầy không tra được thẻ", "does not run: the desk cannot look anybody up");
            Line::broken(Check::Service, "not_running", ExitCode::Unavailable, found, start).since(last_write)
        }
        (Talk::Silent, _) => {
            let found = Sentence::new("chạy nhưng không trả lời", "runs and does not answer");
            let restart = "systemctl restart bhyt-agent; journalctl -u bhyt-agent -n 50";
            Line::broken(Check::Service, "silent", ExitCode::Unavailable, found, Sentence::same(restart))
        }
        (Talk::NotAllowed, _) => {
            let found = Sentence::new(
                "không được mở socket điều khiển: chỉ tài khoản bhyt-agent và root mở được",
                "the control socket may not be opened: only the account bhyt-agent and root may",
            );
            let next = Sentence::new("chạy lại: sudo bhyt-agent doctor", "run again: sudo bhyt-agent doctor");
            Line::unknown(Check::Service, "not_allowed", found).and_next(next)
        }
    }
}

fn port_taken(Taken { address, name }: &Taken) -> Line {
    let port = address.port();
    let shown = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let found = Sentence::new(
        format!("không chạy; cổng {address} của trang đang do chương trình khác giữ{shown}"),
        format!("does not run; another program{shown} holds the page's port {address}"),
    );
    let look = format!("ss -ltnp 'sport = :{port}'");
    let next = Sentence::new(
        format!("{look}; dừng chương trình đó hoặc đổi page.listen, rồi systemctl restart bhyt-agent"),
        format!("{look}; stop that program or change page.listen, then systemctl restart bhyt-agent"),
    );
    Line::broken(Check::Service, "port_taken", ExitCode::Unavailable, found, next)
}

/// The unit as systemd has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    load: String,
    file: String,
    active: String,
    sub: String,
    fragment: String,
    drop_ins: String,
    needs_reload: bool,
    restarts: String,
    /// What is started; empty: systemd does not tell.
    starts: String,
    /// What it may write to, and whether nothing else.
    writable: String,
    is_closed: bool,
    /// What the last process of it has ended with.
    ended: Option<u8>,
    /// When the process that runs was started.
    started: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
}

/// How long systemd may take to tell.
const SYSTEMD: Duration = Duration::from_secs(10);
/// Longest answer read.
const LONGEST: u64 = 64 << 10;

/// Asks systemd. `None`: it does not run this machine.
pub(super) fn look_at_unit() -> Option<Unit> {
    let text = show(
        "bhyt-agent.service",
        "--property=LoadState,UnitFileState,ActiveState,SubState,FragmentPath,DropInPaths,NeedDaemonReload,NRestarts,StateChangeTimestamp,\
         ExecMainStartTimestamp,ExecMainStatus,ExecStart,ProtectSystem,ReadWritePaths",
    );
    read_unit(&text?)
}

/// Whether systemd itself holds the page's port, for a service that is not there yet.
pub(super) fn is_page_socket_up() -> bool {
    show("bhyt-agent-page.socket", "--property=ActiveState").is_some_and(|text| text.trim() == "ActiveState=active")
}

/// What systemd tells of a unit.
fn show(unit: &str, properties: &str) -> Option<String> {
    let mut command = Command::new("systemctl");
    command.args(["show", unit, "--no-pager", "--timestamp=unix", properties]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let answer = child.stdout.take()?;
    let (told, heard) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // Whoever waited no longer has gone.
        let _ = told.send(answer.take(LONGEST).read_to_string(&mut text).ok().map(|_| text));
    });
    let text = heard.recv_timeout(SYSTEMD).ok().flatten();
    if text.is_none() {
        let _ = child.kill();
    }
    let _ = reader.join();
    let ended = child.wait().ok()?;
    text.filter(|_| ended.success())
}

fn read_unit(text: &str) -> Option<Unit> {
    let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default().to_owned();
    let instant = |key: &str| {
        let seconds = of(key).strip_prefix('@').and_then(|seconds| seconds.parse().ok());
        seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
    };
    let unit = Unit {
        load: of("LoadState"),
        file: of("UnitFileState"),
        active: of("ActiveState"),
        sub: of("SubState"),
        fragment: of("FragmentPath"),
        drop_ins: of("DropInPaths"),
        needs_reload: of("NeedDaemonReload") == "yes",
        restarts: of("NRestarts"),
        starts: of("ExecStart"),
        writable: of("ReadWritePaths"),
        is_closed: of("ProtectSystem") == "strict",
        ended: of("ExecMainStatus").parse().ok(),
        started: instant("ExecMainStartTimestamp"),
        since: instant("StateChangeTimestamp"),
    };
    (!unit.load.is_empty()).then_some(unit)
}

/// So many restarts without anybody's word are no accident.
const FEW_RESTARTS: u64 = 3;
/// So long a process has to run until those before it are over and done with.
const SETTLED: TimeDelta = TimeDelta::hours(1);
/// What an upgrade that failed leaves behind, so that the version before goes on.
const PREVIOUS: &str = "/90-previous.conf";
/// What the unit starts as it was shipped.
const SHIPPED_PROGRAM: &str = "path=/usr/bin/bhyt-agent ;";

/// Where the station has its data and the key's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    pub(super) data: &'a Path,
    pub(super) key: &'a Path,
}

/// Whether the key sealed to this machine opened no more when the service was started last.
pub(super) fn is_sealed_key_closed(unit: Option<&Unit>) -> bool {
    unit.is_some_and(|unit| unit.active != "active" && unit.ended == Some(words::service::CREDENTIALS))
}

/// What keeps systemd itself from starting the service over these data.
fn unstartable(unit: &Unit, Places { data, key }: Places<'_>) -> Option<Line> {
    let broken = |what, found, next| Line::broken(Check::Unit, what, ExitCode::Config, found, next).since(unit.since);
    if is_sealed_key_closed(Some(unit)) {
        return Some(broken("sealed_key", words::service::sealed_key_closed(), words::service::unseal(key)));
    }
    let writable = unit.writable.split_whitespace().map(|path| Path::new(path.trim_start_matches(['-', '+'])));
    let is_open = !unit.is_closed || writable.chain([Path::new(words::service::USUAL_DATA)]).any(|path| data.starts_with(path));
    (unit.active != "active" && !is_open).then(|| {
        let shown = data.display();
        let found = Sentence::new(
            format!("không chạy; unit không cho dịch vụ ghi vào data-dir {shown}"),
            format!("does not run; the unit does not let the service write to data-dir {shown}"),
        );
        broken("data_dir_closed", found, words::service::open_data_dir(data))
    })
}

/// Whether systemd starts the service, and starts it as it was shipped. `wall`: systemd's time is the machine's. `places`: where they are known.
pub(super) fn unit(unit: Option<&Unit>, wall: DateTime<Utc>, places: Option<Places<'_>>) -> Line {
    let Some(unit) = unit else {
        let said = Sentence::new("máy này không chạy systemd (hoặc không hỏi được)", "systemd is not here, or cannot be asked");
        return Line::unknown(Check::Unit, "no_systemd", said);
    };
    let run = |command: &str| Sentence::same(command);
    let broken = |what, exit, vi: String, en: String, next| Line::broken(Check::Unit, what, exit, Sentence::new(vi, en), next);
    let attention = |what, vi: String, en: String, next| Line::attention(Check::Unit, what, Sentence::new(vi, en), next);
    let (load, restarts) = (&unit.load, &unit.restarts);
    if load != "loaded" {
        let next = if load == "masked" {
            run("systemctl unmask bhyt-agent")
        } else {
            run("apt install --reinstall bhyt-agent; systemctl daemon-reload")
        };
        return broken("not_loaded", ExitCode::Config, format!("bhyt-agent.service: {load}"), format!("bhyt-agent.service: {load}"), next);
    }
    if let Some(line) = places.and_then(|places| unstartable(unit, places)) {
        return line;
    }
    let line = match (unit.active.as_str(), unit.sub.as_str()) {
        ("active" | "reloading", _) => None,
        (_, "auto-restart") => Some(broken(
            "restarting",
            ExitCode::Unavailable,
            format!("khởi động lại mãi, {restarts} lần"),
            format!("is started again and again, {restarts} times"),
            run("journalctl -u bhyt-agent -n 50"),
        )),
        ("activating", _) => Some(attention("starting", "đang khởi động".into(), "is starting".into(), run("systemctl status bhyt-agent"))),
        ("failed", _) => Some(broken(
            "failed",
            ExitCode::Unavailable,
            "đã dừng vì lỗi".into(),
            "has failed".into(),
            run("journalctl -u bhyt-agent -n 50; systemctl restart bhyt-agent"),
        )),
        (active, _) => Some(broken(
            "inactive",
            ExitCode::Unavailable,
            format!("không chạy ({active})"),
            format!("does not run ({active})"),
            run("systemctl enable --now bhyt-agent"),
        )),
    };
    if let Some(line) = line {
        return line.since(unit.since);
    }
    // A service that ends every minute is nearly always up when it is looked at.
    let is_young = unit.started.is_some_and(|at| wall.signed_duration_since(at) < SETTLED);
    if is_young && restarts.parse().is_ok_and(|count: u64| count >= FEW_RESTARTS) {
        return attention(
            "restarts",
            format!("đang chạy, nhưng đã tự khởi động lại {restarts} lần"),
            format!("runs, after it was started again {restarts} times"),
            run("journalctl -u bhyt-agent -n 200"),
        )
        .since(unit.started);
    }
    if unit.drop_ins.split_whitespace().any(|path| path.ends_with(PREVIOUS)) {
        let version = env!("CARGO_PKG_VERSION");
        return attention(
            "previous",
            format!("bản {version} đã cài không chạy được; trạm đang chạy bằng bản trước"),
            format!("the version installed, {version}, did not come up; the one before it runs"),
            Sentence::new(
                "journalctl -u bhyt-agent -n 200; rồi cài một bản khác, trạm tự dùng bản đó",
                "journalctl -u bhyt-agent -n 200; then install another version, which is tried by itself",
            ),
        )
        .since(unit.since);
    }
    if !unit.file.starts_with("enabled") {
        let next = run("systemctl enable bhyt-agent");
        return attention(
            "disabled",
            "đang chạy nhưng không tự chạy khi bật máy".into(),
            "runs, and does not start with the computer".into(),
            next,
        );
    }
    if unit.needs_reload {
        return attention(
            "changed",
            "tệp unit đã đổi, systemd chưa đọc lại".into(),
            "the unit's file has changed since systemd read it".into(),
            run("systemctl daemon-reload && systemctl restart bhyt-agent"),
        );
    }
    by_its_files(unit)
}

/// A unit that runs, starts with the computer and was read: whether it is the one that was shipped.
fn by_its_files(unit: &Unit) -> Line {
    let is_shipped = unit.fragment.starts_with("/usr/lib/") || unit.fragment.starts_with("/lib/");
    let is_ours = unit.starts.is_empty() || unit.starts.contains(SHIPPED_PROGRAM);
    if !is_shipped || !is_ours {
        let which = if is_shipped { &unit.drop_ins } else { &unit.fragment };
        let found = Sentence::new(format!("đang chạy, có ghi đè: {which}"), format!("runs, overridden by {which}"));
        let next = Sentence::same("systemctl cat bhyt-agent");
        return Line::attention(Check::Unit, "overridden", found, next);
    }
    if !unit.drop_ins.is_empty() {
        let added = &unit.drop_ins;
        let found = Sentence::new(
            format!("đang chạy, tự chạy khi bật máy; máy này thêm: {added}"),
            format!("runs, starts with the computer; added on this one: {added}"),
        );
        return Line::good(Check::Unit, found).since(unit.since);
    }
    Line::good(Check::Unit, Sentence::new("đang chạy, tự chạy khi bật máy, đúng như bản cài", "runs, starts with the computer, as shipped"))
        .since(unit.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::test_support::noticed;
    use crate::cli::doctor::test_support::now;

    const SHIPPED: &str = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\nFragmentPath=/usr/lib/systemd/system/bhyt-agent.service\nDropInPaths=\nNeedDaemonReload=no\nNRestarts=0\nStateChangeTimestamp=@1795305600\nExecMainStartTimestamp=@1795305600\nExecStart={ path=/usr/bin/bhyt-agent ; argv[]=/usr/bin/bhyt-agent serve ; ignore_errors=no }\nExecMainStatus=0\nProtectSystem=strict\nReadWritePaths=-/etc/bhyt-agent/keys -/media -/run/media -/mnt\n";
    const KEY: &str = "/etc/bhyt-agent/keys/database.key";

    fn at(data: &'static str) -> Places<'static> {
        Places { data: Path::new(data), key: Path::new(KEY) }
    }

    #[test]
    fn a_sealed_key_that_opens_no_more_is_named_with_what_to_do() {
        let ended = SHIPPED.replace("ActiveState=active\nSubState=running", "ActiveState=failed\nSubState=failed");
        let read = |text: &str| read_unit(text);
        let closed = read(&ended.replace("ExecMainStatus=0", "ExecMainStatus=243"));
        let line = unit(closed.as_ref(), DateTime::UNIX_EPOCH, Some(at("/var/lib/bhyt-agent")));
        assert_eq!((line.what, line.is_broken(), line.since.is_some()), ("sealed_key", true, true));
        let next = line.next.unwrap();
        assert!(next.vi.contains("rm /etc/credstore.encrypted/database.key") && next.vi.contains(KEY), "{next:?}");
        assert!(is_sealed_key_closed(closed.as_ref()));
        for other in [ended.clone(), SHIPPED.replace("ExecMainStatus=0", "ExecMainStatus=243")] {
            assert!(!is_sealed_key_closed(read(&other).as_ref()), "{other}");
        }
    }

    #[test]
    fn a_data_dir_that_the_unit_closes_is_told_with_the_drop_in_to_write() {
        let ended = SHIPPED.replace("ActiveState=active\nSubState=running", "ActiveState=failed\nSubState=failed");
        for (text, data, what) in [
            (ended.clone(), "/srv/bhyt", "data_dir_closed"),
            (ended.clone(), "/var/lib/bhyt-agent-other", "data_dir_closed"),
            (ended.clone(), "/var/lib/bhyt-agent/data", "failed"),
            (ended.clone(), "/mnt/disk/data", "failed"),
            (ended.replace("-/mnt", "-/mnt /srv/bhyt"), "/srv/bhyt", "failed"),
            (ended.replace("ProtectSystem=strict", "ProtectSystem=no"), "/srv/bhyt", "failed"),
            (SHIPPED.to_owned(), "/srv/bhyt", "ok"),
        ] {
            let line = unit(read_unit(&text).as_ref(), DateTime::UNIX_EPOCH, Some(at(data)));
            assert_eq!(line.what, what, "{data}");
            let said = line.next.map(|next| next.vi).unwrap_or_default();
            assert_eq!(said.contains("ReadWritePaths=") && said.contains("systemctl edit bhyt-agent"), what == "data_dir_closed", "{said}");
        }
    }

    #[test]
    fn each_state_of_the_unit_is_told_apart() {
        let wall = DateTime::from_timestamp(1_795_305_640, 0).unwrap();
        for (from, to, what, is_broken) in [
            ("", "", "ok", false),
            ("LoadState=loaded", "LoadState=not-found", "not_loaded", true),
            ("LoadState=loaded", "LoadState=masked", "not_loaded", true),
            ("ActiveState=active", "ActiveState=failed", "failed", true),
            ("ActiveState=active", "ActiveState=inactive", "inactive", true),
            ("ActiveState=active\nSubState=running", "ActiveState=activating\nSubState=auto-restart", "restarting", true),
            ("ActiveState=active\nSubState=running", "ActiveState=activating\nSubState=start", "starting", false),
            ("UnitFileState=enabled", "UnitFileState=disabled", "disabled", false),
            ("NeedDaemonReload=no", "NeedDaemonReload=yes", "changed", false),
            ("DropInPaths=", "DropInPaths=/etc/systemd/system/bhyt-agent.service.d/memory.conf", "ok", false),
            ("DropInPaths=", "DropInPaths=/a/x.conf /a/90-previous.conf", "previous", false),
            ("NRestarts=0", "NRestarts=7", "restarts", false),
            ("NRestarts=0", "NRestarts=2", "ok", false),
            (
                "NRestarts=0\nStateChangeTimestamp=@1795305600\nExecMainStartTimestamp=@1795305600",
                "NRestarts=7\nExecMainStartTimestamp=@1795200000",
                "ok",
                false,
            ),
            ("path=/usr/bin/bhyt-agent ;", "path=/opt/bhyt-agent ;", "overridden", false),
            ("/usr/lib/systemd/system/", "/etc/systemd/system/", "overridden", false),
        ] {
            let read = read_unit(&SHIPPED.replacen(from, to, 1)).unwrap();
            let line = unit(Some(&read), wall, Some(at("/var/lib/bhyt-agent")));
            assert_eq!((line.what, line.is_broken()), (what, is_broken), "{to}");
            assert!(!to.ends_with("memory.conf") || line.found.en.ends_with("memory.conf"), "{line:?}");
            assert!(what != "previous" || line.found.en.contains(env!("CARGO_PKG_VERSION")), "{line:?}");
        }
        assert_eq!(unit(read_unit(SHIPPED).as_ref(), wall, None).since, DateTime::from_timestamp(1_795_305_600, 0));
        assert_eq!(read_unit("Running in chroot, ignoring request.\n"), None);
    }

    #[test]
    fn nobody_is_told_to_set_a_clock_because_of_a_province_whose_own_is_wrong() {
        let at = |state| clock(now(ClockState::Plausible).at, now(state), &noticed("clock.signed_ahead"));
        for line in [at(ClockState::Plausible), at(ClockState::Behind), at(ClockState::FarAhead)] {
            assert_eq!((line.what, line.found.en.as_str()), ("province", "One thing."));
            assert!(line.next.is_some_and(|next| !next.en.contains("set-time")));
        }
        let line = clock(now(ClockState::Plausible).at, now(ClockState::Behind), &Station::default());
        assert!(line.what == "behind" && line.next.is_some_and(|next| next.en.contains("set-time")));
    }

    #[test]
    fn each_state_of_the_disk_is_told_apart() {
        let well = Disk { free: 1 << 30, is_read_only: false, files: Some(1000), last_write: None };
        let calm = Station::default();
        for (found, station, what, is_broken) in [
            (well, &calm, "ok", false),
            (Disk { files: None, ..well }, &calm, "ok", false),
            (Disk { free: folder::RESERVED - 1, ..well }, &calm, "little_room", false),
            (Disk { free: 100, ..well }, &calm, "full", true),
            (Disk { files: Some(3), ..well }, &calm, "full", true),
            (well, &noticed("unsaved.disk_full"), "full", true),
            (well, &noticed("unsaved.disk_failed"), "failed", true),
            (Disk { is_read_only: true, free: 0, ..well }, &calm, "read_only", true),
        ] {
            let line = disk(Path::new("/data"), Some(found), station);
            assert_eq!((line.what, line.is_broken()), (what, is_broken), "{found:?}");
        }
    }

    #[test]
    fn a_service_that_something_keeps_from_running_points_there() {
        let line = service(Talk::NotRunning, Some(Check::Keys), None, None);
        assert!(!line.is_broken() && line.found.en.contains("keys"), "{line:?}");
        assert!(service(Talk::NotRunning, None, None, None).is_broken() && service(Talk::Silent, None, None, None).is_broken());
    }
}
