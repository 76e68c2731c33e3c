//! The remote ends, client side, in domain words.
//!
//! Promise: whoever calls sees visits, an index and feed lines, never a status code or JSON; what comes back has been verified or is an error
//! sorted by what the caller can do. Never: storage, a retry, a decision.

pub mod province;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use uuid::Uuid;

use crate::domain::clock::TimeKeeper;
use crate::domain::contact::Greeting;
use crate::domain::contact::Hello;
use crate::domain::recheck::Recheck;
use crate::domain::roster::Answered;
use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::roster::Wanted;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;

/// The province as the sync engine needs it. Faked only where a real server cannot be made to misbehave. What a province need not offer is
/// [`Error::Gone`] until somebody offers it.
pub trait ProvincialServer: Send + Sync + 'static {
    /// The verified index. Cancel-safe.
    fn index(&self) -> impl Future<Output = Result<Index, Error>> + Send;

    /// Brings a sealed file to `path`, verified by size and digest. What an earlier attempt left there is continued. Takes at most `allowance` bytes
    /// from the link; where that is not enough it ends with [`Error::AllowanceUsed`]. Returns after the file is flushed. Cancel-safe: what has come
    /// stays.
    fn fetch(&self, file: &FeedFile, path: &Path, allowance: u64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Opens a fetched file. Blocks while its first line is read; every further line is decoded as it is asked for.
    fn open(&self, path: &Path) -> Result<FeedLines, Error>;

    /// Hands visits over; one receipt per visit, in any order. If the answer does not come, the visits may have arrived all the same.
    fn deliver(&self, install: Uuid, visits: &[Visit]) -> impl Future<Output = Result<Vec<Receipt>, Error>> + Send;

    /// Tells the province how this station stands, and hears how the province sees it. If the answer does not come, the same is said again.
    fn contact(&self, _hello: &Hello) -> impl Future<Output = Result<Greeting, Error>> + Send {
        async { Err(Error::Gone) }
    }

    /// Asks for one person. Nothing is changed by asking.
    fn look_up(&self, _wanted: &Wanted) -> impl Future<Output = Result<Answered, Error>> + Send {
        async { Err(Error::Gone) }
    }

    /// Hands over rechecked visits. Repeating it changes nothing.
    fn report(&self, _install: Uuid, _rechecks: &[Recheck]) -> impl Future<Output = Result<(), Error>> + Send {
        async { Err(Error::Gone) }
    }

    /// The life of the certificate shown to the province; `None` where none is needed.
    fn certificate(&self) -> Option<CertificateLife> {
        None
    }

    /// Has the certificate renewed for the same key, and uses the new one from then on. Returns after the new one is on the disk.
    fn renew(&self, _install: Uuid) -> impl Future<Output = Result<(), Error>> + Send {
        async { Err(Error::Gone) }
    }

    /// Bytes that have gone over the link since the start, both ways, TLS left out.
    fn traffic(&self) -> u64 {
        0
    }
}

/// What a remote end may give this station to keep beside its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFile {
    /// The station's client certificate, PEM.
    Certificate,
    /// The base64 line of the key that signs the index.
    IndexKey,
}

/// Who can replace those files.
pub trait KeyKeeper: Send + Sync {
    /// Replaces a file, whole or not at all, and returns after it is flushed. Blocks.
    fn keep(&self, file: KeyFile, content: &str) -> Result<(), io::Error>;
}

/// The time to judge the other side's certificate by: never the raw wall clock, which may be years off.
pub type JudgedTime = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// From when until when a certificate is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateLife {
    /// First instant.
    pub not_before: DateTime<Utc>,
    /// Last instant.
    pub not_after: DateTime<Utc>,
}

/// What went wrong at the remote end, sorted by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke off: wait and try again.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The other side could not prove that it is the province, or did not take our proof. Wait; if it lasts, an administrator has to look.
    #[error("server or station could not prove who they are ({})", why.code())]
    Untrusted {
        /// Who could not.
        why: Distrust,
        /// What TLS said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something answered that is not the province: a login page of the network, or the wrong address. Wait; an administrator may have to look.
    #[error("what answered is not the province: {0}")]
    Stranger(&'static str),
    /// The server is busy: wait at least this long.
    #[error("the server is busy")]
    Throttled(Option<Duration>),
    /// The server failed, perhaps after storing: send the same again later.
    #[error("the server failed with status {0}")]
    Failed(u16),
    /// Our certificate or code is not accepted: an administrator has to act.
    #[error("the server refuses this station ({0})")]
    Refused(Refusal),
    /// The batch is too large: send less at once.
    #[error("the server takes no batch of this size")]
    TooLarge,
    /// The file is not offered any more, or this is not offered at all: take the index again, or do without.
    #[error("the server does not have it")]
    Gone,
    /// What may go over the link today has gone: the rest tomorrow.
    #[error("the bytes allowed for the day are used up")]
    AllowanceUsed,
    /// The server broke the protocol: keep what we have and report it.
    #[error("the server broke the protocol: {0}")]
    Contract(#[from] Fault),
    /// Our own disk failed.
    #[error("a fetched file cannot be kept")]
    Disk(#[source] io::Error),
    /// Keys, certificate or address cannot be used: an administrator has to act.
    #[error("the province's keys cannot be used: {0}")]
    Keys(&'static str),
}

/// Why server and station did not come to trust each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distrust {
    /// Another server answered: a network's log-in, somebody who listens, or a certificate that is not from the province's authority.
    OtherServer,
    /// The province's certificate has ended, or our clock is far ahead.
    ServerExpired,
    /// Our certificate has ended.
    OurCertificateExpired,
    /// Our certificate is not accepted.
    OurCertificateRefused,
    /// TLS failed, and it did not say at whom.
    Unclear,
}

impl Distrust {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherServer => "other_server",
            Self::ServerExpired => "server_expired",
            Self::OurCertificateExpired => "our_certificate_expired",
            Self::OurCertificateRefused => "our_certificate_refused",
            Self::Unclear => "unclear",
        }
    }
}

/// The stable code with which the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<str>);

impl Refusal {
    /// Takes the server's code if it looks like one; a server's text is not repeated.
    pub fn new(code: &str) -> Self {
        let fits = (1..=40).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Self(if fits { code } else { "unnamed" }.into())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error {
    /// Whether the other side may have done what it was asked, although its answer is none: what was asked has to be asked again before anybody
    /// builds on its not having been done.
    pub fn leaves_open(&self) -> bool {
        match self {
            Self::Unreachable(source) | Self::Untrusted { source, .. } => !is_about_connecting(source.as_ref()),
            Self::Stranger(_) | Self::Failed(_) => true,
            Self::Contract(fault) => !matches!(fault, Fault::Request | Fault::UnknownFormat),
            Self::Throttled(_) | Self::Refused(_) | Self::TooLarge | Self::Gone | Self::AllowanceUsed | Self::Disk(_) | Self::Keys(_) => {
                false
            }
        }
    }

    /// Whether a request broke off, or was given up, when it was under way: then it may have been too large for the link. A connection that did not come
    /// about says nothing about that.
    pub fn is_cut_short(&self) -> bool {
        let Self::Unreachable(source) = self else { return false };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&**source);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<reqwest::Error>() {
                return !error.is_connect();
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return matches!(
                    error.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
                );
            }
            cause = error.source();
        }
        false
    }
}

/// Whether nothing was sent, because no connection came about.
fn is_about_connecting(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return error.is_connect();
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
            );
        }
        cause = error.source();
    }
    false
}

/// The time by which a time keeper judges.
pub fn judged_by(time: &TimeKeeper) -> JudgedTime {
    let time = time.clone();
    Arc::new(move || time.now().at)
}

/// How the server broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The index is not signed by the province's key.
    #[error("the signature of the index does not fit")]
    Signature,
    /// The index cannot be read.
    #[error("the index cannot be read")]
    Index,
    /// The answer to a contact or to a question cannot be read.
    #[error("an answer cannot be read")]
    Answer,
    /// The certificate that we were given is not one for our key.
    #[error("a certificate that is not ours")]
    Certificate,
    /// The index is for another station.
    #[error("the index is for another station")]
    OtherStation,
    /// The index or a file has a format, or the server a protocol, that this program does not know.
    #[error("a format that this program does not know")]
    UnknownFormat,
    /// A file has another size or digest than the index says.
    #[error("a file is not the one the index names")]
    Digest,
    /// A file is larger than the protocol allows.
    #[error("a file is too large")]
    TooLarge,
    /// A part of a file came that was not asked for.
    #[error("a part of a file that was not asked for")]
    Range,
    /// A file is not sealed to this station's key.
    #[error("a file cannot be unsealed with this station's key")]
    Sealed,
    /// A file breaks off or cannot be unpacked.
    #[error("a file cannot be unpacked")]
    Packed,
    /// A line of a file cannot be read.
    #[error("line {0} of a file cannot be read")]
    Line(u64),
    /// A request was called malformed.
    #[error("our request was called malformed")]
    Request,
    /// The answer to visits cannot be read.
    #[error("the receipts cannot be read")]
    Receipts,
    /// The keys that follow each other do not.
    #[error("the chain of keys cannot be followed")]
    KeyChain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_may_have_been_lost_leaves_open_what_was_done() {
        let lost = || Box::new(io::Error::from(io::ErrorKind::UnexpectedEof));
        for open in [
            Error::Unreachable(lost()),
            Error::Untrusted { why: Distrust::Unclear, source: lost() },
            Error::Failed(500),
            Error::Stranger("a web page"),
            Fault::Answer.into(),
            Fault::OtherStation.into(),
        ] {
            assert!(open.leaves_open(), "{open:?}");
        }
        for settled in [
            Error::Throttled(None),
            Error::Refused(Refusal::new("used_code")),
            Error::TooLarge,
            Error::Gone,
            Error::Keys("the station's key is not PEM"),
            Fault::Request.into(),
            Fault::UnknownFormat.into(),
        ] {
            assert!(!settled.leaves_open(), "{settled:?}");
        }
    }
}
