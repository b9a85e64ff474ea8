//! Commands about hooks and tokens of bots.

use crate::model::{Scopes, Topics};
use std::path::PathBuf;
use std::time::Duration;

/// `hook …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookCommand {
    /// Creates a hook.
    Add {
        /// `--flow`: the flow that it writes to.
        flow: String,
        /// `--name`: its name.
        name: String,
        /// `--as`: the login of the bot that writes.
        bot: Option<String>,
        /// `--picture`: the file of its picture.
        picture: Option<PathBuf>,
    },
    /// Renames one, or changes its picture.
    Edit {
        /// Its id, as listed.
        id: String,
        /// `--name`: its new name.
        name: Option<String>,
        /// `--picture`, or `--no-picture` to remove it.
        picture: Option<Option<PathBuf>>,
    },
    /// Lists hooks.
    List {
        /// `--flow`: only those of one flow.
        flow: Option<String>,
    },
    /// Revokes one.
    Revoke {
        /// Its id, as listed.
        id: String,
    },
    /// `hook out …`
    Out(OutCommand),
}

/// `hook out …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutCommand {
    /// Creates an outgoing hook.
    Add(NewOut),
    /// Lists outgoing hooks.
    List {
        /// `--flow`: only those of one flow.
        flow: Option<String>,
    },
    /// Removes one.
    Remove {
        /// Its id, as listed.
        id: String,
    },
    /// Posts to its address at once.
    Test {
        /// Its id, as listed.
        id: String,
    },
}

/// `bot token …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenCommand {
    /// Creates a token.
    Add {
        /// The login of the bot.
        login: String,
        /// `--label`
        label: Option<String>,
        /// `--scopes`
        scopes: Scopes,
        /// `--expires`: how long it is valid.
        expires: Option<Duration>,
    },
    /// Lists the tokens of a bot.
    List {
        /// The login of the bot.
        login: String,
    },
    /// Revokes one.
    Revoke {
        /// Its id, as listed.
        id: String,
    },
}

/// The arguments of `hook out add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOut {
    /// `--flow`: the flow whose events it posts.
    pub flow: String,
    /// `--url`: the address to which it posts.
    pub url: String,
    /// `--on`: the events that it posts.
    pub topics: Topics,
    /// `--trigger`: the beginning of the messages that it posts.
    pub trigger: Option<String>,
    /// `--bots`: whether it posts messages of other bots.
    pub has_bots: bool,
    /// `--as`: the login of the bot that answers.
    pub bot: Option<String>,
}
