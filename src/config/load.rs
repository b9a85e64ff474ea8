//! Finds the configuration file, reads it, and lets environment and flags override it.

use super::Config;
use super::assemble::Loading;
use super::error::ConfigError;
use super::keys;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A configuration is a few kilobytes; what is larger is another file, named by mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where the values came from that are not defaults, by section and key.
pub(super) type Origins = BTreeMap<(&'static str, &'static str), Origin>;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

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

/// A configuration with the story of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file they were read from, if there is one.
    pub file: Option<PathBuf>,
    pub(super) origins: Origins,
}

impl Loaded {
    /// Returns where the value of a key came from.
    #[must_use]
    pub fn origin(&self, section: &'static str, key: &'static str) -> &Origin {
        self.origins
            .get(&(section, key))
            .unwrap_or(&Origin::Default)
    }

    /// Returns the keys (`section.key`) whose value differs in `other` and that a running server
    /// does not take up before it is started again.
    #[must_use]
    pub fn needs_restart(&self, other: &Config) -> Vec<String> {
        keys::all()
            .filter(|(_, key)| !key.reload && key.show(&self.config) != key.show(other))
            .map(|(section, key)| format!("{section}.{}", key.name))
            .collect()
    }
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

/// Reads a file whole; none if it does not exist.
pub(super) fn open(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let mut text = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
    let unreadable = |source| {
        Err(ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })
    };
    match read {
        Ok(length) if length as u64 > MAX_FILE_BYTES => unreadable(io::Error::other(
            "it is larger than 1 MB, so it is no configuration",
        )),
        Ok(_) => Ok(Some(text)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => unreadable(error),
        },
    }
}
