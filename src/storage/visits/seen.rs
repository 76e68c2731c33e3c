//! What a look at `visits.db` tells while no service runs.
//!
//! Promise: counts, instants and who the record is. Never: a visit, a name; a change.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;
use uuid::Uuid;

use super::aside;
use super::backups;
use super::backups::Backups;
use super::contact;
use super::log;
use super::operators;
use super::outbox;
use super::outbox::Counts;
use super::restored;
use crate::domain::contact::Ahead;
use crate::domain::contact::Machine;
use crate::domain::contact::TimeAnchor;
use crate::storage::error::Error;

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose it is, if it says so and is in use: only as that station's may it go on.
    pub facility: Option<String>,
    /// Which record it is.
    pub install: Uuid,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What it was called before, or what a record was called whose place it took.
    pub former: Vec<Uuid>,
    /// When it was last put back from a copy.
    pub restored_at: Option<DateTime<Utc>>,
    /// The outbox.
    pub counts: Counts,
    /// Accounts that are open.
    pub accounts: usize,
    /// Of these, heads.
    pub heads: usize,
    /// When the last visit came that was saved by a clock that was believed.
    pub last_arrival: Option<DateTime<Utc>>,
    /// How the copies elsewhere stand.
    pub backups: Backups,
    /// What the province made of this machine at the last contact, and since when.
    pub machine: Option<(Machine, Option<Ahead>, DateTime<Utc>)>,
    /// The province's time in this run of the machine.
    pub anchor: Option<TimeAnchor>,
}

impl Seen {
    /// Reads it. The file is of the version that this program knows.
    pub(in crate::storage) fn of(connection: &Connection, boot_id: &str) -> Result<Self, Error> {
        let accounts = operators::open_ones(connection)?;
        let is_in_use = aside::is_in_use(connection)?;
        Ok(Self {
            facility: aside::facility(connection)?.filter(|_| is_in_use),
            install: log::install_id(connection)?,
            since: log::install_since(connection)?,
            former: restored::former_names(connection)?,
            restored_at: restored::last_restored(connection)?,
            counts: outbox::counts(connection)?,
            accounts: accounts.len(),
            heads: accounts.iter().filter(|account| account.content.role.is_head()).count(),
            last_arrival: log::last_arrival(connection)?,
            backups: backups::read(connection)?,
            machine: contact::standing(connection)?,
            anchor: contact::anchor(connection, boot_id)?,
        })
    }
}
