//! The content of a post, whatever its form, and how it is written as a message.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::markup;
use crate::model::Loudness;
use crate::service::{AlertGroup, HookPost};

/// The content of a post. A field that is empty or `None` was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The headline.
    pub(super) title: Option<String>,
    /// The text.
    pub(super) text: String,
    /// Whether the text is in the markup of messages.
    pub(super) is_markup: bool,
    /// The name that the program gives itself.
    pub(super) label: Option<String>,
    /// The emoji that the program gives itself.
    pub(super) icon: Option<String>,
    /// From 1 to 5; `None` if not given.
    pub(super) priority: Option<u8>,
    /// Emoji before the first line.
    pub(super) emoji: String,
    /// Lines after the text.
    pub(super) lines: Vec<String>,
    /// Distinguishes a retry from a new post.
    pub(super) key: Option<String>,
    /// The group of alerts that the post reports.
    pub(super) group: Option<AlertGroup>,
    /// The files of the post.
    pub(super) files: Vec<SaidFile>,
    /// The values that the answer returns.
    pub(super) echo: Echo,
}

/// A file of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SaidFile {
    /// The name of the file.
    pub(super) name: Option<String>,
    /// The content of the file.
    pub(super) held: Held,
}

/// Where the content of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// In the body of the request: start and end offset.
    Place(usize, usize),
    /// In memory.
    Bytes(Vec<u8>),
}

impl SaidFile {
    /// Returns the content, copied from the body of the request if it is there.
    pub(super) fn bytes(self, body: &[u8]) -> Arc<[u8]> {
        match self.held {
            Held::Place(from, to) => body.get(from..to).unwrap_or_default().into(),
            Held::Bytes(bytes) => bytes.into(),
        }
    }
}

/// The values that the answer of a form repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Echo {
    pub(super) topic: Option<String>,
    pub(super) title: Option<String>,
    pub(super) message: String,
    pub(super) tags: Vec<String>,
    pub(super) priority: i64,
    pub(super) extras: Option<serde_json::Value>,
}

/// The most bytes of tags, and of extras, that an answer repeats: it is stored with the key of the post.
const MAX_REPEATED: usize = 16 * 1024;

impl Echo {
    /// Drops tags and extras that are too long to be repeated. The other values are as short as texts are.
    pub(super) fn bound(&mut self) {
        let tags: usize = self.tags.iter().map(String::len).sum();
        if tags.saturating_add(self.tags.len()) > MAX_REPEATED {
            self.tags.clear();
        }
        let is_long = |extras: &serde_json::Value| extras.to_string().len() > MAX_REPEATED;
        self.extras.take_if(|extras| is_long(extras));
    }
}

/// The error for an invalid request: a status code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint(pub(super) u16, pub(super) String);

impl Complaint {
    /// Returns the error for an invalid request.
    pub(super) fn bad(words: impl Into<String>) -> Self {
        Self(400, words.into())
    }
}

impl Said {
    /// Returns the message for this content. The caller adds the bytes of files.
    pub(super) fn into_post(self) -> HookPost {
        let loudness = match self.priority {
            Some(1 | 2) => Loudness::Silent,
            Some(4 | 5) => Loudness::Loud,
            _ => Loudness::Usual,
        };
        let before = |line: &str| match self.emoji.as_str() {
            "" => line.to_owned(),
            emoji => format!("{emoji} {line}").trim_end().to_owned(),
        };
        let title = self.title.as_deref().map(one_line);
        let title = title.filter(|title| !title.is_empty());
        let body = self.text.trim_end().replace("\r\n", "\n");
        let is_markup = self.is_markup || title.is_some();
        let plain = |text: &str| {
            if is_markup {
                markup::escape(text)
            } else {
                text.to_owned()
            }
        };
        let body = if self.is_markup { body } else { plain(&body) };
        let mut lines = Vec::new();
        match title {
            Some(title) => {
                lines.push(before(&markup::bold(&title)));
                lines.push(body);
            }
            None => lines.push(before(&body)),
        }
        lines.retain(|line| !line.is_empty());
        let end = self.lines.iter().map(|line| plain(line));
        let end: Vec<String> = end.filter(|line| !line.is_empty()).collect();
        HookPost {
            text: lines.join("\n"),
            end: end.join("\n"),
            is_markup,
            label: self.label,
            icon: self.icon,
            loudness,
            files: Vec::new(),
            key: self.key,
            group: self.group,
            answer: None,
        }
    }
}

/// Returns a text on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns an address that may be a link in a message.
pub(super) fn link(text: &str) -> Option<String> {
    const MAX_BYTES: usize = 2048;
    let text = text.trim();
    let scheme = text.split_once(':').map(|(scheme, _)| scheme)?;
    let known = ["http", "https", "mailto"];
    let is_known = known.iter().any(|it| it.eq_ignore_ascii_case(scheme));
    let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_known && is_plain && text.len() <= MAX_BYTES).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: Said) -> (String, bool) {
        let post = said.into_post();
        let is_markup = post.is_markup;
        (post.whole(1000), is_markup)
    }

    #[test]
    fn title_is_the_first_line_in_bold() {
        let said = Said {
            title: Some("Disk\nfull".to_owned()),
            text: "of _photos_\r\nand a_b\n".to_owned(),
            ..Said::default()
        };
        let expected = "**Disk full**\nof \\_photos_\nand a_b";
        assert_eq!(read(said), (expected.to_owned(), true));
        let said = Said {
            text: "of _photos_".to_owned(),
            emoji: "🔥".to_owned(),
            lines: vec!["http://pi.lan/".to_owned()],
            ..Said::default()
        };
        assert_eq!(
            read(said),
            ("🔥 of _photos_\nhttp://pi.lan/".to_owned(), false)
        );
    }

    #[test]
    fn priority_is_how_loud_it_is() {
        use Loudness::{Loud, Silent, Usual};
        let all = [
            (None, Usual),
            (Some(1), Silent),
            (Some(2), Silent),
            (Some(3), Usual),
            (Some(4), Loud),
            (Some(5), Loud),
        ];
        for (priority, expected) in all {
            let said = Said {
                priority,
                ..Said::default()
            };
            assert_eq!(said.into_post().loudness, expected);
        }
    }

    #[test]
    fn only_links_that_browsers_open_are_links() {
        for good in ["http://a", "https://a/b?c#d", "mailto:a@b.c", " HTTPS://A "] {
            assert!(link(good).is_some(), "{good}");
        }
        for bad in ["", "javascript:alert(1)", "a", "http://a b", "file:///etc"] {
            assert!(link(bad).is_none(), "{bad}");
        }
    }
}
