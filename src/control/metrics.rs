//! The figures for a monitoring program: Prometheus' text, exposition format 0.0.4.
//!
//! Promise: facts that are kept anyway, read at the moment of the question; base units, names and types never change meaning (FROZEN: families are added);
//! every label is one of a code's few values. Never: an identifier, a name, a path or an address; a look that writes.
//!
//! Written out here and not by a library: `prometheus-client` speaks `OpenMetrics` only, whose counters are named otherwise, and either it or `prometheus`
//! wants every figure kept a second time in a register of its own, where it could come to differ from what `status` says.

use core::fmt::Display;
use core::fmt::Write;
use core::time::Duration;

use chrono::DateTime;
use chrono::Utc;

use super::running::Running;
use super::running::VERSION;
use crate::desk::Notice;
use crate::desk::Overview;
use crate::domain::access::Act;
use crate::domain::clock::ClockState;
use crate::domain::freshness::Freshness;
use crate::sync::status::Direction;
use crate::sync::status::Link;

/// What the text is served as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is told of.
pub(super) struct Facts<'f> {
    pub(super) overview: &'f Overview,
    pub(super) notices: &'f [Notice],
    pub(super) acts: Vec<(Act, u64)>,
    pub(super) quarantined: usize,
    /// Desks on the house's network that are paired; `None`: that cannot be read now.
    pub(super) desks: Option<usize>,
    /// By how much the machine's clock is ahead of the time gone by; `None`: that is not known.
    pub(super) clock_ahead: Option<f64>,
    pub(super) running: Option<&'f Running>,
}

/// The text as it grows: a family is written once, with all its samples, and not at all where nothing is known.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family<L: AsRef<str>, V: Display>(&mut self, name: &str, kind: &str, help: &str, samples: impl IntoIterator<Item = (L, V)>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels = labels.as_ref();
            let _ = if labels.is_empty() { writeln!(self.0, "{name} {value}") } else { writeln!(self.0, "{name}{{{labels}}} {value}") };
        }
    }

    fn gauge<V: Display>(&mut self, name: &str, help: &str, value: Option<V>) {
        self.family(name, "gauge", help, value.map(|value| ("", value)));
    }

    fn counter<V: Display>(&mut self, name: &str, help: &str, value: Option<V>) {
        self.family(name, "counter", help, value.map(|value| ("", value)));
    }

    /// One sample for every value of a code, one of which is 1.
    fn state(&mut self, name: &str, help: &str, states: impl IntoIterator<Item = (&'static str, bool)>) {
        self.family(name, "gauge", help, states.into_iter().map(|(code, is_it)| (label("state", code), u8::from(is_it))));
    }
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

fn seconds(at: DateTime<Utc>) -> i64 {
    at.timestamp()
}

/// Writes the text.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let mut page = Page::default();
    if let Some(running) = facts.running {
        process(&mut page, running);
    }
    page.family(
        "bhyt_notices",
        "gauge",
        "What needs somebody, by its code: the same codes as in bhyt-agent status.",
        noticed(facts.notices),
    );
    clock(&mut page, facts);
    roster(&mut page, facts.overview);
    outbox(&mut page, facts.overview);
    sync(&mut page, facts.overview);
    let room = facts.overview.room;
    page.gauge("bhyt_disk_free_bytes", "Room left on the disk of the data folder.", room.free);
    page.gauge("bhyt_visits_unsavable", "1 while no visit can be saved.", Some(u8::from(room.unsaved.is_some())));
    page.gauge("bhyt_databases_quarantined", "Damaged databases that were set aside and are still there.", Some(facts.quarantined));
    page.gauge("bhyt_desks_paired", "Other desks of the station that are let in.", facts.desks);
    let acts = facts.acts.iter().map(|(act, count)| (label("act", act.code()), *count));
    page.family(
        "bhyt_desk_acts_total",
        "counter",
        "What was done at the desks since the start: look-ups, visits, wrong PINs (sign_in_failed).",
        acts,
    );
    page.0
}

fn noticed(notices: &[Notice]) -> Vec<(String, usize)> {
    let mut codes: Vec<_> = notices.iter().map(|notice| notice.code).collect();
    codes.sort_unstable();
    codes.chunk_by(|a, b| a == b).map(|alike| (label("code", alike.first().copied().unwrap_or_default()), alike.len())).collect()
}

fn process(page: &mut Page, running: &Running) {
    page.family("bhyt_build_info", "gauge", "Which program this is.", [(label("version", VERSION), 1)]);
    page.family("bhyt_rules_info", "gauge", "Which rule tables are in force.", [(label("version", &running.rules_version), 1)]);
    page.gauge("process_start_time_seconds", "When the process was started, since the epoch.", Some(seconds(running.started_at)));
    page.counter("process_cpu_seconds_total", "Processor time.", running.processor.as_ref().map(Duration::as_secs_f64));
    page.gauge("process_resident_memory_bytes", "Memory held.", running.memory);
    let [open, most] = running.files;
    page.gauge("process_open_fds", "Files and sockets open.", open);
    page.gauge("process_max_fds", "Files and sockets that may be open.", most);
    page.gauge(
        "bhyt_watchdog_limit_seconds",
        "How long systemd waits for a sign of life.",
        running.watchdog.as_ref().map(Duration::as_secs_f64),
    );
    let configuration = &running.configuration;
    page.gauge(
        "bhyt_configuration_loaded_timestamp_seconds",
        "When the configuration in force was read.",
        Some(seconds(configuration.loaded_at)),
    );
    let is_taken = u8::from(configuration.refused.is_none());
    page.gauge("bhyt_configuration_last_reload_successful", "0 if the file was read again and not taken.", Some(is_taken));
    page.gauge(
        "bhyt_configuration_outdated",
        "1 if the file is another one than what is in force.",
        Some(u8::from(configuration.is_outdated)),
    );
    page.gauge(
        "bhyt_configuration_keys_waiting_for_restart",
        "Keys whose new value waits for a restart.",
        Some(configuration.waiting.len()),
    );
}

fn clock(page: &mut Page, facts: &Facts<'_>) {
    let now = facts.overview.now;
    let states = [ClockState::Plausible, ClockState::Behind, ClockState::FarAhead, ClockState::Learned];
    page.state("bhyt_clock_state", "What the machine's clock is taken for.", states.map(|state| (state.code(), state == now.state)));
    page.gauge("bhyt_clock_ahead_seconds", "By how much the machine's clock is ahead of the time gone by.", facts.clock_ahead);
    page.gauge("bhyt_clock_time_seconds", "The time gone by, since the epoch.", Some(seconds(now.at)));
}

fn roster(page: &mut Page, overview: &Overview) {
    let (roster, age) = (&overview.roster, &overview.data_age);
    let cursor = roster.cursor.as_ref();
    page.gauge("bhyt_roster_serial", "Serial of the roster held.", cursor.map(|cursor| cursor.serial.0));
    page.gauge("bhyt_roster_offered_serial", "Serial of the newest verified index.", overview.sync.offered.map(|serial| serial.0));
    page.gauge("bhyt_roster_as_of_timestamp_seconds", "What instant the roster speaks of.", cursor.map(|cursor| seconds(cursor.as_of)));
    page.gauge("bhyt_roster_fetched_timestamp_seconds", "When it was taken in.", cursor.map(|cursor| seconds(cursor.fetched_at)));
    let known = age.age.filter(|_| age.doubted.is_none());
    page.gauge("bhyt_roster_age_seconds", "How old the roster is; missing while the clock is doubted.", known.map(|age| age.num_seconds()));
    let all = [Freshness::Fresh, Freshness::Aging, Freshness::Stale, Freshness::Absent];
    page.state("bhyt_roster_freshness", "What the roster's age is called.", all.map(|state| (state.code(), state == age.freshness)));
    page.gauge("bhyt_roster_people", "People on the roster.", Some(roster.cards));
    page.gauge("bhyt_roster_unreadable_people", "Of these, people with a value that this version cannot read.", Some(roster.unreadable));
    page.gauge("bhyt_roster_held", "1 while a roster waits for a person to agree.", Some(u8::from(overview.sync.held.is_some())));
}

fn outbox(page: &mut Page, overview: &Overview) {
    let unsent = &overview.unsent;
    page.gauge("bhyt_outbox_pending", "Revisions of visits without a receipt.", Some(unsent.pending));
    page.gauge("bhyt_outbox_pending_visits", "Visits they are of.", Some(unsent.pending_visits));
    let oldest = unsent.oldest_pending_at;
    page.gauge("bhyt_outbox_oldest_timestamp_seconds", "When the oldest of them came.", oldest.map(seconds));
    // By a doubted clock it would be an age of nothing.
    let age = oldest.filter(|_| !overview.now.state.is_suspect()).map(|oldest| (overview.now.at - oldest).num_seconds().max(0));
    page.gauge(
        "bhyt_outbox_oldest_age_seconds",
        "How long it waits; 0 if nothing does, missing while the clock is doubted.",
        age.or((unsent.pending == 0).then_some(0)),
    );
    page.gauge("bhyt_outbox_parked", "Visits that the province refused and nobody has seen to.", Some(unsent.parked));
    page.gauge("bhyt_outbox_put_off", "Visits that wait because the province asked for it or could not take them.", Some(unsent.put_off));
    page.gauge("bhyt_outbox_unfit", "Of these, visits that the province could not take.", Some(unsent.unfit));
    page.gauge("bhyt_visits_set_aside_unsent", "Visits in files set aside that are neither here nor confirmed.", Some(unsent.aside));
    page.gauge("bhyt_receipts_held", "Revisions that the province has confirmed.", Some(unsent.delivered));
    page.gauge("bhyt_visits_sequence", "Number of the last revision saved.", Some(unsent.highest.0));
    page.gauge("bhyt_visits_rechecks", "Visits that would now be judged otherwise and that nobody has looked at.", Some(unsent.rechecks));
}

fn sync(page: &mut Page, overview: &Overview) {
    let sync = &overview.sync;
    let links = [Link::NotConfigured, Link::NotEnrolled, Link::Unusable, Link::Ready];
    page.state(
        "bhyt_link_state",
        "Whether there are configuration and keys for the province.",
        links.map(|link| (link.code(), link == sync.link)),
    );
    let each = || Direction::ALL.into_iter().map(|direction| (label("direction", direction.name()), sync.activity(direction)));
    let rounds = each().map(|(name, activity)| (name, activity.rounds));
    page.family("bhyt_sync_rounds_total", "counter", "Tries that came to an end since the start, well or not.", rounds);
    let failures = each().map(|(name, activity)| (name, activity.failures));
    page.family("bhyt_sync_failures_total", "counter", "Of these, tries that failed.", failures);
    let last = each().filter_map(|(name, activity)| Some((name, seconds(activity.succeeded_at?))));
    page.family("bhyt_sync_last_success_timestamp_seconds", "gauge", "When it last went through.", last);
    let last = each().filter_map(|(name, activity)| Some((name, seconds(activity.failed_at?))));
    page.family("bhyt_sync_last_failure_timestamp_seconds", "gauge", "When it last failed.", last);
    let next = each().filter_map(|(name, activity)| Some((name, seconds(activity.next_at?))));
    page.family("bhyt_sync_next_timestamp_seconds", "gauge", "When it is tried next of its own accord.", next);
    let since = each().filter_map(|(name, activity)| Some((name, seconds(activity.failing.as_ref()?.since))));
    page.family("bhyt_sync_failing_since_timestamp_seconds", "gauge", "Since when it fails; missing while it works.", since);
    let failing = each().filter_map(|(name, activity)| {
        let failing = activity.failing.as_ref()?;
        Some((format!("{name},{}", label("code", failing.trouble.code())), failing.tries))
    });
    page.family("bhyt_sync_failing_tries", "gauge", "Tries in a row that failed, by the latest reason; missing while it works.", failing);
    page.gauge("bhyt_link_used_today_bytes", "Bytes that went over the link today, both ways.", sync.used_today);
    page.gauge("bhyt_link_allowed_today_bytes", "How many may, before downloads wait for tomorrow.", sync.allowed_today);
    let life = sync.certificate;
    page.gauge(
        "bhyt_certificate_not_before_timestamp_seconds",
        "From when the station's certificate is in force.",
        life.map(|life| seconds(life.not_before)),
    );
    page.gauge("bhyt_certificate_not_after_timestamp_seconds", "Until when.", life.map(|life| seconds(life.not_after)));
    let left = life.map(|life| (life.not_after - overview.now.at).num_seconds());
    page.gauge("bhyt_certificate_remaining_seconds", "How much of that is left, by the time gone by.", left);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_line() {
        let mut page = Page::default();
        page.family("a", "gauge", "H.", [(label("b", "c\"d\\e\nf"), 1)]);
        page.gauge("nothing", "H.", None::<u8>);
        assert_eq!(page.0, "# HELP a H.\n# TYPE a gauge\na{b=\"c\\\"d\\\\e\\nf\"} 1\n");
    }
}
