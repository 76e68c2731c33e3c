//! Stub.
pub mod desk;
pub mod domain;
pub mod ops;
pub mod storage;
pub mod sync;
pub mod upstream;
