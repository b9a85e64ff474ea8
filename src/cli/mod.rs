//! The command line: arguments → one [`Command`]. Uses no file, socket or database.
//!
//! Every command is a row of one list ([`table`]): parsing, help, the suggestion for a misspelt
//! name and the completions of shells are derived from it.

mod answers;
mod command;
pub mod help;
pub mod manual;
mod matches;
mod nouns;
mod parse;
mod programs;
pub mod table;

pub use answers::{Confirmation, PasswordSource};
pub use command::{
    CheckTopic, Command, Completion, ConfigCommand, Global, Init, Invocation, ProxyProgram, Serve,
    Setup, Shell, TlsCommand, Verbosity,
};
pub use matches::UsageError;
pub use nouns::{
    BackupCommand, BotCommand, ClientAction, ClientCommand, DbCommand, Export, ExportWhat,
    FlowCommand, Import, ImportSource, InviteCommand, MessageCommand, MessageSearch, MoveCommand,
    SessionCommand, UserChanges, UserCommand,
};
pub use parse::parse;
pub use programs::{HookCommand, NewOut, OutCommand, TokenCommand};

#[cfg(test)]
mod tests;
