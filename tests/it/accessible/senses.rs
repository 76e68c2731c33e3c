//! Without colours, without movement, with the machine's own colours, on paper, by ear; and in letters that are the agent's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// How much pictures of equal things differ in lightness, cell by cell, and whether there is a colour in any; resolves to [colours, least difference].
const COMPARED: &str = "
    const [pictures, done] = arguments;
    const SIDE = 24;
    const read = async (picture) => {
        const image = new Image();
        image.src = 'data:image/png;base64,' + picture;
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE });
        const context = canvas.getContext('2d');
        context.imageSmoothingQuality = 'high';
        context.drawImage(image, 0, 0, SIDE, SIDE);
        return context.getImageData(0, 0, SIDE, SIDE).data;
    };
    const compare = async () => {
        const all = await Promise.all(pictures.map(read));
        let [colours, least] = [0, 255];
        for (const one of all) for (let at = 0; at < one.length; at += 4) {
            const [low, , high] = [one[at], one[at + 1], one[at + 2]].sort((a, b) => a - b);
            colours = Math.max(colours, high - low);
        }
        all.forEach((one, index) => all.slice(index + 1).forEach((other) => {
            let sum = 0;
            for (let at = 0; at < one.length; at += 4) sum += Math.abs(one[at] - other[at]);
            least = Math.min(least, sum / (one.length / 4));
        }));
        return [colours, Math.round(least)];
    };
    compare().then(done, (error) => done(String(error)));";

/// One of each class of answers, and one that may be somebody else's.
fn classes() -> [(String, &'static str); 5] {
    [
        (counter::VALID.to_owned(), "#ket-qua[data-class=in_force]:not(.khac)"),
        (counter::payload("LÊ THỊ KHÁC", "03/09/1985"), "#ket-qua[data-class=in_force].khac"),
        (counter::EXPIRED.to_owned(), "#ket-qua[data-class=not_in_force]"),
        (counter::UNKNOWN.to_owned(), "#ket-qua[data-class=unknown]"),
        (counter::ARMY.to_owned(), "#ket-qua[data-class=papers]"),
    ]
}

impl Browser {
    /// The shape beside the answer, as it is painted now.
    async fn shape(&self) -> String {
        STANDARD.encode(self.see(".hinh svg").await.screenshot().await.unwrap())
    }

    async fn compared(&self, pictures: &[String]) -> (u64, u64) {
        let found = self.client.execute_async(COMPARED, vec![json!(pictures)]).await.unwrap();
        (found[0].as_u64().unwrap_or_else(|| panic!("{found}")), found[1].as_u64().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_state_is_told_by_colour_alone() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let blind = async |kind: &str| browser.devtools("Emulation.setEmulatedVisionDeficiency", json!({ "type": kind })).await;
    let (mut grey, mut forced, mut paper, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut coloured = String::new();
    for (text, wanted) in classes() {
        browser.keys(&text).await;
        browser.enter().await;
        browser.see(wanted).await;
        browser.check_ready().await;
        words.push(browser.ask("return document.querySelector('.lop').textContent").await);
        coloured = browser.shape().await;
        blind("achromatopsia").await;
        grey.push(browser.shape().await);
        blind("none").await;
        browser.media("", &[("forced-colors", "active"), ("prefers-color-scheme", "dark")]).await;
        browser.until("matchMedia('(forced-colors: active)').matches").await;
        forced.push(browser.shape().await);
        browser.picture(&format!("forced-{}", &text[..2])).await;
        browser.media("print", &[]).await;
        paper.push(browser.shape().await);
        let printed = "const style = getComputedStyle(document.getElementById('phan-quyet')); \
            return [style.color, style.backgroundColor, document.getElementById('cau-tra-loi').checkVisibility()]";
        assert_eq!(browser.ask(printed).await, json!(["rgb(0, 0, 0)", "rgb(255, 255, 255)", true]), "{wanted}");
        browser.media("", &[]).await;
    }
    words.dedup();
    assert_eq!(words.len(), 5, "each has words of its own: {words:?}");
    for (name, pictures) in [("grey", &grey), ("forced", &forced), ("paper", &paper)] {
        let (colours, least) = browser.compared(pictures).await;
        assert!(least >= 8, "{name}: two shapes differ by {least} only");
        assert!(name == "forced" || colours <= 2, "{name}: {colours}");
    }
    // What would have been found: colour, and two that are the same.
    let (colours, least) = browser.compared(&[coloured.clone(), coloured]).await;
    assert!(colours > 30 && least == 0, "{colours} {least}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wants_no_movement_sees_none() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua").await;
    let moving = "document.getElementById('ket-qua').classList.add('vua-moi'); return getComputedStyle(document.getElementById('ket-qua')).animationName";
    assert_eq!(browser.ask(moving).await, json!("vua-moi"));
    browser.media("", &[("prefers-reduced-motion", "reduce")]).await;
    browser.until("matchMedia('(prefers-reduced-motion: reduce)').matches").await;
    assert_eq!(browser.ask(moving).await, json!("none"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_is_painted_in_the_agent_s_own_typeface() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.keys(counter::payload("NGUYỄN THỊ HỮU NGHỊ", "03/09/1985").as_str()).await;
    browser.enter().await;
    browser.see("#ket-qua.khac").await;
    browser.until("[...document.fonts].length === 2 && [...document.fonts].every((face) => face.status === 'loaded')").await;
    assert_eq!(browser.ask("return document.fonts.check('900 80px Inter', 'ệữỄỊạĐ₫0123456789–…')").await, json!(true));
    // Which typeface the browser has painted with, by its own word.
    browser.devtools("DOM.enable", json!({})).await;
    browser.devtools("CSS.enable", json!({})).await;
    let root = browser.devtools("DOM.getDocument", json!({})).await["root"]["nodeId"].clone();
    for part in ["#cau-tra-loi", "#han", "#khac-nguoi", "#muc-huong", "#ten-hom-nay"] {
        let node = browser.devtools("DOM.querySelector", json!({ "nodeId": root, "selector": part })).await["nodeId"].clone();
        let used = browser.devtools("CSS.getPlatformFontsForNode", json!({ "nodeId": node })).await["fonts"].clone();
        let used: Vec<_> = used.as_array().unwrap().iter().map(|font| (font["familyName"].clone(), font["isCustomFont"].clone())).collect();
        assert!(
            !used.is_empty() && used.iter().all(|(name, own)| name.as_str().unwrap().starts_with("Inter") && *own == json!(true)),
            "{part}: {used:?}"
        );
    }
    let columns = "
        const line = document.getElementById('han');
        const width = (text) => { line.textContent = text; const range = document.createRange(); range.selectNodeContents(line); return range.getBoundingClientRect().width; };
        return width('1111111111') === width('0000000000')";
    assert_eq!(browser.ask(columns).await, json!(true), "figures stand below each other");
    // All of it together is small, and every address it came from is the page's own.
    let fetched = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.woff2')).map((one) => [new URL(one.name).origin === location.origin, one.name])";
    let mut bytes = 0;
    let fetched = browser.ask(fetched).await;
    for one in fetched.as_array().unwrap() {
        assert_eq!(one[0], json!(true), "{one}");
        let size = "const done = arguments[1]; fetch(arguments[0]).then(async (answer) => done([(await answer.arrayBuffer()).byteLength, answer.headers.get('cache-control')]))";
        let answer = browser.client.execute_async(size, vec![one[1].clone()]).await.unwrap();
        bytes += answer[0].as_u64().unwrap();
        assert_eq!(answer[1], json!("public, max-age=31536000, immutable"));
    }
    assert!((1..=120_000).contains(&bytes), "{bytes} bytes of {fetched}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_heard_where_somebody_wants_it() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    // What is played is not heard here: which tones are begun is kept.
    let listen = "const begin = OscillatorNode.prototype.start;
        window.heard = [];
        OscillatorNode.prototype.start = function (when) { window.heard.push(this.frequency.value); return begin.call(this, when); };";
    browser.devtools("Page.enable", json!({})).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": listen })).await;
    browser.visit(&counter).await;
    assert_eq!(browser.see("#am-thanh").await.text().await.unwrap(), "Âm thanh: đang tắt");
    // The answer is put there once more, after somebody has touched the page.
    let again = "window.heard = []; const answer = document.querySelector('#ket-qua, #ung-vien, #loi'); answer.replaceWith(answer.cloneNode(true));";
    for is_wanted in [false, true] {
        if is_wanted {
            browser.see("#am-thanh").await.click().await.unwrap();
            browser.until("document.documentElement.dataset.amThanh === 'on' && window.heard.length === 2").await;
            assert_eq!(browser.see("#am-thanh").await.text().await.unwrap(), "Âm thanh: đang bật");
        }
        for (text, wanted, tones) in [
            (counter::VALID, "#ket-qua[data-class=in_force]", json!([660, 880])),
            (counter::EXPIRED, "#ket-qua[data-class=not_in_force]", json!([330, 220])),
            ("le van hte 1970", "#ung-vien", json!([330, 220])),
            ("1234567", "#loi", json!([330, 220])),
        ] {
            browser.keys(text).await;
            browser.enter().await;
            browser.see(wanted).await;
            browser.check_ready().await;
            browser.keys_to_page(&Key::Shift.to_string()).await;
            browser.keys_to_page("x").await;
            browser.ask(again).await;
            let tones = if is_wanted { tones } else { json!([]) };
            browser.until(&format!("JSON.stringify(window.heard) === '{tones}'")).await;
            browser.ask("document.getElementById('o-nhap').value = ''").await;
        }
    }
    // The browser keeps it.
    browser.visit(&counter).await;
    assert_eq!(browser.see("#am-thanh").await.text().await.unwrap(), "Âm thanh: đang bật");
    browser.close().await;
}

/// Has the page keep what a reader of the screen would say from now on: what is put into a place that is there, and every alert that comes.
const LISTEN: &str = "
    window.said = [];
    const live = '[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]';
    const say = (element) => { if (element.textContent.trim() && !element.hidden) window.said.push(element.textContent.trim().replace(/\\s+/g, ' ')); };
    new MutationObserver((changes) => {
        const places = new Set();
        for (const { target, addedNodes } of changes) {
            const place = (target instanceof Element ? target : target.parentElement)?.closest(live);
            if (place) places.add(place);
            for (const node of addedNodes) if (node instanceof Element) [node, ...node.querySelectorAll('*')].filter((one) => one.matches(live)).forEach((one) => places.add(one));
        }
        places.forEach(say);
    }).observe(document.body, { childList: true, characterData: true, subtree: true });";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_is_told_each_answer_once() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.ask(LISTEN).await;
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    for (text, wanted, told) in [
        (counter::VALID, "#ket-qua[data-class=in_force]", &["CÒN HẠN"][..]),
        ("", "#da-luu[data-saved=new]", &["ĐÃ LƯU"]),
        (&differs, "#ket-qua.khac", &["CÒN HẠN", "ĐỀU KHÁC", "đã có lượt"]),
        ("le van hte 1970", "#ung-vien", &["1 người"]),
        ("1234567", "#loi", &["ký tự"]),
        (counter::EXPIRED, "#ket-qua[data-class=not_in_force]", &["HẾT HẠN"]),
    ] {
        browser.ask("window.said = []").await;
        browser.keys(text).await;
        browser.enter().await;
        browser.see(wanted).await;
        browser.read().await;
        let said = browser.ask("return window.said").await;
        for one in told {
            let times = said.as_array().unwrap().iter().map(|said| said.as_str().unwrap().matches(one).count()).sum::<usize>();
            assert_eq!(times, 1, "{one}: {said}");
        }
    }
    // What would have been heard twice.
    browser.ask("window.said = []; const again = document.getElementById('noi'); again.textContent = again.textContent").await;
    browser.until("window.said.length === 1").await;
    browser.close().await;
}
