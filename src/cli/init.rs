//! `bhyt-agent init`: makes the station's keys, and with a code enrols it at the province.
//!
//! Promise: a key that is there stays; what is made is readable by its owner only and flushed before it is spoken of; the certificate and the index's key
//! take their places only together with a successful enrolment. Never: a key or code on standard output.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Builder;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app;
use crate::cli::output;
use crate::desk::words;
use crate::domain::clock::TimeKeeper;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging::Chain;
use crate::storage;
use crate::storage::folder;
use crate::storage::folder::DataFolder;
use crate::storage::key;
use crate::storage::key::DatabaseKey;
use crate::storage::open;
use crate::storage::visits::VisitStore;
use crate::sync::status::Trouble;
use crate::upstream;
use crate::upstream::province::enrol;
use crate::upstream::province::enrol::Enrolment;
use crate::upstream::province::enrol::StationKeys;

/// Characters of a one-time code.
const CODE_LENGTH: usize = 8;
/// Longest code read from standard input.
const LONGEST_CODE: u64 = 100;

pub(super) fn run(path: &Path, code: Option<&str>) -> ExitCode {
    let config = match output::config(path, false) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return ExitCode::Software };
    match runtime.block_on(init(&config, code)) {
        Ok(()) => ExitCode::Ok,
        Err(InitError::Storage(error)) => output::storage_error(&error),
        Err(InitError::Province(error)) => {
            output::say(&format!("CHƯA ĐĂNG KÝ: {}\n({})", refusal(&error), Chain(&error)));
            match error {
                upstream::Error::Refused(_) => ExitCode::NoPermission,
                upstream::Error::Keys(_) => ExitCode::Config,
                _ => ExitCode::Unavailable,
            }
        }
        Err(InitError::NoProvince) => {
            output::say("CHƯA ĐĂNG KÝ: cấu hình chưa có mục [province] với url và ca-file.");
            ExitCode::Config
        }
        Err(InitError::Code) => {
            output::say("CHƯA ĐĂNG KÝ: mã đăng ký phải có 8 chữ cái và số. Kiểm tra và gõ lại.");
            ExitCode::Data
        }
    }
}

enum InitError {
    Storage(storage::Error),
    Province(upstream::Error),
    NoProvince,
    Code,
}

impl From<storage::Error> for InitError {
    fn from(error: storage::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<upstream::Error> for InitError {
    fn from(error: upstream::Error) -> Self {
        Self::Province(error)
    }
}

async fn init(config: &Config, code: Option<&str>) -> Result<(), InitError> {
    // Before anything is made: the wrong user, or a key that was lost, must leave nothing behind.
    DataFolder::may_be_begun(&config.data_dir, &config.keys.database_key())?;
    folder::create_private(config.keys.dir())?;
    make_keys(config)?;
    let install = install_id(config).await?;
    let Some(code) = code else { return Ok(()) };
    let code = output::text_or_stdin(code, LONGEST_CODE).map_err(|_| InitError::Code)?;
    // Codes have capital letters only; a wrong one costs one of five tries.
    let code = code.trim().to_ascii_uppercase();
    if code.len() != CODE_LENGTH || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(InitError::Code);
    }
    let province = config.province.as_ref().ok_or(InitError::NoProvince)?;
    let keys =
        StationKeys { key_pem: app::read_key_file(&config.keys.station_key())?, feed_key: app::read_key_file(&config.keys.feed_key())? };
    let ca_pem = String::from_utf8_lossy(&province.authority.pem);
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let judged: upstream::JudgedTime = Arc::new(move || time.now().at);
    let enrolment = enrol::enrol(&province.url, &ca_pem, &config.facility, &code, install, &keys, &judged).await?;
    keep(config, &enrolment)?;
    output::say(&format!("Đã đăng ký: {} ({}).", enrolment.station_name, config.facility));
    Ok(())
}

fn make_keys(config: &Config) -> Result<(), InitError> {
    let database_key = config.keys.database_key();
    if !database_key.exists() {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        DatabaseKey::from_bytes(&bytes).write_new(&database_key)?;
        output::say(&format!("Đã tạo khóa dữ liệu {}. Sao lưu khóa này ở nơi khác: mất khóa là mất dữ liệu.", database_key.display()));
    }
    let (station_key, feed_key) = (config.keys.station_key(), config.keys.feed_key());
    if !station_key.exists() || !feed_key.exists() {
        let keys = StationKeys::generate()?;
        for (path, content) in [(&station_key, &keys.key_pem), (&feed_key, &keys.feed_key)] {
            if !path.exists() {
                key::write_new_secret(path, content.as_bytes())?;
            }
        }
        output::say(&format!("Đã tạo khóa của trạm trong {}.", config.keys.dir().display()));
    }
    Ok(())
}

/// Makes the data folder and asks `visits.db` who it is.
async fn install_id(config: &Config) -> Result<Uuid, InitError> {
    let database_key = DatabaseKey::read(&config.keys.database_key())?;
    let folder = DataFolder::lock(&config.data_dir, &database_key)?;
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    let (visits, writer) = VisitStore::open(folder.path(), &database_key, time)?;
    let install = visits.install_id().await?;
    drop(visits);
    // The writer has nothing left to do; that it ended otherwise would have been an error above.
    let _ = writer.join();
    Ok(install)
}

/// Puts what the province gave in its place: beside, then renamed, so that an old certificate is never half replaced.
fn keep(config: &Config, enrolment: &Enrolment) -> Result<(), InitError> {
    let files = [
        (config.keys.index_public_key(), Some(enrolment.index_public_key.as_str())),
        (config.keys.intake_recipient(), enrolment.intake_recipient.as_deref()),
        // Last: with it the station is enrolled, and has all the rest.
        (config.keys.station_certificate(), Some(enrolment.certificate_pem.as_str())),
    ];
    for (path, content) in files {
        let Some(content) = content else {
            // Another province's, from an enrolment before: nothing must be sealed to it any more.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(storage::Error::file(&path, "cannot be removed")(error).into());
                }
                _ => continue,
            }
        };
        let beside = path.with_extension("new");
        // A left-over of an interrupted enrolment.
        let _ = fs::remove_file(&beside);
        key::write_new_secret(&beside, content.as_bytes())?;
        fs::rename(&beside, &path).map_err(storage::Error::file(&path, "cannot be replaced"))?;
    }
    Ok(open::sync_folder(config.keys.dir())?)
}

fn refusal(error: &upstream::Error) -> String {
    let code = match error {
        upstream::Error::Refused(code) => code,
        upstream::Error::Unreachable(_) => {
            return "không nối được tới tỉnh. Kiểm tra mạng và địa chỉ trong [province], rồi chạy lại lệnh này.".into();
        }
        other => return words::trouble(&Trouble::from(other)),
    };
    match code.to_string().as_str() {
        "wrong_code" => "mã đăng ký không đúng với trạm này. Kiểm tra mã và mã cơ sở.".into(),
        "used_code" => "mã đăng ký đã dùng rồi. Xin tỉnh cấp mã mới.".into(),
        "expired_code" => "mã đăng ký đã quá 24 giờ. Xin tỉnh cấp mã mới.".into(),
        "too_many_tries" => "đã nhập sai quá nhiều lần. Xin tỉnh cấp mã mới.".into(),
        code => format!("tỉnh không nhận ({code})."),
    }
}
