//! The roster as a whole: everybody, or those whose card ends between two days.
//!
//! Promise: one pass over one state of the roster. Never: a judgement; an order.

use chrono::NaiveDate;
use rusqlite::Connection;
use rusqlite::Params;

use super::CardStore;
use super::apply;
use super::row;
use crate::domain::card::CardRecord;
use crate::domain::roster::PullCursor;
use crate::storage::error::Error;

/// What a pass came to, and of which state.
#[derive(Clone, Debug)]
pub struct Passed<T> {
    /// The state; `None`: there is no roster.
    pub cursor: Option<PullCursor>,
    /// What came of it.
    pub found: T,
}

impl CardStore {
    /// Everybody whose recorded card, or the one after it, ends between two days, both included, and can be read.
    pub async fn ending_between(&self, from: NaiveDate, until: NaiveDate) -> Result<Passed<Vec<CardRecord>>, Error> {
        let days = [from.to_string(), until.to_string()];
        self.ask(move |db| {
            let mut found = Vec::new();
            pass(db, "WHERE valid_until BETWEEN ?1 AND ?2 OR successor_valid_until BETWEEN ?1 AND ?2", days.each_ref(), |record| {
                found.extend(record);
            })?;
            Ok(Passed { cursor: apply::cursor(db)?, found })
        })
        .await
    }

    /// Hands everybody to `each`, in no order; `None` is somebody with a value that cannot be read.
    pub async fn pass<T: Default + Send + 'static>(
        &self,
        each: impl Fn(&mut T, Option<&CardRecord>) + Clone + Send + 'static,
    ) -> Result<Passed<T>, Error> {
        self.ask(move |db| {
            let mut found = T::default();
            pass(db, "", [], |record| each(&mut found, record.as_ref()))?;
            Ok(Passed { cursor: apply::cursor(db)?, found })
        })
        .await
    }
}

fn pass(connection: &Connection, which: &str, values: impl Params, mut each: impl FnMut(Option<CardRecord>)) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(&format!("SELECT {} FROM card {which}", row::ALL))?;
    for found in statement.query_map(values, row::read)? {
        each(found?.to_record().ok());
    }
    Ok(())
}
