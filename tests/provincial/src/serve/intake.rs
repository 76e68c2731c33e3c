//! The visit intake: judges each visit by itself, stores a batch in one commit, answers with receipts.
//!
//! Promises: no receipt before the commit; a visit that is refused changes no other visit's answer. Must never let
//! a name or a number of a person out of the ledger: [`Arrival`] has neither.

use axum::{
    Extension, Json,
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, FixedOffset, Offset as _, SubsecRound as _};
use serde_json::value::RawValue;

use super::{Peer, Refusal, broken, packing::unpack, read_body};
use crate::{
    Error, Province,
    clock::vietnam,
    faults::VisitFate,
    feed::sha256_hex,
    ledger::{Keeping, Presented},
    wire::{FORMAT, Instant, Outcome, Receipt, Visit, VisitKey, VisitsAnswer, VisitsRequest, birth_date_is_written_well},
};

/// The most visits in a batch.
const MOST_VISITS: usize = 100;
/// The most bytes in a batch as it is sent.
const MOST_BYTES: usize = 1 << 20;
/// The most characters in the reason of a void.
const MOST_REASON: usize = 500;
/// The highest number a person is called under.
const MOST_CALLED: u32 = 99_999;

/// `MA_DOITUONG_KCB`: the 27 codes of Decision 3276/QĐ-BYT.
const ATTENDANCE_CATEGORIES: [&str; 27] = [
    "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.11", "1.12", "1.13", "1.14", "1.15", "1.16", "1.17", "1.18", "2", "3.1", "3.2",
    "3.3", "3.6", "7", "7.2", "7.3", "7.4", "8", "9", "10",
];

/// A visit arrived. No personal data.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When.
    pub received_at: DateTime<FixedOffset>,
    /// From whom.
    pub station: String,
    /// The station's running number, where it could be read.
    pub sequence: Option<u64>,
    /// `accepted`, `duplicate`, `conflict`, `rejected` or `retry`.
    pub outcome: &'static str,
    /// The province's proof, where there is one.
    pub reference: Option<String>,
}

/// `POST /v1/visits`.
pub(super) async fn visits(
    Shared(province): Shared<Province>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let station = peer.station(&province)?.to_owned();
    let bytes = unpack(&province, &headers, read_body(body, MOST_BYTES).await?)?;
    let malformed = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, "malformed", message);
    let batch: VisitsRequest = serde_json::from_slice(&bytes).map_err(|_| malformed("not a batch of visits"))?;
    if batch.format != FORMAT {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "unknown_format", "this server speaks format 1"));
    }
    let fate = province.faults().next_batch();
    if let Some(seconds) = fate.busy_seconds {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "come back later").after(seconds));
    }
    let most = fate.at_most.map_or(MOST_VISITS, |most| most as usize);
    if batch.visits.len() > most {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_visits", format!("at most {most} visits")));
    }
    // A receipt needs an identity to hang on: without one the batch cannot be answered at all.
    let keys = batch
        .visits
        .iter()
        .map(|raw| serde_json::from_str::<VisitKey>(raw.get()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| malformed("a visit has no readable id and revision"))?;

    let right_station = batch.station == station;
    let judged: Vec<Result<Presented, Outcome>> = batch
        .visits
        .iter()
        .map(|raw| match province.faults().next_visit() {
            VisitFate::Reject => Err(rejected("malformed", "rejected on purpose")),
            VisitFate::Retry => Err(Outcome::Retry { after_seconds: 1 }),
            VisitFate::Judge if !right_station => Err(rejected("wrong_station", "the batch names another station")),
            VisitFate::Judge => judge(raw),
        })
        .collect();
    let (outcomes, received_at) = keep(&province, &station, batch.install, judged.clone()).await?;

    for (judgement, outcome) in judged.iter().zip(&outcomes) {
        province.announce(Arrival {
            received_at,
            station: station.clone(),
            sequence: judgement.as_ref().ok().map(|visit| visit.sequence),
            outcome: outcome.word(),
            reference: outcome.reference().map(str::to_owned),
        });
    }
    if fate.hang_after_commit {
        core::future::pending::<()>().await;
    }
    if fate.drop_after_commit {
        return Ok(broken());
    }
    if fate.fail_after_commit {
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "failed on purpose, after storing"));
    }
    let receipts = keys.into_iter().zip(outcomes).map(|(key, outcome)| Receipt { id: key.id, revision: key.revision, outcome }).collect();
    Ok(Json(VisitsAnswer { receipts }).into_response())
}

/// Stores what passed, off the event loop, and puts the outcomes back in order.
async fn keep(
    province: &Province,
    station: &str,
    install: uuid::Uuid,
    judged: Vec<Result<Presented, Outcome>>,
) -> Result<(Vec<Outcome>, DateTime<FixedOffset>), Refusal> {
    let (province, station) = (province.clone(), station.to_owned());
    let work = move || store(&province, &station, install, judged);
    let stopped = |_| Refusal::from(Error::Unreadable("the intake stopped".into()));
    Ok(tokio::task::spawn_blocking(work).await.map_err(stopped)??)
}

/// Stores what passed and puts the outcomes back in order. However visits come, they come through here.
pub(crate) fn store(
    province: &Province,
    station: &str,
    install: uuid::Uuid,
    judged: Vec<Result<Presented, Outcome>>,
) -> Result<(Vec<Outcome>, DateTime<FixedOffset>), Error> {
    let received_at = province.now().trunc_subsecs(3);
    let presented: Vec<Presented> = judged.iter().filter_map(|visit| visit.as_ref().ok()).cloned().collect();
    let written =
        if presented.is_empty() { Vec::new() } else { province.ledger().keep_visits(station, install, received_at, &presented)? };
    let mut written = written.into_iter();
    let outcomes = judged
        .into_iter()
        .map(|judgement| match judgement {
            Err(outcome) => Ok(outcome),
            Ok(_) => written.next().map_or_else(|| Err(Error::Unreadable("a kept visit".into())), outcome),
        })
        .collect::<Result<_, Error>>()?;
    Ok((outcomes, received_at))
}

fn outcome(keeping: Keeping) -> Result<Outcome, Error> {
    let instant = |text: &str| DateTime::parse_from_rfc3339(text).map(Instant).map_err(|_| Error::Unreadable("received_at".into()));
    Ok(match keeping {
        Keeping::Stored { reference, received_at } => Outcome::Accepted { reference, received_at: instant(&received_at)? },
        Keeping::HadSame { reference, received_at } => Outcome::Duplicate { reference, received_at: instant(&received_at)? },
        Keeping::HadOther => {
            Outcome::Conflict { code: "other_content".into(), text: "another content is stored under this id and revision".into() }
        }
    })
}

fn rejected(code: &str, text: &str) -> Outcome {
    Outcome::Rejected { code: code.to_owned(), text: text.to_owned() }
}

/// Judges one visit by itself.
pub(crate) fn judge(raw: &RawValue) -> Result<Presented, Outcome> {
    let visit: Visit = serde_json::from_str(raw.get()).map_err(|_| rejected("malformed", "a key is missing or not as agreed"))?;
    let has_number = visit.card_number.is_some() || visit.insurance_number.is_some() || visit.personal_id.is_some();
    // A newborn has no number, and of somebody unconscious nobody may know one: the station admits and corrects later.
    if !has_number && visit.name.is_none() {
        return Err(rejected("no_identity", "none of the three numbers is given"));
    }
    if !ATTENDANCE_CATEGORIES.contains(&visit.attendance_category.as_str()) {
        return Err(rejected("unknown_attendance_category", "the attendance category is not in the list"));
    }
    let in_vietnam = visit.arrived_at.0.offset().fix() == vietnam();
    let born_well = visit.birth_date.as_deref().is_none_or(birth_date_is_written_well);
    let voided_well = visit.voided.as_deref().is_none_or(|reason| (1..=MOST_REASON).contains(&reason.chars().count()));
    let called_well = visit.queue_number.is_none_or(|number| (1..=MOST_CALLED).contains(&number));
    if visit.revision == 0 || !called_well || !in_vietnam || !born_well || !voided_well {
        return Err(rejected("malformed", "a value is not written as agreed"));
    }
    // Written again from the parsed form: order of keys, spaces and unknown keys do not make other content.
    let body = serde_json::to_string(&visit).map_err(|_| rejected("malformed", "the visit cannot be written"))?;
    Ok(Presented { id: visit.id, revision: visit.revision, sequence: visit.sequence, content_sha256: sha256_hex(body.as_bytes()), body })
}
