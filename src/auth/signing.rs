//! The secrets with which receivers verify that a post comes from this server.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The prefix of a secret when it is shown. Source: Standard Webhooks.
const PREFIX: &str = "whsec_";

/// Number of random bytes of a secret.
const BYTES: usize = 32;

/// The secret of an outgoing hook: 256 random bits. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Generates a new secret.
    #[must_use]
    pub fn mint() -> Self {
        let bytes: [u8; BYTES] = rand::random();
        Self(bytes.to_vec())
    }

    /// Returns the secret with these stored bytes.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store; not a hash, because they are needed for signing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the secret as it is shown to a receiver.
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
