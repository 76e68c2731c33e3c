//! What is printed of a visit: the slip for the person, and the evidence sheet for the file.
//!
//! Promise: what stands on paper is what is on the disk, of the latest revision; what is asked for a second time is a copy and knows it. Never: a paper that
//! was not noted.

use chrono::DateTime;
use chrono::Utc;

use crate::domain::access::About;
use crate::domain::access::Act;
use crate::domain::outage::Outage;
use crate::domain::slip::SlipCode;
use crate::domain::visit::VisitId;
use crate::storage;
use crate::storage::visits::LoggedVisit;

use super::Desk;

pub use crate::storage::visits::Paper;
pub use crate::storage::visits::Printing;

/// What goes on the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The visit, as it was last corrected.
    pub visit: LoggedVisit,
    /// When the person came.
    pub arrived_at: DateTime<Utc>,
    /// The short code.
    pub code: SlipCode,
    /// How often the same was printed before.
    pub copies: u32,
    /// Outages that went on when the person came; of an evidence sheet.
    pub outages: Vec<Outage>,
    /// When it was printed, and by whom.
    pub printing: Printing,
}

impl Desk {
    /// Notes that a paper is printed, and says what goes on it. `None`: there is no such visit.
    pub async fn print(&self, id: VisitId, paper: Paper) -> Result<Option<Sheet>, storage::Error> {
        let Some(visit) = self.visits.revisions(id).await?.pop() else { return Ok(None) };
        let content = &visit.visit.content;
        let outages = match paper {
            Paper::Slip => Vec::new(),
            Paper::Evidence => self.visits.outages_at(content.arrived_at).await?,
        };
        let (arrived_at, code) = (self.arrived(content).await?, SlipCode::of(content));
        let printing = Printing { sequence: visit.visit.sequence, paper, at: self.time.now().at, by: self.operator.name.clone() };
        let copies = self.visits.printed(printing.clone()).await?;
        self.access(Act::Printed, About { visit: Some(id), ..About::person(&content.person) }).await;
        Ok(Some(Sheet { visit, arrived_at, code, copies, outages, printing }))
    }

    /// What was printed of all revisions of a visit.
    pub async fn printings(&self, revisions: &[LoggedVisit]) -> Result<Vec<Printing>, storage::Error> {
        self.visits.printings(revisions.iter().map(|logged| logged.visit.sequence).collect()).await
    }
}
