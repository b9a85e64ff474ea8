//! What can be asked for hooks and for tokens of bots.

use crate::model::Scopes;
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
