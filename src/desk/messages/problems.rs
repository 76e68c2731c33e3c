//! What is said when something cannot be read, saved, or answered.
//!
//! Promise: what was not done is said first, then what to do. Never: what was typed.

use serde::Deserialize;

use super::Files;
use super::Text;
use crate::desk::StorageError;
use crate::domain::field::Field;
use crate::domain::field::Problem;
use crate::domain::field::Unreadable;

pub(super) const FILES: Files = [include_str!("problems.vi.toml"), include_str!("problems.en.toml")];

/// The messages of `problems.vi.toml` and `problems.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problems {
    nothing: Text,
    typed_length: Text,
    name_wanted: Text,
    whole_year: Text,
    born_later: Text,
    no_date: Text,
    cannot_read: Text,
    payload: Text,
    card_number: Text,
    insurance_number: Text,
    personal_id: Text,
    name: Text,
    birth_date: Text,
    sex: Text,
    address: Text,
    facility: Text,
    valid_from: Text,
    valid_until: Text,
    five_years_on: Text,
    residence_area: Text,
    empty: Text,
    too_long: Text,
    length: Text,
    part_count: Text,
    truncated: Text,
    shape: Text,
    not_text: Text,
    not_a_date: Text,
    future: Text,
    order: Text,
    unknown_code: Text,
    busy: Text,
    not_latest: Text,
    full: Text,
    read_only: Text,
    disk: Text,
    ours: Text,
    busy_look_up: Text,
    no_look_up: Text,
    /// Midnight has passed since the look-up.
    pub(crate) new_day: Text,
    /// The same where another desk has saved a visit of the same person since the look-up.
    pub(crate) meanwhile: Text,
    /// A message that is shown again later.
    pub(crate) told_at: Text,
    /// The look-up is not held any more.
    pub(crate) lookup_expired: Text,
    /// Whoever had looked somebody up has no account any more.
    pub(crate) account_closed: Text,
    /// A stick was pulled out.
    pub(crate) no_stick: Text,
    /// A form of another session.
    pub(crate) form_token: Text,
    /// A save whose page is of another process.
    pub(crate) form_unsure: Text,
    pub(crate) form_saved: Text,
    /// A form that is too large.
    pub(crate) form_size: Text,
    /// A form that does not end.
    pub(crate) form_time: Text,
    /// Not a form.
    pub(crate) form_kind: Text,
    /// A page that only the head may see.
    pub(crate) head_only: Text,
    /// A page that cannot be made.
    pub(crate) broken: Text,
    /// Another name than ours.
    pub(crate) host: Text,
    /// Another page than ours.
    pub(crate) origin: Text,
    /// Another method than ours.
    pub(crate) method: Text,
    /// Another address than ours.
    pub(crate) not_found: Text,
}

impl Problems {
    /// What could not be read, why, and what to do.
    pub(crate) fn unreadable(&self, error: Unreadable) -> String {
        if error == Problem::Empty.at(Field::Payload) {
            return self.nothing.to_string();
        }
        if error == Problem::Length.at(Field::Payload) {
            return self.typed_length.to_string();
        }
        if error == Problem::Empty.at(Field::Name) {
            return self.name_wanted.to_string();
        }
        if error == Problem::Length.at(Field::BirthDate) {
            return self.whole_year.to_string();
        }
        if error == Problem::Future.at(Field::BirthDate) {
            return self.born_later.to_string();
        }
        let part = match error.field {
            Field::Payload => &self.payload,
            Field::CardNumber => &self.card_number,
            Field::InsuranceNumber => &self.insurance_number,
            Field::PersonalId => &self.personal_id,
            Field::Name => &self.name,
            Field::BirthDate => &self.birth_date,
            Field::Sex => &self.sex,
            Field::Address => &self.address,
            Field::Facility => &self.facility,
            Field::ValidFrom => &self.valid_from,
            Field::ValidUntil => &self.valid_until,
            Field::FiveYearsOn => &self.five_years_on,
            Field::ResidenceArea => &self.residence_area,
        };
        let why = match error.problem {
            Problem::Empty => &self.empty,
            Problem::TooLong => &self.too_long,
            Problem::Length => &self.length,
            Problem::PartCount => &self.part_count,
            Problem::Truncated => &self.truncated,
            Problem::Shape => &self.shape,
            Problem::NotHex | Problem::NotText => &self.not_text,
            Problem::NotADate => &self.not_a_date,
            Problem::Future => &self.future,
            Problem::Order => &self.order,
            Problem::UnknownCode => &self.unknown_code,
        };
        if error.field == Field::BirthDate {
            return self.no_date.with("why", why).to_string();
        }
        self.cannot_read.with("part", part).with("why", why).to_string()
    }

    /// Why a visit was not saved, and what to do.
    pub(crate) fn not_saved(&self, error: &StorageError) -> &Text {
        match error {
            StorageError::Busy | StorageError::Stopped => &self.busy,
            StorageError::NotLatest => &self.not_latest,
            StorageError::Full => &self.full,
            StorageError::ReadOnly => &self.read_only,
            StorageError::Corrupt(_) | StorageError::Damaged { .. } | StorageError::Disk(_) | StorageError::NotOurs { .. } => &self.disk,
            _ => &self.ours,
        }
    }

    /// Why nothing could be looked up in our own files, and what to do.
    pub(crate) fn not_looked_up(&self, error: &StorageError) -> &Text {
        match error {
            StorageError::Busy | StorageError::Stopped => &self.busy_look_up,
            _ => &self.no_look_up,
        }
    }
}
