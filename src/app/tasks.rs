//! What runs as long as the agent.
//!
//! Promise: every task owns the stop token; one that ends unasked stops all the others, and its name is told. Never: a task that nobody waits for.

use std::io;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::AppError;

/// The tasks, and what stops them.
pub(super) struct Tasks {
    running: JoinSet<(&'static str, Option<io::Error>)>,
    stop: CancellationToken,
}

impl Tasks {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { running: JoinSet::new(), stop }
    }

    /// One that has nothing to fail at.
    pub(super) fn run<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stop.clone());
        self.running.spawn(async move {
            task.await;
            (name, None)
        });
    }

    /// One that may have to give up.
    pub(super) fn serve<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let task = task(self.stop.clone());
        self.running.spawn(async move { (name, task.await.err()) });
    }

    /// Waits until all have ended; an error if one did so unasked.
    pub(super) async fn ended(mut self) -> Result<(), AppError> {
        let mut outcome = Ok(());
        while let Some(ended) = self.running.join_next().await {
            // A panic aborts the process in a release; in a test it shows here.
            let (task, error) = ended.unwrap_or(("panicked", None));
            if !self.stop.is_cancelled() {
                tracing::error!(name: "service.task-ended", task, ?error, "a task ended unasked: stopping, to be started anew as a whole");
                outcome = Err(AppError::TaskEnded(task));
                self.stop.cancel();
            }
        }
        outcome
    }
}
