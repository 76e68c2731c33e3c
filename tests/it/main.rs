//! The integration tests, one binary.

mod scan_payloads;
