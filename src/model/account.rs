//! A user's own account: what only its owner sees and sets.

/// How much a notification says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushContent {
    /// The beginning of its text.
    Full,
    /// The author and the flow.
    #[default]
    Names,
    /// Only that there is a new message.
    None,
}

impl PushContent {
    const ALL: [Self; 3] = [Self::Full, Self::Names, Self::None];

    /// Returns the word for this value, in tables and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Names => "names",
            Self::None => "none",
        }
    }

    /// Parses a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|content| content.as_str() == word)
    }
}

/// The address at which a device is notified. Anybody who knows the endpoint can send to it, but nothing
/// that the device can read.
#[derive(Clone, PartialEq, Eq)]
pub struct PushAddress {
    /// The address at the device's push service.
    pub endpoint: String,
    /// The public key of the device.
    pub p256dh: Vec<u8>,
    /// Its secret.
    pub auth: Vec<u8>,
}

impl std::fmt::Debug for PushAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushAddress").finish_non_exhaustive()
    }
}

/// An account as its owner sees it, besides the profile that everybody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of an account"
)]
pub struct OwnAccount {
    /// Whether the owner is an administrator.
    pub is_admin: bool,
    /// Whether the account belongs to a program.
    pub is_bot: bool,
    /// Whether the owner may invite people to this server, as configured; set by [`crate::service`].
    pub may_invite: bool,
    /// Whether the owner may create bots; set by [`crate::service`].
    pub may_make_bots: bool,
    /// Whether the owner may request previews of pages; set by [`crate::service`].
    pub may_preview: bool,
    /// Whether the owner is asked before being added to a flow.
    pub ask_first: bool,
    /// Whether others see when the owner was last online, and the owner sees the same about them.
    pub share_seen: bool,
    /// Whether others see how far the owner has read, and the owner sees the same about them.
    pub share_read: bool,
    /// What notifications say.
    pub push_content: PushContent,
    /// Limit of the owner's files in bytes; 0: no limit. `None`: as configured, which [`crate::service`]
    /// knows.
    pub quota: Option<i64>,
    /// Bytes of files that the owner has attached, or has uploaded and not yet used.
    pub used: i64,
}

/// Changes to one's own account; `None` keeps the present value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountEdit {
    /// Whether the owner is asked before being added to a flow.
    pub ask_first: Option<bool>,
    /// Whether others see when the owner was last online, and the owner sees the same about them.
    pub share_seen: Option<bool>,
    /// Whether others see how far the owner has read, and the owner sees the same about them.
    pub share_read: Option<bool>,
    /// What notifications say.
    pub push_content: Option<PushContent>,
}
