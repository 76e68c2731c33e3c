//! The engine between this station and the province.
//!
//! Promise: it wakes on its schedule, on a new visit, and on demand; it re-arms itself after every failure; what it shows ([`status`]) is what happened.
//! Decisions are pure ([`plan`], [`schedule`]), the doing is not ([`pull`], [`push`], [`carry`]), and [`driver`] ties them to time. Never: a row that was not
//! verified; a visit called delivered without a receipt.

mod ask;
pub mod carry;
pub mod contact;
pub mod driver;
pub mod handle;
mod held;
pub mod plan;
pub mod pull;
pub mod push;
pub mod schedule;
pub mod status;
mod traffic;
