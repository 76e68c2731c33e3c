//! What the process does when it is told to end.
//!
//! Promise: the first SIGTERM or SIGINT cancels the token, and everything stops in order; the second ends the process at once, with the code a
//! shell expects of that signal. Never: work in a signal handler. Ending at once loses nothing that was called saved.

use std::io;

use signal_hook::low_level;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;

/// Watches for signals from now on. Must be called inside a runtime; the watch ends with it.
pub fn cancel_on_signal(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            }
        };
        let first = next().await;
        info!(name: "service.stopping", signal = first.as_raw_value(), "stopping");
        stop.cancel();
        let second = next().await;
        warn!(name: "service.second-signal", signal = second.as_raw_value(), "second signal: ending at once");
        exit_at_once(second);
    });
    Ok(())
}

/// Every SIGHUP from now on: the configuration is to be read again. Must be called inside a runtime. From here on the signal ends the process no more.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Ends with 128 + the signal's number: 130 for SIGINT, 143 for SIGTERM.
#[expect(clippy::disallowed_methods, reason = "a second signal cannot wait for `main`")]
fn exit_at_once(signal: SignalKind) -> ! {
    // Somebody asked twice: waiting for an orderly end is what they do not want.
    low_level::exit(128 + signal.as_raw_value())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::io::BufRead;
    use std::io::BufReader;
    use std::process::Child;
    use std::process::Command;
    use std::process::Stdio;

    use rustix::process::Pid;
    use rustix::process::Signal;
    use rustix::process::kill_process;

    use super::*;

    /// Signals are the process's, so each case runs this test binary again.
    #[tokio::test]
    #[ignore = "run by the tests below in a process of its own"]
    async fn child() {
        if env::var_os("BHYT_TEST_CHILD").is_none() {
            return;
        }
        let stop = CancellationToken::new();
        cancel_on_signal(stop.clone()).unwrap();
        eprintln!("listening");
        stop.cancelled().await;
        eprintln!("cancelled");
        if env::var_os("BHYT_TEST_HANGS").is_some() {
            core::future::pending::<()>().await;
        }
    }

    struct Told {
        child: Child,
        lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
    }

    impl Told {
        fn start(hangs: bool) -> Self {
            let mut command = Command::new(env::current_exe().unwrap());
            command.args(["--exact", "ops::signal::tests::child", "--ignored", "--nocapture"]);
            command.env("BHYT_TEST_CHILD", "1");
            if hangs {
                command.env("BHYT_TEST_HANGS", "1");
            }
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let mut told = Self { child, lines };
            told.waits_for("listening");
            told
        }

        fn waits_for(&mut self, line: &str) {
            assert!(self.lines.any(|found| found.unwrap() == line), "the child ended before it said {line}");
        }

        fn send(&self, signal: Signal) {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }

        fn code(mut self) -> Option<i32> {
            self.child.wait().unwrap().code()
        }
    }

    #[test]
    fn the_first_signal_lets_everything_end_in_order() {
        for signal in [Signal::TERM, Signal::INT] {
            let mut told = Told::start(false);
            told.send(signal);
            told.waits_for("cancelled");
            assert_eq!(told.code(), Some(0));
        }
    }

    #[test]
    fn the_second_signal_ends_at_once() {
        for (first, second, code) in [(Signal::TERM, Signal::TERM, 143), (Signal::TERM, Signal::INT, 130)] {
            let mut told = Told::start(true);
            told.send(first);
            told.waits_for("cancelled");
            told.send(second);
            assert_eq!(told.code(), Some(code));
        }
    }
}
