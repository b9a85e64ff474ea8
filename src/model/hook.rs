//! Incoming hooks: addresses to which programs post messages.

use super::{HookId, Picture, PublicId, Timestamp};

/// A hook as the owner of its flow sees it; the secret itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Row number, used to revoke the hook.
    pub id: HookId,
    /// Its name.
    pub name: String,
    /// The first characters of the secret.
    pub hint: String,
    /// The flow that it writes to.
    pub flow: PublicId,
    /// Title of that flow.
    pub title: Option<String>,
    /// The bot that writes.
    pub bot: PublicId,
    /// Login of that bot.
    pub login: String,
    /// The user who made it; `None`: the operator.
    pub maker: Option<PublicId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// How many times it was used.
    pub uses: i64,
    /// Its picture.
    pub picture: Option<Picture>,
}

/// How loud a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loudness {
    /// No device is notified.
    Silent,
    /// As for any message.
    #[default]
    Usual,
    /// Devices are notified at once, including those that want only mentions.
    Loud,
}

impl Loudness {
    /// Returns the number in the table; `None` for the usual loudness.
    #[must_use]
    pub fn number(self) -> Option<i64> {
        match self {
            Self::Silent => Some(0),
            Self::Usual => None,
            Self::Loud => Some(2),
        }
    }
}
