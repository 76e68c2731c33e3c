//! The administrator's way to the running daemon: a Unix socket that only its owner may open, one JSON line each way.
//!
//! * [`contract`]: what is said, as programs may rely on it; the command line prints the same objects
//! * [`server`]: the daemon's side
//! * [`errand`]: what the daemon does for the operator, and how it says so
//! * [`operators`]: accounts and access log
//! * [`metrics`]: the figures of a monitoring program; [`running`]: the process and its configuration
//! * [`client`]: the command line's side

pub mod client;
pub mod contract;
pub mod errand;
pub mod keeping;
pub mod metrics;
pub mod notices;
pub mod operators;
pub mod running;
pub mod server;
