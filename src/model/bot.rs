//! Bots: accounts of programs, and their tokens.

use super::{PublicId, SessionId, Timestamp};

/// The permissions of a bot's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(pub u8);

impl Scopes {
    /// Requests that change nothing.
    pub const READ: u8 = 1;
    /// Messages and everything attached to them.
    pub const WRITE: u8 = 2;
    /// The bot's own flows and their hooks.
    pub const MANAGE: u8 = 4;
    /// All permissions that a token can have.
    pub const ALL: Self = Self(7);

    const WORDS: [(&'static str, u8); 3] = [
        ("read", Self::READ),
        ("write", Self::WRITE),
        ("manage", Self::MANAGE),
    ];

    /// Returns whether these scopes include one scope.
    #[must_use]
    pub fn has(self, scope: u8) -> bool {
        self.0 & scope != 0
    }

    /// Parses words; `None`: there are none, or one is unknown.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut bits = 0;
        for word in words {
            let (_, bit) = Self::WORDS
                .iter()
                .find(|(known, _)| *known == word.trim())?;
            bits |= bit;
        }
        (bits != 0).then_some(Self(bits))
    }

    /// Returns the words for these scopes.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let words = Self::WORDS.iter();
        words
            .filter(|(_, bit)| self.has(*bit))
            .map(|(word, _)| *word)
            .collect()
    }
}

/// A bot, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its login.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// Login of its owner; `None`: the operator owns it.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many tokens it has.
    pub tokens: i64,
}

/// A token of a bot; the token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotToken {
    /// Row number, used to revoke the token.
    pub id: SessionId,
    /// What the token is for.
    pub label: Option<String>,
    /// The permissions of the token.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to within an hour; `None`: never.
    pub used_at: Option<Timestamp>,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// A command that users can type to a bot after "/".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotCommand {
    /// The word that users type.
    pub name: String,
    /// What it does.
    pub description: String,
}

impl BotCommand {
    /// Maximum length of a name, in characters.
    pub const MAX_NAME: usize = 32;
    /// Maximum length of a description, in characters.
    pub const MAX_DESCRIPTION: usize = 100;

    /// Returns a command if its name is one word of a to z, digits and `_`, its description has visible
    /// characters, and both are short enough.
    #[must_use]
    pub fn new(name: &str, description: &str) -> Option<Self> {
        let name = name.strip_prefix('/').unwrap_or(name);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_name = (1..=Self::MAX_NAME).contains(&name.len()) && name.bytes().all(plain);
        let description = super::clean_name(description)?;
        let fits = description.chars().count() <= Self::MAX_DESCRIPTION;
        (is_name && fits).then(|| Self {
            name: name.to_owned(),
            description,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_words() {
        let read = Scopes::of_words(["read", " write"]);
        assert_eq!(read, Some(Scopes(3)));
        assert_eq!(Scopes::ALL.words(), ["read", "write", "manage"]);
        assert_eq!(Scopes::of_words(["root"]), None);
        assert_eq!(Scopes::of_words([]), None);
    }

    #[test]
    fn commands_are_one_word_and_a_line() {
        let made = BotCommand::new("/washing", " How long  it takes ").unwrap();
        assert_eq!(made.name, "washing");
        assert_eq!(BotCommand::new("washing_2", "x").unwrap().name, "washing_2");
        let long = "x".repeat(101);
        for (name, description) in [
            ("", "x"),
            ("Washing", "x"),
            ("a b", "x"),
            ("a-b", "x"),
            ("a", ""),
            ("a", &*long),
        ] {
            assert_eq!(BotCommand::new(name, description), None, "{name:?}");
        }
    }
}
