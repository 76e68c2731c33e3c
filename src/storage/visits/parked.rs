//! What a person does with a visit that the province refused, beside correcting it: send it again as it is, or end it.
//!
//! Promise: a visit that was ended keeps why, who and when, and is never sent again. Never: a change to the visit itself; an end to a visit that is
//! on its way, or at the province.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;

use super::VisitStore;
use super::row;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Revision;
use crate::domain::visit::VisitId;
use crate::storage::error::Error;

impl VisitStore {
    /// Sends a refused visit again, unchanged: what was wrong was not in it. `false`: it is not parked.
    pub async fn release(&self, id: VisitId, revision: Revision) -> Result<bool, Error> {
        self.change(move |db| release(db, id, revision)).await
    }

    /// Ends a refused visit. `false`: it is not parked.
    pub async fn close_parked(
        &self,
        id: VisitId,
        revision: Revision,
        note: Box<str>,
        by: OperatorName,
        at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.change(move |db| close(db, (id, revision), &note, &by, at)).await
    }
}

fn release(connection: &Connection, id: VisitId, revision: Revision) -> Result<bool, Error> {
    let sql = "UPDATE outbox SET state = 'pending', refused_code = NULL, refused_text = NULL \
        WHERE state = 'parked' AND sequence = (SELECT sequence FROM visit WHERE id = ?1 AND revision = ?2)";
    Ok(connection.prepare_cached(sql)?.execute((id.0.to_string(), revision.0))? == 1)
}

fn close(
    connection: &Connection,
    (id, revision): (VisitId, Revision),
    note: &str,
    by: &OperatorName,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "UPDATE outbox SET state = 'closed', closed_note = ?3, closed_by = ?4, closed_at = ?5 \
        WHERE state = 'parked' AND sequence = (SELECT sequence FROM visit WHERE id = ?1 AND revision = ?2)";
    let values = (id.0.to_string(), revision.0, note, by.as_str(), row::instant(at));
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
}

#[cfg(test)]
#[path = "parked_tests.rs"]
mod tests;
