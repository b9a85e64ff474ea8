//! The types of parsed command lines.

use super::answers::{Confirmation, PasswordSource};
use super::nouns::{
    BackupCommand, BotCommand, ClientCommand, DbCommand, Export, FlowCommand, Import,
    InviteCommand, MessageCommand, MoveCommand, SessionCommand, UserCommand,
};
use super::programs::HookCommand;
use crate::config::{Override, Registration, Word};
use std::path::PathBuf;

/// A whole command line: one command, and the flags for every command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The flags that every command takes.
    pub global: Global,
    /// The command.
    pub command: Command,
}

/// The flags that every command takes, before or after its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// `--config`: the configuration file to use instead of searching for one.
    pub config: Option<PathBuf>,
    /// `--json`: results as one JSON document.
    pub json: bool,
    /// `--no-color`: no colour, whatever the terminal.
    pub no_color: bool,
    /// `--quiet` and `-v`.
    pub verbosity: Verbosity,
}

/// How much a command prints besides its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What the operator wants to know.
    #[default]
    Normal,
    /// Details as well.
    Verbose,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `setup`
    Setup(Box<Setup>),
    /// `init`
    Init(Init),
    /// `serve` and `devserver`
    Serve(Serve),
    /// `check`
    Check {
        /// One topic; `None` for all.
        topic: Option<CheckTopic>,
        /// `--fix`, and whether it asks.
        fix: Option<Confirmation>,
    },
    /// `reload`
    Reload,
    /// `status`
    Status {
        /// `--health`: only whether the running server is healthy.
        health: bool,
    },
    /// `config …`
    Config(ConfigCommand),
    /// `user …`
    User(UserCommand),
    /// `session …`
    Session(SessionCommand),
    /// `registration`: shows or sets who may register.
    Registration(Option<Registration>),
    /// `audit`: what administrators and the operator did.
    Audit {
        /// `--limit`: how many entries.
        limit: usize,
        /// `--before`: only entries with a lower number.
        before: Option<i64>,
    },
    /// `invite …`
    Invite(InviteCommand),
    /// `bot …`
    Bot(BotCommand),
    /// `hook …`
    Hook(HookCommand),
    /// `flow …`
    Flow(FlowCommand),
    /// `message …`
    Message(MessageCommand),
    /// `db …`
    Db(DbCommand),
    /// `backup …` and `restore`
    Backup(BackupCommand),
    /// `move …`
    Move(MoveCommand),
    /// `import`
    Import(Import),
    /// `export`
    Export(Export),
    /// `client …`
    Client(ClientCommand),
    /// `service unit`
    ServiceUnit {
        /// `--program`: the future path of the program.
        program: Option<PathBuf>,
        /// `--sockets`: the units with which systemd listens.
        sockets: bool,
    },
    /// `tls …`
    Tls(TlsCommand),
    /// `proxy-config`
    ProxyConfig(ProxyProgram),
    /// `clean`
    Clean(Confirmation),
    /// `completions`
    Completions(Completion),
    /// `help`, `--help`: the overview (empty), a group or a command.
    Help(String),
    /// `help --man`: the manual page.
    Manual,
    /// `--version`
    Version,
}

/// `setup`: installs a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Setup {
    /// `--user`: the system user as whom the server runs.
    pub user: Option<String>,
    /// `--folder`: the folder of the database.
    pub folder: Option<PathBuf>,
    /// `--https`: the name to fetch a certificate for.
    pub https: Option<String>,
    /// `--try`: from the authority for tests.
    pub staging: bool,
    /// `--local-ca`: certificates of a local authority of the server's own.
    pub local_ca: bool,
    /// `--plain`: no encryption.
    pub plain: bool,
    /// `--backup-dir`: the folder of daily backups.
    pub backup_dir: Option<PathBuf>,
    /// `--no-backup`: no backups.
    pub no_backup: bool,
    /// `--admin`: the login of the first administrator.
    pub admin: Option<String>,
    /// `--group`: the title of a first group.
    pub group: Option<String>,
    /// `--unit`: the path of the unit.
    pub unit: Option<PathBuf>,
    /// Whether to start the server; false with `--no-start`.
    pub start: bool,
    /// The administrator's password.
    pub password: PasswordSource,
    /// `--yes`: nothing is asked.
    pub confirmation: Confirmation,
}

/// `init`: creates what a server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// `--admin`: the login of the first administrator.
    pub admin: Option<String>,
    /// `--registration`: the mode written to the configuration.
    pub registration: Option<Registration>,
    /// `--https`: the name to fetch a certificate for.
    pub https: Option<String>,
    /// `--try`: from the authority for tests.
    pub staging: bool,
    /// `--local-ca`: certificates of a local authority of the server's own.
    pub local_ca: bool,
    /// `--if-needed`: files that already exist are not an error.
    pub if_needed: bool,
    /// The administrator's password.
    pub password: PasswordSource,
}

/// `serve`: runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The flags that stand for keys of the configuration.
    pub overrides: Vec<Override>,
    /// `--limit-max-requests`: the number of requests after which it stops.
    pub max_requests: Option<u64>,
    /// `--reload`, a flag of uvicorn: accepted, and answered by a line about SIGHUP.
    pub reload: bool,
}

/// A topic of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckTopic {
    /// The configuration.
    Config,
    /// The database.
    Database,
    /// The certificate and its key.
    Tls,
    /// The port, and the connection through a proxy.
    Net,
    /// The clock.
    Clock,
    /// The disk.
    Disk,
    /// The backups.
    Backup,
}

impl Word for CheckTopic {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("config", Self::Config),
        ("database", Self::Database),
        ("tls", Self::Tls),
        ("net", Self::Net),
        ("clock", Self::Clock),
        ("disk", Self::Disk),
        ("backup", Self::Backup),
    ];
}

/// `config …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// Prints the values in effect.
    Show {
        /// `--origin`: also the origin of each value.
        origin: bool,
    },
    /// Prints the commented default file.
    Example,
    /// Copies the configuration file.
    Backup {
        /// `--backup-name`: the name of the copy.
        name: Option<String>,
    },
    /// Restores a copy.
    Restore {
        /// `--source`: the copy; `None` for the newest.
        source: Option<PathBuf>,
        /// The copy replaces the present file.
        confirmation: Confirmation,
    },
}

/// `tls …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsCommand {
    /// Shows the certificates.
    Status,
    /// Fetches or creates a certificate now.
    Renew {
        /// `--force`: even if that would have to wait.
        force: bool,
    },
    /// Shows the fingerprint of the local authority.
    Fingerprint,
    /// Shows the local authority, or changes it.
    LocalRoot {
        /// `--new`: creates another one.
        new: bool,
        /// `--offline`: moves its key to this file.
        offline: Option<PathBuf>,
        /// Every device has to trust the new one.
        confirmation: Confirmation,
    },
    /// Removes the account at the authority and its certificates.
    Forget(Confirmation),
}

/// The proxy for which `proxy-config` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProgram {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
}

impl Word for ProxyProgram {
    const WORDS: &'static [(&'static str, Self)] =
        &[("nginx", Self::Nginx), ("caddy", Self::Caddy)];
}

/// The shell for which `completions` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// The output of `completions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The script of a shell.
    Script(Shell),
    /// The logins, for that script.
    Logins,
    /// The names of flows, for that script.
    Flows,
}

impl Word for Completion {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("bash", Self::Script(Shell::Bash)),
        ("zsh", Self::Script(Shell::Zsh)),
        ("fish", Self::Script(Shell::Fish)),
        ("logins", Self::Logins),
        ("flows", Self::Flows),
    ];
}
