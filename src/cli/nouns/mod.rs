//! What can be asked for people, flows, messages, data, and as a client.

mod people;

pub use people::{BotCommand, InviteCommand, SessionCommand, UserChanges, UserCommand};

use super::answers::{Confirmation, PasswordSource};
use crate::config::Word;
use crate::model::{FlowKind, Level};
use std::path::PathBuf;
use std::time::Duration;

/// `flow …`; a flow is named by its id, or by its title where only one has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowCommand {
    /// Makes a flow.
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
        /// `--user`: those of one user only.
        login: Option<String>,
    },
    /// Shows one with its members.
    Show {
        /// The flow.
        flow: String,
        /// `--events`: what happened in it last, so many entries.
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
    /// Hands a flow over.
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
        /// It cannot be undone.
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
        /// `--limit`: how many.
        limit: u32,
        /// `--before`: only those with a lower number.
        before: Option<u64>,
    },
    /// Sends a message.
    Send {
        /// The flow.
        flow: String,
        /// The text; none reads standard input.
        text: Option<String>,
        /// `--as`: the login of the sender; else an administrator, a member if one is.
        sender: Option<String>,
    },
    /// Deletes a message.
    Delete {
        /// Its id.
        id: String,
        /// It cannot be undone.
        confirmation: Confirmation,
    },
    /// Searches texts and names of files.
    Search(MessageSearch),
}

/// `message search`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSearch {
    /// What to search for.
    pub query: String,
    /// `--flow`: in one flow only.
    pub flow: Option<String>,
    /// `--from`: the login of who wrote it.
    pub from: Option<String>,
    /// `--kind`: the bit of the attachment that it has; 0: any or none.
    pub kinds: i64,
    /// `--newer`: sent since then.
    pub newer: Option<Duration>,
    /// `--older`: sent before.
    pub older: Option<Duration>,
    /// `--limit`: how many.
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
    /// Goes back to the copy from before the last migration.
    Rollback(Confirmation),
    /// Examines the file.
    Check,
    /// Makes every index anew.
    Repair {
        /// `--to`: a new file for what can be read of a damaged database; the database stays as it is.
        to: Option<PathBuf>,
        /// `--times`: only put right what a clock that was ahead has written.
        times: bool,
    },
    /// Gives free space back to the disk.
    Compact,
    /// Counts and sizes.
    Stats,
    /// Removes old messages for good.
    Prune {
        /// `--older`: the age; else `history.keep`.
        older: Option<Duration>,
        /// `--dry-run`: count only.
        dry_run: bool,
        /// It cannot be undone.
        confirmation: Confirmation,
    },
}

/// `backup …` and `restore`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupCommand {
    /// Makes a copy.
    Make {
        /// `--to`: a file or folder; else `backup.dir`.
        to: Option<PathBuf>,
        /// `--with-keys`: also certificates and keys.
        with_keys: bool,
        /// `--encrypt-to`: public keys, in place of `backup.encrypt_to`.
        encrypt_to: Vec<String>,
    },
    /// Lists the copies.
    List,
    /// Makes a key for encrypted copies.
    Key {
        /// Where the secret key goes.
        file: PathBuf,
    },
    /// Examines a copy.
    Verify {
        /// The copy.
        file: PathBuf,
        /// Large files are read whole.
        deep: bool,
        /// It is restored into a temporary folder.
        restores: bool,
        /// `--identity`: the file of the secret key.
        identity: Option<PathBuf>,
    },
    /// Puts a copy in the place of the database.
    Restore {
        /// The copy.
        file: PathBuf,
        /// `--identity`: the file of the secret key.
        identity: Option<PathBuf>,
        /// The present database is set aside.
        confirmation: Confirmation,
    },
}

/// `move …`: the server goes to another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveCommand {
    /// Writes everything into one file.
    Pack {
        /// The file, or a folder for it.
        file: PathBuf,
        /// `--with-keys`: also certificates and keys.
        with_keys: bool,
        /// Files that are missing are left out.
        confirmation: Confirmation,
    },
    /// Makes the server from such a file.
    Unpack {
        /// The file.
        file: PathBuf,
    },
}

/// `import`: takes over a database of the Python server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// `--python-db`: its file.
    pub python_db: PathBuf,
    /// `--dry-run`: count only.
    pub dry_run: bool,
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
    /// What to do there.
    pub action: ClientAction,
}

/// What the built-in client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAction {
    /// Asks whether an MTP server answers.
    Ping,
    /// Makes an account and keeps its token.
    Register {
        /// The login.
        login: String,
        /// `--code`: the invitation.
        code: Option<String>,
        /// The password.
        password: PasswordSource,
    },
    /// Logs in and keeps the token.
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
        /// The text; none reads standard input.
        text: Option<String>,
        /// `--login`: which of the kept tokens; else the last one.
        login: Option<String>,
        /// `--reply`: the id of the message that it answers.
        reply: Option<String>,
        /// `--rich`: more than every server tells.
        rich: bool,
    },
    /// Reacts to a message.
    React {
        /// The message's id.
        message: String,
        /// The emoji.
        emoji: String,
        /// `--off`: takes the reaction back.
        off: bool,
        /// `--login`: which of the kept tokens; else the last one.
        login: Option<String>,
        /// `--rich`: more than every server tells.
        rich: bool,
    },
    /// Prints the messages of a flow.
    History {
        /// The flow's id.
        flow: String,
        /// `--login`: which of the kept tokens; else the last one.
        login: Option<String>,
        /// `--rich`: more than every server tells.
        rich: bool,
    },
    /// Prints what happens, as it happens.
    Watch {
        /// `--login`: which of the kept tokens; else the last one.
        login: Option<String>,
        /// `--rich`: more than every server tells.
        rich: bool,
    },
    /// Sends a request as it is and prints the answer.
    Raw {
        /// `--type`: the method, in place of the one in the file.
        method: Option<String>,
        /// `--file`: the request; `-` is standard input.
        file: Option<PathBuf>,
        /// `--accept`: the words of frames that are understood.
        accept: Vec<String>,
    },
    /// Replays the protocol.
    Conformance {
        /// `--code`: an invitation for the accounts it makes, where the server asks for one.
        code: Option<String>,
    },
}
