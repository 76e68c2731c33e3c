//! Codes, tokens and the end of a desk, on a real disk and over restarts.

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::at;

const BOOT: &str = "boot-1";

fn digest(n: u8) -> Sha256Digest {
    Sha256Digest([n; 32])
}

fn pairing(code: u8, until: u64) -> OpenPairing {
    let by = OperatorName::parse("Trưởng Trạm").unwrap();
    OpenPairing { code: digest(code), by, boot_id: BOOT.into(), until: Duration::from_secs(until), tries: 5 }
}

async fn tried(visits: &VisitStore, code: u8, token: u8, second: u64) -> Tried {
    tried_on(visits, code, token, (BOOT, second)).await
}

async fn tried_on(visits: &VisitStore, code: u8, token: u8, (boot, second): (&str, u64)) -> Tried {
    let now = at("2026-11-22T01:00:00Z");
    let desk = (DeskName::parse("Bàn 2").unwrap(), digest(token));
    visits.try_pairing(digest(code), (boot.into(), Duration::from_secs(second)), desk, (now, now.date_naive())).await.unwrap()
}

#[tokio::test]
async fn a_code_lets_one_desk_in_and_is_tried_five_times_over_restarts() {
    let station = Station::new();
    let mut visits = station.visits();
    assert_eq!(tried(&visits, 1, 9, 10).await, Tried::Closed);
    visits.open_pairing(pairing(1, 600)).await.unwrap();
    for (second, left) in [(10, 4), (20, 3), (30, 2), (40, 1), (50, 0)] {
        assert_eq!(tried(&visits, 2, 9, second).await, Tried::Wrong { left });
        visits.close();
        visits = station.visits();
    }
    assert_eq!(tried(&visits, 1, 9, 60).await, Tried::Closed, "the right one comes too late");
    visits.open_pairing(pairing(1, 600)).await.unwrap();
    assert_eq!(tried(&visits, 2, 9, 70).await, Tried::Wrong { left: 4 });
    assert_eq!(tried(&visits, 1, 9, 70).await, Tried::TooSoon);
    assert_eq!(tried(&visits, 1, 9, 600).await, Tried::Closed, "its time is over");
    assert_eq!(tried_on(&visits, 1, 9, ("boot-2", 5)).await, Tried::Closed, "and so it is after a start of the machine");
    assert_eq!(tried(&visits, 1, 9, 80).await, Tried::Paired(1));
    assert_eq!(tried(&visits, 1, 8, 90).await, Tried::Closed, "one desk only");
    let desks = visits.desks().await.unwrap();
    assert_eq!((desks.len(), desks[0].name.as_str(), desks[0].paired_by.as_str()), (1, "Bàn 2", "Trưởng Trạm"));
    visits.open_pairing(pairing(1, 600)).await.unwrap();
    visits.close_pairing().await.unwrap();
    assert_eq!(tried(&visits, 1, 8, 100).await, Tried::Closed);
    visits.close();
}

async fn shown(visits: &VisitStore, token: u8) -> Option<Shown> {
    visits.desk_of_token(digest(token)).await.unwrap().map(|known| known.shown)
}

#[tokio::test]
async fn a_token_is_followed_by_the_next_one_and_an_older_one_is_known_as_spent() {
    let station = Station::new();
    let visits = station.visits();
    let now = at("2026-11-22T01:00:00Z");
    let day = now.date_naive();
    visits.open_pairing(pairing(1, 600)).await.unwrap();
    tried(&visits, 1, 10, 1).await;
    assert_eq!(shown(&visits, 99).await, None);
    assert_eq!(shown(&visits, 10).await, Some(Shown::Current { is_first: true }));
    visits.desk_seen(1, digest(10), now).await.unwrap();
    assert_eq!(shown(&visits, 10).await, Some(Shown::Current { is_first: false }));

    // The answer with 11 is lost: 10 is given 12 in its place.
    assert!(visits.renew_desk(1, (digest(10), digest(10)), digest(11), day).await.unwrap());
    assert!(
        !visits.renew_desk(1, (digest(10), digest(10)), digest(9), day).await.unwrap(),
        "another request was quicker: 11 is on its way"
    );
    assert_eq!(shown(&visits, 10).await, Some(Shown::Previous { is_followed: false }));
    assert!(visits.renew_desk(1, (digest(10), digest(11)), digest(12), day).await.unwrap());
    assert_eq!(shown(&visits, 11).await, Some(Shown::Spent));
    visits.desk_seen(1, digest(12), now).await.unwrap();
    assert_eq!(shown(&visits, 10).await, Some(Shown::Previous { is_followed: true }));
    assert!(!visits.renew_desk(1, (digest(10), digest(12)), digest(13), day).await.unwrap(), "it has been followed");
    assert!(visits.renew_desk(1, (digest(12), digest(12)), digest(14), day).await.unwrap());
    assert_eq!(shown(&visits, 10).await, Some(Shown::Spent));

    assert!(visits.end_desk(1, Ended::Copied, now).await.unwrap());
    assert!(!visits.end_desk(1, Ended::Revoked, now).await.unwrap(), "once is enough");
    assert!(!visits.renew_desk(1, (digest(14), digest(14)), digest(15), day).await.unwrap());
    visits.close();
    let visits = station.visits();
    let known = visits.desk_of_token(digest(14)).await.unwrap().unwrap();
    assert_eq!((known.ended, known.number), (Some(Ended::Copied), 1));
    assert_eq!(visits.copied_desks().await.unwrap().len(), 1);
    visits.settle_copies().await.unwrap();
    assert_eq!(visits.copied_desks().await.unwrap().len(), 0);
    assert_eq!(visits.desks().await.unwrap()[0].ended, Some((Ended::Copied, now)));
    visits.close();
}
