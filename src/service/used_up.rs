//! Limits that an account, a connection or an address can use up.

/// A limit of the shared resources that one account may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Flows created within a day.
    FlowsPerDay,
    /// Groups and channels owned.
    FlowsOwned,
    /// Invitations that can still be used.
    Invitations,
    /// Edits of one message.
    Edits,
    /// Messages sent within a minute.
    Messages,
    /// Messages sent by a bot within a minute.
    BotMessages,
    /// Members added to flows within a minute.
    Members,
    /// Changes of the profile within an hour.
    ProfileChanges,
}

impl Quota {
    /// Returns the configuration key that sets it.
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

/// The party whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// One connection.
    Connection,
    /// One account, with all its connections.
    Account,
    /// One address.
    Address,
}

impl Payer {
    /// Returns the word for it in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Account => "account",
            Self::Address => "address",
        }
    }
}
