//! Work that takes long and that nobody at the desk waits for.
//!
//! Promise: a thread of its own, below every other of this computer: an answer, and the browser that shows it, come first. Where the kernel does not allow
//! that, the work is done all the same. Never: a thread that somebody else's work is done on afterwards, for it stays below.

use std::thread;

use tokio::sync::oneshot;

use super::error::Error;

/// As much below the others as to get a tenth of what one of them gets, where there is not enough for both.
const BELOW: i32 = 10;

/// Does the work. If the caller goes away it is done to its end.
pub(super) async fn run<R: Send + 'static>(name: &str, work: impl FnOnce() -> Result<R, Error> + Send + 'static) -> Result<R, Error> {
    let (answer, result) = oneshot::channel();
    let body = move || {
        if let Err(error) = rustix::process::nice(BELOW) {
            tracing::debug!(%error, "long work is not put below the rest");
        }
        // A caller that went away does not need its answer.
        let _ = answer.send(work());
    };
    thread::Builder::new().name(name.to_owned()).spawn(body).map_err(Error::file(name, "thread cannot be started"))?;
    result.await.map_err(|_| Error::Stopped)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_work_is_below_the_rest_and_leaves_nobody_there() {
        let own = || rustix::process::getpriority_process(None).map_err(|error| Error::file("nice", "cannot be read")(error.into()));
        let before = own().unwrap();
        assert_eq!(run("test", own).await.unwrap(), before + BELOW);
        assert_eq!(own().unwrap(), before);
        assert_eq!(tokio::task::spawn_blocking(own).await.unwrap().unwrap(), before);
    }
}
