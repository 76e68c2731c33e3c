//! Running as a service: rule tables.

pub mod rules;
