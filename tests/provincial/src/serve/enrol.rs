//! Enrolment: a one-time code and a signing request become a certificate and a feed.
//!
//! Promises: the station's feed is published and sealed to its key before the code is used up, and the code is used
//! up before the answer goes out; who did not hear the answer may ask again. Must never see a private key of a station.

use axum::{
    Json,
    body::Body,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{Refusal, broken, read_body};
use crate::{
    Error, Province,
    keys::asked_key_sha256,
    ledger::{Asker, CodeFailure, CodeUse, Enrolment},
    wire::{EnrolAnswer, EnrolRequest, FORMAT},
};

/// The most bytes in a request.
const MOST_BYTES: usize = 64 * 1024;

/// `POST /v1/enrol`.
pub(super) async fn enrol(Shared(province): Shared<Province>, body: Body) -> Result<Response, Refusal> {
    let bytes = read_body(body, MOST_BYTES).await?;
    let request: EnrolRequest =
        serde_json::from_slice(&bytes).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "malformed", "not an enrolment request"))?;
    if request.format != FORMAT {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "unknown_format", "this server speaks format 1"));
    }
    let drop = province.faults().next_enrolment_drops();
    let answer = tokio::task::spawn_blocking(move || take_in(&province, &request))
        .await
        .map_err(|_| Refusal::from(Error::Unreadable("enrolment stopped".into())))??;
    Ok(if drop { broken() } else { Json(answer).into_response() })
}

fn take_in(province: &Province, request: &EnrolRequest) -> Result<EnrolAnswer, Refusal> {
    let _alone = province.enrolment_lock();
    let station = request.station.as_str();
    let refused =
        |failure: CodeFailure| Refusal::new(StatusCode::FORBIDDEN, failure.word(), "the enrolment code does not open this station");
    let key_sha256 = asked_key_sha256(&request.csr_pem);
    let asker = Asker { install: request.install, key_sha256: key_sha256.as_deref(), feed_recipient: &request.feed_recipient };
    let code = province.ledger().try_code(station, &request.code, &asker, province.now().timestamp())?.map_err(refused)?;
    if let CodeUse::Again(certificate_pem) = code {
        return answer(province, station, certificate_pem);
    }

    let malformed = |what: &str| Refusal::new(StatusCode::BAD_REQUEST, "malformed", format!("{what} cannot be read"));
    let certificate = province.certify(station, request.install, &request.csr_pem).map_err(|_| malformed("the signing request"))?;
    province.seal_to(station, &request.feed_recipient).map_err(|error| match error {
        Error::Seal(_) => malformed("the feed recipient"),
        other => other.into(),
    })?;
    province.publish(station, province.now())?;
    let enrolment = Enrolment {
        station,
        install: request.install,
        key_sha256: &certificate.key_sha256,
        certificate_pem: &certificate.pem,
        at: province.now(),
    };
    if !province.ledger().enrol(&enrolment)? {
        return Err(refused(CodeFailure::Used));
    }
    answer(province, station, certificate.pem)
}

fn answer(province: &Province, station: &str, certificate_pem: String) -> Result<EnrolAnswer, Refusal> {
    Ok(EnrolAnswer {
        station: station.to_owned(),
        station_name: province.ledger().station(station)?.name,
        certificate_pem,
        index_public_key: province.index_public_key()?,
        intake_recipient: Some(province.keys().intake().to_public().to_string()),
    })
}
