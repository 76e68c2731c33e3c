//! What could not be done, in words and with a stable label.
//!
//! Promise: the label names the case for tests and support calls, the message says what to do next, the status says it to programs. Never: what was
//! typed.

use axum::http::StatusCode;

use crate::desk::Earlier;
use crate::desk::StorageError;
use crate::desk::Undone;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::field::Unreadable;
use crate::domain::visit::Sequence;

const LOOKUP_EXPIRED: &str = "lookup:expired";
const FORM_UNSURE: &str = "form:unsure";
const FORM_SAVED: &str = "form:saved";
const ACCOUNT_CLOSED: &str = "lookup:account_closed";

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Problem {
    pub(in crate::reception) label: String,
    pub(in crate::reception) message: Sentence,
    pub(in crate::reception) status: StatusCode,
    /// It says its hour already.
    has_hour: bool,
}

impl Problem {
    /// One whose words stand in the message files.
    pub(in crate::reception) fn new(status: StatusCode, label: impl Into<String>, say: impl Fn(&Messages) -> String) -> Self {
        Self::said(status, label, Sentence::of_both(say))
    }

    /// One that is said elsewhere too.
    pub(in crate::reception) fn said(status: StatusCode, label: impl Into<String>, message: Sentence) -> Self {
        Self { label: label.into(), message, status, has_hour: false }
    }

    /// `payload:length` and the like.
    pub(in crate::reception) fn unreadable(error: Unreadable) -> Self {
        let label = format!("{}:{}", error.field.key(), error.problem.code());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, label, |words| words.problems.unreadable(error))
    }

    pub(in crate::reception) fn cannot_look_up(error: &StorageError) -> Self {
        let label = format!("look_up:{}", error.code());
        Self::new(StatusCode::SERVICE_UNAVAILABLE, label, |words| words.problems.not_looked_up(error).to_string())
    }

    pub(in crate::reception) fn not_saved(error: &StorageError) -> Self {
        let label = format!("storage:{}", error.code());
        Self::new(StatusCode::SERVICE_UNAVAILABLE, label, |words| words.problems.not_saved(error).to_string())
    }

    pub(in crate::reception) fn new_day() -> Self {
        Self::new(StatusCode::CONFLICT, "lookup:new_day", |words| words.problems.new_day.to_string())
    }

    /// Whether it says what became of a visit that somebody meant to save: nobody may miss that.
    pub(in crate::reception) fn is_of_a_visit(&self) -> bool {
        [LOOKUP_EXPIRED, FORM_UNSURE, FORM_SAVED, ACCOUNT_CLOSED].contains(&&*self.label)
    }

    /// The same, said later than at this hour. What is shown again is kept again, and its first hour stays the only one.
    pub(in crate::reception) fn told_at(self, hour: &str) -> Self {
        if self.has_hour {
            return self;
        }
        let said =
            |words: &Messages| words.problems.told_at.with("time", hour).with("message", self.message.of(words.language)).to_string();
        Self { has_hour: true, ..Self::new(self.status, self.label.clone(), said) }
    }

    /// Another desk has saved this visit of the same person since the look-up.
    pub(in crate::reception) fn meanwhile(other: Earlier) -> Self {
        let (number, time) = (other.number.0, words::hour(other.at));
        let said = |words: &Messages| words.problems.meanwhile.with("number", number).with("time", &time).to_string();
        Self::new(StatusCode::CONFLICT, "lookup:meanwhile", said)
    }

    pub(in crate::reception) fn lookup_expired() -> Self {
        Self::new(StatusCode::GONE, LOOKUP_EXPIRED, |words| words.problems.lookup_expired.to_string())
    }

    /// Whoever had looked somebody up has no account any more.
    pub(in crate::reception) fn account_closed() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ACCOUNT_CLOSED, |words| words.problems.account_closed.to_string())
    }

    /// A digit for a list that is not kept any more.
    pub(in crate::reception) fn list_expired() -> Self {
        Self::new(StatusCode::GONE, "search:expired", |words| words.search.expired.to_string())
    }

    /// A digit that the list does not have.
    pub(in crate::reception) fn no_such_candidate(digit: usize) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "search:no_such", |words| words.search.no_such.with("number", digit).to_string())
    }

    pub(in crate::reception) fn no_stick() -> Self {
        Self::new(StatusCode::NOT_FOUND, "usb:gone", |words| words.problems.no_stick.to_string())
    }

    pub(in crate::reception) fn stick(undone: &Undone) -> Self {
        Self::said(StatusCode::CONFLICT, format!("usb:{}", undone.code), undone.said.clone())
    }

    pub(in crate::reception) fn form_token() -> Self {
        Self::new(StatusCode::FORBIDDEN, "form:token", |words| words.problems.form_token.to_string())
    }

    /// A save whose page is of another process: only the list of the day can tell.
    pub(in crate::reception) fn form_unsure() -> Self {
        Self::new(StatusCode::FORBIDDEN, FORM_UNSURE, |words| words.problems.form_unsure.to_string())
    }

    /// The same where the disk has it.
    pub(in crate::reception) fn form_saved(sequence: Sequence) -> Self {
        Self::new(StatusCode::CONFLICT, FORM_SAVED, |words| words.problems.form_saved.with("number", sequence.0).to_string())
    }

    pub(in crate::reception) fn form_size() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "form:size", |words| words.problems.form_size.to_string())
    }

    pub(in crate::reception) fn form_time() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "form:time", |words| words.problems.form_time.to_string())
    }

    pub(in crate::reception) fn form_kind() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "form:kind", |words| words.problems.form_kind.to_string())
    }

    pub(in crate::reception) fn host() -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "request:host", |words| words.problems.host.to_string())
    }

    pub(in crate::reception) fn origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "request:origin", |words| words.problems.origin.to_string())
    }

    pub(in crate::reception) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "request:method", |words| words.problems.method.to_string())
    }

    pub(in crate::reception) fn head_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "request:head_only", |words| words.problems.head_only.to_string())
    }

    pub(in crate::reception) fn cannot_count(error: &StorageError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("coverage:{}", error.code()), |words| words.coverage.unreadable.to_string())
    }

    pub(in crate::reception) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "request:not_found", |words| words.problems.not_found.to_string())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::field::Field;
    use crate::domain::field::Problem as Why;
    use crate::domain::visit::VisitId;

    #[test]
    fn every_message_has_its_own_label_and_ends_a_sentence() {
        let mut problems = vec![
            Problem::new_day(),
            Problem::meanwhile(Earlier { id: VisitId(Uuid::nil()), number: Sequence(1), at: DateTime::UNIX_EPOCH }),
            Problem::lookup_expired(),
            Problem::account_closed(),
            Problem::form_token(),
            Problem::form_unsure(),
            Problem::form_saved(Sequence(1)),
            Problem::form_size(),
            Problem::form_time(),
            Problem::form_kind(),
            Problem::host(),
            Problem::origin(),
            Problem::method(),
            Problem::not_found(),
            Problem::head_only(),
            Problem::unreadable(Why::Length.at(Field::Payload)),
            Problem::unreadable(Why::NotText.at(Field::Name)),
        ];
        for error in [StorageError::Full, StorageError::ReadOnly, StorageError::Busy, StorageError::Stopped] {
            problems.extend([Problem::not_saved(&error), Problem::cannot_look_up(&error)]);
        }
        let labels: std::collections::BTreeSet<_> = problems.iter().map(|p| p.label.clone()).collect();
        assert_eq!(labels.len(), problems.len());
        for Problem { label, message, status, .. } in &problems {
            assert!(message.vi.ends_with('.') && message.en.ends_with('.') && !status.is_success(), "{label}: {message:?}");
        }
    }

    #[test]
    fn a_full_disk_says_that_nothing_was_saved() {
        let problem = Problem::not_saved(&StorageError::Full);
        assert_eq!(problem.label, "storage:disk_full");
        assert!(problem.message.vi.starts_with("CHƯA LƯU"), "{:?}", problem.message);
    }
}
