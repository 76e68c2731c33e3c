//! The page over real sockets, as a browser without script would use it, and as somebody would who means harm.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::counter;
use super::counter::Counter;

const READ: Duration = Duration::from_secs(2);

/// What came back.
#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The value of the first attribute of a name.
    fn attribute(&self, name: &str) -> Option<&str> {
        between(&self.body, &format!("{name}=\""), "\"")
    }

    fn hidden(&self, field: &str) -> Option<&str> {
        between(&self.body, &format!("name=\"{field}\" value=\""), "\"")
    }

    fn label(&self) -> &str {
        self.body.split_once("id=\"loi\"").and_then(|(_, rest)| between(rest, "data-label=\"", "\"")).unwrap_or("none")
    }

    fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(value, _)| value)
}

/// Sends bytes and reads to the end.
async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    Answer { status: head[9..12].parse().unwrap(), head: head.into(), body: body.into() }
}

/// A tab of a browser: keeps the cookie and the page it shows.
#[derive(Clone)]
struct Tab {
    address: SocketAddr,
    cookie: Option<String>,
    page: Option<Answer>,
}

impl Tab {
    fn new(counter: &Counter) -> Self {
        Self { address: counter.address, cookie: None, page: None }
    }

    /// A tab that shows the page.
    async fn open(counter: &Counter) -> Self {
        let mut tab = Self::new(counter);
        assert_eq!(tab.get("/").await.status, 200);
        tab
    }

    async fn ask(&mut self, method: &str, path: &str, extra: &[(&str, &str)], body: &str) -> Answer {
        let host = self.address.to_string();
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".into(), format!("Content-Length: {}", body.len())];
        if !extra.iter().any(|(name, _)| *name == "Host") {
            lines.push(format!("Host: {host}"));
        }
        lines.extend(self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}")));
        lines.extend(extra.iter().map(|(name, value)| format!("{name}: {value}")));
        let answer = send(self.address, format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).await;
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split_once(';').map(|(cookie, _)| cookie.to_owned());
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        let answer = self.ask("GET", path, &[], "").await;
        self.page = Some(answer.clone());
        answer
    }

    /// The form of the page shown, filled.
    fn form(&self, text: &str) -> String {
        let page = self.page.as_ref().unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        for field in ["bieu_mau", "luot"] {
            page.hidden(field).map(|value| form.append_pair(field, value));
        }
        form.append_pair("ma", text).finish()
    }

    async fn post(&mut self, extra: &[(&str, &str)], body: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        let mut headers =
            vec![("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
        headers.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        headers.extend(extra);
        self.ask("POST", "/tra-cuu", &headers, body).await
    }

    /// Enter, as the browser does it, redirects followed.
    async fn enter(&mut self, text: &str) -> Answer {
        let form = self.form(text);
        let answer = self.post(&[], &form).await;
        if answer.status == 303 {
            assert_eq!(answer.header("location"), Some("/"));
            return self.get("/").await;
        }
        self.page = Some(answer.clone());
        answer
    }
}

async fn saved(counter: &Counter) -> usize {
    counter.desk.today().await.unwrap().len()
}

#[tokio::test]
async fn a_person_is_looked_up_and_checked_in() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.page.clone().unwrap();
    assert_eq!((page.attribute("data-pending"), page.attribute("data-count")), (Some("0"), Some("0")));
    assert!(page.has("id=\"o-nhap\"") && page.has("autofocus") && page.hidden("luot").is_none());

    let result = tab.enter(&counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985")).await;
    assert_eq!(result.status, 200);
    assert_eq!(result.attribute("data-standing"), Some("valid"));
    assert_eq!(result.attribute("data-class"), Some("in_force"));
    assert_eq!(result.attribute("data-identity"), Some("match"));
    for text in
        ["CÒN HẠN", "Trần Thị Ví Dụ", "02/09/1985", "Nữ", counter::VALID, "Thôn Thử", "01/01/2026 – 31/12/2026", "100%", "bản số 1841"]
    {
        assert!(result.has(text), "{text}");
    }
    assert_eq!(saved(&counter).await, 0);

    counter.clock.advance(READ);
    let page = tab.enter("").await;
    assert!(page.has("ĐÃ LƯU lượt số 1 lúc 10:00"), "{}", page.body);
    assert_eq!((page.attribute("data-pending"), page.attribute("data-count")), (Some("1"), Some("1")));
    assert_eq!(page.attribute("data-delivery"), Some("pending"));
    assert!(page.hidden("luot").is_none());
    assert_eq!(saved(&counter).await, 1);
    // Asking again changes nothing.
    assert!(tab.get("/").await.has("ĐÃ LƯU lượt số 1"));
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"), "an Enter too many hides nothing");
    assert_eq!(saved(&counter).await, 1);
    assert!(!tab.enter(counter::EXPIRED).await.has("ĐÃ LƯU"));
    assert!(!tab.get("/").await.has("ĐÃ LƯU"));
}

#[tokio::test]
async fn the_province_s_answers_show() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for number in [counter::VALID, counter::EXPIRED] {
        tab.enter(number).await;
        counter.clock.advance(READ);
        tab.enter("").await;
    }
    let before = tab.get("/trang-thai").await;
    assert!(before.has("Chưa gửi 2 lượt, cũ nhất từ 10:00"), "{}", before.body);
    let ids: Vec<_> = counter.desk.today().await.unwrap().iter().map(|logged| logged.visit.content.id).collect();
    let received_at = counter::NOW.parse().unwrap();
    let outcomes = [
        ReceiptOutcome::Refused { code: "bad_number".into(), text: "Số thẻ <sai>".into() },
        ReceiptOutcome::Held { reference: "R-77".into(), received_at, duplicate: false },
    ];
    let receipts = ids.into_iter().zip(outcomes).map(|(id, outcome)| Receipt { id, revision: Revision::FIRST, outcome }).collect();
    counter.visits.store_receipts(receipts, received_at).await.unwrap();

    let status = tab.get("/trang-thai").await;
    assert_eq!((status.attribute("data-pending"), status.attribute("data-parked")), (Some("0"), Some("1")));
    assert!(status.has("data-label=\"parked\"") && !status.has("Đã gửi hết"));
    assert_ne!(status.attribute("data-change"), before.attribute("data-change"));
    let list = tab.get("/hom-nay").await;
    for text in ["data-delivery=\"delivered\"", "R-77", "data-delivery=\"parked\"", "Số thẻ &#60;sai&#62; (bad_number)"] {
        assert!(list.has(text), "{text} in {}", list.body);
    }
    // The next day the refused one is still there.
    counter.clock.advance(Duration::from_hours(24));
    let list = tab.get("/hom-nay").await;
    assert_eq!(list.attribute("data-count"), Some("0"));
    assert!(list.has("bad_number") && list.has("10:00 21/11/2026") && !list.has("R-77"), "{}", list.body);
}

#[tokio::test]
async fn the_second_enter_of_a_reader_saves_nothing() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(Duration::from_millis(349));
    let again = tab.enter("").await;
    assert_eq!((again.status, again.hidden("luot")), (200, first.hidden("luot")));
    assert!(again.has("CÒN HẠN"));
    assert_eq!(saved(&counter).await, 0);
    counter.clock.advance(Duration::from_millis(1));
    assert!(tab.enter("").await.has("ĐÃ LƯU"));
    assert_eq!(saved(&counter).await, 1);

    // The message about a bad scan is not wiped away unseen either.
    assert_eq!(tab.enter("123").await.label(), "payload:length");
    assert_eq!(tab.enter("").await.label(), "payload:length");
    counter.clock.advance(READ);
    assert_eq!(tab.enter("").await.label(), "none");
}

#[tokio::test]
async fn the_same_look_up_is_one_visit() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    let (mut one, mut two) = (tab.clone(), tab.clone());
    let answers = tokio::join!(one.post(&[], &form), two.post(&[], &form));
    assert_eq!((answers.0.status, answers.1.status), (303, 303));
    assert_eq!(saved(&counter).await, 1);
    assert_eq!(tab.post(&[], &form).await.status, 303);
    let page = tab.get("/").await;
    assert!(page.has("Lượt số 1 ĐÃ LƯU từ trước") && page.has("data-saved=\"already\""));
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn a_new_text_takes_the_place_of_what_waited() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let second = tab.enter(counter::REVOKED).await;
    assert_eq!(second.attribute("data-standing"), Some("revoked"));
    assert_ne!(first.hidden("luot"), second.hidden("luot"));
    counter.clock.advance(READ);
    tab.enter("").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!(today.len(), 1);
    assert_eq!(today[0].visit.content.person.card_number.as_ref().unwrap().as_str(), counter::REVOKED);
    // A bad scan too: an Enter after it must not save the person before.
    tab.enter(counter::VALID).await;
    tab.enter("GD42201").await;
    counter.clock.advance(READ);
    tab.enter("").await;
    counter.clock.advance(READ);
    tab.enter("").await;
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn two_tabs_do_not_mix() {
    let counter = Counter::open().await;
    let mut one = Tab::open(&counter).await;
    let mut two = one.clone();
    two.get("/").await;
    assert_eq!(one.cookie, two.cookie);
    one.enter(counter::VALID).await;
    two.enter(counter::EXPIRED).await;
    counter.clock.advance(READ);
    one.enter("").await;
    two.enter("").await;
    let today = counter.desk.today().await.unwrap();
    let numbers: Vec<_> = today.iter().map(|visit| visit.visit.content.person.card_number.as_ref().unwrap().as_str()).collect();
    assert_eq!(numbers, [counter::EXPIRED, counter::VALID]);
}

#[tokio::test]
async fn an_expired_or_foreign_look_up_is_never_saved() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let mut other = Tab::open(&counter).await;
    let stolen = tab.page.as_ref().unwrap().hidden("luot").unwrap().to_owned();
    counter.clock.advance(READ);
    for token in [stolen.as_str(), &"0".repeat(32), "x", &stolen[1..]] {
        let form = format!("{}&luot={token}", other.form(""));
        let answer = other.post(&[], &form).await;
        assert_eq!((answer.status, answer.label()), (410, "lookup:expired"), "{token}");
        assert!(answer.has("Lượt tra đã quá lâu, quét lại") && !answer.has("Trần Thị"));
    }
    counter.clock.advance(Duration::from_mins(15));
    assert_eq!(tab.enter("").await.label(), "lookup:expired");
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn what_cannot_be_saved_waits_for_the_next_enter() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let first = tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let lock = counter.lock_visits();
    for _ in 0..2 {
        let page = tab.enter("").await;
        assert_eq!((page.status, page.label()), (503, "storage:busy"));
        assert!(page.has("CHƯA LƯU") && page.has("CÒN HẠN") && !page.has("ĐÃ LƯU"));
        assert_eq!(page.hidden("luot"), first.hidden("luot"), "the same look-up waits");
    }
    drop(lock);
    assert!(tab.enter("").await.has("ĐÃ LƯU lượt số 1"));
    assert_eq!(saved(&counter).await, 1);
}

#[tokio::test]
async fn every_class_of_verdict_has_its_own_words_and_shape() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let mut shapes = std::collections::BTreeSet::new();
    for (number, standing, class, words) in [
        (counter::VALID, "valid", "in_force", "CÒN HẠN"),
        (counter::EXPIRED, "expired", "not_in_force", "HẾT HẠN"),
        (counter::REVOKED, "revoked", "not_in_force", "THẺ ĐÃ THU HỒI"),
        (counter::NOT_YET, "not_yet_valid", "not_in_force", "CHƯA ĐẾN HẠN"),
        (counter::ARMY, "managed_elsewhere", "papers", "QUÂN ĐỘI / CÔNG AN QUẢN LÝ"),
        (counter::UNKNOWN, "not_covered", "unknown", "CHƯA TRA ĐƯỢC"),
    ] {
        let page = tab.enter(number).await;
        assert_eq!((page.attribute("data-standing"), page.attribute("data-class")), (Some(standing), Some(class)), "{number}");
        assert_eq!(between(&page.body, "id=\"cau-tra-loi\"", "</p>").unwrap().split_once('>').unwrap().1, words);
        shapes.insert((class, between(&page.body, "<svg", "</svg>").unwrap().to_owned()));
        assert_eq!(page.has("id=\"muc-huong\""), class == "in_force", "{number}");
    }
    assert_eq!(shapes.len(), 4, "one shape per class");
}

#[tokio::test]
async fn a_person_who_differs_is_said_with_both_values() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    for (name, born, code, texts) in [
        ("LÊ THỊ KHÁC", "02/09/1985", "name_differs", vec!["LÊ THỊ KHÁC", "Trần Thị Ví Dụ"]),
        ("TRẦN THỊ VÍ DỤ", "03/09/1985", "birth_date_differs", vec!["03/09/1985", "02/09/1985"]),
        ("LÊ THỊ KHÁC", "1999", "name_and_birth_date_differ", vec!["LÊ THỊ KHÁC", "1999"]),
    ] {
        let page = tab.enter(&counter::payload(name, born)).await;
        assert_eq!(page.attribute("data-identity"), Some(code));
        let warning = between(&page.body, "id=\"khac-nguoi\"", "</div>").unwrap();
        assert!(texts.iter().all(|text| warning.contains(text)), "{code}: {warning}");
        assert!(page.body.find("id=\"khac-nguoi\"") < page.body.find("id=\"phan-quyet\""));
        // What is not compared is not mixed in.
        assert!(!between(&page.body, "id=\"nguoi\"", "</dl>").unwrap().contains("Thôn Thử"), "{code}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_not_repeated() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let bad_name = counter::payload("Trần 5", "02/09/1985");
    for (text, label) in [
        ("7391846", "payload:length"),
        ("GD9220173918465", "card_number:shape"),
        ("7391846501|abc", "payload:truncated"),
        ("739184650122|x|y", "payload:part_count"),
        (&bad_name, "name:shape"),
        (&"7391846|".repeat(600), "payload:too_long"),
    ] {
        let page = tab.enter(text).await;
        assert_eq!((page.status, page.label()), (422, label), "{text}");
        assert!(!page.has("7391846") && !page.has("5472E1") && !page.has("id=\"ket-qua\""), "{text}");
        assert!(!between(&page.body, "id=\"o-nhap\"", ">").unwrap().contains("value"), "the input is empty");
    }
    assert_eq!(saved(&counter).await, 0);
}

#[tokio::test]
async fn old_data_no_data_and_a_wrong_clock_are_said() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    assert_eq!(tab.page.as_ref().unwrap().attribute("data-freshness"), Some("fresh"));
    counter.clock.advance(Duration::from_hours(8 * 24));
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-freshness"), Some("stale"));
    assert!(page.has("data-label=\"data:stale\"") && page.has("class=\"nghi-ngo\"") && page.has("CÒN HẠN"));
    counter.clock.set_wall("2015-01-01T00:00:00Z");
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-clock"), Some("behind"));
    assert!(page.has("data-label=\"clock:behind\"") && page.has("class=\"nghi-ngo\""));

    let empty = Counter::without_roster().await;
    let mut tab = Tab::open(&empty).await;
    assert_eq!(tab.page.as_ref().unwrap().attribute("data-freshness"), Some("absent"));
    let page = tab.enter(counter::VALID).await;
    assert_eq!(page.attribute("data-standing"), Some("not_covered"));
    assert!(page.has("data-label=\"data:absent\"") && page.has("Cứ tiếp nhận"));
}

const ADDRESSES: [&str; 6] = ["/", "/trang-thai", "/hom-nay", "/tinh/x.css", "/nothing", "/tra-cuu"];

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
        for body in [format!("bieu_mau={wrong}&luot={lookup}&ma="), format!("bieu_mau={wrong}&ma={}", counter::VALID)] {
            let answer = tab.post(&[], &body).await;
            assert_eq!((answer.status, answer.label()), (403, "form:token"), "{body}");
            assert!(!answer.has("id=\"ket-qua\"") && answer.hidden("bieu_mau") == Some(token), "a fresh form comes with it");
        }
    }
    assert_eq!(tab.post(&[], &format!("luot={lookup}&ma=")).await.label(), "form:token");
    let mut stranger = tab.clone();
    stranger.cookie = None;
    assert_eq!(stranger.post(&[], &tab.form("")).await.label(), "form:token");
    assert_eq!(saved(&counter).await, 0);
    // The page that came with the refusal works.
    tab.page = Some(tab.post(&[], "bieu_mau=&ma=").await);
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
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
        assert!(address == "data:," || address == "/tra-cuu" || address.starts_with("/tinh/"), "{address}");
    }
}

#[tokio::test]
async fn a_busy_day_is_still_a_light_page() {
    let counter = Counter::open().await;
    let lookup = counter.desk.look_up("GD4220100000007").await.unwrap();
    for _ in 0..200 {
        let id = bhyt_agent::domain::visit::VisitId(uuid::Uuid::new_v4());
        counter.desk.check_in(&bhyt_agent::desk::Lookup { visit_id: id, ..lookup.clone() }).await.unwrap();
    }
    let mut tab = Tab::open(&counter).await;
    let page = tab.enter(&counter::payload("LÊ THỊ KHÁC", "1999")).await;
    assert!(page.has("Hôm nay: 200 lượt") && page.has("Và 160 lượt sớm hơn"));
    assert!(page.body.len() < 30_000, "{} bytes", page.body.len());
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
async fn one_connection_too_many_is_told_so() {
    let counter = Counter::open().await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(TcpStream::connect(counter.address).await.unwrap());
    }
    let mut refused = TcpStream::connect(counter.address).await.unwrap();
    let mut answer = String::new();
    refused.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Thử lại"), "{answer}");
    drop(held);
    let mut tab = Tab::new(&counter);
    let free = async {
        // The closed ones are noticed one after the other.
        loop {
            if tab.get("/").await.status == 200 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.expect("slots are free again");
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
