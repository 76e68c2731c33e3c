//! `bhyt-agent serve`: the daemon.

use core::time::Duration;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::AppError;
use crate::app::reload::Source;
use crate::cli::output;
use crate::cli::output::Form;
use crate::desk::messages::Language;
use crate::desk::words;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::config::reload::Known;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging;
use crate::ops::signal;

/// Two threads are enough for a desk and its page; every blocking call has threads of its own.
const THREADS: usize = 2;
/// What still blocks after everything is closed is left behind.
const LEAVE_BEHIND: Duration = Duration::from_secs(2);

pub(super) fn run(path: &Path) -> ExitCode {
    if let Err(error) = logging::start() {
        output::say(&logging::Chain(&error).to_string());
        return ExitCode::Config;
    }
    // Before it is read: what changes meanwhile is noticed.
    let known = Known::of(path);
    let config = match output::config(path, Form::Text(Language::default())) {
        Ok(config) => config,
        Err(code) => return code,
    };
    for warning in config.keys.warnings() {
        tracing::warn!(name: "config.keys-open", %warning, "a key file is open to others");
    }
    let runtime = match Builder::new_multi_thread().worker_threads(THREADS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&error.to_string());
            return ExitCode::Software;
        }
    };
    let code = runtime.block_on(serve(config, path, known));
    runtime.shutdown_timeout(LEAVE_BEHIND);
    code
}

async fn serve(config: Config, path: &Path, known: Known) -> ExitCode {
    let stop = CancellationToken::new();
    let hangups = match signal::cancel_on_signal(stop.clone()).and_then(|()| signal::hangups()) {
        Ok(hangups) => hangups,
        Err(error) => {
            output::say(&error.to_string());
            return ExitCode::Software;
        }
    };
    let source = Source { path: path.to_owned(), known, hangups: Some(hangups) };
    let outcome = match App::start(config, Arc::new(SystemClock::new())).await {
        Ok(app) => app.configured_by(source).run(stop).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::Ok,
        Err(AppError::Storage(error)) => output::storage_error(&error, Language::default()),
        Err(AppError::ControlSocket { path, source }) if source.kind() == ErrorKind::AlreadyExists => {
            output::say(&format!(
                "control-socket: {} là một tệp khác, không phải socket. Không động đến tệp; chọn đường dẫn khác.",
                path.display()
            ));
            ExitCode::Config
        }
        Err(AppError::Listen { address, source }) => {
            output::say(&words::service::cannot_listen(address, &source).vi);
            ExitCode::Unavailable
        }
        Err(AppError::ControlSocket { path, source }) => {
            output::say(&words::service::cannot_make_socket(&path, &source).vi);
            ExitCode::Unavailable
        }
        Err(AppError::HandedOver { given, wanted }) => {
            output::say(&format!(
                "bhyt-agent-page.socket mở {given}, còn cấu hình ghi page.listen = \"{wanted}\". Sửa cho giống nhau: systemctl edit --full \
                 bhyt-agent-page.socket, hoặc tắt hẳn: systemctl disable --now bhyt-agent-page.socket."
            ));
            ExitCode::Config
        }
        Err(AppError::Tls(error)) => {
            output::say(&format!(
                "Không làm được chứng thư cho các bàn khác: tệp desks-ca trong keys-dir không dùng được. Chép lại từ bản sao lưu, hoặc xóa cả hai tệp \
                 (khi đó các bàn phải tin chứng thư mới). ({})",
                logging::Chain(&error)
            ));
            ExitCode::Config
        }
        Err(error @ AppError::Unsealed(_)) => {
            // Told as it was found; the next start tries again.
            output::say(&logging::Chain(&error).to_string());
            ExitCode::TempFail
        }
        Err(error @ (AppError::TaskEnded(_) | AppError::NoCategory | AppError::Rules(_))) => {
            tracing::error!(name: "service.ended", error = &error as &dyn std::error::Error, "ended");
            ExitCode::Software
        }
    }
}
