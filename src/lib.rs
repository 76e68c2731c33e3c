//! Stub.
pub mod domain;
pub mod ops;
pub mod storage;
pub mod upstream;
