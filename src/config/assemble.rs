//! Puts a configuration together from file, environment and flags, collecting every mistake.

use super::Config;
use super::error::{ConfigError, Problem};
use super::file::open;
use super::ini::{self, Line};
use super::keys::{self, Key, SECTIONS};
use super::origin::{Origin, Origins};
use super::words::ClientCert;
use crate::nearest::nearest;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Begins the name of every environment variable that overrides a key.
const PREFIX: &str = "MORELIA__";
/// Ends the name of one that names a file to read the value from.
const FILE_SUFFIX: &str = "_FILE";

/// A configuration with the story of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file they were read from, if there is one.
    pub file: Option<PathBuf>,
    origins: Origins,
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

/// A configuration while it is put together.
#[derive(Default)]
pub(super) struct Loading {
    pub(super) config: Config,
    origins: Origins,
    problems: Vec<Problem>,
}

impl Loading {
    pub(super) fn problem(&mut self, place: Origin, what: impl Into<String>) {
        self.problems.push(Problem {
            place,
            what: what.into(),
        });
    }

    pub(super) fn file(&mut self, path: &Path, folder: &Path, text: &str) {
        let mut sections: BTreeMap<String, usize> = BTreeMap::new();
        // None before the first section; Some(None) in an unknown one, whose keys are passed over
        // because one message about it is enough.
        let mut current: Option<Option<&'static keys::Section>> = None;
        for (number, line) in ini::read(text) {
            let place = Origin::File(path.to_owned(), number);
            match line {
                Err(what) => self.problem(place, what),
                Ok(Line::Section(name)) => {
                    current = Some(SECTIONS.iter().find(|section| section.name == name));
                    if let Some(first) = sections.get(&name) {
                        let what =
                            format!("section [{name}] is already at line {first}: join the two");
                        self.problem(place, what);
                    } else if matches!(current, Some(None)) {
                        self.problem(place, unknown_section(&name));
                    }
                    sections.entry(name).or_insert(number);
                }
                Ok(Line::Entry(key, value)) => match current {
                    None => {
                        self.problem(place, format!("`{key}` stands before the first [section]"));
                    }
                    Some(None) => {}
                    Some(Some(section)) => self.entry(section, &key, &value, folder, place),
                },
            }
        }
    }

    /// Takes a line of the file, where a key may stand once.
    fn entry(
        &mut self,
        section: &keys::Section,
        key: &str,
        value: &str,
        folder: &Path,
        place: Origin,
    ) {
        match keys::find(section.name, key) {
            None => self.problem(place, unknown_key(section, key)),
            Some(key) => match self.origins.get(&(section.name, key.name)) {
                Some(first) => {
                    let what = format!("[{}] {} is already set at {first}", section.name, key.name);
                    self.problem(place, what);
                }
                None => self.set(section.name, key, value, folder, place),
            },
        }
    }

    pub(super) fn environment(&mut self, folder: &Path, environment: &[(OsString, OsString)]) {
        let mut ours: Vec<(&str, &OsStr)> = environment
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        ours.sort_unstable();
        for (name, value) in ours {
            let place = Origin::Environment(name.to_owned());
            match variable_key(name) {
                None => self.problem(place, unknown_variable(name)),
                Some((section, key, from_file)) => {
                    if let Some(Origin::Environment(other)) = self.origins.get(&(section, key.name))
                    {
                        let what = format!("{other} sets the same key: remove one of the two");
                        self.problem(place, what);
                        continue;
                    }
                    match variable_value(folder, value, from_file) {
                        Ok(value) => self.set(section, key, &value, folder, place),
                        Err(what) => self.problem(place, what),
                    }
                }
            }
        }
    }

    pub(super) fn set(
        &mut self,
        section: &'static str,
        key: &'static Key,
        value: &str,
        folder: &Path,
        place: Origin,
    ) {
        self.origins.insert((section, key.name), place.clone());
        if let Err(what) = (key.set)(&mut self.config, value, folder) {
            let what = format!("[{section}] {}: {what}", key.name);
            self.problem(place, what);
        }
    }

    /// Checks what is right alone and wrong together.
    fn together(&mut self) {
        let tls = &self.config.tls;
        let api = &self.config.api;
        let mut wrong = Vec::new();
        if tls.certfile.is_some() && tls.keyfile.is_none() {
            wrong.push((
                "tls",
                "certfile",
                "a certificate needs its key: set keyfile as well",
            ));
        }
        if tls.keyfile.is_some() && tls.certfile.is_none() {
            wrong.push((
                "tls",
                "keyfile",
                "a key needs its certificate: set certfile as well",
            ));
        }
        if tls.cert_reqs != ClientCert::None && tls.ca_certs.is_none() {
            wrong.push((
                "tls",
                "cert_reqs",
                "needs ca_certs, to know whose certificates to believe",
            ));
        }
        if !tls.acme.is_empty() && !tls.acme_terms {
            wrong.push((
                "tls",
                "acme",
                "the authority's terms have to be agreed to: read them and set acme_terms = agreed",
            ));
        }
        let encrypted = self.config.encryption() != super::Encryption::None;
        if self.config.server.http_port != 0 && !encrypted {
            wrong.push((
                "server",
                "http_port",
                "is a second port beside one with TLS, and [tls] sets none: set port instead",
            ));
        }
        if self.config.server.plain_port != 0 && !encrypted {
            wrong.push((
                "server",
                "plain_port",
                "is a second port beside one with TLS, and [tls] sets none: set port instead",
            ));
        }
        let (matrix, url) = (&self.config.matrix, &self.config.server.public_url);
        if matrix.enabled && matrix.name(url.as_deref()).is_none() {
            wrong.push((
                "matrix",
                "enabled",
                "users need a name of the server behind theirs: set server_name, or public_url in [server]",
            ));
        }
        if api.min_version > api.max_version {
            wrong.push((
                "api",
                "min_version",
                "is above max_version, so that no version is left",
            ));
        }
        for (section, key, what) in wrong {
            let place = self
                .origins
                .get(&(section, key))
                .cloned()
                .unwrap_or(Origin::Default);
            self.problem(place, format!("[{section}] {key}: {what}"));
        }
    }

    pub(super) fn finish(mut self, file: Option<PathBuf>) -> Result<Loaded, ConfigError> {
        if self.problems.is_empty() {
            self.together();
        }
        if self.problems.is_empty() {
            Ok(Loaded {
                config: self.config,
                file,
                origins: self.origins,
            })
        } else {
            Err(ConfigError::Invalid(self.problems))
        }
    }
}

/// Returns the key that an environment variable overrides, and whether by way of a file.
fn variable_key(name: &str) -> Option<(&'static str, &'static Key, bool)> {
    let (section, key) = name.strip_prefix(PREFIX)?.split_once("__")?;
    let section = SECTIONS
        .iter()
        .find(|candidate| candidate.name.eq_ignore_ascii_case(section))?;
    let find = |key: &str| keys::find(section.name, &key.to_ascii_lowercase());
    let direct = find(key).map(|key| (section.name, key, false));
    direct.or_else(|| Some((section.name, find(key.strip_suffix(FILE_SUFFIX)?)?, true)))
}

fn variable_value(folder: &Path, value: &OsStr, from_file: bool) -> Result<String, String> {
    let value = value.to_str().ok_or("the value is not UTF-8 text")?.trim();
    if !from_file {
        return Ok(value.to_owned());
    }
    let bytes = match open(&folder.join(value)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(format!("the file {value} does not exist")),
        Err(error) => return Err(error.to_string()),
    };
    let text =
        String::from_utf8(bytes).map_err(|_| format!("the file {value} is not UTF-8 text"))?;
    Ok(text.trim().to_owned())
}

fn unknown_section(name: &str) -> String {
    if let Some(right) = nearest(name, SECTIONS.iter().map(|section| section.name)) {
        return format!("there is no section [{name}]: did you mean [{right}]?");
    }
    let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    format!(
        "there is no section [{name}]; the sections are {}",
        names.join(", ")
    )
}

fn unknown_key(section: &keys::Section, name: &str) -> String {
    let said = format!("there is no key `{name}` in [{}]", section.name);
    let names = || section.keys.iter().map(|key| key.name);
    if let Some(right) = nearest(name, names()) {
        return format!("{said}: did you mean `{right}`?");
    }
    if let Some((elsewhere, _)) = keys::all().find(|(_, key)| key.name == name) {
        return format!("{said}: it belongs into [{elsewhere}]");
    }
    format!(
        "{said}; its keys are {}",
        names().collect::<Vec<_>>().join(", ")
    )
}

/// Names the variable nearest to one that overrides nothing: section first, then key.
fn unknown_variable(name: &str) -> String {
    let near = |word: &str, names: &[&'static str]| {
        let exact = names
            .iter()
            .copied()
            .find(|name| name.eq_ignore_ascii_case(word));
        exact.or_else(|| nearest(word, names.iter().copied()))
    };
    let sections: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
    let right = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once("__"))
        .and_then(|(section, key)| {
            let section = near(section, &sections)?;
            let keys: Vec<&str> = keys::all()
                .filter(|(name, _)| *name == section)
                .map(|(_, key)| key.name)
                .collect();
            let bare = key.strip_suffix(FILE_SUFFIX);
            let direct = near(key, &keys).map(|key| (key, ""));
            let (key, suffix) = direct.or_else(|| Some((near(bare?, &keys)?, FILE_SUFFIX)))?;
            Some(format!("{PREFIX}{section}__{key}{suffix}").to_uppercase())
        });
    match right {
        Some(right) => format!("no key has this name: did you mean {right}?"),
        None => format!(
            "no key has this name; names are {PREFIX}SECTION__KEY, as in {PREFIX}SERVER__PORT"
        ),
    }
}
