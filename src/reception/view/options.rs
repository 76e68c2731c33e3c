//! What can be chosen of a visit, as the template prints it.
//!
//! Promise: what was chosen before stands chosen; a list that nobody touches says what is saved without it. Never: a code without its name.

use core::iter;

use chrono::NaiveDate;

use crate::desk::Choices;
use crate::desk::Desk;
use crate::desk::Lookup;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::attendance::Proof;
use crate::domain::benefit::AttendanceCategory;
use crate::domain::benefit::BenefitRate;
use crate::domain::benefit::CareType;
use crate::domain::rules::CategoryRow;
use crate::domain::rules::Keyed;
use crate::domain::visit::NewVisit;

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Choice {
    pub(in crate::reception) code: String,
    pub(in crate::reception) name: String,
    pub(in crate::reception) is_chosen: bool,
    /// Nobody has to choose it: it is what is saved without a choice.
    pub(in crate::reception) is_usual: bool,
    /// The rate that would be saved with it, in percent; of a category alone, and where a card counts.
    pub(in crate::reception) rate: Option<u8>,
}

/// The lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct OptionsView {
    pub(in crate::reception) categories: Vec<Choice>,
    pub(in crate::reception) care_types: Vec<Choice>,
    pub(in crate::reception) proofs: Vec<Choice>,
    pub(in crate::reception) queue_number: String,
    pub(in crate::reception) note: String,
    /// The category that one key chooses.
    pub(in crate::reception) keyed: Option<Choice>,
    /// Something is chosen that is not usual.
    pub(in crate::reception) is_open: bool,
}

impl OptionsView {
    /// The same as somebody has filled it in, by the fields' names: what was typed stands there again, taken or not.
    pub(in crate::reception) fn filled(self, sent: &[(&'static str, String)]) -> Self {
        let text = |name: &str| sent.iter().find(|(field, _)| *field == name).map(|(_, text)| text.clone());
        let chosen = |choices: Vec<Choice>, name: &str| {
            let code = text(name).filter(|code| choices.iter().any(|choice| choice.code == *code));
            let of = |choice: Choice| Choice { is_chosen: code.as_ref().map_or(choice.is_chosen, |code| choice.code == *code), ..choice };
            choices.into_iter().map(of).collect()
        };
        Self {
            categories: chosen(self.categories, "doi_tuong"),
            care_types: chosen(self.care_types, "hinh_thuc"),
            proofs: chosen(self.proofs, "giay_to"),
            queue_number: text("so_thu_tu").unwrap_or(self.queue_number),
            note: text("ghi_chu").unwrap_or(self.note),
            ..self
        }
    }
}

/// For a visit that is about to be saved.
pub(in crate::reception) fn of_lookup(desk: &Desk, lookup: &Lookup, chosen: &Choices, words: &Messages) -> OptionsView {
    let offered = desk.offered(lookup);
    let category = chosen.category.as_ref().or_else(|| offered.categories.first().map(|row| &row.code));
    let rated = |row: &CategoryRow, chosen: Option<&AttendanceCategory>| {
        let rate = desk.rate_as(lookup, &row.code).map(BenefitRate::as_percent);
        with_rate(choice(row.code.as_str(), name_of(row, words), chosen == Some(&row.code)), rate, words)
    };
    let care_type = chosen.care_type.as_ref().unwrap_or(&desk.station().care_type);
    OptionsView {
        categories: (0..).zip(&offered.categories).map(|(at, row)| Choice { is_usual: at == 0, ..rated(row, category) }).collect(),
        care_types: care_types(offered.care_types.iter().map(|row| (&row.code, &*row.name)), care_type, words),
        proofs: proofs(chosen.proof.clone().of(offered.proof), words),
        queue_number: chosen.queue_number.map(|number| number.to_string()).unwrap_or_default(),
        note: chosen.note.as_ref().map(|note| note.as_str().to_owned()).unwrap_or_default(),
        keyed: offered.keyed.map(|keyed| match keyed {
            Keyed::Chosen(row) => rated(row, None),
            Keyed::Noted(row) => choice(row.code.as_str(), name_of(row, words), false),
        }),
        is_open: *chosen != Choices::default(),
    }
}

/// For one that is saved: what it says stands chosen, also where it would not be offered.
pub(in crate::reception) fn of_visit(desk: &Desk, visit: &NewVisit, words: &Messages) -> OptionsView {
    let (station, on) = (desk.station(), desk.day_of(visit));
    let rules = &station.rules;
    let categories = rules.offered_categories(&desk.occasion_of(visit, on));
    let own = category_words(desk, &visit.attendance_category, on);
    let mut lines: Vec<_> =
        categories.iter().map(|row| choice(row.code.as_str(), name_of(row, words), row.code == visit.attendance_category)).collect();
    if !lines.iter().any(|line| line.is_chosen) {
        lines.insert(0, choice(visit.attendance_category.as_str(), &own, true));
    }
    let offered = rules.offered_care_types(&station.class, on);
    OptionsView {
        categories: lines,
        care_types: care_types(offered.iter().map(|row| (&row.code, &*row.name)), &visit.care_type, words),
        proofs: proofs(visit.proof, words),
        queue_number: visit.queue_number.map(|number| number.to_string()).unwrap_or_default(),
        note: visit.note.as_deref().unwrap_or_default().to_owned(),
        keyed: None,
        is_open: true,
    }
}

/// A category's name on a day; its code where the rules have no row.
pub(in crate::reception) fn category_words(desk: &Desk, code: &AttendanceCategory, on: NaiveDate) -> String {
    let row = desk.station().rules.category(code, on);
    row.map_or_else(|| code.as_str().to_owned(), |row| row.name.to_string())
}

/// A care type's name on a day; its code where the rules have no row.
pub(in crate::reception) fn care_type_words(desk: &Desk, code: &CareType, on: NaiveDate) -> String {
    let row = desk.station().rules.care_type(code, on);
    row.map_or_else(|| code.as_str().to_owned(), |row| row.name.to_string())
}

/// A category by name and code.
pub(in crate::reception) fn coded_category(desk: &Desk, code: &AttendanceCategory, on: NaiveDate, words: &Messages) -> String {
    words.visit.coded.with("name", category_words(desk, code, on)).with("code", code.as_str()).to_string()
}

/// What of a visit is not as usual, each in a few words.
pub(in crate::reception) fn unusual(desk: &Desk, visit: &NewVisit, words: &Messages) -> Vec<String> {
    let on = desk.day_of(visit);
    let station = desk.station();
    let usual = station.category_on(on);
    let category = (visit.attendance_category != usual).then(|| coded_category(desk, &visit.attendance_category, on, words));
    let care_type = (visit.care_type != station.care_type).then(|| {
        let (name, code) = (care_type_words(desk, &visit.care_type, on), visit.care_type.as_str());
        words.visit.coded.with("name", name).with("code", code).to_string()
    });
    let noted = visit.note.as_deref().and_then(|note| station.rules.noted(note, &station.class, on)).map(str::to_owned);
    let number = (!visit.person.has_number()).then(|| words.visit.no_number.to_string());
    let called = visit.queue_number.map(|number| words.visit.called.with("number", number).to_string());
    let voided = visit.voided.as_ref().map(|reason| words.visit.voided.with("reason", reason).to_string());
    [voided, number, noted, category, care_type, called].into_iter().flatten().collect()
}

/// A category's name on the page; what is noted of a visit stays Vietnamese.
fn name_of<'a>(row: &'a CategoryRow, words: &Messages) -> &'a str {
    row.english.as_deref().filter(|_| words.language == Language::English).unwrap_or(&row.name)
}

fn choice(code: &str, name: &str, is_chosen: bool) -> Choice {
    Choice { code: code.to_owned(), name: name.to_owned(), is_chosen, is_usual: false, rate: None }
}

/// With the rate in its name: it is read before it is chosen, also where nothing else on the page changes with it.
fn with_rate(choice: Choice, rate: Option<u8>, words: &Messages) -> Choice {
    let named = |rate| words.visit.rated.with("name", &choice.name).with("rate", rate).to_string();
    Choice { name: rate.map_or_else(|| choice.name.clone(), named), rate, ..choice }
}

fn care_types<'a>(offered: impl Iterator<Item = (&'a CareType, &'a str)>, chosen: &CareType, words: &Messages) -> Vec<Choice> {
    let named = |code: &CareType, name: &str| words.visit.coded.with("name", name).with("code", code.as_str()).to_string();
    let mut lines: Vec<_> = offered.map(|(code, name)| choice(code.as_str(), &named(code, name), code == chosen)).collect();
    if !lines.iter().any(|line| line.is_chosen) {
        lines.insert(0, choice(chosen.as_str(), chosen.as_str(), true));
    }
    lines
}

fn proofs(chosen: Option<Proof>, words: &Messages) -> Vec<Choice> {
    let unsaid = choice("", &words.visit.proof_unsaid.to_string(), chosen.is_none());
    let known =
        Proof::ALL.into_iter().map(|proof| choice(proof.code(), &words.visit.proof_words(proof).to_string(), chosen == Some(proof)));
    iter::once(unsaid).chain(known).collect()
}
