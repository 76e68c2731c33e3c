//! A station as a test needs one: enrols, then speaks with its certificate. Not the product: a plain HTTP client.

use std::net::TcpListener;

use chrono::NaiveDate;
use provincial::{CreateSettings, Province, Serving, StationSettings};
use reqwest::{Certificate, Client, Identity, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) const STATION: &str = "99001";
pub(crate) const INSTALL: &str = "0b6f0c3a-52f1-4d0e-9a77-665544332211";

/// A served province in a folder of its own.
pub(crate) struct Served {
    pub(crate) province: Province,
    pub(crate) base: String,
    stop: CancellationToken,
    serving: Serving,
    _dir: tempfile::TempDir,
}

impl Served {
    /// Two stations with a few hundred people each.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let province = small_province(dir.path());
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let serving = provincial::start(province.clone(), listener, stop.clone()).await.unwrap();
        Self { province, base: format!("https://{}", serving.addr), stop, serving, _dir: dir }
    }

    /// A client without a certificate.
    pub(crate) fn stranger(&self) -> Client {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let ca = Certificate::from_pem(self.province.ca_pem().as_bytes()).unwrap();
        Client::builder().tls_certs_only([ca]).redirect(reqwest::redirect::Policy::none())
    }

    pub(crate) async fn enrol(&self, station: &str) -> Station {
        let code = self.province.enrolment_code(station).unwrap();
        let request = Request::new(station, &code);
        let response = self.stranger().post(format!("{}/v1/enrol", self.base)).body(request.body()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = json_of(response).await;
        Station { client: self.client(&request, &answer), answer, base: self.base.clone(), key: request.key }
    }

    pub(crate) fn client(&self, request: &Request, answer: &Value) -> Client {
        let pem = format!("{}{}", answer["certificate_pem"].as_str().unwrap(), request.tls.serialize_pem());
        self.builder().identity(Identity::from_pem(pem.as_bytes()).unwrap()).build().unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.serving.stopped().await;
    }
}

pub(crate) fn small_province(dir: &std::path::Path) -> Province {
    let settings = CreateSettings {
        seed: 3,
        stations: vec![StationSettings::new(STATION, 400), StationSettings::new("99002", 200)],
        today: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap(),
        hosts: Vec::new(),
    };
    Province::create(dir, &settings).unwrap()
}

/// An enrolment request and the keys behind it.
pub(crate) struct Request {
    pub(crate) tls: rcgen::KeyPair,
    pub(crate) key: age::x25519::Identity,
    pub(crate) value: Value,
}

impl Request {
    pub(crate) fn new(station: &str, code: &str) -> Self {
        let tls = rcgen::KeyPair::generate().unwrap();
        let key = age::x25519::Identity::generate();
        // Asks for another name, to see that the province does not listen.
        let params = rcgen::CertificateParams::new(vec!["somebody-else".into()]).unwrap();
        let csr_pem = params.serialize_request(&tls).unwrap().pem().unwrap();
        let value = json!({"format": 1, "station": station, "code": code, "install": INSTALL, "csr_pem": csr_pem,
            "feed_recipient": key.to_public().to_string()});
        Self { tls, key, value }
    }

    pub(crate) fn body(&self) -> String {
        self.value.to_string()
    }
}

/// An enrolled station.
pub(crate) struct Station {
    pub(crate) client: Client,
    pub(crate) answer: Value,
    pub(crate) key: age::x25519::Identity,
    base: String,
}

impl Station {
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    pub(crate) async fn index(&self) -> Value {
        json_of(self.get("/v1/feed/99001/index.json").await).await
    }

    pub(crate) async fn send(&self, visits: &[Value]) -> reqwest::Result<Response> {
        let batch = json!({"format": 1, "station": STATION, "install": INSTALL, "visits": visits});
        self.client.post(format!("{}/v1/visits", self.base)).body(batch.to_string()).send().await
    }

    /// Sends and gives the receipts, in the order of the visits.
    pub(crate) async fn receipts(&self, visits: &[Value]) -> Vec<Value> {
        let response = self.send(visits).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let answer = json_of(response).await;
        let receipts = answer["receipts"].as_array().unwrap().clone();
        assert_eq!(receipts.len(), visits.len());
        receipts
    }
}

pub(crate) async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Status and error code of a refusal.
pub(crate) async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = json_of(response).await;
    assert!(body["error"]["message"].is_string());
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

/// The first visit of the fixture, under another identity.
pub(crate) fn visit(number: u32) -> Value {
    let text = include_str!("../../../fixtures/wire/visits-request.json");
    let mut visit = serde_json::from_str::<Value>(text).unwrap()["visits"][0].clone();
    visit["id"] = format!("019aaa10-0000-7000-8000-{number:012}").into();
    visit["sequence"] = number.into();
    visit
}
