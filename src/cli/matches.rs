//! The flags and arguments of one command, taken out one after the other.

use super::answers::{Confirmation, PasswordSource};
use super::command::Global;
use super::table::Spec;
use crate::config::Word;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

/// The reason why a command line was not understood: a sentence for a person. The exit code is 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl UsageError {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// The given flags, with their values: none for a switch.
pub(super) type Flags = BTreeMap<&'static str, Vec<OsString>>;

/// The flags and arguments of a command. What remains after parsing is a mistake.
pub(super) struct Matches {
    pub(super) spec: &'static Spec,
    pub(super) global: Global,
    pub(super) flags: Flags,
    pub(super) arguments: VecDeque<OsString>,
}

impl Matches {
    /// Returns whether a switch was given.
    pub(super) fn switch(&mut self, flag: &'static str) -> bool {
        self.flags.remove(flag).is_some()
    }

    /// Takes all values of an option.
    pub(super) fn texts(&mut self, flag: &'static str) -> Result<Vec<String>, UsageError> {
        let values = self.flags.remove(flag).unwrap_or_default();
        values.into_iter().map(|value| text(flag, value)).collect()
    }

    /// Takes the value of an option.
    pub(super) fn text(&mut self, flag: &'static str) -> Result<Option<String>, UsageError> {
        Ok(self.texts(flag)?.pop())
    }

    /// Takes the value of a required option.
    pub(super) fn required(&mut self, flag: &'static str) -> Result<String, UsageError> {
        self.text(flag)?.ok_or_else(|| self.missing(flag))
    }

    /// Takes the value of an option that is a path.
    pub(super) fn path(&mut self, flag: &'static str) -> Option<PathBuf> {
        self.flags
            .remove(flag)
            .and_then(|mut values| values.pop())
            .map(PathBuf::from)
    }

    /// Takes the value of an option that is a number.
    pub(super) fn number<T: FromStr + From<u8> + PartialOrd + Display>(
        &mut self,
        flag: &'static str,
    ) -> Result<Option<T>, UsageError> {
        let Some(text) = self.text(flag)? else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| *number >= T::from(1));
        let wrong = || UsageError::new(format!("{flag}: `{text}` is not a whole number from 1"));
        number.map(Some).ok_or_else(wrong)
    }

    /// Takes the value of an option and reads it with a function, whose error ends a sentence.
    pub(super) fn read<T>(
        &mut self,
        flag: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, UsageError> {
        let Some(text) = self.text(flag)? else {
            return Ok(None);
        };
        read(&text)
            .map(Some)
            .map_err(|wrong| UsageError::new(format!("{flag}: {wrong}")))
    }

    /// Takes the next argument.
    pub(super) fn argument(&mut self, name: &str) -> Result<String, UsageError> {
        self.optional_argument(name)?
            .ok_or_else(|| self.missing(name))
    }

    /// Takes the next argument if there is one.
    pub(super) fn optional_argument(&mut self, name: &str) -> Result<Option<String>, UsageError> {
        self.arguments
            .pop_front()
            .map(|argument| text(name, argument))
            .transpose()
    }

    /// Takes the next argument, a path.
    pub(super) fn path_argument(&mut self, name: &str) -> Result<PathBuf, UsageError> {
        self.arguments
            .pop_front()
            .map(PathBuf::from)
            .ok_or_else(|| self.missing(name))
    }

    /// Takes the next argument, one of a few words.
    pub(super) fn word<T: Word>(&mut self, name: &str) -> Result<T, UsageError> {
        self.optional_word(name)?
            .ok_or_else(|| self.missing(&T::shown().join("|")))
    }

    /// Takes the next argument, one of a few words, if there is one.
    pub(super) fn optional_word<T: Word>(&mut self, name: &str) -> Result<Option<T>, UsageError> {
        let Some(text) = self.optional_argument(name)? else {
            return Ok(None);
        };
        T::read(&text)
            .map(Some)
            .map_err(|wrong| UsageError::new(format!("{name}: {wrong}")))
    }

    /// Takes the flags that give the source of a password.
    pub(super) fn password(&mut self) -> Result<PasswordSource, UsageError> {
        let file = self.path("--password-file").map(PasswordSource::File);
        let stdin = self
            .switch("--password-stdin")
            .then_some(PasswordSource::Stdin);
        let generated = self
            .switch("--generate")
            .then_some(PasswordSource::Generate);
        let mut sources = [file, stdin, generated].into_iter().flatten();
        match (sources.next(), sources.next()) {
            (None, _) => Ok(PasswordSource::Terminal),
            (Some(source), None) => Ok(source),
            (Some(_), Some(_)) => Err(UsageError::new(
                "--password-file, --password-stdin and --generate exclude each other: give one",
            )),
        }
    }

    /// Takes `--yes`.
    pub(super) fn confirmation(&mut self) -> Confirmation {
        if self.switch("--yes") {
            Confirmation::Given
        } else {
            Confirmation::Ask
        }
    }

    /// Returns the error for a missing argument or flag.
    pub(super) fn missing(&self, what: &str) -> UsageError {
        UsageError::new(format!("missing {what}; usage: `{}`", self.spec.usage()))
    }

    /// Refuses flags and arguments that were not taken.
    pub(super) fn finish(mut self) -> Result<(), UsageError> {
        let Some(left) = self.arguments.pop_front() else {
            return Ok(());
        };
        Err(UsageError::new(format!(
            "unexpected argument `{}`; usage: `{}`",
            left.display(),
            self.spec.usage()
        )))
    }
}

fn text(name: &str, value: OsString) -> Result<String, UsageError> {
    value.into_string().map_err(|value| {
        UsageError::new(format!("{name}: `{}` is not UTF-8 text", value.display()))
    })
}
