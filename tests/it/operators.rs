//! Who may see and do something at the desk, from the outside: over HTTP, as a browser without script would.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::time::Duration;

use bhyt_agent::desk::Desk;
use bhyt_agent::domain::operator::OperatorId;
use bhyt_agent::domain::operator::Role;

use super::counter;
use super::counter::Counter;
use super::counter::READ;
use super::tab::Tab;
use super::tab::saved;

/// Every address there is, by the method that it takes; what is for everybody stands apart.
const FOR_EVERYBODY: [(&str, &str); 6] =
    [("GET", "/help"), ("GET", "/"), ("GET", "/trang-thai"), ("GET", "/dang-nhap"), ("POST", "/dang-nhap"), ("POST", "/ngon-ngu")];
const FOR_OPERATORS: &[(&str, &str)] = &[
    ("POST", "/tra-cuu"),
    ("POST", "/tra-cuu/moi"),
    ("GET", "/hom-nay"),
    ("GET", "/hom-nay/ca-ngay"),
    ("GET", "/ca-ngay"),
    ("POST", "/luot/sua"),
    ("POST", "/luot/gui-lai"),
    ("POST", "/luot/dong"),
    ("POST", "/luot/da-xem"),
    ("POST", "/luot/xem"),
    ("POST", "/luot/huy"),
    ("POST", "/luot/phieu"),
    ("POST", "/luot/chung-cu"),
    ("GET", "/kiem-tra-lai"),
    ("POST", "/so"),
    ("POST", "/so/phieu"),
    ("GET", "/gia-han"),
    ("POST", "/gia-han"),
    ("POST", "/gia-han/ban-in"),
    ("POST", "/gia-han/tep"),
    ("GET", "/bao-phu"),
    ("GET", "/su-kien"),
    ("GET", "/ban"),
    ("POST", "/ban/them"),
    ("POST", "/ban/thoi"),
    ("POST", "/ban/ngat"),
    ("POST", "/ban/da-xem"),
    ("GET", "/ghep"),
    ("POST", "/ghep"),
    ("GET", "/chung-thu"),
    ("POST", "/usb/ra"),
    ("POST", "/usb/vao"),
    ("POST", "/khoa"),
    ("GET", "/tiep-tuc"),
    ("GET", "/tai-khoan"),
    ("POST", "/tai-khoan/them"),
    ("POST", "/tai-khoan/ma-pin"),
    ("POST", "/tai-khoan/vai-tro"),
    ("POST", "/tai-khoan/dong"),
    ("POST", "/tai-khoan/pin-cua-toi"),
    ("GET", "/nothing"),
    ("POST", "/nothing"),
    ("GET", "/tra-cuu"),
];

/// How often each act is in the access log.
async fn acts(desk: &Desk) -> BTreeMap<String, usize> {
    let mut acts = BTreeMap::new();
    for line in desk.access_log(100_000).await.unwrap() {
        *acts.entry(line.act).or_default() += 1;
    }
    acts
}

fn names_nobody(body: &str) -> bool {
    ["Trần Thị Ví Dụ", counter::VALID, "022085000001", "id=\"hom-nay\"", "id=\"o-nhap\"", "id=\"ket-qua\""]
        .iter()
        .all(|text| !body.contains(text))
}

/// A counter with a visit of the day, a look-up on a page, and a browser that knows nothing but the form's token.
async fn with_a_visit() -> (Counter, Tab, Tab) {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    assert_eq!(tab.enter("").await.attribute("data-saved"), Some("new"));
    tab.enter(counter::VALID).await;
    let mut stranger = Tab::new(&counter);
    stranger.get("/").await;
    (counter, tab, stranger)
}

async fn asked(tab: &mut Tab, method: &str, address: &str, fields: &[(&str, &str)]) -> super::tab::Answer {
    let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap_or_default().to_owned();
    if method == "GET" { tab.ask("GET", address, &[], "").await } else { tab.act_with(address, &token, fields, &[]).await }
}

#[tokio::test]
async fn nothing_of_any_person_is_shown_or_done_where_nobody_has_signed_in() {
    let (counter, tab, mut stranger) = with_a_visit().await;
    let lookup = tab.page.as_ref().unwrap().hidden("luot").unwrap().to_owned();
    let id = counter.desk.today().await.unwrap()[0].visit.content.id.0.to_string();
    let fields = [
        ("ma", counter::VALID),
        ("luot", &*lookup),
        ("ma_luot", &*id),
        ("ban", "1"),
        ("so", "1"),
        ("ghi_chu", "x"),
        ("ten", "Kẻ Lạ"),
        ("vai_tro", "head"),
        ("pin_moi", "975310"),
        ("pin_moi_lai", "975310"),
    ];
    let before = acts(&counter.desk).await;
    for (method, address) in FOR_OPERATORS.iter().copied() {
        for fields in [&fields[..], &fields[1..]] {
            let answer = asked(&mut stranger, method, address, fields).await;
            assert_eq!((answer.status, answer.label()), (401, "session:sign_in_first"), "{method} {address}");
            assert!(names_nobody(&answer.body) && answer.has("id=\"o-ai\""), "{method} {address}: {}", answer.body);
        }
    }
    for (method, address) in FOR_EVERYBODY {
        let answer = asked(&mut stranger, method, address, &[]).await;
        assert!(matches!(answer.status, 200 | 303) && names_nobody(&answer.body), "{method} {address}: {}", answer.body);
    }
    let status = stranger.get("/trang-thai").await;
    assert!(status.attribute("data-phien") == Some("nobody") && !status.has("<form"), "{}", status.body);
    assert_eq!((saved(&counter).await, counter.desk.accounts().len()), (1, 1));
    assert_eq!(acts(&counter.desk).await, before, "nothing was done");
    // The control: the same addresses do something for whoever has signed in.
    let mut tab = tab;
    assert!(tab.get("/hom-nay").await.has("Trần Thị Ví Dụ"));
    assert_eq!(tab.get("/nothing").await.status, 404);
}

/// The list of addresses above is the router's own.
#[test]
fn every_address_is_looked_at() {
    let router = include_str!("../../src/reception/router.rs");
    let named = router.split(".route(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
    for address in named.filter(|address| *address != "/tinh/{name}") {
        let listed = FOR_EVERYBODY.iter().chain(FOR_OPERATORS).any(|(_, listed)| *listed == address);
        assert!(listed || address == "/dang-xuat", "{address}");
    }
}

#[tokio::test]
async fn without_an_account_the_page_says_what_the_administrator_does() {
    let counter = Counter::unstaffed().await;
    let mut tab = Tab::new(&counter);
    let page = tab.get("/").await;
    assert!(page.has("bhyt-agent operator add") && names_nobody(&page.body) && !page.has("id=\"o-ai\""), "{}", page.body);
    assert_eq!(tab.enter(counter::VALID).await.status, 401);
    counter.colleague("Lê Thị Mới", Role::Head, "864213").await;
    assert!(tab.get("/").await.has("Lê Thị Mới"), "as soon as there is one");
}

#[tokio::test]
async fn whoever_signs_in_is_meant_by_number_by_name_or_by_the_own_card() {
    let counter = Counter::open().await;
    let own_card = format!("{}||NGƯỜI TRỰC|01011990|Nữ|Thôn Thử|01012022", counter::OWN_ID);
    for who in ["1", counter::OPERATOR, "NGƯỜI TRỰC", "nguoi truc", counter::OWN_ID, &own_card] {
        let mut tab = Tab::new(&counter);
        tab.sign_in(who, counter::PIN).await;
        let page = tab.get("/").await;
        assert!(page.has("id=\"o-nhap\"") && page.has("Người trực: Người Trực"), "{who}: {}", page.body);
    }
    // Whose card was scanned is not told.
    let mut pages = Vec::new();
    for who in [own_card.as_str(), counter::OWN_ID] {
        let mut tab = Tab::new(&counter);
        let token = tab.get("/dang-nhap").await.hidden("bieu_mau").unwrap().to_owned();
        let asked = tab.act_with("/dang-nhap", &token, &[("ai", who)], &[]).await;
        let chosen = asked.hidden("chon").unwrap().to_owned();
        pages.push(asked.body.replace(&token, "").replace(&chosen, ""));
        let refused = tab.act_with("/dang-nhap", &token, &[("chon", &chosen), ("pin", "975310")], &[]).await;
        assert_eq!((refused.status, refused.label()), (403, "pin:wrong"), "{who}");
        assert!(!refused.has("085000"));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let mut tab = Tab::new(&counter);
    for nobody in ["7", "Kẻ Lạ"] {
        assert_eq!(tab.try_sign_in(nobody, counter::PIN).await.label(), "account:unknown", "{nobody}");
    }
    // The second Enter of a reader after the card is no try.
    let before = acts(&counter.desk).await;
    let token = tab.get("/dang-nhap").await.hidden("bieu_mau").unwrap().to_owned();
    let asked = tab.act_with("/dang-nhap", &token, &[("ai", "1")], &[]).await;
    let again = tab.act_with("/dang-nhap", &token, &[("chon", asked.hidden("chon").unwrap())], &[]).await;
    assert!(again.status == 200 && again.has("id=\"o-pin\""));
    assert_eq!(acts(&counter.desk).await, before);
}

#[tokio::test]
async fn the_cookie_and_the_token_from_before_are_worth_nothing_after_signing_in() {
    let counter = Counter::open().await;
    let mut tab = Tab::new(&counter);
    let before = tab.get("/").await;
    let mut old = tab.clone();
    tab.sign_in("1", counter::PIN).await;
    assert_ne!(tab.page.as_ref().unwrap().hidden("bieu_mau"), before.hidden("bieu_mau"));
    assert_eq!(old.get("/hom-nay").await.status, 401, "the session that was there before it is nobody's");
    // Signed in once more: the session between is worth nothing either, with its own token or with the new one.
    let mut between = tab.clone();
    assert_eq!(between.get("/hom-nay").await.status, 200, "the control: until then it is");
    tab.sign_in("1", counter::PIN).await;
    assert_eq!(between.get("/hom-nay").await.status, 401);
    between.page = tab.page.clone();
    assert_eq!(between.enter(counter::VALID).await.label(), "form:token");
    // Left.
    let mut left = tab.clone();
    tab.act_with("/dang-xuat", tab.page.clone().unwrap().hidden("bieu_mau").unwrap(), &[], &[]).await;
    assert_eq!((left.get("/hom-nay").await.status, tab.get("/ca-ngay").await.status), (401, 401));
    assert_eq!(acts(&counter.desk).await.get("signed_out"), Some(&1));
}

#[tokio::test]
async fn a_desk_that_nobody_touches_is_locked_and_the_same_person_goes_on() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    // What the page asks for by itself is no activity.
    for _ in 0..29 {
        counter.clock.advance(Duration::from_secs(10));
        for address in ["/trang-thai", "/hom-nay", "/hom-nay/ca-ngay", "/dang-nhap"] {
            assert_eq!(tab.ask("GET", address, &[], "").await.status, 200);
        }
        tab.improve().await;
    }
    assert_eq!(tab.ask("GET", "/trang-thai", &[], "").await.attribute("data-phien"), Some("open"));
    counter.clock.advance(Duration::from_secs(10));
    assert_eq!(tab.ask("GET", "/trang-thai", &[], "").await.attribute("data-phien"), Some("locked"));
    let form = tab.form("");
    let refused = tab.post(&[], &form).await;
    assert!(refused.status == 401 && names_nobody(&refused.body) && refused.has("ĐANG KHÓA. Người Trực"), "{}", refused.body);
    assert_eq!(saved(&counter).await, 0, "nothing is saved silently");
    for address in ["/", "/ca-ngay", "/tiep-tuc"] {
        assert!(names_nobody(&tab.ask("GET", address, &[], "").await.body), "{address}");
    }
    // The wall clock has nothing to do with it.
    counter.clock.set_wall("2026-11-21T03:00:00Z");
    let answer = tab.try_sign_in("1", counter::PIN).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/tiep-tuc")));
    let goes_on = tab.get("/tiep-tuc").await;
    assert!(goes_on.attribute("data-standing") == Some("valid") && goes_on.has("Trần Thị Ví Dụ"), "{}", goes_on.body);
    assert_eq!(tab.enter("").await.status, 200, "the Enter of the PIN, sent twice, saves nothing");
    assert_eq!(saved(&counter).await, 0);
    counter.clock.advance(READ);
    assert_eq!(tab.enter("").await.attribute("data-saved"), Some("new"));
    let acts = acts(&counter.desk).await;
    assert_eq!((acts["locked"], acts["signed_in"], acts["looked_up"], acts["saved"]), (1, 2, 1, 1), "{acts:?}");
    // Used in time, it stays open.
    for _ in 0..3 {
        counter.clock.advance(Duration::from_secs(290));
        assert_eq!(tab.get("/").await.attribute("data-phien"), Some("open"));
    }
}

#[tokio::test]
async fn a_colleague_takes_over_with_a_fresh_page_and_nothing_is_saved_for_either() {
    let counter = Counter::limited().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let form = tab.form("");
    counter.clock.advance(READ);
    let page = tab.get("/dang-nhap").await;
    assert!(page.has("Quay lại, vẫn là Người Trực") && names_nobody(&page.body));
    assert_eq!(tab.try_sign_in(&second.to_string(), "135247").await.label(), "pin:wrong");
    assert!(tab.get("/").await.has("Người trực: Người Trực"), "a colleague's slip changes nothing");
    tab.sign_in(&second.to_string(), "135246").await;
    let page = tab.get("/").await;
    assert!(page.has("Người trực: Lê Thị Hai") && page.hidden("luot").is_none(), "{}", page.body);
    assert_eq!(tab.ask("GET", "/tiep-tuc", &[], "").await.header("location"), Some("/"));
    assert_eq!(tab.post(&[], &form).await.label(), "lookup:expired", "the form of the page before");
    let [lookup, visit] = ["&luot=", "&ma_luot="].map(|field| super::tab::between(&form, field, "&").unwrap().to_owned());
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    assert_eq!(
        tab.act_with("/tra-cuu", &token, &[("luot", &lookup), ("ma_luot", &visit), ("ma", "")], &[]).await.label(),
        "lookup:expired"
    );
    assert_eq!(saved(&counter).await, 0);
    tab.enter(counter::EXPIRED).await;
    counter.clock.advance(READ);
    tab.enter("").await;
    let today = counter.desk.today().await.unwrap();
    assert_eq!((today.len(), today[0].visit.content.operator.as_str()), (1, "Lê Thị Hai"), "what is done is done by name");
    let last = &counter.desk.access_log(1).await.unwrap()[0];
    assert_eq!((last.act.as_str(), last.operator), ("saved", Some(second.0)));
    assert_eq!(acts(&counter.desk).await["signed_out"], 1, "of the one before");
}

#[tokio::test]
async fn a_button_locks_at_once() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    let token = tab.page.clone().unwrap().hidden("bieu_mau").unwrap().to_owned();
    assert_eq!(tab.act_with("/khoa", &token, &[], &[]).await.header("location"), Some("/dang-nhap"));
    let page = tab.get("/dang-nhap").await;
    assert!(page.has("ĐANG KHÓA. Người Trực"));
    assert_eq!(tab.get("/hom-nay").await.status, 401);
    // The PIN alone opens it again; an operator's card in its place is no try of it.
    let (token, number) = (page.hidden("bieu_mau").unwrap().to_owned(), page.hidden("so").unwrap().to_owned());
    let card = format!("{}||NGƯỜI TRỰC|01011990|Nữ|Thôn Thử|01012022", counter::OWN_ID);
    let asked = tab.act_with("/dang-nhap", &token, &[("so", &number), ("pin", &card)], &[]).await;
    assert!(asked.status == 200 && asked.has("Mã PIN của người vừa quét căn cước"), "{}", asked.body);
    assert_eq!(acts(&counter.desk).await.get("sign_in_failed"), None);
    assert_eq!(tab.act_with("/dang-nhap", &token, &[("so", &number), ("pin", counter::PIN)], &[]).await.status, 303);
    assert_eq!(tab.get("/hom-nay").await.status, 200);
}

/// The next patient's card, scanned at a desk that is locked or where nobody has signed in.
const PATIENTS_CARD: &str = "GD4220100000001|5472E1BAA76E20546869CC3A||2|||||||||||$";

#[tokio::test]
async fn a_patients_card_is_no_try_of_whoever_the_desk_is_locked_for() {
    let counter = Counter::limited().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let token = tab.page.clone().unwrap().hidden("bieu_mau").unwrap().to_owned();
    tab.act_with("/khoa", &token, &[], &[]).await;
    let page = tab.get("/dang-nhap").await;
    let (token, number) = (page.hidden("bieu_mau").unwrap().to_owned(), page.hidden("so").unwrap().to_owned());
    let before = acts(&counter.desk).await;
    let scans = [PATIENTS_CARD, "001085000009||KẺ LẠ|01011990|Nữ|Thôn Thử|01012022", counter::VALID];
    for scan in scans.iter().cycle().take(12) {
        let refused = tab.act_with("/dang-nhap", &token, &[("so", &number), ("pin", scan)], &[]).await;
        assert_eq!((refused.status, refused.label()), (422, "scan:not_an_operators"), "{scan}");
        assert!(refused.has("Mã PIN của Người Trực") && refused.has("ĐANG KHÓA. Người Trực"), "{}", refused.body);
        assert!(refused.has("không phải căn cước của người trực") && !refused.has("085000") && !refused.has("KẺ LẠ"), "{}", refused.body);
        // The second Enter of the reader does not take the message away.
        let again = tab.act_with("/dang-nhap", &token, &[("so", refused.hidden("so").unwrap()), ("pin", ""), ("quet", "1")], &[]).await;
        assert!(again.label() == "scan:not_an_operators" && again.has("Mã PIN của Người Trực"), "{}", again.body);
    }
    // A number alone where somebody is to be named, and a colleague who was chosen: that one is asked for the PIN still.
    for number in ["001085000009", counter::VALID, "4220100001"] {
        let refused = tab.act_with("/dang-nhap", &token, &[("ai", number)], &[]).await;
        assert_eq!((refused.status, refused.label()), (422, "scan:not_an_operators"), "{number}");
    }
    let asked = tab.act_with("/dang-nhap", &token, &[("so", &second.to_string())], &[]).await;
    let refused = tab.act_with("/dang-nhap", &token, &[("chon", asked.hidden("chon").unwrap()), ("pin", PATIENTS_CARD)], &[]).await;
    assert!(refused.label() == "scan:not_an_operators" && refused.has("Mã PIN của Lê Thị Hai"), "{}", refused.body);
    assert_eq!(acts(&counter.desk).await, before, "nothing is in the access log");
    // The PIN works at once, and the work goes on.
    let right = tab.act_with("/dang-nhap", &token, &[("so", &number), ("pin", counter::PIN), ("quet", "1")], &[]).await;
    assert_eq!((right.status, right.header("location")), (303, Some("/tiep-tuc")));
    assert!(tab.get("/tiep-tuc").await.has("Trần Thị Ví Dụ"));
}

#[tokio::test]
async fn what_a_scan_says_of_an_operators_number_is_told_no_faster_than_look_ups_are() {
    let counter = Counter::limited().await;
    let mut tab = Tab::new(&counter);
    let token = tab.get("/dang-nhap").await.hidden("bieu_mau").unwrap().to_owned();
    for n in 0..60 {
        let refused = tab.act_with("/dang-nhap", &token, &[("ai", &format!("0010850{n:05}"))], &[]).await;
        assert_eq!(refused.label(), "scan:not_an_operators", "{n}");
    }
    for own_or_not in [counter::OWN_ID, "001085000009"] {
        assert_eq!(tab.act_with("/dang-nhap", &token, &[("ai", own_or_not)], &[]).await.label(), "look_up:too_fast");
    }
    tab.sign_in("1", counter::PIN).await;
}

#[tokio::test]
async fn after_five_slips_the_wait_is_said_and_the_right_pin_is_not_told() {
    let counter = Counter::limited().await;
    let mut tab = Tab::new(&counter);
    for _ in 0..5 {
        assert_eq!(tab.try_sign_in("1", "999990").await.label(), "pin:wrong");
    }
    let (wrong, right) = (tab.clone().try_sign_in("1", "999990").await, tab.clone().try_sign_in("1", counter::PIN).await);
    for answer in [&wrong, &right] {
        assert_eq!((answer.status, answer.label()), (403, "pin:wait"));
        assert!(answer.has("lần cuối lúc 10:00") && answer.has("Thử lại sau 30 giây"), "{}", answer.body);
    }
    counter.clock.advance(Duration::from_secs(29));
    assert!(tab.try_sign_in("1", counter::PIN).await.has("Thử lại sau 1 giây"));
    counter.clock.advance(Duration::from_secs(1));
    tab.sign_in("1", counter::PIN).await;
    let acts = acts(&counter.desk).await;
    assert_eq!((acts["sign_in_failed"], acts["signed_in"]), (5, 1), "{acts:?}");
}

/// F48: 1,000 guesses and 20 restarts; the machine is started anew at some of them, its clock is set at others, cookies are thrown away.
#[tokio::test]
async fn f48_a_pin_is_not_guessed_over_restarts() {
    let mut counter = Counter::limited().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::new(&counter);
    let (mut in_hours, mut hour, mut right) = (vec![0_usize], Duration::ZERO, 0);
    for guess in 0..1000_u32 {
        if guess % 50 == 49 {
            if guess % 100 == 99 {
                counter.clock.restart_machine();
            }
            counter.restart_page().await;
            tab = Tab::new(&counter);
        }
        if guess % 200 == 77 {
            counter.clock.set_wall(if guess % 400 == 77 { "2015-01-01T00:00:00Z" } else { "2033-01-01T00:00:00Z" });
        }
        if guess % 7 == 0 {
            tab.cookie = None;
        }
        let step = Duration::from_secs(30);
        counter.clock.advance(step);
        hour += step;
        if hour >= Duration::from_hours(1) {
            (hour, in_hours) = (Duration::ZERO, [in_hours, vec![0]].concat());
        }
        let who = if guess % 2 == 0 { OperatorId(1) } else { second };
        // Every tenth guess would be right: while somebody waits it is refused like any other.
        let pin = if guess % 10 == 9 { counter::PIN.to_owned() } else { format!("{:06}", 340_000 + guess * 7) };
        match tab.try_sign_in(&who.to_string(), &pin).await.label() {
            "pin:wrong" => *in_hours.last_mut().unwrap() += 1,
            "pin:wait" => {}
            other => panic!("guess {guess}: {other}"),
        }
        right += usize::from(pin == counter::PIN && who == OperatorId(1));
    }
    assert_eq!(right, 0, "made so that no guess is right: the PIN of one is tried at the other");
    println!("tries let through in each hour: {in_hours:?}");
    assert!(in_hours.iter().all(|tries| *tries <= 30) && in_hours[0] >= 5, "{in_hours:?}");
    let failed = acts(&counter.desk).await["sign_in_failed"];
    assert_eq!(failed, in_hours.iter().sum::<usize>(), "every try that was let through is in the access log");
}

/// F47: 10,000 guesses of numbers, ten in a second.
#[tokio::test]
async fn f47_numbers_are_not_guessed_on_the_page() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    let (mut answered, mut too_fast, mut locked, mut refused) = (0_usize, 0, 0, 0);
    let mut minutes = BTreeMap::<u64, usize>::new();
    for guess in 0..10_000_u64 {
        counter.clock.advance(Duration::from_millis(100));
        let form = tab.form(&format!("GD40101{:08}", 10_000_000 + guess));
        let answer = tab.post(&[], &form).await;
        match (answer.status, answer.label()) {
            (200, "none") => answered += 1,
            (429, "look_up:too_fast") => too_fast += 1,
            (429, "look_up:too_many_misses") => {
                locked += 1;
                assert!(answer.has("30 lần liền") && names_nobody(&answer.body));
            }
            // Once a minute somebody who knows the PIN opens the desk again.
            (401, _) if guess % 600 == 0 => tab.sign_in("1", counter::PIN).await,
            (401, _) => refused += 1,
            other => panic!("guess {guess}: {other:?}"),
        }
        if matches!(answer.status, 200) || answer.label() == "look_up:too_many_misses" {
            *minutes.entry(guess / 600).or_default() += 1;
        }
    }
    println!("{answered} answered, {too_fast} too fast, {locked} locks, {refused} refused while locked; in each minute: {minutes:?}");
    assert!(minutes.values().all(|minute| *minute <= 60), "{minutes:?}");
    assert_eq!(answered, 29 * locked + answered % 29, "a lock after each row of 30");
    assert!(locked >= 10 && refused > 1000);
    let acts = acts(&counter.desk).await;
    assert_eq!(acts["looked_up"], answered + locked, "100 % are logged");
    assert_eq!(acts["locked"], locked);
}

#[tokio::test]
async fn f47_a_busy_minute_is_refused_beyond_sixty_and_found_people_do_not_lock() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    for n in 0..60 {
        counter.clock.advance(Duration::from_millis(500));
        assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"), "{n}");
    }
    let refused = tab.enter(counter::VALID).await;
    assert_eq!((refused.status, refused.label()), (429, "look_up:too_fast"));
    assert!(refused.has("Chờ 31 giây") && !refused.has("Trần Thị Ví Dụ"), "{}", refused.body);
    counter.clock.advance(Duration::from_secs(31));
    assert_eq!(tab.enter(counter::VALID).await.status, 200);
    assert_eq!(acts(&counter.desk).await["looked_up"], 61);
}

#[tokio::test]
async fn accounts_are_the_head_s_business_and_the_own_pin_is_everybody_s() {
    let counter = Counter::limited().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let mut tab = Tab::new(&counter);
    tab.sign_in("2", "135246").await;
    let own = tab.get("/tai-khoan").await;
    assert!(
        own.has("action=\"/tai-khoan/pin-cua-toi\"") && !own.has("action=\"/tai-khoan/them\"") && !own.has("data-account"),
        "{}",
        own.body
    );
    let new = [("ten", "Kẻ Lạ"), ("vai_tro", "head"), ("pin_moi", "975310"), ("pin_moi_lai", "975310"), ("so", "1")];
    for address in ["/tai-khoan/them", "/tai-khoan/ma-pin", "/tai-khoan/vai-tro", "/tai-khoan/dong"] {
        let token = own.hidden("bieu_mau").unwrap().to_owned();
        let refused = tab.act_with(address, &token, &new, &[]).await;
        assert_eq!((refused.status, refused.label()), (403, "account:head_only"), "{address}");
    }
    let fields = [("pin", "135246"), ("pin_moi", "864209"), ("pin_moi_lai", "864209")];
    let token = own.hidden("bieu_mau").unwrap().to_owned();
    for (fields, label) in [
        ([("pin", "135247"), fields[1], fields[2]], "pin:wrong"),
        ([fields[0], fields[1], ("pin_moi_lai", "864200")], "pin:differs"),
        ([fields[0], ("pin_moi", "123456"), ("pin_moi_lai", "123456")], "pin:obvious"),
        ([fields[0], ("pin_moi", "1357"), ("pin_moi_lai", "1357")], "pin:length"),
    ] {
        assert_eq!(tab.act_with("/tai-khoan/pin-cua-toi", &token, &fields, &[]).await.label(), label);
    }
    let mut elsewhere = Tab::new(&counter);
    elsewhere.sign_in("2", "135246").await;
    let changed = tab.act_with("/tai-khoan/pin-cua-toi", &token, &fields, &[]).await;
    assert_eq!((changed.status, changed.headers("set-cookie").len()), (303, 2), "{}", changed.body);
    assert_eq!(tab.get("/").await.attribute("data-phien"), Some("open"));
    assert_eq!(elsewhere.get("/").await.attribute("data-phien"), Some("locked"), "where the PIN before was shown");
    assert_eq!(elsewhere.try_sign_in("2", "135246").await.label(), "pin:wrong");
    elsewhere.sign_in("2", "864209").await;
    assert_eq!(counter.desk.account(second).unwrap().pin_number, 2);
}

#[tokio::test]
async fn the_head_adds_changes_and_closes_accounts_on_the_page() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    let page = tab.get("/tai-khoan").await;
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    let pin = [("pin_moi", "135246"), ("pin_moi_lai", "135246")];
    let act = async |tab: &mut Tab, address: &str, fields: &[(&str, &str)]| {
        let answer = tab.act_with(address, &token, fields, &[]).await;
        if answer.status == 303 { tab.get("/tai-khoan").await } else { answer }
    };
    let new = [[("ten", "Lê Thị <Hai>"), ("can_cuoc", "022085000088")].to_vec(), pin.to_vec()].concat();
    let added = act(&mut tab, "/tai-khoan/them", &new).await;
    assert!(added.has("ĐÃ THÊM Lê Thị &#60;Hai&#62;, số 2") && !added.has("022085000088") && !added.has("135246"), "{}", added.body);
    let in_vietnamese = tab.cookie.clone();
    tab.cookie = in_vietnamese.as_ref().map(|cookie| format!("{cookie}; bhyt_ngon_ngu=en"));
    let switched = tab.get("/tai-khoan").await;
    assert!(switched.has("ADDED Lê Thị &#60;Hai&#62;, number 2") && !switched.has("ĐÃ THÊM"), "{}", switched.body);
    tab.cookie = in_vietnamese;
    for (address, fields, label) in [
        ("/tai-khoan/them", new.clone(), "account:name_taken"),
        ("/tai-khoan/them", [vec![("ten", "Ba"), ("can_cuoc", "022085000088")], pin.to_vec()].concat(), "account:personal_id_taken"),
        ("/tai-khoan/them", [vec![("ten", "Ba"), ("can_cuoc", "123")], pin.to_vec()].concat(), "account:personal_id"),
        ("/tai-khoan/them", [vec![("ten", " ")], pin.to_vec()].concat(), "account:name"),
        ("/tai-khoan/dong", vec![("so", "1")], "account:last_head"),
        ("/tai-khoan/vai-tro", vec![("so", "1"), ("vai_tro", "reception")], "account:last_head"),
        ("/tai-khoan/dong", vec![("so", "9")], "account:unknown"),
    ] {
        assert_eq!(act(&mut tab, address, &fields).await.label(), label, "{address} {fields:?}");
    }
    let mut other = Tab::new(&counter);
    other.sign_in("2", "135246").await;
    assert!(act(&mut tab, "/tai-khoan/vai-tro", &[("so", "2"), ("vai_tro", "head")]).await.has("ĐÃ ĐỔI vai trò"));
    assert!(other.get("/tai-khoan").await.has("action=\"/tai-khoan/them\""), "at once");
    act(&mut tab, "/tai-khoan/ma-pin", &[("so", "2"), ("pin_moi", "864209"), ("pin_moi_lai", "864209")]).await;
    assert_eq!(other.get("/").await.attribute("data-phien"), Some("locked"));
    assert_eq!(other.try_sign_in("2", "864209").await.status, 303);
    assert!(act(&mut tab, "/tai-khoan/dong", &[("so", "2")]).await.has("ĐÃ ĐÓNG"));
    assert_eq!((other.get("/hom-nay").await.status, other.get("/").await.attribute("data-phien")), (401, Some("nobody")));
    assert_eq!(other.try_sign_in("2", "864209").await.label(), "account:unknown");
    let acts = acts(&counter.desk).await;
    let of = |act: &str| acts.get(act).copied().unwrap_or_default();
    assert_eq!((of("account_added"), of("account_role"), of("account_pin"), of("account_closed")), (2, 1, 1, 1), "{acts:?}");
    assert!(counter.desk.verify_log(None).await.unwrap().is_consistent());
}

#[tokio::test]
async fn a_desk_whose_disk_takes_no_line_still_answers_and_writes_it_when_it_can() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    let before = acts(&counter.desk).await;
    let held = counter.lock_visits();
    let begun = std::time::Instant::now();
    assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
    // The disk is waited for five seconds.
    assert!(begun.elapsed() < crate::support::bounds::house_or(Duration::from_secs(2), Duration::from_secs(4)), "{:?}", begun.elapsed());
    drop(held);
    // Whoever reads the log now has what waited written first: it was shown without that line.
    let looked_up = |acts: &BTreeMap<String, usize>| acts.get("looked_up").copied().unwrap_or_default();
    assert_eq!(looked_up(&acts(&counter.desk).await), 1 + looked_up(&before));
    assert!(counter.desk.verify_log(None).await.unwrap().is_consistent());
}

/// A9: three look-ups while the disk takes nothing, then a stop: the next run's log says that lines are missing, and since when.
#[tokio::test]
async fn a9_lines_that_end_with_the_program_are_a_gap_in_the_log() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let before = counter.desk.access_log(1).await.unwrap()[0].number;
    let held = counter.lock_visits();
    counter.clock.advance(Duration::from_mins(3));
    let since = counter.desk.time().now().at;
    for _ in 0..3 {
        assert_eq!(tab.enter(counter::VALID).await.attribute("data-standing"), Some("valid"));
        counter.clock.advance(Duration::from_mins(1));
    }
    counter.desk.close_log().await;
    let next = counter.killed_and_started().await;
    drop((held, counter));
    let counter = next;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    let lines = counter.desk.access_log(100).await.unwrap();
    let gap = lines.iter().find(|line| line.number == before + 1).unwrap();
    assert_eq!((gap.act.as_str(), gap.at, gap.operator), ("gap", since, None), "{lines:?}");
    let verified = counter.desk.verify_log(None).await.unwrap();
    assert!(verified.is_consistent() && verified.gaps == 1, "{verified:?}");
    // The control: a stop at which nothing waits leaves nothing to be told.
    let next = counter.killed_and_started().await;
    next.desk.write_waiting().await;
    assert_eq!(next.desk.verify_log(None).await.unwrap().gaps, 1);
}

async fn newest(counter: &Counter) -> bhyt_agent::desk::LoggedAccess {
    counter.desk.access_log(1).await.unwrap().remove(0)
}

/// B1: whatever shows people to somebody is one line of the log, which says how many and whom; what was tried before a sign-in is at the same place
/// as what came after.
#[tokio::test]
async fn b1_whatever_shows_people_is_in_the_log() {
    let (counter, mut tab, _) = with_a_visit().await;
    let looked_up = counter.desk.access_log(100).await.unwrap().into_iter().find(|line| line.act == "looked_up").unwrap();
    let token = looked_up.person.as_ref().unwrap()[..8].to_vec();
    let shows = |line: &bhyt_agent::desk::LoggedAccess| line.people.as_ref().is_some_and(|people| people.chunks(8).any(|one| one == token));
    tab.get("/").await;
    for (act, fields, named) in [("/luot/xem", [("so", "1")], "viewed"), ("/luot/xem", [("so", " 1 ")], "viewed")] {
        assert_eq!(tab.act(act, &fields).await.status, 200);
        let line = newest(&counter).await;
        assert_eq!((line.act.as_str(), &line.person), (named, &looked_up.person));
        tab.get("/").await;
    }
    tab.get("/ca-ngay").await;
    let line = newest(&counter).await;
    assert_eq!((line.act.as_str(), line.detail.as_deref(), line.shown), ("listed", Some("day"), Some(1)));
    assert!(shows(&line));
    for _ in 0..3 {
        tab.get("/hom-nay/ca-ngay").await;
    }
    assert_eq!(newest(&counter).await.number, line.number, "an open list is one line");
    counter.clock.advance(Duration::from_mins(4));
    let mut other = Tab::open(&counter).await;
    other.get("/hom-nay/ca-ngay").await;
    assert!(shows(&newest(&counter).await), "asked for by itself it is one as well");
    other.get("/kiem-tra-lai").await;
    assert_eq!(newest(&counter).await.detail.as_deref(), Some("unsure"));
    other.get("/").await;
    other.enter("Trần Thị Ví Dụ").await;
    let line = newest(&counter).await;
    assert_eq!((line.act.as_str(), line.shown), ("searched", Some(1)));
    assert!(shows(&line));
    other.get("/gia-han").await;
    let line = newest(&counter).await;
    assert_eq!((line.act.as_str(), line.detail.as_deref()), ("searched", Some("renewals")));
    assert!(line.shown.is_some_and(|shown| shown > 0) && shows(&line), "{line:?}");
    // A slip at a new browser, and then the right one.
    let mut new = Tab::new(&counter);
    assert_eq!(new.try_sign_in("1", "999990").await.label(), "pin:wrong");
    let failed = newest(&counter).await.place;
    new.sign_in("1", counter::PIN).await;
    new.enter(counter::VALID).await;
    let places: Vec<_> = counter.desk.access_log(2).await.unwrap().into_iter().map(|line| (line.act, line.place)).collect();
    assert_eq!(places, [("looked_up".to_owned(), failed.clone()), ("signed_in".to_owned(), failed)]);
    assert!(counter.desk.verify_log(None).await.unwrap().is_consistent());
}

/// B2: names that are nobody's, corrections with made-up numbers and numbers of visits that are none count like any other guess.
#[tokio::test]
async fn f47_neither_names_nor_corrections_nor_visits_numbers_are_another_way_to_guess() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    tab.enter("").await;
    let id = counter.desk.today().await.unwrap()[0].visit.content.id.0.to_string();
    for way in ["names", "corrections", "visits"] {
        let mut tries = 0;
        loop {
            counter.clock.advance(Duration::from_secs(2));
            tries += 1;
            let page = tab.get("/").await;
            let token = page.hidden("bieu_mau").unwrap().to_owned();
            let number = format!("GD40101{:08}", 10_000_000 + tries);
            let answer = match way {
                "names" => tab.enter("Zzyzx Qwxrt").await,
                "corrections" => {
                    let fields = [("ma_luot", &*id), ("ban", "1"), ("ma", &*number)];
                    tab.act_with("/luot/sua", &token, &fields, &[]).await
                }
                _ => tab.act_with("/luot/xem", &token, &[("so", &*(1000 + tries).to_string())], &[]).await,
            };
            if answer.label() == "look_up:too_many_misses" {
                break;
            }
            assert!(matches!(answer.status, 200 | 303 | 404 | 409 | 422), "{way} {tries}: {} {}", answer.status, answer.label());
            assert!(tries < 40, "{way}: still open");
        }
        assert_eq!(tries, 30, "{way}");
        assert_eq!(tab.get("/hom-nay").await.status, 401, "{way}");
        assert_eq!(tab.try_sign_in("1", counter::PIN).await.status, 303, "{way}");
    }
    // By the minute as well.
    counter.clock.advance(Duration::from_mins(1));
    for n in 0..=60 {
        let token = tab.get("/").await.hidden("bieu_mau").unwrap().to_owned();
        let answer = tab.act_with("/luot/xem", &token, &[("ma_luot", &id)], &[]).await;
        assert_eq!(answer.status, if n < 60 { 200 } else { 429 }, "{n}");
    }
}

/// D: whatever is asked for a visit's number, it is a visit or none.
#[tokio::test]
async fn d_a_crafted_number_is_no_visit() {
    let (_counter, mut tab, _) = with_a_visit().await;
    let page = tab.get("/").await;
    let token = page.hidden("bieu_mau").unwrap().to_owned();
    for address in ["/luot/xem", "/luot/da-xem"] {
        let plain = tab.act_with(address, &token, &[("so", "x")], &[]).await;
        for number in ["9223372036854775808", "18446744073709551615"] {
            let answer = tab.act_with(address, &token, &[("so", number)], &[]).await;
            assert_eq!((answer.status, answer.label()), (plain.status, plain.label()), "{address} {number}");
        }
    }
}

/// D: the accounts' page says nothing of whoever was just saved.
#[tokio::test]
async fn d_the_accounts_page_names_no_patient() {
    let counter = Counter::open().await;
    let mut tab = Tab::open(&counter).await;
    tab.enter(counter::VALID).await;
    counter.clock.advance(READ);
    let form = tab.form("");
    assert_eq!(tab.post(&[], &form).await.status, 303);
    assert!(!tab.get("/tai-khoan").await.has("Trần Thị Ví Dụ"));
    assert!(tab.get("/").await.has("Trần Thị Ví Dụ"), "the control: it is said at the desk");
}

/// D: numbers to call by are given at a person's pace.
#[tokio::test]
async fn d_queue_numbers_are_given_at_a_person_s_pace() {
    let counter = Counter::limited().await;
    let mut tab = Tab::open(&counter).await;
    let mut given = 0;
    for _ in 0..200 {
        counter.clock.advance(Duration::from_millis(4));
        let token = tab.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
        given += usize::from(tab.act_with("/so", &token, &[], &[]).await.status == 303);
    }
    assert_eq!(given, 60);
    counter.clock.advance(Duration::from_mins(1));
    assert!(tab.act("/so", &[]).await.has("data-saved=\"queue\""));
    assert_eq!(tab.enter(counter::VALID).await.status, 200, "people are looked up all the same");
}
