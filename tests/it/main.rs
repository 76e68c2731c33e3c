//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests measure and make time")]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod check_in_offline;
mod config_files;
mod counter;
mod pull;
mod push;
mod reception_page;
mod scan_payloads;
mod unit_file;
