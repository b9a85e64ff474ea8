//! Commands about people: accounts, sessions, invitations, bots.

use std::time::Duration;

use crate::cli::answers::{Confirmation, PasswordSource};
use crate::cli::programs::TokenCommand;

/// `user …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCommand {
    /// Makes a user.
    Add {
        /// The login.
        login: String,
        /// The name shown; else the login.
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
    /// Makes a link by which one sets a new password.
    Reset {
        /// The login.
        login: String,
    },
    /// Says by what name others know one in Matrix.
    Localpart {
        /// The login.
        login: String,
        /// The name, without the server.
        name: String,
    },
    /// Bars one from the server.
    Suspend {
        /// The login.
        login: String,
    },
    /// Lets one in again.
    Resume {
        /// The login.
        login: String,
    },
    /// Removes one, as MTP's `delete_user` does.
    Remove {
        /// The login.
        login: String,
        /// It cannot be undone.
        confirmation: Confirmation,
    },
}

/// What `user set` changes; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// The name shown.
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The text about oneself.
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
        /// Of one user only.
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
    /// Makes an invitation.
    Create {
        /// `--uses`: how many people it lets in.
        uses: u32,
        /// `--expires`: how long it holds.
        expires: Duration,
        /// `--flow`: a flow that they become members of.
        flow: Option<String>,
        /// `--note`: whom it is for.
        note: Option<String>,
    },
    /// Lists the invitations that still hold.
    List,
    /// Ends one.
    Revoke {
        /// The code.
        code: String,
    },
}

/// `bot …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BotCommand {
    /// Makes a bot.
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
        /// It cannot be undone.
        confirmation: Confirmation,
    },
    /// Makes, lists or revokes tokens of one.
    Token(TokenCommand),
}
