//! Visits, contacts, questions and rechecks: what goes up, and what comes back at once.
//!
//! Promise: an answer is read whole and bounded, or nothing of it counts. Never: a second try; who asks knows whether to ask again.

use std::sync::atomic::Ordering;

use reqwest::RequestBuilder;
use reqwest::StatusCode;
use uuid::Uuid;

use super::HttpsProvince;
use super::connection::Answer;
use super::connection::Connection;
use crate::domain::contact::Greeting;
use crate::domain::contact::Hello;
use crate::domain::recheck::Recheck;
use crate::domain::roster::Answered;
use crate::domain::roster::Wanted;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;
use crate::domain::wipe::Heard;
use crate::upstream::Error;
use crate::upstream::province::wipe::Envelope;
use crate::upstream::province::wire;

impl HttpsProvince {
    pub(super) async fn send_visits(&self, install: Uuid, visits: &[Visit]) -> Result<Vec<Receipt>, Error> {
        let message = wire::VisitsRequest::new(self.station.as_str(), install, visits);
        let connection = self.connection();
        let url = self.url(&["v1", "visits"])?;
        if !self.sends_plain.load(Ordering::Relaxed)
            && let Some(request) = connection.post_packed(url.clone(), &message)?
        {
            let answer = connection.send(request).await?;
            if answer.status() != StatusCode::UNSUPPORTED_MEDIA_TYPE {
                return receipts(answer).await;
            }
            // Its body is not waited for: the connection can do without it.
            drop(answer);
            tracing::info!(name: "sync.unpacked", "the province takes no packed visits: they are sent plain");
            self.sends_plain.store(true, Ordering::Relaxed);
        }
        receipts(connection.send(connection.post(url, &message)?).await?).await
    }

    pub(super) async fn send_contact(&self, hello: &Hello) -> Result<Greeting, Error> {
        let message = wire::ContactRequest::new(self.station.as_str(), hello);
        let answer = self.say("contact", &message, wire::MAX_CONTACT, "ledger").await?;
        Ok(Greeting { wipe: self.heard_wipe(&answer).await, ..wire::read_greeting(&answer)? })
    }

    /// A wipe order that came with an answer. One that says that another key has signed it may be of the key that follows ours.
    async fn heard_wipe(&self, answer: &[u8]) -> Option<Heard> {
        let envelope = Envelope::of(answer)?;
        let held = self.index_key().clone();
        if envelope.is_by_another(&held)
            && let Err(error) = self.follow_keys(held).await
        {
            tracing::debug!(%error, "no other key follows the one that is held");
        }
        Some(envelope.open(&self.index_key()))
    }

    pub(super) async fn send_question(&self, wanted: &Wanted) -> Result<Answered, Error> {
        let message = wire::LookupRequest::new(self.station.as_str(), wanted);
        let answer = self.say("lookup", &message, wire::MAX_CONTACT, "as_of").await?;
        Ok(wire::read_answered(&answer, wanted)?)
    }

    pub(super) async fn send_rechecks(&self, install: Uuid, rechecks: &[Recheck]) -> Result<(), Error> {
        let message = wire::RechecksRequest::new(self.station.as_str(), install, rechecks);
        self.say("rechecks", &message, wire::MAX_CONTACT, "received").await.map(|_| ())
    }

    async fn say(&self, to: &str, message: &impl serde::Serialize, limit: usize, key: &str) -> Result<Vec<u8>, Error> {
        let connection = self.connection();
        let request = connection.post(self.url(&["v1", to])?, message)?;
        ask(&connection, request, limit, key).await
    }
}

async fn receipts(mut answer: Answer<'_>) -> Result<Vec<Receipt>, Error> {
    answer.expect_ok().await?;
    Ok(wire::read_receipts(&answer.message(wire::MAX_ANSWER, "receipts").await?)?)
}

/// Asks, and reads the message that answers.
pub(in crate::upstream::province) async fn ask(
    connection: &Connection,
    request: RequestBuilder,
    limit: usize,
    key: &str,
) -> Result<Vec<u8>, Error> {
    let mut answer = connection.send(request).await?;
    answer.expect_ok().await?;
    answer.message(limit, key).await
}
