//! The command line's side of the control socket.
//!
//! Promise: a daemon that is not there is told apart from one that failed, and from one that broke off in the middle, so that whoever asked can ask
//! again with the same identity. Never: a wait without an end.

use core::time::Duration;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::time;

use super::contract::ErrorBody;
use super::contract::Request;

/// Longest wait for an answer: a `sync_now` over a thin link, and a little.
const LONGEST_WAIT: Duration = Duration::from_secs(150);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No daemon listens there.
    #[error("the daemon is not running")]
    NotRunning,
    /// The socket belongs to somebody else.
    #[error("the control socket may not be opened")]
    NotAllowed,
    /// The daemon's own answer.
    #[error("the daemon answered with an error")]
    Answer(ErrorBody),
    /// The connection broke off, or the answer made no sense.
    #[error("the daemon did not answer")]
    Broken(#[source] io::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Value),
    Error(ErrorBody),
}

/// Asks one question.
pub async fn ask(socket: &Path, request: &Request) -> Result<Value, ControlError> {
    match time::timeout(LONGEST_WAIT, ask_once(socket, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(ControlError::Broken(io::ErrorKind::TimedOut.into())),
    }
}

async fn ask_once(socket: &Path, request: &Request) -> Result<Value, ControlError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning,
        io::ErrorKind::PermissionDenied => ControlError::NotAllowed,
        _ => ControlError::Broken(error),
    })?;
    let (read, mut write) = stream.into_split();
    let mut question = serde_json::to_string(request).map_err(|error| ControlError::Broken(error.into()))?;
    question.push('\n');
    write.write_all(question.as_bytes()).await.map_err(ControlError::Broken)?;
    let mut line = String::new();
    let length = BufReader::new(read).read_line(&mut line).await.map_err(ControlError::Broken)?;
    if length == 0 {
        return Err(ControlError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    match serde_json::from_str(&line).map_err(|error| ControlError::Broken(error.into()))? {
        Answer::Ok(value) => Ok(value),
        Answer::Error(error) => Err(ControlError::Answer(error)),
    }
}
