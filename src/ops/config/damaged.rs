//! What a configuration with mistakes tells all the same: for whoever asks a service that goes on under the one before, or looks at a station that such a file
//! keeps from starting.
//!
//! Promise: what can be read is as written; what a mistake leaves open is named, so that nobody takes a default for the station's word. Never: a service
//! started with it, or a file of the station changed.

use std::fs;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use super::Config;
use super::ConfigError;
use super::KEYS;
use super::Overrides;
use super::TABLES;
use super::section::Section;
use super::section::probably_meant;

/// Keys that have no default, and what stands in for them. Nobody may use it: such a key is open.
const STAND_INS: [(&str, &str); 2] = [("facility", "00000"), ("operator", "-")];

/// A configuration that no service would start with.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// What can be read of it; defaults for the rest. Ask [`Damaged::is_open`] before a value is believed.
    pub config: Config,
    /// Everything that is wrong with it.
    pub error: ConfigError,
    /// The keys and tables whose values nobody knows; `None`: not one is known.
    open: Option<Vec<&'static str>>,
}

impl Damaged {
    /// Reads as much as can be of the file that was refused. `None`: this program's own rules cannot be read, so there is nothing to fall back to.
    pub fn look(error: ConfigError) -> Option<Self> {
        let overrides = Overrides::of_environment();
        let text = fs::read(&error.path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Self::of(text.as_deref(), error, &overrides)
    }

    fn of(text: Option<&str>, error: ConfigError, overrides: &Overrides) -> Option<Self> {
        let written = text.unwrap_or_default();
        let (source, torn) = without_slips(written);
        let mut table = DeTable::parse_recoverable(&source).0.into_inner();
        let mut top = Section::of(&source, table.clone());
        let _ = Config::read(&mut top, overrides);
        let problems = top.finish();
        let wrong = problems.iter().filter_map(|problem| problem.key.as_deref());
        let mut open: Vec<_> = wrong.filter_map(|key| known(key).or_else(|| probably_meant(key))).collect();
        if !torn.is_empty() {
            // On such a line, or in a table whose heading was on one.
            let is_lost = |key: &&str| !holds(&table, key) && written.lines().any(|line| sets(line, key));
            open.extend(KEYS.into_iter().filter(|key| is_lost(key) || torn.iter().any(|line| sets(line, key))));
        }
        for key in &open {
            remove(&mut table, key);
        }
        for (key, value) in STAND_INS {
            if table.contains_key(key) {
                continue;
            }
            open.push(key);
            table.insert(Spanned::new(0..0, key.into()), Spanned::new(0..0, DeValue::String(value.into())));
        }
        let config = Config::read(&mut Section::of(&source, table), overrides)?;
        Some(Self { config, error, open: text.map(|_| open) })
    }

    /// Whether a key, or one of a table, has a value that nobody knows.
    pub fn is_open(&self, name: &str) -> bool {
        let is_of = |key: &&str| **key == *name || key.split_once('.').is_some_and(|(table, _)| table == name);
        self.open.as_ref().is_none_or(|open| open.iter().any(is_of))
    }
}

fn known(name: &str) -> Option<&'static str> {
    KEYS.into_iter().chain(TABLES).find(|known| *known == name)
}

fn holds(table: &DeTable<'_>, key: &str) -> bool {
    match key.split_once('.') {
        Some((name, leaf)) => matches!(table.get(name).map(Spanned::get_ref), Some(DeValue::Table(inner)) if inner.contains_key(leaf)),
        None => table.contains_key(key),
    }
}

fn remove(table: &mut DeTable<'_>, key: &str) {
    if let Some((name, leaf)) = key.split_once('.') {
        if let Some(DeValue::Table(inner)) = table.get_mut(name).map(Spanned::get_mut) {
            inner.remove(leaf);
        }
    } else {
        table.remove(key);
    }
}

/// As many lines are given up before the rest is taken as the parser finds it.
const MOST_SLIPS: usize = 50;

/// The text without the lines that keep it from being TOML, and those: after a slip the parser itself may read nothing more.
fn without_slips(written: &str) -> (String, Vec<&str>) {
    let mut lines: Vec<_> = written.lines().collect();
    let mut torn = Vec::new();
    loop {
        let text = lines.join("\n");
        let slips = DeTable::parse_recoverable(&text).1;
        let first = slips.iter().filter_map(|slip| Some(slip.span()?.start)).min();
        let line = first.and_then(|at| text.get(..at)).map(|before| before.matches('\n').count());
        // A slip that shows at the end of the text is in the last line that says anything.
        let line = line.and_then(|line| lines.iter().take(line + 1).rposition(|line| !line.is_empty()));
        let Some(line) = line.filter(|_| torn.len() < MOST_SLIPS) else { return (text, torn) };
        torn.push(core::mem::take(&mut lines[line]));
    }
}

/// Whether a line sets a key, whatever its table.
fn sets(line: &str, key: &str) -> bool {
    let leaf = key.rsplit('.').next().unwrap_or(key);
    let rest = line.trim_start().strip_prefix(leaf);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::path::PathBuf;

    use super::*;

    const WHOLE: &str = "facility = \"99001\"\noperator = \"N\"\ndata-dir = \"/srv/a\"\ncontrol-socket = \"/srv/s\"\n";

    fn damaged(text: &str) -> Damaged {
        let problems = Config::parse(text.as_bytes(), &Overrides::default()).unwrap_err();
        assert!(!problems.is_empty());
        let error = ConfigError { path: PathBuf::from("a.toml"), problems };
        Damaged::of(Some(text), error, &Overrides::default()).unwrap()
    }

    #[test]
    fn one_mistake_hides_nothing_else() {
        for more in
            ["no-such-key = 1\n", "[page]\nlisten = \"0.0.0.0:1\"\n", "[sync]\npull-schedule = \"never\"\n", "[backup]\nfolder = \"/b\"\n"]
        {
            let found = damaged(&format!("{WHOLE}{more}"));
            assert_eq!((found.config.control_socket.as_path(), found.config.facility.as_str()), (Path::new("/srv/s"), "99001"), "{more}");
            assert!(!found.is_open("data-dir") && !found.is_open("facility"), "{more}");
        }
        assert!(damaged(&format!("{WHOLE}[backup]\nfolder = \"/b\"\n")).is_open("backup"));
    }

    #[test]
    fn what_a_mistake_leaves_open_is_named() {
        for (from, to, open) in [
            ("\"99001\"", "\"9\"", "facility"),
            ("operator = \"N\"", "", "operator"),
            ("\"/srv/a\"", "\"srv/a\"", "data-dir"),
            // A slip in the name: what was meant is not the default.
            ("data-dir", "data_dir", "data-dir"),
            // Slips of the pen.
            ("\"/srv/a\"", "\"/srv/a", "data-dir"),
            ("\"/srv/a\"", "/srv/a\"", "data-dir"),
            ("data-dir =", "data-dir", "data-dir"),
            ("operator = \"N\"", "operator = \"N\"\n[\ndata-dir = [\"", "data-dir"),
            ("control-socket = \"", "control-socket = ", "control-socket"),
        ] {
            let found = damaged(&WHOLE.replacen(from, to, 1));
            let all = ["facility", "operator", "data-dir", "control-socket", "keys-dir", "province"];
            let told: Vec<_> = all.into_iter().filter(|key| found.is_open(key)).collect();
            assert_eq!(told, [open], "{from} {to}");
        }
        let lost = damaged(&format!("{WHOLE}[province\nurl = \"https://a/\"\nca-file = \"/ca\"\n"));
        assert!(lost.is_open("province") && !lost.is_open("data-dir"), "{lost:?}");
    }

    #[test]
    fn of_a_file_that_cannot_be_read_nothing_is_known() {
        let found = Damaged::look(Config::load(Path::new("/no/such/file")).unwrap_err()).unwrap();
        assert!(KEYS.into_iter().all(|key| found.is_open(key)));
        assert_eq!(found.config.control_socket, Path::new("/run/bhyt-agent/control.sock"));
    }
}
