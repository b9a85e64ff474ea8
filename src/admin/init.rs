//! `init`: creates the configuration, the database and the first administrator.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::CliError;
use super::owner::Owner;
use super::password::{self, Ask, Password};
use super::print::Output;
use super::program;
use crate::auth;
use crate::cli::{self, PasswordSource};
use crate::config::{Config, ConfigError, Sources, Word as _, describe};
use crate::exit::Exit;
use crate::model::Login;
use crate::service::Account;
use crate::store::Store;

/// What `init` found or created.
struct Made {
    config: PathBuf,
    new_config: bool,
    database: PathBuf,
    new_database: bool,
    registration: &'static str,
    admin: Option<(String, Option<String>)>,
}

/// Runs the command.
///
/// # Errors
/// What could not be created. Existing files are never changed.
pub fn run(command: &cli::Init, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let path = sources
        .asked_for()
        .map_or_else(|| PathBuf::from("morelia.ini"), |(path, _)| path);
    let there = match sources.load() {
        Ok(loaded) => loaded.file,
        Err(ConfigError::Missing { .. }) => None,
        Err(err) => return Err(err.into()),
    };
    if let Some(path) = &there {
        let config = sources.load()?.config;
        if let Some(wanted) = command
            .registration
            .filter(|mode| *mode != config.auth.registration)
        {
            output.note(&format!(
                "morelia: --registration {} has no effect: {} is there already and says {}; change it there",
                wanted.word(),
                path.display(),
                config.auth.registration.word()
            ));
        }
        if config.database.path.exists() {
            let made = Made::found(path, sources)?;
            made.print(output, command.if_needed, &program(sources))?;
            let exit = if command.if_needed {
                Exit::Ok
            } else {
                Exit::AlreadyExists
            };
            return Ok(exit);
        }
    }
    if command.https.is_some() && command.local_ca {
        return Err(CliError::Usage(
            "--https and --local-ca exclude each other: give one of them".to_owned(),
        ));
    }
    if command.staging && command.https.is_none() {
        return Err(CliError::Usage("--try goes with --https NAME".to_owned()));
    }
    // Everything that can fail early comes before anything is created.
    let admin = administrator(command)?;
    let new_config = there.is_none();
    let path = there.unwrap_or(path);
    if new_config {
        let mut config = Config::default();
        config.auth.registration = command.registration.unwrap_or(config.auth.registration);
        if let Some(name) = &command.https {
            with_https(&mut config, name, command.staging);
        }
        config.tls.local_ca = command.local_ca || ask_local_ca(command)?;
        write_config(&path, &describe::with_values(&config))?;
    }
    // Only now is it certain which database the server will use: that of this file, unless the
    // environment says otherwise.
    let mut made = Made::found(&path, sources)?;
    made.new_config = new_config;
    made.new_database = !made.database.exists();
    let owner = Owner::of(&made.database);
    Store::prepare(&made.database)?;
    Owner::give_database(owner, &made.database);
    if let Some((login, password)) = admin {
        add_administrator(&made.database, &login, &password)?;
        made.admin = Some((login, password.generated.then_some(password.text)));
    }
    made.print(output, false, &program(sources))?;
    Ok(Exit::Ok)
}

/// Returns the login and password of the first administrator, if one is requested.
fn administrator(command: &cli::Init) -> Result<Option<(String, Password)>, CliError> {
    let login = match &command.admin {
        Some(login) => login.clone(),
        None if std::io::stdin().is_terminal() && command.password == PasswordSource::Terminal => {
            match ask_login()? {
                Some(login) => login,
                None => return Ok(None),
            }
        }
        None => return Ok(None),
    };
    Login::new(&login).map_err(|err| CliError::Usage(format!("--admin {login:?}: {err}")))?;
    let password = password::read(&command.password, Ask::Twice, &login)?;
    Ok(Some((login, password)))
}

/// Sets what a server with a certificate for its own name needs.
pub(super) fn with_https(config: &mut Config, name: &str, staging: bool) {
    let name = name.to_lowercase();
    config.server.public_url = Some(format!("https://{name}"));
    config.server.port = 443;
    config.server.http_port = 80;
    config.tls.acme = vec![name];
    config.tls.acme_terms = true;
    if staging {
        "staging".clone_into(&mut config.tls.acme_directory);
    }
}

/// Asks whether the server creates its own certificates, if no flag says so and a person can answer.
fn ask_local_ca(command: &cli::Init) -> Result<bool, CliError> {
    let is_asked = command.https.is_none()
        && command.admin.is_none()
        && command.password == PasswordSource::Terminal
        && std::io::stdin().is_terminal();
    if !is_asked {
        return Ok(false);
    }
    agree(
        "No domain name? Create a local certificate authority?",
        true,
    )
}

fn ask_login() -> Result<Option<String>, CliError> {
    let login = question("Login of the first administrator (empty: none for now): ")?;
    Ok((!login.is_empty()).then_some(login))
}

/// Asks a question that is answered with yes or no; an empty answer is the suggested one. Anything else is asked again.
pub(super) fn agree(text: &str, suggested: bool) -> Result<bool, CliError> {
    /// How often it is asked.
    const ATTEMPTS: usize = 5;
    let choice = if suggested { "Y/n" } else { "y/N" };
    for _ in 0..ATTEMPTS {
        let answer = question(&format!("{text} [{choice}] "))?;
        match answer.to_lowercase().as_str() {
            "" => return Ok(suggested),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => drop(writeln!(std::io::stderr(), "Please type y or n.")),
        }
    }
    Err(CliError::Usage(
        "there was no answer to a question: type y or n".to_owned(),
    ))
}

/// Asks for a line, which may be empty.
pub(super) fn question(text: &str) -> Result<String, CliError> {
    let failed = |source| CliError::File {
        path: PathBuf::from("standard input"),
        source,
    };
    let mut err = std::io::stderr();
    write!(err, "{text}").map_err(failed)?;
    err.flush().map_err(failed)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// Writes a new configuration, readable only by its owner and group.
pub(super) fn write_config(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |source| CliError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

pub(super) fn add_administrator(
    database: &Path,
    login: &str,
    password: &Password,
) -> Result<(), CliError> {
    super::on_database(database, &Config::default(), async |service| {
        let account = Account {
            login: login.to_owned(),
            password: auth::Password::new(password.text.clone()),
            username: None,
            email: None,
            is_admin: true,
            is_bot: false,
        };
        service.add_account(account).await?;
        Ok(())
    })
}

impl Made {
    /// Returns the present state: the file, and the database that it names.
    fn found(path: &Path, sources: &Sources) -> Result<Self, CliError> {
        let config = sources.load()?.config;
        Ok(Self {
            config: path.to_owned(),
            new_config: false,
            database: config.database.path,
            new_database: false,
            registration: config.auth.registration.word(),
            admin: None,
        })
    }

    fn print(&self, output: &Output, if_needed: bool, program: &str) -> Result<(), CliError> {
        let failed = |source| CliError::File {
            path: PathBuf::from("standard output"),
            source,
        };
        if output.is_json() {
            let document = json!({
                "config": self.config.display().to_string(),
                "config_created": self.new_config,
                "database": self.database.display().to_string(),
                "database_created": self.new_database,
                "registration": self.registration,
                "admin": self.admin.as_ref().map(|(login, _)| login),
                "password": self.admin.as_ref().and_then(|(_, password)| password.as_ref()),
            });
            return output.document(&document).map_err(failed);
        }
        let word = |new| {
            if new {
                "created"
            } else {
                "already exists, unchanged"
            }
        };
        let mut text = format!(
            "configuration  {} ({})\ndatabase       {} ({})\n",
            self.config.display(),
            word(self.new_config),
            self.database.display(),
            word(self.new_database),
        );
        if let Some((login, password)) = &self.admin {
            let _ = writeln!(text, "administrator  {login} (created)");
            if let Some(password) = password {
                let _ = writeln!(text, "password       {password} (shown this once)");
            }
        }
        let _ = writeln!(text, "registration   {}", self.registration);
        if self.new_config || self.new_database {
            let _ = writeln!(text, "\nStart the server:  {program} serve");
            let _ = writeln!(text, "Invite somebody:   {program} invite create");
            if self.admin.is_none() {
                let _ = writeln!(text, "Make an account:   {program} user add LOGIN --admin");
            }
        } else if !if_needed {
            let _ = writeln!(
                text,
                "\nNothing was changed. Start the server with `{program} serve`."
            );
        }
        let made = self
            .admin
            .as_ref()
            .and_then(|(_, password)| password.as_deref());
        match made {
            Some(password) => super::print::secret(text.trim_end(), password),
            None => super::print::line(text.trim_end()),
        }
        .map_err(failed)
    }
}
