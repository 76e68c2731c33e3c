//! Every command that a sentence advises is one: taken from the sources of what is said, with its placeholders filled, and parsed as it would be typed.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::CommandFactory;

use super::Arguments;

/// Where the sentences stand.
const SAID: [&str; 4] = ["src/desk/words", "src/desk/words.rs", "src/desk/messages", "src/cli"];

/// What a command in a sentence begins with.
const PROGRAM: &str = "bhyt-agent ";

/// A value of the kind that stands where a sentence has a word in capitals, or something filled in.
const FILLED: &str = "1";
/// The same for what has an id.
const FILLED_ID: &str = "018f0000-0000-7000-8000-000000000001";

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if !path.to_string_lossy().ends_with("_tests.rs") {
        found.push(path.to_owned());
    }
}

/// The text without what is said to whoever reads the source: comments, and tests.
fn said(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with('#'));
    // A text that goes on in the next line of the source.
    lines.collect::<Vec<_>>().join("\n").split("\\\n").map(str::trim_start).collect()
}

/// Whether a word of a sentence stands for something that whoever types the command knows.
fn is_placeholder(word: &str) -> bool {
    word.starts_with('{')
        || (word.chars().any(char::is_uppercase) && !word.chars().any(char::is_lowercase))
        || word.contains("TỆP.")
        || word.contains("FILE.")
}

/// The commands in a text: from the program's name, as long as the words are a command's.
fn commands(text: &str) -> Vec<Vec<String>> {
    let names: Vec<_> = Arguments::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let mut commands = Vec::new();
    for (at, _) in text.match_indices(PROGRAM) {
        let rest = text[at + PROGRAM.len()..].replace("\\\"", "'");
        let end = rest.find(['"', '\n', ';', ',', '(', ')', ':', '`', '<', '&']).unwrap_or(rest.len());
        let mut words = Vec::new();
        let (mut quoted, mut sentence_ended) = (None::<String>, false);
        for word in rest[..end].split_whitespace() {
            let bare = word.trim_end_matches('.');
            if sentence_ended {
                break;
            }
            sentence_ended = bare != word && !word.ends_with("...");
            if let Some(mut text) = quoted.take() {
                text.push_str(bare);
                quoted = Some(text).filter(|_| !bare.ends_with('\''));
                continue;
            }
            if bare.starts_with('\'') {
                words.push(FILLED.to_owned());
                quoted = Some(String::new()).filter(|_| !bare[1..].ends_with('\''));
            } else if is_placeholder(bare) {
                words.push(if ["MÃ", "ID"].contains(&bare) { FILLED_ID } else { FILLED }.to_owned());
            } else if bare == "-"
                || bare.starts_with("--")
                || bare.starts_with('/')
                || bare.parse::<u32>().is_ok()
                || is_verb(&names, &words, bare)
            {
                words.push(bare.to_owned());
            } else {
                break;
            }
        }
        if words.first().is_some_and(|verb| names.contains(verb)) {
            commands.push(words);
        }
    }
    commands
}

/// Whether a word is a verb, or a verb's own verb or value after those before it.
fn is_verb(names: &[String], before: &[String], word: &str) -> bool {
    match before {
        [] => names.iter().any(|name| name == word),
        [verb, ..] => {
            let command = Arguments::command();
            let Some(verb) = command.find_subcommand(verb) else { return false };
            let is_inner = before.len() == 1 && verb.find_subcommand(word).is_some();
            is_inner || ["head", "reception"].contains(&word)
        }
    }
}

fn refused(command: &[String]) -> Option<String> {
    let typed = std::iter::once("bhyt-agent").chain(command.iter().map(String::as_str));
    Arguments::command().try_get_matches_from(typed).err().filter(clap::Error::use_stderr).map(|error| format!("{command:?}: {error}"))
}

#[test]
fn an_advised_command_failed_when_it_was_typed_word_by_word() {
    let mut files = Vec::new();
    for path in SAID {
        sources(Path::new(path), &mut files);
    }
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in files {
        for command in commands(&said(&fs::read_to_string(&file).unwrap())) {
            count += 1;
            wrong.extend(refused(&command).map(|error| format!("{}: {error}", file.display())));
        }
    }
    println!("{count} advised commands");
    assert!(count > 80, "only {count} commands were found: the sentences stand elsewhere now");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stood there once.
#[test]
fn a_command_without_its_value_is_seen() {
    for (text, is_refused) in [
        ("\"xin mã rồi chạy bhyt-agent replace-this-machine --code.\"", true),
        ("\"bhyt-agent replace-this-machine --code với ĐÚNG MÃ ĐÓ\"", true),
        ("\"bhyt-agent replace-this-machine --code - với ĐÚNG MÃ ĐÓ\"", false),
        ("\"bhyt-agent quarantine drop\"", true),
        ("\"bhyt-agent quarantine drop TÊN.\"", false),
        ("\"bhyt-agent operator add\"", true),
        ("\"bhyt-agent operator add \\\"HỌ TÊN\\\" --role head (gõ\"", false),
        ("\"bhyt-agent check-config --config {path} && systemctl\"", false),
    ] {
        let found = commands(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(refused(&found[0]).is_some(), is_refused, "{text}: {found:?}");
    }
}
