//! Documents of one kind of line only, `key = "text"`, with keys of their caller's: the answers of `setup`.
//!
//! Promise: every key nobody knows and every value that is no text is told at once, with its line. Never: a value in a problem; beside paths somebody may have
//! written a PIN.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::ConfigProblem;
use super::Reason;
use super::section::distance;
use super::section::position;

/// What was read: the values of known keys, and everything that is wrong. A text that is no TOML has problems only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flat {
    /// The values, by key.
    pub values: BTreeMap<&'static str, String>,
    /// The problems, in the order of the file.
    pub problems: Vec<ConfigProblem>,
    /// Whether it is no TOML, so that what is not there may have been meant to be.
    pub is_torn: bool,
}

/// Reads such a document.
pub fn read(source: &str, known: &[&'static str]) -> Flat {
    let (table, errors) = DeTable::parse_recoverable(source);
    let is_torn = !errors.is_empty();
    let mut flat = Flat { is_torn, ..Flat::default() };
    for error in errors {
        flat.problems.push(ConfigProblem {
            position: error.span().map(|span| position(source, span.start)),
            key: None,
            value: None,
            reason: Reason::new("sai cú pháp TOML; mỗi dòng là khóa = \"chữ\"", "is no TOML; each line is key = \"text\""),
        });
    }
    for (key, value) in table.get_ref() {
        let name = key.get_ref();
        let reason = match (known.iter().find(|known| *known == name), value.get_ref().as_str()) {
            (Some(known), Some(text)) => {
                flat.values.insert(known, text.to_owned());
                continue;
            }
            (Some(_), None) => Reason::new("phải là chữ trong dấu nháy kép", "has to be text in double quotes"),
            // What the parser makes of torn lines are no keys of anybody's.
            (None, _) if is_torn => continue,
            (None, _) => {
                let meant = nearest(name, known);
                let [vi, en] = meant.map_or(["hãy xóa dòng này".to_owned(), "take this line out".to_owned()], |meant| {
                    [format!("có phải là {meant}?"), format!("is it {meant}?")]
                });
                Reason::new(format!("không có khóa này; {vi}"), format!("there is no such key; {en}"))
            }
        };
        flat.problems.push(ConfigProblem {
            position: Some(position(source, key.span().start)),
            key: Some(name.as_ref().into()),
            value: None,
            reason,
        });
    }
    flat.problems.sort_by_key(|problem| problem.position);
    flat
}

/// The key that was probably meant: one that the name begins, or that differs from it by a slip.
pub fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let written = name.replace('_', "-").to_lowercase();
    let begun = known.iter().find(|known| written.len() > 3 && known.starts_with(&written));
    let near = || known.iter().map(|known| (distance(known, &written), known)).min().filter(|(slips, _)| *slips <= 2);
    begun.or_else(|| near().map(|(_, known)| known)).copied()
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::Overrides;
    use super::*;

    const KNOWN: [&str; 3] = ["facility", "province-ca-file", "head-pin-file"];

    #[test]
    fn a_pin_under_a_key_that_nobody_knows_is_not_told() {
        let flat = read("facility = 123456\nprovince_ca_file = \"123456\"\n\nhead-pin = \"123456\"\nfoo = \"123456\"\n", &KNOWN);
        let told: Vec<_> = flat.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "dòng 1: facility: phải là chữ trong dấu nháy kép",
                "dòng 2: province_ca_file: không có khóa này; có phải là province-ca-file?",
                "dòng 4: head-pin: không có khóa này; có phải là head-pin-file?",
                "dòng 5: foo: không có khóa này; hãy xóa dòng này",
            ]
        );
        assert!(flat.problems.iter().all(|problem| !problem.in_english().contains("123456")));
    }

    /// The parser's own words may be told, its excerpt never.
    #[test]
    fn what_is_no_toml_is_told_without_what_stands_there() {
        for torn in [
            "head-pin-file = 'S3CRET\n",
            "head-pin-file = \"S3CRET\n",
            "head-pin-file = S3CRET\n",
            "head-pin-file : \"S3CRET\"\n",
            "head-pin-file = \"\\S3CRET\"\n",
            "head-pin-file = \"x\" \"S3CRET\"\n",
            "facility = \"S3CRET\"\nfacility = \"S3CRET\"\n",
            "facility = 1S3CRET\n",
            "[S3CRET\n",
            "S3CRET\n",
        ] {
            let flat = read(torn, &KNOWN);
            assert!(flat.is_torn && !flat.problems.is_empty(), "{torn}");
            let of_config = Config::parse(torn.as_bytes(), &Overrides::default()).unwrap_err();
            for problem in flat.problems.iter().chain(&of_config) {
                for said in [problem.to_string(), problem.in_english()] {
                    assert!(!said.contains("S3CRET") && !said.contains('\n'), "{torn}: {said}");
                }
            }
        }
    }
}
