//! Reads the lines of an INI file, each with its number.
//!
//! Strict where leniency would hide a mistake: a comment has a line of its own, and a line that is
//! no section, key or comment is a problem, never joined to its neighbours.

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `[name]`, in lower case.
    Section(String),
    /// `key = value`, the key in lower case, the value without surrounding space and quotes.
    Entry(String, String),
}

/// Longer than any value that makes sense, and short enough to be repeated in a message.
const MAX_LINE_BYTES: usize = 4096;

/// Returns what the lines of `text` say, or what is wrong with them, with their numbers from 1.
pub(super) fn read(text: &str) -> impl Iterator<Item = (usize, Result<Line, String>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    numbered
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';']))
        .map(|(number, line)| (number, read_line(line)))
}

fn read_line(line: &str) -> Result<Line, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"));
    }
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("the line holds a control character: retype it".to_owned());
    }
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest
            .strip_suffix(']')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("`{line}` is not a section such as [server]"))?;
        return Ok(Line::Section(name.to_lowercase()));
    }
    let (key, value) = line
        .split_once('=')
        .map(|(key, value)| (key.trim(), value.trim()))
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("`{line}` is neither `key = value` nor [section] nor # comment"))?;
    Ok(Line::Entry(key.to_lowercase(), unquote(value)?))
}

/// Takes the double quotes off a value that stands in them.
fn unquote(value: &str) -> Result<String, String> {
    if let Some(rest) = value.strip_prefix('"') {
        return rest
            .strip_suffix('"')
            .filter(|inner| !inner.contains('"'))
            .map(str::to_owned)
            .ok_or_else(|| {
                format!("`{value}` begins with a quote and does not end with its pair")
            });
    }
    let mut previous = ' ';
    for c in value.chars() {
        if matches!(c, '#' | ';') && previous.is_whitespace() {
            return Err(format!(
                "`{value}`: a comment needs a line of its own; to have a {c} in a value, put the \
                 value in double quotes"
            ));
        }
        previous = c;
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(key: &str, value: &str) -> Line {
        Line::Entry(key.to_owned(), value.to_owned())
    }

    #[test]
    fn lines_are_sections_entries_and_comments() {
        let text = "\u{feff}# comment\r\n; another\r\n\r\n [ Server ]\r\n  Port=8000\r\nhost = \"a # b\"\r\nx =";
        let lines: Vec<_> = read(text).collect();
        assert_eq!(
            lines,
            [
                (4, Ok(Line::Section("server".to_owned()))),
                (5, Ok(entry("port", "8000"))),
                (6, Ok(entry("host", "a # b"))),
                (7, Ok(entry("x", ""))),
            ]
        );
    }

    #[test]
    fn values_keep_equals_signs_and_hashes_within_words() {
        let lines: Vec<_> = read("url = https://a.example/?b=c#d").collect();
        assert_eq!(lines, [(1, Ok(entry("url", "https://a.example/?b=c#d")))]);
    }

    #[test]
    fn what_is_neither_is_a_problem() {
        for line in [
            "port 8000",
            "port: 8000",
            "= 8000",
            "[]",
            "[server",
            "[server] port = 8000",
            "port = 8000 # comment",
            "port = # comment",
            "port = \"8000",
            "port = \"80\"00\"",
            "po\0rt = 8000",
            &format!("port = {}", "8".repeat(5000)),
        ] {
            let lines: Vec<_> = read(line).collect();
            assert!(matches!(lines[..], [(1, Err(_))]), "{line}: {lines:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_its_lines_numbered(text in "(\\PC|[\\[\\]=#;\"\r\n\t ])*") {
            let lines = text.lines().count();
            for (number, _) in read(&text) {
                prop_assert!((1..=lines).contains(&number));
            }
        }
    }
}
