//! Converts foreign markup and plain text into the markup of messages.

use std::borrow::Cow;

/// The most bytes of a text that are read.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Returns whether a mark may open after a character.
fn may_open_after(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || "([{\"'*_~|".contains(c))
}

/// The characters that are a mark if there are two of them.
const PAIRED: [char; 3] = ['*', '~', '|'];

/// Returns a run of equal characters, none of which is a mark. A backslash only escapes where a mark begins: of an odd
/// number the first stands alone, and each escaped one is followed by another.
fn run(c: char, length: usize) -> String {
    let mut done = String::new();
    if !length.is_multiple_of(2) {
        done.push(c);
    }
    for _ in 0..length / 2 {
        done.extend(['\\', c, c]);
    }
    done
}

/// Escapes the marks in a text, but only those that could have a meaning: an address with `_` in it
/// stays as it is.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = rest.len() - rest.trim_start_matches(c).len();
        let next = |taken: usize| rest.get(taken..).and_then(|it| it.chars().next());
        let opens = |taken: usize| {
            may_open_after(before) && next(taken).is_some_and(|c| !c.is_whitespace())
        };
        let mut taken = c.len_utf8();
        if PAIRED.contains(&c) && (length > 2 || length == 2 && opens(2)) {
            taken = length;
            escaped.push_str(&run(c, length));
        } else if PAIRED.contains(&c) {
            taken = length;
            escaped.push_str(rest.get(..length).unwrap_or_default());
        } else {
            let is_read = match c {
                '\\' => next(1).is_some_and(|next| "*_~|`\\".contains(next)),
                '_' | '`' => opens(1),
                _ => false,
            };
            if is_read {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        before = Some(c);
        rest = rest.get(taken..).unwrap_or_default();
    }
    escaped
}

/// Returns a text on one line in bold. Asterisks at its end would close it too early and stand behind it.
pub(super) fn bold(text: &str) -> String {
    let words = text.trim_end_matches(|c: char| c == '*' || c.is_whitespace());
    let end = text.get(words.len()..).unwrap_or_default();
    if words.is_empty() {
        return escape_all(end);
    }
    ["**", &escape_all(words), "**", &escape_all(end)].concat()
}

/// Escapes all marks in a text that is placed between marks itself.
fn escape_all(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        if PAIRED.contains(&c) {
            taken = rest.len() - rest.trim_start_matches(c).len();
            escaped.push_str(&run(c, taken));
        } else {
            if "_`\\".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    escaped
}

/// Converts Markdown into the markup of messages: headings become bold lines, `*so*` becomes `_so_`,
/// a link becomes its words and its address.
pub(super) fn from_markdown(text: &str) -> String {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            // The name of the language is dropped.
            lines.push("```".to_owned());
        } else if is_code {
            lines.push(line.to_owned());
        } else {
            let level = line.chars().take_while(|c| *c == '#').count();
            let heading = line.get(level..).and_then(|rest| rest.strip_prefix(' '));
            match heading.filter(|_| (1..=6).contains(&level)) {
                Some(heading) => {
                    let words = heading.trim().trim_matches('*').trim();
                    lines.push(format!("**{words}**"));
                }
                None => lines.push(inline(line)),
            }
        }
    }
    if is_code {
        lines.push("```".to_owned());
    }
    lines.join("\n")
}

fn inline(line: &str) -> String {
    let mut done = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        if c == '`'
            && let Some(end) = rest.get(1..).and_then(|it| it.find('`'))
        {
            taken = end + 2;
            done.push_str(rest.get(..taken).unwrap_or_default());
        } else if rest.starts_with("**") || rest.starts_with("~~") {
            taken = 2;
            done.push_str(rest.get(..taken).unwrap_or_default());
        } else if rest.starts_with("__") {
            taken = 2;
            done.push_str("**");
        } else if c == '*' {
            // A list item stays a list item.
            let is_item = done.trim().is_empty() && rest.starts_with("* ");
            done.push(if is_item { '-' } else { '_' });
            if !is_item && rest.starts_with("* ") && done.ends_with(" _") {
                // An asterisk between two numbers.
                done.pop();
                done.push('*');
            }
        } else if let Some((words, url, length)) = link(rest) {
            taken = length;
            done.push_str(&named(&words, &url));
        } else {
            done.push(c);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    done
}

/// Returns the beginning of a text: whole characters of at most `most` bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most))
        .unwrap_or_default()
}

/// Returns a text without what is beyond the longest one, and with a mark if that is missing.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const END: char = '…';
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let mut short = cut(text, MAX_TEXT_BYTES - END.len_utf8()).to_owned();
    short.push(END);
    Cow::Owned(short)
}

/// Returns words and the address that they stand for.
pub(super) fn named(words: &str, url: &str) -> String {
    if words.is_empty() || words == url {
        url.to_owned()
    } else {
        format!("{words} ({url})")
    }
}

/// Returns `[words](address)` or `![words](address)` at the beginning of a text, and its length.
pub(super) fn link(text: &str) -> Option<(String, String, usize)> {
    let mark = if text.starts_with("![") { 2 } else { 1 };
    let body = text.strip_prefix("![").or(text.strip_prefix('['))?;
    // Stops at the first character that can be in neither: this runs for each opening bracket of a text.
    let words = body.split(['[', ']', '\n']).next()?;
    let after = body.get(words.len()..)?.strip_prefix("](")?;
    let url = after.split([' ', '(', ')', '\n']).next()?;
    let is_closed = after.get(url.len()..)?.starts_with(')');
    let length = mark + words.len() + 2 + url.len() + 1;
    is_closed.then(|| (words.to_owned(), url.to_owned(), length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_could_be_a_mark_is_escaped() {
        for (text, expected) in [
            ("plain", "plain"),
            ("_so_", "\\_so_"),
            ("a_b http://x/a_b", "a_b http://x/a_b"),
            ("**bold**", "\\**bold**"),
            ("***bold***", "*\\**bold*\\**"),
            ("(~~a||b", "(\\~~a||b"),
            ("5 * 3", "5 * 3"),
            ("a | b || c", "a | b || c"),
            ("C:\\dir \\_x", "C:\\dir \\\\_x"),
        ] {
            assert_eq!(escape(text), expected, "{text}");
        }
    }

    /// A backslash that escapes nothing would be seen.
    #[test]
    fn a_bold_text_says_what_it_said() {
        for (text, expected) in [
            ("Disk full", "**Disk full**"),
            ("CPU | Memory", "**CPU | Memory**"),
            ("A *title* of b_c", "**A *title* of b\\_c**"),
            ("*new*", "***new***"),
            ("*** DEGRADED ***", "***\\** DEGRADED** *\\**"),
            ("a || b ~ `c` \\", "**a \\|| b ~ \\`c\\` \\\\**"),
            ("* *", "* *"),
            ("", ""),
        ] {
            assert_eq!(bold(text), expected, "{text}");
        }
    }

    #[test]
    fn markdown_becomes_our_markup() {
        for (text, expected) in [
            ("# Head", "**Head**"),
            ("*i* **b** __b__ ~~s~~", "_i_ **b** **b** ~~s~~"),
            ("[words](https://a.b/c)", "words (https://a.b/c)"),
            ("![cat](https://a.b/c.png)!", "cat (https://a.b/c.png)!"),
            ("`a*b*c`", "`a*b*c`"),
            ("* one\n* two", "- one\n- two"),
            ("```sh\n*x*\n```\n*y*", "```\n*x*\n```\n_y_"),
            ("#notaheading", "#notaheading"),
            ("```\nopen", "```\nopen\n```"),
        ] {
            assert_eq!(from_markdown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a *_~|`\\\\#\\[\\]()!\n\u{436}]{0,60}") {
            let escaped = escape(&text);
            prop_assert_eq!(escaped.replace('\\', ""), text.replace('\\', ""));
            prop_assert_eq!(escape_all(&text).replace('\\', ""), text.replace('\\', ""));
            let bold = bold(&text).replace(['\\', '*'], "");
            prop_assert_eq!(bold, text.replace(['\\', '*'], ""));
            let _ = from_markdown(&text);
        }
    }
}
