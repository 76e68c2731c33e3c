//! The bytes of a day.

use chrono::Days;

use super::*;
use crate::storage::test_support::Station;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test]
async fn bytes_add_up_by_day_and_stay() {
    let station = Station::new();
    let visits = station.visits();
    let (one, two) = (day("2026-11-22"), day("2026-11-23"));
    assert_eq!(visits.traffic(one).await.unwrap(), 0);
    assert_eq!(visits.add_traffic(one, 1000).await.unwrap(), 1000);
    assert_eq!(visits.add_traffic(one, 24).await.unwrap(), 1024);
    assert_eq!(visits.add_traffic(two, 7).await.unwrap(), 7);
    visits.close();
    let visits = station.visits();
    assert_eq!((visits.traffic(one).await.unwrap(), visits.traffic(two).await.unwrap()), (1024, 7));
    visits.close();
}

#[tokio::test]
async fn two_months_are_kept() {
    let station = Station::new();
    let visits = station.visits();
    let first = day("2026-11-22");
    let after = |days| first.checked_add_days(Days::new(days)).unwrap();
    for days in 0..=60 {
        visits.add_traffic(after(days), days + 1).await.unwrap();
    }
    assert_eq!(visits.traffic(first).await.unwrap(), 1);
    visits.add_traffic(after(61), 62).await.unwrap();
    assert_eq!((visits.traffic(first).await.unwrap(), visits.traffic(after(1)).await.unwrap()), (0, 2));
    visits.close();
}

#[tokio::test]
async fn an_hour_of_a_wrong_clock_forgets_nothing_of_today() {
    let station = Station::new();
    let visits = station.visits();
    let today = day("2026-11-22");
    visits.add_traffic(today, 5).await.unwrap();
    for wrong in ["2037-01-01", "2015-01-01"] {
        assert_eq!(visits.add_traffic(day(wrong), 1).await.unwrap(), 1);
        assert_eq!(visits.add_traffic(today, 1).await.unwrap(), visits.traffic(today).await.unwrap());
    }
    assert_eq!(visits.traffic(today).await.unwrap(), 7);
    visits.close();
}

#[tokio::test]
async fn a_count_beyond_all_links_stays_one() {
    let station = Station::new();
    let visits = station.visits();
    let today = day("2026-11-22");
    for _ in 0..3 {
        assert_eq!(visits.add_traffic(today, u64::MAX).await.unwrap(), 1 << 60);
    }
    visits.close();
}
