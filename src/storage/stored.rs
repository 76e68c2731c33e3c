//! A value in a row that its own type refuses.
//!
//! Promise: the error names the column and why. Never: the value itself.

use rusqlite::types::Type;

/// Why the text in column `at` cannot be read: another error, or a `Problem`'s code.
pub(super) fn unreadable(at: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, why.into())
}
