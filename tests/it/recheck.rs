//! Past visits looked at again with newer data: what is a difference, what is none, and what becomes of it.

use std::time::Duration;

use bhyt_agent::control::contract;
use bhyt_agent::control::contract::Request;
use bhyt_agent::desk::Correction;
use bhyt_agent::desk::Note;
use bhyt_agent::desk::Whom;
use bhyt_agent::domain::outage::Checked;
use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::roster::RosterRow;
use bhyt_agent::domain::verdict::Advice;
use bhyt_agent::domain::visit::VisitId;
use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;

use crate::counter;
use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::READ;
use crate::counter::UNKNOWN;
use crate::counter::VALID;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;
use crate::tab::Tab;

/// Places of the two in the roster.
const FIRST: usize = 0;
const SECOND: usize = 1;

/// Somebody came a week ago.
async fn last_week(text: &str) -> (Counter, VisitId) {
    let counter = Counter::open().await;
    let id = came(&counter, text).await;
    counter.clock.advance(Duration::from_hours(7 * 24));
    (counter, id)
}

async fn came(counter: &Counter, text: &str) -> VisitId {
    let lookup = counter.desk.look_up(text).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap().id
}

fn set(row: &mut RosterRow, values: &[(Column, &str)]) {
    for (column, value) in values {
        row.set(*column, Some((*value).into()));
    }
}

/// What is found and what is resolved.
async fn again(counter: &Counter) -> (usize, usize) {
    let done = counter.desk.recheck().await.unwrap();
    (done.found, done.resolved)
}

/// The open differences: then, now.
async fn open(counter: &Counter) -> Vec<(String, String)> {
    let open = counter.desk.open_rechecks(10).await.unwrap();
    open.into_iter().map(|(listed, _)| (listed.recheck.shown.standing.into(), listed.recheck.now.standing.into())).collect()
}

fn pair(then: &str, now: &str) -> Vec<(String, String)> {
    vec![(then.to_owned(), now.to_owned())]
}

#[tokio::test]
async fn a_card_withdrawn_after_the_visit_is_listed_once_and_goes_when_that_is_taken_back() {
    let (counter, _) = last_week(VALID).await;
    assert_eq!(again(&counter).await, (0, 0));
    let withdraw = |rows: &mut Vec<RosterRow>| set(&mut rows[FIRST], &[(Column::Standing, "revoked")]);
    counter.publish(1848, withdraw).await;
    assert_eq!(again(&counter).await, (1, 0));
    assert_eq!(open(&counter).await, pair("valid", "revoked"));
    let listed = &counter.desk.rechecks(10).await.unwrap()[0].recheck;
    let serials = [&listed.shown, &listed.now].map(|shown| shown.basis.unwrap().1.0);
    assert_eq!(serials, [1841, 1848], "each with the state behind it");
    assert_eq!(counter.desk.overview().unsent.rechecks, 1);
    counter.publish(1849, withdraw).await;
    assert_eq!(again(&counter).await, (0, 0), "the same answer is no news");
    counter.publish(1850, |_| {}).await;
    assert_eq!(again(&counter).await, (0, 1));
    assert_eq!((open(&counter).await, again(&counter).await), (Vec::new(), (0, 0)));
}

#[tokio::test]
async fn a_renewal_is_a_difference_only_where_it_covers_the_day_of_the_visit() {
    for (text, row, values, expected) in [
        // Renewed in place: the same card, longer.
        (VALID, FIRST, &[(Column::ValidUntil, "2027-12-31")][..], vec![]),
        // Expired at the visit, renewed yesterday: days that begin after the visit say nothing about it.
        (EXPIRED, SECOND, &[(Column::ValidFrom, "2026-11-27"), (Column::ValidUntil, "2027-11-26")], vec![]),
        (VALID, FIRST, &[(Column::ValidFrom, "2026-11-27"), (Column::ValidUntil, "2027-11-26")], vec![]),
        // The renewal had not reached the roster.
        (EXPIRED, SECOND, &[(Column::ValidUntil, "2026-12-31")], pair("expired", "valid")),
        // A next card is known by now.
        (
            VALID,
            FIRST,
            &[(Column::SuccessorCard, "HN2220100000001"), (Column::SuccessorValidFrom, "2027-01-01"), (Column::SuccessorFacility, "22001")],
            vec![],
        ),
        // Shortened, to before the visit and to after it.
        (VALID, FIRST, &[(Column::ValidUntil, "2026-11-20")], pair("valid", "expired")),
        (VALID, FIRST, &[(Column::ValidUntil, "2026-11-24")], vec![]),
    ] {
        let (counter, _) = last_week(text).await;
        counter.publish(1848, |rows| set(&mut rows[row], values)).await;
        again(&counter).await;
        assert_eq!(open(&counter).await, expected, "{values:?}");
    }
}

#[tokio::test]
async fn data_that_fall_silent_contradict_nobody() {
    let (counter, _) = last_week(VALID).await;
    counter.publish(1848, |rows| drop(rows.remove(FIRST))).await;
    assert_eq!((again(&counter).await, open(&counter).await), ((0, 0), Vec::new()), "moved away");
    // What was found before that stays.
    counter.publish(1849, |rows| set(&mut rows[FIRST], &[(Column::Standing, "locked")])).await;
    assert_eq!(again(&counter).await, (1, 0));
    counter.publish(1850, |rows| drop(rows.remove(FIRST))).await;
    assert_eq!((again(&counter).await, open(&counter).await), ((0, 0), pair("valid", "locked")));
}

#[tokio::test]
async fn a_visit_without_a_roster_is_answered_when_one_comes() {
    let counter = Counter::without_roster().await;
    came(&counter, VALID).await;
    assert_eq!(again(&counter).await, (0, 0));
    counter.publish(1841, |_| {}).await;
    assert_eq!((again(&counter).await, open(&counter).await), ((1, 0), pair("not_covered", "valid")));
}

#[tokio::test]
async fn a_corrected_and_a_voided_visit_are_not_listed_any_more() {
    let (counter, first) = last_week(VALID).await;
    let second = came(&counter, VALID).await;
    counter.publish(1848, |rows| set(&mut rows[FIRST], &[(Column::Standing, "revoked")])).await;
    assert_eq!(again(&counter).await, (2, 0));
    counter.desk.correct(first, Correction { whom: Some(Whom::Text(VALID.into())), ..Correction::default() }).await.unwrap();
    counter.desk.void(second, None, Note::parse("Nhập nhầm").unwrap()).await.unwrap();
    assert_eq!((counter.desk.overview().unsent.rechecks, again(&counter).await), (0, (0, 0)));
    // The corrected one was judged by what is known now; from here on that is what is compared.
    counter.publish(1849, |_| {}).await;
    assert_eq!((again(&counter).await, open(&counter).await), ((1, 0), pair("revoked", "valid")));
}

#[tokio::test]
async fn visits_of_long_ago_rest_and_what_was_seen_to_stays_seen_to() {
    let (counter, _) = last_week(VALID).await;
    counter.clock.advance(Duration::from_hours(23 * 24 - 1));
    let recent = came(&counter, VALID).await;
    counter.publish(1848, |rows| set(&mut rows[FIRST], &[(Column::Standing, "revoked")])).await;
    counter.clock.advance(Duration::from_hours(2));
    assert_eq!(again(&counter).await, (1, 0));
    let (listed, logged) = counter.desk.open_rechecks(10).await.unwrap().pop().unwrap();
    assert_eq!(logged.visit.content.id, recent);
    assert!(counter.desk.settle_recheck(listed.recheck.sequence).await.unwrap());
    assert!(!counter.desk.settle_recheck(listed.recheck.sequence).await.unwrap());
    assert_eq!((again(&counter).await, counter.desk.overview().unsent.rechecks), ((0, 0), 0));
}

/// The answer about one person has its own date, whether there is a roster or not.
#[tokio::test]
async fn a_difference_found_by_a_single_look_up_says_of_when_the_answer_is() {
    for counter in [Counter::open().await, Counter::without_roster().await] {
        came(&counter, UNKNOWN).await;
        counter.clock.advance(Duration::from_hours(24));
        counter.province_answers().await;
        let answered_at = counter.desk.time().now().at;
        assert_eq!((again(&counter).await, open(&counter).await), ((1, 0), pair("not_covered", "valid")));
        let (listed, _) = counter.desk.open_rechecks(10).await.unwrap().pop().unwrap();
        assert_eq!((&*listed.recheck.now.knowledge, listed.recheck.now.as_of), ("verified", Some(answered_at)));
        let shown = &contract::visits::rechecks(&[listed])[0]["now"];
        assert_eq!(shown["as_of"].as_str().map(|at| at.parse::<DateTime<Utc>>().unwrap()), Some(answered_at), "{shown}");
    }
}

/// What the list of visits to look at again says of each, the newest first.
async fn unsure(counter: &Counter) -> Vec<Checked> {
    counter.desk.unsure(10).await.unwrap().into_iter().map(|(_, checked)| checked).collect()
}

#[tokio::test]
async fn the_province_s_answer_that_no_card_has_the_number_settles_the_visit() {
    let counter = Counter::open().await;
    came(&counter, UNKNOWN).await;
    assert_eq!(unsure(&counter).await, [Checked::Open]);
    counter.clock.advance(Duration::from_mins(7));
    let wanted = counter.desk.look_up(UNKNOWN).await.unwrap().wanted().unwrap();
    let as_of = counter.desk.time().now().at;
    counter.cards.keep_answer(wanted, Answered { row: None, as_of }, as_of).await.unwrap();
    assert_eq!(again(&counter).await, (0, 0), "nobody is contradicted");
    assert_eq!(unsure(&counter).await, [Checked::Confirmed { as_of }]);
    let mut tab = Tab::open(&counter).await;
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.has("data-open=\"0\"") && list.has("10:07 21/11/2026 tỉnh trả lời không có thẻ nào mang số này"), "{}", list.body);
}

#[tokio::test]
async fn a_visit_without_any_number_waits_for_a_person_and_not_for_data() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter("tran thi khong so 1985").await;
    tab.enter("0").await;
    counter.clock.advance(READ);
    tab.enter("").await;
    assert_eq!(unsure(&counter).await, [Checked::NumberWanted]);
    let list = tab.get("/kiem-tra-lai").await;
    assert!(list.has("Cần bổ sung số") && list.has("mở lượt và sửa") && !list.has("Máy tự kiểm tra"), "{}", list.body);
    // With a number it is one like any other.
    let id = counter.desk.today().await.unwrap()[0].visit.content.id;
    counter.desk.correct(id, Correction { whom: Some(Whom::Text(UNKNOWN.into())), ..Correction::default() }).await.unwrap();
    assert_eq!(unsure(&counter).await, [Checked::Open]);
    assert!(tab.get("/kiem-tra-lai").await.has("Máy tự kiểm tra khi có mạng"));
}

/// What the desk is told to look at again later stands in the list of it.
#[tokio::test]
async fn whoever_is_admitted_to_be_checked_later_is_in_the_list() {
    let mut admitted = 0;
    for (counter, days) in [(Counter::open().await, 0), (Counter::without_roster().await, 0), (Counter::open().await, 30)] {
        counter.clock.advance(Duration::from_hours(days * 24));
        for text in [VALID, EXPIRED, UNKNOWN, counter::REVOKED, counter::NOT_YET] {
            let lookup = counter.desk.look_up(text).await.unwrap();
            let id = counter.desk.check_in(&lookup).await.unwrap().id;
            if lookup.verdict.advice.contains(&Advice::AdmitAndCheckLater) {
                admitted += 1;
                let listed = counter.desk.unsure(50).await.unwrap();
                assert!(listed.iter().any(|(logged, _)| logged.visit.content.id == id), "{text}, {days} days");
            }
        }
    }
    assert!(admitted > 5, "{admitted}");
}

async fn printed(station: &TestStation, arguments: &[&str], code: i32) -> Value {
    let output = station.run(arguments).await;
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_card_withdrawn_at_the_province_is_found_told_once_and_seen_to() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _daemon = station.loaded().await;
    let person = province.person_in_force();
    let id = station.check_in(&person.card).await.unwrap();
    station.status_when("it is delivered", |status| status["outbox"]["pending"] == 0).await;
    let withdraw = |people: &mut std::collections::BTreeMap<String, provincial::Person>| {
        people.get_mut(&person.id).unwrap().standing = Some(provincial::wire::Standing::Revoked);
    };
    province.province.edit_people(STATION, withdraw).unwrap();
    province.publish().await;
    station.ask(&Request::SyncNow).await.unwrap();
    station.status_when("the difference is found", |status| status["rechecks"] == 1).await;
    let told = wait_for("the province is told", async || province.province.rechecks().unwrap().pop()).await;
    assert_eq!((told.recheck.id, told.recheck.revision), (id, 1));
    // Other people's cards change: nothing is told again.
    province.change(0.1, 5).await;
    station.ask(&Request::SyncNow).await.unwrap();
    assert_eq!(station.status().await["rechecks"], 1);

    let listed = printed(&station, &["rechecks", "--json"], 0).await;
    let found = &listed[0];
    assert_eq!((&found["shown"]["standing"], &found["now"]["standing"]), (&"valid".into(), &"revoked".into()));
    assert!(found["shown"]["as_of"].is_string() && found["now"]["as_of"].is_string(), "{found}");
    wait_for("it is marked as told", async || {
        let listed = station.ask(&Request::Rechecks { limit: 10 }).await.unwrap();
        listed[0]["sent_at"].is_string().then_some(())
    })
    .await;
    let sequence = found["sequence"].to_string();
    assert_eq!(printed(&station, &["recheck-done", &sequence, "--json"], 0).await["settled"], true);
    assert_eq!(printed(&station, &["recheck-done", &sequence, "--json"], 65).await["error"]["code"], "no_recheck");
    assert_eq!(station.status().await["rechecks"], 0);
    assert_eq!(province.province.rechecks().unwrap().len(), 1);
}
