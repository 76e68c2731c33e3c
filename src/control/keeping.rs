//! The files themselves, for the administrator: done by the daemon where one runs, else by the command line on the files.
//!
//! Promise: one way to do it and one way to say so. Never: a person in an answer, but where the person's own data were asked for.

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;

use super::contract;
use super::contract::ErrorBody;
use super::contract::Request;
use super::contract::keeping;
use super::contract::keeping::KeepingRequest;
use super::server::refused;
use crate::desk::Desk;
use crate::desk::Dropped;
use crate::desk::Salvage;
use crate::desk::Whole;
use crate::desk::words;
use crate::storage;

/// Answers what is about the files; `None` for everything else.
pub async fn answer(desk: &Desk, request: &Request) -> Option<Result<Value, ErrorBody>> {
    let Request::Keeping { keeping: asked } = request else { return None };
    let answer = match asked {
        KeepingRequest::Integrity => desk.integrity().await.map(|(at, visits, cards)| looked_at(at, visits, cards)),
        KeepingRequest::Quarantine => desk.set_aside().await.map(|files| keeping::set_aside(&files)),
        KeepingRequest::Salvage { name } => match desk.salvage(name.as_deref()).await {
            Ok(Salvage::NoKey) => return Some(Err(ErrorBody::said("no_key", words::backup::unread(1)).about("name"))),
            Ok(Salvage::NoFile) => return Some(Err(ErrorBody::said("no_file", words::backup::no_such_file()).about("name"))),
            Ok(Salvage::Done { taken, unread }) => Ok(keeping::salvaged(&taken, unread)),
            Err(error) => Err(error),
        },
        KeepingRequest::Drop { name, unsent } => match desk.drop_aside(name, *unsent).await {
            Ok(Dropped::Missing) => return Some(Err(ErrorBody::said("no_file", words::backup::no_such_file()).about("name"))),
            Ok(Dropped::Holds(unsent)) => return Some(Err(ErrorBody::said("holds_visits", words::backup::holds(unsent)).about("unsent"))),
            Ok(Dropped::Gone(unsent)) => Ok(keeping::dropped(name, unsent)),
            Err(error) => Err(error),
        },
        KeepingRequest::AcceptMissing => desk.accept_missing().await.map(keeping::missing_accepted),
        KeepingRequest::ExportPerson { text } => {
            return Some(desk.export_person(text).await.map(|visits| keeping::person(&visits)).map_err(|error| refused(&error)));
        }
        KeepingRequest::ErasePerson { text } => {
            return Some(desk.erase_person(text).await.map(keeping::erased).map_err(|error| refused(&error)));
        }
    };
    Some(answer.map_err(|error| failed(&error)))
}

/// What a look at both databases came to.
pub fn looked_at(at: DateTime<Utc>, visits: Whole, cards: Whole) -> Value {
    let said = words::backup::integrity(visits != Whole::No, cards != Whole::No, visits == Whole::Unknown || cards == Whole::Unknown);
    keeping::integrity(&contract::instant(at), visits.code(), cards.code(), &said)
}

fn failed(error: &storage::Error) -> ErrorBody {
    tracing::error!(name: "storage.work-failed", error = error as &dyn std::error::Error, "the files could not be worked on");
    ErrorBody::said(error.code(), words::cannot_open(error))
}
