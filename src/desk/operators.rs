//! Signing in at the desk, and the accounts behind it.
//!
//! Promise: a PIN is compared only after the try was counted, and not at all while somebody has to wait; whoever waits is not told whether the PIN
//! was right. Only a head manages accounts; everybody changes the own PIN. All of it is in the access log. Never: a word on whether an account is
//! there.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::clock::Reading;
use crate::domain::operator;
use crate::domain::operator::Account;
use crate::domain::operator::NewAccount;
use crate::domain::operator::OperatorId;
use crate::domain::operator::Pin;
use crate::domain::operator::Role;
use crate::domain::person::PersonName;
use crate::domain::scan;
use crate::domain::scan::Source;
use crate::domain::tries::Tries;
use crate::domain::tries::WINDOW;
use crate::domain::visit::OperatorName;
use crate::storage;
use crate::storage::visits::AccountChange;
use crate::storage::visits::Announced;
use crate::storage::visits::Counted;
use crate::storage::visits::Subject;
use crate::storage::visits::TooSoon;
use crate::storage::visits::Unfitting;

use super::Desk;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No account has this PIN, or there is no such account.
    #[error("the PIN is not right")]
    Wrong,
    /// Too many failed tries: nothing was compared.
    #[error("too many failed tries")]
    TooSoon(TooSoon),
    /// Our own files.
    #[error("the accounts cannot be read")]
    Storage(#[from] storage::Error),
}

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not this person's business.
    #[error("only a head manages accounts")]
    HeadOnly,
    /// It does not fit the others.
    #[error("the account does not fit")]
    Unfitting(Unfitting),
    /// Our own files.
    #[error("the accounts could not be changed")]
    Storage(#[from] storage::Error),
}

/// Tries counted in memory, for as long as the disk takes nothing.
#[derive(Clone, Default)]
pub(super) struct SpareTries(Arc<Mutex<HashMap<Subject, Spare>>>);

#[derive(Default)]
struct Spare {
    in_a_row: u32,
    /// On the machine's running time, the last one first.
    at: Vec<(Duration, chrono::DateTime<chrono::Utc>)>,
}

impl SpareTries {
    /// Counts a try as a failed one, unless one of its subjects has to wait.
    fn announce(&self, subjects: &[Subject], reading: &Reading) -> Result<(), TooSoon> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            let spare = held.entry(subject.clone()).or_default();
            spare.at.retain(|(at, _)| reading.since_boot.saturating_sub(*at) < WINDOW);
            let ages = spare.at.iter().map(|(at, _)| reading.since_boot.saturating_sub(*at)).collect();
            if let (Some(wait), Some((_, since))) = (Tries { in_a_row: spare.in_a_row, ages }.wait(), spare.at.first()) {
                return Err(TooSoon { wait, since: *since });
            }
        }
        for subject in subjects {
            let spare = held.entry(subject.clone()).or_default();
            spare.in_a_row = spare.in_a_row.saturating_add(1);
            spare.at.insert(0, (reading.since_boot, reading.wall));
        }
        Ok(())
    }

    fn was_right(&self, subjects: &[Subject]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            held.remove(subject);
        }
    }
}

/// What a try was counted by.
enum Announcement {
    OnDisk(Counted),
    InMemory(Vec<Subject>),
}

impl Desk {
    /// The accounts that are open, the oldest first. Reads no file.
    pub fn accounts(&self) -> Arc<[Account]> {
        Arc::clone(&self.visits.open_accounts().borrow())
    }

    /// The open account of a number.
    pub fn account(&self, id: OperatorId) -> Option<Account> {
        self.visits.open_accounts().borrow().iter().find(|account| account.id == id).cloned()
    }

    /// All accounts, closed ones too.
    pub async fn all_accounts(&self) -> Result<Vec<Account>, storage::Error> {
        self.visits.accounts().await
    }

    /// Whose account it is that somebody means by its number, by a name, or by the own id card or its twelve digits.
    pub fn meant(&self, text: &str) -> Option<OperatorId> {
        let (text, accounts) = (text.trim(), self.accounts());
        let one = |fits: &dyn Fn(&Account) -> bool| {
            let mut found = accounts.iter().filter(|account| fits(account));
            found.next().filter(|_| found.next().is_none()).map(|account| account.id)
        };
        if text.len() < 6
            && let Some(id) = OperatorId::parse(text)
        {
            return one(&|account| account.id == id);
        }
        if text.contains('|') || text.bytes().all(|b| b.is_ascii_digit()) {
            let scan = scan::read(text).ok().filter(|scan| matches!(scan.source, Source::CitizenId | Source::Typed))?;
            let personal_id = scan.personal_id?;
            return one(&|account| account.content.personal_id.as_ref() == Some(&personal_id));
        }
        let name = OperatorName::parse(text).ok()?;
        let key = operator::name_key(&name);
        let typed = PersonName::parse(text).ok();
        // Without diacritics if that is nobody else's name.
        let is_like = |account: &Account| {
            PersonName::parse(account.content.name.as_str()).ok().zip(typed.as_ref()).is_some_and(|(name, typed)| name.same_as(typed))
        };
        one(&|account| operator::name_key(&account.content.name) == key).or_else(|| one(&is_like))
    }

    /// Compares a PIN with an account's. `mark` is that of the browser it comes from; from one that is `None` nobody has signed in before.
    async fn check_pin(&self, who: Option<OperatorId>, pin: Zeroizing<String>, mark: Option<&str>) -> Result<Account, SignInError> {
        let mut subjects: Vec<_> = who.map(Subject::Account).into_iter().collect();
        subjects.push(mark.map_or(Subject::Unknown, |mark| Subject::Browser(mark.into())));
        let announcement = self.announce(subjects).await?;
        let kept = match who {
            Some(id) => self.visits.pin_hash(id).await?,
            None => None,
        };
        if !self.pins.fits(pin, kept).await? {
            self.access(Act::SignInFailed, who.map(About::account).unwrap_or_default()).await;
            return Err(SignInError::Wrong);
        }
        match announcement {
            Announcement::OnDisk(counted) => {
                if let Err(error) = self.visits.try_was_right(counted, mark.map(Into::into)).await {
                    tracing::warn!(name: "pin.not-taken-back", %error, "a right PIN counts as a failed try, because that cannot be taken back now");
                }
            }
            Announcement::InMemory(subjects) => self.spare_tries.was_right(&subjects),
        }
        who.and_then(|id| self.account(id)).ok_or(SignInError::Wrong)
    }

    async fn announce(&self, subjects: Vec<Subject>) -> Result<Announcement, SignInError> {
        let reading = self.time.stamped();
        match self.visits.announce_try(subjects.clone(), reading.clone()).await {
            Ok(Announced::Counted(counted)) => Ok(Announcement::OnDisk(counted)),
            Ok(Announced::TooSoon(too_soon)) => Err(SignInError::TooSoon(too_soon)),
            // A disk that takes nothing must not close the desk. The count in memory is as strict, but ends with the process.
            Err(
                error @ (storage::Error::Full
                | storage::Error::ReadOnly
                | storage::Error::Disk(_)
                | storage::Error::NotOurs { .. }
                | storage::Error::File { .. }),
            ) => {
                tracing::error!(name: "pin.in-memory", %error, "a try of a PIN is counted in memory only");
                self.spare_tries.announce(&subjects, &reading).map_err(SignInError::TooSoon)?;
                Ok(Announcement::InMemory(subjects))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Signs somebody in: the account, if the PIN is its own.
    pub async fn sign_in(&self, who: OperatorId, pin: Zeroizing<String>, mark: &str) -> Result<Account, SignInError> {
        let account = self.check_pin(Some(who), pin, Some(mark)).await?;
        self.with(account.operator()).access(Act::SignedIn, About::default()).await;
        Ok(account)
    }

    /// Whoever is at the desk takes another PIN, after showing the one until now.
    pub async fn change_own_pin(&self, now: Zeroizing<String>, next: Pin, mark: &str) -> Result<Account, SignInError> {
        let account = self.check_pin(self.operator.id, now, Some(mark)).await?;
        let kept = self.pins.hash(next).await?;
        let changed = self.visits.change_account(account.id, AccountChange::Pin(kept), self.time.now().at).await?;
        changed.map_err(|_| SignInError::Wrong)?;
        self.access(Act::AccountPin, About::account(account.id)).await;
        self.account(account.id).ok_or(SignInError::Wrong)
    }

    /// Makes an account. Returns after the disk has it.
    pub async fn add_account(&self, new: NewAccount, pin: Pin) -> Result<OperatorId, AccountError> {
        self.for_heads()?;
        let kept = self.pins.hash(pin).await?;
        let id = self.visits.add_account(new, kept, self.time.now().at).await?.map_err(AccountError::Unfitting)?;
        self.access(Act::AccountAdded, About::account(id)).await;
        Ok(id)
    }

    /// Gives an account another PIN.
    pub async fn set_pin(&self, id: OperatorId, pin: Pin) -> Result<(), AccountError> {
        self.for_heads()?;
        let kept = self.pins.hash(pin).await?;
        self.change_account(id, AccountChange::Pin(kept), Act::AccountPin).await
    }

    /// Gives an account another role. The last head keeps it.
    pub async fn set_role(&self, id: OperatorId, role: Role) -> Result<(), AccountError> {
        self.change_account(id, AccountChange::Role(role), Act::AccountRole).await
    }

    /// Closes an account for good; the last head's stays. What was done by it keeps its name.
    pub async fn close_account(&self, id: OperatorId) -> Result<(), AccountError> {
        self.change_account(id, AccountChange::Close, Act::AccountClosed).await
    }

    async fn change_account(&self, id: OperatorId, change: AccountChange, act: Act) -> Result<(), AccountError> {
        self.for_heads()?;
        self.visits.change_account(id, change, self.time.now().at).await?.map_err(AccountError::Unfitting)?;
        self.access(act, About::account(id)).await;
        Ok(())
    }

    fn for_heads(&self) -> Result<(), AccountError> {
        if self.operator.role.is_head() { Ok(()) } else { Err(AccountError::HeadOnly) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_in_memory_are_as_strict() {
        let spare = SpareTries::default();
        let reading =
            |seconds| Reading { wall: chrono::DateTime::UNIX_EPOCH, since_boot: Duration::from_secs(seconds), boot_id: "one".into() };
        let subjects = [Subject::Account(OperatorId(1)), Subject::Unknown];
        let tried = (0..7200).filter(|second| spare.announce(&subjects, &reading(*second)).is_ok()).count();
        assert!((10..=40).contains(&tried), "{tried} in two hours");
        assert!(spare.announce(&[Subject::Account(OperatorId(2)), Subject::Unknown], &reading(7200)).is_err(), "from the same browser");
        spare.was_right(&subjects);
        assert!(spare.announce(&subjects, &reading(7200)).is_ok());
    }
}
