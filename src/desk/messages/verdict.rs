//! What the page says of a card: the verdict, its reason, whom it is of, and what it rests on.
//!
//! Promise: "not covered", "too old" and "refused" never share a sentence. Never: a word of renewal or support, which comes from the rules.

use chrono::DateTime;
use chrono::NaiveDate;
use chrono::TimeDelta;
use chrono::Utc;
use serde::Deserialize;

use super::Files;
use super::Text;
use crate::desk::Question;
use crate::desk::words;
use crate::domain::card::Deregistration;
use crate::domain::freshness::DataAge;
use crate::domain::freshness::Freshness;
use crate::domain::person::Sex;
use crate::domain::scan::Source;
use crate::domain::verdict::IdentityMatch;
use crate::domain::verdict::Knowledge;
use crate::domain::verdict::NotCovered;
use crate::domain::verdict::Standing;
use crate::domain::visit::ShownVerdict;

pub(super) const FILES: Files = [include_str!("verdict.vi.toml"), include_str!("verdict.en.toml")];

/// The messages of `verdict.vi.toml` and `verdict.en.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    valid: Text,
    not_yet_valid: Text,
    expired: Text,
    superseded_in_force: Text,
    superseded: Text,
    revoked: Text,
    locked: Text,
    deregistered: Text,
    managed_elsewhere: Text,
    not_listed: Text,
    not_covered: Text,
    unknown_to_province: Text,
    saved_valid: Text,
    saved_not_yet_valid: Text,
    saved_expired: Text,
    saved_superseded: Text,
    saved_revoked: Text,
    saved_locked: Text,
    saved_deregistered: Text,
    saved_managed_elsewhere: Text,
    saved_not_listed: Text,
    saved_not_covered: Text,
    saved_unknown_to_province: Text,
    saved_name_differs: Text,
    saved_birth_date_differs: Text,
    saved_both_differ: Text,
    class_in_force: Text,
    class_in_force_differs: Text,
    class_not_in_force: Text,
    class_unknown: Text,
    class_papers: Text,
    class_deregistered: Text,
    class_answered: Text,
    class_no_number: Text,
    why_valid: Text,
    why_not_yet_valid: Text,
    why_expired: Text,
    why_superseded_in_force: Text,
    why_superseded: Text,
    why_revoked: Text,
    why_locked: Text,
    why_unstated: Text,
    why_left_province: Text,
    why_moved_within: Text,
    why_rejoining: Text,
    why_stopped: Text,
    why_managed_elsewhere: Text,
    why_not_listed: Text,
    why_no_roster: Text,
    why_registered_elsewhere: Text,
    why_issued_after: Text,
    why_left_roster: Text,
    why_no_number: Text,
    why_not_on_roster: Text,
    why_unreadable: Text,
    why_several: Text,
    why_unknown_to_province: Text,
    agrees: Text,
    said_agrees: Text,
    name_differs: Text,
    birth_date_differs: Text,
    both_differ: Text,
    not_checked: Text,
    days: Text,
    days_open: Text,
    age: Text,
    age_worsens: Text,
    age_doubted: Text,
    age_doubted_stale: Text,
    fresh: Text,
    aging: Text,
    stale: Text,
    no_data: Text,
    span_days: Text,
    span_hours: Text,
    span_minutes: Text,
    span_short: Text,
    /// Which state of the roster, after its age.
    pub(crate) serial: Text,
    verified: Text,
    cached: Text,
    unverified: Text,
    as_of: Text,
    as_of_never: Text,
    /// The rate’s rule.
    pub(crate) rule: Text,
    full_below: Text,
    /// Under the rate.
    pub(crate) rate: Text,
    /// Beside a verdict on stale data.
    pub(crate) old_data: Text,
    /// Label.
    pub(crate) name: Text,
    /// Label.
    pub(crate) birth_date: Text,
    /// Label.
    pub(crate) sex: Text,
    /// Label.
    pub(crate) card_number: Text,
    /// Label.
    pub(crate) insurance_number: Text,
    /// Label.
    pub(crate) personal_id: Text,
    /// Label.
    pub(crate) hamlet: Text,
    male: Text,
    female: Text,
    undetermined: Text,
    shown: Text,
    typed: Text,
    /// Over what differs.
    pub(crate) recorded: Text,
    /// Before what Enter does.
    pub(crate) then_enter: Text,
    /// What Enter does.
    pub(crate) save_visit: Text,
    /// What else can be done.
    pub(crate) or_next: Text,
    asking: Text,
    not_asked: Text,
    not_asked_again: Text,
    /// What is shown has just become another answer.
    pub(crate) answered: Text,
    /// What asks for it, where no script does.
    pub(crate) look_again: Text,
}

impl Verdict {
    /// The verdict in a few words, to be read from two metres.
    pub(crate) fn standing(&self, standing: Standing) -> &Text {
        match standing {
            Standing::Valid => &self.valid,
            Standing::NotYetValid => &self.not_yet_valid,
            Standing::Expired => &self.expired,
            Standing::Superseded { in_force: true } => &self.superseded_in_force,
            Standing::Superseded { in_force: false } => &self.superseded,
            Standing::Revoked => &self.revoked,
            Standing::Locked => &self.locked,
            Standing::Deregistered { .. } => &self.deregistered,
            Standing::ManagedElsewhere => &self.managed_elsewhere,
            Standing::NotListed => &self.not_listed,
            Standing::NotCovered { why: NotCovered::UnknownToProvince } => &self.unknown_to_province,
            Standing::NotCovered { .. } => &self.not_covered,
        }
    }

    /// How the card of a saved visit stood, short enough for a list: that nobody has such a card was the province's answer, every other silence ours.
    pub(crate) fn saved(&self, shown: &ShownVerdict) -> &Text {
        match &*shown.standing {
            "not_covered" if shown.is_asked() => &self.saved_unknown_to_province,
            standing => self.saved_standing(standing),
        }
    }

    /// The standing of a saved visit, by its stable code, short enough for a list.
    fn saved_standing(&self, code: &str) -> &Text {
        match code {
            "valid" => &self.saved_valid,
            "not_yet_valid" => &self.saved_not_yet_valid,
            "expired" => &self.saved_expired,
            "superseded" => &self.saved_superseded,
            "revoked" => &self.saved_revoked,
            "locked" => &self.saved_locked,
            "deregistered" => &self.saved_deregistered,
            "managed_elsewhere" => &self.saved_managed_elsewhere,
            "not_listed" => &self.saved_not_listed,
            _ => &self.saved_not_covered,
        }
    }

    /// Who differs, of a saved visit, by its stable code, short enough for a list; `None` where nothing speaks against the person.
    pub(crate) fn saved_identity(&self, code: &str) -> Option<&Text> {
        match code {
            "name_differs" => Some(&self.saved_name_differs),
            "birth_date_differs" => Some(&self.saved_birth_date_differs),
            "name_and_birth_date_differ" => Some(&self.saved_both_differ),
            _ => None,
        }
    }

    /// The verdict's class in words.
    pub(crate) fn class(&self, standing: Standing, differs: bool) -> &Text {
        match standing {
            Standing::Valid | Standing::Superseded { .. } if differs => &self.class_in_force_differs,
            Standing::Valid | Standing::Superseded { .. } => &self.class_in_force,
            Standing::NotYetValid | Standing::Expired | Standing::Revoked | Standing::Locked | Standing::NotListed => {
                &self.class_not_in_force
            }
            Standing::Deregistered { .. } => &self.class_deregistered,
            Standing::NotCovered { why: NotCovered::UnknownToProvince } => &self.class_answered,
            Standing::NotCovered { why: NotCovered::NoNumber } => &self.class_no_number,
            Standing::NotCovered { .. } => &self.class_unknown,
            Standing::ManagedElsewhere => &self.class_papers,
        }
    }

    /// Why, in one sentence.
    pub(crate) fn reason(&self, standing: Standing) -> &Text {
        match standing {
            Standing::Valid => &self.why_valid,
            Standing::NotYetValid => &self.why_not_yet_valid,
            Standing::Expired => &self.why_expired,
            Standing::Superseded { in_force: true } => &self.why_superseded_in_force,
            Standing::Superseded { in_force: false } => &self.why_superseded,
            Standing::Revoked => &self.why_revoked,
            Standing::Locked => &self.why_locked,
            Standing::Deregistered { why } => match why {
                Deregistration::Unstated => &self.why_unstated,
                Deregistration::LeftProvince => &self.why_left_province,
                Deregistration::MovedWithin => &self.why_moved_within,
                Deregistration::Rejoining => &self.why_rejoining,
                Deregistration::Stopped => &self.why_stopped,
            },
            Standing::ManagedElsewhere => &self.why_managed_elsewhere,
            Standing::NotListed => &self.why_not_listed,
            Standing::NotCovered { why } => match why {
                NotCovered::NoRoster => &self.why_no_roster,
                NotCovered::RegisteredElsewhere => &self.why_registered_elsewhere,
                NotCovered::IssuedAfterOurData => &self.why_issued_after,
                NotCovered::LeftRoster => &self.why_left_roster,
                NotCovered::NoNumber => &self.why_no_number,
                NotCovered::NotOnRoster => &self.why_not_on_roster,
                NotCovered::RecordUnreadable => &self.why_unreadable,
                NotCovered::SeveralOnRoster => &self.why_several,
                NotCovered::UnknownToProvince => &self.why_unknown_to_province,
            },
        }
    }

    /// Whether the person shown is the one on record.
    pub(crate) fn identity(&self, identity: IdentityMatch) -> &Text {
        match identity {
            IdentityMatch::Match => &self.agrees,
            IdentityMatch::Said => &self.said_agrees,
            IdentityMatch::NameDiffers => &self.name_differs,
            IdentityMatch::BirthDateDiffers => &self.birth_date_differs,
            IdentityMatch::NameAndBirthDateDiffer => &self.both_differ,
            IdentityMatch::NotChecked => &self.not_checked,
        }
    }

    /// The days of a card.
    pub(crate) fn validity(&self, from: NaiveDate, until: Option<NaiveDate>) -> String {
        match until {
            Some(until) => self.days.with("from", words::day(from)).with("until", words::day(until)).to_string(),
            None => self.days_open.with("from", words::day(from)).to_string(),
        }
    }

    /// How old the data are, and when that gets worse. By a clock in doubt: of when they are, and how old they are at least where that is too old already.
    pub(crate) fn data_age(&self, age: &DataAge) -> String {
        let word = match age.freshness {
            Freshness::Fresh => &self.fresh,
            Freshness::Aging => &self.aging,
            Freshness::Stale => &self.stale,
            Freshness::Absent => return self.no_data.to_string(),
        };
        let span = age.age.map(|age| self.span(age));
        if let Some(as_of) = age.doubted {
            let as_of = words::instant(as_of);
            return match span.filter(|_| age.freshness == Freshness::Stale) {
                Some(least) => self.age_doubted_stale.with("as_of", as_of).with("age", least).with("word", word).to_string(),
                None => self.age_doubted.with("as_of", as_of).to_string(),
            };
        }
        let (span, text) = (span.unwrap_or_default(), if age.worsens_at.is_some() { &self.age_worsens } else { &self.age });
        let at = age.worsens_at.map(words::instant).unwrap_or_default();
        text.with("age", span).with("word", word).with("at", at).to_string()
    }

    /// A span in its largest sensible unit.
    pub(crate) fn span(&self, span: TimeDelta) -> String {
        match (span.num_days(), span.num_hours(), span.num_minutes()) {
            (days @ 2.., ..) => self.span_days.with("count", days).to_string(),
            (_, hours @ 2.., _) => self.span_hours.with("count", hours).to_string(),
            (_, _, minutes @ 1..) => self.span_minutes.with("count", minutes).to_string(),
            _ => self.span_short.to_string(),
        }
    }

    /// What the answer rests on.
    pub(crate) fn knowledge(&self, knowledge: Knowledge) -> String {
        match knowledge {
            Knowledge::Verified { at } => self.verified.with("at", words::instant(at)).to_string(),
            Knowledge::Cached(position) => {
                self.cached.with("serial", position.serial.0).with("as_of", words::instant(position.as_of)).to_string()
            }
            Knowledge::Unverified => self.unverified.to_string(),
        }
    }

    /// Of when the data behind a saved answer are.
    pub(crate) fn as_of(&self, at: Option<DateTime<Utc>>) -> String {
        at.map_or_else(|| self.as_of_never.to_string(), |at| self.as_of.with("at", words::instant(at)).to_string())
    }

    /// Below which cost a visit is paid in full.
    pub(crate) fn full_below(&self, dong: u64) -> String {
        self.full_below.with("dong", words::thousands(dong)).to_string()
    }

    /// Over what differs: where name and birth date come from that are compared with the record.
    pub(crate) fn claimed(&self, source: Source) -> &Text {
        match source {
            Source::BhytCard | Source::CitizenId => &self.shown,
            Source::Typed => &self.typed,
        }
    }

    /// Sex, in a word.
    pub(crate) fn sex_of(&self, sex: Sex) -> &Text {
        match sex {
            Sex::Male => &self.male,
            Sex::Female => &self.female,
            Sex::Undetermined => &self.undetermined,
        }
    }

    /// How a question to the province stands, and what to do meanwhile.
    pub(crate) fn question(&self, question: Question, knowledge: Knowledge) -> &Text {
        match question {
            Question::Open => &self.asking,
            // It has answered before, and that answer stands on the page.
            Question::Unanswered if matches!(knowledge, Knowledge::Verified { .. }) => &self.not_asked_again,
            Question::Unanswered => &self.not_asked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::super::Messages;
    use super::*;

    #[test]
    fn a_question_that_failed_is_told_by_what_the_province_has_answered_before() {
        let words = &Messages::of(Language::Vietnamese).verdict;
        let at = "2026-11-20T13:00:00Z".parse().unwrap();
        let said = |knowledge| words.question(Question::Unanswered, knowledge).to_string();
        assert!(said(Knowledge::Unverified).contains("khoản 2 Điều 38"));
        assert!(!said(Knowledge::Verified { at }).contains("Điều 38"), "the province has answered");
    }

    #[test]
    fn the_age_of_data_is_no_fact_while_the_clock_is_in_doubt() {
        let as_of: DateTime<Utc> = "2026-11-20T13:00:00Z".parse().unwrap();
        let age = |freshness, days, doubted| DataAge { freshness, age: Some(TimeDelta::days(days)), worsens_at: None, doubted };
        let words = &Messages::of(Language::Vietnamese).verdict;
        assert_eq!(words.data_age(&age(Freshness::Fresh, 0, None)), "Dữ liệu thẻ dưới 1 phút trước (mới)");
        let said = words.data_age(&age(Freshness::Aging, 0, Some(as_of)));
        assert_eq!(said, "Dữ liệu thẻ tính đến 20:00 20/11/2026, không rõ cách nay bao lâu vì đồng hồ máy chưa tin được");
        let said = words.data_age(&age(Freshness::Stale, 9, Some(as_of)));
        assert_eq!(said, "Dữ liệu thẻ tính đến 20:00 20/11/2026, ít nhất 9 ngày trước (CŨ, chỉ để tham khảo)");
    }
}
