//! The visits that came on missing or old knowledge, as the template prints them.

use crate::desk::Placed;
use crate::desk::messages::Messages;
use crate::desk::outages::Unsure;
use crate::desk::words;
use crate::domain::outage::Checked;

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct UnsureView {
    pub(in crate::reception) open: usize,
    pub(in crate::reception) numbers_wanted: usize,
    pub(in crate::reception) rows: Vec<UnsureRow>,
    pub(in crate::reception) form_token: String,
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct UnsureRow {
    pub(in crate::reception) id: String,
    pub(in crate::reception) number: u64,
    pub(in crate::reception) time: String,
    pub(in crate::reception) who: String,
    pub(in crate::reception) then: String,
    /// `Checked::code`.
    pub(in crate::reception) state: &'static str,
    pub(in crate::reception) state_words: String,
    /// An evidence sheet can be printed.
    pub(in crate::reception) is_evidenced: bool,
}

pub(in crate::reception) fn of(visits: &[Unsure], placed: &Placed, words: &Messages, form_token: String) -> UnsureView {
    let row = |unsure: &Unsure| {
        let (logged, checked) = (&unsure.logged, unsure.checked);
        let content = &logged.visit.content;
        let state_words = match checked {
            Checked::Open => words.paper.check_open.to_string(),
            Checked::NumberWanted => words.paper.check_number.to_string(),
            // Nothing else bears out that nobody could say anything.
            Checked::Confirmed { as_of } if *content.verdict.standing == *"not_covered" => {
                words.paper.check_nobody.with("time", words::instant(as_of)).to_string()
            }
            Checked::Confirmed { as_of } => words.paper.check_confirmed.with("time", words::instant(as_of)).to_string(),
            Checked::Differs => words.paper.check_differs.to_string(),
        };
        UnsureRow {
            id: content.id.0.to_string(),
            number: logged.number.0,
            time: words::instant(placed.get(&logged.visit.sequence).copied().unwrap_or(content.arrived_at)),
            who: super::who(&content.person).to_owned(),
            then: format!("{} ({})", words.verdict.saved(&content.verdict), words.verdict.as_of(content.verdict.as_of)),
            state: checked.code(),
            is_evidenced: unsure.is_evidenced,
            state_words,
        }
    };
    let count = |state| visits.iter().filter(|unsure| unsure.checked == state).count();
    UnsureView {
        open: count(Checked::Open),
        numbers_wanted: count(Checked::NumberWanted),
        rows: visits.iter().map(row).collect(),
        form_token,
    }
}
