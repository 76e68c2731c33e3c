//! What a person does with a saved visit: correct it, take it back, send it again, end it.

use bhyt_agent::desk::Change;
use bhyt_agent::desk::CorrectError;
use bhyt_agent::desk::Correction;
use bhyt_agent::desk::LookUpError;
use bhyt_agent::desk::NotOffered;
use bhyt_agent::desk::Note;
use bhyt_agent::desk::Whom;
use bhyt_agent::desk::messages::Language;
use bhyt_agent::desk::messages::Messages;
use bhyt_agent::desk::words;
use bhyt_agent::domain::benefit::AttendanceCategory;
use bhyt_agent::domain::visit::Delivery;
use bhyt_agent::domain::visit::NewVisit;
use bhyt_agent::domain::visit::Receipt;
use bhyt_agent::domain::visit::ReceiptOutcome;
use bhyt_agent::domain::visit::Revision;
use bhyt_agent::domain::visit::ShownVerdict;
use bhyt_agent::domain::visit::VisitId;
use uuid::Uuid;

use crate::counter::Counter;
use crate::counter::EXPIRED;
use crate::counter::UNKNOWN;
use crate::counter::VALID;

async fn came(counter: &Counter, text: &str) -> VisitId {
    let lookup = counter.desk.look_up(text).await.unwrap();
    counter.desk.check_in(&lookup).await.unwrap().id
}

/// The province refuses a revision.
pub(crate) async fn refuse(counter: &Counter, id: VisitId, revision: u32, code: &str) {
    let outcome = ReceiptOutcome::Refused { code: code.into(), text: "made up".into() };
    let receipt = Receipt { id, revision: Revision(revision), outcome };
    counter.visits.store_receipts(vec![receipt], counter.desk.time().now().at).await.unwrap();
}

fn text(text: &str) -> Correction {
    Correction { whom: Some(Whom::Text(text.to_owned())), ..Correction::default() }
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

async fn deliveries(counter: &Counter, id: VisitId) -> Vec<Delivery> {
    counter.desk.visit(id).await.unwrap().into_iter().map(|logged| logged.delivery).collect()
}

#[tokio::test]
async fn a_refused_visit_that_is_corrected_goes_as_a_new_revision_judged_for_its_own_day() {
    let counter = Counter::open().await;
    let id = came(&counter, UNKNOWN).await;
    refuse(&counter, id, 1, "no_identity").await;
    // A year later the card has ended; on the day of the visit it had not.
    counter.clock.advance(std::time::Duration::from_hours(365 * 24));
    assert_eq!(counter.desk.correct(id, text(VALID)).await.unwrap().visit.revision, Revision(2));
    let revisions = counter.desk.visit(id).await.unwrap();
    assert_eq!(deliveries(&counter, id).await, [Delivery::Superseded, Delivery::Pending]);
    let [first, second] = [&revisions[0].visit.content, &revisions[1].visit.content];
    assert_eq!((&*first.verdict.standing, &*second.verdict.standing), ("not_covered", "valid"));
    assert_eq!(second.person.card_number.as_ref().unwrap().as_str(), VALID);
    assert_eq!((first.arrived_at, &first.clock), (second.arrived_at, &second.clock));
    assert_eq!(counter.desk.overview().unsent.parked, 0);
    // What is not named stays.
    let correction = |category: &str| Correction {
        category: AttendanceCategory::parse(category).ok(),
        note: Change::To(Some(note("đi cấp cứu"))),
        ..Correction::default()
    };
    for category in ["2", "1.13", "9"] {
        let refused = counter.desk.correct(id, correction(category)).await;
        assert!(
            matches!(refused, Err(CorrectError::NotOffered(NotOffered::Category))),
            "{category} does not fit a card in force at a station"
        );
    }
    counter.desk.correct(id, correction("1.2")).await.unwrap();
    let third = counter.desk.visit(id).await.unwrap().pop().unwrap().visit.content;
    assert_eq!((third.attendance_category.as_str(), third.note.as_deref()), ("1.2", Some("đi cấp cứu")));
    let rate = |visit: &NewVisit| visit.verdict.rate.map(|rate| rate.as_percent());
    assert_eq!((rate(second), rate(&third)), (Some(100), Some(100)));
    let expected = ShownVerdict { rate: third.verdict.rate, ..second.verdict.clone() };
    assert_eq!((&third.person, &third.verdict), (&second.person, &expected));
}

#[tokio::test]
async fn a_visit_of_today_stands_in_the_list_once_however_often_it_is_corrected() {
    let counter = Counter::open().await;
    let id = came(&counter, VALID).await;
    counter.desk.correct(id, text(EXPIRED)).await.unwrap();
    let today = counter.desk.today().await.unwrap();
    assert_eq!((today.len(), today[0].visit.content.revision), (1, Revision(2)));
}

#[tokio::test]
async fn everything_that_cannot_be_done_says_why_and_changes_nothing() {
    let counter = Counter::open().await;
    let (id, nobody) = (came(&counter, VALID).await, VisitId(Uuid::from_u128(9)));
    let desk = &counter.desk;
    assert!(matches!(desk.correct(nobody, text(VALID)).await, Err(CorrectError::NoVisit)));
    assert!(matches!(desk.void(nobody, None, note("x")).await, Err(CorrectError::NoVisit)));
    assert!(matches!(desk.resend(nobody).await, Err(CorrectError::NoVisit)));
    assert!(matches!(desk.close(nobody, note("x")).await, Err(CorrectError::NoVisit)));
    assert!(matches!(desk.correct(id, Correction::default()).await, Err(CorrectError::Nothing)));
    assert!(matches!(desk.correct(id, text("12")).await, Err(CorrectError::LookUp(LookUpError::Unreadable(_)))));
    assert!(matches!(desk.resend(id).await, Err(CorrectError::NotParked)));
    assert!(matches!(desk.close(id, note("x")).await, Err(CorrectError::NotParked)));
    let stale = Correction { seen: Some(Revision(2)), ..text(VALID) };
    assert!(matches!(desk.correct(id, stale).await, Err(CorrectError::Changed)));
    assert_eq!(deliveries(&counter, id).await, [Delivery::Pending]);
    assert!(matches!(desk.void(id, Some(Revision(2)), note("x")).await, Err(CorrectError::Changed)));
    desk.void(id, Some(Revision(1)), note("Nhập nhầm người")).await.unwrap();
    assert!(matches!(desk.void(id, None, note("x")).await, Err(CorrectError::Voided)));
    assert!(matches!(desk.correct(id, text(VALID)).await, Err(CorrectError::Voided)));
    let held = counter.lock_visits();
    let other = came_while_locked(&counter).await;
    drop(held);
    assert!(other.is_err());
    assert_eq!(deliveries(&counter, id).await.len(), 2);
}

async fn came_while_locked(counter: &Counter) -> Result<Revision, CorrectError> {
    let id = counter.desk.today().await.unwrap()[0].visit.content.id;
    counter.desk.correct(id, text(VALID)).await.map(|corrected| corrected.visit.revision)
}

#[tokio::test]
async fn of_two_desks_that_correct_at_once_one_is_told_that_the_other_was_first() {
    let counter = Counter::open().await;
    for _ in 0..20 {
        let id = came(&counter, VALID).await;
        let (one, two) = tokio::join!(counter.desk.correct(id, text(EXPIRED)), counter.desk.correct(id, text(UNKNOWN)));
        let revisions = counter.desk.visit(id).await.unwrap();
        match (one, two) {
            // One after the other after all: both are on the disk.
            (Ok(a), Ok(b)) => assert_eq!((revisions.len(), a.visit.revision.0.max(b.visit.revision.0)), (3, 3)),
            (Ok(_), Err(CorrectError::Changed)) | (Err(CorrectError::Changed), Ok(_)) => assert_eq!(revisions.len(), 2),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_visit_is_sent_again_or_ended_and_the_note_stays() {
    let counter = Counter::open().await;
    let id = came(&counter, VALID).await;
    refuse(&counter, id, 1, "wrong_station").await;
    counter.desk.resend(id).await.unwrap();
    assert_eq!(deliveries(&counter, id).await, [Delivery::Pending]);
    refuse(&counter, id, 1, "wrong_station").await;
    counter.desk.close(id, note("  Người bệnh tự trả tiền\n")).await.unwrap();
    let logged = counter.desk.visit(id).await.unwrap().pop().unwrap();
    let closing = logged.closing.unwrap();
    assert_eq!((logged.delivery, &*closing.note, closing.by.as_str()), (Delivery::Closed, "Người bệnh tự trả tiền", "Người Trực"));
    assert_eq!((counter.desk.overview().unsent.parked, counter.desk.overview().unsent.closed), (0, 1));
}

#[tokio::test]
async fn a_closed_visit_is_said_to_be_closed_by_whom_and_when_and_can_be_corrected() {
    let counter = Counter::open().await;
    let id = came(&counter, VALID).await;
    refuse(&counter, id, 1, "wrong_station").await;
    counter.desk.close(id, note("Người bệnh tự trả tiền")).await.unwrap();
    let closed_at = counter.desk.visit(id).await.unwrap().pop().unwrap().closing.unwrap().at;
    for error in [counter.desk.resend(id).await.unwrap_err(), counter.desk.close(id, note("x")).await.unwrap_err()] {
        assert_eq!(error.code(), "closed");
        let said = Messages::of(Language::Vietnamese).correct_error(&error);
        let who = format!("đã đóng (Người Trực, {})", words::instant(closed_at));
        assert!(said.contains(&who) && said.contains("sửa lượt"), "{said}");
    }
    counter.desk.correct(id, text(VALID)).await.unwrap();
    assert_eq!(deliveries(&counter, id).await.last(), Some(&Delivery::Pending), "as the sentence says");
}

#[test]
fn a_note_has_one_to_five_hundred_characters() {
    assert!(Note::parse(" \n\t ").is_none() && Note::parse(&"ữ".repeat(501)).is_none());
    assert!(Note::parse(&"ữ".repeat(500)).is_some());
}
