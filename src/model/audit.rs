//! What administrators and the operator did, as administrators read it.

use super::{PublicId, Timestamp};

/// What was done. Each is in the file and on the wire by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// An account was made.
    AccountMade,
    /// The name of an account was changed.
    AccountRenamed,
    /// Something else about an account was changed.
    AccountChanged,
    /// An account was kept from signing in.
    AccountSuspended,
    /// A suspended account was let in again.
    AccountResumed,
    /// An account was emptied for good.
    AccountRemoved,
    /// An account was made an administrator's.
    AdminGiven,
    /// An account is an administrator's no longer.
    AdminTaken,
    /// What an account may store was changed.
    QuotaSet,
    /// A password was replaced.
    PasswordSet,
    /// A link for a new password was made.
    ResetLinkMade,
    /// A device was signed out.
    SessionEnded,
    /// All devices of an account were signed out.
    SessionsEnded,
    /// An invitation was made.
    InvitationMade,
    /// An invitation was taken back.
    InvitationRevoked,
    /// Who may register was changed.
    RegistrationSet,
    /// A flow was made.
    FlowMade,
    /// A flow was removed with its messages.
    FlowRemoved,
    /// Somebody was brought into a flow.
    MemberAdded,
    /// Somebody was taken out of a flow.
    MemberRemoved,
    /// A flow was given to another owner.
    OwnerSet,
    /// A member was made a moderator, or one no longer.
    LevelSet,
    /// A message was written in somebody's name.
    MessageSent,
    /// A message was deleted.
    MessageDeleted,
    /// Old messages were removed.
    MessagesPruned,
    /// A copy of the database was made.
    BackupMade,
    /// A copy of the database was put back.
    BackupRestored,
    /// The database of the Python server was taken over.
    ArchiveTaken,
    /// A bot was made.
    BotMade,
    /// A bot was removed.
    BotRemoved,
    /// A token of a bot was made.
    TokenMade,
    /// A token of a bot was ended.
    TokenRevoked,
    /// A hook was made.
    HookMade,
    /// A hook was ended.
    HookRevoked,
    /// An outgoing hook was made.
    OutgoingMade,
    /// An outgoing hook was removed.
    OutgoingRemoved,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::AccountMade,
        Self::AccountRenamed,
        Self::AccountChanged,
        Self::AccountSuspended,
        Self::AccountResumed,
        Self::AccountRemoved,
        Self::AdminGiven,
        Self::AdminTaken,
        Self::QuotaSet,
        Self::PasswordSet,
        Self::ResetLinkMade,
        Self::SessionEnded,
        Self::SessionsEnded,
        Self::InvitationMade,
        Self::InvitationRevoked,
        Self::RegistrationSet,
        Self::FlowMade,
        Self::FlowRemoved,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::OwnerSet,
        Self::LevelSet,
        Self::MessageSent,
        Self::MessageDeleted,
        Self::MessagesPruned,
        Self::BackupMade,
        Self::BackupRestored,
        Self::ArchiveTaken,
        Self::BotMade,
        Self::BotRemoved,
        Self::TokenMade,
        Self::TokenRevoked,
        Self::HookMade,
        Self::HookRevoked,
        Self::OutgoingMade,
        Self::OutgoingRemoved,
    ];

    /// The word of it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AccountMade => "account_made",
            Self::AccountRenamed => "account_renamed",
            Self::AccountChanged => "account_changed",
            Self::AccountSuspended => "account_suspended",
            Self::AccountResumed => "account_resumed",
            Self::AccountRemoved => "account_removed",
            Self::AdminGiven => "admin_given",
            Self::AdminTaken => "admin_taken",
            Self::QuotaSet => "quota_set",
            Self::PasswordSet => "password_set",
            Self::ResetLinkMade => "reset_link_made",
            Self::SessionEnded => "session_ended",
            Self::SessionsEnded => "sessions_ended",
            Self::InvitationMade => "invitation_made",
            Self::InvitationRevoked => "invitation_revoked",
            Self::RegistrationSet => "registration_set",
            Self::FlowMade => "flow_made",
            Self::FlowRemoved => "flow_removed",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::OwnerSet => "owner_set",
            Self::LevelSet => "level_set",
            Self::MessageSent => "message_sent",
            Self::MessageDeleted => "message_deleted",
            Self::MessagesPruned => "messages_pruned",
            Self::BackupMade => "backup_made",
            Self::BackupRestored => "backup_restored",
            Self::ArchiveTaken => "archive_taken",
            Self::BotMade => "bot_made",
            Self::BotRemoved => "bot_removed",
            Self::TokenMade => "token_made",
            Self::TokenRevoked => "token_revoked",
            Self::HookMade => "hook_made",
            Self::HookRevoked => "hook_revoked",
            Self::OutgoingMade => "outgoing_made",
            Self::OutgoingRemoved => "outgoing_removed",
        }
    }
}

/// An account as the list of what was done names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its login; of who did something, as it was then. `None`: the account was deleted since.
    pub login: Option<String>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Row number; later ones have greater numbers.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it; `None`: the operator, by a command.
    pub by: Option<Named>,
    /// The word of the [`Act`].
    pub act: String,
    /// Whom it was done to.
    pub user: Option<Named>,
    /// What it was done to, as it was called then.
    pub what: Option<String>,
    /// What became of it: a word, a number or a name.
    pub detail: Option<String>,
}
