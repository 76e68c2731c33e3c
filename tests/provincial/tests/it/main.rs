//! Tests of the reference province against its specification.
//!
//! `naive` reads feed files with nothing but JSON values: it is written from the README a second time, so that a
//! mistake in `provincial::feed` cannot agree with itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test may panic, and prints what it measured")]

mod answer;
mod budget;
mod contact;
mod enrolment;
mod feed;
mod fixtures;
mod intake;
mod keychain;
mod lookup;
mod naive;
mod people;
mod rechecks;
mod renewal;
mod server;
mod slip;
mod station;
