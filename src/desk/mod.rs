//! The use cases of the counter, shared by the page and the command line, so that the two cannot grow two ideas of a check-in.
//!
//! Promise: a look-up answers from this station's own disk, always, and never waits for the network; a check-in answers after the disk has it; a
//! check-in of the same look-up twice is one visit. Never: an identifier in a log line; HTTP.

pub mod access;
pub mod asking;
pub mod changes;
pub mod check_in;
pub mod choices;
pub mod correct;
pub mod coverage;
mod csv;
pub mod desks;
pub mod duplicates;
pub mod errands;
mod keeping;
pub mod lookup;
pub mod messages;
pub mod notices;
pub mod operators;
pub mod outages;
pub mod overview;
pub mod paper;
pub mod past;
mod person;
mod pin;
pub mod queue;
pub mod recheck;
pub mod renewals;
pub mod search;
pub mod words;

use std::sync::Arc;

use chrono::NaiveDate;
use chrono::TimeDelta;
use tokio::sync::watch;

use crate::domain::access::Place;
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
use crate::domain::outage::Outage;
use crate::domain::rules::RuleTables;
use crate::domain::visit::OperatorName;
use crate::storage::cards::CardStore;
use crate::storage::visits::VisitStore;
use crate::sync::driver::SyncHandle;

pub use asking::Question;
pub use changes::Changes;
pub use check_in::CheckInError;
pub use check_in::CheckedIn;
pub use choices::Change;
pub use choices::Choices;
pub use choices::NotOffered;
pub use choices::Offered;
pub use correct::CorrectError;
pub use correct::Corrected;
pub use correct::Correction;
pub use correct::Note;
pub use correct::Whom;
pub use coverage::Coverage;
pub use desks::Caller;
pub use desks::Desks;
pub use duplicates::Earlier;
pub use errands::Errands;
pub use errands::Undone;
pub use keeping::Salvage;
pub use lookup::LookUpError;
pub use lookup::Lookup;
pub use notices::Notice;
pub use notices::SideDoor;
pub use operators::AccountError;
pub use operators::SignInError;
pub use overview::Overview;
pub use past::Arrival;
pub use past::Placed;
pub use queue::TakenNumber;
pub use renewals::ListError;
pub use renewals::RenewalFilter;
pub use renewals::Renewals;
pub use renewals::Span;
pub use search::Answer;
pub use search::Candidates;

// What the answers above carry, so that page and command line need not know where it is kept.
pub use crate::domain::access::Head;
pub use crate::storage::Error as StorageError;
pub use crate::storage::integrity::Whole;
pub use crate::storage::visits::Confirmed;
pub use crate::storage::visits::Day;
pub use crate::storage::visits::Dropped;
pub use crate::storage::visits::Erased;
pub use crate::storage::visits::ListedRecheck;
pub use crate::storage::visits::LoggedAccess;
pub use crate::storage::visits::LoggedVisit;
pub use crate::storage::visits::Salvaged;
pub use crate::storage::visits::SetAside;
pub use crate::storage::visits::TooSoon;
pub use crate::storage::visits::Unfitting;
pub use crate::storage::visits::Verified;

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
    /// The set whose first day comes next.
    pub next_rules: Option<NextRules>,
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
    /// Without a good backup for so long it says so; `None`: none are made.
    pub backup_late_after: Option<TimeDelta>,
}

/// A set of rules that is here and waits for its first day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextRules {
    /// Which.
    pub version: Box<str>,
    /// Its first day.
    pub from: NaiveDate,
}

impl Station {
    /// What a visit of a day falls under by what the station is.
    pub fn category_on(&self, day: NaiveDate) -> AttendanceCategory {
        self.rules.provisional_category(&self.class, day).unwrap_or_else(|| self.category.clone())
    }
}

/// The desk. Clones share it.
#[derive(Clone)]
pub struct Desk {
    /// As this clone found it when it was made: one question is answered by one configuration.
    station: Arc<Station>,
    /// The one in force, for all of them.
    in_force: watch::Sender<Arc<Station>>,
    operator: Operator,
    place: Place,
    book: access::Book,
    pins: pin::Pins,
    spare_tries: operators::SpareTries,
    cards: CardStore,
    visits: VisitStore,
    time: TimeKeeper,
    sync: SyncHandle,
    /// Outages that go on.
    outages: watch::Sender<Arc<[Outage]>>,
    questions: outages::Questions,
}

impl Desk {
    /// Puts the desk together.
    pub fn new(station: Station, cards: CardStore, visits: VisitStore, time: TimeKeeper, sync: SyncHandle) -> Self {
        let operator = Operator { id: None, name: station.operator.clone(), role: Role::Head };
        let station = Arc::new(station);
        Self {
            in_force: watch::Sender::new(Arc::clone(&station)),
            station,
            operator,
            place: Place::command_line(),
            book: access::Book::default(),
            pins: pin::Pins::new(),
            spare_tries: operators::SpareTries::default(),
            cards,
            visits,
            time,
            sync,
            outages: watch::Sender::new(Arc::from([])),
            questions: outages::Questions::default(),
        }
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

    /// Another configuration is in force.
    pub fn station_is(&self, station: Station) {
        self.in_force.send_replace(Arc::new(station));
    }

    /// The same desk by the configuration in force now, for the next question.
    #[must_use]
    pub fn current(&self) -> Self {
        let station = self.station_in_force();
        // On the command line whoever the configuration names; who has signed in stays who they are.
        let operator = if self.operator.id.is_none() && self.operator.role.is_head() {
            Operator { name: station.operator.clone(), ..self.operator.clone() }
        } else {
            self.operator.clone()
        };
        Self { station, operator, ..self.clone() }
    }

    fn station_in_force(&self) -> Arc<Station> {
        Arc::clone(&self.in_force.borrow())
    }

    /// The clocks it goes by.
    pub fn time(&self) -> &TimeKeeper {
        &self.time
    }
}
