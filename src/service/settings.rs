//! The settings of the service.

use std::time::Duration;

use super::uploads::FileLimits;
use crate::config::{Directory, Registration};
use crate::hub::QueueLimits;

/// The period in which new accounts are counted.
pub(super) const REGISTRATIONS_WINDOW: Duration = Duration::from_hours(1);

/// Number of addresses that can use up their limit of registrations before registration is blocked for
/// everybody for a while: a client with many addresses is not stopped by a limit per address.
pub(super) const REGISTERING_ADDRESSES: u32 = 10;

/// Maximum length of a title and a username, in characters. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_NAME_CHARS: usize = 256;

/// Maximum length of an info and a bio, in bytes: 4 KiB. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_INFO_BYTES: usize = 4 * 1024;

/// Maximum size of an avatar, in bytes: 512 KiB. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_AVATAR_BYTES: usize = 512 * 1024;

/// Maximum number of members of a flow. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_MEMBERS: usize = 1000;

/// Number of members above which a change of a flow, and number of flows above which the end of an
/// account, is so large that other writes must not wait for it.
pub(super) const LARGE: usize = 32;

/// Maximum length of an email address, in bytes. Source: RFC 5321, 4.5.3.1.3.
pub(super) const MAX_EMAIL_BYTES: usize = 254;

/// The settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of this server for clients, without a trailing slash.
    pub public_url: String,
    /// The same address if the operator has configured it: only then is it known to work from everywhere.
    pub page_url: Option<String>,
    /// Who may register.
    pub registration: Registration,
    /// Number of accounts that one address may create per hour while registration is open; 0: any number.
    pub registrations: u32,
    /// How long a token stays valid after its last use.
    pub token_ttl: Duration,
    /// Maximum number of failed logins of one account within the window; 0: any number.
    pub login_attempts: u32,
    /// The window for failed logins.
    pub login_window: Duration,
    /// Whether every member may invite, and not only administrators.
    pub members_invite: bool,
    /// Whether members may make bots.
    pub members_make_bots: bool,
    /// Which users a search without a text shows.
    pub directory: Directory,
    /// Limits on requests and answers.
    pub limits: Limits,
    /// Limits of what may be queued for one connection.
    pub queue: QueueLimits,
}

/// Limits on requests and answers.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Maximum number of messages in an answer.
    pub messages: usize,
    /// Maximum number of users in a request.
    pub users: usize,
    /// Maximum number of devices on which one account is signed in.
    pub sessions_per_user: usize,
    /// Maximum number of separately sent files that a message shows.
    pub message_files: usize,
    /// Maximum size of a message's text, in bytes.
    pub text_bytes: usize,
    /// Maximum total size of a message's files, in bytes.
    pub files_bytes: usize,
    /// Approximate maximum size of an answer, in bytes.
    pub answer_bytes: usize,
    /// Average number of requests of one connection per second; 0: any number.
    pub requests_per_second: u32,
    /// Number of requests of one connection at once.
    pub burst: u32,
    /// Maximum number of different emoji in the reactions to a message.
    pub reactions: usize,
    /// Maximum number of users whom a message mentions by name.
    pub mentions: usize,
    /// Maximum number of pinned messages of a flow.
    pub pins: usize,
    /// Maximum number of options of a poll.
    pub poll_options: usize,
    /// The quotas of one account.
    pub quotas: Quotas,
    /// The limits of files.
    pub files: FileLimits,
}

/// Limits of the shared resources that one account may use; 0: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// Flows created within a day.
    pub flows_per_day: u32,
    /// Groups and channels owned.
    pub flows_owned: u32,
    /// Messages sent within a minute.
    pub messages_per_minute: u32,
    /// Messages sent by a bot within a minute.
    pub bot_messages_per_minute: u32,
    /// Invitations that can still be used.
    pub invitations: u32,
    /// Edits of one message.
    pub edits_per_message: u32,
    /// Changes of the profile within an hour.
    pub profile_changes_per_hour: u32,
    /// Members added to flows within a minute.
    pub members_per_minute: u32,
}
