//! The log: lines on standard error, or under systemd in the journal with fields of their own.
//!
//! Promise: one event is one line, whatever its fields hold; the journal gets priorities and fields and sets the time itself. `BHYT_LOG`
//! (`debug`, `bhyt_agent::sync=trace,info`) says how much, `info` by default. Never: a name, a number of a person, a key or an address with a
//! query; those types do not print themselves (`domain::redact`).
//!
//! Names of events are stable (FROZEN: names are added), texts are not: `journalctl -u bhyt-agent BHYT_EVENT=sync.failed`. Every line has `PRIORITY` and
//! `BHYT_TARGET` too, the module it came from.
//!
#![doc = include_str!("logging/events.md")]

mod journal;

use core::error::Error;
use core::fmt;
use std::env;
use std::io;

use tracing::Event;
use tracing::Level;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Compact;
use tracing_subscriber::fmt::format::Format;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use self::journal::Journal;

/// The variable that says how much is logged.
pub const FILTER_VARIABLE: &str = "BHYT_LOG";

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The variable's text is no filter.
    #[error("{FILTER_VARIABLE} không đúng; hãy viết ví dụ {FILTER_VARIABLE}=info")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("nhật ký đã được mở")]
    Twice,
}

/// Starts the log of this process. Once.
pub fn start() -> Result<(), LoggingError> {
    start_with(journal_reads_stderr().then(Journal::open).flatten())
}

fn start_with(journal: Option<Journal>) -> Result<(), LoggingError> {
    let wanted = env::var(FILTER_VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or("info")).map_err(LoggingError::Filter)?;
    if let Some(journal) = journal {
        let subscriber = tracing_subscriber::registry().with(filter).with(journal);
        return tracing::subscriber::set_global_default(subscriber).map_err(|_| LoggingError::Twice);
    }
    let lines =
        if journal_reads_stderr() { Lines::Journal(Format::default().compact()) } else { Lines::Plain(Format::default().compact()) };
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).event_format(lines).finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LoggingError::Twice)
}

/// Whether standard error is the journal's stream: systemd names its device and inode, which a redirected child of a service does not have.
fn journal_reads_stderr() -> bool {
    let Ok(announced) = env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| announced == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// How an event becomes a line.
enum Lines {
    /// With time and level in words.
    Plain(Format<Compact, SystemTime>),
    /// With the priority as the journal reads it; the journal knows the time.
    Journal(Format<Compact, SystemTime>),
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        match self {
            Self::Plain(format) => format.format_event(context, Writer::new(&mut text), event)?,
            Self::Journal(format) => {
                write!(writer, "<{}>", priority(*event.metadata().level()))?;
                let untimed = format.clone().without_time().with_level(false);
                untimed.format_event(context, Writer::new(&mut text), event)?;
            }
        }
        writeln!(writer, "{}", Visible(text.trim_end()))
    }
}

/// Syslog's number of a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Text whose control characters are written out, so that a value cannot begin a line of its own.
struct Visible<'t>(&'t str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

/// An error with everything behind it, on one line: `what: why: why`.
#[derive(Clone, Copy)]
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            // A transparent wrapper says what its source says.
            if text != said {
                write!(f, ": {text}")?;
                said = text;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::process::Stdio;

    use rustix::fs::fstat;
    use tracing::debug;
    use tracing::error;
    use tracing::info;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn a_chain_says_everything_once() {
        let deep = Layer("cannot pull", Some(Box::new(Layer("cannot pull", Some(Box::new(Layer("no route", None)))))));
        assert_eq!(Chain(&deep).to_string(), "cannot pull: no route");
    }

    #[test]
    fn priorities_are_syslogs() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        assert_eq!(levels.map(priority), [3, 4, 6, 7, 7]);
    }

    /// The log is one per process, so each case runs this test binary again.
    #[test]
    #[ignore = "run by the tests below in a process of its own"]
    fn child() {
        // Not into the journal of the machine that runs this test.
        if let Err(error) = start_with(None) {
            eprintln!("{}", Chain(&error));
            return;
        }
        info!(name = "a\nb", "first");
        error!("second\n<0>forged");
        debug!("third");
    }

    fn child_says(filter: Option<&str>, journal: bool) -> Vec<String> {
        let (mut reader, writer) = io::pipe().unwrap();
        let stat = fstat(&writer).unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "ops::logging::tests::child", "--ignored", "--nocapture"]).stdout(Stdio::null());
        // A stream that is not this one stands for a service's child whose output was redirected.
        let announced = if journal { format!("{}:{}", stat.st_dev, stat.st_ino) } else { "1:1".to_owned() };
        command.env("JOURNAL_STREAM", announced).env_remove(FILTER_VARIABLE).stderr(writer);
        if let Some(filter) = filter {
            command.env(FILTER_VARIABLE, filter);
        }
        assert!(command.status().unwrap().success());
        drop(command);
        let mut text = String::new();
        io::Read::read_to_string(&mut reader, &mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_journal_gets_priorities_and_no_time() {
        let lines = child_says(None, true);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("<6>") && lines[0].contains("first"), "{lines:?}");
        assert!(lines[1].starts_with("<3>") && lines[1].contains(r"second\n<0>forged"), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("INFO") || line.contains("20")), "{lines:?}");
    }

    #[test]
    fn a_person_gets_time_and_level() {
        let lines = child_says(Some("debug"), false);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("20") && lines[0].contains("INFO"), "{lines:?}");
        assert!(lines[2].contains("DEBUG") && lines[2].contains("third"), "{lines:?}");
    }

    #[test]
    fn a_wrong_filter_is_refused() {
        let lines = child_says(Some("loud=very"), false);
        assert!(lines.len() == 1 && lines[0].starts_with("BHYT_LOG không đúng"), "{lines:?}");
    }
}
