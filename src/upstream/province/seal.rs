//! What a station seals and signs itself: visits that are carried to the province.
//!
//! Promise: sealed to the province's recipient, so that whoever finds the stick reads nothing; signed with the key of the client certificate, so that
//! nobody else can put visits on it. Never: a key or a plain text in an error.

use std::io::Read;

use age::Decryptor;
use age::x25519;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::KeyPair;
use rcgen::SigningKey;

use crate::upstream::Error;
use crate::upstream::Fault;

/// Whether a text is an age recipient that something can be sealed to.
pub fn is_recipient(text: &str) -> bool {
    text.trim().parse::<x25519::Recipient>().is_ok()
}

/// Seals to an age recipient.
pub fn seal(recipient: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let recipient: x25519::Recipient =
        recipient.trim().parse().map_err(|_| Error::Keys("the province's intake recipient is not an age recipient"))?;
    age::encrypt(&recipient, plain).map_err(|_| Error::Keys("nothing could be sealed to the province's intake recipient"))
}

/// Signs with the key of the client certificate: ECDSA P-256 over SHA-256, ASN.1, as base64.
pub fn sign(key_pem: &str, bytes: &[u8]) -> Result<String, Error> {
    let key = KeyPair::from_pem(key_pem).map_err(|_| Error::Keys("the station's key is not PEM"))?;
    if !key.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256) {
        return Err(Error::Keys("the station's key is not of the curve P-256"));
    }
    let signature = key.sign(bytes).map_err(|_| Error::Keys("the station's key signs nothing"))?;
    Ok(BASE64_STANDARD.encode(signature))
}

/// Unseals at most `limit` bytes with the station's feed key.
pub fn unseal(identity: &x25519::Identity, sealed: &[u8], limit: u64) -> Result<Vec<u8>, Fault> {
    let decryptor = Decryptor::new(sealed).map_err(|_| Fault::Sealed)?;
    let unsealed = decryptor.decrypt(core::iter::once(identity as &dyn age::Identity)).map_err(|_| Fault::Sealed)?;
    let mut plain = Vec::new();
    let read = unsealed.take(limit.saturating_add(1)).read_to_end(&mut plain).map_err(|_| Fault::Packed)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit { Err(Fault::TooLarge) } else { Ok(plain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_by_its_key_only_and_not_beyond_the_limit() {
        let (key, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let sealed = seal(&format!(" {}\n", key.to_public()), b"visits").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"visits"));
        assert_eq!(unseal(&key, &sealed, 6).unwrap(), b"visits");
        assert_eq!(unseal(&key, &sealed, 5), Err(Fault::TooLarge));
        assert_eq!(unseal(&other, &sealed, 6), Err(Fault::Sealed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(unseal(&key, &changed, 6).is_err(), "byte {at}");
            assert!(unseal(&key, &sealed[..at], 6).is_err(), "cut at {at}");
        }
        assert!(!is_recipient("age1nobody") && seal("age1nobody", b"visits").is_err());
    }

    #[test]
    fn only_a_key_of_the_curve_signs() {
        let key = KeyPair::generate().unwrap();
        let signature = BASE64_STANDARD.decode(sign(&key.serialize_pem(), b"visits").unwrap()).unwrap();
        assert_eq!(signature[0], 0x30, "an ASN.1 sequence");
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(matches!(sign(&other.serialize_pem(), b"visits"), Err(Error::Keys(_))));
        assert!(matches!(sign("no key", b"visits"), Err(Error::Keys(_))));
    }
}
