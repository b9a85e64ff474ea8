//! Configuration: INI text → [`Config`]; every default and limit of the product, with its unit.
//!
//! The list of keys ([`keys::SECTIONS`]) is the only one: reading, `config show`, the commented
//! example file and the reference in `docs/configuration.md` all come from it.

mod addresses;
mod assemble;
pub mod describe;
mod error;
mod file;
mod ini;
pub mod keys;
mod load;
mod origin;
mod sections;
mod units;
mod words;

pub use addresses::{AllowedOrigins, IpNetwork};
pub use assemble::Loaded;
pub use error::{ConfigError, Problem};
pub use load::{Override, Sources};
pub use origin::Origin;
pub use sections::{
    Api, Auth, Backup, Database, History, Limits, Logging, Proxy, SendQueue, Server, Tls, Web,
};
pub use words::{
    ApiVersion, ClientCert, ClientIp, ColorMode, Directory, Durability, Registration, Word,
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
    /// What one client may ask of the server.
    pub limits: Limits,
    /// How long messages are kept.
    pub history: History,
    /// Scheduled copies.
    pub backup: Backup,
    /// What is logged, and where to.
    pub logging: Logging,
    /// What browsers get.
    pub web: Web,
    /// Protocol versions taken.
    pub api: Api,
}

/// Reads a duration such as `7d` or `24h` for a command, from a second to a hundred years. It needs its
/// unit.
///
/// # Errors
/// The end of a sentence that says what is wrong with `text`.
pub fn read_duration(text: &str) -> Result<std::time::Duration, String> {
    units::age(text, units::SECOND..=units::CENTURY)
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
}

#[cfg(test)]
mod tests;
