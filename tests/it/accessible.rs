//! The page for everybody: what a screen reader, a keyboard, a bad pair of eyes and a small tablet make of it, in the real browser.
//!
//! Promise: every page and every state of it, in both languages, is looked through by axe-core by the rules of WCAG 2.2 AA and of good practice; every
//! control is reached by Tab and is seen when it is; what could not be decided by the program is a fault until somebody says why it is none. Needs
//! `target/axe-core/axe.min.js`, which `tests/run` fetches.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use bhyt_agent::desk::messages::Language;
use bhyt_agent::domain::operator::Role;
use bhyt_agent::domain::roster::Column;
use fantoccini::Locator;
use fantoccini::actions::InputSource;
use fantoccini::actions::KeyAction;
use fantoccini::actions::KeyActions;
use fantoccini::key::Key;
use serde_json::json;

use super::browser::Browser;
use super::correct;
use super::counter;
use super::counter::Counter;

mod senses;
mod sizes;

/// Looks through the page: rule, what is wrong, where. What is not decided about contrast counts as wrong.
const AXE: &str = concat!(include_str!("accessible/colours.js"), include_str!("accessible/axe.js"));

/// Everything on the page that a keyboard has to reach; each is given a number to be known by.
const CONTROLS: &str = include_str!("accessible/controls.js");

/// What has the focus, and how it is seen that it has.
const FOCUSED: &str = concat!(include_str!("accessible/colours.js"), include_str!("accessible/focused.js"));

/// Widths and heights: a desk, a tablet that lies and one that stands, a desk at 200 %, and as little as WCAG asks for.
const SCREENS: [(u32, u32); 5] = [(1024, 768), (1024, 600), (600, 1024), (683, 384), (320, 256)];

/// What stands beyond the right edge and is not itself in something that can be scrolled.
const WIDEST: &str = "
    const inner = (element) => { for (let at = element.parentElement; at; at = at.parentElement) if (getComputedStyle(at).overflowX === 'auto') return true; return false; };
    return [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 && !inner(element))
        .map((element) => element.outerHTML.slice(0, 60)).slice(-3);";

/// Its text, to be run in the page before anything else.
fn axe_core() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe-core/axe.min.js");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; `tests/run --fetch` puts it there", path.display()))
}

/// A way through all pages, and what was found on it.
struct Walk {
    browser: Browser,
    axe_core: String,
    language: Language,
    pages: usize,
    faults: Vec<String>,
}

impl Walk {
    async fn begin(language: Language) -> Self {
        let browser = Browser::open_with(&["--ignore-certificate-errors"]).await;
        Self { browser, axe_core: axe_core(), language, pages: 0, faults: Vec::new() }
    }

    /// Looks at what is shown now.
    async fn look(&mut self, name: &str) {
        self.pages += 1;
        // What is under way is no state of its own.
        self.browser.until("document.getAnimations().every(animation => animation.playState === 'finished')").await;
        self.browser.picture(&format!("{}-{name}", self.language.code())).await;
        self.browser.ask(&self.axe_core).await;
        let found = self.browser.client.execute_async(AXE, Vec::new()).await.unwrap();
        self.faults.extend(found.as_array().unwrap().iter().map(|fault| format!("{name}: {}", fault.as_str().unwrap())));
        let own = self.browser.size().await;
        for (width, height) in SCREENS {
            self.browser.screen((width, height)).await;
            let beyond = self.browser.ask("return document.documentElement.scrollWidth - innerWidth").await.as_i64().unwrap();
            if beyond > 0 {
                let widest = self.browser.ask(WIDEST).await;
                self.faults.push(format!("{name}: {beyond} px beyond the edge of {width} x {height}: {widest}"));
            }
        }
        self.browser.own_screen(own).await;
        assert_eq!(self.browser.ask("return document.documentElement.lang").await, json!(self.language.code()), "{name}");
        // What is in the order of the page is so in both languages.
        if self.language == Language::Vietnamese {
            self.tab_through(name).await;
        }
    }

    /// From the top of the page to its end by Tab: everything is reached, nothing holds, and each is seen to have the focus.
    async fn tab_through(&mut self, name: &str) {
        let wanted = self.browser.ask(CONTROLS).await.as_u64().unwrap();
        let mut reached = Vec::new();
        // One that holds the focus would be met again and again.
        for _ in 0..wanted {
            self.browser.keys_to_page(&Key::Tab.to_string()).await;
            let focused = self.browser.ask(FOCUSED).await;
            let Some(number) = focused["number"].as_u64() else { break };
            if reached.contains(&number) {
                self.faults.push(format!("{name}: Tab comes back to {}", focused["what"]));
                break;
            }
            reached.push(number);
            if let Some(fault) = focused["fault"].as_str() {
                self.faults.push(format!("{name}: {} {fault}", focused["what"]));
            }
        }
        if reached.len() as u64 != wanted {
            let missed = "return [...document.querySelectorAll('[data-tab]')].map(e => [Number(e.dataset.tab), e.outerHTML.slice(0, 120)])";
            let all = self.browser.ask(missed).await;
            let missed: Vec<_> = all.as_array().unwrap().iter().filter(|one| !reached.contains(&one[0].as_u64().unwrap())).collect();
            self.faults.push(format!("{name}: Tab reaches {} of {wanted}; not {missed:?}", reached.len()));
        }
        self.browser.ask("document.activeElement.blur(); document.querySelector('#o-nhap, #o-ai, #o-pin')?.focus(); scrollTo(0, 0)").await;
    }

    async fn go(&self, counter: &Counter, path: &str, wanted: &str) {
        self.browser.client.goto(&format!("http://{}{path}", counter.address)).await.unwrap();
        self.browser.see(wanted).await;
    }

    async fn look_up(&mut self, text: &str, wanted: &str, name: &str) {
        self.browser.keys(text).await;
        self.browser.enter().await;
        self.browser.see(wanted).await;
        self.browser.check_ready().await;
        self.look(name).await;
    }

    async fn click(&self, what: &str, wanted: &str) {
        self.browser.see(what).await;
        // A driver may run a script that leads away a second time, on the next page.
        let here = self.browser.ask("return performance.timeOrigin").await;
        self.browser.ask(&format!("if (performance.timeOrigin === {here}) document.querySelector({}).click()", json!(what))).await;
        self.browser.see(wanted).await;
    }
}

impl Browser {
    /// Media and features as if the machine had them.
    async fn media(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": media, "features": features })).await;
    }

    /// Keys for the page itself, wherever in it the focus is.
    async fn keys_to_page(&self, keys: &str) {
        let actions = keys.chars().fold(KeyActions::new("keys".to_owned()), |actions, value| {
            actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(actions).await.unwrap();
    }
}

/// A counter at which there is something of everything to be shown.
async fn busy_counter() -> Counter {
    let counter = Counter::running().await.on_the_lan().await;
    counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    counter.desk.note_coverage().await.unwrap();
    counter
}

/// Every page in one language.
async fn walk(language: Language) -> Walk {
    let mut walk = Walk::begin(language).await;
    let counter = busy_counter().await;
    signing_in(&mut walk, &counter).await;
    verdicts(&mut walk, &counter).await;
    saving(&mut walk, &counter).await;
    lists(&mut walk, &counter).await;
    pages_of_their_own(&mut walk, &counter).await;
    // Last, what is said when nobody answers.
    walk.go(&counter, "/", "#o-nhap").await;
    counter.stop.cancel();
    walk.browser.until("!document.getElementById('mat-ket-noi').hidden").await;
    walk.look("gone").await;
    walk
}

async fn signing_in(walk: &mut Walk, counter: &Counter) {
    walk.go(counter, "/", "#o-ai").await;
    if walk.language == Language::English {
        walk.click("[name=ngon_ngu]", "html[lang=en] #o-ai").await;
    }
    walk.look("sign-in").await;
    walk.browser.keys("1").await;
    walk.browser.enter().await;
    walk.browser.see("#o-pin").await;
    walk.look("pin").await;
    walk.browser.keys("000000").await;
    walk.browser.enter().await;
    walk.browser.see("#loi").await;
    walk.look("wrong-pin").await;
    walk.go(counter, "/", "#o-ai").await;
    walk.browser.visit(counter).await;
    walk.look("empty").await;
}

async fn verdicts(walk: &mut Walk, counter: &Counter) {
    walk.look_up(counter::VALID, "#ket-qua[data-class=in_force]", "in-force").await;
    walk.browser.keys_to_page(&Key::F9.to_string()).await;
    walk.browser.until("document.activeElement.name === 'doi_tuong'").await;
    walk.look("options").await;
    walk.go(counter, "/", "#o-nhap").await;
    walk.look_up(counter::EXPIRED, "#ket-qua[data-class=not_in_force]", "not-in-force").await;
    walk.look_up(counter::UNKNOWN, "#ket-qua[data-class=unknown]", "unknown").await;
    walk.look_up(counter::ARMY, "#ket-qua[data-class=papers]", "papers").await;
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    walk.look_up(&differs, "#ket-qua.khac #khac-nguoi", "differs").await;
    walk.look_up("le van hte 1970", "#ung-vien[data-search=found]", "candidates").await;
    walk.look_up("khong ai ca 1901", "#ung-vien[data-search=nobody]", "nobody").await;
    walk.look_up("1234567", "#loi", "unreadable").await;
}

async fn saving(walk: &mut Walk, counter: &Counter) {
    walk.browser.keys(counter::VALID).await;
    walk.browser.enter().await;
    walk.browser.see("#ket-qua[data-class=in_force]").await;
    walk.browser.read().await;
    walk.browser.enter().await;
    walk.browser.see("#da-luu[data-saved=new]").await;
    walk.look("saved").await;
    walk.click("#in-phieu", "#to-giay.kho-80mm").await;
    walk.look("slip").await;
    walk.look_up(counter::VALID, "#ket-qua .trung", "here-before").await;
    walk.go(counter, "/", "#hom-nay tr[data-number='1']").await;
    walk.click("#hom-nay tr[data-number='1'] form button", "#mot-luot").await;
    walk.look("visit").await;
    walk.click("#huy-luot > button", "#loi").await;
    walk.look("no-reason").await;
    // Of whom nothing could be looked up there is a paper that says so.
    counter.loses_the_province().await;
    counter.desk.check_in(&counter.desk.look_up(counter::UNKNOWN).await.unwrap()).await.unwrap();
    walk.go(counter, "/", "#hom-nay tr[data-number='2']").await;
    walk.click("#hom-nay tr[data-number='2'] form button", "#mot-luot").await;
    walk.click("#mot-luot form[action='/luot/chung-cu'] button", "#to-giay.kho-a4").await;
    walk.look("evidence").await;
}

async fn lists(walk: &mut Walk, counter: &Counter) {
    let came = async |text| counter.desk.check_in(&counter.desk.look_up(text).await.unwrap()).await.unwrap().id;
    let (refused, voided) = (came(counter::UNKNOWN).await, came(counter::LONG).await);
    correct::refuse(counter, refused, 1, "no_identity").await;
    came(counter::EXPIRED).await;
    let reason = bhyt_agent::desk::Note::parse("Lưu trùng").unwrap();
    counter.desk.void(voided, None, reason).await.unwrap();
    counter.publish(1842, |rows| rows[1].set(Column::ValidUntil, Some("2026-12-05".into()))).await;
    counter.desk.recheck().await.unwrap();
    walk.go(counter, "/", "#kiem-tra-lai tr").await;
    walk.click("#hom-nay .viec summary", "#hom-nay .viec details[open]").await;
    walk.browser.ask("for (const details of document.querySelectorAll('.viec details')) details.open = true").await;
    walk.look("day").await;
    walk.go(counter, "/ca-ngay", "#cuoi-ngay").await;
    walk.look("whole-day").await;
    walk.go(counter, "/kiem-tra-lai", "#can-kiem-tra").await;
    walk.look("to-check").await;
}

async fn pages_of_their_own(walk: &mut Walk, counter: &Counter) {
    walk.go(counter, "/tai-khoan", "#tai-khoan table").await;
    walk.browser.ask("for (const details of document.querySelectorAll('details')) details.open = true").await;
    walk.look("accounts").await;
    walk.go(counter, "/gia-han", "#sap-het").await;
    walk.look("renewals").await;
    walk.click("button[formaction='/gia-han/ban-in']", "[data-print]").await;
    walk.look("renewals-print").await;
    walk.go(counter, "/bao-phu", "#bieu-do").await;
    walk.browser.ask("document.querySelector('details').open = true").await;
    walk.look("coverage").await;
    walk.go(counter, "/khong-co", "#loi").await;
    walk.look("no-such-page").await;
    walk.go(counter, "/ban", ".ban form").await;
    walk.look("desks").await;
    walk.click("form[action='/ban/them'] button", ".ma-ghep").await;
    walk.look("desks-code").await;
    let code = walk.browser.see(".ma-ghep").await.text().await.unwrap();
    // The other desk, which is this browser again.
    walk.browser.client.goto(&format!("https://{}/", counter.lan().address)).await.unwrap();
    walk.browser.see("#ma-ghep").await;
    walk.look("pairing").await;
    walk.browser.client.find(Locator::Css("#ma-ghep")).await.unwrap().send_keys(&code).await.unwrap();
    walk.browser.client.find(Locator::Css("#ten-ban")).await.unwrap().send_keys("Bàn 2").await.unwrap();
    walk.browser.enter().await;
    walk.browser.see("#o-ai").await;
    // Whoever worked here has no session of that desk, and the other way round.
    walk.browser.visit(counter).await;
    walk.go(counter, "/ban", "#cac-ban").await;
    walk.look("desks-list").await;
    walk.go(counter, "/", "#o-nhap").await;
    walk.click("form[action='/khoa'] button", "#dang-khoa").await;
    walk.look("locked").await;
    walk.browser.keys(counter::PIN).await;
    walk.browser.enter().await;
    walk.browser.see("#o-nhap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_for_everybody_in_vietnamese() {
    let walk = walk(Language::Vietnamese).await;
    assert_eq!(walk.faults, [""; 0]);
    assert!(walk.pages >= 30, "{}", walk.pages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_for_everybody_in_english() {
    let walk = walk(Language::English).await;
    assert_eq!(walk.faults, [""; 0]);
    assert!(walk.pages >= 30, "{}", walk.pages);
}

/// What a fault looks like: one of each kind is put on the page, and each is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_somebody_out_is_found() {
    let counter = Counter::running().await;
    let mut walk = Walk::begin(Language::Vietnamese).await;
    walk.browser.visit(&counter).await;
    walk.look("sound").await;
    assert_eq!(walk.faults, [""; 0]);
    for (break_it, wanted) in [
        ("document.querySelector('label[for=o-nhap]').remove()", "label"),
        ("document.querySelector('#hom-nay h2').style.color = '#bbb'", "color-contrast"),
        (
            "document.getElementById('lay-so').style.outline = 'none'; document.getElementById('lay-so').style.boxShadow = 'none'",
            "is not seen",
        ),
        ("document.getElementById('lay-so').onkeydown = (event) => event.preventDefault()", "Tab"),
        (
            "document.querySelectorAll('footer button').forEach((button, index) => Object.assign(button.style,
                { width: '8px', height: '8px', minHeight: '0', padding: '0', position: 'fixed', top: '0', left: `${index * 9}px` }))",
            "target-size",
        ),
    ] {
        walk.browser.visit(&counter).await;
        walk.browser.ask(break_it).await;
        walk.look(wanted).await;
        let found = std::mem::take(&mut walk.faults);
        assert!(found.iter().any(|fault| fault.trim_start_matches(wanted).contains(wanted)), "{break_it}: {found:?}");
    }
}
