//! What can be chosen of a visit, as fields of the one form, and numbers to call by.
//!
//! Promise: a form without these fields is the usual visit; a field that cannot be read is refused by name, and the look-up waits on. Never: a field of
//! its own for a person.

use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Choices;
use crate::desk::Desk;
use crate::desk::Lookup;
use crate::desk::NotOffered;
use crate::desk::Note;
use crate::desk::StorageError;
use crate::desk::words;
use crate::domain::attendance::Proof;
use crate::domain::attendance::QueueNumber;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::field::Problem as FieldProblem;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::handlers::Shown;
use super::printing::Printable;
use super::session::Session;
use super::view::problem::Problem;
use super::view::saved::SavedView;

/// The same for a look-up, with what the key makes of it.
pub(super) fn chosen(form: &Form, desk: &Desk, lookup: &Lookup) -> Result<Choices, Problem> {
    let chosen = choices(form)?;
    let key = form.field("nhanh");
    if key.trim().is_empty() {
        return Ok(chosen);
    }
    let code = AttendanceCategory::parse(&key).map_err(|_| not_offered(NotOffered::Category))?;
    desk.with_key(lookup, &code, chosen).map_err(not_offered)
}

/// What the fields of a form choose.
pub(super) fn choices(form: &Form) -> Result<Choices, Problem> {
    let filled = |name: &str| Some(form.field(name)).filter(|text| !text.trim().is_empty());
    let category = filled("doi_tuong").map(|code| AttendanceCategory::parse(&code));
    let care_type = filled("hinh_thuc").map(|code| CareType::parse(&code));
    let proof = filled("giay_to").map(|code| Proof::parse(&code));
    let queue_number = filled("so_thu_tu").map(|number| QueueNumber::parse(&number));
    let note = filled("ghi_chu").map(|text| Note::parse(&text).ok_or_else(too_long)).transpose()?;
    let refused = |refused: NotOffered| move |_: FieldProblem| not_offered(refused);
    Ok(Choices {
        category: category.transpose().map_err(refused(NotOffered::Category))?,
        care_type: care_type.transpose().map_err(refused(NotOffered::CareType))?,
        // Only a form that is not ours has another one.
        proof: proof.transpose().map_err(|_| Problem::form_token())?,
        queue_number: queue_number.transpose().map_err(refused(NotOffered::QueueNumber))?,
        note,
    })
}

/// Something was chosen that is not offered.
pub(super) fn not_offered(refused: NotOffered) -> Problem {
    let label = match refused {
        NotOffered::Category => "choice:category",
        NotOffered::CareType => "choice:care_type",
        NotOffered::QueueNumber => "choice:queue_number",
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, label, |words| {
        words.visits.not_saved.with("why", words.visits.not_offered(refused)).to_string()
    })
}

fn too_long() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "choice:note", |words| words.visits.note_too_long.to_string())
}

/// The next number of the day. A look-up that waits stays, and gets the number.
pub(super) async fn take_number(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let (desk, then) = (page.desk_of(session), page.clone());
    // In a task of its own: a browser that turns away in the middle must not leave a number that nobody was told.
    let giving = tokio::spawn(async move {
        let taken = desk.take_number().await?;
        let time = words::hour(taken.at);
        let said = SavedView::new("queue", |words| words.visit.taken.with("number", taken.number).with("time", &time).to_string());
        then.said().put(session.id, said.clone(), then.uptime());
        then.printable().put(session.id, Printable::Number(taken.number), then.uptime());
        Ok((taken.number, said))
    });
    let (number, said) = match giving.await.unwrap_or(Err(StorageError::Stopped)) {
        Ok(given) => given,
        Err(error) => {
            tracing::error!(%error, "a queue number could not be given");
            return handlers::problem(&page, session, no_number(&error)).await;
        }
    };
    match (handlers::waiting(&page, session, &form), choices(&form)) {
        (Some((waits, Shown::Verdict(lookup), _)), Ok(chosen)) => {
            let chosen = Choices { queue_number: Some(number), ..chosen };
            handlers::verdict_with(&page, session, waits, &lookup, (Some(said), chosen)).await
        }
        _ => Redirect::to("/").into_response(),
    }
}

fn no_number(error: &StorageError) -> Problem {
    let Problem { label, status, .. } = Problem::not_saved(error);
    Problem::new(status, format!("queue:{label}"), |words| words.visits.no_number.to_string())
}
