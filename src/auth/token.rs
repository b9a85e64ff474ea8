//! Tokens of sessions and codes of invitations: random, and stored only as SHA-256 hashes.

use std::fmt;
use std::fmt::Write as _;

use rand::Rng;
use sha2::{Digest, Sha256};

/// A session's token: 256 random bits, as 64 hexadecimal digits on the wire. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Generates a new token.
    #[must_use]
    pub fn mint() -> Self {
        let bits: [u8; 32] = rand::random();
        let mut text = String::with_capacity(64);
        for byte in bits {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Returns the text that the client stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the hash that is stored for a token with this text. A token has too many bits to be
    /// guessed from its hash, so a fast hash without salt is sufficient.
    #[must_use]
    pub fn hash_of(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret of an incoming hook: `tk_` and 29 of 36 possible characters, 149 random bits. It is part of
/// the hook's address, and its prefix tells programs that speak ntfy that it is a token. Its `Debug`
/// output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(String);

/// The prefix of hook secrets.
const HOOK_PREFIX: &str = "tk_";

/// The number of characters after the prefix.
const HOOK_SIGNS: usize = 29;

impl HookSecret {
    /// Generates a new secret.
    #[must_use]
    pub fn mint() -> Self {
        const SIGNS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = rand::rng();
        let mut text = HOOK_PREFIX.to_owned();
        for _ in 0..HOOK_SIGNS {
            text.push(char::from(SIGNS[random.random_range(0..SIGNS.len())]));
        }
        Self(text)
    }

    /// Returns the secret as it appears in the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its first characters, which distinguish it from other secrets.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.0.get(..HOOK_PREFIX.len() + 4).unwrap_or_default()
    }

    /// Returns the hash that is stored for a secret; `None`: the text does not have the form of a secret.
    #[must_use]
    pub fn hash_of(text: &str) -> Option<[u8; 32]> {
        let signs = text.strip_prefix(HOOK_PREFIX)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (signs.len() == HOOK_SIGNS && signs.bytes().all(plain)).then(|| Token::hash_of(text))
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A bot's token: `mb_` and 43 characters of base64url, 256 random bits. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct BotSecret(String);

impl BotSecret {
    /// Generates a new token.
    #[must_use]
    pub fn mint() -> Self {
        use base64::Engine as _;
        let bits: [u8; 32] = rand::random();
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits);
        Self(format!("mb_{text}"))
    }

    /// Returns the token as the bot sends it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BotSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An invitation's code: 16 of 32 possible characters, 80 random bits, suitable for reading aloud. Its
/// `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode(String);

/// Digits and capital letters, except those that are easily confused (I, L, O, U).
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl InviteCode {
    /// Generates a new code.
    #[must_use]
    pub fn mint() -> Self {
        let mut random = rand::rng();
        let mut text = String::new();
        for place in 0..16 {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(SIGNS[random.random_range(0..SIGNS.len())]));
        }
        Self(text)
    }

    /// Returns the code as shown to people: `XXXX-XXXX-XXXX-XXXX`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its first four characters, which distinguish it from other codes.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.0.get(..4).unwrap_or_default()
    }

    /// Returns the hash that is stored for a typed code. Small letters, missing hyphens and look-alike
    /// characters are tolerated.
    #[must_use]
    pub fn hash_of(text: &str) -> [u8; 32] {
        // A code has 16 characters; a much longer text is not a code, so only its beginning is read.
        let signs = text.chars().take(256).filter(char::is_ascii_alphanumeric);
        let folded: String = signs
            .map(|sign| match sign.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        Sha256::digest(folded.as_bytes()).into()
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_long() {
        let (one, other) = (Token::mint(), Token::mint());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 64);
        assert_eq!(format!("{one:?}"), "***");
    }

    #[test]
    fn secrets_of_hooks_have_their_form() {
        let secret = HookSecret::mint();
        assert_eq!(secret.as_str().len(), 32);
        assert!(secret.as_str().starts_with(secret.hint()) && secret.hint().len() == 7);
        assert_eq!(
            HookSecret::hash_of(secret.as_str()),
            Some(Token::hash_of(secret.as_str()))
        );
        assert_eq!(format!("{secret:?}"), "***");
        for text in [
            "",
            "tk_",
            "tk_short",
            &secret.as_str().to_uppercase(),
            &format!("{}a", secret.as_str()),
        ] {
            assert_eq!(HookSecret::hash_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_code_is_forgiving_to_type() {
        let code = InviteCode::mint();
        let hash = InviteCode::hash_of(code.as_str());
        assert_eq!(
            InviteCode::hash_of(&code.as_str().to_lowercase().replace('-', " ")),
            hash
        );
        assert_eq!(InviteCode::hash_of("0o1iL-"), InviteCode::hash_of("00111"));
        assert_ne!(InviteCode::hash_of(InviteCode::mint().as_str()), hash);
    }
}
