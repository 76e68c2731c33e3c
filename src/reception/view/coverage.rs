//! The share of the roster whose cards are in force: numbers, a chart, and the same as tables.
//!
//! Promise: the chart is readable without colours, and whatever it shows stands in words and in a table as well. Never: a share without what it is of.

use chrono::Datelike;
use chrono::NaiveDate;
use chrono::TimeDelta;

use crate::desk::Coverage;
use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::desk::words;
use crate::domain::coverage::DayTally;
use crate::domain::coverage::Share;
use crate::domain::coverage::Tally;

/// The chart's ground, in the units of its drawing.
const LEFT: i64 = 60;
const RIGHT: i64 = 700;
const TOP: i64 = 20;
const BOTTOM: i64 = 260;

/// Days of which each one stands in the table; of the time before, the last of each month.
const EACH_DAY: usize = 31;

/// A whole, in hundredths of a percent.
const WHOLE: i64 = 10_000;

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct RowView {
    pub(in crate::reception) name: String,
    pub(in crate::reception) tally: Tally,
    pub(in crate::reception) share: String,
}

/// A level of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct Level {
    pub(in crate::reception) y: i64,
    pub(in crate::reception) label: String,
}

/// The chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct ChartView {
    pub(in crate::reception) words: String,
    pub(in crate::reception) lines: Vec<Level>,
    pub(in crate::reception) target: Option<Level>,
    pub(in crate::reception) points: String,
    pub(in crate::reception) last: Option<(i64, i64)>,
    pub(in crate::reception) first_day: String,
    pub(in crate::reception) last_day: String,
    pub(in crate::reception) days: Vec<RowView>,
}

/// The page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reception) struct CoverageView {
    pub(in crate::reception) as_of: Option<String>,
    pub(in crate::reception) day: String,
    pub(in crate::reception) today: Option<String>,
    /// In hundredths of a percent; empty where there is nobody.
    pub(in crate::reception) share: String,
    pub(in crate::reception) goal: Option<String>,
    pub(in crate::reception) chart: Option<ChartView>,
    pub(in crate::reception) hamlets: Vec<RowView>,
}

/// Makes the page.
pub(in crate::reception) fn of(coverage: &Coverage, words: &Messages) -> CoverageView {
    let Tally { people, in_force, .. } = coverage.all;
    let share = coverage.all.share();
    let text = &words.coverage;
    let today = |share| text.today.with("share", written(share, words.language)).with("in_force", in_force).with("people", people);
    let goal = |target: Share| {
        let is_reached = share >= Some(target);
        let said = if is_reached { &text.reached } else { &text.missing };
        let said = said.with("target", written(target, words.language));
        if is_reached { said.to_string() } else { said.with("count", missing(coverage.all, target)).to_string() }
    };
    let hamlet = |name: &str, tally: &Tally| {
        let name = if name.is_empty() { text.no_hamlet.to_string() } else { name.to_owned() };
        row(name, *tally, words.language)
    };
    CoverageView {
        as_of: coverage.as_of.map(words::instant),
        day: words::day(coverage.on),
        today: share.map(|share| today(share).to_string()),
        share: share.map(|share| share.hundredths().to_string()).unwrap_or_default(),
        goal: share.and(coverage.target).map(goal),
        chart: chart(coverage, words),
        hamlets: coverage.hamlets.iter().map(|(name, tally)| hamlet(name, tally)).collect(),
    }
}

/// So many people more with a card in force would make the target.
fn missing(all: Tally, target: Share) -> u64 {
    let wanted = (u128::from(all.people) * u128::from(target.hundredths())).div_ceil(10_000);
    u64::try_from(wanted).unwrap_or(u64::MAX).saturating_sub(all.in_force)
}

/// A share as it is written in a language.
fn written(share: Share, language: Language) -> String {
    let text = share.to_string();
    match language {
        Language::Vietnamese => text.replace('.', ","),
        Language::English => text,
    }
}

fn row(name: String, tally: Tally, language: Language) -> RowView {
    let share = tally.share().map_or_else(|| "–".to_owned(), |share| format!("{}%", written(share, language)));
    RowView { name, tally, share }
}

fn chart(coverage: &Coverage, words: &Messages) -> Option<ChartView> {
    let shares: Vec<_> = coverage.history.iter().filter_map(|day| Some((day.day, day.tally.share()?))).collect();
    let ((first_day, first), (last_day, last)) = (*shares.first()?, *shares.last()?);
    let lowest = shares.iter().map(|(_, share)| *share).min()?;
    let highest = shares.iter().map(|(_, share)| *share).max()?;
    // The ground begins at the tenth below whatever is drawn.
    let floor = i64::from(coverage.target.map_or(lowest, |target| target.min(lowest)).hundredths()) / 1000 * 1000;
    let floor = floor.min(WHOLE - 1000);
    let y = |hundredths: i64| BOTTOM - (hundredths - floor) * (BOTTOM - TOP) / (WHOLE - floor);
    let days = TimeDelta::num_days(&last_day.signed_duration_since(first_day)).max(1);
    let x = |day: NaiveDate| LEFT + TimeDelta::num_days(&day.signed_duration_since(first_day)) * (RIGHT - LEFT) / days;
    let place = |(day, share): (NaiveDate, Share)| (x(day), y(share.hundredths().into()));
    let points: Vec<_> = shares.iter().map(|point| place(*point)).map(|(x, y)| format!("{x},{y}")).collect();
    let step = if WHOLE - floor > 4000 { 2000 } else { 1000 };
    let levels = (0..).map(|n| floor + n * step).take_while(|level| *level <= WHOLE);
    let language = words.language;
    let text = &words.coverage;
    let said = text.chart_in_words.with("first_day", words::day(first_day)).with("first", written(first, language));
    let said = said.with("last_day", words::day(last_day)).with("last", written(last, language));
    let said = said.with("lowest", written(lowest, language)).with("highest", written(highest, language));
    Some(ChartView {
        words: said.to_string(),
        lines: levels.map(|level| Level { y: y(level), label: format!("{}%", level / 100) }).collect(),
        target: coverage.target.map(|target| Level {
            y: y(target.hundredths().into()),
            label: text.target.with("target", written(target, language)).to_string(),
        }),
        points: points.join(" "),
        last: Some(place((last_day, last))),
        first_day: words::day(first_day),
        last_day: words::day(last_day),
        days: told(&coverage.history).map(|day| row(words::day(day.day), day.tally, language)).collect(),
    })
}

/// The days of the table, newest first.
fn told(history: &[DayTally]) -> impl Iterator<Item = &DayTally> {
    let each = history.len().saturating_sub(EACH_DAY);
    let month = |day: &DayTally| (day.day.year(), day.day.month());
    history
        .iter()
        .enumerate()
        .filter(move |(at, day)| *at >= each || history.get(at + 1).is_none_or(|next| month(next) != month(day)))
        .map(|(_, day)| day)
        .rev()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn coverage(shares: &[u64], target: Option<&str>) -> Coverage {
        let first = day("2026-01-01");
        let tally = |in_force| Tally { people: 1000, in_force, ending: 3, expired: 5 };
        let history = first.iter_days().zip(shares).map(|(day, share)| DayTally { day, tally: tally(*share) }).collect();
        Coverage {
            on: day("2026-12-31"),
            as_of: "2026-12-30T01:00:00Z".parse().ok(),
            all: tally(*shares.last().unwrap_or(&0)),
            hamlets: BTreeMap::from([("".into(), tally(1)), ("Thôn Thử".into(), Tally::default())]),
            history,
            target: target.and_then(Share::parse_percent),
        }
    }

    fn view(shares: &[u64], target: Option<&str>) -> CoverageView {
        of(&coverage(shares, target), Messages::of(Language::Vietnamese))
    }

    #[test]
    fn whatever_is_drawn_stays_on_the_ground() {
        for (shares, target) in [
            (vec![0, 1000], None),
            (vec![1000], None),
            (vec![999, 998, 1000], Some("99.99")),
            (vec![950, 930, 941], Some("95.5")),
            (vec![910, 955], Some("50")),
            ((0..366).map(|n| 600 + n).collect(), Some("100")),
        ] {
            let chart = view(&shares, target).chart.unwrap();
            assert_eq!(chart.points.split(' ').count(), shares.len());
            let mut heights: Vec<i64> = chart.lines.iter().chain(&chart.target).map(|level| level.y).collect();
            for point in chart.points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                assert!((LEFT..=RIGHT).contains(&x.parse().unwrap()), "{point}");
                heights.push(y.parse().unwrap());
            }
            assert!(heights.iter().all(|y| (TOP..=BOTTOM).contains(y)), "{heights:?}");
            assert!((2..=6).contains(&chart.lines.len()), "{:?}", chart.lines);
        }
    }

    #[test]
    fn a_higher_share_is_drawn_higher_and_later_is_further_right() {
        let chart = view(&[900, 950, 920], Some("95")).chart.unwrap();
        assert_eq!(chart.points, "60,260 380,140 700,212");
        assert_eq!(chart.target.unwrap(), Level { y: 140, label: "Mục tiêu 95,00%".to_owned() });
        assert_eq!(chart.words, "Từ 01/01/2026 (90,00%) đến 03/01/2026 (92,00%); thấp nhất 90,00%, cao nhất 95,00%.");
    }

    #[test]
    fn the_target_is_reached_or_so_many_are_missing() {
        assert_eq!(view(&[955], Some("95.5")).goal.unwrap(), "Đã đạt mục tiêu 95,50% của trạm.");
        assert_eq!(view(&[954], Some("95.5")).goal.unwrap(), "Mục tiêu của trạm là 95,50%: còn thiếu 1 người.");
        assert_eq!(view(&[900], Some("95.51")).goal.unwrap(), "Mục tiêu của trạm là 95,51%: còn thiếu 56 người.");
        assert_eq!(view(&[900], None).goal, None);
    }

    #[test]
    fn nobody_is_no_share() {
        let mut coverage = coverage(&[], Some("95"));
        coverage.all = Tally::default();
        let view = of(&coverage, Messages::of(Language::English));
        assert_eq!((view.today, view.goal, view.chart, view.share.as_str()), (None, None, None, ""));
        assert_eq!((view.hamlets[0].name.as_str(), view.hamlets[0].share.as_str()), ("No hamlet on record", "0.10%"));
        assert_eq!(view.hamlets[1].share, "–");
    }

    #[test]
    fn the_table_has_each_day_of_a_month_and_before_that_the_months() {
        let days: Vec<_> = view(&[900; 100], None).chart.unwrap().days.into_iter().map(|row| row.name).collect();
        assert_eq!((days.len(), days[0].as_str(), days[30].as_str()), (33, "10/04/2026", "11/03/2026"));
        assert_eq!(days[31..], ["28/02/2026", "31/01/2026"][..].iter().map(|d| (*d).to_owned()).collect::<Vec<_>>()[..]);
    }
}
