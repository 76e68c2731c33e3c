//! The remote ends, client side, in domain words.
//!
//! Promise: whoever calls sees visits, an index and feed lines, never a status code or JSON; what comes back has been verified or is an error
//! sorted by what the caller can do. Never: storage, a retry, a decision.

pub mod province;

use std::io;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::roster::FeedFile;
use crate::domain::roster::FeedLines;
use crate::domain::roster::Index;
use crate::domain::visit::Receipt;
use crate::domain::visit::Visit;

/// The province as the sync engine needs it. Faked only where a real server cannot be made to misbehave.
pub trait ProvincialServer: Send + Sync + 'static {
    /// The verified index. Cancel-safe.
    fn index(&self) -> impl Future<Output = Result<Index, Error>> + Send;

    /// Brings a sealed file to `path`, verified by size and digest. What an earlier attempt left there is continued. Returns after the file is
    /// flushed. Cancel-safe: what has come stays.
    fn fetch(&self, file: &FeedFile, path: &Path) -> impl Future<Output = Result<(), Error>> + Send;

    /// Opens a fetched file. Blocks while its first line is read; every further line is decoded as it is asked for.
    fn open(&self, path: &Path) -> Result<FeedLines, Error>;

    /// Hands visits over; one receipt per visit, in any order. If the answer does not come, the visits may have arrived all the same.
    fn deliver(&self, install: Uuid, visits: &[Visit]) -> impl Future<Output = Result<Vec<Receipt>, Error>> + Send;
}

/// What went wrong at the remote end, sorted by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke off: wait and try again.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The other side could not prove that it is the province, or did not take our proof: another network's log-in, a wrong clock, a changed or
    /// expired certificate. Wait; if it lasts, an administrator has to look.
    #[error("server or station could not prove who they are")]
    Untrusted(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// The file is not offered any more: take the index again.
    #[error("the server no longer has the file")]
    Gone,
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

/// The stable code with which the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<str>);

impl Refusal {
    /// Takes the server's code if it looks like one; a server's text is not repeated.
    pub fn new(code: &str) -> Self {
        let fits = (1..=40).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Self(if fits { code } else { "unnamed" }.into())
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
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
}
