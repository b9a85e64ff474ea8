//! Configuration: INI text → [`Config`]; every default and limit of the product, with its unit.
//!
//! The list of keys ([`keys::SECTIONS`]) is the only one: reading, `config show`, the commented
//! example file and the reference in `docs/configuration.md` all come from it.

mod addresses;
mod assemble;
pub mod describe;
pub mod edit;
mod error;
mod file;
mod ini;
pub mod keys;
mod load;
mod origin;
mod outward;
mod sections;
mod units;
mod words;

pub use addresses::{AllowedOrigins, IpNetwork};
pub use assemble::Loaded;
pub use error::{ConfigError, Problem};
pub use load::{Override, Sources};
pub use origin::Origin;
pub use outward::{Alerts, AllowPrivate, Destination, Outbound, Push};
pub use sections::{
    Api, Auth, Backup, Bots, Database, Files, History, Limits, Logging, Matrix, Proxy, SendQueue,
    Server, Tls, Web,
};
pub use words::{
    ApiVersion, ClientCert, ClientIp, ColorMode, Directory, Durability, PushContent, Registration,
    Word,
};

use std::path::PathBuf;

/// The whole configuration of a server; `Config::default()` is the product's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where to listen and how patiently.
    pub server: Server,
    /// Where the data lies and what a 200 promises.
    pub database: Database,
    /// The certificate.
    pub tls: Tls,
    /// Which proxies to believe.
    pub proxy: Proxy,
    /// Accounts, sessions, attempts to log in.
    pub auth: Auth,
    /// `[bots]`
    pub bots: Bots,
    /// What one client may ask of the server.
    pub limits: Limits,
    /// Files that are sent over HTTP, and where large ones lie.
    pub files: Files,
    /// How long messages are kept.
    pub history: History,
    /// Scheduled copies.
    pub backup: Backup,
    /// What is logged, and where to.
    pub logging: Logging,
    /// What browsers get.
    pub web: Web,
    /// Notifications for devices on which no client runs.
    pub push: Push,
    /// Requests to other servers.
    pub outbound: Outbound,
    /// Telling the operator when something is wrong.
    pub alerts: Alerts,
    /// The second protocol.
    pub matrix: Matrix,
    /// Protocol versions taken.
    pub api: Api,
}

/// Keeps a configuration file in memory for a process that is about to become another user, who may not
/// read it.
pub fn keep(file: &std::path::Path) {
    file::keep(file);
}

/// Reads a duration such as `7d` or `24h` for a command, from a second to a hundred years. It needs its
/// unit.
///
/// # Errors
/// The end of a sentence that says what is wrong with `text`.
pub fn read_duration(text: &str) -> Result<std::time::Duration, String> {
    units::age(text, units::SECOND..=units::CENTURY)
}

/// Reads how many bytes of files an account may have, for a command: a size such as `5GB`, `0` for any
/// number, or `default` for what the configuration says (`None`).
///
/// # Errors
/// The end of a sentence that says what is wrong with `text`.
pub fn read_quota(text: &str) -> Result<Option<u64>, String> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    units::disk_size(text, 0..=units::MOST).map(Some)
}

impl Config {
    /// Returns the folder for scheduled copies: `backup.dir`, else `backups` beside the database.
    #[must_use]
    pub fn backup_dir(&self) -> PathBuf {
        self.backup
            .dir
            .clone()
            .unwrap_or_else(|| self.database.path.with_file_name("backups"))
    }

    /// Returns by which certificate connections are encrypted: the first way that is set.
    #[must_use]
    pub fn encryption(&self) -> Encryption {
        if self.tls.certfile.is_some() {
            Encryption::Files
        } else if !self.tls.acme.is_empty() {
            Encryption::Acme
        } else if self.tls.local_ca {
            Encryption::Local
        } else {
            Encryption::None
        }
    }

    /// Returns the files of the certificate that is served and of its key: while an authority has given
    /// none yet, those of another one.
    #[must_use]
    pub fn certificate_files(&self) -> Option<(PathBuf, PathBuf)> {
        let named = |name: &str| {
            let file = |ending| self.tls.folder.join(format!("{name}.{ending}"));
            (file("pem"), file("key"))
        };
        let local = || named("local");
        match self.encryption() {
            Encryption::None => None,
            Encryption::Files => self.tls.certfile.clone().zip(self.tls.keyfile.clone()),
            Encryption::Acme => {
                let first = self.tls.acme.first()?;
                let there = |files: &(PathBuf, PathBuf)| files.0.exists() && files.1.exists();
                let given = Some(named(first)).filter(there);
                let own = || Some(local()).filter(|files| self.tls.local_ca && there(files));
                Some(given.or_else(own).unwrap_or_else(|| named("placeholder")))
            }
            Encryption::Local => {
                let own = local();
                Some(if own.0.exists() {
                    own
                } else {
                    named("placeholder")
                })
            }
        }
    }
}

/// By which certificate connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// That of files which somebody else looks after.
    Files,
    /// That of an authority such as Let's Encrypt.
    Acme,
    /// One by the server's own authority.
    Local,
    /// None: they are not.
    None,
}

#[cfg(test)]
mod tests;
