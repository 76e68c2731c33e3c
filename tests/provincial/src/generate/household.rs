//! Households: who lives together, how old they are, and how the household stands.
//!
//! Promises: children carry their father's family name, parents are old enough for their children, nobody is born
//! after the given day. Must never look at cards: which card a member holds is decided in `cards`.

use chrono::{Days, NaiveDate};
use rand::{RngExt, rngs::Xoshiro256PlusPlus};

use super::{names, pick};
use crate::wire::{Area, Sex};

/// What a household's economy means for its members' cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Poor, on the commune's list.
    Poor,
    /// Near-poor, on the commune's list.
    NearPoor,
    /// Farming with an average income: the premium is supported.
    Farming,
    /// Everyone else.
    Ordinary,
}

/// A place within the commune, with the area mark its people carry.
#[derive(Clone, Debug)]
pub(super) struct Hamlet {
    /// Its name.
    pub(super) name: String,
    /// Set where the state pays for everyone who lives there.
    pub(super) area: Option<Area>,
}

/// One member, not yet registered.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Day of birth; how much of it the register knows is decided later.
    pub(super) born: NaiveDate,
    /// Sex.
    pub(super) sex: Sex,
    /// Whole name.
    pub(super) name: String,
}

/// People who share a hearth.
#[derive(Clone, Debug)]
pub(super) struct Household {
    /// Its members.
    pub(super) members: Vec<Member>,
    /// Its economy.
    pub(super) means: Means,
}

/// The hamlets of a commune: more of them the larger it is; the last three lie in marked areas.
pub(super) fn hamlets(count: usize) -> Vec<(Hamlet, u32)> {
    let plain = (count / 900).clamp(4, 16);
    let mut hamlets: Vec<(Hamlet, u32)> = (1..=plain).map(|number| (Hamlet { name: format!("Thôn {number}"), area: None }, 100)).collect();
    // Shares of a commune that lies partly in the hills and has one islet.
    let per_cent = u32::try_from(plain).unwrap_or(16);
    hamlets.push((Hamlet { name: "Bản Nưa".into(), area: Some(Area::K1) }, 7 * per_cent));
    hamlets.push((Hamlet { name: "Bản Pha".into(), area: Some(Area::K2) }, 3 * per_cent));
    hamlets.push((Hamlet { name: "Xóm Đảo".into(), area: Some(Area::K3) }, per_cent));
    hamlets
}

/// One household at random, as of `today`.
pub(super) fn household(rng: &mut Xoshiro256PlusPlus, today: NaiveDate) -> Household {
    let mut maker = Maker { rng, today, members: Vec::new() };
    match maker.rng.random_range(0..100) {
        0..60 => maker.family(),
        60..74 => maker.elders(),
        74..87 => maker.couple(),
        _ => maker.single(),
    }
    let members = maker.members;
    let means = *pick_ref(rng, &[(Means::Poor, 4), (Means::NearPoor, 5), (Means::Farming, 6), (Means::Ordinary, 85)]);
    Household { members, means }
}

fn pick_ref<'a, T>(rng: &mut Xoshiro256PlusPlus, choices: &'a [(T, u32)]) -> &'a T {
    let indexes: Vec<(usize, u32)> = choices.iter().enumerate().map(|(index, (_, weight))| (index, *weight)).collect();
    &choices[pick(rng, &indexes)].0
}

struct Maker<'a> {
    rng: &'a mut Xoshiro256PlusPlus,
    today: NaiveDate,
    members: Vec<Member>,
}

impl Maker<'_> {
    fn add(&mut self, family: &str, sex: Sex, age: i32) {
        let days = i64::from(age) * 1461 / 4 + self.rng.random_range(0..365);
        let born = self.today.checked_sub_days(Days::new(days.unsigned_abs())).unwrap_or(self.today);
        // About one newborn in two thousand has no sex recorded yet.
        let sex = if age == 0 && self.rng.random_bool(0.03) { Sex::Undetermined } else { sex };
        let name = names::full(self.rng, family, sex, born);
        self.members.push(Member { born, sex, name });
    }

    fn any_sex(&mut self) -> Sex {
        // 111 boys per 100 girls at birth.
        if self.rng.random_bool(0.52) { Sex::Male } else { Sex::Female }
    }

    /// A couple with children, often with grandparents.
    fn family(&mut self) {
        let family = names::family(self.rng);
        let mother = self.rng.random_range(23..56);
        let father = mother + self.rng.random_range(-1..7);
        self.add(family, Sex::Male, father);
        let own = names::family(self.rng);
        self.add(own, Sex::Female, mother);
        let children = pick(self.rng, &[(1, 30), (2, 47), (3, 18), (4, 5)]);
        let mut age = mother - self.rng.random_range(20..31);
        for _ in 0..children {
            // Grown children mostly have a household of their own.
            if age >= 0 && (age < 24 || self.rng.random_bool(0.35)) {
                let sex = self.any_sex();
                self.add(family, sex, age);
            }
            age -= self.rng.random_range(2..6);
        }
        if self.rng.random_bool(0.27) {
            let grandmother = father + self.rng.random_range(20..32);
            if grandmother < 98 {
                let own = names::family(self.rng);
                self.add(own, Sex::Female, grandmother);
                if self.rng.random_bool(0.55) {
                    let grandfather = (grandmother + self.rng.random_range(0..7)).min(98);
                    self.add(family, Sex::Male, grandfather);
                }
            }
        }
    }

    fn elders(&mut self) {
        let family = names::family(self.rng);
        let age = self.rng.random_range(57..88);
        self.add(family, Sex::Female, age);
        if self.rng.random_bool(0.6) {
            let own = names::family(self.rng);
            let husband = age + self.rng.random_range(0..6);
            self.add(own, Sex::Male, husband);
        }
    }

    fn couple(&mut self) {
        let family = names::family(self.rng);
        let age = self.rng.random_range(21..60);
        let husband = age + self.rng.random_range(0..6);
        self.add(family, Sex::Male, husband);
        let own = names::family(self.rng);
        self.add(own, Sex::Female, age);
    }

    fn single(&mut self) {
        let family = names::family(self.rng);
        let sex = self.any_sex();
        let age = self.rng.random_range(19..66);
        self.add(family, sex, age);
        if sex == Sex::Female && age < 50 && self.rng.random_bool(0.4) {
            let child = self.rng.random_range(0..(age - 17).min(18));
            let sex = self.any_sex();
            self.add(family, sex, child);
        }
    }
}
