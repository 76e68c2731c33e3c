//! Another certificate for the same key, and another key for the index.
//!
//! Promise: only what is ours is kept; what is kept is used. Never: the private key on the link.

use std::sync::Arc;

use chrono::TimeDelta;
use rcgen::KeyPair;

use super::scripted_tests::Act;
use super::scripted_tests::INDEX_KEY;
use super::scripted_tests::STATION;
use super::scripted_tests::Script;
use super::scripted_tests::Scripted;
use super::scripted_tests::Seen;
use super::scripted_tests::Station;
use super::scripted_tests::USUAL;
use super::scripted_tests::answer;
use super::scripted_tests::today;
use super::*;
use crate::domain::roster::Serial;
use crate::upstream::Fault;
use crate::upstream::KeyFile;

fn issue(pem: &str) -> Script {
    let body = serde_json::to_vec(&serde_json::json!({ "certificate_pem": pem })).unwrap();
    Arc::new(move |_, _| Act::Say(answer("200 OK", "", &body)))
}

#[tokio::test]
async fn a_renewed_certificate_is_kept_and_then_shown() {
    let mut station = Station::new();
    // The one in hand has ended: it could not be shown to ask for another one.
    station.days = (-400, -1);
    let renewed = station.authority.station(STATION, &station.key, (0, 365));
    let asking = Scripted::start(station.authority.server("127.0.0.1", USUAL, None), issue(&renewed)).await;
    let province = station.towards(&asking.base);
    let before = province.certificate().unwrap();
    assert!(before.not_after < today());
    province.renew(Uuid::nil()).await.unwrap();
    assert_eq!(*station.kept.0.lock().unwrap(), [(KeyFile::Certificate, renewed)]);
    let after = province.certificate().unwrap();
    assert!(after.not_after > today() + TimeDelta::days(300), "{after:?}");
    let request = &asking.seen()[0];
    assert_eq!(request.path(), "/v1/renew");
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(body.contains("CERTIFICATE REQUEST") && !body.contains("PRIVATE"), "{body}");
}

#[tokio::test]
async fn a_certificate_made_while_the_province_ran_ahead_by_more_than_a_year_is_followed_by_one_that_counts() {
    let mut station = Station::new();
    station.days = (400, 765);
    let renewed = station.authority.station(STATION, &station.key, (0, 365));
    let (_server, province) = station.served(issue(&renewed)).await;
    province.renew(Uuid::nil()).await.unwrap();
    assert_eq!(*station.kept.0.lock().unwrap(), [(KeyFile::Certificate, renewed)]);
}

/// A server that wants the new certificate lets the station in after the renewal, and not before.
#[tokio::test]
async fn requests_after_a_renewal_show_the_new_certificate() {
    let mut station = Station::new();
    station.days = (-3000, -2000);
    let renewed = station.authority.station(STATION, &station.key, (-2500, 4000));
    let body = serde_json::to_vec(&serde_json::json!({ "certificate_pem": renewed, "receipts": [] })).unwrap();
    let script: Script = Arc::new(move |_, _| Act::Say(answer("200 OK", "", &body)));
    let tls = station.authority.server("127.0.0.1", USUAL, Some(&station.authority));
    let strict = Scripted::start(tls, Arc::clone(&script)).await;
    let open = Scripted::start(station.authority.server("127.0.0.1", USUAL, None), script).await;
    let mut province = station.towards(&strict.base);
    assert!(province.deliver(Uuid::nil(), &[]).await.is_err());
    province.base = open.base.clone();
    province.renew(Uuid::nil()).await.unwrap();
    province.base = strict.base.clone();
    province.deliver(Uuid::nil(), &[]).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_not_ours_is_not_kept() {
    let station = Station::new();
    let stranger = KeyPair::generate().unwrap();
    let ours = |name: &str, days| station.authority.station(name, &station.key, days);
    for (pem, name) in [
        (station.authority.station(STATION, &stranger, USUAL), "another key"),
        (ours("99002", USUAL), "another station"),
        (ours(STATION, (10, 5)), "ends before it begins"),
        (ours(STATION, (-400, -300)), "had ended before the one in hand began"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".to_owned(), "broken"),
        ("nothing".to_owned(), "no PEM"),
        (String::new(), "empty"),
        (format!("{}{}", ours(STATION, USUAL), "x".repeat(40_000)), "too long"),
    ] {
        let (_server, province) = station.served(issue(&pem)).await;
        let before = province.certificate();
        let refused = province.renew(Uuid::nil()).await.unwrap_err();
        assert!(matches!(refused, Error::Contract(Fault::Certificate)), "{name}: {refused:?}");
        assert_eq!(province.certificate(), before, "{name}");
    }
    assert!(station.kept.0.lock().unwrap().is_empty());
}

struct Full;

impl KeyKeeper for Full {
    fn keep(&self, _: KeyFile, _: &str) -> Result<(), std::io::Error> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_used() {
    let station = Station::new();
    let renewed = station.authority.station(STATION, &station.key, (0, 700));
    let (_server, mut province) = station.served(issue(&renewed)).await;
    province.keeper = Arc::new(Full);
    let before = province.certificate();
    assert!(matches!(province.renew(Uuid::nil()).await, Err(Error::Disk(_))));
    assert_eq!(province.certificate(), before);
}

#[tokio::test]
async fn a_province_that_does_not_renew_is_heard() {
    let station = Station::new();
    for code in ["other_key", "revoked_certificate", "replaced_certificate", "too_late"] {
        let body = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"\"}}}}");
        let (_server, province) = station.served(Arc::new(move |_, _| Act::Say(answer("403 Forbidden", "", body.as_bytes())))).await;
        let refused = province.renew(Uuid::nil()).await.unwrap_err();
        assert!(matches!(&refused, Error::Refused(refusal) if refusal.to_string() == code), "{refused:?}");
    }
}

const INDEX: &[u8] = include_bytes!("../../../../tests/fixtures/wire/index.json");
const SIGNATURE: &[u8] = include_bytes!("../../../../tests/fixtures/wire/index.json.minisig");

fn publish(seen: &Seen) -> Option<&'static [u8]> {
    match seen.path() {
        path if path.ends_with("/index.json") => Some(INDEX),
        path if path.ends_with("/index.json.minisig") => Some(SIGNATURE),
        _ => None,
    }
}

/// A key that signs, and its public line.
fn signing_key() -> (minisign::SecretKey, String) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    (pair.sk, pair.pk.to_base64())
}

/// A statement that one key signed about the next, with its path.
fn statement(key: &(minisign::SecretKey, String), next: &str) -> (String, Vec<u8>, Vec<u8>) {
    let id = IndexKey::parse(&key.1).unwrap().id().to_owned();
    let said = format!("{{\"format\":1,\"after\":\"{id}\",\"index_public_key\":\"{next}\"}}").into_bytes();
    let signature = minisign::sign(None, &key.0, &said[..], None, None).unwrap().to_string();
    (format!("/v1/feed/keys/{id}.json"), said, signature.into_bytes())
}

#[tokio::test]
async fn f37_a_station_that_missed_three_rotations_follows_the_chain_and_keeps_the_new_key() {
    let station = Station::new();
    // The examples' index is signed by the key of the examples' enrolment.
    let newest = INDEX_KEY.trim();
    let keys: Vec<_> = (0..3).map(|_| signing_key()).collect();
    let nexts = [&keys[1].1[..], &keys[2].1, newest];
    let chain: Vec<_> = keys.iter().zip(nexts).map(|(key, next)| statement(key, next)).collect();
    let script = move |_, seen: &Seen| {
        let said = chain.iter().find_map(|(path, said, signature)| match seen.path().strip_prefix(path)? {
            "" => Some(&said[..]),
            _ => Some(&signature[..]),
        });
        match publish(seen).or(said) {
            Some(body) => Act::Say(answer("200 OK", "etag: \"1\"\r\n", body)),
            None => Act::Say(answer("404 Not Found", "", b"{}")),
        }
    };
    let (server, province) = station.served(Arc::new(script)).await;
    *province.index_key.lock().unwrap() = IndexKey::parse(&keys[0].1).unwrap();
    assert_eq!(province.index().await.unwrap().serial, Serial(8));
    assert_eq!(*station.kept.0.lock().unwrap(), [(KeyFile::IndexKey, newest.to_owned())]);
    // The next question needs no chain.
    let before = server.seen().len();
    province.index().await.unwrap();
    assert_eq!(server.seen().len(), before + 2);
}

#[tokio::test]
async fn f37_without_a_chain_the_index_is_refused_and_the_key_stays() {
    let other_station = b"{\"error\":{\"code\":\"other_station\",\"message\":\"\"}}";
    for (status, body) in [("404 Not Found", &b"{}"[..]), ("403 Forbidden", other_station)] {
        let station = Station::new();
        let script = move |_, seen: &Seen| match publish(seen) {
            Some(published) => Act::Say(answer("200 OK", "", published)),
            None => Act::Say(answer(status, "", body)),
        };
        let (_server, province) = station.served(Arc::new(script)).await;
        *province.index_key.lock().unwrap() = IndexKey::parse(&signing_key().1).unwrap();
        let refused = province.index().await.unwrap_err();
        assert!(matches!(refused, Error::Contract(Fault::Signature)), "{status}: {refused:?}");
        assert!(station.kept.0.lock().unwrap().is_empty());
    }
}
