//! Somebody's own account: what only its owner sees and sets.

/// What a notification says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushContent {
    /// The beginning of its text.
    Full,
    /// Who wrote, and where.
    #[default]
    Names,
    /// That there is something.
    None,
}

impl PushContent {
    const ALL: [Self; 3] = [Self::Full, Self::Names, Self::None];

    /// The word for it, in tables and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Names => "names",
            Self::None => "none",
        }
    }

    /// What a word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|content| content.as_str() == word)
    }
}

/// Where a device is notified. Whoever knows the address can send, though nothing that can be read.
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

/// An account as its owner finds it, besides the profile that everybody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of an account"
)]
pub struct OwnAccount {
    /// An administrator's.
    pub is_admin: bool,
    /// A program's.
    pub is_bot: bool,
    /// May invite people to this server, as it is configured; [`crate::service`] says so.
    pub may_invite: bool,
    /// May make bots, as the server is configured; [`crate::service`] says so.
    pub may_make_bots: bool,
    /// May have pages asked what they say of themselves; [`crate::service`] says so.
    pub may_preview: bool,
    /// The owner is asked before being brought into a flow.
    pub ask_first: bool,
    /// Others see when the owner was here, and the owner sees it of them.
    pub share_seen: bool,
    /// Others see how far the owner has read, and the owner sees it of them.
    pub share_read: bool,
    /// What notifications say.
    pub push_content: PushContent,
    /// Bytes of files that the owner may have; 0: any number. `None`: as configured, which
    /// [`crate::service`] says.
    pub quota: Option<i64>,
    /// Bytes of files that the owner has attached, or uploaded and not yet shown.
    pub used: i64,
}

/// Changes to an own account; `None` leaves as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountEdit {
    /// The owner is asked before being brought into a flow.
    pub ask_first: Option<bool>,
    /// Others see when the owner was here, and the owner sees it of them.
    pub share_seen: Option<bool>,
    /// Others see how far the owner has read, and the owner sees it of them.
    pub share_read: Option<bool>,
    /// What notifications say.
    pub push_content: Option<PushContent>,
}
