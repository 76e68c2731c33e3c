//! Judges what the station's records say: feed, outbox, accounts, who this machine is, the rules.
//!
//! Promise: pure; a clock that is in doubt makes an age unknown, not bad. Never: a person.

use chrono::DateTime;
use chrono::Days;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use super::line::Check;
use super::line::Line;
use super::station::Station;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::Now;
use crate::domain::contact::Machine;
use crate::domain::facility::FacilityClass;
use crate::domain::freshness::Freshness;
use crate::domain::rules::RuleTables;
use crate::domain::rules::Term;
use crate::ops::exit_code::ExitCode;

/// What cannot be learned while the records cannot be read.
pub(super) fn untold(check: Check) -> Line {
    let said = Sentence::new(
        "chưa đọc được sổ của trạm; xử lý các dòng trên trước",
        "the station's records cannot be read; mend what stands above first",
    );
    Line::unknown(check, "no_records", said)
}

/// The roster's age. `is_alone`: no province is configured, so nobody sends one.
pub(super) fn feed(station: &Station, is_alone: bool) -> Line {
    let Some(feed) = station.feed else { return untold(Check::Feed) };
    let as_of = feed.as_of.map(words::instant).unwrap_or_default();
    let held = |vi: &str, en: &str| {
        Sentence::new(format!("{} thẻ, tính đến {as_of}{vi}", feed.cards), format!("{} cards as of {as_of}{en}", feed.cards))
    };
    let fetch = Sentence::new(
        "bhyt-agent sync-now; không có mạng thì xin tỉnh chép vào USB rồi bhyt-agent carry-in THƯ-MỤC",
        "bhyt-agent sync-now; without a network have the province write a stick, then bhyt-agent carry-in FOLDER",
    );
    // Older by the day, and no download mends it.
    if let Some(notice) = station.notice("roster_held") {
        let found = held("; danh sách mới của tỉnh đang bị giữ lại", "; the province's new list is held back");
        let next = Sentence::new(
            "hỏi tỉnh; nếu danh sách mới đúng: sudo -u bhyt-agent bhyt-agent accept-roster",
            "ask the province; if the new list is right: sudo -u bhyt-agent bhyt-agent accept-roster",
        );
        let line = if feed.freshness == Freshness::Stale {
            Line::broken(Check::Feed, "held_stale", ExitCode::Unavailable, found, next)
        } else {
            Line::attention(Check::Feed, "held", found, next)
        };
        return line.since(notice.since.or(feed.as_of));
    }
    match feed.freshness {
        Freshness::Absent if is_alone => {
            Line::good(Check::Feed, Sentence::new("chưa có danh sách: trạm làm việc một mình", "no list: the station works alone"))
        }
        Freshness::Absent => {
            Line::attention(Check::Feed, "absent", Sentence::new("chưa có danh sách thẻ nào", "there is no list of cards yet"), fetch)
        }
        Freshness::Stale => {
            Line::broken(Check::Feed, "stale", ExitCode::Unavailable, held(", đã quá cũ", ", too old"), fetch).since(feed.as_of)
        }
        _ if !feed.age_is_known => {
            let said = held("; đồng hồ máy sai nên không biết đã bao lâu", "; the clock is wrong, so nobody knows how long ago");
            Line::unknown(Check::Feed, "clock_in_doubt", said)
        }
        Freshness::Aging => Line::attention(Check::Feed, "aging", held(", bắt đầu cũ", ", getting old"), fetch).since(feed.as_of),
        Freshness::Fresh => Line::good(Check::Feed, held("", "")),
    }
}

/// From so long on visits that wait are worth a look, and from so long on something is broken.
const LONG_WAIT: TimeDelta = TimeDelta::days(1);
const TOO_LONG_WAIT: TimeDelta = TimeDelta::days(7);

/// What is not at the province.
pub(super) fn outbox(station: &Station, now: Now, is_alone: bool) -> Line {
    let Some(outbox) = station.outbox else { return untold(Check::Outbox) };
    let (pending, parked) = (outbox.pending, outbox.parked);
    let found = Sentence::new(format!("{pending} chờ gửi, {parked} bị từ chối"), format!("{pending} waiting, {parked} refused"));
    let look = Sentence::new("bhyt-agent outbox, rồi bhyt-agent sync-now", "bhyt-agent outbox, then bhyt-agent sync-now");
    let waited = outbox.oldest.filter(|_| !is_alone && pending > 0).map(|oldest| now.at.signed_duration_since(oldest));
    match waited {
        Some(_) if now.state.is_suspect() => Line::unknown(Check::Outbox, "clock_in_doubt", found).since(outbox.oldest),
        Some(waited) if waited >= TOO_LONG_WAIT => {
            Line::broken(Check::Outbox, "stuck", ExitCode::Unavailable, found, look).since(outbox.oldest)
        }
        Some(waited) if waited >= LONG_WAIT => Line::attention(Check::Outbox, "waiting", found, look).since(outbox.oldest),
        _ if parked > 0 => {
            let next = Sentence::new(
                "bhyt-agent outbox; từng lượt: bhyt-agent correct MÃ, bhyt-agent resend MÃ, hoặc bhyt-agent close MÃ --note \"LÝ DO\"",
                "bhyt-agent outbox; for each: bhyt-agent correct ID, bhyt-agent resend ID, or bhyt-agent close ID --note \"REASON\"",
            );
            Line::attention(Check::Outbox, "refused", found, next)
        }
        _ => Line::good(Check::Outbox, found),
    }
}

/// Who may sign in.
pub(super) fn operators(station: &Station) -> Line {
    let Some(accounts) = station.accounts else { return untold(Check::Operators) };
    let add = Sentence::new(
        "sudo -u bhyt-agent bhyt-agent operator add \"HỌ TÊN\" --role head (gõ mã PIN rồi Enter), hoặc bhyt-agent setup",
        "sudo -u bhyt-agent bhyt-agent operator add \"NAME\" --role head (type a PIN, then Enter), or bhyt-agent setup",
    );
    let open = accounts.open;
    match (open, accounts.heads) {
        (0, _) => {
            let found =
                Sentence::new("chưa có tài khoản nào: không ai vào được trang", "there is no account: nobody can sign in at the page");
            Line::broken(Check::Operators, "none", ExitCode::Config, found, add)
        }
        (_, 0) => {
            let found = Sentence::new(format!("{open} tài khoản, không ai là trưởng trạm"), format!("accounts: {open}, none is a head"));
            let next = Sentence::new(
                "bhyt-agent operator list, rồi bhyt-agent operator role SỐ head",
                "bhyt-agent operator list, then bhyt-agent operator role NUMBER head",
            );
            Line::attention(Check::Operators, "no_head", found, next)
        }
        (_, heads) => Line::good(
            Check::Operators,
            Sentence::new(format!("{open} tài khoản, {heads} trưởng trạm"), format!("accounts: {open}, heads: {heads}")),
        ),
    }
}

/// What the keys tell of who this machine is.
#[expect(clippy::option_option, reason = "nothing was asked; it was, and since when is not known")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Papers {
    /// The record that the certificate was given for.
    pub(super) certified: Option<Uuid>,
    /// A code was shown and its answer has not come: since when.
    pub(super) asked: Option<Option<DateTime<Utc>>>,
}

/// Whether this machine is who it says it is, and the only one. `has_set_aside`: a damaged record of visits explains why it is another one. `is_replaced`: the
/// province answers that another machine took the place of this one.
pub(super) fn identity(station: &Station, papers: &Papers, has_set_aside: bool, is_replaced: bool) -> Line {
    if let Some(Some((Machine::Copied, since))) = station.machine {
        return Line::broken(
            Check::Identity,
            "copied",
            ExitCode::Config,
            Sentence::new("HAI MÁY cùng chạy từ bản sao của một ổ đĩa", "TWO COMPUTERS run from copies of one disk"),
            Sentence::new(
                "tắt máy thừa; trên máy giữ lại: bhyt-agent replace-this-machine --code - với mã mới của tỉnh",
                "stop the one too many; on the one that stays: bhyt-agent replace-this-machine --code - with a new code of the province",
            ),
        )
        .since(Some(since));
    }
    if let Some(since) = papers.asked {
        let found = Sentence::new("chưa biết tỉnh đã nhận mã đăng ký chưa", "it is not known whether the province took the code");
        let next = Sentence::new("chạy lại lệnh đăng ký với đúng mã đó", "run the same command again with the same code");
        return Line::attention(Check::Identity, "open", found, next).since(since);
    }
    let told = station.notice("refused.replaced_certificate");
    if is_replaced || told.is_some() {
        let found = Sentence::new(
            "MÁY KHÁC ĐÃ THAY MÁY NÀY: tỉnh không nhận máy này nữa",
            "ANOTHER COMPUTER TOOK THIS ONE'S PLACE: the province takes nothing from this one any more",
        );
        let next = Sentence::new(
            "máy cũ: bhyt-agent carry-out THƯ-MỤC-USB rồi tắt; máy phải giữ: xin tỉnh mã mới, bhyt-agent replace-this-machine --code -",
            "the old one: bhyt-agent carry-out FOLDER (of a stick), then stop it; the one that stays: bhyt-agent replace-this-machine --code - with a new code",
        );
        let since = told.and_then(|notice| notice.since);
        return Line::broken(Check::Identity, "replaced", ExitCode::NoPermission, found, next).since(since.or(station.failing));
    }
    if let Some(Some((Machine::FellBack, since))) = station.machine {
        let found = Sentence::new(
            "ổ đĩa đã quay về bản cũ, hoặc có máy khác chạy bản sao của nó",
            "the disk went back to an older state, or another computer runs a copy of it",
        );
        let next = Sentence::new(
            "tìm máy thứ hai; nếu không có, bhyt-agent sync-now",
            "look for a second computer; if there is none, bhyt-agent sync-now",
        );
        return Line::attention(Check::Identity, "fell_back", found, next).since(Some(since));
    }
    // Another one on purpose is none that anybody has to look for.
    let is_other = papers.certified.zip(station.install).is_some_and(|(certified, install)| certified != install)
        && !station.is_put_back
        && papers.certified.is_none_or(|certified| !station.former.contains(&certified));
    let told = station.notice("other_record");
    if (is_other || told.is_some()) && !has_set_aside {
        let found = Sentence::new(
            "sổ lượt khám là sổ mới, không phải sổ mà chứng thư được cấp cho",
            "the record of visits is a new one, not the one the certificate was given for",
        );
        let next =
            Sentence::new("tìm thư mục dữ liệu hoặc ổ đĩa cũ trước khi làm tiếp", "look for the old data folder or disk before going on");
        return Line::attention(Check::Identity, "other_record", found, next).since(told.and_then(|notice| notice.since));
    }
    match station.machine {
        Some(Some((_, since))) => {
            Line::good(Check::Identity, Sentence::new("tỉnh nhận ra máy này", "the province knows this machine")).since(Some(since))
        }
        Some(None) if station.feed.is_some_and(|feed| feed.as_of.is_some()) => {
            let found = Sentence::new(
                "đã có danh sách thẻ; tỉnh chưa nói gì về máy này",
                "a card list is here; the province has not said anything of this computer yet",
            );
            Line::good(Check::Identity, found)
        }
        Some(None) => Line::good(Check::Identity, Sentence::new("chưa liên lạc với tỉnh lần nào", "no contact with the province yet")),
        None => untold(Check::Identity),
    }
}

/// A set that nobody has checked against the law for so long is old: laws change with the year.
const CHECKED_WITHIN: Days = Days::new(400);
/// So long before a row ends, somebody has to bring its successor.
const ENDS_WITHIN: Days = Days::new(30);

/// The rules, on a day.
pub(super) fn rules(rules: &RuleTables, class: &FacilityClass, today: NaiveDate) -> Line {
    let version = &rules.version;
    let renew = Sentence::new(
        "cài bản mới của bhyt-agent, hoặc bỏ khóa rules-dir trong cấu hình để dùng bộ có sẵn",
        "install a newer bhyt-agent, or take rules-dir out of the configuration to use the built-in set",
    );
    let salaries: Vec<_> = rules.salaries.iter().map(|row| &row.term).collect();
    let classes: Vec<_> = rules.classes.iter().filter(|row| row.class == *class).map(|row| &row.term).collect();
    let needed = [("base_salary.toml", salaries), ("facility_classes.toml", classes)];
    for (file, terms) in &needed {
        if !terms.iter().any(|term| term.covers(today)) {
            let ended = terms.iter().filter_map(|term| term.valid_until).filter(|until| *until < today).max();
            let (vi, en) = ended.map_or_else(Default::default, |day| {
                let day = words::day(day);
                (format!(", dòng cuối hết ngày {day}"), format!(", its last row ended on {day}"))
            });
            let found = Sentence::new(
                format!("bộ {version}: {file} không có dòng nào cho hôm nay{vi}"),
                format!("set {version}: {file} has no row for today{en}"),
            );
            return Line::broken(Check::Rules, "ended", ExitCode::Config, found, renew);
        }
    }
    let soon = today.checked_add_days(ENDS_WITHIN).unwrap_or(today);
    if let Some((file, end)) = needed.iter().find_map(|(file, terms)| Some((*file, end_without_successor(terms, today, soon)?))) {
        let day = words::day(end);
        let found = Sentence::new(
            format!("bộ {version}: {file} hết hiệu lực ngày {day}, chưa có dòng tiếp theo"),
            format!("set {version}: {file} ends on {day}, and no row follows"),
        );
        return Line::attention(Check::Rules, "ending", found, renew);
    }
    let checked = version.split('.').next().and_then(|day| day.parse::<NaiveDate>().ok());
    if let Some(day) = checked.filter(|day| day.checked_add_days(CHECKED_WITHIN).is_some_and(|end| end < today)) {
        let day = words::day(day);
        let found = Sentence::new(
            format!("bộ {version}: đối chiếu với luật lần cuối ngày {day}"),
            format!("set {version}: last checked against the law on {day}"),
        );
        return Line::attention(Check::Rules, "old", found, renew);
    }
    Line::good(Check::Rules, Sentence::new(format!("bộ {version}, còn hiệu lực"), format!("set {version}, in force")))
}

/// The last day of what holds today, if nothing holds on the next one and that is soon.
fn end_without_successor(terms: &[&Term], today: NaiveDate, soon: NaiveDate) -> Option<NaiveDate> {
    let last = terms
        .iter()
        .filter(|term| term.covers(today))
        .map(|term| term.valid_until)
        .max_by_key(|until| until.unwrap_or(NaiveDate::MAX))??;
    let next = last.succ_opt()?;
    (last <= soon && !terms.iter().any(|term| term.covers(next))).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::line::State;
    use crate::cli::doctor::station::Accounts;
    use crate::cli::doctor::station::Feed;
    use crate::cli::doctor::station::Outbox;
    use crate::cli::doctor::test_support::at;
    use crate::cli::doctor::test_support::noticed;
    use crate::cli::doctor::test_support::now;
    use crate::cli::doctor::test_support::what;
    use crate::domain::clock::ClockState;

    #[test]
    fn visits_that_wait_are_judged_by_how_long_unless_the_clock_is_in_doubt() {
        let waiting =
            |pending, parked, oldest| Station { outbox: Some(Outbox { pending, parked, oldest: Some(at(oldest)) }), ..Station::default() };
        for (station, state, alone, expected) in [
            (waiting(0, 0, "2026-01-01T00:00:00Z"), ClockState::Plausible, false, ("ok", false)),
            (waiting(3, 0, "2026-11-22T00:00:00Z"), ClockState::Plausible, false, ("ok", false)),
            (waiting(3, 0, "2026-11-20T00:00:00Z"), ClockState::Plausible, false, ("waiting", false)),
            (waiting(3, 1, "2026-11-10T00:00:00Z"), ClockState::Plausible, false, ("stuck", true)),
            (waiting(3, 0, "2026-11-10T00:00:00Z"), ClockState::Behind, false, ("clock_in_doubt", false)),
            (waiting(3, 0, "2026-11-10T00:00:00Z"), ClockState::Learned, false, ("stuck", true)),
            (waiting(3, 0, "2026-11-10T00:00:00Z"), ClockState::Plausible, true, ("ok", false)),
            (waiting(0, 1, "2026-11-22T00:00:00Z"), ClockState::Plausible, false, ("refused", false)),
        ] {
            assert_eq!(what(&outbox(&station, now(state), alone)), expected, "{station:?} {state:?} {alone}");
        }
        assert_eq!(outbox(&Station::default(), now(ClockState::Plausible), false).state, State::Unknown);
    }

    #[test]
    fn nobody_and_no_head_are_told_apart() {
        for (open, heads, expected) in [(0, 0, ("none", true)), (2, 0, ("no_head", false)), (2, 1, ("ok", false))] {
            let station = Station { accounts: Some(Accounts { open, heads }), ..Station::default() };
            assert_eq!(what(&operators(&station)), expected);
        }
    }

    #[test]
    fn a_feed_is_as_old_as_the_clock_can_tell() {
        for (freshness, age_is_known, alone, expected) in [
            (Freshness::Fresh, true, false, ("ok", false)),
            (Freshness::Aging, true, false, ("aging", false)),
            (Freshness::Aging, false, false, ("clock_in_doubt", false)),
            (Freshness::Stale, true, false, ("stale", true)),
            (Freshness::Stale, false, false, ("stale", true)),
            (Freshness::Absent, true, false, ("absent", false)),
            (Freshness::Absent, true, true, ("ok", false)),
        ] {
            let held = Feed { freshness, as_of: Some(at("2026-11-20T01:00:00Z")), cards: 5, age_is_known };
            assert_eq!(what(&feed(&Station { feed: Some(held), ..Station::default() }, alone)), expected, "{freshness:?}");
        }
    }

    #[test]
    fn a_list_that_is_held_back_has_the_command_that_helps_however_old_the_one_in_use_is() {
        for (freshness, expected) in [
            (Freshness::Fresh, ("held", false)),
            (Freshness::Aging, ("held", false)),
            (Freshness::Stale, ("held_stale", true)),
            (Freshness::Absent, ("held", false)),
        ] {
            let held = Feed { freshness, as_of: Some(at("2026-11-20T01:00:00Z")), cards: 5, age_is_known: true };
            let line = feed(&Station { feed: Some(held), ..noticed("roster_held") }, false);
            assert_eq!(what(&line), expected, "{freshness:?}");
            assert!(line.next.is_some_and(|next| next.en.contains("accept-roster") && !next.en.contains("sync-now")));
        }
    }

    #[test]
    fn the_most_pressing_doubt_about_the_machine_is_told() {
        let (copied, since) = (Machine::Copied, at("2026-11-20T01:00:00Z"));
        let machine = |machine| Station { machine: Some(Some((machine, since))), install: Some(Uuid::from_u128(1)), ..Station::default() };
        let other = Papers { certified: Some(Uuid::from_u128(2)), asked: None };
        let open = Papers { asked: Some(None), ..other.clone() };
        let ours = Papers { certified: Some(Uuid::from_u128(1)), asked: None };
        for (station, papers, aside, expected) in [
            (machine(copied), &open, false, ("copied", true)),
            (machine(Machine::FellBack), &open, false, ("open", false)),
            (machine(Machine::FellBack), &ours, false, ("fell_back", false)),
            (machine(Machine::Known), &other, false, ("other_record", false)),
            (machine(Machine::Known), &other, true, ("ok", false)),
            (machine(Machine::Known), &ours, false, ("ok", false)),
        ] {
            assert_eq!(what(&identity(&station, papers, aside, false)), expected);
        }
    }

    #[test]
    fn a_machine_that_was_replaced_is_not_told_that_the_province_knows_it() {
        let known = Station { machine: Some(Some((Machine::Known, at("2026-11-20T01:00:00Z")))), ..Station::default() };
        let ours = Papers::default();
        assert_eq!(what(&identity(&known, &ours, false, true)), ("replaced", true));
        // As a service says it that cannot be asked past.
        let told = Station { machine: known.machine, ..noticed("refused.replaced_certificate") };
        assert_eq!(what(&identity(&told, &ours, false, false)), ("replaced", true));
        assert_eq!(what(&identity(&known, &ours, false, false)), ("ok", false));
        // Its own replacement is under way: with that it goes on.
        let asked = Papers { asked: Some(None), ..ours };
        assert_eq!(what(&identity(&known, &asked, false, true)), ("open", false));
    }

    #[test]
    fn a_record_that_was_put_back_is_no_other_one_while_the_service_is_down() {
        let (certified, install) = (Uuid::from_u128(2), Uuid::from_u128(1));
        let papers = Papers { certified: Some(certified), asked: None };
        let seen = Station { machine: Some(None), install: Some(install), ..Station::default() };
        assert_eq!(what(&identity(&seen, &papers, false, false)), ("other_record", false));
        let former = Station { former: vec![Uuid::from_u128(3), certified], ..seen.clone() };
        assert_eq!(what(&identity(&former, &papers, false, false)), ("ok", false));
        let put_back = Station { is_put_back: true, ..seen };
        assert_eq!(what(&identity(&put_back, &papers, false, false)), ("ok", false));
    }

    #[test]
    fn who_holds_a_list_of_the_province_is_not_told_that_it_was_never_spoken_with() {
        let told = |as_of| {
            let held = Feed { freshness: Freshness::Fresh, as_of, cards: 5, age_is_known: true };
            identity(&Station { machine: Some(None), feed: Some(held), ..Station::default() }, &Papers::default(), false, false).found
        };
        assert!(told(None).vi.contains("chưa liên lạc") && told(None).en.contains("no contact"));
        let held = told(Some(at("2026-11-20T01:00:00Z")));
        assert!(!held.vi.contains("chưa liên lạc") && !held.en.contains("no contact"), "{held:?}");
    }

    #[test]
    fn rules_that_ended_end_soon_or_are_old_are_told_apart() {
        let class = FacilityClass::parse("commune_station").unwrap();
        let builtin = crate::ops::rules::builtin().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let today = day("2026-11-22");
        let judged = |change: &dyn Fn(&mut RuleTables)| {
            let mut tables = builtin.clone();
            tables.version = "2026-10-06.3".into();
            change(&mut tables);
            let line = rules(&tables, &class, today);
            (line.what, line.is_broken())
        };
        let ending = |tables: &mut RuleTables, end: &str| {
            for row in tables.salaries.iter_mut().filter(|row| row.term.valid_until.is_none()) {
                row.term.valid_until = Some(day(end));
            }
        };
        assert_eq!(judged(&|_| {}), ("ok", false));
        assert_eq!(judged(&|tables| ending(tables, "2026-11-01")), ("ended", true));
        assert_eq!(judged(&|tables| ending(tables, "2026-12-01")), ("ending", false));
        assert_eq!(judged(&|tables| ending(tables, "2027-12-01")), ("ok", false));
        assert_eq!(judged(&|tables| tables.version = "2025-01-01.1".into()), ("old", false));
        assert_eq!(judged(&|tables| tables.version = "ours".into()), ("ok", false));
        assert_eq!(judged(&|tables| tables.classes.clear()), ("ended", true));
    }
}
