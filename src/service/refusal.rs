//! What the service refuses, as values: each face words them for whoever it talks to.
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

/// What was asked for and is not done, through no fault of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong login or password; never says which.
    BadCredentials,
    /// No session of that user has this token.
    NoSession,
    /// Too many failed attempts; how long to wait.
    Throttled(Duration),
    /// Too many accounts were made from that address, or by everybody; how long to wait.
    TooManyAccounts(Duration),
    /// Too many requests came at once; how long to wait.
    TooManyRequests {
        /// Whose.
        payer: Payer,
        /// How long.
        wait: Duration,
    },
    /// An account has used up what it may use.
    UsedUp {
        /// Of what.
        quota: Quota,
        /// How much it may use.
        limit: u32,
        /// How long until there is more; `None`: waiting does not help.
        wait: Option<Duration>,
    },
    /// Somebody has that login.
    LoginTaken,
    /// The name is, or looks like, somebody else's login.
    NameTaken,
    /// The login breaks a rule.
    BadLogin(InvalidLogin),
    /// The password is easy to guess.
    WeakPassword(Weakness),
    /// The address is none.
    BadEmail,
    /// Nobody can register.
    RegistrationClosed,
    /// An invitation is needed, and there is none or it is used up.
    InvitationRequired,
    /// No such thing, or none that this user may know of.
    NotFound(Thing),
    /// The user has no such upload, or it is not complete.
    NoUpload {
        /// Where the request names it.
        place: UploadPlace,
    },
    /// The files of the account would be more than it may have.
    QuotaExceeded {
        /// Bytes that it may have.
        limit: u64,
        /// Bytes that it has.
        used: u64,
    },
    /// More files than a message shows.
    TooManyFiles {
        /// How many it shows.
        limit: usize,
    },
    /// What was to be a picture is none that browsers show.
    NotPicture,
    /// More users asked for than the server gives.
    TooManyUsers {
        /// How many it gives.
        limit: usize,
    },
    /// Something larger than the server takes.
    TooLarge {
        /// What is.
        what: Field,
        /// How much it may be, in the field's unit.
        limit: usize,
    },
    /// A message without text and files.
    EmptyMessage,
    /// The user does not write in that channel.
    NotWriter,
    /// The other side of the chat has deleted the account.
    PartnerDeleted,
    /// One of the two in the chat blocks the other.
    Blocked,
    /// Nobody blocks themselves.
    BlocksSelf,
    /// The user blocks as many as one may.
    TooManyBlocked {
        /// How many one may.
        limit: usize,
    },
    /// The flow or the message is not to be forwarded.
    NotForwardable,
    /// The user does not pin in that flow.
    NotPinner,
    /// As many messages are pinned as may be.
    TooManyPins {
        /// How many may be.
        limit: usize,
    },
    /// Only chats are hidden.
    NotHideable,
    /// A forwarded message and a poll stay as they are.
    NotEditable,
    /// More people are mentioned than one message may.
    TooManyMentions {
        /// How many it may.
        limit: usize,
    },
    /// In a large group not every member mentions everyone.
    NotForEveryone {
        /// Members up to which every member does.
        members: i64,
    },
    /// The words of a poll are too many, too few or too long.
    BadPoll {
        /// The most options.
        limit: usize,
    },
    /// The vote is for what the poll does not have, or for more than one.
    BadVote,
    /// The poll takes no more votes.
    PollClosed,
    /// The poll is somebody else's.
    NotPollOwner,
    /// A reaction is one emoji.
    BadReaction,
    /// The user reacts to the message in as many ways as one may.
    TooManyReactions {
        /// How many one may.
        limit: i64,
    },
    /// There are as many different reactions to the message as there may be.
    TooManyEmoji {
        /// How many there may be.
        limit: i64,
    },
    /// The message is somebody else's.
    NotAuthor,
    /// The message is neither the user's own nor in a flow of the user's.
    NotRemover,
    /// The flow is somebody else's.
    NotOwner,
    /// The other has as much to say in the flow.
    Outranked,
    /// Somebody's saved messages are neither renamed, joined nor left.
    SavedIsFixed,
    /// A member's level is one of two.
    BadLevel,
    /// The owner's level changes by handing over only.
    OwnerKeepsLevel,
    /// A timer of disappearing messages is off or within bounds.
    BadTimer {
        /// The least, in seconds.
        least: i64,
        /// The most, in seconds.
        most: i64,
    },
    /// A new flow was to be somebody else's.
    OwnerMustBeMaker,
    /// The owner to be is no member.
    OwnerMustBeMember,
    /// A chat's members and owner do not change.
    ChatIsFixed,
    /// A chat has two members.
    NotTwoMembers,
    /// That chat between the two exists.
    ChatExists,
    /// Messages count from 0.
    NegativeNumber,
    /// The `txn` made a flow before.
    TxnMadeFlow,
    /// The `txn` made a message before.
    TxnMadeMessage,
    /// The user may not invite.
    NotInviter,
    /// Only administrators of the server may do this.
    NotAdministrator,
    /// A bot's token was shown for what only people do.
    NotForBots,
    /// Nobody would be left to administer the server.
    LastAdministrator,
    /// The user's own password has to be shown again, and was not.
    PasswordNeeded,
    /// The account may not be used at present.
    Suspended,
    /// An invitation cannot be to a chat.
    InvitationToChat,
    /// An invitation is for one use at least and so many at most.
    InvitationUses {
        /// The most uses.
        limit: i64,
    },
    /// A member's invitation is for so many uses and days at most.
    InvitationTooWide {
        /// The most uses.
        uses: i64,
        /// The most days.
        days: i64,
    },
    /// The time at which something is to end has passed.
    ExpiresInPast,
    /// The invitation leads into no flow.
    InvitationWithoutFlow,
    /// The user is not to come back to the flow.
    Banned,
    /// A room is not as the request takes it to be.
    Room(RoomRefusal),
    /// That is being done at this moment.
    AlreadyRunning,
    /// That was done a moment ago; how long to wait.
    TooSoon(Duration),
    /// The backups cannot be read or made; the log says why.
    BackupFailed,
    /// This server sends no notifications.
    PushOff,
    /// This server asks no pages what they say of themselves.
    PreviewsOff,
    /// A device cannot be notified there.
    BadSubscription {
        /// What is wrong with where.
        what: &'static str,
    },
    /// The device has not asked to be notified.
    PushMissing,
    /// The push service does not know the device any more.
    PushGone,
    /// The push service refuses to notify the device.
    PushRefused {
        /// What it answers.
        status: u16,
    },
    /// The push service does not answer.
    PushUnreachable,
    /// Several invitations begin with those signs.
    AmbiguousInvitation,
    /// The full-text index is being made anew.
    SearchUnready {
        /// How much of it is done, in per cent.
        percent: u8,
    },
    /// A bot's token does not go so far.
    OutOfScope,
    /// Only administrators make bots.
    NotBotMaker,
    /// The user has as many bots as one may.
    TooManyBots {
        /// How many one may.
        limit: i64,
    },
    /// The bot has as many tokens as it may.
    TooManyTokens {
        /// How many it may.
        limit: usize,
    },
    /// Only a bot that is one of the two has hooks into a chat.
    HookInChat,
    /// A hook has no name that can be read.
    HookNeedsName,
    /// Commands of a bot are too many, or one is none.
    BadCommands {
        /// How many there may be.
        limit: usize,
    },
    /// An outgoing hook cannot post to its address.
    BadHookUrl {
        /// What is wrong with it.
        what: &'static str,
    },
    /// There are as many hooks into the flow as there may be.
    TooManyHooks {
        /// How many there may be.
        limit: i64,
    },
    /// Who is to be the sender is no member of the flow.
    SenderNotMember,
    /// No administrator is one of the two of the chat.
    NoAdministratorInChat,
    /// There is no administrator to send as.
    NoAdministrator,
}

impl Refusal {
    /// The stable name by which programs know this refusal: the variant in `snake_case`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.described().0
    }

    /// What belongs into the sentence, by name. Waiting is in whole seconds, at least one.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, Value)> {
        self.described().1
    }

    /// Key and values: one line a variant.
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

/// The stable name of a refusal of what is used up.
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
    /// The key and the values, for the log and for faces that have no words of their own.
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
