//! What a record says on a day, and what silence says.
//!
//! Promise: the card that counts is chosen by the day alone; the number shown changes only what is said about it. Never: advice; an identity.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::Utc;

use super::CardInForce;
use super::NotCovered;
use super::RosterPosition;
use super::Standing;
use crate::domain::card::CardNumber;
use crate::domain::card::CardRecord;
use crate::domain::card::Mark;
use crate::domain::card::Validity;
use crate::domain::clock;
use crate::domain::facility::FacilityCode;
use crate::domain::scan::Scan;
use crate::domain::scan::Source;

pub(super) fn covers(validity: Validity, on: NaiveDate) -> bool {
    validity.valid_from <= on && validity.valid_until.is_none_or(|until| on <= until)
}

/// Which of the cards on record the shown number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The recorded card.
    Recorded,
    /// The next card.
    Next,
    /// A card from before the recorded one.
    Older,
    /// Nothing, or nothing that tells the cards on record apart: the person is judged by the card that counts.
    Whichever,
}

impl Shown {
    /// A number that differs from one on record by its digit or province only is that card under an old print: merged provinces and changed
    /// digits stay in people's hands and are no reason to doubt anybody. Another group is another card.
    fn of(number: Option<&CardNumber>, record: &CardRecord) -> Self {
        let Some(number) = number else { return Self::Whichever };
        let next = record.successor.as_ref().map(|next| &next.card_number);
        let old_print_of = |card: &CardNumber| card.group() == number.group() && card.insurance_number() == number.insurance_number();
        match (*number == record.card_number, next == Some(number)) {
            (true, true) => Self::Whichever,
            (true, false) => Self::Recorded,
            (false, true) => Self::Next,
            (false, false) if record.predecessor.as_ref() == Some(number) => Self::Older,
            (false, false) if old_print_of(&record.card_number) || next.is_some_and(old_print_of) => Self::Whichever,
            (false, false) => Self::Older,
        }
    }
}

/// Standing of a held record, and the card that counts on the day: the next card from its own first day on, until then the recorded one. The
/// shown number never changes which card counts, only what is said about it.
pub(super) fn standing_of(
    record: &CardRecord,
    claimed: &Scan,
    as_of: Option<DateTime<Utc>>,
    on: NaiveDate,
) -> (Standing, Option<CardInForce>) {
    let (standing, in_force) = standing_by_number(record, claimed.card_number.as_ref(), on);
    // A number that every card of the person carries says nothing against the card that counts.
    let shown_counts = in_force.as_ref().is_some_and(|card| claimed.card_number.as_ref().is_none_or(|number| *number == card.card_number));
    if !shown_counts && as_of.is_some_and(|as_of| is_newer_than_our_data(record, claimed, clock::vietnam_day(as_of))) {
        return (Standing::NotCovered { why: NotCovered::IssuedAfterOurData }, None);
    }
    (standing, in_force)
}

fn standing_by_number(record: &CardRecord, number: Option<&CardNumber>, on: NaiveDate) -> (Standing, Option<CardInForce>) {
    let shown = Shown::of(number, record);
    let next = record.successor.as_ref();
    let next_counts = next.filter(|next| covers(next.validity, on));
    match record.mark {
        Mark::Revoked => return (Standing::Revoked, None),
        Mark::Locked => return (Standing::Locked, None),
        Mark::Army | Mark::Police => return (Standing::ManagedElsewhere, None),
        // Taken off one list and put on another: the card of the new list decides once it has begun.
        Mark::Deregistered(why) if next_counts.is_none() => return (Standing::Deregistered { why }, None),
        Mark::Deregistered(_) | Mark::None => {}
    }
    if let Some(next) = next_counts {
        let standing = match shown {
            Shown::Next | Shown::Whichever => Standing::Valid,
            Shown::Recorded | Shown::Older => Standing::Superseded { in_force: false },
        };
        let card = CardInForce {
            card_number: next.card_number.clone(),
            validity: next.validity,
            registered_facility: next.registered_facility.clone(),
        };
        return (standing, Some(card));
    }
    let next_begins = next.filter(|next| on < next.validity.valid_from);
    if covers(record.validity, on) {
        // The same number with new days is the same card, extended.
        let newer_card = next_begins.is_some_and(|next| next.card_number != record.card_number);
        let standing = match shown {
            Shown::Older => Standing::Superseded { in_force: false },
            _ if newer_card => Standing::Superseded { in_force: true },
            _ => Standing::Valid,
        };
        let card = CardInForce {
            card_number: record.card_number.clone(),
            validity: record.validity,
            registered_facility: record.registered_facility.clone(),
        };
        return (standing, Some(card));
    }
    let begins = on < record.validity.valid_from;
    let to_come = match shown {
        // The older card may well hold until the recorded one begins, but its days are no longer on record.
        Shown::Older if begins => return (Standing::NotCovered { why: NotCovered::NotOnRoster }, None),
        Shown::Recorded => begins,
        Shown::Next => next_begins.is_some(),
        Shown::Older | Shown::Whichever => begins || next_begins.is_some(),
    };
    (if to_come { Standing::NotYetValid } else { Standing::Expired }, None)
}

/// Whether the card shown was issued, or begins, on or after the day our data describe and is not one that the record knows.
fn is_newer_than_our_data(record: &CardRecord, claimed: &Scan, as_of: NaiveDate) -> bool {
    // Newer cards print no more than the insurance number, which is the same on every card of a person: their first day tells them apart.
    let is_number = |card: &CardNumber| claimed.card_number.as_ref().is_none_or(|number| card == number);
    if claimed.card_number.is_none() && (claimed.source != Source::BhytCard || claimed.valid_from.is_none()) {
        return false;
    }
    let next = record.successor.as_ref().map(|next| (&next.card_number, next.validity.valid_from));
    let known = [Some((&record.card_number, record.validity.valid_from)), next]
        .into_iter()
        .flatten()
        .any(|(card, from)| is_number(card) && claimed.valid_from.is_none_or(|printed| printed == from));
    !known && claimed.issued_on.or(claimed.valid_from).is_some_and(|issued| issued >= as_of)
}

/// Standing when the roster holds no record. Only a card that names us as its facility, issued before the day our data describe, must be on
/// our roster; for anybody else silence means nothing.
pub(super) fn standing_without_record(claimed: &Scan, position: Option<RosterPosition>, home: &FacilityCode) -> Standing {
    let Some(position) = position else {
        return Standing::NotCovered { why: NotCovered::NoRoster };
    };
    let as_of = clock::vietnam_day(position.as_of);
    let issued = claimed.issued_on.or(claimed.valid_from).filter(|_| claimed.facility.is_some());
    match (&claimed.facility, issued) {
        (Some(facility), _) if facility != home => Standing::NotCovered { why: NotCovered::RegisteredElsewhere },
        (Some(_), Some(issued)) if issued < as_of => Standing::NotListed,
        (Some(_), Some(_)) => Standing::NotCovered { why: NotCovered::IssuedAfterOurData },
        _ => Standing::NotCovered { why: NotCovered::NotOnRoster },
    }
}
