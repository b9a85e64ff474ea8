//! Logins: the names that users type to sign in.

use unicode_normalization::UnicodeNormalization;

use super::confusable::{has_one_script_a_word, skeleton_of};

/// The login of a deleted account; nobody can register it.
pub const DELETED_LOGIN: &str = "User deleted";

/// Longest login, in characters. Source: MTP 1.0 revision 17, `register_user`.
const MAX_CHARS: usize = 64;

/// Number of characters of a text that are compared with logins and names: more than any of these has in
/// any composition, and few enough to be remembered ten thousand times.
const MAX_COMPARED_CHARS: usize = 1024;

/// A login that may be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(String);

/// The reason why a text is not a valid login; each is a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogin {
    /// No characters, or too many.
    #[error("a login has 1 to 64 characters")]
    Length,
    /// White space at the beginning or end.
    #[error("a login does not begin or end with a space")]
    OuterSpace,
    /// A character that cannot be seen or that reorders others.
    #[error("a login has no control, invisible or text-direction characters")]
    Invisible,
    /// Letters of several scripts in one word, which is a way to make one login look like another.
    #[error("a login has letters of one script in a word")]
    MixedScripts,
    /// The text that stands for deleted accounts.
    #[error("this login is reserved")]
    Reserved,
}

impl InvalidLogin {
    /// Returns the name of the rule in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::OuterSpace => "outer_space",
            Self::Invisible => "invisible",
            Self::MixedScripts => "mixed_scripts",
            Self::Reserved => "reserved",
        }
    }
}

impl Login {
    /// Checks a login as typed for a new account.
    ///
    /// # Errors
    /// The rule that the login breaks. Source: MTP 1.0 revision 17, `register_user`.
    pub fn new(text: &str) -> Result<Self, InvalidLogin> {
        let login = Self::imported(text)?;
        if !has_one_script_a_word(text) {
            return Err(InvalidLogin::MixedScripts);
        }
        if Looks::of(text).are_like(&Looks::of(DELETED_LOGIN)) {
            return Err(InvalidLogin::Reserved);
        }
        Ok(login)
    }

    /// Checks a login that a user has on another server and keeps using.
    ///
    /// # Errors
    /// The rule that the login breaks; there are fewer rules than for a new login.
    pub fn imported(text: &str) -> Result<Self, InvalidLogin> {
        let count = text.chars().count();
        if count == 0 || count > MAX_CHARS {
            return Err(InvalidLogin::Length);
        }
        if text.trim() != text {
            return Err(InvalidLogin::OuterSpace);
        }
        if text.chars().any(is_invisible) {
            return Err(InvalidLogin::Invisible);
        }
        if Self::key_of(text) == Self::key_of(DELETED_LOGIN) {
            return Err(InvalidLogin::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the login as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what this login looks like.
    #[must_use]
    pub fn looks(&self) -> Looks {
        Looks::of(&self.0)
    }

    /// Returns the form in which this login is compared with others.
    #[must_use]
    pub fn key(&self) -> String {
        Self::key_of(&self.0)
    }

    /// Returns the form in which any typed text is compared with logins: compatibility-composed (NFKC)
    /// and without case. The text is converted to upper case first, because only then does `ß` match `SS`
    /// and `ς` match `σ`.
    ///
    /// A client may send any text that fits into a frame, so no more is folded than a name can have.
    #[must_use]
    pub fn key_of(text: &str) -> String {
        let folded: String = text
            .chars()
            .take(MAX_COMPARED_CHARS)
            .nfkc()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .collect();
        folded.nfkc().collect()
    }

    /// Returns an ASCII name for protocols that need one: the login in lower case, with Cyrillic letters
    /// transliterated to Latin ones and other characters removed.
    #[must_use]
    pub fn localpart(&self) -> String {
        let mut name = String::new();
        for c in self.0.nfc().flat_map(char::to_lowercase) {
            if is_of_localpart(c) {
                name.push(c);
            } else if let Some((_, latin)) = LATIN.iter().find(|(letter, _)| *letter == c) {
                name.push_str(latin);
            }
        }
        if name.is_empty() {
            name.push_str("user");
        }
        name
    }
}

/// Returns whether a character is allowed in the name of a Matrix user.
#[must_use]
pub fn is_of_localpart(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '=' | '-' | '/' | '+')
}

/// The transliteration of Cyrillic letters.
const LATIN: [(char, &str); 40] = [
    ('а', "a"),
    ('б', "b"),
    ('в', "v"),
    ('г', "g"),
    ('д', "d"),
    ('е', "e"),
    ('ё', "yo"),
    ('ж', "zh"),
    ('з', "z"),
    ('и', "i"),
    ('й', "y"),
    ('к', "k"),
    ('л', "l"),
    ('м', "m"),
    ('н', "n"),
    ('о', "o"),
    ('п', "p"),
    ('р', "r"),
    ('с', "s"),
    ('т', "t"),
    ('у', "u"),
    ('ф', "f"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ъ', ""),
    ('ы', "y"),
    ('ь', ""),
    ('э', "e"),
    ('ю', "yu"),
    ('я', "ya"),
    ('і', "i"),
    ('ї', "yi"),
    ('є', "ye"),
    ('ґ', "g"),
    ('ў', "u"),
    ('ј', "j"),
    ('љ', "lj"),
];

/// What a name looks like: names with the same looks look the same to a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    /// The skeleton of the form as typed.
    pub shape: String,
    /// The skeleton of the folded form.
    pub skeleton: String,
    /// The folded form itself.
    pub key: String,
    is_ascii: bool,
}

impl Looks {
    /// Returns what a name looks like. Only twice as many characters as a login may have are compared.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text: String = text.chars().take(2 * MAX_CHARS).collect();
        let key = Login::key_of(&text);
        Self {
            shape: skeleton_of(&text),
            skeleton: skeleton_of(&key),
            is_ascii: text.is_ascii(),
            key,
        }
    }

    /// Returns whether a name with these looks could be mistaken for another. Two names of only ASCII are
    /// compared exactly: everybody knows how similar `l` and `1` are.
    #[must_use]
    pub fn are_like(&self, other: &Self) -> bool {
        if self.key == other.key || self.is_ascii && other.is_ascii {
            return self.key == other.key;
        }
        [&self.shape, &self.skeleton]
            .into_iter()
            .any(|it| *it == other.shape || *it == other.skeleton)
    }
}

/// Returns whether a character is a control, bidirectional, zero-width or other format character.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_for_comparison_is_bounded() {
        let key = Login::key_of(&"\u{fdfa}".repeat(1 << 20));
        assert!(key.len() < 64 * 1024, "{}", key.len());
        let long = "ж".repeat(MAX_COMPARED_CHARS);
        assert_eq!(Login::key_of(&long), long);
    }

    #[test]
    fn letters_of_any_script_are_welcome() {
        for login in [
            "anna",
            "Анна",
            "Мария-Луиза 2",
            "محمد",
            "日本",
            "a",
            &"ж".repeat(64),
        ] {
            assert!(Login::new(login).is_ok(), "{login}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        assert_eq!(Login::new(""), Err(InvalidLogin::Length));
        assert_eq!(Login::new(&"ж".repeat(65)), Err(InvalidLogin::Length));
        assert_eq!(Login::new(" anna"), Err(InvalidLogin::OuterSpace));
        assert_eq!(Login::new("anna\u{a0}"), Err(InvalidLogin::OuterSpace));
        for login in [
            "an\0na",
            "an\u{202e}na",
            "an\u{200b}na",
            "an\nna",
            "\u{2066}x",
            "a\u{feff}b",
        ] {
            assert_eq!(Login::new(login), Err(InvalidLogin::Invisible), "{login:?}");
        }
        assert_eq!(Login::new("user DELETED"), Err(InvalidLogin::Reserved));
    }

    #[test]
    fn scripts_are_not_mixed_in_a_word() {
        for login in ["r\u{43e}ot", "аnna", "αlpha"] {
            assert_eq!(
                Login::new(login),
                Err(InvalidLogin::MixedScripts),
                "{login}"
            );
            assert!(
                Login::imported(login).is_ok(),
                "who has it goes on having it"
            );
        }
        assert!(Login::new("Anna Иванова").is_ok());
        assert_eq!(Login::new("User dеlеtеd"), Err(InvalidLogin::MixedScripts));
        assert_eq!(Login::new("Uѕеr ԁеⅼеtеԁ"), Err(InvalidLogin::MixedScripts));
    }

    #[test]
    fn look_alikes_are_told_from_logins_of_ascii() {
        let alike = |one, other| Looks::of(one).are_like(&Looks::of(other));
        for (one, other) in [
            ("сосо", "coco"),
            ("СОСО", "COCO"),
            ("Іл", "lл"),
            ("раураl", "paypal"),
            ("Anna", "ANNA"),
            ("о2", "O2"),
        ] {
            assert!(alike(one, other) && alike(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("anna1", "annal"),
            ("rn", "m"),
            ("Анна", "Anna"),
            ("иван", "ivan"),
            ("日本", "日木"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_confusable_letter_makes_a_second_login(word in "[acehijlopsxy]{1,12}", at in 0_usize..12) {
            /// Cyrillic letters that look like Latin ones.
            const TWINS: [(char, char); 12] = [
                ('a', 'а'), ('c', 'с'), ('e', 'е'), ('h', 'һ'), ('i', 'і'), ('j', 'ј'),
                ('l', 'ӏ'), ('o', 'о'), ('p', 'р'), ('s', 'ѕ'), ('x', 'х'), ('y', 'у'),
            ];
            let twin = |c: char| TWINS.iter().find(|(latin, _)| *latin == c).map_or(c, |(_, it)| *it);
            let whole: String = word.chars().map(twin).collect();
            proptest::prop_assert!(Looks::of(&whole).are_like(&Looks::of(&word)));
            let upper = whole.to_uppercase();
            proptest::prop_assert_eq!(Looks::of(&upper).are_like(&Looks::of(&word)), true);
            // A word with one replaced letter is a mixture, unless it has no other letters.
            let at = at % word.chars().count();
            let one: String = word
                .chars()
                .enumerate()
                .map(|(place, c)| if place == at { twin(c) } else { c })
                .collect();
            if word.chars().count() > 1 {
                proptest::prop_assert_eq!(Login::new(&one), Err(InvalidLogin::MixedScripts));
            }
            proptest::prop_assert!(Looks::of(&one).are_like(&Looks::of(&word)));
        }
    }

    #[test]
    fn case_and_unicode_form_make_no_difference() {
        for (one, other) in [
            ("Anna", "ANNA"),
            ("Иван", "ИВАН"),
            ("é", "e\u{301}"),
            ("straße", "STRASSE"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ａnna", "anna"),
        ] {
            assert_eq!(Login::key_of(one), Login::key_of(other));
        }
        assert_ne!(Login::key_of("anna"), Login::key_of("anne"));
    }
}
