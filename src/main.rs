//! The binary: the command line and its exit code.
//!
//! Promise: what was answered is with whoever reads it. Never: what C code runs at the end of a process. The databases' encryption throws its memory away there,
//! and a thread that was still at work with it ended the process by a signal. Nothing is lost by it: what was promised is on the disk by then.

use std::io;
use std::io::Write;

use signal_hook::low_level;

#[expect(clippy::disallowed_methods, reason = "the one end of a process that nobody hurries")]
fn main() {
    let code = bhyt_agent::cli::run();
    // A pipe that was closed early is no failure.
    let _ = io::stdout().flush();
    low_level::exit(code.number().into())
}
