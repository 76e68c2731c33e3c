//! Rechecks: visits whose verdict would now be another.
//!
//! Promises: each is kept once, committed before the answer. Must never change the visit.

use axum::{Extension, Json, body::Body, extract::State as Shared, http::StatusCode};
use chrono::SubsecRound as _;

use super::{Peer, Refusal, blocking, read_message, same_station};
use crate::{
    Province,
    wire::{RechecksAnswer, RechecksRequest},
};

/// The most bytes in a request.
const MOST_BYTES: usize = 256 * 1024;
/// The most rechecks in a request.
const MOST_RECHECKS: usize = 100;

/// `POST /v1/rechecks`.
pub(super) async fn rechecks(
    Shared(province): Shared<Province>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<RechecksAnswer>, Refusal> {
    let station = peer.station(&province)?;
    let said: RechecksRequest = read_message(body, MOST_BYTES).await?;
    same_station(&said.station, station)?;
    if said.rechecks.len() > MOST_RECHECKS {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_rechecks", format!("at most {MOST_RECHECKS} rechecks")));
    }
    let received = said.rechecks.len() as u64;
    blocking(province, move |province| Ok(province.ledger().keep_rechecks(province.now().trunc_subsecs(3), &said)?)).await?;
    Ok(Json(RechecksAnswer { received }))
}
