//! Looks at what ties the station to its province and judges it: the certificate, the province's own answer, sticks.
//!
//! Promise: a log-in of the network, somebody else's certificate, a wrong clock and a province that is not there are told apart; nothing personal is sent.
//! Never: a stick's content taken.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use chrono::TimeDelta;

use super::line::Check;
use super::line::Line;
use super::station::Station;
use crate::app;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::facility::FacilityCode;
use crate::ops::config::Config;
use crate::ops::config::Keys;
use crate::ops::exit_code::ExitCode;
use crate::ops::sticks;
use crate::sync::status::Trouble;
use crate::upstream;
use crate::upstream::CertificateLife;
use crate::upstream::Distrust;
use crate::upstream::province::enrol;
use crate::upstream::province::https::Credentials;
use crate::upstream::province::probe;
use crate::upstream::province::probe::NoLink;
use crate::upstream::province::probe::Proved;
use crate::upstream::province::stick::StickError;
use crate::upstream::province::stick::StickProvince;

/// What there is of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    /// No province is configured.
    NotWanted,
    /// The station is not enrolled.
    Missing,
    /// There may be a file: this process may not read it.
    Denied,
    /// There is a file, and it is none.
    Unreadable,
    /// It is good for these days.
    Of(CertificateLife),
}

pub(super) fn look_at_certificate(config: &Config) -> Certificate {
    let path = config.keys.station_certificate();
    if config.province.is_none() {
        return Certificate::NotWanted;
    }
    match fs::read_to_string(path) {
        Ok(pem) => enrol::certified_life(&pem).map_or(Certificate::Unreadable, Certificate::Of),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Certificate::Missing,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Certificate::Denied,
        Err(_) => Certificate::Unreadable,
    }
}

/// The station that the certificate was given to, if it is another one.
pub(super) fn other_station(config: &Config, ours: &FacilityCode) -> Option<FacilityCode> {
    config.province.as_ref()?;
    app::certified_station(config).filter(|station| station != ours)
}

/// So long after its end a certificate is renewed by itself at the next contact.
const GRACE: TimeDelta = TimeDelta::days(180);

/// Whose the certificate is, and its days. `other`: the station it was given to, if that is not this one.
pub(super) fn certificate(certificate: Certificate, other: Option<&FacilityCode>, now: Now) -> Line {
    if let Some(other) = other {
        let found = Sentence::new(
            format!("cấp cho trạm {other}, không phải trạm trong tệp cấu hình: không liên lạc với tỉnh được"),
            format!("was given to station {other}, not to the one that is configured: the province cannot be reached with it"),
        );
        let next = Sentence::new(
            "so facility trong tệp cấu hình với mã của trạm; nếu đúng, đặt keys-dir khác rồi bhyt-agent setup với mã đăng ký của trạm",
            "compare facility in the configuration with the station's code; if it is right, set another keys-dir and run bhyt-agent setup with the station's code from the province",
        );
        return Line::broken(Check::Certificate, "other_station", ExitCode::Config, found, next);
    }
    let enrol = Sentence::new(
        "bhyt-agent setup, hoặc sudo -u bhyt-agent bhyt-agent init --code - với mã của tỉnh",
        "bhyt-agent setup, or sudo -u bhyt-agent bhyt-agent init --code - with a code of the province",
    );
    let replace = Sentence::new(
        "xin tỉnh mã mới, rồi bhyt-agent replace-this-machine --code -",
        "ask the province for a new code, then bhyt-agent replace-this-machine --code -",
    );
    let renew =
        Sentence::new("bhyt-agent sync-now: máy tự gia hạn khi liên lạc được", "bhyt-agent sync-now: it renews itself at the next contact");
    let broken = |what, vi: &str, en: &str, next| Line::broken(Check::Certificate, what, ExitCode::Config, Sentence::new(vi, en), next);
    let life = match certificate {
        Certificate::NotWanted => {
            return Line::good(
                Check::Certificate,
                Sentence::new("không cần: trạm làm việc một mình", "not needed: the station works alone"),
            );
        }
        Certificate::Missing => return broken("not_enrolled", "trạm chưa đăng ký với tỉnh", "the station is not enrolled", enrol),
        Certificate::Denied => {
            let own = "chown bhyt-agent: station.crt.pem && chmod 0400 station.crt.pem (keys-dir)";
            let found = Sentence::new(
                "station.crt.pem: tài khoản của dịch vụ không đọc được",
                "station.crt.pem: the service's account cannot read it",
            );
            return Line::broken(Check::Certificate, "denied", ExitCode::NoPermission, found, Sentence::same(own));
        }
        Certificate::Unreadable => {
            return broken("unreadable", "station.crt.pem không đọc được", "station.crt.pem cannot be read", replace);
        }
        Certificate::Of(life) => life,
    };
    let (from, until) = (words::instant(life.not_before), words::instant(life.not_after));
    if now.at >= life.not_after {
        let is_late = now.at.signed_duration_since(life.not_after) > GRACE;
        let (vi, en) = (format!("đã hết hạn {until}"), format!("ended on {until}"));
        let ended = if is_late {
            broken("expired_long_ago", &format!("{vi}, quá 180 ngày"), &format!("{en}, more than 180 days ago"), replace)
        } else {
            broken("expired", &vi, &en, renew)
        };
        return ended.since(Some(life.not_after));
    }
    let found = Sentence::new(format!("còn hạn đến {until}"), format!("in force until {until}"));
    if now.at < life.not_before {
        let found = Sentence::new(
            format!("có hiệu lực từ {from}, đồng hồ chưa tới"),
            format!("in force from {from}, which this clock has not reached"),
        );
        return Line::unknown(Check::Certificate, "not_yet", found);
    }
    // From two thirds of its life on it is renewed at every contact: so late nobody has come through for long.
    if (life.not_after - now.at) * 6 < life.not_after - life.not_before {
        return Line::attention(Check::Certificate, "ending", found, renew);
    }
    Line::good(Check::Certificate, found)
}

/// Asks the province. `None`: none is configured. A certificate that has ended is not shown: whether this is the province shows without it.
pub(super) async fn look_at_province(
    config: &Config,
    certificate: Certificate,
    time: &TimeKeeper,
) -> Option<Result<Proved, upstream::Error>> {
    let province = config.province.as_ref()?;
    let is_in_force = matches!(certificate, Certificate::Of(life) if time.now().at < life.not_after);
    let credentials = if is_in_force { credentials(config) } else { None };
    let ca_pem = String::from_utf8_lossy(&province.authority.pem);
    Some(probe::probe(&province.url, &config.facility, &ca_pem, credentials.as_ref(), &upstream::judged_by(time)).await)
}

fn credentials(config: &Config) -> Option<Credentials> {
    let keys: &Keys = &config.keys;
    let province = config.province.as_ref()?;
    Some(Credentials {
        ca_pem: String::from_utf8_lossy(&province.authority.pem).into_owned(),
        certificate_pem: app::read_key_file(&keys.station_certificate()).ok()?.to_string(),
        key_pem: app::read_key_file(&keys.station_key()).ok()?,
        feed_key: app::read_key_file(&keys.feed_key()).ok()?,
        index_public_key: app::read_key_file(&keys.index_public_key()).ok()?.to_string(),
    })
}

/// Whether the province answers, and is the province.
pub(super) fn province(asked: Option<&Result<Proved, upstream::Error>>, now: Now, station: &Station) -> Line {
    let error = match asked {
        None => {
            return Line::good(
                Check::Province,
                Sentence::new("không có trong cấu hình: trạm làm việc một mình", "none is configured: the station works alone"),
            );
        }
        Some(Ok(Proved::Index { published_at })) => {
            let at = words::instant(*published_at);
            let found = Sentence::new(
                format!("trả lời, đúng là tỉnh: chứng thư và chữ ký khớp (ký lúc {at})"),
                format!("answers and is the province: certificate and signature fit (signed {at})"),
            );
            return Line::good(Check::Province, found);
        }
        Some(Ok(Proved::Certificate)) => {
            let found = Sentence::new("trả lời, đúng là tỉnh: chứng thư khớp", "answers and is the province: its certificate fits");
            return Line::good(Check::Province, found);
        }
        Some(Err(error)) => error,
    };
    let line = failed(error, now);
    // What a service has seen for longer. When they last spoke tells nothing of since when they cannot.
    line.since(station.failing.filter(|since| station.contact.is_none_or(|contact| *since >= contact)))
}

/// Whether it refuses this machine for the one that took its place.
pub(super) fn is_replaced(asked: &Result<Proved, upstream::Error>) -> bool {
    matches!(asked, Err(upstream::Error::Refused(code)) if code.as_str() == "replaced_certificate")
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each way not to reach the province")]
fn failed(error: &upstream::Error, now: Now) -> Line {
    let broken = |what, exit, vi: &str, en: &str, next: (&str, &str)| {
        Line::broken(Check::Province, what, exit, Sentence::new(vi, en), Sentence::new(next.0, next.1))
    };
    let log_in = (
        "mở trình duyệt, đăng nhập mạng hoặc gia hạn gói cước; nếu mạng đòi trang đăng nhập mãi thì đổi mạng",
        "open a browser and log in to the network, or top up the data plan; if it asks again and again, take another network",
    );
    let out = ExitCode::Unavailable;
    match error {
        upstream::Error::Stranger(_) => broken(
            "portal",
            out,
            "một trang đăng nhập mạng trả lời thay cho tỉnh",
            "a network's log-in answers in the province's place",
            log_in,
        ),
        error if probe::is_plain(error) => broken(
            "portal",
            out,
            "mạng chặn đường và trả lời thay cho tỉnh (không phải TLS)",
            "the network takes the connection and answers in the province's place (no TLS)",
            log_in,
        ),
        upstream::Error::Untrusted { why, .. } => match why {
            Distrust::OtherServer => broken(
                "foreign_certificate",
                out,
                "máy chủ khác trả lời: chứng thư không do tỉnh cấp",
                "another server answers: its certificate is not of the province's authority",
                (
                    "thử mạng khác; nếu vẫn vậy, hỏi tỉnh địa chỉ và chứng thư gốc (province.url, province.ca-file)",
                    "try another network; if it is still so, ask the province for its address and authority (province.url, province.ca-file)",
                ),
            ),
            Distrust::ServerExpired if now.state.is_suspect() => broken(
                "clock",
                out,
                "chứng thư của tỉnh bị coi là hết hạn vì đồng hồ máy này sai",
                "the province's certificate seems to have ended because this clock is wrong",
                ("chỉnh đồng hồ (dòng đồng hồ)", "set the clock (see clock)"),
            ),
            Distrust::ServerExpired => broken(
                "server_expired",
                out,
                "chứng thư của tỉnh hết hạn, hoặc đồng hồ máy này chạy trước",
                "the province's certificate has ended, or this clock is ahead",
                (
                    "so ngày giờ máy (date) với điện thoại; nếu đúng, báo tỉnh",
                    "compare the date with a phone's; if it is right, tell the province",
                ),
            ),
            Distrust::OurCertificateExpired | Distrust::OurCertificateRefused => broken(
                "our_certificate",
                ExitCode::Config,
                "tỉnh không nhận chứng thư của trạm",
                "the province does not take the station's certificate",
                (
                    "xin tỉnh mã mới, rồi bhyt-agent replace-this-machine --code -",
                    "ask the province for a new code, then bhyt-agent replace-this-machine --code -",
                ),
            ),
            Distrust::Unclear => broken(
                "tls",
                out,
                "không bắt tay TLS được",
                "the TLS handshake fails",
                ("thử mạng khác; nếu vẫn vậy, báo tỉnh", "try another network; if it is still so, tell the province"),
            ),
        },
        upstream::Error::Refused(code) => Line::broken(
            Check::Province,
            "refused",
            ExitCode::NoPermission,
            Sentence::new(format!("tỉnh từ chối máy này ({code})"), format!("the province refuses this computer ({code})")),
            words::trouble(&Trouble::from(error)),
        ),
        upstream::Error::Unreachable(_) => {
            let (what, vi, en) = match probe::no_link(error) {
                Some(NoLink::NoName) => (
                    "no_name",
                    "không tìm được tên máy chủ tỉnh: thường là không có mạng",
                    "the server's name is not found: mostly there is no network",
                ),
                Some(NoLink::Refused) => ("connection_refused", "máy ở địa chỉ đó không mở cổng", "nobody listens at that address"),
                _ => ("silent", "không trả lời", "does not answer"),
            };
            broken(
                what,
                out,
                vi,
                en,
                (
                    "xem dây mạng, 3G/4G, ping 8.8.8.8; địa chỉ trong province.url; quầy vẫn làm việc được",
                    "look at the cable, 3G/4G, ping 8.8.8.8; the address in province.url; the desk works on",
                ),
            )
        }
        upstream::Error::Gone => broken(
            "wrong_path",
            ExitCode::Config,
            "đúng là tỉnh, nhưng ở địa chỉ này không có dữ liệu của trạm (404)",
            "is the province, and has nothing for the station at this address (404)",
            (
                "xem phần đường dẫn sau tên máy trong province.url; nếu đúng như tỉnh cho, báo tỉnh",
                "look at the path after the host in province.url; if it is what the province gave, tell the province",
            ),
        ),
        upstream::Error::Throttled(_) | upstream::Error::Failed(_) | upstream::Error::TooLarge => Line::attention(
            Check::Province,
            "busy",
            Sentence::new("đúng là tỉnh, nhưng đang bận hoặc lỗi", "is the province, and busy or failing"),
            Sentence::new("chờ; nếu kéo dài, báo tỉnh", "wait; if it lasts, tell the province"),
        ),
        error => broken(
            "contract",
            out,
            "trả lời không đúng giao thức hoặc chữ ký",
            "the answer does not fit the protocol or the signature",
            ("bhyt-agent status --english; báo tỉnh", "bhyt-agent status --english; tell the province"),
        )
        .and_next(words::trouble(&Trouble::from(error))),
    }
}

/// The sticks that are in, and what is wrong with each.
pub(super) async fn look_at_sticks(config: &Config) -> Vec<(PathBuf, Result<(), StickError>)> {
    let keys = &config.keys;
    let (feed_key, index_key) = (app::read_key_file(&keys.feed_key()), app::read_key_file(&keys.index_public_key()));
    let mut looked = Vec::new();
    let folders = config.stick_folders.clone();
    for path in tokio::task::spawn_blocking(move || sticks::find(&folders)).await.unwrap_or_default() {
        let found = match (&feed_key, &index_key) {
            (Ok(feed_key), Ok(index_key)) => look_at_stick(&path, &config.facility, feed_key, index_key).await,
            _ => Err(StickError::Keys("a key file cannot be read")),
        };
        looked.push((path, found));
    }
    looked
}

async fn look_at_stick(path: &Path, station: &FacilityCode, feed_key: &str, index_key: &str) -> Result<(), StickError> {
    StickProvince::open(path, station, feed_key, index_key).await.map(|_| ())
}

/// Whether a stick that is in is this station's. `None`: it took too long to look. `closed`: what is in and cannot be looked into.
pub(super) fn stick(sticks: Option<&[(PathBuf, Result<(), StickError>)]>, closed: &[PathBuf], station: &FacilityCode) -> Line {
    let Some(sticks) = sticks else {
        return Line::unknown(Check::Stick, "silent", Sentence::new("USB không trả lời", "a stick does not answer"));
    };
    let take_out = || {
        Sentence::new(
            format!("rút USB này ra; cắm USB tỉnh chép cho trạm {station}"),
            format!("take this stick out; plug in the one the province wrote for station {station}"),
        )
    };
    if let Some(path) = closed.first() {
        let (shown, said) = (path.display(), words::stick::not_for_the_service());
        let found = Sentence::new(format!("{shown}: {}", said.vi), format!("{shown}: {}", said.en));
        return Line::attention(Check::Stick, "out_of_reach", found, words::stick::let_in());
    }
    for (path, found) in sticks {
        let shown = path.display();
        match found {
            Err(StickError::OtherStation) => {
                let found = Sentence::new(format!("{shown}: USB của trạm khác"), format!("{shown}: the stick of another station"));
                return Line::attention(Check::Stick, "other_station", found, take_out());
            }
            Err(StickError::OtherSigner) => {
                let found = Sentence::new(format!("{shown}: USB không do tỉnh này ký"), format!("{shown}: not signed by this province"));
                return Line::attention(Check::Stick, "other_signer", found, take_out());
            }
            Err(error @ (StickError::HalfCopied | StickError::Altered | StickError::UnknownFormat | StickError::Unreadable(_))) => {
                return Line::attention(Check::Stick, "bad", words::stick::refused(error), take_out());
            }
            // Nothing from the province yet: one to carry visits out.
            Ok(()) | Err(_) => {}
        }
    }
    match sticks.len() {
        0 => Line::good(Check::Stick, Sentence::new("không cắm USB nào", "none is in")),
        count => {
            Line::good(Check::Stick, Sentence::new(format!("{count} USB, không có gì lạ"), format!("sticks: {count}, nothing foreign")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::test_support::at;
    use crate::cli::doctor::test_support::now;
    use crate::domain::clock::ClockState;
    use crate::upstream::Refusal;

    #[test]
    fn a_stick_that_only_the_desktops_user_reaches_is_told_with_what_lets_the_service_in() {
        let station = FacilityCode::parse("99001").unwrap();
        let line = stick(Some(&[]), &["/media/hoa/BHYT".into()], &station);
        assert_eq!((line.what, line.is_broken()), ("out_of_reach", false));
        assert!(line.found.vi.starts_with("/media/hoa/BHYT: ") && line.next.unwrap().vi.contains("90-bhyt-stick.rules"));
        assert_eq!(stick(Some(&[]), &[], &station).what, "ok");
    }

    #[test]
    fn a_certificate_is_judged_by_the_time_that_is_gone_by() {
        let of = |from: &str, to: &str| Certificate::Of(CertificateLife { not_before: at(from), not_after: at(to) });
        for (found, what, is_broken) in [
            (Certificate::NotWanted, "ok", false),
            (Certificate::Missing, "not_enrolled", true),
            (Certificate::Unreadable, "unreadable", true),
            (Certificate::Denied, "denied", true),
            (of("2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"), "ok", false),
            (of("2025-12-01T00:00:00Z", "2026-12-01T00:00:00Z"), "ending", false),
            (of("2025-11-01T00:00:00Z", "2026-11-01T00:00:00Z"), "expired", true),
            (of("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), "expired_long_ago", true),
            (of("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z"), "not_yet", false),
        ] {
            let line = certificate(found, None, now(ClockState::Plausible));
            assert_eq!((line.what, line.is_broken()), (what, is_broken), "{found:?}");
        }
    }

    #[test]
    fn since_when_the_province_is_silent_is_not_told_from_the_last_time_it_spoke() {
        let silent = Err(upstream::Error::Unreachable(Box::new(io::Error::from(io::ErrorKind::TimedOut))));
        let since = |failing, contact| {
            province(Some(&silent), now(ClockState::Plausible), &Station { contact, failing, ..Station::default() }).since
        };
        let (earlier, later) = (Some(at("2026-11-22T00:10:00Z")), Some(at("2026-11-22T00:30:00Z")));
        assert_eq!(since(None, earlier), None, "the service is down: nobody knows");
        assert_eq!(since(later, earlier), later);
        assert_eq!(since(earlier, later), None, "they have spoken since");
    }

    #[test]
    fn a_certificate_of_another_station_is_told_whatever_its_days() {
        let other = FacilityCode::parse("99002").unwrap();
        let line = certificate(Certificate::Unreadable, Some(&other), now(ClockState::Plausible));
        assert_eq!((line.what, line.is_broken()), ("other_station", true));
        assert!(line.found.vi.contains("99002") && line.next.is_some());
    }

    #[test]
    fn each_way_not_to_reach_the_province_is_told_apart() {
        let io = |kind: io::ErrorKind| Box::new(io::Error::from(kind));
        let untrusted = |why| upstream::Error::Untrusted { why, source: io(io::ErrorKind::Other) };
        for (error, state, what) in [
            (upstream::Error::Stranger("a web page"), ClockState::Plausible, "portal"),
            (untrusted(Distrust::OtherServer), ClockState::Plausible, "foreign_certificate"),
            (untrusted(Distrust::ServerExpired), ClockState::Behind, "clock"),
            (untrusted(Distrust::ServerExpired), ClockState::Plausible, "server_expired"),
            (untrusted(Distrust::OurCertificateRefused), ClockState::Plausible, "our_certificate"),
            (upstream::Error::Refused(Refusal::new("revoked_certificate")), ClockState::Plausible, "refused"),
            (upstream::Error::Unreachable(io(io::ErrorKind::ConnectionRefused)), ClockState::Plausible, "connection_refused"),
            (upstream::Error::Unreachable(io(io::ErrorKind::TimedOut)), ClockState::Plausible, "silent"),
            (upstream::Error::Unreachable(io(io::ErrorKind::Other)), ClockState::Plausible, "no_name"),
            (upstream::Error::Failed(500), ClockState::Plausible, "busy"),
            (upstream::Error::Gone, ClockState::Plausible, "wrong_path"),
            (upstream::Fault::Signature.into(), ClockState::Plausible, "contract"),
        ] {
            let line = province(Some(&Err(error)), now(state), &Station::default());
            assert_eq!(line.what, what, "{line:?}");
            assert!(line.next.is_some());
        }
    }
}
