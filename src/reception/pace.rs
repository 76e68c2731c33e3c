//! What is refused to whoever asks faster than a person does, or after too many that are nobody.
//!
//! Promise: every way to a person is counted alike, whether by number, by name, by a correction or by a visit's number. Never: what was asked for.

use std::sync::MutexGuard;

use axum::http::StatusCode;
use axum::response::Response;

use crate::desk::words;
use crate::domain::access::About;
use crate::domain::access::Act;

use super::Reception;
use super::meter;
use super::meter::Meter;
use super::session::Session;
use super::sign_in;
use super::view::problem::Problem;

/// Refuses a look-up that comes faster than a person makes them.
pub(super) fn may_look_up(page: &Reception, session: Session) -> Result<(), Problem> {
    keeps(page, session, page.meter())
}

/// The same for numbers to call by, which are counted apart.
pub(super) fn may_take_number(page: &Reception, session: Session) -> Result<(), Problem> {
    keeps(page, session, page.numbers())
}

fn keeps(page: &Reception, session: Session, mut meter: MutexGuard<'_, Meter>) -> Result<(), Problem> {
    let (whose, most) = (page.whose(session), page.settings().lookups_a_minute);
    meter.begin(&whose, usize::try_from(most).unwrap_or(usize::MAX), page.uptime()).map_err(|wait| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "look_up:too_fast", |words| {
            words.operators.too_fast.with("most", most).with("wait", words::operators::wait(wait, words)).to_string()
        })
    })
}

/// Counts what was found, or not. If so many in a row were nobody that the PIN has to be shown again, the desk is locked.
pub(super) async fn lock_after(page: &Reception, session: Session, found: Option<bool>) -> Option<Response> {
    let whose = page.whose(session);
    let is_enough = found.is_some_and(|found| page.meter().end(&whose, found));
    if is_enough { Some(lock(page, session).await) } else { None }
}

async fn lock(page: &Reception, session: Session) -> Response {
    page.seats().lock(session.id);
    page.desk_of(session).access(Act::Locked, About::default()).await;
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "look_up:too_many_misses", |words| {
        words.operators.too_many_misses.with("most", meter::MISSES).to_string()
    });
    sign_in::page(page, session, problem.status, Some(&problem))
}
