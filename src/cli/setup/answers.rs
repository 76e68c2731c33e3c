//! What `setup` was told beforehand: a file of answers, or the environment, for whoever sets up a hundred stations.
//!
//! Promise: an unknown key is refused; the file wins over the environment; every reader is bounded. Never: a secret itself, only the path of a file that
//! holds one, or `-` for a line of standard input.

use std::env;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

/// Longest file of answers.
const LONGEST: u64 = 64 << 10;
/// Longest secret.
const LONGEST_SECRET: u64 = 200;

/// The answers. In the environment each is `BHYT_SETUP_` and its name in capitals, with `_` for `-`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
    /// Reads the file, if there is one, and the environment.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, String> {
        let told = match file {
            None => Self::default(),
            Some(path) => {
                let mut text = String::new();
                let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
                read.map_err(|error| format!("{}: {error}", path.display()))?;
                toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.to_string().trim_end()))?
            }
        };
        Ok(told.or(|name| env::var(format!("BHYT_SETUP_{name}")).ok()))
    }

    /// The files that hold secrets.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let files = [&self.enrolment_code_file, &self.head_pin_file];
        files.into_iter().flatten().map(String::as_str).filter(|path| *path != "-").collect()
    }

    fn or(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            facility: self.facility.or_else(|| variable("FACILITY")),
            station_name: self.station_name.or_else(|| variable("STATION_NAME")),
            province_url: self.province_url.or_else(|| variable("PROVINCE_URL")),
            province_ca_file: self.province_ca_file.or_else(|| variable("PROVINCE_CA_FILE")),
            enrolment_code_file: self.enrolment_code_file.or_else(|| variable("ENROLMENT_CODE_FILE")),
            head_name: self.head_name.or_else(|| variable("HEAD_NAME")),
            head_pin_file: self.head_pin_file.or_else(|| variable("HEAD_PIN_FILE")),
        }
    }
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

    #[test]
    fn the_file_wins_over_the_environment_and_an_unknown_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.toml");
        fs::write(&path, "facility = \"99001\"\nhead-pin-file = \"-\"\n").unwrap();
        let told = Answers::read(Some(&path)).unwrap();
        let both = told.or(|name| Some(format!("{name} of the environment")));
        assert_eq!(both.facility.as_deref(), Some("99001"));
        assert_eq!(both.head_name.as_deref(), Some("HEAD_NAME of the environment"));
        for wrong in ["head-pin = \"802461\"\n", "facility = 99001\n", "enrolment-code = \"A\"\n"] {
            fs::write(&path, wrong).unwrap();
            assert!(Answers::read(Some(&path)).is_err(), "{wrong}");
        }
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
