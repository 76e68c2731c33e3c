//! What goes over the link beside feeds and visits: contacts, questions, rechecks, the certificate, and the keys that follow each other.
//!
//! Promise: the product's own messages to the province's own routes, a certificate that ends as over TLS, and the fates of these tries. Never: a certificate
//! looked at; what it would say is kept beside it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use bhyt_agent::domain::contact::Greeting;
use bhyt_agent::domain::contact::Hello;
use bhyt_agent::domain::recheck::Recheck;
use bhyt_agent::domain::roster::Answered;
use bhyt_agent::domain::roster::Wanted;
use bhyt_agent::sync::driver::Direction;
use bhyt_agent::upstream::CertificateLife;
use bhyt_agent::upstream::Distrust;
use bhyt_agent::upstream::Error;
use bhyt_agent::upstream::Fault;
use bhyt_agent::upstream::Refusal;
use bhyt_agent::upstream::province::keychain;
use bhyt_agent::upstream::province::keychain::IndexKey;
use bhyt_agent::upstream::province::wire;
use chrono::TimeDelta;
use serde::Serialize;
use uuid::Uuid;

use super::SimLink;
use super::broken;
use crate::simulation::clock::instant;
use crate::simulation::faults::Fate;

/// How long before and after its issue a certificate is good here: short, so that many are renewed, and some end while a station is away.
pub(in crate::simulation) const CERTIFICATE: (TimeDelta, TimeDelta) = (TimeDelta::days(1), TimeDelta::days(4));

const CONTACT: &str = "/v1/contact";

fn post(path: &str, message: &impl Serialize) -> Request<Bytes> {
    let body = Bytes::from(serde_json::to_vec(message).unwrap());
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
}

impl SimLink {
    async fn say(&self, direction: Direction, path: &str, message: &impl Serialize) -> Result<Response<Bytes>, Error> {
        let fate = self.set_out(direction).await?;
        self.show_certificate()?;
        let response = self.network.ask(Some(&self.station), post(path, message)).await?;
        if path == CONTACT {
            self.contacts.fetch_add(1, Ordering::Relaxed);
        }
        if fate != Fate::Fine {
            self.befell(direction);
        }
        match fate {
            Fate::AnswerLost => return Err(broken()),
            Fate::FailedAfterCommit => return Err(Error::Failed(500)),
            Fate::KilledAfterCommit => self.killed(direction).await,
            Fate::SlowAnswer(milliseconds) => self.wait_for_answer(direction, milliseconds).await?,
            _ => {}
        }
        judge(&response)?;
        Ok(response)
    }

    pub(super) async fn contact(&self, hello: &Hello) -> Result<Greeting, Error> {
        let message = wire::ContactRequest::new(&self.station, hello);
        let response = self.say(Direction::Contact, CONTACT, &message).await?;
        Ok(wire::read_greeting(response.body())?)
    }

    pub(super) async fn look_up(&self, wanted: &Wanted) -> Result<Answered, Error> {
        let message = wire::LookupRequest::new(&self.station, wanted);
        let response = self.say(Direction::Ask, "/v1/lookup", &message).await?;
        Ok(wire::read_answered(response.body(), wanted)?)
    }

    pub(super) async fn report(&self, install: Uuid, rechecks: &[Recheck]) -> Result<(), Error> {
        let message = wire::RechecksRequest::new(&self.station, install, rechecks);
        self.say(Direction::Contact, "/v1/rechecks", &message).await.map(|_| ())
    }

    pub(super) fn life(&self) -> CertificateLife {
        let issued = instant(*self.certified.lock().unwrap());
        CertificateLife { not_before: issued - CERTIFICATE.0, not_after: issued + CERTIFICATE.1 }
    }

    /// The province takes no connection with a certificate that has ended by its clock.
    pub(super) fn show_certificate(&self) -> Result<(), Error> {
        if instant(self.network.time.now()) <= self.life().not_after {
            return Ok(());
        }
        *self.network.befell.lock().unwrap().entry("certificate_ended").or_default() += 1;
        Err(Error::Untrusted { why: Distrust::OurCertificateExpired, source: "the handshake failed".into() })
    }

    pub(super) async fn renew(&self, install: Uuid) -> Result<(), Error> {
        let fate = self.set_out(Direction::Contact).await?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, self.station.as_str());
        let csr_pem = params.serialize_request(&self.client_key).unwrap().pem().unwrap();
        let message = wire::RenewRequest { format: wire::FORMAT, station: &self.station, install, csr_pem: &csr_pem };
        let response = self.network.ask(None, post("/v1/renew", &message)).await?;
        if fate == Fate::AnswerLost {
            return Err(broken());
        }
        judge(&response)?;
        let answer: wire::RenewAnswer = serde_json::from_slice(response.body()).map_err(|_| Fault::Answer)?;
        assert!(answer.certificate_pem.contains("BEGIN CERTIFICATE"));
        *self.certified.lock().unwrap() = self.network.time.now();
        *self.network.befell.lock().unwrap().entry("certificate_renewed").or_default() += 1;
        Ok(())
    }

    /// Takes the newest key that follows the one held.
    pub(super) async fn follow_keys(&self) -> Result<(), Error> {
        let held = self.index_key.lock().unwrap().clone();
        let newest = keychain::follow(held, |id| self.read_statement(id)).await?;
        *self.index_key.lock().unwrap() = newest;
        Ok(())
    }

    async fn read_statement(&self, id: String) -> Result<Option<(Vec<u8>, String)>, Error> {
        let file = |name: String| Request::get(format!("/v1/feed/keys/{name}")).body(Bytes::new()).unwrap();
        let statement = self.network.ask(Some(&self.station), file(format!("{id}.json"))).await?;
        match judge(&statement) {
            Err(Error::Gone | Error::Refused(_)) => return Ok(None),
            judged => judged?,
        }
        let signature = self.network.ask(Some(&self.station), file(format!("{id}.json.minisig"))).await?;
        judge(&signature)?;
        let signature = String::from_utf8(signature.into_body().to_vec()).map_err(|_| Fault::Signature)?;
        *self.network.befell.lock().unwrap().entry("index_key_followed").or_default() += 1;
        Ok(Some((statement.into_body().to_vec(), signature)))
    }
}

/// Sorts an answer as the product does over TLS.
pub(super) fn judge(response: &Response<Bytes>) -> Result<(), Error> {
    let code = wire::read_refusal(response.body());
    Err(match response.status() {
        StatusCode::OK => return Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused(Refusal::new(code.as_deref().unwrap_or_default())),
        StatusCode::BAD_REQUEST if code.as_deref() == Some("malformed") => Fault::Request.into(),
        StatusCode::BAD_REQUEST => Fault::UnknownFormat.into(),
        StatusCode::NOT_FOUND => Error::Gone,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        StatusCode::RANGE_NOT_SATISFIABLE => Fault::Digest.into(),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Error::Throttled(seconds.map(Duration::from_secs))
        }
        status if status.is_server_error() => Error::Failed(status.as_u16()),
        _ => Error::Stranger("an answer that is not the protocol's"),
    })
}

/// What an enrolment leaves on a station's disk.
pub(in crate::simulation) struct Enrolled {
    pub(in crate::simulation) index: IndexKey,
    pub(in crate::simulation) feed: age::x25519::Identity,
    pub(in crate::simulation) client: rcgen::KeyPair,
}
