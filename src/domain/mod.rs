//! What a card, a person, a visit and a verdict are, and how a card is judged.
//!
//! Pure: no file, no socket, no clock, no database, no serde. Time comes in as an argument, rules come in as
//! tables, and what goes out are values. So every rule here can be read and tested as a table.
//!
//! * who and what: [`person`], [`card`], [`facility`], [`benefit`]; `redact` keeps them out of logs
//! * what comes in at the desk: [`scan`], with [`field`] naming what could not be read; [`search`] for a name
//! * the judgement: [`verdict`], from a record, the claim, the day, the [`freshness`] of our data and the [`rules`]
//! * the roster as a whole: [`coverage`], and whose card ends soon: [`renewal`]
//! * who works here, and what they did: [`operator`], [`tries`], [`access`]
//! * what is kept: [`visit`], with how the person came ([`attendance`]) and the code on its slip ([`slip`]); what newer data say of it: [`recheck`]
//! * what the province sends: [`roster`]; what both tell of themselves: [`contact`]
//! * when the province wants a computer emptied: [`wipe`]
//! * when the province could not be asked: [`outage`]
//! * when it is: [`clock`]; which other desks there are: [`paired`]

pub mod access;
pub mod attendance;
pub mod benefit;
pub mod card;
pub mod clock;
pub mod contact;
pub mod coverage;
pub mod facility;
pub mod field;
pub mod freshness;
pub mod operator;
pub mod outage;
pub mod paired;
pub mod person;
pub mod recheck;
pub(crate) mod redact;
pub mod renewal;
pub mod roster;
pub mod rules;
pub mod scan;
pub mod search;
pub mod slip;
pub mod tries;
pub mod verdict;
pub mod visit;
pub mod wipe;
