//! Enrolment codes and certificates in the ledger.
//!
//! Promises: a code is kept as a digest, works once, for one station, within its time and tries; a try is counted
//! and committed before its answer; whom it let in may hear that again within the code's time. Must never say of an
//! unknown station more than "wrong code".

use chrono::{DateTime, FixedOffset};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{
    Ledger,
    contact::{forget_chains, note_install},
};
use crate::{Error, feed::sha256_hex};

/// Tries a code allows.
const TRIES: i64 = 5;

/// Why a code does not open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeFailure {
    Wrong,
    Used,
    Expired,
    TooManyTries,
}

impl CodeFailure {
    /// The stable word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong_code",
            Self::Used => "used_code",
            Self::Expired => "expired_code",
            Self::TooManyTries => "too_many_tries",
        }
    }
}

/// What a finished enrolment or renewal leaves behind.
pub(crate) struct Enrolment<'a> {
    pub(crate) station: &'a str,
    pub(crate) install: uuid::Uuid,
    pub(crate) key_sha256: &'a str,
    pub(crate) certificate_pem: &'a str,
    pub(crate) at: DateTime<FixedOffset>,
}

/// What a code that fits is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CodeUse {
    /// It has let nobody in yet.
    Fresh,
    /// It has let in whoever asks, whose answer was lost: the certificate in force.
    Again(String),
}

/// Who shows a code: the same keys and the same record of visits are the same station.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) install: uuid::Uuid,
    /// `None`: the signing request cannot be read.
    pub(crate) key_sha256: Option<&'a str>,
    pub(crate) feed_recipient: &'a str,
}

fn digest(station: &str, code: &str) -> String {
    sha256_hex(format!("{station}/{code}").as_bytes())
}

impl Ledger {
    /// Sets the one code of a station; the one before stops working.
    pub(crate) fn set_code(&self, station: &str, code: &str, expires_at: i64) -> Result<(), Error> {
        let changed = self.connection.execute(
            "UPDATE stations SET code_sha256 = ?2, code_expires_at = ?3, code_tries = 0, code_used = 0 WHERE code = ?1",
            params![station, digest(station, code), expires_at],
        )?;
        if changed == 0 { Err(Error::NoStation(station.to_owned())) } else { Ok(()) }
    }

    /// Tries a code at an instant (seconds since 1970).
    pub(crate) fn try_code(
        &mut self,
        station: &str,
        code: &str,
        asker: &Asker<'_>,
        now: i64,
    ) -> Result<Result<CodeUse, CodeFailure>, Error> {
        let transaction = self.begin()?;
        let found: Option<(Option<String>, Option<i64>, i64, bool)> = transaction
            .query_row("SELECT code_sha256, code_expires_at, code_tries, code_used FROM stations WHERE code = ?1", [station], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((Some(expected), Some(expires_at), tries, used)) = found else {
            return Ok(Err(CodeFailure::Wrong));
        };
        if tries >= TRIES {
            return Ok(Err(CodeFailure::TooManyTries));
        }
        if expected != digest(station, code) {
            transaction.execute("UPDATE stations SET code_tries = code_tries + 1 WHERE code = ?1", [station])?;
            transaction.commit()?;
            return Ok(Err(CodeFailure::Wrong));
        }
        // Only who knows the code learns that it is used or too old.
        if !used {
            return Ok(if now > expires_at { Err(CodeFailure::Expired) } else { Ok(CodeUse::Fresh) });
        }
        let sql = "SELECT certificate_pem FROM stations WHERE code = ?1 AND install = ?2 AND key_sha256 = ?3 AND feed_recipient = ?4";
        let values = params![station, asker.install.to_string(), asker.key_sha256, asker.feed_recipient];
        let in_force: Option<String> = transaction.query_row(sql, values, |row| row.get(0)).optional()?.flatten();
        Ok(in_force.filter(|_| now <= expires_at).map(CodeUse::Again).ok_or(CodeFailure::Used))
    }

    /// Uses the code up and takes the station in; `false` when another request was faster.
    pub(crate) fn enrol(&mut self, enrolment: &Enrolment<'_>) -> Result<bool, Error> {
        let transaction = self.begin()?;
        let changed = transaction.execute("UPDATE stations SET code_used = 1 WHERE code = ?1 AND code_used = 0", [enrolment.station])?;
        if changed == 1 {
            put_in_force(&transaction, enrolment)?;
            forget_chains(&transaction, enrolment.station)?;
            transaction.commit()?;
        }
        Ok(changed == 1)
    }

    /// Puts another certificate for the key in force in force; `false` when that key is in force no more.
    pub(crate) fn renew(&mut self, renewal: &Enrolment<'_>) -> Result<bool, Error> {
        let transaction = self.begin()?;
        let in_force = transaction
            .prepare("SELECT 1 FROM stations WHERE code = ?1 AND key_sha256 = ?2")?
            .exists([renewal.station, renewal.key_sha256])?;
        if in_force {
            put_in_force(&transaction, renewal)?;
            transaction.commit()?;
        }
        Ok(in_force)
    }

    /// Ends every certificate of a station, until it enrols again.
    pub(crate) fn revoke(&self, station: &str) -> Result<(), Error> {
        let changed =
            self.connection.execute("UPDATE stations SET key_sha256 = NULL, certificate_pem = NULL WHERE code = ?1", [station])?;
        self.connection.execute("UPDATE keys SET certificate_pem = NULL WHERE station = ?1", [station])?;
        if changed == 0 { Err(Error::NoStation(station.to_owned())) } else { Ok(()) }
    }

    /// The certificates issued to a station, one for each key, but for those that the operator has revoked.
    pub(crate) fn certificates(&self, station: &str) -> Result<Vec<String>, Error> {
        let mut query = self.connection.prepare("SELECT certificate_pem FROM keys WHERE station = ?1 AND certificate_pem IS NOT NULL")?;
        Ok(query.query_map([station], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Why a certificate for this key is in force no more, as a stable word: another machine was enrolled in its place, or the operator ended it.
    pub(crate) fn ended_word(&self, station: &str, key_sha256: &str) -> Result<&'static str, Error> {
        let sql = "SELECT 1 FROM keys WHERE station = ?1 AND key_sha256 = ?2 AND certificate_pem IS NOT NULL";
        let is_kept = self.connection.prepare(sql)?.exists([station, key_sha256])?;
        Ok(if is_kept { "replaced_certificate" } else { "revoked_certificate" })
    }

    /// Whether a station was ever given a certificate for this key.
    pub(crate) fn had_key(&self, station: &str, key_sha256: &str) -> Result<bool, Error> {
        Ok(self.connection.prepare("SELECT 1 FROM keys WHERE station = ?1 AND key_sha256 = ?2")?.exists([station, key_sha256])?)
    }
}

fn put_in_force(transaction: &Transaction<'_>, issued: &Enrolment<'_>) -> Result<(), Error> {
    transaction.execute(
        "UPDATE stations SET install = ?2, key_sha256 = ?3, certificate_pem = ?4 WHERE code = ?1",
        params![issued.station, issued.install.to_string(), issued.key_sha256, issued.certificate_pem],
    )?;
    transaction.execute(
        "INSERT OR REPLACE INTO keys (station, key_sha256, certificate_pem) VALUES (?1, ?2, ?3)",
        [issued.station, issued.key_sha256, issued.certificate_pem],
    )?;
    note_install(transaction, issued.station, issued.install, issued.at)
}
