//! Finds the configuration file, reads it, and lets environment and flags override it.

use super::assemble::{Loaded, Loading};
use super::error::ConfigError;
use super::file::open;
use super::keys;
use super::origin::Origin;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A value given by a flag of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The section of the key.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// The value, as it would stand in the file.
    pub value: String,
    /// The flag, for messages and `config show --origin`.
    pub flag: &'static str,
}

/// Everything that a configuration is made from. Loading the same sources again (SIGHUP) sees what
/// has changed in the file.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The file named by `--config`.
    pub named: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What flags say, later ones winning.
    pub overrides: Vec<Override>,
    /// The folder to look for `morelia.ini` in, which relative paths in environment and flags start
    /// from; empty for the current one.
    pub folder: PathBuf,
    /// The file of the whole machine, looked for last.
    pub system: PathBuf,
}

impl Sources {
    /// Returns the sources of this process.
    #[must_use]
    pub fn of_process(named: Option<PathBuf>, overrides: Vec<Override>) -> Self {
        Self {
            named,
            environment: std::env::vars_os().collect(),
            overrides,
            folder: PathBuf::new(),
            system: PathBuf::from("/etc/morelia/morelia.ini"),
        }
    }

    /// Loads the configuration; without a file it is the defaults, environment and flags.
    ///
    /// # Errors
    /// A file that was named is missing, a file cannot be read, or there are mistakes in it, in the
    /// environment or in flags: all of them, not only the first.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let found = self.find()?;
        let mut loading = Loading::default();
        if let Some((path, text)) = &found {
            let folder = path.parent().unwrap_or(Path::new(""));
            loading.config.database.path = folder.join(&loading.config.database.path);
            loading.config.tls.folder = folder.join(&loading.config.tls.folder);
            match std::str::from_utf8(text) {
                Ok(text) => loading.file(path, folder, text),
                Err(error) => {
                    let read = &text[..error.valid_up_to()];
                    let line = read.split(|byte| *byte == b'\n').count();
                    let place = Origin::File(path.clone(), line);
                    loading.problem(place, "the line is not UTF-8 text: save the file as UTF-8");
                }
            }
        } else {
            loading.config.database.path = self.folder.join(&loading.config.database.path);
            loading.config.tls.folder = self.folder.join(&loading.config.tls.folder);
        }
        loading.environment(&self.folder, &self.environment);
        for Override {
            section,
            key,
            value,
            flag,
        } in &self.overrides
        {
            match keys::find(section, key) {
                Some(key) => loading.set(section, key, value, &self.folder, Origin::Flag(flag)),
                None => loading.problem(Origin::Flag(flag), format!("no key {section}.{key}")),
            }
        }
        loading.finish(found.map(|(path, _)| path))
    }

    /// Returns the file that was asked for by flag or environment, and by which.
    #[must_use]
    pub fn asked_for(&self) -> Option<(PathBuf, &'static str)> {
        let named = self.named.clone().map(|path| (path, "--config"));
        named.or_else(|| {
            self.variable("MORELIA_CONFIG")
                .map(|path| (path, "MORELIA_CONFIG"))
        })
    }

    fn find(&self) -> Result<Option<(PathBuf, Vec<u8>)>, ConfigError> {
        if let Some((path, by)) = self.asked_for() {
            return match open(&path)? {
                Some(text) => Ok(Some((path, text))),
                None => Err(ConfigError::Missing { path, by }),
            };
        }
        let home = self.variable("HOME").map(|home| home.join(".config"));
        let personal = self.variable("XDG_CONFIG_HOME").or(home);
        let candidates = [
            Some(self.folder.join("morelia.ini")),
            personal.map(|folder| folder.join("morelia/morelia.ini")),
            Some(self.system.clone()),
        ];
        for path in candidates.into_iter().flatten() {
            if is_hidden(&path) {
                continue;
            }
            if let Some(text) = open(&path)? {
                return Ok(Some((path, text)));
            }
        }
        Ok(None)
    }

    /// Returns an environment variable as a path; an empty one counts as not set.
    fn variable(&self, name: &str) -> Option<PathBuf> {
        let found = self
            .environment
            .iter()
            .find(|(candidate, _)| candidate == name);
        found
            .filter(|(_, value)| !value.is_empty())
            .map(|(_, value)| PathBuf::from(value))
    }
}

/// Tells whether a file lies in a folder that this user may not look into, such as root's home when
/// root runs a command as the server's user from there. A file that is seen and cannot be read is a
/// mistake instead.
fn is_hidden(path: &Path) -> bool {
    let found = std::fs::symlink_metadata(path);
    found.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
