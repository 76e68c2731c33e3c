//! Capitals that carry two marks, as Vietnamese writes them, at the sizes of real screens.

use super::*;

/// By how much of a pixel the ink of the verdict's line stands clear of the one above it.
const CLEAR: &str = "
    const ink = (element) => {
        const mark = element.appendChild(Object.assign(document.createElement('span'), { className: 'do' }));
        Object.assign(mark.style, { display: 'inline-block', width: '0', height: '0' });
        const baseline = mark.getBoundingClientRect().bottom;
        mark.remove();
        const context = document.createElement('canvas').getContext('2d');
        const { fontWeight, fontSize, fontFamily } = getComputedStyle(element);
        context.font = [fontWeight, fontSize, fontFamily].join(' ');
        const size = context.measureText(element.textContent);
        return { top: baseline - size.actualBoundingBoxAscent, bottom: baseline + size.actualBoundingBoxDescent };
    };
    return ink(document.getElementById('cau-tra-loi')).top - ink(document.querySelector('#phan-quyet .lop')).bottom;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marks_of_a_capital_stay_clear_of_the_line_above() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.look_up(counter::EXPIRED).await;
    browser.until("document.fonts.status === 'loaded'").await;
    for (width, height) in [(1366, 768), (1024, 600), (800, 600), (1920, 1080)] {
        browser.screen((width, height)).await;
        let clear = browser.ask(CLEAR).await.as_f64().unwrap();
        println!("{width}×{height}: {clear:.1} px");
        browser.picture(&format!("letters-{width}x{height}")).await;
        assert!(clear >= 1.0, "{width}×{height}: {clear}");
    }
    browser.close().await;
}
