//! What is said about signing in and about accounts.

use serde::Deserialize;

use super::Files;
use super::Text;

pub(super) const FILES: Files = [include_str!("operators.vi.toml"), include_str!("operators.en.toml")];

/// The messages of `operators.vi.toml` and `operators.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operators {
    /// Over the sign-in form.
    pub(crate) who: Text,
    /// The desk was locked while somebody worked.
    pub(crate) locked: Text,
    /// Before the field for whoever signs in.
    pub(crate) choose: Text,
    /// The button after it.
    pub(crate) next: Text,
    /// Before the PIN of somebody who was chosen.
    pub(crate) pin_of: Text,
    /// Before the PIN of somebody who scanned a card.
    pub(crate) pin_of_scanned: Text,
    /// The button after it.
    pub(crate) sign_in: Text,
    /// Leads back to the choice.
    pub(crate) another: Text,
    /// Leads back to the page of whoever is signed in.
    pub(crate) to_the_desk: Text,
    /// There is no account yet.
    pub(crate) no_account: Text,
    /// Who is signed in.
    pub(crate) at_the_desk: Text,
    /// Another one takes over.
    pub(crate) switch: Text,
    /// Locks the desk.
    pub(crate) lock: Text,
    /// Leaves the desk.
    pub(crate) sign_out: Text,
    /// Leads to the accounts.
    pub(crate) manage: Text,
    /// The PIN does not fit.
    pub(crate) wrong: Text,
    /// Too many failed tries.
    pub(crate) too_soon: Text,
    /// A wait in seconds.
    pub(crate) wait_seconds: Text,
    /// A wait in minutes.
    pub(crate) wait_minutes: Text,
    /// Instead of an hour that the clock cannot tell.
    pub(crate) unknown_time: Text,
    /// The accounts cannot be read.
    pub(crate) not_read: Text,
    /// Something was asked for that needs somebody signed in.
    pub(crate) sign_in_first: Text,
    /// A patient's card where somebody is to sign in.
    pub(crate) other_card: Text,
    /// More look-ups than a person makes.
    pub(crate) too_fast: Text,
    /// Locked, because nobody was found so often.
    pub(crate) too_many_misses: Text,
    /// Over the accounts.
    pub(crate) accounts: Text,
    /// Heads a column.
    pub(crate) account_number: Text,
    /// A person's name.
    pub(crate) name: Text,
    /// A person's own number.
    pub(crate) personal_id: Text,
    /// Signs in by card as well.
    pub(crate) has_card: Text,
    /// What somebody may do.
    pub(crate) role: Text,
    /// The role of those who receive people.
    pub(crate) reception: Text,
    /// The role of whoever heads the station.
    pub(crate) head: Text,
    /// Since when an account is there.
    pub(crate) since: Text,
    /// Until when.
    pub(crate) until: Text,
    /// A PIN that is to be kept.
    pub(crate) pin: Text,
    /// The same again.
    pub(crate) pin_again: Text,
    /// The PIN until now.
    pub(crate) pin_now: Text,
    /// Makes an account.
    pub(crate) add: Text,
    /// Gives another PIN.
    pub(crate) new_pin: Text,
    /// Changes the own PIN.
    pub(crate) own_pin: Text,
    /// Changes a role.
    pub(crate) make_head: Text,
    /// Changes a role.
    pub(crate) make_reception: Text,
    /// Closes an account.
    pub(crate) close: Text,
    /// An account was made.
    pub(crate) added: Text,
    /// A PIN is another one.
    pub(crate) pin_changed: Text,
    /// A role is another one.
    pub(crate) role_changed: Text,
    /// An account is closed.
    pub(crate) closed: Text,
    /// Not this person's business.
    pub(crate) heads_only: Text,
    /// Somebody has this name.
    pub(crate) name_taken: Text,
    /// Somebody has this number.
    pub(crate) personal_id_taken: Text,
    /// There is no such account.
    pub(crate) unknown_account: Text,
    /// Somebody has to be left.
    pub(crate) last_head: Text,
    /// The disk did not take it.
    pub(crate) not_changed: Text,
    /// Too short or too long a PIN.
    pub(crate) pin_length: Text,
    /// A PIN that everybody tries.
    pub(crate) pin_obvious: Text,
    /// Typed twice, not the same.
    pub(crate) pin_differs: Text,
    /// No name.
    pub(crate) name_wanted: Text,
    /// No personal id.
    pub(crate) personal_id_wanted: Text,
}
