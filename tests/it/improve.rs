//! Somebody whom the roster does not know: the disk answers at once, and the province improves the answer when it can.
//!
//! Promise: the real daemon, the real province; what is saved is what was last on the page.

use std::time::Duration;
use std::time::Instant;

use bhyt_agent::control::contract::Request;
use provincial::Fault;
use provincial::Person;
use serde_json::Value;

use crate::counter;
use crate::counter::Counter;
use crate::counter::READ;
use crate::support::NEIGHBOUR;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::bounds;
use crate::support::wait_for;
use crate::tab::Tab;
use crate::tab::saved;

/// A slow province takes so many milliseconds.
const SLOW: u32 = 2_000;

/// Somebody of another station whose card is in force.
fn neighbour(province: &TestProvince) -> Person {
    let today = provincial::now().date_naive();
    let fits = |person: &Person| {
        person.standing.is_none()
            && person.successor.is_none()
            && person.valid_from <= today
            && person.valid_until.is_some_and(|until| until > today + chrono::Days::new(70))
    };
    province.province.people(NEIGHBOUR).unwrap().into_iter().find(fits).unwrap()
}

async fn look_up(station: &TestStation, text: &str, wait: bool) -> Value {
    station.ask(&Request::Lookup { text: text.to_owned(), wait }).await.unwrap()
}

fn standing(answer: &Value) -> (&str, Option<&str>) {
    (answer["verdict"]["standing"].as_str().unwrap(), answer["verdict"]["standing_detail"].as_str())
}

/// Nobody has this number: its last part counts what is asked.
fn nobody(n: u32) -> String {
    format!("GD40199{n:08}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_answers_at_once_and_the_province_improves_it_once() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let person = neighbour(&province);
    // The province takes its time: the first answer does not.
    province.province.faults().set(Fault::LookupSlow(SLOW));
    let first = look_up(&station, &person.card, false).await;
    assert_eq!((standing(&first).0, first["question"]["code"].as_str()), ("not_covered", Some("open")), "{first}");
    let better = look_up(&station, &person.card, true).await;
    assert_eq!((standing(&better).0, &better["question"]), ("valid", &Value::Null), "{better}");
    assert_eq!(
        (better["verdict"]["knowledge"].as_str(), better["person"]["name"].as_str()),
        (Some("verified"), Some(person.name.as_str()))
    );
    let unknown = look_up(&station, &nobody(1), true).await;
    assert_eq!(standing(&unknown), ("not_covered", Some("unknown_to_province")));
    assert_eq!(province.province.look_ups(), 2, "the second scan of the first asked nobody");
    let status = station.status().await;
    assert!(status["ask"]["succeeded_at"].is_string() && status["ask"]["failing"].is_null(), "{status}");

    // A whole new roster, and a new process: the answers stay.
    province.province.new_session(crate::support::STATION).unwrap();
    province.publish().await;
    let status = station.ask(&Request::SyncNow).await.unwrap();
    assert_eq!(status["roster"]["snapshot_reason"], "new_session", "{status}");
    for text in [&person.card, &nobody(1)] {
        let again = look_up(&station, text, true).await;
        assert_eq!((again["verdict"]["knowledge"].as_str(), &again["question"]), (Some("verified"), &Value::Null), "{again}");
    }
    drop(daemon);
    let output = station.run(&["lookup", "--wait", "--json", &person.card]).await;
    let offline: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(standing(&offline).0, "valid");
    assert_eq!(province.province.look_ups(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_province_nobody_waits() {
    let mut province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let person = neighbour(&province);
    province.switch_off().await;
    let begun = Instant::now();
    let answer = look_up(&station, &person.card, true).await;
    assert_eq!((standing(&answer).0, answer["question"]["code"].as_str()), ("not_covered", Some("unanswered")), "{answer}");
    assert!(answer["question"]["text"].as_str().unwrap().contains("khoản 2 Điều 38"), "{answer}");
    // An answer is waited for ten seconds.
    assert!(begun.elapsed() < bounds::house_or(Duration::from_secs(5), Duration::from_secs(9)), "{:?}", begun.elapsed());
    let text = station.run(&["lookup", &person.card]).await;
    assert!(String::from_utf8_lossy(&text.stdout).contains("Chưa hỏi được tỉnh"), "{text:?}");
    // It was not forgotten: when the link is back, it is asked, and the next who asks sees it.
    province.switch_on().await;
    station.ask(&Request::SyncNow).await.unwrap();
    wait_for("the question is asked after all", async || {
        let answer = look_up(&station, &person.card, false).await;
        (standing(&answer).0 == "valid").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_unknown_people_are_sixty_questions_at_most() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let mut unanswered = 0;
    for n in 0..100 {
        let answer = look_up(&station, &nobody(n), true).await;
        unanswered += u32::from(answer["question"]["code"] == "unanswered");
    }
    let asked = province.province.look_ups();
    println!("100 unknown people: {asked} questions, {unanswered} unanswered");
    assert_eq!((asked, unanswered), (60, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_province_does_not_slow_the_page() {
    let province = TestProvince::new(500).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    province.province.faults().set(Fault::LookupSlow(SLOW));
    let mut tab = Tab::at_station(&station).await;
    let mut took = Vec::new();
    for n in 0..15 {
        let begun = Instant::now();
        let page = tab.enter(&nobody(n)).await;
        took.push(begun.elapsed());
        assert_eq!((page.status, page.attribute("data-question")), (200, Some("open")));
    }
    took.sort();
    println!("first answers with a province that takes {SLOW} ms: median {:?}, slowest {:?}", took[7], took[14]);
    let soon = bounds::house_or(Duration::from_millis(50), Duration::from_millis(u64::from(SLOW / 2)));
    assert!(took[7] < soon, "nobody waits for the province: {took:?}");
    // The last one, improved.
    let token = tab.page.as_ref().unwrap().hidden("luot").unwrap().to_owned();
    let improved = wait_for("the province answers", async || {
        let part = tab.clone().improve().await;
        (part.attribute("data-luot") != Some(&token)).then_some(part)
    })
    .await;
    assert!(improved.has("Tỉnh đã trả lời riêng về người này") && improved.attribute("data-question").is_none(), "{}", improved.body);
}

#[tokio::test]
async fn what_is_saved_is_what_the_page_showed() {
    for enter_with_the_old in [true, false] {
        let counter = Counter::open().await;
        let mut tab = Tab::open(&counter).await;
        let first = tab.enter(counter::UNKNOWN).await;
        assert_eq!((first.attribute("data-standing"), first.attribute("data-question")), (Some("not_covered"), Some("open")));
        let token = first.hidden("luot").unwrap().to_owned();
        counter.clock.advance(READ);
        let same = tab.improve().await;
        assert_eq!((same.status, same.attribute("data-luot")), (200, Some(token.as_str())), "nothing new: {}", same.body);
        counter.province_answers().await;
        let better = tab.improve().await;
        let new = better.attribute("data-luot").unwrap().to_owned();
        assert_eq!((better.attribute("data-standing"), better.attribute("data-question")), (Some("valid"), None), "{}", better.body);
        assert!(new != token && better.has("Ngô Thị Khách"));
        if enter_with_the_old {
            // The Enter was pressed while the better answer was on its way.
            assert!(tab.enter("").await.has("ĐÃ LƯU"));
        } else {
            let form = tab.form("").replace(&token, &new);
            let page = tab.post(&[], &form).await;
            assert!(page.status == 200 && page.has("CÒN HẠN"), "nobody has read it yet");
            assert_eq!(saved(&counter).await, 0);
            counter.clock.advance(READ);
            assert_eq!(tab.post(&[], &form).await.status, 303);
        }
        let today = counter.desk.today().await.unwrap();
        let standing = &*today[0].visit.content.verdict.standing;
        assert_eq!((today.len(), standing), (1, if enter_with_the_old { "not_covered" } else { "valid" }));
        // The other token is the same visit.
        tab.get("/").await;
        let other = if enter_with_the_old { &new } else { &token };
        let form = format!("{}&luot={other}", tab.form(""));
        counter.clock.advance(READ);
        assert_eq!(tab.post(&[], &form).await.status, 303);
        assert_eq!(saved(&counter).await, 1);
    }
}

#[tokio::test]
async fn without_a_script_a_button_asks_again() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::UNKNOWN).await;
    assert!(first.has("Đang hỏi tỉnh…") && first.has("<noscript><form method=\"post\" action=\"/tra-cuu/moi\">"), "{}", first.body);
    counter.province_answers().await;
    let form = tab.form("");
    let page = tab.post_to("/tra-cuu/moi", &[], &form).await;
    assert!(page.status == 200 && page.has("<html") && page.has("CÒN HẠN") && !page.has("<noscript><form"), "{}", page.body);
    tab.page = Some(page);
    counter.clock.advance(READ);
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"));
    let today = counter.desk.today().await.unwrap();
    assert_eq!(&*today[0].visit.content.verdict.standing, "valid");
}

#[tokio::test]
async fn the_way_to_a_better_answer_is_guarded_like_any_other() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::UNKNOWN).await;
    assert_eq!(tab.ask("GET", "/tra-cuu/moi", &[], "").await.status, 405);
    let mut stranger = Tab::open(&counter).await;
    let token = tab.page.as_ref().unwrap().hidden("luot").unwrap().to_owned();
    let form = format!("{}&luot={token}&phan=1", stranger.form(""));
    let answer = stranger.post_to("/tra-cuu/moi", &[], &form).await;
    assert_eq!((answer.status, answer.label()), (410, "lookup:expired"));
    let answer = tab.post_to("/tra-cuu/moi", &[], &format!("luot={token}&phan=1")).await;
    assert_eq!(answer.status, 403);
    let answer = tab.post_to("/tra-cuu/moi", &[("Origin", "http://elsewhere.example")], &tab.form("")).await;
    assert_eq!(answer.status, 403);
}
