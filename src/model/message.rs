//! Messages and their files.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{About, File, MessageId, PublicId, Slot, Timestamp};

/// The text of a deleted message.
pub const DELETED_TEXT: &str = "Message deleted";

/// Names of the kinds of attachments, in the order of their numbers; the slots come first.
pub const KINDS: [&str; 6] = ["picture", "video", "audio", "document", "sticker", "voice"];

/// Returns the bit of a kind of attachment in the set that a message has; `None`: there is no such kind.
#[must_use]
pub fn kind_bit(name: &str) -> Option<i64> {
    KINDS.iter().position(|kind| *kind == name).map(|n| 1 << n)
}

/// How stored bytes are converted for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The bytes are exactly the text that a client sent.
    Text,
    /// The bytes are sent as base64.
    Base64,
}

/// The content of a file; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes as stored.
    pub bytes: Arc<[u8]>,
    /// How the bytes are sent.
    pub encoding: Encoding,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// How it is shown.
    pub slot: Slot,
    /// Its content.
    pub content: Content,
}

/// A message with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row number, which is also the position at which the message was sent.
    pub id: MessageId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The flow that it belongs to.
    pub flow: PublicId,
    /// Its number in that flow, from 0, among those that retention has kept.
    pub number: i64,
    /// Its author.
    pub author: PublicId,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its text.
    pub text: Option<String>,
    /// Its files, by slot; empty if only the descriptions of the files were requested.
    pub files: Vec<Attachment>,
    /// The descriptions of its files.
    pub shown: Vec<File>,
    /// When it was last edited or deleted.
    pub edited_at: Option<Timestamp>,
    /// Whether it has been deleted; the text then says so.
    pub is_deleted: bool,
    /// Its other details; `None`: there are none.
    pub about: Option<Box<About>>,
}

impl Message {
    /// Returns what a protocol shows that knows only texts: a forward begins with a line that names the
    /// author, a poll is its question and its numbered options, and a message that a program wrote
    /// through a hook begins with its name in brackets.
    #[must_use]
    pub fn plain_text(&self) -> Option<Cow<'_, str>> {
        let text = self.text.as_deref();
        let Some(about) = self.about.as_deref() else {
            return text.map(Cow::Borrowed);
        };
        if let Some(poll) = &about.poll {
            let mut shown = poll.question.clone();
            for (n, (option, count)) in poll.options.iter().zip(&poll.counts).enumerate() {
                // Writing to a string does not fail.
                let _ = write!(shown, "\n{}. {option} ({count})", n + 1);
            }
            return Some(shown.into());
        }
        match &about.forward {
            Some(forward) => {
                let rest = text.map_or_else(String::new, |text| format!("\n{text}"));
                Some(format!("↪ {}:{rest}", forward.name).into())
            }
            None => match (about.bot.as_ref().and_then(|it| it.name.as_ref()), text) {
                (Some(bot), text) => Some(
                    format!("[{bot}] {}", text.unwrap_or_default())
                        .trim_end()
                        .to_owned()
                        .into(),
                ),
                (None, text) => text.map(Cow::Borrowed),
            },
        }
    }

    /// Returns the approximate number of bytes that this message takes in an answer: text, files, and
    /// everything around them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        /// Bytes of the keys, ids and times of one message on the wire.
        const AROUND: usize = 512;
        let files: usize = self
            .files
            .iter()
            .map(|file| file.content.size_bytes())
            .sum();
        let about = self.about.as_deref().map_or(0, About::size_bytes);
        AROUND
            + self.shown.len() * AROUND
            + self.text.as_ref().map_or(0, String::len)
            + files
            + about
    }
}

impl Content {
    /// Returns content that a client sent as text. Base64 is stored decoded, which saves a quarter, and is sent out as the
    /// same text again.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        match STANDARD.decode(text.as_bytes()) {
            // The engine accepts only the canonical form, so encoding gives back this very text.
            Ok(bytes) if !bytes.is_empty() => Self {
                bytes: bytes.into(),
                encoding: Encoding::Base64,
            },
            _ => Self {
                bytes: text.as_bytes().into(),
                encoding: Encoding::Text,
            },
        }
    }

    /// Returns the number of bytes that this content takes on the wire.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self.encoding {
            Encoding::Text => self.bytes.len(),
            Encoding::Base64 => self.bytes.len().div_ceil(3) * 4,
        }
    }
}
