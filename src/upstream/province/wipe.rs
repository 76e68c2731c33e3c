//! A wipe order as it comes with the answer to a contact: verified, and read.
//!
//! Promise: what is called signed was signed by the key that signs the index, over bytes that begin with words that nothing else it signs begins with: no index,
//! no list of receipts and no word about the next key can be shown as an order, nor the other way round. Never: a judgement; whether it is obeyed is
//! [`crate::domain::wipe`]'s.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::keychain;
use super::keychain::IndexKey;
use super::wire;
use crate::domain::wipe::Heard;
use crate::domain::wipe::Order;

/// What stands before an order in the bytes that are signed. FROZEN.
const CONTEXT: &[u8] = b"bhyt wipe order 1\n";

/// The order's text and the signature over it.
#[derive(Debug, Default, Deserialize)]
pub struct Envelope {
    order: String,
    signature: String,
}

#[derive(Deserialize)]
struct OrderDto {
    format: u32,
    number: u64,
    station: Box<str>,
    install: Uuid,
    given_at: DateTime<FixedOffset>,
    expires_at: DateTime<FixedOffset>,
}

impl Envelope {
    /// What an answer has in the place of an order; `None`: nothing. What has another form than an order's is one that nobody has signed: it must not cost the
    /// rest of the answer.
    pub fn of(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            wipe: Option<Box<RawValue>>,
        }
        let found = serde_json::from_slice::<Answer>(answer).ok()?.wipe?;
        Some(serde_json::from_str(found.get()).unwrap_or_default())
    }

    /// Whether it says that another key than this one has signed it. Proves nothing.
    pub fn is_by_another(&self, key: &IndexKey) -> bool {
        keychain::signer(&self.signature).is_some_and(|signer| signer != key.id())
    }

    /// Verifies, then reads.
    pub fn open(&self, key: &IndexKey) -> Heard {
        let signed = [CONTEXT, self.order.as_bytes()].concat();
        if key.verify(&signed, &self.signature).is_err() {
            return Heard::Unsigned;
        }
        let order = serde_json::from_str::<OrderDto>(&self.order).ok().filter(|order| order.format == wire::FORMAT);
        order.map_or(Heard::Unsigned, |order| {
            Heard::Signed(Order {
                number: order.number,
                station: order.station,
                install: order.install,
                given_at: order.given_at.to_utc(),
                expires_at: order.expires_at.to_utc(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    const ORDER: &str = r#"{"format":1,"number":7,"station":"99001","install":"00000000-0000-4000-8000-000000000001","given_at":"2026-11-22T08:00:00+07:00","expires_at":"2026-11-29T08:00:00+07:00"}"#;

    fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
        minisign::sign(None, &pair.sk, bytes, None, None).unwrap().to_string()
    }

    fn of(order: &str, signature: &str) -> Envelope {
        let answer = serde_json::json!({ "at": 1, "wipe": { "order": order, "signature": signature } });
        Envelope::of(&serde_json::to_vec(&answer).unwrap()).unwrap()
    }

    #[test]
    fn f59_only_what_the_province_signed_as_an_order_is_one() {
        let (pair, other) = (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
        let key = IndexKey::parse(&pair.pk.to_base64()).unwrap();
        let whole = [CONTEXT, ORDER.as_bytes()].concat();
        let signature = sign(&pair, &whole);
        let Heard::Signed(order) = of(ORDER, &signature).open(&key) else { panic!("the real one") };
        assert_eq!((order.number, &*order.station, order.install.as_u128() & 0xff), (7, "99001", 1));
        assert_eq!(order.expires_at - order.given_at, chrono::TimeDelta::days(7));

        assert_eq!(of(ORDER, &sign(&other, &whole)).open(&key), Heard::Unsigned, "by another key");
        assert_eq!(of(ORDER, &sign(&pair, ORDER.as_bytes())).open(&key), Heard::Unsigned, "signed as something else");
        assert_eq!(of(&String::from_utf8(whole.clone()).unwrap(), &signature).open(&key), Heard::Unsigned, "the words twice");
        for at in 0..ORDER.len() {
            let mut changed = ORDER.as_bytes().to_vec();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert_eq!(of(&changed, &signature).open(&key), Heard::Unsigned, "byte {at}");
        }
        let later = ORDER.replace("\"format\":1", "\"format\":2");
        assert_eq!(of(&later, &sign(&pair, &[CONTEXT, later.as_bytes()].concat())).open(&key), Heard::Unsigned, "of another format");
        assert!(of(ORDER, &sign(&other, &whole)).is_by_another(&key) && !of(ORDER, &signature).is_by_another(&key));
    }

    #[test]
    fn what_stands_in_the_place_of_an_order_costs_nothing_else() {
        let key = IndexKey::parse(&KeyPair::generate_unencrypted_keypair().unwrap().pk.to_base64()).unwrap();
        for absent in [r#"{"at":1}"#, r#"{"wipe":null}"#, "no message"] {
            assert!(Envelope::of(absent.as_bytes()).is_none(), "{absent}");
        }
        for odd in [r#"{"wipe":7}"#, r#"{"wipe":{}}"#, r#"{"wipe":{"order":7,"signature":[]}}"#, r#"{"wipe":{"order":"","signature":""}}"#]
        {
            assert_eq!(Envelope::of(odd.as_bytes()).unwrap().open(&key), Heard::Unsigned, "{odd}");
        }
    }
}
