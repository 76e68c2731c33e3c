//! What the province answered about single people whom the roster does not hold.
//!
//! Promise: an answer is about the numbers that were asked and those of its record, and each number has one answer, the newest; a new roster file
//! takes them along; whoever comes onto the roster is not answered from here any more. Bounded: [`KEPT`] answers, none [`KEPT_FOR`] older than the
//! newest. Never: an answer about one person shown for another; a record that stands in for the roster where that speaks.

use std::collections::BTreeSet;

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::TimeDelta;
use chrono::Utc;
use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use rusqlite::params_from_iter;

use super::row;
use crate::domain::card::CardRecord;
use crate::domain::roster::Answered;
use crate::domain::roster::COLUMNS;
use crate::domain::roster::Column;
use crate::domain::roster::RosterRow;
use crate::domain::roster::Wanted;
use crate::domain::scan::Scan;
use crate::storage::error::Error;
use crate::storage::stored::unreadable;

/// Answers kept.
const KEPT: u32 = 2000;
/// How long one is kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// What the province answered about the person shown, asked alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub answered: Said,
    /// The instant the province's register describes.
    pub as_of: DateTime<Utc>,
    /// When we asked, by the station's clock.
    pub asked_at: DateTime<Utc>,
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This record.
    Record(Box<CardRecord>),
    /// A record with a value that cannot be read.
    Unreadable,
    /// No card for the numbers shown.
    Nobody,
}

type Numbers = BTreeSet<Box<str>>;

/// The numbers that tell whom a question is about. A card number is one of many of its insurance number.
fn asked_numbers(wanted: &Wanted) -> Numbers {
    let of_card = wanted.card_number.as_ref().map(|card| card.insurance_number());
    let numbers = [wanted.insurance_number.as_ref(), of_card.as_ref()];
    let numbers = numbers.into_iter().flatten().map(|number| number.as_str());
    numbers.chain(wanted.personal_id.as_ref().map(|id| id.as_str())).map(Into::into).collect()
}

/// The numbers of a record, also under its cards before and after.
fn own_numbers(row: &RosterRow) -> Numbers {
    let cards = [Column::Card, Column::Predecessor, Column::SuccessorCard].into_iter().filter_map(|column| row.value(column)?.get(5..));
    cards.chain(row.value(Column::Id)).map(Into::into).collect()
}

/// In a form whose order is that of time.
fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The oldest instant still kept when the newest is this one.
fn oldest(newest: DateTime<Utc>) -> String {
    text(newest.checked_sub_signed(KEPT_FOR).unwrap_or(newest))
}

/// An answer as it is stored.
struct Stored {
    as_of: String,
    asked_at: String,
    row: Option<RosterRow>,
    /// Each with whether it was asked.
    numbers: Vec<(Box<str>, bool)>,
}

impl Stored {
    fn read(connection: &Connection, seq: i64) -> Result<Self, Error> {
        let sql = format!("SELECT {}, as_of, asked_at, is_known FROM answer WHERE seq = ?1", row::ALL);
        let (row, as_of, asked_at) = connection.prepare_cached(&sql)?.query_row([seq], |row| {
            let at = COLUMNS;
            let is_known: bool = row.get(at + 2)?;
            Ok((is_known.then(|| row::read(row)).transpose()?, row.get(at)?, row.get(at + 1)?))
        })?;
        let mut statement = connection.prepare_cached("SELECT number, is_asked FROM answer_number WHERE answer = ?1")?;
        let numbers = statement.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Self { as_of, asked_at, row, numbers })
    }

    /// Appends it.
    fn write(&self, connection: &Connection) -> Result<(), Error> {
        let insert = "INSERT INTO answer (as_of, asked_at, is_known) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(insert)?.execute((&self.as_of, &self.asked_at, self.row.is_some()))?;
        let seq = connection.last_insert_rowid();
        if let Some(row) = &self.row {
            let places = vec!["?"; COLUMNS].join(", ");
            let sql = format!("UPDATE answer SET ({}) = ({places}) WHERE seq = last_insert_rowid()", row::ALL);
            connection.prepare_cached(&sql)?.execute(params_from_iter(row.0.iter()))?;
        }
        let mut insert = connection.prepare_cached("INSERT INTO answer_number VALUES (?1, ?2, ?3)")?;
        for (number, is_asked) in &self.numbers {
            insert.execute((number, seq, is_asked))?;
        }
        Ok(())
    }

    /// Whether it is about whoever showed these numbers: its record carries one of them, or just these were asked. That there is nobody holds for every
    /// number that was asked, and for no other.
    fn is_about(&self, shown: &Numbers) -> bool {
        let asked: Numbers = self.numbers.iter().filter(|(_, is_asked)| *is_asked).map(|(number, _)| number.clone()).collect();
        match &self.row {
            Some(row) => asked == *shown || !own_numbers(row).is_disjoint(shown),
            None => shown.is_subset(&asked),
        }
    }

    fn into_asked(self) -> Result<Asked, Error> {
        let instant = |at: usize, text: &str| text.parse::<DateTime<Utc>>().map_err(|error| unreadable(at, error));
        let answered = match self.row.map(|row| row.to_record()) {
            Some(Ok(record)) => Said::Record(Box::new(record)),
            Some(Err(_)) => Said::Unreadable,
            None => Said::Nobody,
        };
        Ok(Asked { answered, as_of: instant(0, &self.as_of)?, asked_at: instant(1, &self.asked_at)? })
    }
}

/// Keeps an answer in place of all others about the same numbers.
pub(super) fn keep(connection: &mut Connection, wanted: &Wanted, answered: Answered, asked_at: DateTime<Utc>) -> Result<(), Error> {
    let asked = asked_numbers(wanted);
    let own = answered.row.as_deref().map(own_numbers).unwrap_or_default();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The roster has come to hold the person meanwhile.
    if is_listed(&transaction, asked.iter())? {
        return Ok(());
    }
    for number in asked.union(&own) {
        forget(&transaction, number)?;
    }
    let old = "DELETE FROM answer WHERE as_of < ?1 OR asked_at < ?2";
    transaction.prepare_cached(old)?.execute([oldest(answered.as_of), oldest(asked_at)])?;
    let numbers = asked.union(&own).map(|number| (number.clone(), asked.contains(number))).collect();
    let row = answered.row.map(|row| *row);
    Stored { as_of: text(answered.as_of), asked_at: text(asked_at), row, numbers }.write(&transaction)?;
    // What was kept first leaves first; clocks have no say in it.
    let surplus = "DELETE FROM answer WHERE seq <= (SELECT seq FROM answer ORDER BY seq DESC LIMIT 1 OFFSET ?1)";
    transaction.prepare_cached(surplus)?.execute([KEPT])?;
    Ok(transaction.commit()?)
}

fn forget(connection: &Connection, number: &str) -> Result<(), Error> {
    let sql = "DELETE FROM answer WHERE seq = (SELECT answer FROM answer_number WHERE number = ?1)";
    connection.prepare_cached(sql)?.execute([number])?;
    Ok(())
}

fn is_listed<'a>(connection: &Connection, numbers: impl Iterator<Item = &'a Box<str>>) -> Result<bool, Error> {
    let mut listed = connection.prepare_cached("SELECT 1 FROM card WHERE id = ?1 OR substr(card, 6) = ?1")?;
    for number in numbers {
        if listed.exists([number])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever comes onto the roster is its business from now on, also after leaving it again.
pub(super) fn forget_person(connection: &Connection, row: &RosterRow) -> Result<(), Error> {
    own_numbers(row).iter().try_for_each(|number| forget(connection, number))
}

/// The answer about whoever shows these numbers, unless two answers claim to be.
pub(super) fn find(connection: &Connection, scan: &Scan) -> Result<Option<Asked>, Error> {
    let id = scan.personal_id.as_ref().map(|id| id.as_str());
    let number = scan.insurance_number.as_ref().map(|number| number.as_str());
    let shown: Numbers = [id, number].into_iter().flatten().map(Into::into).collect();
    let mut statement = connection.prepare_cached("SELECT DISTINCT answer FROM answer_number WHERE number IN (?1, ?2)")?;
    let found = statement.query_map((id, number), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    let mut about = Vec::new();
    for seq in found {
        about.push(Stored::read(connection, seq)?);
    }
    about.retain(|stored| stored.is_about(&shown));
    match about.pop() {
        Some(only) if about.is_empty() => only.into_asked().map(Some),
        _ => Ok(None),
    }
}

/// Takes the answers along into a new roster, but for people who are on it and for what is too old. An answer kept while the new file is being built
/// may stay behind: it is asked again.
pub(super) fn carry(old: &Connection, new: &Connection, as_of: DateTime<Utc>) -> Result<(), Error> {
    let mut statement = old.prepare("SELECT seq FROM answer WHERE as_of >= ?1 ORDER BY seq")?;
    let kept = statement.query_map([oldest(as_of)], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for seq in kept {
        let stored = Stored::read(old, seq)?;
        if !is_listed(new, stored.numbers.iter().map(|(number, _)| number))? {
            stored.write(new)?;
        }
    }
    Ok(())
}

/// Takes the answers about some numbers out. Returns how many.
pub(super) fn forget_all(connection: &mut Connection, numbers: &[String]) -> Result<usize, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut gone = 0;
    for number in numbers {
        let sql = "DELETE FROM answer WHERE seq IN (SELECT answer FROM answer_number WHERE number = ?1)";
        gone += transaction.prepare_cached(sql)?.execute([number])?;
    }
    transaction.commit()?;
    Ok(gone)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
