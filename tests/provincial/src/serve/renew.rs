//! Renewal: another certificate for the same key.
//!
//! Promises: only the key in force is certified again, and a certificate that has ended opens nothing but this, for a
//! while. Must never end the certificate before: the answer may be lost.

use axum::{Json, body::Body, extract::State as Shared, http::StatusCode};
use chrono::TimeDelta;

use super::{Refusal, blocking, read_message};
use crate::{
    Province,
    keys::{asked_key_sha256, not_after},
    ledger::Enrolment,
    wire::{RenewAnswer, RenewRequest},
};

/// The most bytes in a request.
const MOST_BYTES: usize = 16 * 1024;
/// Days after its end in which a certificate can still be renewed: a station that was closed for a rainy season.
const GRACE_DAYS: i64 = 180;

/// `POST /v1/renew`. Without a client certificate: one that has ended could not be shown.
pub(super) async fn renew(Shared(province): Shared<Province>, body: Body) -> Result<Json<RenewAnswer>, Refusal> {
    let request: RenewRequest = read_message(body, MOST_BYTES).await?;
    blocking(province, move |province| issue(province, &request)).await.map(Json)
}

fn issue(province: &Province, request: &RenewRequest) -> Result<RenewAnswer, Refusal> {
    let _alone = province.enrolment_lock();
    let station = request.station.as_str();
    let refused = |code: &'static str, message: &str| Refusal::new(StatusCode::FORBIDDEN, code, message);
    let malformed = || Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the signing request cannot be read");
    let key_sha256 = asked_key_sha256(&request.csr_pem).ok_or_else(malformed)?;
    if !province.ledger().had_key(station, &key_sha256)? {
        return Err(refused("other_key", "no certificate was issued to this station for this key"));
    }
    let word = province.ledger().ended_word(station, &key_sha256)?;
    let revoked = || refused(word, "the certificate for this key is in force no more");
    let known = province.ledger().station(station)?;
    let last = Some(known).filter(|known| known.key_sha256.as_deref() == Some(&key_sha256)).ok_or_else(revoked)?;
    let ended = last.certificate_pem.as_deref().and_then(not_after).ok_or_else(revoked)?;
    if province.now() > ended + TimeDelta::days(GRACE_DAYS) {
        return Err(refused("too_late", "the certificate ended too long ago; enrol again"));
    }
    let certificate = province.certify(station, request.install, &request.csr_pem).map_err(|_| malformed())?;
    let renewal = Enrolment {
        station,
        install: request.install,
        key_sha256: &certificate.key_sha256,
        certificate_pem: &certificate.pem,
        at: province.now(),
    };
    if !province.ledger().renew(&renewal)? {
        return Err(revoked());
    }
    Ok(RenewAnswer { certificate_pem: certificate.pem })
}
