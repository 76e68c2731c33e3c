//! The threads of stores that a test opened, waited for before the test's own thread ends.
//!
//! Promise: a test program does not exit while one of them closes a database, which would tear the library down under it (it crashed so, now and
//! then). They are waited for after the test's runtime is gone, and with it every handle its tasks held. Never: a wait inside a test.

use std::cell::RefCell;
use std::thread::JoinHandle;

struct Awaited(Vec<JoinHandle<()>>);

impl Drop for Awaited {
    fn drop(&mut self) {
        for writer in self.0.drain(..) {
            // A writer that panicked has told so.
            let _ = writer.join();
        }
    }
}

thread_local! {
    static AWAITED: RefCell<Awaited> = const { RefCell::new(Awaited(Vec::new())) };
}

/// A store's thread that is waited for when the test's own ends, unless it was joined before.
pub(crate) struct Writer(Option<JoinHandle<()>>);

impl Writer {
    pub(crate) fn of(thread: JoinHandle<()>) -> Self {
        Self(Some(thread))
    }

    /// Waits for it now.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.0.take() {
            thread.join().expect("a writer that did not panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            AWAITED.with_borrow_mut(|awaited| awaited.0.push(thread));
        }
    }
}
