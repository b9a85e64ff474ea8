//! Converts the small markup of messages into HTML for Matrix.
//!
//! The web client reads the same markup; `tests/data/markup.json` says what each text means for both of them.

use serde_json::{Value, json};

/// Inline marks and their meaning; longer ones first.
const MARKS: [(&str, Mark); 4] = [
    ("**", Mark::Bold),
    ("~~", Mark::Struck),
    ("||", Mark::Spoiler),
    ("_", Mark::Italic),
];

/// The greatest depth of nested marks.
const DEEPEST: usize = 4;

/// The characters, besides white space, that may precede an opening mark.
const OPENERS: &str = "([{\"'*_~|";

/// The number of steps per character to find closing marks; after that the rest is text.
const PATIENCE: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Bold,
    Italic,
    Struck,
    Spoiler,
}

impl Mark {
    fn tags(self) -> (&'static str, &'static str) {
        match self {
            Self::Bold => ("<strong>", "</strong>"),
            Self::Italic => ("<em>", "</em>"),
            Self::Struck => ("<del>", "</del>"),
            Self::Spoiler => ("<span data-mx-spoiler>", "</span>"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Block {
    Text(Vec<Part>),
    Quote(Vec<Part>),
    List(bool, Vec<Vec<Part>>),
    Code(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Code(String),
    Marked(Mark, Vec<Part>),
}

/// A user whom a text may mention by `@login`, and the link that replaces the mention.
#[derive(Debug)]
pub(super) struct Pill {
    pub(super) login: String,
    pub(super) link: String,
    pub(super) name: String,
}

/// Adds to a content what its markup means, and links to the mentioned users. Text without any special
/// meaning is left alone.
pub(super) fn add(content: &mut Value, source: &str, is_markup: bool, mut pills: Vec<Pill>) {
    // The longest matching login is meant.
    pills.sort_by_key(|pill| std::cmp::Reverse(pill.login.len()));
    let blocks = if is_markup {
        parse(source)
    } else {
        vec![Block::Text(vec![Part::Text(source.to_owned())])]
    };
    let is_plain = |block: &Block| match block {
        Block::Text(parts) => parts.iter().all(|part| matches!(part, Part::Text(_))),
        _ => false,
    };
    if blocks.iter().all(is_plain) && pills.is_empty() {
        return;
    }
    content["format"] = json!("org.matrix.custom.html");
    content["formatted_body"] = html(&blocks, &pills).into();
}

fn html(blocks: &[Block], pills: &[Pill]) -> String {
    let mut told = String::new();
    let tell = |parts: &[Part], told: &mut String| tell(parts, pills, told);
    let mut was_text = false;
    for block in blocks {
        let is_text = matches!(block, Block::Text(_));
        match block {
            Block::Text(parts) => {
                if was_text {
                    told.push_str("<br>");
                }
                tell(parts, &mut told);
            }
            Block::Quote(parts) => within("blockquote", &mut told, |told| tell(parts, told)),
            Block::List(is_ordered, items) => {
                let tag = if *is_ordered { "ol" } else { "ul" };
                within(tag, &mut told, |told| {
                    for item in items {
                        within("li", told, |told| tell(item, told));
                    }
                });
            }
            Block::Code(text) => within("pre", &mut told, |told| {
                within("code", told, |told| escape(text, told, "\n"));
            }),
        }
        was_text = is_text;
    }
    told
}

fn within(tag: &str, told: &mut String, tell: impl FnOnce(&mut String)) {
    told.extend(["<", tag, ">"]);
    tell(told);
    told.extend(["</", tag, ">"]);
}

fn tell(parts: &[Part], pills: &[Pill], told: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => call(text, pills, told),
            Part::Code(text) => within("code", told, |told| escape(text, told, "<br>")),
            Part::Marked(mark, parts) => {
                let (open, close) = mark.tags();
                told.push_str(open);
                tell(parts, pills, told);
                told.push_str(close);
            }
        }
    }
}

/// Writes text, with links in place of the mentioned users.
fn call(text: &str, pills: &[Pill], told: &mut String) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find('@') {
        let (earlier, later) = rest.split_at(at);
        escape(earlier, told, "<br>");
        before = earlier.chars().last().or(before);
        let named = later.strip_prefix('@').unwrap_or_default();
        let after = |pill: &Pill| {
            let after = stripped(named, &pill.login)?;
            (!after.starts_with(is_word)).then_some(after)
        };
        let is_free = !before.is_some_and(is_word);
        let called = pills
            .iter()
            .filter(|_| is_free)
            .find_map(|pill| Some((pill, after(pill)?)));
        if let Some((pill, after)) = called {
            told.push_str("<a href=\"");
            escape(&pill.link, told, "");
            told.push_str("\">");
            escape(&pill.name, told, " ");
            told.push_str("</a>");
            rest = after;
            before = pill.login.chars().last();
        } else {
            told.push('@');
            rest = named;
            before = Some('@');
        }
    }
    escape(rest, told, "<br>");
}

/// Returns the text after a prefix, ignoring case.
fn stripped<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let mut here = text.chars();
    for c in beginning.chars() {
        let found = here.next()?;
        if found != c && !found.to_lowercase().eq(c.to_lowercase()) {
            return None;
        }
    }
    Some(here.as_str())
}

fn escape(text: &str, told: &mut String, line: &str) {
    for c in text.chars() {
        match c {
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            '&' => told.push_str("&amp;"),
            '"' => told.push_str("&quot;"),
            '\n' => told.push_str(line),
            c => told.push(c),
        }
    }
}

fn parse(source: &str) -> Vec<Block> {
    let lines: Vec<&str> = source.split('\n').collect();
    // No fence opens after the last closing line.
    let last = lines.iter().rposition(|line| line.trim_end() == "```");
    let closing_fence = |at: usize| {
        let line = lines.get(at)?.strip_prefix("```")?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let opens = line.trim_end().chars().all(is_word) && last.is_some_and(|last| at < last);
        let next = || {
            lines
                .iter()
                .skip(at + 1)
                .position(|it| it.trim_end() == "```")
        };
        opens.then(next)?.map(|place| at + 1 + place)
    };
    let mut steps = 4096 + PATIENCE * source.len();
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if let Some(fence) = closing_fence(at) {
            let text = lines.get(at + 1..fence).unwrap_or_default().join("\n");
            blocks.push(Block::Code(text));
            at = fence + 1;
            continue;
        }
        let (kind, _) = kind_of(line);
        let begun = at;
        while let Some(line) = lines.get(at)
            && kind_of(line).0 == kind
            && (at == begun || closing_fence(at).is_none())
        {
            at += 1;
        }
        let taken = lines.get(begun..at).unwrap_or_default().iter();
        let mut taken = taken.map(|line| line.get(kind_of(line).1..).unwrap_or_default());
        let mut read = |text: &str| {
            let signs: Vec<char> = text.chars().collect();
            inline(&signs, &mut steps, 0)
        };
        blocks.push(match kind {
            LineKind::Text => Block::Text(read(&taken.collect::<Vec<_>>().join("\n"))),
            LineKind::Quote => Block::Quote(read(&taken.collect::<Vec<_>>().join("\n"))),
            LineKind::Bullets => Block::List(false, taken.by_ref().map(read).collect()),
            LineKind::Ordered => Block::List(true, taken.by_ref().map(read).collect()),
        });
    }
    blocks
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Text,
    Quote,
    Bullets,
    Ordered,
}

/// Returns what a line is, and how many bytes at its beginning say so.
fn kind_of(line: &str) -> (LineKind, usize) {
    if line.starts_with("> ") {
        return (LineKind::Quote, 2);
    }
    if line.starts_with("- ") {
        return (LineKind::Bullets, 2);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = (1..=3).contains(&digits);
    if is_number
        && line
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(". "))
    {
        return (LineKind::Ordered, digits + 2);
    }
    (LineKind::Text, 0)
}

fn inline(text: &[char], steps: &mut usize, depth: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(&sign) = text.get(at) {
        if sign == '\\' && is_mark(text, at + 1) {
            plain.extend(text.get(at + 1));
            at += 2;
            continue;
        }
        let found = if sign == '`' {
            code(text, at, steps)
        } else {
            marked(text, at, steps, depth)
        };
        let Some((part, end)) = found else {
            plain.push(sign);
            at += 1;
            continue;
        };
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(part);
        at = end;
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    parts
}

/// Returns the code that begins here, and where it ends. Two or more adjacent marks are not a mark.
fn code(text: &[char], at: usize, steps: &mut usize) -> Option<(Part, usize)> {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    if before == Some(&'`') || text.get(at + 1) == Some(&'`') || !opens(text, at, 1) {
        return None;
    }
    let end = closing(text, at + 1, "`", steps)?;
    let inner = text.get(at + 1..end)?.iter().collect();
    Some((Part::Code(inner), end + 1))
}

/// Returns the content of a mark that opens here, and where it ends.
fn marked(text: &[char], at: usize, steps: &mut usize, depth: usize) -> Option<(Part, usize)> {
    let (sign, mark) = MARKS.iter().find(|(sign, _)| stands(text, at, sign))?;
    if depth >= DEEPEST || !opens(text, at, sign.len()) {
        return None;
    }
    let end = closing(text, at + sign.len(), sign, steps)?;
    let inner = inline(text.get(at + sign.len()..end)?, steps, depth + 1);
    Some((Part::Marked(*mark, inner), end + sign.len()))
}

/// Returns whether an ASCII mark is at this place.
fn stands(text: &[char], at: usize, sign: &str) -> bool {
    let mut here = text.iter().skip(at);
    sign.chars().all(|c| here.next() == Some(&c))
}

fn is_mark(text: &[char], at: usize) -> bool {
    let signs = MARKS.iter().map(|(sign, _)| *sign);
    signs.chain(["\\", "`"]).any(|sign| stands(text, at, sign))
}

fn opens(text: &[char], at: usize, length: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    before.is_none_or(|c| c.is_whitespace() || OPENERS.contains(*c))
        && text.get(at + length).is_some_and(|c| !c.is_whitespace())
}

/// Returns where `sign` closes what begins at `from`. Code within is skipped.
fn closing(text: &[char], from: usize, sign: &str, steps: &mut usize) -> Option<usize> {
    let is_code = sign == "`";
    let mut at = from;
    while let Some(&c) = text.get(at) {
        *steps = steps.checked_sub(1)?;
        if c == '\\' && !is_code && is_mark(text, at + 1) {
            at += 2;
            continue;
        }
        let follows = at > from && text.get(at - 1).is_some_and(|c| !c.is_whitespace());
        if follows && stands(text, at, sign) {
            let after = text.get(at + sign.len());
            if after.is_none_or(|c| c.is_whitespace() || is_punctuation(*c)) {
                return Some(at);
            }
        }
        if c == '`'
            && !is_code
            && opens(text, at, 1)
            && let Some(end) = closing(text, at + 1, "`", steps)
        {
            at = end;
        }
        at += 1;
    }
    None
}

/// Returns whether a character is punctuation or a symbol.
fn is_punctuation(c: char) -> bool {
    use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};
    matches!(
        c.general_category_group(),
        GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Symbol
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(parts: &[Part]) -> String {
        let tell = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Code(text) => format!("<code>{text}</code>"),
            Part::Marked(mark, parts) => {
                let name = format!("{mark:?}").to_lowercase();
                format!("<{name}>{}</{name}>", flat(parts))
            }
        };
        parts.iter().map(tell).collect()
    }

    fn drawn(source: &str) -> String {
        let tell = |block: &Block| match block {
            Block::Text(parts) => flat(parts),
            Block::Quote(parts) => format!("<quote>{}</quote>", flat(parts)),
            Block::Code(text) => format!("<pre>{text}</pre>"),
            Block::List(is_ordered, items) => {
                let tag = if *is_ordered { "ol" } else { "ul" };
                let items: Vec<_> = items
                    .iter()
                    .map(|item| format!("<li>{}</li>", flat(item)))
                    .collect();
                format!("<{tag}>{}</{tag}>", items.concat())
            }
        };
        parse(source).iter().map(tell).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn every_case_means_what_it_means_to_the_web_client() {
        let cases = include_str!("../../../tests/data/markup.json");
        let cases: Vec<(String, String)> = serde_json::from_str(cases).unwrap();
        assert!(cases.len() >= 80);
        for (source, wanted) in cases {
            assert_eq!(drawn(&source), wanted, "{source:?}");
        }
    }

    #[test]
    fn marks_that_never_close_are_given_up() {
        let ends = |count: usize| {
            drawn(&format!("{}\n- **b**", "**a ".repeat(count)))
                .ends_with("<li><bold>b</bold></li></ul>")
        };
        assert!(ends(30) && !ends(5000));
    }

    #[test]
    fn html_holds_nothing_but_what_was_meant() {
        let of = |source: &str| {
            let mut content = json!({"body": source});
            add(&mut content, source, true, Vec::new());
            content["formatted_body"].as_str().map(str::to_owned)
        };
        assert_eq!(of("a < b"), None);
        assert_eq!(
            of("**<b>** & ||\"x\"||\n> a\n> b\n- `<i>`\n```\n<x>\ny\n```\nend").unwrap(),
            "<strong>&lt;b&gt;</strong> &amp; <span data-mx-spoiler>&quot;x&quot;</span>\
             <blockquote>a<br>b</blockquote><ul><li><code>&lt;i&gt;</code></li></ul>\
             <pre><code>&lt;x&gt;\ny</code></pre>end"
        );
    }

    #[test]
    fn whom_a_text_calls_is_linked() {
        let pill = |login: &str| Pill {
            login: login.to_owned(),
            link: format!("to:{login}"),
            name: format!("<{login}>"),
        };
        let of = |source: &str| {
            let mut content = json!({"body": source});
            add(
                &mut content,
                source,
                false,
                vec![pill("anna"), pill("anna.b")],
            );
            content["formatted_body"]
                .as_str()
                .map(str::to_owned)
                .unwrap()
        };
        let anna = "<a href=\"to:anna\">&lt;anna&gt;</a>";
        assert_eq!(of("@Anna, **x**"), format!("{anna}, **x**"));
        assert_eq!(of("(@anna)@anna"), format!("({anna}){anna}"));
        assert_eq!(
            of("hi @anna.b!"),
            "hi <a href=\"to:anna.b\">&lt;anna.b&gt;</a>!"
        );
        for text in ["x@anna", "@annabel", "@ann", "@", "anna"] {
            assert_eq!(of(text), text);
        }
    }
}
