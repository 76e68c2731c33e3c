//! Who is connected, and who has to go when there are too many.
//!
//! Promise: whoever knocks finds a place as long as somebody holds one without asking for anything; strangers of the house's network cannot take all
//! places, nor one machine those of the others; an answer under way is never cut for a newcomer. Never: an address in the log.

use core::net::IpAddr;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Machines of paired desks that are remembered.
const MOST_KNOWN: usize = 64;

/// Which door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// This machine's own.
    Own,
    /// The house's network.
    Lan,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of it has passed the guard.
    Knocking,
    /// A request is under way.
    Served,
    /// An answer is being taken, or nothing is asked.
    Answered,
    /// An answer that goes on: what changes, as it changes.
    Streaming,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In all.
    pub(super) all: usize,
    /// From machines where no paired desk has spoken.
    pub(super) strangers: usize,
    /// From one machine.
    pub(super) of_one: usize,
}

/// One connection, as guard and server see it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) door: Door,
    pub(super) from: IpAddr,
    /// The end of everything.
    pub(super) stop: CancellationToken,
    /// The end of this one, for somebody else's sake.
    pub(super) cut: CancellationToken,
    phase: watch::Sender<Phase>,
    places: Places,
}

impl Place {
    pub(super) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn is(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// A paired desk has spoken from this machine.
    pub(super) fn is_of_a_desk(&self) {
        self.places.held().know(self.from);
    }
}

/// The places of one door. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    limits: Limits,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    /// In the order in which they came.
    places: VecDeque<Arc<Place>>,
    known: HashSet<IpAddr>,
}

impl Held {
    fn know(&mut self, machine: IpAddr) {
        if self.known.len() < MOST_KNOWN {
            self.known.insert(machine);
        }
    }

    /// Makes room among these: the oldest that knocks, else the oldest that asks for nothing.
    fn make_room(&mut self, among: impl Fn(&Self, &Place) -> bool) -> bool {
        for phase in [Phase::Knocking, Phase::Answered] {
            let oldest = self.places.iter().position(|place| *place.phase.borrow() == phase && among(self, place));
            if let Some(place) = oldest.and_then(|at| self.places.remove(at)) {
                place.cut.cancel();
                return true;
            }
        }
        false
    }

    fn count(&self, among: impl Fn(&Self, &Place) -> bool) -> usize {
        self.places.iter().filter(|place| among(self, place)).count()
    }
}

/// A place that is held; given back when dropped.
pub(super) struct Seat(pub(super) Arc<Place>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.places.held().places.retain(|place| !Arc::ptr_eq(place, &self.0));
    }
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, held: Arc::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for somebody who knocks; none where all are really in use.
    pub(super) fn take(&self, door: Door, from: IpAddr, stop: &CancellationToken) -> Option<Seat> {
        let mut held = self.held();
        let is_stranger = |held: &Held, place: &Place| !held.known.contains(&place.from);
        let is_neighbour = |_: &Held, place: &Place| place.from == from;
        let room = (held.count(is_neighbour) < self.limits.of_one || held.make_room(is_neighbour))
            && (held.known.contains(&from) || held.count(is_stranger) < self.limits.strangers || held.make_room(is_stranger))
            && (held.places.len() < self.limits.all || held.make_room(|_, _| true));
        room.then(|| {
            let (phase, _) = watch::channel(Phase::Knocking);
            let (stop, cut) = (stop.clone(), CancellationToken::new());
            let place = Arc::new(Place { door, from, stop, cut, phase, places: self.clone() });
            held.places.push_back(Arc::clone(&place));
            Seat(place)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { all: 6, strangers: 4, of_one: 3 };

    fn machine(n: u8) -> IpAddr {
        [192, 168, 1, n].into()
    }

    fn take(places: &Places, n: u8) -> Option<Seat> {
        places.take(Door::Lan, machine(n), &CancellationToken::new())
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_oldest_who_asks_for_nothing() {
        let places = Places::new(Limits { all: 3, strangers: 3, of_one: 3 });
        let seats: Vec<_> = (0..3).map(|_| take(&places, 1).unwrap()).collect();
        seats[0].0.is(Phase::Served);
        seats[1].0.is(Phase::Answered);
        let newcomer = take(&places, 1).unwrap();
        assert!(seats[2].0.cut.is_cancelled() && !seats[0].0.cut.is_cancelled(), "who has never asked goes first");
        newcomer.0.is(Phase::Streaming);
        let another = take(&places, 1).unwrap();
        assert!(seats[1].0.cut.is_cancelled(), "then who has nothing more to ask");
        another.0.is(Phase::Served);
        assert!(take(&places, 1).is_none(), "an answer under way is cut for nobody");
        drop(another);
        assert!(take(&places, 1).is_some(), "a place given back is free");
    }

    #[test]
    fn strangers_leave_room_for_desks_and_one_machine_for_the_others() {
        let places = Places::new(LIMITS);
        let mut seats: Vec<_> = (0..3).map(|_| take(&places, 1).unwrap()).collect();
        for seat in &seats {
            seat.0.is(Phase::Served);
        }
        assert!(take(&places, 1).is_none(), "one machine");
        seats.push(take(&places, 2).unwrap());
        seats[3].0.is(Phase::Served);
        assert!(take(&places, 3).is_none(), "all strangers");
        // A desk has spoken from there once: it finds its places whatever strangers do.
        places.held().know(machine(9));
        let desk: Vec<_> = (0..2).map(|_| take(&places, 9).unwrap()).collect();
        desk[0].0.is(Phase::Served);
        desk[1].0.is(Phase::Served);
        assert!(take(&places, 9).is_none(), "all");
    }

    #[test]
    fn a_flood_finds_no_end_and_costs_no_more_than_its_places() {
        let places = Places::new(LIMITS);
        let seats: Vec<_> = (0..1000_u16).filter_map(|n| take(&places, u8::try_from(n % 7).unwrap())).collect();
        let left = seats.iter().filter(|seat| !seat.0.cut.is_cancelled()).count();
        assert!(left <= LIMITS.strangers, "{left}");
        drop(seats);
        assert_eq!(places.held().places.len(), 0);
    }
}
