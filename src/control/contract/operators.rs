//! The contract's part on accounts and the access log.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::desk::LoggedAccess;
use crate::desk::Verified;
use crate::domain::operator::Account;
use crate::domain::roster::hex;

/// What the administrator does with accounts.
#[derive(Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum OperatorRequest {
    /// Makes an account.
    Add {
        /// Name.
        name: String,
        /// Personal id.
        personal_id: Option<String>,
        /// `reception` or `head`.
        role: String,
        /// PIN.
        pin: String,
    },
    /// Lists the accounts.
    List,
    /// Gives another PIN.
    Pin {
        /// Which account.
        id: u32,
        /// PIN.
        pin: String,
    },
    /// Gives another role.
    Role {
        /// Which account.
        id: u32,
        /// `reception` or `head`.
        role: String,
    },
    /// Closes an account.
    Close {
        /// Which account.
        id: u32,
    },
}

impl core::fmt::Debug for OperatorRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OperatorRequest(…)")
    }
}

/// The accounts; of a personal id only whether there is one.
pub fn accounts(accounts: &[Account]) -> Value {
    accounts.iter().map(account).collect()
}

/// One account.
pub fn account(account: &Account) -> Value {
    json!({
        "id": account.id.0,
        "name": account.content.name.as_str(),
        "role": account.content.role.code(),
        "has_personal_id": account.content.personal_id.is_some(),
        "created_at": super::instant(account.created_at),
        "closed_at": account.closed_at.map(super::instant),
    })
}

/// Lines of the access log, newest first; people as keyed digests.
pub fn access_log(lines: &[LoggedAccess]) -> Value {
    lines.iter().map(access).collect()
}

fn access(line: &LoggedAccess) -> Value {
    json!({
        "number": line.number,
        "at": super::instant(line.at),
        "clock": line.clock_state,
        "operator": line.operator,
        "place": line.place,
        "act": line.act,
        "person": line.person.as_deref().map(hex),
        "visit": line.visit,
        "account": line.account,
        "shown": line.shown,
        "people": line.people.as_deref().map(hex),
        "detail": line.detail,
    })
}

/// What a walk through the access log came to. `consistent`: nothing speaks against it; `whole`: something kept elsewhere speaks for it too.
pub fn verified(verified: &Verified) -> Value {
    let confirmed = verified.confirmed.map(|(confirmed, is_held)| {
        json!({ "head": confirmed.head.to_string(), "lines": confirmed.head.number, "at": super::instant(confirmed.at), "held": is_held })
    });
    json!({
        "whole": verified.is_borne_out(),
        "consistent": verified.is_consistent(),
        "broken_at": verified.broken_at,
        "holds_noted_head": verified.holds_noted,
        "confirmed": confirmed,
        "gaps": verified.gaps,
        "unlogged_visits": verified.unlogged.len(),
        "first_unlogged_visit": verified.unlogged.first().map(|sequence| sequence.0),
        "visit_missing_at": verified.visit_missing_at,
        "head": verified.head.map(|head| head.to_string()),
        "lines": verified.head.map_or(0, |head| head.number),
    })
}
