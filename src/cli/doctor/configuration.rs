//! The configuration: whether it can be used, whether it is what the service goes by, and which lines nobody can write while it has mistakes.
//!
//! Promise: one mistake takes away only the lines that need the key it is in. Never: a default told as the station's own word.

use std::fs;
use std::path::Path;

use chrono::DateTime;
use chrono::Utc;

use super::line::Check;
use super::line::Line;
use super::station::InForce;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::ops::config::ConfigError;
use crate::ops::config::damaged::Damaged;
use crate::ops::exit_code::ExitCode;

/// How the file stands. `in_force`: what a service that answers goes by.
pub(super) fn line(path: &Path, damaged: Option<&ConfigError>, in_force: Option<&InForce>) -> Line {
    let shown = path.display();
    if let Some(error) = damaged {
        return refused(error, in_force);
    }
    let Some(in_force) = in_force else { return good(path) };
    let loaded = words::instant(in_force.loaded_at);
    if is_another(path, &in_force.path) {
        let theirs = in_force.path.display();
        let found = Sentence::new(
            format!("dịch vụ chạy theo tệp khác: {theirs} (ở đây khám theo {shown})"),
            format!("the service runs by another file: {theirs} (looked at here: {shown})"),
        );
        let next = format!("bhyt-agent doctor --config {theirs}");
        return Line::attention(Check::Config, "other_file", found, Sentence::same(next)).since(Some(in_force.loaded_at));
    }
    if !in_force.waiting.is_empty() {
        let keys = in_force.waiting.join(", ");
        let found = Sentence::new(
            format!("{shown}: đã nạp, trừ khóa chờ khởi động lại: {keys}"),
            format!("{shown}: in force, but for keys that wait for a restart: {keys}"),
        );
        let next = Sentence::same("systemctl restart bhyt-agent");
        return Line::attention(Check::Config, "waits", found, next).since(Some(in_force.loaded_at));
    }
    if in_force.is_outdated {
        let found = Sentence::new(
            format!("{shown}: đã sửa, dịch vụ vẫn chạy theo bản nạp lúc {loaded}"),
            format!("{shown}: was changed; the service goes by what it read at {loaded}"),
        );
        let next = format!("bhyt-agent check-config --config {shown} && systemctl reload bhyt-agent");
        return Line::attention(Check::Config, "outdated", found, Sentence::same(next)).since(changed_at(path));
    }
    good(path)
}

fn good(path: &Path) -> Line {
    let shown = path.display();
    Line::good(Check::Config, Sentence::new(format!("{shown}: dùng được"), format!("{shown}: can be used")))
}

fn refused(error: &ConfigError, in_force: Option<&InForce>) -> Line {
    let (path, count) = (error.path.display(), error.problems.len());
    let (first_vi, first_en) = error.problems.first().map(|first| (first.to_string(), first.in_english())).unwrap_or_default();
    let (vi, en) = in_force.map_or_else(Default::default, |in_force| {
        let loaded = words::instant(in_force.loaded_at);
        (format!("; dịch vụ vẫn chạy theo bản nạp lúc {loaded}"), format!("; the service goes by what it read at {loaded}"))
    });
    let found = Sentence::new(format!("{path}: {count} lỗi; {first_vi}{vi}"), format!("{path}: mistakes: {count}; {first_en}{en}"));
    let command = format!("bhyt-agent check-config --config {path}");
    let next = if in_force.is_some() {
        Sentence::new(
            format!("{command}; sửa từng dòng, rồi systemctl reload bhyt-agent"),
            format!("{command}; mend each line, then systemctl reload bhyt-agent"),
        )
    } else {
        Sentence::new(
            format!("{command}; sửa từng dòng, rồi systemctl restart bhyt-agent"),
            format!("{command}; mend each line, then systemctl restart bhyt-agent"),
        )
    };
    Line::broken(Check::Config, "refused", ExitCode::Config, found, next).since(changed_at(&error.path))
}

fn changed_at(path: &Path) -> Option<DateTime<Utc>> {
    fs::metadata(path).and_then(|found| found.modified()).ok().map(DateTime::from)
}

/// Whether both are there and are two. A service tells its path as it was given it, which from elsewhere says nothing.
fn is_another(ours: &Path, theirs: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    theirs.is_absolute() && real(ours).zip(real(theirs)).is_some_and(|(ours, theirs)| ours != theirs)
}

/// The keys and tables that a line is written by. What a service tells needs none of the files.
fn needs(check: Check, is_served: bool) -> &'static [&'static str] {
    match check {
        Check::Config | Check::Service | Check::Unit | Check::Clock | Check::Notices => &[],
        Check::Disk | Check::SetAside => &["data-dir"],
        Check::Certificate => &["keys-dir", "province"],
        Check::Identity if is_served => &["keys-dir"],
        Check::Feed | Check::Outbox | Check::Operators if is_served => &[],
        Check::Permissions | Check::Keys | Check::Databases | Check::Identity | Check::Outbox | Check::Operators => {
            &["data-dir", "keys-dir"]
        }
        Check::Feed => &["data-dir", "keys-dir", "freshness"],
        Check::Province => &["province", "facility", "keys-dir"],
        Check::Backups if is_served => &["backup", "facility"],
        Check::Backups => &["backup", "facility", "data-dir", "keys-dir"],
        Check::Rules => &["rules-dir", "facility-class", "data-dir"],
        Check::Stick => &["stick-folders", "facility", "keys-dir"],
    }
}

/// The keys that a line needs and nobody knows.
pub(super) fn open_keys(damaged: Option<&Damaged>, check: Check, is_served: bool) -> Vec<&'static str> {
    let open = |name: &&'static str| damaged.is_some_and(|damaged| damaged.is_open(name));
    needs(check, is_served).iter().copied().filter(open).collect()
}

/// A line that cannot be written because of what the configuration leaves open; any other one as it is.
pub(super) fn unless_open(line: Line, damaged: Option<&Damaged>, is_served: bool) -> Line {
    let open = open_keys(damaged, line.check, is_served).join(", ");
    if open.is_empty() { line } else { unread(line.check, &open) }
}

/// What needs a key that cannot be read.
pub(super) fn unread(check: Check, keys: &str) -> Line {
    let said = Sentence::new(
        format!("không biết {keys} vì tệp cấu hình có lỗi; xử lý dòng cấu hình trước"),
        format!("{keys} not known: mistakes in the configuration; mend that first"),
    );
    Line::unknown(check, "no_config", said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::test_support::at;

    #[test]
    fn of_file_and_service_the_one_thing_to_do_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let other = folder.path().join("b.toml");
        fs::write(&path, "").unwrap();
        fs::write(&other, "").unwrap();
        let plain = InForce { path: path.clone(), loaded_at: at("2026-11-22T01:00:00Z"), is_outdated: false, waiting: Vec::new() };
        let waiting = vec!["lan".to_owned(), "data-dir".to_owned()];
        for (in_force, what) in [
            (None, "ok"),
            (Some(plain.clone()), "ok"),
            (Some(InForce { is_outdated: true, ..plain.clone() }), "outdated"),
            (Some(InForce { is_outdated: true, waiting: waiting.clone(), ..plain.clone() }), "waits"),
            (Some(InForce { waiting, ..plain.clone() }), "waits"),
            (Some(InForce { path: other, is_outdated: true, ..plain.clone() }), "other_file"),
            (Some(InForce { path: "b.toml".into(), ..plain }), "ok"),
        ] {
            let line = line(&path, None, in_force.as_ref());
            assert_eq!(line.what, what, "{in_force:?}");
            assert_eq!((line.next.is_some(), line.since.is_some()), (what != "ok", what != "ok"));
            assert!(what != "waits" || line.found.en.contains("lan, data-dir"), "{line:?}");
        }
    }

    #[test]
    fn a_mistake_takes_away_only_the_lines_that_need_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let gone = |text: &str, is_served| {
            fs::write(&path, text).unwrap();
            let damaged = Damaged::look(crate::ops::config::Config::load(&path).unwrap_err()).unwrap();
            let gone: Vec<_> =
                Check::ALL.into_iter().filter(|check| !open_keys(Some(&damaged), *check, is_served).is_empty()).map(Check::code).collect();
            gone.join(" ")
        };
        let good = "facility = \"99001\"\noperator = \"N\"\n";
        assert_eq!(gone(&format!("{good}no-such-key = 1\n"), false), "");
        assert_eq!(gone("facility = \"9\"\noperator = \"N\"\n", true), "province backups stick");
        assert_eq!(gone(&format!("{good}[backup]\nfolder = \"b\"\n"), false), "backups");
        assert_eq!(gone(&format!("{good}data-dir = \"x\"\n"), true), "disk permissions keys databases set_aside rules");
        assert_eq!(gone(&format!("{good}data-dir = \"x\"\n"), false).split(' ').count(), 11);
        fs::remove_file(&path).unwrap();
        let damaged = Damaged::look(crate::ops::config::Config::load(&path).unwrap_err()).unwrap();
        assert_eq!(open_keys(Some(&damaged), Check::Outbox, true), [""; 0]);
        assert_eq!(open_keys(Some(&damaged), Check::Disk, true), ["data-dir"]);
    }
}
