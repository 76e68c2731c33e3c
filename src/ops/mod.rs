//! Running as a service on a real machine: what is set, what time it is, and how the process speaks to the one who runs it.
//!
//! Promise: everything here is about the process and its surroundings, never about a card. Never: an import of anything but `domain`.
//!
//! * what is set: [`config`], with the tables of [`rules`]
//! * when it is: [`clock`]

pub mod clock;
pub mod config;
pub mod rules;
