//! Word of changes, as a page gets it: the stream itself, byte by byte, and a page in a real browser that asks for nothing until it is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;
use super::tab::Tab;
use super::tab::saved;
use crate::support::bounds;

/// Two beats and more.
const PATIENCE: Duration = Duration::from_secs(45);

/// With it the answer is over, though not the connection.
const LAST_CHUNK: &str = "\r\n0\r\n\r\n";

/// How often the page has asked for its bar.
const ASKED: &str = "performance.getEntriesByType('resource').filter(r => r.name.endsWith('/trang-thai')).length";

struct Stream(TcpStream, String);

impl Stream {
    async fn open(counter: &Counter, cookie: &str) -> Self {
        let mut stream = TcpStream::connect(counter.address).await.unwrap();
        let head = format!("GET /su-kien HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\r\n", counter.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream, String::new())
    }

    /// Reads on until this has come; what came since the last time.
    async fn until(&mut self, text: &str) -> String {
        let read = async {
            while !self.1.contains(text) {
                let mut bytes = [0; 1024];
                let length = self.0.read(&mut bytes).await.unwrap();
                assert_ne!(length, 0, "the end: {}", self.1);
                self.1.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        };
        time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{text} never came: {}", self.1));
        core::mem::take(&mut self.1)
    }
}

async fn check_in(counter: &Counter, number: &str) {
    let lookup = counter.desk.look_up(number).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap();
}

#[tokio::test]
async fn a_change_is_told_by_the_part_and_nothing_of_it_and_silence_has_a_beat() {
    let counter = Counter::open().await;
    let tab = Tab::open(&counter).await;
    let mut stream = Stream::open(&counter, tab.cookie.as_ref().unwrap()).await;
    let head = stream.until("data: hom-nay").await;
    for header in ["text/event-stream", "no-store", "default-src 'none'", "nosniff"] {
        assert!(head.contains(header), "{head}");
    }
    let begun = time::Instant::now();
    check_in(&counter, counter::VALID).await;
    let told = stream.until("data: hom-nay").await;
    assert!(begun.elapsed() < bounds::at_once(), "{:?}", begun.elapsed());
    for told in [told, stream.until("event: nhip").await] {
        assert!(!told.contains("Trần") && !told.contains("GD4") && told.len() < 100, "{told}");
    }
    // Only the bar has changed.
    counter.clock.advance(Duration::from_mins(61));
    assert!(!stream.until("data: trang-thai").await.contains("hom-nay"));
}

#[tokio::test]
async fn streams_are_few_and_end_at_once_at_a_stop() {
    let mut counter = Counter::open().await;
    let tab = Tab::open(&counter).await;
    let cookie = tab.cookie.clone().unwrap();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = Stream::open(&counter, &cookie).await;
        stream.until("data: hom-nay").await;
        streams.push(stream);
    }
    Stream::open(&counter, &cookie).await.until("HTTP/1.1 204").await;
    drop(streams.pop());
    let again = async {
        loop {
            let mut stream = Stream::open(&counter, &cookie).await;
            if stream.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    time::timeout(PATIENCE, again).await.expect("a stream given back is free");
    let begun = time::Instant::now();
    counter.stop.cancel();
    (&mut counter.serving).await.unwrap().unwrap();
    assert!(begun.elapsed() < bounds::stop(), "{:?}: no stream holds up the stop", begun.elapsed());
    let mut rest = Vec::new();
    streams[0].0.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn a_desk_that_is_locked_or_left_is_told_so_and_then_nothing_more() {
    for way in ["/khoa", "/dang-xuat"] {
        let counter = Counter::open().await;
        let (mut tab, other) = (Tab::open(&counter).await, Tab::open(&counter).await);
        let mut stream = Stream::open(&counter, tab.cookie.as_ref().unwrap()).await;
        let mut others = Stream::open(&counter, other.cookie.as_ref().unwrap()).await;
        for stream in [&mut stream, &mut others] {
            stream.until("data: hom-nay").await;
        }
        let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
        assert_eq!(tab.act_with(way, &token, &[], &[]).await.status, 303);
        let rest = time::timeout(bounds::at_once(), stream.until(LAST_CHUNK)).await.expect("the stream ends");
        assert!(rest.matches("event:").count() == 1 && rest.contains("data: trang-thai"), "{way}: {rest}");
        check_in(&counter, counter::VALID).await;
        assert!(!others.until("data: hom-nay").await.is_empty(), "the other desk's goes on");
    }
}

async fn break_line(counter: &mut Counter) {
    counter.stop.cancel();
    (&mut counter.serving).await.unwrap().unwrap();
}

/// How often desks were locked, as the access log has it.
async fn locked(counter: &Counter) -> usize {
    counter.desk.access_log(1000).await.unwrap().iter().filter(|line| line.act == "locked").count()
}

#[tokio::test]
async fn a_desk_that_locks_itself_is_told_to_its_page_and_written_down_whoever_sees_it_first() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    let mut stream = Stream::open(&counter, tab.cookie.as_ref().unwrap()).await;
    stream.until("data: hom-nay").await;
    assert_eq!(locked(&counter).await, 0);
    counter.clock.advance(Duration::from_mins(5));
    assert!(!stream.until("data: trang-thai").await.contains("hom-nay"));
    assert_eq!(locked(&counter).await, 1, "the stream has seen it first");
    assert_eq!(tab.get("/trang-thai").await.attribute("data-phien"), Some("locked"));
    assert_eq!(tab.get("/hom-nay").await.status, 401);
    assert_eq!(locked(&counter).await, 1, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_whose_desk_was_locked_leaves_the_screen_also_when_its_list_is_behind() {
    let counter = Counter::running().await;
    check_in(&counter, counter::VALID).await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.until("performance.getEntriesByType('resource').some(r => r.name.endsWith('/trang-thai'))").await;
    assert!(browser.client.source().await.unwrap().contains("Trần Thị Ví Dụ"));
    // As from another tab of this browser; the page that stands here has not done it.
    let lock = "const bieu_mau = document.querySelector('[name=bieu_mau]').value;
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
        fetch('/khoa', { method: 'POST', headers, body: 'bieu_mau=' + bieu_mau, redirect: 'manual' })";
    browser.ask(&format!("{lock}; return null")).await;
    let begun = time::Instant::now();
    check_in(&counter, counter::EXPIRED).await;
    browser.see("#dang-khoa").await;
    assert!(begun.elapsed() < bounds::at_once(), "{:?}", begun.elapsed());
    assert!(!browser.client.source().await.unwrap().contains("Ví Dụ"));
    browser.close().await;
}

/// It had been told of the change already, and showed an old list under "nobody answers" until the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nobody_answered_is_asked_again_although_the_stream_is_there() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.until(&format!("{ASKED} >= 2")).await;
    // Until every word of this one change was told.
    let fails = "const [real, until] = [fetch, performance.now() + 4000];
        window.failed = 0;
        window.fetch = (to, ...more) => {
            const isLate = to === '/trang-thai' && performance.now() < until;
            failed += isLate;
            return isLate ? Promise.reject(new Error('too late')) : real(to, ...more);
        };";
    browser.ask(fails).await;
    let begun = time::Instant::now();
    check_in(&counter, counter::VALID).await;
    browser.see("#hom-nay tr[data-delivery=pending]").await;
    browser.until("failed > 0 && document.getElementById('mat-ket-noi').hidden").await;
    assert!(begun.elapsed() < Duration::from_secs(4) + bounds::at_once(), "{:?}", begun.elapsed());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_desk_s_visit_appears_by_itself_and_nothing_is_asked_without_need() {
    let mut counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    // It asks once of its own accord and once at the first word of the stream; then it is still.
    browser.until(&format!("{ASKED} >= 2")).await;
    browser.read().await;
    let asked = browser.ask(&format!("return {ASKED}")).await;
    let now = browser.ask("return performance.now()").await;
    browser.until(&format!("performance.now() > {now} + 4000")).await;
    assert_eq!(browser.ask(&format!("return {ASKED}")).await, asked, "while nothing changes nothing is asked");

    let mut other = Tab::open(&counter).await;
    other.enter(counter::VALID).await;
    time::sleep(Duration::from_millis(400)).await;
    let begun = time::Instant::now();
    other.enter("").await;
    browser.see("#hom-nay tr[data-delivery=pending]").await;
    println!("another desk's visit is seen after {:?}", begun.elapsed());
    assert!(begun.elapsed() < bounds::at_once(), "{:?}", begun.elapsed());
    assert_eq!(saved(&counter).await, 1);

    // Asleep, it asks nothing; awake, it asks at once what it has missed.
    browser.ask("Object.defineProperty(document, 'hidden', { get: () => window.asleep, configurable: true }); window.asleep = true").await;
    check_in(&counter, counter::EXPIRED).await;
    let now = browser.ask("return performance.now()").await;
    browser.until(&format!("performance.now() > {now} + 1500")).await;
    assert_eq!(browser.ask("return document.getElementById('hom-nay').dataset.count").await, json!("1"));
    browser.ask("window.asleep = false; document.dispatchEvent(new Event('visibilitychange'))").await;
    browser.until("document.getElementById('hom-nay').dataset.count === '2'").await;

    // The line breaks: the page says so, asks less and less often, and goes on by itself when somebody answers again at the same address.
    break_line(&mut counter).await;
    browser.until("!document.getElementById('mat-ket-noi').hidden").await;
    counter.mend_line();
    browser.until("document.getElementById('mat-ket-noi').hidden").await;
    check_in(&counter, counter::LONG).await;
    browser.until("document.getElementById('hom-nay').dataset.count === '3'").await;
    // Another process answers, in which nobody has signed in: the page makes room for the way in by itself, and goes on after it.
    break_line(&mut counter).await;
    browser.until("!document.getElementById('mat-ket-noi').hidden").await;
    counter.reopen_page(counter.address).await;
    browser.see("#o-ai").await;
    browser.visit(&counter).await;
    check_in(&counter, counter::ARMY).await;
    browser.until("document.getElementById('hom-nay').dataset.count === '4'").await;
    // What could not be fetched meanwhile stands in the console; that is no complaint of the page's.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|entry| entry.contains("ERR_CONNECTION_REFUSED")), "{complaints:?}");
    browser.close().await;
}
