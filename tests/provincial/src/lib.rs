//! The reference provincial server: a made-up province that speaks protocol 1, for tests and the demonstration.
//!
//! Read `README.md` first: it is the specification, and this crate is written from it. The way through the code:
//! [`wire`] is what goes over the line; [`generate`] makes people and `evolve` lets time pass; `feed` turns people
//! into lines and `publish` into sealed, signed files; `ledger` keeps what must survive; `chain` tells one machine from two; `keys` is the
//! province's CA and `keychain` what signs the index; `serve` is the server and
//! `stick` the way without one; [`slip`] is the code on a station's paper; [`Faults`] is trouble on demand; [`Province`] holds them together.
//!
//! Promises: real TLS with client certificates, real SQLite with durable commits. Must never be shipped to anyone,
//! and must never import from the product: the two meet in the README and its fixtures only.

mod chain;
mod clock;
mod error;
mod evolve;
mod faults;
pub mod feed;
pub mod generate;
mod keychain;
mod keys;
mod ledger;
pub mod payload;
mod person;
mod province;
mod publish;
mod serve;
pub mod slip;
mod stick;
pub mod wire;

pub use chain::{Fork, ForkFrom};
pub use clock::{now, vietnam};
pub use error::Error;
pub use evolve::{AdvanceReport, Changes};
pub use faults::{Fault, Faults};
pub use ledger::{Compared, EndOf, LastContact, Restored, StationReport, StoredRecheck, StoredVisit, ToldHead};
pub use person::{NextCard, Person, read_personal_id};
pub use province::{CreateSettings, Province, StationSettings};
pub use publish::{PublicationKind, Published};
pub use serve::{Arrival, BreakConnection, Serving, start};
pub use stick::{CarriedIn, CarriedOut, StickRefusal};
