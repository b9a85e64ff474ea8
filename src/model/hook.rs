//! Incoming hooks: addresses at which programs post messages.

use super::{HookId, Picture, PublicId, Timestamp};

/// A hook as its flow's owner sees it; the secret itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Row number, by which it can be revoked.
    pub id: HookId,
    /// What it is called.
    pub name: String,
    /// First characters of the secret.
    pub hint: String,
    /// The flow that it writes to.
    pub flow: PublicId,
    /// Title of that flow.
    pub title: Option<String>,
    /// The bot that writes.
    pub bot: PublicId,
    /// Login of that bot.
    pub login: String,
    /// Who made it; `None`: the operator.
    pub maker: Option<PublicId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
    /// How often it was used.
    pub uses: i64,
    /// Its picture.
    pub picture: Option<Picture>,
}

/// How loud a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loudness {
    /// No device is notified.
    Silent,
    /// As any message.
    #[default]
    Usual,
    /// Devices are notified at once, also those that only want to hear of mentions.
    Loud,
}

impl Loudness {
    /// The number in the table; `None` for what is usual.
    #[must_use]
    pub fn number(self) -> Option<i64> {
        match self {
            Self::Silent => Some(0),
            Self::Usual => None,
            Self::Loud => Some(2),
        }
    }
}
