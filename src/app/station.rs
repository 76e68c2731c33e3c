//! What desk and engine go by, taken from the configuration.
//!
//! Promise: the rules are those of the day, and which they are, and why not newer ones, is told. Never: a value that is not the configuration's or the rules'.

use std::sync::Arc;

use chrono::NaiveDate;
use cron::Schedule;

use super::AppError;
use crate::desk::NextRules;
use crate::desk::Station;
use crate::domain::clock::TimeKeeper;
use crate::ops::config::Config;
use crate::ops::rules::shelf::Chosen;
use crate::ops::rules::shelf::PassedOver;
use crate::ops::rules::shelf::Why;
use crate::sync::driver::Limits;
use crate::sync::driver::Timing;
use crate::sync::schedule::Timetable;

/// When the engine does what.
pub(super) fn timing(config: &Config) -> Timing {
    let table = |schedule: &Schedule| Timetable::new(schedule.clone(), &config.facility);
    let sync = &config.sync;
    Timing::new(table(&sync.push_schedule), table(&sync.pull_schedule), table(&sync.contact_schedule), sync.longest_pause)
}

/// How much it may do.
pub(super) fn limits(config: &Config) -> Limits {
    Limits { daily_bytes: config.sync.daily_bytes, hold_above_percent: config.sync.hold_above_percent }
}

/// What the desk knows of the station.
pub(super) fn station(config: &Config, time: &TimeKeeper) -> Result<Station, AppError> {
    let today = time.now().day();
    station_under(config, config.rules_on(today)?, today)
}

/// The same under rules that were chosen for a day.
pub(super) fn station_under(config: &Config, Chosen { tables, passed_over }: Chosen, today: NaiveDate) -> Result<Station, AppError> {
    let next_rules = next(&passed_over);
    tracing::info!(name: "rules.loaded", version = %tables.version, origin = tables.origin.code(), "rules in force");
    for PassedOver { version, why } in passed_over {
        match why {
            Why::Early(first) => {
                tracing::info!(name: "rules.passed-over", %version, %first, "newer rules are here and wait for their first day");
            }
            Why::WentBack => tracing::info!(name: "rules.passed-over", %version, "newer rules are here, and somebody went back from them"),
            Why::Unusable(reason) => tracing::warn!(name: "rules.passed-over", %version, reason, "newer rules are here and cannot be used"),
            Why::Unfitting => tracing::warn!(name: "rules.passed-over", %version, "newer rules are here and have nothing for this station"),
        }
    }
    let category = tables.provisional_category(&config.facility_class, today).ok_or(AppError::NoCategory)?;
    Ok(Station {
        facility: config.facility.clone(),
        class: config.facility_class.clone(),
        name: config.station_name.clone(),
        former_province: config.former_province.clone(),
        coverage_target: config.coverage_target,
        backup_late_after: config.backup.as_ref().map(|backup| backup.late_after),
        thresholds: config.freshness,
        operator: config.operator.clone(),
        recheck_days: config.sync.recheck_days,
        care_type: config.care_type.clone(),
        category,
        rules: Arc::new(tables),
        next_rules,
    })
}

/// The first of the newer sets that waits for its day.
pub(crate) fn next(passed_over: &[PassedOver]) -> Option<NextRules> {
    let waits = |passed: &PassedOver| match passed.why {
        Why::Early(from) => Some(NextRules { version: passed.version.to_string().into(), from }),
        _ => None,
    };
    passed_over.iter().filter_map(waits).min_by_key(|next| next.from)
}
