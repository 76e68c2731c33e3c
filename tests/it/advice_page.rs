//! What stands beside a verdict: where the card is registered, until when the data are good, and what is said of the end of a card.
//!
//! Promise: all of it is right without a script.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::roster::Column;

use super::counter;
use super::counter::Counter;
use super::tab::Tab;

#[tokio::test]
async fn registered_here_or_elsewhere_is_said_plainly() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let answer = tab.enter(counter::VALID).await;
    assert_eq!(answer.attribute("data-registration"), Some("here"));
    assert!(answer.has("TẠI TRẠM NÀY"));
    counter.province_answers().await;
    let answer = tab.enter(counter::UNKNOWN).await;
    assert_eq!(answer.attribute("data-registration"), Some("elsewhere"));
    assert!(answer.has("NƠI KHÁC: cơ sở 01001"));
    // Where nobody knows, nothing is said.
    let answer = tab.enter("GD4010100008888").await;
    assert_eq!(answer.attribute("data-registration"), None);
}

#[tokio::test]
async fn the_hour_at_which_the_data_get_worse_is_right_without_a_script() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    // As of 07:00; aging after 36 hours, and stale after seven days.
    let answer = tab.enter(counter::VALID).await;
    assert!(answer.has("Dữ liệu thẻ sẽ hơi cũ lúc 19:00 22/11/2026; cần nối mạng trước đó."), "{}", answer.body);
    assert_eq!(answer.attribute("data-left"), Some("118800"));
    counter.clock.advance(Duration::from_hours(33));
    let answer = tab.enter(counter::VALID).await;
    assert!(answer.has("Dữ liệu thẻ sẽ CŨ lúc 07:00 28/11/2026"));
    counter.clock.advance(Duration::from_hours(24 * 7));
    let answer = tab.enter(counter::VALID).await;
    assert_eq!(answer.attribute("data-left"), None, "it gets no worse");
    // By a clock that cannot be right no hour is told.
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-left"), None);
}

#[tokio::test]
async fn the_end_of_a_card_is_told_in_the_language_of_the_page() {
    let counter = Counter::open().await;
    counter.publish(1842, |rows| rows[0].set(Column::ValidUntil, Some("2026-11-25".into()))).await;
    let mut tab = Tab::open(&counter).await;
    let answer = tab.enter(counter::VALID).await;
    assert!(answer.has("GẤP. Thẻ chỉ còn 4 ngày"), "{}", answer.body);
    let mut english = tab.clone();
    english.cookie = tab.cookie.as_ref().map(|cookie| format!("{cookie}; bhyt_ngon_ngu=en"));
    let answer = english.enter(counter::VALID).await;
    assert!(answer.has("URGENT. The card ends in 4 days"), "{}", answer.body);
}
