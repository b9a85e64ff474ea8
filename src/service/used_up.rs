//! What an account, a connection or an address can use up.

/// A limit on what one account uses of what belongs to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Flows made within a day.
    FlowsPerDay,
    /// Groups and channels owned.
    FlowsOwned,
    /// Invitations that somebody can still use.
    Invitations,
    /// Edits of one message.
    Edits,
    /// Messages sent within a minute.
    Messages,
    /// The same, of a bot.
    BotMessages,
    /// Members added to flows within a minute.
    Members,
    /// Changes of the profile within an hour.
    ProfileChanges,
}

impl Quota {
    /// The key of the configuration that sets it.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Self::FlowsPerDay => "limits.flows_per_day",
            Self::FlowsOwned => "limits.flows_owned",
            Self::Invitations => "limits.invitations",
            Self::Edits => "limits.edits_per_message",
            Self::Messages => "limits.messages_per_minute",
            Self::BotMessages => "limits.bot_messages_per_minute",
            Self::Members => "limits.members_per_minute",
            Self::ProfileChanges => "limits.profile_changes_per_hour",
        }
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// Those of one connection.
    Connection,
    /// Those of one account, over all its connections.
    Account,
    /// Those from one address.
    Address,
}

impl Payer {
    /// The word for it in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Account => "account",
            Self::Address => "address",
        }
    }
}
