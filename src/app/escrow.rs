//! The database's key, sealed for the day on which this machine is gone.
//!
//! Promise: sealed to age recipients that the administrator has named, in age's own file format, so that `age -d` opens it too; what is opened is checked
//! to be a key. Never: an identity or a key in an error.

use std::io::Read;
use std::io::Write;

use age::DecryptError;
use age::Decryptor;
use age::Encryptor;
use age::x25519;
use zeroize::Zeroizing;

use crate::storage::key::DatabaseKey;

/// Longest sealed key read: five recipients take less than a tenth.
pub(crate) const LONGEST: u64 = 16 << 10;
/// Longest text of a key in it.
const LONGEST_KEY: u64 = 200;

/// Seals a key to everybody in the list. `None`: somebody in it is no recipient; the configuration's check should have said so.
pub(crate) fn seal(key: &DatabaseKey, recipients: &[Box<str>]) -> Option<Vec<u8>> {
    let recipients: Vec<x25519::Recipient> = recipients.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|one| one as &dyn age::Recipient)).ok()?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).ok()?;
    writer.write_all(key.text().as_bytes()).ok()?;
    writer.finish().ok()?;
    Some(sealed)
}

/// Whether these are the bytes of something that age sealed.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1\n") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Why a sealed key was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// No line of what was given is an identity: it is mistyped, or it is something else.
    NoIdentity,
    /// It was sealed to others.
    NoRecipient,
    /// What was sealed is not whole, or is no key.
    Damaged,
}

/// Opens a sealed key with the text of an identity file, in which other lines are comments.
pub(crate) fn open(sealed: &[u8], identity: &str) -> Result<DatabaseKey, Unopened> {
    let identities: Vec<x25519::Identity> = identity.lines().filter_map(|line| line.trim().parse().ok()).collect();
    if identities.is_empty() {
        return Err(Unopened::NoIdentity);
    }
    let decryptor = Decryptor::new(sealed).map_err(|_| Unopened::Damaged)?;
    let opened = decryptor.decrypt(identities.iter().map(|one| one as &dyn age::Identity)).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Unopened::NoRecipient,
        _ => Unopened::Damaged,
    })?;
    let mut text = Zeroizing::new(String::with_capacity(256));
    opened.take(LONGEST_KEY).read_to_string(&mut text).map_err(|_| Unopened::Damaged)?;
    DatabaseKey::parse(&text).ok_or(Unopened::Damaged)
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn everybody_named_opens_it_and_nobody_else() {
        let key = DatabaseKey::from_bytes(&[7; 32]);
        let [first, second, other] = [(); 3].map(|()| x25519::Identity::generate());
        let recipients: Vec<Box<str>> = [&first, &second].map(|one| one.to_public().to_string().into()).to_vec();
        let sealed = seal(&key, &recipients).unwrap();
        assert!(!sealed.windows(8).any(|part| part == b"07070707"));
        let text = |one: &x25519::Identity| format!("# created: today\n{}\n", one.to_string().expose_secret());
        for one in [&first, &second] {
            assert_eq!(*open(&sealed, &text(one)).unwrap().text(), *key.text());
        }
        let refused = |sealed: &[u8], identity: &str| open(sealed, identity).err();
        assert_eq!(refused(&sealed, &text(&other)), Some(Unopened::NoRecipient));
        let cut = &text(&first)[..text(&first).len() - 5];
        for mistyped in ["no identity", "", "AGE-SECRET-KEY-1XXXX", cut] {
            assert_eq!(refused(&sealed, mistyped), Some(Unopened::NoIdentity));
        }
        assert_eq!(refused(b"nothing", &text(&first)), Some(Unopened::Damaged));
        assert_eq!(refused(&sealed[..sealed.len() - 3], &text(&first)), Some(Unopened::Damaged));
        assert!(seal(&key, &["age1nobody".into()]).is_none());
    }
}
