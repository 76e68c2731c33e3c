//! Stub.
pub mod domain;
pub mod ops;
