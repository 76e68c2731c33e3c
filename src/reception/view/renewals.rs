//! The list of those whose card ends soon or has just ended.
//!
//! Promise: bounded; what is left out is counted. Never: the letters of a card.

use crate::desk::RenewalFilter;
use crate::desk::Renewals;
use crate::desk::Span;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::renewal::Due;
use crate::domain::renewal::Stage;
use crate::domain::rules::Urgency;

/// The value of a form that means those without a hamlet; an empty one means all.
const NO_HAMLET: &str = "-";

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Choice {
    pub(in crate::reception) value: String,
    pub(in crate::reception) words: String,
    pub(in crate::reception) is_chosen: bool,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RowView {
    pub(in crate::reception) hamlet: String,
    pub(in crate::reception) name: String,
    pub(in crate::reception) born: String,
    pub(in crate::reception) number: String,
    pub(in crate::reception) ends: String,
    pub(in crate::reception) distance: String,
    pub(in crate::reception) urgency: &'static str,
}

/// The list, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct ListView {
    pub(in crate::reception) as_of: Option<String>,
    pub(in crate::reception) day: String,
    /// The clock is in doubt.
    pub(in crate::reception) doubt: Option<String>,
    pub(in crate::reception) spans: Vec<Choice>,
    pub(in crate::reception) hamlets: Vec<Choice>,
    /// What was chosen, as a form says it.
    pub(in crate::reception) span: String,
    pub(in crate::reception) hamlet: String,
    /// All who fit.
    pub(in crate::reception) count: usize,
    /// Those shown.
    pub(in crate::reception) rows: Vec<RowView>,
    /// Which part they are, counted from 1, of how many.
    pub(in crate::reception) part: usize,
    pub(in crate::reception) parts: usize,
}

/// How a form says a span.
fn span_value(span: Span) -> String {
    match span {
        Span::All => String::new(),
        Span::Within(days) => days.to_string(),
        Span::Lapsed => "da-het".to_owned(),
    }
}

/// What a form says.
pub(in crate::reception) fn filter(span: &str, hamlet: &str) -> RenewalFilter {
    let span = match span {
        "da-het" => Span::Lapsed,
        days => days.parse().map_or(Span::All, Span::Within),
    };
    let hamlet = match hamlet {
        "" => None,
        NO_HAMLET => Some("".into()),
        name => Some(name.into()),
    };
    RenewalFilter { span, hamlet }
}

fn hamlet_value(name: &str) -> String {
    if name.is_empty() { NO_HAMLET.to_owned() } else { name.to_owned() }
}

/// Makes a part of the list, at most `most` people of it. A part beyond the last is the last.
pub(in crate::reception) fn of(renewals: &Renewals, filter: &RenewalFilter, (part, most): (usize, usize), words: &Messages) -> ListView {
    let count = renewals.people.len();
    let parts = count.div_ceil(most).max(1);
    let part = part.clamp(1, parts);
    let text = &words.renewals;
    let span = |span: Span, words: String| Choice { value: span_value(span), words, is_chosen: filter.span == span };
    let everybody = renewals.hamlets.values().sum::<usize>();
    let mut spans = vec![span(Span::All, text.all.with("count", everybody).to_string())];
    spans.extend(renewals.spans.iter().map(|(choice, count)| {
        let words = match choice {
            Span::Within(days) => text.within.with("days", days).with("count", count).to_string(),
            Span::All => text.all.with("count", count).to_string(),
            Span::Lapsed => text.lapsed.with("count", count).to_string(),
        };
        span(*choice, words)
    }));
    let hamlet = |name: &str, count: usize| Choice {
        value: hamlet_value(name),
        words: format!("{} ({count})", if name.is_empty() { text.no_hamlet.to_string() } else { name.to_owned() }),
        is_chosen: filter.hamlet.as_deref() == Some(name),
    };
    ListView {
        as_of: renewals.as_of.map(words::instant),
        day: words::day(renewals.now.day()),
        doubt: words::clock_doubt(renewals.now.state).map(|doubt| words.say(&doubt).to_owned()),
        spans,
        hamlets: renewals.hamlets.iter().map(|(name, count)| hamlet(name, *count)).collect(),
        span: span_value(filter.span),
        hamlet: filter.hamlet.as_deref().map(hamlet_value).unwrap_or_default(),
        count,
        rows: renewals.people.iter().skip((part - 1) * most).take(most).map(|due| row(due, words)).collect(),
        part,
        parts,
    }
}

/// What was chosen, in words, for a print.
pub(in crate::reception) fn chosen(list: &ListView) -> String {
    let chosen = |choices: &[Choice]| choices.iter().find(|choice| choice.is_chosen).map(|choice| choice.words.clone());
    [chosen(&list.spans), chosen(&list.hamlets)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn row(due: &Due, words: &Messages) -> RowView {
    let text = &words.renewals;
    let (distance, urgency) = match due.stage {
        Stage::Ending { days_left, urgency, .. } => (text.left.with("days", days_left).to_string(), urgency),
        Stage::Lapsed { days_since, urgency } => (text.since.with("days", days_since).to_string(), urgency),
    };
    RowView {
        hamlet: due.hamlet.as_deref().map_or_else(|| text.no_hamlet.to_string(), str::to_owned),
        name: due.name.as_str().to_owned(),
        born: words::birth_date(due.birth_date),
        number: due.insurance_number.as_str().to_owned(),
        ends: words::day(due.ends),
        distance,
        urgency: Urgency::code(urgency),
    }
}
