//! The full-screen browser of a station, with the policy we hand out: whatever is typed or opened, it stays on the page. The policy is laid over
//! `/etc/chromium` in a mount namespace of the browser's own, so that no other browser of this machine sees it: needs root, and says so otherwise.
//!
//! Without a screen there is no address bar, menu or dialog, and keys that the browser itself takes reach nobody: of those it is shown only that the page
//! does not act on them. What they would open (files, view-source, developer tools, settings) is tried by address, which the same policy forbids.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use serde_json::Value;
use serde_json::json;

use super::browser::Browser;
use super::counter::Counter;
use super::slow_link::skipped;

/// How long what is only the beginning of a part of the browser's frame may look like a window.
const PATIENCE: Duration = Duration::from_secs(15);

/// Addresses that lead off the page.
const ADDRESSES: [&str; 36] = [
    "file:///",
    "file:///etc/passwd",
    "file:///home",
    "file://localhost/etc/hostname",
    "chrome://settings",
    "chrome://version",
    "chrome://flags",
    "chrome://policy",
    "chrome://downloads",
    "chrome://history",
    "chrome://extensions",
    "chrome://net-export",
    "chrome://inspect",
    "chrome://apps",
    "chrome://newtab",
    "chrome://print",
    "chrome://restart",
    "chrome://crash",
    "about:version",
    "about:settings",
    "view-source:http://127.0.0.1:8686/",
    "view-source:file:///etc/passwd",
    "devtools://devtools/bundled/inspector.html",
    "data:text/html,<p id=out>out",
    "http://example.com/",
    "https://example.com/",
    "https://www.google.com/search?q=x",
    "http://127.0.0.1:1/",
    "http://127.0.0.1:631/",
    "http://localhost:22/",
    "http://192.168.1.1/",
    "http://[::1]:8686/",
    "http://127.0.0.2:8686/",
    "ftp://127.0.0.1/",
    "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/index.html",
    "chrome-untrusted://terminal/",
];

/// Keys that lead off a page in a browser with a screen.
const KEYS: [(&str, &str); 24] = [
    ("F1", ""),
    ("F3", ""),
    ("F5", ""),
    ("F6", ""),
    ("F10", ""),
    ("F11", ""),
    ("F12", ""),
    ("control", "u"),
    ("control", "s"),
    ("control", "o"),
    ("control", "n"),
    ("control", "t"),
    ("control", "j"),
    ("control", "h"),
    ("control", "l"),
    ("control", "p"),
    ("control", "shift+i"),
    ("control", "shift+j"),
    ("control", "shift+n"),
    ("control", "shift+delete"),
    ("alt", "d"),
    ("alt", "home"),
    ("alt", "left"),
    ("control", "d"),
];

/// Those of them that the page takes for itself, and where they lead on our own page: another person's turn, and the manual.
const OUR_KEYS: [(&str, &str); 2] = [("F1", "help"), ("F3", "dang-nhap")];

/// Where the parts of the browser's own frame have their addresses.
const FRAME: &str = "chrome://omnibox-popup.top-chrome/";

/// What stands above the input.
const OURS: &str = "Quét mã, gõ số hoặc tên";

/// The policy as handed out, for the port of this test.
fn policy(port: u16, folder: &Path) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/kiosk/policy.json")).unwrap();
    let mut policy: Value = serde_json::from_str(&text.replace("8686", &port.to_string())).unwrap();
    assert_eq!(policy["DeveloperToolsAvailability"], 2);
    // The driver speaks with the browser by way of its developer tools.
    policy["DeveloperToolsAvailability"] = json!(0);
    fs::create_dir_all(folder.join("policies/managed")).unwrap();
    fs::write(folder.join("policies/managed/bhyt.json"), policy.to_string()).unwrap();
}

fn flags() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/kiosk/chromium.flags")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The windows of the browser, without the parts of its own frame: those are pages too, which it makes when it has the time, and shows inside another.
async fn windows(browser: &Browser) -> Vec<WindowHandle> {
    let targets = browser.devtools("Target.getTargets", json!({})).await;
    let is_window = |target: &&Value| target["type"] == "page" && !target["url"].as_str().unwrap().starts_with(FRAME);
    let id = |target: &Value| target["targetId"].as_str().unwrap().to_owned().try_into().unwrap();
    targets["targetInfos"].as_array().unwrap().iter().filter(is_window).map(id).collect()
}

/// Waits until there are no other windows than those that were known. A part of the frame has no address yet at its very beginning; a window that stays is
/// found.
async fn no_further(browser: &Browser, known: &[WindowHandle], cause: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = windows(browser).await;
        if now.iter().all(|window| known.contains(window)) {
            return;
        }
        assert!(Instant::now() < until, "{cause} opened a window: {now:?}, known: {known:?}");
    }
}

/// What another window of the browser shows, if there is one that was not there before: our page, or that it is forbidden. It stays: closing the last one
/// of its kind is refused.
async fn look_at_others(browser: &Browser, known: &mut Vec<WindowHandle>, address: &str) {
    let own = browser.client.window().await.unwrap();
    for window in windows(browser).await {
        if !known.contains(&window) {
            browser.client.switch_to_window(window.clone()).await.unwrap();
            let shown = browser.ask("return [location.href, document.documentElement.innerText.slice(0, 400)]").await;
            let text = shown[1].as_str().unwrap_or_default();
            let is_forbidden = text.trim().is_empty() || text.contains("This page is blocked") || text.contains("ERR_BLOCKED");
            assert!(is_forbidden || text.contains(OURS), "{address}: {shown}");
            known.push(window);
        }
    }
    browser.client.switch_to_window(own).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f51_the_kiosk_s_browser_stays_on_the_page() {
    if !rustix::process::geteuid().is_root() || !Path::new("/etc/chromium").is_dir() {
        return skipped("f51", "needs root and Debian's chromium");
    }
    let counter = Counter::running().await;
    let folder = tempfile::tempdir().unwrap();
    policy(counter.address.port(), folder.path());
    let flags = flags();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let browser = Browser::open_under(Some(folder.path()), &flags).await;
    let home = format!("http://{}/", counter.address);
    browser.visit(&counter).await;
    browser.check_ready().await;

    let (mut blocked, mut known) = (0, vec![browser.client.window().await.unwrap()]);
    look_at_others(&browser, &mut known, "at the start").await;
    for address in ADDRESSES {
        let address = address.replace("8686", &counter.address.port().to_string());
        // Where the browser refuses, the driver says so, or shows the browser's own page about it.
        let refused = browser.client.goto(&address).await;
        let text = browser.ask("return document.documentElement.innerText.slice(0, 400)").await;
        let seen = text.as_str().unwrap_or_default().to_owned();
        let has_stayed = seen.contains(OURS);
        let is_blocked = has_stayed
            || refused.is_err()
            || seen.contains("ERR_BLOCKED_BY_ADMINISTRATOR")
            || seen.contains("This page is blocked")
            || seen.trim().is_empty();
        assert!(is_blocked && !seen.contains("root:"), "{address}: {refused:?} {seen}");
        look_at_others(&browser, &mut known, &address).await;
        blocked += 1;
        browser.visit(&counter).await;
        browser.see("#o-nhap").await;
    }
    browser.check_ready().await;
    for (modifier, key) in KEYS {
        browser.chord(modifier, key).await;
        no_further(&browser, &known, &format!("{modifier} {key}")).await;
        if let Some((_, next)) = OUR_KEYS.iter().find(|(key, _)| *key == modifier) {
            browser.until(&format!("location.href === {}", json!(format!("{home}{next}")))).await;
            browser.visit(&counter).await;
        }
        browser.until(&format!("location.href === {}", json!(home))).await;
        blocked += 1;
    }
    no_further(&browser, &known, "one of the keys").await;
    // What a script or a link could try.
    for script in [
        "window.open('http://example.com/')",
        "window.open('about:blank')",
        "location.href = 'file:///etc/passwd'",
        "const a = document.createElement('a'); a.href = 'data:text/plain,x'; a.download = 'x.txt'; document.body.append(a); a.click()",
    ] {
        browser.ask(script).await;
        let now = browser.ask("return performance.now()").await;
        browser.until(&format!("performance.now() > {now} + 300 || performance.now() < {now}")).await;
        look_at_others(&browser, &mut known, script).await;
        let seen = browser.ask("return document.documentElement.innerText").await;
        assert!(!seen.as_str().unwrap().contains("root:"), "{script}");
        browser.visit(&counter).await;
        blocked += 1;
    }
    browser.keys(&Key::Escape.to_string()).await;
    browser.see("#o-nhap").await;
    println!("{blocked} tries: on the page after each");
    assert!(blocked >= 60, "{blocked}");

    // What would be found: without the policy the same browser goes where it is sent.
    let free = Browser::open_under(None, &flags).await;
    free.client.goto("chrome://version").await.unwrap();
    free.until("document.documentElement.innerText.includes('Chromium')").await;
}
