//! What is printed of a visit: the slip for the person, and the evidence sheet for the file.
//!
//! Promise: what stands on paper is what is on the disk: on a slip of the latest revision, on an evidence sheet of the first, with what was known and who
//! received the person then, and what was corrected later apart from it; what is asked for a second time is a copy and knows it. Never: a paper that was not
//! noted; evidence of an outage that there was not, or of a visit that was taken back.

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::clock::ClockState;
use crate::domain::outage;
use crate::domain::outage::FailedTry;
use crate::domain::outage::Outage;
use crate::domain::slip::SlipCode;
use crate::domain::visit::VisitId;
use crate::storage;
use crate::storage::visits::LoggedVisit;

use super::Arrival;
use super::CorrectError;
use super::Desk;

pub use crate::storage::visits::Paper;
pub use crate::storage::visits::Printing;

/// What goes on the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The visit: on a slip as it was last corrected, on an evidence sheet as the person was received.
    pub visit: LoggedVisit,
    /// How it was corrected since; of an evidence sheet.
    pub later: Vec<LoggedVisit>,
    /// When the person came.
    pub arrival: Arrival,
    /// The short code of the revision that stands on it.
    pub code: SlipCode,
    /// How often the same was printed before.
    pub copies: u32,
    /// Outages that went on when the person came; of an evidence sheet.
    pub outages: Vec<Outage>,
    /// Tries around that time; of an evidence sheet.
    pub tries: Vec<FailedTry>,
    /// When it was printed, and by whom.
    pub printing: Printing,
    /// Whether the clock could be believed then.
    pub printed_by_clock: ClockState,
}

impl Desk {
    /// Notes that a paper is printed, and says what goes on it.
    pub async fn print(&self, id: VisitId, paper: Paper) -> Result<Sheet, CorrectError> {
        let mut revisions = self.visits.revisions(id).await?.into_iter();
        let first = revisions.next().ok_or(CorrectError::NoVisit)?;
        let mut later: Vec<LoggedVisit> = revisions.collect();
        let (visit, later, outages, tries) = match paper {
            Paper::Slip => (later.pop().unwrap_or(first), Vec::new(), Vec::new(), Vec::new()),
            Paper::Evidence => {
                let latest = later.last().unwrap_or(&first);
                if latest.visit.content.voided.is_some() {
                    return Err(CorrectError::Voided);
                }
                let (outages, tries) = self.trouble_of(&first).await?;
                if !is_evidence(&first, &outages, &tries) {
                    return Err(CorrectError::NoOutage);
                }
                (first, later, outages, tries)
            }
        };
        let content = &visit.visit.content;
        let (arrival, code) = (self.arrival(content).await?, SlipCode::of(content));
        let printed_by_clock = self.time.now().state;
        let printing = Printing { sequence: visit.visit.sequence, paper, at: self.time.stamped().wall, by: self.operator.name.clone() };
        let copies = self.visits.printed(printing.clone()).await?;
        self.access(Act::Printed, About { visit: Some(id), ..About::person(&content.person) }).await;
        Ok(Sheet { visit, later, arrival, code, copies, outages, tries, printing, printed_by_clock })
    }

    /// Whether an evidence sheet of a visit can be printed.
    pub async fn is_evidenced(&self, revisions: &[LoggedVisit]) -> Result<bool, storage::Error> {
        let Some((first, latest)) = revisions.first().zip(revisions.last()) else { return Ok(false) };
        let (outages, tries) = self.trouble_of(first).await?;
        Ok(latest.visit.content.voided.is_none() && is_evidence(first, &outages, &tries))
    }

    async fn trouble_of(&self, first: &LoggedVisit) -> Result<(Vec<Outage>, Vec<FailedTry>), storage::Error> {
        let content = &first.visit.content;
        Ok((self.outages_of(content).await?, self.visits.tries_around(content.id, content.clock.clone()).await?))
    }

    /// What was printed of all revisions of a visit.
    pub async fn printings(&self, revisions: &[LoggedVisit]) -> Result<Vec<Printing>, storage::Error> {
        self.visits.printings(revisions.iter().map(|logged| logged.visit.sequence).collect()).await
    }
}

/// Whether something kept the desk from looking up when the person was received: there were no data, or they were too old, or the province could not be
/// reached. That a person has no number, or that nobody knows it, is none of it.
fn is_evidence(first: &LoggedVisit, outages: &[Outage], tries: &[FailedTry]) -> bool {
    let is_unreached = first.circumstances.as_ref().is_some_and(|kept| kept.unreached_since.is_some());
    let is_about = tries.iter().any(|one| one.about.is_some());
    outage::lacks_data(&first.visit.content.verdict) || is_unreached || is_about || !outages.is_empty()
}
