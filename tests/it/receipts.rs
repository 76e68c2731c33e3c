//! Every answer of the province to a visit, and what a person does with the bad ones, from the daemon to the province's record and back.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use bhyt_agent::control::contract::Request;
use provincial::Fault;
use provincial::StoredVisit;
use serde_json::Value;
use uuid::Uuid;

use crate::support::AGENT;
use crate::support::Daemon;
use crate::support::TestProvince;
use crate::support::TestStation;

struct World {
    province: TestProvince,
    station: TestStation,
    card: String,
    other: String,
    daemon: Daemon,
}

impl World {
    async fn new() -> Self {
        let province = TestProvince::new(50).await;
        let station = TestStation::enrolled(&province).await;
        let daemon = station.loaded().await;
        let card = province.person_in_force().card;
        let other = province.province.people(crate::support::STATION).unwrap().into_iter().map(|person| person.card);
        let other = other.into_iter().find(|other| *other != card && other.len() == 15).unwrap();
        Self { province, station, card, other, daemon }
    }

    /// A visit that is refused.
    async fn refused(&self) -> Uuid {
        self.province.province.faults().set(Fault::RejectVisits(1));
        let id = self.station.check_in(&self.card).await.unwrap();
        self.station.status_when("it is refused", |status| status["outbox"]["parked"] == 1).await;
        self.province.province.faults().clear();
        id
    }

    async fn all_sent(&self) -> Value {
        let is_sent = |status: &Value| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0;
        self.station.status_when("nothing waits", is_sent).await
    }

    fn stored(&self) -> Vec<StoredVisit> {
        self.province.province.visits().unwrap()
    }

    async fn revisions(&self, id: Uuid) -> Vec<Value> {
        let visit = self.station.ask(&Request::Visit { id }).await.unwrap();
        visit["revisions"].as_array().unwrap().clone()
    }
}

fn deliveries(revisions: &[Value]) -> Vec<&str> {
    revisions.iter().map(|revision| revision["delivery"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_visit_that_is_there_already_is_delivered_as_a_duplicate() {
    let world = World::new().await;
    world.province.province.faults().set(Fault::IntakeFailsAfterCommit(1));
    let id = world.station.check_in(&world.card).await.unwrap();
    world.station.status_when("it failed", |status| status["push"]["failing"].is_object()).await;
    assert_eq!((world.stored().len(), deliveries(&world.revisions(id).await)), (1, vec!["pending"]));
    world.province.province.faults().clear();
    world.all_sent().await;
    let (stored, revisions) = (world.stored(), world.revisions(id).await);
    assert!(stored.len() == 1 && stored[0].times_seen > 1, "{stored:?}");
    assert_eq!((deliveries(&revisions), revisions[0]["reference"].as_str()), (vec!["delivered"], Some(&*stored[0].reference)));
}

#[tokio::test]
async fn f26_same_id_with_other_content_is_refused_by_the_province_parked_here_and_overwrites_nothing_on_either_side() {
    let world = World::new().await;
    let id = world.station.check_in(&world.card).await.unwrap();
    world.all_sent().await;
    let before = world.stored();
    // Another machine of the station uses the same id for somebody else.
    let copy = TestStation::enrolled(&world.province).await;
    let _daemon = copy.loaded().await;
    copy.ask(&Request::CheckIn { text: world.other.clone(), visit_id: id }).await.unwrap();
    copy.status_when("it is refused", |status| status["outbox"]["parked"] == 1).await;
    let refused = copy.ask(&Request::Visit { id }).await.unwrap();
    let refused = &refused["revisions"][0];
    assert_eq!((&refused["refused"]["code"], &refused["delivery"]), (&"other_content".into(), &"parked".into()));
    assert_eq!(refused["person"]["card_number"], world.other);
    let after = world.stored();
    assert_eq!((after.len(), &after[0].body, &after[0].reference), (1, &before[0].body, &before[0].reference));
    assert_eq!(world.revisions(id).await[0]["person"]["card_number"], world.card);
    // What is right there goes as a revision of its own; the first one stays beside it.
    copy.ask(&Request::Correct { id, text: Some(world.card.clone()), category: None, note: None }).await.unwrap();
    copy.status_when("it is delivered", |status| status["outbox"]["pending"] == 0 && status["outbox"]["parked"] == 0).await;
    let after = world.stored();
    assert_eq!((after.len(), after[0].revision, after[1].revision, &after[0].body), (2, 1, 2, &before[0].body));
}

#[tokio::test]
async fn a_refused_visit_is_corrected_from_standard_input_and_delivered_as_revision_2() {
    let world = World::new().await;
    let id = world.refused().await;
    assert!(world.stored().is_empty());
    let revisions = world.revisions(id).await;
    let refused = &revisions[0]["refused"];
    assert!(refused["code"] == "malformed" && refused["text"] == "rejected on purpose", "{refused}");

    let mut command = Command::new(AGENT);
    command.args(["correct", &id.to_string(), "--text", "-", "--note", "quét nhầm thẻ", "--json", "--config"]).arg(&world.station.config);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\r\n", world.other).as_bytes()).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["revisions"].as_array().unwrap().len(), 2);

    world.all_sent().await;
    let (stored, revisions) = (world.stored(), world.revisions(id).await);
    assert_eq!(deliveries(&revisions), ["superseded", "delivered"]);
    assert_eq!((stored.len(), stored[0].id, stored[0].revision), (1, id, 2));
    assert_eq!((&stored[0].body["card_number"], &stored[0].body["note"]), (&world.other.as_str().into(), &"quét nhầm thẻ".into()));
    assert_eq!(
        stored[0].body["arrived_at"].as_str().map(|at| at[..19].to_owned()),
        revisions[0]["arrived_at"].as_str().map(|at| at[..19].to_owned())
    );
}

#[tokio::test]
async fn a_refused_visit_is_sent_again_as_it_is() {
    let world = World::new().await;
    let id = world.refused().await;
    world.station.ask(&Request::Resend { id }).await.unwrap();
    world.all_sent().await;
    assert_eq!((world.stored()[0].revision, deliveries(&world.revisions(id).await)), (1, vec!["delivered"]));
}

#[tokio::test]
async fn a_refused_visit_that_is_closed_is_never_sent_and_keeps_its_note() {
    let world = World::new().await;
    let id = world.refused().await;
    world.station.ask(&Request::Close { id, note: "người bệnh đã về".into() }).await.unwrap();
    world.all_sent().await;
    world.station.ask(&Request::SyncNow).await.unwrap();
    let revisions = world.revisions(id).await;
    assert_eq!((deliveries(&revisions), &revisions[0]["closing"]["note"]), (vec!["closed"], &"người bệnh đã về".into()));
    assert!(world.stored().is_empty());
    assert_eq!(world.station.ask(&Request::Outbox { limit: 10 }).await.unwrap(), Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_visit_put_off_arrives_later_and_one_taken_back_reaches_the_province_with_its_reason() {
    let world = World::new().await;
    world.province.province.faults().set(Fault::RetryVisits(2));
    let first = world.station.check_in(&world.card).await.unwrap();
    let second = world.station.check_in(&world.card).await.unwrap();
    world.all_sent().await;
    assert_eq!(world.stored().len(), 2);
    world.province.province.faults().clear();
    world.station.ask(&Request::Void { id: first, reason: "nhập hai lần".into() }).await.unwrap();
    world.all_sent().await;
    let stored = world.stored();
    let void = stored.iter().find(|visit| visit.revision == 2).unwrap();
    assert_eq!((void.id, &void.body["voided"]), (first, &"nhập hai lần".into()));
    assert_eq!((stored.len(), deliveries(&world.revisions(first).await)), (3, vec!["delivered", "delivered"]));
    assert_eq!(deliveries(&world.revisions(second).await), ["delivered"]);
}

#[tokio::test]
async fn the_verbs_say_what_a_script_may_do() {
    let mut world = World::new().await;
    let id = world.station.check_in(&world.card).await.unwrap().to_string();
    world.all_sent().await;
    let nobody = Uuid::nil().to_string();
    for (arguments, code) in [
        (&["visit", &*id][..], 0),
        (&["visit", &nobody], 65),
        (&["visit", "x"], 64),
        (&["correct", &id], 65),
        (&["correct", &id, "--text", "12"], 65),
        (&["correct", &id, "--category", "ngàn"], 65),
        (&["correct", &id, "--text", "-", "--note", "-"], 64),
        (&["correct", &id, "--category", "1.1"], 65),
        (&["correct", &id, "--note", "hẹn lại"], 0),
        (&["void", &id], 64),
        (&["void", &id, "--reason", " "], 65),
        (&["resend", &id], 65),
        (&["close", &id, "--note", "x"], 65),
        (&["void", &id, "--reason", "nhầm"], 0),
        (&["void", &id, "--reason", "nhầm"], 65),
        (&["rechecks"], 0),
        (&["recheck-done", "999"], 65),
    ] {
        let output = world.station.run(arguments).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments:?}");
    }
    world.daemon.kill();
    for arguments in [&["visit", &*id][..], &["correct", &id, "--text", "12"], &["resend", &id], &["rechecks"], &["recheck-done", "1"]] {
        assert_eq!(world.station.run(arguments).await.status.code(), Some(69), "{arguments:?}");
    }
}
