//! What stands beside a verdict: where the card is registered, until when the data are good, and what is said of the end of a card.
//!
//! Promise: all of it is right without a script.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::Column;

use super::counter;
use super::counter::Counter;
use super::counter::READ;
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

#[tokio::test]
async fn who_is_looked_up_while_nothing_fails_is_not_admitted_under_the_law_of_outages() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    // There is no number to look up: a link would bring nothing.
    tab.enter("Nguyễn Văn Mới 1980").await;
    counter.clock.advance(READ);
    let nameless = tab.enter("").await;
    assert!(nameless.has("Hỏi số CCCD hoặc mã số BHXH") && nameless.has("Chưa có số để tra"), "{}", nameless.body);
    assert!(!nameless.has("khi có mạng") && !nameless.has("Điều 38"), "{}", nameless.body);
    // The roster does not have this number, and the province can be asked: the question tells how that goes.
    let unknown = tab.enter(counter::UNKNOWN).await;
    assert!(unknown.has("Đang hỏi tỉnh…") && !unknown.has("khi có mạng") && !unknown.has("Điều 38"), "{}", unknown.body);
}

#[tokio::test]
async fn where_the_province_knows_no_such_card_the_answer_is_the_province_s() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let wanted = counter.desk.look_up(counter::UNKNOWN).await.unwrap().wanted().unwrap();
    let now = counter.desk.time().now().at;
    counter.cards.keep_answer(wanted, Answered { row: None, as_of: now }, now).await.unwrap();
    let answer = tab.enter(counter::UNKNOWN).await;
    assert_eq!((answer.attribute("data-standing"), answer.attribute("data-class")), (Some("not_covered"), Some("papers")));
    for said in ["TỈNH KHÔNG CÓ THẺ NÀY", "Tỉnh đã trả lời về số này", "tra bằng số khác", "đối tượng 1.2", "bấm F9 chọn 9", "quyết định"]
    {
        assert!(answer.has(said), "{said}: {}", answer.body);
    }
    for silent in ["không đủ dữ liệu", "CHƯA TRA ĐƯỢC", "khi có mạng", "Điều 38"] {
        assert!(!answer.has(silent), "{silent}: {}", answer.body);
    }
    counter.clock.advance(READ);
    assert!(tab.enter("").await.has("Tỉnh không có thẻ"), "in the list too");
    // The hour is over, and the question would be asked again: the answer of before still stands.
    counter.clock.advance(Duration::from_hours(2));
    let again = tab.enter(counter::UNKNOWN).await;
    assert!(again.has("TỈNH KHÔNG CÓ THẺ NÀY") && again.has("Đang hỏi tỉnh…") && !again.has("Điều 38"), "{}", again.body);
}

#[tokio::test]
async fn who_was_taken_off_the_list_is_a_reason_to_look_for_the_new_card_and_the_page_says_what_is_saved() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for (serial, mark) in [(1842, "deregistered"), (1843, "deregistered_moved"), (1844, "deregistered_stopped")] {
        counter.publish(serial, |rows| rows[0].set(Column::Standing, Some(mark.into()))).await;
        let answer = tab.enter(counter::VALID).await;
        assert_eq!((answer.attribute("data-standing"), answer.attribute("data-class")), (Some("deregistered"), Some("papers")), "{mark}");
        assert!(answer.has("Tìm thẻ mới") && answer.has("Lưu ngay thì lượt thuộc đối tượng 1.2"), "{mark}: {}", answer.body);
        assert!(answer.has("<option value=\"\" selected>1.2 ") && answer.has("bấm F9 chọn 9"), "{mark}: {}", answer.body);
        assert!(!answer.has("Điều 38") && !answer.has("KHÔNG có giá trị"), "{mark}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_key_for_emergencies_is_named_in_the_language_of_the_page() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.cookie = tab.cookie.as_ref().map(|cookie| format!("{cookie}; bhyt_ngon_ngu=en"));
    let answer = tab.enter(counter::EXPIRED).await;
    assert!(answer.has("F2: SAVE Emergency") && !answer.has("Cấp cứu"), "{}", answer.body);
    assert!(answer.has(">9 Not an insured visit"), "{}", answer.body);
}

#[tokio::test]
async fn a_typed_birth_date_that_cannot_be_read_says_how_to_type_it() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for typed in ["pham van son 240439", "pham van son 4/24/1939"] {
        let answer = tab.enter(typed).await;
        assert!(answer.has("ngày/tháng/năm, năm đủ bốn chữ số, ví dụ 24/04/1939"), "{typed}: {}", answer.body);
        assert!(!answer.has("gõ số in trên thẻ"), "{typed}: {}", answer.body);
    }
}
