//! Refused visits: corrected, sent again or ended, each for good and on the record.

use super::*;
use crate::domain::visit::Delivery;
use crate::domain::visit::Sequence;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::receipt_of;
use crate::storage::test_support::refused;
use crate::storage::test_support::retry;
use crate::storage::test_support::revision_of;
use crate::storage::test_support::visit;
use crate::storage::test_support::visit_id;
use crate::storage::visits::Closing;
use crate::storage::visits::LoggedVisit;
use crate::storage::visits::Saved;

async fn with_refused(station: &Station, n: u32) -> Open<VisitStore> {
    let visits = station.visits();
    visits.append(visit(n)).await.unwrap();
    visits.store_receipts(vec![receipt(n, refused())], morning()).await.unwrap();
    visits
}

async fn deliveries(visits: &VisitStore, n: u32) -> Vec<Delivery> {
    visits.revisions(visit_id(n)).await.unwrap().into_iter().map(|logged| logged.delivery).collect()
}

async fn due(visits: &VisitStore) -> Vec<Sequence> {
    visits.due(100, morning()).await.unwrap().into_iter().map(|visit| visit.sequence).collect()
}

fn by() -> OperatorName {
    OperatorName::parse("Phạm Văn Giả").unwrap()
}

async fn close_first(visits: &VisitStore, n: u32) -> bool {
    visits.close_parked(visit_id(n), Revision::FIRST, "trùng với sổ giấy".into(), by(), morning()).await.unwrap()
}

#[tokio::test]
async fn a_refused_visit_is_sent_again_as_it_is() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    assert!(visits.release(visit_id(1), Revision::FIRST).await.unwrap());
    let due = visits.due(10, morning()).await.unwrap();
    assert_eq!(due.into_iter().map(|visit| visit.content).collect::<Vec<_>>(), [visit(1)], "unchanged");
    assert!(!visits.release(visit_id(1), Revision::FIRST).await.unwrap(), "it is not parked any more");
    assert!(!visits.release(visit_id(2), Revision::FIRST).await.unwrap(), "there is none");
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked), (1, 0));
    visits.store_receipts(vec![receipt(1, refused())], morning()).await.unwrap();
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Parked], "and it may be refused again");
    visits.close();
}

#[tokio::test]
async fn a_visit_that_was_ended_is_kept_with_note_who_and_when_and_never_sent_again() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    assert!(close_first(&visits, 1).await);
    assert!(!close_first(&visits, 1).await, "once");
    assert!(!visits.release(visit_id(1), Revision::FIRST).await.unwrap());
    visits.store_receipts(vec![receipt(1, refused()), receipt(1, retry(5))], morning()).await.unwrap();
    visits.close();
    let visits = station.visits();
    let [LoggedVisit { visit: kept, delivery, reference, refused, closing, put_off, .. }] =
        <[_; 1]>::try_from(visits.revisions(visit_id(1)).await.unwrap()).unwrap();
    assert_eq!((kept.content, delivery, reference, put_off), (visit(1), Delivery::Closed, None, None));
    assert_eq!(refused, Some(("unknown_facility".into(), "Cơ sở không có".into())), "why it was refused stays");
    assert_eq!(closing, Some(Closing { note: "trùng với sổ giấy".into(), by: by(), at: morning() }));
    assert_eq!((due(&visits).await, visits.undelivered(10).await.unwrap()), (vec![], vec![]));
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked, counts.closed), (0, 0, 1));
    visits.close();
}

#[tokio::test]
async fn only_what_is_parked_can_be_ended() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    assert!(!close_first(&visits, 1).await, "it is on its way");
    visits.store_receipts(vec![receipt(1, held("VR-1"))], morning()).await.unwrap();
    assert!(!close_first(&visits, 1).await, "it is there");
    assert!(!close_first(&visits, 2).await, "there is none");
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Delivered]);
    visits.close();
}

#[tokio::test]
async fn a_late_receipt_is_kept_for_what_was_ended_or_replaced() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    close_first(&visits, 1).await;
    visits.append(visit(2)).await.unwrap();
    visits.store_receipts(vec![receipt(2, refused())], morning()).await.unwrap();
    visits.append(revision_of(2, 2)).await.unwrap();
    visits.store_receipts(vec![receipt(1, held("VR-1")), receipt(2, held("VR-2"))], morning()).await.unwrap();
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Delivered]);
    assert_eq!(deliveries(&visits, 2).await, [Delivery::Delivered, Delivery::Pending]);
    let logged = &visits.revisions(visit_id(1)).await.unwrap()[0];
    assert_eq!((logged.reference.as_deref(), &logged.refused), (Some("VR-1"), &None));
    assert!(logged.closing.is_some(), "that a person had ended it stays on the record");
    visits.close();
}

#[tokio::test]
async fn a_correction_goes_instead_of_what_was_refused() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    assert_eq!(visits.append(revision_of(1, 2)).await.unwrap(), Saved::New(Sequence(2)));
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Superseded, Delivery::Pending]);
    assert_eq!(due(&visits).await, [Sequence(2)]);
    assert!(!visits.release(visit_id(1), Revision::FIRST).await.unwrap());
    let listed = visits.undelivered(10).await.unwrap();
    assert_eq!(listed.into_iter().map(|logged| logged.visit.sequence).collect::<Vec<_>>(), [Sequence(2)]);
    let counts = *visits.counts().borrow();
    assert_eq!((counts.pending, counts.parked, counts.highest), (1, 0, Sequence(2)));
    visits.close();
}

/// The first revision was under way when the second was saved: nobody is asked to look at what is corrected already.
#[tokio::test]
async fn a_refusal_of_what_was_corrected_meanwhile_troubles_nobody() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    visits.append(revision_of(1, 2)).await.unwrap();
    assert_eq!(due(&visits).await, [Sequence(1), Sequence(2)], "what may be under way stays");
    visits.store_receipts(vec![receipt(1, refused())], morning()).await.unwrap();
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Superseded, Delivery::Pending]);
    visits.store_receipts(vec![receipt_of(1, 2, refused())], morning()).await.unwrap();
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Superseded, Delivery::Parked], "the latest is another matter");
    visits.close();
}

#[tokio::test]
async fn a_visit_that_was_ended_can_be_corrected_after_all_and_stays_ended() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    close_first(&visits, 1).await;
    visits.append(revision_of(1, 2)).await.unwrap();
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Closed, Delivery::Pending]);
    visits.close();
}

/// The province refuses a visit because it holds another one under the same id and revision; and our own desk saves other words under the same id.
#[tokio::test]
async fn f26_same_id_with_other_content_is_parked_on_our_side_and_never_overwrites() {
    let station = Station::new();
    let visits = station.visits();
    visits.append(visit(1)).await.unwrap();
    let mut other = visit(1);
    other.note = Some("khác".into());
    assert_eq!(visits.append(other.clone()).await.unwrap(), Saved::Already(Sequence(1)));
    let conflict = || {
        let text = "Tỉnh đã có lượt khác cùng số".into();
        crate::domain::visit::ReceiptOutcome::Refused { code: "conflict".into(), text }
    };
    visits.store_receipts(vec![receipt(1, conflict())], morning()).await.unwrap();
    visits.append(other).await.unwrap();
    let [logged] = <[_; 1]>::try_from(visits.undelivered(10).await.unwrap()).unwrap();
    assert_eq!((logged.visit.content, logged.delivery), (visit(1), Delivery::Parked), "ours is what it was, and shown");
    assert_eq!(logged.refused.unwrap().0.as_ref(), "conflict");
    assert_eq!(due(&visits).await, [], "and not sent again by itself");
    // A person sends it under a new revision, where the province holds nothing.
    visits.append(revision_of(1, 2)).await.unwrap();
    visits.store_receipts(vec![receipt_of(1, 2, held("VR-2"))], morning()).await.unwrap();
    let contents: Vec<_> = visits.revisions(visit_id(1)).await.unwrap().into_iter().map(|logged| logged.visit.content).collect();
    assert_eq!(contents, [visit(1), revision_of(1, 2)]);
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Superseded, Delivery::Delivered]);
    visits.close();
}

#[tokio::test]
async fn what_a_person_did_with_a_visit_is_all_or_nothing_with_the_revision() {
    let station = Station::new();
    let visits = with_refused(&station, 1).await;
    let trigger = "CREATE TRIGGER fail BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END";
    visits.writer.call(move |writer| Ok(writer.connection.execute_batch(trigger)?)).await.unwrap();
    let before = *visits.counts().borrow();
    assert!(visits.append(revision_of(1, 2)).await.is_err());
    assert_eq!(deliveries(&visits, 1).await, [Delivery::Parked]);
    assert_eq!(*visits.counts().borrow(), before);
    visits.close();
}
