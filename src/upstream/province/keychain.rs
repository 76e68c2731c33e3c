//! The key that signs the index, and how another one follows it.
//!
//! Promise: a key is taken only on the word of the one it follows, from the one this station has held since its enrolment on, so that rotations
//! missed while it was away are made up for; a step that does not fit ends in an error and no key. Never: more than sixteen steps at once, a way
//! back to a key that was left, a trusted key read from where its successors come from.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minisign_verify::PublicKey;
use minisign_verify::Signature;
use serde::Deserialize;

use super::wire;
use crate::domain::roster::hex;
use crate::upstream::Fault;

/// Most steps taken at once. Whoever missed more takes the rest the next time.
pub const MOST_STEPS: usize = 16;
/// Largest statement or signature read.
pub const MAX_STATEMENT: usize = 4 << 10;

/// A public key of the province's, with the id that minisign gives it.
#[derive(Clone)]
pub struct IndexKey {
    line: Box<str>,
    id: Box<str>,
    key: PublicKey,
}

impl core::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IndexKey({})", self.id)
    }
}

impl IndexKey {
    /// Reads the base64 line; `None` if it is not one.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let key = PublicKey::from_base64(line).ok()?;
        Some(Self { line: line.into(), id: key_id(line)?.into(), key })
    }

    /// The base64 line, as it is kept.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Sixteen lower-case hex digits: minisign's eight bytes as they stand in the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// For whoever verifies with it.
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// Whether this key signed these bytes.
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<(), Fault> {
        let signature = Signature::decode(signature).map_err(|_| Fault::Signature)?;
        self.key.verify(bytes, &signature, false).map_err(|_| Fault::Signature)
    }
}

/// The eight bytes behind the two of the algorithm, in keys and in signatures alike.
fn id_in(base64: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(base64.trim()).ok()?;
    bytes.get(2..10).map(hex)
}

/// The id of a public key's base64 line.
pub fn key_id(line: &str) -> Option<String> {
    id_in(line)
}

/// The id of the key that a signature says it was made with. Proves nothing: it tells another province's signature from a damaged one.
pub fn signer(signature: &str) -> Option<String> {
    id_in(signature.lines().nth(1)?)
}

#[derive(Deserialize)]
struct Statement {
    format: u32,
    after: String,
    index_public_key: String,
}

/// The key that follows `key`, by a statement that `key` signed.
pub fn successor(statement: &[u8], signature: &str, key: &IndexKey) -> Result<IndexKey, Fault> {
    key.verify(statement, signature)?;
    let statement: Statement = serde_json::from_slice(statement).map_err(|_| Fault::KeyChain)?;
    if statement.format != wire::FORMAT {
        return Err(Fault::UnknownFormat);
    }
    // What an older key signed was said of that one.
    if statement.after != key.id() {
        return Err(Fault::KeyChain);
    }
    IndexKey::parse(&statement.index_public_key).ok_or(Fault::KeyChain)
}

/// Follows a key to the newest that can be reached. `fetch` gives the statement about the successor of the key with this id, and its signature, or
/// `None` where it has none. A result other than `key` is for the caller to keep.
pub async fn follow<E, F>(key: IndexKey, mut fetch: impl FnMut(String) -> F) -> Result<IndexKey, E>
where
    E: From<Fault>,
    F: Future<Output = Result<Option<(Vec<u8>, String)>, E>>,
{
    let (mut key, mut left) = (key, BTreeSet::new());
    for _ in 0..MOST_STEPS {
        let Some((statement, signature)) = fetch(key.id().to_owned()).await? else { break };
        let next = successor(&statement, &signature, &key)?;
        left.insert(key.line);
        if left.contains(&next.line) {
            return Err(Fault::KeyChain.into());
        }
        key = next;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: &[u8] = include_bytes!("../../../tests/fixtures/wire/key-successor.json");
    const SIGNATURE: &str = include_str!("../../../tests/fixtures/wire/key-successor.json.minisig");
    const FIRST: &str = include_str!("../../../tests/fixtures/wire/key-before.pub");

    fn first() -> IndexKey {
        IndexKey::parse(FIRST).unwrap()
    }

    #[test]
    fn the_example_is_followed() {
        assert_eq!(first().id(), "19df70873b58327a");
        let next = successor(STATEMENT, SIGNATURE, &first()).unwrap();
        assert_ne!(next.id(), first().id());
        assert_eq!(key_id(next.line()).as_deref(), Some(next.id()));
        assert_eq!(signer(SIGNATURE).as_deref(), Some(first().id()));
    }

    #[test]
    fn no_flipped_byte_of_a_statement_or_its_signature_is_believed() {
        for at in 0..STATEMENT.len() {
            let mut changed = STATEMENT.to_vec();
            changed[at] ^= 1;
            assert_eq!(successor(&changed, SIGNATURE, &first()).unwrap_err(), Fault::Signature, "byte {at}");
        }
        let untrusted = SIGNATURE.find('\n').unwrap();
        for at in (untrusted + 1)..SIGNATURE.trim_end().len() {
            let mut changed = SIGNATURE.as_bytes().to_vec();
            changed[at] ^= 1;
            // What is no text is not shown to the verifier; the line ends between the parts are none of them.
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(successor(STATEMENT, &changed, &first()).is_err(), "byte {at}: {changed}");
        }
        let other = successor(STATEMENT, SIGNATURE, &first()).unwrap();
        assert_eq!(successor(STATEMENT, SIGNATURE, &other).unwrap_err(), Fault::Signature, "said by another key");
    }

    fn statement() -> (Vec<u8>, String) {
        (STATEMENT.to_vec(), SIGNATURE.to_owned())
    }

    #[tokio::test]
    async fn a_chain_is_followed_to_its_end() {
        let asked = std::sync::Mutex::new(Vec::new());
        let newest = follow(first(), async |id: String| {
            let known = id == first().id();
            asked.lock().unwrap().push(id);
            Ok::<_, Fault>(known.then(statement))
        });
        let newest = newest.await.unwrap();
        assert_eq!(*asked.lock().unwrap(), [first().id(), newest.id()]);
        let held = follow(first(), async |_: String| Ok::<_, Fault>(None)).await.unwrap();
        assert_eq!(held.line(), first().line(), "nobody followed it");
        // Whoever answers every question with the same statement has signed nothing of the second key.
        assert_eq!(follow(first(), async |_: String| Ok::<_, Fault>(Some(statement()))).await.unwrap_err(), Fault::Signature);
    }

    /// Made-up keys, and what they say of each other.
    struct Made(Vec<minisign::KeyPair>);

    impl Made {
        fn new(count: usize) -> Self {
            Self((0..count).map(|_| minisign::KeyPair::generate_unencrypted_keypair().unwrap()).collect())
        }

        fn key(&self, at: usize) -> IndexKey {
            IndexKey::parse(&self.0[at].pk.to_base64()).unwrap()
        }

        fn says(&self, by: usize, text: &str) -> (Vec<u8>, String) {
            let signature = minisign::sign(None, &self.0[by].sk, text.as_bytes(), None, None).unwrap();
            (text.as_bytes().to_vec(), signature.to_string())
        }

        /// That one key follows another; `ring`: and the first the last.
        fn follows(&self, id: &str, ring: bool) -> Option<(Vec<u8>, String)> {
            let at = (0..self.0.len()).find(|at| self.key(*at).id() == id)?;
            let next = if ring { (at + 1) % self.0.len() } else { at + 1 };
            let line = self.0.get(next)?.pk.to_base64();
            Some(self.says(at, &format!("{{\"format\":1,\"after\":\"{id}\",\"index_public_key\":\"{line}\"}}")))
        }
    }

    #[tokio::test]
    async fn a_ring_of_keys_is_refused_and_a_long_chain_is_followed_in_parts() {
        for length in [1, 2, 5] {
            let made = Made::new(length);
            let followed = follow(made.key(0), async |id: String| Ok::<_, Fault>(made.follows(&id, true)));
            assert_eq!(followed.await.unwrap_err(), Fault::KeyChain, "a ring of {length}");
        }
        let made = Made::new(20);
        let go = async |from| follow(from, async |id: String| Ok::<_, Fault>(made.follows(&id, false))).await.unwrap();
        let sixteenth = go(made.key(0)).await;
        assert_eq!(sixteenth.line(), made.key(MOST_STEPS).line());
        assert_eq!(go(sixteenth).await.line(), made.key(19).line());
    }

    #[test]
    fn a_key_says_who_follows_it_and_nothing_else() {
        let made = Made::new(3);
        let (held, next) = (made.key(0), made.0[1].pk.to_base64());
        let said = |by: usize, format: u32, after: &str, line: &str| {
            let text = format!("{{\"format\":{format},\"after\":\"{after}\",\"index_public_key\":\"{line}\"}}");
            let (statement, signature) = made.says(by, &text);
            successor(&statement, &signature, &held).map(|key| key.line().to_owned())
        };
        assert_eq!(said(0, 1, held.id(), &next).as_ref(), Ok(&next));
        assert_eq!(said(1, 1, held.id(), &next), Err(Fault::Signature), "who would follow says so");
        assert_eq!(said(0, 1, made.key(2).id(), &next), Err(Fault::KeyChain), "of another key");
        assert_eq!(said(0, 2, held.id(), &next), Err(Fault::UnknownFormat));
        assert_eq!(said(0, 1, held.id(), "no key"), Err(Fault::KeyChain));
        let (index, signature) = made.says(0, "{\"format\":1,\"station\":\"99001\"}");
        assert_eq!(successor(&index, &signature, &held).unwrap_err(), Fault::KeyChain, "another signed message is no statement");
    }

    #[test]
    fn what_is_no_key_has_no_id() {
        for line in ["", "RWT", "not base64 at all", "AAAA", &FIRST[1..], &format!("{}AAAA", FIRST.trim())] {
            assert!(IndexKey::parse(line).is_none(), "{line}");
        }
        assert_eq!(signer("one line"), None);
        assert_eq!(signer("a\nRWT\nb"), None);
    }
}
