//! A station that was started in another one's place: with another facility code over its data, beside a certificate of another station, at a port that somebody else
//! holds, with its copies going where the data are.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::refused::page;
use crate::support::AGENT;
use crate::support::NEIGHBOUR;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::wait_for;

fn change(station: &TestStation, from: &str, to: &str) {
    let text = fs::read_to_string(&station.config).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&station.config, text.replace(from, to)).unwrap();
}

fn code(code: &str) -> String {
    format!("facility = \"{code}\"")
}

/// What `doctor` has in a line.
async fn line(station: &TestStation, check: &str) -> Value {
    let output = station.run(&["doctor", "--json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    value["checks"].as_array().unwrap().iter().find(|line| line["check"] == check).unwrap().clone()
}

/// Killed when dropped.
struct StandIn(Child);

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stand_in(station: &TestStation) -> StandIn {
    let mut command = Command::new(AGENT);
    command.args(["serve", "--refused", "--config"]).arg(&station.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    StandIn(command.spawn().unwrap())
}

/// The record as it lies on the disk, and what is noted of it; not its log's index, which whoever looks makes anew.
fn record(data: &Path) -> [Option<Vec<u8>>; 3] {
    ["visits.db", "visits.db-wal", "schemas"].map(|name| fs::read(data.join(name)).ok().filter(|bytes| !bytes.is_empty()))
}

/// It ran on, called itself by the other code, and the province refused every visit.
#[tokio::test]
async fn a_wrong_facility_code_over_existing_visits_is_refused_before_anything_is_written() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    station.check_in(&province.person_in_force().card).await.unwrap();
    station.status_when("the visit is sent", |status| status["outbox"]["pending"] == 0).await;
    assert_eq!(daemon.terminate().await, Some(0));
    let data = station.dir.path().join("data");
    let before = record(&data);
    change(&station, &code(STATION), &code(NEIGHBOUR));

    let refused = station.run(&["serve"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(said.contains(&code(STATION)) && said.contains(&format!("trạm {NEIGHBOUR}")) && said.contains("data-dir"), "{said}");
    let standing_in = stand_in(&station);
    let shown = wait_for("the page says why", async || page(station.page)).await;
    assert!(shown.contains(&format!("của trạm {STATION}")) && shown.contains(&format!("trạm {NEIGHBOUR}")), "{shown}");
    drop(standing_in);
    let databases = line(&station, "databases").await;
    assert_eq!((&databases["code"], &databases["state"]), (&"databases.other_facility".into(), &"broken".into()), "{databases}");
    assert_eq!(line(&station, "service").await["code"], "service.hindered");
    assert_eq!(station.run(&["status"]).await.status.code(), Some(78));
    assert!(record(&data) == before, "nothing was written");

    change(&station, &code(NEIGHBOUR), &code(STATION));
    let daemon = station.started().await;
    assert_eq!(station.status().await["counts"]["delivered"], 1);
    assert_eq!(daemon.terminate().await, Some(0));
}

/// Who typed a wrong code sets up again: nothing is there to be taken for another station's.
#[tokio::test]
async fn a_record_that_was_never_used_may_get_another_facility_code() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    assert!(station.run(&["init"]).await.status.success());
    assert_eq!(station.started().await.terminate().await, Some(0));
    change(&station, &code(STATION), &code(NEIGHBOUR));
    assert_eq!(station.started().await.terminate().await, Some(0));
    assert_eq!(line(&station, "databases").await["state"], "ok");
}

#[tokio::test]
async fn a_certificate_of_another_station_is_not_used_and_the_desk_works_on() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    change(&station, &code(STATION), &code(NEIGHBOUR));
    change(&station, "/data\"", "/other\"");
    let daemon = station.started().await;
    assert_eq!(station.status().await["link"], "unusable");
    let certificate = line(&station, "certificate").await;
    assert_eq!((&certificate["code"], &certificate["state"]), (&"certificate.other_station".into(), &"broken".into()), "{certificate}");
    assert!(certificate["vi"].as_str().unwrap().contains(STATION), "{certificate}");
    assert_eq!(daemon.terminate().await, Some(0));
}

/// "Address already in use", half in English, without who or what next; and doctor: "start the service".
#[tokio::test]
async fn a_port_that_another_program_holds_is_told_with_what_to_do() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let other = TcpListener::bind(station.page).unwrap();
    let port = format!("ss -ltnp 'sport = :{}'", station.page.port());
    let refused = station.run(&["serve"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(69), "{said}");
    assert!(said.contains("chương trình khác giữ") && said.contains(&port) && !said.contains("Address already in use"), "{said}");
    let service = line(&station, "service").await;
    assert_eq!((&service["code"], &service["state"]), (&"service.port_taken".into(), &"broken".into()), "{service}");
    assert!(service["next_vi"].as_str().unwrap().contains(&port), "{service}");
    // Nobody can stand before the page of refusals either: the journal has both.
    let refused = station.run(&["serve", "--refused"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(69), "{said}");
    assert!(said.contains("Trang báo lý do cũng không mở được") && said.contains(&port), "{said}");
    drop(other);
    assert_eq!(line(&station, "service").await["code"], "service.not_running");
}

/// The page of refusals stands in the service's place: it is nobody else.
#[tokio::test]
async fn the_page_of_refusals_is_not_told_as_another_program_at_the_port() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let _standing_in = stand_in(&station);
    wait_for("the page is there", async || page(station.page)).await;
    assert_ne!(line(&station, "service").await["code"], "service.port_taken");
}

/// Copies landed beside the key that opens them.
#[tokio::test]
async fn a_folder_of_backups_among_the_data_or_the_keys_is_refused_by_the_check_of_the_configuration() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let place = station.dir.path();
    std::os::unix::fs::symlink(place.join("keys"), place.join("link")).unwrap();
    let text = fs::read_to_string(&station.config).unwrap();
    let recipient = age::x25519::Identity::generate().to_public();
    for (folder, exit) in [("data/copies", 78), ("keys", 78), ("link", 78), ("elsewhere", 0)] {
        let backup = format!("[backup]\nfolder = \"{}/{folder}\"\nrecipients = [\"{recipient}\"]\n", place.display());
        fs::write(&station.config, format!("{text}{backup}")).unwrap();
        let checked = station.run(&["check-config"]).await;
        assert_eq!(checked.status.code(), Some(exit), "{folder}: {checked:?}");
    }
}
