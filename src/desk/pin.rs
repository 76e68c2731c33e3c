//! What is kept of a PIN, and how one is compared with it.
//!
//! Promise: Argon2id with a salt of its own, off the runtime's threads and one at a time, so that however many try, the desk has its memory and its
//! processor. An account that is not there takes as long as one that is. Never: a PIN kept or logged.

use std::sync::Arc;
use std::sync::OnceLock;

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::Version;
use tokio::sync::Semaphore;
use tokio::task;
use zeroize::Zeroizing;

use crate::domain::operator::Pin;
use crate::storage;

/// 19 MiB in two passes, the least that OWASP recommends: about a tenth of a second on a busy shared core, and memory that a cheap computer can spare beside
/// a browser. What a PIN lacks in length is made up for by the wait between tries and by the encryption of the file, not by more of this.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes PINs, one at a time. Clones share the turn.
#[derive(Clone)]
pub(super) struct Pins {
    turn: Arc<Semaphore>,
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Pins {
    pub(super) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)) }
    }

    /// What is kept of a PIN.
    pub(super) async fn hash(&self, pin: Pin) -> Result<String, storage::Error> {
        self.run(move || hash(pin.as_str())).await?.ok_or(storage::Error::Stopped)
    }

    /// Whether a PIN is the one that `kept` is of; `None` is nobody's and takes as long.
    pub(super) async fn fits(&self, pin: Zeroizing<String>, kept: Option<String>) -> Result<bool, storage::Error> {
        static NOBODY: OnceLock<Option<String>> = OnceLock::new();
        self.run(move || {
            let is_somebody = kept.is_some();
            let kept = kept.or_else(|| NOBODY.get_or_init(|| hash("nobody's")).clone()).unwrap_or_default();
            argon2().verify_password(pin.as_bytes(), kept.as_str()).is_ok() && is_somebody
        })
        .await
    }

    async fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, storage::Error> {
        let _turn = self.turn.acquire().await.map_err(|_| storage::Error::Stopped)?;
        task::spawn_blocking(work).await.map_err(|_| storage::Error::Stopped)
    }
}

fn hash(pin: &str) -> Option<String> {
    let salt: [u8; 16] = rand::random();
    argon2().hash_password_with_salt(pin.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pin_fits_its_own_hash_only_and_two_hashes_of_it_differ() {
        let (pins, pin) = (Pins::new(), Pin::parse("246801").unwrap());
        let begun = tokio::time::Instant::now();
        let (one, two) = (pins.hash(pin.clone()).await.unwrap(), pins.hash(pin).await.unwrap());
        println!("two hashes took {:?}", begun.elapsed());
        assert!(one != two && one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        let fits =
            async |text: &str, kept: Option<&str>| pins.fits(Zeroizing::new(text.to_owned()), kept.map(str::to_owned)).await.unwrap();
        assert!(fits("246801", Some(&one)).await && fits("246801", Some(&two)).await);
        for (text, kept) in [("246802", Some(&*one)), ("", Some(&*one)), ("246801", None), ("nobody's", None), ("246801", Some("damaged"))]
        {
            assert!(!fits(text, kept).await, "{text}");
        }
    }
}
