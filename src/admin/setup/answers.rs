//! What to install: from flags, answers, or suggested values.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super::error::CliError;
use super::super::init::{agree, question};
use super::super::on_database;
use super::super::password::{self, Ask, Password};
use super::system;
use crate::cli::{self, Confirmation, PasswordSource};
use crate::config::{Config, ConfigError, Encryption, Loaded, Sources};
use crate::model::Login;

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Unchanged.
    Kept,
    /// With certificates of an authority for this name.
    Acme { name: String, staging: bool },
    /// With a local authority of the server's own.
    Local,
    /// Not at all.
    Plain,
}

/// What to install.
pub(super) struct Answers {
    pub(super) config: PathBuf,
    /// The present configuration.
    pub(super) present: Option<Loaded>,
    pub(super) user: String,
    pub(super) folder: PathBuf,
    pub(super) way: Way,
    /// `Some(None)`: no backups.
    pub(super) backup: Option<Option<PathBuf>>,
    pub(super) admin: Option<(String, Password)>,
    pub(super) group: Option<String>,
    /// The path of the unit.
    pub(super) unit: Option<PathBuf>,
    pub(super) start: bool,
}

/// Asks questions, or uses the suggested values.
struct Asker {
    asks: bool,
}

impl Asker {
    fn ask(&self, text: &str, suggested: &str) -> Result<String, CliError> {
        if !self.asks {
            return Ok(suggested.to_owned());
        }
        let shown = if suggested.is_empty() {
            format!("{text}: ")
        } else {
            format!("{text} [{suggested}]: ")
        };
        let answer = question(&shown)?;
        Ok(if answer.is_empty() {
            suggested.to_owned()
        } else {
            answer
        })
    }

    fn agree(&self, text: &str, suggested: bool) -> Result<bool, CliError> {
        if !self.asks {
            return Ok(suggested);
        }
        agree(text, suggested)
    }
}

/// What is already in the database.
#[derive(Default)]
struct Present {
    has_admin: bool,
    has_flows: bool,
}

/// Collects the answers.
///
/// # Errors
/// One is invalid, or is missing and nobody can be asked.
pub(super) fn collect(command: &cli::Setup, sources: &Sources) -> Result<Answers, CliError> {
    let ways = [command.https.is_some(), command.local_ca, command.plain];
    if ways.iter().filter(|given| **given).count() > 1 {
        return Err(usage(
            "--https, --local-ca and --plain exclude each other: give one of them",
        ));
    }
    if command.staging && command.https.is_none() {
        return Err(usage("--try goes with --https NAME"));
    }
    if command.no_backup && command.backup_dir.is_some() {
        return Err(usage(
            "--backup-dir and --no-backup exclude each other: give one of them",
        ));
    }
    let asker = Asker {
        asks: command.confirmation == Confirmation::Ask && std::io::stdin().is_terminal(),
    };
    if !asker.asks && command.confirmation == Confirmation::Ask {
        return Err(usage(
            "there is no terminal to ask: use --yes, and flags for answers that differ from the \
             suggestions",
        ));
    }
    let is_root = geteuid().is_root();
    let (present, config) = present(sources, is_root)?;
    let database = present
        .as_ref()
        .map(|loaded| loaded.config.database.path.clone());
    let user = match &command.user {
        Some(user) => user.clone(),
        None if is_root => {
            let owner = database.as_deref().and_then(system::owner_name);
            asker.ask(
                "System user that the server runs as",
                &owner.unwrap_or_else(|| "morelia".to_owned()),
            )?
        }
        None => system::own_name(),
    };
    let usual = match database.as_deref().and_then(Path::parent) {
        Some(folder) => folder.to_owned(),
        None if is_root => PathBuf::from("/var/lib/morelia"),
        None => absolute(config.parent().unwrap_or(Path::new(".")))?,
    };
    let folder = match &command.folder {
        Some(folder) => absolute(folder)?,
        None if present.is_some() => usual,
        None => absolute(Path::new(
            &asker.ask("Folder of the database", &usual.display().to_string())?,
        ))?,
    };
    let way = way(
        command,
        present.as_ref().map(|loaded| &loaded.config),
        &asker,
    )?;
    let backup = backup(
        command,
        present.as_ref().map(|loaded| &loaded.config),
        &folder,
        &asker,
    )?;
    let found = database.as_deref().filter(|path| path.exists());
    let found = match (found, &present) {
        (Some(path), Some(loaded)) => inside(path, &loaded.config)?,
        _ => Present::default(),
    };
    let admin = admin(command, &found, &asker)?;
    let group = match &command.group {
        Some(title) => Some(title.clone()),
        None if found.has_flows || !asker.asks => None,
        None => Some(asker.ask(
            "Name of the first group, which new users join with its invitation (-: none)",
            "Family",
        )?)
        .filter(|title| title != "-"),
    };
    let has_systemd = Path::new("/run/systemd/system").exists();
    let can_start = is_root && has_systemd && command.start;
    let start = can_start && asker.agree("Install the systemd service and start it now?", true)?;
    let unit = match &command.unit {
        Some(path) if command.start => Some(path.clone()),
        None if start => Some(PathBuf::from(system::UNIT)),
        _ => None,
    };
    // A unit elsewhere is not started by this command.
    let start = start && command.unit.is_none();
    Ok(Answers {
        config,
        present,
        user,
        folder,
        way,
        backup,
        admin,
        group,
        unit,
        start,
    })
}

/// Returns the present configuration, and its present or future path.
fn present(sources: &Sources, is_root: bool) -> Result<(Option<Loaded>, PathBuf), CliError> {
    let usual = || {
        sources.asked_for().map_or_else(
            || {
                let usual = if is_root {
                    "/etc/morelia/morelia.ini"
                } else {
                    "morelia.ini"
                };
                PathBuf::from(usual)
            },
            |(path, _)| path,
        )
    };
    let present = match sources.load() {
        Ok(loaded) => loaded.file.is_some().then_some(loaded),
        Err(ConfigError::Missing { .. }) => None,
        Err(err) => return Err(err.into()),
    };
    let path = present.as_ref().and_then(|loaded| loaded.file.clone());
    Ok((present, absolute(&path.unwrap_or_else(usual))?))
}

fn way(command: &cli::Setup, present: Option<&Config>, asker: &Asker) -> Result<Way, CliError> {
    if let Some(name) = &command.https {
        return Ok(Way::Acme {
            name: name.to_lowercase(),
            staging: command.staging,
        });
    }
    if command.local_ca {
        return Ok(Way::Local);
    }
    if command.plain {
        return Ok(Way::Plain);
    }
    // Existing encryption stays, whether by the server or by a proxy.
    if present.is_some_and(|config| {
        config.encryption() != Encryption::None || !config.proxy.trusted.is_empty()
    }) {
        return Ok(Way::Kept);
    }
    if !asker.asks {
        return Ok(if present.is_some() {
            Way::Kept
        } else {
            Way::Local
        });
    }
    let name = asker.ask(
        "Domain name of this server, for a certificate from Let's Encrypt, whose terms of service \
         you then accept (empty: none)",
        "",
    )?;
    if !name.is_empty() {
        crate::config::keys::check("tls", "acme", &name)
            .map_err(|why| CliError::Usage(format!("{name}: {why}")))?;
        return Ok(Way::Acme {
            name: name.to_lowercase(),
            staging: false,
        });
    }
    Ok(
        if asker.agree(
            "No domain name? Create a local certificate authority?",
            true,
        )? {
            Way::Local
        } else {
            Way::Plain
        },
    )
}

fn backup(
    command: &cli::Setup,
    present: Option<&Config>,
    folder: &Path,
    asker: &Asker,
) -> Result<Option<Option<PathBuf>>, CliError> {
    if command.no_backup {
        return Ok(Some(None));
    }
    if let Some(folder) = &command.backup_dir {
        return Ok(Some(Some(absolute(folder)?)));
    }
    if present.is_some() {
        return Ok(None);
    }
    let usual = folder.join("backups").display().to_string();
    let answer = asker.ask(
        "Folder for daily backups, best on another disk (-: none)",
        &usual,
    )?;
    Ok(Some(match answer.as_str() {
        "-" => None,
        path => Some(absolute(Path::new(path))?),
    }))
}

/// Returns the login and password of the first administrator, if there is none yet.
fn admin(
    command: &cli::Setup,
    found: &Present,
    asker: &Asker,
) -> Result<Option<(String, Password)>, CliError> {
    let login = match &command.admin {
        Some(login) => login.clone(),
        None if found.has_admin => return Ok(None),
        None if asker.asks => {
            let suggested = std::env::var("SUDO_USER").unwrap_or_default();
            let suggested = if suggested == "root" { "" } else { &suggested };
            asker.ask("Login of the first administrator", suggested)?
        }
        None => {
            return Err(usage(
                "there is no administrator yet: give --admin LOGIN with --generate or --password-file FILE",
            ));
        }
    };
    Login::new(&login).map_err(|err| CliError::Usage(format!("--admin {login:?}: {err}")))?;
    if !asker.asks && command.password == PasswordSource::Terminal {
        return Err(usage(
            "there is no terminal to ask for a password: give --generate or --password-file FILE",
        ));
    }
    let password = password::read(&command.password, Ask::Twice, &login)?;
    Ok(Some((login, password)))
}

fn inside(database: &Path, config: &Config) -> Result<Present, CliError> {
    on_database(database, config, async |service| {
        let users = service.users().await?;
        Ok(Present {
            has_admin: users.iter().any(|user| user.is_admin),
            has_flows: !service.all_flows(None).await?.is_empty(),
        })
    })
}

impl Answers {
    /// Returns the changes of the configuration: section, key, value.
    pub(super) fn changes(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut changes = Vec::new();
        let mut set = |section, key, value: &str| changes.push((section, key, value.to_owned()));
        if self.present.is_none() {
            let path = self.folder.join("morelia.db");
            set("database", "path", &path.display().to_string());
        }
        match &self.way {
            Way::Kept => {}
            Way::Acme { name, staging } => {
                set("server", "public_url", &format!("https://{name}"));
                set("server", "port", "443");
                set("server", "http_port", "80");
                set("tls", "acme", name);
                set("tls", "acme_terms", "agreed");
                if *staging {
                    set("tls", "acme_directory", "staging");
                }
                set("tls", "local_ca", "off");
            }
            Way::Local => {
                set("tls", "acme", "");
                set("tls", "local_ca", "on");
            }
            Way::Plain => {
                set("tls", "acme", "");
                set("tls", "local_ca", "off");
            }
        }
        match &self.backup {
            None => {}
            Some(None) => set("backup", "interval", "0"),
            Some(Some(folder)) => {
                set("backup", "interval", "24h");
                set("backup", "dir", &folder.display().to_string());
            }
        }
        changes
    }
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })
}

fn usage(text: &str) -> CliError {
    CliError::Usage(text.to_owned())
}
