//! The verbs about the rules that verdicts follow: a signed set brought here, the way back, what is in force, and what a publisher signs.
//!
//! Promise: the set in force changes whole or not at all, whenever the power goes; a refusal says what is wrong with the file and that the old set stays.
//! The running service goes on with the set it began with until it is restarted or reloaded, and this is said; a set that waits for its first day begins by
//! itself when that has come. Never: a set in use that was not signed by a key of `rules-keys`.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;
use tokio::runtime::Builder;

use super::UsualArguments;
use super::output;
use super::output::Behind;
use super::output::Form;
use crate::app::next_rules as next_of;
use crate::control::client;
use crate::control::contract;
use crate::control::contract::ErrorBody;
use crate::control::contract::Request;
use crate::desk::words::Sentence;
use crate::domain::clock::TimeKeeper;
use crate::domain::rules::RulesOrigin;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::ops::rules::RulesError;
use crate::ops::rules::bundle::Bundle;
use crate::ops::rules::bundle::BundleError;
use crate::ops::rules::bundle::LONGEST;
use crate::ops::rules::shelf::Chosen;
use crate::ops::rules::shelf::Installed;
use crate::ops::rules::shelf::PassedOver;
use crate::ops::rules::shelf::ShelfError;
use crate::ops::rules::shelf::Why;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Cài bộ quy tắc từ tệp đã ký; dấu - là đọc từ đầu vào chuẩn. Cài lại cùng một tệp thì không thay đổi gì.
    Install {
        /// Tệp.
        #[arg(value_name = "TỆP")]
        file: PathBuf,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Quay lại bộ trước bộ đang dùng.
    Rollback {
        /// Quay lại bộ có sẵn trong chương trình.
        #[arg(long)]
        builtin: bool,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Bộ đang dùng, và các bộ mới hơn chưa dùng với lý do.
    Show {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Dành cho nơi phát hành: kiểm tra một thư mục quy tắc và in ra văn bản để ký bằng minisign.
    Pack {
        /// Thư mục, như config/rules.
        #[arg(value_name = "THƯ MỤC")]
        dir: PathBuf,
        /// Ngày đầu tiên bộ này được dùng, ví dụ 2027-01-01.
        #[arg(long, value_name = "NGÀY")]
        valid_from: NaiveDate,
    },
}

pub(super) fn run(verb: Verb) -> ExitCode {
    match verb {
        Verb::Install { file, usual } => with_config(&usual, |config, form| install(config, &file, form)),
        Verb::Rollback { builtin, usual } => with_config(&usual, |config, form| go_back(config, builtin, form)),
        Verb::Show { usual } => with_config(&usual, show),
        Verb::Pack { dir, valid_from } => pack(&dir, valid_from),
    }
}

fn with_config(usual: &UsualArguments, act: impl FnOnce(&Config, Form) -> ExitCode) -> ExitCode {
    match output::config(usual.config(), usual.form()) {
        Ok(config) => act(&config, usual.form()),
        Err(code) => code,
    }
}

fn time() -> TimeKeeper {
    TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT)
}

fn sentence(vi: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence { vi: vi.into(), en: en.into() }
}

fn install(config: &Config, file: &Path, form: Form) -> ExitCode {
    if config.rules.origin == RulesOrigin::Folder {
        return refuse("rules_dir", stays(&of_folder()), form, ExitCode::Config);
    }
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let said = sentence(format!("Không đọc được tệp ({error})."), format!("The file cannot be read ({error})."));
            return refuse("file", stays(&said), form, ExitCode::Io);
        }
    };
    let today = time().now().day();
    match config.shelf().install(&bytes, today, |tables| config.is_fitted_by(tables, today)) {
        Ok(installed) => {
            let said = match installed {
                Installed::New(version) => sentence(format!("Đã cài bộ quy tắc {version}."), format!("Rules {version} are installed.")),
                Installed::Already(version) => {
                    sentence(format!("Bộ quy tắc {version} đã cài từ trước."), format!("Rules {version} were installed before."))
                }
                Installed::OfProgram(version) => sentence(
                    format!("Bộ quy tắc {version} có sẵn trong chương trình, giống hệt tệp này."),
                    format!("Rules {version} are built in, and the same as in this file."),
                ),
            };
            standing(config, config.rules_on(today), Some(said), form)
        }
        Err(error) => refused(&error, form),
    }
}

fn go_back(config: &Config, to_builtin: bool, form: Form) -> ExitCode {
    if config.rules.origin == RulesOrigin::Folder {
        return refuse("rules_dir", stays(&of_folder()), form, ExitCode::Config);
    }
    let today = time().now().day();
    match config.shelf().go_back(to_builtin, today, |tables| config.is_fitted_by(tables, today)) {
        Ok(chosen) => standing(config, Ok(chosen), Some(sentence("Đã quay lại.", "Gone back.")), form),
        Err(error) => refused(&error, form),
    }
}

fn show(config: &Config, form: Form) -> ExitCode {
    standing(config, config.rules_on(time().now().day()), None, form)
}

/// What is in force now, what is not, and whether the running service knows.
fn standing(config: &Config, chosen: Result<Chosen, RulesError>, said: Option<Sentence>, form: Form) -> ExitCode {
    let is_done = said.is_some();
    let Chosen { tables, passed_over } = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return refuse("rules", sentence(error.to_string(), error.to_string()), form, ExitCode::Software),
    };
    let running = of_service(config);
    let needs_reload = running.as_deref().is_some_and(|running| *running != *tables.version);
    let mut value = contract::with_rules(json!({}), &tables, next_of(&passed_over).as_ref())["rules"].take();
    value["running"] = json!(running);
    value["needs_reload"] = needs_reload.into();
    value["passed_over"] =
        passed_over.iter().map(|passed| json!({ "version": passed.version.to_string(), "why": why(&passed.why).0 })).collect();
    let mut lines = Vec::from_iter(said);
    lines.push(match tables.origin {
        RulesOrigin::Builtin => sentence(
            format!("Đang dùng: {}, có sẵn trong chương trình.", tables.version),
            format!("In force: {}, built in.", tables.version),
        ),
        RulesOrigin::Folder => {
            sentence(format!("Đang dùng: {}, của rules-dir.", tables.version), format!("In force: {}, of rules-dir.", tables.version))
        }
        RulesOrigin::Installed { valid_from, .. } => sentence(
            format!("Đang dùng: {}, cài từ tệp đã ký, từ ngày {valid_from}.", tables.version),
            format!("In force: {}, installed from a signed file, from {valid_from}.", tables.version),
        ),
    });
    lines.extend(passed_over.iter().map(|PassedOver { version, why: reason }| {
        let (_, said) = why(reason);
        sentence(format!("Chưa dùng: {version}: {}", said.vi), format!("Not in force: {version}: {}", said.en))
    }));
    if let Some(running) = running.filter(|_| needs_reload) {
        lines.push(sentence(
            format!("Dịch vụ đang chạy với {running}; để dùng bộ mới hãy chạy: systemctl reload-or-restart bhyt-agent"),
            format!("The service runs with {running}; to take the new set run: systemctl reload-or-restart bhyt-agent"),
        ));
    }
    let behind = if is_done { Behind::Deed } else { Behind::Nothing };
    form.value_of(behind, &value, |_| output::lines(lines))
}

/// The version that the running service goes by, if one runs and says so.
fn of_service(config: &Config) -> Option<String> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let status: Value = runtime.block_on(client::ask(&config.control_socket, &Request::Status)).ok()?;
    status["rules"]["version"].as_str().map(str::to_owned)
}

fn why(why: &Why) -> (&'static str, Sentence) {
    match why {
        Why::Early(first) => (
            "early",
            sentence(
                format!("tự dùng từ ngày {first}, không phải làm gì thêm."),
                format!("begins by itself on {first}; nothing else has to be done."),
            ),
        ),
        Why::WentBack => (
            "went_back",
            sentence("đã quay lại bộ trước; muốn dùng thì cài lại tệp.", "somebody went back from it; install the file again to use it."),
        ),
        Why::Unusable(reason) => (
            "unusable",
            sentence(
                format!("không dùng được ({reason}); hãy cài lại tệp."),
                format!("cannot be used ({reason}); install the file again."),
            ),
        ),
        Why::Unfitting => ("unfitting", sentence("không có gì cho loại cơ sở của trạm.", "has nothing for what this station is.")),
    }
}

fn of_folder() -> Sentence {
    sentence(
        "rules-dir đang được đặt nên bộ quy tắc lấy từ thư mục đó. Bỏ rules-dir khỏi tệp cấu hình rồi chạy lại lệnh này.",
        "rules-dir is set, so the rules come from that folder. Take rules-dir out of the configuration, then run this again.",
    )
}

fn stays(said: &Sentence) -> Sentence {
    sentence(format!("{} Bộ quy tắc đang dùng giữ nguyên.", said.vi), format!("{} The rules in force stay.", said.en))
}

fn refused(error: &ShelfError, form: Form) -> ExitCode {
    let found = Chain(error).to_string();
    let (code, exit, said) = match error {
        ShelfError::Bundle(error) => of_bundle(error),
        ShelfError::Older { found, held } => (
            "older",
            ExitCode::Data,
            sentence(
                format!("Tệp là bộ {found}, cũ hơn bộ {held} đã có. Hãy xin tệp mới nhất."),
                format!("The file holds {found}, older than {held}, which is here. Ask for the newest file."),
            ),
        ),
        ShelfError::OtherOfSameVersion(version) => (
            "other_of_same_version",
            ExitCode::Data,
            sentence(
                format!("Đã có một bộ khác cùng số {version}. Nơi phát hành phải ra số mới."),
                format!("Another set of the same version {version} is here. The publisher has to give it a new version."),
            ),
        ),
        ShelfError::Unfitting => (
            "unfitting",
            ExitCode::Data,
            sentence(
                "Bộ này không có mã đối tượng đến khám cho loại cơ sở của trạm (facility-class). Hãy báo nơi phát hành.",
                "The set has no attendance category for what this station is (facility-class). Tell the publisher.",
            ),
        ),
        ShelfError::NothingEarlier => {
            ("nothing_earlier", ExitCode::Data, sentence("Không có bộ nào trước đó.", "There is no earlier set."))
        }
        ShelfError::OtherOwner(_) => (
            "other_owner",
            ExitCode::NoPermission,
            sentence(
                "Hãy chạy bằng tài khoản của dịch vụ: sudo -u bhyt-agent bhyt-agent rules install TỆP",
                "Run it as the service's user: sudo -u bhyt-agent bhyt-agent rules install FILE",
            ),
        ),
        ShelfError::InUse => (
            "in_use",
            ExitCode::TempFail,
            sentence("Một lệnh khác đang đổi bộ quy tắc. Hãy chạy lại.", "Another command changes the rules. Run it again."),
        ),
        ShelfError::Builtin(_) => (
            "rules",
            ExitCode::Software,
            sentence(format!("Bộ có sẵn hỏng ({found})."), format!("The built-in set is not whole ({found}).")),
        ),
        ShelfError::File { source, .. } => {
            let exit = if source.kind() == io::ErrorKind::PermissionDenied { ExitCode::NoPermission } else { ExitCode::CannotCreate };
            (
                "file",
                exit,
                sentence(format!("Không ghi được vào thư mục dữ liệu ({found})."), format!("The data folder cannot be written ({found}).")),
            )
        }
    };
    refuse(code, stays(&said), form, exit)
}

fn of_bundle(error: &BundleError) -> (&'static str, ExitCode, Sentence) {
    match error {
        BundleError::NoKeys => (
            "no_keys",
            ExitCode::Config,
            sentence(
                "Tệp cấu hình chưa có rules-keys (khóa công khai của nơi phát hành).",
                "The configuration has no rules-keys (the public key of the publisher).",
            ),
        ),
        BundleError::Stranger => (
            "stranger",
            ExitCode::NoPermission,
            sentence("Tệp ký bằng khóa không có trong rules-keys.", "The file is signed by a key that is not in rules-keys."),
        ),
        BundleError::Altered => (
            "altered",
            ExitCode::NoPermission,
            sentence(
                "Tệp đã bị sửa hoặc chép thiếu sau khi ký. Hãy chép lại.",
                "The file was altered or cut off after it was signed. Copy it again.",
            ),
        ),
        BundleError::TooLong | BundleError::NoSignature => (
            "not_a_set",
            ExitCode::Data,
            sentence(format!("Đây không phải tệp quy tắc đã ký ({error})."), format!("This is no signed file of rules ({error}).")),
        ),
        BundleError::Form(_) | BundleError::Tables(_) => (
            "unreadable",
            ExitCode::Data,
            sentence(
                format!("Chữ ký đúng nhưng chương trình này không đọc được bộ quy tắc; hãy báo nơi phát hành:\n{error}\n"),
                format!("The signature is right, but this program cannot read the set; tell the publisher:\n{error}\n"),
            ),
        ),
    }
}

fn refuse(code: &str, said: Sentence, form: Form, exit: ExitCode) -> ExitCode {
    form.refuse(&ErrorBody::said(code, said), exit)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().take(LONGEST + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn pack(dir: &Path, valid_from: NaiveDate) -> ExitCode {
    match Bundle::text_of(dir, valid_from, time().now().at) {
        Ok(text) => output::answer(text.trim_end()),
        Err(error) => {
            output::say(&error.to_string());
            ExitCode::Data
        }
    }
}
