//! The help texts, written from the list of commands.

use super::matches::UsageError;
use super::table::{self, Flag, GLOBAL, GROUPS, Spec};
use crate::exit::Exit;
use crate::nearest::nearest;
use std::fmt::Write as _;

/// The width at which help is wrapped: that of the narrowest terminals in use.
const WIDTH: usize = 80;

/// A short description of this program.
pub(super) const INTRODUCTION: &str = "a private chat server in one binary and one file";

/// The environment variables that the program reads.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "MORELIA_CONFIG",
        "the configuration file, unless --config names one",
    ),
    (
        "MORELIA__SECTION__KEY",
        "a value that overrides the configuration file",
    ),
    (
        "MORELIA__SECTION__KEY_FILE",
        "a file to read such a value from",
    ),
    (
        "MORELIA_UNIT",
        "the systemd unit that `morelia check` reads",
    ),
    ("NO_COLOR", "do not use colour"),
];

/// Returns the help for a command, a group of commands (`user`), or, with an empty name, for all.
///
/// # Errors
/// An unknown name, with the nearest known one.
pub fn about(name: &str) -> Result<String, UsageError> {
    if name.is_empty() {
        return Ok(overview());
    }
    let within = |spec: &&Spec| {
        spec.path
            .split_once(' ')
            .is_some_and(|(first, _)| first == name)
    };
    let specs: Vec<&Spec> = table::find(name)
        .into_iter()
        .chain(table::all().filter(within))
        .collect();
    if specs.is_empty() {
        let names = table::all()
            .map(|spec| spec.path)
            .chain(table::first_words());
        return Err(UsageError::new(match nearest(name, names) {
            Some(right) => format!("there is no command `{name}`: did you mean `{right}`?"),
            None => format!("there is no command `{name}`: `morelia help` lists all"),
        }));
    }
    let texts: Vec<String> = specs.into_iter().map(command).collect();
    Ok(texts.join("\n"))
}

/// Returns what `--version` prints.
#[must_use]
pub fn version() -> String {
    format!("morelia {}\n", env!("CARGO_PKG_VERSION"))
}

fn overview() -> String {
    let mut text = format!("Morelia {}: ", env!("CARGO_PKG_VERSION"));
    let _ = write!(text, "{INTRODUCTION}.\n\nUsage: morelia");
    text.push_str(" [--config FILE] [--json] [--quiet|-v] [--no-color] COMMAND\n\n");
    text.push_str(
        "First steps:\n  morelia init      create configuration, database and administrator\n",
    );
    text.push_str(
        "  morelia serve     run the server\n  morelia check     find out what is wrong\n",
    );
    for (heading, commands) in GROUPS {
        let _ = writeln!(text, "\n{heading}");
        for spec in *commands {
            row(&mut text, 20, spec.path, spec.summary());
        }
    }
    text.push_str("\nFlags of every command, before or after its name\n");
    for flag in GLOBAL {
        flag_row(&mut text, flag);
    }
    text.push_str("\nEnvironment\n");
    for (name, meaning) in ENVIRONMENT {
        row(&mut text, 28, name, meaning);
    }
    text.push_str("\nExit codes\n");
    for exit in Exit::ALL {
        row(&mut text, 20, &exit.code().to_string(), exit.meaning());
    }
    text.push_str("\n`morelia help COMMAND` explains a command and its flags.\n");
    text
}

fn command(spec: &Spec) -> String {
    let mut text = String::new();
    wrapped(&mut text, "Usage: ", 7, &spec.usage());
    text.push('\n');
    wrapped(&mut text, "", 0, spec.about);
    if !spec.flags.is_empty() {
        text.push_str("\nFlags\n");
        for flag in spec.all_flags() {
            flag_row(&mut text, flag);
        }
    }
    text.push_str("\nExamples\n");
    for example in spec.examples {
        let _ = writeln!(text, "  {example}");
    }
    text
}

fn flag_row(text: &mut String, flag: &Flag) {
    let comma = if flag.short.is_empty() { "" } else { ", " };
    let left = format!("{}{comma}{} {}", flag.short, flag.name, flag.value);
    let more = if flag.many { " (may be repeated)" } else { "" };
    row(text, 28, left.trim_end(), &format!("{}{more}", flag.about));
}

/// Appends two columns, the left one `width` wide.
fn row(text: &mut String, width: usize, left: &str, right: &str) {
    wrapped(text, &format!("  {left:<width$}  "), width + 4, right);
}

/// Appends `words` after `start`, wrapped, with further lines indented.
fn wrapped(text: &mut String, start: &str, indent: usize, words: &str) {
    let mut line = start.to_owned();
    let mut is_empty = true;
    for word in words.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
