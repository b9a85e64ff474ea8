//! The secrets by which receivers know that a post comes from this server.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What the secret begins with where it is shown. Source: Standard Webhooks.
const PREFIX: &str = "whsec_";

/// Random bytes of a secret.
const BYTES: usize = 32;

/// The secret of an outgoing hook: 256 random bits. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Makes a new secret.
    #[must_use]
    pub fn mint() -> Self {
        let bytes: [u8; BYTES] = rand::random();
        Self(bytes.to_vec())
    }

    /// The secret that is kept.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What is kept, since it signs.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as a receiver is given it.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
