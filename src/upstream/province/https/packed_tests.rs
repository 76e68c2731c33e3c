//! Packed visits, as a server below HTTP sees them.

use std::sync::Arc;

use super::scripted_tests::Act;
use super::scripted_tests::Seen;
use super::scripted_tests::Station;
use super::scripted_tests::answer;
use super::*;
use crate::upstream::province::wire::tests;

const PLAIN: &[u8] = include_bytes!("../../../../tests/fixtures/wire/visits-request.json");
const PACKED: &[u8] = include_bytes!("../../../../tests/fixtures/wire/visits-request.json.zst");
const RECEIPTS: &[u8] = include_bytes!("../../../../tests/fixtures/wire/visits-answer.json");

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What a server has after unpacking, and whether it had to.
fn read(seen: &Seen) -> (Option<&str>, serde_json::Value) {
    let encoding = seen.header("content-encoding");
    let body = if encoding.is_some() { zstd::decode_all(&seen.body[..]).unwrap() } else { seen.body.clone() };
    (encoding, json(&body))
}

#[tokio::test]
async fn visits_go_packed_as_the_example_until_a_province_does_not_know_that() {
    assert_eq!(zstd::decode_all(PACKED).unwrap(), PLAIN);
    let refusal = br#"{"error":{"code":"unknown_encoding","message":""}}"#;
    // The second batch meets a province that does not know packed bodies.
    let script = |number, _: &Seen| match number {
        1 => Act::Say(answer("415 Unsupported Media Type", "", refusal)),
        _ => Act::Say(answer("200 OK", "", RECEIPTS)),
    };
    let station = Station::new();
    let (server, province) = station.served(Arc::new(script)).await;
    let install = Uuid::parse_str(tests::INSTALL).unwrap();
    for _ in 0..3 {
        assert_eq!(province.deliver(install, &tests::visits()).await.unwrap().len(), 5);
    }
    // Too little to be worth it.
    let (small, fresh) = station.served(Arc::new(script)).await;
    fresh.deliver(install, &[]).await.unwrap();
    let (all, little) = (server.seen(), small.seen());
    let encodings: Vec<_> = all.iter().chain(&little).map(|seen| read(seen).0).collect();
    assert_eq!(encodings, [Some("zstd"), Some("zstd"), None, None, None]);
    for seen in &all {
        assert_eq!(read(seen).1, json(PLAIN));
    }
    assert!(all[0].body.len() * 2 < all[2].body.len(), "{} of {}", all[0].body.len(), all[2].body.len());
}
