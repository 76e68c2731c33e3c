//! Whole days of a receptionist in a real browser: from signing in to what is in the store and at the province in the end.
//!
//! Promise: keyboard and scanner only; what is said to be seen stands on the screen at that moment, in view, with nothing over it. Each story leaves a
//! picture of its telling moment under `target/stories`, of a window of 1024×768. Never: a look at the page's insides where its words tell; a word of the
//! message files guessed at by a selector.

mod answers;
mod doubts;
mod pictures;
mod troubles;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use fantoccini::actions::InputSource;
use fantoccini::actions::KeyAction;
use fantoccini::actions::KeyActions;
use fantoccini::key::Key;
use serde_json::Value;
use serde_json::json;
use tokio::time;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;

/// The screen of most stations.
const SCREEN: (u32, u32) = (1024, 768);

/// Far more than any step takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a person sees of a text: `seen`, or why not. Spaces and line ends are all one; what a text is split over (a number in bold) is one text.
const LOOK: &str = "
    const plain = (text) => text.normalize('NFC').replace(/\\s+/g, ' ').trim();
    const [wanted, scroll] = [plain(arguments[0]), arguments[1]];
    const has = (element) => plain(element.innerText || element.value || '').includes(wanted);
    // A box of its own is no condition: some parts of the page have none.
    const isDrawn = (child) => child.checkVisibility() || getComputedStyle(child).display === 'contents';
    // What is only for those who listen is not looked at.
    const heard = [...document.querySelectorAll('.an')];
    heard.forEach((only) => only.style.setProperty('display', 'none', 'important'));
    let element = has(document.body) ? document.body : null;
    for (let inner = element; inner; inner = [...element.children].find((child) => isDrawn(child) && has(child))) element = inner;
    heard.forEach((only) => only.style.removeProperty('display'));
    if (!element) return 'absent';
    const range = document.createRange();
    range.selectNodeContents(element);
    const boxes = () => {
        const drawn = [...range.getClientRects(), ...(element.matches('input, button, select') ? [element.getBoundingClientRect()] : [])];
        return drawn.filter((box) => box.width > 1 && box.height > 1);
    };
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || boxes().length === 0) return 'hidden';
    if (scroll) element.scrollIntoView({ block: 'center', behavior: 'instant' });
    for (const box of boxes()) {
        if (box.left < 0 || box.right > innerWidth + 1) return 'cut off';
        if (box.top < 0 || box.bottom > innerHeight + 1) return 'out of view';
        const top = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
        if (!top || !(element.contains(top) || top.contains(element))) return 'under ' + (top && (top.id || top.tagName));
    }
    return 'seen';";

/// One desk, and whoever works at it.
struct Teller {
    browser: Browser,
}

impl Teller {
    /// At this computer's own page.
    async fn at(address: SocketAddr) -> Self {
        Self::open(&format!("http://{address}/"), &[]).await
    }

    async fn open(address: &str, arguments: &[&str]) -> Self {
        let browser = Browser::open_with(arguments).await;
        browser.screen(SCREEN).await;
        browser.client.goto(address).await.unwrap();
        Self { browser }
    }

    /// Signs in as a person does who reads the page.
    async fn signs_in(&self, number: &str, name: &str, pin: &str) {
        self.sees("Ai đang trực?").await;
        self.sees(name).await;
        self.types(number).await;
        self.sees(&format!("Mã PIN của {name}")).await;
        self.types(pin).await;
        self.sees("Quét mã, gõ số hoặc tên").await;
        self.sees(&format!("Người trực: {name}")).await;
    }

    /// How a text is seen now.
    async fn look(&self, text: &str, scrolls: bool) -> String {
        let seen = self.browser.client.execute(LOOK, vec![json!(text), json!(scrolls)]).await;
        // A page on its way out answers nothing; the next look tells.
        seen.ok().and_then(|seen| seen.as_str().map(str::to_owned)).unwrap_or_default()
    }

    async fn looks_until(&self, text: &str, scrolls: bool) {
        let mut last = String::new();
        let looked = async {
            loop {
                last = self.look(text, scrolls).await;
                if last == "seen" {
                    return;
                }
                time::sleep(Duration::from_millis(30)).await;
            }
        };
        let looked = time::timeout(PATIENCE, looked).await;
        let page = if looked.is_ok() { Value::Null } else { self.browser.ask("return document.body.innerText").await };
        assert!(looked.is_ok(), "{text:?} is {last}; the page: {page}");
    }

    /// It stands there, at once or as soon as it comes, without scrolling.
    async fn sees(&self, text: &str) {
        self.browser.ask("scrollTo(0, 0)").await;
        self.looks_until(text, false).await;
    }

    /// It stands there, further down perhaps.
    async fn finds(&self, text: &str) {
        self.looks_until(text, true).await;
        self.browser.ask("scrollTo(0, 0)").await;
    }

    /// It stands nowhere.
    async fn misses(&self, text: &str) {
        let seen = self.look(text, true).await;
        assert!(seen == "absent" || seen == "hidden", "{text:?} is {seen}");
        self.browser.ask("scrollTo(0, 0)").await;
    }

    /// A reader's characters and its two ends of line.
    async fn scans(&self, payload: &str) {
        self.browser.check_ready().await;
        self.keys(&format!("{payload}{}{}", Key::Enter, Key::Enter)).await;
    }

    /// Types and presses Enter.
    async fn types(&self, text: &str) {
        self.browser.until("document.activeElement.matches('input')").await;
        self.keys(text).await;
        self.presses(Key::Enter).await;
    }

    /// Characters to whatever has the focus, once: where that was exchanged in this very moment, it has got none of them.
    async fn keys(&self, text: &str) {
        loop {
            match self.browser.client.active_element().await.unwrap().send_keys(text).await {
                Err(error) if error.is_stale_element_reference() => {}
                sent => return sent.unwrap(),
            }
        }
    }

    async fn presses(&self, key: Key) {
        let value = key.into();
        let once = KeyActions::new("keys".to_owned()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.browser.client.perform_actions(once).await.unwrap();
    }

    /// Has read what stands there, and presses Enter.
    async fn presses_enter(&self) {
        self.browser.read().await;
        self.presses(Key::Enter).await;
    }

    /// Goes on with Tab until something of this text, or named so, has the focus.
    async fn tabs_to(&self, text: &str) {
        let named = "const e = document.activeElement; const plain = (t) => t.replace(/\\s+/g, ' ').trim();
            const all = [e.innerText, e.value, e.ariaLabel, ...[...(e.labels || [])].map((l) => l.innerText)];
            return all.some((t) => t && plain(t).includes(arguments[0]))";
        for _ in 0..80 {
            self.presses(Key::Tab).await;
            if self.browser.client.execute(named, vec![json!(text)]).await.unwrap() == Value::Bool(true) {
                return;
            }
        }
        panic!("{text:?} is not reached by Tab");
    }

    /// Keeps the picture of the story.
    async fn picture(&self, story: &str) {
        let folder = folder();
        fs::create_dir_all(&folder).unwrap();
        self.browser.ask("scrollTo(0, 0)").await;
        let picture = self.browser.client.screenshot().await.unwrap();
        let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
        assert_eq!((&picture[1..4], side(16), side(20)), (&b"PNG"[..], SCREEN.0, SCREEN.1));
        fs::write(folder.join(format!("{story}.png")), &picture).unwrap();
    }

    /// The day is over, and the browser had nothing to complain of.
    async fn leaves(self) {
        self.browser.close().await;
    }
}

/// Where the pictures are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/stories")
}

/// A desk of this counter, at which the first account has signed in.
async fn at_work(counter: &Counter) -> Teller {
    let teller = Teller::at(counter.address).await;
    teller.signs_in("1", counter::OPERATOR, counter::PIN).await;
    teller
}

/// What a person could not see is not said to be seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_could_see_is_not_seen() {
    let counter = Counter::running().await;
    let teller = at_work(&counter).await;
    teller.types(counter::VALID).await;
    teller.sees("CÒN HẠN").await;
    assert_eq!(teller.look("HẾT HẠN", false).await, "absent");
    for (change, seen) in [
        ("answer.style.visibility = 'hidden'", "absent"),
        ("answer.style.opacity = '0'", "hidden"),
        ("answer.style.marginTop = '900px'", "out of view"),
        ("Object.assign(answer.style, { position: 'absolute', left: '-300px' })", "cut off"),
        (
            "const over = document.createElement('p'); over.id = 'over'; document.body.append(over); \
          Object.assign(over.style, { position: 'fixed', inset: '0', background: '#fff' })",
            "under over",
        ),
    ] {
        teller.browser.ask(&format!("const answer = document.getElementById('cau-tra-loi'); {change}")).await;
        assert_eq!(teller.look("CÒN HẠN", false).await, seen, "{change}");
        teller.browser.ask("document.getElementById('cau-tra-loi').removeAttribute('style')").await;
    }
    teller.browser.ask("document.getElementById('over').remove()").await;
    assert_eq!(teller.look("CÒN HẠN", false).await, "seen");
}
