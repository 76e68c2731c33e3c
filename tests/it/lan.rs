//! Desks on the house's network, over real TLS: how one is let in, what a neighbour gets who is not, and what becomes of a copied token.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bhyt_agent::reception::tls::Authority;
use bhyt_agent::reception::tls::Shown;
use fantoccini::Locator;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use sha2::Digest;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::form_urlencoded;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;
use super::counter::LAN_NAME;
use super::counter::LanAt;
use super::counter::READ;
use super::tab::Answer;
use super::tab::Tab;
use super::tab::between;
use super::tab::saved;
use crate::support::bounds;
use crate::support::wait_for;

/// A second after a try the next one is looked at.
const BREATH: Duration = Duration::from_secs(2);
/// Long before the next beat of a stream.
const AT_ONCE: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_hours(24);
const DESK_COOKIE: &str = "__Host-bhyt_ban";

/// A browser on the house's network that trusts the authority: keeps its cookies and the page it shows.
#[derive(Clone)]
pub(crate) struct Neighbour {
    address: SocketAddr,
    /// Which machine it is.
    pub(crate) from: Ipv4Addr,
    trust: Arc<ClientConfig>,
    pub(crate) cookies: BTreeMap<String, String>,
    page: Option<Answer>,
}

/// What a browser is that trusts this authority.
pub(crate) fn trusting(authority_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap()).unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

impl Neighbour {
    pub(crate) fn new(lan: &LanAt) -> Self {
        Self::at(lan.address, lan.shown.authority().pem())
    }

    pub(crate) fn at(address: SocketAddr, authority_pem: &str) -> Self {
        Self { address, from: Ipv4Addr::UNSPECIFIED, trust: trusting(authority_pem), cookies: BTreeMap::new(), page: None }
    }

    /// A connection, if the certificate is good for this name.
    pub(crate) async fn connect(&self, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        let stream = socket.connect(self.address).await?;
        TlsConnector::from(Arc::clone(&self.trust)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, extra: &[(&str, &str)], body: &str) -> Answer {
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".into(), format!("Content-Length: {}", body.len())];
        if !extra.iter().any(|(name, _)| *name == "Host") {
            lines.push(format!("Host: {}", self.address));
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            lines.push(format!("Cookie: {}", cookies.join("; ")));
        }
        lines.extend(extra.iter().map(|(name, value)| format!("{name}: {value}")));
        let mut stream = self.connect(&self.address.ip().to_string()).await.unwrap();
        stream.write_all(format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).await.unwrap();
        let mut text = Vec::new();
        // An end without a farewell is an end.
        let _ = stream.read_to_end(&mut text).await;
        let answer = Answer::read(&text);
        for cookie in answer.headers("set-cookie") {
            assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
            let (name, value) = cookie.split_once(';').unwrap().0.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let answer = self.ask("GET", path, &[], "").await;
        self.page = Some(answer.clone());
        answer
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.page.as_ref().unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        for field in ["bieu_mau", "luot", "ma_luot"] {
            shown.hidden(field).map(|value| form.append_pair(field, value));
        }
        let body = form.extend_pairs(fields).finish();
        let origin = format!("https://{}", self.address);
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
        let answer = self.ask("POST", path, &headers, &body).await;
        if answer.status != 303 {
            self.page = Some(answer.clone());
        }
        answer
    }

    /// Signs in as a person does, and shows the page.
    pub(crate) async fn sign_in(&mut self) {
        self.get("/dang-nhap").await;
        let asked = self.post("/dang-nhap", &[("ai", "1")]).await;
        let chosen = asked.hidden("chon").unwrap_or_else(|| panic!("{}", asked.body)).to_owned();
        let answer = self.post("/dang-nhap", &[("chon", &chosen), ("pin", counter::PIN)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.body);
        assert!(self.get("/").await.has("id=\"o-nhap\""));
    }

    /// Types a code and a name.
    pub(crate) async fn pair(&mut self, code: &str, name: &str) -> Answer {
        self.get("/").await;
        self.post("/ghep", &[("ma_ghep", code), ("ten", name)]).await
    }
}

/// The head opens a code on this machine and reads it.
pub(crate) async fn open_code(tab: &mut Tab) -> String {
    tab.get("/ban").await;
    let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
    let opened = tab.act_with("/ban/them", &token, &[], &[]).await;
    assert_eq!((opened.status, opened.header("location")), (303, Some("/ban")), "{}", opened.body);
    let page = tab.get("/ban").await;
    between(&page.body, "class=\"ma-ghep\" role=\"status\">", "<").unwrap().to_owned()
}

async fn counter() -> (Counter, Tab) {
    let counter = Counter::open().await.on_the_lan().await;
    let tab = Tab::open(&counter).await;
    (counter, tab)
}

async fn paired() -> (Counter, Tab, Neighbour) {
    let (counter, mut tab) = counter().await;
    let code = open_code(&mut tab).await;
    let mut desk = Neighbour::new(counter.lan());
    assert_eq!(desk.pair(&code, "Bàn 2").await.status, 303);
    (counter, tab, desk)
}

#[tokio::test]
async fn a_desk_is_let_in_by_the_code_works_like_the_first_one_and_is_sent_away() {
    let (counter, mut tab) = counter().await;
    let mut desk = Neighbour::new(counter.lan());
    let stranger = desk.get("/").await;
    assert!(stranger.status == 403 && stranger.has("id=\"ghep\"") && !stranger.has("o-nhap"), "{}", stranger.body);
    assert_eq!(desk.pair("ABCD 2345", "Bàn 2").await.label(), "pairing:no_code");
    let code = open_code(&mut tab).await;
    let head = tab.page.clone().unwrap();
    assert!(head.has(&counter.lan().shown.authority().fingerprint().join(" ")) && head.has(&format!("https://{}/", counter.lan().address)));
    assert_eq!(desk.pair("", "Bàn 2").await.label(), "pairing:code");
    assert_eq!(desk.pair(&code, " ").await.label(), "pairing:name");
    let let_in = desk.pair(&code.to_lowercase().replace(' ', "-"), "Bàn 2").await;
    assert_eq!((let_in.status, let_in.header("location")), (303, Some("/")));
    let cookie = let_in.headers("set-cookie").into_iter().find(|cookie| cookie.starts_with(DESK_COOKIE)).unwrap();
    assert!(cookie.contains("; Path=/;") && !cookie.contains("Domain"), "{cookie}");

    // Being let in is not being signed in.
    let way_in = desk.get("/").await;
    assert!(way_in.status == 200 && way_in.has("id=\"o-ai\"") && !way_in.has("id=\"o-nhap\""), "{}", way_in.body);
    let unsigned = desk.post("/tra-cuu", &[("ma", counter::VALID)]).await;
    assert_eq!((unsigned.status, unsigned.label()), (401, "session:sign_in_first"));
    for path in ["/hom-nay", "/su-kien", "/ca-ngay", "/ban"] {
        let answer = desk.get(path).await;
        assert!(answer.status == 401 && answer.has("id=\"o-ai\""), "{path}: {}", answer.body);
    }
    desk.sign_in().await;
    for cookie in ["bhyt_phien", "bhyt_quay", DESK_COOKIE] {
        assert!(desk.cookies.contains_key(cookie), "{cookie}");
    }
    let found = desk.post("/tra-cuu", &[("ma", counter::VALID)]).await;
    assert_eq!(found.attribute("data-standing"), Some("valid"));
    counter.clock.advance(READ);
    assert_eq!(desk.post("/tra-cuu", &[("ma", "")]).await.status, 303);
    assert_eq!(saved(&counter).await, 1);
    assert!(tab.get("/").await.has("Trần Thị Ví Dụ"), "the first desk sees it");
    for path in ["/ban", "/ban/them"] {
        assert_eq!(desk.get(path).await.status, if path == "/ban" { 404 } else { 405 }, "desks are let in on this machine");
    }
    assert_eq!(Neighbour::new(counter.lan()).pair(&code, "Bàn 3").await.label(), "pairing:no_code", "a code is good once");

    let list = tab.get("/ban").await;
    assert!(list.has("Bàn 2") && list.attribute("data-desk") == Some("1"), "{}", list.body);
    let token = list.hidden("bieu_mau").unwrap().to_owned();
    assert_eq!(tab.act_with("/ban/ngat", &token, &[("so", "1")], &[]).await.status, 303);
    assert_eq!(desk.get("/").await.status, 403);
    assert_eq!(tab.get("/ban").await.attribute("data-ended"), Some("revoked"));
    assert_eq!(tab.get("/").await.attribute("data-label"), None, "that is nothing to be warned of");
}

#[tokio::test]
async fn f50_a_desk_that_is_sent_away_hears_nothing_more() {
    let (counter, mut tab, mut desk) = paired().await;
    desk.sign_in().await;
    let mut stream = desk.connect(&desk.address.ip().to_string()).await.unwrap();
    let cookies: Vec<_> = desk.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let question = format!("GET /su-kien HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", desk.address, cookies.join("; "));
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut until = async |text: &str| {
        let mut heard = String::new();
        while !heard.contains(text) {
            let mut bytes = [0; 1024];
            let length = stream.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "{heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        heard
    };
    assert!(until("data: hom-nay").await.starts_with("HTTP/1.1 200"));
    assert!(counter.lan().desks.revoke(1).await.unwrap());
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    tab.enter("").await;
    // The last chunk: with it the answer is over, though not the connection.
    let rest = tokio::time::timeout(AT_ONCE, until("0\r\n\r\n")).await.expect("the stream ends");
    assert!(!rest.contains("event:"), "{rest}");
}

/// Whatever tells of the station or of somebody.
const TELLING: [&str; 9] =
    ["Trạm y tế xã Mẫu", "22001", "Trần", "Ví Dụ", "GD422", "id=\"trang-thai\"", "id=\"o-nhap", "Người Trực", "id=\"hom-nay\""];

/// A token is drawn by lot, and may hold the five digits of the station's code.
fn without_tokens(text: &str) -> String {
    let words = text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit());
    words.filter(|word| word.len() < 32).collect()
}

#[tokio::test]
async fn f50_a_neighbour_who_is_not_paired_gets_the_pairing_page_and_nothing_else() {
    let (counter, mut tab) = counter().await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    tab.enter("").await;
    open_code(&mut tab).await;
    let style = format!("/tinh/{}", between(&tab.get("/").await.body, "href=\"/tinh/", "\"").unwrap());
    let mut routes: Vec<_> = super::reception_guard::routes();
    routes.extend(["/nothing".to_owned(), style.clone()]);
    let mut asked = 0;
    for path in &routes {
        for method in ["GET", "POST", "HEAD", "PUT", "OPTIONS"] {
            for cookie in ["", "x", &"0".repeat(64), &"f".repeat(64)] {
                let mut stranger = Neighbour::new(counter.lan());
                stranger.cookies.insert(DESK_COOKIE.into(), cookie.into());
                let headers = [("Content-Type", "application/x-www-form-urlencoded")];
                let answer = stranger.ask(method, path, &headers, "").await;
                asked += 1;
                let open = method == "GET" && [style.as_str(), "/ghep", "/chung-thu"].contains(&path.as_str());
                assert_eq!(answer.status == 200, open, "{method} {path}: {}", answer.status);
                let told = without_tokens(&format!("{}{}", answer.head, answer.body));
                for telling in TELLING {
                    assert!(!told.contains(telling), "{method} {path} tells {telling}");
                }
            }
        }
    }
    println!("{asked} requests of a stranger: 0 bytes of the station");
    // A form of its own page, with all that a form needs, but no code.
    let mut stranger = Neighbour::new(counter.lan());
    stranger.get("/").await;
    for (path, fields) in [("/tra-cuu", [("ma", counter::VALID)]), ("/luot/dong", [("ghi_chu", "x")]), ("/ngon-ngu", [("ngon_ngu", "en")])]
    {
        let answer = stranger.post(path, &fields).await;
        assert!(answer.status == 403 && answer.has("id=\"ghep\""), "{path}");
    }
    assert_eq!(saved(&counter).await, 1);
    // What would be found.
    assert!(TELLING.iter().filter(|telling| tab.page.as_ref().unwrap().has(telling)).count() >= 6);
}

#[tokio::test]
async fn f50_there_is_nothing_but_tls_and_only_under_our_own_names() {
    let (counter, _) = counter().await;
    let lan = counter.lan();
    for bytes in [format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", lan.address).into_bytes(), vec![0; 600], vec![0x16, 3, 1, 2, 0]] {
        let mut plain = TcpStream::connect(lan.address).await.unwrap();
        plain.write_all(&bytes).await.unwrap();
        plain.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        // TLS says in seven bytes why it ends.
        assert!(answer.len() <= 7 && !answer.starts_with(b"HTTP"), "{answer:?}");
    }
    let neighbour = Neighbour::new(lan);
    for name in ["127.0.0.1", LAN_NAME] {
        assert!(neighbour.connect(name).await.is_ok(), "{name}");
    }
    for name in ["evil.example", "localhost", "tram.local.evil.example", "127.0.0.2"] {
        assert!(neighbour.connect(name).await.is_err(), "{name}");
    }
    // Nobody believes another authority of the same name.
    let other = Authority::make().unwrap();
    assert!(Neighbour::at(lan.address, &other.certificate_pem).connect("127.0.0.1").await.is_err());
    let mut neighbour = neighbour;
    for host in ["evil.example".to_owned(), format!("evil.example:{}", lan.address.port()), counter.address.to_string(), String::new()] {
        let answer = neighbour.ask("GET", "/", &[("Host", &host)], "").await;
        assert!(matches!(answer.status, 421 | 400), "{host}: {}", answer.status);
    }
    let plain = format!("http://{}", lan.address);
    assert_eq!(neighbour.ask("GET", "/ghep", &[("Origin", &plain)], "").await.status, 403, "the same address without TLS is another page");
}

#[tokio::test]
async fn f50_a_copied_token_is_refused_and_the_head_is_told() {
    let (counter, mut tab, mut desk) = paired().await;
    assert_eq!(desk.get("/").await.status, 200);
    let mut thief = desk.clone();
    let first = desk.cookies[DESK_COOKIE].clone();
    counter.clock.advance(DAY);
    assert_eq!(desk.get("/").await.status, 200);
    assert_ne!(desk.cookies[DESK_COOKIE], first, "every day another one");
    assert_eq!(desk.get("/trang-thai").await.status, 200);
    // A request that was under way is answered still; an hour later it is none.
    assert_eq!(thief.clone().get("/trang-thai").await.status, 200);
    counter.clock.advance(Duration::from_hours(1));
    let replay = thief.get("/hom-nay").await;
    assert!(replay.status == 403 && !TELLING.iter().any(|telling| replay.has(telling)), "{}", replay.body);
    assert_eq!(desk.get("/").await.status, 403, "nobody knows which of the two is the desk");
    let bar = tab.get("/").await;
    assert!(bar.has("data-label=\"desk:copied\"") && bar.has("bản sao của bàn Bàn 2"), "{}", bar.body);
    let page = tab.get("/ban").await;
    assert_eq!(page.attribute("data-ended"), Some("copied"));
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    assert_eq!(tab.act_with("/ban/da-xem", &token, &[], &[]).await.status, 303);
    assert!(!tab.get("/").await.has("desk:copied"));
    // Paired anew it is a desk again, and the old tokens stay what they are.
    let code = open_code(&mut tab).await;
    counter.clock.advance(BREATH);
    assert_eq!(desk.pair(&code, "Bàn 2").await.status, 303);
    assert_eq!(desk.get("/").await.status, 200);
    assert_eq!(thief.get("/").await.status, 403);
    assert_eq!(desk.get("/").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_is_lost_with_the_next_token_locks_no_desk_out() {
    let (counter, mut tab, mut desk) = paired().await;
    assert_eq!(desk.get("/").await.status, 200);
    let held = desk.cookies.clone();
    for _ in 0..3 {
        counter.clock.advance(DAY);
        // The answer does not arrive: the browser holds what it held.
        assert_eq!(desk.get("/").await.status, 200);
        desk.cookies.clone_from(&held);
    }
    counter.clock.advance(DAY);
    assert_eq!(desk.get("/").await.status, 200);
    assert_ne!(desk.cookies, held);
    // Many at once: one answer has the token, and none of the others is taken for a copy.
    counter.clock.advance(DAY);
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let mut copy = desk.clone();
            tokio::spawn(async move { (copy.get("/").await.status, copy) })
        })
        .collect();
    let before = desk.cookies.clone();
    for answer in asked {
        let (status, copy) = answer.await.unwrap();
        assert_eq!(status, 200);
        if copy.cookies != before {
            desk = copy;
        }
    }
    assert_ne!(desk.cookies, before);
    assert_eq!(desk.get("/").await.status, 200);
    assert!(!tab.get("/").await.has("desk:copied"));
}

#[tokio::test]
async fn a_code_is_tried_five_times_and_no_restart_gives_another_try() {
    let (mut counter, mut tab) = counter().await;
    let code = open_code(&mut tab).await;
    let wrong = if code.starts_with('A') { "B222 2222" } else { "A222 2222" };
    for left in (0..5).rev() {
        let mut stranger = Neighbour::new(counter.lan());
        let answer = stranger.pair(wrong, "Bàn 2").await;
        assert_eq!(answer.label(), if left == 0 { "pairing:closed" } else { "pairing:wrong" });
        assert_eq!(left > 0, answer.has(&format!("Còn {left} lần thử")), "{}", answer.body);
        if left > 0 {
            assert_eq!(stranger.pair(&code, "Bàn 2").await.label(), "pairing:too_soon", "a try a second");
        }
        counter.clock.advance(BREATH);
        counter.restart_page().await;
    }
    assert_eq!(Neighbour::new(counter.lan()).pair(&code, "Bàn 2").await.label(), "pairing:no_code");
    tab.follow(&counter);
    tab.sign_in("1", counter::PIN).await;
    let code = open_code(&mut tab).await;
    counter.clock.advance(Duration::from_mins(10));
    assert_eq!(Neighbour::new(counter.lan()).pair(&code, "Bàn 2").await.label(), "pairing:no_code", "ten minutes");
    assert!(!tab.get("/ban").await.has("ma-ghep"));
}

#[tokio::test]
async fn the_authority_s_certificate_is_the_one_whose_fingerprint_the_head_sees() {
    let (counter, _) = counter().await;
    let mut stream = Neighbour::new(counter.lan()).connect("127.0.0.1").await.unwrap();
    let chain: Vec<_> = stream.get_ref().1.peer_certificates().unwrap().iter().map(|certificate| certificate.to_vec()).collect();
    stream
        .write_all(format!("GET /chung-thu HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", counter.lan().address).as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(answer[at..], chain[1], "the chain has it too, so that a browser can show it");
    let digest: Vec<_> = sha2::Sha256::digest(&answer[at..]).iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(digest.concat(), counter.lan().shown.authority().fingerprint().concat());
}

#[tokio::test]
async fn the_authority_is_believed_about_private_names_and_addresses_only() {
    let made = Authority::make().unwrap();
    let now = Counter::open().await.desk.time().now();
    let mut believed = Vec::new();
    for name in
        ["tram.local", "a.tram.lan", "192.168.1.9", "10.0.0.1", "fd00::9", "evil.example", "local.evil.example", "8.8.8.8", "2001:db8::1"]
    {
        let authority = Authority::read(&made.key_pem, &made.certificate_pem).unwrap();
        let shown = Shown::new(authority, vec![name.to_owned()], now).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let neighbour = Neighbour::at(listener.local_addr().unwrap(), &made.certificate_pem);
        let acceptor = shown.acceptor().unwrap();
        tokio::spawn(async move { acceptor.accept(listener.accept().await.unwrap().0).await.is_ok() });
        if neighbour.connect(name).await.is_ok() {
            believed.push(name);
        }
    }
    assert_eq!(believed, ["tram.local", "a.tram.lan", "192.168.1.9", "10.0.0.1", "fd00::9"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_desk_s_browser_is_paired_at_the_keyboard_and_sees_what_the_first_one_saves() {
    let counter = Counter::running().await.on_the_lan().await;
    let mut tab = Tab::open(&counter).await;
    let code = open_code(&mut tab).await;
    // Whether it trusts the authority is another test's business.
    let browser = Browser::open_with(&["--ignore-certificate-errors"]).await;
    browser.client.goto(&format!("https://{}/", counter.lan().address)).await.unwrap();
    browser.see("#ma-ghep").await;
    browser.picture("24-not-paired").await;
    // What is typed before the page has the focus is lost.
    browser.until("document.activeElement?.id === 'ma-ghep'").await;
    browser.keys(&code).await;
    browser.client.find(Locator::Css("#ten-ban")).await.unwrap().send_keys("Bàn 2").await.unwrap();
    browser.enter().await;
    browser.sign_in().await;
    browser.check_ready().await;
    browser.until("performance.getEntriesByType('resource').some(r => r.name.endsWith('/trang-thai'))").await;
    let lookup = counter.desk.look_up(counter::VALID).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap();
    browser.see("#hom-nay tr[data-delivery=pending]").await;
    // And the other way round.
    browser.keys(counter::EXPIRED).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=expired]").await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu").await;
    assert!(tab.get("/").await.has("Lê Văn Hết"));
    assert_eq!(browser.ask("return document.cookie").await, "", "no script sees what the desk is known by");
    // Sent away, it shows that nobody answers it, and at the next question how it is let in.
    counter.lan().desks.revoke(1).await.unwrap();
    counter.desk.check_in(&counter.desk.look_up(counter::LONG).await.unwrap()).await.unwrap();
    browser.until("!document.getElementById('mat-ket-noi').hidden").await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ghep").await;
}

#[tokio::test]
async fn a_stop_ends_the_house_s_network_as_well() {
    let (mut counter, _) = counter().await;
    let mut idle = Neighbour::new(counter.lan()).connect("127.0.0.1").await.unwrap();
    counter.stop.cancel();
    let lan = counter.lan_mut();
    tokio::time::timeout(bounds::stop(), &mut lan.serving).await.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    // A process that another test is just starting holds it until it is a program of its own.
    let address = lan.address;
    wait_for("nobody listens", async || TcpStream::connect(address).await.is_err().then_some(())).await;
}

/// The keys' folder of a real agent, and what it listens on.
mod of_the_program {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::support::TestProvince;
    use crate::support::TestStation;
    use crate::support::ports;

    /// Addresses that a process listens on, in the order of the kernel's list.
    fn listening(process: u32) -> Vec<SocketAddr> {
        let sockets: Vec<_> =
            fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()).collect();
        let mut found = Vec::new();
        for family in ["tcp", "tcp6"] {
            let table = fs::read_to_string(format!("/proc/{process}/net/{family}")).unwrap();
            for line in table.lines().skip(1) {
                let fields: Vec<_> = line.split_whitespace().collect();
                let held = sockets.iter().any(|socket| socket.to_string_lossy() == format!("socket:[{}]", fields[9]));
                if fields[3] == "0A" && held {
                    let (address, port) = fields[1].split_once(':').unwrap();
                    assert_eq!(family, "tcp", "{address}");
                    let address = u32::from_str_radix(address, 16).unwrap().to_ne_bytes();
                    found.push(SocketAddr::from((address, u16::from_str_radix(port, 16).unwrap())));
                }
            }
        }
        found
    }

    #[tokio::test]
    async fn as_installed_it_listens_on_loopback_only_and_makes_no_authority() {
        let province = TestProvince::new(50).await;
        let station = TestStation::enrolled(&province).await;
        let daemon = station.started().await;
        assert_eq!(listening(daemon.id()), [station.page], "the page, and nothing else");
        assert!(station.page.ip().is_loopback());
        assert!(!station.dir.path().join("keys/desks-ca.key.pem").exists());
    }

    #[tokio::test]
    async fn with_the_table_it_answers_paired_desks_and_keeps_its_authority_to_itself() {
        let province = TestProvince::new(50).await;
        let station = TestStation::enrolled(&province).await;
        let lan = ports::address();
        let config = fs::read_to_string(&station.config).unwrap();
        fs::write(&station.config, format!("{config}[lan]\nlisten = \"{lan}\"\n")).unwrap();
        let daemon = station.started().await;
        let mut both = vec![station.page, lan];
        both.sort();
        let mut found = listening(daemon.id());
        found.sort();
        assert_eq!(found, both);
        let keys = station.dir.path().join("keys");
        for file in ["desks-ca.key.pem", "desks-ca.crt.pem"] {
            assert_eq!(fs::metadata(keys.join(file)).unwrap().permissions().mode() & 0o7777, 0o400, "{file}");
        }
        let authority = fs::read_to_string(keys.join("desks-ca.crt.pem")).unwrap();
        let mut tab = Tab::at_station(&station).await;
        let code = open_code(&mut tab).await;
        let mut desk = Neighbour::at(lan, &authority);
        assert_eq!(desk.pair(&code, "Bàn 2").await.status, 303);
        desk.sign_in().await;

        let list = station.run(&["desks", "list", "--json"]).await;
        let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
        assert_eq!((&list[0]["number"], &list[0]["name"], &list[0]["ended"]), (&1.into(), &"Bàn 2".into(), &serde_json::Value::Null));
        assert_eq!(desk.get("/").await.status, 200);
        assert_eq!(daemon.terminate().await, Some(0));
        let _daemon = station.started().await;
        wait_for("the lan is open", async || TcpStream::connect(lan).await.ok()).await;
        assert_eq!(desk.get("/").await.status, 200, "a restart changes neither the authority nor who is paired");
        desk.sign_in().await;
        assert!(station.run(&["desks", "revoke", "1"]).await.status.success());
        assert_eq!(desk.get("/").await.status, 403);
        assert!(!station.run(&["desks", "revoke", "1"]).await.status.success());
        let log = station.log();
        let token = &desk.cookies[DESK_COOKIE];
        assert!(!log.contains("Bàn 2") && !log.contains(&code.replace(' ', "")) && !log.contains(token), "nothing of it in the log");
    }
}

/// D: a session is worth something at the desk where somebody signed in, whoever carries its cookie elsewhere.
#[tokio::test]
async fn a_desk_that_was_sent_away_with_its_session_is_let_in_again_by_its_first_form() {
    let (_counter, mut tab, mut desk) = paired().await;
    desk.sign_in().await;
    let token = tab.get("/ban").await.hidden("bieu_mau").unwrap().to_owned();
    assert_eq!(tab.act_with("/ban/ngat", &token, &[("so", "1")], &[]).await.status, 303);
    let code = open_code(&mut tab).await;
    let let_in = desk.pair(&code, "Bàn 2").await;
    assert_eq!(let_in.status, 303, "{}", let_in.body);
}

#[tokio::test]
async fn d_a_session_is_worth_nothing_at_another_desk() {
    let (counter, mut tab, mut desk) = paired().await;
    for cookie in tab.cookie.clone().unwrap().split("; ") {
        let (name, value) = cookie.split_once('=').unwrap();
        desk.cookies.insert(name.to_owned(), value.to_owned());
    }
    let carried = desk.get("/hom-nay").await;
    assert!(carried.status == 401 && !carried.has("id=\"o-nhap\""), "{}", carried.body);
    // Nor the other way round; each goes on where it was given.
    desk.sign_in().await;
    let mut own = Tab::new(&counter);
    own.cookie = Some(desk.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "));
    assert_eq!(own.get("/hom-nay").await.status, 401);
    assert_eq!((tab.get("/hom-nay").await.status, desk.get("/hom-nay").await.status), (200, 200));
}
