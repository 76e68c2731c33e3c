//! The province's word about one person, behind the answer of the disk.
//!
//! Promise: a look-up that the province may improve leaves a question with the engine and goes on; whoever shows the answer can see whether the question
//! is still open, and have the person judged anew when it is not. Never: a wait in the way of the first answer.

use core::time::Duration;

use tokio::time;

use crate::storage;
use crate::sync::status::Link;

use super::Desk;
use super::Lookup;

/// How a question to the province stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Its answer may come any moment.
    Open,
    /// It was not answered, and is not being asked at the moment.
    Unanswered,
}

impl Question {
    /// The stable text of page and contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unanswered => "unanswered",
        }
    }
}

/// How often a question is looked at that is waited for, beside the engine's own word.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Desk {
    /// Leaves the question with the engine, if there is one and somebody to ask. Returns at once.
    pub(super) fn ask_about(&self, lookup: &Lookup) {
        if let Some(wanted) = lookup.wanted()
            && self.sync.status().borrow().link == Link::Ready
        {
            self.sync.ask(wanted);
        }
    }

    /// How the question about this person stands; `None` if there is none, or nobody to ask.
    pub fn question(&self, lookup: &Lookup) -> Option<Question> {
        let wanted = lookup.wanted()?;
        let (link, is_failing) = {
            let status = self.sync.status();
            let now = status.borrow();
            (now.link, now.ask.failing.is_some())
        };
        let is_open = !is_failing && self.sync.is_asking(&wanted, self.time.reading().since_boot);
        (link == Link::Ready).then_some(if is_open { Question::Open } else { Question::Unanswered })
    }

    /// The same look-up with the province's answer, if that comes in this time; else as the disk has it then. Cancel-safe.
    pub async fn improved(&self, lookup: Lookup, patience: Duration) -> Result<Lookup, storage::Error> {
        let Some(wanted) = lookup.wanted().filter(|_| self.sync.status().borrow().link == Link::Ready) else { return Ok(lookup) };
        let mut answers = self.sync.answers();
        let answered = async {
            while self.sync.is_asking(&wanted, self.time.reading().since_boot) {
                // A question also ends without an answer, and then nothing is said.
                let _ = time::timeout(LOOK_AGAIN, answers.changed()).await;
            }
        };
        // Whether it came in time or not: what is on the disk is what is said.
        let _ = time::timeout(patience, answered).await;
        self.judge_again(&lookup).await
    }
}
