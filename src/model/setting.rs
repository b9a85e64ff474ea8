//! The settings of a conversation for one member.

/// A member's settings of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of a conversation"
)]
pub struct FlowSettings {
    /// The second until which it is muted; 0: it is not muted, -1: forever.
    pub muted_until: i64,
    /// Whether the member is notified only of mentions and replies.
    pub mentions_only: bool,
    /// Whether it is archived; its next message ends this unless it is muted.
    pub archived: bool,
    /// Its place at the top of the list, from 1; 0: it is not pinned.
    pub pinned: i64,
    /// Whether it is manually marked as unread.
    pub unread: bool,
    /// Whether it is hidden from the list until its next message.
    pub hidden: bool,
}

/// Changes to a member's settings of a flow; `None` keeps the present value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowSettingsEdit {
    /// The second until which it is muted.
    pub muted_until: Option<i64>,
    /// Whether the member is notified only of mentions and replies.
    pub mentions_only: Option<bool>,
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// Its place at the top of the list.
    pub pinned: Option<i64>,
    /// Whether it is manually marked as unread.
    pub unread: Option<bool>,
    /// Whether it is hidden from the list.
    pub hidden: Option<bool>,
}

impl FlowSettings {
    /// Returns these settings with changes applied.
    #[must_use]
    pub fn with(self, edit: FlowSettingsEdit) -> Self {
        Self {
            muted_until: edit.muted_until.unwrap_or(self.muted_until),
            mentions_only: edit.mentions_only.unwrap_or(self.mentions_only),
            archived: edit.archived.unwrap_or(self.archived),
            pinned: edit.pinned.unwrap_or(self.pinned),
            unread: edit.unread.unwrap_or(self.unread),
            hidden: edit.hidden.unwrap_or(self.hidden),
        }
    }
}
