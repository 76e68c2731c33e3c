//! What systemd is told: ready, what is going on, alive, stopping.
//!
//! Promise: without systemd every call does nothing. Never: a failure of the daemon because systemd did not listen, or a sign of
//! life from a process that cannot do its work.

use core::time::Duration;

use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::logging::Chain;

/// The desk can be served. Needs no network.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// The configuration is being read again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        // One message: systemd takes the one only together with the other.
        Ok(now) => tell_all(&[NotifyState::Reloading, now]),
        Err(error) => warn!(name: "service.systemd-unheard", error = %Chain(&error), "the time for systemd cannot be read"),
    }
}

/// How long systemd waits for a sign of life, if it does.
pub fn watchdog_limit() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

/// The process is on its way out.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

/// One line for `systemctl status`: counts and ages, never a person.
pub fn status(text: &str) {
    // A line end would begin another message.
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    tell(&NotifyState::Status(&line));
}

fn tell(state: &NotifyState<'_>) {
    tell_all(core::slice::from_ref(state));
}

fn tell_all(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(name: "service.systemd-unheard", error = %Chain(&error), "systemd does not listen");
    }
}

/// Says that the process is alive, twice per watchdog interval, until told to stop; each time only after `alive` has answered yes: a real round trip
/// through what must not hang. An answer that does not come keeps the sign of life back, which is what the watchdog is for.
pub async fn watchdog_while<F, A>(stop: CancellationToken, alive: F)
where
    F: Fn() -> A,
    A: Future<Output = bool>,
{
    let feed = async {
        let Some(limit) = watchdog_limit() else {
            return core::future::pending().await;
        };
        let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            if alive().await {
                tell(&NotifyState::Watchdog);
            } else {
                warn!(name: "service.not-alive", "not alive: no sign of life for systemd");
            }
        }
    };
    stop.run_until_cancelled(feed).await;
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;
    use std::process::Stdio;

    use super::*;

    /// The environment is the process's, so each case runs this test binary again.
    #[tokio::test]
    #[ignore = "run by the tests below in a process of its own"]
    async fn child() {
        ready();
        status("hai\nREADY=1");
        let stop = CancellationToken::new();
        let dead = env::var_os("BHYT_TEST_DEAD").is_some();
        let fed = tokio::spawn(watchdog_while(stop.clone(), move || core::future::ready(!dead)));
        tokio::time::sleep(Duration::from_millis(500)).await;
        stop.cancel();
        fed.await.unwrap();
        stopping();
    }

    fn child_tells(variables: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "ops::notify::tests::child", "--ignored"]).env_remove("WATCHDOG_USEC").env_remove("WATCHDOG_PID");
        command.env("NOTIFY_SOCKET", &path).envs(variables.iter().copied()).stdout(Stdio::null());
        assert!(command.status().unwrap().success());
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 200];
        core::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|n| String::from_utf8_lossy(&buffer[..n]).trim_end().to_owned())).collect()
    }

    #[test]
    fn a_sign_of_life_comes_twice_per_interval() {
        let told = child_tells(&[("WATCHDOG_USEC", "200000")]);
        assert_eq!(told[..2], ["READY=1", "STATUS=hai READY=1"]);
        let signs = told.iter().filter(|text| *text == "WATCHDOG=1").count();
        assert!((2..=6).contains(&signs), "{told:?}");
        assert_eq!(told.last().map(String::as_str), Some("STOPPING=1"));
    }

    #[test]
    fn the_dead_give_no_sign_of_life() {
        let told = child_tells(&[("WATCHDOG_USEC", "200000"), ("BHYT_TEST_DEAD", "1")]);
        assert_eq!(told, ["READY=1", "STATUS=hai READY=1", "STOPPING=1"]);
    }

    #[test]
    fn without_a_watchdog_the_task_waits_for_its_stop() {
        assert_eq!(child_tells(&[]), ["READY=1", "STATUS=hai READY=1", "STOPPING=1"]);
    }
}
