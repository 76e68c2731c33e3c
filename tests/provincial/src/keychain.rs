//! The pair that signs the index, and the chain of those that signed it before.
//!
//! Promises: a successor is named by a statement that its predecessor signed, on the disk before the successor signs
//! anything; a rotation that was cut off is the old state or the new one. Must never lose a statement: a station
//! that was away for years asks for the first.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, FixedOffset};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};

use crate::{
    Error,
    keys::write_secret,
    publish::put,
    wire::{FORMAT, KeySuccessor},
};

/// What the index is signed with.
const SECRET: &str = "index.key";
/// The key that is about to be it.
const NEXT: &str = "index.key.next";
/// The public half, for whoever looks.
const PUBLIC: &str = "index.pub";

/// The folder of the keys.
pub(crate) struct KeyChain {
    folder: PathBuf,
}

/// One key.
pub(crate) struct IndexKey {
    secret: SecretKey,
    pub(crate) line: String,
    pub(crate) id: String,
}

impl IndexKey {
    fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::file(path))?;
        let secret = SecretKeyBox::from_string(&text)?.into_unencrypted_secret_key()?;
        let public = PublicKey::from_secret_key(&secret)?;
        let number: [u8; 8] = public.keynum().try_into().map_err(|_| Error::Unreadable("the id of the index key".into()))?;
        let id = format!("{:016x}", u64::from_be_bytes(number));
        Ok(Self { secret, line: public.to_base64(), id })
    }

    /// A detached signature, as `minisign` writes it.
    pub(crate) fn sign(&self, file: &str, bytes: &[u8], at: DateTime<FixedOffset>) -> Result<String, Error> {
        // The trusted comment gives the instant that is signed, not the clock's: tests publish at other times.
        let trusted = format!("timestamp:{}\tfile:{file}", at.timestamp());
        let signature = minisign::sign(None, &self.secret, bytes, Some(&trusted), Some("signature from the made-up province"))?;
        Ok(signature.to_string())
    }
}

impl KeyChain {
    pub(crate) fn new(keys: &Path) -> Self {
        Self { folder: keys.to_owned() }
    }

    /// Makes the first key.
    pub(crate) fn create(&self) -> Result<(), Error> {
        // Without a password: this key signs made-up people only. A real province keeps its key off the web server.
        let pair = KeyPair::generate_unencrypted_keypair()?;
        write_secret(&self.folder.join(SECRET), &pair.sk.to_box(None)?.to_string())?;
        write_secret(&self.folder.join(PUBLIC), &pair.pk.to_box()?.to_string())
    }

    /// Where the statements lie, by the id of the key that signed them.
    pub(crate) fn statements(&self) -> PathBuf {
        self.folder.join("chain")
    }

    /// The key that signs now. Read each time: a rotation may happen beside `serve`.
    pub(crate) fn newest(&self) -> Result<IndexKey, Error> {
        let key = IndexKey::read(&self.folder.join(SECRET))?;
        if !self.statements().join(format!("{}.json", key.id)).exists() {
            return Ok(key);
        }
        // Its successor has been named: from here on that one signs, whether or not it has taken its place yet.
        match IndexKey::read(&self.folder.join(NEXT)) {
            Ok(next) => Ok(next),
            Err(_) => IndexKey::read(&self.folder.join(SECRET)),
        }
    }

    /// Makes a new key and lets the old one name it. The caller lets nobody publish meanwhile.
    pub(crate) fn rotate(&self, at: DateTime<FixedOffset>) -> Result<IndexKey, Error> {
        let (secret, next) = (self.folder.join(SECRET), self.folder.join(NEXT));
        let old = self.newest()?;
        if IndexKey::read(&secret)?.id != old.id {
            // A rotation was cut off after the word was given.
            self.take_place(&old)?;
        }
        // What a rotation that was cut off before has left was never spoken of.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(next)(error)),
            _ => {}
        }
        let pair = KeyPair::generate_unencrypted_keypair()?;
        write_secret(&next, &pair.sk.to_box(None)?.to_string())?;
        let new = IndexKey::read(&next)?;
        let folder = self.statements();
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let statement = KeySuccessor { format: FORMAT, after: old.id.clone(), index_public_key: new.line.clone() };
        let (name, bytes) = (format!("{}.json", old.id), serde_json::to_vec(&statement)?);
        put(&folder, &format!("{name}.minisig"), old.sign(&name, &bytes, at)?.as_bytes())?;
        put(&folder, &name, &bytes)?;
        self.take_place(&new)?;
        Ok(new)
    }

    fn take_place(&self, key: &IndexKey) -> Result<(), Error> {
        let secret = self.folder.join(SECRET);
        fs::rename(self.folder.join(NEXT), &secret).map_err(Error::file(secret))?;
        put(&self.folder, PUBLIC, PublicKey::from_secret_key(&key.secret)?.to_box()?.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-22T20:00:00+07:00").unwrap()
    }

    #[test]
    fn a_rotation_that_was_cut_off_is_the_old_state_or_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let chain = KeyChain::new(dir.path());
        chain.create().unwrap();
        let first = chain.newest().unwrap();
        let old_secret = fs::read_to_string(dir.path().join(SECRET)).unwrap();
        let second = chain.rotate(at()).unwrap();
        assert_eq!(chain.newest().unwrap().id, second.id);

        // Cut off before the old key left its place, after the statement.
        fs::rename(dir.path().join(SECRET), dir.path().join(NEXT)).unwrap();
        fs::write(dir.path().join(SECRET), &old_secret).unwrap();
        assert_eq!(chain.newest().unwrap().id, second.id, "what has been said holds");
        let third = chain.rotate(at()).unwrap();
        let statement = |id: &str| -> KeySuccessor {
            serde_json::from_str(&fs::read_to_string(chain.statements().join(format!("{id}.json"))).unwrap()).unwrap()
        };
        assert_eq!(statement(&first.id).index_public_key, second.line);
        assert_eq!(statement(&second.id).index_public_key, third.line);

        // Cut off before the statement: a key that nobody has heard of.
        fs::write(dir.path().join(NEXT), old_secret).unwrap();
        assert_eq!(chain.newest().unwrap().id, third.id);
        let fourth = chain.rotate(at()).unwrap();
        assert_eq!(chain.newest().unwrap().id, fourth.id);
        assert_eq!(statement(&third.id).index_public_key, fourth.line);
        assert!(!dir.path().join(NEXT).exists());
    }
}
