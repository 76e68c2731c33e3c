//! Accounts and access log, for the administrator: done by the daemon where one runs, else by the command line on the files.
//!
//! Promise: one way to do it and one way to say so. Never: a PIN or a personal id in an answer.

use serde_json::Value;
use serde_json::json;

use super::contract::ErrorBody;
use super::contract::Request;
use super::contract::operators as contract;
use super::contract::operators::OperatorRequest;
use super::server::LONGEST_LIST;
use crate::desk::AccountError;
use crate::desk::Desk;
use crate::desk::Head;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::operator::NewAccount;
use crate::domain::operator::OperatorId;
use crate::domain::operator::Pin;
use crate::domain::operator::Role;
use crate::domain::person::CitizenId;
use crate::domain::visit::OperatorName;
use crate::storage;

/// Answers what is about accounts or the access log; `None` for everything else.
pub async fn answer(desk: &Desk, request: &Request) -> Option<Result<Value, ErrorBody>> {
    Some(match request {
        Request::Operator { operator } => change(desk, operator).await,
        Request::AccessLog { limit } => match desk.access_log((*limit).min(LONGEST_LIST)).await {
            Ok(lines) => Ok(contract::access_log(&lines)),
            Err(error) => Err(not_read(&error)),
        },
        Request::VerifyLog { head } => match head.as_deref().map(noted).transpose() {
            Ok(head) => match desk.verify_log(head).await {
                Ok(verified) => Ok(contract::verified(&verified)),
                Err(error) => Err(not_read(&error)),
            },
            Err(error) => Err(error),
        },
        _ => return None,
    })
}

async fn change(desk: &Desk, operator: &OperatorRequest) -> Result<Value, ErrorBody> {
    let done = match operator {
        OperatorRequest::List => {
            return desk.all_accounts().await.map(|accounts| contract::accounts(&accounts)).map_err(|error| not_read(&error));
        }
        OperatorRequest::Add { name, personal_id, role, pin } => {
            let name = OperatorName::parse(name).map_err(|_| field("name", "name", |words| words.operators.name_wanted.to_string()))?;
            let personal_id = personal_id.as_deref().map(CitizenId::parse).transpose();
            let personal_id =
                personal_id.map_err(|_| field("personal_id", "personal_id", |words| words.operators.personal_id_wanted.to_string()))?;
            let new = NewAccount { name, personal_id, role: read_role(role)? };
            desk.add_account(new, read_pin(pin)?).await
        }
        OperatorRequest::Pin { id, pin } => desk.set_pin(OperatorId(*id), read_pin(pin)?).await.map(|()| OperatorId(*id)),
        OperatorRequest::Role { id, role } => desk.set_role(OperatorId(*id), read_role(role)?).await.map(|()| OperatorId(*id)),
        OperatorRequest::Close { id } => desk.close_account(OperatorId(*id)).await.map(|()| OperatorId(*id)),
    };
    let id = done.map_err(|error| not_changed(&error))?;
    let accounts = desk.all_accounts().await.map_err(|error| not_read(&error))?;
    Ok(accounts.iter().find(|account| account.id == id).map_or_else(|| json!({ "id": id.0 }), contract::account))
}

fn field(field: &str, code: &str, say: impl Fn(&Messages) -> String) -> ErrorBody {
    ErrorBody::said(code, Sentence::of_both(say)).about(field)
}

fn read_role(text: &str) -> Result<Role, ErrorBody> {
    Role::parse(text).map_err(|problem| ErrorBody::said(problem.code(), words::operators::unknown_role()).about("role"))
}

fn read_pin(text: &str) -> Result<Pin, ErrorBody> {
    Pin::parse(text).map_err(|problem| {
        let (code, said) = words::operators::unfit_pin(problem);
        ErrorBody::said(code, said).about("pin")
    })
}

/// An end of the log as it was printed.
fn noted(text: &str) -> Result<Head, ErrorBody> {
    Head::parse(text).ok_or_else(|| ErrorBody::said("shape", words::operators::unreadable_head()).about("head"))
}

fn not_changed(error: &AccountError) -> ErrorBody {
    let (code, said) = words::operators::not_changed(error);
    match error {
        AccountError::Storage(source) => ErrorBody::said(source.code(), said),
        AccountError::HeadOnly | AccountError::Unfitting(_) => ErrorBody::said(code, said).about("account"),
    }
}

fn not_read(error: &storage::Error) -> ErrorBody {
    ErrorBody::said(error.code(), words::cannot_open(error))
}
