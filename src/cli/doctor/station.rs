//! What only the station's own records can say: told by the service where one runs, else seen in its files.
//!
//! Promise: the same facts either way. Never: a person.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use uuid::Uuid;

use crate::desk::words::Sentence;
use crate::domain::clock::ClockState;
use crate::domain::clock::Now;
use crate::domain::clock::TimeKeeper;
use crate::domain::contact::Machine;
use crate::domain::freshness;
use crate::domain::freshness::Freshness;
use crate::ops::clock::RELEASED_AT;
use crate::ops::clock::SystemClock;
use crate::ops::config::Config;
use crate::storage::cards::Roster;
use crate::storage::visits::Backups;
use crate::storage::visits::Seen;

/// The accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) open: usize,
    pub(super) heads: usize,
}

/// The roster's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Feed {
    pub(super) freshness: Freshness,
    pub(super) as_of: Option<DateTime<Utc>>,
    pub(super) cards: u64,
    /// Whether the clock lets anybody say how old that is.
    pub(super) age_is_known: bool,
}

/// What is not at the province.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outbox {
    pub(super) pending: u64,
    pub(super) parked: u64,
    pub(super) oldest: Option<DateTime<Utc>>,
}

/// How the copies of the visits elsewhere stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    /// When the last good one was made.
    pub(super) good_at: Option<DateTime<Utc>>,
    /// Since when none could be made, and the code of why.
    pub(super) failing: Option<(DateTime<Utc>, String)>,
    /// Since when the visits have been without a good one, as far as anybody can tell.
    pub(super) without_since: Option<DateTime<Utc>>,
}

/// By which configuration a service goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InForce {
    pub(super) path: PathBuf,
    pub(super) loaded_at: DateTime<Utc>,
    /// The file is another one since.
    pub(super) is_outdated: bool,
    /// Keys whose new value waits for a restart.
    pub(super) waiting: Vec<String>,
}

/// All of it; what could not be learned is `None`.
#[expect(clippy::option_option, reason = "not learned; learned that there is none")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Station {
    pub(super) feed: Option<Feed>,
    pub(super) outbox: Option<Outbox>,
    pub(super) accounts: Option<Accounts>,
    /// What the province makes of this machine, and since when; the outer `None`: not learned.
    pub(super) machine: Option<Option<(Machine, DateTime<Utc>)>>,
    /// The copies elsewhere; the outer `None`: not learned, the inner one: none are made.
    pub(super) copies: Option<Option<Copies>>,
    /// The configuration that a service goes by.
    pub(super) in_force: Option<InForce>,
    /// Which record of visits this is; a service does not tell.
    pub(super) install: Option<Uuid>,
    /// What that record was called before, or took the place of; and whether it was put back from a backup under the name it has: `app::identity` judges alike.
    pub(super) former: Vec<Uuid>,
    pub(super) is_put_back: bool,
    /// When station and province last spoke.
    pub(super) contact: Option<DateTime<Utc>>,
    /// Since when the service does not get through to the province.
    pub(super) failing: Option<DateTime<Utc>>,
    /// What a service that runs gives notice of.
    pub(super) notices: Vec<Notice>,
}

/// A notice of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) code: String,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) sentence: Sentence,
}

impl Station {
    /// The notice of a code, if there is one.
    pub(super) fn notice(&self, code: &str) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.code == code)
    }
}

fn notice(value: &Value) -> Option<Notice> {
    let sentence = Sentence::new(value["vi"].as_str().unwrap_or_default(), value["en"].as_str().unwrap_or_default());
    Some(Notice { code: value["code"].as_str()?.to_owned(), since: instant(&value["since"]), sentence })
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

/// As the service tells it.
pub(super) fn told(status: &Value, accounts: Option<&Value>) -> Station {
    let (roster, outbox) = (&status["roster"], &status["outbox"]);
    let freshness = match roster["freshness"].as_str() {
        Some("fresh") => Some(Freshness::Fresh),
        Some("aging") => Some(Freshness::Aging),
        Some("stale") => Some(Freshness::Stale),
        Some("absent") => Some(Freshness::Absent),
        _ => None,
    };
    let notices = status["notices"].as_array().into_iter().flatten();
    let word = |machine: &Value| Some((Machine::parse(machine["state"].as_str()?)?, instant(&machine["since"])?));
    let open = |account: &&Value| account["closed_at"].is_null();
    Station {
        feed: freshness.map(|freshness| Feed {
            freshness,
            as_of: instant(&roster["as_of"]),
            cards: roster["cards"].as_u64().unwrap_or_default(),
            age_is_known: roster["age_is_known"] != false,
        }),
        outbox: outbox["pending"].as_u64().zip(outbox["parked"].as_u64()).map(|(pending, parked)| Outbox {
            pending,
            parked,
            oldest: instant(&outbox["oldest_pending_at"]),
        }),
        accounts: accounts.and_then(Value::as_array).map(|accounts| Accounts {
            open: accounts.iter().filter(open).count(),
            heads: accounts.iter().filter(open).filter(|account| account["role"] == "head").count(),
        }),
        machine: Some(word(&status["machine"])),
        copies: Some(copies(status)),
        in_force: in_force(&status["configuration"]),
        install: None,
        former: Vec::new(),
        is_put_back: false,
        contact: instant(&status["contact"]["succeeded_at"]),
        failing: instant(&status["contact"]["failing"]["since"]),
        notices: notices.filter_map(notice).collect(),
    }
}

fn copies(status: &Value) -> Option<Copies> {
    let told = status["backup"].as_object()?;
    let good_at = told.get("good_at").and_then(instant);
    let failing = told.get("failing").and_then(|failing| Some((instant(&failing["since"])?, failing["code"].as_str()?.to_owned())));
    let notices = status["notices"].as_array().into_iter().flatten();
    let late = notices.filter(|notice| notice["code"] == "backup.late").find_map(|notice| instant(&notice["since"]));
    let without_since = good_at.or(late).or(failing.as_ref().map(|(since, _)| *since));
    Some(Copies { good_at, failing, without_since })
}

fn in_force(told: &Value) -> Option<InForce> {
    let waiting = told["waiting_for_restart"].as_array().into_iter().flatten();
    Some(InForce {
        path: told["path"].as_str()?.into(),
        loaded_at: instant(&told["loaded_at"])?,
        is_outdated: told["is_outdated"] == true,
        waiting: waiting.filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

/// The clock as the service judges it.
pub(super) fn told_clock(status: &Value) -> Option<Now> {
    Some(Now { at: instant(&status["now"])?, state: ClockState::parse(status["clock"].as_str()?).ok()? })
}

/// A keeper of the time that knows what the files know.
pub(super) fn time(visits: Option<&Seen>, cards: Option<&Roster>) -> TimeKeeper {
    let time = TimeKeeper::new(Arc::new(SystemClock::new()), RELEASED_AT);
    if let Some(cursor) = cards.and_then(|cards| cards.cursor.as_ref()) {
        time.vouched(cursor.published_at, cursor.signed_by.as_ref());
    }
    if let Some(at) = visits.and_then(|visits| visits.last_arrival) {
        time.recorded(at);
    }
    if let Some(anchor) = visits.and_then(|visits| visits.anchor.clone()) {
        time.told_before(anchor);
    }
    time
}

/// As the files show it.
pub(super) fn seen(config: &Config, now: Now, visits: Option<&Seen>, cards: Option<&Roster>) -> Station {
    Station {
        feed: cards.map(|cards| {
            let as_of = cards.cursor.as_ref().map(|cursor| cursor.as_of);
            let age = freshness::data_age(as_of, now, config.freshness);
            Feed { freshness: age.freshness, as_of, cards: cards.cards, age_is_known: age.doubted.is_none() }
        }),
        outbox: visits.map(|visits| Outbox {
            pending: visits.counts.pending,
            parked: visits.counts.parked,
            oldest: visits.counts.oldest_pending_at,
        }),
        accounts: visits.map(|visits| Accounts { open: visits.accounts, heads: visits.heads }),
        machine: visits.map(|visits| visits.machine.map(|(machine, _, since)| (machine, since))),
        copies: visits.map(|visits| {
            let Backups { good_at, failing, began_at } = visits.backups.clone();
            let failing = failing.map(|(since, code)| (since, code.into_string()));
            Some(Copies { good_at, failing, without_since: Some(good_at.unwrap_or(began_at)) })
        }),
        in_force: None,
        install: visits.map(|visits| visits.install),
        former: visits.map(|visits| visits.former.clone()).unwrap_or_default(),
        is_put_back: visits.is_some_and(|visits| visits.restored_at.is_some_and(|at| at <= visits.since)),
        contact: cards.and_then(|cards| cards.cursor.as_ref()).map(|cursor| cursor.fetched_at),
        failing: None,
        notices: Vec::new(),
    }
}
