//! Enrolment codes and certificates, over real TLS.

use provincial::Fault;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::{
    naive,
    station::{INSTALL, Request, STATION, Served, json_of, refusal},
};

async fn try_with(served: &Served, request: &Request) -> Result<Value, (u16, String)> {
    let response = served.stranger().post(format!("{}/v1/enrol", served.base)).body(request.body()).send().await.unwrap();
    if response.status().is_success() { Ok(json_of(response).await) } else { Err(refusal(response).await) }
}

fn refused(code: &str) -> Result<Value, (u16, String)> {
    Err((403, code.to_owned()))
}

#[tokio::test]
async fn a_code_is_readable_and_works_once() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    assert_eq!(code.len(), 8);
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric() && !b"0O1IL".contains(&byte)));
    let request = Request::new(STATION, &code);
    let answer = try_with(&served, &request).await.unwrap();
    assert_eq!(answer["station"], STATION);
    assert_eq!(answer["index_public_key"], served.province.index_public_key().unwrap());
    assert_eq!(try_with(&served, &Request::new(STATION, &code)).await, refused("used_code"));
    served.stop().await;
}

#[tokio::test]
async fn who_was_let_in_and_did_not_hear_it_may_ask_again_within_the_code_s_day() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    let mut request = Request::new(STATION, &code);
    served.province.faults().set(Fault::EnrolDrops(1));
    assert!(served.stranger().post(format!("{}/v1/enrol", served.base)).body(request.body()).send().await.is_err());
    served.province.faults().clear();
    let published = served.province.feed_dir(STATION).join("index.json");
    let index = std::fs::read(&published).unwrap();

    // Another signing request, as each try makes one, for the same key.
    let params = rcgen::CertificateParams::new(vec!["once-more".into()]).unwrap();
    request.value["csr_pem"] = params.serialize_request(&request.tls).unwrap().pem().unwrap().into();
    let first = try_with(&served, &request).await.unwrap();
    assert_eq!(try_with(&served, &request).await.unwrap()["certificate_pem"], first["certificate_pem"], "no second certificate");
    assert_eq!(std::fs::read(&published).unwrap(), index, "and no second feed");
    let client = served.client(&request, &first);
    assert!(client.get(format!("{}/v1/feed/99001/index.json", served.base)).send().await.unwrap().status().is_success());

    let others = [
        ("install", "0b6f0c3a-52f1-4d0e-9a77-000000000000".to_owned()),
        ("feed_recipient", age::x25519::Identity::generate().to_public().to_string()),
        ("csr_pem", Request::new(STATION, &code).value["csr_pem"].as_str().unwrap().to_owned()),
    ];
    for (key, value) in others {
        let mut other = Request { tls: rcgen::KeyPair::generate().unwrap(), key: request.key.clone(), value: request.value.clone() };
        other.value[key] = value.into();
        assert_eq!(try_with(&served, &other).await, refused("used_code"), "{key}");
    }
    served.province.faults().set(Fault::ClockSkew(24 * 3600 + 5));
    assert_eq!(try_with(&served, &request).await, refused("used_code"), "after the code's day");
    served.province.faults().clear();
    assert!(try_with(&served, &request).await.is_ok());
    served.province.revoke(STATION).unwrap();
    assert_eq!(try_with(&served, &request).await, refused("used_code"), "nothing brings back what the operator ended");
    served.stop().await;
}

#[tokio::test]
async fn of_two_requests_with_one_code_one_wins_and_gets_the_feed() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    let (one, two) = (Request::new(STATION, &code), Request::new(STATION, &code));
    let answers = tokio::join!(try_with(&served, &one), try_with(&served, &two));
    let (winner, answer) = match answers {
        (Ok(answer), Err(refusal)) if refusal.1 == "used_code" => (one, answer),
        (Err(refusal), Ok(answer)) if refusal.1 == "used_code" => (two, answer),
        both => panic!("{both:?}"),
    };
    let client = served.client(&winner, &answer);
    let index = client.get(format!("{}/v1/feed/99001/index.json", served.base)).send().await.unwrap();
    let index = json_of(index).await;
    // Sealed to the winner: opening it would fail otherwise.
    naive::unseal(&winner.key, &served.province.feed_dir(STATION), index["snapshot"]["sha256"].as_str().unwrap());
    served.stop().await;
}

#[tokio::test]
async fn a_code_is_for_one_station_and_five_tries() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    served.province.enrolment_code("99002").unwrap();
    assert_eq!(try_with(&served, &Request::new("99002", &code)).await, refused("wrong_code"));
    assert_eq!(try_with(&served, &Request::new("99777", &code)).await, refused("wrong_code"));
    for _ in 0..5 {
        assert_eq!(try_with(&served, &Request::new(STATION, "ABCDEFGH")).await, refused("wrong_code"));
    }
    assert_eq!(try_with(&served, &Request::new(STATION, &code)).await, refused("too_many_tries"));
    let fresh = served.province.enrolment_code(STATION).unwrap();
    assert!(try_with(&served, &Request::new(STATION, &fresh)).await.is_ok());
    served.stop().await;
}

#[tokio::test]
async fn a_code_ends_after_a_day() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    served.province.faults().set(Fault::ClockSkew(24 * 3600 + 5));
    assert_eq!(try_with(&served, &Request::new(STATION, &code)).await, refused("expired_code"));
    served.province.faults().set(Fault::ClockSkew(23 * 3600));
    assert!(try_with(&served, &Request::new(STATION, &code)).await.is_ok());
    served.stop().await;
}

#[tokio::test]
async fn a_malformed_request_does_not_use_the_code_up() {
    let served = Served::new().await;
    let code = served.province.enrolment_code(STATION).unwrap();
    for (key, value) in [("csr_pem", "no csr"), ("feed_recipient", "age1nothing"), ("install", "7")] {
        let mut request = Request::new(STATION, &code);
        request.value[key] = value.into();
        assert_eq!(try_with(&served, &request).await, Err((400, "malformed".to_owned())), "{key}");
    }
    assert!(try_with(&served, &Request::new(STATION, &code)).await.is_ok());
    served.stop().await;
}

#[tokio::test]
async fn the_certificate_names_the_station_and_nothing_that_was_asked_for() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let pem = station.answer["certificate_pem"].as_str().unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&pem.contents).unwrap();
    let names: Vec<&str> = certificate.subject().iter_common_name().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, [STATION]);
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let install = format!("urn:uuid:{INSTALL}");
    assert!(matches!(names[..], [GeneralName::URI(uri)] if uri == install), "{names:?}");
    assert!(!certificate.is_ca());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    let seconds = certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
    assert!((365..=367).contains(&(seconds / 86_400)));
    served.stop().await;
}

#[tokio::test]
async fn the_feed_is_there_when_the_answer_is_and_a_new_enrolment_ends_the_old_certificate() {
    let served = Served::new().await;
    let first = served.enrol(STATION).await;
    let session = first.index().await["session"].clone();
    let second = served.enrol(STATION).await;
    assert_eq!(refusal(first.get("/v1/feed/99001/index.json").await).await, (403, "replaced_certificate".to_owned()));
    served.province.revoke(STATION).unwrap();
    for ended in [&first, &second] {
        assert_eq!(refusal(ended.get("/v1/feed/99001/index.json").await).await, (403, "revoked_certificate".to_owned()));
    }
    assert_ne!(second.index().await["session"], session, "another key means another session");
    served.stop().await;
}
