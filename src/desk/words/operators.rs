//! Why nobody was signed in, and why an account was not made or changed, in either language.

use core::time::Duration;

use crate::desk::AccountError;
use crate::desk::SignInError;
use crate::desk::messages::Messages;
use crate::desk::messages::Text;
use crate::domain::clock::Now;
use crate::domain::field::Problem;
use crate::domain::operator::Role;
use crate::storage::visits::Unfitting;

use super::Sentence;

/// Asks for a PIN at a terminal.
pub(crate) fn ask_pin() -> Sentence {
    Sentence::new("Mã PIN, 6 đến 12 chữ số (không hiện):", "A PIN, 6 to 12 digits (not shown):")
}

/// Once more, because nobody sees it.
pub(crate) fn ask_pin_again() -> Sentence {
    Sentence::new("Gõ lại mã PIN:", "The PIN again:")
}

/// Asks for the number of the card by which somebody signs in.
pub(crate) fn ask_personal_id() -> Sentence {
    Sentence::new("Số căn cước, 12 số (không hiện):", "The personal id, 12 digits (not shown):")
}

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
pub(crate) fn not_signed_in(error: &SignInError, now: &Now) -> (&'static str, Sentence) {
    match error {
        SignInError::Wrong => ("pin:wrong", Sentence::of_both(|words| words.operators.wrong.to_string())),
        SignInError::TooSoon(too_soon) => {
            let said = |words: &Messages| {
                let said = &words.operators;
                // By a clock in doubt no hour is told.
                let since = if now.state.is_suspect() { said.unknown_time.to_string() } else { super::hour(too_soon.since) };
                said.too_soon.with("since", since).with("wait", wait(too_soon.wait, words)).to_string()
            };
            ("pin:wait", Sentence::of_both(said))
        }
        SignInError::Storage(_) => ("pin:storage", accounts_not_read()),
    }
}

/// The accounts cannot be read just now.
pub(crate) fn accounts_not_read() -> Sentence {
    Sentence::of_both(|words| words.operators.not_read.to_string())
}

/// Why an account was not made or changed, with the stable code.
pub(crate) fn not_changed(error: &AccountError) -> (&'static str, Sentence) {
    let said = |code, say: fn(&Messages) -> &Text| (code, Sentence::of_both(|words| say(words).to_string()));
    match error {
        AccountError::HeadOnly => said("account:head_only", |words| &words.operators.heads_only),
        AccountError::Unfitting(Unfitting::NameTaken) => said("account:name_taken", |words| &words.operators.name_taken),
        AccountError::Unfitting(Unfitting::PersonalIdTaken) => {
            said("account:personal_id_taken", |words| &words.operators.personal_id_taken)
        }
        AccountError::Unfitting(Unfitting::NoAccount) => said("account:unknown", |words| &words.operators.unknown_account),
        AccountError::Unfitting(Unfitting::LastHead) => said("account:last_head", |words| &words.operators.last_head),
        AccountError::Storage(_) => said("account:storage", |words| &words.operators.not_changed),
    }
}

/// No account has such a name.
pub(crate) fn name_wanted() -> Sentence {
    Sentence::of_both(|words| words.operators.name_wanted.to_string())
}

/// Why a PIN cannot be one, with the stable code.
pub(crate) fn unfit_pin(problem: Problem) -> (&'static str, Sentence) {
    if problem == Problem::Order {
        ("pin:obvious", Sentence::of_both(|words| words.operators.pin_obvious.to_string()))
    } else {
        ("pin:length", Sentence::of_both(|words| words.operators.pin_length.to_string()))
    }
}

/// A role that there is not.
pub(crate) fn unknown_role() -> Sentence {
    Sentence::new("Vai trò là reception (tiếp đón) hoặc head (trưởng trạm).", "A role is reception or head.")
}

/// The head of the access log that was noted before cannot be read.
pub(crate) fn unreadable_head() -> Sentence {
    Sentence::new(
        "Đầu sổ ghi trước phải có dạng SỐ:MÃ như verify-log đã in.",
        "A noted head has the form NUMBER:DIGEST, as verify-log printed it.",
    )
}

/// The role, by the contract's code.
pub(crate) fn role_of(code: &str) -> Sentence {
    Role::parse(code).map_or_else(|_| Sentence::same(code), |known| Sentence::of_both(|words| role(known, words)))
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
