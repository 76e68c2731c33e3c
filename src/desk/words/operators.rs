//! Why nobody was signed in, and why an account was not made or changed, in either language.

use core::time::Duration;

use crate::desk::AccountError;
use crate::desk::SignInError;
use crate::desk::messages::Messages;
use crate::domain::clock::Now;
use crate::domain::field::Problem;
use crate::domain::operator::Role;
use crate::storage::visits::Unfitting;

/// A wait, rounded up, in the unit that people count in.
pub(crate) fn wait(wait: Duration, words: &Messages) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let words = &words.operators;
    if seconds < 60 {
        words.wait_seconds.with("n", seconds.max(1)).to_string()
    } else {
        words.wait_minutes.with("n", seconds.div_ceil(60)).to_string()
    }
}

/// Why nobody was signed in, with the stable code.
pub(crate) fn not_signed_in(error: &SignInError, now: &Now, words: &Messages) -> (&'static str, String) {
    let said = &words.operators;
    match error {
        SignInError::Wrong => ("pin:wrong", said.wrong.to_string()),
        SignInError::TooSoon(too_soon) => {
            // By a clock in doubt no hour is told.
            let since = if now.state.is_suspect() { said.unknown_time.to_string() } else { super::hour(too_soon.since) };
            ("pin:wait", said.too_soon.with("since", since).with("wait", wait(too_soon.wait, words)).to_string())
        }
        SignInError::Storage(_) => ("pin:storage", said.not_read.to_string()),
    }
}

/// Why an account was not made or changed, with the stable code.
pub(crate) fn not_changed(error: &AccountError, words: &Messages) -> (&'static str, String) {
    let said = &words.operators;
    let (code, text) = match error {
        AccountError::HeadOnly => ("account:head_only", &said.heads_only),
        AccountError::Unfitting(Unfitting::NameTaken) => ("account:name_taken", &said.name_taken),
        AccountError::Unfitting(Unfitting::PersonalIdTaken) => ("account:personal_id_taken", &said.personal_id_taken),
        AccountError::Unfitting(Unfitting::NoAccount) => ("account:unknown", &said.unknown_account),
        AccountError::Unfitting(Unfitting::LastHead) => ("account:last_head", &said.last_head),
        AccountError::Storage(_) => ("account:storage", &said.not_changed),
    };
    (code, text.to_string())
}

/// Why a PIN cannot be one, with the stable code.
pub(crate) fn unfit_pin(problem: Problem, words: &Messages) -> (&'static str, String) {
    let said = &words.operators;
    if problem == Problem::Order { ("pin:obvious", said.pin_obvious.to_string()) } else { ("pin:length", said.pin_length.to_string()) }
}

/// What somebody may do, as people call it.
pub(crate) fn role(role: Role, words: &Messages) -> String {
    let said = &words.operators;
    match role {
        Role::Reception => said.reception.to_string(),
        Role::Head => said.head.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::messages::Language;

    #[test]
    fn a_wait_is_never_told_shorter_than_it_is() {
        let words = Messages::of(Language::Vietnamese);
        for (millis, text) in
            [(1, "1 giây"), (29_001, "30 giây"), (59_000, "59 giây"), (59_500, "1 phút"), (61_000, "2 phút"), (900_000, "15 phút")]
        {
            assert_eq!(wait(Duration::from_millis(millis), words), text, "{millis}");
        }
    }
}
