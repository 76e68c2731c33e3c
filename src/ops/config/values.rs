//! One function per kind of value: from what is written to its own type, or to the reason why not.
//!
//! Promise: a reason says what to write instead. Never: the value in the reason; the caller decides whether it may be shown.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use cron::Schedule;
use toml::de::DeValue;
use url::Host;
use url::Url;

use super::Authority;
use super::Reason;
use crate::domain::benefit::CareType;
use crate::domain::clock::vietnam_time;
use crate::domain::coverage::Share;
use crate::domain::facility::FacilityClass;
use crate::domain::facility::FacilityCode;
use crate::domain::facility::ProvinceCode;
use crate::domain::rules::RuleTables;
use crate::domain::slip::SlipPaper;
use crate::domain::visit::OperatorName;
use crate::ops::clock::RELEASED_AT;
use crate::ops::rules::bundle::RulesKey;

type Read<T> = Result<T, Reason>;

fn text<'v>(value: &'v DeValue<'_>, example: &str) -> Read<&'v str> {
    value.as_str().ok_or_else(|| text_form(example))
}

fn text_form(example: &str) -> Reason {
    Reason::new(
        format!("phải là chữ trong dấu nháy kép; hãy viết ví dụ \"{example}\""),
        format!("has to be text in double quotes; write for example \"{example}\""),
    )
}

fn whole_number(value: &DeValue<'_>, from: u32, to: u32) -> Read<u32> {
    let number = value.as_integer().and_then(|written| u32::from_str_radix(written.as_str(), written.radix()).ok());
    number.filter(|number| (from..=to).contains(number)).ok_or_else(|| {
        Reason::new(
            format!("phải là số nguyên từ {from} đến {to}, không có dấu nháy"),
            format!("has to be a whole number from {from} to {to}, without quotes"),
        )
    })
}

pub(super) fn facility(value: &DeValue<'_>) -> Read<FacilityCode> {
    FacilityCode::parse(text(value, "99001")?).map_err(|_| {
        Reason::new(
            "không phải mã cơ sở; hãy viết hai chữ số mã tỉnh và ba chữ số hoặc chữ cái, ví dụ \"99001\"",
            "is no facility code; write the two digits of the province and three digits or letters, for example \"99001\"",
        )
    })
}

pub(super) fn facility_class(value: &DeValue<'_>) -> Read<FacilityClass> {
    FacilityClass::parse(text(value, "commune_station")?).map_err(|_| {
        Reason::new(
            "không phải tên loại cơ sở; hãy viết chữ thường và dấu gạch dưới, ví dụ \"commune_station\"",
            "is no name of a facility class; write small letters and underscores, for example \"commune_station\"",
        )
    })
}

pub(super) fn province(value: &DeValue<'_>) -> Read<ProvinceCode> {
    ProvinceCode::parse(text(value, "30")?).map_err(|_| {
        Reason::new("không phải mã tỉnh; hãy viết hai chữ số, ví dụ \"30\"", "is no province code; write two digits, for example \"30\"")
    })
}

/// Keys that may be trusted at a time: one, and the next while they change.
const MOST_RULES_KEYS: usize = 4;

pub(super) fn rules_keys(value: &DeValue<'_>) -> Read<Vec<RulesKey>> {
    let reason = || {
        Reason::new(
            format!(
                "phải là danh sách nhiều nhất {MOST_RULES_KEYS} khóa công khai minisign (dòng thứ hai của tệp .pub), ví dụ [\"RW...\"]"
            ),
            format!(
                "has to be a list of at most {MOST_RULES_KEYS} public keys of minisign (the second line of the .pub), for example [\"RW...\"]"
            ),
        )
    };
    let keys = value.as_array().filter(|keys| keys.len() <= MOST_RULES_KEYS).ok_or_else(reason)?;
    keys.iter().map(|key| key.get_ref().as_str().and_then(RulesKey::parse).ok_or_else(reason)).collect()
}

/// Why a class that the tables do not know is refused.
pub(super) fn unknown_class(rules: &RuleTables) -> Reason {
    let mut names: Vec<_> = rules.classes.iter().map(|row| row.class.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let names = names.join(", ");
    Reason::new(
        format!("bảng quy tắc không có loại cơ sở này; hãy chọn một trong: {names}"),
        format!("the rules do not know this facility class; choose one of: {names}"),
    )
}

/// Longest name the page has room for.
const LONGEST_NAME: usize = 100;

pub(super) fn station_name(value: &DeValue<'_>) -> Read<Box<str>> {
    let name = text(value, "Trạm y tế xã ...")?.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name.into())
    } else {
        Err(Reason::new(
            format!("phải có từ 1 đến {LONGEST_NAME} ký tự trên một dòng"),
            format!("has to be 1 to {LONGEST_NAME} characters on one line"),
        ))
    }
}

pub(super) fn operator(value: &DeValue<'_>) -> Read<OperatorName> {
    let name = text(value, "Họ và tên").map_err(|Reason { vi, .. }| Reason { vi, en: text_form("First and last name").en })?;
    OperatorName::parse(name).map_err(|_| {
        Reason::new(
            format!("phải là họ và tên, từ 1 đến {LONGEST_NAME} ký tự trên một dòng"),
            format!("has to be a name, 1 to {LONGEST_NAME} characters on one line"),
        )
    })
}

pub(super) fn care_type(value: &DeValue<'_>) -> Read<CareType> {
    CareType::parse(text(value, "01")?).map_err(|_| {
        Reason::new(
            "không phải mã loại khám chữa bệnh; hãy viết hai chữ số, ví dụ \"01\"",
            "is no code of a care type; write two digits, for example \"01\"",
        )
    })
}

/// A path that means the same wherever the program is started from.
pub(super) fn path(value: &DeValue<'_>) -> Read<PathBuf> {
    whole_path(Path::new(text(value, "/var/lib/bhyt-agent")?))
}

/// The same, written elsewhere than in the file.
pub(super) fn whole_path(path: &Path) -> Read<PathBuf> {
    let plain = path.is_absolute() && !path.components().any(|part| part == Component::ParentDir);
    if plain {
        Ok(path.components().collect())
    } else {
        Err(Reason::new(
            "phải là đường dẫn đầy đủ, bắt đầu bằng / và không có ..",
            "has to be a full path that begins with / and has no ..",
        ))
    }
}

/// More are a slip; each is looked at every few seconds.
const MOST_STICK_FOLDERS: usize = 16;

/// Full paths, in each of which one whole part may be `*`.
pub(super) fn stick_folders(value: &DeValue<'_>) -> Read<Vec<PathBuf>> {
    const FORM: [&str; 2] = [
        "phải là danh sách đường dẫn đầy đủ, mỗi đường dẫn có nhiều nhất một phần là *; hãy viết ví dụ [\"/media/*/BHYT\"]",
        "has to be a list of full paths, each with at most one part that is *; write for example [\"/media/*/BHYT\"]",
    ];
    let folder = |item: &DeValue<'_>| {
        let folder = path(item).ok()?;
        let parts: Vec<_> = folder.components().filter_map(|part| part.as_os_str().to_str()).collect();
        let stars = parts.iter().filter(|part| part.contains('*')).count();
        (stars == 0 || (stars == 1 && parts.contains(&"*"))).then_some(folder)
    };
    let folders: Option<Vec<_>> = value.as_array().and_then(|list| list.iter().map(|item| folder(item.get_ref())).collect());
    folders.filter(|folders| folders.len() <= MOST_STICK_FOLDERS).ok_or_else(|| Reason::both(FORM))
}

/// What fits into the address of a Unix socket, without the closing zero.
const LONGEST_SOCKET_PATH: usize = 107;

pub(super) fn socket_path(value: &DeValue<'_>) -> Read<PathBuf> {
    let path = path(value)?;
    if path.as_os_str().len() <= LONGEST_SOCKET_PATH {
        Ok(path)
    } else {
        Err(Reason::new(
            format!("đường dẫn của socket dài quá {LONGEST_SOCKET_PATH} byte; hãy chọn thư mục ngắn hơn"),
            format!("the path of a socket has at most {LONGEST_SOCKET_PATH} bytes; choose a shorter folder"),
        ))
    }
}

/// Whether one folder is in another or is the same, as written or as it is on the disk.
pub(super) fn is_inside(inner: &Path, outer: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    inner.starts_with(outer) || real(inner).starts_with(real(outer))
}

pub(super) fn listen(value: &DeValue<'_>) -> Read<SocketAddr> {
    let address: SocketAddr = text(value, "127.0.0.1:8686")?.parse().map_err(|_| {
        Reason::new(
            "không phải địa chỉ IP và cổng; hãy viết ví dụ \"127.0.0.1:8686\"",
            "is no IP address with a port; write for example \"127.0.0.1:8686\"",
        )
    })?;
    if !address.ip().is_loopback() {
        return Err(Reason::new(
            "bản này chỉ phục vụ trên chính máy này, vì trang chưa mã hóa đường truyền; hãy viết \"127.0.0.1:8686\"",
            "this page is for this computer only, because it is not encrypted on the way; write \"127.0.0.1:8686\"",
        ));
    }
    if (1..FIRST_FREE_PORT).contains(&address.port()) {
        return Err(low_port("127.0.0.1:8686"));
    }
    Ok(address)
}

pub(super) fn metrics_listen(value: &DeValue<'_>) -> Read<SocketAddr> {
    let address: SocketAddr = text(value, "127.0.0.1:9686")?.parse().map_err(|_| {
        Reason::new(
            "không phải địa chỉ IP và cổng; hãy viết ví dụ \"127.0.0.1:9686\"",
            "is no IP address with a port; write for example \"127.0.0.1:9686\"",
        )
    })?;
    if !address.ip().is_loopback() {
        return Err(Reason::new(
            "số đo chỉ được đọc trên chính máy này, vì đường truyền không mã hóa; hãy viết \"127.0.0.1:9686\"",
            "figures are for this computer only, because they are not encrypted on the way; write \"127.0.0.1:9686\"",
        ));
    }
    if (1..FIRST_FREE_PORT).contains(&address.port()) {
        return Err(low_port("127.0.0.1:9686"));
    }
    Ok(address)
}

/// Binding a lower one needs a capability the service does not have.
const FIRST_FREE_PORT: u16 = 1024;

fn low_port(example: &str) -> Reason {
    Reason::new(
        format!("dịch vụ không có quyền mở cổng dưới 1024; hãy chọn cổng từ 1024, ví dụ \"{example}\""),
        format!("the service may not open ports below 1024; choose one from 1024 on, for example \"{example}\""),
    )
}

pub(super) fn lan_listen(value: &DeValue<'_>) -> Read<SocketAddr> {
    let address: SocketAddr = text(value, "0.0.0.0:8687")?.parse().map_err(|_| {
        Reason::new(
            "không phải địa chỉ IP và cổng; hãy viết ví dụ \"0.0.0.0:8687\"",
            "is no IP address with a port; write for example \"0.0.0.0:8687\"",
        )
    })?;
    if (1..FIRST_FREE_PORT).contains(&address.port()) {
        return Err(low_port("0.0.0.0:8687"));
    }
    Ok(address)
}

/// Endings of names that mean something inside a house only. The station's authority vouches for no others.
const PRIVATE_ENDINGS: [&str; 4] = [".local", ".lan", ".internal", ".home.arpa"];

/// An address or a name of a private network, as browsers write it.
pub(super) fn private_name(written: &str) -> Option<Box<str>> {
    let name = written.to_ascii_lowercase();
    let is_private = match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_link_local() || address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        Err(_) => {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
            plain
                && PRIVATE_ENDINGS
                    .iter()
                    .any(|ending| name.strip_suffix(ending).is_some_and(|host| !host.is_empty() && !host.starts_with('.')))
                && Host::parse(&name).is_ok_and(|parsed| parsed.to_string() == name)
        }
    };
    let name = name.parse::<IpAddr>().map_or(name, |address| address.to_string());
    is_private.then(|| name.into())
}

/// More are a slip.
const MOST_NAMES: usize = 8;

pub(super) fn lan_names(value: &DeValue<'_>) -> Read<Vec<Box<str>>> {
    const FORM: [&str; 2] = [
        "phải là danh sách địa chỉ trong mạng của trạm (10.x, 172.16-31.x, 192.168.x) hoặc tên có đuôi .local, .lan, .internal, \
        .home.arpa; hãy viết ví dụ [\"192.168.1.10\", \"tram.local\"]",
        "has to be a list of addresses of the house's network (10.x, 172.16-31.x, 192.168.x) or names that end with .local, .lan, .internal, \
        .home.arpa; write for example [\"192.168.1.10\", \"tram.local\"]",
    ];
    let names: Option<Vec<_>> = value.as_array().and_then(|list| list.iter().map(|item| private_name(item.get_ref().as_str()?)).collect());
    names.filter(|names| (1..=MOST_NAMES).contains(&names.len())).ok_or_else(|| Reason::both(FORM))
}

pub(super) fn hosts(value: &DeValue<'_>) -> Read<Vec<Box<str>>> {
    const FORM: [&str; 2] = [
        "phải là danh sách tên máy không kèm cổng; hãy viết ví dụ [\"quay-tiep-don\"]",
        "has to be a list of names of computers without ports; write for example [\"quay-tiep-don\"]",
    ];
    let host = |item: &DeValue<'_>| {
        let name = item.as_str()?.to_ascii_lowercase();
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        (plain && Host::parse(&name).is_ok_and(|parsed| parsed.to_string() == name)).then(|| name.into())
    };
    value.as_array().and_then(|list| list.iter().map(|item| host(item.get_ref())).collect()).ok_or_else(|| Reason::both(FORM))
}

/// A year: more is a slip.
const MOST_HOURS: u32 = 8760;

pub(super) fn hours(value: &DeValue<'_>) -> Read<TimeDelta> {
    whole_number(value, 1, MOST_HOURS).map(|hours| TimeDelta::hours(hours.into()))
}

/// A day: a longer pause would be no pause but a stop.
const MOST_MINUTES: u32 = 1440;

pub(super) fn minutes(value: &DeValue<'_>) -> Read<Duration> {
    whole_number(value, 1, MOST_MINUTES).map(|minutes| Duration::from_mins(minutes.into()))
}

/// An hour: a desk that stays open for longer stays open for anybody.
const MOST_IDLE_MINUTES: u32 = 60;

pub(super) fn idle_minutes(value: &DeValue<'_>) -> Read<Duration> {
    whole_number(value, 1, MOST_IDLE_MINUTES).map(|minutes| Duration::from_mins(minutes.into()))
}

/// A hundred in a second: more is no limit.
const MOST_LOOKUPS: u32 = 6000;

pub(super) fn lookups(value: &DeValue<'_>) -> Read<u32> {
    whole_number(value, 10, MOST_LOOKUPS)
}

/// A terabyte: more is no limit.
const MOST_MEGABYTES: u32 = 1_000_000;

/// Bytes. Less than a megabyte a day would not carry the index.
pub(super) fn megabytes(value: &DeValue<'_>) -> Read<u64> {
    whole_number(value, 1, MOST_MEGABYTES).map(|megabytes| u64::from(megabytes) << 20)
}

/// A year back there is nothing left to claim.
pub(super) fn days(value: &DeValue<'_>) -> Read<u16> {
    whole_number(value, 1, 366).map(|days| u16::try_from(days).unwrap_or(366))
}

/// A quarter: what a province that was put back lost is sent again from what is here. A century: more is a slip.
pub(super) fn long_days(value: &DeValue<'_>) -> Read<TimeDelta> {
    whole_number(value, 90, 36_500).map(|days| TimeDelta::days(days.into()))
}

pub(super) fn slip_paper(value: &DeValue<'_>) -> Read<SlipPaper> {
    SlipPaper::parse(text(value, "80mm")?).ok_or_else(|| Reason::new("phải là \"80mm\" hoặc \"a5\"", "has to be \"80mm\" or \"a5\""))
}

/// On or off.
pub(super) fn switch(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().ok_or_else(|| Reason::new("phải là true hoặc false, không có dấu nháy", "has to be true or false, without quotes"))
}

pub(super) fn percent(value: &DeValue<'_>) -> Read<u8> {
    whole_number(value, 1, 100).map(|percent| u8::try_from(percent).unwrap_or(100))
}

/// A share of people, with at most two places behind the point.
pub(super) fn share(value: &DeValue<'_>) -> Read<Share> {
    let written = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => "",
    };
    Share::parse_percent(written).ok_or_else(|| {
        Reason::new(
            "phải là số từ 0.01 đến 100, nhiều nhất hai chữ số sau dấu chấm, ví dụ 95.5",
            "has to be a number from 0.01 to 100 with at most two digits after the point, for example 95.5",
        )
    })
}

pub(super) fn province_url(value: &DeValue<'_>) -> Read<Url> {
    let mut url: Url = text(value, "https://bhyt.example.vn/")?.parse().map_err(|_| {
        Reason::new(
            "không phải địa chỉ; hãy viết ví dụ \"https://bhyt.example.vn/\"",
            "is no address; write for example \"https://bhyt.example.vn/\"",
        )
    })?;
    if url.scheme() != "https" {
        return Err(Reason::new("phải bắt đầu bằng https://", "has to begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Reason::new(
            "không được chứa tên người dùng hay mật khẩu; trạm được nhận ra bằng chứng thư",
            "must not have a user or a password in it; the station is known by its certificate",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Reason::new("không được có phần sau dấu ? hoặc #", "must have nothing after ? or #"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

pub(super) fn authority(value: &DeValue<'_>) -> Read<Authority> {
    Authority::read(path(value)?)
}

/// Reads one, and looks whether it is one.
pub(super) fn authority_in(file: PathBuf) -> Read<Authority> {
    let pem = fs::read(&file).map_err(|error| unreadable(&error))?;
    let text = str::from_utf8(&pem).unwrap_or_default();
    if text.contains("PRIVATE KEY-----") {
        return Err(Reason::new(
            "tệp chứa khóa bí mật; hãy chỉ để chứng thư gốc của tỉnh trong tệp này",
            "there is a secret key in the file; leave nothing but the province's authority in it",
        ));
    }
    if certificates(text) == 0 {
        return Err(Reason::new(
            "tệp không có chứng thư dạng PEM (-----BEGIN CERTIFICATE-----)",
            "there is no certificate in PEM form (-----BEGIN CERTIFICATE-----) in the file",
        ));
    }
    Ok(Authority { file, pem: pem.into() })
}

/// How many certificates a PEM text holds; none if one of them is cut off or damaged.
fn certificates(text: &str) -> usize {
    let mut blocks = text.split("-----BEGIN CERTIFICATE-----");
    blocks.next();
    let whole = blocks.map(|block| {
        let body: String = block.split_once("-----END CERTIFICATE-----")?.0.split_whitespace().collect();
        STANDARD.decode(body).ok().filter(|bytes| !bytes.is_empty())
    });
    whole.collect::<Option<Vec<_>>>().map_or(0, |whole| whole.len())
}

pub(super) fn schedule(value: &DeValue<'_>) -> Read<Schedule> {
    cron(text(value, "*/15 * * * *")?)
}

/// Reads the five fields of a crontab: minute, hour, day, month, day of the week.
pub(super) fn cron(written: &str) -> Read<Schedule> {
    let fields: Vec<_> = written.split_whitespace().collect();
    let [.., week] = fields[..] else { return Err(cron_form()) };
    if fields.len() != 5 {
        return Err(cron_form());
    }
    // 1 is Sunday for the library and Monday in a crontab: nobody is made to know which.
    if week.split(['-', ',']).any(|day| day.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(Reason::new(
            "ngày trong tuần phải viết bằng tên: MON, TUE, WED, THU, FRI, SAT, SUN",
            "days of the week are written by name: MON, TUE, WED, THU, FRI, SAT, SUN",
        ));
    }
    // The library wants seconds first.
    let schedule: Schedule = format!("0 {}", fields.join(" ")).parse().map_err(|_| cron_form())?;
    let ever = schedule.after(&vietnam_time(RELEASED_AT)).next();
    ever.map(|_| schedule)
        .ok_or_else(|| Reason::new("không ngày nào trong lịch khớp với biểu thức này", "there is no day in the calendar that this fits"))
}

fn cron_form() -> Reason {
    Reason::new(
        "phải có năm phần: phút giờ ngày tháng thứ; hãy viết ví dụ \"*/15 * * * *\" (mỗi 15 phút) hoặc \"30 5 * * MON-FRI\"",
        "has to have five parts: minute hour day month weekday; write for example \"*/15 * * * *\" (every 15 minutes) or \"30 5 * * MON-FRI\"",
    )
}

/// A file that was named cannot be read.
pub(super) fn unreadable(error: &io::Error) -> Reason {
    Reason::new(format!("không đọc được tệp ({error})"), format!("the file cannot be read ({error})"))
}
