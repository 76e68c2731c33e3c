//! What `setup` was told beforehand: a file of answers, or the environment, for whoever sets up a hundred stations.
//!
//! Promise: an unknown key is refused; the file wins over the environment; every reader is bounded. Never: a secret itself, only the path of a file that
//! holds one, or `-` for a line of standard input.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::output;
use crate::desk::words::Sentence;
use crate::desk::words::setup as said;
use crate::ops::config::ConfigError;
use crate::ops::config::flat;
use crate::ops::config::flat::Flat;

/// Longest file of answers.
const LONGEST: u64 = 64 << 10;
/// Longest secret.
const LONGEST_SECRET: u64 = 200;

/// What the names of variables begin with.
const VARIABLES: &str = "BHYT_SETUP_";

/// Every key. In the environment each is [`VARIABLES`] and its name in capitals, with `_` for `-`.
const KEYS: [&str; 7] =
    ["facility", "station-name", "province-url", "province-ca-file", "enrolment-code-file", "head-name", "head-pin-file"];

/// The answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) facility: Option<String>,
    pub(super) station_name: Option<String>,
    /// Empty: the station works alone.
    pub(super) province_url: Option<String>,
    pub(super) province_ca_file: Option<String>,
    pub(super) enrolment_code_file: Option<String>,
    pub(super) head_name: Option<String>,
    pub(super) head_pin_file: Option<String>,
}

impl Answers {
    /// Reads the file, if there is one, and the environment; and everything that is wrong with them. Nothing else is worth looking at where a file cannot be
    /// read at all.
    pub(super) fn read(file: Option<&Path>) -> Result<(Self, Vec<Sentence>), Sentence> {
        let told = match file {
            None => Flat::default(),
            Some(path) => {
                let mut text = Zeroizing::new(String::new());
                let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
                read.map_err(|error| said::unreadable_answers(&format!("{}: {error}", path.display())))?;
                flat::read(&text, &KEYS)
            }
        };
        let of_file = Some(told.problems).filter(|problems| !problems.is_empty()).map(|problems| {
            let path = file.map(Path::to_owned).unwrap_or_default();
            output::of_config(&ConfigError { path, problems })
        });
        if let Some(torn) = of_file.clone().filter(|_| told.is_torn) {
            return Err(torn);
        }
        let (values, mut problems) = with_variables(told.values, env::vars_os());
        problems.splice(0..0, of_file);
        Ok((Self::of(values), problems))
    }

    fn of(mut values: BTreeMap<&'static str, String>) -> Self {
        Self {
            facility: values.remove("facility"),
            station_name: values.remove("station-name"),
            province_url: values.remove("province-url"),
            province_ca_file: values.remove("province-ca-file"),
            enrolment_code_file: values.remove("enrolment-code-file"),
            head_name: values.remove("head-name"),
            head_pin_file: values.remove("head-pin-file"),
        }
    }

    /// The files that hold secrets.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let files = [&self.enrolment_code_file, &self.head_pin_file];
        files.into_iter().flatten().map(String::as_str).filter(|path| *path != "-").collect()
    }
}

/// The values of the file, and those of the environment that it does not have; and the variables that nobody knows, or that hold no text.
fn with_variables(
    mut values: BTreeMap<&'static str, String>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> (BTreeMap<&'static str, String>, Vec<Sentence>) {
    let variable_of = |key: &str| format!("{VARIABLES}{}", key.replace('-', "_").to_uppercase());
    let mut problems = BTreeMap::new();
    for (name, value) in variables {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(VARIABLES) else { continue };
        let problem = match (KEYS.into_iter().find(|key| variable_of(key) == name), value.into_string()) {
            (Some(key), Ok(value)) => {
                values.entry(key).or_insert(value);
                continue;
            }
            (Some(_), Err(_)) => said::variable_is_no_text(&name),
            (None, _) => said::unknown_variable(&name, flat::nearest(rest, &KEYS).map(variable_of).as_deref()),
        };
        problems.insert(name.into_owned(), problem);
    }
    (values, problems.into_values().collect())
}

/// Whether others than the file's owner may do anything with it.
pub(super) fn is_open_to_others(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o077 != 0)
}

/// The first line of a file, or the next one of standard input.
pub(super) fn secret(path: &str) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(256));
    if path == "-" {
        // Byte by byte: what comes after belongs to the next question.
        let mut input = io::stdin().lock();
        let mut byte = [0];
        while line.len() < 200 && input.read(&mut byte)? == 1 && byte != *b"\n" {
            line.push(char::from(byte[0]));
        }
    } else {
        io::BufReader::new(File::open(path)?.take(LONGEST_SECRET)).read_line(&mut line)?;
    }
    Ok(Zeroizing::new(line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &Path) -> (Answers, String) {
        let (answers, problems) = Answers::read(Some(path)).unwrap();
        (answers, problems.into_iter().map(|problem| problem.vi + "\n").collect())
    }

    #[test]
    fn the_file_wins_over_the_environment_and_an_unknown_variable_is_told() {
        let values = BTreeMap::from([("facility", "99001".to_owned())]);
        let variables =
            ["FACILITY", "HEAD_NAME", "FOO", "HEAD_PIN", "head_name"].map(|name| (format!("BHYT_SETUP_{name}").into(), "123456".into()));
        let (values, problems) = with_variables(values, variables.into_iter().chain([("HOME".into(), "/".into())]));
        let both = Answers::of(values);
        assert_eq!((both.facility.as_deref(), both.head_name.as_deref()), (Some("99001"), Some("123456")));
        let problems: Vec<_> = problems.into_iter().map(|problem| problem.en).collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("BHYT_SETUP_FOO") && problems[1].contains("is it BHYT_SETUP_HEAD_PIN_FILE"), "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.contains("123456")), "{problems:?}");
    }

    #[test]
    fn every_unknown_key_is_told_at_once_and_no_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.toml");
        fs::write(&path, "head-name = \"A\"\nhead-pin = \"802461\"\nfacility = 99001\nenrolment-code = \"802461\"\n").unwrap();
        let (answers, problems) = told(&path);
        assert_eq!(answers.head_name.as_deref(), Some("A"));
        for line in ["dòng 2: head-pin:", "dòng 3: facility:", "dòng 4: enrolment-code:"] {
            assert!(problems.contains(line), "{problems}");
        }
        assert!(!problems.contains("802461") && !problems.contains("99001"), "{problems}");
        fs::write(&path, "head-pin-file = \"802461\n").unwrap();
        assert!(!Answers::read(Some(&path)).unwrap_err().vi.contains("802461"));
        assert!(Answers::read(Some(&folder.path().join("none.toml"))).is_err());
    }

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        fs::write(&path, " 802461 \r\nnot this\n").unwrap();
        assert_eq!(*secret(path.to_str().unwrap()).unwrap(), "802461");
    }
}
