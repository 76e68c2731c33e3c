//! Who was here before on a day.
//!
//! Promise: what it costs depends on the day's visits alone, and of those only the ones that may be meant are read; unsent visits and those of other desks
//! are among them. Never: a visit that was taken back, or a revision that a newer one replaces.

use chrono::NaiveDate;
use rusqlite::Connection;
use rusqlite::Row;

use super::VisitStore;
use super::recheck::IS_LATEST;
use super::row;
use crate::domain::card::CardNumber;
use crate::domain::visit::Sequence;
use crate::domain::visit::Visit;
use crate::domain::visit::VisitPerson;
use crate::storage::error::Error;

impl VisitStore {
    /// The visits of a day that may be of a person, oldest first, each with the number of its first revision.
    pub async fn of_person(&self, day: NaiveDate, person: VisitPerson) -> Result<Vec<(Visit, Sequence)>, Error> {
        self.ask(move |db| of_person(db, day, &person)).await
    }
}

/// The index holds all that the inner question asks for.
fn sql() -> String {
    format!(
        "SELECT {}, (SELECT first.sequence FROM visit first WHERE first.id = visit.id AND first.revision = 1) \
         FROM visit WHERE sequence IN (SELECT sequence FROM visit INDEXED BY visit_of_person WHERE station_day = ?1 \
         AND (insurance_number = ?2 OR personal_id = ?3 OR substr(birth_date, 1, 4) = ?4)) AND voided IS NULL AND {IS_LATEST} ORDER BY sequence",
        row::COLUMNS
    )
}

fn of_person(connection: &Connection, day: NaiveDate, person: &VisitPerson) -> Result<Vec<(Visit, Sequence)>, Error> {
    let insurance_number = person.insurance_number.clone().or_else(|| person.card_number.as_ref().map(CardNumber::insurance_number));
    let values = (
        day.to_string(),
        insurance_number.as_ref().map(|number| number.as_str()),
        person.personal_id.as_ref().map(|number| number.as_str()),
        person.birth_date.map(|born| format!("{:04}", born.year())),
    );
    let mut statement = connection.prepare_cached(&sql())?;
    let numbered = |found: &Row<'_>| {
        let visit = row::read(found)?;
        let number = found.get::<_, Option<_>>(row::COUNT)?.map_or(visit.sequence, Sequence);
        Ok((visit, number))
    };
    let visits: Vec<(Visit, Sequence)> = statement.query_map(values, numbered)?.collect::<Result<_, _>>()?;
    Ok(visits.into_iter().filter(|(visit, _)| visit.content.person.may_be(person)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::visit::NewVisit;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::revision_of;
    use crate::storage::test_support::sparse_visit;
    use crate::storage::test_support::visit;

    async fn found(visits: &VisitStore, day: &str, person: VisitPerson) -> Vec<u64> {
        let found = visits.of_person(day.parse().unwrap(), person).await.unwrap();
        found.into_iter().map(|(visit, _)| visit.sequence.0).collect()
    }

    #[tokio::test]
    async fn somebody_is_found_on_the_day_as_last_corrected_and_not_if_taken_back() {
        let station = Station::new();
        let visits = station.visits();
        let other = |n: u32| NewVisit { person: visit(9).person, ..visit(n) };
        for saved in [visit(1), visit(2), revision_of(1, 2), other(3), sparse_visit(4)] {
            visits.append(saved).await.unwrap();
        }
        visits.append(NewVisit { voided: Some("nhầm".into()), ..revision_of(2, 2) }).await.unwrap();
        assert_eq!(found(&visits, "2026-11-22", visit(1).person).await, [3]);
        assert_eq!(found(&visits, "2026-11-22", visit(2).person).await, [0; 0], "taken back");
        assert_eq!(found(&visits, "2026-11-23", visit(1).person).await, [0; 0], "another day");
        let by_card = VisitPerson { insurance_number: None, personal_id: None, name: None, birth_date: None, ..visit(9).person };
        assert_eq!(found(&visits, "2026-11-22", by_card).await, [4]);
        let nameless = sparse_visit(4).person;
        assert_eq!(found(&visits, "2026-11-22", nameless).await, [0; 0], "nobody is like nobody");
        visits.close();
    }

    #[tokio::test]
    async fn the_day_s_part_of_one_index_is_all_that_is_gone_through() {
        let station = Station::new();
        let visits = station.visits();
        let plan = |db: &rusqlite::Transaction<'_>| {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", sql()))?;
            let lines =
                statement.query_map(("2026-11-22", "1", "2", "1985"), |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?;
            Ok(lines)
        };
        let plan = visits.readers.ask(plan).await.unwrap().join("; ");
        assert!(plan.contains("COVERING INDEX visit_of_person (station_day=?)") && !plan.contains("SCAN"), "{plan}");
        visits.close();
    }
}
