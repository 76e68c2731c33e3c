//! What another desk does is seen before it is done a second time.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_stands_before_a_verdict_is_told_what_another_one_saves() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::VALID).await;
    browser.key(Key::F9).await;
    browser.ask("window.same = true; document.querySelector('[name=ghi_chu]').focus()").await;
    browser.keys("mang theo").await;
    // Somebody else's visit changes nothing here.
    let token = "return document.querySelector('[name=luot]').value";
    let before = browser.ask(token).await;
    counter.desk.check_in(&counter.desk.look_up(counter::EXPIRED).await.unwrap()).await.unwrap();
    browser.until("performance.getEntriesByType('resource').some((one) => one.name.endsWith('/tra-cuu/moi'))").await;
    counter.desk.check_in(&counter.desk.look_up(counter::VALID).await.unwrap()).await.unwrap();
    let told = browser.see("#ket-qua .trung").await.text().await.unwrap();
    assert!(told.contains("lượt số 2"), "{told}");
    assert_ne!(browser.ask(token).await, before, "what is shown anew has a token of its own");
    browser.keys(" giấy").await;
    let typed = "return [same, document.activeElement.name, document.querySelector('[name=ghi_chu]').value, document.getElementById('bao-tinh').textContent]";
    assert_eq!(browser.ask(typed).await, json!([true, "ghi_chu", "mang theo giấy", ""]));
    browser.picture("told-before-it-is-saved").await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    let visit = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!(visit.note.as_deref(), Some("mang theo giấy"));
    browser.close().await;
}
