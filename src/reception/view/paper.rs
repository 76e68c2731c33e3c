//! What stands on paper.
//!
//! Promise: what the disk says of the visit, with the short code and whether it is a copy. Never: a promise about payment.

use chrono::DateTime;
use chrono::Utc;

use super::options;
use crate::desk::Desk;
use crate::desk::LoggedVisit;
use crate::desk::TakenNumber;
use crate::desk::messages::Messages;
use crate::desk::messages::PaperWords;
use crate::desk::messages::Text;
use crate::desk::paper::Paper;
use crate::desk::paper::Sheet;
use crate::desk::words;
use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::outage::FailedTry;
use crate::domain::outage::Outage;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::slip::SlipPaper;
use crate::domain::verdict::Knowledge;
use crate::domain::visit::Revision;
use crate::domain::visit::ShownVerdict;

/// A paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct PaperView {
    /// `slip`, `evidence` or `number`.
    pub(in crate::reception) kind: &'static str,
    /// Its size: `80mm`, `a5` or `a4`.
    pub(in crate::reception) size: &'static str,
    pub(in crate::reception) station: String,
    pub(in crate::reception) title: String,
    /// It is a copy, and which one.
    pub(in crate::reception) copy: Option<String>,
    /// The number to be called by, where that is all.
    pub(in crate::reception) number: Option<u32>,
    pub(in crate::reception) lines: Vec<(String, String)>,
    /// What was corrected later, each with its heading.
    pub(in crate::reception) later: Vec<(String, Vec<(String, String)>)>,
    /// Outages that went on; `None`: not of this paper.
    pub(in crate::reception) outages: Option<Vec<OutageView>>,
    /// Tries that failed around that time.
    pub(in crate::reception) tries: Vec<TryView>,
    pub(in crate::reception) code: Option<String>,
    pub(in crate::reception) printed: String,
    /// The other size, and which visit it would be of.
    pub(in crate::reception) other: Option<(SlipPaper, String)>,
}

/// One way that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct OutageView {
    pub(in crate::reception) tried: String,
    pub(in crate::reception) began: String,
    pub(in crate::reception) last_try: String,
    pub(in crate::reception) tries: u32,
    pub(in crate::reception) ended: String,
    pub(in crate::reception) why: String,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct TryView {
    pub(in crate::reception) at: String,
    pub(in crate::reception) tried: String,
    /// It was about this very person.
    pub(in crate::reception) is_about: bool,
    pub(in crate::reception) why: String,
}

/// The paper of a visit.
pub(in crate::reception) fn of_visit(desk: &Desk, sheet: &Sheet, slip: Option<SlipPaper>, words: &Messages) -> PaperView {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let printed = said
        .printed
        .with("time", told(sheet.printing.at, sheet.printed_by_clock.is_suspect(), said))
        .with("operator", sheet.printing.by.as_str());
    let mut lines = visit_lines(desk, sheet, words);
    let is_evidence = sheet.printing.paper == Paper::Evidence;
    if is_evidence {
        lines.extend(evidence_lines(sheet, words));
    }
    let by = |logged: &LoggedVisit| corrected_by(logged, said);
    let later = sheet.later.iter().map(|logged| {
        let heading = said.later_of.with("revision", logged.visit.content.revision.0).with("by", by(logged)).to_string();
        (heading, later_lines(logged, words))
    });
    PaperView {
        kind: if is_evidence { "evidence" } else { "slip" },
        size: slip.map_or("a4", SlipPaper::code),
        station: super::status::station(desk.station(), words),
        title: if is_evidence { &said.evidence } else { &said.slip }.to_string(),
        copy: (sheet.copies > 0).then(|| said.copy.with("count", sheet.copies).to_string()),
        number: None,
        lines,
        later: later.collect(),
        tries: sheet.tries.iter().map(|one| try_view(one, said)).collect(),
        outages: is_evidence.then(|| sheet.outages.iter().map(|outage| outage_view(outage, said)).collect()),
        code: Some(said.code.with("code", sheet.code).to_string()),
        printed: printed.to_string(),
        other: slip.map(|slip| (slip.other(), content.id.0.to_string())),
    }
}

/// A number to be called by.
pub(in crate::reception) fn of_number(desk: &Desk, taken: &TakenNumber, slip: SlipPaper, words: &Messages) -> PaperView {
    PaperView {
        kind: "number",
        size: slip.code(),
        station: super::status::station(desk.station(), words),
        title: words.visit.queue_number.to_string(),
        copy: None,
        number: Some(taken.number.get()),
        lines: Vec::new(),
        later: Vec::new(),
        tries: Vec::new(),
        outages: None,
        code: None,
        printed: told(taken.at, desk.time().now().state.is_suspect(), &words.paper),
        other: None,
    }
}

fn visit_lines(desk: &Desk, sheet: &Sheet, words: &Messages) -> Vec<(String, String)> {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let (person, shown, on) = (&content.person, &content.verdict, desk.day_of(content));
    let rules = &desk.station().rules;
    let rate = shown.rate.map(|rate| {
        let article = rules.category(&content.attendance_category, on).map(|row| &*row.article).unwrap_or_default();
        said.rate_rule
            .with("rate", rate.as_percent())
            .with("rule", article)
            .with("version", shown.rules_version.as_deref().unwrap_or_default())
    });
    // A code without a name stands alone.
    let coded = |name: String, code: &str| {
        if name == code { name } else { words.visit.coded.with("name", name).with("code", code).to_string() }
    };
    let category = coded(options::category_words(desk, &content.attendance_category, on), content.attendance_category.as_str());
    let care_type = coded(options::care_type_words(desk, &content.care_type, on), content.care_type.as_str());
    let text = |value: &str| value.to_owned();
    let is_corrected = content.revision != Revision::FIRST;
    let arrived = if sheet.arrival.is_placed {
        said.time_placed.with("time", words::instant(sheet.arrival.at)).to_string()
    } else {
        told(sheet.arrival.at, sheet.arrival.is_doubted, said)
    };
    let lines = [
        (&said.number, Some(sheet.visit.number.0.to_string())),
        (&words.visit.queue_number, content.queue_number.map(|number| number.to_string())),
        (&said.voided, content.voided.as_deref().map(text)),
        (&said.arrived, Some(arrived)),
        (&said.corrected, is_corrected.then(|| corrected_by(&sheet.visit, said))),
        (&said.name, person.name.as_ref().map(|name| text(name.as_str()))),
        (&said.born, person.birth_date.map(words::birth_date)),
        (&said.card, person.card_number.as_ref().map(|number| text(number.as_str()))),
        (&said.insurance_number, person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|n| text(n.as_str()))),
        (&said.personal_id, person.personal_id.as_ref().map(|number| text(number.as_str()))),
        (if is_corrected { &said.standing_corrected } else { &said.standing }, Some(words.verdict.saved(shown).to_string())),
        (&said.identity, words.verdict.saved_identity(&shown.identity_match).map(ToString::to_string)),
        (&said.rate, rate.map(|rate| rate.to_string())),
        (&said.known, Some(known(shown, said))),
        (&words.visit.category, Some(category)),
        (&words.visit.care_type, Some(care_type)),
        (&words.visit.proof, content.proof.map(|proof| words.visit.proof_words(proof).to_string())),
        (&words.visit.note, content.note.as_deref().map(text)),
    ];
    lines.into_iter().filter_map(|(label, value)| Some((label.to_string(), value?))).collect()
}

/// An instant, and whether it is certain.
fn told(at: DateTime<Utc>, is_doubted: bool, said: &PaperWords) -> String {
    if is_doubted { said.time_doubted.with("time", words::instant(at)).to_string() } else { words::instant(at) }
}

/// The province's word about one person has its own time, and is of no list.
fn list_of(shown: &ShownVerdict) -> Option<(SessionId, Serial)> {
    shown.basis.filter(|_| !shown.is_asked())
}

fn known(shown: &ShownVerdict, said: &PaperWords) -> String {
    match (shown.as_of, list_of(shown)) {
        (Some(as_of), _) if shown.is_asked() => said.known_asked.with("time", words::instant(as_of)).to_string(),
        (Some(as_of), Some((_, serial))) => said.known_of.with("time", words::instant(as_of)).with("serial", serial.0).to_string(),
        (Some(as_of), None) => words::instant(as_of),
        (None, _) => said.known_none.to_string(),
    }
}

/// When a revision was saved, as far as that was kept, and by whom.
fn corrected_by(logged: &LoggedVisit, said: &PaperWords) -> String {
    let by = logged.saved_by().as_str();
    match &logged.circumstances {
        Some(kept) => said.corrected_by.with("time", words::instant(kept.saved_at)).with("operator", by).to_string(),
        None => said.corrected_by_whom.with("operator", by).to_string(),
    }
}

fn source<'t>(shown: &ShownVerdict, said: &'t PaperWords) -> &'t Text {
    match &*shown.knowledge {
        Knowledge::VERIFIED => &said.source_verified,
        "cached" => &said.source_cached,
        _ => &said.source_none,
    }
}

/// What a correction says, on the sheet of what was known before it.
fn later_lines(logged: &LoggedVisit, words: &Messages) -> Vec<(String, String)> {
    let (said, content) = (&words.paper, &logged.visit.content);
    let (person, shown) = (&content.person, &content.verdict);
    let lines = [
        (&said.name, person.name.as_ref().map(|name| name.as_str().to_owned())),
        (&said.card, person.card_number.as_ref().map(|number| number.as_str().to_owned())),
        (&said.personal_id, person.personal_id.as_ref().map(|number| number.as_str().to_owned())),
        (&said.standing_corrected, Some(words.verdict.saved(shown).to_string())),
        (&said.rate, shown.rate.map(|rate| format!("{}%", rate.as_percent()))),
        (&said.known, Some(known(shown, said))),
        (&said.source, Some(source(shown, said).to_string())),
        (&words.visit.note, content.note.as_deref().map(ToOwned::to_owned)),
        (&said.visit_id, Some(format!("{} / {}", content.id.0, content.revision.0))),
    ];
    lines.into_iter().filter_map(|(label, value)| Some((label.to_string(), value?))).collect()
}

fn evidence_lines(sheet: &Sheet, words: &Messages) -> Vec<(String, String)> {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let shown = &content.verdict;
    // A time that is not certain, or an answer from after it, has no age.
    let age = shown.as_of.filter(|as_of| !sheet.arrival.is_doubted && *as_of <= sheet.arrival.at);
    let age = age.map(|as_of| words.verdict.span(sheet.arrival.at.signed_duration_since(as_of)));
    let unreached = sheet.visit.circumstances.as_ref().and_then(|kept| kept.unreached_since).map(words::instant);
    let clock = match content.clock.state {
        ClockState::Plausible => &said.clock_plausible,
        ClockState::Learned => &said.clock_learned,
        ClockState::Behind | ClockState::FarAhead => &said.clock_doubted,
    };
    let basis = list_of(shown).map(|(session, serial)| format!("{} / {}", session.0, serial.0));
    let lines = [
        (&said.unreached, unreached),
        (&said.source, Some(source(shown, said).to_string())),
        (&said.age, age),
        (&said.basis, basis),
        (&said.clock, Some(clock.to_string())),
        (&said.operator, Some(content.operator.as_str().to_owned())),
        (&said.visit_id, Some(format!("{} / {}", content.id.0, content.revision.0))),
    ];
    lines.into_iter().filter_map(|(label, value)| Some((label.to_string(), value?))).collect()
}

fn outage_view(outage: &Outage, said: &PaperWords) -> OutageView {
    OutageView {
        tried: direction(&outage.direction, said).to_string(),
        began: words::instant(outage.began_at),
        last_try: words::instant(outage.last_try_at),
        tries: outage.tries,
        ended: outage.ended_at.map_or_else(|| said.goes_on.to_string(), words::instant),
        why: trouble(&outage.trouble, said).to_string(),
    }
}

fn try_view(one: &FailedTry, said: &PaperWords) -> TryView {
    TryView {
        at: clock::vietnam_time(one.at).format("%H:%M:%S %d/%m/%Y").to_string(),
        tried: if one.about.is_some() { &said.about_person } else { direction(&one.direction, said) }.to_string(),
        is_about: one.about.is_some(),
        why: format!("{} ({})", trouble(&one.trouble, said), one.trouble),
    }
}

fn direction<'t>(code: &str, said: &'t PaperWords) -> &'t Text {
    match code {
        "push" => &said.way_push,
        "pull" => &said.way_pull,
        "ask" => &said.way_ask,
        _ => &said.way_contact,
    }
}

fn trouble<'t>(code: &str, said: &'t PaperWords) -> &'t Text {
    match code {
        "unreachable" => &said.why_unreachable,
        "server_busy" => &said.why_server_busy,
        "stranger" => &said.why_stranger,
        "untrusted" => &said.why_untrusted,
        _ => &said.why_refused,
    }
}
