//! The code on paper, against the examples that the station is tested with.

use std::{fs, path::PathBuf};

use provincial::{slip, wire::Visit};
use serde_json::{Value, json};

use crate::station::{STATION, Served, visit};

#[test]
fn the_codes_are_those_of_the_examples() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire/slip-codes.json");
    let examples: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(examples.len() >= 6);
    for example in &examples {
        let visit: Visit = serde_json::from_value(example["visit"].clone()).unwrap();
        assert_eq!(slip::text(&visit), example["text"]);
        assert_eq!(slip::code(&visit), example["code"]);
        assert_eq!(slip::read(example["code"].as_str().unwrap()).as_deref(), example["code"].as_str());
    }
}

#[test]
fn one_sign_misread_or_two_exchanged_is_seen() {
    let good = "BEA7S-P3B7Z-9";
    assert_eq!(slip::read("bea7s p3b7z 9").as_deref(), Some(good));
    let signs: Vec<char> = good.chars().filter(|sign| *sign != '-').collect();
    let mut tried = 0;
    for at in 0..11 {
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().filter(|other| *other != signs[at]) {
            let mut wrong = signs.clone();
            wrong[at] = other;
            assert_eq!(slip::read(&wrong.iter().collect::<String>()), None, "{wrong:?}");
            tried += 1;
        }
        if at < 10 && signs[at] != signs[at + 1] {
            let mut wrong = signs.clone();
            wrong.swap(at, at + 1);
            assert_eq!(slip::read(&wrong.iter().collect::<String>()), None, "{wrong:?}");
            tried += 1;
        }
    }
    assert!(tried > 310, "{tried}");
    for wrong in ["", "BEA7S-P3B7Z", "BEA7S-P3B7Z-90", "BEA7S-P3B7*-9", "é"] {
        assert_eq!(slip::read(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn what_was_shown_and_called_is_kept_and_the_code_is_of_each_revision_held() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let mut attended = visit(1);
    (attended["proof"], attended["queue_number"]) = (json!("vneid"), json!(17));
    let mut corrected = attended.clone();
    (corrected["revision"], corrected["sequence"]) = (json!(2), json!(2));
    let mut bad = visit(3);
    bad["proof"] = json!("passport");
    let mut too_high = visit(4);
    too_high["queue_number"] = json!(100_000);
    let receipts = station.receipts(&[attended.clone(), corrected, bad, too_high]).await;
    let outcomes: Vec<_> = receipts.iter().map(|receipt| receipt["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["accepted", "accepted", "rejected", "rejected"]);
    let stored = served.province.visits().unwrap();
    assert_eq!(stored[0].body, attended, "kept as sent");
    let codes = served.province.slip_codes(stored[0].id).unwrap();
    let revisions: Vec<_> = codes.iter().map(|(revision, _)| *revision).collect();
    assert!(revisions == [1, 2] && codes[0].1 != codes[1].1, "{codes:?}");
    served.stop().await;
}
