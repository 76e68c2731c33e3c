//! The bar that is always there: age of the data, what is not sent, what is wrong.
//!
//! Promise: counted facts with since when; "all sent" is said only when nothing waits and nothing is parked. Never: a trouble left out because
//! another one is shown.

use chrono::NaiveDate;

use crate::desk::Notice;
use crate::desk::Overview;
use crate::desk::Station;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::desk::notices;
use crate::sync::status::Link;

/// The bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct StatusView {
    pub(in crate::reception) pending: u64,
    pub(in crate::reception) parked: u64,
    pub(in crate::reception) freshness: &'static str,
    pub(in crate::reception) clock: &'static str,
    pub(in crate::reception) link: &'static str,
    /// Changes whenever the day's list may have changed.
    pub(in crate::reception) change: String,
    /// Whether somebody works in this browser.
    pub(in crate::reception) seat: &'static str,
    /// Changes when another process answers.
    pub(in crate::reception) run: String,
    /// Which station this is.
    pub(in crate::reception) station: String,
    pub(in crate::reception) data_age: String,
    pub(in crate::reception) unsent: String,
    /// What needs somebody, most urgent first.
    pub(in crate::reception) warnings: Vec<Warning>,
}

/// One thing that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Warning {
    pub(in crate::reception) label: String,
    pub(in crate::reception) text: String,
}

impl Warning {
    fn of(notice: &Notice, language: Language) -> Self {
        Self { label: notice.label(), text: notice.sentence.of(language).to_owned() }
    }
}

/// What people call the station, and its code; the code alone if it has no name.
pub(in crate::reception) fn station(station: &Station, words: &Messages) -> String {
    let code = station.facility.as_str();
    station.name.as_ref().map_or_else(|| words.page.facility.with("code", code).to_string(), |name| format!("{name} ({code})"))
}

/// Makes the bar. `today` is the day of the machine's clock, under which visits are saved and listed; a suspect clock is judged by another one.
pub(in crate::reception) fn of(
    overview: &Overview,
    today: NaiveDate,
    station: String,
    quarantined: &[String],
    run: String,
    words: &Messages,
) -> StatusView {
    let Overview { now, roster, data_age, unsent, sync, .. } = overview;
    let serial = roster.cursor.as_ref().map(|cursor| words.verdict.serial.with("serial", cursor.serial.0).to_string()).unwrap_or_default();
    let oldest = unsent.oldest_pending_at.map(|at| super::when(at, today));
    let unsent_words = match (unsent.pending_visits, unsent.parked) {
        (0, 0) if sync.link == Link::NotConfigured => words.page.no_province.to_string(),
        (0, 0) => words.page.all_sent.to_string(),
        (0, _) => words.page.nothing_waits.to_string(),
        (pending, _) => match oldest {
            Some(at) => words.page.unsent_since.with("count", pending).with("at", at).to_string(),
            None => words.page.unsent.with("count", pending).to_string(),
        },
    };
    let warnings = notices::of(overview, quarantined).iter().map(|notice| Warning::of(notice, words.language)).collect();
    let change = format!(
        "{today}.{}.{}.{}.{}.{}.{}.{}.{}",
        unsent.pending,
        unsent.parked,
        unsent.closed,
        unsent.rechecks,
        unsent.highest.0,
        // A contact may have placed visits.
        sync.contact.rounds,
        unsent.oldest_pending_at.map_or(0, |at| at.timestamp_millis()),
        sync.push.rounds
    );
    StatusView {
        pending: unsent.pending_visits,
        parked: unsent.parked,
        freshness: data_age.freshness.code(),
        clock: now.state.code(),
        link: sync.link.code(),
        change,
        seat: "nobody",
        run,
        station,
        data_age: words.verdict.data_age(data_age) + &serial,
        unsent: unsent_words,
        warnings,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use chrono::TimeDelta;
    use chrono::Utc;

    use super::*;
    use crate::domain::clock::ClockState;
    use crate::domain::clock::Now;
    use crate::domain::freshness::DataAge;
    use crate::domain::freshness::Freshness;
    use crate::domain::freshness::Thresholds;
    use crate::domain::freshness::data_age;
    use crate::storage::cards::Roster;
    use crate::storage::visits::Counts;
    use crate::storage::visits::Room;
    use crate::sync::status::Failing;
    use crate::sync::status::SyncStatus;
    use crate::sync::status::Trouble;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn calm() -> Overview {
        let age = DataAge { freshness: Freshness::Fresh, age: Some(TimeDelta::hours(3)), worsens_at: None, doubted: None };
        let mut overview = Overview {
            now: Now { at: at("2026-11-21T03:00:00Z"), state: ClockState::Plausible },
            roster: Roster::default(),
            data_age: age,
            unsent: Counts::default(),
            room: Room::default(),
            sync: SyncStatus::default(),
            outages: Arc::from([]),
            backup: None,
        };
        overview.sync.link = Link::Ready;
        overview
    }

    fn labels(overview: &Overview) -> Vec<String> {
        of(overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese))
            .warnings
            .into_iter()
            .map(|warning| warning.label)
            .collect()
    }

    #[test]
    fn all_sent_is_said_only_when_nothing_waits_and_nothing_is_parked() {
        for (pending, parked, all) in [(0, 0, true), (1, 0, false), (0, 1, false), (3, 2, false)] {
            let mut overview = calm();
            overview.unsent.pending_visits = pending;
            overview.unsent.parked = parked;
            let view = of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese));
            assert_eq!(view.unsent == "Đã gửi hết", all, "{pending}, {parked}: {}", view.unsent);
            assert_eq!(labels(&overview).contains(&"parked".to_owned()), parked > 0);
        }
    }

    #[test]
    fn without_a_province_nothing_is_called_sent_and_revisions_of_a_visit_are_one_visit() {
        let said = |overview: &Overview| {
            of(overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese)).unsent
        };
        let mut overview = calm();
        overview.sync.link = Link::NotConfigured;
        assert_eq!(said(&overview), "Trạm chưa nối với tỉnh");
        (overview.unsent.pending, overview.unsent.pending_visits) = (30, 6);
        assert_eq!(said(&overview), "Chưa gửi 6 lượt");
    }

    #[test]
    fn the_oldest_unsent_is_dated_when_it_is_not_of_today() {
        let mut overview = calm();
        overview.unsent.pending_visits = 14;
        overview.unsent.oldest_pending_at = Some(at("2026-11-21T02:10:00Z"));
        assert_eq!(
            of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese)).unsent,
            "Chưa gửi 14 lượt, cũ nhất từ 09:10"
        );
        overview.unsent.oldest_pending_at = Some(at("2026-11-20T02:10:00Z"));
        assert_eq!(
            of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese)).unsent,
            "Chưa gửi 14 lượt, cũ nhất từ 09:10 20/11/2026"
        );
    }

    #[test]
    fn while_the_clock_is_in_doubt_the_bar_says_of_when_the_data_are_and_not_how_old() {
        let mut overview = calm();
        overview.now.state = ClockState::Behind;
        let thresholds = Thresholds { aging_after: TimeDelta::hours(36), stale_after: TimeDelta::days(7) };
        overview.data_age = data_age(Some(at("2026-11-21T02:59:30Z")), overview.now, thresholds);
        let view = of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese));
        assert!(view.data_age.contains("tính đến 09:59 21/11/2026, không rõ cách nay bao lâu"), "{}", view.data_age);
        assert_eq!(view.freshness, "aging", "never fresh");
    }

    #[test]
    fn every_trouble_is_shown_and_the_same_one_once() {
        let failing = |minute: &str, trouble| Some(Failing { since: at(&format!("2026-11-21T02:{minute}:00Z")), tries: 3, trouble });
        let mut overview = calm();
        assert_eq!(labels(&overview), [""; 0]);
        overview.sync.pull.failing = failing("20", Trouble::Unreachable);
        overview.sync.push.failing = failing("10", Trouble::Unreachable);
        let view = of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese));
        assert_eq!(labels(&overview), ["unreachable"]);
        assert!(view.warnings[0].text.contains("từ 09:10"), "{}", view.warnings[0].text);
        overview.sync.push.failing = failing("10", Trouble::ServerBusy);
        assert_eq!(labels(&overview), ["push:server_busy", "pull:unreachable"]);
        overview.now.state = ClockState::Behind;
        overview.data_age.freshness = Freshness::Stale;
        overview.sync.link = Link::NotEnrolled;
        overview.unsent.parked = 1;
        let view = of(
            &overview,
            overview.now.day(),
            String::new(),
            &["20261121T010000Z-visits.db".into()],
            String::new(),
            Messages::of(Language::Vietnamese),
        );
        let labels: Vec<_> = view.warnings.iter().map(|warning| warning.label.as_str()).collect();
        assert_eq!(
            labels,
            ["quarantined:visits", "clock:behind", "data:stale", "parked", "link:not_enrolled", "push:server_busy", "pull:unreachable"]
        );
    }

    #[test]
    fn whatever_may_change_the_list_changes_its_mark() {
        let mark = |change: fn(&mut Overview)| {
            let mut overview = calm();
            change(&mut overview);
            of(&overview, overview.now.day(), String::new(), &[], String::new(), Messages::of(Language::Vietnamese)).change
        };
        let calm = mark(|_| {});
        let changed = [mark(|o| o.unsent.pending = 1), mark(|o| o.unsent.parked = 1), mark(|o| o.sync.push.rounds = 1)];
        assert!(changed.iter().all(|mark| *mark != calm));
        let overview = self::calm();
        let today = overview.now.day();
        let on = |day| of(&overview, day, String::new(), &[], String::new(), Messages::of(Language::Vietnamese)).change;
        assert!(on(today) == calm && on(today.succ_opt().unwrap()) != calm, "the day of the list, not the one cards are judged by");
    }
}
