//! The manual page, written from the list of commands: what `man morelia` shows.

use super::help::{ENVIRONMENT, INTRODUCTION};
use super::table::{Flag, GLOBAL, GROUPS, Spec};
use crate::exit::Exit;
use std::fmt::Write as _;

/// Where the configuration is looked for; the first file that exists is used.
const FILES: &[(&str, &str)] = &[
    (
        "./morelia.ini",
        "the configuration, when the program runs in its folder",
    ),
    (
        "$XDG_CONFIG_HOME/morelia/morelia.ini",
        "the configuration of one user",
    ),
    (
        "/etc/morelia/morelia.ini",
        "the configuration of the machine",
    ),
    (
        "morelia.db",
        "the database, beside the configuration unless that says otherwise",
    ),
];

/// Returns the page in the language of `man`: roff with the macros of the same name.
#[must_use]
pub fn page() -> String {
    let mut page = format!(
        ".\\\" Written by `morelia help --man`.\n.TH MORELIA 1 \"\" \"Morelia {}\" \"Morelia\"\n.nh\n.ad l\n",
        env!("CARGO_PKG_VERSION")
    );
    section(&mut page, "NAME");
    line(&mut page, &format!("morelia - {INTRODUCTION}"));
    section(&mut page, "SYNOPSIS");
    page.push_str(".B morelia\n");
    line(&mut page, &global_usage());
    section(&mut page, "DESCRIPTION");
    line(
        &mut page,
        "Every command works the same whether the server runs or not. Results go to standard output, \
         diagnostics to standard error. A command that destroys something asks first; --yes answers the \
         question, and is required without a terminal.",
    );
    section(&mut page, "OPTIONS");
    line(
        &mut page,
        "Every command accepts these flags, before or after its name.",
    );
    for flag in GLOBAL {
        option(&mut page, flag);
    }
    section(&mut page, "COMMANDS");
    for (heading, commands) in GROUPS {
        let _ = writeln!(page, ".SS {}", escaped(heading));
        for spec in *commands {
            command(&mut page, spec);
        }
    }
    section(&mut page, "ENVIRONMENT");
    pairs(&mut page, ENVIRONMENT);
    section(&mut page, "FILES");
    pairs(&mut page, FILES);
    section(&mut page, "EXIT STATUS");
    for exit in Exit::ALL {
        item(&mut page, &exit.code().to_string(), exit.meaning());
    }
    page
}

/// Returns the flags of every command, in the form of a usage line.
fn global_usage() -> String {
    "[--config FILE] [--json] [--quiet|-v] [--no-color] COMMAND".to_owned()
}

fn command(page: &mut String, spec: &Spec) {
    let _ = writeln!(page, ".TP\n.B {}", escaped(&spec.usage()));
    line(page, spec.about);
    if spec.all_flags().next().is_some() {
        page.push_str(".RS\n");
        for flag in spec.all_flags() {
            option(page, flag);
        }
        page.push_str(".RE\n");
    }
    page.push_str(".RS\n.PP\nExamples:\n.PP\n.nf\n");
    for example in spec.examples {
        let _ = writeln!(page, "{}", escaped(example));
    }
    page.push_str(".fi\n.RE\n");
}

fn option(page: &mut String, flag: &Flag) {
    let comma = if flag.short.is_empty() { "" } else { ", " };
    let name = format!("{}{comma}{} {}", flag.short, flag.name, flag.value);
    item(page, name.trim_end(), flag.about);
}

fn pairs(page: &mut String, pairs: &[(&str, &str)]) {
    for (name, meaning) in pairs {
        item(page, name, meaning);
    }
}

fn item(page: &mut String, name: &str, meaning: &str) {
    let _ = writeln!(page, ".TP\n.B {}", escaped(name));
    line(page, meaning);
}

fn section(page: &mut String, name: &str) {
    let _ = writeln!(page, ".SH {name}");
}

fn line(page: &mut String, text: &str) {
    let _ = writeln!(page, "{}", escaped(text));
}

/// Returns a text on one line that roff prints as it is: a period or an apostrophe at its beginning
/// would be a request, a backslash an escape, and a plain hyphen could not be copied.
fn escaped(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut escaped = String::with_capacity(text.len() + 8);
    if text.starts_with(['.', '\'']) {
        escaped.push_str("\\&");
    }
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '~' => escaped.push_str("\\(ti"),
            '^' => escaped.push_str("\\(ha"),
            '`' => escaped.push_str("\\(ga"),
            '\'' => escaped.push_str("\\(aq"),
            '…' => escaped.push_str("..."),
            c if c.is_ascii() => escaped.push(c),
            c => {
                let _ = write!(escaped, "\\[u{:04X}]", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    /// The macros that the page uses.
    const MACROS: [&str; 12] = [
        "TH", "SH", "SS", "TP", "B", "PP", "RS", "RE", "nf", "fi", "nh", "ad",
    ];

    #[test]
    fn every_command_and_flag_is_in_the_page() {
        let page = page();
        for spec in table::all() {
            assert!(page.contains(&escaped(&spec.usage())), "{}", spec.path);
            assert!(page.contains(&escaped(spec.about)), "{}", spec.path);
            for flag in spec.all_flags().chain(GLOBAL) {
                assert!(page.contains(&escaped(flag.name)), "{}", flag.name);
            }
        }
        for exit in Exit::ALL {
            assert!(page.contains(&escaped(exit.meaning())), "{}", exit.code());
        }
    }

    #[test]
    fn only_known_requests_begin_a_line() {
        let page = page();
        assert!(page.is_ascii(), "older readers know no other encoding");
        let mut depth = 0_i32;
        for line in page.lines() {
            assert!(!line.starts_with('\'') && !line.is_empty(), "{line:?}");
            let Some(request) = line.strip_prefix('.') else {
                continue;
            };
            let name = request.split(' ').next().unwrap();
            let known = MACROS.contains(&name) || name.starts_with("\\\"");
            assert!(known, "{line:?}");
            depth += i32::from(name == "RS") - i32::from(name == "RE");
            assert!((0..=1).contains(&depth), "{line:?}");
        }
        assert_eq!(depth, 0, "every indentation ends");
        assert_eq!(
            page.matches("\n.nf\n").count(),
            page.matches("\n.fi\n").count()
        );
    }

    #[test]
    fn texts_are_printed_as_they_are() {
        assert_eq!(escaped(".db 'x'"), "\\&.db \\(aqx\\(aq");
        assert_eq!(escaped("'x'"), "\\&\\(aqx\\(aq");
        assert_eq!(escaped("a-b\\c  d…"), "a\\-b\\ec d...");
        assert_eq!(escaped("é"), "\\[u00E9]");
    }
}
