//! An order of the province that a station's computer gives up all it holds: for one that was stolen, or given away.
//!
//! Promise: it is obeyed by the one record of visits that it names and by no other, only while it holds, only once, and only where the station has agreed
//! beforehand that there may be such orders. Pure. Never: an order obeyed in doubt, or one that the province has not signed.

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use uuid::Uuid;

use super::clock::Now;
use super::facility::FacilityCode;

/// What a signed order says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The province's number for it: none is obeyed twice.
    pub number: u64,
    /// Of which station,
    pub station: Box<str>,
    /// and which record of visits there: another computer of the station, or the same one set up anew, has another.
    pub install: Uuid,
    /// From when on it holds,
    pub given_at: DateTime<Utc>,
    /// and until when.
    pub expires_at: DateTime<Utc>,
}

/// What came with the answer to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An order with the province's signature.
    Signed(Order),
    /// Something else in its place.
    Unsigned,
}

/// Who is asked to obey, and when.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// This station.
    pub station: &'a FacilityCode,
    /// The record of visits on this computer.
    pub install: Uuid,
    /// Whether the configuration allows such orders.
    pub is_allowed: bool,
    /// Orders that were obeyed on this computer.
    pub obeyed: &'a [u64],
    /// The province's time with the answer that the order came with.
    pub told_at: DateTime<Utc>,
    /// The time that is gone by here.
    pub now: Now,
}

/// Why an order is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The province has not signed it.
    Unsigned,
    /// It is for another station.
    OtherStation,
    /// It is for another record of visits.
    OtherInstall,
    /// It was obeyed before.
    Obeyed,
    /// It does not hold yet.
    NotYet,
    /// It does not hold any more.
    Expired,
    /// This station has not agreed to such orders.
    NotAllowed,
}

impl Refusal {
    /// The stable text of the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::OtherStation => "other_station",
            Self::OtherInstall => "other_install",
            Self::Obeyed => "repeated",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::NotAllowed => "not_allowed",
        }
    }
}

/// So far this computer's own clock may be off without putting an order off; the province's own word has to fit to the second.
const OWN_CLOCK: TimeDelta = TimeDelta::minutes(10);

/// Whether an order is to be obeyed. It has to hold by the province's time as it was told with it and, where that can be believed, by our own: whoever plays one
/// of the two false has not played the other.
pub fn decide<'a>(heard: &'a Heard, standing: &Standing<'_>) -> Result<&'a Order, Refusal> {
    let Heard::Signed(order) = heard else { return Err(Refusal::Unsigned) };
    if *order.station != *standing.station.as_str() {
        return Err(Refusal::OtherStation);
    }
    if order.install != standing.install {
        return Err(Refusal::OtherInstall);
    }
    if standing.obeyed.contains(&order.number) {
        return Err(Refusal::Obeyed);
    }
    let own = (!standing.now.state.is_suspect()).then_some((standing.now.at, OWN_CLOCK));
    for (at, slack) in [Some((standing.told_at, TimeDelta::zero())), own].into_iter().flatten() {
        if at + slack < order.given_at {
            return Err(Refusal::NotYet);
        }
        if at - slack >= order.expires_at {
            return Err(Refusal::Expired);
        }
    }
    if standing.is_allowed { Ok(order) } else { Err(Refusal::NotAllowed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::ClockState;

    const INSTALL: Uuid = Uuid::from_u128(1);

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn order() -> Order {
        let (given_at, expires_at) = (at("2026-11-22T01:00:00Z"), at("2026-11-29T01:00:00Z"));
        Order { number: 7, station: "99001".into(), install: INSTALL, given_at, expires_at }
    }

    fn judged(order: Order, change: impl FnOnce(&mut Standing<'_>)) -> Result<u64, Refusal> {
        let station = FacilityCode::parse("99001").unwrap();
        let now = Now { at: at("2026-11-23T01:00:00Z"), state: ClockState::Plausible };
        let mut standing = Standing { station: &station, install: INSTALL, is_allowed: true, obeyed: &[6, 8], told_at: now.at, now };
        change(&mut standing);
        decide(&Heard::Signed(order), &standing).map(|order| order.number)
    }

    #[test]
    fn f59_the_one_computer_named_obeys_and_no_other() {
        assert_eq!(judged(order(), |_| ()), Ok(7));
        assert_eq!(judged(Order { station: "99002".into(), ..order() }, |_| ()), Err(Refusal::OtherStation));
        assert_eq!(judged(Order { install: Uuid::from_u128(2), ..order() }, |_| ()), Err(Refusal::OtherInstall));
        assert_eq!(judged(Order { install: Uuid::nil(), ..order() }, |_| ()), Err(Refusal::OtherInstall));
        assert_eq!(judged(order(), |standing| standing.install = Uuid::from_u128(2)), Err(Refusal::OtherInstall), "set up anew");
        assert_eq!(judged(Order { number: 8, ..order() }, |_| ()), Err(Refusal::Obeyed));
        assert_eq!(judged(order(), |standing| standing.is_allowed = false), Err(Refusal::NotAllowed));
        let station = FacilityCode::parse("99001").unwrap();
        let now = Now { at: at("2026-11-23T01:00:00Z"), state: ClockState::Plausible };
        let standing = Standing { station: &station, install: INSTALL, is_allowed: true, obeyed: &[], told_at: now.at, now };
        assert_eq!(decide(&Heard::Unsigned, &standing), Err(Refusal::Unsigned));
    }

    #[test]
    fn f59_an_order_holds_from_when_it_was_given_until_it_ends_by_both_clocks() {
        use ClockState::Behind;
        use ClockState::Learned;
        use ClockState::Plausible;
        for (told, own, state, wanted) in [
            ("2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z", Plausible, Ok(7)),
            ("2026-11-22T00:59:59Z", "2026-11-22T01:00:00Z", Plausible, Err(Refusal::NotYet)),
            ("2026-11-29T00:59:59Z", "2026-11-29T01:05:00Z", Plausible, Ok(7)),
            ("2026-11-29T01:00:00Z", "2026-11-28T01:00:00Z", Plausible, Err(Refusal::Expired)),
            // A few minutes of our own are forgiven, a day is not.
            ("2026-11-22T01:00:00Z", "2026-11-22T00:55:00Z", Plausible, Ok(7)),
            ("2026-11-22T01:00:00Z", "2026-11-21T00:00:00Z", Learned, Err(Refusal::NotYet)),
            ("2026-11-23T01:00:00Z", "2026-11-29T02:00:00Z", Plausible, Err(Refusal::Expired)),
            // A clock that nobody believes has no say.
            ("2026-11-23T01:00:00Z", "2015-01-01T00:00:00Z", Behind, Ok(7)),
        ] {
            let found = judged(order(), |standing| (standing.told_at, standing.now) = (at(told), Now { at: at(own), state }));
            assert_eq!(found, wanted, "told {told}, own {own}");
        }
    }
}
