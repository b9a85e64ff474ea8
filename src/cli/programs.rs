//! What can be asked for hooks and for tokens of bots.

use crate::model::{Scopes, Topics};
use std::path::PathBuf;
use std::time::Duration;

/// `hook …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookCommand {
    /// Makes a hook.
    Add {
        /// `--flow`: the flow that it writes to.
        flow: String,
        /// `--name`: what it is called.
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
        /// `--name`: what it is called from now on.
        name: Option<String>,
        /// `--picture`, or `--no-picture`: none any more.
        picture: Option<Option<PathBuf>>,
    },
    /// Lists hooks.
    List {
        /// `--flow`: those of one flow only.
        flow: Option<String>,
    },
    /// Ends one.
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
    /// Makes an outgoing hook.
    Add(NewOut),
    /// Lists outgoing hooks.
    List {
        /// `--flow`: those of one flow only.
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
    /// Makes a token.
    Add {
        /// The login of the bot.
        login: String,
        /// `--label`
        label: Option<String>,
        /// `--scopes`
        scopes: Scopes,
        /// `--expires`: how long it is good.
        expires: Option<Duration>,
    },
    /// Lists those of a bot.
    List {
        /// The login of the bot.
        login: String,
    },
    /// Ends one.
    Revoke {
        /// Its id, as listed.
        id: String,
    },
}

/// What `hook out add` is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOut {
    /// `--flow`: the flow that it tells of.
    pub flow: String,
    /// `--url`: where it posts.
    pub url: String,
    /// `--on`: what it is told of.
    pub topics: Topics,
    /// `--trigger`: what messages have to begin with.
    pub trigger: Option<String>,
    /// `--bots`: whether it is told of what other bots write.
    pub has_bots: bool,
    /// `--as`: the login of the bot that answers.
    pub bot: Option<String>,
}
