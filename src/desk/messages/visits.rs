//! What is said of saved visits: how far they are, why one was refused, what was done to one, and the day's list.
//!
//! Promise: what came to nothing says so in its first words. Never: a delivery that the province has not confirmed.

use serde::Deserialize;

use super::Files;
use super::Messages;
use super::Text;
use crate::desk::CorrectError;
use crate::desk::LookUpError;
use crate::desk::NotOffered;
use crate::domain::visit::Delivery;

pub(super) const FILES: Files = [include_str!("visits.vi.toml"), include_str!("visits.en.toml")];

/// The messages of `visits.vi.toml` and `visits.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visits {
    pending: Text,
    delivered: Text,
    parked: Text,
    closed: Text,
    superseded: Text,
    no_identity: Text,
    wrong_station: Text,
    unknown_attendance_category: Text,
    malformed: Text,
    other_content: Text,
    no_visit: Text,
    voided: Text,
    not_parked: Text,
    was_closed: Text,
    was_closed_by: Text,
    nothing: Text,
    pub(crate) name_given: Text,
    pub(crate) person_expired: Text,
    pub(crate) no_outage: Text,
    changed: Text,
    no_such_category: Text,
    no_such_care_type: Text,
    no_such_number: Text,
    not_corrected: Text,
    /// Something was chosen that is not offered.
    pub(crate) not_saved: Text,
    /// A note that is too long.
    pub(crate) note_too_long: Text,
    pub(crate) scan_in_note: Text,
    pub(crate) scan_in_reason: Text,
    /// No number could be given.
    pub(crate) no_number: Text,
    /// A note is missing or too long.
    pub(crate) note_wanted: Text,
    /// An attendance category that cannot be one.
    pub(crate) category_wanted: Text,
    /// There is no open difference for a visit.
    pub(crate) no_recheck: Text,
    /// What was done, for the page.
    pub(crate) corrected: Text,
    /// A refused visit goes again.
    pub(crate) resent: Text,
    /// A refused visit was ended.
    pub(crate) ended: Text,
    /// A difference was looked at.
    pub(crate) seen: Text,
    /// A time that was not the machine’s own.
    pub(crate) placed: Text,
    /// The time is by a clock that could not be right, and nobody knows better.
    pub(crate) time_doubted: Text,
    /// A new visit is on the disk.
    pub(crate) saved: Text,
    /// The visit was on the disk already.
    pub(crate) saved_before: Text,
    /// Over the day’s list.
    pub(crate) today: Text,
    /// And so many that were taken back.
    pub(crate) today_voided: Text,
    /// After the newest visits of the day.
    pub(crate) earlier: Text,
    /// Leads to all of them.
    pub(crate) whole_day: Text,
    /// Leads back to the newest.
    pub(crate) newest_only: Text,
    /// Instead of the list.
    pub(crate) unreadable: Text,
    /// Over refused visits.
    pub(crate) refused_heading: Text,
    /// Over visits that would now be judged otherwise.
    pub(crate) rechecks_heading: Text,
    /// Under a refused visit.
    pub(crate) refused: Text,
    /// Before the verdict of the day.
    pub(crate) then: Text,
    /// Before today’s verdict.
    pub(crate) now: Text,
    /// Ends a recheck.
    pub(crate) mark_seen: Text,
    /// Opens the correction.
    pub(crate) correct: Text,
    /// Label of the correction.
    pub(crate) right_number: Text,
    /// Sends the correction.
    pub(crate) send_correction: Text,
    /// Sends it as it is.
    pub(crate) resend: Text,
    /// Opens the ending.
    pub(crate) close: Text,
    /// Label of the note.
    pub(crate) reason: Text,
    /// Ends it.
    pub(crate) close_for_good: Text,
}

impl Visits {
    /// How far a visit is.
    pub(crate) fn delivery(&self, delivery: Delivery) -> &Text {
        match delivery {
            Delivery::Pending => &self.pending,
            Delivery::Delivered => &self.delivered,
            Delivery::Parked => &self.parked,
            Delivery::Closed => &self.closed,
            Delivery::Superseded => &self.superseded,
        }
    }

    /// What cannot be chosen, and what to do.
    pub(crate) fn not_offered(&self, refused: NotOffered) -> &Text {
        match refused {
            NotOffered::Category => &self.no_such_category,
            NotOffered::CareType => &self.no_such_care_type,
            NotOffered::QueueNumber => &self.no_such_number,
        }
    }

    /// The province's reason, with what to do; in its own words and with its code where this program does not know that.
    pub(crate) fn refusal(&self, code: &str, text: &str) -> String {
        let known = match code {
            "no_identity" => &self.no_identity,
            "wrong_station" => &self.wrong_station,
            "unknown_attendance_category" => &self.unknown_attendance_category,
            "malformed" => &self.malformed,
            "other_content" => &self.other_content,
            _ => return format!("{text} ({code})"),
        };
        known.to_string()
    }
}

impl Messages {
    /// Why nothing was done to a visit.
    pub fn correct_error(&self, error: &CorrectError) -> String {
        let words = &self.visits;
        let text = match error {
            CorrectError::NoVisit => &words.no_visit,
            CorrectError::Voided => &words.voided,
            CorrectError::NotParked => &words.not_parked,
            CorrectError::Closed { closing: None } => &words.was_closed,
            CorrectError::Closed { closing: Some((by, at)) } => {
                return words.was_closed_by.with("by", by.as_str()).with("at", crate::desk::words::instant(*at)).to_string();
            }
            CorrectError::NotOffered(refused) => return words.not_corrected.with("why", words.not_offered(*refused)).to_string(),
            CorrectError::NoOutage => &words.no_outage,
            CorrectError::Nothing => &words.nothing,
            CorrectError::NameGiven => &words.name_given,
            CorrectError::Changed => &words.changed,
            CorrectError::LookUp(LookUpError::Unreadable(error)) => return self.problems.unreadable(*error),
            CorrectError::LookUp(LookUpError::Storage(error)) => self.problems.not_looked_up(error),
            CorrectError::Storage(error) => self.problems.not_saved(error),
        };
        text.to_string()
    }
}
