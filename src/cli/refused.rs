//! `bhyt-agent serve --refused`: a page in the place of a service that may not run, for whoever stands before the desk.
//!
//! Promise: it says what `serve` would have said; it ends, well, as soon as there is nothing to say any more, for systemd to start the service again. Never:
//! a look-up, a visit, a word to the province.

use core::net::Ipv4Addr;
use core::net::SocketAddr;
use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Builder;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::app::AppError;
use crate::app::Opened;
use crate::cli::output;
use crate::desk::words;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::ops::exit_code::ExitCode;
use crate::ops::logging;
use crate::ops::notify;
use crate::ops::signal;
use crate::reception;
use crate::reception::refused;
use crate::reception::refused::Refusal;
use crate::storage;
use crate::storage::open::OnDamage;

/// How often it is looked whether the reason is gone.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// After how many looks a reason that cannot be found is tried again all the same.
const UNKNOWN: u32 = 12;

/// Where the page is if the configuration does not say.
const USUAL: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8686);

pub(super) fn run(path: &Path) -> ExitCode {
    if let Err(error) = logging::start() {
        output::say(&logging::Chain(&error).to_string());
        return ExitCode::Config;
    }
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(stand_in(path)),
        Err(_) => ExitCode::Software,
    }
}

/// The reason, and under which address and names it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    address: SocketAddr,
    hosts: Vec<String>,
    why: Refusal,
}

async fn stand_in(path: &Path) -> ExitCode {
    let stop = CancellationToken::new();
    if signal::cancel_on_signal(stop.clone()).is_err() {
        return ExitCode::Software;
    }
    let mut looks = 0;
    let mut told = match look(path).await {
        Some(told) => told,
        None => unknown(path),
    };
    loop {
        let listener = match reception::bind(told.address) {
            Ok(listener) => listener,
            Err(error) => {
                output::say(&logging::Chain(&error).to_string());
                return ExitCode::Unavailable;
            }
        };
        tracing::warn!(name: "service.refused", page = %told.address, "the service may not run; the page says why");
        notify::status(&told.why.vi);
        notify::ready();
        let ended = stop.child_token();
        let page = tokio::spawn(refused::serve(listener, told.hosts.clone(), told.why.clone(), ended.clone()));
        let next = loop {
            if stop.run_until_cancelled(time::sleep(LOOK_AGAIN)).await.is_none() {
                break None;
            }
            looks += 1;
            match look(path).await {
                Some(now) if now != told => break Some(now),
                None if told.why != unknown(path).why || looks >= UNKNOWN => break None,
                _ => {}
            }
        };
        ended.cancel();
        if !matches!(page.await, Ok(Ok(()))) {
            return ExitCode::Unavailable;
        }
        match next {
            Some(now) => told = now,
            None => return ExitCode::Ok,
        }
    }
}

/// Why the service may not run, if there is a reason that only a person can remove.
async fn look(path: &Path) -> Option<Told> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            let told = error.to_string();
            let en = format!("The configuration is wrong; bhyt-agent check-config says the same.\n{}", error.in_english());
            return Some(Told {
                address: USUAL,
                hosts: usual_hosts(),
                why: Refusal { vi: format!("Tệp cấu hình sai:\n{told}"), en, is_wiped: false },
            });
        }
    };
    let error = match Opened::open(&config, Arc::new(SystemClock::new()), OnDamage::Refuse).await {
        Ok(opened) => {
            opened.close().await;
            return None;
        }
        Err(AppError::Storage(error)) if output::storage_code(&error) == ExitCode::Config => error,
        // Whatever passes by itself is the service's to try again.
        Err(_) => return None,
    };
    let (said, chain) = (words::cannot_open(&error), logging::Chain(&error).to_string());
    let is_wiped = matches!(error, storage::Error::Wiped { .. });
    let why = Refusal { is_wiped, vi: format!("{}\n({chain})", said.vi), en: format!("{}\n({chain})", said.en) };
    let address = config.page.listen;
    Some(Told { address, hosts: config.page.hosts(address.port()), why })
}

/// The service has ended with a reason that is not found here.
fn unknown(path: &Path) -> Told {
    let (address, hosts) = Config::load(path)
        .map_or_else(|_| (USUAL, usual_hosts()), |config| (config.page.listen, config.page.hosts(config.page.listen.port())));
    let why = Refusal {
        vi: "Dịch vụ đã dừng và cần người xem: journalctl -u bhyt-agent.".to_owned(),
        en: "The service has stopped and somebody has to look: journalctl -u bhyt-agent.".to_owned(),
        is_wiped: false,
    };
    Told { address, hosts, why }
}

fn usual_hosts() -> Vec<String> {
    [format!("localhost:{}", USUAL.port()), USUAL.to_string()].into()
}
