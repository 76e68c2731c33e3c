//! The contract's part on the roster as a whole.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::desk::Coverage;
use crate::desk::Renewals;
use crate::desk::Span;
use crate::domain::coverage::Share;
use crate::domain::coverage::Tally;

/// Whose card ends soon or has just ended: how many, and all of them as a file for a spreadsheet.
pub fn renewals(renewals: &Renewals, csv: &str) -> Value {
    let spans = renewals.spans.iter().map(|(span, count)| {
        let within_days = match span {
            Span::Within(days) => Some(*days),
            Span::All | Span::Lapsed => None,
        };
        json!({ "within_days": within_days, "lapsed": *span == Span::Lapsed, "people": count })
    });
    json!({
        "on": renewals.now.day().to_string(),
        "clock": renewals.now.state.code(),
        "as_of": renewals.as_of.map(super::instant),
        "people": renewals.people.len(),
        "spans": spans.collect::<Vec<_>>(),
        "csv": csv,
    })
}

/// How many people on the roster have a card in force.
pub fn coverage(coverage: &Coverage) -> Value {
    let hamlet = |name: &str, tally: &Tally| {
        let mut value = counts(*tally);
        // An empty name is none on record.
        value["hamlet"] = Some(name).filter(|name| !name.is_empty()).into();
        value
    };
    let mut value = counts(coverage.all);
    value["on"] = coverage.on.to_string().into();
    value["as_of"] = coverage.as_of.map(super::instant).into();
    value["target_percent"] = percent(coverage.target);
    value["hamlets"] = coverage.hamlets.iter().map(|(name, tally)| hamlet(name, tally)).collect();
    value["history"] = coverage
        .history
        .iter()
        .map(|day| {
            let mut value = counts(day.tally);
            value["day"] = day.day.to_string().into();
            value
        })
        .collect();
    value
}

fn counts(tally: Tally) -> Value {
    let counts = [("people", tally.people), ("in_force", tally.in_force), ("ending", tally.ending), ("expired", tally.expired)];
    let mut value: Map<_, _> = counts.into_iter().map(|(key, count)| (key.to_owned(), count.into())).collect();
    value.insert("share_percent".to_owned(), percent(tally.share()));
    value.into()
}

fn percent(share: Option<Share>) -> Value {
    share.map(|share| f64::from(share.hundredths()) / 100.0).into()
}
