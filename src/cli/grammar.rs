//! What is said about a line that cannot be read, and the words around a verb's help.
//!
//! Promise: what of the line is wrong, what comes near to it and how the verb is called, in Vietnamese; with `--english` in the words of the parser. Never: on
//! standard output, which a program may read.

use std::any::TypeId;
use std::env;
use std::ffi::OsString;
use std::path::Path;

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use clap::Error;
use clap::Parser;
use clap::error::ContextKind;
use clap::error::ErrorKind;
use uuid::Uuid;

use super::output;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::ops::exit_code::ExitCode;

const TEMPLATE: &str = "{before-help}{about-with-newline}\nCách gọi: {usage}\n\n{all-args}{after-help}";
const POSITIONAL: &str = "Tham số";
const OPTIONS: &str = "Tùy chọn";

const NUMBER: &str = "một số nguyên, không âm";
const VISIT_ID: &str = "mã của lượt, dạng 018f0000-0000-7000-8000-000000000001";

/// A command and those below it, with Vietnamese around what they say of themselves.
fn in_vietnamese(command: Command) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("In hướng dẫn này").help_heading(OPTIONS);
    command
        .subcommand_help_heading("Lệnh")
        .subcommand_value_name("LỆNH")
        .disable_help_flag(true)
        .mut_args(argument_in_vietnamese)
        .arg(help)
        .mut_subcommands(in_vietnamese)
}

fn argument_in_vietnamese(argument: Arg) -> Arg {
    let heading = if argument.is_positional() { POSITIONAL } else { OPTIONS };
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let argument = argument.help_heading(heading);
    if defaults.is_empty() {
        return argument;
    }
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    argument.help(format!("{help}; mặc định {}", defaults.join(" "))).hide_default_value(true)
}

/// The verb that was typed, as it is typed again: without its arguments, which may be a person's, but for where the configuration is.
pub(super) fn verb() -> String {
    verb_of(env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
}

fn verb_of(typed: impl Iterator<Item = String>) -> String {
    let (mut verb, mut command) = (Vec::new(), super::command());
    let mut typed = typed.peekable();
    while let Some(inner) = typed.peek().and_then(|word| command.find_subcommand(word)).cloned() {
        verb.extend(typed.next());
        command = inner;
    }
    if verb.is_empty() || command.get_arguments().any(|argument| argument.is_positional() || argument.is_required_set()) {
        verb.push("…".to_owned());
    }
    let typed: Vec<_> = typed.collect();
    let apart = typed.iter().position(|word| word == "--config").and_then(|at| typed.get(at + 1)).map(String::as_str);
    let path = apart.or_else(|| typed.iter().find_map(|word| word.strip_prefix("--config=")));
    verb.extend(path.map(|path| format!("--config {}", words::closed::typed(Path::new(path)))));
    verb.join(" ")
}

/// How a command is called.
fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().replace("[OPTIONS]", "[TÙY CHỌN]")
}

/// Written into the template and not over the parser's own: the manual pages make theirs of the options themselves.
fn with_usage(mut command: Command) -> Command {
    let template = TEMPLATE.replace("{usage}", &usage(&mut command));
    command.help_template(template).mut_subcommands(with_usage)
}

/// The whole of it: with the version, which only the program itself has.
pub(super) fn whole(command: Command) -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help("In phiên bản").help_heading(OPTIONS);
    let version = command.get_version().is_some().then_some(version);
    let mut command = in_vietnamese(command.disable_version_flag(true)).args(version);
    // From here on each command knows those that it stands below.
    command.build();
    with_usage(command)
}

/// Reads a line, which begins with the program's name. What cannot be read is told, and help and version are answered: the code to end with.
pub(super) fn read<P: Parser>(words: impl IntoIterator<Item = OsString>) -> Result<P, ExitCode> {
    let words: Vec<_> = words.into_iter().collect();
    let language = super::language(words.iter().any(|word| word == "--english"));
    let mut command = match language {
        Language::English => P::command(),
        Language::Vietnamese => whole(P::command()),
    };
    let read = command.try_get_matches_from_mut(&words).and_then(|matches| P::from_arg_matches(&matches));
    read.map_err(|error| {
        // Help and version are answers, everything else is a mistake.
        let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok };
        let at = understood(&command, words.get(1..).unwrap_or_default());
        match told(&error, at).filter(|_| language == Language::Vietnamese) {
            Some(text) => {
                output::say(&text);
                code
            }
            None => output::printed(error.print(), code),
        }
    })
}

/// The verb that the words begin with, as far as they are one. A verb stands before its options.
fn understood<'c>(command: &'c Command, words: &[OsString]) -> &'c Command {
    let below = words.split_first().and_then(|(word, rest)| Some((command.find_subcommand(word)?, rest)));
    below.map_or(command, |(below, rest)| understood(below, rest))
}

/// What is wrong with the line, and the words that help with the verb it was read `at`; `None` where the parser's own answer is to be printed.
fn told(error: &Error, at: &Command) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty());
    let (argument, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let mut wanted = None;
    let wrong = match error.kind() {
        ErrorKind::InvalidSubcommand => format!("Không có lệnh “{}”.", of(ContextKind::InvalidSubcommand)?),
        ErrorKind::UnknownArgument => {
            let argument = argument?;
            let is_too_early = at.has_subcommands() && argument.starts_with('-');
            wanted = is_too_early.then(|| " Tùy chọn của một lệnh viết sau tên lệnh.".to_owned());
            format!("Không hiểu “{argument}”.")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let argument = argument?;
            wanted = form(at, &argument).map(|form| format!(" Cần: {form}."));
            match value {
                Some(value) => format!("“{value}” không dùng được cho {argument}."),
                None => format!("Thiếu giá trị của {argument}."),
            }
        }
        ErrorKind::TooManyValues => format!("“{}” là thừa.", value?),
        ErrorKind::MissingRequiredArgument => format!("Còn thiếu {}.", argument?),
        ErrorKind::ArgumentConflict => match (argument?, of(ContextKind::PriorArg)) {
            (argument, Some(prior)) if prior != argument => format!("{argument} không đi cùng {prior}."),
            (argument, _) => format!("{argument} chỉ ghi một lần."),
        },
        ErrorKind::MissingSubcommand => "Còn thiếu lệnh.".to_owned(),
        ErrorKind::InvalidUtf8 => "Dòng lệnh có ký tự không đọc được.".to_owned(),
        _ => return None,
    };
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue].into_iter().find_map(of);
    let valid = [ContextKind::ValidValue, ContextKind::ValidSubcommand].into_iter().find_map(of);
    let near = near.map(|near| format!(" Có phải: {near}?")).or_else(|| valid.map(|valid| format!(" Dùng được: {valid}.")));
    let (hint, usage) = (near.or(wanted).unwrap_or_default(), usage(&mut at.clone()));
    let verb = at.get_bin_name().unwrap_or(at.get_name());
    Some(format!("{wrong}{hint}\nCách gọi: {usage}\nXem thêm: {verb} --help"))
}

/// What an argument's value is to look like.
fn form(command: &Command, shown: &str) -> Option<String> {
    let argument = command.get_arguments().find(|argument| argument.to_string() == shown)?;
    let numbers = [TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()].map(|number| (number, NUMBER));
    let kind = argument.get_value_parser().type_id();
    let known = numbers.into_iter().chain([(TypeId::of::<Uuid>(), VISIT_ID)]).find(|(known, _)| kind == *known);
    known.map(|(_, form)| form.to_owned()).or_else(|| argument.get_help().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    /// What is told of a line, and that nothing of it is the parser's own English.
    fn of(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let mut command = command();
        let error = command.try_get_matches_from_mut(&words).unwrap_err();
        let text = told(&error, understood(&command, &words[1..])).unwrap_or_else(|| panic!("{line}: {error}"));
        for english in ["error", "Usage", "tip", "value", "required", "argument", "OPTIONS", "COMMAND", "exists", "invalid"] {
            assert!(!text.contains(english), "{line}: {text}");
        }
        text
    }

    const MISTAKEN: [(&str, &[&str]); 13] = [
        ("bhyt-agent statsu", &["Không có lệnh “statsu”.", "Có phải:", "status", "Cách gọi: bhyt-agent"]),
        ("bhyt-agent statsu --help", &["Không có lệnh “statsu”.", "Xem thêm: bhyt-agent --help"]),
        ("bhyt-agent status --jsn", &["Không hiểu “--jsn”. Có phải: --json?", "Cách gọi: bhyt-agent status [TÙY CHỌN]"]),
        ("bhyt-agent status --jsn --help", &["Không hiểu “--jsn”.", "Xem thêm: bhyt-agent status --help"]),
        ("bhyt-agent --config x status", &["Không hiểu “--config”. Tùy chọn của một lệnh viết sau tên lệnh."]),
        ("bhyt-agent operator --json list", &["“--json”. Tùy chọn của một lệnh viết sau", "Xem thêm: bhyt-agent operator --help"]),
        ("bhyt-agent status --json --english", &["--json không đi cùng --english."]),
        ("bhyt-agent status --json --json", &["--json chỉ ghi một lần."]),
        ("bhyt-agent outbox --limit x", &["“x” không dùng được cho --limit <SỐ>. Cần: một số nguyên"]),
        ("bhyt-agent outbox --limit", &["Thiếu giá trị của --limit <SỐ>."]),
        ("bhyt-agent lookup", &["Còn thiếu <MÃ>.", "Cách gọi: bhyt-agent lookup [TÙY CHỌN] <MÃ>"]),
        (
            "bhyt-agent operator role x head",
            &["“x” không dùng được cho <SỐ>. Cần: một số nguyên", "Xem thêm: bhyt-agent operator role --help"],
        ),
        ("bhyt-agent visit 7", &["“7” không dùng được cho <MÃ>. Cần: mã của lượt, dạng 018f"]),
    ];

    #[test]
    fn a_line_that_cannot_be_read_is_told_in_vietnamese() {
        let further = ("bhyt-agent status further", &["Không hiểu “further”."][..]);
        let pack = ("bhyt-agent rules pack . --valid-from x", &["<NGÀY>. Cần: Ngày đầu tiên bộ này được dùng, ví dụ 2027-01-01."][..]);
        for (line, parts) in MISTAKEN.into_iter().chain([further, pack]) {
            let text = of(line);
            assert!(parts.iter().all(|part| text.contains(part)), "{line}: {text}");
        }
    }

    /// `--help` at the end of the same line led back to the same mistake.
    #[test]
    fn the_line_that_was_advised_for_help_did_not_help() {
        for (line, _) in MISTAKEN {
            let text = of(line);
            let (_, advised) = text.rsplit_once("Xem thêm: ").unwrap();
            let answered = command().try_get_matches_from(advised.split(' ')).unwrap_err();
            assert_eq!(answered.kind(), ErrorKind::DisplayHelp, "{line}: {advised}");
        }
    }

    /// The parser's own words for options, for what holds unless they are given, and a field's name for its value.
    #[test]
    fn help_is_in_vietnamese_all_the_way_down() {
        fn look(command: &mut Command, seen: &mut usize) {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                assert!(help.contains("Cách gọi:") && help.contains("In hướng dẫn này"), "{help}");
                let parsers = ["Usage:", "Options:", "Commands:", "Arguments:", "Print ", "COMMAND", "OPTIONS", "[default", "[possible"];
                for english in parsers {
                    assert!(!help.contains(english), "{english}: {help}");
                }
            }
            for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                let field = argument.get_id().as_str().to_uppercase();
                assert!(argument.get_value_names().is_some_and(|names| names != [field.as_str()]), "{}: {field}", command.get_name());
            }
            *seen += 1;
            command.get_subcommands_mut().for_each(|below| look(below, seen));
        }
        let (mut all, mut seen) = (command(), 0);
        look(&mut all, &mut seen);
        assert!(seen > 40, "{seen}");
        let help = all.find_subcommand_mut("outbox").unwrap().render_help().to_string();
        for part in ["bhyt-agent outbox [TÙY CHỌN]", "Nhiều nhất bấy nhiêu lượt; mặc định 100"] {
            assert!(help.contains(part), "{help}");
        }
    }

    /// What is advised to whoever has to be another account: in a message, whoever is typed about stands nowhere.
    #[test]
    fn a_verb_is_repeated_without_what_may_be_a_persons() {
        for (line, told) in [
            ("status --json", "status"),
            ("operator list --config /x/y.toml", "operator list --config /x/y.toml"),
            ("quarantine list --config=/x/y.toml", "quarantine list --config /x/y.toml"),
            ("check-in GD4797912345678 --english", "check-in …"),
            ("operator add Nguyễn --role head", "operator add …"),
            ("person export 079123456789", "person export …"),
            ("backup --to /media/usb", "backup"),
            ("", "…"),
        ] {
            assert_eq!(verb_of(line.split(' ').map(str::to_owned)), told, "{line}");
        }
    }
}
