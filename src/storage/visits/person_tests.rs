//! Whose a visit is, what is given and taken out, and what an erasure that was cut off leaves behind.

use std::fs;

use super::*;
use crate::domain::card::CardNumber;
use crate::domain::person::PersonName;
use crate::domain::visit::NewVisit;
use crate::domain::visit::Revision;
use crate::storage::salvage;
use crate::storage::test_support::Open;
use crate::storage::test_support::Station;
use crate::storage::test_support::held;
use crate::storage::test_support::key as station_key;
use crate::storage::test_support::morning;
use crate::storage::test_support::receipt;
use crate::storage::test_support::receipt_of;
use crate::storage::test_support::visit;

fn numbers(n: u32) -> Numbers {
    Numbers { personal_id: CitizenId::parse(&format!("0971{n:08}")).ok(), insurance_number: None }
}

/// Ten visits of ten people, of which all but the last are confirmed.
async fn ten(station: &Station) -> Open<VisitStore> {
    let visits = station.visits();
    for n in 0..10 {
        visits.append(visit(n)).await.unwrap();
    }
    visits.store_receipts((0..9).map(|n| receipt(n, held(&format!("r{n}")))).collect(), morning()).await.unwrap();
    visits
}

/// The numbers of a person in all that the file's pages hold, decrypted, and in its log.
fn traces(station: &Station, text: &str) -> usize {
    let path = station.path().join("visits.db");
    let pages = salvage::plain(&path, &station_key()).unwrap();
    pages.iter().map(|page| page.windows(text.len()).filter(|part| *part == text.as_bytes()).count()).sum()
}

#[tokio::test]
async fn one_persons_data_are_erased_from_every_byte_and_what_is_still_to_be_done_is_kept_and_said() {
    let station = Station::new();
    let visits = ten(&station).await;
    assert_eq!(visits.all_of_person(&numbers(4)).await.unwrap().len(), 1);
    assert!(traces(&station, "097100000004") > 0, "negative control: it is found before");
    assert_eq!(visits.erase_person(&numbers(4), morning()).await.unwrap(), Erased { removed: 1, ..Erased::default() });
    visits.finish_erasure().await.unwrap();
    assert!(visits.all_of_person(&numbers(4)).await.unwrap().is_empty());
    for text in ["097100000004", "GD4990000000004", "0000000004"] {
        assert_eq!(traces(&station, text), 0, "{text}");
    }
    assert!(traces(&station, "097100000005") > 0, "and nobody else");
    assert_eq!(visits.erase_person(&numbers(9), morning()).await.unwrap(), Erased { kept: 1, ..Erased::default() }, "it is not sent yet");
    // By the insurance number too.
    let by_insurance = Numbers { personal_id: None, insurance_number: InsuranceNumber::parse("0000000005").ok() };
    assert_eq!(visits.erase_person(&by_insurance, morning()).await.unwrap().removed, 1);
    let verified = visits.verify_access(None).await.unwrap();
    assert_eq!(verified.visit_missing_at, None, "the log knows of what was taken out");
    visits.close();
}

/// The first card that was scanned was another person's; the visit was corrected to be of who came.
#[tokio::test]
async fn a_visit_is_of_whom_it_was_corrected_to_be() {
    let station = Station::new();
    let visits = ten(&station).await;
    let mut mistaken = NewVisit { id: visit(20).id, ..visit(3) };
    mistaken.person.name = PersonName::parse("Phạm Thị Nhầm").ok();
    visits.append(mistaken.clone()).await.unwrap();
    visits.append(NewVisit { revision: Revision(2), person: visit(6).person, ..mistaken }).await.unwrap();
    visits.store_receipts(vec![receipt_of(20, 1, held("a")), receipt_of(20, 2, held("b"))], morning()).await.unwrap();
    for n in [3, 6] {
        let given = visits.all_of_person(&numbers(n)).await.unwrap();
        assert_eq!(given.len(), 2, "{n}");
        let own = numbers(n).personal_id;
        assert!(given.iter().all(|logged| logged.visit.content.person.personal_id == own), "{n}: nobody else's numbers or name");
    }
    let erased = visits.erase_person(&numbers(3), morning()).await.unwrap();
    assert_eq!(erased, Erased { removed: 1, corrected: 1, ..Erased::default() });
    assert_eq!(visits.revisions(visit(20).id).await.unwrap().len(), 2, "the other person's visit stays");
    visits.finish_erasure().await.unwrap();
    assert_eq!(visits.erase_person(&numbers(6), morning()).await.unwrap().removed, 2);
    assert!(visits.revisions(visit(20).id).await.unwrap().is_empty());
    visits.close();
}

/// One visit by the identity card alone, one by the insurance card alone, and one that bears both numbers.
#[tokio::test]
async fn visits_under_the_persons_other_number_are_found_by_one_that_bears_both() {
    let station = Station::new();
    let visits = ten(&station).await;
    let (mut by_id, mut by_card) = (NewVisit { id: visit(30).id, ..visit(2) }, NewVisit { id: visit(31).id, ..visit(2) });
    (by_id.person.card_number, by_id.person.insurance_number) = (None, None);
    (by_card.person.personal_id, by_card.person.insurance_number) = (None, None);
    by_card.person.card_number = CardNumber::parse("GD4990000000002").ok();
    for one in [by_id, by_card] {
        visits.append(one).await.unwrap();
    }
    visits.store_receipts(vec![receipt(30, held("a")), receipt(31, held("b"))], morning()).await.unwrap();
    assert_eq!(visits.all_numbers(&numbers(2)).await.unwrap(), ["097100000002", "0000000002"]);
    assert_eq!(visits.all_of_person(&numbers(2)).await.unwrap().len(), 3);
    let by_insurance = Numbers { personal_id: None, insurance_number: InsuranceNumber::parse("0000000002").ok() };
    assert_eq!(visits.erase_person(&by_insurance, morning()).await.unwrap().removed, 3);
    visits.close();
}

/// The program ends after the commit, or the file cannot be written anew: the bytes are still to go, and whoever asks again is not told that there was nobody.
#[tokio::test]
async fn an_erasure_that_was_cut_off_is_finished_by_the_next_and_unreadable_files_are_counted() {
    let station = Station::new();
    let visits = ten(&station).await;
    let reading = open::reader(&station.path().join("visits.db"), &station_key(), &super::super::SCHEMA).unwrap();
    reading.execute_batch("BEGIN; SELECT count(*) FROM visit;").unwrap();
    assert_eq!(visits.erase_person(&numbers(4), morning()).await.unwrap().removed, 1);
    assert!(matches!(visits.finish_erasure().await, Err(Error::Busy)), "somebody still reads the state before");
    assert!(traces(&station, "097100000004") > 0, "the bytes are still there");
    drop(reading);
    visits.close();
    let folder = station.path().join("quarantine");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("20261101T010000Z-0-visits.db"), [0xa5; 8192]).unwrap();
    let visits = station.visits();
    let again = visits.erase_person(&numbers(4), morning()).await.unwrap();
    assert_eq!(again, Erased { was_cut: true, aside_unread: 1, ..Erased::default() });
    visits.finish_erasure().await.unwrap();
    assert_eq!(traces(&station, "097100000004"), 0);
    assert!(!visits.erase_person(&numbers(4), morning()).await.unwrap().was_cut);
    visits.close();
}
