//! Whom a station believes, by which clock, and what it calls those it does not believe.
//!
//! Promise: a network that answers in the province's place is never a success and never moves the clock. Never: the raw wall clock.

use std::sync::Arc;

use super::scripted_tests::Act;
use super::scripted_tests::Authority;
use super::scripted_tests::Scripted;
use super::scripted_tests::Seen;
use super::scripted_tests::Station;
use super::scripted_tests::USUAL;
use super::scripted_tests::answer;
use super::scripted_tests::instant;
use super::scripted_tests::sealed;
use super::scripted_tests::today;
use super::*;
use crate::domain::card::InsuranceNumber;
use crate::domain::clock::Clock;
use crate::domain::clock::ClockState;
use crate::domain::clock::Reading;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::ChainLinks;
use crate::domain::visit::Sequence;
use crate::upstream::Distrust;
use crate::upstream::Fault;

fn hello() -> Hello {
    Hello {
        install: Uuid::nil(),
        links: ChainLinks { previous: None, next: Uuid::nil() },
        highest: Sequence(0),
        pending: 0,
        parked: 0,
        roster: None,
        reading: Reading { wall: today(), since_boot: core::time::Duration::ZERO, boot_id: "boot".into() },
        clock: ClockState::Plausible,
        log: None,
    }
}

fn wanted() -> Wanted {
    Wanted { card_number: None, insurance_number: InsuranceNumber::parse("0100000003").ok(), personal_id: None }
}

/// Everything a station asks, with what came of it.
async fn ask_all(province: &HttpsProvince) -> [(&'static str, Result<(), Error>); 7] {
    let folder = tempfile::tempdir().unwrap();
    let (_, file) = sealed(5000);
    [
        ("index", province.index().await.map(drop)),
        ("fetch", province.fetch(&file, &folder.path().join("part"), u64::MAX).await),
        ("deliver", province.deliver(Uuid::nil(), &[]).await.map(drop)),
        ("contact", province.contact(&hello()).await.map(drop)),
        ("look_up", province.look_up(&wanted()).await.map(drop)),
        ("report", province.report(Uuid::nil(), &[]).await),
        ("renew", province.renew(Uuid::nil()).await),
    ]
}

const CONTACT: &str = include_str!("../../../../tests/fixtures/wire/contact-answer.json");

fn greet(_: usize, _: &Seen) -> Act {
    Act::Say(answer("200 OK", "date: Fri, 01 Jan 2100 00:00:00 GMT\r\n", CONTACT.as_bytes()))
}

#[tokio::test]
async fn f42_a_machine_that_wakes_in_2000_reaches_the_province_at_the_first_try() {
    for (clock, reaches) in [
        ("2000-01-01T00:00:00Z", true),
        ("1970-01-01T00:00:00Z", true),
        ("2026-11-22T00:00:00Z", true),
        ("2027-11-30T00:00:00Z", false),
        ("2037-01-01T00:00:00Z", false),
    ] {
        let mut station = Station::new();
        station.judged = Arc::new(move || instant(clock));
        let (server, province) = station.served(Arc::new(greet)).await;
        let greeting = province.contact(&hello()).await;
        assert_eq!(greeting.is_ok(), reaches, "{clock}: {greeting:?}");
        assert_eq!(server.seen().len(), usize::from(reaches), "{clock}");
        if let Err(error) = greeting {
            assert!(matches!(error, Error::Untrusted { why: Distrust::ServerExpired, .. }), "{clock}: {error:?}");
        }
    }
}

/// A clock that was behind must not open a door: neither to another authority, nor to another name, nor to a chain that never held at one time.
#[tokio::test]
async fn f42_a_clock_that_is_behind_opens_no_other_door() {
    let mut station = Station::new();
    station.judged = Arc::new(|| instant("2000-01-01T00:00:00Z"));
    let other = Authority::new();
    for (tls, name) in [
        (other.server("127.0.0.1", USUAL, None), "another authority"),
        (station.authority.server("127.0.0.2", USUAL, None), "another name"),
    ] {
        let server = Scripted::start(tls, Arc::new(greet)).await;
        let refused = station.towards(&server.base).contact(&hello()).await.unwrap_err();
        assert!(matches!(refused, Error::Untrusted { why: Distrust::OtherServer, .. }), "{name}: {refused:?}");
        assert!(server.seen().is_empty(), "{name}: nothing was said");
    }
}

struct Wall(chrono::DateTime<chrono::Utc>);

impl Clock for Wall {
    fn read(&self) -> Reading {
        Reading { wall: self.0, since_boot: core::time::Duration::ZERO, boot_id: "boot".into() }
    }
}

#[tokio::test]
async fn f41_no_answer_moves_the_floor() {
    let keeper = TimeKeeper::new(Arc::new(Wall(today())), instant("2026-11-01T00:00:00Z"));
    let mut station = Station::new();
    let time = keeper.clone();
    station.judged = Arc::new(move || time.now().at);
    let lying = CONTACT.replace("2026-11-23T", "2099-11-23T");
    let script = move |_, _: &Seen| Act::Say(answer("200 OK", "date: Fri, 01 Jan 2100 00:00:00 GMT\r\n", lying.as_bytes()));
    let (server, province) = station.served(Arc::new(script)).await;
    let before = keeper.now();
    for _ in 0..20 {
        let _ = ask_all(&province).await;
    }
    assert!(server.seen().len() >= 100);
    assert_eq!(keeper.now(), before);
    assert_eq!((before.at, before.state), (today(), ClockState::Plausible));
}

/// The network answers in the place of the province, in each of its ways, to each question of ours.
#[tokio::test]
async fn f61_a_captive_portal_is_never_a_success_and_is_named() {
    let page = b"<!DOCTYPE html><title>Wi-Fi</title>".as_slice();
    let login = "location: http://10.0.0.1/login\r\n";
    let html = "content-type: text/html\r\n";
    let answers = [
        ("a page", answer("200 OK", html, page)),
        ("a page without a type", answer("200 OK", "", page)),
        ("a page with a 206", answer("206 Partial Content", "content-range: bytes 0-34/35\r\n", page)),
        ("302", answer("302 Found", login, b"")),
        ("307 to itself", answer("307 Temporary Redirect", "location: /\r\n", b"")),
        ("302 to another host", answer("302 Found", "location: https://portal.example/\r\n", page)),
        ("511", answer("511 Network Authentication Required", html, page)),
        ("407", answer("407 Proxy Authentication Required", "proxy-authenticate: Basic realm=\"x\"\r\n", b"")),
        ("401 with a page", answer("401 Unauthorized", html, page)),
        ("403 with a page", answer("403 Forbidden", html, page)),
        ("JSON", answer("200 OK", "", b"{\"captive\":true,\"user-portal-url\":\"https://portal.example/\"}")),
        ("no JSON", answer("200 OK", "", b"{\"receipts\":[}")),
        ("empty", answer("200 OK", "", b"")),
        ("204", b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec()),
        ("304", b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_vec()),
        ("no HTTP", b"SSH-2.0-portal\r\n".to_vec()),
        ("nothing", Vec::new()),
    ];
    for (name, bytes) in answers {
        let station = Station::new();
        let (server, province) = station.served(Arc::new(move |_, _| Act::Say(bytes.clone()))).await;
        for (call, outcome) in ask_all(&province).await {
            let error = outcome.expect_err(name);
            let is_named = matches!(error, Error::Stranger(_) | Error::Unreachable(_) | Error::Untrusted { .. });
            assert!(is_named, "{name}, {call}: {error:?}");
        }
        assert!(server.seen().len() >= 7, "{name}");
        assert!(station.kept.0.lock().unwrap().is_empty(), "{name}: nothing is kept of it");
    }
}

#[tokio::test]
async fn f61_a_reset_or_another_certificate_is_named_too() {
    let station = Station::new();
    let other = Authority::new();
    let ended = Station { days: (-700, -30), ..Station::new() };
    let is_other = |error: &Error| matches!(error, Error::Untrusted { why: Distrust::OtherServer, .. });
    // A network that speaks no TLS where the province should be.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                use tokio::io::AsyncReadExt;
                use tokio::io::AsyncWriteExt;
                let mut hello = [0; 100];
                let _ = stream.read(&mut hello).await;
                let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\n\r\n").await;
            });
        }
    });
    for (call, outcome) in ask_all(&station.towards(&base)).await {
        let error = outcome.unwrap_err();
        assert!(is_other(&error), "plain HTTP, {call}: {error:?}");
    }
    let server = Scripted::start(other.server("127.0.0.1", USUAL, None), Arc::new(greet)).await;
    for (call, outcome) in ask_all(&station.towards(&server.base)).await {
        let error = outcome.unwrap_err();
        assert!(is_other(&error), "other certificate, {call}: {error:?}");
    }
    assert!(server.seen().is_empty());
    let (_server, province) = station.served(Arc::new(|_, _| Act::Cut(Vec::new()))).await;
    for (call, outcome) in ask_all(&province).await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "reset, {call}: {error:?}");
    }
    // With a certificate that has ended the same silence is likelier to be about that.
    let (_server, province) = ended.served(Arc::new(|_, _| Act::Cut(Vec::new()))).await;
    let error = province.contact(&hello()).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { why: Distrust::OurCertificateExpired, .. }), "{error:?}");
}

/// The system's own list of authorities is not asked at all, so an interception's root in it changes nothing: 100 tries, no byte of a request.
#[tokio::test]
async fn f62_an_interception_hears_nothing() {
    let station = Station::new();
    let interception = Authority::new();
    let server = Scripted::start(interception.server("127.0.0.1", USUAL, None), Arc::new(greet)).await;
    let province = station.towards(&server.base);
    for _ in 0..100 {
        let error = province.contact(&hello()).await.unwrap_err();
        assert!(matches!(error, Error::Untrusted { why: Distrust::OtherServer, .. }), "{error:?}");
    }
    assert!(server.seen().is_empty());
    assert_eq!(province.traffic(), 0);
}

#[tokio::test]
async fn f63_a_redirect_is_not_followed() {
    let station = Station::new();
    let aside = Scripted::start(station.authority.server("127.0.0.1", USUAL, None), Arc::new(greet)).await;
    let plain = aside.base.as_str().replace("https:", "http:");
    for target in [aside.base.as_str().to_owned(), plain, "//127.0.0.1/".to_owned(), "/v1/contact".to_owned()] {
        for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let headers = format!("location: {target}\r\n");
            let (server, province) = station.served(Arc::new(move |_, _| Act::Say(answer(status, &headers, b"")))).await;
            let error = province.contact(&hello()).await.unwrap_err();
            assert!(matches!(error, Error::Stranger("a redirect")), "{status} to {target}: {error:?}");
            assert_eq!(server.seen().len(), 1, "{status} to {target}");
        }
    }
    assert!(aside.seen().is_empty());
}

/// What a server says about our certificate, over TLS as it comes.
#[tokio::test]
async fn a_server_that_does_not_take_our_certificate_is_understood() {
    // This server judges our certificate by the machine's own time.
    let always = (-4000, 4000);
    let mut station = Station { days: always, ..Station::new() };
    let tls = station.authority.server("127.0.0.1", USUAL, Some(&station.authority));
    let server = Scripted::start(tls, Arc::new(greet)).await;
    station.towards(&server.base).contact(&hello()).await.unwrap();
    station.days = (-3000, -2000);
    let expired = station.towards(&server.base).contact(&hello()).await.unwrap_err();
    assert!(matches!(expired, Error::Untrusted { why: Distrust::OurCertificateExpired, .. }), "{expired:?}");
    station.days = always;
    let strict = station.authority.server("127.0.0.1", USUAL, Some(&Authority::new()));
    let server = Scripted::start(strict, Arc::new(greet)).await;
    let refused = station.towards(&server.base).contact(&hello()).await.unwrap_err();
    assert!(matches!(refused, Error::Untrusted { why: Distrust::OurCertificateRefused, .. }), "{refused:?}");
}

#[tokio::test]
async fn refusals_of_the_protocol_are_sorted_by_what_can_be_done() {
    type Fits = fn(&Error) -> bool;
    let refusal = |code: &str| format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"\"}}}}").into_bytes();
    let cases: [(&str, &str, &str, Fits); 9] = [
        ("400 Bad Request", "malformed", "", |e| matches!(e, Error::Contract(Fault::Request))),
        ("400 Bad Request", "unknown_format", "", |e| matches!(e, Error::Contract(Fault::UnknownFormat))),
        ("400 Bad Request", "too_slow", "", |e| matches!(e, Error::Unreachable(_))),
        ("401 Unauthorized", "no_certificate", "", |e| matches!(e, Error::Refused(_))),
        ("403 Forbidden", "revoked_certificate", "", |e| matches!(e, Error::Refused(_))),
        ("404 Not Found", "not_found", "", |e| matches!(e, Error::Gone)),
        ("413 Payload Too Large", "too_large", "", |e| matches!(e, Error::TooLarge)),
        ("429 Too Many Requests", "busy", "retry-after: 7\r\n", |e| matches!(e, Error::Throttled(Some(wait)) if wait.as_secs() == 7)),
        ("500 Internal Server Error", "failed", "", |e| matches!(e, Error::Failed(500))),
    ];
    for (status, code, headers, fits) in cases {
        let station = Station::new();
        let bytes = answer(status, headers, &refusal(code));
        let (_server, province) = station.served(Arc::new(move |_, _| Act::Say(bytes.clone()))).await;
        let error = province.contact(&hello()).await.unwrap_err();
        assert!(fits(&error), "{status} {code}: {error:?}");
    }
}
