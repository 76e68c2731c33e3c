//! The daemon's side of the control socket.
//!
//! Promise: one answer line per question line; the socket is its owner's alone (0600, made before it can be reached); connections, lines and silence are
//! bounded. Never: an answer "saved" before the disk has it.

mod lists;
mod visits;

use core::time::Duration;
use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::contract;
use super::contract::ErrorBody;
use super::contract::Request;
use super::errand;
use super::keeping;
use super::metrics;
use super::metrics::Facts;
use super::operators;
use super::running;
use super::running::Running;
use crate::desk::Answer;
use crate::desk::CheckInError;
use crate::desk::Desk;
use crate::desk::Desks;
use crate::desk::Errands;
use crate::desk::LookUpError;
use crate::desk::errands::Named;
use crate::desk::notices;
use crate::desk::words;
use crate::desk::words::Sentence;
use crate::domain::visit::VisitId;
use crate::storage;

/// Questions answered at once.
const CONNECTIONS: usize = 16;
/// Longest question: the longest scan, escaped.
const LONGEST_LINE: u64 = 32 << 10;
/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_mins(1);
/// Longest wait for both directions before saying how things stand.
const SYNC_WAIT: Duration = Duration::from_mins(2);
/// Longest wait for the province's answer about one person.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Most visits of one answer.
pub const LONGEST_LIST: usize = 1000;
/// What is under way may take so long to end at a stop.
const DRAIN: Duration = Duration::from_secs(3);

/// A bound socket. Its file goes with it.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Binds the socket under a name of its own, closes it to others, and only then gives it its name. A socket left by a killed daemon is replaced; one that
    /// answers is another daemon's.
    pub async fn bind(path: &Path) -> io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers on this socket"));
        }
        let beside = beside(path);
        for taken in [path, &beside] {
            remove_socket(taken)?;
        }
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, Permissions::from_mode(0o600))?;
        fs::rename(&beside, path)?;
        Ok(Self { listener, path: path.to_owned() })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // A left-over is replaced at the next start.
        let _ = remove_socket(&self.path);
    }
}

/// Where the socket is made before it gets its name.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Removes a socket that nobody listens on any more. Anything else under that name is somebody's file, and stays.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file in its place that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the daemon answers from.
#[derive(Clone)]
pub struct Control {
    desk: Desk,
    quarantined: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    errands: Option<Errands>,
    desks: Option<Desks>,
    running: Option<Arc<dyn Fn() -> Running + Send + Sync>>,
}

impl Control {
    /// `quarantined` lists databases that were set aside.
    pub fn new(desk: Desk, quarantined: Arc<dyn Fn() -> Vec<String> + Send + Sync>) -> Self {
        Self { desk, quarantined, errands: None, desks: None, running: None }
    }

    /// The same with somebody who holds the keys.
    #[must_use]
    pub fn with_errands(self, errands: Errands) -> Self {
        Self { errands: Some(errands), ..self }
    }

    /// The same with the station's other desks.
    #[must_use]
    pub fn with_desks(self, desks: Desks) -> Self {
        Self { desks: Some(desks), ..self }
    }

    /// The same with whoever knows the process and its configuration.
    #[must_use]
    pub fn with_running(self, running: Arc<dyn Fn() -> Running + Send + Sync>) -> Self {
        Self { running: Some(running), ..self }
    }

    /// The figures of a monitoring program, as [`metrics::CONTENT_TYPE`] has them.
    pub async fn metrics(&self) -> String {
        let (overview, quarantined) = (self.desk.current().overview(), (self.quarantined)());
        let running = self.running.as_ref().map(|look| look());
        let mut told = notices::of(&overview, &quarantined);
        told.extend(running.iter().flat_map(|running| running.notices()));
        let desks = match &self.desks {
            Some(desks) => desks.all().await.ok().map(|desks| desks.len()),
            None => None,
        };
        let ahead = (self.desk.time().reading().wall - overview.now.at).as_seconds_f64();
        metrics::text(&Facts {
            overview: &overview,
            notices: &told,
            acts: self.desk.acts().collect(),
            quarantined: quarantined.len(),
            desks,
            // Against a floor nothing can be measured; what passes between the two looks is no difference.
            clock_ahead: (!overview.now.state.is_suspect()).then_some(if ahead.abs() < 1.0 { 0.0 } else { ahead.round() }),
            running: running.as_ref(),
        })
    }

    /// The same by the configuration in force now.
    fn current(&self) -> Self {
        Self { desk: self.desk.current(), ..self.clone() }
    }

    fn desks(&self) -> Result<&Desks, ErrorBody> {
        self.desks.as_ref().ok_or_else(|| ErrorBody::said("not_available", words::service::not_available()))
    }

    fn errands(&self) -> Result<&Errands, ErrorBody> {
        self.errands.as_ref().ok_or_else(|| ErrorBody::said("not_available", words::service::not_available()))
    }

    /// Answers until stopped.
    pub async fn serve(self, socket: ControlSocket, stop: CancellationToken) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let Some(permit) = stop.run_until_cancelled(Arc::clone(&room).acquire_owned()).await else { break };
            let Some(accepted) = stop.run_until_cancelled(socket.listener.accept()).await else { break };
            let (control, stop) = (self.clone(), stop.clone());
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(async move {
                        let _permit = permit;
                        if let Err(error) = control.converse(stream, &stop).await {
                            tracing::debug!(%error, "a control connection ended");
                        }
                    });
                }
                // Out of descriptors, most likely: others will be given back.
                Err(error) => {
                    tracing::warn!(name: "control.accept-failed", %error, "a control connection could not be accepted");
                    time::sleep(Duration::from_millis(200)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        let drained = async { while connections.join_next().await.is_some() {} };
        if time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!(name: "service.slow-stop", "control connections were cut off at the stop");
        }
        Ok(())
    }

    async fn converse(&self, stream: UnixStream, stop: &CancellationToken) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut read).take(LONGEST_LINE);
            let question = time::timeout(SILENCE, bounded.read_until(b'\n', &mut line));
            // Silence, a stop, a line without its end, or the other side gone: nothing to answer.
            let Some(Ok(_length)) = stop.run_until_cancelled(question).await else { return Ok(()) };
            if !line.ends_with(b"\n") {
                return Ok(());
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(request) => self.current().answer(request).await,
                Err(_) => Err(ErrorBody::said("malformed", words::service::malformed())),
            };
            let answer = match answer {
                Ok(answer) => json!({ "ok": answer }),
                Err(error) => json!({ "error": error }),
            };
            let mut text = answer.to_string();
            text.push('\n');
            // Who asks and does not listen must not keep a place.
            match time::timeout(SILENCE, write.write_all(text.as_bytes())).await {
                Ok(written) => written?,
                Err(_) => return Ok(()),
            }
        }
    }

    async fn answer(&self, request: Request) -> Result<Value, ErrorBody> {
        match request {
            Request::Lookup { text, wait } => {
                let mut shown = match self.desk.ask(&text).await.map_err(|error| refused(&error))? {
                    Answer::Verdict(lookup) => *lookup,
                    Answer::Candidates(found) => return Ok(contract::candidates::candidates(&found)),
                };
                if wait {
                    shown = self.desk.improved(shown, ANSWER_WAIT).await.map_err(|error| not_read(&error))?;
                }
                let question = self.desk.question(&shown);
                Ok(contract::lookup_and(&shown, question))
            }
            Request::CheckIn { text, visit_id } => {
                let mut shown = self.desk.look_up(&text).await.map_err(|error| refused(&error))?;
                shown.visit_id = VisitId(visit_id);
                loop {
                    match self.desk.check_in(&shown).await {
                        Ok(saved) => return Ok(contract::checked_in(&saved, &shown)),
                        // Midnight, or another desk's visit, fell between the two: what is answered is what is saved.
                        Err(CheckInError::NewDay(again) | CheckInError::Meanwhile { again, .. }) => shown = *again,
                        Err(CheckInError::NotOffered(refused)) => {
                            return Err(ErrorBody::said(
                                "malformed",
                                Sentence::of_both(|words| words.visits.not_offered(refused).to_string()),
                            ));
                        }
                        Err(CheckInError::Storage(error)) => return Err(not_saved(&error)),
                    }
                }
            }
            Request::Status => Ok(self.status()),
            Request::Metrics => Ok(json!({ "content_type": metrics::CONTENT_TYPE, "text": self.metrics().await })),
            Request::ReloadKeys => errand::reload(self.errands()?).await,
            Request::ReplaceMachine { code } => errand::replace(self.errands()?, code).await,
            Request::CarryOut { dir } => errand::carry_out(&self.desk, self.errands()?, dir).await,
            Request::CarryIn { dir } => errand::carry_in(&self.desk, self.errands()?, dir).await,
            Request::BackUp { folder, place } => {
                errand::back_up(&self.desk, self.errands()?, folder.map(|path| Named { path, place })).await
            }
            Request::AcceptRoster => match self.desk.accept_held().await {
                Ok(was_held) => Ok(errand::accepted(was_held, true)),
                Err(source) => Err(ErrorBody::said(source.code(), words::cannot_open(&source))),
            },
            Request::SyncNow => {
                if let Some(errands) = &self.errands {
                    errands.reload(false).await?;
                }
                let finished = time::timeout(SYNC_WAIT, self.desk.sync_now()).await.is_ok();
                let mut status = self.status();
                status["finished"] = finished.into();
                Ok(status)
            }
            Request::Outbox { limit } => {
                let visits = self.desk.undelivered(limit.min(LONGEST_LIST)).await.map_err(|error| not_read(&error))?;
                Ok(contract::outbox(&visits))
            }
            Request::Renewals => lists::renewals(&self.desk).await,
            Request::Coverage => lists::coverage(&self.desk).await,
            Request::Desks => Ok(contract::desks::desks(&self.desks()?.all().await.map_err(|error| not_read(&error))?)),
            Request::RevokeDesk { number } => match self.desk.revoke(self.desks()?, number).await {
                Ok(true) => Ok(json!({ "number": number, "revoked": true })),
                Ok(false) => Err(ErrorBody::said("no_desk", Sentence::of_both(|words| words.desks.no_desk.to_string())).about("number")),
                Err(source) => Err(not_saved(&source)),
            },
            request => match (operators::answer(&self.desk, &request).await, keeping::answer(&self.desk, &request).await) {
                (Some(answer), _) | (None, Some(answer)) => answer,
                (None, None) => visits::answer(&self.desk, request).await,
            },
        }
    }

    fn status(&self) -> Value {
        let station = self.desk.station();
        let status = contract::status(&self.desk.overview(), &(self.quarantined)());
        let mut status = contract::with_rules(status, &station.rules, station.next_rules.as_ref());
        if let Some(running) = &self.running {
            running::add(&mut status, &running());
        }
        status
    }
}

/// Why nothing could be looked up.
pub fn refused(refusal: &LookUpError) -> ErrorBody {
    match refusal {
        LookUpError::Unreadable(unreadable) => (*unreadable).into(),
        LookUpError::Storage(source) => not_read(source),
    }
}

fn not_read(source: &storage::Error) -> ErrorBody {
    tracing::error!(name: "storage.read-failed", error = source as &dyn std::error::Error, "our own files could not be read");
    ErrorBody::said(source.code(), Sentence::of_both(|words| words.problems.not_looked_up(source).to_string()))
}

fn not_saved(source: &storage::Error) -> ErrorBody {
    tracing::error!(name: "visit.not-saved", error = source as &dyn std::error::Error, "a visit could not be saved");
    ErrorBody::said(source.code(), Sentence::of_both(|words| words.problems.not_saved(source).to_string()))
}
