//! The accounts of the station: the head manages them, everybody changes the own PIN.
//!
//! Promise: what is done ends in a redirect with a message, or in a page that says why not; a PIN is never shown again. Never: a personal id on the page.

use askama::Template;
use axum::extract::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use zeroize::Zeroizing;

use crate::desk::AccountError;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::clock;
use crate::domain::operator::Account;
use crate::domain::operator::NewAccount;
use crate::domain::operator::Operator;
use crate::domain::operator::OperatorId;
use crate::domain::operator::Pin;
use crate::domain::operator::Role;
use crate::domain::person::CitizenId;
use crate::domain::visit::OperatorName;

use super::Reception;
use super::assets::Assets;
use super::guard::Form;
use super::handlers;
use super::session;
use super::session::Session;
use super::sign_in;
use super::sticks::SticksView;
use super::view::problem::Problem;
use super::view::saved::SavedView;
use super::view::status::StatusView;

/// Of what is said about accounts.
const SAID: &str = "account";

/// One account, as it stands in the table.
struct AccountView {
    id: OperatorId,
    name: String,
    role: String,
    is_head: bool,
    has_card: bool,
    since: String,
    until: Option<String>,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage<'a> {
    words: &'static Messages,
    assets: &'a Assets,
    form_token: String,
    status: StatusView,
    usb: SticksView,
    operator: Operator,
    idle_seconds: u64,
    saved: Option<SavedView>,
    problem: Option<&'a Problem>,
    rows: Vec<AccountView>,
}

fn view(account: &Account, words: &Messages) -> AccountView {
    let day = |at| words::day(clock::vietnam_day(at));
    AccountView {
        id: account.id,
        name: account.content.name.as_str().to_owned(),
        role: words::operators::role(account.content.role, words),
        is_head: account.content.role.is_head(),
        has_card: account.content.personal_id.is_some(),
        since: day(account.created_at),
        until: account.closed_at.map(day),
    }
}

async fn show(page: &Reception, session: Session, code: StatusCode, problem: Option<&Problem>) -> Response {
    let operator = page.desk_of(session).operator().clone();
    let accounts = if operator.role.is_head() { page.desk().all_accounts().await } else { Ok(Vec::new()) };
    let accounts = accounts.unwrap_or_else(|error| {
        tracing::error!(name: "storage.read-failed", %error, "the accounts cannot be read");
        page.desk().accounts().to_vec()
    });
    let whole = AccountsPage {
        words: session.messages(),
        assets: &page.shared.assets,
        form_token: page.shared.secret.form_token(session.id),
        status: handlers::status_view(page, session),
        usb: SticksView::default(),
        idle_seconds: page.idle_seconds(),
        // What was done at the desk has a patient's name.
        saved: page.said().held(session.id, page.uptime()).filter(|saved| saved.code == SAID),
        problem,
        rows: accounts.iter().map(|account| view(account, session.messages())).collect(),
        operator,
    };
    handlers::render(code, &whole)
}

pub(super) async fn list(State(page): State<Reception>, Extension(session): Extension<Session>) -> Response {
    show(&page, session, StatusCode::OK, None).await
}

/// Ends an act of a head: a message that it was done, or why not.
async fn end(page: &Reception, session: Session, done: Result<SavedView, Problem>) -> Response {
    match done {
        Ok(said) => {
            page.said().put(session.id, said, page.uptime());
            Redirect::to("/tai-khoan").into_response()
        }
        Err(problem) => show(page, session, problem.status, Some(&problem)).await,
    }
}

fn done(say: impl Fn(&Messages) -> String) -> SavedView {
    SavedView::new(SAID, say)
}

fn wrong(label: &str, say: impl Fn(&Messages) -> String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, label, say)
}

fn not_changed(error: &AccountError) -> Problem {
    let (label, message) = words::operators::not_changed(error);
    let status = match error {
        AccountError::HeadOnly => StatusCode::FORBIDDEN,
        AccountError::Unfitting(_) => StatusCode::CONFLICT,
        AccountError::Storage(error) => {
            tracing::error!(name: "storage.write-failed", %error, "an account could not be changed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Problem::said(status, label, message)
}

/// The PIN that was typed twice.
fn new_pin(form: &Form) -> Result<Pin, Problem> {
    let [pin, again] = ["pin_moi", "pin_moi_lai"].map(|field| Zeroizing::new(form.field(field)));
    if *pin != *again {
        return Err(wrong("pin:differs", |words| words.operators.pin_differs.to_string()));
    }
    Pin::parse(&pin).map_err(|problem| {
        let (label, message) = words::operators::unfit_pin(problem);
        Problem::said(StatusCode::UNPROCESSABLE_ENTITY, label, message)
    })
}

/// The account that a form is about.
fn meant(page: &Reception, form: &Form) -> Result<Account, Problem> {
    let account = OperatorId::parse(&form.field("so")).and_then(|id| page.desk().account(id));
    account.ok_or_else(|| wrong("account:unknown", |words| words.operators.unknown_account.to_string()))
}

pub(super) async fn add(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let read = || {
        let name =
            OperatorName::parse(&form.field("ten")).map_err(|_| wrong("account:name", |words| words.operators.name_wanted.to_string()))?;
        let personal_id = Some(form.field("can_cuoc")).filter(|text| !text.trim().is_empty());
        let personal_id = personal_id.map(|text| CitizenId::parse(text.trim())).transpose();
        let personal_id = personal_id.map_err(|_| wrong("account:personal_id", |words| words.operators.personal_id_wanted.to_string()))?;
        let role = Role::parse(&form.field("vai_tro")).unwrap_or_default();
        Ok((NewAccount { name, personal_id, role }, new_pin(&form)?))
    };
    let ended = match read() {
        Ok((new, pin)) => {
            let name = new.name.as_str().to_owned();
            let added = page.desk_of(session).add_account(new, pin).await;
            added
                .map(|id| done(|words| words.operators.added.with("name", &name).with("number", id).to_string()))
                .map_err(|error| not_changed(&error))
        }
        Err(problem) => Err(problem),
    };
    end(&page, session, ended).await
}

pub(super) async fn set_pin(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let ended = match meant(&page, &form).and_then(|account| Ok((account, new_pin(&form)?))) {
        Ok((account, pin)) => {
            let set = page.desk_of(session).set_pin(account.id, pin).await;
            set.map(|()| done(|words| words.operators.pin_changed.with("name", account.content.name.as_str()).to_string()))
                .map_err(|error| not_changed(&error))
        }
        Err(problem) => Err(problem),
    };
    end(&page, session, ended).await
}

pub(super) async fn set_role(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let role = Role::parse(&form.field("vai_tro")).unwrap_or_default();
    let ended = match meant(&page, &form) {
        Ok(account) => {
            let said = |words: &Messages| {
                let said = words.operators.role_changed.with("name", account.content.name.as_str());
                said.with("role", words::operators::role(role, words)).to_string()
            };
            let set = page.desk_of(session).set_role(account.id, role).await;
            set.map(|()| done(said)).map_err(|error| not_changed(&error))
        }
        Err(problem) => Err(problem),
    };
    end(&page, session, ended).await
}

pub(super) async fn close(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let ended = match meant(&page, &form) {
        Ok(account) => {
            let closed = page.desk_of(session).close_account(account.id).await;
            closed
                .map(|()| done(|words| words.operators.closed.with("name", account.content.name.as_str()).to_string()))
                .map_err(|error| not_changed(&error))
        }
        Err(problem) => Err(problem),
    };
    end(&page, session, ended).await
}

/// Another PIN of one's own: the session is another one afterwards, as after any PIN that was shown.
pub(super) async fn change_own_pin(
    State(page): State<Reception>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Response {
    let pin = match new_pin(&form) {
        Ok(pin) => pin,
        Err(problem) => return show(&page, session, problem.status, Some(&problem)).await,
    };
    let desk = page.desk_token(session);
    match page.desk_of(session).change_own_pin(Zeroizing::new(form.field("pin")), pin, &session::mark(desk)).await {
        Ok(account) => sign_in::take_seat(&page, session, desk, &account).await,
        Err(error) => {
            let (label, message) = words::operators::not_signed_in(&error, &page.desk().time().now());
            let problem = Problem::said(StatusCode::FORBIDDEN, label, message);
            show(&page, session, problem.status, Some(&problem)).await
        }
    }
}
