//! The output of the commands, and its forms.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::cli::{Global, Verbosity};
use crate::exit::Exit;
use crate::logging;
use crate::model::Timestamp;

/// Whether only errors are printed: `--quiet`.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether the output is for programs: `--json`.
static JSON: AtomicBool = AtomicBool::new(false);

/// Sets how this process prints.
pub fn choose(json: bool, quiet: bool) {
    JSON.store(json, Ordering::Relaxed);
    QUIET.store(quiet, Ordering::Relaxed);
}

/// The destination and form of results and diagnostics.
pub struct Output {
    json: bool,
    pretty: bool,
    quiet: bool,
}

impl Output {
    /// Returns the output that the flags of the command line request.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            pretty: io::stdout().is_terminal(),
            quiet: global.verbosity == Verbosity::Quiet,
        }
    }

    /// Returns whether results are JSON documents.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Returns whether JSON is formatted for people.
    #[must_use]
    pub fn is_pretty(&self) -> bool {
        self.pretty
    }

    /// Prints a JSON document: formatted on a terminal, otherwise on one line.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn document(&self, value: &Value) -> io::Result<()> {
        if self.pretty {
            write(&format!("{value:#}"))
        } else {
            write(&value.to_string())
        }
    }

    /// Prints progress, for people only.
    pub fn note(&self, sentence: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{sentence}");
        }
    }
}

/// Prints a line of a result, unless `--quiet` was given.
///
/// # Errors
/// Standard output is closed.
pub fn line(line: &str) -> io::Result<()> {
    if !QUIET.load(Ordering::Relaxed) {
        return write(line);
    }
    let failures: Vec<&str> = failures(line).collect();
    if failures.is_empty() {
        return Ok(());
    }
    write(&failures.join("\n"))
}

/// The lines of a result that tell of something wrong.
fn failures(result: &str) -> impl Iterator<Item = &str> {
    result.lines().filter(|line| line.starts_with("FAIL "))
}

/// Prints a result with a secret that is shown only this once; with `--quiet`, the secret alone.
///
/// # Errors
/// Standard output is closed.
pub fn secret(text: &str, secret: &str) -> io::Result<()> {
    if QUIET.load(Ordering::Relaxed) {
        write(secret)
    } else {
        write(text)
    }
}

fn write(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Returns a table whose columns are as wide as their widest cell; the last one is not padded.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns a number with a noun, which gets an s for any number but one.
#[must_use]
pub fn count<N: std::fmt::Display + PartialEq + From<u8> + Copy>(number: N, what: &str) -> String {
    if number == N::from(1) {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// Returns a stored time in a form for people.
#[must_use]
pub fn time(time: Timestamp) -> String {
    time.date_time()
}

/// Returns a number of seconds in the largest unit that divides it.
#[must_use]
pub fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    let unit = units
        .into_iter()
        .find(|(scale, _)| seconds >= *scale && seconds % scale == 0);
    let (scale, unit) = unit.unwrap_or((1, "s"));
    format!("{} {unit}", seconds / scale)
}

/// Returns a text on one line, safe for a terminal; a dash for none.
#[must_use]
pub fn cell(text: Option<&str>) -> String {
    match text {
        None | Some("") => "-".to_owned(),
        Some(text) => safe(text).split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Prints an error, and how the command ends: a sentence, or for programs one line of JSON.
pub fn error(sentence: &str, exit: Exit) {
    let line = if JSON.load(Ordering::Relaxed) {
        failure(sentence, exit).to_string()
    } else {
        let priority = if logging::is_journaled() { "<3>" } else { "" };
        format!("{priority}morelia: {sentence}")
    };
    let _ = writeln!(io::stderr(), "{line}");
}

/// Returns an error for programs. What to do follows the first semicolon of the sentence, if there is one.
fn failure(sentence: &str, exit: Exit) -> Value {
    let hint = sentence.split_once("; ").map(|(_, hint)| hint);
    json!({"error": {"code": exit.code(), "message": sentence, "hint": hint}})
}

/// Returns a text that cannot move a terminal's cursor or change its colours, whoever wrote it.
#[must_use]
pub fn safe(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => "\n    ".to_owned(),
        '\t' => c.to_string(),
        c if c.is_control() => '\u{fffd}'.to_string(),
        // Characters that reorder the text after them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_failures_are_errors() {
        let result = "ok    tls       fine\nFAIL  disk      full\nFAILED\nwarn  net       odd";
        assert_eq!(
            failures(result).collect::<Vec<_>>(),
            ["FAIL  disk      full"]
        );
    }

    #[test]
    fn one_is_one() {
        let counted = [0_i64, 1, 2, 21].map(|number| count(number, "user"));
        assert_eq!(counted, ["0 users", "1 user", "2 users", "21 users"]);
    }

    #[test]
    fn a_span_is_in_its_largest_unit() {
        let spans = [1, 60, 90, 3600, 5400, 172_800].map(span);
        assert_eq!(spans, ["1 s", "1 min", "90 s", "1 h", "90 min", "2 d"]);
    }

    #[test]
    fn an_error_for_programs_has_code_message_and_hint() {
        let with_hint = failure("no flow; `morelia flow list` lists all", Exit::NotFound);
        assert_eq!(
            with_hint["error"],
            json!({"code": 3, "message": "no flow; `morelia flow list` lists all", "hint": "`morelia flow list` lists all"})
        );
        assert_eq!(failure("no", Exit::Failed)["error"]["hint"], Value::Null);
    }

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let rows = [
            vec!["анна".to_owned(), "1".to_owned()],
            vec!["b".to_owned(), "22".to_owned()],
        ];
        assert_eq!(
            table(&["login", "n"], &rows),
            "login  n\nанна   1\nb      22\n"
        );
        assert_eq!(cell(Some("two\nlines\u{1b}")), "two lines\u{fffd}");
        assert_eq!(cell(None), "-");
    }

    #[test]
    fn nobodys_text_reaches_the_terminal_raw() {
        assert_eq!(
            safe("a\u{1b}[31mb\u{202e}c\u{7}"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}"
        );
        assert_eq!(safe("Привет 👋\ttab"), "Привет 👋\ttab");
        assert_eq!(safe("one\ntwo"), "one\n    two");
    }
}
