//! What is written of a panic, the one text that nobody has worded.
//!
//! Promise: where it was, and the program's own words if they are all that it says. Never: what it was about: a panic of the standard library quotes the text it was
//! given, and that may be a name or a number.

use std::backtrace::Backtrace;
use std::backtrace::BacktraceStatus;
use std::io;
use std::io::Write;
use std::panic;
use std::panic::PanicHookInfo;

/// From here on panics are written so. Before anything that could panic.
pub fn install() {
    panic::set_hook(Box::new(|panic| {
        // Past the log, which may be what panicked; standard error is the journal too.
        let mut out = io::stderr().lock();
        let _ = writeln!(out, "{}", said(panic));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(out, "{trace}");
        }
    }));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "?".to_owned(), ToString::to_string);
    // What was put together at run time may quote anything; what stands in the program does not.
    let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("what it says is left out: it may be of somebody");
    format!("panic at {place}: {words}")
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    const INNER: &str = "BHYT_TEST_PANICS";
    const NAME: &str = "Nguyễn Thị Mẫu";
    const NUMBER: &str = "GD4990000000001";

    /// F56: in a process of its own, for a hook is of the whole process.
    #[test]
    fn f56_a_panic_says_where_and_nothing_of_whom_it_was_about() {
        if let Ok(how) = env::var(INNER) {
            if how != "as it is" {
                install();
            }
            // "ễ" is cut through, and the standard library's words for that quote the whole name.
            let cut = panic::catch_unwind(|| core::hint::black_box(NAME)[..5].len());
            let unwrapped = panic::catch_unwind(|| core::hint::black_box(Err::<(), _>(NUMBER)).unwrap());
            let worded = panic::catch_unwind(|| panic!("our own words"));
            assert!(cut.is_err() && unwrapped.is_err() && worded.is_err());
            return;
        }
        let test = "ops::panics::tests::f56_a_panic_says_where_and_nothing_of_whom_it_was_about";
        let run = |how: &str, trace: &str| {
            let mut child = Command::new(env::current_exe().unwrap());
            let ended = child.args([test, "--exact", "--nocapture"]).env(INNER, how).env("RUST_BACKTRACE", trace).output().unwrap();
            assert!(ended.status.success(), "{how}: {ended:?}");
            String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap()
        };
        let usual = run("as it is", "0");
        assert!(usual.contains(NAME) && usual.contains(NUMBER), "the control: as it is, a panic quotes both: {usual}");
        for trace in ["0", "1"] {
            let ours = run("ours", trace);
            assert!(!ours.contains("Mẫu") && !ours.contains(NUMBER), "{ours}");
            assert_eq!(ours.matches("panic at src/ops/panics.rs:").count(), 3, "{ours}");
            assert!(ours.contains("our own words"), "{ours}");
        }
    }
}
