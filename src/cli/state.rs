//! How things stand, as the command line prints it: first what needs somebody, then the facts.
//!
//! Promise: the contract's own sentences; the same facts in both languages. Never: a second wording of a notice.

use serde_json::Value;

use super::ask::text as of;
use super::output;
use crate::desk::words;
use crate::desk::words::Sentence;

/// In both languages.
pub(super) fn text(value: &Value) -> Sentence {
    output::lines(lines(value))
}

fn lines(value: &Value) -> Vec<Sentence> {
    let mut lines: Vec<_> = notices(value).collect();
    lines.extend(data(value));
    lines.extend(DIRECTIONS.map(|(key, vi, en)| direction(&value[key], vi, en)));
    lines.extend(value["left_today"].as_u64().map(|left| {
        let used = &value["used_today"];
        Sentence::new(format!("Mạng hôm nay: đã dùng {used} byte, còn {left}"), format!("Network today: {used} bytes used, {left} left"))
    }));
    lines.extend(value["certificate"]["not_after"].as_str().map(|end| {
        let days = &value["certificate"]["days_left"];
        Sentence::new(format!("Chứng thư đến {end} (còn {days} ngày)"), format!("Certificate until {end} ({days} days left)"))
    }));
    let free = megabytes(&value["disk"]["free_bytes"]);
    lines.extend(free.map(|free| Sentence::new(format!("Đĩa còn trống: {free} MB"), format!("Room on the disk: {free} MB"))));
    lines.extend(value["started_at"].as_str().map(|since| program(value, since)).into_iter().flatten());
    lines.extend(value["backup"].as_object().map(|_| {
        let good = of(&value["backup"], "good_at");
        Sentence::new(format!("Sao lưu: bản tốt gần nhất {good}"), format!("Backup: last good one {good}"))
    }));
    let reason = |language| value["roster"][language].as_str();
    lines.extend(reason("snapshot_reason_text").zip(reason("snapshot_reason_english")).map(|(vi, en)| Sentence::new(vi, en)));
    lines.extend(value["rules"]["version"].as_str().map(|version| rules(version, value["rules"]["origin"].as_str())));
    lines.extend(value["rules"]["next"].as_object().map(|_| {
        let (version, from) = (of(&value["rules"]["next"], "version"), of(&value["rules"]["next"], "valid_from"));
        Sentence::new(
            format!("Quy tắc mới: bản {version}, tự dùng từ ngày {from}"),
            format!("New rules: version {version}, begin by themselves on {from}"),
        )
    }));
    let aside = list(&value["quarantined"]);
    lines.extend(aside.map(|name| Sentence::new(format!("Tệp hỏng đã cất riêng: {name}"), format!("Damaged file set aside: {name}"))));
    lines
}

/// Each direction of the exchange: its key in the contract, and its name.
const DIRECTIONS: [(&str, &str, &str); 4] = [
    ("pull", "Tải danh sách", "List of cards"),
    ("push", "Gửi lượt khám", "Visits"),
    ("contact", "Báo tình trạng", "Contact"),
    ("ask", "Hỏi từng thẻ", "Single cards"),
];

fn direction(activity: &Value, vi: &str, en: &str) -> Sentence {
    let next = of(activity, "next_at");
    let failing = &activity["failing"];
    let tries = &failing["tries"];
    let [pause_vi, pause_en] = match activity["put_off_until"].as_str() {
        Some(until) => [
            format!("; tỉnh yêu cầu chờ đến {until}, trước lúc đó không thử"),
            format!("; the province asks to wait until {until}: no try before"),
        ],
        None => Default::default(),
    };
    if let Some(since) = failing["since"].as_str() {
        return Sentence::new(
            format!("{vi}: lỗi từ {since} ({tries} lần), lần tới {next}{pause_vi}"),
            format!("{en}: failing since {since} ({tries} times), next {next}{pause_en}"),
        );
    }
    let last = of(activity, "succeeded_at");
    Sentence::new(format!("{vi}: lần cuối {last}, lần tới {next}"), format!("{en}: last {last}, next {next}"))
}

fn data(value: &Value) -> [Sentence; 3] {
    let (roster, outbox) = (&value["roster"], &value["outbox"]);
    let (cards, serial, as_of) = (&roster["cards"], &roster["serial"], of(roster, "as_of"));
    let (pending, parked, oldest) = (&outbox["pending"], &outbox["parked"], of(outbox, "oldest_pending_at"));
    let [unknown_vi, unknown_en] = if roster["age_is_known"] == false {
        [", không rõ cách nay bao lâu vì đồng hồ máy chưa tin được", "; how long ago is not known, the clock cannot be believed"]
    } else {
        [""; 2]
    };
    let link = link(value);
    let held = if serial.is_null() {
        Sentence::new("Dữ liệu thẻ: chưa có danh sách nào", "Card data: no list yet")
    } else {
        Sentence::new(
            format!("Dữ liệu thẻ: {cards} thẻ, số {serial}, tính đến {as_of}{unknown_vi}"),
            format!("Card data: {cards} cards, serial {serial}, as of {as_of}{unknown_en}"),
        )
    };
    [
        held,
        Sentence::new(
            format!("Chưa gửi: {pending} · bị từ chối: {parked} · cũ nhất: {oldest}"),
            format!("Not sent: {pending} · refused: {parked} · oldest: {oldest}"),
        ),
        Sentence::new(format!("Liên kết: {}", link.vi), format!("Link: {}", link.en)),
    ]
}

/// How the station stands to the province, as far as is known: being able to speak with it is not speaking with it.
fn link(value: &Value) -> Sentence {
    let code = of(value, "link");
    if code != "ready" {
        return words::link_state(code);
    }
    if value["running"] == false {
        return Sentence::new(
            "đã đăng ký; dịch vụ không chạy nên không ai liên lạc với tỉnh",
            "enrolled; the service does not run, so nobody speaks with the province",
        );
    }
    let directions = || DIRECTIONS.iter().map(|(key, ..)| &value[key]);
    // All are written in the same way, so the first in the order of text is the earliest.
    if let Some(since) = directions().filter_map(|activity| activity["failing"]["since"].as_str()).min() {
        return Sentence::new(
            format!("đã đăng ký; đang có lỗi từ {since}, xem bên dưới"),
            format!("enrolled; failing since {since}, see below"),
        );
    }
    if directions().all(|activity| activity["succeeded_at"].is_null()) {
        return Sentence::new(
            "đã đăng ký; từ khi dịch vụ chạy chưa liên lạc lần nào",
            "enrolled; no contact since the service was started",
        );
    }
    words::link_state(code)
}

/// What only a running service knows.
fn program(value: &Value, since: &str) -> Vec<Sentence> {
    let (version, memory) = (of(value, "version"), megabytes(&value["memory_bytes"]).unwrap_or_default());
    let listens = &value["listens"];
    let (page, lan, metrics) = (of(listens, "page"), of(listens, "lan"), of(listens, "metrics"));
    let configuration = &value["configuration"];
    let (path, loaded) = (of(configuration, "path"), of(configuration, "loaded_at"));
    let mut lines = vec![
        Sentence::new(
            format!("Phiên bản {version}, chạy từ {since}, bộ nhớ {memory} MB"),
            format!("Version {version}, running since {since}, memory {memory} MB"),
        ),
        Sentence::new(
            format!("Trang: {page} · mạng của trạm: {lan} · số đo: {metrics}"),
            format!("Page: {page} · house's network: {lan} · figures: {metrics}"),
        ),
        Sentence::new(format!("Cấu hình: {path}, nạp lúc {loaded}"), format!("Configuration: {path}, read at {loaded}")),
    ];
    let problems = list(&configuration["refused"]["problems"]);
    lines.extend(problems.map(|found| {
        Sentence::new(
            format!("Lỗi cấu hình, lần nạp lại cuối: {found}"),
            format!("Problem of the configuration, at the last reload: {found}"),
        )
    }));
    lines
}

fn rules(version: &str, origin: Option<&str>) -> Sentence {
    let (vi, en) = match origin {
        Some("installed") => ("cài từ tệp đã ký", "installed from a signed file"),
        Some("folder") => ("của thư mục rules-dir", "of the folder rules-dir"),
        _ => ("có sẵn trong chương trình", "built in"),
    };
    Sentence::new(format!("Quy tắc: bản {version}, {vi}"), format!("Rules: version {version}, {en}"))
}

fn notices(value: &Value) -> impl Iterator<Item = Sentence> {
    let notices = value["notices"].as_array().into_iter().flatten();
    notices.map(|notice| Sentence::new(format!("! {}", of(notice, "vi")), format!("! {}", of(notice, "en"))))
}

fn list(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Whole ones, as people say them.
fn megabytes(bytes: &Value) -> Option<u64> {
    bytes.as_u64().map(|bytes| bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notices_come_first_and_each_language_is_whole() {
        let value = json!({
            "notices": [{ "vi": "Một việc.", "en": "One thing." }, { "vi": "Hai việc.", "en": "Two things." }],
            "quarantined": ["x-visits.db"],
            "roster": { "snapshot_reason_text": "Vì.", "snapshot_reason_english": "Because.", "age_is_known": true },
        });
        let Sentence { vi: vietnamese, en: english } = text(&value);
        assert!(vietnamese.starts_with("! Một việc.\n! Hai việc.\nDữ liệu thẻ:") && vietnamese.contains("Vì."), "{vietnamese}");
        assert!(english.starts_with("! One thing.\n! Two things.\nCard data:") && english.contains("Because."), "{english}");
        assert!(english.is_ascii() || english.chars().all(|c| c.is_ascii() || "·–".contains(c)), "no Vietnamese letter: {english}");
        assert_eq!(vietnamese.lines().count(), english.lines().count());
        assert!(!vietnamese.contains("không rõ") && !english.contains("not known"), "{vietnamese} {english}");
    }

    /// As `status` prints it of a station that was installed a minute ago.
    #[test]
    fn a_vietnamese_reader_sees_no_code_and_no_null() {
        let value = json!({
            "link": "not_configured",
            "roster": { "cards": 0, "serial": null, "as_of": null },
            "outbox": { "pending": 0, "parked": 0, "oldest_pending_at": null },
        });
        let Sentence { vi, en } = text(&value);
        for said in [&vi, &en] {
            assert!(!said.contains("null") && !said.contains("not_configured"), "{said}");
        }
        assert!(vi.contains("Dữ liệu thẻ: chưa có danh sách nào") && vi.contains("Liên kết: không cấu hình tỉnh"), "{vi}");
        for code in ["not_configured", "not_enrolled", "unusable", "ready"] {
            assert!(words::link_state(code) != Sentence::same(code), "{code}");
        }
    }

    #[test]
    fn the_link_is_called_ready_only_where_it_works() {
        let told = |running: bool, succeeded: Value, failing: Value| {
            let pull = json!({ "succeeded_at": succeeded, "failing": failing });
            let Sentence { vi, en } = text(&json!({ "link": "ready", "running": running, "pull": pull }));
            let link = |text: &str, head: &str| text.lines().find(|line| line.starts_with(head)).unwrap().to_owned();
            (link(&vi, "Liên kết: "), link(&en, "Link: "))
        };
        let (at, since) = (json!("2026-11-20T20:00:00+07:00"), json!({ "since": "2026-11-20T20:30:00+07:00", "tries": 3 }));
        assert_eq!(told(true, at.clone(), Value::Null), ("Liên kết: sẵn sàng".to_owned(), "Link: ready".to_owned()));
        for (running, succeeded, failing, part) in
            [(false, at.clone(), Value::Null, "không chạy"), (true, at, since, "20:30"), (true, Value::Null, Value::Null, "chưa liên lạc")]
        {
            let (vi, en) = told(running, succeeded, failing);
            assert!(vi.contains(part) && !vi.contains("sẵn sàng") && !en.contains("ready"), "{vi} {en}");
        }
    }

    #[test]
    fn a_running_service_says_what_it_is_and_what_is_wrong_with_its_configuration() {
        let value = json!({
            "version": "1.2.3", "started_at": "2026-11-20T20:00:00+07:00", "memory_bytes": 17_400_000,
            "listens": { "page": "127.0.0.1:8686", "lan": null, "metrics": null },
            "certificate": { "not_after": "2027-01-01T00:00:00+07:00", "days_left": 41 },
            "disk": { "free_bytes": 12_300_000_000_u64 },
            "configuration": { "path": "/a.toml", "loaded_at": "2026-11-20T20:00:01+07:00", "refused": { "problems": ["p1", "p2"] } },
        });
        let Sentence { vi: vietnamese, en: english } = text(&value);
        for found in
            ["còn 41 ngày", "12300 MB", "Phiên bản 1.2.3", "17 MB", "127.0.0.1:8686", "/a.toml", "Lỗi cấu hình, lần nạp lại cuối: p2"]
        {
            assert!(vietnamese.contains(found), "{found}: {vietnamese}");
        }
        assert_eq!(vietnamese.lines().count(), english.lines().count(), "{english}");
    }

    #[test]
    fn by_a_doubted_clock_the_data_are_as_of_then_and_how_long_ago_is_not_known() {
        let value = json!({ "roster": { "cards": 1, "serial": 1, "as_of": "2026-11-20T20:00:00+07:00", "age_is_known": false } });
        let Sentence { vi: vietnamese, en: english } = text(&value);
        assert!(vietnamese.contains("tính đến 2026-11-20T20:00:00+07:00, không rõ cách nay bao lâu"), "{vietnamese}");
        assert!(english.contains("as of 2026-11-20T20:00:00+07:00; how long ago is not known"), "{english}");
    }
}
