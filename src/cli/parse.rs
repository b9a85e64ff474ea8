//! Parses a command line: global flags, the command's name, its flags, its arguments.

use super::command::{Command, Global, Invocation, Verbosity};
use super::matches::{Flags, Matches, UsageError};
use super::table::{self, Flag, GLOBAL, Spec};
use crate::nearest::nearest;
use pico_args::{Arguments, Error};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};

/// Parses the arguments of the process, without the program's name.
///
/// # Errors
/// A sentence that says what was not understood and what would be right; the exit code is 2.
pub fn parse(mut arguments: Vec<OsString>) -> Result<Invocation, UsageError> {
    // An argument after a lone `--` is never a flag.
    let literal = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => arguments.split_off(at).into_iter().skip(1).collect(),
        None => Vec::new(),
    };
    let arguments = split_at_equals(arguments, &GLOBAL.iter().collect::<Vec<_>>());
    let (words, spec) = command(Arguments::from_vec(arguments.clone()))?;

    let own = spec.into_iter().flat_map(Spec::all_flags);
    let known: Vec<&Flag> = GLOBAL.iter().chain(own).collect();
    let mut arguments = Arguments::from_vec(split_at_equals(arguments, &known));
    let mut flags = flags(&mut arguments, &known)?;
    let global = global(&mut flags)?;
    let wants_help = flags.remove("--help").is_some();
    let command = match spec {
        _ if flags.remove("--version").is_some() => Command::Version,
        _ if wants_help => Command::Help(words.join(" ")),
        None => return Err(no_command(&words)),
        Some(spec) => {
            let mut left = VecDeque::from(arguments.finish());
            left.drain(..words.len());
            refuse_flags(spec, &left)?;
            left.extend(literal);
            let mut matches = Matches {
                spec,
                global: global.clone(),
                flags,
                arguments: left,
            };
            let command = (spec.build)(&mut matches)?;
            matches.finish()?;
            command
        }
    };
    Ok(Invocation { global, command })
}

/// Splits `--flag=value` into two arguments, for the flags that have a value. pico-args would do
/// it, but removes quotes from the value, and refuses an empty one and one that is not UTF-8.
fn split_at_equals(arguments: Vec<OsString>, known: &[&Flag]) -> Vec<OsString> {
    let split = |argument: &OsString| {
        let (name, value) = argument.to_str()?.split_once('=')?;
        let flag = known
            .iter()
            .find(|flag| flag.name == name && !flag.value.is_empty())?;
        Some([OsString::from(flag.name), OsString::from(value)])
    };
    let both = |argument| match split(&argument) {
        Some(two) => two.to_vec(),
        None => vec![argument],
    };
    arguments.into_iter().flat_map(both).collect()
}

fn global(given: &mut Flags) -> Result<Global, UsageError> {
    let mut take = |name| given.remove(name);
    let verbosity = match (take("--quiet").is_some(), take("--verbose").is_some()) {
        (true, true) => {
            return Err(UsageError::new(
                "--quiet and -v exclude each other: give one",
            ));
        }
        (true, false) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    Ok(Global {
        config: take("--config")
            .and_then(|mut values| values.pop())
            .map(Into::into),
        json: take("--json").is_some(),
        no_color: take("--no-color").is_some(),
        verbosity,
    })
}

/// Takes flags out of the arguments: those with a value first, so that no value is mistaken for a switch.
fn flags(arguments: &mut Arguments, known: &[&Flag]) -> Result<Flags, UsageError> {
    let mut given = Flags::new();
    let (switches, options): (Vec<&Flag>, Vec<&Flag>) =
        known.iter().partition(|flag| flag.value.is_empty());
    for flag in options {
        let as_is = |value: &OsStr| Ok::<OsString, Infallible>(value.to_owned());
        let values = match arguments.values_from_os_str(flag.keys(), as_is) {
            Ok(values) => values,
            Err(Error::OptionWithoutAValue(_)) => return Err(no_value(flag)),
            Err(error) => return Err(UsageError::new(format!("{}: {error}", flag.name))),
        };
        // Another flag in place of the value means that the value was forgotten.
        if values
            .iter()
            .any(|value| value.to_str().is_some_and(|value| value.starts_with("--")))
        {
            return Err(no_value(flag));
        }
        if values.len() > 1 && !flag.many {
            return Err(UsageError::new(format!(
                "{} is given twice: once is enough",
                flag.name
            )));
        }
        if !values.is_empty() {
            given.insert(flag.name, values);
        }
    }
    for flag in switches {
        while arguments.contains(flag.keys()) {
            given.insert(flag.name, Vec::new());
        }
    }
    Ok(given)
}

fn no_value(Flag { name, value, .. }: &Flag) -> UsageError {
    UsageError::new(format!("{name} needs a value: {name} {value}"))
}

/// Finds the command that the first words name, and returns these words; `None` for a group
/// (`user`) or if there is no word.
fn command(mut arguments: Arguments) -> Result<(Vec<String>, Option<&'static Spec>), UsageError> {
    flags(&mut arguments, &GLOBAL.iter().collect::<Vec<_>>())?;
    let Some(first) = next_word(&mut arguments)? else {
        return match arguments.finish().first() {
            Some(flag) => Err(flag_before_command(flag)),
            None => Ok((Vec::new(), None)),
        };
    };
    let single = table::find(&first);
    let inside = table::members(&first);
    if inside.is_empty() {
        return match single {
            Some(spec) => Ok((vec![first], Some(spec))),
            None => Err(unknown_command(&first)),
        };
    }
    match next_word(&mut arguments)? {
        None => Ok((vec![first], single)),
        Some(second) => match table::find(&format!("{first} {second}")) {
            Some(spec) => Ok((vec![first, second], Some(spec))),
            None => Err(unknown_member(&first, &second, &inside)),
        },
    }
}

fn no_command(words: &[String]) -> UsageError {
    UsageError::new(match words.first() {
        Some(group) => {
            let members = table::members(group).join(", ");
            format!("`morelia {group}` needs one of these words: {members}")
        }
        None => {
            "missing command: start with `morelia init` and `morelia serve`; `morelia help` lists \
                 all commands"
                .to_owned()
        }
    })
}

fn next_word(arguments: &mut Arguments) -> Result<Option<String>, UsageError> {
    arguments
        .subcommand()
        .map_err(|_| UsageError::new("the command is not UTF-8 text"))
}

fn unknown_command(word: &str) -> UsageError {
    let right = table::RETIRED_COMMANDS
        .iter()
        .find(|(old, _)| *old == word)
        .map(|(_, now)| format!("use {now} instead"))
        .or_else(|| {
            nearest(word, table::first_words()).map(|name| format!("did you mean `{name}`?"))
        })
        .unwrap_or_else(|| "`morelia help` lists all".to_owned());
    UsageError::new(format!("there is no command `{word}`: {right}"))
}

fn unknown_member(group: &str, word: &str, members: &[&'static str]) -> UsageError {
    let said = format!("there is no command `{group} {word}`");
    UsageError::new(match nearest(word, members.iter().copied()) {
        Some(right) => format!("{said}: did you mean `morelia {group} {right}`?"),
        None => format!("{said}; use one of {}", members.join(", ")),
    })
}

fn flag_before_command(flag: &OsStr) -> UsageError {
    let flag = flag.to_string_lossy();
    if let Some(error) = special_flag(&flag) {
        return error;
    }
    let name = flag.split('=').next().unwrap_or_default();
    if table::all()
        .flat_map(Spec::all_flags)
        .any(|known| known.is(name))
    {
        return UsageError::new(format!("{name} must come after the command"));
    }
    let names = GLOBAL.iter().map(|flag| flag.name);
    UsageError::new(match nearest(name, names) {
        Some(right) => format!("unknown flag {name}: did you mean {right}?"),
        None => format!("unknown flag {name}; `morelia help` lists commands and flags"),
    })
}

/// Refuses arguments that look like flags but are not flags of this command.
fn refuse_flags(spec: &Spec, left: &VecDeque<OsString>) -> Result<(), UsageError> {
    let looks_like_flag = |argument: &&OsString| {
        argument
            .to_str()
            .is_some_and(|text| text.len() > 1 && text.starts_with('-'))
    };
    let Some(flag) = left.iter().find(looks_like_flag) else {
        return Ok(());
    };
    let flag = flag.to_string_lossy();
    if let Some(error) = special_flag(&flag) {
        return Err(error);
    }
    let name = flag.split('=').next().unwrap_or_default();
    let known = || spec.all_flags().chain(GLOBAL);
    if known().any(|known| known.is(name)) {
        return Err(UsageError::new(format!(
            "{name} is a switch: it takes no value"
        )));
    }
    let help = format!("`morelia help {}` lists the flags", spec.path);
    Err(UsageError::new(
        match nearest(name, known().map(|flag| flag.name)) {
            Some(right) => format!("unknown flag {name}: did you mean {right}?"),
            None => format!("`{}` has no flag {name}; {help}", spec.path),
        },
    ))
}

/// Returns the error for a flag that people know from other programs.
fn special_flag(flag: &str) -> Option<UsageError> {
    let name = flag.split('=').next().unwrap_or_default();
    if matches!(name, "--password" | "-p" | "--passwd") {
        return Some(UsageError::new(
            "a password in an argument can be read by every user of this machine: use \
             --password-file, --password-stdin or --generate, or type it when asked",
        ));
    }
    let (_, why) = table::RETIRED_FLAGS.iter().find(|(old, _)| *old == name)?;
    Some(UsageError::new(format!("{name} {why}")))
}
