//! Running as a service on a real machine: what is set, what time it is, and how the process speaks to the one who runs it.
//!
//! Promise: everything here is about the process and its surroundings, never about a card. Never: an import of anything but `domain`.
//!
//! * what is set: [`config`], with the tables of [`rules`]
//! * when it is: [`clock`]
//! * what it says: [`logging`] to people, [`panics`] of what should never be, [`notify`] to systemd, [`exit_code`] to scripts
//! * when it ends: [`signal`]
//! * what is plugged in: [`sticks`]; what it costs the machine: [`process`]

pub mod clock;
pub mod config;
pub mod exit_code;
pub mod handed_over;
pub mod link_watch;
pub mod logging;
pub mod notify;
pub mod panics;
pub mod private_tmp;
pub mod process;
pub mod rules;
pub mod signal;
pub mod sticks;
