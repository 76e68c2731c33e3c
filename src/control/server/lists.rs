//! The daemon's answers about the roster as a whole.

use serde_json::Value;

use super::not_read;
use crate::control::contract::ErrorBody;
use crate::control::contract::lists as contract;
use crate::desk::Desk;
use crate::desk::ListError;
use crate::desk::RenewalFilter;
use crate::desk::words::Sentence;

pub(super) async fn renewals(desk: &Desk) -> Result<Value, ErrorBody> {
    match desk.export_renewals(&RenewalFilter::default()).await {
        Ok((renewals, csv)) => Ok(contract::renewals(&renewals, &csv)),
        Err(ListError::NotHead) => Err(ErrorBody::said("head_only", Sentence::of_both(|words| words.problems.head_only.to_string()))),
        Err(ListError::Storage(source)) => Err(not_read(&source)),
    }
}

pub(super) async fn coverage(desk: &Desk) -> Result<Value, ErrorBody> {
    desk.coverage().await.map(|coverage| contract::coverage(&coverage)).map_err(|source| not_read(&source))
}
