//! The refusals of the service, as values: each face puts them into its own words.
//!
//! A new refusal is a variant here, with its key and values in
//! `Refusal::described`; `protocol/wording.rs` gives it a code and a sentence, `docs/protocol.md`
//! a row, and the web client's languages a phrase.

#![deny(clippy::wildcard_enum_match_arm)]

use std::fmt;
use std::time::Duration;

use super::refusal_value::Value;
use super::rooms::RoomRefusal;
use super::thing::{Field, Thing};
use super::upload_place::UploadPlace;
use super::used_up::{Payer, Quota};
use crate::auth::Weakness;
use crate::model::InvalidLogin;

/// A request that is refused, through no fault of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong login or password; it does not reveal which.
    BadCredentials,
    /// No session of that user has this token.
    NoSession,
    /// Too many failed attempts; the time to wait.
    Throttled(Duration),
    /// Too many accounts were created from that address, or in total; the time to wait.
    TooManyAccounts(Duration),
    /// Too many requests came at once; the time to wait.
    TooManyRequests {
        /// The account or address that is charged.
        payer: Payer,
        /// The time to wait.
        wait: Duration,
    },
    /// An account has used up a quota.
    UsedUp {
        /// The quota.
        quota: Quota,
        /// The limit.
        limit: u32,
        /// The time until there is more; `None`: waiting does not help.
        wait: Option<Duration>,
    },
    /// The login is taken.
    LoginTaken,
    /// The name is, or looks like, the login of another user.
    NameTaken,
    /// The login breaks a rule.
    BadLogin(InvalidLogin),
    /// The password is easy to guess.
    WeakPassword(Weakness),
    /// The email address is not valid.
    BadEmail,
    /// Nobody can register.
    RegistrationClosed,
    /// An invitation is required, but missing or invalid.
    InvitationRequired,
    /// The thing does not exist, or the user may not know of it.
    NotFound(Thing),
    /// The user has no such upload, or it is not complete.
    NoUpload {
        /// The part of the request that names it.
        place: UploadPlace,
    },
    /// The files of the account would exceed its limit.
    QuotaExceeded {
        /// The limit, in bytes.
        limit: u64,
        /// The bytes that are used.
        used: u64,
    },
    /// More files than a message can show.
    TooManyFiles {
        /// The maximum number.
        limit: usize,
    },
    /// The file is not a picture that browsers show.
    NotPicture,
    /// More users were requested than the server returns.
    TooManyUsers {
        /// The maximum number.
        limit: usize,
    },
    /// A value is larger than the server accepts.
    TooLarge {
        /// The field.
        what: Field,
        /// The limit, in the field's unit.
        limit: usize,
    },
    /// A message without text and files.
    EmptyMessage,
    /// The user may not write in that channel.
    NotWriter,
    /// The other user of the chat has deleted their account.
    PartnerDeleted,
    /// One of the two users in the chat blocks the other.
    Blocked,
    /// Users cannot block themselves.
    BlocksSelf,
    /// The user blocks the maximum number of users.
    TooManyBlocked {
        /// The maximum number.
        limit: usize,
    },
    /// The flow or the message must not be forwarded.
    NotForwardable,
    /// The user may not pin in that flow.
    NotPinner,
    /// The maximum number of messages is pinned.
    TooManyPins {
        /// The maximum number.
        limit: usize,
    },
    /// Only chats can be hidden.
    NotHideable,
    /// Forwarded messages and polls cannot be edited.
    NotEditable,
    /// More users are mentioned than one message may mention.
    TooManyMentions {
        /// The maximum number.
        limit: usize,
    },
    /// In a large group, ordinary members may not mention everyone.
    NotForEveryone {
        /// Maximum number of members of a group in which every member may.
        members: i64,
    },
    /// A poll has too many or too few options, or a text that is empty or too long.
    BadPoll {
        /// The maximum number of options.
        limit: usize,
    },
    /// The vote names an option that the poll does not have, or too many options.
    BadVote,
    /// The poll takes no more votes.
    PollClosed,
    /// The poll belongs to another user.
    NotPollOwner,
    /// A reaction is one emoji.
    BadReaction,
    /// The user has the maximum number of reactions to the message.
    TooManyReactions {
        /// The maximum number.
        limit: i64,
    },
    /// The message has the maximum number of different reactions.
    TooManyEmoji {
        /// The maximum number.
        limit: i64,
    },
    /// The message belongs to another user.
    NotAuthor,
    /// The message is not the user's own, and the user may not delete messages of others there.
    NotRemover,
    /// The flow belongs to another user.
    NotOwner,
    /// The other user has the same or a higher level in the flow.
    Outranked,
    /// A user's saved messages can be neither renamed, joined nor left.
    SavedIsFixed,
    /// A member's level must be one of two.
    BadLevel,
    /// The owner's level changes only when the flow is handed over.
    OwnerKeepsLevel,
    /// A timer of disappearing messages must be 0 or within limits.
    BadTimer {
        /// The minimum, in seconds.
        least: i64,
        /// The maximum, in seconds.
        most: i64,
    },
    /// A new flow must belong to the user who creates it.
    OwnerMustBeMaker,
    /// The new owner is not a member.
    OwnerMustBeMember,
    /// The members and the owner of a chat do not change.
    ChatIsFixed,
    /// A chat has two members.
    NotTwoMembers,
    /// A chat of these two users exists already.
    ChatExists,
    /// Numbers of messages begin at 0.
    NegativeNumber,
    /// The `txn` was used before to create a flow.
    TxnMadeFlow,
    /// The `txn` was used before to create a message.
    TxnMadeMessage,
    /// The user may not invite.
    NotInviter,
    /// Only administrators of the server may do this.
    NotAdministrator,
    /// A bot's token was sent for a request that only people may make.
    NotForBots,
    /// Nobody would be left to administer the server.
    LastAdministrator,
    /// The user's own password is required again, but missing.
    PasswordNeeded,
    /// The account may not be used at present.
    Suspended,
    /// An invitation cannot lead to a chat.
    InvitationToChat,
    /// The number of uses of an invitation must be between one and a maximum.
    InvitationUses {
        /// The maximum number of uses.
        limit: i64,
    },
    /// A member's invitation may only have limited uses and days.
    InvitationTooWide {
        /// The maximum number of uses.
        uses: i64,
        /// The maximum number of days.
        days: i64,
    },
    /// The expiry is in the past.
    ExpiresInPast,
    /// The invitation does not lead to a flow.
    InvitationWithoutFlow,
    /// The user is banned from the flow.
    Banned,
    /// A room does not have the state that the request requires.
    Room(RoomRefusal),
    /// The same task is already running.
    AlreadyRunning,
    /// The same was done a moment ago; the time to wait.
    TooSoon(Duration),
    /// The backups cannot be read or made; the log says why.
    BackupFailed,
    /// This server sends no notifications.
    PushOff,
    /// This server does not make previews of pages.
    PreviewsOff,
    /// A device cannot be notified at that address.
    BadSubscription {
        /// What is wrong with the address.
        what: &'static str,
    },
    /// The device has not subscribed to notifications.
    PushMissing,
    /// The push service no longer knows the device.
    PushGone,
    /// The push service refuses to notify the device.
    PushRefused {
        /// The status of its answer.
        status: u16,
    },
    /// The push service does not respond.
    PushUnreachable,
    /// Several invitations begin with these characters.
    AmbiguousInvitation,
    /// The full-text index is being rebuilt.
    SearchUnready {
        /// Progress in per cent.
        percent: u8,
    },
    /// A bot's token does not have the permission.
    OutOfScope,
    /// The user may not make bots.
    NotBotMaker,
    /// The user has the maximum number of bots.
    TooManyBots {
        /// The maximum number.
        limit: i64,
    },
    /// The bot has the maximum number of tokens.
    TooManyTokens {
        /// The maximum number.
        limit: usize,
    },
    /// Only a bot that is one of the two users can have hooks into a chat.
    HookInChat,
    /// The name of a hook has no visible characters.
    HookNeedsName,
    /// A bot has too many commands, or one is not valid.
    BadCommands {
        /// The maximum number.
        limit: usize,
    },
    /// An outgoing hook cannot post to its address.
    BadHookUrl {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The flow has the maximum number of hooks.
    TooManyHooks {
        /// The maximum number.
        limit: i64,
    },
    /// The sender is not a member of the flow.
    SenderNotMember,
    /// No administrator is one of the two users of the chat.
    NoAdministratorInChat,
    /// There is no administrator to send as.
    NoAdministrator,
}

impl Refusal {
    /// Returns the stable name by which programs identify this refusal: the variant in `snake_case`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.described().0
    }

    /// Returns the values for the sentence, by name. Waiting times are in whole seconds, at least one.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        self.described().1
    }

    /// Returns the key and the values: one line for each variant.
    #[expect(
        clippy::too_many_lines,
        reason = "one line a refusal, all in one table"
    )]
    fn described(&self) -> (&'static str, Vec<(&'static str, Value)>) {
        match self {
            Self::BadCredentials => ("bad_credentials", vec![]),
            Self::NoSession => ("no_session", vec![]),
            Self::Throttled(wait) => ("throttled", vec![("seconds", (*wait).into())]),
            Self::TooManyAccounts(wait) => ("too_many_accounts", vec![("seconds", (*wait).into())]),
            Self::TooManyRequests { payer, wait } => (
                "too_many_requests",
                vec![("seconds", (*wait).into()), ("of", payer.as_str().into())],
            ),
            Self::UsedUp { quota, limit, wait } => {
                (used_up_key(*quota), used_up(*quota, *limit, *wait))
            }
            Self::LoginTaken => ("login_taken", vec![]),
            Self::NameTaken => ("name_taken", vec![]),
            Self::BadLogin(rule) => ("bad_login", vec![("rule", rule.as_str().into())]),
            Self::WeakPassword(why) => ("weak_password", vec![("why", why.as_str().into())]),
            Self::BadEmail => ("bad_email", vec![]),
            Self::RegistrationClosed => ("registration_closed", vec![]),
            Self::InvitationRequired => ("invitation_required", vec![]),
            Self::NotFound(thing) => ("not_found", vec![("what", thing.as_str().into())]),
            Self::NoUpload { place } => ("no_upload", vec![("place", (*place).into())]),
            Self::QuotaExceeded { limit, used } => (
                "quota_exceeded",
                vec![
                    ("limit", Value::Number(*limit)),
                    ("used", Value::Number(*used)),
                ],
            ),
            Self::TooManyFiles { limit } => ("too_many_files", vec![("limit", (*limit).into())]),
            Self::NotPicture => ("not_picture", vec![]),
            Self::TooManyUsers { limit } => ("too_many_users", vec![("limit", (*limit).into())]),
            Self::TooLarge { what, limit } => (
                "too_large",
                vec![
                    ("what", what.as_str().into()),
                    ("limit", (*limit).into()),
                    ("unit", what.unit().as_str().into()),
                ],
            ),
            Self::EmptyMessage => ("empty_message", vec![]),
            Self::NotWriter => ("not_writer", vec![]),
            Self::PartnerDeleted => ("partner_deleted", vec![]),
            Self::Blocked => ("blocked", vec![]),
            Self::BlocksSelf => ("blocks_self", vec![]),
            Self::TooManyBlocked { limit } => {
                ("too_many_blocked", vec![("limit", (*limit).into())])
            }
            Self::NotForwardable => ("not_forwardable", vec![]),
            Self::NotPinner => ("not_pinner", vec![]),
            Self::TooManyPins { limit } => ("too_many_pins", vec![("limit", (*limit).into())]),
            Self::NotHideable => ("not_hideable", vec![]),
            Self::NotEditable => ("not_editable", vec![]),
            Self::TooManyMentions { limit } => {
                ("too_many_mentions", vec![("limit", (*limit).into())])
            }
            Self::NotForEveryone { members } => {
                ("not_for_everyone", vec![("members", (*members).into())])
            }
            Self::BadPoll { limit } => ("bad_poll", vec![("limit", (*limit).into())]),
            Self::BadVote => ("bad_vote", vec![]),
            Self::PollClosed => ("poll_closed", vec![]),
            Self::NotPollOwner => ("not_poll_owner", vec![]),
            Self::BadReaction => ("bad_reaction", vec![]),
            Self::TooManyReactions { limit } => {
                ("too_many_reactions", vec![("limit", (*limit).into())])
            }
            Self::TooManyEmoji { limit } => ("too_many_emoji", vec![("limit", (*limit).into())]),
            Self::NotAuthor => ("not_author", vec![]),
            Self::Outranked => ("outranked", vec![]),
            Self::SavedIsFixed => ("saved_is_fixed", vec![]),
            Self::BadLevel => ("bad_level", vec![]),
            Self::OwnerKeepsLevel => ("owner_keeps_level", vec![]),
            Self::BadTimer { least, most } => (
                "bad_timer",
                vec![("least", (*least).into()), ("most", (*most).into())],
            ),
            Self::NotRemover => ("not_remover", vec![]),
            Self::NotOwner => ("not_owner", vec![]),
            Self::OwnerMustBeMaker => ("owner_must_be_maker", vec![]),
            Self::OwnerMustBeMember => ("owner_must_be_member", vec![]),
            Self::ChatIsFixed => ("chat_is_fixed", vec![]),
            Self::NotTwoMembers => ("not_two_members", vec![]),
            Self::ChatExists => ("chat_exists", vec![]),
            Self::NegativeNumber => ("negative_number", vec![]),
            Self::TxnMadeFlow => ("txn_made_flow", vec![]),
            Self::TxnMadeMessage => ("txn_made_message", vec![]),
            Self::NotInviter => ("not_inviter", vec![]),
            Self::NotAdministrator => ("not_administrator", vec![]),
            Self::NotForBots => ("not_for_bots", vec![]),
            Self::LastAdministrator => ("last_administrator", vec![]),
            Self::PasswordNeeded => ("password_needed", vec![]),
            Self::Suspended => ("suspended", vec![]),
            Self::InvitationToChat => ("invitation_to_chat", vec![]),
            Self::InvitationUses { limit } => (
                "invitation_uses",
                vec![("limit", Value::Number(limit.unsigned_abs()))],
            ),
            Self::InvitationTooWide { uses, days } => (
                "invitation_too_wide",
                vec![("uses", (*uses).into()), ("days", (*days).into())],
            ),
            Self::ExpiresInPast => ("expires_in_past", vec![]),
            Self::InvitationWithoutFlow => ("invitation_without_flow", vec![]),
            Self::Banned => ("banned", vec![]),
            Self::Room(why) => ("room", vec![("what", why.as_str().into())]),
            Self::AlreadyRunning => ("already_running", vec![]),
            Self::TooSoon(wait) => ("too_soon", vec![("seconds", (*wait).into())]),
            Self::BackupFailed => ("backup_failed", vec![]),
            Self::PushOff => ("push_off", vec![]),
            Self::PreviewsOff => ("previews_off", vec![]),
            Self::BadSubscription { what } => ("bad_subscription", vec![("what", (*what).into())]),
            Self::PushMissing => ("push_missing", vec![]),
            Self::PushGone => ("push_gone", vec![]),
            Self::PushRefused { status } => (
                "push_refused",
                vec![("status", Value::Number(u64::from(*status)))],
            ),
            Self::PushUnreachable => ("push_unreachable", vec![]),
            Self::AmbiguousInvitation => ("ambiguous_invitation", vec![]),
            Self::SearchUnready { percent } => (
                "search_unready",
                vec![("percent", Value::Number(u64::from(*percent)))],
            ),
            Self::OutOfScope => ("out_of_scope", vec![]),
            Self::NotBotMaker => ("not_bot_maker", vec![]),
            Self::TooManyBots { limit } => ("too_many_bots", vec![("limit", (*limit).into())]),
            Self::TooManyTokens { limit } => ("too_many_tokens", vec![("limit", (*limit).into())]),
            Self::HookInChat => ("hook_in_chat", vec![]),
            Self::HookNeedsName => ("hook_needs_name", vec![]),
            Self::BadCommands { limit } => ("bad_commands", vec![("limit", (*limit).into())]),
            Self::BadHookUrl { what } => ("bad_hook_url", vec![("what", (*what).into())]),
            Self::TooManyHooks { limit } => ("too_many_hooks", vec![("limit", (*limit).into())]),
            Self::SenderNotMember => ("sender_not_member", vec![]),
            Self::NoAdministratorInChat => ("no_administrator_in_chat", vec![]),
            Self::NoAdministrator => ("no_administrator", vec![]),
        }
    }
}

/// Returns the stable name of a refusal for a quota that is used up.
fn used_up_key(quota: Quota) -> &'static str {
    match quota {
        Quota::FlowsPerDay => "too_many_flows_today",
        Quota::FlowsOwned => "too_many_flows",
        Quota::Invitations => "too_many_invitations",
        Quota::Edits => "too_many_edits",
        Quota::Messages | Quota::BotMessages => "too_many_messages",
        Quota::Members => "too_many_members",
        Quota::ProfileChanges => "too_many_profile_changes",
    }
}

fn used_up(quota: Quota, limit: u32, wait: Option<Duration>) -> Vec<(&'static str, Value)> {
    let mut values = vec![
        ("limit", Value::Number(limit.into())),
        ("setting", quota.setting().into()),
    ];
    values.extend(wait.map(|wait| ("seconds", wait.into())));
    values
}

impl fmt::Display for Refusal {
    /// Writes the key and the values, for the log and for faces that have no words of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())?;
        for (name, value) in self.values() {
            match value {
                Value::Text(text) => write!(f, " {name}={text}")?,
                Value::Number(number) => write!(f, " {name}={number}")?,
            }
        }
        Ok(())
    }
}
