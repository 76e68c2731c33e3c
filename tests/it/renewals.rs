//! Whose card ends soon or has just ended: on the page, in print, as a file, and over the control socket.
//!
//! Promise: the day is the test's; every list is made of a roster on a real disk.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Output;

use bhyt_agent::desk::ListError;
use bhyt_agent::desk::RenewalFilter;
use bhyt_agent::desk::Span;
use bhyt_agent::domain::operator::Operator;
use bhyt_agent::domain::operator::Role;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::visit::OperatorName;

use super::counter::Counter;
use super::counter::ODD_HAMLET;
use super::support::TestProvince;
use super::support::TestStation;
use super::tab::Tab;

/// The days count from 2026-11-21.
fn changed(rows: &mut [RosterRow]) {
    let mut set = |at: usize, column, value: &str| rows[at].set(column, Some(value.into()));
    // 10 days left.
    set(0, Column::ValidUntil, "2026-12-01");
    // 89 days since.
    set(1, Column::ValidUntil, "2026-08-24");
    // Withdrawn.
    set(2, Column::ValidUntil, "2026-12-01");
    // 4 days left, with a name that a spreadsheet would take for a formula.
    set(4, Column::ValidUntil, "2026-11-25");
    set(4, Column::Name, "-Nguyễn, (Thử)");
    // Renewed.
    set(6, Column::ValidUntil, "2026-12-01");
    set(6, Column::SuccessorCard, "GD4220100000007");
    set(6, Column::SuccessorValidFrom, "2026-12-02");
    set(6, Column::SuccessorValidUntil, "2027-12-01");
    set(6, Column::SuccessorFacility, "22001");
}

async fn counter() -> Counter {
    let counter = Counter::open().await;
    counter.publish(1842, |rows| changed(rows)).await;
    counter
}

fn reception(counter: &Counter) -> bhyt_agent::desk::Desk {
    counter.desk.with(Operator { id: None, name: OperatorName::parse("Người Trực").unwrap(), role: Role::Reception })
}

#[tokio::test]
async fn the_head_sees_whom_to_remind_by_hamlet_and_day() {
    let counter = counter().await;
    let list = counter.desk.see_renewals(&RenewalFilter::default()).await.unwrap();
    let people: Vec<_> = list.people.iter().map(|due| (due.name.as_str(), due.ends.to_string())).collect();
    assert_eq!(
        people,
        [("-Nguyễn, (Thử)", "2026-11-25".to_owned()), ("Lê Văn Hết", "2026-08-24".to_owned()), ("Trần Thị Ví Dụ", "2026-12-01".to_owned()),],
        "by hamlet, then by the end; who was withdrawn or has a next card is left out"
    );
    assert_eq!(list.spans, [(Span::Within(60), 2), (Span::Within(30), 2), (Span::Within(7), 1), (Span::Lapsed, 1)]);
    assert_eq!(list.hamlets["Thôn Thử"], 2);
    for (span, hamlet, count) in [
        (Span::Within(7), None, 1),
        (Span::Lapsed, None, 1),
        (Span::All, Some("Thôn Thử"), 2),
        (Span::Within(7), Some("Thôn Thử"), 0),
        (Span::All, Some(""), 0),
        (Span::All, Some("Thôn Không Có"), 0),
    ] {
        let filter = RenewalFilter { span, hamlet: hamlet.map(Into::into) };
        assert_eq!(counter.desk.see_renewals(&filter).await.unwrap().people.len(), count, "{filter:?}");
    }
    // A day later one of them has waited too long.
    counter.clock.advance(std::time::Duration::from_hours(24));
    assert_eq!(counter.desk.see_renewals(&RenewalFilter::default()).await.unwrap().people.len(), 2);
}

#[tokio::test]
async fn nobody_but_the_head_is_told() {
    let counter = counter().await;
    let desk = reception(&counter);
    let all = RenewalFilter::default();
    assert!(matches!(desk.see_renewals(&all).await, Err(ListError::NotHead)));
    assert!(matches!(desk.print_renewals(&all).await, Err(ListError::NotHead)));
    assert!(matches!(desk.export_renewals(&all).await, Err(ListError::NotHead)));
    // Counts are for everybody.
    desk.coverage().await.unwrap();
    // The page's answer to somebody who is not.
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::new(&counter);
    tab.sign_in(&second.to_string(), "135246").await;
    let home = tab.get("/").await;
    assert!(home.has("href=\"/bao-phu\"") && !home.has("href=\"/gia-han\""));
    let token = home.hidden("bieu_mau").unwrap().to_owned();
    let refused = tab.get("/gia-han").await;
    assert_eq!((refused.status, refused.label()), (403, "request:head_only"));
    for address in ["/gia-han", "/gia-han/ban-in", "/gia-han/tep"] {
        let refused = tab.act_with(address, &token, &[], &[]).await;
        assert_eq!((refused.status, refused.label()), (403, "request:head_only"), "{address}");
        assert!(!refused.has("Ví Dụ"));
    }
}

#[tokio::test]
async fn the_page_the_print_and_the_file_say_the_same_and_nothing_of_support() {
    let counter = counter().await;
    let mut tab = Tab::open(&counter).await;
    assert!(tab.page.as_ref().unwrap().has("href=\"/gia-han\""));
    let page = tab.get("/gia-han").await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert_eq!(page.attribute("data-count"), Some("3"));
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    let print = tab.act_with("/gia-han/ban-in", &token, &[], &[]).await;
    let file = tab.act_with("/gia-han/tep", &token, &[], &[]).await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").unwrap().contains("attachment"));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    for answer in [&page, &print, &file] {
        for told in ["Ví Dụ", "Lê Văn Hết"] {
            assert!(answer.has(told), "{told}");
        }
        // The letters of a card tell why its premium is supported.
        for secret in ["GD422", "DT222", "HN222", "DT2", "Công Tằng", "Phạm Thị Thu"] {
            assert!(!answer.has(secret), "{secret}: {}", answer.body);
        }
    }
    let lines: Vec<_> = file.body.split("\r\n").collect();
    assert_eq!(lines[0], "\u{feff}Thôn,Họ tên,Ngày sinh,Mã số BHXH,Hết hạn,Còn (ngày),Đã hết (ngày)");
    let odd = format!("\"{}\"", ODD_HAMLET.replace('"', "\"\""));
    assert_eq!(lines[1], format!("{odd},\"'-Nguyễn, (Thử)\",2001-01-31,0100 000 005,2026-11-25,4,"));
    assert_eq!(lines[2], "Thôn Thử,Lê Văn Hết,1970-03-15,0100 000 002,2026-08-24,,89");
    assert_eq!((lines.len(), lines[4]), (5, ""));
    // The hamlet's odd name is text on the page too.
    assert!(!page.has("<script>alert") && page.has("&#60;script&#62;alert") || page.has("&lt;script&gt;alert"), "{}", page.body);
    // A choice travels in a form.
    let chosen = tab.act_with("/gia-han", &token, &[("moc", "da-het"), ("thon", "Thôn Thử")], &[]).await;
    assert_eq!((chosen.attribute("data-count"), chosen.has("Lê Văn Hết"), chosen.has("Ví Dụ")), (Some("1"), true, false));
    let chosen = tab.act_with("/gia-han", &token, &[("moc", "7"), ("thon", "-")], &[]).await;
    assert_eq!(chosen.attribute("data-count"), Some("0"));
}

#[tokio::test]
async fn a_long_list_comes_in_parts() {
    let counter = Counter::open().await;
    counter
        .publish(1842, |rows| {
            let first = rows[0].clone();
            for n in 100..230 {
                let mut row = first.clone();
                row.set(Column::Id, Some(format!("022085000{n}").into()));
                row.set(Column::Card, Some(format!("GD4220100000{n}").into()));
                row.set(Column::ValidUntil, Some("2026-12-01".into()));
                rows.push(row);
            }
        })
        .await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.get("/gia-han").await;
    let rows = |body: &str| body.matches("<tr data-urgency").count();
    assert_eq!((page.attribute("data-count"), rows(&page.body)), (Some("132"), 50));
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    for (part, shown) in [("2", 50), ("3", 32), ("4", 32), ("x", 50), ("0", 50)] {
        let page = tab.act_with("/gia-han", &token, &[("trang", part)], &[]).await;
        assert_eq!(rows(&page.body), shown, "part {part}");
    }
    assert_eq!(rows(&tab.act_with("/gia-han/ban-in", &token, &[], &[]).await.body), 132);
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_exports_and_counts() {
    let province = TestProvince::new(300).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let counted: serde_json::Value = serde_json::from_str(&text(&station.run(&["renewals", "--json"]).await)).unwrap();
    let file = text(&station.run(&["renewals", "--csv", "-"]).await);
    assert_eq!(Some(&*file), counted["csv"].as_str());
    assert_eq!(file.matches("\r\n").count() as u64, counted["people"].as_u64().unwrap() + 1);
    let path = station.dir.path().join("list.csv");
    text(&station.run(&["renewals", "--csv", path.to_str().unwrap()]).await);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), file);
    let again = station.run(&["renewals", "--csv", path.to_str().unwrap()]).await;
    assert_eq!(again.status.code(), Some(73), "an older file is not written over");
    let coverage: serde_json::Value = serde_json::from_str(&text(&station.run(&["coverage", "--json"]).await)).unwrap();
    assert_eq!(coverage["people"], 300);
    assert!(coverage["in_force"].as_u64().unwrap() > 100 && coverage["hamlets"].as_array().unwrap().len() > 1, "{coverage}");
    let day = first_day(&station).await;
    assert_eq!((&day["people"], &day["in_force"]), (&coverage["people"], &coverage["in_force"]));
    assert!(text(&station.run(&["coverage"]).await).contains("không phải tỷ lệ trên dân số"));
}

/// The first day's count, which the daemon keeps by itself.
async fn first_day(station: &TestStation) -> serde_json::Value {
    super::support::wait_for("a day is kept", async || {
        let coverage = station.ask(&bhyt_agent::control::contract::Request::Coverage).await.ok()?;
        coverage["history"].as_array()?.last().cloned()
    })
    .await
}

/// A typical station: what one pass costs is printed, for a person to judge; a clock on a shared machine fails nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_pass_over_a_typical_roster_finds_everybody() {
    const PEOPLE: usize = 28_760;
    let counter = Counter::open().await;
    let first: chrono::NaiveDate = "2026-01-01".parse().unwrap();
    counter
        .publish(1842, |rows| {
            let model = rows[0].clone();
            *rows = (0..PEOPLE)
                .map(|n| {
                    let mut row = model.clone();
                    row.set(Column::Id, Some(format!("0220850{n:05}").into()));
                    row.set(Column::Card, Some(format!("GD42202000{n:05}").into()));
                    row.set(Column::Hamlet, Some(format!("Thôn {}", n % 12).into()));
                    row.set(Column::ValidFrom, Some("2025-12-31".into()));
                    row.set(Column::ValidUntil, Some((first + chrono::Days::new((n % 730) as u64)).to_string().into()));
                    row
                })
                .collect();
        })
        .await;
    // The end of each is a day of 2026 or 2027: the 89 before the 21st of November, that day, and the 60 after it are on the list.
    let on_list = |n: usize| (324 - 89..=324 + 60).contains(&(n % 730));
    let begun = std::time::Instant::now();
    let list = counter.desk.see_renewals(&RenewalFilter::default()).await.unwrap();
    let renewals = begun.elapsed();
    assert_eq!(list.people.len(), (0..PEOPLE).filter(|n| on_list(*n)).count());
    assert_eq!((list.hamlets.len(), list.hamlets.values().sum::<usize>()), (12, list.people.len()));
    let begun = std::time::Instant::now();
    let (_, file) = counter.desk.export_renewals(&RenewalFilter::default()).await.unwrap();
    let export = begun.elapsed();
    assert_eq!(file.lines().count(), list.people.len() + 1);
    let begun = std::time::Instant::now();
    let coverage = counter.desk.coverage().await.unwrap();
    let counting = begun.elapsed();
    assert_eq!(coverage.all.people, PEOPLE as u64);
    assert_eq!(coverage.all.expired, (0..PEOPLE).filter(|n| n % 730 < 324).count() as u64);
    println!("{PEOPLE} people, {} on the list: list {renewals:?}, file {export:?}; coverage {counting:?}", list.people.len());
}
