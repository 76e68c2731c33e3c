//! What is said about a line that cannot be read, and the words around a verb's help.
//!
//! Promise: what of the line is wrong, what comes near to it and how the verb is called, in Vietnamese; with `--english` in the words of the parser. Never: on
//! standard output, which a program may read.

use std::env;

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use clap::Error;
use clap::Parser;
use clap::error::ContextKind;
use clap::error::ErrorKind;

use super::output;
use crate::desk::messages::Language;
use crate::ops::exit_code::ExitCode;

const TEMPLATE: &str = "{before-help}{about-with-newline}\nCách gọi: {usage}\n\n{all-args}{after-help}";
const POSITIONAL: &str = "Tham số";
const OPTIONS: &str = "Tùy chọn";

/// A command and those below it, with Vietnamese around what they say of themselves.
fn in_vietnamese(command: Command) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("In hướng dẫn này").help_heading(OPTIONS);
    let with_heading = |argument: Arg| {
        let heading = if argument.is_positional() { POSITIONAL } else { OPTIONS };
        argument.help_heading(heading)
    };
    command
        .help_template(TEMPLATE)
        .subcommand_help_heading("Lệnh")
        .subcommand_value_name("LỆNH")
        .disable_help_flag(true)
        .mut_args(with_heading)
        .arg(help)
        .mut_subcommands(in_vietnamese)
}

/// The whole of it: with the version, which only the program itself has.
pub(super) fn whole(command: Command) -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help("In phiên bản").help_heading(OPTIONS);
    in_vietnamese(command.disable_version_flag(true)).arg(version)
}

/// Reads the line of this process. What cannot be read is told, and help and version are answered: the code to end with.
pub(super) fn read<P: Parser>() -> Result<P, ExitCode> {
    let language = super::language(env::args_os().any(|word| word == "--english"));
    let command = match language {
        Language::English => P::command(),
        Language::Vietnamese => whole(P::command()),
    };
    let read = command.try_get_matches().and_then(|matches| P::from_arg_matches(&matches));
    read.map_err(|error| misread(&error, language))
}

/// Help and version are answers, everything else is a mistake.
pub(super) fn misread(error: &Error, language: Language) -> ExitCode {
    let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Ok };
    match told(error) {
        Some(text) if language == Language::Vietnamese => {
            output::say(&text);
            code
        }
        _ => error.print().map_or(ExitCode::Io, |()| code),
    }
}

/// What is wrong with the line; `None` where the parser's own answer is to be printed.
fn told(error: &Error) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty());
    let (argument, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let wrong = match error.kind() {
        ErrorKind::InvalidSubcommand => format!("Không có lệnh “{}”.", of(ContextKind::InvalidSubcommand)?),
        ErrorKind::UnknownArgument => format!("Không hiểu “{}”.", argument?),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match value {
            Some(value) => format!("“{value}” không dùng được cho {}.", argument?),
            None => format!("Thiếu giá trị của {}.", argument?),
        },
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
    let usage = of(ContextKind::Usage).map(|usage| format!("\nCách gọi: {}", usage.trim_start_matches("Usage:").trim()));
    Some(format!("{wrong}{}{}\nXem thêm: gõ --help ở cuối lệnh.", near.unwrap_or_default(), usage.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    /// What is told of a line, and that nothing of it is the parser's own English.
    fn of(line: &str) -> String {
        let error = command().try_get_matches_from(line.split(' ')).unwrap_err();
        let text = told(&error).unwrap_or_else(|| panic!("{line}: {error}"));
        for english in ["error", "Usage", "tip", "value", "required", "argument"] {
            assert!(!text.contains(english), "{line}: {text}");
        }
        text
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_in_vietnamese() {
        for (line, parts) in [
            ("bhyt-agent statsu", &["Không có lệnh “statsu”.", "Có phải:", "status", "Cách gọi: bhyt-agent"][..]),
            ("bhyt-agent status --jsn", &["Không hiểu “--jsn”. Có phải: --json?", "Cách gọi: bhyt-agent status"]),
            ("bhyt-agent status --json --english", &["--json không đi cùng --english."]),
            ("bhyt-agent status --json --json", &["--json chỉ ghi một lần."]),
            ("bhyt-agent outbox --limit x", &["“x” không dùng được cho --limit <SỐ>."]),
            ("bhyt-agent outbox --limit", &["Thiếu giá trị của --limit <SỐ>."]),
            ("bhyt-agent lookup", &["Còn thiếu <MÃ>.", "Cách gọi: bhyt-agent lookup <MÃ>", "--help"]),
            ("bhyt-agent operator role x head", &["“x” không dùng được cho <"]),
            ("bhyt-agent status further", &["Không hiểu “further”."]),
        ] {
            let text = of(line);
            assert!(parts.iter().all(|part| text.contains(part)), "{line}: {text}");
        }
    }

    #[test]
    fn help_is_in_vietnamese_all_the_way_down() {
        fn look(command: &mut Command, seen: &mut usize) {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                assert!(help.contains("Cách gọi:") && help.contains("In hướng dẫn này"), "{help}");
                for english in ["Usage:", "Options:", "Commands:", "Arguments:", "Print ", "<COMMAND>"] {
                    assert!(!help.contains(english), "{english}: {help}");
                }
            }
            *seen += 1;
            command.get_subcommands_mut().for_each(|below| look(below, seen));
        }
        let (mut all, mut seen) = (command(), 0);
        all.build();
        look(&mut all, &mut seen);
        assert!(seen > 40, "{seen}");
    }
}
