//! Contact: a station says how it stands, and hears how the province sees it.
//!
//! Promises: what the chain of links tells is committed before it is said. Must never refuse a station for what its
//! chain tells: visits are taken from copies too.

use axum::{
    Extension, Json,
    body::Body,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::SubsecRound as _;

use super::{Peer, Refusal, blocking, broken, read_message, same_station};
use crate::{Province, wire::ContactRequest};

/// The most bytes in a request.
const MOST_BYTES: usize = 4 * 1024;

/// `POST /v1/contact`.
pub(super) async fn contact(Shared(province): Shared<Province>, Extension(peer): Extension<Peer>, body: Body) -> Result<Response, Refusal> {
    let station = peer.station(&province)?;
    let said: ContactRequest = read_message(body, MOST_BYTES).await?;
    same_station(&said.station, station)?;
    if said.log.as_ref().is_some_and(|log| !log.is_one()) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", "that is no end of an access log"));
    }
    let drop = province.faults().next_contact_drops();
    let answer = blocking(province, move |province| Ok(province.ledger().contact(province.now().trunc_subsecs(3), &said)?)).await?;
    Ok(if drop { broken() } else { Json(answer).into_response() })
}
