//! What is wrong with a configuration file, for the person who edits it.
//!
//! Promise: one line per problem, of bounded length, whatever the key, the value or the reason holds. Never: a secret or a person's name; a value that could
//! hold one is not repeated.

use core::fmt;
use std::path::PathBuf;

/// A place in the file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where; `None` for a missing key and for the file as a whole.
    pub position: Option<Position>,
    /// The key with its table (`page.listen`); `None` where the text is no TOML.
    pub key: Option<Box<str>>,
    /// The value as written; `None` where there is none, or where it must not be repeated.
    pub value: Option<Box<str>>,
    /// What is wrong and what to write instead.
    pub reason: Reason,
}

/// What is wrong with a value and what to write instead, in Vietnamese and in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For the administrator.
    pub vi: Box<str>,
    /// For whoever helps from afar.
    pub en: Box<str>,
}

impl Reason {
    pub(super) fn new(vi: impl Into<Box<str>>, en: impl Into<Box<str>>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// A fixed one.
    pub(super) fn both([vi, en]: [&str; 2]) -> Self {
        Self::new(vi, en)
    }

    /// Found by others, who say it in one language.
    pub(super) fn found(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        Self { vi: text.clone(), en: text }
    }
}

impl ConfigProblem {
    /// A problem of the file as a whole.
    pub(super) fn file(reason: Reason) -> Self {
        Self { position: None, key: None, value: None, reason }
    }

    /// The same line in English.
    pub fn in_english(&self) -> String {
        self.line(["line", "column"], &self.reason.en)
    }

    fn line(&self, [line_is, column_is]: [&str; 2], reason: &str) -> String {
        let mut text = match (self.position, &self.key) {
            (Some(Position { line, .. }), Some(_)) => format!("{line_is} {line}: "),
            (Some(Position { line, column }), None) => format!("{line_is} {line}, {column_is} {column}: "),
            (None, _) => String::new(),
        };
        if let Some(key) = &self.key {
            text += &bounded(key, LONGEST_SHOWN);
            if let Some(value) = &self.value {
                text += " = ";
                text += value;
            }
            text += ": ";
        }
        text + &bounded(reason, LONGEST_REASON)
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(["dòng", "cột"], &self.reason.vi))
    }
}

/// Everything that keeps a configuration from being used, one line per problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The problems, in the order of the file; missing keys last.
    pub problems: Vec<ConfigProblem>,
}

impl ConfigError {
    /// The same lines in English.
    pub fn in_english(&self) -> String {
        let lines: Vec<_> = self.problems.iter().map(|problem| format!("{}: {}", self.path.display(), problem.in_english())).collect();
        lines.join("\n")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(|problem| format!("{}: {problem}", self.path.display())).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// What to write for a key that has no default.
pub(super) fn example(key: &str) -> [&'static str; 2] {
    match key {
        "facility" => {
            ["hãy viết facility = \"99001\" (mã cơ sở khám chữa bệnh của trạm)", "write facility = \"99001\" (the station's facility code)"]
        }
        "operator" => [
            "hãy viết operator = \"Họ và tên\" (người ngồi tại quầy tiếp đón)",
            "write operator = \"First and last name\" (who sits at the reception desk)",
        ],
        "listen" => [
            "hãy viết listen = \"0.0.0.0:8687\" (địa chỉ và cổng cho các bàn khác), hoặc bỏ cả bảng [lan]",
            "write listen = \"0.0.0.0:8687\" (address and port for the other desks), or take out the whole table [lan]",
        ],
        "folder" => [
            "hãy viết folder = \"/mnt/BHYT\" (nơi chứa bản sao), hoặc bỏ cả bảng [backup]",
            "write folder = \"/mnt/BHYT\" (where the copies go), or take out the whole table [backup]",
        ],
        "recipients" => [
            "hãy viết recipients = [\"age1...\"] (ai mở được bản sao khi máy này hỏng), hoặc bỏ cả bảng [backup]",
            "write recipients = [\"age1...\"] (who can open the copies when this computer is gone), or take out the whole table [backup]",
        ],
        "url" => [
            "hãy viết url = \"https://...\" (địa chỉ máy chủ của tỉnh), hoặc bỏ cả bảng [province]",
            "write url = \"https://...\" (the province's server), or take out the whole table [province]",
        ],
        _ => [
            "hãy viết ca-file = \"/etc/bhyt-agent/province-ca.pem\" (chứng thư gốc của tỉnh), hoặc bỏ cả bảng [province]",
            "write ca-file = \"/etc/bhyt-agent/province-ca.pem\" (the province's authority), or take out the whole table [province]",
        ],
    }
}

/// Longest value that is repeated in a message.
const LONGEST_SHOWN: usize = 100;

/// Longest reason: some sentences of ours, or what others have found.
const LONGEST_REASON: usize = 1000;

/// The value of a key as it may be repeated: none where it could hold a secret or a person's name.
pub(super) fn shown(key: &str, written: &str) -> Option<Box<str>> {
    // Whoever named the station may have written a person's name there. An address with a user or a query may carry a password or a token, and a table
    // anything, whatever key it was written for.
    if ["operator", "station-name"].contains(&key) || written.contains(['@', '?', '{']) || written.contains("KEY") {
        return None;
    }
    Some(bounded(written, LONGEST_SHOWN).into())
}

/// One line, no longer than so many characters.
fn bounded(text: &str, longest: usize) -> String {
    let words: Vec<_> = text.split(is_no_text).map(str::trim).filter(|part| !part.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What ends a line, moves the cursor, or is not seen and changes how the rest is read.
fn is_no_text(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::Overrides;
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let error = Config::parse(text.as_bytes(), &Overrides::default()).unwrap_err();
        error.iter().flat_map(|problem| [problem.to_string(), problem.in_english()]).collect()
    }

    #[test]
    fn what_is_repeated_of_a_mistaken_file_is_bounded_one_line_and_harmless() {
        let long = "d".repeat(5000);
        let text = format!(
            "facility = \"9\u{202e}9\u{2028}0 {long}\"\nstation-name = \"Nhà chị Mẫu\\nhai\"\n\"khóa\\nlạ\\u001b[2J\\u2067 {long}\" = 1\n\
             page = [{{ operator = \"Chị Mẫu\" }}]\n[{long}]\n"
        );
        let problems = problems(&text);
        println!("{problems:#?}");
        assert!(problems.len() >= 8, "each mistake is told");
        for problem in &problems {
            assert!(!problem.contains(is_no_text), "{problem:?}");
            assert!(problem.chars().count() < 1300, "{problem}");
            assert!(!problem.contains("Mẫu"), "{problem}");
        }
    }

    #[test]
    fn a_value_is_shown_as_it_was_written_up_to_its_bound() {
        let of = |written: &str| shown("facility", written).map(String::from);
        assert_eq!(of("\"99 001\"").as_deref(), Some("\"99 001\""));
        assert_eq!(of(&"ạ".repeat(100)), Some("ạ".repeat(100)));
        assert_eq!(of(&"ạ".repeat(101)), Some("ạ".repeat(100) + "…"));
        for (key, written) in
            [("operator", "x"), ("station-name", "x"), ("url", "https://u@h"), ("url", "https://h/?t"), ("recipients", "AGE-SECRET-KEY-1")]
        {
            assert_eq!(shown(key, written), None, "{key} {written}");
        }
    }
}
