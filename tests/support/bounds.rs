//! How long something may take, and how much of the machine.
//!
//! Promise: with `BHYT_BOUNDS`, as `tests/run --bounds` sets it for a program built to be quick and one test at a time, a bound is the figure that the house
//! asks for. Otherwise, with a program built for debugging and other tests beside it, it is one that only what hangs, runs away or waits for what it should
//! not is beyond. Never: a bound that no run holds to the house's figure.

use std::env;
use std::time::Duration;

/// Whether the house's figures are asked for.
pub(crate) fn are_the_house_s() -> bool {
    env::var_os("BHYT_BOUNDS").is_some()
}

/// What the house asks for, or else what a busy machine is allowed.
pub(crate) fn house_or<T>(house: T, busy: T) -> T {
    if are_the_house_s() { house } else { busy }
}

/// For what is told at once, and would come by itself with the page's next beat.
pub(crate) fn at_once() -> Duration {
    house_or(Duration::from_secs(2), Duration::from_secs(15))
}

/// For a stop that nobody holds up: after five seconds it waits for nobody.
pub(crate) fn stop() -> Duration {
    house_or(Duration::from_secs(2), Duration::from_millis(4_500))
}
