//! Passwords that are guessed first: those that are too short or widely used.
//!
//! The commands and the web client tell a user who chooses such a password. Existing passwords keep
//! working, and other clients are not restricted.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// Minimum number of characters of a password.
const LEAST_CHARS: usize = 8;

/// The passwords that attackers try first, in the form in which passwords are compared. The web client
/// has the same list.
const COMMON: &str = include_str!("common_passwords.txt");

static COMMON_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| COMMON.split_whitespace().collect());

/// The reason why a password should not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It has too few characters.
    #[error("the password is too short: it needs at least 8 characters")]
    Short,
    /// It is one of the passwords that are tried first.
    #[error("this password is one of the most common ones: choose another")]
    Common,
}

impl Weakness {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Common => "common",
        }
    }
}

/// Returns the reason why a password should not be chosen, if there is one.
#[must_use]
pub fn weakness(password: &str) -> Option<Weakness> {
    if password.nfc().take(LEAST_CHARS).count() < LEAST_CHARS {
        return Some(Weakness::Short);
    }
    // A long text is never in the list, and need not be folded.
    if password.len() > 256 {
        return None;
    }
    let folded: String = password.nfkc().flat_map(char::to_lowercase).collect();
    let mut chars = folded.chars();
    let first = chars.next();
    let is_one_sign = chars.all(|c| Some(c) == first);
    (is_one_sign || COMMON_WORDS.contains(folded.as_str())).then_some(Weakness::Common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_common_passwords_are_told() {
        for short in [
            "",
            "a",
            "1234567",
            "пароль",
            "🙂🙂🙂🙂🙂🙂🙂",
            "e\u{301}e\u{301}e\u{301}e\u{301}",
        ] {
            assert_eq!(weakness(short), Some(Weakness::Short), "{short}");
        }
        for common in [
            "password",
            "PassWord1",
            "12345678",
            "йцукенгш",
            "ЙЦУКЕНГШ",
            "ｐａｓｓｗｏｒｄ",
            "aaaaaaaaaa",
            "00000000",
        ] {
            assert_eq!(weakness(common), Some(Weakness::Common), "{common}");
        }
        for good in [
            "correct horse battery",
            "another one",
            "Пять слов о погоде",
            &"a1".repeat(500),
        ] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }

    #[test]
    fn the_words_are_in_the_form_in_which_they_are_compared() {
        assert!((300..1000).contains(&COMMON_WORDS.len()));
        assert_eq!(
            COMMON.split_whitespace().count(),
            COMMON_WORDS.len(),
            "each once"
        );
        for word in COMMON_WORDS.iter() {
            assert_eq!(weakness(word), Some(Weakness::Common), "{word}");
        }
    }

    #[test]
    fn the_web_client_has_the_same_words() {
        let script = include_str!("../web/js/text/passwords.js");
        let words = script.split('`').nth(1).unwrap();
        assert_eq!(words.trim(), COMMON.trim());
    }
}
