//! What to ask the person for: Decree 188/2025, Articles 37 and 38.
//!
//! Promise: what is asked for follows from the standing, from what was shown, and from who it is; nothing is asked for twice. Never: a paper that the rules do
//! not ask for.

use chrono::NaiveDate;

use super::Advice;
use super::IdentityMatch;
use super::NotCovered;
use super::Standing;
use crate::domain::benefit::MemberGroup;
use crate::domain::card::CardRecord;
use crate::domain::card::Deregistration;
use crate::domain::person::BirthDate;
use crate::domain::rules::RuleTables;
use crate::domain::rules::whole_years;
use crate::domain::scan::Scan;
use crate::domain::scan::Source;

/// What comes before the visit can be judged, and what is asked for beside.
pub(super) struct Asked {
    /// First of all.
    pub(super) first: Option<Advice>,
    /// After what the desk does next.
    pub(super) then: Vec<Advice>,
}

pub(super) fn asked(
    standing: Standing,
    identity: IdentityMatch,
    record: Option<&CardRecord>,
    claimed: &Scan,
    on: NaiveDate,
    tables: &RuleTables,
) -> Asked {
    let group = record.map(|record| &record.card_number).or(claimed.card_number.as_ref()).and_then(|card| card.group());
    let rule = tables.proof(on);
    let is_of = |groups: &[MemberGroup]| group.as_ref().is_some_and(|group| groups.contains(group));
    // A birth certificate shows a personal id and the child has no card: the id tells the year.
    let encoded = || claimed.personal_id.as_ref().map(|id| BirthDate::Year(id.encoded_birth_year()));
    let born = record.map(|record| record.birth_date).or(claimed.birth_date).or_else(encoded);
    let is_child = rule.is_some_and(|rule| is_of(&rule.child_groups) || born.is_some_and(|born| whole_years(born, on) < rule.child_below));
    let first = match identity {
        IdentityMatch::NotChecked if record.is_none() => None,
        IdentityMatch::Said | IdentityMatch::NotChecked if is_child => Some(Advice::CardOrNumberIsEnough),
        IdentityMatch::Said | IdentityMatch::NotChecked => Some(Advice::AskIdentityDocument),
        IdentityMatch::Match => None,
        IdentityMatch::NameDiffers | IdentityMatch::BirthDateDiffers | IdentityMatch::NameAndBirthDateDiffer => {
            Some(Advice::CompareIdentity)
        }
    };
    let mut then = Vec::new();
    let is_silent = matches!(standing, Standing::NotCovered { .. } | Standing::NotListed);
    if standing == Standing::ManagedElsewhere || (is_silent && rule.is_some_and(|rule| is_of(&rule.paper_card_groups))) {
        then.push(Advice::AskPaperCard);
    } else if is_child && is_silent && record.is_none() {
        then.push(Advice::AskBirthCertificate);
    } else if !is_child && record.is_none() && claimed.source == Source::Typed {
        then.push(Advice::AskIdentityDocument);
    } else if !is_child && identity == IdentityMatch::Match && claimed.source == Source::BhytCard {
        then.push(Advice::AskPhotoIfNone);
    }
    if may_be_waiting(standing) {
        then.push(Advice::AskReceipt);
    }
    Asked { first, then }
}

/// Whether a card may just be being issued or changed.
fn may_be_waiting(standing: Standing) -> bool {
    match standing {
        Standing::NotListed => true,
        Standing::Deregistered { why } => why != Deregistration::Stopped,
        Standing::NotCovered { why } => matches!(why, NotCovered::LeftRoster | NotCovered::UnknownToProvince),
        _ => false,
    }
}
