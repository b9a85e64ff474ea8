//! Bots: accounts of programs, and their tokens.

use super::{PublicId, SessionId, Timestamp};

/// What a token lets a bot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(pub u8);

impl Scopes {
    /// What changes nothing.
    pub const READ: u8 = 1;
    /// Messages and what hangs on them.
    pub const WRITE: u8 = 2;
    /// The bot's own flows and their hooks.
    pub const MANAGE: u8 = 4;
    /// Everything that a token can.
    pub const ALL: Self = Self(7);

    const WORDS: [(&'static str, u8); 3] = [
        ("read", Self::READ),
        ("write", Self::WRITE),
        ("manage", Self::MANAGE),
    ];

    /// Tells whether one scope is among them.
    #[must_use]
    pub fn has(self, scope: u8) -> bool {
        self.0 & scope != 0
    }

    /// Reads words; `None`: none, or one that is unknown.
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

    /// Their words.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let words = Self::WORDS.iter();
        words
            .filter(|(_, bit)| self.has(*bit))
            .map(|(word, _)| *word)
            .collect()
    }
}

/// A bot, as whoever owns it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its login.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// Login of its owner; `None`: the operator's.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many tokens it has.
    pub tokens: i64,
}

/// A token of a bot; the token itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotToken {
    /// Row number, by which it can be revoked.
    pub id: SessionId,
    /// What it is for.
    pub label: Option<String>,
    /// What it lets the bot do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, give or take an hour; `None`: never.
    pub used_at: Option<Timestamp>,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// Something that people can type after "/" to a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotCommand {
    /// What is typed.
    pub name: String,
    /// What it does.
    pub description: String,
}

impl BotCommand {
    /// Characters of a name at most.
    pub const MAX_NAME: usize = 32;
    /// Characters of a description at most.
    pub const MAX_DESCRIPTION: usize = 100;

    /// A command, if its name is one word of a to z, digits and `_`, and its description can be read; both are
    /// bounded.
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
