//! Look-up of one person in the register of the whole province.
//!
//! Promises: nothing is changed by asking; a station that asks as if it were copying the register is slowed down. Must
//! never tell in which station's list somebody stands beyond what the row says.

use axum::{Extension, Json, body::Body, extract::State as Shared, http::StatusCode};
use chrono::{DateTime, FixedOffset, SubsecRound as _, TimeDelta};

use super::{Peer, Refusal, blocking, read_message, same_station};
use crate::{
    Province,
    feed::full_row,
    wire::{Defaults, Instant, LookupAnswer, LookupRequest},
};

/// The most bytes in a request.
const MOST_BYTES: usize = 4 * 1024;
/// Look-ups of one station in a minute.
const MOST_A_MINUTE: usize = 60;

/// `POST /v1/lookup`.
pub(super) async fn look_up(
    Shared(province): Shared<Province>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<LookupAnswer>, Refusal> {
    let station = peer.station(&province)?;
    let wanted: LookupRequest = read_message(body, MOST_BYTES).await?;
    same_station(&wanted.station, station)?;
    if wanted.card_number.is_none() && wanted.insurance_number.is_none() && wanted.personal_id.is_none() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", "none of the three numbers is given"));
    }
    let now = province.now();
    if let Some(seconds) = province.with_lookups(station, |asked| wait(asked, now)) {
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_lookups", "come back later").after(seconds));
    }
    if let Some(delay) = province.faults().lookup_delay() {
        tokio::time::sleep(delay).await;
    }
    let answer = blocking(province, move |province| {
        let person = province.ledger().find_person(&wanted)?;
        let row = person.map(|person| full_row(&person, &Defaults::default()));
        Ok(LookupAnswer { as_of: Instant(now.trunc_subsecs(0)), row })
    });
    answer.await.map(Json)
}

/// Counts a look-up, or says how many seconds it is too early.
fn wait(asked: &mut Vec<DateTime<FixedOffset>>, now: DateTime<FixedOffset>) -> Option<u32> {
    let minute = TimeDelta::minutes(1);
    // An instant of the future is left from a clock that was set back.
    asked.retain(|at| *at <= now && now - *at < minute);
    match asked.first() {
        Some(first) if asked.len() >= MOST_A_MINUTE => {
            let milliseconds = (*first + minute - now).num_milliseconds();
            Some(u32::try_from(milliseconds.div_euclid(1000) + 1).unwrap_or(60))
        }
        _ => {
            asked.push(now);
            None
        }
    }
}
