//! A visit's page, as the template prints it.
//!
//! Promise: every revision, oldest first, with who saved it, what the province said and what was printed of it. Never: a revision left out.

use super::log;
use super::options;
use super::options::OptionsView;
use crate::desk::Desk;
use crate::desk::LoggedVisit;
use crate::desk::Placed;
use crate::desk::messages::Messages;
use crate::desk::paper::Paper;
use crate::desk::paper::Printing;
use crate::desk::words;
use crate::domain::slip::SlipCode;

/// The page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct VisitView {
    pub(in crate::reception) id: String,
    pub(in crate::reception) number: u64,
    pub(in crate::reception) revision: u32,
    pub(in crate::reception) who: String,
    pub(in crate::reception) is_voided: bool,
    /// An evidence sheet can be printed.
    pub(in crate::reception) is_evidenced: bool,
    pub(in crate::reception) revisions: Vec<RevisionView>,
    pub(in crate::reception) options: OptionsView,
    pub(in crate::reception) form_token: String,
}

/// A revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RevisionView {
    /// `Delivery::code`.
    pub(in crate::reception) delivery: &'static str,
    pub(in crate::reception) heading: String,
    pub(in crate::reception) lines: Vec<String>,
}

/// Makes the page; `None` where there is no revision.
pub(in crate::reception) fn of(
    desk: &Desk,
    revisions: &[LoggedVisit],
    printings: &[Printing],
    placed: &Placed,
    is_evidenced: bool,
    words: &Messages,
    form_token: String,
) -> Option<VisitView> {
    let latest = revisions.last()?;
    let content = &latest.visit.content;
    Some(VisitView {
        id: content.id.0.to_string(),
        number: latest.number.0,
        revision: content.revision.0,
        who: super::who(&content.person).to_owned(),
        is_voided: content.voided.is_some(),
        is_evidenced,
        revisions: revisions.iter().map(|logged| revision(desk, logged, printings, placed, words)).collect(),
        options: options::of_visit(desk, content, words),
        form_token,
    })
}

fn revision(desk: &Desk, logged: &LoggedVisit, printings: &[Printing], placed: &Placed, words: &Messages) -> RevisionView {
    let (content, number, said) = (&logged.visit.content, logged.visit.sequence.0, &words.visit);
    let at = placed.get(&logged.visit.sequence).copied().unwrap_or(content.arrived_at);
    let heading = said.revision.with("revision", content.revision.0).with("number", number);
    let heading = heading.with("time", words::instant(at)).with("operator", logged.saved_by().as_str());
    let person = &content.person;
    let numbers = [
        person.name.as_ref().map(|name| name.as_str()),
        person.card_number.as_ref().map(|number| number.as_str()),
        person.personal_id.as_ref().map(|number| number.as_str()),
        person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|number| number.as_str()),
    ];
    let verdict = format!("{} ({})", log::verdict(&content.verdict, words), words.verdict.as_of(content.verdict.as_of));
    let proof = content.proof.map(|proof| format!("{}: {}", said.proof, said.proof_words(proof)));
    let note = content.note.as_ref().map(|note| format!("{}: {note}", said.note));
    let refused = logged.refused.as_ref().map(|(code, text)| said.refused.with("why", words.visits.refusal(code, text)).to_string());
    let held = logged.reference.as_ref().map(|reference| said.held.with("reference", reference).to_string());
    let ended =
        logged.closing.as_ref().map(|closing| said.ended.with("note", &closing.note).with("operator", closing.by.as_str()).to_string());
    let printed = printings.iter().filter(|printing| printing.sequence == logged.visit.sequence).map(|printing| {
        let text = match printing.paper {
            Paper::Slip => &said.printed_slip,
            Paper::Evidence => &said.printed_evidence,
        };
        text.with("time", words::instant(printing.at)).with("operator", printing.by.as_str()).to_string()
    });
    let code = words.paper.code.with("code", SlipCode::of(content)).to_string();
    let lines = [numbers.into_iter().flatten().collect::<Vec<_>>().join(" – "), verdict]
        .into_iter()
        .chain(options::unusual(desk, content, words))
        .chain([proof, note].into_iter().flatten())
        .chain([words.visits.delivery(logged.delivery).to_string()])
        .chain([held, refused, ended].into_iter().flatten())
        .chain([code])
        .chain(printed);
    RevisionView { delivery: logged.delivery.code(), heading: heading.to_string(), lines: lines.filter(|line| !line.is_empty()).collect() }
}
