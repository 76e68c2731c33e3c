//! A visit's page, as the template prints it.
//!
//! Promise: every revision, oldest first, with who saved it, what the province said and what was printed of it. Never: a revision left out.

use super::log;
use super::options;
use super::options::OptionsView;
use super::problem::Problem;
use crate::desk::Corrected;
use crate::desk::Desk;
use crate::desk::Earlier;
use crate::desk::LoggedVisit;
use crate::desk::Placed;
use crate::desk::messages::Messages;
use crate::desk::messages::Text;
use crate::desk::paper::Paper;
use crate::desk::paper::Printing;
use crate::desk::words;
use crate::domain::slip::SlipCode;
use crate::domain::visit::ShownVerdict;
use crate::domain::visit::VisitPerson;

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
    /// What stands in the field of the right number.
    pub(in crate::reception) typed: String,
    pub(in crate::reception) person: Option<PersonView>,
    pub(in crate::reception) problem: Option<Problem>,
    /// The reason of a void as it was chosen and written.
    pub(in crate::reception) reason: String,
    pub(in crate::reception) written: String,
    pub(in crate::reception) void_problem: Option<Problem>,
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

/// What is on the disk of a visit.
pub(in crate::reception) struct OnDisk<'a> {
    pub(in crate::reception) revisions: &'a [LoggedVisit],
    pub(in crate::reception) printings: &'a [Printing],
    pub(in crate::reception) placed: &'a Placed,
    pub(in crate::reception) is_evidenced: bool,
}

/// What somebody is putting right, where the page is not the first look at the visit.
#[derive(Default)]
pub(in crate::reception) struct Draft<'a> {
    /// What stands in the field of the right number.
    pub(in crate::reception) number: String,
    /// The other fields as they were sent, by name.
    pub(in crate::reception) sent: Vec<(&'static str, String)>,
    /// Whose the visit would become, under which token.
    pub(in crate::reception) person: Option<(String, &'a Corrected)>,
    /// Why the correction was not taken.
    pub(in crate::reception) problem: Option<Problem>,
    /// The chosen reason of a void, and the written one.
    pub(in crate::reception) reason: String,
    pub(in crate::reception) written: String,
    /// Why the void was not taken.
    pub(in crate::reception) void_problem: Option<Problem>,
}

/// Whose a visit would become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct PersonView {
    pub(in crate::reception) token: String,
    pub(in crate::reception) who: String,
    pub(in crate::reception) lines: Vec<String>,
    /// Nobody is known by the number.
    pub(in crate::reception) is_unknown: bool,
    /// The person was here before on that day.
    pub(in crate::reception) same_day: Option<String>,
}

/// Makes the page; `None` where there is no revision.
pub(in crate::reception) fn of(
    desk: &Desk,
    on_disk: &OnDisk<'_>,
    draft: Draft<'_>,
    words: &Messages,
    form_token: String,
) -> Option<VisitView> {
    let OnDisk { revisions, printings, placed, is_evidenced } = *on_disk;
    let latest = revisions.last()?;
    let content = &latest.visit.content;
    let shown = draft.person.as_ref().map_or(content, |(_, corrected)| &corrected.visit);
    Some(VisitView {
        id: content.id.0.to_string(),
        number: latest.number.0,
        revision: content.revision.0,
        who: super::who(&content.person).to_owned(),
        is_voided: content.voided.is_some(),
        is_evidenced,
        revisions: revisions.iter().map(|logged| revision(desk, logged, printings, placed, words)).collect(),
        options: options::of_visit(desk, shown, words).filled(&draft.sent),
        typed: draft.number,
        person: draft.person.map(|(token, corrected)| person(desk, token, corrected, words)),
        problem: draft.problem,
        reason: draft.reason,
        written: draft.written,
        void_problem: draft.void_problem,
        form_token,
    })
}

fn person(desk: &Desk, token: String, corrected: &Corrected, words: &Messages) -> PersonView {
    let Corrected { visit, lookup, .. } = corrected;
    let (person, on) = (&visit.person, desk.day_of(visit));
    let category = options::coded_category(desk, &visit.attendance_category, on, words);
    let named = |label: &Text, value: String| format!("{label}: {value}");
    let born = person.birth_date.map(|born| named(&words.paper.born, words::birth_date(born)));
    let identity = words.verdict.saved_identity(&visit.verdict.identity_match).map(|said| named(&words.paper.identity, said.to_string()));
    let lines =
        [born, Some(numbers(person)), identity, Some(shown_then(&visit.verdict, words)), Some(named(&words.visit.category, category))];
    PersonView {
        token,
        who: super::who(person).to_owned(),
        lines: lines.into_iter().flatten().filter(|line| !line.is_empty()).collect(),
        is_unknown: lookup.as_ref().is_some_and(|lookup| lookup.record.is_none()),
        same_day: lookup.as_ref().and_then(|lookup| same_day(&lookup.earlier, words)),
    }
}

/// That the person was here before on the day of a visit; `None`: not as far as anybody knows.
pub(in crate::reception) fn same_day(earlier: &[Earlier], words: &Messages) -> Option<String> {
    let visit = |earlier: &Earlier| words.visit.earlier.with("number", earlier.number.0).with("time", words::hour(earlier.at)).to_string();
    let visits: Vec<_> = earlier.iter().map(visit).collect();
    (!visits.is_empty()).then(|| words.visit.same_day.with("visits", visits.join(", ")).to_string())
}

/// How the card stood, and as of when.
fn shown_then(shown: &ShownVerdict, words: &Messages) -> String {
    format!("{} ({})", log::verdict(shown, words), words.verdict.as_of(shown.as_of))
}

fn numbers(person: &VisitPerson) -> String {
    let numbers = [
        person.card_number.as_ref().map(|number| number.as_str()),
        person.personal_id.as_ref().map(|number| number.as_str()),
        person.insurance_number.as_ref().filter(|_| person.card_number.is_none()).map(|number| number.as_str()),
    ];
    numbers.into_iter().flatten().collect::<Vec<_>>().join(" – ")
}

fn revision(desk: &Desk, logged: &LoggedVisit, printings: &[Printing], placed: &Placed, words: &Messages) -> RevisionView {
    let (content, number, said) = (&logged.visit.content, logged.visit.sequence.0, &words.visit);
    let at = placed.get(&logged.visit.sequence).copied().unwrap_or(content.arrived_at);
    let heading = said.revision.with("revision", content.revision.0).with("number", number);
    let heading = heading.with("time", words::instant(at)).with("operator", logged.saved_by().as_str());
    let person = &content.person;
    let name = person.name.as_ref().map(|name| name.as_str().to_owned());
    let who = name.into_iter().chain([numbers(person)]).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" – ");
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
    let lines = [who, shown_then(&content.verdict, words)]
        .into_iter()
        .chain(options::unusual(desk, content, words))
        .chain([proof, note].into_iter().flatten())
        .chain([words.visits.delivery(logged.delivery).to_string()])
        .chain([held, refused, ended].into_iter().flatten())
        .chain([code])
        .chain(printed);
    RevisionView { delivery: logged.delivery.code(), heading: heading.to_string(), lines: lines.filter(|line| !line.is_empty()).collect() }
}
