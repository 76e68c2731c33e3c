//! How things stand, as the command line prints it: first what needs somebody, then the facts.
//!
//! Promise: the contract's own sentences; the same facts in both languages. Never: a second wording of a notice.

use serde_json::Value;

use super::ask::text;

/// In Vietnamese.
pub(super) fn vietnamese(value: &Value) -> String {
    let (roster, outbox) = (&value["roster"], &value["outbox"]);
    let age = if age_is_known(roster) { "" } else { ", không rõ cách nay bao lâu vì đồng hồ máy chưa tin được" };
    let mut lines = notices(value, "vi");
    lines.extend([
        format!("Dữ liệu thẻ: {} thẻ, số {}, tính đến {}{age}", roster["cards"], roster["serial"], text(roster, "as_of")),
        format!("Chưa gửi: {} · bị từ chối: {} · cũ nhất: {}", outbox["pending"], outbox["parked"], text(outbox, "oldest_pending_at")),
        format!("Liên kết: {}", text(value, "link")),
    ]);
    for (name, key) in [("Tải danh sách", "pull"), ("Gửi lượt khám", "push"), ("Báo tình trạng", "contact"), ("Hỏi từng thẻ", "ask")]
    {
        let activity = &value[key];
        let failing = &activity["failing"];
        let next = text(activity, "next_at");
        lines.push(match failing["since"].as_str() {
            Some(since) => format!("{name}: lỗi từ {since} ({} lần), lần tới {next}", failing["tries"]),
            None => format!("{name}: lần cuối {}, lần tới {next}", text(activity, "succeeded_at")),
        });
    }
    lines.extend(value["left_today"].as_u64().map(|left| format!("Mạng hôm nay: đã dùng {} byte, còn {left}", value["used_today"])));
    let days = &value["certificate"]["days_left"];
    lines.extend(value["certificate"]["not_after"].as_str().map(|end| format!("Chứng thư đến {end} (còn {days} ngày)")));
    lines.extend(megabytes(&value["disk"]["free_bytes"]).map(|free| format!("Đĩa còn trống: {free} MB")));
    if let Some(since) = value["started_at"].as_str() {
        let memory = megabytes(&value["memory_bytes"]).unwrap_or_default();
        lines.push(format!("Phiên bản {}, chạy từ {since}, bộ nhớ {memory} MB", text(value, "version")));
        let listens = &value["listens"];
        lines.push(format!(
            "Trang: {} · mạng của trạm: {} · số đo: {}",
            text(listens, "page"),
            text(listens, "lan"),
            text(listens, "metrics")
        ));
        lines.push(format!("Cấu hình: {}, nạp lúc {}", text(&value["configuration"], "path"), text(&value["configuration"], "loaded_at")));
        lines.extend(problems(value).map(|problem| format!("Lỗi cấu hình: {problem}")));
    }
    lines.extend(value["backup"].as_object().map(|_| format!("Sao lưu: bản tốt gần nhất {}", text(&value["backup"], "good_at"))));
    lines.extend(roster["snapshot_reason_text"].as_str().map(str::to_owned));
    lines.extend(value["rules"]["version"].as_str().map(|version| format!("Quy tắc: bản {version}{}", rules_origin(value, false))));
    lines.extend(files(value).map(|name| format!("Tệp hỏng đã cất riêng: {name}")));
    lines.join("\n")
}

/// In English.
pub(super) fn english(value: &Value) -> String {
    let (roster, outbox) = (&value["roster"], &value["outbox"]);
    let age = if age_is_known(roster) { "" } else { "; how long ago is not known, the clock cannot be believed" };
    let mut lines = notices(value, "en");
    lines.extend([
        format!("Card data: {} cards, serial {}, as of {}{age}", roster["cards"], roster["serial"], text(roster, "as_of")),
        format!("Not sent: {} · refused: {} · oldest: {}", outbox["pending"], outbox["parked"], text(outbox, "oldest_pending_at")),
        format!("Link: {}", text(value, "link")),
    ]);
    for (name, key) in [("List of cards", "pull"), ("Visits", "push"), ("Contact", "contact"), ("Single cards", "ask")] {
        let activity = &value[key];
        let failing = &activity["failing"];
        let next = text(activity, "next_at");
        lines.push(match failing["since"].as_str() {
            Some(since) => format!("{name}: failing since {since} ({} times), next {next}", failing["tries"]),
            None => format!("{name}: last {}, next {next}", text(activity, "succeeded_at")),
        });
    }
    lines.extend(value["left_today"].as_u64().map(|left| format!("Network today: {} bytes used, {left} left", value["used_today"])));
    let days = &value["certificate"]["days_left"];
    lines.extend(value["certificate"]["not_after"].as_str().map(|end| format!("Certificate until {end} ({days} days left)")));
    lines.extend(megabytes(&value["disk"]["free_bytes"]).map(|free| format!("Room on the disk: {free} MB")));
    if let Some(since) = value["started_at"].as_str() {
        let memory = megabytes(&value["memory_bytes"]).unwrap_or_default();
        lines.push(format!("Version {}, running since {since}, memory {memory} MB", text(value, "version")));
        let listens = &value["listens"];
        lines.push(format!(
            "Page: {} · house's network: {} · figures: {}",
            text(listens, "page"),
            text(listens, "lan"),
            text(listens, "metrics")
        ));
        lines.push(format!(
            "Configuration: {}, read at {}",
            text(&value["configuration"], "path"),
            text(&value["configuration"], "loaded_at")
        ));
        lines.extend(problems(value).map(|problem| format!("Problem of the configuration: {problem}")));
    }
    lines.extend(value["backup"].as_object().map(|_| format!("Backup: last good one {}", text(&value["backup"], "good_at"))));
    lines.extend(roster["snapshot_reason_english"].as_str().map(str::to_owned));
    lines.extend(value["rules"]["version"].as_str().map(|version| format!("Rules: version {version}{}", rules_origin(value, true))));
    lines.extend(files(value).map(|name| format!("Damaged file set aside: {name}")));
    lines.join("\n")
}

fn rules_origin(value: &Value, in_english: bool) -> &'static str {
    match (value["rules"]["origin"].as_str(), in_english) {
        (Some("installed"), false) => ", cài từ tệp đã ký",
        (Some("installed"), true) => ", installed from a signed file",
        (Some("folder"), false) => ", của thư mục rules-dir",
        (Some("folder"), true) => ", of the folder rules-dir",
        (_, false) => ", có sẵn trong chương trình",
        (_, true) => ", built in",
    }
}

fn age_is_known(roster: &Value) -> bool {
    roster["age_is_known"] != false
}

fn notices(value: &Value, language: &str) -> Vec<String> {
    value["notices"].as_array().into_iter().flatten().map(|notice| format!("! {}", text(notice, language))).collect()
}

/// Whole ones, as people say them.
fn megabytes(bytes: &Value) -> Option<u64> {
    bytes.as_u64().map(|bytes| bytes / 1_000_000)
}

fn problems(value: &Value) -> impl Iterator<Item = &str> {
    value["configuration"]["refused"]["problems"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn files(value: &Value) -> impl Iterator<Item = &str> {
    value["quarantined"].as_array().into_iter().flatten().filter_map(Value::as_str)
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
        let (vietnamese, english) = (vietnamese(&value), english(&value));
        assert!(vietnamese.starts_with("! Một việc.\n! Hai việc.\nDữ liệu thẻ:") && vietnamese.contains("Vì."), "{vietnamese}");
        assert!(english.starts_with("! One thing.\n! Two things.\nCard data:") && english.contains("Because."), "{english}");
        assert!(english.is_ascii() || english.chars().all(|c| c.is_ascii() || "·–".contains(c)), "no Vietnamese letter: {english}");
        assert_eq!(vietnamese.lines().count(), english.lines().count());
        assert!(!vietnamese.contains("không rõ") && !english.contains("not known"), "{vietnamese} {english}");
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
        let (vietnamese, english) = (vietnamese(&value), english(&value));
        for found in ["còn 41 ngày", "12300 MB", "Phiên bản 1.2.3", "17 MB", "127.0.0.1:8686", "/a.toml", "Lỗi cấu hình: p2"] {
            assert!(vietnamese.contains(found), "{found}: {vietnamese}");
        }
        assert_eq!(vietnamese.lines().count(), english.lines().count(), "{english}");
    }

    #[test]
    fn by_a_doubted_clock_the_data_are_as_of_then_and_how_long_ago_is_not_known() {
        let value = json!({ "roster": { "as_of": "2026-11-20T20:00:00+07:00", "age_is_known": false } });
        let (vietnamese, english) = (vietnamese(&value), english(&value));
        assert!(vietnamese.contains("tính đến 2026-11-20T20:00:00+07:00, không rõ cách nay bao lâu"), "{vietnamese}");
        assert!(english.contains("as of 2026-11-20T20:00:00+07:00; how long ago is not known"), "{english}");
    }
}
