//! **bhyt-agent**: answers at the reception desk of a commune health station whether a health-insurance card is in force, from its own disk; keeps
//! every visit; and exchanges both with the province when there is a link.
//!
//! # The parts
//!
//! | module | is | may use |
//! |---|---|---|
//! | [`domain`] | what a card, a visit and a verdict are; pure | nothing |
//! | [`storage`] | the two databases, the only SQL | domain |
//! | [`upstream`] | the province's side, behind a trait in domain words | domain |
//! | [`sync`] | the engine between storage and upstream; sticks | storage, upstream, domain |
//! | [`desk`] | the use cases of the counter | storage, sync's status, domain |
//! | [`reception`] | the local page | desk, sync's status, domain |
//! | [`control`] | the administrator's socket and the JSON contract | desk, sync's status, storage's errors, domain |
//! | [`cli`] | one file per verb | all of the above |
//! | [`ops`] | configuration, log, clock, signals, systemd | domain |
//! | [`app`] | the composition root | everything; used by `cli` and tests only |
//!
//! `tests/architecture.rs` enforces the third column.
//!
//! # The flows, in reading order
//!
//! | question | path |
//! |---|---|
//! | What happens when a card is shown? | [`reception`] → [`desk::lookup`] → [`storage::cards`] → [`domain::verdict::assess`] |
//! | And when a name is typed? | [`domain::search`] → [`desk::search`] → [`storage::cards`] → a person chosen, and the row above |
//! | And at check-in? | [`desk::check_in`] → [`storage::visits`] (visit and outbox row, one transaction) → [`sync::driver::SyncHandle::visit_saved`] |
//! | Who may do that, and who looked? | [`reception`] (the guard and the seats) → [`desk::operators`]; every look-up and change goes through [`desk::access`] → [`storage::visits`] |
//! | How does card data arrive? | [`sync::driver`] → [`sync::pull`] → [`sync::plan::plan_pull`] → [`upstream::province::feed`] → [`storage::cards::CardStore`] |
//! | How do visits leave? | [`sync::push`] → [`upstream::ProvincialServer::deliver`] → [`storage::visits::VisitStore::store_receipts`] |
//! | And without a network? | [`desk::errands`] → [`app::hands`] → [`sync::carry`] → [`upstream::province::stick`] |
//! | How does it start and stop? | [`app`] |

pub mod app;
pub mod cli;
pub mod control;
pub mod desk;
pub mod domain;
pub mod ops;
pub mod reception;
pub mod storage;
pub mod sync;
pub mod upstream;
