//! What the page refuses, and what it costs to be rude to it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

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

const ADDRESSES: [&str; 9] =
    ["/", "/trang-thai", "/hom-nay", "/hom-nay/ca-ngay", "/ca-ngay", "/tinh/x.css", "/nothing", "/tra-cuu", "/tra-cuu/moi"];

#[tokio::test]
async fn only_our_own_names_are_answered_everywhere() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let port = counter.address.port();
    let style = format!("/tinh/{}", between(&tab.page.as_ref().unwrap().body, "href=\"/tinh/", "\"").unwrap());
    let hosts = [
        format!("evil.example:{port}"),
        "127.0.0.1".into(),
        format!("127.0.0.1:{port}."),
        format!("127.0.0.1.:{port}"),
        format!("LOCALHOST:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::1]:{port}"),
        format!("a@127.0.0.1:{port}"),
        format!("127.0.0.1:{}", port ^ 1),
        format!("127.1:{port}"),
        format!("localhost:{port}.evil.example"),
        String::new(),
    ];
    for path in ADDRESSES.into_iter().chain([style.as_str()]) {
        for host in &hosts {
            for method in ["GET", "POST", "PUT"] {
                let answer = tab.ask(method, path, &[("Host", host)], "").await;
                // An empty or malformed name may be refused before us, with 400.
                assert!(
                    answer.status == 421 || (answer.status == 400 && answer.body.is_empty()),
                    "{method} {path} {host}: {}",
                    answer.status
                );
                assert!(!answer.has("o-nhap"));
            }
        }
        let both = format!("GET {path} HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\nConnection: close\r\n\r\n", counter.address);
        assert!(matches!(send(counter.address, both.as_bytes()).await.status, 400 | 421));
        let target = format!("GET http://evil.example{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", counter.address);
        assert_eq!(send(counter.address, target.as_bytes()).await.status, 421);
        let none = format!("GET {path} HTTP/1.0\r\n\r\n");
        assert_eq!(send(counter.address, none.as_bytes()).await.status, 421);
    }
    assert_eq!(tab.ask("GET", "/", &[("Host", &format!("localhost:{port}"))], "").await.status, 200);
    assert_eq!(tab.get(&style).await.status, 200);
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
            (format!("bieu_mau={wrong}&luot={lookup}&ma="), "form:unsure"),
            (format!("bieu_mau={wrong}&luot={lookup}&ma=+"), "form:unsure"),
            (format!("bieu_mau={wrong}&luot={lookup}&ma={number}"), "form:token"),
            (format!("bieu_mau={wrong}&luot=&ma="), "form:token"),
            (format!("bieu_mau={wrong}&ma={number}"), "form:token"),
        ] {
            let answer = tab.post(&[], &body).await;
            assert_eq!((answer.status, answer.label()), (403, label), "{body}");
            assert!(!answer.has("id=\"ket-qua\"") && answer.hidden("bieu_mau") == Some(token), "a fresh form comes with it");
        }
    }
    assert_eq!(tab.post(&[], &format!("luot={lookup}&ma=")).await.label(), "form:unsure");
    let mut stranger = tab.clone();
    stranger.cookie = None;
    assert_eq!(stranger.post(&[], &tab.form("")).await.label(), "form:unsure");
    assert_eq!(saved(&counter).await, 0);
    // The page that came with the refusal works.
    tab.page = Some(tab.post(&[], "bieu_mau=&ma=").await);
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
}

#[tokio::test]
async fn a_save_cut_off_by_a_restart_is_not_called_undone() {
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
    assert_eq!((again.status, again.label()), (403, "form:unsure"));
    assert!(again.has("KHÔNG RÕ ĐÃ LƯU CHƯA") && !again.has("CHƯA LÀM GÌ"), "{}", again.body);
    assert!(again.attribute("data-count") == Some("1") && again.has("Trần Thị Ví Dụ"), "the list tells");
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn cookies_and_headers_keep_the_page_to_itself() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let cookie = tab.page.as_ref().unwrap().header("set-cookie").unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert_eq!(tab.get("/").await.header("set-cookie"), None, "one cookie per browser");
    let style = format!("/tinh/{}", between(&tab.page.as_ref().unwrap().body, "href=\"/tinh/", "\"").unwrap());
    for path in ADDRESSES.into_iter().chain([style.as_str()]) {
        let answer = tab.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert!(answer.header("referrer-policy").is_some(), "{path}");
        let kept = answer.header("cache-control").unwrap();
        assert_eq!(kept == "no-store", path != style, "{path}: {kept}");
    }
}

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
async fn one_connection_too_many_takes_the_place_of_one_that_asks_for_nothing() {
    let counter = Counter::open().await;
    let mut held = Vec::new();
    for _ in 0..64 {
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
    kept.write_all(format!("GET /trang-thai HTTP/1.1\r\nHost: {}\r\n\r\n", counter.address).as_bytes()).await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    counter.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(3), &mut counter.serving).await;
    ended.expect("no open connection holds up the stop").unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(counter.address).await.is_err());
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
    tokio::time::timeout(Duration::from_secs(3), &mut counter.serving).await.unwrap().unwrap().unwrap();
    assert_eq!(saved(&counter).await, 1);
}
