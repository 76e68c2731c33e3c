//! The only SQL in the product: `cards.db`, which the province owns, and `visits.db`, which the station owns.
//!
//! Promise: one writer per database, on a thread of its own ([`worker`]); readers cannot write; every database is opened in
//! [`open`]. Rows and cursor, and visit and outbox row, are one transaction each. [`cards`] may always be thrown away and
//! fetched again; [`visits`] is never thrown away. Never: a transaction over both files (a visit stores the verdict it was
//! given and the serial behind it, so none is needed), or a decision about what to fetch or send.

mod aside;
pub mod backup;
pub mod cards;
pub mod error;
pub mod examine;
mod files;
pub mod folder;
#[cfg(test)]
mod full_disk_tests;
pub mod integrity;
pub mod key;
pub mod open;
#[cfg(test)]
mod planted_tests;
mod readers;
#[cfg(test)]
mod released_tests;
pub mod restore;
pub mod rotate;
mod salvage;
mod stored;
#[cfg(test)]
pub(crate) mod test_support;
mod vacuum;
pub mod visits;
pub mod wipe;
mod worker;

pub use error::Error;
pub use error::Mismatch;

/// What this program's databases are made of, for whoever helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// Version of the SQLite inside.
    pub sqlite: &'static str,
    /// Version of `visits.db` that this program writes,
    pub visits_schema: u32,
    /// and of `cards.db`.
    pub cards_schema: u32,
}

/// The versions.
pub fn made_of() -> MadeOf {
    MadeOf { sqlite: rusqlite::version(), visits_schema: visits::SCHEMA.version(), cards_schema: cards::SCHEMA.version() }
}
