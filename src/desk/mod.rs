//! The use cases of the counter, shared by the page and the command line, so that the two cannot grow two ideas of a check-in.
//!
//! Promise: a look-up answers from this station's own disk, always, and never waits for the network; a check-in answers after the disk has it; a
//! check-in of the same look-up twice is one visit. Never: an identifier in a log line; HTTP.

pub mod asking;
pub mod check_in;
pub mod correct;
pub mod coverage;
mod csv;
pub mod errands;
pub mod lookup;
pub mod messages;
pub mod notices;
pub mod overview;
pub mod past;
pub mod recheck;
pub mod renewals;
pub mod words;

use std::sync::Arc;

use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::CareType;
use crate::domain::clock::TimeKeeper;
use crate::domain::coverage::Share;
use crate::domain::facility::FacilityClass;
use crate::domain::facility::FacilityCode;
use crate::domain::facility::ProvinceCode;
use crate::domain::freshness::Thresholds;
use crate::domain::operator::Operator;
use crate::domain::operator::Role;
use crate::domain::rules::RuleTables;
use crate::domain::visit::OperatorName;
use crate::storage::cards::CardStore;
use crate::storage::visits::VisitStore;
use crate::sync::driver::SyncHandle;

pub use asking::Question;
pub use check_in::CheckInError;
pub use check_in::CheckedIn;
pub use correct::CorrectError;
pub use correct::Correction;
pub use correct::Note;
pub use coverage::Coverage;
pub use errands::Errands;
pub use errands::Undone;
pub use lookup::LookUpError;
pub use lookup::Lookup;
pub use notices::Notice;
pub use overview::Overview;
pub use past::Placed;
pub use renewals::ListError;
pub use renewals::RenewalFilter;
pub use renewals::Renewals;
pub use renewals::Span;

// What the answers above carry, so that page and command line need not know where it is kept.
pub use crate::storage::Error as StorageError;
pub use crate::storage::visits::Day;
pub use crate::storage::visits::ListedRecheck;
pub use crate::storage::visits::LoggedVisit;

/// Who and where this desk is.
#[derive(Clone, Debug)]
pub struct Station {
    /// Its code.
    pub facility: FacilityCode,
    /// What it is, for the rules.
    pub class: FacilityClass,
    /// What people call it.
    pub name: Option<Box<str>>,
    /// Which province it was in before the merger of 2025, where that matters.
    pub former_province: Option<ProvinceCode>,
    /// The rules.
    pub rules: Arc<RuleTables>,
    /// When data are called old.
    pub thresholds: Thresholds,
    /// Who works here, as far as nobody has signed in: on the command line.
    pub operator: OperatorName,
    /// So many days back visits are judged again when the roster has changed.
    pub recheck_days: u16,
    /// Care type of a visit, unless somebody says otherwise.
    pub care_type: CareType,
    /// Category of a visit on a day for which the rules have none.
    pub category: AttendanceCategory,
    /// Share of the people on the roster whose cards should be in force.
    pub coverage_target: Option<Share>,
}

/// The desk. Clones share it.
#[derive(Clone)]
pub struct Desk {
    station: Arc<Station>,
    operator: Operator,
    cards: CardStore,
    visits: VisitStore,
    time: TimeKeeper,
    sync: SyncHandle,
}

impl Desk {
    /// Puts the desk together.
    pub fn new(station: Station, cards: CardStore, visits: VisitStore, time: TimeKeeper, sync: SyncHandle) -> Self {
        let operator = Operator { name: station.operator.clone(), role: Role::Head };
        Self { station: Arc::new(station), operator, cards, visits, time, sync }
    }

    /// The same desk with this person at it: what is done there is done by this name.
    #[must_use]
    pub fn with(&self, operator: Operator) -> Self {
        Self { operator, ..self.clone() }
    }

    /// Who is at it.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Who and where it is.
    pub fn station(&self) -> &Station {
        &self.station
    }

    /// The clocks it goes by.
    pub fn time(&self) -> &TimeKeeper {
        &self.time
    }
}
