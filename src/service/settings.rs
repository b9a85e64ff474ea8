//! What the service is set to.

use std::time::Duration;

use super::uploads::FileLimits;
use crate::config::{Directory, Registration};
use crate::hub::QueueLimits;

/// The time over which new accounts are counted.
pub(super) const REGISTRATIONS_WINDOW: Duration = Duration::from_hours(1);

/// How many addresses may use up what each may register, before nobody can for a while: who has
/// many addresses is not stopped by a limit of each.
pub(super) const REGISTERING_ADDRESSES: u32 = 10;

/// Longest title and username, in characters. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_NAME_CHARS: usize = 256;

/// Longest info and bio, in bytes: 4 KiB. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_INFO_BYTES: usize = 4 * 1024;

/// Largest avatar, in bytes: 512 KiB. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_AVATAR_BYTES: usize = 512 * 1024;

/// Members of a flow at most. Source: MTP 1.0 revision 17, Limits.
pub(super) const MAX_MEMBERS: usize = 1000;

/// Members from which on a change of a flow, and flows from which on the end of an account, is so
/// large that others must not wait for it.
pub(super) const LARGE: usize = 32;

/// Longest address that mail can be sent to, in bytes. Source: RFC 5321, 4.5.3.1.3.
pub(super) const MAX_EMAIL_BYTES: usize = 254;

/// What the service is set to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients find this server, without a slash at its end.
    pub public_url: String,
    /// The same where the operator has said so: only that is known to be right from everywhere.
    pub page_url: Option<String>,
    /// Who may register.
    pub registration: Registration,
    /// Accounts that one address may make in an hour while registration is open; 0: any number.
    pub registrations: u32,
    /// How long a token stays good after its last use.
    pub token_ttl: Duration,
    /// Failed logins of one account within the window; 0: any number.
    pub login_attempts: u32,
    /// That window.
    pub login_window: Duration,
    /// Whether every member may invite, not only administrators.
    pub members_invite: bool,
    /// Whether members make bots.
    pub members_make_bots: bool,
    /// Whom members see who look for people without a name.
    pub directory: Directory,
    /// Limits on requests and answers.
    pub limits: Limits,
    /// How much may wait for one connection.
    pub queue: QueueLimits,
}

/// Limits on requests and answers.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Messages in an answer.
    pub messages: usize,
    /// Users in a request.
    pub users: usize,
    /// Devices that one account is signed in on.
    pub sessions_per_user: usize,
    /// Files that a message shows, of those that are sent by themselves.
    pub message_files: usize,
    /// Text of a message, in bytes.
    pub text_bytes: usize,
    /// Files of a message together, in bytes.
    pub files_bytes: usize,
    /// An answer, in bytes, roughly.
    pub answer_bytes: usize,
    /// Requests of one connection a second, on average; 0: any number.
    pub requests_per_second: u32,
    /// Requests of one connection at once.
    pub burst: u32,
    /// Different emoji of the reactions to a message.
    pub reactions: usize,
    /// People whom a message mentions by name.
    pub mentions: usize,
    /// Messages pinned in a flow.
    pub pins: usize,
    /// Options of a poll.
    pub poll_options: usize,
    /// What one account may use.
    pub quotas: Quotas,
    /// What is taken of files.
    pub files: FileLimits,
}

/// What one account may use of what belongs to all; 0: any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// Flows made within a day.
    pub flows_per_day: u32,
    /// Groups and channels owned.
    pub flows_owned: u32,
    /// Messages sent within a minute.
    pub messages_per_minute: u32,
    /// The same, of a bot.
    pub bot_messages_per_minute: u32,
    /// Invitations that somebody can still use.
    pub invitations: u32,
    /// Edits of one message.
    pub edits_per_message: u32,
    /// Changes of the profile within an hour.
    pub profile_changes_per_hour: u32,
    /// Members added to flows within a minute.
    pub members_per_minute: u32,
}
