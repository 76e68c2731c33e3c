//! Every notice there is, against `tests/fixtures/status/notices.json`: what people read is looked at as a text, not as code.
//!
//! A new variant does not compile until it is in one of the lists below, and is not green until its sentence is in the fixture.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::domain::clock::Now;
use crate::domain::clock::OddTime;
use crate::domain::contact::Ahead;
use crate::domain::freshness::DataAge;
use crate::domain::outage::Outage;
use crate::domain::roster::PullCursor;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::Upheaval;
use crate::domain::visit::Sequence;
use crate::storage::Mismatch;
use crate::storage::cards::Roster;
use crate::storage::folder;
use crate::storage::visits::Counts;
use crate::storage::visits::Room;
use crate::storage::visits::Unfit;
use crate::storage::visits::Unsaved;
use crate::sync::status::Activity;
use crate::sync::status::CertificateLife;
use crate::sync::status::Failing;
use crate::sync::status::Fault;
use crate::sync::status::Held;
use crate::sync::status::OtherRecord;
use crate::sync::status::PullRefusal;
use crate::sync::status::Refusal;
use crate::sync::status::SnapshotReason;

const FIXTURE: &str = "tests/fixtures/status/notices.json";

/// Longer is not read at a counter.
const LONGEST: usize = 220;

/// Words of programs that have no place in a sentence for the desk. What an administrator types stands apart and is left out before.
const JARGON: [&str; 30] = [
    "server",
    "certificate",
    "token",
    "tls",
    "digest",
    "snapshot",
    "delta",
    "index",
    "contract",
    "ledger",
    "timeout",
    "http",
    "proxy",
    "sync",
    "roster",
    "outbox",
    "status",
    "error",
    "portal",
    "cache",
    "log",
    "socket",
    "json",
    "offline",
    "online",
    "backup",
    "database",
    "install",
    "hash",
    "wifi",
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn calm() -> Overview {
    let cursor = PullCursor {
        session: SessionId(uuid::Uuid::nil()),
        serial: Serial(7),
        state: Sha256Digest([0; 32]),
        as_of: at("2026-11-20T13:00:00Z"),
        published_at: at("2026-11-20T14:00:00Z"),
        signed_by: None,
        fetched_at: at("2026-11-20T15:00:00Z"),
    };
    let mut overview = Overview {
        now: Now { at: at("2026-11-21T03:00:00Z"), state: ClockState::Plausible },
        roster: Roster { cursor: Some(cursor), cards: 120, unreadable: 0 },
        data_age: DataAge { freshness: Freshness::Fresh, age: Some(TimeDelta::hours(14)), worsens_at: None, doubted: None },
        unsent: Counts::default(),
        room: Room::default(),
        sync: SyncStatus::default(),
        outages: Arc::from([]),
        backup: None,
    };
    overview.sync.link = Link::Ready;
    overview
}

fn with(change: impl FnOnce(&mut Overview)) -> Overview {
    let mut overview = calm();
    change(&mut overview);
    overview
}

const UPHEAVAL: Upheaval = Upheaval { held: 120, gone: 40, stopped: 5 };

/// Every trouble. The match is the reminder: a variant that is not in it does not compile, and whoever adds it adds it to the list.
fn every_trouble() -> Vec<(String, Trouble)> {
    use Trouble as T;
    let mut all = vec![T::Unreachable, T::Stranger, T::ServerBusy, T::AllowanceUsed, T::Held(UPHEAVAL), T::DiskFull, T::Storage, T::Keys];
    let distrusts = [
        Distrust::OtherServer,
        Distrust::ServerExpired,
        Distrust::OurCertificateExpired,
        Distrust::OurCertificateRefused,
        Distrust::Unclear,
    ];
    let refusals =
        ["no_certificate", "revoked_certificate", "replaced_certificate", "other_station", "other_key", "too_late", "something_new"];
    let faults = [
        Fault::Signature,
        Fault::Index,
        Fault::Answer,
        Fault::Certificate,
        Fault::OtherStation,
        Fault::UnknownFormat,
        Fault::Digest,
        Fault::TooLarge,
        Fault::Range,
        Fault::Sealed,
        Fault::Packed,
        Fault::Line(17),
        Fault::Request,
        Fault::Receipts,
        Fault::KeyChain,
    ];
    let mismatches = [
        Mismatch::MissingPerson,
        Mismatch::KnownPerson,
        Mismatch::RowCount,
        Mismatch::Header,
        Mismatch::StateDigest,
        Mismatch::CursorMoved,
    ];
    all.extend(distrusts.map(T::Untrusted));
    all.extend(refusals.map(|code| T::Refused(Refusal::new(code))));
    all.extend(faults.map(T::Contract));
    all.extend([PullRefusal::Older, PullRefusal::Ahead, PullRefusal::Expired, PullRefusal::Rewritten].map(T::Index));
    all.extend(mismatches.map(T::Mismatch));
    let name = |trouble: &Trouble| match trouble {
        T::Unreachable | T::Stranger | T::ServerBusy | T::AllowanceUsed | T::Held(_) | T::DiskFull | T::Storage | T::Keys => {
            trouble.code().to_owned()
        }
        T::Untrusted(why) => match why {
            Distrust::OtherServer
            | Distrust::ServerExpired
            | Distrust::OurCertificateExpired
            | Distrust::OurCertificateRefused
            | Distrust::Unclear => format!("untrusted {}", why.code()),
        },
        T::Refused(code) => format!("refused {code}"),
        T::Contract(fault) => match fault {
            Fault::Signature
            | Fault::Index
            | Fault::Answer
            | Fault::Certificate
            | Fault::OtherStation
            | Fault::UnknownFormat
            | Fault::Digest
            | Fault::TooLarge
            | Fault::Range
            | Fault::Sealed
            | Fault::Packed
            | Fault::Line(_)
            | Fault::Request
            | Fault::Receipts
            | Fault::KeyChain => format!("contract {fault:?}"),
        },
        T::Index(why) => match why {
            PullRefusal::Older | PullRefusal::Ahead | PullRefusal::Expired | PullRefusal::Rewritten => format!("index {}", why.code()),
        },
        T::Mismatch(why) => match why {
            Mismatch::MissingPerson
            | Mismatch::KnownPerson
            | Mismatch::RowCount
            | Mismatch::Header
            | Mismatch::StateDigest
            | Mismatch::CursorMoved
            | Mismatch::Upheaval(_) => format!("mismatch {why:?}"),
        },
    };
    all.into_iter().map(|trouble| (name(&trouble), trouble)).collect()
}

fn failing(trouble: &Trouble) -> Activity {
    let failing = Failing { since: at("2026-11-21T02:10:00Z"), tries: 3, trouble: trouble.clone() };
    Activity { failing: Some(failing), next_at: Some(at("2026-11-21T03:20:00Z")), ..Activity::default() }
}

fn ahead() -> Ahead {
    let (first_received_at, last_received_at) = (at("2026-11-19T01:00:00Z"), at("2026-11-20T09:30:00Z"));
    Ahead { highest: Sequence(412), visits: 57, first_received_at, last_received_at }
}

fn set_aside(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A name, and what it changes in calm counts.
type PutOffCase = (&'static str, fn(&mut Counts));

/// How visits can be put off.
fn every_put_off() -> Vec<PutOffCase> {
    vec![
        ("visits put off", |c| (c.put_off, c.put_off_until) = (12, Some(at("2026-11-21T03:30:00Z")))),
        ("visits put off, by a clock that is set since", |c| (c.put_off, c.put_off_until) = (12, Some(at("2037-11-21T03:30:00Z")))),
        ("visits too large", |c| {
            (c.put_off, c.unfit, c.unfit_why, c.put_off_until) = (1, 1, Some(Unfit::TooLarge), Some(at("2026-11-21T03:30:00Z")));
        }),
        ("visits unreadable, and due", |c| {
            (c.put_off, c.unfit, c.unfit_why, c.put_off_until) = (2, 2, Some(Unfit::Unreadable), Some(at("2026-11-21T02:30:00Z")));
        }),
        ("visits too large again and again", |c| {
            (c.put_off, c.unfit, c.unfit_often, c.unfit_why, c.put_off_until) =
                (2, 2, 1, Some(Unfit::TooLarge), Some(at("2026-11-21T03:30:00Z")));
        }),
        ("visits unreadable again and again", |c| {
            (c.put_off, c.unfit, c.unfit_often, c.unfit_why, c.put_off_until) =
                (2, 2, 2, Some(Unfit::Unreadable), Some(at("2026-11-21T03:30:00Z")));
        }),
    ]
}

/// Name, code and sentence of every case.
#[expect(clippy::too_many_lines, reason = "a list")]
fn every_case() -> Vec<(String, String, Sentence)> {
    let mut cases = Vec::new();
    let mut case = |name: &str, overview: Overview, quarantined: &[&str]| {
        let notices = of(&overview, &set_aside(quarantined));
        let [notice] = notices.as_slice() else { panic!("{name}: one notice, not {notices:?}") };
        cases.push((name.to_owned(), notice.code.to_owned(), notice.sentence.clone()));
    };
    case("visits set aside", calm(), &["20261121T013000Z-visits.db"]);
    case("visits set aside twice, another day", calm(), &["20261119T013000Z-visits.db", "20261120T013000Z-visits.db"]);
    case("cards set aside", calm(), &["20261121T013000Z-cards.db"]);
    let since = at("2026-11-21T00:30:00Z");
    for (machine, ahead) in [
        (Machine::Copied, None),
        (Machine::FellBack, None),
        (Machine::FellBack, Some(ahead())),
        (Machine::Known, Some(ahead())),
        (Machine::Known, None),
    ] {
        let name = match (machine, ahead) {
            (Machine::Copied, _) => "machine copied",
            (Machine::FellBack, None) => "machine fell back",
            (Machine::FellBack, Some(_)) => "machine fell back and lacks visits",
            // The same words as before it was known again.
            (Machine::Known, _) => continue,
        };
        case(name, with(|overview| overview.sync.machine = Some((machine, ahead, since).into())), &[]);
    }
    for state in [ClockState::Plausible, ClockState::Behind, ClockState::FarAhead, ClockState::Learned] {
        match state {
            ClockState::Plausible => {}
            ClockState::Behind | ClockState::FarAhead | ClockState::Learned => {
                case(&format!("clock {}", state.code()), with(|overview| overview.now.state = state), &[]);
            }
        }
    }
    let (signed, told) = (at("2027-11-20T14:00:00Z"), at("2026-11-21T02:59:00Z"));
    for (name, odd) in [
        ("province signed ahead of its own clock", OddTime::SignedAhead { signed, told }),
        ("province tells a wrong time", OddTime::ToldWrong { told: at("1970-01-01T00:10:00Z") }),
        ("province, its signature and this machine disagree", OddTime::Unclear { signed, told }),
    ] {
        case(name, with(|overview| (overview.now.state, overview.sync.odd_time) = (ClockState::Behind, Some(odd))), &[]);
    }
    case("a wipe order waits", with(|overview| overview.sync.wipe_waits = Some(since)), &[]);
    for freshness in [Freshness::Fresh, Freshness::Aging, Freshness::Stale, Freshness::Absent] {
        match freshness {
            Freshness::Fresh | Freshness::Aging => {}
            Freshness::Stale | Freshness::Absent => {
                case(&format!("data {}", freshness.code()), with(|overview| overview.data_age.freshness = freshness), &[]);
            }
        }
    }
    for (name, is_full) in [("full", true), ("failed", false)] {
        let unsaved = with(|overview| overview.room.unsaved = Some(Unsaved { since, is_full }));
        case(&format!("visits cannot be saved, disk {name}"), unsaved, &[]);
    }
    case("little room", with(|overview| overview.room.free = Some(40 << 20)), &[]);
    case("visits refused", with(|overview| overview.unsent.parked = 3), &[]);
    for (name, change) in every_put_off() {
        case(name, with(|overview| change(&mut overview.unsent)), &[]);
    }
    for link in [Link::NotConfigured, Link::NotEnrolled, Link::Unusable, Link::Ready] {
        match link {
            Link::Ready => {}
            Link::NotConfigured | Link::NotEnrolled | Link::Unusable => {
                case(&format!("link {}", link.code()), with(|overview| overview.sync.link = link), &[]);
            }
        }
    }
    for what in [AskedFor::Enrolment, AskedFor::Replacement] {
        let (name, link) = match what {
            AskedFor::Enrolment => ("enrolment asked for and not answered", Link::NotEnrolled),
            AskedFor::Replacement => ("replacement asked for and not answered", Link::Ready),
        };
        let asked = Some(Asked { what, since: Some(since) });
        case(name, with(|overview| (overview.sync.link, overview.sync.identity.asked) = (link, asked)), &[]);
    }
    let other = |since| Some(OtherRecord { since });
    case("another record of visits", with(|overview| overview.sync.identity.other_record = other(Some(since))), &[]);
    case("another record of visits, begun by a wrong clock", with(|overview| overview.sync.identity.other_record = other(None)), &[]);
    let held = Held { since, upheaval: UPHEAVAL, state: Sha256Digest([1; 32]) };
    case("roster held back", with(|overview| overview.sync.held = Some(held)), &[]);
    case("roster held back and agreed to", with(|overview| overview.sync.agreed = Some(Sha256Digest([1; 32]))), &[]);
    case("visits rechecked", with(|overview| overview.unsent.rechecks = 4), &[]);
    case("province restored", with(|overview| overview.sync.requeued = Some((96, since))), &[]);
    let life = |end: &str| Some(CertificateLife { not_before: at("2025-12-01T00:00:00Z"), not_after: at(end) });
    case("certificate ends soon", with(|overview| overview.sync.certificate = life("2026-12-01T00:00:00Z")), &[]);
    let not_yet = CertificateLife { not_before: at("2027-12-26T00:00:00Z"), not_after: at("2028-12-26T00:00:00Z") };
    let too_late = with(|overview| {
        overview.sync.certificate = life("2027-12-01T00:00:00Z");
        overview.sync.contact = failing(&Trouble::Refused(Refusal::new("too_late")));
    });
    case("refused too_late, by the province's clock only", too_late, &[]);
    case(
        "certificate has not begun",
        with(|overview| {
            overview.sync.certificate = Some(not_yet);
            overview.sync.contact = failing(&Trouble::Untrusted(Distrust::OurCertificateExpired));
        }),
        &[],
    );
    case("certificate ended", with(|overview| overview.sync.certificate = life("2026-11-18T00:00:00Z")), &[]);
    for (name, trouble) in every_trouble() {
        let budget = |overview: &mut Overview| {
            (overview.sync.used_today, overview.sync.allowed_today) = (Some(49_200_000), Some(50_000_000));
        };
        let pull = with(|overview| {
            budget(overview);
            overview.sync.pull = failing(&trouble);
        });
        case(&format!("{name}, pull"), pull, &[]);
        if matches!(trouble, Trouble::Held(_)) {
            continue;
        }
        let several = with(|overview| {
            budget(overview);
            overview.sync.pull = failing(&trouble);
            overview.sync.contact = failing(&trouble);
        });
        case(&format!("{name}, several"), several, &[]);
        if matches!(trouble, Trouble::Unreachable | Trouble::ServerBusy) {
            for direction in Direction::ALL {
                let one = with(|overview| match direction {
                    Direction::Push => overview.sync.push = failing(&trouble),
                    Direction::Contact => overview.sync.contact = failing(&trouble),
                    Direction::Ask => overview.sync.ask = failing(&trouble),
                    Direction::Pull => overview.sync.pull = failing(&trouble),
                });
                if direction != Direction::Pull {
                    case(&format!("{name}, {}", direction.name()), one, &[]);
                }
            }
        }
    }
    for reason in
        [SnapshotReason::First, SnapshotReason::NewSession, SnapshotReason::Gap, SnapshotReason::Cheaper, SnapshotReason::Mismatch]
    {
        match reason {
            SnapshotReason::First
            | SnapshotReason::NewSession
            | SnapshotReason::Gap
            | SnapshotReason::Cheaper
            | SnapshotReason::Mismatch => {
                let code = format!("snapshot_reason.{}", reason.code());
                cases.push((format!("whole list, {}", reason.code()), code, words::snapshot_reason(reason)));
            }
        }
    }
    cases.push(("service not running".to_owned(), "not_running".to_owned(), words::not_running()));
    cases
}

#[test]
fn every_notice_says_what_the_fixture_says_and_nothing_is_left_over() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    let case = |(name, code, said): (String, String, Sentence)| json!({ "case": name, "code": code, "vi": said.vi, "en": said.en });
    let built: Vec<_> = every_case().into_iter().map(case).collect();
    if std::env::var_os("BHYT_WRITE_FIXTURES").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&built).unwrap() + "\n").unwrap();
    }
    let fixture: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let by_name =
        |cases: Vec<Value>| cases.into_iter().map(|case| (case["case"].as_str().unwrap().to_owned(), case)).collect::<BTreeMap<_, _>>();
    let (count, stored) = (built.len(), fixture.len());
    let (built, fixture) = (by_name(built), by_name(fixture));
    assert_eq!((built.len(), fixture.len()), (count, stored), "a name twice");
    let names = built.keys().chain(fixture.keys()).collect::<BTreeSet<_>>();
    let differ: Vec<_> = names.into_iter().filter(|name| built.get(*name) != fixture.get(*name)).collect();
    assert!(differ.is_empty(), "not the same as in {FIXTURE}, or in one of the two only: {differ:#?}");
}

#[test]
fn every_sentence_is_short_its_own_and_free_of_jargon() {
    let mut seen = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, _, said) in every_case() {
        for text in [&said.vi, &said.en] {
            if text.chars().count() > LONGEST {
                faults.push(format!("{name}: {} characters: {text}", text.chars().count()));
            }
            if !text.ends_with('.') || text.matches(". ").count() > 2 {
                faults.push(format!("{name}: one sentence, or two short ones: {text}"));
            }
            if let Some(other) = seen.insert(text.clone(), name.clone()) {
                faults.push(format!("{name} says the same as {other}: {text}"));
            }
        }
        let plain = ["bhyt-agent accept-roster", "bhyt-agent replace-this-machine", "sudo bhyt-agent setup", "[province]"]
            .into_iter()
            .fold(said.vi.clone(), |text, command| text.replace(command, ""));
        let words: Vec<_> = plain.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
        if let Some(word) = words.iter().find(|word| JARGON.contains(&word.as_str())) {
            faults.push(format!("{name}: {word}: {}", said.vi));
        }
        let vi_letters = |text: &str| text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).count();
        if vi_letters(&said.vi) < 8 || vi_letters(&said.en) > 0 {
            faults.push(format!("{name}: a language in the other's place"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_outage_that_began_before_the_program_was_started_anew_is_told_from_then() {
    let outage = |direction: &str| Outage {
        direction: direction.into(),
        trouble: "unreachable".into(),
        began_at: at("2026-11-20T23:00:00Z"),
        last_try_at: at("2026-11-21T01:00:00Z"),
        tries: 9,
        ended_at: None,
    };
    let since = |direction: &str, trouble: Trouble| {
        let mut overview = calm();
        overview.outages = Arc::from([outage(direction)]);
        overview.sync.pull.failing = Some(Failing { since: at("2026-11-21T02:10:00Z"), tries: 1, trouble });
        of(&overview, &[])[0].since
    };
    assert_eq!(since("pull", Trouble::Unreachable), Some(at("2026-11-20T23:00:00Z")));
    assert_eq!(since("push", Trouble::Unreachable), Some(at("2026-11-21T02:10:00Z")), "another way");
    assert_eq!(since("pull", Trouble::AllowanceUsed), Some(at("2026-11-21T02:10:00Z")), "no outage");
}

#[test]
fn not_covered_too_old_and_refused_never_share_a_sentence() {
    let beginning = |text: &str| text.chars().take(12).collect::<String>();
    let of_case = |overview: Overview| beginning(&of(&overview, &[])[0].sentence.vi);
    let said = [
        beginning("CHƯA TRA ĐƯỢC: "),
        of_case(with(|overview| overview.data_age.freshness = Freshness::Stale)),
        of_case(with(|overview| overview.data_age.freshness = Freshness::Absent)),
        of_case(with(|overview| overview.unsent.parked = 1)),
    ];
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), said.len(), "{said:?}");
}

#[test]
fn the_most_urgent_comes_first_and_nothing_is_left_out() {
    let overview = with(|overview| {
        overview.now.state = ClockState::Learned;
        overview.data_age.freshness = Freshness::Stale;
        (overview.unsent.parked, overview.unsent.rechecks) = (1, 2);
        overview.sync.machine = Some((Machine::Copied, None, at("2026-11-21T00:30:00Z")).into());
        overview.sync.held = Some(Held { since: at("2026-11-21T00:30:00Z"), upheaval: UPHEAVAL, state: Sha256Digest([1; 32]) });
        overview.sync.requeued = Some((5, at("2026-11-21T00:30:00Z")));
        overview.sync.push = failing(&Trouble::Unreachable);
        overview.sync.pull = failing(&Trouble::DiskFull);
        overview.sync.contact = failing(&Trouble::Unreachable);
        overview.sync.ask = failing(&Trouble::Contract(Fault::Answer));
    });
    let notices = of(&overview, &set_aside(&["20261121T013000Z-cards.db", "20261121T013000Z-visits.db"]));
    let labels: Vec<_> = notices.iter().map(Notice::label).collect();
    assert_eq!(
        labels,
        [
            "quarantined:visits",
            "pull:disk_full",
            "machine:copied",
            "quarantined:cards",
            "clock:learned",
            "data:stale",
            "parked",
            "pull:roster_held",
            "unreachable",
            "ask:contract.answer",
            "rechecks",
            "province_restored",
        ]
    );
}

#[test]
fn where_no_visit_can_be_saved_nothing_is_said_of_room_that_is_left_to_them() {
    let codes = |room: Room, trouble: &Trouble| {
        let overview =
            with(|overview| (overview.room, overview.sync.pull, overview.sync.push) = (room, failing(trouble), failing(trouble)));
        of(&overview, &set_aside(&["20261121T013000Z-visits.db"])).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    let (since, little) = (at("2026-11-21T00:30:00Z"), Some(folder::RESERVED - 1));
    for (is_full, code) in [(true, "unsaved.disk_full"), (false, "unsaved.disk_failed")] {
        let room = Room { unsaved: Some(Unsaved { since, is_full }), free: little };
        assert_eq!(codes(room, &Trouble::DiskFull), [code, "quarantined.visits"], "the most urgent");
        assert_eq!(codes(room, &Trouble::Storage), [code, "quarantined.visits"]);
        assert_eq!(codes(room, &Trouble::Unreachable), [code, "quarantined.visits", "unreachable"], "what has another reason is told");
    }
    let room = |free| Room { unsaved: None, free };
    assert_eq!(codes(room(little), &Trouble::DiskFull), ["quarantined.visits", "disk_full", "little_room"]);
    assert_eq!(codes(room(little), &Trouble::Unreachable), ["quarantined.visits", "little_room", "unreachable"]);
    assert_eq!(codes(room(Some(folder::RESERVED)), &Trouble::Unreachable), ["quarantined.visits", "unreachable"]);
    assert_eq!(codes(room(None), &Trouble::DiskFull), ["quarantined.visits", "disk_full"]);
}

#[test]
fn a_suspect_clock_tells_no_hours_of_its_own() {
    for (state, is_told) in
        [(ClockState::Plausible, true), (ClockState::Learned, true), (ClockState::Behind, false), (ClockState::FarAhead, false)]
    {
        let overview = with(|overview| {
            overview.now.state = state;
            overview.sync.pull = failing(&Trouble::ServerBusy);
        });
        let notice = of(&overview, &[]).into_iter().find(|notice| notice.code == "server_busy").unwrap();
        assert_eq!(notice.sentence.vi.contains("09:10") && notice.sentence.vi.contains("10:20"), is_told, "{}", notice.sentence.vi);
        assert_eq!(notice.sentence.vi.contains(':') && notice.sentence.vi.contains("09:10"), is_told);
    }
}

/// The refusal is the work of this machine's own replacement: nobody is to stop it.
#[test]
fn a_machine_whose_replacement_is_open_is_not_told_that_another_one_has_its_place() {
    let asked = |what, refusal: &str, link| {
        let overview = with(|overview| {
            overview.sync.identity.asked = Some(Asked { what, since: None });
            (overview.sync.push, overview.sync.link) = (failing(&Trouble::Refused(Refusal::new(refusal))), link);
        });
        of(&overview, &[]).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert_eq!(asked(AskedFor::Replacement, "replaced_certificate", Link::Ready), ["identity_open"]);
    assert_eq!(asked(AskedFor::Replacement, "too_late", Link::Ready), ["identity_open", "refused.too_late"]);
    assert_eq!(asked(AskedFor::Enrolment, "replaced_certificate", Link::Ready), ["refused.replaced_certificate"], "it is enrolled");
}

#[test]
fn another_record_of_visits_is_told_for_a_month_unless_something_else_says_why() {
    let codes = |days: i64, asked: Option<AskedFor>, aside: &[&str]| {
        let mut overview = with(|overview| {
            overview.sync.identity.other_record = Some(OtherRecord { since: Some(at("2026-11-21T00:30:00Z")) });
            overview.sync.identity.asked = asked.map(|what| Asked { what, since: None });
        });
        overview.now.at += TimeDelta::days(days);
        of(&overview, &set_aside(aside)).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert_eq!((codes(0, None, &[]), codes(29, None, &[])), (vec!["other_record"], vec!["other_record"]));
    assert!(codes(30, None, &[]).is_empty());
    assert_eq!(codes(0, None, &["20261121T013000Z-visits.db"]), ["quarantined.visits"]);
    assert_eq!(codes(0, None, &["20261121T013000Z-cards.db"]), ["other_record", "quarantined.cards"]);
    assert_eq!(codes(0, Some(AskedFor::Replacement), &[]), ["identity_open"]);
}

#[test]
fn a_held_roster_is_told_once_and_outlives_a_lost_link() {
    let held = Some(Held { since: at("2026-11-21T00:30:00Z"), upheaval: UPHEAVAL, state: Sha256Digest([1; 32]) });
    let codes = |trouble: &Trouble| {
        let overview = with(|overview| (overview.sync.held, overview.sync.pull) = (held.clone(), failing(trouble)));
        of(&overview, &[]).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&Trouble::Held(UPHEAVAL)), ["roster_held"]);
    assert_eq!(codes(&Trouble::Unreachable), ["roster_held", "unreachable"]);
    let agreed = |state: [u8; 32]| {
        let overview = with(|overview| {
            (overview.sync.held, overview.sync.pull) = (held.clone(), failing(&Trouble::Held(UPHEAVAL)));
            overview.sync.agreed = Some(Sha256Digest(state));
        });
        of(&overview, &[]).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert_eq!((agreed([1; 32]), agreed([2; 32])), (vec!["roster_agreed"], vec!["roster_held"]), "to exactly that one");
}

#[test]
fn what_a_disk_lacks_is_told_until_everybody_has_seen_it_and_a_restored_province_for_a_day() {
    let codes = |days: i64, overview: fn(&mut Overview)| {
        let mut overview = with(overview);
        overview.now.at += TimeDelta::days(days);
        of(&overview, &[]).iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    let lacking =
        |overview: &mut Overview| overview.sync.machine = Some((Machine::Known, Some(ahead()), at("2026-11-21T00:30:00Z")).into());
    assert_eq!((codes(29, lacking), codes(31, lacking)), (vec!["machine.lacks_visits"], vec![]));
    let restored = |overview: &mut Overview| overview.sync.requeued = Some((5, at("2026-11-21T00:30:00Z")));
    assert_eq!((codes(0, restored), codes(1, restored)), (vec!["province_restored"], vec![]));
    let ended = |overview: &mut Overview| {
        overview.sync.certificate = Some(CertificateLife { not_before: at("2025-12-01T00:00:00Z"), not_after: at("2026-11-18T00:00:00Z") });
        overview.sync.pull = failing(&Trouble::Untrusted(Distrust::OurCertificateExpired));
    };
    assert_eq!(codes(0, ended), ["untrusted.our_certificate_expired"], "once");
}
