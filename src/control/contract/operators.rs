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
    })
}

/// What a walk through the access log came to.
pub fn verified(verified: &Verified) -> Value {
    json!({
        "whole": verified.is_whole(),
        "broken_at": verified.broken_at,
        "holds_noted_head": verified.holds_noted,
        "head": verified.head.map(|head| format!("{}:{}", head.number, head.digest.to_hex())),
        "lines": verified.head.map_or(0, |head| head.number),
    })
}
