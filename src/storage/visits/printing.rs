//! What was printed of which visit.
//!
//! Promise: a paper asked for is noted before it is shown, so that only the first of its kind of a revision is no copy. Never: what stood on it: that is
//! computed from the visit.

use chrono::DateTime;
use chrono::Utc;
use rusqlite::Connection;

use super::VisitStore;
use super::row;
use crate::domain::visit::OperatorName;
use crate::domain::visit::Sequence;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// What is printed of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// For the person.
    Slip,
    /// For the file, where the province could not be asked.
    Evidence,
}

impl Paper {
    /// The stable text. FROZEN: stored in visits.db.
    fn code(self) -> &'static str {
        match self {
            Self::Slip => "slip",
            Self::Evidence => "evidence",
        }
    }
}

/// Something that was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printing {
    /// Of which revision.
    pub sequence: Sequence,
    /// What.
    pub paper: Paper,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: OperatorName,
}

impl VisitStore {
    /// Notes that something is printed. Returns after the disk has it, with how often the same was printed before.
    pub async fn printed(&self, printing: Printing) -> Result<u32, Error> {
        self.write(move |db| add(db, &printing)).await
    }

    /// What was printed of the revisions of a visit, oldest first.
    pub async fn printings(&self, sequences: Vec<Sequence>) -> Result<Vec<Printing>, Error> {
        self.ask(move |db| sequences.iter().try_fold(Vec::new(), |all, sequence| of(db, *sequence, all))).await
    }
}

fn add(connection: &Connection, printing: &Printing) -> Result<u32, Error> {
    let sql = "INSERT INTO printing (sequence, paper, printed_at, printed_by) VALUES (?1, ?2, ?3, ?4)";
    let values = (printing.sequence.0, printing.paper.code(), row::instant(printing.at), printing.by.as_str());
    connection.prepare_cached(sql)?.execute(values)?;
    let sql = "SELECT count(*) - 1 FROM printing WHERE sequence = ?1 AND paper = ?2";
    Ok(connection.prepare_cached(sql)?.query_row((printing.sequence.0, printing.paper.code()), |row| row.get(0))?)
}

fn of(connection: &Connection, sequence: Sequence, mut all: Vec<Printing>) -> Result<Vec<Printing>, Error> {
    let sql = "SELECT paper, printed_at, printed_by FROM printing WHERE sequence = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([sequence.0], |found| {
        let code: String = found.get(0)?;
        let paper = [Paper::Slip, Paper::Evidence].into_iter().find(|paper| paper.code() == code);
        Ok(Printing {
            sequence,
            paper: paper.ok_or_else(|| unreadable(0, "unknown paper"))?,
            at: row::read_instant(&found.get::<_, String>(1)?, 1)?,
            by: OperatorName::parse(&found.get::<_, String>(2)?).map_err(|problem| unreadable(2, problem.code()))?,
        })
    })?;
    for printing in found {
        all.push(printing?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::test_support::Station;
    use crate::storage::test_support::morning;
    use crate::storage::test_support::revision_of;
    use crate::storage::test_support::visit;

    #[tokio::test]
    async fn what_is_printed_again_is_counted_by_revision_and_kind() {
        let station = Station::new();
        let visits = station.visits();
        let first = visits.append(visit(1)).await.unwrap().sequence();
        let second = visits.append(revision_of(1, 2)).await.unwrap().sequence();
        let printing = |sequence, paper| Printing { sequence, paper, at: morning(), by: visit(1).operator };
        let mut counts = Vec::new();
        for (sequence, paper) in
            [(first, Paper::Slip), (first, Paper::Slip), (first, Paper::Evidence), (second, Paper::Slip), (first, Paper::Slip)]
        {
            counts.push(visits.printed(printing(sequence, paper)).await.unwrap());
        }
        assert_eq!(counts, [0, 1, 0, 0, 2]);
        let listed = visits.printings(vec![first, second]).await.unwrap();
        assert_eq!(listed.len(), 5);
        assert_eq!(listed.last(), Some(&printing(second, Paper::Slip)));
        assert!(visits.printed(printing(Sequence(99), Paper::Slip)).await.is_err(), "of no visit, nothing");
        visits.close();
    }
}
