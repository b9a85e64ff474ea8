//! The form of ntfy: a text or a file with headers, or JSON with a topic.
//!
//! Source: ntfy's documentation, Publishing.

use serde_json::{Map, Value};

use super::said::{Complaint, Echo, Held, Said, SaidFile, link};
use super::{emoji, header, markup};

/// The text that ntfy uses for an empty message.
const NOTHING: &str = "triggered";

/// The values sent beside the body, by their possible names.
pub(super) struct Beside<'a> {
    /// Returns a header, by its name in lower case.
    pub(super) header: &'a dyn Fn(&str) -> Option<String>,
    /// Returns a parameter of the address.
    pub(super) parameter: &'a dyn Fn(&str) -> Option<String>,
}

impl Beside<'_> {
    /// Returns the first of some names that is present, as a header, with `X-` before it, or as a parameter.
    fn find(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| {
            let found = (self.header)(name)
                .or_else(|| (self.header)(&format!("x-{name}")))
                .map(|text| header::decode(&text).into_owned())
                .or_else(|| (self.parameter)(name))
                .or_else(|| (self.parameter)(&format!("x-{name}")));
            found.filter(|text| !text.trim().is_empty())
        })
    }

    /// Fails for what is not offered.
    fn require_offered(&self) -> Result<(), Complaint> {
        for names in [
            &["delay", "at", "in"][..],
            &["email", "e-mail", "mail", "e"],
            &["call"],
        ] {
            let sent = names.iter().find(|name| self.find(&[**name]).is_some());
            if let Some(name) = sent {
                return Err(not_offered(name));
            }
        }
        Ok(())
    }

    /// Returns the name with which the body is a file.
    pub(super) fn file_name(&self) -> Option<String> {
        self.find(&["filename", "file", "f"])
    }

    /// Returns the text that is sent beside the body.
    fn message(&self) -> Option<String> {
        let text = self.find(&["message", "m"])?;
        Some(text.replace("\\n", "\n"))
    }

    /// Returns everything else that is sent beside the body.
    fn wanted(&self) -> Wanted {
        let markdown = self.find(&["markdown", "md"]);
        let kind = (self.header)("content-type");
        Wanted {
            topic: None,
            title: self.find(&["title", "ti", "t"]),
            text: String::new(),
            priority: self.find(&["priority", "prio", "p"]),
            tags: listed(&self.find(&["tags", "tag", "ta"]).unwrap_or_default()),
            click: self.find(&["click"]),
            attach: self.find(&["attach", "a"]),
            icon: self.icon(),
            actions: self
                .find(&["actions", "action"])
                .map_or_else(Vec::new, |text| actions(&text)),
            is_markdown: markdown.as_deref().is_some_and(is_yes)
                || kind.is_some_and(|kind| kind.starts_with("text/markdown")),
            key: self.find(&["idempotency-key", "sequence-id", "sid"]),
        }
    }

    /// Returns the picture that is sent beside the body. `X-Icon` is the program's own picture and
    /// is ignored.
    fn icon(&self) -> Option<String> {
        (self.header)("icon").or_else(|| (self.parameter)("icon"))
    }
}

/// Reads a request whose body is a text or a file.
pub(super) fn of_body(
    beside: &Beside<'_>,
    topic: Option<String>,
    body: &[u8],
) -> Result<Said, Complaint> {
    beside.require_offered()?;
    let name = beside.file_name();
    let message = beside.message();
    let text = std::str::from_utf8(body).ok();
    let (text, file) = match text.filter(|_| name.is_none()) {
        Some(text) if !text.trim().is_empty() => (markup::shortened(text).into_owned(), None),
        Some(_) => (message.unwrap_or_default(), None),
        None if body.is_empty() => (message.unwrap_or_default(), None),
        None => {
            let held = Held::Place(0, body.len());
            (message.unwrap_or_default(), Some(SaidFile { name, held }))
        }
    };
    let wanted = Wanted {
        topic,
        text,
        ..beside.wanted()
    };
    wanted.said(file)
}

/// Reads JSON with a topic. What it does not say is read from beside it, where some programs put everything but
/// the text.
pub(super) fn of_json(beside: &Beside<'_>, json: &Map<String, Value>) -> Result<Said, Complaint> {
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    beside.require_offered()?;
    for name in ["delay", "email", "call"] {
        if json
            .get(name)
            .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
        {
            return Err(not_offered(name));
        }
    }
    let priority = match json.get("priority") {
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let tags = match json.get("tags") {
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(tags)) => listed(tags),
        _ => Vec::new(),
    };
    let actions = match json.get("actions") {
        Some(Value::Array(actions)) => actions.iter().filter_map(view).collect(),
        Some(Value::String(text)) => actions(text),
        _ => Vec::new(),
    };
    let found = beside.wanted();
    let either = |own: Vec<String>, other: Vec<String>| if own.is_empty() { other } else { own };
    let text = |name: &str| text(name).filter(|it| !it.trim().is_empty());
    let markdown = json.get("markdown").and_then(Value::as_bool);
    let wanted = Wanted {
        topic: text("topic"),
        title: text("title").or(found.title),
        text: text("message").or(beside.message()).unwrap_or_default(),
        priority: priority.or(found.priority),
        tags: either(tags, found.tags),
        click: text("click").or(found.click),
        attach: text("attach").or(found.attach),
        icon: text("icon").or(found.icon),
        actions: either(actions, found.actions),
        is_markdown: markdown.unwrap_or(found.is_markdown),
        key: found.key.or(text("sequence_id")),
    };
    wanted.said(None)
}

/// Returns the items of a list with commas.
fn listed(text: &str) -> Vec<String> {
    let items = text.split(',').map(|item| item.trim().to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

/// The fields of a message, whichever way they were sent.
struct Wanted {
    topic: Option<String>,
    title: Option<String>,
    text: String,
    priority: Option<String>,
    tags: Vec<String>,
    click: Option<String>,
    attach: Option<String>,
    icon: Option<String>,
    actions: Vec<String>,
    is_markdown: bool,
    key: Option<String>,
}

impl Wanted {
    fn said(mut self, file: Option<SaidFile>) -> Result<Said, Complaint> {
        self.text = markup::shortened(&self.text).into_owned();
        self.title = self.title.map(|it| markup::shortened(&it).into_owned());
        let priority = self.priority.as_deref().map(priority).transpose()?;
        if self.text.is_empty() && self.title.is_none() && file.is_none() {
            NOTHING.clone_into(&mut self.text);
        }
        self.tags.retain(|tag| !tag.is_empty());
        let mut emoji_before = String::new();
        let mut others = Vec::new();
        for tag in &self.tags {
            match emoji::of_name(tag) {
                Some(emoji) => emoji_before.push_str(emoji),
                None => others.push(format!("#{}", tag.replace(char::is_whitespace, "_"))),
            }
        }
        let mut lines: Vec<String> = [&self.click, &self.attach, &self.icon]
            .into_iter()
            .filter_map(|it| link(it.as_deref()?))
            .collect();
        lines.extend(self.actions);
        if !others.is_empty() {
            lines.push(others.join(" "));
        }
        let echo = Echo {
            topic: self.topic,
            title: self.title.clone(),
            message: self.text.clone(),
            tags: self.tags,
            priority: i64::from(priority.unwrap_or(3)),
            extras: None,
        };
        let text = if self.is_markdown {
            markup::from_markdown(&self.text)
        } else {
            self.text
        };
        Ok(Said {
            title: self.title,
            text,
            is_markup: self.is_markdown,
            priority,
            emoji: emoji_before,
            lines,
            key: self.key,
            files: file.into_iter().collect(),
            echo,
            ..Said::default()
        })
    }
}

fn not_offered(what: &str) -> Complaint {
    Complaint::bad(format!(
        "{what} is not offered here: messages are sent at once, and to this flow"
    ))
}

fn is_yes(word: &str) -> bool {
    let word = word.trim();
    ["1", "yes", "true"]
        .iter()
        .any(|yes| yes.eq_ignore_ascii_case(word))
}

/// Reads a priority: a number from 1 to 5 or its name.
pub(super) fn priority(word: &str) -> Result<u8, Complaint> {
    match word.trim().to_ascii_lowercase().as_str() {
        "1" | "min" => Ok(1),
        "2" | "low" => Ok(2),
        "3" | "default" | "0" => Ok(3),
        "4" | "high" => Ok(4),
        "5" | "max" | "urgent" => Ok(5),
        _ => Err(Complaint::bad(
            "the priority is 1 to 5, or min, low, default, high, urgent, max",
        )),
    }
}

/// Returns the lines of actions that a header lists: `view, label, url; …`, or as JSON.
fn actions(text: &str) -> Vec<String> {
    if let Ok(Value::Array(actions)) = serde_json::from_str(text) {
        return actions.iter().filter_map(view).collect();
    }
    let one = |action: &str| {
        let mut parts = action.split(',').map(|part| part.trim().trim_matches('"'));
        let named = |part: &str, name: &str| {
            part.strip_prefix(name)
                .and_then(|it| it.strip_prefix('='))
                .unwrap_or(part)
                .to_owned()
        };
        let kind = named(parts.next()?, "action");
        let (label, url) = (named(parts.next()?, "label"), named(parts.next()?, "url"));
        line(&kind, &label, &url)
    };
    text.split(';').filter_map(one).collect()
}

fn view(action: &Value) -> Option<String> {
    let text = |name: &str| action.get(name).and_then(Value::as_str).unwrap_or_default();
    line(text("action"), text("label"), text("url"))
}

/// Returns the line of an action that opens an address; other actions are not for people.
fn line(kind: &str, label: &str, url: &str) -> Option<String> {
    let url = link(url).filter(|_| kind == "view")?;
    let label = super::said::one_line(label);
    Some(if label.is_empty() {
        url
    } else {
        format!("{label}: {url}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)], body: &[u8]) -> Result<Said, Complaint> {
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let beside = Beside {
            header: &header,
            parameter: &|_| None,
        };
        of_body(&beside, None, body)
    }

    fn text(headers: &[(&str, &str)], body: &str) -> String {
        read(headers, body.as_bytes())
            .unwrap()
            .into_post()
            .whole(1000)
    }

    #[test]
    fn body_is_the_text() {
        assert_eq!(
            text(&[], "the washing machine is done\n"),
            "the washing machine is done"
        );
        assert_eq!(text(&[], ""), "triggered");
        assert_eq!(text(&[("message", "a\\nb")], ""), "a\nb");
        assert_eq!(text(&[("title", "Door")], "open"), "**Door**\nopen");
        assert_eq!(
            text(&[("x-title", "=?utf-8?B?0JTQstC10YDRjA==?=")], "x"),
            "**Дверь**\nx"
        );
        assert_eq!(
            text(&[("tags", "warning, cellar")], "wet"),
            "⚠️ wet\n#cellar"
        );
        assert_eq!(text(&[("click", "https://a.b")], "x"), "x\nhttps://a.b");
        assert_eq!(text(&[("x-icon", "https://a.b/i.png")], "x"), "x");
        let actions = "view, Open, https://a.b; http, Go, https://c.d";
        assert_eq!(text(&[("actions", actions)], "x"), "x\nOpen: https://a.b");
        assert_eq!(text(&[("markdown", "yes")], "*a*"), "_a_");
    }

    #[test]
    fn what_is_no_text_is_a_file() {
        let said = read(&[], &[0xff, 0xd8, 0xff]).unwrap();
        let held = Held::Place(0, 3);
        assert_eq!(said.files, [SaidFile { name: None, held }]);
        let said = read(&[("filename", "a.txt"), ("message", "look")], b"text").unwrap();
        assert_eq!(said.files[0].name.as_deref(), Some("a.txt"));
        assert_eq!(said.text, "look");
    }

    #[test]
    fn what_is_not_offered_is_said() {
        for name in ["delay", "at", "x-in", "email", "call"] {
            assert_eq!(read(&[(name, "x")], b"y").unwrap_err().0, 400, "{name}");
        }
        assert_eq!(read(&[("priority", "loud")], b"y").unwrap_err().0, 400);
        for (word, number) in [
            ("min", 1),
            ("2", 2),
            ("default", 3),
            ("high", 4),
            ("URGENT", 5),
        ] {
            assert_eq!(read(&[("p", word)], b"y").unwrap().priority, Some(number));
        }
    }
}
