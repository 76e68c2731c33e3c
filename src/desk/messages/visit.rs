//! What is said around a visit: what is chosen before it is saved, its own page, and numbers to call by.

use serde::Deserialize;

use super::Files;
use super::Text;
use crate::domain::attendance::Proof;

pub(super) const FILES: Files = [include_str!("visit.vi.toml"), include_str!("visit.en.toml")];

/// The messages of `visit.vi.toml` and `visit.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visit {
    /// Somebody was here before today: before, for each of the visits, and after them.
    pub(crate) earlier_before: Text,
    pub(crate) earlier: Text,
    pub(crate) earlier_after: Text,
    /// The button of the category that one key chooses.
    pub(crate) keyed: Text,
    /// Opens what can be chosen.
    pub(crate) options: Text,
    pub(crate) category: Text,
    pub(crate) care_type: Text,
    pub(crate) proof: Text,
    pub(crate) queue_number: Text,
    pub(crate) note: Text,
    pub(crate) proof_citizen_id: Text,
    pub(crate) proof_vneid: Text,
    pub(crate) proof_card: Text,
    pub(crate) proof_vssid: Text,
    pub(crate) proof_number_and_document: Text,
    pub(crate) proof_birth_certificate: Text,
    pub(crate) proof_newborn: Text,
    pub(crate) proof_receipt: Text,
    pub(crate) proof_later: Text,
    /// Nobody said what was shown.
    pub(crate) proof_unsaid: Text,
    /// Gives the next number.
    pub(crate) take_number: Text,
    /// A number was given.
    pub(crate) taken: Text,
    /// Prints what was just saved or given.
    pub(crate) print: Text,
    /// Another desk was faster.
    pub(crate) meanwhile: Text,
    /// Saved, and somebody else came under the same number.
    pub(crate) called_alike: Text,
    /// Beside a name and a code.
    pub(crate) coded: Text,
    /// Nobody can be looked up by what is known.
    pub(crate) no_number: Text,
    /// A choice with the rate that is saved with it.
    pub(crate) rated: Text,
    /// The number of a visit in a list.
    pub(crate) called: Text,
    /// A visit that was taken back, in a list.
    pub(crate) voided: Text,
    /// Opens a visit.
    pub(crate) open: Text,
    /// Opens one by its number.
    pub(crate) open_number: Text,
    /// Over a visit's page.
    pub(crate) heading: Text,
    /// Over its revisions.
    pub(crate) history: Text,
    /// A revision: number, hour, by whom.
    pub(crate) revision: Text,
    /// The province holds it.
    pub(crate) held: Text,
    /// The province refuses it.
    pub(crate) refused: Text,
    /// A person has ended it.
    pub(crate) ended: Text,
    /// It was printed.
    pub(crate) printed_slip: Text,
    pub(crate) printed_evidence: Text,
    pub(crate) correct: Text,
    pub(crate) person: Text,
    pub(crate) save_correction: Text,
    /// Over whose the visit would become, and the buttons under it.
    pub(crate) becomes: Text,
    pub(crate) becomes_unknown: Text,
    pub(crate) save_person: Text,
    pub(crate) keep_person: Text,
    /// The person was here before on the day of the visit.
    pub(crate) same_day: Text,
    /// What was saved, and what to look at.
    pub(crate) noted: Text,
    pub(crate) void: Text,
    /// Chosen reasons of a void.
    pub(crate) void_other_person: Text,
    pub(crate) void_twice: Text,
    pub(crate) void_left: Text,
    pub(crate) void_mistake: Text,
    pub(crate) void_written: Text,
    pub(crate) void_now: Text,
    /// Said after it.
    pub(crate) was_voided: Text,
    pub(crate) back: Text,
}

impl Visit {
    /// What was shown, in words.
    pub(crate) fn proof_words(&self, proof: Proof) -> &Text {
        match proof {
            Proof::CitizenId => &self.proof_citizen_id,
            Proof::Vneid => &self.proof_vneid,
            Proof::Card => &self.proof_card,
            Proof::Vssid => &self.proof_vssid,
            Proof::NumberAndDocument => &self.proof_number_and_document,
            Proof::BirthCertificate => &self.proof_birth_certificate,
            Proof::Newborn => &self.proof_newborn,
            Proof::Receipt => &self.proof_receipt,
            Proof::Later => &self.proof_later,
        }
    }

    /// The reasons of a void that can be chosen.
    pub(crate) fn void_reasons(&self) -> [&Text; 4] {
        [&self.void_other_person, &self.void_twice, &self.void_left, &self.void_mistake]
    }
}
