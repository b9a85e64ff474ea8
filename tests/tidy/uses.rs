//! Reads from a source file what it uses of the crate, wherever that is written: in imports, grouped
//! and across lines too, and in paths in the middle of code.

use std::path::{Component, Path};

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// The line that it stands in.
    pub(super) line: usize,
    /// The path from the crate's root on, such as `["store", "tx", "Tx"]`; `*` for everything in it.
    pub(super) path: Vec<String>,
    /// Whether that is in the file's own `mod tests`.
    pub(super) in_tests: bool,
    /// Whether it is imported, and not named in the middle of code.
    pub(super) is_import: bool,
}

/// The module that a file below `src` is.
pub(super) fn module_of(path: &Path) -> Vec<String> {
    let mut module: Vec<String> = path
        .with_extension("")
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .skip(1)
        .collect();
    if let Some("mod" | "lib" | "main") = module.last().map(String::as_str) {
        module.pop();
    }
    module
}

/// Everything of the crate that the text of a module names.
pub(super) fn uses(module: &[String], text: &str) -> Vec<Use> {
    let tokens = tokens(text);
    let children: Vec<&str> = tokens
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == ";")
        .map(|three| three[1].text.as_str())
        .collect();
    let mut reader = Reader {
        tokens: &tokens,
        children,
        module: module.to_vec(),
        inner: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    reader.read();
    reader.found
}

/// A word, `::`, or any other character of code.
#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Takes code apart; comments, texts and characters are left away.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |place: usize| chars.get(place).copied().unwrap_or('\n');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let (mut place, mut line) = (0, 1);
    while place < chars.len() {
        let start = place;
        match chars[place] {
            '/' if at(place + 1) == '/' => {
                while place < chars.len() && chars[place] != '\n' {
                    place += 1;
                }
            }
            '/' if at(place + 1) == '*' => {
                place += 2;
                while place < chars.len() && !(chars[place] == '*' && at(place + 1) == '/') {
                    place += 1;
                }
                place += 2;
            }
            '"' => {
                place += 1;
                while place < chars.len() && chars[place] != '"' {
                    place += if chars[place] == '\\' { 2 } else { 1 };
                }
                place += 1;
            }
            '\'' if at(place + 1) == '\\' => {
                place += 3;
                while place < chars.len() && chars[place] != '\'' {
                    place += 1;
                }
                place += 1;
            }
            '\'' if at(place + 2) == '\'' => place += 3,
            'r' if raw_quotes(&chars[place + 1..]).is_some() => {
                let hashes = raw_quotes(&chars[place + 1..]).unwrap_or_default();
                place += hashes + 2;
                let ends =
                    |place: usize| at(place) == '"' && (1..=hashes).all(|n| at(place + n) == '#');
                while place < chars.len() && !ends(place) {
                    place += 1;
                }
                place += hashes + 1;
            }
            c if is_word(c) => {
                while place < chars.len() && is_word(chars[place]) {
                    place += 1;
                }
                let text = chars[start..place].iter().collect();
                tokens.push(Token { line, text });
            }
            ':' if at(place + 1) == ':' => {
                place += 2;
                let text = "::".to_owned();
                tokens.push(Token { line, text });
            }
            c => {
                place += 1;
                if !c.is_whitespace() {
                    let text = c.to_string();
                    tokens.push(Token { line, text });
                }
            }
        }
        let end = place.min(chars.len());
        line += chars[start..end].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// How many hashes stand before the quote that begins a raw text.
fn raw_quotes(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    (rest.get(hashes) == Some(&'"')).then_some(hashes)
}

struct Reader<'a> {
    tokens: &'a [Token],
    /// The modules that the file declares.
    children: Vec<&'a str>,
    module: Vec<String>,
    /// The modules inside of the file that are open, and how deep each began.
    inner: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Use>,
}

impl Reader<'_> {
    fn text(&self, place: usize) -> &str {
        self.tokens.get(place).map_or("", |token| &token.text)
    }

    fn read(&mut self) {
        let mut place = 0;
        while place < self.tokens.len() {
            match self.text(place) {
                "mod" if self.text(place + 2) == "{" => {
                    self.inner
                        .push((self.text(place + 1).to_owned(), self.depth));
                    self.depth += 1;
                    place += 3;
                }
                "{" => {
                    self.depth += 1;
                    place += 1;
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    if self
                        .inner
                        .last()
                        .is_some_and(|(_, depth)| *depth == self.depth)
                    {
                        self.inner.pop();
                    }
                    place += 1;
                }
                "use" => place = self.tree(place + 1, &[], true),
                "crate" | "super" | "self" if self.text(place + 1) == "::" => {
                    place = self.tree(place, &[], false);
                }
                _ => place += 1,
            }
        }
    }

    /// Reads a path, and what it branches into, from a place on. Returns the place after it.
    fn tree(&mut self, mut place: usize, before: &[String], is_import: bool) -> usize {
        let mut path = before.to_vec();
        loop {
            let text = self.text(place).to_owned();
            let is_name = text.chars().all(|c| c.is_alphanumeric() || c == '_');
            if text == "{" {
                place += 1;
                while !matches!(self.text(place), "}" | "") {
                    place = self.tree(place, &path, is_import);
                    if self.text(place) == "," {
                        place += 1;
                    }
                }
                return place + 1;
            }
            if text.is_empty() || !(is_name || text == "*" || text == "::") {
                return place + usize::from(self.text(place) != "}" && self.text(place) != ",");
            }
            if text != "::" {
                path.push(text);
                if self.text(place + 1) != "::" {
                    self.note(place, &path, is_import);
                    place += 1;
                    if is_import && self.text(place) == "as" {
                        place += 2;
                    }
                    return place;
                }
            }
            place += 1;
            // What follows may be the type in `Vec::<u8>`.
            if self.text(place - 1) == "::" && self.text(place) == "<" {
                self.note(place - 2, &path, is_import);
                return place;
            }
        }
    }

    /// Notes a path, seen from the root.
    fn note(&mut self, place: usize, path: &[String], is_import: bool) {
        let inner = self.inner.iter().map(|(name, _)| name.clone());
        let mut whole: Vec<String> = self.module.iter().cloned().chain(inner).collect();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                whole.clear();
                rest = &path[1..];
            }
            Some("self") => rest = &path[1..],
            Some("super") => {
                while let [first, others @ ..] = rest
                    && first == "super"
                {
                    whole.pop();
                    rest = others;
                }
            }
            Some(name) if self.children.contains(&name) && self.inner.is_empty() => {}
            // Another crate.
            _ => return,
        }
        whole.extend(rest.iter().filter(|name| *name != "self").cloned());
        let in_tests = self.inner.iter().any(|(name, _)| name == "tests");
        let line = self.tokens.get(place).map_or(0, |token| token.line);
        self.found.push(Use {
            line,
            path: whole,
            in_tests,
            is_import,
        });
    }
}

fn read(module: &str, text: &str) -> Vec<String> {
    let module: Vec<String> = module.split("::").map(str::to_owned).collect();
    let found = uses(&module, text).into_iter();
    found
        .map(|it| format!("{} {}", it.line, it.path.join("::")))
        .collect()
}

#[test]
fn grouped_imports_are_read_across_lines() {
    let text = "\
use std::{fmt, io};
use crate::{
    admin::print::{self, line},
    // crate::commented
    app::{backups::{State as Standing, judge}, *},
};
use rusqlite::{Connection, params};
";
    assert_eq!(
        read("server::http", text),
        [
            "3 admin::print",
            "3 admin::print::line",
            "5 app::backups::State",
            "5 app::backups::judge",
            "5 app::*",
        ]
    );
}

#[test]
fn paths_lead_to_where_they_are_seen_from() {
    let text = "\
mod inner;
pub use inner::Name;
use super::tx::Tx;
pub(crate) fn f(tx: &Tx<'_>) -> super::super::hub::Hub {
    let text = \"crate::text 'a\"; let raw = r#\"crate::\"raw\"#; let c = '\"';
    self::inner::g::<crate::model::Id>(tx); /* crate::comment */
    crate::model::Flow { id: inner::id() }
}
mod tests {
    use super::*;
    fn g() { super::super::error::h(); }
}
fn after() { super::last() }
";
    assert_eq!(
        read("store::log", text),
        [
            "2 store::log::inner::Name",
            "3 store::tx::Tx",
            "4 hub::Hub",
            "6 store::log::inner::g",
            "6 model::Id",
            "7 model::Flow",
            "10 store::log::*",
            "11 store::error::h",
            "13 store::last",
        ]
    );
    let module = ["store".to_owned(), "log".to_owned()];
    let in_tests: Vec<_> = uses(&module, text)
        .into_iter()
        .filter(|it| it.in_tests)
        .map(|it| it.line)
        .collect();
    assert_eq!(in_tests, [10, 11]);
}

#[test]
fn files_are_the_modules_that_they_are() {
    for (path, module) in [
        ("src/lib.rs", ""),
        ("src/hub.rs", "hub"),
        ("src/store/mod.rs", "store"),
        (
            "src/protocol/mtp/methods/ping.rs",
            "protocol::mtp::methods::ping",
        ),
    ] {
        assert_eq!(module_of(Path::new(path)).join("::"), module);
    }
}
