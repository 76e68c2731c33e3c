//! Whether a database that is in use is whole.
//!
//! Promise: every page is looked at, in one state, beside the writer, for a bounded time; what was not looked at in that time is not called whole. Never: a
//! change; a decision what to do about it.

use core::time::Duration;

use tokio::time;

use super::aside;
use super::error::Error;
use super::open;
use super::readers::Readers;

/// Longest look. What takes longer holds the log of the writer for too long.
pub(super) const LONGEST: Duration = Duration::from_mins(2);

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Each page is what was written, and they fit together.
    Yes,
    /// They are not.
    No,
    /// The time was over before all was looked at.
    Unknown,
}

impl Whole {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::Yes => "whole",
            Self::No => "damaged",
            Self::Unknown => "unfinished",
        }
    }
}

/// Looks at the file that the readers ask.
pub(super) async fn look(readers: &Readers) -> Result<Whole, Error> {
    let connection = readers.own()?;
    let interrupt = connection.get_interrupt_handle();
    let looking = aside::run("integrity", move || open::examine(&connection));
    tokio::pin!(looking);
    let ended = if let Ok(ended) = time::timeout(LONGEST, &mut looking).await {
        ended
    } else {
        interrupt.interrupt();
        // Whole after all, or cut off.
        looking.await
    };
    match ended {
        Ok(()) => Ok(Whole::Yes),
        Err(Error::Corrupt(_)) => Ok(Whole::No),
        Err(Error::Bug(error)) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => Ok(Whole::Unknown),
        Err(error) => Err(error),
    }
}
