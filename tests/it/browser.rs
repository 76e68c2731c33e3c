//! The page in a real browser: what a receptionist sees, and where the cursor is.
//!
//! Promise: waits for conditions, never for milliseconds; the browser and its driver end with the test. Needs `/usr/bin/chromium` and
//! `/usr/bin/chromedriver` (Debian: chromium, chromium-driver, fonts-dejavu-core) or `/usr/bin/firefox-esr` and `geckodriver`, which `tests/run`
//! installs. With `BHYT_SCREENSHOTS` set to a folder, pictures of every step, in colour and in grey, are left there for a person to look at.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::support::bounds;
use crate::support::ports;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use axum::http::Method;
use bhyt_agent::domain::operator::Pin;
use bhyt_agent::domain::operator::Role;
use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use fantoccini::Client;
use fantoccini::ClientBuilder;
use fantoccini::Locator;
use fantoccini::actions::InputSource;
use fantoccini::actions::KeyAction;
use fantoccini::actions::KeyActions;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::wd::PrintConfiguration;
use fantoccini::wd::WebDriverCompatibleCommand;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time;
use url::ParseError;
use url::Url;

use super::counter;
use super::counter::Counter;

mod answers;
mod desks;
mod history;
mod letters;
mod screens;
pub(crate) mod visits;

/// Which browser is driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    #[default]
    Chromium,
    Firefox,
}

impl Engine {
    /// The program that drives it, with the arguments it needs.
    fn driver(self, port: u16, profile: &Path) -> Command {
        let mut command = match self {
            Self::Chromium => Command::new("/usr/bin/chromedriver"),
            Self::Firefox => Command::new("geckodriver"),
        };
        command.arg(format!("--port={port}"));
        if self == Self::Firefox {
            // The browser's own console is read from its inside.
            command.arg("--allow-system-access").arg(format!("--websocket-port={}", ports::address().port()));
            command.arg("--profile-root").arg(profile);
        }
        command
    }

    /// What a session asks of the driver.
    fn capabilities(self, profile: &Path, further: &[&str]) -> Value {
        let chromium = |further: &[&str]| {
            let user_data = format!("--user-data-dir={}", profile.display());
            let usual = [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--window-size=1366,768",
                &user_data,
            ];
            let arguments: Vec<_> = usual.iter().chain(further).collect();
            json!({ "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } })
        };
        let firefox = |further: &[&str]| {
            let arguments: Vec<_> = ["-headless", "--width=1366", "--height=768"].iter().chain(further).collect();
            json!({ "moz:firefoxOptions": { "binary": "/usr/bin/firefox-esr", "args": arguments } })
        };
        match self {
            Self::Chromium => chromium(further),
            Self::Firefox => firefox(further),
        }
    }
}

/// Far more than any step takes; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with a profile of its own.
pub(crate) struct Browser {
    pub(crate) client: Client,
    engine: Engine,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// A driver's own command: where it is asked for, and with what.
#[derive(Debug)]
struct OwnCommand(&'static str, Value);

impl WebDriverCompatibleCommand for OwnCommand {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.1.to_string()))
    }
}

/// The answer to what was perhaps asked at the very moment the page was left: then the next one is asked.
async fn asked<T>(ask: impl AsyncFn() -> Result<T, CmdError>) -> Result<T, CmdError> {
    let until = time::Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        let is_left = matches!(&answer, Err(CmdError::NotW3C(said)) if said == "aborted by navigation");
        if !is_left || time::Instant::now() > until {
            return answer;
        }
    }
}

impl Browser {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// The same with further arguments.
    pub(crate) async fn open_with(further: &[&str]) -> Self {
        Self::open_under(None, further).await
    }

    /// The same with what lies in this folder in the place of the machine's own settings: in a mount namespace of its own, as root.
    pub(crate) async fn open_under(settings: Option<&Path>, further: &[&str]) -> Self {
        Self::start(Engine::Chromium, settings, further).await
    }

    /// The other browser.
    pub(crate) async fn open_in(engine: Engine) -> Self {
        Self::start(engine, None, &[]).await
    }

    async fn start(engine: Engine, settings: Option<&Path>, further: &[&str]) -> Self {
        let port = ports::address().port();
        let profile = tempfile::tempdir().unwrap();
        let plain = engine.driver(port, profile.path());
        let mut command = match settings {
            None => plain,
            Some(folder) => {
                let mut command = Command::new("unshare");
                let lay_over = r#"mount --bind "$1" /etc/chromium && shift && exec "$@""#;
                command.args(["--mount", "sh", "-c", lay_over, "sh"]).arg(folder).arg(plain.get_program()).args(plain.get_args());
                command
            }
        };
        let driver = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own, so that the browser ends with it even if the test fails.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("the driver of {engine:?}: {error}; tests/run installs it"));
        let mut driver = Driver(driver);
        let ready = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                assert!(driver.0.try_wait().unwrap().is_none(), "the driver has ended");
                time::sleep(Duration::from_millis(20)).await;
            }
        };
        time::timeout(PATIENCE, ready).await.unwrap();
        let Value::Object(wanted) = engine.capabilities(profile.path(), further) else { unreachable!("it is an object") };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { client, engine, _driver: driver, _profile: profile }
    }

    /// Ends a test: whatever it did, the browser had nothing to complain of.
    pub(crate) async fn close(self) {
        assert_eq!(self.complaints().await, [""; 0]);
        self.client.close().await.unwrap();
    }

    /// Shows the page; the first time somebody signs in before, with the keyboard.
    pub(crate) async fn visit(&self, counter: &Counter) {
        self.visit_at(counter.address).await;
    }

    /// The same for a page that is not a fixture's: its first account has the same PIN.
    pub(crate) async fn visit_at(&self, address: SocketAddr) {
        self.client.goto(&format!("http://{address}/")).await.unwrap();
        self.see("#o-nhap, #o-ai").await;
        if !self.client.find_all(Locator::Css("#o-ai")).await.unwrap().is_empty() {
            self.sign_in().await;
        }
    }

    /// Signs in with the keyboard, where the page asks who it is.
    pub(crate) async fn sign_in(&self) {
        // What is typed before the page has the focus is lost.
        self.until("document.activeElement?.id === 'o-ai'").await;
        self.keys("1").await;
        self.enter().await;
        self.until("document.activeElement?.id === 'o-pin'").await;
        self.keys(counter::PIN).await;
        self.enter().await;
        self.see("#o-nhap").await;
    }

    /// Keys as they come from a reader: to whatever has the focus.
    pub(crate) async fn keys(&self, text: &str) {
        self.client.active_element().await.unwrap().send_keys(text).await.unwrap();
    }

    pub(crate) async fn enter(&self) {
        self.keys(&Key::Enter.to_string()).await;
    }

    /// A key with others held down, as a person presses them.
    pub(crate) async fn chord(&self, modifier: &str, key: &str) {
        let named = |name: &str| match name {
            "control" => Key::Control.into(),
            "alt" => Key::Alt.into(),
            "shift" => Key::Shift.into(),
            "delete" => Key::Delete.into(),
            "home" => Key::Home.into(),
            "left" => Key::Left.into(),
            "F1" => Key::F1.into(),
            "F3" => Key::F3.into(),
            "F5" => Key::F5.into(),
            "F6" => Key::F6.into(),
            "F10" => Key::F10.into(),
            "F11" => Key::F11.into(),
            "F12" => Key::F12.into(),
            letter => letter.chars().next().unwrap(),
        };
        let held: Vec<char> = [modifier].into_iter().chain(key.split('+').filter(|part| !part.is_empty())).map(named).collect();
        let down = held.iter().map(|value| KeyAction::Down { value: *value });
        let up = held.iter().rev().map(|value| KeyAction::Up { value: *value });
        let actions = down.chain(up).fold(KeyActions::new("keys".to_owned()), |actions, action| actions.then(action));
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Waits until an element is there.
    pub(crate) async fn see(&self, selector: &str) -> fantoccini::elements::Element {
        match asked(async || self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await).await {
            Ok(element) => element,
            Err(error) => panic!("{selector}: {error}; the page: {}", self.client.source().await.unwrap()),
        }
    }

    pub(crate) async fn ask(&self, script: &str) -> Value {
        asked(async || self.client.execute(script, Vec::new()).await).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until an expression holds.
    pub(crate) async fn until(&self, expression: &str) {
        // A document that has only just begun has no body and no focus yet.
        let script = format!("try {{ return Boolean({expression}) }} catch (error) {{ return String(error) }}");
        let until = time::Instant::now() + PATIENCE;
        loop {
            let said = self.ask(&script).await;
            if said == true {
                return;
            }
            if time::Instant::now() > until {
                let focus = "return [document.activeElement.outerHTML.slice(0, 200), document.getElementById('o-nhap')?.value, document.getElementById('noi')?.textContent]";
                panic!("never came true: {expression}: {said}; the focus and the input: {}", self.ask(focus).await);
            }
            time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The input has the focus and is empty, or comes to it without anybody's doing.
    pub(crate) async fn check_ready(&self) {
        self.until("document.activeElement.id === 'o-nhap' && document.getElementById('o-nhap').value === ''").await;
    }

    /// Longer than a reader's second Enter takes, by the page's own clock.
    pub(crate) async fn read(&self) {
        let now = self.ask("return performance.now()").await;
        self.until(&format!("performance.now() > {now} + 600")).await;
    }

    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("BHYT_SCREENSHOTS") else { return };
        for (filter, suffix) in [("grayscale(1)", "-grey"), ("", "")] {
            self.ask(&format!("document.documentElement.style.filter = '{filter}'")).await;
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(PathBuf::from(&folder).join(format!("{name}{suffix}.png")), picture).unwrap();
        }
    }

    /// What the browser refused to load or run and what the script threw since the last time this was asked, on every page since; and what the
    /// page of now asked of others.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let mut complaints = match self.engine {
            Engine::Chromium => self.driver_s_log().await,
            Engine::Firefox => self.console().await,
        };
        let others = "return performance.getEntriesByType('resource').map(r => r.name).filter(name => !name.startsWith(location.origin))";
        complaints.extend(self.ask(others).await.as_array().unwrap().iter().map(Value::to_string));
        complaints
    }

    /// Waits for a complaint; those that came before it are forgotten.
    pub(crate) async fn hear(&self, wanted: &str) {
        let heard = async {
            while !self.complaints().await.iter().any(|complaint| complaint.contains(wanted)) {
                time::sleep(Duration::from_millis(20)).await;
            }
        };
        time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("never heard: {wanted}"));
    }

    /// What stands in the browser's console: it is kept from before the page's first byte, and no page can alter it.
    async fn driver_s_log(&self) -> Vec<String> {
        let log = self.client.issue_cmd(OwnCommand("se/log", json!({ "type": "browser" }))).await.unwrap();
        // Remarks are no complaints, nor are answers other than 200: the page refuses on purpose.
        let is_complaint = |entry: &&Value| entry["level"] != "INFO" && entry["source"] != "network";
        log.as_array().unwrap().iter().filter(is_complaint).map(Value::to_string).collect()
    }

    /// The same of the other browser, which keeps it inside, together with its own remarks on its own pages.
    async fn console(&self) -> Vec<String> {
        let inside = |context: &str| OwnCommand("moz/context", json!({ "context": context }));
        self.client.issue_cmd(inside("chrome")).await.unwrap();
        let kept = "const kept = Services.console.getMessageArray().map(String).filter(text => /https?:/.test(text));
            Services.console.reset();
            return kept;";
        let kept = self.ask(kept).await;
        self.client.issue_cmd(inside("content")).await.unwrap();
        kept.as_array().unwrap().iter().map(Value::to_string).collect()
    }

    /// A command of Chromium's own tools.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.client.issue_cmd(OwnCommand("goog/cdp/execute", json!({ "cmd": command, "params": parameters }))).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receptionist_s_morning() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.see("#o-nhap").await;
    browser.check_ready().await;
    browser.picture("1-empty").await;

    // A scan, with the two Enters that readers send.
    browser.keys(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    let both = format!("{}{}", Key::Enter, Key::Enter);
    browser.keys(&both).await;
    let answer = browser.see("#ket-qua[data-standing=valid] #cau-tra-loi").await;
    assert_eq!(answer.text().await.unwrap(), "CÒN HẠN");
    browser.check_ready().await;
    assert_eq!(counter.desk.today().await.unwrap().len(), 0, "the second Enter saved nothing");
    browser.picture("2-valid").await;

    browser.read().await;
    browser.enter().await;
    let said = browser.see("#da-luu").await.text().await.unwrap();
    assert!(said.contains("ĐÃ LƯU lượt số 1"), "{said}");
    browser.see("#hom-nay tr[data-delivery=pending]").await;
    browser.see("#trang-thai[data-pending='1']").await;
    browser.check_ready().await;
    browser.picture("3-saved").await;

    // The delivery shows by itself, without a letter of what is being typed being lost.
    browser.keys("GD42201000").await;
    let id = counter.desk.today().await.unwrap()[0].visit.content.id;
    let received_at = counter::NOW.parse().unwrap();
    let outcome = ReceiptOutcome::Held { reference: "R-77".into(), received_at, duplicate: false };
    counter.visits.store_receipts(vec![Receipt { id, revision: Revision::FIRST, outcome }], received_at).await.unwrap();
    let begun = time::Instant::now();
    browser.see("#hom-nay tr[data-delivery=delivered]").await;
    // Long before the stream's next beat.
    assert!(begun.elapsed() < bounds::at_once(), "{:?}", begun.elapsed());
    browser.see("#trang-thai[data-pending='0']").await;
    browser.keys("00002").await;
    assert_eq!(browser.ask("return document.getElementById('o-nhap').value").await, json!(counter::EXPIRED));
    browser.enter().await;
    browser.see("#ket-qua[data-standing=expired]").await;
    browser.check_ready().await;
    browser.close().await;
}

/// Somebody was looked up whom the province is asked about.
async fn asking() -> (Counter, Browser) {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.keys(counter::UNKNOWN).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=not_covered] #hoi-tinh[data-question=open]").await;
    (counter, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_province_s_answer_takes_the_place_of_the_disk_s() {
    let (counter, browser) = asking().await;
    browser.check_ready().await;
    browser.picture("21-asking").await;
    let token = browser.ask("return document.querySelector('[name=luot]').value").await;
    // What is being typed meanwhile stays.
    browser.keys("GD42").await;
    counter.province_answers().await;
    browser.see("#ket-qua[data-standing=valid].vua-moi").await;
    let now = browser
        .ask("return [document.querySelector('#hoi-tinh') === null, document.getElementById('o-nhap').value, document.querySelector('[name=luot]').value]")
        .await;
    assert_eq!((&now[0], &now[1]), (&json!(true), &json!("GD42")));
    assert_ne!(now[2], token);
    let said = browser.see("#bao-tinh[aria-live=polite]").await.text().await.unwrap();
    assert!(said.contains("Tỉnh vừa trả lời"), "{said}");
    browser.picture("22-improved").await;
    browser.ask("document.getElementById('o-nhap').value = ''").await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!((today.len(), &*today[0].visit.content.verdict.standing), (1, "valid"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_choosing_when_the_province_answers_stays_at_the_choice() {
    let (counter, browser) = asking().await;
    let held = "document.querySelector('#lua-chon [name=doi_tuong]')";
    browser.ask(&format!("document.querySelector('#lua-chon details').open = true; window.held = {held}; held.focus()")).await;
    counter.province_answers().await;
    browser.see("#ket-qua[data-standing=valid].vua-moi").await;
    let now = browser.ask(&format!("return [{held} !== window.held, document.activeElement === {held}]")).await;
    assert_eq!(now, json!([true, true]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_is_read_from_two_metres() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    for (text, standing, picture) in [
        (counter::VALID, "valid", "4-number-only"),
        (counter::EXPIRED, "expired", "5-expired"),
        (counter::REVOKED, "revoked", "6-revoked"),
        (counter::ARMY, "managed_elsewhere", "7-papers"),
        (counter::UNKNOWN, "not_covered", "8-not-covered"),
        (&differs, "valid", "9-differs"),
        (counter::ODD, "valid", "10-odd"),
    ] {
        browser.keys(text).await;
        browser.enter().await;
        browser.see(&format!("#ket-qua[data-standing={standing}]")).await;
        browser.picture(picture).await;
        browser.check_ready().await;
        let size = browser.ask("return parseFloat(getComputedStyle(document.getElementById('cau-tra-loi')).fontSize)").await;
        assert!(size.as_f64().unwrap() >= 60.0, "{standing}: {size} px");
        let fits = "const box = document.getElementById('phan-quyet').getBoundingClientRect();
            return [box.bottom <= innerHeight, document.documentElement.scrollWidth <= innerWidth]";
        assert_eq!(browser.ask(fits).await, json!([true, true]), "{standing} is seen without scrolling");
    }
    browser.keys("1234567").await;
    browser.enter().await;
    browser.see("#loi[data-label='payload:length']").await;
    browser.check_ready().await;
    browser.picture("11-unreadable").await;
    browser.close().await;
}

/// Scrolls each part into view as a person would and looks for one that another part lies over; gives what lies there.
pub(crate) const COVERED: &str = "
    const bad = [];
    for (const selector of ['#khac-nguoi', '#phan-quyet', '#nguoi', '#loi-nhac', '#can-cu', '#nhac-luu']) {
        const part = document.querySelector(selector);
        if (!part) continue;
        for (const block of ['nearest', 'start', 'end']) {
            part.scrollIntoView({ block, behavior: 'instant' });
            const box = part.getBoundingClientRect();
            for (const across of [0.05, 0.5, 0.95]) for (const down of [0.05, 0.5, 0.95]) {
                const [x, y] = [box.left + box.width * across, box.top + box.height * down];
                if (y < 1 || y > innerHeight - 1) continue;
                const top = document.elementFromPoint(x, y);
                if (!top || !(part.contains(top) || top.contains(part))) bad.push(selector + ' under ' + (top && (top.id || top.className)));
            }
        }
    }
    scrollTo(0, 0);
    return bad;";

/// Which of the parts end above the lower edge of the window when nothing is scrolled.
const SEEN: &str = "
    scrollTo(0, 0);
    return ['#khac-nguoi', '#phan-quyet', '#nguoi div:nth-child(4)']
        .filter(selector => document.querySelector(selector)?.getBoundingClientRect().bottom <= innerHeight);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_browser_complains_of_is_heard() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.see("#o-nhap").await;
    assert_eq!(browser.complaints().await, [""; 0]);
    for (script, wanted) in [
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))", "Content Security Policy"),
        ("new Image().src = 'http://127.0.0.1:9/x.png'", "Content Security Policy"),
        ("setTimeout(() => { throw new Error('thrown by the test') })", "thrown by the test"),
    ] {
        browser.ask(script).await;
        browser.hear(wanted).await;
        // Of another page: what was said there is not forgotten on the way.
        browser.visit(&counter).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_lies_over_the_verdict_on_a_small_screen() {
    let counter = Counter::running().await;
    counter.set_aside(&["20261121T030000Z-visits.db", "20261121T030000Z-cards.db"]);
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let differs = counter::payload("LÊ THỊ KHÁC", "03/09/1985");
    let mismatch = ["#khac-nguoi", "#phan-quyet", "#nguoi div:nth-child(4)"];
    for (width, height, text, seen, picture) in [
        (1366, 768, differs.as_str(), &mismatch[..], "13-small-differs"),
        (1366, 768, counter::LONG, &mismatch[1..], "14-small-long"),
        (1280, 900, counter::LONG, &mismatch[1..], "15-medium-long"),
        (800, 600, differs.as_str(), &mismatch[..2], "16-tiny-differs"),
        (800, 600, counter::VALID, &mismatch[1..2], "17-tiny-valid"),
        (800, 600, counter::LONG, &mismatch[1..2], "18-tiny-long"),
    ] {
        browser.client.set_window_size(width, height).await.unwrap();
        browser.until(&format!("outerWidth === {width} && outerHeight === {height}")).await;
        browser.keys(text).await;
        browser.enter().await;
        browser.see("#ket-qua[data-standing=valid]").await;
        browser.check_ready().await;
        browser.picture(picture).await;
        assert_eq!(browser.ask(COVERED).await, json!([]), "{picture}");
        let found = browser.ask(SEEN).await;
        let sizes = browser.ask("return [innerWidth, innerHeight, document.documentElement.scrollWidth]").await;
        for part in seen {
            assert!(found.as_array().unwrap().contains(&json!(part)), "{picture}: {part} is not seen at once: {found}, {sizes}");
        }
        assert!(sizes[2].as_u64() <= sizes[0].as_u64(), "{picture}: {sizes}");
        let labels = browser.ask("return document.querySelectorAll('#trang-thai [data-label]').length").await;
        assert_eq!(labels, json!(2), "every notice is on the page");
        browser.visit(&counter).await;
    }
    // What would have been found.
    browser.keys(&differs).await;
    browser.enter().await;
    browser.see("#nhac-luu").await;
    browser.ask("Object.assign(document.getElementById('nhac-luu').style, { position: 'sticky', bottom: '0' })").await;
    assert_ne!(browser.ask(COVERED).await, json!([]), "a bar that sticks lies over something");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_the_day_s_list_is_broken() {
    let counter = Counter::running().await;
    let long = counter::payload("CÔNG TẰNG TÔN NỮ THỊ NGUYỄN HOÀNG THANH PHƯƠNG THẢO NGUYÊN NGỌC", "12/12/1955");
    let elsewhere = long.replace(counter::VALID, counter::UNKNOWN).replace("22 - 001", "01 - 001");
    for text in [counter::LONG, counter::VALID, counter::ARMY, &long, &elsewhere] {
        let lookup = counter.desk.look_up(text).await.unwrap();
        counter.desk.check_in(&lookup).await.unwrap();
    }
    let oldest = counter.desk.today().await.unwrap().last().unwrap().visit.content.id;
    let received_at = counter::NOW.parse().unwrap();
    let outcome = ReceiptOutcome::Held { reference: "HS-2026-11-0123456789abcdef".into(), received_at, duplicate: false };
    counter.visits.store_receipts(vec![Receipt { id: oldest, revision: Revision::FIRST, outcome }], received_at).await.unwrap();
    let browser = Browser::open().await;
    for (width, picture) in [(1366, "19-list"), (1024, "20-list-narrow")] {
        browser.client.set_window_size(width, 768).await.unwrap();
        browser.until(&format!("outerWidth === {width}")).await;
        browser.visit(&counter).await;
        browser.see("#hom-nay tr:nth-child(5)").await;
        browser.picture(picture).await;
        let broken = "
            const broken = [];
            for (const cell of document.querySelectorAll('#hom-nay tr:not(.vi-sao) td')) {
                for (const text of cell.childNodes) for (const node of [text, ...text.childNodes]) {
                    if (node.nodeType !== Node.TEXT_NODE || node.parentNode.matches('.gui span')) continue;
                    for (const word of node.data.matchAll(/[^\\s]+/g)) {
                        const range = document.createRange();
                        range.setStart(node, word.index);
                        range.setEnd(node, word.index + word[0].length);
                        if (range.getClientRects().length > 1) broken.push(word[0]);
                    }
                }
            }
            const list = document.getElementById('hom-nay');
            return [broken, list.scrollWidth <= list.clientWidth, list.textContent.includes('Chưa tra được')]";
        assert_eq!(browser.ask(broken).await, json!([[], true, true]), "{picture}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cursor_stays_and_an_end_is_seen() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    // Clicked elsewhere, and typed with the focus elsewhere.
    browser.see("#hom-nay h2").await.click().await.unwrap();
    browser.check_ready().await;
    browser.ask("document.getElementById('o-nhap').blur()").await;
    browser.client.find(Locator::Css("body")).await.unwrap().send_keys(counter::VALID).await.unwrap();
    assert_eq!(browser.ask("return document.getElementById('o-nhap').value").await, json!(counter::VALID));
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    // A stopped program is not shown as a calm one.
    assert_eq!(browser.ask("return document.getElementById('mat-ket-noi').hidden").await, json!(true));
    counter.stop.cancel();
    browser.until("!document.getElementById('mat-ket-noi').hidden").await;
    browser.picture("12-gone").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_visit_is_corrected_at_the_keyboard_and_delivered_and_no_scan_goes_astray() {
    let counter = Counter::running().await;
    let id = counter.desk.check_in(&counter.desk.look_up(counter::UNKNOWN).await.unwrap()).await.unwrap().id;
    super::correct::refuse(&counter, id, 1, "no_identity").await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let heading = browser.see("#hom-nay .viec summary").await;
    browser.check_ready().await;
    // A scan while the focus rests on a heading of the list is a scan.
    browser.ask("document.querySelector('.viec summary').focus()").await;
    browser.keys("GD4220100").await;
    assert_eq!(browser.ask("return document.getElementById('o-nhap').value").await, json!("GD4220100"));
    browser.ask("document.getElementById('o-nhap').value = ''").await;

    // Opened with the keyboard, the field has the focus and keeps it; the list does not change under the hand.
    browser.ask("document.querySelector('.viec summary').focus()").await;
    browser.enter().await;
    browser.until("document.activeElement.className === 'so-dung'").await;
    browser.keys("GD42201").await;
    let other = counter.desk.look_up(counter::EXPIRED).await.unwrap();
    counter.desk.check_in(&other).await.unwrap();
    browser.see("#trang-thai[data-pending='1']").await;
    let typed = "document.activeElement.className === 'so-dung' && document.activeElement.value === 'GD42201'";
    browser.until(typed).await;
    assert_eq!(browser.ask("return document.querySelectorAll('#hom-nay tr[data-delivery=pending]').length").await, json!(0));
    assert_eq!(browser.ask("return document.getElementById('o-nhap').value").await, json!(""));
    browser.picture("12-correcting").await;
    assert!(heading.is_displayed().await.unwrap());
    browser.keys("00000001").await;
    let both = format!("{}{}", Key::Enter, Key::Enter);
    browser.keys(&both).await;
    // Whose it would become stands there first; the second Enter of a reader saved nothing.
    let person = browser.see("#nguoi-moi").await.text().await.unwrap();
    assert!(person.contains("Trần Thị Ví Dụ") && person.contains("022085000001"), "{person}");
    assert_eq!(counter.desk.visit(id).await.unwrap().len(), 1);
    browser.picture("12-whose").await;
    browser.until("document.activeElement.closest('#sua-luot')").await;
    browser.read().await;
    browser.enter().await;
    let said = browser.see("#da-luu[data-saved=corrected]").await.text().await.unwrap();
    assert!(said.contains("Trần Thị Ví Dụ"), "{said}");
    assert_eq!(counter.desk.visit(id).await.unwrap().len(), 2, "the second Enter corrected nothing");
    browser.check_ready().await;

    let received_at = counter::NOW.parse().unwrap();
    let outcome = ReceiptOutcome::Held { reference: "R-78".into(), received_at, duplicate: false };
    counter.visits.store_receipts(vec![Receipt { id, revision: Revision(2), outcome }], received_at).await.unwrap();
    browser.see("#hom-nay tr[data-delivery=delivered]").await;
    browser.see("#trang-thai[data-parked='0'][data-pending='1']").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_found_by_name_chosen_and_saved_with_the_keyboard_alone() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.see("#o-nhap").await;
    browser.check_ready().await;
    browser.keys("le van hte 1970").await;
    browser.enter().await;
    browser.see("#ung-vien[data-search=found] tr[data-number='1'][data-name=letter][data-born=year]").await;
    browser.check_ready().await;
    browser.picture("31-candidates").await;
    let fits = "const box = document.getElementById('ung-vien').getBoundingClientRect();
        return [box.bottom <= innerHeight, document.documentElement.scrollWidth <= innerWidth, location.pathname + location.search]";
    assert_eq!(browser.ask(fits).await, json!([true, true, "/"]), "seen without scrolling, and nothing in the address");

    // Escape leaves, and nothing waits any more.
    browser.keys(&Key::Escape.to_string()).await;
    browser.until("document.getElementById('ung-vien') === null").await;
    browser.check_ready().await;

    browser.keys("tran thi vi di 1985").await;
    browser.enter().await;
    browser.see("#ung-vien[data-search=found]").await;
    browser.check_ready().await;
    // Tab and Enter reach the same button that the digit stands for.
    browser.keys(&Key::Tab.to_string()).await;
    browser.until("document.activeElement.id !== 'o-nhap'").await;
    browser.keys("1").await;
    browser.until("document.activeElement.id === 'o-nhap' && document.getElementById('o-nhap').value === '1'").await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid][data-identity=name_differs]").await;
    browser.check_ready().await;
    browser.picture("32-chosen").await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!((today.len(), &*today[0].visit.content.verdict.standing), (1, "valid"));

    // By the button, as somebody does who goes from one to the next by Tab.
    browser.keys("tran thi vi du 02/09/1985").await;
    browser.enter().await;
    browser.see("#ung-vien").await;
    browser.ask("document.querySelector('#ung-vien button').focus()").await;
    browser.enter().await;
    browser.see("#ket-qua[data-identity=not_checked]").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_looks_through_the_renewals_and_prints_them() {
    let counter = Counter::running().await;
    counter
        .publish(1842, |rows| {
            rows[0].set(Column::ValidUntil, Some("2026-11-25".into()));
            rows[1].set(Column::ValidUntil, Some("2026-11-01".into()));
        })
        .await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.see("footer a[href='/gia-han']").await.click().await.unwrap();
    browser.see("#sap-het tr[data-urgency=pressing]").await;
    browser.picture("31-renewals").await;
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.ask(fits).await, json!(true));
    // A choice leaves no trace in the address.
    browser.see("select[name=moc]").await.select_by_value("da-het").await.unwrap();
    browser.see("#chon button").await.click().await.unwrap();
    browser.see("#so-nguoi[data-count='1']").await;
    assert_eq!(browser.client.current_url().await.unwrap().path(), "/gia-han");
    assert_eq!(browser.client.current_url().await.unwrap().query(), None);
    assert!(browser.see("#sap-het").await.text().await.unwrap().contains("Lê Văn Hết"));
    browser.see("button[formaction='/gia-han/ban-in']").await.click().await.unwrap();
    browser.see("[data-print]").await;
    assert_eq!(browser.ask("return document.querySelectorAll('#sap-het tbody tr').length").await, json!(1));
    // The button asks the browser to print: a headless one has nobody to ask, so that it is asked is what is seen.
    browser.ask("window.print = () => { document.body.dataset.asked = '1'; }").await;
    browser.see("[data-print]").await.click().await.unwrap();
    browser.see("body[data-asked='1']").await;
    let shown = browser.client.print(PrintConfiguration::default()).await.unwrap();
    assert!(shown.starts_with(b"%PDF"));
    if let Some(folder) = std::env::var_os("BHYT_SCREENSHOTS") {
        std::fs::write(PathBuf::from(folder).join("32-renewals.pdf"), &shown).unwrap();
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_changes_hands_with_one_key_and_what_is_locked_leaves_the_screen() {
    let counter = Counter::running().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let browser = Browser::open().await;
    browser.client.goto(&format!("http://{}/", counter.address)).await.unwrap();
    browser.see(".chon-nguoi button").await;
    browser.until("document.activeElement.id === 'o-ai'").await;
    browser.picture("23-sign-in").await;
    browser.visit(&counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.read().await;

    // One key, then number and PIN: nothing was saved for anybody.
    browser.keys(&Key::F3.to_string()).await;
    // What is typed before the page has the focus is lost.
    browser.until("document.activeElement?.id === 'o-ai'").await;
    let both = format!("{second}{}{}", Key::Enter, Key::Enter);
    browser.keys(&both).await;
    browser.see("#o-pin").await;
    browser.until("document.activeElement.id === 'o-pin'").await;
    browser.picture("24-pin").await;
    browser.keys("135246").await;
    browser.enter().await;
    let said = browser.see("#nguoi-truc[data-vai-tro=reception]").await.text().await.unwrap();
    assert!(said.contains("Lê Thị Hai"), "{said}");
    browser.check_ready().await;
    assert_eq!(counter.desk.today().await.unwrap().len(), 0);

    // Locked from elsewhere while a verdict stands on the screen: it leaves by itself, and comes back with the PIN.
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    counter.desk.set_pin(second, Pin::parse("864209").unwrap()).await.unwrap();
    let said = browser.see("#dang-khoa").await.text().await.unwrap();
    assert!(said.contains("Lê Thị Hai"), "{said}");
    assert!(!browser.client.source().await.unwrap().contains("Trần Thị"), "nobody of the day is on it");
    browser.picture("25-locked").await;
    browser.until("document.activeElement.id === 'o-pin'").await;
    browser.keys("864209").await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.check_ready().await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chart_is_drawn_and_what_is_left_is_counted_down() {
    let counter = Counter::running().await;
    counter.desk.note_coverage().await.unwrap();
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#dem-nguoc").await;
    // As of 07:00 of the day, now 10:00: 33 hours are left until the data are 36 hours old.
    browser.until("/\\((32:5\\d|33:00):\\d\\d\\)/.test(document.getElementById('dem-nguoc').textContent)").await;
    let first = browser.ask("return document.getElementById('dem-nguoc').textContent").await;
    browser.until(&format!("document.getElementById('dem-nguoc').textContent !== {first}")).await;
    // When nothing is left, that is what is said.
    browser.ask("document.getElementById('dem-nguoc').dataset.left = '0'").await;
    browser.until("document.getElementById('dem-nguoc').textContent.includes('Dữ liệu thẻ đã cũ thêm')").await;
    browser.see("footer a[href='/bao-phu']").await.click().await.unwrap();
    let chart = browser.see("#bieu-do").await;
    browser.picture("33-coverage").await;
    let size = browser.ask("const box = document.getElementById('bieu-do').getBoundingClientRect(); return [box.width, box.height]").await;
    assert!(size[0].as_f64().unwrap() > 500.0 && size[1].as_f64().unwrap() > 150.0, "{size}");
    // The line and the ground are told apart without colours.
    let stroke =
        "const of = (s) => getComputedStyle(document.querySelector('#bieu-do ' + s)).strokeWidth; return [of('.ty-le'), of('.luoi')]";
    assert_eq!(browser.ask(stroke).await, json!(["4px", "1px"]));
    assert!(chart.attr("aria-labelledby").await.unwrap().is_some());
    browser.close().await;
}
