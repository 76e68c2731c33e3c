//! Sealed files, over a link that breaks.
//!
//! Promise: what has come is kept and continued, with a digest that grows as the bytes come; a flush goes before every byte beyond a multiple of
//! [`PART`], so that after a power cut everything below the last multiple is what came, and no more than one part is asked for twice; within one life
//! of the process nothing that came is asked for again. Size and digest are the index's or the file is refused. Never: a flush or a long reading on a
//! thread that others wait for.

use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use reqwest::StatusCode;
use reqwest::header;
use sha2::Digest;
use sha2::Sha256;
use tokio::task;
use url::Url;

use super::connection::Answer;
use super::connection::Connection;
use crate::domain::roster::FeedFile;
use crate::domain::roster::Sha256Digest;
use crate::upstream::Error;
use crate::upstream::Fault;
use crate::upstream::province::wire;

/// What a pulled plug costs at most.
pub(super) const PART: u64 = 256 << 10;

/// How every sealed file begins: something else is a page or a message, and not the feed's.
const SEALED: &[u8] = b"age-encryption.org/";

/// The part files that this process has written, each with its length and the digest of its bytes so far.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<PathBuf, (u64, Sha256)>>);

/// More than an index ever names at once.
const MOST_PARTS: usize = 32;

impl Parts {
    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, (u64, Sha256)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: &Path, length: u64, digest: Sha256) {
        let mut known = self.known();
        if known.len() >= MOST_PARTS {
            // Forgetting costs a part, and the files behind most of them have gone.
            known.clear();
        }
        known.insert(path.to_owned(), (length, digest));
    }

    /// Opens a part file, or begins it.
    async fn open(&self, path: &Path, file: &FeedFile) -> Result<Part<'_>, Error> {
        let known = self.known().get(path).cloned();
        let (owned, expected) = (path.to_owned(), file.clone());
        let opened = blocking(move || open(&owned, &expected, known)).await?;
        Ok(Part { parts: self, path: path.to_owned(), file: Arc::new(opened.0), length: opened.1, digest: opened.2 })
    }
}

/// Runs what may take long where nobody waits.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    task::spawn_blocking(work).await.map_err(|e| Error::Disk(e.into()))?.map_err(Error::Disk)
}

/// What is certainly on the disk of a file of this length, after a power cut.
pub(super) fn flushed(length: u64) -> u64 {
    length.saturating_sub(1) / PART * PART
}

fn open(path: &Path, expected: &FeedFile, known: Option<(u64, Sha256)>) -> io::Result<(File, u64, Sha256)> {
    let is_new = !path.exists();
    let file = File::options().create(true).read(true).append(true).open(path)?;
    if is_new {
        // The name must outlive a power cut as well as the bytes.
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let length = file.metadata()?.len();
    let is_ours = known.is_some();
    if let Some((_, digest)) = known.filter(|(so_far, _)| *so_far == length && length < expected.bytes) {
        return Ok((file, length, digest));
    }
    let (found, digest) = digest_of(&file, length)?;
    if found > expected.bytes {
        file.set_len(0)?;
        return Ok((file, 0, Sha256::new()));
    }
    // What another life of the process left may have been cut off with the power: beyond the last flush it is what the disk makes of it. A whole file
    // proves itself.
    if is_ours || (found == expected.bytes && finish(&digest) == expected.sha256) {
        return Ok((file, found, digest));
    }
    let kept = flushed(found);
    file.set_len(kept)?;
    let (length, digest) = digest_of(&file, kept)?;
    Ok((file, length, digest))
}

fn finish(digest: &Sha256) -> Sha256Digest {
    Sha256Digest(digest.clone().finalize().into())
}

fn digest_of(file: &File, length: u64) -> io::Result<(u64, Sha256)> {
    let mut reader = file;
    reader.seek(io::SeekFrom::Start(0))?;
    let mut reader = reader.take(length);
    let (mut digest, mut read_so_far, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = reader.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
        read_so_far += count(bytes);
    }
    Ok((read_so_far, digest))
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A part file that is being written. However the writing ends, what it came to is remembered.
struct Part<'a> {
    parts: &'a Parts,
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    digest: Sha256,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.parts.put(&self.path, self.length, self.digest.clone());
    }
}

impl Part<'_> {
    /// Begins again from nothing.
    fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0).map_err(Error::Disk)?;
        (self.length, self.digest) = (0, Sha256::new());
        Ok(())
    }

    /// Adds bytes, flushing before each multiple of [`PART`] is passed.
    async fn add(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.length > 0 && self.length.is_multiple_of(PART) {
                self.flush().await?;
            }
            let room = PART - self.length % PART;
            let (now, later) = bytes.split_at(usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len()));
            (&*self.file).write_all(now).map_err(Error::Disk)?;
            self.digest.update(now);
            self.length += count(now);
            bytes = later;
        }
        Ok(())
    }

    /// A flush may take seconds on a worn card.
    async fn flush(&mut self) -> Result<(), Error> {
        let file = Arc::clone(&self.file);
        let flushed = blocking(move || file.sync_data()).await;
        if flushed.is_err() {
            // After a flush that failed nobody knows what is on the disk, and the next one would not say it again.
            self.restart()?;
        }
        flushed
    }
}

/// Brings a sealed file to `path`.
pub(super) async fn fetch(
    connection: &Connection,
    parts: &Parts,
    url: Url,
    file: &FeedFile,
    path: &Path,
    allowance: u64,
) -> Result<(), Error> {
    if file.bytes > wire::MAX_SEALED {
        return Err(Fault::TooLarge.into());
    }
    let mut part = parts.open(path, file).await?;
    if part.length < file.bytes {
        let received = receive(connection, &mut part, url, file, allowance).await;
        if let Err(Error::Contract(_) | Error::Stranger(_)) = &received
            && part.length == 0
        {
            discard(part)?;
            return received;
        }
        received?;
    }
    if (part.length, finish(&part.digest)) != (file.bytes, file.sha256) {
        discard(part)?;
        return Err(Fault::Digest.into());
    }
    part.flush().await
}

/// Takes a part file away, and what is remembered of it.
fn discard(part: Part<'_>) -> Result<(), Error> {
    let (parts, path) = (part.parts, part.path.clone());
    drop(part);
    parts.known().remove(&path);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Disk(error)),
        _ => Ok(()),
    }
}

async fn receive(connection: &Connection, part: &mut Part<'_>, url: Url, file: &FeedFile, allowance: u64) -> Result<(), Error> {
    if allowance == 0 {
        return Err(Error::AllowanceUsed);
    }
    let mut request = connection.get(url);
    if part.length > 0 {
        // Another content under this name would be sent whole.
        request = request.header(header::RANGE, format!("bytes={}-", part.length));
        request = request.header(header::IF_RANGE, format!("\"{}\"", file.sha256.to_hex()));
    }
    let mut answer = connection.send(request).await?;
    match answer.status() {
        StatusCode::PARTIAL_CONTENT if part.length > 0 => {
            if !is_the_rest(&answer, part.length, file.bytes) {
                // A server that goes on from elsewhere would do it again: the next try asks for the whole.
                part.restart()?;
                return Err(Fault::Range.into());
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            part.restart()?;
            return Err(Fault::Digest.into());
        }
        _ => {
            answer.expect_ok().await?;
            part.restart()?;
        }
    }
    let mut left = allowance;
    while let Some(chunk) = answer.chunk().await? {
        if !continues(part.length, &chunk) {
            part.restart()?;
            return Err(Error::Stranger("a file that is not the feed's"));
        }
        if part.length + count(&chunk) > file.bytes {
            part.restart()?;
            return Err(Fault::Digest.into());
        }
        part.add(&chunk).await?;
        left = left.saturating_sub(count(&chunk));
        if left == 0 && part.length < file.bytes {
            return Err(Error::AllowanceUsed);
        }
    }
    if part.length == 0 {
        return Err(Error::Stranger("an empty answer"));
    }
    Ok(())
}

/// Whether a piece can stand in a sealed file at this place.
fn continues(at: u64, piece: &[u8]) -> bool {
    let expected = usize::try_from(at).ok().and_then(|at| SEALED.get(at..)).unwrap_or_default();
    expected.iter().zip(piece).all(|(expected, found)| expected == found)
}

/// Whether an answer says that it is what is missing, to the end.
fn is_the_rest(answer: &Answer<'_>, from: u64, whole: u64) -> bool {
    let said = answer.header(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    said == Some(&format!("bytes {from}-{}/{whole}", whole.saturating_sub(1)))
}
