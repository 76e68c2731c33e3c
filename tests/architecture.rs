//! Who may use whom, enforced by reading `src`.
//!
//! Promise: a broken rule is printed with the file, the line and the reason. The check is a function of a path and a text, so that it is tested
//! itself: below, each rule finds an offence made up for it. Never: a rule for one file only; a module that does not exist yet
//! has its rules already.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fmt;
use std::fs;
use std::path::Path;

/// What a module may use of the others, by the beginning of the path after `crate::`.
struct Module {
    name: &'static str,
    may: &'static [&'static str],
    /// The same for its tests, in addition.
    tests_may: &'static [&'static str],
    why: &'static str,
}

/// Every module but `app`, `cli` and `manual`, which may use all that is not somebody's home.
const MODULES: [Module; 9] = [
    Module {
        name: "domain",
        may: &[],
        tests_may: &["ops::rules"],
        why: "what a card is and how it is judged depends on nothing, so that it can be read and tested as a table",
    },
    Module { name: "storage", may: &["domain"], tests_may: &["ops"], why: "storage keeps what it is given and decides nothing" },
    Module { name: "upstream", may: &["domain"], tests_may: &["ops"], why: "a remote end speaks in domain words and keeps no state" },
    Module {
        name: "sync",
        may: &["storage", "upstream", "domain"],
        tests_may: &["ops"],
        why: "the engine stands between our files and the remote ends; neither page nor operator is its business",
    },
    Module {
        name: "desk",
        may: &["storage", "domain", "sync::status", "sync::driver::SyncHandle"],
        tests_may: &["ops"],
        why: "the counter answers from our own files; the engine it may only ask how it stands, and wake",
    },
    Module {
        name: "reception",
        may: &["desk", "domain", "sync::status"],
        tests_may: &["ops", "storage"],
        why: "the page shows what the desk says; a second way to the data would be a second idea of a check-in",
    },
    Module {
        name: "control",
        may: &["desk", "sync", "storage", "domain"],
        tests_may: &["ops"],
        why: "the operator's socket tells how things stand and wakes the engine",
    },
    Module {
        name: "ops",
        may: &["domain"],
        tests_may: &[],
        why: "running as a service has nothing to do with cards; values in the configuration do",
    },
    Module { name: "manual", may: &[], tests_may: &[], why: "the manual is text" },
];

/// Who may use a crate at all.
struct Home {
    path: &'static str,
    modules: &'static [&'static str],
    why: &'static str,
}

const HOMES: [Home; 7] = [
    Home { path: "rusqlite::", modules: &["storage"], why: "SQL has one home" },
    Home { path: "reqwest::", modules: &["upstream"], why: "requests have one home: limits, time-outs and redirects are set there" },
    Home { path: "axum::", modules: &["reception"], why: "HTTP served has one home" },
    Home { path: "askama::", modules: &["reception"], why: "the page has one home" },
    Home { path: "clap::", modules: &["cli", "main"], why: "arguments have one home" },
    Home { path: "sd_notify::", modules: &["ops"], why: "systemd is spoken to in one place" },
    Home { path: "tracing_subscriber::", modules: &["ops"], why: "the log is set up in one place" },
];

/// What the domain must not touch, tests included.
const IMPURE: [&str; 13] = [
    "tokio::",
    "tokio_util::",
    "serde::",
    "serde_json::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "Utc::now",
    "Local::now",
];

/// Code lines a file may have before its tests.
const LONGEST_FILE: usize = 500;

/// What the page says, it says in two languages.
const WORDS: &str = "words of the page stand in `src/desk/messages`, in every language";

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// A source text in three layers of the same length and lines.
struct Layers {
    /// Neither comments nor the content of literals.
    code: String,
    /// Only the content of string literals.
    strings: String,
}

/// Blanks what a layer does not hold. Knows comments (nested too), strings, raw strings, characters and lifetimes.
fn layers(text: &str) -> Layers {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut strings) = (String::new(), String::new());
    let mut at = 0;
    let put = |c: char, code: &mut String, strings: &mut String, layer: Option<bool>| {
        let blank = if c == '\n' { '\n' } else { ' ' };
        code.push(if layer == Some(true) { c } else { blank });
        strings.push(if layer == Some(false) { c } else { blank });
    };
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        let before = at.checked_sub(1).map_or(' ', |b| chars[b]);
        let (end, layer) = if starts(at, "//") {
            (chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n), None)
        } else if starts(at, "/*") {
            (end_of_comment(&chars, at), None)
        } else if let Some(end) = end_of_raw_string(&chars, at).filter(|_| !(before.is_alphanumeric() || before == '_') || before == 'b') {
            (end, Some(false))
        } else if chars[at] == '"' {
            (end_of_literal(&chars, at, '"'), Some(false))
        } else if chars[at] == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
            (end_of_literal(&chars, at, '\''), None)
        } else {
            (at + 1, Some(true))
        };
        for c in &chars[at..end] {
            put(*c, &mut code, &mut strings, layer);
        }
        at = end;
    }
    Layers { code, strings }
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_raw_string(chars: &[char], start: usize) -> Option<usize> {
    if chars[start] != 'r' {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closing = (open + 1..chars.len())
        .find(|at| chars[*at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes);
    Some(closing.map_or(chars.len(), |at| at + 1 + hashes))
}

fn end_of_literal(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The module path of a file: `src/ops/config/keys.rs` is `ops`, `config`, `keys`.
fn module_path(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<_> = inner.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a line of code holds a path or word that does not begin inside a longer word or path.
fn holds(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(at, _)| {
        let before = &line[..at];
        let free = !before.ends_with(is_word_part) && (!before.ends_with("::") || what.contains("::now"));
        let after = &line[at + what.len()..];
        free && (what.ends_with("::") || !after.starts_with(is_word_part))
    })
}

/// Every path into the crate that a line of code names, without `crate::`, those by `super` included.
fn paths_into_crate(line: &str, here: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let rest_of_path = |rest: &str| rest.chars().take_while(|c| is_word_part(*c) || *c == ':').collect::<String>();
    for (at, _) in line.match_indices("crate::") {
        if !line[..at].ends_with(is_word_part) && !line[..at].ends_with('$') {
            found.push(rest_of_path(&line[at + "crate::".len()..]));
        }
    }
    for (at, _) in line.match_indices("super::") {
        if line[..at].ends_with(is_word_part) || line[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &line[at..];
        let mut up = 0;
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, up) = (further, up + 1);
        }
        let mut path = here[..here.len().saturating_sub(up)].to_vec();
        path.push(rest_of_path(rest));
        found.push(path.join("::"));
    }
    found
}

/// An item without its visibility.
fn unqualified(words: &str) -> &str {
    let rest = words.strip_prefix("pub").unwrap_or(words);
    match rest.strip_prefix('(').and_then(|inner| inner.split_once(") ")) {
        Some((_, item)) => item,
        None => rest.trim_start(),
    }
}

/// Checks one file of `src`.
fn check(path: &str, text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut offend = |line: usize, rule: String| offences.push(Offence { path: path.to_owned(), line: line + 1, rule });
    let file = module_path(path);
    let top = file.first().map_or("", String::as_str);
    let module = MODULES.iter().find(|module| module.name == top);
    let Layers { code, strings } = layers(text);
    let tests_file = file.last().is_some_and(|name| name == "tests" || name.ends_with("_tests"));
    let tests_from = if tests_file { 0 } else { code.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX) };

    if !text.starts_with("//!") && path != "src/main.rs" {
        offend(0, "a file begins with `//!`: what it promises and must never do".to_owned());
    }
    let length = code.lines().count().min(tests_from);
    if !tests_file && length > LONGEST_FILE {
        offend(LONGEST_FILE, format!("{length} lines before the tests, {LONGEST_FILE} are enough: split the file"));
    }

    // The inline modules around a line, each with its indentation.
    let mut inline: Vec<(usize, String)> = Vec::new();
    for (number, (line, said)) in code.lines().zip(strings.lines()).enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words = line.trim();
        if words.starts_with('}') {
            inline.retain(|(outer, _)| *outer < indent);
        }
        let here: Vec<_> = file.iter().cloned().chain(inline.iter().map(|(_, name)| name.clone())).collect();
        let unqualified = unqualified(words);
        if let Some(name) = unqualified.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            inline.push((indent, name.to_owned()));
        }
        let in_tests = number >= tests_from;

        if unqualified.starts_with("use ") && words.contains('{') {
            offend(number, "one path per `use` line".to_owned());
        }
        if holds(words, "unsafe") {
            offend(number, "`unsafe` nowhere".to_owned());
        }
        for used in paths_into_crate(words, &here) {
            let target = used.split("::").next().unwrap_or_default();
            if target == top {
                continue;
            }
            if target == "app" && !matches!(top, "cli" | "main") {
                offend(number, "only `cli` and `main` may use `app`: it builds everything and belongs to nobody".to_owned());
            } else if let Some(Module { may, tests_may, why, .. }) = module {
                let allowed = |list: &[&str]| list.iter().any(|root| used == *root || used.starts_with(&format!("{root}::")));
                let is_module = MODULES.iter().any(|module| module.name == target) || matches!(target, "cli" | "");
                if is_module && !allowed(may) && !(in_tests && allowed(tests_may)) {
                    let list = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
                    offend(number, format!("`{top}` must not use `{used}` (it may use {list}): {why}"));
                }
            }
        }
        for Home { path: home, modules, why } in &HOMES {
            if holds(words, home) && !modules.contains(&top) {
                offend(number, format!("`{home}` only in {}: {why}", modules.join(", ")));
            }
        }
        if top == "domain" {
            for impure in IMPURE.into_iter().filter(|impure| holds(words, impure)) {
                offend(number, format!("`domain` must not use `{impure}`: it is pure"));
            }
        }
        if top == "reception" && !in_tests && said.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) {
            offend(number, WORDS.to_owned());
        }
        // A statement may be written over several lines; it is reported where it begins.
        let and_next = strings.lines().skip(number + 1).take(2).fold(said.to_owned(), |all, next| all + " " + next);
        if top != "storage" && is_sql(said, &and_next) {
            offend(number, "SQL only in storage".to_owned());
        }
    }
    offences
}

/// Whether a literal speaks SQL, or begins to.
fn is_sql(said: &str, and_next: &str) -> bool {
    let words_of = |text| str::split(text, |c: char| !is_word_part(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let words = words_of(said);
    let insert = words.windows(2).any(|pair| pair == ["INSERT", "INTO"] || pair == ["DELETE", "FROM"] || pair == ["CREATE", "TABLE"]);
    let update = words.contains(&"UPDATE") && words_of(and_next).contains(&"SET");
    insert || update || words.contains(&"SELECT") || words.contains(&"PRAGMA")
}

/// Checks a template: between its tags there are values, and no words of its own.
fn check_template(path: &str, text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    // The end of what is open, across lines.
    let mut open: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while !rest.is_empty() {
            if let Some(end) = open {
                let Some((_, after)) = rest.split_once(end) else { break };
                (rest, open) = (after, None);
                continue;
            }
            let opening = [("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("<", ">")];
            let next = opening.into_iter().filter_map(|(begin, end)| Some((rest.find(begin)?, begin, end))).min();
            let (said, after) = match next {
                Some((at, begin, end)) => {
                    open = Some(end);
                    (&rest[..at], &rest[at + begin.len()..])
                }
                None => (rest, ""),
            };
            // `&nbsp;` and the like are no words.
            if said.split('&').any(|part| part.split_once(';').map_or(part, |(_, after)| after).contains(char::is_alphabetic)) {
                offences.push(Offence { path: path.to_owned(), line: number + 1, rule: WORDS.to_owned() });
            }
            rest = after;
        }
    }
    offences
}

fn every_file(folder: &Path, ending: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_file(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn no_rule_is_broken() {
    let mut files = Vec::new();
    let mut templates = Vec::new();
    every_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "rs", &mut files);
    every_file(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "html", &mut templates);
    assert!(files.len() > 30 && templates.len() > 5, "only {} files and {} templates found", files.len(), templates.len());
    files.sort();
    templates.sort();
    let of_code = files.iter().flat_map(|(path, text)| check(path, text));
    let of_templates = templates.iter().flat_map(|(path, text)| check_template(path, text));
    let offences: Vec<_> = of_code.chain(of_templates).map(|offence| offence.to_string()).collect();
    assert!(offences.is_empty(), "{} broken rules:\n{}", offences.len(), offences.join("\n"));
}

/// Path, text after the first line, and what the one rule found begins with; empty where nothing must be found.
const MADE_UP: &[(&str, &str, &str)] = &[
    ("src/domain/card.rs", "use crate::storage::Error;", "`domain` must not use `storage::Error` (it may use nothing)"),
    ("src/domain/card.rs", "use super::super::storage::Error;", "`domain` must not use `storage::Error`"),
    ("src/domain/scan/text.rs", "fn f() { super::super::super::ops::clock::f() }", "`domain` must not use `ops::clock::f`"),
    ("src/domain/card.rs", "use super::benefit::BenefitCode;", ""),
    ("src/domain/card.rs", "use crate::ops::rules;", "`domain` must not use `ops::rules`"),
    ("src/domain/card.rs", "#[cfg(test)]\nmod tests {\n    use crate::ops::rules;\n    use super::super::field::Problem;\n}", ""),
    ("src/domain/card.rs", "#[cfg(test)]\nmod tests {\n    use crate::ops::clock;\n}", "`domain` must not use `ops::clock`"),
    ("src/domain/card.rs", "#[cfg(test)]\nmod tests {\n    use super::super::super::ops::clock;\n}", "`domain` must not use `ops::clock`"),
    ("src/domain/verdict_tests.rs", "use crate::ops::rules;", ""),
    ("src/domain/card.rs", "use tokio::sync::Mutex;", "`domain` must not use `tokio::`"),
    ("src/domain/card.rs", "#[derive(serde::Serialize)]", "`domain` must not use `serde::`"),
    ("src/domain/card.rs", "use std::fs;", "`domain` must not use `std::fs`"),
    ("src/domain/card.rs", "use std::net::IpAddr;", "`domain` must not use `std::net`"),
    ("src/domain/card.rs", "fn f() { std::env::args(); }", "`domain` must not use `std::env`"),
    ("src/domain/card.rs", "use std::process::Command;", "`domain` must not use `std::process`"),
    ("src/domain/card.rs", "use std::time::SystemTime;", "`domain` must not use `std::time::SystemTime`"),
    ("src/domain/card.rs", "use std::time::Instant;", "`domain` must not use `std::time::Instant`"),
    ("src/domain/card.rs", "fn f() { chrono::Utc::now(); }", "`domain` must not use `Utc::now`"),
    ("src/domain/card.rs", "use std::time::Duration;\nuse std::sync::Arc;", ""),
    ("src/storage/open.rs", "use rusqlite::Connection;\nuse crate::domain::card::CardNumber;\nconst Q: &str = \"SELECT 1\";", ""),
    ("src/storage/open.rs", "use crate::sync::plan;", "`storage` must not use `sync::plan` (it may use domain)"),
    ("src/storage/open.rs", "use reqwest::Client;", "`reqwest::` only in upstream"),
    ("src/upstream/mod.rs", "use crate::storage::Error;", "`upstream` must not use `storage::Error`"),
    ("src/upstream/mod.rs", "use super::storage::Error;", "`upstream` must not use `storage::Error`"),
    ("src/upstream/mod.rs", "use reqwest::Client;", ""),
    ("src/sync/pull.rs", "use crate::storage::Error;\nuse crate::upstream::Error;\nuse super::plan;", ""),
    ("src/sync/pull.rs", "use crate::reception::router;", "`sync` must not use `reception::router`"),
    ("src/sync/pull.rs", "use crate::ops::config::Config;", "`sync` must not use `ops::config::Config`"),
    ("src/sync/pull.rs", "use rusqlite::Connection;", "`rusqlite::` only in storage: SQL has one home"),
    ("src/sync/pull.rs", "fn f(e: reqwest::Error) {}", "`reqwest::` only in upstream"),
    ("src/desk/lookup.rs", "use crate::sync::status::SyncStatus;\nuse crate::sync::driver::SyncHandle;", ""),
    (
        "src/desk/lookup.rs",
        "use crate::sync::driver::Driver;",
        "`desk` must not use `sync::driver::Driver` (it may use storage, domain, sync::status, sync::driver::SyncHandle)",
    ),
    ("src/desk/lookup.rs", "use crate::sync::status_of;", "`desk` must not use `sync::status_of`"),
    ("src/desk/lookup.rs", "use axum::Json;", "`axum::` only in reception"),
    ("src/reception/mod.rs", "use crate::desk::lookup;\nuse crate::sync::status::SyncStatus;\nuse axum::Json;", ""),
    ("src/reception/mod.rs", "use crate::storage::Error;", "`reception` must not use `storage::Error`"),
    ("src/reception/mod.rs", "use crate::ops::config::Page;", "`reception` must not use `ops::config::Page`"),
    ("src/reception/mod.rs", "use crate::cli::serve;", "`reception` must not use `cli::serve`"),
    ("src/control/server.rs", "use crate::reception::router;", "`control` must not use `reception::router`"),
    ("src/control/server.rs", "use serde::Serialize;\nuse crate::sync::driver::Wake;\nuse crate::storage::visits::Visits;", ""),
    ("src/ops/doctor.rs", "use crate::storage::Error;", "`ops` must not use `storage::Error`"),
    ("src/ops/config/keys.rs", "use super::ConfigProblem;\nuse crate::domain::facility::FacilityCode;", ""),
    ("src/cli/serve.rs", "use crate::app;\nuse crate::ops::config::Config;\nuse crate::storage::Error;", ""),
    ("src/cli/lookup.rs", "use rusqlite::Connection;", "`rusqlite::` only in storage"),
    ("src/cli/lookup.rs", "const Q: &str = \"SELECT name FROM person\";", "SQL only in storage"),
    ("src/cli/lookup.rs", "const Q: &str = r#\"INSERT INTO person\"#;", "SQL only in storage"),
    ("src/cli/lookup.rs", "const Q: &str = \"UPDATE person SET name = 1\";", "SQL only in storage"),
    ("src/cli/lookup.rs", "const Q: &str = \"\n    UPDATE person\n    SET name = 1\";", "SQL only in storage"),
    ("src/cli/lookup.rs", "const Q: &str = \"Select a card, then update the set\";", ""),
    ("src/cli/lookup.rs", "// SELECT is said here, crate::nothing and unsafe as well\n/* unsafe /* nested */ unsafe */", ""),
    ("src/app.rs", "use crate::reception::router;\nuse crate::sync::driver;\nuse crate::ops::config::Config;", ""),
    ("src/main.rs", "fn main() { bhyt_agent::cli::run() }", ""),
    ("src/sync/driver.rs", "use crate::app::App;", "only `cli` and `main` may use `app`"),
    ("src/ops/signal.rs", "use crate::app;", "only `cli` and `main` may use `app`"),
    ("src/app.rs", "fn f() { unsafe { g() } }", "`unsafe` nowhere"),
    ("src/app.rs", "fn f() { g('\"'); unsafe {} }", "`unsafe` nowhere"),
    ("src/app.rs", "fn f<'a>(s: &'a str) { g(\"unsafe\", 'u', r\"\\\"); }", ""),
    ("src/app.rs", "use std::{fs, io};", "one path per `use` line"),
    ("src/app.rs", "pub use crate::ops::{clock, config};", "one path per `use` line"),
    ("src/app.rs", "pub(super) use crate::ops::{clock, config};", "one path per `use` line"),
    ("src/main.rs", "use bhyt_agent::app;\nuse clap::Parser;", ""),
    ("src/lib.rs", "use crate::app::App;", "only `cli` and `main` may use `app`"),
    ("src/ops/config/keys.rs", "use clap::Parser;", "`clap::` only in cli"),
    ("src/reception/handlers.rs", "const SAID: &str = \"Lưu\";", "words of the page"),
    ("src/reception/handlers.rs", "// Lưu\nconst SAID: &str = \"/luot/dong\";", ""),
];

#[test]
fn each_rule_finds_its_offence() {
    for (path, text, expected) in MADE_UP {
        let found: Vec<_> = check(path, &format!("//! Made up.\n{text}\n")).into_iter().map(|offence| offence.rule).collect();
        match (found.as_slice(), expected.is_empty()) {
            ([], true) => {}
            ([rule], false) if rule.starts_with(expected) => {}
            _ => panic!("{path}: {text}\n  expected {expected:?}\n  found    {found:?}"),
        }
    }
}

#[test]
fn words_between_the_tags_of_a_template_are_found() {
    for (text, lines) in [
        ("<p class=\"a\">{{ words.page.title }}: {% if x %}<b>100%</b>{% endif %}&nbsp;\n</p>", &[][..]),
        ("<p>{{ a }} lượt</p>\n<p\nclass=\"x\">Save</p>\n{# a word #}", &[1, 3]),
    ] {
        let found: Vec<_> = check_template("a.html", text).into_iter().map(|offence| offence.line).collect();
        assert_eq!(found, lines, "{text}");
    }
}

#[test]
fn an_offence_is_printed_with_its_place() {
    let found = check("src/desk/lookup.rs", "//! Made up.\n\nuse crate::upstream::Error;\n");
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "src/desk/lookup.rs:3: `desk` must not use `upstream::Error` (it may use storage, domain, sync::status, sync::driver::SyncHandle): the counter answers from our own files; the engine it may only ask how it stands, and wake"
        ]
    );
}

#[test]
fn a_file_without_a_word_about_itself_is_found() {
    let found = check("src/desk/lookup.rs", "use core::fmt;\n");
    assert!(found.len() == 1 && found[0].rule.starts_with("a file begins with"), "{found:?}");
    assert_eq!(check("src/main.rs", "fn main() {}\n"), []);
}

#[test]
fn a_long_file_is_found_but_long_tests_are_not() {
    let code = "fn f() {}\n".repeat(LONGEST_FILE);
    let found = check("src/desk/lookup.rs", &format!("//! Made up.\n{code}"));
    assert!(found.len() == 1 && found[0].rule.starts_with("501 lines"), "{found:?}");
    assert_eq!(check("src/desk/lookup.rs", &format!("//! Made up.\n#[cfg(test)]\nmod tests {{}}\n{code}")), []);
    assert_eq!(check("src/desk/lookup_tests.rs", &format!("//! Made up.\n{code}")), []);
}
