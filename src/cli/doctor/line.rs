//! One line of `doctor`: what was looked at, how it stands, since when, and what to do next.
//!
//! Promise: the codes are the contract's and stay; a line that needs somebody says what to run. FROZEN: the codes of checks and states, and what an exit code
//! stands for. Never: a name or number of a person.

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use serde_json::json;

use crate::control::contract;
use crate::desk::messages::Language;
use crate::desk::words::Sentence;
use crate::ops::exit_code::ExitCode;

/// What is looked at, in the order of the lines: whatever is wrong further up explains what is wrong further down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Check {
    Config,
    Service,
    Unit,
    Clock,
    Disk,
    Permissions,
    Keys,
    Databases,
    SetAside,
    Certificate,
    Identity,
    Province,
    Feed,
    Outbox,
    Backups,
    Operators,
    Rules,
    Stick,
    /// Not one of the lines that are always there: one for each notice of the service that none of them covers.
    Notices,
}

impl Check {
    pub(super) const ALL: [Self; 18] = [
        Self::Config,
        Self::Service,
        Self::Unit,
        Self::Clock,
        Self::Disk,
        Self::Permissions,
        Self::Keys,
        Self::Databases,
        Self::SetAside,
        Self::Certificate,
        Self::Identity,
        Self::Province,
        Self::Feed,
        Self::Outbox,
        Self::Backups,
        Self::Operators,
        Self::Rules,
        Self::Stick,
    ];

    /// The stable text, and what people call it in Vietnamese and in English.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Config => ("config", "cấu hình", "configuration"),
            Self::Service => ("service", "dịch vụ", "service"),
            Self::Unit => ("unit", "systemd", "systemd"),
            Self::Clock => ("clock", "đồng hồ", "clock"),
            Self::Disk => ("disk", "ổ đĩa", "disk"),
            Self::Permissions => ("permissions", "quyền tệp", "permissions"),
            Self::Keys => ("keys", "khóa", "keys"),
            Self::Databases => ("databases", "tệp dữ liệu", "databases"),
            Self::SetAside => ("set_aside", "tệp cất riêng", "files set aside"),
            Self::Certificate => ("certificate", "chứng thư", "certificate"),
            Self::Identity => ("identity", "danh tính máy", "identity"),
            Self::Province => ("province", "máy chủ tỉnh", "province"),
            Self::Feed => ("feed", "danh sách thẻ", "card list"),
            Self::Outbox => ("outbox", "lượt chưa gửi", "outbox"),
            Self::Backups => ("backups", "sao lưu", "backups"),
            Self::Operators => ("operators", "tài khoản", "operators"),
            Self::Rules => ("rules", "bảng quy tắc", "rules"),
            Self::Stick => ("stick", "USB", "stick"),
            Self::Notices => ("notices", "dịch vụ báo", "notice"),
        }
    }

    pub(super) fn code(self) -> &'static str {
        self.names().0
    }

    pub(super) fn name(self, language: Language) -> &'static str {
        match language {
            Language::Vietnamese => self.names().1,
            Language::English => self.names().2,
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// As it should be.
    Good,
    /// Works, and somebody should look at it.
    Attention,
    /// Does not work; the code is what a script can do about it.
    Broken(ExitCode),
    /// Could not be looked at.
    Unknown,
    /// Nobody has set it up; the station works without.
    Off,
}

impl State {
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Good => ("ok", "đạt", "ok"),
            Self::Attention => ("attention", "LƯU Ý", "ATTENTION"),
            Self::Broken(_) => ("broken", "HỎNG", "BROKEN"),
            Self::Unknown => ("unknown", "không kiểm được", "not checked"),
            Self::Off => ("off", "chưa đặt", "not set up"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) check: Check,
    pub(super) state: State,
    /// What it is, after the check's own code.
    pub(super) what: &'static str,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) found: Sentence,
    pub(super) next: Option<Sentence>,
    /// The service's own code, which stands in the place of `what`.
    pub(super) notice: Option<String>,
}

impl Line {
    pub(super) fn good(check: Check, found: Sentence) -> Self {
        Self { check, state: State::Good, what: "ok", since: None, found, next: None, notice: None }
    }

    pub(super) fn attention(check: Check, what: &'static str, found: Sentence, next: Sentence) -> Self {
        Self { check, state: State::Attention, what, since: None, found, next: Some(next), notice: None }
    }

    pub(super) fn broken(check: Check, what: &'static str, exit: ExitCode, found: Sentence, next: Sentence) -> Self {
        Self { check, state: State::Broken(exit), what, since: None, found, next: Some(next), notice: None }
    }

    pub(super) fn unknown(check: Check, what: &'static str, found: Sentence) -> Self {
        Self { check, state: State::Unknown, what, since: None, found, next: None, notice: None }
    }

    pub(super) fn since(self, since: Option<DateTime<Utc>>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn and_next(self, next: Sentence) -> Self {
        Self { next: Some(next), ..self }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    fn json(&self) -> Value {
        json!({
            "check": self.check.code(),
            "code": format!("{}.{}", self.check.code(), self.notice.as_deref().unwrap_or(self.what)),
            "state": self.state.names().0,
            "since": self.since.map(contract::instant),
            "vi": self.found.vi,
            "en": self.found.en,
            "next_vi": self.next.as_ref().map(|next| &next.vi),
            "next_en": self.next.as_ref().map(|next| &next.en),
        })
    }

    fn text(&self, language: Language) -> String {
        let (state, since) = match language {
            Language::Vietnamese => (self.state.names().1, "từ"),
            Language::English => (self.state.names().2, "since"),
        };
        let since = self.since.map(|at| format!(" ({since} {})", crate::desk::words::instant(at))).unwrap_or_default();
        let next = self.next.as_ref().map(|next| format!("\n{:17}→ {}", "", next.of(language))).unwrap_or_default();
        format!("{state:<16} {}: {}{since}{next}", self.check.name(language), self.found.of(language))
    }
}

/// What a script can do, the most urgent first: look at the disk, at the owners, at what was set up, wait for somebody.
const ORDER: [ExitCode; 5] = [ExitCode::Io, ExitCode::CannotCreate, ExitCode::NoPermission, ExitCode::Config, ExitCode::Unavailable];

/// How all of it stands: 0 if nothing needs anybody, `TempFail` if something should be looked at and nothing is broken.
pub(super) fn exit_code(lines: &[Line]) -> ExitCode {
    let broken = ORDER.into_iter().find(|code| lines.iter().any(|line| line.state == State::Broken(*code)));
    // Nobody learns that all is well from somebody who may not look.
    let asks = lines.iter().any(|line| line.state == State::Attention || line.what == "not_allowed");
    broken.unwrap_or(if asks { ExitCode::TempFail } else { ExitCode::Ok })
}

/// The contract.
pub(super) fn json(lines: &[Line], at: DateTime<Utc>, facility: Option<&str>) -> Value {
    json!({
        "checked_at": contract::instant(at),
        "version": env!("CARGO_PKG_VERSION"),
        "facility": facility,
        "exit_code": exit_code(lines).number(),
        "checks": lines.iter().map(Line::json).collect::<Vec<_>>(),
    })
}

/// For a person: a line each, what to do below it, and a count.
pub(super) fn text(lines: &[Line], language: Language) -> String {
    let count = |fits: fn(&State) -> bool| lines.iter().filter(|line| fits(&line.state)).count();
    let good = count(|state| *state == State::Good);
    let attention = count(|state| *state == State::Attention);
    let broken = count(|state| matches!(state, State::Broken(_)));
    let unknown = count(|state| *state == State::Unknown);
    let summary = match language {
        Language::Vietnamese => {
            format!("{} mục: {good} đạt, {attention} lưu ý, {broken} hỏng, {unknown} không kiểm được.", lines.len())
        }
        Language::English => {
            format!("{} checks: {good} ok, {attention} attention, {broken} broken, {unknown} not checked.", lines.len())
        }
    };
    let lines = lines.iter().map(|line| line.text(language));
    lines.chain([summary]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Sentence {
        Sentence::new("một", "one")
    }

    fn broken(exit: ExitCode) -> Line {
        Line::broken(Check::Disk, "full", exit, said(), said())
    }

    #[test]
    fn the_most_urgent_thing_a_script_can_do_is_the_exit_code() {
        let (good, unknown) = (Line::good(Check::Clock, said()), Line::unknown(Check::Unit, "no_systemd", said()));
        let attention = Line::attention(Check::Stick, "foreign", said(), said());
        for (lines, code) in [
            (vec![good.clone(), unknown.clone()], ExitCode::Ok),
            (vec![good.clone(), attention.clone()], ExitCode::TempFail),
            (vec![attention.clone(), broken(ExitCode::Unavailable)], ExitCode::Unavailable),
            (vec![broken(ExitCode::Unavailable), broken(ExitCode::Config)], ExitCode::Config),
            (vec![broken(ExitCode::Config), broken(ExitCode::NoPermission)], ExitCode::NoPermission),
            (vec![broken(ExitCode::CannotCreate), broken(ExitCode::Io), attention], ExitCode::Io),
        ] {
            assert_eq!(exit_code(&lines), code, "{lines:?}");
        }
    }

    #[test]
    fn every_check_has_its_own_code_and_names_in_both_languages() {
        let codes: std::collections::BTreeSet<_> = Check::ALL.into_iter().map(Check::code).collect();
        assert_eq!(codes.len(), Check::ALL.len());
        assert!(Check::ALL.into_iter().all(|check| check.name(Language::English).is_ascii()));
    }

    #[test]
    fn a_line_is_told_with_since_when_and_what_to_do() {
        let line = broken(ExitCode::CannotCreate).since(Some("2026-11-22T01:00:00Z".parse().unwrap()));
        assert_eq!(line.text(Language::Vietnamese), "HỎNG             ổ đĩa: một (từ 08:00 22/11/2026)\n                 → một");
        let value = line.json();
        assert_eq!(
            (&value["code"], &value["state"], &value["since"]),
            (&"disk.full".into(), &"broken".into(), &"2026-11-22T08:00:00+07:00".into())
        );
    }
}
