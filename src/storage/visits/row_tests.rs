//! What is read is what was saved, field by field.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::storage::test_support::Station;
use crate::storage::test_support::morning;
use crate::storage::test_support::sparse_visit;
use crate::storage::test_support::visit;
use crate::storage::visits::log;

#[test]
fn the_columns_are_counted() {
    assert_eq!(COLUMNS.split(", ").count(), COUNT);
}

fn day() -> impl Strategy<Value = BirthDate> {
    (1900..2200_i32, prop::option::of((1..13_u32, prop::option::of(1..29_u32))))
        .prop_map(|(year, rest)| BirthDate::from_parts(year, rest.map(|(month, _)| month), rest.and_then(|(_, day)| day)).unwrap())
}

fn person() -> impl Strategy<Value = VisitPerson> {
    let sex = prop::sample::select(vec![Sex::Male, Sex::Female, Sex::Undetermined]);
    (
        prop::option::of("[A-Z]{2}[1-5]99[0-9]{10}"),
        prop::option::of("[0-9]{10}"),
        prop::option::of("09[789][0-9]{9}"),
        prop::option::of("\\PC{1,40}"),
        prop::option::of(day()),
        prop::option::of(sex),
    )
        .prop_map(|(card, number, id, name, birth_date, sex)| VisitPerson {
            card_number: card.map(|text| CardNumber::parse(&text).unwrap()),
            insurance_number: number.map(|text| InsuranceNumber::parse(&text).unwrap()),
            personal_id: id.map(|text| CitizenId::parse(&text).unwrap()),
            // Whatever can be a name at all, accents and odd spaces among them.
            name: name.and_then(|text| PersonName::parse(&text).ok()).or_else(|| PersonName::parse("Hòa  H'Hen Niê").ok()),
            birth_date,
            sex,
        })
}

fn verdict() -> impl Strategy<Value = ShownVerdict> {
    let basis = (any::<u128>(), 0..i64::MAX as u64);
    let as_of = 0..4_000_000_000_000_i64;
    (
        "[a-z_]{1,20}",
        "[a-z_]{1,20}",
        "[a-z_]{1,20}",
        "[a-z_]{1,20}",
        prop::option::of(basis),
        prop::option::of(as_of),
        prop::option::of(0..101_u8),
        prop::option::of("\\PC*"),
    )
        .prop_map(|(standing, identity, knowledge, freshness, basis, as_of, rate, rules)| ShownVerdict {
            standing: standing.into(),
            identity_match: identity.into(),
            knowledge: knowledge.into(),
            freshness: freshness.into(),
            basis: basis.map(|(session, serial)| (SessionId(Uuid::from_u128(session)), Serial(serial))),
            as_of: as_of.map(|millis| DateTime::from_timestamp_millis(millis).unwrap()),
            rate: rate.map(|rate| BenefitRate::percent(rate).unwrap()),
            rules_version: rules.map(Into::into),
        })
}

fn any_visit() -> impl Strategy<Value = NewVisit> {
    let evidence = (
        prop::sample::select(vec![ClockState::Plausible, ClockState::Behind, ClockState::FarAhead, ClockState::Learned]),
        "[0-9a-f-]{0,36}",
        0..i64::MAX as u64,
        1..u32::MAX,
        0..4_000_000_000_000_i64,
    );
    let words = (
        (prop::option::of(any::<String>()), prop::option::of(any::<String>())),
        "\\PC{1,50}",
        "[0-9]{2}",
        "[1-9](\\.[0-9]{1,3})?",
        (
            prop::sample::select(vec![Source::BhytCard, Source::CitizenId, Source::Typed]),
            prop::option::of(prop::sample::select(Proof::ALL.to_vec())),
            prop::option::of(1..100_000_u32),
        ),
    );
    (any::<u128>(), person(), verdict(), evidence, words).prop_map(
        |(
            id,
            person,
            verdict,
            (state, boot_id, boot_ms, revision, millis),
            ((note, voided), operator, care, category, (source, proof, queue)),
        )| NewVisit {
            id: VisitId(Uuid::from_u128(id)),
            revision: Revision(revision),
            arrived_at: DateTime::from_timestamp_millis(millis).unwrap(),
            operator: OperatorName::parse(&operator).or_else(|_| OperatorName::parse("Thử")).unwrap(),
            source,
            person,
            attendance_category: AttendanceCategory::parse(&category).unwrap(),
            care_type: CareType::parse(&care).unwrap(),
            proof,
            queue_number: queue.map(|number| QueueNumber::new(number).unwrap()),
            note: note.map(Into::into),
            voided: voided.map(Into::into),
            verdict,
            clock: ClockStamp { state, boot_id: boot_id.into(), boot_ms },
        },
    )
}

fn round_trip(visits: Vec<NewVisit>) -> Vec<NewVisit> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let station = Station::new();
        let store = station.visits();
        for visit in visits {
            // Any revision by itself: which may follow which is not the row's business.
            store.writer.call(move |writer| log::keep(&writer.connection, &visit)).await.unwrap();
        }
        let read = store.due(100, morning()).await.unwrap();
        store.close();
        read.into_iter().map(|visit| visit.content).collect()
    })
}

#[test]
fn a_visit_with_everything_and_one_with_nothing_are_read_as_they_were_saved() {
    let mut full = visit(1);
    (full.proof, full.queue_number) = (Some(Proof::Vneid), QueueNumber::new(7).ok());
    assert_eq!(round_trip(vec![full.clone(), sparse_visit(2)]), [full, sparse_visit(2)]);
}

#[test]
fn an_instant_is_kept_to_the_millisecond() {
    let fine = |nanos| {
        let mut visit = visit(1);
        visit.arrived_at += TimeDelta::nanoseconds(nanos);
        visit
    };
    assert_eq!(round_trip(vec![fine(1_999_999)]), [fine(1_000_000)]);
}

#[test]
fn the_order_of_the_text_is_the_order_of_time() {
    let steps = [0, 1, 999, 1000, 59_999, 86_400_000, 40_000_000_000];
    let texts: Vec<_> = steps.iter().map(|millis| instant(morning() + TimeDelta::milliseconds(*millis))).collect();
    assert!(texts.is_sorted(), "{texts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_visit_is_read_as_it_was_saved(mut visits in prop::collection::vec(any_visit(), 1..10)) {
        visits.dedup_by_key(|visit| (visit.id, visit.revision));
        prop_assert_eq!(round_trip(visits.clone()), visits);
    }
}
