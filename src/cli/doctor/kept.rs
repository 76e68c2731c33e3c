//! Judges what is kept of the station's data and keys beside those in use: copies elsewhere, files that were set aside, keys of before.
//!
//! Promise: what the service or its record of visits knows counts; where nobody can ask them, what the folder shows. Never: a file opened or removed.

use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Utc;

use super::line::Check;
use super::line::Line;
use super::line::State;
use super::records;
use super::station::Copies;
use super::station::Station;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::facility::FacilityCode;
use crate::ops::config::Backup;
use crate::ops::exit_code::ExitCode;
use crate::storage::backup;
use crate::storage::examine;
use crate::storage::folder;
use crate::storage::rotate;

/// The folder that copies go to, as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// It can be listed.
    Holds {
        /// The newest copy in it,
        newest: Option<DateTime<Utc>>,
        /// and the oldest.
        oldest: Option<DateTime<Utc>>,
        /// Whether it lies on the disk of the data.
        same_disk: bool,
    },
    /// It is not there, or this account may not list it.
    Closed,
    /// It took too long to look.
    Silent,
}

/// Looks into the folder. Blocks, for as long as a share that does not answer likes.
pub(super) fn look_at_folder(folder: &Path, station: &FacilityCode, data: &Path) -> Folder {
    let Ok(found) = backup::list(folder, station) else { return Folder::Closed };
    let [newest, oldest] = [found.first(), found.last()].map(|found| found.map(|(at, _)| *at));
    // What cannot be looked at is told by other lines.
    let same_disk = folder::are_on_one_disk(data, folder).unwrap_or(false);
    Folder::Holds { newest, oldest, same_disk }
}

impl Folder {
    /// What it adds to what is on record.
    fn said(self) -> (String, String) {
        match self {
            Self::Holds { newest, same_disk, .. } => {
                let (vi, en) = match newest.map(words::instant) {
                    Some(at) => (format!("; trong thư mục, bản mới nhất {at}"), format!("; the folder's newest {at}")),
                    None => ("; trong thư mục chưa có bản nào".to_owned(), "; none is in the folder".to_owned()),
                };
                let (vi_disk, en_disk) =
                    if same_disk { ("; CÙNG Ổ ĐĨA với dữ liệu", "; ON THE SAME DISK as the data") } else { ("", "") };
                (format!("{vi}{vi_disk}"), format!("{en}{en_disk}"))
            }
            Self::Closed => (
                "; thư mục đó hiện không mở được (USB chưa cắm?)".to_owned(),
                "; the folder cannot be opened now (is the stick in?)".to_owned(),
            ),
            Self::Silent => ("; thư mục đó không trả lời".to_owned(), "; the folder does not answer".to_owned()),
        }
    }
}

const MAKE: &str = "sudo -u bhyt-agent bhyt-agent backup";

/// Whether the visits are copied elsewhere. `folder`: where the configuration wants them, as it was found.
pub(super) fn backups(wanted: Option<&Backup>, folder: Option<Folder>, station: &Station, now: Now) -> Line {
    let Some(wanted) = wanted else {
        let found = Sentence::new(
            "không có: hỏng ổ đĩa là mất các lượt chưa gửi",
            "none are made: whatever is not at the province is lost with the disk",
        );
        let next = Sentence::new(
            format!(
                "thêm [backup] với folder và recipients (mẫu: /usr/share/doc/bhyt-agent/examples), systemctl reload bhyt-agent, rồi {MAKE}"
            ),
            format!(
                "add [backup] with folder and recipients (see /usr/share/doc/bhyt-agent/examples), systemctl reload bhyt-agent, then {MAKE}"
            ),
        );
        // As it is installed: advice, and nothing that has gone wrong.
        return Line { what: "none", state: State::Off, ..Line::good(Check::Backups, found).and_next(next) };
    };
    let place = wanted.folder.display();
    let (vi_folder, en_folder) = folder.map(Folder::said).unwrap_or_default();
    let copies = match &station.copies {
        None => {
            let Sentence { vi, en } = records::untold(Check::Backups).found;
            return Line::unknown(
                Check::Backups,
                "no_records",
                Sentence::new(format!("{place}: {vi}{vi_folder}"), format!("{place}: {en}{en_folder}")),
            );
        }
        Some(None) => {
            let found = Sentence::new(
                format!("{place}: có trong cấu hình, nhưng dịch vụ đang chạy chưa biết đến"),
                format!("{place}: configured, and the service that runs does not know of it yet"),
            );
            let next = format!("systemctl reload bhyt-agent; {MAKE}");
            return Line::attention(Check::Backups, "not_in_force", found, Sentence::same(next));
        }
        Some(Some(copies)) => copies,
    };
    let (vi_good, en_good) = match copies.good_at.map(words::instant) {
        Some(at) => (format!("bản tốt gần nhất {at}"), format!("the last good one {at}")),
        None => ("chưa có bản tốt nào".to_owned(), "there is no good one yet".to_owned()),
    };
    let tell =
        |vi: &str, en: &str| Sentence::new(format!("{vi}{vi_good}, ở {place}{vi_folder}"), format!("{en}{en_good}, in {place}{en_folder}"));
    let is_late = is_late(copies, wanted, now);
    if let Some((since, code)) = &copies.failing {
        let Sentence { vi, en } = words::backup::reason(code);
        let found = tell(&format!("không sao lưu được: {vi}; "), &format!("cannot be made: {en}; "));
        let next = if code == "damaged" {
            Sentence::new(
                format!("nếu hỏng: sudo systemctl restart bhyt-agent (tệp được cất riêng, không xóa), rồi {MAKE}"),
                format!("if it is damaged: sudo systemctl restart bhyt-agent (the file is set aside, not deleted), then {MAKE}"),
            )
        } else {
            Sentence::new(format!("sửa chỗ đó, rồi {MAKE}"), format!("mend that, then {MAKE}"))
        };
        let line = if is_late {
            Line::broken(Check::Backups, "failing_long", ExitCode::Config, found, next)
        } else {
            Line::attention(Check::Backups, "failing", found, next)
        };
        return line.since(Some(*since));
    }
    if is_late {
        let found = tell("đã quá hạn: ", "too late: ");
        let next = Sentence::new(
            format!("{MAKE}; xem backup.schedule, và máy có bật vào giờ đó không"),
            format!("{MAKE}; look at backup.schedule, and whether the computer is on at that hour"),
        );
        return Line::broken(Check::Backups, "late", ExitCode::Config, found, next).since(copies.without_since);
    }
    let line = Line::good(Check::Backups, tell("", ""));
    match folder {
        // No alarm: it helps against a file that is damaged or deleted, and against everything but a disk that is lost.
        Some(Folder::Holds { same_disk: true, .. }) => line.and_next(Sentence::new(
            "hỏng ổ đĩa là mất cả hai: đặt backup.folder ở USB hoặc ổ đĩa khác",
            "who loses the disk loses both: have backup.folder on a stick or another disk",
        )),
        _ => line,
    }
}

/// By a clock that is in doubt nothing is late.
fn is_late(copies: &Copies, wanted: &Backup, now: Now) -> bool {
    copies.without_since.is_some_and(|since| !now.state.is_suspect() && now.at.signed_duration_since(since) > wanted.late_after)
}

/// All that lies beside the databases in use.
pub(super) fn set_aside(names: &[String], station: &Station) -> Line {
    if names.is_empty() {
        return Line::good(Check::SetAside, Sentence::new("không có", "none"));
    }
    let replaced = names.iter().filter(|name| examine::was_replaced(name)).count();
    let damaged = names.len() - replaced;
    let first = names.iter().filter_map(|name| TimeKeeper::quarantined_at(name)).min();
    let found = |vi: &str, en: &str| {
        Sentence::new(
            format!("{damaged} tệp hỏng, {replaced} tệp đã thay khi khôi phục{vi}"),
            format!("damaged: {damaged}, replaced by a restore: {replaced}{en}"),
        )
    };
    if station.notice("set_aside.unsent").is_some() {
        let next = "sudo -u bhyt-agent bhyt-agent quarantine salvage; sudo -u bhyt-agent bhyt-agent quarantine list";
        let found = found("; CÒN LƯỢT CHƯA GỬI trong đó", "; VISITS NOT SENT are in them");
        return Line::attention(Check::SetAside, "unsent", found, Sentence::same(next)).since(first);
    }
    let next = Sentence::new(
        "sudo -u bhyt-agent bhyt-agent quarantine list; còn thiếu lượt thì quarantine salvage; xong thì quarantine drop TÊN",
        "sudo -u bhyt-agent bhyt-agent quarantine list; if visits are missing, quarantine salvage; then quarantine drop NAME",
    );
    Line::attention(Check::SetAside, "kept", found("", ""), next).since(first)
}

/// Database keys that were in use before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FormerKeys {
    files: Vec<PathBuf>,
    /// Something was set aside, or older backups are there, or may be, that only they open.
    are_needed: bool,
}

/// Looks at their names. `set_aside`: what lies beside the databases in use; `backups`: where copies go, if anywhere.
pub(super) fn look_at_former_keys(keys: &Path, set_aside: &[String], backups: Option<Folder>) -> FormerKeys {
    let files = rotate::former_files(keys);
    let has_older = match backups {
        Some(Folder::Holds { oldest, .. }) => oldest.zip(ended(&files).max()).is_some_and(|(oldest, ended)| oldest <= ended),
        // The stick may hold some.
        Some(Folder::Closed | Folder::Silent) => true,
        None => false,
    };
    FormerKeys { are_needed: has_older || !set_aside.is_empty(), files }
}

/// When former keys ended, by their names.
fn ended(files: &[PathBuf]) -> impl Iterator<Item = DateTime<Utc>> {
    files.iter().filter_map(|path| TimeKeeper::quarantined_at(path.file_name()?.to_str()?.strip_prefix(rotate::FORMER)?))
}

/// A key of before, which opens nothing any more or is still wanted. `None`: there is none.
pub(super) fn former_keys(keys: &Path, former: &FormerKeys) -> Option<Line> {
    let count = former.files.len();
    let since = ended(&former.files).min();
    if count == 0 {
        return None;
    }
    let all = keys.join(format!("{}*", rotate::FORMER));
    let all = all.display();
    if former.are_needed {
        let found = Sentence::new(
            format!("đọc được; giữ {count} khóa cũ ({all}) để mở tệp cất riêng và bản sao lưu cũ"),
            format!("can be read; former ones kept ({all}: {count}) to open what was set aside and older backups"),
        );
        let next = Sentence::new(
            "giữ lại cho đến khi hết tệp cất riêng và bản sao lưu làm trước khi đổi khóa",
            "keep them until files set aside and backups from before the change of keys are gone",
        );
        return Some(Line::good(Check::Keys, found).since(since).and_next(next));
    }
    let found = Sentence::new(
        format!("{count} khóa cũ ({all}), không còn tệp cất riêng hay bản sao lưu nào cần đến"),
        format!("former ones ({all}: {count}), and nothing set aside and no backup needs them any more"),
    );
    // Who may not look into the folder has no file for a star.
    let next = Sentence::new(
        format!("nếu nơi khác còn bản chép dữ liệu cũ thì cất khóa ra ngoài máy trước; rồi sudo sh -c 'rm {all}'"),
        format!("if copies of old data are kept elsewhere, take the keys off this computer first; then sudo sh -c 'rm {all}'"),
    );
    Some(Line::attention(Check::Keys, "former", found, next).since(since))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::cli::doctor::line::State;
    use crate::cli::doctor::test_support::at;
    use crate::cli::doctor::test_support::noticed;
    use crate::cli::doctor::test_support::now;
    use crate::domain::clock::ClockState;

    fn wanted() -> Backup {
        Backup {
            folder: "/mnt/BHYT".into(),
            recipients: Vec::new(),
            schedule: "0 30 11 * * *".parse().unwrap(),
            keep_days: 1,
            keep_weeks: 1,
            late_after: TimeDelta::days(3),
        }
    }

    #[test]
    fn copies_that_fail_are_late_or_are_not_made_at_all_are_told_apart() {
        let calm = ClockState::Plausible;
        let copies = |good: Option<&str>, failing: Option<&str>, without: &str| {
            Some(Some(Copies {
                good_at: good.map(at),
                failing: failing.map(|since| (at(since), "file".into())),
                without_since: Some(at(without)),
            }))
        };
        let (new, old) = ("2026-11-21T05:00:00Z", "2026-11-10T05:00:00Z");
        for (copies, state, what, is_broken) in [
            (None, calm, "no_records", false),
            (Some(None), calm, "not_in_force", false),
            (copies(Some(new), None, new), calm, "ok", false),
            (copies(None, None, new), calm, "ok", false),
            (copies(Some(new), Some(new), new), calm, "failing", false),
            (copies(Some(old), Some(new), old), calm, "failing_long", true),
            (copies(Some(old), None, old), calm, "late", true),
            (copies(None, None, old), calm, "late", true),
            (copies(Some(old), None, old), ClockState::FarAhead, "ok", false),
        ] {
            let station = Station { copies, ..Station::default() };
            let line = backups(Some(&wanted()), Some(Folder::Closed), &station, now(state));
            assert_eq!((line.what, line.is_broken()), (what, is_broken), "{line:?}");
            assert!(what == "not_in_force" || line.found.en.contains("is the stick in"), "{line:?}");
            assert!(line.found.vi.contains("/mnt/BHYT") && line.found.en.contains("/mnt/BHYT"), "{line:?}");
        }
        let station = Station { copies: copies(Some(new), None, new), ..Station::default() };
        let beside = Folder::Holds { newest: Some(at(new)), oldest: Some(at(new)), same_disk: true };
        let line = backups(Some(&wanted()), Some(beside), &station, now(calm));
        assert_eq!((line.what, line.state), ("ok", State::Good), "no alarm");
        assert!(line.found.en.contains("ON THE SAME DISK") && line.next.unwrap().en.contains("stick"));
        // A copy that does not fit together was made of a file that does not.
        let damaged = Copies { good_at: None, failing: Some((at(new), "damaged".into())), without_since: Some(at(new)) };
        let station = Station { copies: Some(Some(damaged)), ..Station::default() };
        let line = backups(Some(&wanted()), None, &station, now(calm));
        assert!(line.found.en.contains("integrity-check") && line.next.unwrap().en.contains("restart bhyt-agent"));
        let line = backups(None, None, &Station::default(), now(calm));
        assert_eq!((line.what, line.state), ("none", State::Off));
        assert!(line.next.is_some_and(|next| next.en.contains("[backup]")));
    }

    #[test]
    fn what_lies_beside_the_data_is_told_until_somebody_is_done_with_it() {
        let names = ["20261120T010000Z-5-visits.db".to_owned(), "20261121T010000Z-7-replaced-visits.db".to_owned()];
        let unsent = noticed("set_aside.unsent");
        assert_eq!(set_aside(&[], &Station::default()).state, State::Good);
        let line = set_aside(&names, &Station::default());
        assert_eq!((line.what, line.since), ("kept", Some(at("2026-11-20T01:00:00Z"))));
        assert_eq!(line.found.en, "damaged: 1, replaced by a restore: 1");
        assert_eq!(set_aside(&names, &unsent).what, "unsent");
    }

    #[test]
    fn a_key_of_before_is_told_and_is_to_go_only_when_nothing_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path();
        let told_with = |aside: &[String], backups| former_keys(keys, &look_at_former_keys(keys, aside, backups));
        let told = |aside: &[String]| told_with(aside, None);
        std::fs::write(keys.join("database.key"), "").unwrap();
        assert_eq!(told(&[]), None);
        std::fs::write(keys.join("database.key.before-20261120T010000Z-5"), "").unwrap();
        let (idle, needed) = (told(&[]).unwrap(), told(&["x".to_owned()]).unwrap());
        assert_eq!((idle.what, idle.state, idle.since), ("former", State::Attention, Some(at("2026-11-20T01:00:00Z"))));
        assert_eq!((needed.what, needed.state), ("ok", State::Good));
        let holds = |oldest| Some(Folder::Holds { newest: Some(at("2026-11-22T01:00:00Z")), oldest: Some(oldest), same_disk: false });
        for (backups, what) in [
            (holds(at("2026-11-19T01:00:00Z")), "ok"),
            (holds(at("2026-11-21T01:00:00Z")), "former"),
            (Some(Folder::Holds { newest: None, oldest: None, same_disk: false }), "former"),
            (Some(Folder::Closed), "ok"),
        ] {
            assert_eq!(told_with(&[], backups).unwrap().what, what, "{backups:?}");
        }
        assert!(needed.next.is_some() && idle.next.unwrap().en.contains("sudo sh -c 'rm "));
    }
}
