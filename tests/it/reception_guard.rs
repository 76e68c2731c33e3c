//! What the page refuses, and what it costs to be rude to it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use bhyt_agent::domain::operator::Role;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::counter;
use super::counter::Counter;
use super::counter::READ;
use super::tab::Tab;
use super::tab::between;
use super::tab::saved;
use super::tab::send;
use crate::support::bounds;
use crate::support::wait_for;

const ADDRESSES: [&str; 9] =
    ["/", "/trang-thai", "/hom-nay", "/hom-nay/ca-ngay", "/ca-ngay", "/tinh/x.css", "/nothing", "/tra-cuu", "/tra-cuu/moi"];

/// Every route, read off the router's own text, with something in the place of a name in braces. A route that could be reached without the guard is
/// refused here: all stand before the one layer, in the one router of the page. What else is served has no routes: one answer, behind the same question of who is asked.
pub(super) fn routes() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reception");
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let mut pages = 0;
    for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let text = read(&path);
        match text.matches("Router::new()").count() {
            0 => {}
            routers if path.ends_with("router.rs") => pages += routers,
            routers => check_without_routes(&text, routers).unwrap_or_else(|what| panic!("{}: {what}", path.display())),
        }
    }
    assert_eq!(pages, 1, "one router of the page");
    routes_of(&read(&folder.join("router.rs"))).unwrap()
}

/// A router with one answer to everything, which asks for whom the question is.
fn check_without_routes(text: &str, routers: usize) -> Result<(), String> {
    let hidden = [".route(", ".nest", ".merge(", "_service("].into_iter().find(|hidden| text.contains(hidden));
    match hidden {
        Some(hidden) => Err(format!("{hidden} beside the page's router")),
        None if text.matches("Router::new().fallback(").count() != routers => Err("a router with more than one answer".to_owned()),
        None if !text.contains("is_for_us") => Err("nobody asks for whom a question is".to_owned()),
        None => Ok(()),
    }
}

/// Those of them that change something.
pub(super) fn write_routes() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reception/router.rs")).unwrap();
    let writes = text.lines().filter(|line| line.contains("post("));
    writes.filter_map(|line| between(line, ".route(\"", "\"").map(str::to_owned)).collect()
}

fn routes_of(text: &str) -> Result<Vec<String>, String> {
    let (before, after) = text.split_once("guard::guard))").ok_or("no guard")?;
    for unguarded in [".route(", ".nest", ".merge(", ".fallback", "_service("] {
        if after.contains(unguarded) {
            return Err(format!("{unguarded} after the guard"));
        }
    }
    for hidden in [".nest", ".merge(", "_service("] {
        if before.contains(hidden) {
            return Err(format!("{hidden} hides routes from this test"));
        }
    }
    let mut routes = Vec::new();
    for (at, _) in before.match_indices(".route(") {
        let path = before[at..].split_once('"').and_then(|(_, rest)| rest.split_once('"')).ok_or("a route without its path")?.0;
        let path = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        routes.push(path);
    }
    Ok(routes)
}

/// Forty names and more under which somebody else's page could have this machine asked.
fn foreign_hosts(port: u16) -> Vec<String> {
    let mut hosts: Vec<String> = [
        "evil.example",
        "EVIL.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io",
        "evil.example.",
        "localhost.",
        "LOCALHOST",
        "LocalHost",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "127.0.0.2",
        "192.168.1.1",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "[fe80::1%25lo]",
        "user@127.0.0.1",
        "a:b@localhost",
        "localhost@evil.example",
        "xn--lcalhost-n0a",
        "tram.local",
        "router.lan",
        "%6cocalhost",
        "localhost%00",
        "127.0.0.1%2eevil.example",
        "localhost,evil.example",
    ]
    .into_iter()
    .map(|name| format!("{name}:{port}"))
    .collect();
    let own = ["127.0.0.1", "localhost"];
    hosts.extend(own.iter().map(|name| (*name).to_owned()));
    hosts.extend(own.iter().flat_map(|name| {
        [
            format!("{name}:{}", port ^ 1),
            format!("{name}:80"),
            format!("{name}:0{port}"),
            format!("{name}:{port}."),
            format!("http://{name}:{port}"),
        ]
    }));
    hosts.push(String::new());
    hosts
}

#[tokio::test]
async fn f44_only_our_own_names_are_answered_on_every_route() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let port = counter.address.port();
    let style = format!("/tinh/{}", between(&tab.page.as_ref().unwrap().body, "href=\"/tinh/", "\"").unwrap());
    let hosts = foreign_hosts(port);
    assert!(hosts.len() >= 40, "{}", hosts.len());
    let mut paths = routes();
    assert!(paths.len() > 15 && paths.iter().any(|path| path == "/su-kien"), "{paths:?}");
    paths.extend([style.clone(), "/nothing".to_owned()]);
    let mut refused = 0;
    for path in &paths {
        for host in &hosts {
            for method in ["GET", "POST", "PUT"] {
                let answer = tab.ask(method, path, &[("Host", host)], "").await;
                // An empty or malformed name may be refused before us, with 400.
                assert!(
                    answer.status == 421 || (answer.status == 400 && answer.body.is_empty()),
                    "{method} {path} {host}: {}",
                    answer.status
                );
                assert!(!answer.has("o-nhap") && !answer.has("Mẫu") && answer.header("set-cookie").is_none(), "{method} {path} {host}");
                refused += 1;
            }
        }
        let both = format!("GET {path} HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\nConnection: close\r\n\r\n", counter.address);
        assert!(matches!(send(counter.address, both.as_bytes()).await.status, 400 | 421));
        for target in ["http://evil.example", "https://127.0.0.1", "http://localhost@evil.example"] {
            let target = format!("GET {target}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", counter.address);
            assert!(matches!(send(counter.address, target.as_bytes()).await.status, 400 | 421));
        }
        let none = format!("GET {path} HTTP/1.0\r\n\r\n");
        assert_eq!(send(counter.address, none.as_bytes()).await.status, 421);
    }
    println!("{} routes, {} names: {refused} requests refused", paths.len(), hosts.len());
    assert_eq!(tab.ask("GET", "/", &[("Host", &format!("localhost:{port}"))], "").await.status, 200);
    assert_eq!(tab.get(&style).await.status, 200);
}

#[test]
fn f44_a_route_without_the_guard_is_found() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reception/router.rs")).unwrap();
    assert!(routes_of(&text).unwrap().len() > 15);
    let behind = text.replace("guard::guard))", "guard::guard))\n        .route(\"/behind\", get(handlers::home))");
    assert!(routes_of(&behind).is_err());
    assert!(routes_of(&text.replace("guard::guard", "other")).is_err());
    assert!(check_without_routes("is_for_us(); Router::new().fallback(answer)", 1).is_ok());
    for more in ["is_for_us(); Router::new().fallback(a).route(b)", "is_for_us(); Router::new().layer(a)", "Router::new().fallback(a)"] {
        assert!(check_without_routes(more, 1).is_err(), "{more}");
    }
    assert!(routes_of(&text.replace(".route(\"/\"", ".merge(other)\n.route(\"/\"")).is_err());
}

#[tokio::test]
async fn another_page_changes_nothing() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    let port = counter.address.port();
    let neighbour = format!("http://127.0.0.1:{}", port ^ 1);
    let tls = format!("https://127.0.0.1:{port}");
    for (name, value) in [
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Origin", neighbour.as_str()),
        ("Origin", tls.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let answer = tab.post(&[(name, value)], &form).await;
        assert_eq!((answer.status, answer.label()), (403, "request:origin"), "{name}: {value}");
        let answer = tab.ask("GET", "/", &[(name, value)], "").await;
        assert_eq!((answer.status, answer.label()), (403, "request:origin"), "{name}: {value}");
    }
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json", ""] {
        assert_eq!(tab.post(&[("Content-Type", kind)], &form).await.label(), "form:kind", "{kind}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        assert_eq!(tab.ask(method, "/tra-cuu", &[], &form).await.status, 405, "{method}");
    }
    assert_eq!(saved(&counter).await, 0);
    assert_eq!(tab.post(&[], &form).await.status, 303, "the same form from our own page");
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn a_form_without_its_token_does_nothing() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let page = tab.page.clone().unwrap();
    let (token, lookup) = (page.hidden("bieu_mau").unwrap(), page.hidden("luot").unwrap());
    let other = Tab::open(&counter).await;
    let foreign = other.page.as_ref().unwrap().hidden("bieu_mau").unwrap();
    let zeros = "0".repeat(64);
    for wrong in ["", foreign, &token[1..], &zeros] {
        let number = counter::VALID;
        for (body, label) in [
            (format!("bieu_mau={wrong}&luot={lookup}&ma_luot=odd&ma="), "form:unsure"),
            (format!("bieu_mau={wrong}&luot={lookup}&ma_luot=odd&ma=+"), "form:unsure"),
            (format!("bieu_mau={wrong}&luot={lookup}&ma_luot=odd&ma={number}"), "form:token"),
            (format!("bieu_mau={wrong}&luot={lookup}&ma="), "form:token"),
            (format!("bieu_mau={wrong}&luot=&ma="), "form:token"),
            (format!("bieu_mau={wrong}&ma={number}"), "form:token"),
        ] {
            let answer = tab.post(&[], &body).await;
            assert_eq!((answer.status, answer.label()), (403, label), "{body}");
            assert!(!answer.has("id=\"ket-qua\"") && answer.hidden("bieu_mau") == Some(token), "a fresh form comes with it");
        }
    }
    assert_eq!(tab.post(&[], &format!("luot={lookup}&ma_luot=odd&ma=")).await.label(), "form:unsure");
    let mut stranger = tab.clone();
    stranger.cookie = None;
    assert_eq!(stranger.post(&[], &tab.form("")).await.label(), "lookup:expired", "its visit is not on the disk");
    assert_eq!(saved(&counter).await, 0);
    // The page that came with the refusal works.
    tab.page = Some(tab.post(&[], "bieu_mau=&ma=").await);
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
}

#[tokio::test]
async fn a_save_cut_off_by_a_restart_is_told_by_what_the_disk_has() {
    let mut counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    assert_eq!(tab.post(&[], &form).await.status, 303);
    // The browser did not get that answer, and sends the same form to the process that comes next.
    counter.restart_page().await;
    tab.follow(&counter);
    let again = tab.post(&[], &form).await;
    assert_eq!((again.status, again.label()), (409, "form:saved"));
    assert!(again.has("ĐÃ LƯU RỒI, lượt số 1") && !again.has("CHƯA LƯU"), "{}", again.body);
    assert!(!again.has("Trần Thị Ví Dụ"), "the new process knows nobody");
    tab.sign_in("1", counter::PIN).await;
    let list = tab.get("/").await;
    assert!(list.attribute("data-count") == Some("1") && list.has("Trần Thị Ví Dụ"), "the list tells");
    assert_eq!(saved(&counter).await, 1);
}

/// Somebody was looked up, and the page is another process's since; with the Enter that would have saved that visit.
async fn restarted_under_an_answer() -> (Counter, Tab, String) {
    let mut counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    counter.restart_page().await;
    tab.follow(&counter);
    (counter, tab, form)
}

#[tokio::test]
async fn an_enter_whose_look_up_went_with_a_restart_is_told_that_nothing_was_saved() {
    let (counter, mut tab, form) = restarted_under_an_answer().await;
    let answer = tab.post(&[], &form).await;
    assert_eq!((answer.status, answer.label()), (410, "lookup:expired"));
    assert!(answer.has("CHƯA LƯU") && answer.has("Quét lại người đó"), "{}", answer.body);
    assert_eq!(saved(&counter).await, 0);
}

/// A page of the process before asks for a better answer by itself: that was told as a visit that is perhaps saved.
#[tokio::test]
async fn only_an_enter_under_an_answer_is_told_what_became_of_a_visit() {
    let mut counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let asking = tab.enter(counter::UNKNOWN).await;
    let [form_token, answer] = ["bieu_mau", "luot"].map(|name| asking.hidden(name).unwrap().to_owned());
    let under_an_answer = tab.form("");
    tab.enter("1234567").await;
    let under_a_message = tab.form("");
    counter.restart_page().await;
    tab.follow(&counter);
    for (path, form) in [
        ("/tra-cuu/moi", format!("bieu_mau={form_token}&luot={answer}&phan=1")),
        ("/tra-cuu/moi", under_an_answer.clone()),
        ("/ngon-ngu", under_an_answer.clone()),
        ("/so", under_an_answer.clone()),
        ("/tra-cuu", under_a_message),
    ] {
        assert_eq!(tab.post_to(path, &[], &form).await.label(), "form:token", "{path} {form}");
        assert_eq!(tab.get("/").await.label(), "none", "nothing is told later");
    }
    assert_eq!(tab.post(&[], &under_an_answer).await.label(), "lookup:expired");
}

/// It was forgotten after a quarter of an hour, and by a scan that could not be read.
#[tokio::test]
async fn what_became_of_a_visit_waits_for_whoever_signs_in_and_finds_somebody() {
    let (counter, mut tab, form) = restarted_under_an_answer().await;
    let said = tab.post(&[], &form).await;
    assert!(said.label() == "lookup:expired" && !said.has("10:00: "), "{}", said.body);
    counter.clock.advance(Duration::from_hours(3));
    let later = tab.get("/").await;
    assert!(later.label() == "lookup:expired" && later.has("Lúc 10:00: CHƯA LƯU"), "{}", later.body);
    tab.sign_in("1", counter::PIN).await;
    assert_eq!(tab.enter("1234567").await.status, 422);
    assert_eq!(tab.get("/").await.label(), "lookup:expired", "nobody was looked up yet");
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
    assert_eq!(tab.get("/").await.label(), "none");
}

/// "Lúc 10:00: Lúc 10:00: CHƯA LƯU": one more at each look.
#[tokio::test]
async fn the_hour_of_what_became_of_a_visit_is_said_once_however_often_it_is_shown() {
    let (counter, mut tab, form) = restarted_under_an_answer().await;
    tab.post(&[], &form).await;
    for path in ["/", "/", "/dang-nhap", "/"] {
        counter.clock.advance(Duration::from_mins(1));
        let page = tab.get(path).await;
        assert!(page.has("\">Lúc 10:00: CHƯA LƯU"), "{path}: {}", page.body);
    }
    let english = format!("{}; bhyt_ngon_ngu=en", tab.cookie.clone().unwrap());
    tab.cookie = Some(english);
    for _ in 0..3 {
        let page = tab.get("/").await;
        assert!(page.has("\">At 10:00: NOT SAVED"), "{}", page.body);
    }
    tab.sign_in("1", counter::PIN).await;
    let page = tab.get("/").await;
    assert!(page.has("\">At 10:00: NOT SAVED"), "{}", page.body);
}

/// It was "Ai đang trực?" and no word more.
#[tokio::test]
async fn whoever_s_account_is_closed_with_somebody_on_the_page_is_told_that_nothing_is_saved() {
    let counter = Counter::open().await;
    for leaves_by_itself in [false, true] {
        let colleague = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
        let mut tab = Tab::open(&counter).await;
        tab.sign_in(&colleague.to_string(), "135246").await;
        tab.page = Some(tab.get("/").await);
        tab.enter(counter::VALID).await;
        let form = tab.form("");
        counter.clock.advance(READ);
        counter.desk.close_account(colleague).await.unwrap();
        if leaves_by_itself {
            let page = tab.get("/dang-nhap").await;
            assert!(page.label() == "lookup:account_closed" && page.has("Lúc 10:00: CHƯA LƯU"), "{}", page.body);
        }
        let said = tab.post(&[], &form).await;
        assert_eq!((said.status, said.label()), (401, "lookup:account_closed"), "{}", said.body);
        assert!(said.has("CHƯA LƯU: tài khoản đang trực đã bị đóng") && said.has("quét lại người đó") && !said.has("Trần Thị"));
        tab.sign_in("1", counter::PIN).await;
        let page = tab.get("/").await;
        assert!(page.label() == "lookup:account_closed" && page.has("\">Lúc 10:00: CHƯA LƯU"), "{}", page.body);
        tab.page = Some(page);
        assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
        assert_eq!(tab.get("/").await.label(), "none");
    }
    assert_eq!(saved(&counter).await, 0);
}

/// The browser sends again what was saved before the account was closed.
#[tokio::test]
async fn a_visit_saved_before_the_account_was_closed_is_told_as_saved() {
    let counter = Counter::open().await;
    let colleague = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::open(&counter).await;
    tab.sign_in(&colleague.to_string(), "135246").await;
    tab.page = Some(tab.get("/").await);
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    assert_eq!(tab.post(&[], &form).await.status, 303);
    counter.desk.close_account(colleague).await.unwrap();
    let again = tab.post(&[], &form).await;
    assert_eq!((again.status, again.label()), (409, "form:saved"), "{}", again.body);
    assert!(!again.has("CHƯA LƯU"));
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn cookies_and_headers_keep_the_page_to_itself() {
    let counter = Counter::open().await;
    let mut tab = Tab::new(&counter);
    let first = tab.get("/").await;
    let signed_in = tab.try_sign_in("1", counter::PIN).await;
    let cookies = [first.headers("set-cookie"), signed_in.headers("set-cookie")].concat();
    assert_eq!(cookies.len(), 3, "a session, another session, and the browser's own mark");
    for cookie in cookies {
        for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"));
    }
    assert_eq!(tab.get("/").await.header("set-cookie"), None, "one cookie per browser");
    let style = format!("/tinh/{}", between(&tab.page.as_ref().unwrap().body, "href=\"/tinh/", "\"").unwrap());
    let port = counter.address.port();
    // Every kind of answer: pages, parts, refusals of all sorts, a redirect, the word of changes.
    let mut answers = Vec::new();
    for path in routes().iter().map(String::as_str).filter(|path| *path != "/su-kien").chain(ADDRESSES).chain([style.as_str()]) {
        answers.push((format!("GET {path}"), tab.get(path).await, path == style));
    }
    answers.push(("foreign".into(), tab.ask("GET", "/", &[("Host", &format!("evil.example:{port}"))], "").await, false));
    answers.push(("another page".into(), tab.ask("GET", "/", &[("Origin", "http://evil.example")], "").await, false));
    answers.push(("method".into(), tab.ask("DELETE", "/", &[], "").await, false));
    answers.push(("kind".into(), tab.post(&[("Content-Type", "text/plain")], "").await, false));
    answers.push(("token".into(), tab.post(&[], "ma=").await, false));
    answers.push(("large".into(), tab.post(&[], &"m".repeat(9000)).await, false));
    tab.get("/").await;
    let nothing = tab.form("");
    answers.push(("redirect".into(), tab.post(&[], &nothing).await, false));
    for (what, answer, is_kept) in &answers {
        for (name, value) in HEADERS {
            let found = answer.headers(name);
            assert_eq!(found, [value], "{what}: {name}");
        }
        let kept = if *is_kept { "public, max-age=31536000, immutable" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), Some(kept), "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
    }
}

/// What every answer carries, to the letter: whoever changes it changes it here too.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

#[tokio::test]
async fn values_are_text_and_nothing_is_inline() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let result = tab.enter(counter::ODD).await;
    assert!(result.has("&#60;script&#62;alert(1)&#60;/script&#62;&#34; onx=&#39;&#38;"), "{}", result.body);
    assert!(result.has("H&#39;Hen Niê"));
    let mut pages = vec![tab.page.clone().unwrap()];
    counter.clock.advance(READ);
    pages.push(tab.enter("").await);
    pages.push(tab.enter(&counter::payload("LÊ THỊ KHÁC", "1999")).await);
    pages.push(tab.enter("\"><script>alert(2)</script>").await);
    pages.push(tab.get("/\"><script>alert(3)</script>").await);
    pages.push(tab.get("/nothing").await);
    for page in pages {
        let mut rest = page.body.as_str();
        while let Some((_, tag)) = rest.split_once('<') {
            let (tag, after) = tag.split_once('>').unwrap();
            assert!(!tag.contains(" style=") && !tag.contains(" on") && !tag.contains("javascript:"), "{tag}");
            assert!(tag != "style" && !tag.starts_with("script>"), "{tag}");
            if tag.starts_with("script") {
                assert!(tag.contains("src=\"/tinh/") && after.starts_with("</script>"), "{tag}");
            }
            rest = after;
        }
        assert!(!page.has("alert(2)") && !page.has("alert(3)"));
        assert!(!page.has("http://") && !page.has("https://"), "nothing from elsewhere");
    }
}

#[tokio::test]
async fn nobody_stands_in_an_address() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let form = tab.form(counter::VALID);
    let found = tab.post(&[], &form).await;
    assert_eq!((found.status, found.header("location")), (200, None));
    tab.page = Some(found);
    counter.clock.advance(READ);
    let form = tab.form("");
    let gone = tab.post(&[], &form).await;
    assert_eq!((gone.status, gone.header("location"), gone.body.as_str()), (303, Some("/"), ""));
    let page = tab.get("/").await;
    let addresses: Vec<_> = page.body.match_indices("href=\"").chain(page.body.match_indices("action=\"")).collect();
    for (at, found) in addresses {
        let address = between(&page.body[at..], found, "\"").unwrap();
        let is_of_words = address.bytes().all(|b| b.is_ascii_lowercase() || b"/-".contains(&b));
        assert!(address == "data:," || is_of_words || address.starts_with("/tinh/"), "{address}");
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let form = tab.form(&"1".repeat(8 * 1024));
    let answer = tab.post(&[], &form).await;
    assert_eq!((answer.status, answer.label()), (413, "form:size"));
    let fits = tab.form(&"1".repeat(4097));
    assert_eq!(tab.post(&[], &fits).await.label(), "payload:too_long");
    let head = "A: ".to_owned() + &"b".repeat(64 * 1024);
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{head}\r\n", counter.address);
    let mut stream = TcpStream::connect(counter.address).await.unwrap();
    // The end may be a reset, as the rest is not read.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn slow_clients_are_dropped_and_hold_up_nobody() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let mut silent = TcpStream::connect(counter.address).await.unwrap();
    let mut slow = TcpStream::connect(counter.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let mut body = TcpStream::connect(counter.address).await.unwrap();
    let head = format!(
        "POST /tra-cuu HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nma=",
        counter.address
    );
    body.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(tab.get("/").await.status, 200);
    let mut answer = Vec::new();
    let dropped = async {
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
        let _ = slow.read_to_end(&mut rest).await;
        body.read_to_end(&mut answer).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(25), dropped).await.expect("dropped within the time for a head and a form");
    assert!(String::from_utf8_lossy(&answer).contains("data-label=\"form:time\""));
}

#[tokio::test]
async fn f49_whoever_has_not_signed_in_is_answered_once_to_a_connection() {
    let counter = Counter::open().await;
    let cookie = Tab::open(&counter).await.cookie.unwrap();
    for (cookie, answers) in [("bhyt_phien=0".to_owned(), 1), (cookie, 3)] {
        let mut stream = TcpStream::connect(counter.address).await.unwrap();
        let question = format!("GET /trang-thai HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", counter.address);
        stream.write_all(question.repeat(3).as_bytes()).await.unwrap();
        let mut said = Vec::new();
        // Questions that nobody has read make the end a hard one.
        let _ = tokio::time::timeout(Duration::from_secs(25), stream.read_to_end(&mut said)).await.expect("it ends");
        assert_eq!(String::from_utf8_lossy(&said).matches("HTTP/1.1 200").count(), answers);
    }
}

#[tokio::test]
async fn one_connection_too_many_takes_the_place_of_one_that_asks_for_nothing() {
    let counter = Counter::open().await;
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(TcpStream::connect(counter.address).await.unwrap());
    }
    let mut tab = Tab::new(&counter);
    assert_eq!(tab.get("/").await.status, 200);
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(3), held[0].read_to_end(&mut rest)).await;
    assert!(cut.is_ok() && rest.is_empty(), "the oldest is cut at once, without an answer");
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_asks_for_nothing() {
    let mut counter = Counter::open().await;
    let mut idle = TcpStream::connect(counter.address).await.unwrap();
    let mut kept = TcpStream::connect(counter.address).await.unwrap();
    let cookie = Tab::open(&counter).await.cookie.unwrap();
    kept.write_all(format!("GET /trang-thai HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", counter.address).as_bytes()).await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    counter.stop.cancel();
    let ended = tokio::time::timeout(bounds::stop(), &mut counter.serving).await;
    ended.expect("no open connection holds up the stop").unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    // A process that another test is just starting holds it until it is a program of its own.
    wait_for("nobody listens", async || TcpStream::connect(counter.address).await.is_err().then_some(())).await;
}

#[tokio::test]
async fn what_is_under_way_at_a_stop_is_answered() {
    let mut counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    let head = format!(
        "POST /tra-cuu HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        counter.address,
        tab.cookie.as_ref().unwrap(),
        form.len()
    );
    let mut stream = TcpStream::connect(counter.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    counter.stop.cancel();
    // Nobody is let in any more, which shows that the stop was heard.
    while TcpStream::connect(counter.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(form.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    tokio::time::timeout(bounds::stop(), &mut counter.serving).await.unwrap().unwrap().unwrap();
    assert_eq!(saved(&counter).await, 1);
}
