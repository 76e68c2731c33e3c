//! The made-up people: deterministic, and spread as a commune's people are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};
use provincial::{
    Person, feed, generate, read_personal_id,
    wire::{Area, Sex, Standing},
};

const COUNT: usize = 12_000;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 22).unwrap()
}

fn share(people: &[Person], wanted: impl Fn(&Person) -> bool) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = people.iter().filter(|person| wanted(person)).count() as f64 / people.len() as f64;
    share
}

fn year(person: &Person) -> i32 {
    person.born[..4].parse().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_people() {
    let one = generate::people(5, "99001", 3000, today());
    assert_eq!(one, generate::people(5, "99001", 3000, today()));
    assert_ne!(one, generate::people(6, "99001", 3000, today()));
    assert_ne!(one, generate::people(5, "99002", 3000, today()));
    let state: feed::State = one.into_iter().map(|person| (person.id.clone(), person)).collect();
    // Pinned: a change here changes every test that counts on a seed.
    assert_eq!(&feed::state_sha256(&state)[..16], "283f9dcc6002658f");
}

#[test]
fn ids_are_unique_and_built_as_real_ones_but_never_real() {
    let people = generate::people(1, "99001", COUNT, today());
    assert_eq!(people.len(), COUNT);
    assert!(people.is_sorted_by(|a, b| a.id < b.id));
    let numbers: BTreeSet<&str> = people.iter().map(Person::insurance_number).collect();
    assert_eq!(numbers.len(), COUNT);
    for person in &people {
        assert_eq!(person.card.len(), 15, "{person:?}");
        assert_eq!(&person.card[3..5], "99");
        assert!(person.insurance_number().starts_with("99"));
        match read_personal_id(&person.id) {
            Some((said, sex)) => {
                assert!(["097", "098", "099"].contains(&&person.id[..3]));
                assert!((said - year(person)).abs() <= 2, "{person:?}");
                assert!(sex == person.sex || person.sex == Sex::Undetermined);
            }
            None => assert_eq!(person.id, person.insurance_number()),
        }
        assert!(person.born.as_str() <= "2026-11-22");
        assert_eq!(person.name, person.name.to_uppercase());
    }
    assert!(people.iter().any(|person| person.id.len() == 10));
}

#[test]
fn the_commune_looks_like_one() {
    let people = generate::people(1, "99001", COUNT, today());
    let within = |what: &str, low: f64, high: f64, share: f64| {
        println!("{what}: {:.2} %", share * 100.0);
        assert!((low..=high).contains(&share), "{what}: {share}");
    };
    within("Nguyễn", 0.33, 0.45, share(&people, |person| person.name.starts_with("NGUYỄN ")));
    within("women", 0.47, 0.55, share(&people, |person| person.sex == Sex::Female));
    within("under 6", 0.05, 0.12, share(&people, |person| year(person) > 2020));
    within("under 15", 0.16, 0.30, share(&people, |person| year(person) > 2011));
    within("60 and over", 0.10, 0.22, share(&people, |person| year(person) <= 1966));
    within("year of birth only", 0.03, 0.12, share(&people, |person| person.born.len() == 4));
    within("expired", 0.02, 0.09, share(&people, |person| person.valid_until.is_some_and(|until| until < today())));
    within("not yet valid", 0.001, 0.03, share(&people, |person| person.valid_from > today()));
    within("no known end", 0.003, 0.03, share(&people, |person| person.valid_until.is_none()));
    within("registered elsewhere", 0.01, 0.1, share(&people, |person| person.facility != "99001"));
    within("predecessor", 0.01, 0.06, share(&people, |person| person.predecessor.is_some()));
    within("successor", 0.001, 0.05, share(&people, |person| person.successor.is_some()));
    let month_ends = share(&people, |person| person.valid_until.is_some_and(|until| until.succ_opt().is_some_and(|next| next.day() == 1)));
    within("ends at a month's end", 0.7, 0.97, month_ends);
    let gaps = |low: i64, high: i64| {
        move |person: &Person| person.valid_until.is_some_and(|until| (low..high).contains(&(today() - until).num_days()))
    };
    assert!(share(&people, gaps(1, 90)) > share(&people, gaps(90, 800)));
    assert!(share(&people, gaps(90, 800)) > 0.005);
}

#[test]
fn every_kind_of_card_occurs() {
    let people = generate::people(1, "99001", COUNT, today());
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for person in &people {
        *groups.entry(person.card[..3].to_owned()).or_default() += 1;
    }
    println!("{groups:?}");
    for group in [
        "TE1", "HS4", "SV4", "GD4", "GB4", "DN4", "HC4", "HT3", "HN2", "CN2", "CN3", "DT2", "DK2", "XD2", "BT2", "CB2", "CC1", "LH2",
        "LH4", "QN5", "CA5", "KC2", "TC3",
    ] {
        assert!(groups.contains_key(group), "no {group} among {groups:?}");
    }
    for standing in [
        Standing::Revoked,
        Standing::Locked,
        Standing::Deregistered,
        Standing::DeregisteredLeftProvince,
        Standing::DeregisteredMoved,
        Standing::DeregisteredRejoining,
        Standing::DeregisteredStopped,
        Standing::Army,
        Standing::Police,
    ] {
        assert!(people.iter().any(|person| person.standing == Some(standing)), "no {standing:?}");
    }
    for area in [Area::K1, Area::K2, Area::K3] {
        assert!(people.iter().any(|person| person.area == Some(area)), "no {area:?}");
    }
}
