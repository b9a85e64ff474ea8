//! The form of Slack's incoming webhooks, which Mattermost and Rocket.Chat use too.
//!
//! Source: Slack's documentation, Incoming webhooks and Formatting text.

use serde_json::{Map, Value};

use super::said::{Complaint, Echo, Said, one_line};
use super::{emoji, markup};
use crate::model::is_emoji;

/// The most blocks and attachments that are read from one message.
const MAX_PARTS: usize = 50;

/// Reads JSON with `text`, `blocks` or `attachments`.
pub(super) fn of_json(json: &Map<String, Value>) -> Result<Said, Complaint> {
    let mut lines = Vec::new();
    let blocks = list(json, "blocks");
    let text = string(json, "text");
    // With blocks, the text is for clients that cannot show them.
    if blocks.is_empty() {
        lines.extend(text.map(mrkdwn));
    } else {
        lines.extend(blocks.iter().take(MAX_PARTS).filter_map(block));
        if lines.is_empty() {
            lines.extend(text.map(mrkdwn));
        }
    }
    for attachment in list(json, "attachments").iter().take(MAX_PARTS) {
        if let Some(attachment) = attachment.as_object() {
            lines.extend(of_attachment(attachment));
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    if lines.is_empty() {
        return Err(Complaint::bad("no_text: the message says nothing"));
    }
    let name = string(json, "username")
        .map(one_line)
        .filter(|name| !name.is_empty());
    let icon = string(json, "icon_emoji").map(emoji::in_text);
    // Only a known emoji can be a program's icon.
    let icon = icon.map(|icon| icon.trim().to_owned());
    let icon = icon.filter(|icon| is_emoji(icon));
    Ok(Said {
        text: lines.join("\n"),
        is_markup: true,
        label: name,
        icon,
        key: None,
        echo: Echo::default(),
        ..Said::default()
    })
}

fn string<'a>(json: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = json.get(name)?.as_str()?;
    (!text.trim().is_empty()).then_some(text)
}

fn list<'a>(json: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    json.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Returns the lines of an attachment.
fn of_attachment(attachment: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(string(attachment, "pretext").map(mrkdwn));
    let square = string(attachment, "color").and_then(square);
    if let Some(title) = string(attachment, "title") {
        let title = markup::bold(&one_line(&entities(title)));
        let url = string(attachment, "title_link").and_then(super::said::link);
        lines.push(url.map_or(title.clone(), |url| format!("{title} ({url})")));
    }
    lines.extend(string(attachment, "text").map(mrkdwn));
    for field in list(attachment, "fields").iter().take(MAX_PARTS) {
        let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
        let (title, value) = (one_line(&entities(text("title"))), mrkdwn(text("value")));
        if title.is_empty() {
            lines.push(value);
        } else {
            lines.push(format!("{}: {value}", markup::bold(&title)));
        }
    }
    for one in list(attachment, "blocks").iter().take(MAX_PARTS) {
        lines.extend(block(one));
    }
    if lines.iter().all(|line| line.trim().is_empty()) {
        lines.extend(string(attachment, "fallback").map(mrkdwn));
    }
    lines.extend(string(attachment, "footer").map(mrkdwn));
    lines.retain(|line| !line.trim().is_empty());
    if let (Some(square), Some(first)) = (square, lines.first_mut()) {
        *first = format!("{square} {first}");
    }
    lines
}

/// Returns the text of a block; `None` if it has none for people.
fn block(block: &Value) -> Option<String> {
    let text = |value: &Value| {
        let words = value.get("text")?.as_str()?;
        let is_plain = value.get("type").and_then(Value::as_str) == Some("plain_text");
        Some(if is_plain {
            markup::escape(&emoji::in_text(words))
        } else {
            mrkdwn(words)
        })
    };
    match block.get("type")?.as_str()? {
        "header" => {
            let words = block.get("text")?.get("text")?.as_str()?;
            let words = emoji::in_text(&one_line(words));
            Some(markup::bold(&words))
        }
        "section" => {
            let mut lines: Vec<String> = block.get("text").and_then(text).into_iter().collect();
            let fields = block.get("fields").and_then(Value::as_array);
            lines.extend(
                fields
                    .into_iter()
                    .flatten()
                    .take(MAX_PARTS)
                    .filter_map(text),
            );
            Some(lines.join("\n"))
        }
        "context" => {
            let elements = block.get("elements")?.as_array()?.iter().take(MAX_PARTS);
            let one =
                |it: &Value| text(it).or_else(|| Some(it.get("alt_text")?.as_str()?.to_owned()));
            Some(elements.filter_map(one).collect::<Vec<_>>().join(" "))
        }
        "divider" => Some("———".to_owned()),
        "image" => Some(markup::escape(block.get("alt_text")?.as_str()?)),
        _ => None,
    }
}

/// Returns a square of about that colour.
fn square(color: &str) -> Option<&'static str> {
    let digits = match color.trim().to_ascii_lowercase().as_str() {
        "good" => return Some("🟩"),
        "warning" => return Some("🟨"),
        "danger" => return Some("🟥"),
        other => other.trim_start_matches('#').to_owned(),
    };
    let number = u32::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() == 6)?;
    let [_, red, green, blue] = number.to_be_bytes().map(i32::from);
    let squares = [
        ((221, 46, 68), "🟥"),
        ((244, 144, 12), "🟧"),
        ((253, 203, 88), "🟨"),
        ((120, 177, 89), "🟩"),
        ((85, 172, 238), "🟦"),
        ((170, 142, 214), "🟪"),
        ((193, 105, 79), "🟫"),
        ((49, 55, 61), "⬛"),
        ((230, 231, 232), "⬜"),
    ];
    let distance =
        |(r, g, b): (i32, i32, i32)| (r - red).pow(2) + (g - green).pow(2) + (b - blue).pow(2);
    let nearest = squares
        .into_iter()
        .min_by_key(|(color, _)| distance(*color));
    nearest.map(|(_, square)| square)
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// The number of bytes within which an address in angle brackets has to end.
const MOST_REFERENCE: usize = 4096;

/// The number of bytes within which a marked text has to end, on its line.
const MOST_MARKED: usize = 1024;

/// Converts Slack's markup into that of messages. The search for an end is bounded, so that a text of
/// nothing but openings takes no longer than another.
pub(super) fn mrkdwn(text: &str) -> String {
    let text = &*markup::shortened(text);
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        if rest.starts_with("```") {
            let end = rest.get(3..).and_then(|it| it.find("```"));
            taken = end.map_or(rest.len(), |end| end + 6);
            let code = entities(rest.get(3..taken).unwrap_or_default());
            let code = code.trim_end_matches("```").trim_matches('\n');
            let start = if done.is_empty() || done.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            done.push_str(&[start, "```\n", code, "\n```"].concat());
            let after = rest.get(taken..).unwrap_or_default();
            if !after.is_empty() && !after.starts_with('\n') {
                done.push('\n');
            }
        } else if c == '`'
            && let Some(end) = rest.get(1..).and_then(|it| it.find(['`', '\n']))
            && rest.get(end + 1..).is_some_and(|it| it.starts_with('`'))
        {
            taken = end + 2;
            done.push_str(&entities(rest.get(..taken).unwrap_or_default()));
        } else if rest.starts_with("**") || rest.starts_with("~~") {
            // Mattermost's form, which is Markdown.
            taken = 2;
            done.push_str(rest.get(..taken).unwrap_or_default());
        } else if let Some((words, url, length)) = markup::link(rest) {
            taken = length;
            done.push_str(&markup::named(&words, &url));
        } else if c == '<'
            && let Some(end) = markup::cut(rest, MOST_REFERENCE).find('>')
        {
            taken = end + 1;
            done.push_str(&reference(rest.get(1..end).unwrap_or_default()));
        } else if (c == '*' || c == '~')
            && let Some(length) = marked(rest, c, before)
        {
            taken = length;
            let mark = if c == '*' { "**" } else { "~~" };
            let inner = rest.get(1..length - 1).unwrap_or_default();
            done.push_str(&[mark, &mrkdwn_inner(inner), mark].concat());
        } else if c == '\\' {
            done.push_str("\\\\");
        } else {
            done.push(c);
        }
        before = rest.get(..taken).and_then(|it| it.chars().next_back());
        rest = rest.get(taken..).unwrap_or_default();
    }
    emoji::in_text(&entities(&done))
}

/// Converts the text between two marks.
fn mrkdwn_inner(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        done.push_str(before);
        if let Some(end) = from.find('>') {
            done.push_str(&reference(from.get(1..end).unwrap_or_default()));
            rest = from.get(end + 1..).unwrap_or_default();
        } else {
            done.push_str(from);
            rest = "";
        }
    }
    done.push_str(rest);
    done
}

/// Returns the length of a text between two equal marks at the beginning of a text.
fn marked(text: &str, mark: char, before: Option<char>) -> Option<usize> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inner = text.get(1..)?;
    let line = markup::cut(inner, MOST_MARKED).split('\n').next()?;
    let first = line.chars().next()?;
    if first.is_whitespace() || first == mark {
        return None;
    }
    let ends = line.match_indices(mark).find(|(at, _)| {
        let last = line.get(..*at).and_then(|it| it.chars().next_back());
        let next = line.get(at + 1..).and_then(|it| it.chars().next());
        last.is_some_and(|c| !c.is_whitespace()) && next.is_none_or(|c| !c.is_alphanumeric())
    });
    ends.map(|(at, _)| at + 2)
}

/// Converts `url|label`, `!here`, `@U123`, `#C1|name`, without the brackets around it.
fn reference(text: &str) -> String {
    let (target, label) = text
        .split_once('|')
        .map_or((text, None), |(target, label)| (target, Some(label)));
    if let Some(word) = target.strip_prefix('!') {
        let word = word.split('^').next().unwrap_or(word);
        return label.map_or(format!("@{word}"), str::to_owned);
    }
    if target.starts_with(['@', '#']) {
        return match label {
            Some(label) => format!("{}{label}", target.get(..1).unwrap_or_default()),
            None => target.to_owned(),
        };
    }
    if !target.contains(':') {
        // Not a reference: characters of a text that was not escaped.
        return format!("<{text}>");
    }
    let url = entities(target);
    markup::named(
        label.unwrap_or_default(),
        url.strip_prefix("mailto:").unwrap_or(&url),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn mrkdwn_becomes_our_markup() {
        for (text, expected) in [
            ("*b* _i_ ~s~ `c*d*`", "**b** _i_ ~~s~~ `c*d*`"),
            (
                "<https://a.b|words> and <https://c.d>",
                "words (https://a.b) and https://c.d",
            ),
            (
                "<!here> <@U123> <#C1|general> <!subteam^S1|@ops>",
                "@here @U123 #general @ops",
            ),
            ("a &amp; b &lt;c&gt;", "a & b <c>"),
            ("5 * 3 * 2, a*b*c", "5 * 3 * 2, a*b*c"),
            (":tada: done", "🎉 done"),
            ("```a\nb``` c", "```\na\nb\n```\n c"),
            ("*<https://a.b|w>*", "**w (https://a.b)**"),
            (
                "**b** ~~s~~ [w](https://a.b)",
                "**b** ~~s~~ w (https://a.b)",
            ),
            ("a < b", "a < b"),
            ("C:\\x", "C:\\\\x"),
        ] {
            assert_eq!(mrkdwn(text), expected, "{text}");
        }
    }

    fn read(json: &Value) -> Said {
        of_json(json.as_object().unwrap()).unwrap()
    }

    #[test]
    fn attachments_and_blocks_are_lines() {
        let said = read(&json!({
            "username": "Grafana", "icon_emoji": ":fire:",
            "attachments": [{"color": "#D63232", "title": "CPU high", "title_link": "http://g.lan/a",
                "text": "on _pi_", "fields": [{"title": "load", "value": "9"}], "footer": "v12"}],
        }));
        assert_eq!(
            said.text,
            "🟥 **CPU high** (http://g.lan/a)\non _pi_\n**load**: 9\nv12"
        );
        assert_eq!(said.label.as_deref(), Some("Grafana"));
        assert_eq!(said.icon.as_deref(), Some("🔥"));
        let said = read(&json!({"text": "fallback", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Head"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}, "fields": [{"type": "mrkdwn", "text": "y"}]},
            {"type": "divider"}, {"type": "actions"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "z"}, {"type": "image", "alt_text": "cat"}]},
        ]}));
        assert_eq!(said.text, "**Head**\n**x**\ny\n———\nz cat");
        assert!(of_json(json!({"text": " "}).as_object().unwrap()).is_err());
    }

    #[test]
    fn colours_are_squares() {
        for (color, expected) in [
            ("good", "🟩"),
            ("danger", "🟥"),
            ("#36a64f", "🟩"),
            ("000000", "⬛"),
        ] {
            assert_eq!(square(color), Some(expected), "{color}");
        }
        assert_eq!(square("blueish"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a *_~`<>|&;:@!#\\\\\n\u{436}]{0,80}") {
            let _ = mrkdwn(&text);
        }
    }
}
