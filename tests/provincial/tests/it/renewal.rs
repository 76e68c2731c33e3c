//! Renewal of certificates, over real TLS where a certificate is shown.

use chrono::TimeDelta;
use serde_json::{Value, json};
use x509_parser::{pem::parse_x509_pem, x509::SubjectPublicKeyInfo};

use crate::station::{INSTALL, Request, STATION, Served, json_of, refusal};

const INDEX: &str = "/v1/feed/99001/index.json";

/// A station that enrolled by hand, its keys at hand too.
struct Enrolled {
    request: Request,
    answer: Value,
}

async fn enrolled(served: &Served) -> Enrolled {
    let request = Request::new(STATION, &served.province.enrolment_code(STATION).unwrap());
    let response = served.stranger().post(format!("{}/v1/enrol", served.base)).body(request.body()).send().await.unwrap();
    Enrolled { answer: json_of(response).await, request }
}

fn message(request: &Request, install: &str) -> Value {
    json!({"format": 1, "station": STATION, "install": install, "csr_pem": request.value["csr_pem"]})
}

async fn renew(served: &Served, message: &Value) -> Result<Value, (u16, String)> {
    let response = served.stranger().post(format!("{}/v1/renew", served.base)).body(message.to_string()).send().await.unwrap();
    if response.status().is_success() { Ok(json_of(response).await) } else { Err(refusal(response).await) }
}

fn refused(code: &str) -> Result<Value, (u16, String)> {
    Err((403, code.to_owned()))
}

/// Key, serial number and last second of the certificate in an answer.
fn facts(answer: &Value) -> (Vec<u8>, Vec<u8>, i64) {
    let (_, pem) = parse_x509_pem(answer["certificate_pem"].as_str().unwrap().as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let key: &SubjectPublicKeyInfo<'_> = certificate.public_key();
    (key.raw.to_vec(), certificate.raw_serial().to_vec(), certificate.validity().not_after.timestamp())
}

/// Whether the feed opens to this certificate; a certificate that has ended is refused before there is an answer.
async fn opens(served: &Served, request: &Request, answer: &Value) -> bool {
    let url = format!("{}{INDEX}", served.base);
    served.client(request, answer).get(url).send().await.is_ok_and(|response| response.status().is_success())
}

#[tokio::test]
async fn a_renewed_certificate_is_in_force_at_once_and_so_is_the_one_before() {
    let served = Served::new().await;
    let station = enrolled(&served).await;
    let first = renew(&served, &message(&station.request, INSTALL)).await.unwrap();
    let second = renew(&served, &message(&station.request, INSTALL)).await.unwrap();
    for answer in [&station.answer, &first, &second] {
        assert!(opens(&served, &station.request, answer).await);
    }
    let [(key, serial, _), (key_1, serial_1, _), (key_2, serial_2, _)] = [facts(&station.answer), facts(&first), facts(&second)];
    assert_eq!((&key, &key), (&key_1, &key_2));
    assert!(serial != serial_1 && serial_1 != serial_2 && serial != serial_2, "no two certificates share a number");
    served.stop().await;
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_renewed_for_180_days() {
    let served = Served::new().await;
    served.province.set_certificate_days(-1).unwrap();
    let station = enrolled(&served).await;
    assert!(!opens(&served, &station.request, &station.answer).await, "it has ended");
    served.province.set_certificate_life(TimeDelta::days(300), TimeDelta::days(-179)).unwrap();
    let late = renew(&served, &message(&station.request, INSTALL)).await.unwrap();
    assert!(!opens(&served, &station.request, &late).await);
    served.province.set_certificate_life(TimeDelta::days(300), TimeDelta::days(-181)).unwrap();
    let too_late = renew(&served, &message(&station.request, INSTALL)).await.unwrap();
    assert!(facts(&too_late).2 < facts(&late).2);
    served.province.set_certificate_days(365).unwrap();
    assert_eq!(renew(&served, &message(&station.request, INSTALL)).await, refused("too_late"));

    served.province.set_certificate_days(-179).unwrap();
    let station = enrolled(&served).await;
    served.province.set_certificate_days(365).unwrap();
    let renewed = renew(&served, &message(&station.request, INSTALL)).await.unwrap();
    assert!(opens(&served, &station.request, &renewed).await);
    served.stop().await;
}

#[tokio::test]
async fn only_the_key_in_force_is_certified_again() {
    let served = Served::new().await;
    let before = enrolled(&served).await;
    let stranger = Request::new(STATION, "");
    assert_eq!(renew(&served, &message(&stranger, INSTALL)).await, refused("other_key"));
    for station in ["99002", "99777"] {
        let mut other = message(&before.request, INSTALL);
        other["station"] = json!(station);
        assert_eq!(renew(&served, &other).await, refused("other_key"), "{station}");
    }
    let now = enrolled(&served).await;
    assert_eq!(renew(&served, &message(&before.request, INSTALL)).await, refused("replaced_certificate"));
    assert!(renew(&served, &message(&now.request, INSTALL)).await.is_ok());
    served.province.revoke(STATION).unwrap();
    assert!(!opens(&served, &now.request, &now.answer).await);
    assert_eq!(renew(&served, &message(&now.request, INSTALL)).await, refused("revoked_certificate"));
    served.stop().await;
}

#[tokio::test]
async fn a_signing_request_must_be_signed_by_its_own_key() {
    let served = Served::new().await;
    let station = enrolled(&served).await;
    let malformed = Err((400, "malformed".to_owned()));
    let mut nonsense = message(&station.request, INSTALL);
    nonsense["csr_pem"] = json!("no request");
    assert_eq!(renew(&served, &nonsense).await, malformed);
    // The public key of the station, signed by somebody else: the last bytes of a request are its signature.
    let mut forged = station.request.value["csr_pem"].as_str().unwrap().to_owned();
    let inside = forged.rfind("\n-----END").unwrap() - 12;
    let other = if &forged[inside..=inside] == "x" { "y" } else { "x" };
    forged.replace_range(inside..=inside, other);
    let mut message_of_other = message(&station.request, INSTALL);
    message_of_other["csr_pem"] = json!(forged);
    assert_eq!(renew(&served, &message_of_other).await, malformed);
    served.stop().await;
}

#[tokio::test]
async fn another_record_of_visits_on_the_same_machine_is_taken_and_noted() {
    let served = Served::new().await;
    let station = enrolled(&served).await;
    let other = "0b6f0c3a-52f1-4d0e-9a77-000000000002";
    let renewed = renew(&served, &message(&station.request, other)).await.unwrap();
    assert!(opens(&served, &station.request, &renewed).await);
    let text = renewed["certificate_pem"].as_str().unwrap().to_owned();
    let (_, pem) = parse_x509_pem(text.as_bytes()).unwrap();
    let names = pem.parse_x509().unwrap().subject_alternative_name().unwrap().unwrap().value.general_names.clone();
    assert!(format!("{names:?}").contains(&format!("urn:uuid:{other}")), "{names:?}");
    let reports = served.province.station_reports().unwrap();
    let installs: Vec<(String, bool)> = reports.iter().filter_map(|report| Some((report.install?.to_string(), report.in_force))).collect();
    assert_eq!(installs, [(other.to_owned(), true), (INSTALL.to_owned(), false)]);
    served.stop().await;
}
