//! The chain of links by which a copied or fallen-back disk is noticed. Pure.
//!
//! Promises: every contact leaves one link; a disk that speaks from a link that is not a head has missed something,
//! and two heads that both speak after they parted are two machines. Must never forget that there are two until the
//! station enrols again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::wire::{Instant, Machine};

/// The most heads an install keeps. Those that have been silent longest are forgotten: should one speak again, it
/// speaks from an older link.
const MOST_HEADS: usize = 16;

/// The chain of one install.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain {
    /// Contacts that moved or added a head.
    turn: u64,
    heads: Vec<Head>,
    /// Two machines have spoken from copies of one disk.
    copied: bool,
    /// The last time a head was added beside others.
    pub(crate) fork: Option<Fork>,
}

/// The newest link of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    link: Uuid,
    /// The turn at which it spoke last.
    spoke: u64,
    /// What it was told then.
    told: Machine,
}

/// A head was added beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// When.
    pub at: Instant,
    /// From what it spoke.
    pub from: ForkFrom,
}

/// From what a further head spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForkFrom {
    /// A link that was a head once: the disk fell back, or is a copy.
    OlderLink,
    /// A link that this province has never seen: perhaps the province itself lost something.
    UnknownLink,
    /// None, as if it had never spoken: its record of visits was lost, but not its identity.
    NoLink,
}

/// Where a contact's `previous` is found among the links before the heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Before,
    Never,
}

impl Chain {
    /// Hears a contact; `seen` says whether `previous` was ever a link of this install.
    pub(crate) fn hear(&mut self, previous: Option<Uuid>, next: Uuid, seen: Seen, at: Instant) -> Machine {
        if let Some(head) = self.heads.iter().find(|head| head.link == next) {
            // The answer was lost, and the same is said again.
            return if self.copied { Machine::Copied } else { head.told };
        }
        self.turn += 1;
        let from = match previous {
            None => ForkFrom::NoLink,
            Some(_) if seen == Seen::Before => ForkFrom::OlderLink,
            Some(_) => ForkFrom::UnknownLink,
        };
        let moved = self.heads.iter().position(|head| Some(head.link) == previous);
        let plain = match moved.map(|index| self.heads.swap_remove(index)) {
            Some(head) => {
                // Whoever has spoken since this one did is another machine: one alone would have spoken from that link.
                self.copied |= self.heads.iter().any(|other| other.spoke > head.spoke);
                Machine::Known
            }
            // No chain yet, whatever the link: the first contact, or the chains were forgotten.
            None if self.heads.is_empty() => Machine::Known,
            None => {
                self.fork = Some(Fork { at, from });
                Machine::FellBack
            }
        };
        let told = if self.copied { Machine::Copied } else { plain };
        self.heads.push(Head { link: next, spoke: self.turn, told });
        self.heads.sort_by_key(|head| head.spoke);
        let surplus = self.heads.len().saturating_sub(MOST_HEADS);
        self.heads.drain(..surplus);
        told
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;

    use super::*;

    fn link(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// A chain and every link it has seen, as the ledger keeps them.
    #[derive(Default)]
    struct Heard {
        chain: Chain,
        links: Vec<Uuid>,
    }

    impl Heard {
        fn hear(&mut self, previous: Option<u128>, next: u128) -> Machine {
            let at = Instant(crate::now());
            let previous = previous.map(link);
            let seen = if previous.is_some_and(|previous| self.links.contains(&previous)) { Seen::Before } else { Seen::Never };
            self.links.push(link(next));
            self.chain.hear(previous, link(next), seen, at)
        }

        fn fork(&self) -> Option<ForkFrom> {
            self.chain.fork.map(|fork| fork.from)
        }
    }

    #[test]
    fn one_machine_is_known_and_a_lost_answer_changes_nothing() {
        let mut heard = Heard::default();
        assert_eq!(heard.hear(None, 1), Machine::Known);
        assert_eq!(heard.hear(None, 1), Machine::Known, "the first answer was lost");
        for next in 2..100 {
            assert_eq!(heard.hear(Some(next - 1), next), Machine::Known);
            let before = heard.chain.clone();
            assert_eq!(heard.hear(Some(next - 1), next), Machine::Known);
            assert_eq!(heard.chain, before, "nothing moves");
        }
        assert_eq!(heard.fork(), None);
    }

    #[test]
    fn a_disk_that_falls_back_again_and_again_is_no_copy() {
        let mut heard = Heard::default();
        heard.hear(None, 1);
        heard.hear(Some(1), 2);
        heard.hear(Some(2), 3);
        assert_eq!(heard.hear(Some(1), 10), Machine::FellBack);
        assert_eq!(heard.hear(Some(1), 10), Machine::FellBack, "the answer was lost");
        assert_eq!(heard.hear(Some(10), 11), Machine::Known);
        assert_eq!(heard.hear(Some(2), 20), Machine::FellBack);
        assert_eq!(heard.hear(Some(20), 21), Machine::Known);
        assert_eq!(heard.hear(Some(10), 30), Machine::FellBack, "a backup from between");
        assert_eq!(heard.hear(Some(30), 31), Machine::Known);
        assert_eq!(heard.fork(), Some(ForkFrom::OlderLink));
    }

    #[test]
    fn two_machines_that_both_speak_are_copies_for_good() {
        let mut heard = Heard::default();
        heard.hear(None, 1);
        heard.hear(Some(1), 2);
        assert_eq!(heard.hear(Some(1), 10), Machine::FellBack);
        assert_eq!(heard.hear(Some(10), 11), Machine::Known, "the other one is silent so far");
        assert_eq!(heard.hear(Some(2), 3), Machine::Copied);
        assert_eq!(heard.hear(Some(11), 12), Machine::Copied);
        assert_eq!(heard.hear(Some(3), 4), Machine::Copied);
        assert_eq!(heard.hear(Some(1), 20), Machine::Copied, "a third one");
        assert_eq!(heard.hear(Some(20), 21), Machine::Copied, "also where the others are silent");
    }

    #[test]
    fn a_copy_made_while_an_answer_was_out_is_noticed_at_the_second_word() {
        let mut heard = Heard::default();
        heard.hear(None, 1);
        // Both disks hold: previous 1, next 2.
        assert_eq!(heard.hear(Some(1), 2), Machine::Known);
        assert_eq!(heard.hear(Some(1), 2), Machine::Known);
        assert_eq!(heard.hear(Some(2), 3), Machine::Known);
        assert_eq!(heard.hear(Some(2), 13), Machine::FellBack);
        assert_eq!(heard.hear(Some(3), 4), Machine::Copied);
        // And where the first went on before the second spoke at all.
        let mut heard = Heard::default();
        heard.hear(None, 1);
        heard.hear(Some(1), 2);
        heard.hear(Some(2), 3);
        assert_eq!(heard.hear(Some(1), 2), Machine::FellBack, "an old link may be a head again");
        assert_eq!(heard.hear(Some(3), 4), Machine::Copied);
        assert_eq!(heard.hear(Some(2), 14), Machine::Copied);
    }

    #[test]
    fn an_unknown_link_and_no_link_are_told_apart_from_an_older_one() {
        let mut heard = Heard::default();
        assert_eq!(heard.hear(Some(77), 1), Machine::Known, "the chains were forgotten: a new one begins anywhere");
        assert_eq!(heard.hear(Some(99), 10), Machine::FellBack);
        assert_eq!(heard.fork(), Some(ForkFrom::UnknownLink));
        assert_eq!(heard.hear(None, 20), Machine::FellBack);
        assert_eq!(heard.fork(), Some(ForkFrom::NoLink));
        assert_eq!(heard.hear(Some(1), 2), Machine::Copied);
    }

    #[test]
    fn heads_are_bounded_and_a_forgotten_one_is_noticed_all_the_same() {
        let mut heard = Heard::default();
        heard.hear(None, 1);
        heard.hear(Some(1), 2);
        for number in 0..40 {
            assert_eq!(heard.hear(Some(1), 100 + number), Machine::FellBack);
        }
        assert_eq!(heard.chain.heads.len(), MOST_HEADS);
        assert_eq!(heard.hear(Some(2), 3), Machine::FellBack, "its head was forgotten");
        assert_eq!(heard.hear(Some(139), 140), Machine::Copied);
    }

    /// A station's disk as far as the chain goes.
    #[derive(Clone, Debug, Default)]
    struct Disk {
        previous: Option<u128>,
        next: Option<u128>,
    }

    /// Links that nobody has used, and chance.
    struct World {
        rng: rand::rngs::Xoshiro256PlusPlus,
        links: u128,
        heard: Heard,
    }

    impl World {
        fn new(seed: u64) -> Self {
            Self { rng: crate::generate::rng(seed, "chains"), links: 0, heard: Heard::default() }
        }

        /// One contact: the question or the answer may be lost. What it was told, if the answer came.
        fn speak(&mut self, disk: &mut Disk) -> Option<Machine> {
            let next = *disk.next.get_or_insert_with(|| {
                self.links += 1;
                self.links
            });
            if self.rng.random_bool(0.2) {
                return None;
            }
            let answer = self.heard.hear(disk.previous, next);
            if self.rng.random_bool(0.2) {
                return None;
            }
            *disk = Disk { previous: Some(next), next: None };
            Some(answer)
        }
    }

    #[test]
    fn f11_one_machine_is_never_called_two_however_often_its_disk_falls_back() {
        for seed in 0..300 {
            let mut world = World::new(seed);
            let mut disk = Disk::default();
            let mut images = vec![disk.clone()];
            let (mut fallen, mut named) = (0, 0);
            for _ in 0..200 {
                match world.rng.random_range(0..20) {
                    0 => images.push(disk.clone()),
                    1 => {
                        // What is put back is an image of this line; later ones are gone with the disk.
                        let at = world.rng.random_range(0..images.len());
                        images.truncate(at + 1);
                        disk = images[at].clone();
                        fallen += 1;
                    }
                    _ => {
                        let answer = world.speak(&mut disk);
                        assert_ne!(answer, Some(Machine::Copied), "seed {seed}");
                        named += usize::from(answer == Some(Machine::FellBack));
                    }
                }
            }
            assert!(fallen < 2 || named > 0, "seed {seed}: fell back {fallen} times and was told nothing");
        }
    }

    #[test]
    fn f12_of_two_machines_with_one_disk_both_are_told() {
        for seed in 0..300 {
            let mut world = World::new(seed);
            let mut one = Disk::default();
            for _ in 0..world.rng.random_range(0..30) {
                world.speak(&mut one);
            }
            let mut two = one.clone();
            let (mut spoken, mut told) = ([0, 0], [None, None]);
            while spoken.iter().any(|count| *count < 3) {
                let which = usize::from(world.rng.random_bool(0.5));
                let answer = world.speak(if which == 0 { &mut one } else { &mut two });
                spoken[which] += usize::from(answer.is_some());
                told[which] = answer.or(told[which]);
            }
            // So far one may have been silent since the other began. Now both go on; the first answer may be an old
            // one, whose first way got lost.
            for round in 0..2 {
                for disk in [&mut one, &mut two] {
                    let answer = std::iter::repeat_with(|| world.speak(disk)).take(200).flatten().nth(1);
                    assert!(round == 0 || answer == Some(Machine::Copied), "seed {seed}, told before {told:?}");
                }
            }
        }
    }
}
