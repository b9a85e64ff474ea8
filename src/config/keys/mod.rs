//! The list of every section and key: name, meaning, how it is read, how it is shown.
//!
//! Adding a key touches three places: its field in `sections.rs`, its default there, its row here.
//! The example file and `docs/configuration.md` are then written by `describe.rs`.

mod access;
mod files;
mod limits;
mod matrix;
mod network;
mod output;
mod outward;
mod storage;
mod tls;

use super::Config;
use super::words::Word;
use std::path::{Path, PathBuf};

/// Every section, in the order of the example file.
pub const SECTIONS: &[Section] = &[
    network::SERVER,
    storage::DATABASE,
    tls::TLS,
    network::PROXY,
    access::AUTH,
    access::BOTS,
    limits::LIMITS,
    files::FILES,
    storage::HISTORY,
    storage::BACKUP,
    output::LOGGING,
    output::WEB,
    outward::PUSH,
    outward::OUTBOUND,
    outward::ALERTS,
    matrix::MATRIX,
    output::API,
];

/// A section of the configuration.
pub struct Section {
    /// The name between the brackets.
    pub name: &'static str,
    /// What the section is about, in a sentence or two.
    pub about: &'static str,
    /// Its keys, in the order of the example file.
    pub keys: &'static [Key],
}

/// A key of the configuration.
pub struct Key {
    /// The name before the equals sign.
    pub name: &'static str,
    /// The kind of value, for output that distinguishes.
    pub kind: Kind,
    /// Which values are taken, for a person.
    pub values: &'static str,
    /// What it does, why the default is what it is.
    pub about: &'static str,
    /// A value to show where the default is empty; empty for every other key.
    pub example: &'static str,
    /// Whether a running server takes a new value at SIGHUP (others need a restart).
    pub reload: bool,
    /// Reads a value into the configuration; a relative path starts from the folder given.
    pub(super) set: fn(&mut Config, &str, &Path) -> Result<(), String>,
    /// Shows the value as it would be written; empty for one that is not set.
    pub(super) show: fn(&Config) -> String,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number,
    /// On or off.
    Switch,
    /// Anything else, shown as text.
    Text,
}

impl Key {
    /// Shows the value as it would be written; empty for one that is not set.
    #[must_use]
    pub fn show(&self, config: &Config) -> String {
        (self.show)(config)
    }

    /// Shows the value as it stands in a file: in quotes where it would otherwise be read as
    /// something else.
    #[must_use]
    pub fn show_quoted(&self, config: &Config) -> String {
        let value = self.show(config);
        let risky = value.contains(['#', ';']) || value.trim() != value;
        if risky { format!("\"{value}\"") } else { value }
    }
}

/// Finds a key by section and name, both in lower case.
#[must_use]
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    let section = SECTIONS
        .iter()
        .find(|candidate| candidate.name == section)?;
    section.keys.iter().find(|key| key.name == name)
}

/// Returns every section's name with each of its keys.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Key)> {
    SECTIONS
        .iter()
        .flat_map(|section| section.keys.iter().map(|key| (section.name, key)))
}

/// Checks a value without loading a configuration, for a flag of the command line.
///
/// # Errors
/// The end of a sentence that says what is wrong with `value`.
pub fn check(section: &str, name: &str, value: &str) -> Result<(), String> {
    let key = find(section, name).ok_or_else(|| format!("there is no key {section}.{name}"))?;
    (key.set)(&mut Config::default(), value, Path::new(""))
}

/// Puts a value that was read where it belongs.
fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

/// Reads a value that may be left empty.
fn optional<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

/// Reads a path; a relative one starts from `folder`.
fn path(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("a path is missing".to_owned());
    }
    if text == "~" || text.starts_with("~/") {
        return Err(format!(
            "`{text}` begins with ~, which only a shell knows: write the path out"
        ));
    }
    Ok(folder.join(text))
}

fn optional_path(text: &str, folder: &Path) -> Result<Option<PathBuf>, String> {
    optional(text, |text| path(text, folder))
}

fn show_path(path: Option<&PathBuf>) -> String {
    path.map_or(String::new(), |path| path.display().to_string())
}

/// Shows a switch that reads better as a statement than as a device.
fn true_or_false(value: bool) -> String {
    value.to_string()
}

fn word<T: Word>(value: T) -> String {
    value.word().to_owned()
}
