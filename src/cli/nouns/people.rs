//! Commands about people: accounts, sessions, invitations, bots.

use std::time::Duration;

use crate::cli::answers::{Confirmation, PasswordSource};
use crate::cli::programs::TokenCommand;

/// `user …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCommand {
    /// Creates a user.
    Add {
        /// The login.
        login: String,
        /// The displayed name; otherwise the login.
        username: Option<String>,
        /// The e-mail address.
        email: Option<String>,
        /// `--admin`
        admin: bool,
        /// `--bot`
        bot: bool,
        /// The password.
        password: PasswordSource,
    },
    /// Lists all users.
    List,
    /// Shows one.
    Show {
        /// The login.
        login: String,
    },
    /// Changes one.
    Set {
        /// The login.
        login: String,
        /// What to change.
        changes: UserChanges,
    },
    /// Sets a new password and ends all sessions.
    Passwd {
        /// The login.
        login: String,
        /// The new password.
        password: PasswordSource,
    },
    /// Creates a link with which a user sets a new password.
    Reset {
        /// The login.
        login: String,
    },
    /// Sets the name by which others know a user in Matrix.
    Localpart {
        /// The login.
        login: String,
        /// The name, without the server.
        name: String,
    },
    /// Suspends a user.
    Suspend {
        /// The login.
        login: String,
    },
    /// Ends the suspension of a user.
    Resume {
        /// The login.
        login: String,
    },
    /// Removes a user, like MTP's `delete_user`.
    Remove {
        /// The login.
        login: String,
        /// Cannot be undone.
        confirmation: Confirmation,
    },
}

/// What `user set` changes; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// The displayed name.
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The user's text about themselves.
    pub bio: Option<String>,
    /// Whether the user is an administrator.
    pub admin: Option<bool>,
    /// Whether the user is a program.
    pub bot: Option<bool>,
    /// How many bytes of files the user may have; `Some(None)`: as configured.
    pub quota: Option<Option<u64>>,
}

/// `session …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// Lists the devices that are logged in.
    List {
        /// Only those of one user.
        login: Option<String>,
    },
    /// Ends one session.
    Revoke {
        /// Its id, as listed.
        id: String,
    },
    /// Ends all sessions of a user.
    RevokeAll {
        /// `--user`
        login: String,
    },
}

/// `invite …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InviteCommand {
    /// Creates an invitation.
    Create {
        /// `--uses`: how many people it admits.
        uses: u32,
        /// `--expires`: how long it is valid.
        expires: Duration,
        /// `--flow`: the flow whose members they become.
        flow: Option<String>,
        /// `--note`: a note about whom it is for.
        note: Option<String>,
    },
    /// Lists the invitations that are still valid.
    List,
    /// Revokes one.
    Revoke {
        /// The code.
        code: String,
    },
}

/// `bot …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BotCommand {
    /// Creates a bot.
    Add {
        /// The login.
        login: String,
        /// `--username`
        username: Option<String>,
    },
    /// Lists bots.
    List,
    /// Removes one.
    Remove {
        /// The login.
        login: String,
        /// Cannot be undone.
        confirmation: Confirmation,
    },
    /// Creates, lists or revokes tokens of a bot.
    Token(TokenCommand),
}
