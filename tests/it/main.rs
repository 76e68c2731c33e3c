//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests measure and make time")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/typing.rs"]
mod typing;

mod accessible;
mod advice_page;
mod as_typed;
mod backup;
mod bad_disk;
mod bad_input;
mod browser;
mod carry;
mod check_in_offline;
mod cli;
mod config_files;
mod correct;
mod correcting;
mod counter;
mod coverage;
mod cut_link;
mod doctor;
mod engine;
mod evidence;
mod exhausted;
mod firefox;
mod flood;
mod help;
mod hostile_page;
mod identity;
mod improve;
mod interrupted;
mod jumping_clock;
mod kill_either;
mod kill_server;
mod kiosk;
mod lan;
mod live;
mod long_absence;
mod long_day;
mod lossy_link;
mod messages;
mod neighbours;
mod no_personal_data;
mod operate;
mod operator_cli;
mod operators;
mod other_user;
mod package;
mod packed;
mod power_cut;
mod province_clock;
mod proxy;
mod pull;
mod push;
mod receipts;
mod reception_actions;
mod reception_guard;
mod reception_page;
mod recheck;
mod refused;
mod relay;
mod released;
mod renewals;
mod rules_files;
mod scan_payloads;
mod scanner;
mod search;
mod setup;
mod simulation;
mod slow_link;
mod speed;
mod stalled_disk;
mod status_sentences;
mod stick;
mod stories;
mod tab;
mod turns;
mod unit_file;
mod visit_options;
mod waking;
mod wipe;
mod wire_bytes;
