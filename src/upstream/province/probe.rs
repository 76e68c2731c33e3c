//! A question that shows whether the province is there and is the province, for whoever examines a station.
//!
//! Promise: the same TLS, the same authority and the same sorting of errors as everything else; the index and its signature are all that is asked for, so
//! that nothing personal is sent and nothing is changed on either side. Never: a file written; a newer key kept; a second try.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use tokio::time;
use url::Url;

use super::https::Credentials;
use super::https::HttpsProvince;
use super::https::connection;
use super::https::connection::Connection;
use super::https::connection::Limits;
use super::https::messages;
use super::https::speaks_no_tls;
use super::wire;
use crate::domain::facility::FacilityCode;
use crate::upstream::Error;
use crate::upstream::JudgedTime;
use crate::upstream::KeyFile;
use crate::upstream::KeyKeeper;
use crate::upstream::ProvincialServer;

/// How far it was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// It showed a certificate of the province's authority.
    Certificate,
    /// And an index that is signed with the province's key.
    Index {
        /// When that was signed.
        published_at: DateTime<Utc>,
    },
}

/// What a person is told of a link that did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoLink {
    /// The name of the province's server is not known here: mostly there is no network.
    NoName,
    /// Somebody refuses connections there.
    Refused,
    /// Nobody answers.
    Silent,
}

/// Longest wait for the whole of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks. Without `credentials` no certificate is shown, and the province can only refuse, which proves it all the same.
pub async fn probe(
    base: &Url,
    station: &FacilityCode,
    ca_pem: &str,
    credentials: Option<&Credentials>,
    judged: &JudgedTime,
) -> Result<Proved, Error> {
    let asked = async {
        match credentials {
            Some(credentials) => {
                let server = HttpsProvince::new(base.clone(), station.clone(), credentials, Arc::clone(judged), Arc::new(KeepsNothing))?;
                server.index().await.map(|index| Proved::Index { published_at: index.published_at })
            }
            None => plainly(base, station, ca_pem, judged).await,
        }
    };
    let silent = || Error::Unreachable(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
    time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))
}

async fn plainly(base: &Url, station: &FacilityCode, ca_pem: &str, judged: &JudgedTime) -> Result<Proved, Error> {
    let connection = Connection::new(ca_pem, None, judged, Limits::USUAL, &Arc::default())?;
    let request = connection.get(connection::url(base, &["v1", "feed", station.as_str(), "index.json"])?);
    match messages::ask(&connection, request, wire::MAX_INDEX, "format").await {
        // In the protocol's own words, over a connection that proved who speaks.
        Ok(_) | Err(Error::Refused(_) | Error::Gone) => Ok(Proved::Certificate),
        Err(error) => Err(error),
    }
}

/// Whether what answered does not speak TLS at all: a network's log-in that takes every connection.
pub fn is_plain(error: &Error) -> bool {
    matches!(error, Error::Untrusted { source, .. } if speaks_no_tls(source.as_ref()))
}

/// Why there is no link.
pub fn no_link(error: &Error) -> Option<NoLink> {
    let Error::Unreachable(source) = error else { return None };
    let mut cause: Option<&(dyn StdError + 'static)> = Some(source.as_ref());
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(match error.kind() {
                io::ErrorKind::ConnectionRefused => NoLink::Refused,
                io::ErrorKind::TimedOut
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable => NoLink::Silent,
                // What the resolver says has no kind of its own.
                _ => NoLink::NoName,
            });
        }
        cause = error.source();
    }
    Some(NoLink::Silent)
}

struct KeepsNothing;

impl KeyKeeper for KeepsNothing {
    fn keep(&self, _file: KeyFile, _content: &str) -> Result<(), io::Error> {
        Ok(())
    }
}
