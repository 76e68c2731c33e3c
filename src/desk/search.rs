//! Whom a name may be: people to choose from, and the look-up of the one chosen.
//!
//! Promise: whatever is typed into the one input is a look-up, a list to choose from, or refused; of a list nobody is taken but the one a person has
//! chosen, also where there is only one; who is none of them is received as typed, without a number; from there on it is a look-up like any other, with what
//! was typed as the claim that identity is judged by. Never: more people than have a digit; a list of strangers for a name that half the commune has.

use tokio_util::sync::CancellationToken;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::access::Detail;
use crate::domain::access::PersonKey;
use crate::domain::access::ShownPeople;
use crate::domain::field::Field;
use crate::domain::field::Problem;
use crate::domain::scan::Scan;
use crate::domain::search;
use crate::domain::search::Candidate;
use crate::domain::search::Input;
use crate::domain::search::Query;
use crate::domain::search::SHOWN;
use crate::storage;

use super::Desk;
use super::LookUpError;
use super::Lookup;

/// What the one input leads to.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A verdict: a scan or a number was there.
    Verdict(Box<Lookup>),
    /// People to choose from: a name was there.
    Candidates(Candidates),
}

/// People whom a name fits.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// What was typed.
    pub query: Query,
    /// Whether there is a roster to search.
    pub has_roster: bool,
    /// How many it fits.
    pub total: usize,
    /// Whom to choose from, best first: nobody if the name alone fits too many.
    pub best: Vec<Candidate>,
}

impl Candidates {
    /// How many more it fits.
    pub fn more(&self) -> usize {
        self.total.saturating_sub(self.best.len())
    }

    /// What the page says of it, as a stable code.
    pub fn code(&self) -> &'static str {
        match (self.has_roster, self.total, self.best.len()) {
            (false, ..) => "no_roster",
            (true, 0, _) => "nobody",
            (true, _, 0) => "too_many",
            (true, ..) => "found",
        }
    }

    /// Whether there is nobody to choose, and nobody was left out.
    pub fn is_nobody(&self) -> bool {
        !self.has_roster || self.total == 0
    }

    /// Whether a birth date was typed.
    pub fn has_birth_date(&self) -> bool {
        self.query.born().is_some()
    }

    /// What the person behind a digit is looked up by.
    pub fn claim(&self, digit: usize) -> Option<Scan> {
        let chosen = self.best.get(digit.checked_sub(1)?)?;
        Some(self.query.claim(&chosen.record))
    }
}

impl Desk {
    /// Reads what was scanned or typed: a number is looked up, a name is searched for. A typed birth date that has not come is refused, unless it may be the
    /// clock that is wrong; on a card it is part of what was shown, and whose card it is says the number.
    pub async fn ask(&self, text: &str) -> Result<Answer, LookUpError> {
        match search::read(text)? {
            Input::Scan(scan) => Ok(Answer::Verdict(Box::new(self.look_up_scan(*scan).await?))),
            Input::Name(query) if self.is_born_later(&query) => Err(Problem::Future.at(Field::BirthDate).into()),
            Input::Name(query) => Ok(Answer::Candidates(self.search(query).await?)),
        }
    }

    fn is_born_later(&self, query: &Query) -> bool {
        let now = self.time.now();
        !now.state.is_suspect() && query.born().is_some_and(|born| born.is_after(now.day()))
    }

    /// Searches for a name.
    pub async fn search(&self, query: Query) -> Result<Candidates, storage::Error> {
        let found = self.cards.search(&query).await?;
        // Those whom it fits as typed decide whether a name alone is enough; whoever is a typing error away comes after them.
        let counted = if found.unmistaken > 0 { found.unmistaken } else { found.total };
        let is_too_many = query.born().is_none() && counted > SHOWN;
        let best = if is_too_many { Vec::new() } else { found.best };
        // Nobody was chosen yet: the line is about all who are shown.
        let shown = ShownPeople::by_key(best.iter().map(|candidate| {
            PersonKey::of_numbers(candidate.record.personal_id.as_ref(), Some(&candidate.record.card_number.insurance_number()))
        }));
        self.access(Act::Searched, About::list(Detail::code("name"), shown)).await;
        Ok(Candidates { query, has_roster: found.has_roster, total: found.total, best })
    }

    /// Whoever was typed, as typed: somebody without a number, or whose number nobody knows. There is nothing to look up by.
    pub async fn receive_as_typed(&self, candidates: &Candidates) -> Result<Lookup, storage::Error> {
        self.look_up_scan(candidates.query.claim_alone()).await
    }

    /// Looks up the person behind a digit of the list; `None`: there is nobody.
    pub async fn choose(&self, candidates: &Candidates, digit: usize) -> Result<Option<Lookup>, storage::Error> {
        match candidates.claim(digit) {
            Some(scan) => self.look_up_scan(scan).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Keeps the index of names ready for whatever roster is held, until stopped: the first name after a load waits for nothing.
pub async fn follow(desk: Desk, stop: CancellationToken) {
    let mut roster = desk.cards.roster();
    loop {
        roster.borrow_and_update();
        if let Err(error) = desk.cards.read_names().await {
            tracing::warn!(name: "storage.read-failed", %error, "the names could not be read; the next search tries again");
        }
        match stop.run_until_cancelled(roster.changed()).await {
            Some(Ok(())) => {}
            _ => break,
        }
    }
    stop.cancelled().await;
}
