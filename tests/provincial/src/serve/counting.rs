//! What goes over connections above TLS, counted.
//!
//! Promises: a byte is counted once, when it has been read or handed to TLS; what passes is not changed. Must never keep a byte.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts of all connections. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<[AtomicU64; 2]>);

impl Counts {
    /// Bytes that came, and bytes that went.
    pub(crate) fn read(&self) -> (u64, u64) {
        let [came, went] = &*self.0;
        (came.load(Ordering::SeqCst), went.load(Ordering::SeqCst))
    }

    /// The same stream, counted.
    pub(super) fn of<S>(self, stream: S) -> Counting<S> {
        Counting { stream, counts: self }
    }

    fn add(&self, which: usize, bytes: usize) {
        self.0[which].fetch_add(bytes as u64, Ordering::SeqCst);
    }
}

const CAME: usize = 0;
const WENT: usize = 1;

/// A stream whose bytes are counted.
pub(super) struct Counting<S> {
    stream: S,
    counts: Counts,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.counts.add(CAME, buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.counts.add(WENT, written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, bytes))?;
        self.counts.add(WENT, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
