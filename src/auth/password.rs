//! Password hashing with Argon2id.

use std::fmt;
use std::sync::OnceLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use unicode_normalization::UnicodeNormalization;

use argon2::{Algorithm, Argon2, Params, Version};

use super::weakness::{Weakness, weakness};

/// Memory for one hash, in KiB: 19 MiB, as OWASP recommends for Argon2id with two passes.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Maximum length of a password for which other Unicode forms are tried; nobody types a longer one.
const MAX_FORMED_BYTES: usize = 1024;
/// Number of lanes; a small board has few cores, and two hashes run at the same time anyway.
const LANES: u32 = 1;

/// A password as a client sent it. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Creates a password; the server treats it as opaque.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Why it should not be chosen, if there is a reason.
    #[must_use]
    pub fn weakness(&self) -> Option<Weakness> {
        weakness(&self.0)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The error that hashing failed for lack of memory or randomness.
#[derive(Debug, thiserror::Error)]
#[error("hashing a password failed: {0}")]
pub struct HashError(String);

/// Hashes a password with its own salt. Takes tens of milliseconds and 19 MiB.
///
/// # Errors
/// Fails without memory or randomness.
pub fn hash_password(password: &Password) -> Result<String, HashError> {
    let salt: [u8; 16] = rand::random();
    let salt = SaltString::encode_b64(&salt).map_err(|err| HashError(err.to_string()))?;
    let hash = hasher()?.hash_password(password.0.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|err| HashError(err.to_string()))
}

/// Returns whether a password is the one that was hashed, in any Unicode form: another system may compose
/// the same letters differently. Without a hash (the login does not exist, or cannot be used to log in)
/// the answer is no, after the same time.
///
/// # Errors
/// Fails without memory.
pub fn verify_password(password: &Password, hash: Option<&str>) -> Result<bool, HashError> {
    let known = hash.map_or_else(stand_in, |hash| Ok(hash.to_owned()))?;
    let Ok(parsed) = PasswordHash::new(&known) else {
        return Err(HashError("the stored hash is damaged".into()));
    };
    let hasher = hasher()?;
    // Only a password in another form costs more than one hash, and this depends on the password alone.
    let mut forms = std::iter::once(password.0.clone()).chain(other_forms(&password.0));
    let matches = forms.any(|form| hasher.verify_password(form.as_bytes(), &parsed).is_ok());
    Ok(matches && hash.is_some())
}

/// Returns the text composed, decomposed and without compatibility characters, as far as these differ
/// from it.
fn other_forms(text: &str) -> Vec<String> {
    let mut forms: Vec<String> = Vec::new();
    if text.is_ascii() || text.len() > MAX_FORMED_BYTES {
        return forms;
    }
    for form in [
        text.nfc().collect(),
        text.nfd().collect(),
        text.nfkc().collect::<String>(),
    ] {
        if form != text && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Returns the hash to compare with if there is none, so that both cases take the same time.
fn stand_in() -> Result<String, HashError> {
    static STAND_IN: OnceLock<String> = OnceLock::new();
    if let Some(hash) = STAND_IN.get() {
        return Ok(hash.clone());
    }
    let hash = hash_password(&Password::new(String::new()))?;
    Ok(STAND_IN.get_or_init(|| hash).clone())
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|err| HashError(err.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_matches() {
        let password = Password::new("пароль".into());
        let hash = hash_password(&password).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify_password(&password, Some(&hash)).unwrap());
        assert!(!verify_password(&Password::new("Пароль".into()), Some(&hash)).unwrap());
        assert!(!verify_password(&Password::new(String::new()), None).unwrap());
        assert_ne!(
            hash,
            hash_password(&password).unwrap(),
            "each has a salt of its own"
        );
    }

    #[test]
    fn forms_of_unicode_make_no_difference() {
        let forms = ["päßwörd ①", "pa\u{308}ßwo\u{308}rd ①"];
        for stored in forms {
            let hash = hash_password(&Password::new(stored.into())).unwrap();
            for typed in forms {
                let typed = Password::new(typed.into());
                assert!(verify_password(&typed, Some(&hash)).unwrap());
                assert!(!verify_password(&typed, None).unwrap());
            }
            let other = Password::new("PÄßWÖRD ①".into());
            assert!(!verify_password(&other, Some(&hash)).unwrap());
        }
        // A password that was registered without compatibility characters matches when typed with them.
        let hash = hash_password(&Password::new("пароль1".into())).unwrap();
        let typed = Password::new("пароль１".into());
        assert!(verify_password(&typed, Some(&hash)).unwrap());
    }

    #[test]
    fn no_more_forms_are_tried_than_there_are() {
        assert!(other_forms("correct horse").is_empty());
        assert!(other_forms("пароль").is_empty());
        assert_eq!(other_forms("é").len(), 1);
        assert_eq!(other_forms("é①").len(), 2);
        assert!(other_forms(&"é".repeat(MAX_FORMED_BYTES)).is_empty());
    }

    #[test]
    fn debug_hides_the_password() {
        assert_eq!(format!("{:?}", Password::new("secret".into())), "***");
    }
}
