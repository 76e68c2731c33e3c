//! Lines for the journal with fields of their own, by its native protocol: a datagram of `NAME=value` lines.
//!
//! Promise: a line reads as it does on standard error, and everything in it is a field as well, so that `journalctl BHYT_EVENT=sync.failed` finds it; where the
//! journal does not take it, it goes to standard error. Never: a field that another line's value can forge; a wait for the journal.
//!
//! Not by `tracing-journald`: its `MESSAGE` has no fields, so that a plain `journalctl -u bhyt-agent` would not say which direction failed and why; of an
//! error it sends the first layer only; and it has no way to send the name of an event.

use core::error::Error;
use core::fmt;
use std::io;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tracing::Event;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Chain;
use super::Visible;
use super::priority;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// What an event is called that was given no name: where it stands in the source, which is no code to rely on.
const UNNAMED: &str = "event ";

/// The way to the journal.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// `None`: nobody listens.
    pub(super) fn open() -> Option<Self> {
        Self::at(Path::new(SOCKET)).ok()
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // A journal that is full must not hold up a desk.
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::of(event);
        if self.0.send(&line.datagram(event.metadata())).is_err() {
            // Without standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "<{}>{}", priority(*event.metadata().level()), line.text(event.metadata()));
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Line {
    fn of(event: &Event<'_>) -> Self {
        let mut line = Self::default();
        event.record(&mut line);
        line
    }

    fn put(&mut self, field: &Field, text: &str) {
        // No value begins a line of its own.
        let text = Visible(text).to_string();
        if field.name() == "message" { self.message = text } else { self.fields.push((field.name(), text)) }
    }

    fn text(&self, metadata: &Metadata<'_>) -> String {
        let mut text = format!("{}: {}", metadata.target(), self.message);
        for (name, value) in &self.fields {
            // Writing to a text cannot fail.
            let _ = fmt::Write::write_fmt(&mut text, format_args!(" {name}={value}"));
        }
        text
    }

    fn datagram(&self, metadata: &Metadata<'_>) -> Vec<u8> {
        let mut lines = vec![
            format!("MESSAGE={}", self.text(metadata)),
            format!("PRIORITY={}", priority(*metadata.level())),
            "SYSLOG_IDENTIFIER=bhyt-agent".to_owned(),
            format!("BHYT_TARGET={}", metadata.target()),
        ];
        if !metadata.name().starts_with(UNNAMED) {
            lines.push(format!("BHYT_EVENT={}", metadata.name()));
        }
        lines.extend(self.fields.iter().map(|(name, value)| format!("{}={value}", field_name(name))));
        (lines.join("\n") + "\n").into_bytes()
    }
}

/// The journal takes capital letters, digits and underscores.
fn field_name(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    "BHYT_".chars().chain(letters).collect()
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, &Chain(value).to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;
    use std::fs;

    use tracing::debug;
    use tracing::warn;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot pull")]
    struct Outer(#[source] io::Error);

    fn fields(datagram: &[u8]) -> BTreeMap<String, String> {
        let text = core::str::from_utf8(datagram).unwrap();
        text.lines().map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn an_event_is_one_datagram_with_every_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let socket = UnixDatagram::bind(&path).unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal::at(&path).unwrap());
        tracing::subscriber::with_default(subscriber, || {
            let error = &Outer(io::Error::other("no route")) as &(dyn Error + 'static);
            warn!(name: "sync.failed", direction = "pull", tries = 3, error, "a try\nBHYT_EVENT=forged");
            debug!("nothing");
        });
        let mut buffer = [0; 4096];
        let mut next = || {
            let length = socket.recv(&mut buffer).unwrap();
            fields(&buffer[..length])
        };
        let found = next();
        assert_eq!((&*found["BHYT_EVENT"], &*found["PRIORITY"], &*found["BHYT_DIRECTION"]), ("sync.failed", "4", "pull"));
        assert_eq!((&*found["BHYT_ERROR"], &*found["BHYT_TRIES"]), ("cannot pull: no route", "3"));
        let message = &found["MESSAGE"];
        assert!(message.ends_with(r"a try\nBHYT_EVENT=forged direction=pull tries=3 error=cannot pull: no route"), "{message}");
        let unnamed = next();
        assert!(!unnamed.contains_key("BHYT_EVENT") && unnamed["PRIORITY"] == "7", "{unnamed:?}");
    }

    #[test]
    fn where_nobody_listens_there_is_no_journal() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Journal::at(&folder.path().join("none")).is_err());
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.to_string_lossy().ends_with("_tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
            }
        }
    }

    /// Programs and people search by them: each is in the table, and each line worth keeping has one.
    #[test]
    fn every_line_from_info_on_has_a_name_that_the_table_explains() {
        let mut texts = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
        let (mut named, mut unnamed) = (BTreeSet::new(), Vec::new());
        for text in &texts {
            for level in ["info!(", "warn!(", "error!("] {
                for call in text.split(level).skip(1) {
                    match call.trim_start().strip_prefix("name: \"") {
                        Some(rest) => drop(named.insert(rest.split('"').next().unwrap().to_owned())),
                        None => unnamed.push(call.lines().take(2).collect::<String>()),
                    }
                }
            }
        }
        assert_eq!(unnamed, [""; 0], "give each of these a name of src/ops/logging/events.md");
        let table = include_str!("events.md").lines().skip(2).map(|line| line.split('`').nth(1).unwrap().to_owned());
        assert_eq!(named, table.collect::<BTreeSet<_>>(), "the table and the names differ");
    }
}
