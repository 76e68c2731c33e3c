//! How many people on the roster have a card in force, over days, and the chart of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::coverage::Tally;
use bhyt_agent::domain::roster::Column;

use super::counter::Counter;
use super::tab::Tab;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_day_is_counted_once_for_each_state_of_the_roster() {
    let counter = Counter::open().await;
    let desk = &counter.desk;
    // Of seven one has ended, one is withdrawn, one is the army's, and one has not begun.
    let all = Tally { people: 7, in_force: 3, ending: 2, expired: 1 };
    assert_eq!(desk.coverage().await.unwrap().all, all);
    assert!(desk.coverage().await.unwrap().history.is_empty(), "to look is not to keep");
    assert_eq!((desk.note_coverage().await.unwrap(), desk.note_coverage().await.unwrap()), (true, false));
    counter.publish(1842, |rows| rows[1].set(Column::ValidUntil, Some("2027-12-31".into()))).await;
    assert_eq!((desk.note_coverage().await.unwrap(), desk.note_coverage().await.unwrap()), (true, false));
    counter.clock.advance(DAY);
    assert_eq!((desk.note_coverage().await.unwrap(), desk.note_coverage().await.unwrap()), (true, false));
    // Three days without a count, and two cards that have ended meanwhile.
    counter.clock.advance(DAY * 41);
    assert!(desk.note_coverage().await.unwrap());
    let history: Vec<_> = desk.coverage().await.unwrap().history.iter().map(|day| (day.day.to_string(), day.tally.in_force)).collect();
    let expected = [("2026-11-21", 4), ("2026-11-22", 4), ("2027-01-02", 3)];
    assert_eq!(history, expected.map(|(day, count)| (day.to_owned(), count)));
}

#[tokio::test]
async fn a_clock_that_cannot_be_right_counts_no_day() {
    let counter = Counter::open().await;
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    assert!(!counter.desk.note_coverage().await.unwrap());
    counter.clock.set_wall("2026-11-21T03:00:00Z");
    assert!(counter.desk.note_coverage().await.unwrap());
    let empty = Counter::without_roster().await;
    assert!(!empty.desk.note_coverage().await.unwrap(), "of no roster there is nothing to count");
}

#[tokio::test]
async fn the_chart_says_in_words_and_in_a_table_what_it_shows() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.get("/bao-phu").await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert!(page.has("Chưa đủ ngày để vẽ") && !page.has("<svg"));
    assert!(page.has("Không phải tỷ lệ trên dân số") && page.has("tính đến 07:00 21/11/2026"));
    for _ in 0..3 {
        counter.desk.note_coverage().await.unwrap();
        counter.clock.advance(DAY);
    }
    let page = tab.get("/bao-phu").await;
    assert_eq!(page.attribute("data-share"), Some("4285"));
    assert!(page.has("42,85%: 3 trong 7 người"), "{}", page.body);
    assert!(page.has("<svg") && page.has("role=\"img\"") && page.has("aria-labelledby=\"ten-bieu-do noi-bieu-do\""));
    assert!(page.has("<desc id=\"noi-bieu-do\">Từ 21/11/2026 (42,85%) đến 23/11/2026"), "{}", page.body);
    assert!(page.has("id=\"bang-ngay\"") && page.has("<th scope=\"row\">22/11/2026</th>"));
    assert!(page.has("<th scope=\"row\">Thôn Thử</th>"));
    for forbidden in ["style=\"", "<style", "<script>", "onclick", "Ví Dụ"] {
        assert!(!page.has(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn without_a_roster_nothing_is_claimed() {
    let counter = Counter::without_roster().await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.get("/bao-phu").await;
    assert!(page.has("data-label=\"coverage:no_roster\"") && !page.has("data-share"));
    let page = tab.get("/gia-han").await;
    assert!(page.has("data-label=\"renewals:no_roster\""));
}
