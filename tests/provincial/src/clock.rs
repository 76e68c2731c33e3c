//! The province's only look at the wall clock, in Vietnamese time (UTC+7, no daylight saving).
//!
//! Promises: every instant the server makes up itself comes from [`now`]; everything else takes its instant as an
//! argument, so that tests choose it. Must never be called from the generator, the evolution or the feed encoder:
//! those have to give the same bytes for the same seed.

use chrono::{DateTime, FixedOffset, Utc};

/// Seven hours east of Greenwich. Checked by the compiler.
const VIETNAM: FixedOffset = match FixedOffset::east_opt(7 * 3600) {
    Some(offset) => offset,
    None => panic!("seven hours are a valid offset"),
};

/// The offset of Vietnam.
pub fn vietnam() -> FixedOffset {
    VIETNAM
}

/// The instant it is.
#[allow(clippy::disallowed_methods, reason = "this is the one place where the reference server reads the clock")]
pub fn now() -> DateTime<FixedOffset> {
    Utc::now().with_timezone(&vietnam())
}
