//! The index, and the key that it is signed with.
//!
//! Promise: an index comes out only after its signature was verified with the key this station holds, or with one that follows it by the province's own
//! word; a new key is on the disk before anything it signed is believed. Never: an index from a network's log-in; the same bytes asked for twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use reqwest::StatusCode;
use reqwest::header;
use reqwest::header::HeaderValue;
use tokio::task;

use super::HttpsProvince;
use super::connection::Connection;
use super::memory;
use crate::domain::roster::Index;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::KeyFile;
use crate::upstream::province::feed;
use crate::upstream::province::keychain;
use crate::upstream::province::keychain::IndexKey;
use crate::upstream::province::wire;

/// The last index that was verified, with the tag it came with.
pub(super) type LastIndex = Option<(HeaderValue, Index)>;

/// Index and signature as they came.
pub(super) struct Pair {
    pub(super) tag: Option<HeaderValue>,
    pub(super) index: Vec<u8>,
    pub(super) signature: String,
}

impl HttpsProvince {
    /// The verified index.
    pub(super) async fn verified_index(&self) -> Result<Index, Error> {
        let Some(pair) = self.read_pair(true).await? else {
            let last = self.last_index().as_ref().map(|(_, index)| index.clone());
            return last.ok_or(Error::Stranger("an answer of 304 to a question that was not conditional"));
        };
        match self.verify(pair) {
            // The two files are published one after the other: between them a pair does not fit.
            Err(Fault::Signature) => {}
            verified => return Ok(verified?),
        }
        let pair = self.read_pair(false).await?.ok_or(Error::Stranger("an answer of 304 to a question that was not conditional"))?;
        let held = self.index_key().clone();
        if held.verify(&pair.index, &pair.signature).is_err() {
            // Not of this key, twice: the province may have another one by now.
            self.follow_keys(held).await?;
        }
        Ok(self.verify(pair)?)
    }

    fn verify(&self, pair: Pair) -> Result<Index, Fault> {
        let index = feed::verify_index(&pair.index, &pair.signature, &self.index_key(), self.station.as_str())?;
        if let Some(path) = &self.memory {
            memory::write(path, &pair);
        }
        *self.last_index() = pair.tag.map(|tag| (tag, index.clone()));
        Ok(index)
    }

    /// One reading of index and signature. `None`: nothing new since the last verified one.
    async fn read_pair(&self, conditional: bool) -> Result<Option<Pair>, Error> {
        let connection = self.connection();
        let known = if conditional { self.last_index().as_ref().map(|(tag, _)| tag.clone()) } else { None };
        let mut request = connection.get(self.url(&["v1", "feed", self.station.as_str(), "index.json"])?);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let mut answer = connection.send(request).await?;
        if answer.status() == StatusCode::NOT_MODIFIED && conditional {
            return Ok(None);
        }
        answer.expect_ok().await?;
        let tag = answer.header(header::ETAG).cloned();
        let index = answer.message(wire::MAX_INDEX, "format").await?;
        let signature = self.read_signature(&connection, &["v1", "feed", self.station.as_str(), "index.json.minisig"]).await?;
        Ok(Some(Pair { tag, index, signature }))
    }

    async fn read_signature(&self, connection: &Connection, path: &[&str]) -> Result<String, Error> {
        let mut answer = connection.send(connection.get(self.url(path)?)).await?;
        answer.expect_ok().await?;
        let signature = answer.bounded(wire::MAX_INDEX).await?;
        if signature.trim_ascii_start().starts_with(b"<") {
            return Err(Error::Stranger("a web page"));
        }
        Ok(String::from_utf8(signature).map_err(|_| Fault::Signature)?)
    }

    /// Takes the newest key that follows the one we hold, if there is one.
    pub(super) async fn follow_keys(&self, held: IndexKey) -> Result<(), Error> {
        let before = held.line().to_owned();
        let newest = keychain::follow(held, |id| self.read_statement(id)).await?;
        if newest.line() == before {
            return Ok(());
        }
        let (keeper, line) = (Arc::clone(&self.keeper), newest.line().to_owned());
        let kept = task::spawn_blocking(move || keeper.keep(KeyFile::IndexKey, &line)).await;
        kept.map_err(|e| Error::Disk(e.into()))?.map_err(Error::Disk)?;
        tracing::info!(name: "province.new-key", key = newest.id(), "the province signs with another key, which follows the one held");
        *self.index_key() = newest;
        Ok(())
    }

    /// What the key with this id says of its successor; `None` if it has none.
    async fn read_statement(&self, id: String) -> Result<Option<(Vec<u8>, String)>, Error> {
        let connection = self.connection();
        let request = connection.get(self.url(&["v1", "feed", "keys", &format!("{id}.json")])?);
        let mut answer = connection.send(request).await?;
        match answer.expect_ok().await {
            // A province that keeps no chain may take the path for another station's.
            Err(Error::Gone | Error::Refused(_)) => return Ok(None),
            looked => looked?,
        }
        let statement = answer.message(keychain::MAX_STATEMENT, "after").await?;
        let signature = self.read_signature(&connection, &["v1", "feed", "keys", &format!("{id}.json.minisig")]).await?;
        Ok(Some((statement, signature)))
    }

    pub(super) fn index_key(&self) -> MutexGuard<'_, IndexKey> {
        self.index_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the last index in this file from now on, and begins with what is there.
    #[must_use]
    pub fn remembering(mut self, path: PathBuf) -> Self {
        let remembered = memory::read(&path, &self.index_key(), self.station.as_str());
        *self.last_index() = remembered;
        self.memory = Some(path);
        self
    }

    fn last_index(&self) -> MutexGuard<'_, LastIndex> {
        self.last_index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
