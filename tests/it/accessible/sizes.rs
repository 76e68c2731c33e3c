//! Screens of every size a station has, and letters of every size a person needs.

use super::super::browser::COVERED;
use super::*;

/// Which parts of an answer do not end above the lower edge, and how far the page goes beyond the right one.
const SEEN: &str = "
    scrollTo(0, 0);
    const below = ['#khac-nguoi', '#phan-quyet', '#da-luu', '#loi'].filter((one) => document.querySelector(one)?.getBoundingClientRect().bottom > innerHeight);
    return [below, Math.max(0, document.documentElement.scrollWidth - innerWidth)];";

/// Controls that are cut off, lie beyond an edge or are smaller than this many pixels.
const CUT: &str = "
    const least = arguments[0];
    const shown = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
        .filter((element) => element.type !== 'hidden' && element.type !== 'radio' && element.checkVisibility());
    return shown.filter((element) => {
        const box = element.getBoundingClientRect();
        const isCut = element.matches('button, summary, a') && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline';
        const isSmall = box.height < least && !element.matches('p a, li a');
        return isCut || isSmall || box.left < 0 || box.right > innerWidth + 0.5;
    }).map((element) => `${element.outerHTML.slice(0, 80)} ${element.clientWidth} x ${element.clientHeight}`);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_is_whole_on_every_screen_of_a_station() {
    let counter = Counter::running().await;
    counter.set_aside(&["20261121T030000Z-visits.db", "20261121T030000Z-cards.db"]);
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    for (width, height) in [(1024, 768), (1024, 600), (600, 1024)] {
        browser.screen((width, height)).await;
        for (text, wanted) in [
            (differs.as_str(), "#ket-qua.khac"),
            (counter::VALID, "#ket-qua[data-class=in_force]:not(.khac)"),
            (counter::EXPIRED, "#ket-qua[data-class=not_in_force]"),
            (counter::UNKNOWN, "#ket-qua[data-class=unknown]"),
            (counter::ARMY, "#ket-qua[data-class=papers]"),
            (counter::LONG, "#ket-qua[data-class=in_force]:not(.khac)"),
            ("1234567", "#loi"),
        ] {
            browser.keys(text).await;
            browser.enter().await;
            browser.see(wanted).await;
            browser.check_ready().await;
            browser.picture(&format!("{width}x{height}-{}", &text[..4])).await;
            assert_eq!(browser.ask(SEEN).await, json!([[], 0]), "{width} x {height}: {wanted}");
            assert_eq!(browser.ask(COVERED).await, json!([]), "{width} x {height}: {wanted}");
        }
    }
    // What would have been found.
    browser.keys(&differs).await;
    browser.enter().await;
    browser.see("#ket-qua.khac").await;
    browser.screen((1024, 300)).await;
    assert_eq!(browser.ask(SEEN).await, json!([["#khac-nguoi", "#phan-quyet"], 0]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fingers_find_everything_on_a_tablet() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
    browser.screen((600, 1024)).await;
    browser.visit(&counter).await;
    browser.until("matchMedia('(pointer: coarse)').matches").await;
    counter.desk.check_in(&counter.desk.look_up(counter::VALID).await.unwrap()).await.unwrap();
    browser.see("#hom-nay tr[data-number='1']").await;
    for (text, wanted) in [(counter::VALID, "#ket-qua"), ("le van hte 1970", "#ung-vien")] {
        browser.keys(text).await;
        browser.enter().await;
        browser.see(wanted).await;
        browser.check_ready().await;
        browser.ask("document.querySelectorAll('details').forEach((details) => { details.open = true; })").await;
        browser.picture(&format!("touch-{wanted}")).await;
        assert_eq!(browser.client.execute(CUT, vec![json!(44)]).await.unwrap(), json!([]), "{wanted}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_twice_as_large_or_further_apart_lose_nothing() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    counter.desk.check_in(&counter.desk.look_up(counter::VALID).await.unwrap()).await.unwrap();
    browser.see("#hom-nay tr[data-number='1']").await;
    // As WCAG 1.4.12 wants it to be possible.
    let spacing = "
        const sheet = new CSSStyleSheet();
        sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; } p { margin-bottom: 2em !important; }');
        document.adoptedStyleSheets = [sheet];";
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    for (text, wanted) in [(counter::LONG, "#ket-qua"), (&differs, "#ket-qua.khac"), ("le van hte 1970", "#ung-vien"), ("1234567", "#loi")]
    {
        browser.keys(text).await;
        browser.enter().await;
        browser.see(wanted).await;
        browser.check_ready().await;
        for (script, width, height) in [(spacing, 1024, 768), ("document.adoptedStyleSheets = [];", 683, 384)] {
            browser.screen((width, height)).await;
            browser.ask(script).await;
            browser.picture(&format!("letters-{width}-{wanted}")).await;
            let beyond = browser.ask("return Math.max(0, document.documentElement.scrollWidth - innerWidth)").await;
            assert_eq!(beyond, json!(0), "{wanted} at {width}");
            assert_eq!(browser.client.execute(CUT, vec![json!(24)]).await.unwrap(), json!([]), "{wanted} at {width}");
            assert_eq!(browser.ask(COVERED).await, json!([]), "{wanted} at {width}");
        }
    }
    browser.close().await;
}
