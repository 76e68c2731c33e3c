//! Correcting a saved visit, and taking it back, on its own page.
//!
//! Promise: whose a visit would become is shown first, and what is saved is what was shown; both are done to the revision that was seen; what is refused
//! leaves the form open with what was typed and the reason beside it. Never: two steps by one scan; a person guessed at without being counted.

use std::sync::Arc;

use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Choices;
use crate::desk::CorrectError;
use crate::desk::Corrected;
use crate::desk::Correction;
use crate::desk::Lookup;
use crate::desk::StorageError;
use crate::desk::Whom;
use crate::domain::scan::Source;
use crate::domain::visit::Revision;
use crate::domain::visit::VisitId;

use super::Reception;
use super::actions;
use super::guard::Form;
use super::handlers;
use super::handlers::Middle;
use super::handlers::Part;
use super::options;
use super::pace;
use super::session::Session;
use super::session::Token;
use super::view::action;
use super::view::problem::Problem;
use super::view::saved::SavedView;
use super::view::visit::Draft;
use super::visit_page;

/// A person who was shown before a visit becomes theirs.
pub(super) struct Seen {
    session: Token,
    id: VisitId,
    /// What stands in the field of the number: what was typed, and nothing of a scan.
    typed: String,
    corrected: Corrected,
}

type Held = (Token, Arc<Seen>);

/// What a form asks for.
enum Asked {
    /// To see the person of a number first.
    Person(String),
    /// Too soon after the person was shown: nobody has read that.
    TooSoon(Held),
    /// To save; with another person, who was seen.
    Save(Option<Held>),
    /// To save a person who is not kept any more.
    Expired,
}

fn asked(page: &Reception, session: Session, form: &Form, id: VisitId) -> Asked {
    let (text, token) = (form.field("ma"), form.field("nguoi"));
    let held = Token::parse(&token).and_then(|token| {
        let people = page.people();
        let (seen, age) = people.get(token, page.uptime()).filter(|(seen, _)| seen.session == session.id && seen.id == id)?;
        Some(((token, Arc::clone(seen)), age))
    });
    match held {
        Some((held, age)) if held.1.typed == text.trim() => {
            if age < handlers::BOUNCE {
                Asked::TooSoon(held)
            } else {
                Asked::Save(Some(held))
            }
        }
        _ if !text.trim().is_empty() => Asked::Person(text),
        None if !token.is_empty() => Asked::Expired,
        _ => Asked::Save(None),
    }
}

pub(super) async fn correct(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let id = match actions::visit_id(&form) {
        Ok(id) => id,
        Err(error) => return handlers::problem(&page, session, action::problem(&error)).await,
    };
    let asked = asked(&page, session, &form, id);
    // What was shown was counted when it was.
    if !matches!(asked, Asked::TooSoon(_) | Asked::Save(Some(_)))
        && let Err(problem) = pace::may_look_up(&page, session)
    {
        return handlers::problem(&page, session, problem).await;
    }
    let held = match &asked {
        Asked::TooSoon(held) | Asked::Save(Some(held)) => Some(held.clone()),
        Asked::Person(_) | Asked::Save(None) | Asked::Expired => None,
    };
    let choices = match options::choices(&form).whole() {
        Ok(choices) => choices,
        Err(problem) => return refused(&page, session, &form, (id, held), problem).await,
    };
    match asked {
        Asked::Person(text) => show(&page, session, &form, id, correction(&form, choices, Some(Whom::Text(text)))).await,
        Asked::TooSoon((token, seen)) => {
            let draft = Draft { person: Some((token.to_text(), &seen.corrected)), ..typed(&form) };
            reopened(&page, session, id, draft).await
        }
        Asked::Save(whom) => {
            let seen = whom.as_ref().and_then(|(_, seen)| seen.corrected.lookup.clone());
            let correction = correction(&form, choices, seen.map(|lookup| Whom::Seen(Box::new(lookup))));
            save(&page, session, &form, (id, whom), correction).await
        }
        Asked::Expired => refused(&page, session, &form, (id, None), action::person_expired()).await,
    }
}

fn correction(form: &Form, choices: Choices, whom: Option<Whom>) -> Correction {
    let Choices { category, care_type, proof, queue_number, note } = choices;
    let (queue_number, note) = (options::asked(form, "so_thu_tu", queue_number), options::asked(form, "ghi_chu", note));
    Correction { seen: Some(revision(form)), whom, category, care_type, proof, queue_number, note }
}

/// A form without its revision was not ours: no revision is numbered 0.
fn revision(form: &Form) -> Revision {
    Revision(form.field("ban").parse().unwrap_or_default())
}

/// The first step: whose the visit would become.
async fn show(page: &Reception, session: Session, form: &Form, id: VisitId, correction: Correction) -> Response {
    let (then, desk) = (page.clone(), page.desk_of(session));
    // In a task of its own: whoever turns away before the answer has tried all the same.
    let trying = tokio::spawn(async move {
        let corrected = desk.try_correction(id, correction).await?;
        let found = corrected.lookup.as_ref().and_then(Lookup::finds);
        Ok((corrected, pace::lock_after(&then, session, found).await))
    });
    match trying.await.unwrap_or(Err(CorrectError::Storage(StorageError::Stopped))) {
        Ok((_, Some(locked))) => locked,
        Ok((corrected, None)) => {
            let is_typed = corrected.visit.source == Source::Typed;
            let typed = if is_typed { form.field("ma").trim().to_owned() } else { String::new() };
            let token = Token::random();
            let seen = Arc::new(Seen { session: session.id, id, typed: typed.clone(), corrected });
            page.people().put(token, Arc::clone(&seen), page.uptime());
            let draft = Draft { number: typed, person: Some((token.to_text(), &seen.corrected)), ..Draft::default() };
            reopened(page, session, id, draft).await
        }
        Err(error) => not_done(page, session, form, (id, None), &error).await,
    }
}

/// The second: what was seen is saved, and what else was put right with it.
async fn save(page: &Reception, session: Session, form: &Form, (id, held): (VisitId, Option<Held>), correction: Correction) -> Response {
    let desk = page.desk_of(session);
    let saving = async move {
        let corrected = desk.correct(id, correction).await?;
        Ok(action::corrected(&desk, &corrected))
    };
    match actions::run(page, session, saving).await {
        Ok(()) => {
            if let Some((token, _)) = held {
                page.people().remove(token);
            }
            Redirect::to("/").into_response()
        }
        Err(error) => not_done(page, session, form, (id, held), &error).await,
    }
}

/// What the form could put right leaves it open.
async fn not_done(page: &Reception, session: Session, form: &Form, held: (VisitId, Option<Held>), error: &CorrectError) -> Response {
    let problem = action::problem(error);
    match error {
        CorrectError::NotOffered(_)
        | CorrectError::Nothing
        | CorrectError::NameGiven
        | CorrectError::LookUp(_)
        | CorrectError::Storage(_) => refused(page, session, form, held, problem).await,
        CorrectError::NoVisit
        | CorrectError::Voided
        | CorrectError::NotParked
        | CorrectError::Closed { .. }
        | CorrectError::NoOutage
        | CorrectError::Changed => handlers::problem(page, session, problem).await,
    }
}

async fn refused(page: &Reception, session: Session, form: &Form, (id, held): (VisitId, Option<Held>), problem: Problem) -> Response {
    let person = held.as_ref().map(|(token, seen)| (token.to_text(), &seen.corrected));
    reopened(page, session, id, Draft { person, problem: Some(problem), ..typed(form) }).await
}

pub(super) async fn void(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let id = match actions::visit_id(&form) {
        Ok(id) => id,
        Err(error) => return handlers::problem(&page, session, action::problem(&error)).await,
    };
    let (chosen, written) = (form.field("ly_do"), form.field("ly_do_khac"));
    let reason = if written.trim().is_empty() { &chosen } else { &written };
    let reason = match options::note(reason, action::scan_in_note, action::note_wanted) {
        Ok(reason) => reason,
        Err(problem) => {
            let draft = Draft { reason: chosen, written: options::unscanned(written), void_problem: Some(problem), ..Draft::default() };
            return reopened(&page, session, id, draft).await;
        }
    };
    let desk = page.desk_of(session);
    let action = async move {
        // Of the revision that was seen.
        desk.void(id, Some(revision(&form)), reason).await?;
        let voided = desk.visit(id).await.ok().and_then(|mut revisions| revisions.pop());
        let who = voided.map(|logged| super::view::who(&logged.visit.content.person).to_owned()).unwrap_or_default();
        Ok(SavedView::new("voided", |words| words.visit.was_voided.with("who", &who).to_string()))
    };
    actions::act(&page, session, action).await
}

/// The fields of a correction as they were sent.
fn typed(form: &Form) -> Draft<'_> {
    let sent = ["doi_tuong", "hinh_thuc", "giay_to", "so_thu_tu", "ghi_chu"];
    let sent = sent.into_iter().filter(|name| form.has(name)).map(|name| (name, options::unscanned(form.field(name)))).collect();
    Draft { number: form.field("ma"), sent, ..Draft::default() }
}

/// The visit's page with its form as somebody has filled it in.
async fn reopened(page: &Reception, session: Session, id: VisitId, draft: Draft<'_>) -> Response {
    let status = draft.problem.as_ref().or(draft.void_problem.as_ref()).map_or(StatusCode::OK, |problem| problem.status);
    match visit_page::read(page, session, id, draft).await {
        Ok(visit) => handlers::show(page, session, status, Middle { part: Part::Visit(Box::new(visit)), ..Middle::default() }).await,
        Err(error) => handlers::problem(page, session, action::problem(&error)).await,
    }
}
