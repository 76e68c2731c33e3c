//! The command line: one file per verb, one way to print.
//!
//! Promise: `--json` prints the contract and nothing else on standard output; messages for people go to standard error, in Vietnamese or as `--english` asks; the
//! exit code says what a script may do ([`ExitCode`]). Never: a verb that changes the running daemon's files behind its back.

mod account;
mod ask;
mod check_config;
mod desks;
mod doctor;
mod errand;
mod grammar;
mod init;
mod keeping;
mod lists;
mod operator;
mod output;
mod person;
mod reach;
mod refused;
mod restore;
mod rules;
mod scan;
mod serve;
mod setup;
mod state;
mod support_bundle;
mod terminal;
mod visit;

use std::env;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

use crate::desk::messages::Language;
use crate::ops::exit_code::ExitCode;
use crate::ops::panics;

use self::output::Form;

/// Tra thẻ BHYT tại quầy trạm y tế, kể cả khi mất mạng.
#[derive(Debug, Parser)]
#[command(name = "bhyt-agent", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// The part of `setup` that the service's account does: no verb of anybody's, so that neither manual pages nor completions tell of it.
#[derive(Debug, Parser)]
#[command(name = setup::REST)]
struct Rest {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    english: EnglishArgument,
    /// The last part: what `doctor` says, and whether anything is broken.
    #[arg(long)]
    examine: bool,
    /// With that: the service was not to be started.
    #[arg(long, requires = "examine")]
    unstarted: bool,
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigArgument {
    /// Tệp cấu hình.
    #[arg(long, value_name = "TỆP", default_value = "/etc/bhyt-agent/bhyt-agent.toml")]
    config: PathBuf,
}

/// The language of a verb that has no JSON.
#[derive(Clone, Copy, Debug, Args)]
struct EnglishArgument {
    /// In tiếng Anh.
    #[arg(long)]
    english: bool,
}

impl EnglishArgument {
    fn language(self) -> Language {
        language(self.english)
    }
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Args)]
struct FormArguments {
    /// In JSON cho chương trình đọc.
    #[arg(long)]
    json: bool,
    /// In tiếng Anh.
    #[arg(long, conflicts_with = "json")]
    english: bool,
}

impl FormArguments {
    fn form(self) -> Form {
        Form::of(self.json, language(self.english))
    }
}

/// What nearly every verb takes.
#[derive(Debug, Args)]
struct UsualArguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    form: FormArguments,
}

impl UsualArguments {
    fn config(&self) -> &Path {
        &self.config.config
    }

    fn form(&self) -> Form {
        self.form.form()
    }
}

#[derive(Debug, Args)]
struct TextArgument {
    /// Mã quét hoặc số gõ; dấu - là đọc từ đầu vào chuẩn (số không hiện trong danh sách tiến trình).
    #[arg(value_name = "MÃ", allow_hyphen_values = true)]
    text: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Tạo khóa của trạm; với --code thì đăng ký với tỉnh.
    Init {
        #[command(flatten)]
        config: ConfigArgument,
        /// Mã đăng ký một lần do tỉnh cấp; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "MÃ")]
        code: Option<String>,
        #[command(flatten)]
        english: EnglishArgument,
    },
    /// Cài đặt lần đầu: hỏi năm câu (hoặc đọc --answers, `BHYT_SETUP_`...), tạo khóa, đăng ký, thêm trưởng trạm, rồi chạy doctor. Chạy lại được sau mọi
    /// lỗi: làm tiếp chỗ còn dở. Chạy bằng root. Mã thoát: 0 đã làm xong mọi việc được giao (với --no-start, hoặc máy không có systemd, thì dịch vụ chưa chạy không
    /// phải là lỗi); 64 thiếu câu trả lời; 65 câu trả lời sai; 75 bị ngắt; mã khác như của doctor.
    Setup {
        #[command(flatten)]
        config: ConfigArgument,
        /// Tệp trả lời (TOML): facility, station-name, province-url, province-ca-file, enrolment-code-file, head-name, head-pin-file. Mã và PIN chỉ bằng
        /// đường dẫn tệp, hoặc - là một dòng của đầu vào chuẩn.
        #[arg(long, value_name = "TỆP")]
        answers: Option<PathBuf>,
        /// Không bật và khởi động dịch vụ.
        #[arg(long)]
        no_start: bool,
        #[command(flatten)]
        english: EnglishArgument,
    },
    /// Chạy dịch vụ.
    Serve {
        #[command(flatten)]
        config: ConfigArgument,
        /// Không chạy dịch vụ, chỉ hiện trang nói vì sao dịch vụ không chạy được, cho đến khi sửa xong.
        #[arg(long)]
        refused: bool,
    },
    /// Kiểm tra tệp cấu hình, in mọi lỗi một lần.
    CheckConfig {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(flatten)]
        english: EnglishArgument,
    },
    /// Khám toàn bộ trạm: mỗi dòng một mục, có bằng chứng và lệnh tiếp theo. Mã thoát: 0 tốt; 75 có điều cần xem; 69 dịch vụ hoặc tỉnh không trả lời;
    /// 78 cần người sửa; 77 quyền; 73 hết chỗ; 74 ổ đĩa hoặc tệp dữ liệu hỏng.
    Doctor {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đọc một mã quét mà không tra.
    Scan {
        #[command(flatten)]
        text: TextArgument,
        #[command(flatten)]
        form: FormArguments,
    },
    /// Tra thẻ, không lưu lượt. Gõ họ tên và năm sinh thì in những người khớp.
    Lookup {
        #[command(flatten)]
        text: TextArgument,
        /// Nếu máy đang hỏi tỉnh về người này thì chờ trả lời, nhiều nhất 10 giây.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Tra thẻ và lưu lượt khám.
    CheckIn {
        #[command(flatten)]
        text: TextArgument,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Tình trạng: dữ liệu, lượt chưa gửi, kết nối.
    Status {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Số đo cho chương trình giám sát (dạng văn bản của Prometheus).
    Metrics {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Gom mọi thứ người hỗ trợ cần vào một tệp, không có dữ liệu cá nhân.
    SupportBundle {
        /// Tệp mới (.tar.zst); không bao giờ ghi đè tệp đã có.
        #[arg(value_name = "TỆP")]
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArgument,
        #[command(flatten)]
        english: EnglishArgument,
    },
    /// Đồng bộ ngay và chờ kết quả.
    SyncNow {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Cho máy này (hoặc máy thay thế) khóa và chứng thư mới của trạm bằng mã đăng ký của tỉnh.
    ReplaceThisMachine {
        #[command(flatten)]
        usual: UsualArguments,
        /// Mã đăng ký một lần do tỉnh cấp; dấu - là đọc từ đầu vào chuẩn.
        #[arg(long, value_name = "MÃ")]
        code: String,
    },
    /// Chép các lượt chưa gửi ra USB để mang lên tỉnh.
    CarryOut {
        /// Thư mục của USB.
        #[arg(value_name = "THƯ MỤC")]
        dir: PathBuf,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Lấy danh sách thẻ và biên nhận của tỉnh từ USB.
    CarryIn {
        /// Thư mục của USB.
        #[arg(value_name = "THƯ MỤC")]
        dir: PathBuf,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Sao lưu các lượt khám ngay vào thư mục trong cấu hình, hoặc vào thư mục khác.
    Backup {
        /// Thư mục khác, ví dụ của USB.
        #[arg(long, value_name = "THƯ MỤC")]
        to: Option<PathBuf>,
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Đồng ý dùng bản danh sách thẻ bị giữ lại vì bỏ quá nhiều người.
    AcceptRoster {
        #[command(flatten)]
        usual: UsualArguments,
    },
    /// Các lượt chưa tới tỉnh.
    Outbox {
        #[command(flatten)]
        usual: UsualArguments,
        /// Nhiều nhất bấy nhiêu lượt.
        #[arg(long, value_name = "SỐ", default_value_t = 100)]
        limit: usize,
    },
    /// Tài khoản của người trực: thêm, liệt kê, đặt mã PIN, đổi vai trò, đóng.
    Operator {
        #[command(subcommand)]
        verb: operator::Verb,
    },
    #[command(flatten)]
    OfLog(operator::LogVerb),
    /// Các bàn khác của trạm: xem danh sách, ngắt một bàn.
    #[command(subcommand)]
    Desks(desks::Verb),
    /// Bảng quy tắc: cài bộ đã ký, quay lại bộ trước, xem bộ đang dùng.
    #[command(subcommand)]
    Rules(rules::Verb),
    #[command(flatten)]
    OfVisit(visit::Verb),
    #[command(flatten)]
    OfRecovery(restore::Verb),
    #[command(flatten)]
    OfFiles(keeping::Verb),
    /// Dữ liệu của một người theo yêu cầu của chính người đó: trao một bản, hoặc xóa.
    #[command(subcommand)]
    Person(person::Verb),
    #[command(flatten)]
    OfRoster(lists::Verb),
}

/// The command line as a whole, for whatever describes it: manual pages, completions.
pub fn command() -> clap::Command {
    grammar::whole(Arguments::command())
}

fn language(in_english: bool) -> Language {
    if in_english { Language::English } else { Language::Vietnamese }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    panics::install();
    // Whatever is made from here on is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    if env::args_os().nth(1).is_some_and(|verb| verb == setup::REST) {
        return match grammar::read(env::args_os().skip(1)) {
            Ok(Rest { config, english, examine: true, unstarted }) => doctor::after_setup(&config.config, english.language(), !unstarted),
            Ok(Rest { config, english, .. }) => setup::run_rest(&config.config, english.language()),
            Err(code) => code,
        };
    }
    let verb = match grammar::read(env::args_os()) {
        Ok(Arguments { verb }) => verb,
        Err(code) => return code,
    };
    match verb {
        Verb::Init { config, code, english } => init::run(&config.config, code.as_deref(), english.language()),
        Verb::Setup { config, answers, no_start, english } => setup::run(&setup::Setup {
            path: &config.config,
            answers: answers.as_deref(),
            may_start: !no_start,
            language: english.language(),
        }),
        Verb::Serve { config, refused: true } => refused::run(&config.config),
        Verb::Serve { config, refused: false } => serve::run(&config.config),
        Verb::CheckConfig { config, english } => check_config::run(&config.config, english.language()),
        Verb::Doctor { usual } => doctor::run(usual.config(), usual.form()),
        Verb::Scan { text, form } => scan::run(&text.text, form.form()),
        Verb::Lookup { text, wait, usual } => ask::lookup(usual.config(), &text.text, wait, usual.form()),
        Verb::CheckIn { text, usual } => ask::check_in(usual.config(), &text.text, usual.form()),
        Verb::Status { usual } => ask::status(usual.config(), usual.form()),
        Verb::Metrics { usual } => ask::metrics(usual.config(), usual.form()),
        Verb::SupportBundle { file, config, english } => support_bundle::run(&config.config, &file, english.language()),
        Verb::SyncNow { usual } => ask::sync_now(usual.config(), usual.form()),
        Verb::ReplaceThisMachine { usual, code } => errand::replace(usual.config(), &code, usual.form()),
        Verb::CarryOut { dir, usual } => errand::carry_out(usual.config(), &dir, usual.form()),
        Verb::CarryIn { dir, usual } => errand::carry_in(usual.config(), &dir, usual.form()),
        Verb::Backup { to, usual } => errand::back_up(usual.config(), to.as_deref(), usual.form()),
        Verb::AcceptRoster { usual } => errand::accept_roster(usual.config(), usual.form()),
        Verb::Outbox { usual, limit } => ask::outbox(usual.config(), limit, usual.form()),
        Verb::Operator { verb } => operator::run(verb),
        Verb::OfLog(verb) => operator::run_log(verb),
        Verb::Desks(verb) => desks::run(&verb),
        Verb::Rules(verb) => rules::run(verb),
        Verb::OfVisit(verb) => visit::run(verb),
        Verb::Person(verb) => person::run(&verb),
        Verb::OfFiles(verb) => keeping::run(verb),
        Verb::OfRecovery(verb) => restore::run(verb),
        Verb::OfRoster(verb) => lists::run(verb),
    }
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod advice_tests;
