//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod config_files;
mod scan_payloads;
mod unit_file;
