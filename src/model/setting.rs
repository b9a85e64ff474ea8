//! How somebody has set up one conversation for oneself.

/// How a member has set up a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own of a conversation"
)]
pub struct FlowSettings {
    /// Second until which it is quiet; 0: it is not, -1: always.
    pub muted_until: i64,
    /// Only mentions and answers to oneself are told of.
    pub mentions_only: bool,
    /// It is put aside, until its next message unless it is quiet.
    pub archived: bool,
    /// Its place at the top of the list, from 1; 0: none.
    pub pinned: i64,
    /// It is marked as unread by hand.
    pub unread: bool,
    /// It is not in the list until its next message.
    pub hidden: bool,
}

/// Changes to how a member has set up a flow; `None` leaves as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowSettingsEdit {
    /// Second until which it is quiet.
    pub muted_until: Option<i64>,
    /// Only mentions and answers to oneself are told of.
    pub mentions_only: Option<bool>,
    /// It is put aside.
    pub archived: Option<bool>,
    /// Its place at the top of the list.
    pub pinned: Option<i64>,
    /// It is marked as unread by hand.
    pub unread: Option<bool>,
    /// It is not in the list.
    pub hidden: Option<bool>,
}

impl FlowSettings {
    /// These settings with changes.
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
