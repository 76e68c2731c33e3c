//! What stands on paper.
//!
//! Promise: what the disk says of the visit, with the short code and whether it is a copy. Never: a promise about payment.

use super::options;
use crate::desk::Desk;
use crate::desk::TakenNumber;
use crate::desk::messages::Messages;
use crate::desk::messages::PaperWords;
use crate::desk::messages::Text;
use crate::desk::paper::Paper;
use crate::desk::paper::Sheet;
use crate::desk::words;
use crate::domain::clock;
use crate::domain::clock::ClockState;
use crate::domain::outage::Outage;
use crate::domain::slip::SlipPaper;

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
    /// Outages that went on; `None`: not of this paper.
    pub(in crate::reception) outages: Option<Vec<OutageView>>,
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

/// The paper of a visit.
pub(in crate::reception) fn of_visit(desk: &Desk, sheet: &Sheet, slip: Option<SlipPaper>, words: &Messages) -> PaperView {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let printed = said.printed.with("time", words::instant(sheet.printing.at)).with("operator", sheet.printing.by.as_str());
    let mut lines = visit_lines(desk, sheet, words);
    let is_evidence = sheet.printing.paper == Paper::Evidence;
    if is_evidence {
        lines.extend(evidence_lines(sheet, words));
    }
    PaperView {
        kind: if is_evidence { "evidence" } else { "slip" },
        size: slip.map_or("a4", SlipPaper::code),
        station: super::status::station(desk.station(), words),
        title: if is_evidence { &said.evidence } else { &said.slip }.to_string(),
        copy: (sheet.copies > 0).then(|| said.copy.with("count", sheet.copies).to_string()),
        number: None,
        lines,
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
        outages: None,
        code: None,
        printed: words::instant(taken.at),
        other: None,
    }
}

fn visit_lines(desk: &Desk, sheet: &Sheet, words: &Messages) -> Vec<(String, String)> {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let (person, shown, on) = (&content.person, &content.verdict, clock::vietnam_day(content.arrived_at));
    let rules = &desk.station().rules;
    let rate = shown.rate.map(|rate| {
        let article = rules.category(&content.attendance_category, on).map(|row| &*row.article).unwrap_or_default();
        said.rate_rule
            .with("rate", rate.as_percent())
            .with("rule", article)
            .with("version", shown.rules_version.as_deref().unwrap_or_default())
    });
    let known = match (shown.as_of, &shown.basis) {
        (Some(as_of), Some((_, serial))) => said.known_of.with("time", words::instant(as_of)).with("serial", serial.0).to_string(),
        (Some(as_of), None) => words::instant(as_of),
        (None, _) => said.known_none.to_string(),
    };
    let coded = |name: String, code: &str| words.visit.coded.with("name", name).with("code", code).to_string();
    let category = coded(options::category_words(desk, &content.attendance_category, on), content.attendance_category.as_str());
    let care_type = coded(options::care_type_words(desk, &content.care_type, on), content.care_type.as_str());
    let text = |value: &str| value.to_owned();
    let lines = [
        (&said.number, Some(sheet.visit.visit.sequence.0.to_string())),
        (&words.visit.queue_number, content.queue_number.map(|number| number.to_string())),
        (&said.voided, content.voided.as_deref().map(text)),
        (&said.arrived, Some(words::instant(sheet.arrived_at))),
        (&said.name, person.name.as_ref().map(|name| text(name.as_str()))),
        (&said.born, person.birth_date.map(words::birth_date)),
        (&said.card, person.card_number.as_ref().map(|number| text(number.as_str()))),
        (&said.insurance_number, person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|n| text(n.as_str()))),
        (&said.personal_id, person.personal_id.as_ref().map(|number| text(number.as_str()))),
        (&said.standing, Some(words.verdict.saved_standing(&shown.standing).to_string())),
        (&said.identity, words.verdict.saved_identity(&shown.identity_match).map(ToString::to_string)),
        (&said.rate, rate.map(|rate| rate.to_string())),
        (&said.known, Some(known)),
        (&words.visit.category, Some(category)),
        (&words.visit.care_type, Some(care_type)),
        (&words.visit.proof, content.proof.map(|proof| words.visit.proof_words(proof).to_string())),
        (&words.visit.note, content.note.as_deref().map(text)),
    ];
    lines.into_iter().filter_map(|(label, value)| Some((label.to_string(), value?))).collect()
}

fn evidence_lines(sheet: &Sheet, words: &Messages) -> Vec<(String, String)> {
    let (said, content) = (&words.paper, &sheet.visit.visit.content);
    let shown = &content.verdict;
    let age = shown.as_of.map(|as_of| words.verdict.span(sheet.arrived_at.signed_duration_since(as_of)));
    let source = match &*shown.knowledge {
        "verified" => &said.source_verified,
        "cached" => &said.source_cached,
        _ => &said.source_none,
    };
    let clock = match content.clock.state {
        ClockState::Plausible => &said.clock_plausible,
        ClockState::Learned => &said.clock_learned,
        ClockState::Behind | ClockState::FarAhead => &said.clock_doubted,
    };
    let basis = shown.basis.map(|(session, serial)| format!("{} / {}", session.0, serial.0));
    let lines = [
        (&said.source, Some(source.to_string())),
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
