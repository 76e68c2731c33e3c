//! What a service that runs gives notice of, and no line of `doctor` has found by itself.
//!
//! Promise: pure; whatever `status` would begin with asks for somebody here too, in a line that covers it or in one of its own. Never: a notice left out
//! because it is of a kind that nobody thought of.

use super::line::Check;
use super::line::Line;
use super::line::State;
use super::station::Station;
use crate::desk::words::Sentence;

/// The lines that a kind of notice is told by, if one of them asks for somebody. None: nothing here looks at that.
fn told_by(code: &str) -> &'static [Check] {
    match code.split('.').next().unwrap_or(code) {
        "unsaved" | "little_room" | "disk_full" => &[Check::Disk],
        "storage" => &[Check::Disk, Check::Databases],
        "quarantined" => &[Check::Databases],
        "set_aside" => &[Check::SetAside],
        "machine" | "identity_open" => &[Check::Identity],
        // A record that was set aside explains it.
        "other_record" => &[Check::Identity, Check::SetAside, Check::Databases],
        "clock" => &[Check::Clock],
        "data" | "roster_held" => &[Check::Feed],
        "parked" => &[Check::Outbox],
        "backup" => &[Check::Backups],
        "certificate" => &[Check::Certificate],
        "configuration" => &[Check::Config],
        "keys" => &[Check::Keys, Check::Permissions],
        "link" => &[Check::Certificate, Check::Keys, Check::Permissions, Check::Config],
        // Who cannot be reached by `doctor` either. What the province answers with stands for itself.
        "unreachable" | "stranger" | "server_busy" | "contract" => &[Check::Province],
        "untrusted" | "refused" => &[Check::Province, Check::Certificate],
        _ => &[],
    }
}

/// Whether it is told, and nobody has to do anything.
fn asks_nobody(code: &str) -> bool {
    matches!(code, "put_off.asked" | "put_off.unfit" | "province_restored" | "allowance_used" | "roster_agreed")
}

/// A line for each notice that none of `lines` covers. `is_alone`: no province is configured, which is meant.
pub(super) fn rest(station: &Station, lines: &[Line], is_alone: bool) -> Vec<Line> {
    let asks = |check: &Check| lines.iter().any(|line| line.check == *check && (line.is_broken() || line.state == State::Attention));
    let is_meant = |code: &str| is_alone && matches!(code, "link.not_configured" | "data.absent");
    let uncovered = station.notices.iter().filter(|notice| !is_meant(&notice.code) && !told_by(&notice.code).iter().any(asks));
    let line = |notice: &super::station::Notice| {
        let found = notice.sentence.clone();
        let line = if asks_nobody(&notice.code) {
            Line::good(Check::Notices, found)
        } else {
            Line::attention(Check::Notices, "told", found, next(&notice.code))
        };
        Line { notice: Some(notice.code.clone()), ..line.since(notice.since) }
    };
    uncovered.map(line).collect()
}

/// What shows more of it.
fn next(code: &str) -> Sentence {
    let command = match code {
        "rechecks" => "sudo -u bhyt-agent bhyt-agent rechecks",
        "machine.lacks_visits" => {
            return Sentence::new(
                "sudo -u bhyt-agent bhyt-agent quarantine salvage; đối chiếu với tỉnh, rồi sudo -u bhyt-agent bhyt-agent accept-missing",
                "sudo -u bhyt-agent bhyt-agent quarantine salvage; once the rest is known from the province, sudo -u bhyt-agent bhyt-agent accept-missing",
            );
        }
        "put_off.unfit_often" => "sudo -u bhyt-agent bhyt-agent outbox",
        _ => "sudo -u bhyt-agent bhyt-agent status",
    };
    Sentence::same(command)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::line;
    use crate::cli::doctor::station;
    use crate::ops::exit_code::ExitCode;

    const FIXTURE: &str = include_str!("../../../tests/fixtures/status/notices.json");

    /// Every sentence there is, but for those that stand elsewhere in the status.
    fn cases() -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
        let is_notice = |case: &Value| {
            let code = case["code"].as_str().unwrap();
            code != "not_running" && !code.starts_with("snapshot_reason.")
        };
        all.into_iter().filter(is_notice).collect()
    }

    fn noticed(case: &Value) -> Station {
        let notice = json!({ "code": case["code"], "since": "2026-11-22T07:30:00+07:00", "vi": case["vi"], "en": case["en"] });
        station::told(&json!({ "notices": [notice] }), None)
    }

    fn well() -> Vec<Line> {
        Check::ALL.into_iter().map(|check| Line::good(check, Sentence::same(""))).collect()
    }

    #[test]
    fn every_notice_there_is_has_a_line_where_all_else_is_well() {
        let mut quiet = BTreeSet::new();
        for case in cases() {
            let code = case["code"].as_str().unwrap();
            let lines = rest(&noticed(&case), &well(), false);
            let [line] = &lines[..] else { panic!("{code}: {lines:?}") };
            assert_eq!((line.found.vi.as_str(), line.found.en.as_str()), (case["vi"].as_str().unwrap(), case["en"].as_str().unwrap()));
            assert!(line.since.is_some() && line.notice.as_deref() == Some(code), "{line:?}");
            if line.state == State::Attention {
                assert!(line.next.is_some());
                assert_eq!(line::exit_code(&lines), ExitCode::TempFail);
            } else {
                quiet.insert(code.to_owned());
            }
        }
        assert_eq!(Vec::from_iter(quiet), ["allowance_used", "province_restored", "put_off.asked", "put_off.unfit", "roster_agreed"]);
        // Of a kind that comes later.
        assert_eq!(rest(&noticed(&json!({ "code": "of_tomorrow", "vi": "một", "en": "one" })), &well(), false).len(), 1);
    }

    #[test]
    fn what_a_line_asks_for_is_not_told_twice() {
        let said = || Sentence::same("");
        for case in cases() {
            let code = case["code"].as_str().unwrap();
            for check in Check::ALL {
                let mut lines = well();
                lines.retain(|line| line.check != check);
                lines.push(Line::attention(check, "x", said(), said()));
                let is_told = told_by(code).contains(&check);
                assert_eq!(rest(&noticed(&case), &lines, false).is_empty(), is_told, "{code} {check:?}");
                // Not to be known is no word on it.
                lines.pop();
                lines.push(Line::unknown(check, "x", said()));
                assert_eq!(rest(&noticed(&case), &lines, false).len(), 1, "{code} {check:?}");
            }
        }
        let alone = json!({ "code": "link.not_configured", "vi": "", "en": "" });
        assert!(rest(&noticed(&alone), &well(), true).is_empty() && rest(&noticed(&alone), &well(), false).len() == 1);
    }
}
