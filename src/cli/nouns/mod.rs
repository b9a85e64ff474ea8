//! Commands about people, flows, messages and data, and those of the client.

mod people;

pub use people::{BotCommand, InviteCommand, SessionCommand, UserChanges, UserCommand};

use super::answers::{Confirmation, PasswordSource};
use crate::config::Word;
use crate::model::{FlowKind, Level};
use std::path::PathBuf;
use std::time::Duration;

/// `flow …`; a flow is named by its id, or by its title if only one has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowCommand {
    /// Creates a flow.
    Create {
        /// Chat, channel or group.
        kind: FlowKind,
        /// `--owner`: the login of the owner.
        owner: String,
        /// `--title`
        title: Option<String>,
        /// `--info`
        info: Option<String>,
        /// `--member`: the logins of the members besides the owner.
        members: Vec<String>,
    },
    /// Lists flows.
    List {
        /// `--user`: only those of one user.
        login: Option<String>,
    },
    /// Shows one with its members.
    Show {
        /// The flow.
        flow: String,
        /// `--events`: this many of its latest events.
        events: Option<u32>,
    },
    /// Adds a member.
    AddMember {
        /// The flow.
        flow: String,
        /// The new member.
        login: String,
    },
    /// Removes a member.
    RemoveMember {
        /// The flow.
        flow: String,
        /// The member.
        login: String,
    },
    /// Makes a member a moderator, or a moderator a member.
    SetLevel {
        /// The flow.
        flow: String,
        /// The member.
        login: String,
        /// The level.
        level: Level,
    },
    /// Transfers a flow to another owner.
    Transfer {
        /// The flow.
        flow: String,
        /// The new owner.
        login: String,
    },
    /// Removes a flow with its messages.
    Remove {
        /// The flow.
        flow: String,
        /// Cannot be undone.
        confirmation: Confirmation,
    },
}

impl Word for FlowKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("chat", Self::Chat),
        ("channel", Self::Channel),
        ("group", Self::Group),
    ];
}

impl Word for Level {
    const WORDS: &'static [(&'static str, Self)] =
        &[("member", Self::MEMBER), ("moderator", Self::MODERATOR)];
}

/// `message …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageCommand {
    /// Lists the last messages of a flow.
    List {
        /// The flow.
        flow: String,
        /// `--limit`: the most messages.
        limit: u32,
        /// `--before`: only those with a lower number.
        before: Option<u64>,
    },
    /// Sends a message.
    Send {
        /// The flow.
        flow: String,
        /// The text; `None` reads standard input.
        text: Option<String>,
        /// `--as`: the login of the sender; otherwise an administrator, one who is a member if possible.
        sender: Option<String>,
    },
    /// Deletes a message.
    Delete {
        /// Its id.
        id: String,
        /// Cannot be undone.
        confirmation: Confirmation,
    },
    /// Searches texts and file names.
    Search(MessageSearch),
}

/// `message search`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSearch {
    /// The text to search for.
    pub query: String,
    /// `--flow`: only in one flow.
    pub flow: Option<String>,
    /// `--from`: the login of the author.
    pub from: Option<String>,
    /// `--kind`: the bit of the attachment's kind; 0: with or without attachment.
    pub kinds: i64,
    /// `--newer`: only messages that are newer than this.
    pub newer: Option<Duration>,
    /// `--older`: only messages that are older than this.
    pub older: Option<Duration>,
    /// `--limit`: the most messages.
    pub limit: u32,
}

/// `db …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbCommand {
    /// Creates the database and its tables.
    Create,
    /// Drops the tables, keeps the file.
    Delete(Confirmation),
    /// Brings the schema up to date.
    Migrate,
    /// Restores the copy from before the last migration.
    Rollback(Confirmation),
    /// Checks the file.
    Check,
    /// Rebuilds every index.
    Repair {
        /// `--to`: a new file for what can be read of a damaged database; the database stays as it is.
        to: Option<PathBuf>,
        /// `--times`: only correct times that were written while the clock was ahead.
        times: bool,
    },
    /// Returns free space to the disk.
    Compact,
    /// Counts and sizes.
    Stats,
    /// Removes old messages permanently.
    Prune {
        /// `--older`: the age; otherwise `history.keep`.
        older: Option<Duration>,
        /// `--dry-run`: count only.
        dry_run: bool,
        /// Cannot be undone.
        confirmation: Confirmation,
    },
}

/// `backup …` and `restore`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupCommand {
    /// Makes a copy.
    Make {
        /// `--to`: a file or folder; otherwise `backup.dir`.
        to: Option<PathBuf>,
        /// `--with-keys`: also certificates and keys.
        with_keys: bool,
        /// `--encrypt-to`: public keys, in place of `backup.encrypt_to`.
        encrypt_to: Vec<String>,
    },
    /// Lists the copies.
    List,
    /// Generates a key for encrypted copies.
    Key {
        /// The path of the secret key.
        file: PathBuf,
    },
    /// Verifies a copy.
    Verify {
        /// The copy.
        file: PathBuf,
        /// Whether large files are read whole.
        deep: bool,
        /// Whether it is restored into a temporary folder.
        restores: bool,
        /// `--identity`: the file of the secret key.
        identity: Option<PathBuf>,
    },
    /// Replaces the database with a copy.
    Restore {
        /// The copy.
        file: PathBuf,
        /// `--identity`: the file of the secret key.
        identity: Option<PathBuf>,
        /// The present database is set aside.
        confirmation: Confirmation,
    },
}

/// `move …`: moves the server to another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveCommand {
    /// Writes everything into one file.
    Pack {
        /// The file, or a folder for it.
        file: PathBuf,
        /// `--with-keys`: also certificates and keys.
        with_keys: bool,
        /// Missing files are left out.
        confirmation: Confirmation,
    },
    /// Sets up the server from such a file.
    Unpack {
        /// The file.
        file: PathBuf,
    },
}

/// `import`: imports an export, or a database of the Python server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What to import.
    pub source: ImportSource,
    /// `--dry-run`: count only.
    pub dry_run: bool,
}

/// What `import` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportSource {
    /// `--from`: the folder of an export.
    Export(PathBuf),
    /// `--python-db`: the file of the Python server.
    PythonDb(PathBuf),
}

/// `export`: writes JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What to write.
    pub what: ExportWhat,
    /// `--to`: the folder.
    pub to: PathBuf,
}

/// What `export` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportWhat {
    /// `--user`: what a user may see and has written.
    User(String),
    /// `--flow`: a flow with its messages.
    Flow(String),
    /// `--all`: everything.
    All,
}

/// `client … URL`: the built-in client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCommand {
    /// The server: `ws://`, `wss://`, `http://`, `https://` or only host and port.
    pub url: String,
    /// `--ca`: the certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The action.
    pub action: ClientAction,
}

/// An action of the built-in client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAction {
    /// Asks whether an MTP server answers.
    Ping,
    /// Creates an account and stores its token.
    Register {
        /// The login.
        login: String,
        /// `--code`: the invitation.
        code: Option<String>,
        /// The password.
        password: PasswordSource,
    },
    /// Logs in and stores the token.
    Login {
        /// The login.
        login: String,
        /// The password.
        password: PasswordSource,
    },
    /// Sends a message.
    Send {
        /// The flow's id.
        flow: String,
        /// The text; `None` reads standard input.
        text: Option<String>,
        /// `--login`: the login whose stored token to use; otherwise the last one.
        login: Option<String>,
        /// `--reply`: the id of the message that it answers.
        reply: Option<String>,
        /// `--rich`: asks for more than every server sends.
        rich: bool,
    },
    /// Reacts to a message.
    React {
        /// The message's id.
        message: String,
        /// The emoji.
        emoji: String,
        /// `--off`: removes the reaction.
        off: bool,
        /// `--login`: the login whose stored token to use; otherwise the last one.
        login: Option<String>,
        /// `--rich`: asks for more than every server sends.
        rich: bool,
    },
    /// Prints the messages of a flow.
    History {
        /// The flow's id.
        flow: String,
        /// `--login`: the login whose stored token to use; otherwise the last one.
        login: Option<String>,
        /// `--rich`: asks for more than every server sends.
        rich: bool,
    },
    /// Prints events as they happen.
    Watch {
        /// `--login`: the login whose stored token to use; otherwise the last one.
        login: Option<String>,
        /// `--rich`: asks for more than every server sends.
        rich: bool,
    },
    /// Sends a request as it is and prints the answer.
    Raw {
        /// `--type`: the method, in place of the one in the file.
        method: Option<String>,
        /// `--file`: the request; `-` is standard input.
        file: Option<PathBuf>,
        /// `--accept`: the words for frames beyond the protocol that are accepted.
        accept: Vec<String>,
    },
    /// Replays the protocol.
    Conformance {
        /// `--code`: an invitation for the accounts it creates, if the server requires one.
        code: Option<String>,
    },
}
