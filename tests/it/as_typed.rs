//! People without a number, and people whose card does not count: what is saved of each.

use bhyt_agent::desk::Correction;
use bhyt_agent::desk::Whom;
use bhyt_agent::domain::attendance::Proof;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::Revision;

use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::READ;
use crate::counter::VALID;
use crate::tab::Answer;
use crate::tab::Tab;
use crate::tab::saved;

async fn last(counter: &Counter) -> NewVisit {
    counter.desk.today().await.unwrap().remove(0).visit.content
}

/// The visits of today, without what was just said above them.
fn list_of(page: &Answer) -> &str {
    page.body.split_once("id=\"hom-nay\"").unwrap().1
}

#[tokio::test]
async fn b5_who_has_no_number_is_saved_by_the_name_as_typed_and_corrected_when_one_is_known() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let answer = tab.enter("Nguyễn Văn Bé Mới 01/11/2026").await;
    assert!(answer.attribute("data-search") == Some("nobody") && answer.has("Enter: Tiếp nhận theo tên đã gõ"), "{}", answer.body);
    assert!(tab.enter("").await.attribute("data-search") == Some("nobody"), "a reader's second Enter does nothing");
    counter.clock.advance(READ);
    let answer = tab.enter("").await;
    assert_eq!(answer.attribute("data-standing"), Some("not_covered"), "{}", answer.body);
    assert!(answer.has("Chưa có số nào để tra") && answer.has("giấy khai sinh") && answer.has("id=\"cap-cuu\""), "{}", answer.body);
    assert_eq!(saved(&counter).await, 0, "seen before it is saved");
    counter.clock.advance(READ);
    let answer = tab.enter("").await;
    assert!(answer.has("ĐÃ LƯU lượt số 1") && answer.has("Nguyễn Văn Bé Mới – CHƯA CÓ SỐ"), "{}", answer.body);
    assert!(list_of(&answer).contains("CHƯA CÓ SỐ"), "{}", answer.body);
    let visit = last(&counter).await;
    assert_eq!((&*visit.verdict.standing, &*visit.verdict.knowledge), ("not_covered", "unverified"));
    assert_eq!(
        (visit.person.name.unwrap().as_str(), visit.person.birth_date.unwrap().to_iso().as_str()),
        ("Nguyễn Văn Bé Mới", "2026-11-01")
    );
    assert_eq!(counter.desk.unsure(9).await.unwrap().len(), 1, "it stands in the list of those to be looked at again");

    // The number comes, and is on no list yet: who it is of is not forgotten.
    let text = |text: &str| Correction { whom: Some(Whom::Text(text.to_owned())), ..Correction::default() };
    assert_eq!(counter.desk.correct(visit.id, text("022326000123")).await.unwrap().visit.revision, Revision(2));
    let corrected = last(&counter).await;
    assert_eq!(corrected.person.personal_id.as_ref().unwrap().as_str(), "022326000123");
    assert_eq!(corrected.person.name.as_ref().unwrap().as_str(), "Nguyễn Văn Bé Mới");
    let page = tab.get("/").await;
    assert!(!list_of(&page).contains("CHƯA CÓ SỐ"), "{}", page.body);
}

#[tokio::test]
async fn b5_who_is_none_of_the_list_is_received_by_0_also_as_an_emergency_and_without_a_roster() {
    for counter in [Counter::open().await, Counter::without_roster().await] {
        let mut tab = Tab::open(&counter).await;
        let answer = tab.enter("tran thi vi du 1985").await;
        assert!(answer.has("name=\"ma\" value=\"0\""), "{}", answer.body);
        let answer = tab.enter("0").await;
        assert!(answer.has("data-standing=\"not_covered\"") && answer.has("Chưa có số nào để tra"), "{}", answer.body);
        counter.clock.advance(READ);
        let answer = tab.act("/tra-cuu", &[("luot", answer.hidden("luot").unwrap()), ("nhanh", "2"), ("giay_to", "later")]).await;
        assert!(answer.has("ĐÃ LƯU lượt số 1"), "{}", answer.body);
        let visit = last(&counter).await;
        assert_eq!((visit.note.as_deref(), visit.proof, visit.person.card_number), (Some("Cấp cứu"), Some(Proof::Later), None));
        assert_eq!(visit.attendance_category.as_str(), "1.2");
    }
}

#[tokio::test]
async fn b4_an_expired_card_is_saved_as_no_insured_visit_unless_newer_data_may_know_better() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let answer = tab.enter(EXPIRED).await;
    assert!(answer.has("Hôm nay chưa tính BHYT cho lượt này (mã 9)") && answer.has("thanh toán trực tiếp"), "{}", answer.body);
    assert!(answer.has("<option value=\"\" selected>9 "), "{}", answer.body);
    counter.clock.advance(READ);
    let answer = tab.enter("").await;
    assert!(answer.has("Không khám theo BHYT (9)"), "{}", answer.body);
    let visit = last(&counter).await;
    assert_eq!((&*visit.verdict.standing, visit.attendance_category.as_str(), visit.verdict.rate), ("expired", "9", None));
    // It was another person, whose card is in force: nobody has to think of the category.
    let text = Correction { whom: Some(Whom::Text(VALID.to_owned())), ..Correction::default() };
    counter.desk.correct(visit.id, text).await.unwrap();
    let corrected = last(&counter).await;
    assert_eq!((corrected.attendance_category.as_str(), corrected.verdict.rate.map(|rate| rate.as_percent())), ("1.2", Some(100)));
    // Old data do not know of a renewal: the law has the station admit and look again.
    counter.clock.advance(std::time::Duration::from_hours(30 * 24));
    let answer = tab.enter(EXPIRED).await;
    assert!(
        answer.has("Cứ tiếp nhận, ghi số") && !answer.has("chưa tính BHYT") && answer.has("<option value=\"\" selected>1.2 "),
        "{}",
        answer.body
    );
}
