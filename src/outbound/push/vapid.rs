//! Identification of the sender: a key of the server, by which push services know it. Source: RFC 8292.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

/// How long a signature is valid, in seconds: services accept up to a day.
const GOOD_S: i64 = 12 * 3600;

/// How long a signature is reused, in seconds.
const USED_S: i64 = 6 * 3600;

/// The most services whose signatures are kept.
const SERVICES: usize = 256;

/// The key of the server, and its recent signatures.
pub struct Vapid {
    key: EcdsaKeyPair,
    /// A secret that only the server knows, for opaque names.
    secret: Vec<u8>,
    /// The contact for push services.
    contact: String,
    /// By service: the authorization, and the time when it was made.
    signed: Mutex<HashMap<String, (String, i64)>>,
}

impl Vapid {
    /// Generates a new key, in its stored form.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<Vec<u8>, String> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|key| key.as_ref().to_vec())
            .map_err(|_| "the system gives no random numbers".to_owned())
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// It is not a valid key.
    pub fn new(key: &[u8], contact: &str) -> Result<Self, String> {
        let random = SystemRandom::new();
        let secret = digest(&SHA256, key).as_ref().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random)
            .map_err(|err| format!("the key for notifications is not valid: {err}"))?;
        Ok(Self {
            key,
            secret,
            contact: contact.to_owned(),
            signed: Mutex::default(),
        })
    }

    /// Returns the public key in the form for browsers.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref())
    }

    /// Returns a name that reveals nothing about `of` without the key: 24 characters.
    #[must_use]
    pub fn topic(&self, of: &[u8]) -> String {
        let mut context = Context::new(&SHA256);
        context.update(&self.secret);
        context.update(of);
        let mut text = URL_SAFE_NO_PAD.encode(context.finish().as_ref());
        text.truncate(24);
        text
    }

    /// Returns the authorization header for a service.
    #[must_use]
    pub fn authorization(&self, audience: &str, now: i64) -> String {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, at)) = signed.get(audience)
            && (*at..*at + USED_S).contains(&now)
        {
            return made.clone();
        }
        let made = self.sign(audience, now);
        if signed.len() >= SERVICES {
            signed.clear();
        }
        signed.insert(audience.to_owned(), (made.clone(), now));
        made
    }

    fn sign(&self, audience: &str, now: i64) -> String {
        // Neither has a character that JSON would have to escape: an origin, and an address that was checked.
        let plain = |text: &str| text.replace(['"', '\\'], "");
        let claims = format!(
            r#"{{"aud":"{}","exp":{},"sub":"{}"}}"#,
            plain(audience),
            now + GOOD_S,
            plain(&self.contact)
        );
        let text = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map_or_else(|_| Vec::new(), |it| it.as_ref().to_vec());
        format!(
            "vapid t={text}.{}, k={}",
            URL_SAFE_NO_PAD.encode(signature),
            self.public_key()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn services_can_check_who_sends() {
        let key = Vapid::generate().unwrap();
        let vapid = Vapid::new(&key, "mailto:admin@example.org").unwrap();
        let header = vapid.authorization("https://push.example.org", 1_790_000_000);
        let token = header.strip_prefix("vapid t=").unwrap();
        let (token, public) = token.split_once(", k=").unwrap();
        let (text, signature) = token.rsplit_once('.').unwrap();
        let public = URL_SAFE_NO_PAD.decode(public).unwrap();
        assert_eq!(public.len(), 65);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        let claims = URL_SAFE_NO_PAD
            .decode(text.split_once('.').unwrap().1)
            .unwrap();
        assert_eq!(
            String::from_utf8(claims).unwrap(),
            r#"{"aud":"https://push.example.org","exp":1790043200,"sub":"mailto:admin@example.org"}"#
        );
    }

    #[test]
    fn signatures_are_used_for_a_while() {
        let vapid = Vapid::new(&Vapid::generate().unwrap(), "https://example.org").unwrap();
        let of = |audience: &str, now| vapid.authorization(audience, now);
        let first = of("https://a.example", 1_000_000);
        assert_eq!(of("https://a.example", 1_000_000 + USED_S - 1), first);
        assert_ne!(of("https://a.example", 1_000_000 + USED_S), first);
        assert_ne!(of("https://b.example", 1_000_000), first);
        // The clock was set back.
        assert_ne!(of("https://a.example", 5), first);
        assert!(Vapid::new(b"no key", "x").is_err());
    }

    #[test]
    fn topics_tell_conversations_apart_and_no_more() {
        let key = Vapid::generate().unwrap();
        let one = Vapid::new(&key, "x").unwrap();
        let other = Vapid::new(&Vapid::generate().unwrap(), "x").unwrap();
        assert_eq!(one.topic(b"flow").len(), 24);
        assert_eq!(one.topic(b"flow"), one.topic(b"flow"));
        assert_ne!(one.topic(b"flow"), one.topic(b"wolf"));
        assert_ne!(one.topic(b"flow"), other.topic(b"flow"));
    }
}
