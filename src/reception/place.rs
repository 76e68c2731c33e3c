//! Who is connected, and who has to go when there are too many.
//!
//! Promise: whoever knocks finds a place as long as somebody holds one without asking for anything, and has a moment to ask; strangers of the house's
//! network cannot take all places, nor one machine those of the others; an answer under way is never cut for a newcomer. Never: an address in the
//! log.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Whoever has been let in has so long before somebody else takes the place. A flood is let through at the pace of places by this time.
const MOMENT: Duration = Duration::from_millis(100);

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
    since: Instant,
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

    /// Makes room among these: the oldest that knocks, once it has had its moment, else the oldest that asks for nothing.
    fn make_room(&mut self, now: Instant, among: impl Fn(&Self, &Place) -> bool) -> Result<(), NoPlace> {
        for phase in [Phase::Knocking, Phase::Answered] {
            let oldest = self.places.iter().position(|place| *place.phase.borrow() == phase && among(self, place));
            let Some(at) = oldest else { continue };
            let age = self.places.get(at).map_or(MOMENT, |place| now.saturating_duration_since(place.since));
            if phase == Phase::Knocking && age < MOMENT {
                return Err(NoPlace::Soon(MOMENT.saturating_sub(age)));
            }
            if let Some(place) = self.places.remove(at) {
                place.cut.cancel();
            }
            return Ok(());
        }
        Err(NoPlace::Full)
    }

    fn count(&self, among: impl Fn(&Self, &Place) -> bool) -> usize {
        self.places.iter().filter(|place| among(self, place)).count()
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There will be one by then.
    Soon(Duration),
    /// All are really in use.
    Full,
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

    /// A place for somebody who knocks.
    pub(super) fn take(&self, door: Door, from: IpAddr, stop: &CancellationToken, now: Instant) -> Result<Seat, NoPlace> {
        let mut held = self.held();
        let is_stranger = |held: &Held, place: &Place| !held.known.contains(&place.from);
        let is_neighbour = |_: &Held, place: &Place| place.from == from;
        if held.count(is_neighbour) >= self.limits.of_one {
            held.make_room(now, is_neighbour)?;
        }
        if !held.known.contains(&from) && held.count(is_stranger) >= self.limits.strangers {
            held.make_room(now, is_stranger)?;
        }
        if held.places.len() >= self.limits.all {
            held.make_room(now, |_, _| true)?;
        }
        let (phase, _) = watch::channel(Phase::Knocking);
        let (stop, cut) = (stop.clone(), CancellationToken::new());
        let place = Arc::new(Place { door, from, stop, cut, phase, since: now, places: self.clone() });
        held.places.push_back(Arc::clone(&place));
        Ok(Seat(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { all: 6, strangers: 4, of_one: 3 };

    fn machine(n: u8) -> IpAddr {
        [192, 168, 1, n].into()
    }

    /// Each a moment after the one before.
    struct Knocks(Places, Instant);

    impl Knocks {
        fn new(limits: Limits) -> Self {
            Self(Places::new(limits), Instant::now())
        }

        fn take(&mut self, n: u8) -> Result<Seat, NoPlace> {
            self.1 += MOMENT;
            self.0.take(Door::Lan, machine(n), &CancellationToken::new(), self.1)
        }
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_oldest_who_asks_for_nothing() {
        let mut places = Knocks::new(Limits { all: 3, strangers: 3, of_one: 3 });
        let seats: Vec<_> = (0..3).map(|_| places.take(1).unwrap()).collect();
        seats[0].0.is(Phase::Served);
        seats[1].0.is(Phase::Answered);
        let newcomer = places.take(1).unwrap();
        assert!(seats[2].0.cut.is_cancelled() && !seats[0].0.cut.is_cancelled(), "who has never asked goes first");
        newcomer.0.is(Phase::Streaming);
        let another = places.take(1).unwrap();
        assert!(seats[1].0.cut.is_cancelled(), "then who has nothing more to ask");
        another.0.is(Phase::Served);
        assert!(places.take(1).is_err(), "an answer under way is cut for nobody");
        drop(another);
        assert!(places.take(1).is_ok(), "a place given back is free");
    }

    #[test]
    fn whoever_has_just_come_has_a_moment_to_ask() {
        let places = Places::new(Limits { all: 2, strangers: 2, of_one: 2 });
        let (now, stop) = (Instant::now(), CancellationToken::new());
        let take = |now| places.take(Door::Own, machine(1), &stop, now);
        let (idle, first) = (take(now).unwrap(), take(now).unwrap());
        idle.0.is(Phase::Answered);
        assert_eq!(take(now + MOMENT / 2).err(), Some(NoPlace::Soon(MOMENT / 2)));
        assert!(!idle.0.cut.is_cancelled() && !first.0.cut.is_cancelled(), "nor does anybody else go for a flood");
        assert!(take(now + MOMENT).is_ok() && first.0.cut.is_cancelled());
    }

    #[test]
    fn strangers_leave_room_for_desks_and_one_machine_for_the_others() {
        let mut places = Knocks::new(LIMITS);
        let mut seats: Vec<_> = (0..3).map(|_| places.take(1).unwrap()).collect();
        for seat in &seats {
            seat.0.is(Phase::Served);
        }
        assert!(places.take(1).is_err(), "one machine");
        seats.push(places.take(2).unwrap());
        seats[3].0.is(Phase::Served);
        assert!(places.take(3).is_err(), "all strangers");
        // A desk has spoken from there once: it finds its places whatever strangers do.
        places.0.held().know(machine(9));
        let desk: Vec<_> = (0..2).map(|_| places.take(9).unwrap()).collect();
        desk[0].0.is(Phase::Served);
        desk[1].0.is(Phase::Served);
        assert!(places.take(9).is_err(), "all");
    }

    #[test]
    fn a_flood_finds_no_end_and_costs_no_more_than_its_places() {
        let mut places = Knocks::new(LIMITS);
        let seats: Vec<_> = (0..1000_u16).filter_map(|n| places.take(u8::try_from(n % 7).unwrap()).ok()).collect();
        let left = seats.iter().filter(|seat| !seat.0.cut.is_cancelled()).count();
        assert!(left <= LIMITS.strangers, "{left}");
        drop(seats);
        assert_eq!(places.0.held().places.len(), 0);
    }
}
