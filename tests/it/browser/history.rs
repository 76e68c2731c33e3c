//! The browser's own ways back and forward.

use super::*;

/// Whatever is shown, it is a page of this program's.
async fn is_a_page(browser: &Browser, what: &str) {
    browser.until("document.readyState === 'complete'").await;
    let told = browser.ask("return [location.protocol, document.querySelector('#o-nhap, #vao-truc') !== null, document.title]").await;
    assert_eq!((&told[0], &told[1]), (&json!("http:"), &json!(true)), "{what}: {told}");
}

/// The browser's own button, as a person presses it. A script that calls for it may be run twice by a driver whose page goes away meanwhile.
async fn goes(browser: &Browser, way: &str) {
    browser.ask("window.left = false").await;
    match way {
        "back" => browser.client.back().await,
        "forward" => browser.client.forward().await,
        _ => unreachable!("{way}"),
    }
    .unwrap();
    browser.until("window.left !== false").await;
    is_a_page(browser, way).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn back_after_signing_in_and_forward_after_a_slip_end_on_a_page() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    // Signed in anew by F3, with a slip at the PIN on the way.
    browser.key(Key::F3).await;
    for text in ["1", "999990", counter::PIN] {
        browser.see("#vao-truc input[autofocus]").await.send_keys(text).await.unwrap();
        let at = browser.ask("return performance.timeOrigin").await;
        browser.enter().await;
        browser.until(&format!("performance.timeOrigin !== {at} && document.readyState === 'complete'")).await;
    }
    browser.see("#o-nhap").await;
    for _ in 0..3 {
        goes(&browser, "back").await;
    }
    for _ in 0..3 {
        goes(&browser, "forward").await;
    }
    browser.look_up(counter::VALID).await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.key(Key::F8).await;
    browser.see("#to-giay").await;
    goes(&browser, "back").await;
    goes(&browser, "forward").await;
    // A reload prints nothing again either.
    browser.client.refresh().await.unwrap();
    is_a_page(&browser, "reload").await;
    let log = counter.desk.access_log(1000).await.unwrap();
    let times = |act: &str| log.iter().filter(|line| line.act == act).count();
    assert_eq!((times("saved"), times("sign_in_failed")), (1, 1), "nothing was sent again");
    browser.close().await;
}

/// The addresses in the script are those that a link leads to.
#[test]
fn the_way_back_knows_every_address_of_a_page() {
    let (router, script) = (include_str!("../../../src/reception/router.rs"), include_str!("../../../src/reception/assets/back.js"));
    let parts = ["/trang-thai", "/hom-nay", "/hom-nay/ca-ngay", "/su-kien", "/chung-thu", "/tinh/{name}"];
    let reached = router.split(".route(\"").skip(1).filter_map(|rest| rest.split_once("\", get("));
    let pages = reached.map(|(path, _)| path).filter(|path| !path.contains('"') && !parts.contains(path));
    let mut pages: Vec<_> = pages.collect();
    let listed = script.split_once("LINKS = [").unwrap().1.split_once(']').unwrap().0;
    let mut listed: Vec<_> = listed.split(", ").map(|path| path.trim_matches('\'')).collect();
    pages.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, pages);
}
