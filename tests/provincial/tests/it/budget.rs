//! What the feed costs on the wire, measured on made-up people and held against the budget.

use chrono::{DateTime, NaiveDate};
use provincial::{CreateSettings, Province, PublicationKind, StationSettings};

const PEOPLE: usize = 12_000;

#[test]
fn the_feed_of_twelve_thousand_people_keeps_its_budget() {
    let dir = tempfile::tempdir().unwrap();
    let settings = CreateSettings {
        seed: 7,
        stations: vec![StationSettings::new("99001", PEOPLE)],
        today: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        hosts: Vec::new(),
    };
    let province = Province::create(dir.path(), &settings).unwrap();
    let key = age::x25519::Identity::generate();
    province.seal_to("99001", &key.to_public().to_string()).unwrap();
    let now = DateTime::parse_from_rfc3339("2026-11-22T20:00:00+07:00").unwrap();

    let first = province.publish("99001", now).unwrap();
    let snapshot = first.index.snapshot.bytes;
    println!("snapshot: {snapshot} bytes for {PEOPLE} people, {} per card", per(snapshot, PEOPLE));
    assert!(snapshot <= 21 * PEOPLE as u64, "more than 21 bytes per card");

    let mut largest_index = first.index_bytes;
    for (round, share) in [0.0001, 0.01, 0.05, 0.228].into_iter().enumerate() {
        let moved = province.change_validity("99001", share, round as u64).unwrap();
        let published = province.publish("99001", now).unwrap();
        let PublicationKind::Advanced { changed, delta_bytes, .. } = published.kind else { panic!("no delta") };
        assert_eq!(changed, moved);
        println!("delta: {delta_bytes} bytes for {moved} changed valid_until, {} each", per(delta_bytes, moved));
        assert!(delta_bytes <= 6 * moved as u64 + 700, "more than 6 bytes per change and 700 fixed");
        largest_index = largest_index.max(published.index_bytes);
    }
    for day in 0..6 {
        province.advance(1, day).unwrap();
        let published = province.publish("99001", now).unwrap();
        let PublicationKind::Advanced { new, changed, gone, delta_bytes } = published.kind else { continue };
        println!("a day: {delta_bytes} bytes for {new} new, {changed} changed, {gone} gone");
        largest_index = largest_index.max(published.index_bytes);
        assert!(published.index.deltas.len() <= 5);
        assert!(published.index.deltas.iter().map(|delta| delta.bytes).sum::<u64>() <= published.index.snapshot.bytes);
    }
    println!("index: at most {largest_index} bytes");
    assert!(largest_index <= 1000);
}

fn per(bytes: u64, count: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let each = bytes as f64 / count as f64;
    format!("{each:.2}")
}
