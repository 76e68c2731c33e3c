//! Whether the station's record can be read and written, for systemd's watchdog.
//!
//! Promise: the answer comes from the databases themselves: a read, and an errand of nothing through the thread that writes. Never: a sign of life while the
//! thread that saves visits has not come back for [`PATIENCE`].

use core::time::Duration;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::time::Instant;

use crate::storage::visits::VisitStore;

/// So long the writer may be at one piece of work. A worn card may stall for many seconds, and a large file that is cleaned for a minute; a restart would
/// only make the desk wait for the same disk.
const PATIENCE: Duration = Duration::from_mins(3);

/// Asks for signs of life.
pub(super) struct Life {
    visits: VisitStore,
    writer: Turns,
}

impl Life {
    pub(super) fn of(visits: VisitStore) -> Self {
        Self { visits, writer: Turns::default() }
    }

    pub(super) async fn is_there(&self) -> bool {
        let visits = self.visits.clone();
        self.visits.install_id().await.is_ok() && self.writer.come_back(Instant::now(), async move { visits.turn().await })
    }
}

/// Since when a turn has been owed.
#[derive(Default)]
struct Turns {
    owed: Arc<Mutex<Option<Instant>>>,
}

impl Turns {
    /// Asks for a turn, unless one is still owed; whether none has been owed for too long.
    fn come_back(&self, now: Instant, turn: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = *owed {
            return now.saturating_duration_since(since) < PATIENCE;
        }
        *owed = Some(now);
        let ended = Arc::clone(&self.owed);
        tokio::spawn(async move {
            turn.await;
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = None;
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;
    use core::future::ready;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn f19_a_writer_that_does_not_come_back_gives_no_sign_of_life_once_patience_is_over() {
        let (turns, began) = (Turns::default(), Instant::now());
        assert!(turns.come_back(began, pending()));
        assert!(turns.come_back(began + PATIENCE / 2, ready(())), "it may be at a large piece of work");
        assert!(!turns.come_back(began + PATIENCE, ready(())), "nothing came back, and nothing more is asked");
    }

    #[tokio::test]
    async fn one_that_comes_back_is_asked_again_and_again() {
        let (turns, began) = (Turns::default(), Instant::now());
        for times in 0..3 {
            assert!(turns.come_back(began + PATIENCE * times, ready(())));
            while turns.owed.lock().unwrap().is_some() {
                yield_now().await;
            }
        }
    }
}
