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

use crate::desk::Change;
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
use crate::domain::scan;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::handlers::Shown;
use super::pace;
use super::printing::Printable;
use super::session::Session;
use super::view::problem::Problem;
use super::view::saved::SavedView;

/// What the fields of a form choose. Where one cannot be taken, the others that can stand beside the problem: somebody who mends one thing must not lose an
/// emergency by it.
pub(super) struct Chosen {
    pub(super) taken: Choices,
    pub(super) problem: Option<Problem>,
}

impl Chosen {
    /// All of it or nothing, where no page keeps the rest.
    pub(super) fn whole(self) -> Result<Choices, Problem> {
        self.problem.map_or(Ok(self.taken), Err)
    }
}

/// The same for a look-up, with what the key makes of it.
pub(super) fn chosen(form: &Form, desk: &Desk, lookup: &Lookup) -> Chosen {
    let Chosen { taken, problem } = choices(form);
    let key = form.field("nhanh");
    if key.trim().is_empty() {
        return Chosen { taken, problem };
    }
    let code = AttendanceCategory::parse(&key).map_err(|_| NotOffered::Category);
    match code.and_then(|code| desk.with_key(lookup, &code, taken.clone())) {
        Ok(keyed) => Chosen { taken: keyed, problem },
        Err(refused) => Chosen { taken, problem: problem.or_else(|| Some(not_offered(refused))) },
    }
}

/// What the fields of a form say.
pub(super) fn choices(form: &Form) -> Chosen {
    let mut problem = None;
    let taken = Choices {
        category: read(form, "doi_tuong", &mut problem, |code| {
            AttendanceCategory::parse(code).map_err(|_| not_offered(NotOffered::Category))
        }),
        care_type: read(form, "hinh_thuc", &mut problem, |code| CareType::parse(code).map_err(|_| not_offered(NotOffered::CareType))),
        // Only a form that is not ours has another one.
        proof: asked(form, "giay_to", read(form, "giay_to", &mut problem, |code| Proof::parse(code).map_err(|_| Problem::form_token()))),
        queue_number: read(form, "so_thu_tu", &mut problem, |number| {
            QueueNumber::parse(number).map_err(|_| not_offered(NotOffered::QueueNumber))
        }),
        note: read(form, "ghi_chu", &mut problem, |text| note(text, scan_in_note, too_long)),
    };
    Chosen { taken, problem }
}

/// What a form says of a field: one that it does not have was not asked about, one that is empty was emptied.
pub(super) fn asked<T>(form: &Form, name: &str, value: Option<T>) -> Change<T> {
    if form.has(name) { Change::To(value) } else { Change::Keep }
}

/// One field, if it is filled and can be taken. The first problem is the one that is told.
fn read<T>(form: &Form, name: &str, problem: &mut Option<Problem>, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
    let text = Some(form.field(name)).filter(|text| !text.trim().is_empty())?;
    parse(&text).map_err(|why| *problem = problem.take().or(Some(why))).ok()
}

/// What somebody wrote. A reader writes where the cursor stands: the next person's number is no note about this one, and its Enter was meant for nobody here.
pub(super) fn note(text: &str, scanned: fn() -> Problem, unfit: fn() -> Problem) -> Result<Note, Problem> {
    if scan::is_in(text) {
        return Err(scanned());
    }
    Note::parse(text).ok_or_else(unfit)
}

/// What somebody wrote, to be shown again; a scan that fell into it is not.
pub(super) fn unscanned(text: String) -> String {
    if scan::is_in(&text) { String::new() } else { text }
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

fn scan_in_note() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "choice:scan", |words| words.visits.scan_in_note.to_string())
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
    if let Err(problem) = pace::may_take_number(&page, session) {
        return handlers::problem(&page, session, problem).await;
    }
    let (desk, then) = (page.desk_of(session), page.clone());
    // In a task of its own: a browser that turns away in the middle must not leave a number that nobody was told.
    let giving = tokio::spawn(async move {
        let taken = desk.take_number().await?;
        let time = words::hour(taken.at);
        let said = SavedView::new("queue", |words| words.visit.taken.with("number", taken.number).with("time", &time).to_string());
        let said = said.with(Printable::Number(taken.number));
        then.said().put(session.id, said.clone(), then.uptime());
        Ok((taken.number, said))
    });
    let (number, said) = match giving.await.unwrap_or(Err(StorageError::Stopped)) {
        Ok(given) => given,
        Err(error) => {
            tracing::error!(name: "storage.write-failed", %error, "a queue number could not be given");
            return handlers::problem(&page, session, no_number(&error)).await;
        }
    };
    match (handlers::waiting(&page, session, &form), choices(&form).whole()) {
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
