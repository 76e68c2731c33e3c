//! A morning in the other browser of Debian: everything that a desk does in a day works there too, and the browser has nothing to complain of.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use fantoccini::key::Key;
use serde_json::json;

use super::browser::Browser;
use super::browser::Engine;
use super::counter;
use super::counter::Counter;

/// Somebody is looked up, and there was time to read the answer.
async fn look_up(browser: &Browser, text: &str, wanted: &str) {
    browser.keys(text).await;
    browser.enter().await;
    browser.see(wanted).await;
    browser.check_ready().await;
    browser.read().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_morning_in_firefox() {
    let counter = Counter::running().await;
    let browser = Browser::open_in(Engine::Firefox).await;
    browser.visit(&counter).await;
    browser.check_ready().await;

    // A scan with the two Enters of a reader, and the visit.
    browser.keys(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    browser.keys(&format!("{}{}", Key::Enter, Key::Enter)).await;
    assert_eq!(browser.see("#ket-qua[data-standing=valid] #cau-tra-loi").await.text().await.unwrap(), "CÒN HẠN");
    assert_eq!(counter.desk.today().await.unwrap().len(), 0, "the second Enter saved nothing");
    browser.until("[...document.fonts].length === 2 && [...document.fonts].every((face) => face.status === 'loaded')").await;
    let fits = "const box = document.getElementById('phan-quyet').getBoundingClientRect();
        return [box.bottom <= innerHeight, document.documentElement.scrollWidth <= innerWidth]";
    assert_eq!(browser.ask(fits).await, json!([true, true]));
    browser.picture("firefox-in-force").await;
    browser.read().await;
    browser.enter().await;
    let said = browser.see("#da-luu[data-saved=new]").await.text().await.unwrap();
    assert!(said.contains("Trần Thị Ví Dụ"), "{said}");

    // What another desk does, and what the province says, is seen without anybody's doing.
    browser.check_ready().await;
    let other = counter.desk.check_in(&counter.desk.look_up(counter::LONG).await.unwrap()).await.unwrap();
    browser.see("#hom-nay tr[data-number='2'][data-delivery=pending]").await;
    let received_at = counter::NOW.parse().unwrap();
    let outcome = ReceiptOutcome::Held { reference: "R-77".into(), received_at, duplicate: false };
    counter.visits.store_receipts(vec![Receipt { id: other.id, revision: Revision::FIRST, outcome }], received_at).await.unwrap();
    browser.see("#hom-nay tr[data-number='2'][data-delivery=delivered]").await;

    // By name, by digit, and in one key.
    look_up(&browser, "le van hte 1970", "#ung-vien[data-search=found]").await;
    look_up(&browser, "1", "#ket-qua[data-standing=expired]").await;
    browser.keys(&Key::F2.to_string()).await;
    let said = browser.see("#da-luu[data-saved=new]").await.text().await.unwrap();
    assert!(said.ends_with("Cấp cứu – Không khám theo BHYT (9)"), "{said}");
    assert_eq!(counter.desk.today().await.unwrap().len(), 3);
    browser.check_ready().await;

    // The other language, and back.
    browser.see("[name=ngon_ngu]").await.click().await.unwrap();
    browser.see("html[lang=en] #o-nhap").await;
    look_up(&browser, counter::EXPIRED, "html[lang=en] #ket-qua[data-standing=expired]").await;
    browser.picture("firefox-english").await;
    assert_eq!(browser.complaints().await, [""; 0]);

    // What would have been heard.
    for (script, wanted) in [
        ("document.body.setAttribute('style', 'color: red')", "Content-Security-Policy"),
        ("setTimeout(() => { throw new Error('thrown by the test') })", "thrown by the test"),
    ] {
        browser.ask(script).await;
        browser.hear(wanted).await;
    }
    browser.close().await;
}
