//! The two buttons that are there while a stick is in.
//!
//! Promise: the form names a stick by its place in the list of those that are in now; what became of it is said in a message. Asking for a page reads no
//! stick. Never: a path from a browser, or in one.

use std::path::Path;
use std::path::PathBuf;

use axum::extract::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::desk::Errands;
use crate::desk::Undone;
use crate::desk::words;
use crate::desk::words::Sentence;

use super::Reception;
use super::guard::Form;
use super::handlers;
use super::session::Session;
use super::view::problem::Problem;
use super::view::saved::SavedView;

/// What the templates print: nothing while no stick is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SticksView {
    /// The token of the forms.
    pub(super) form_token: String,
    /// One for each stick.
    pub(super) sticks: Vec<StickView>,
}

/// One stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StickView {
    /// Its place in the list.
    pub(super) index: usize,
    /// What tells it from another one; empty while there is one only.
    pub(super) name: String,
}

/// The sticks that are in.
pub(super) fn view(page: &Reception, session: Session) -> SticksView {
    // A browser without its cookie yet has no form to send.
    let Some(errands) = page.errands() else { return SticksView::default() };
    let found = errands.sticks();
    let name = |index: usize| if found.len() > 1 { format!(" {}", index + 1) } else { String::new() };
    let sticks = (0..found.len()).map(|index| StickView { index, name: name(index) }).collect();
    SticksView { form_token: page.shared.secret.form_token(session.id), sticks }
}

fn chosen<'a>(found: &'a [PathBuf], field: &str) -> Option<&'a Path> {
    let index: usize = field.parse().ok().filter(|_| field.bytes().all(|b| b.is_ascii_digit()))?;
    found.get(index).map(PathBuf::as_path)
}

pub(super) async fn carry_out(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let desk = page.desk_of(session);
    let done = async |errands: Errands, root: PathBuf| desk.carry_out(&errands, root).await.map(words::stick::taken_out);
    run(page, session, &form, "usb-out", done).await
}

pub(super) async fn carry_in(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let desk = page.desk_of(session);
    let done = async |errands: Errands, root: PathBuf| desk.carry_in(&errands, root).await.map(words::stick::taken_in);
    run(page, session, &form, "usb-in", done).await
}

async fn run<F: Future<Output = Result<Sentence, Undone>>>(
    page: Reception,
    session: Session,
    form: &Form,
    code: &'static str,
    work: impl FnOnce(Errands, PathBuf) -> F,
) -> Response {
    let found = page.errands().map(|errands| (errands.clone(), errands.sticks()));
    let chosen = found.as_ref().and_then(|(errands, sticks)| Some((errands.clone(), chosen(sticks, &form.field("so"))?.to_owned())));
    let Some((errands, root)) = chosen else {
        return handlers::problem(&page, session, Problem::no_stick()).await;
    };
    match work(errands, root).await {
        Ok(text) => {
            page.said().put(session.id, SavedView::said(code, text), page.uptime());
            Redirect::to("/").into_response()
        }
        Err(undone) => handlers::problem(&page, session, Problem::stick(&undone)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_chosen_by_its_number_and_by_nothing_else() {
        let found = [PathBuf::from("/media/a/BHYT"), PathBuf::from("/mnt/BHYT")];
        assert_eq!(chosen(&found, "1"), Some(found[1].as_path()));
        for field in ["", "2", "-1", "+1", "/mnt/BHYT", "0/", " 0", "99999999999999999999"] {
            assert_eq!(chosen(&found, field), None, "{field}");
        }
    }
}
