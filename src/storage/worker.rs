//! The thread that owns a write connection.
//!
//! Promise: one writer per database, by construction; callers wait for their answer without blocking the runtime; an answer of success
//! means the commit has returned. After a disk failure, or damage found, the connection is given up and opened and verified anew before anything else is
//! acknowledged. Never: a queue without a bound.

use std::thread;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::error::Error;

/// Callers that may wait at once; more wait to be let in.
const QUEUE: usize = 64;

type Job<T> = Box<dyn FnOnce(&mut Owned<T>) + Send>;

/// What the thread owns: the value, or how to open it again.
struct Owned<T> {
    value: Option<T>,
    open: Box<dyn FnMut() -> Result<T, Error> + Send>,
}

impl<T> Owned<T> {
    fn run<R>(&mut self, job: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        let value = match &mut self.value {
            Some(value) => value,
            none => none.insert((self.open)()?),
        };
        let result = job(value);
        if let Err(Error::Disk(error) | Error::Corrupt(error)) = &result {
            tracing::error!(name: "storage.reopened", %error, "the database is closed; it is opened and verified anew before the next write");
            self.value = None;
        }
        result
    }
}

/// Handle to the thread. Clones share it.
pub(super) struct Worker<T> {
    jobs: mpsc::Sender<Job<T>>,
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Starts the thread with an opened value, or with none, which is then opened before the first job. `open` makes it again after a failure;
    /// `close` runs when the last handle is gone.
    pub(super) fn start(
        name: &str,
        value: Option<T>,
        open: impl FnMut() -> Result<T, Error> + Send + 'static,
        close: impl FnOnce(T) + Send + 'static,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (jobs, mut queue) = mpsc::channel::<Job<T>>(QUEUE);
        let mut owned = Owned { value, open: Box::new(open) };
        let body = move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut owned);
            }
            if let Some(value) = owned.value.take() {
                close(value);
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body).map_err(Error::file(name, "thread cannot be started"))?;
        Ok((Self { jobs }, thread))
    }

    /// Runs a job on the thread and waits for its answer. If the caller goes away the job still runs to its end.
    pub(super) async fn call<R: Send + 'static>(&self, job: impl FnOnce(&mut T) -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
        let (answer, result) = oneshot::channel();
        let boxed: Job<T> = Box::new(move |owned| {
            // A caller that went away does not need its answer; the work is done all the same.
            let _ = answer.send(owned.run(job));
        });
        self.jobs.send(boxed).await.map_err(|_| Error::Stopped)?;
        result.await.map_err(|_| Error::Stopped)?
    }

    /// Has the value opened and verified anew, because of a failure that somebody else met.
    pub(super) async fn verify(&self, failure: rusqlite::Error) -> Result<(), Error> {
        // The failure is the job's answer so that the value is given up; it was dealt with, not met again.
        let _ = self.call(|_| Err::<(), _>(Error::Corrupt(failure))).await;
        self.call(|_| Ok(())).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;

    use super::*;

    #[tokio::test]
    async fn after_a_disk_failure_the_value_is_opened_anew() {
        let opened = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&opened);
        let open = move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(7)
        };
        let (worker, thread) = Worker::start("test", Some(1), open, |_| {}).unwrap();
        assert_eq!(worker.call(|v| Ok(*v)).await.unwrap(), 1);
        let failure = || Error::Disk(rusqlite::Error::InvalidQuery);
        assert!(worker.call(move |_| Err::<(), _>(failure())).await.is_err());
        assert_eq!(opened.load(Ordering::SeqCst), 0, "not before it is needed");
        assert_eq!(worker.call(|v| Ok(*v)).await.unwrap(), 7);
        drop(worker);
        thread.join().unwrap();
    }

    fn started() -> (Worker<Vec<u32>>, JoinHandle<()>, std::sync::mpsc::Receiver<Vec<u32>>) {
        let (closed, told) = std::sync::mpsc::channel();
        let (worker, thread) = Worker::start("test", Some(Vec::new()), || Ok(vec![100]), move |value| closed.send(value).unwrap()).unwrap();
        (worker, thread, told)
    }

    fn push(n: u32) -> impl FnOnce(&mut Vec<u32>) -> Result<(), Error> + Send + 'static {
        move |value| {
            value.push(n);
            Ok(())
        }
    }

    #[tokio::test]
    async fn whatever_is_queued_is_done_before_the_value_is_closed() {
        let (worker, thread, closed) = started();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let worker = worker.clone();
            async move { worker.call(move |_| wait.recv().map_err(|_| Error::Stopped)).await }
        });
        let queued: Vec<_> = (0..10)
            .map(|n| {
                let worker = worker.clone();
                tokio::spawn(async move { worker.call(push(n)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(worker);
        go_on.send(()).unwrap();
        first.await.unwrap().unwrap();
        for call in queued {
            call.await.unwrap().unwrap();
        }
        assert_eq!(closed.recv().unwrap(), (0..10).collect::<Vec<_>>());
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn more_callers_than_the_queue_takes_all_get_their_turn() {
        let (worker, thread, closed) = started();
        let calls: Vec<_> = (0..u32::try_from(QUEUE).unwrap() * 3)
            .map(|n| {
                let worker = worker.clone();
                tokio::spawn(async move { worker.call(push(n)).await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        drop(worker);
        assert_eq!(closed.recv().unwrap().len(), QUEUE * 3);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_value_that_was_given_up_is_not_closed_and_one_that_was_verified_is_another() {
        let (worker, thread, closed) = started();
        worker.call(push(1)).await.unwrap();
        worker.verify(rusqlite::Error::InvalidQuery).await.unwrap();
        assert_eq!(worker.call(|value| Ok(value.clone())).await.unwrap(), [100]);
        let _ = worker.call(|_| Err::<(), _>(Error::Corrupt(rusqlite::Error::InvalidQuery))).await;
        drop(worker);
        thread.join().unwrap();
        assert!(closed.recv().is_err(), "there was nothing to close");
    }

    #[tokio::test]
    async fn a_value_that_is_not_there_yet_is_opened_before_the_first_job() {
        let (worker, thread) = Worker::start("test", None, || Ok(7), |_| {}).unwrap();
        assert_eq!(worker.call(|value| Ok(*value)).await.unwrap(), 7);
        drop(worker);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn other_failures_keep_the_value() {
        let (worker, thread, _closed) = started();
        for error in [Error::Busy, Error::Full, Error::ReadOnly, Error::Bug(rusqlite::Error::InvalidQuery)] {
            assert!(worker.call(move |_| Err::<(), _>(error)).await.is_err());
        }
        assert_eq!(worker.call(|value| Ok(value.clone())).await.unwrap(), Vec::<u32>::new());
        drop(worker);
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn while_it_cannot_be_opened_again_every_call_says_why() {
        let mut attempts = 0;
        let open = move || {
            attempts += 1;
            if attempts < 3 { Err(Error::Full) } else { Ok(attempts) }
        };
        let (worker, thread) = Worker::start("test", Some(0), open, |_| {}).unwrap();
        assert!(matches!(worker.verify(rusqlite::Error::InvalidQuery).await, Err(Error::Full)));
        assert!(matches!(worker.call(|value| Ok(*value)).await, Err(Error::Full)));
        assert_eq!(worker.call(|value| Ok(*value)).await.unwrap(), 3);
        drop(worker);
        thread.join().unwrap();
    }
}
