//! Messages and their files.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{About, File, MessageId, PublicId, Slot, Timestamp};

/// What the text of a deleted message reads.
pub const DELETED_TEXT: &str = "Message deleted";

/// Kinds of attachments by name, in the order of their numbers, of which slots are the first.
pub const KINDS: [&str; 6] = ["picture", "video", "audio", "document", "sticker", "voice"];

/// The bit of a kind of attachment in the set that a message has; `None`: there is no such kind.
#[must_use]
pub fn kind_bit(name: &str) -> Option<i64> {
    KINDS.iter().position(|kind| *kind == name).map(|n| 1 << n)
}

/// How stored bytes become what the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The bytes are the very text that a client sent.
    Text,
    /// The bytes go out as base64.
    Base64,
}

/// Content of a file; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// As stored.
    pub bytes: Arc<[u8]>,
    /// How it goes out.
    pub encoding: Encoding,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// As what it is shown.
    pub slot: Slot,
    /// What it is.
    pub content: Content,
}

/// A message with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row number, and the position at which it was sent.
    pub id: MessageId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The flow that it belongs to.
    pub flow: PublicId,
    /// Its number in that flow, from 0, among those that retention has kept.
    pub number: i64,
    /// Who wrote it.
    pub author: PublicId,
    /// When.
    pub sent_at: Timestamp,
    /// What it says.
    pub text: Option<String>,
    /// Its files, by slot; none where only what is known of them was asked for.
    pub files: Vec<Attachment>,
    /// What is known of its files.
    pub shown: Vec<File>,
    /// When it was last edited or deleted.
    pub edited_at: Option<Timestamp>,
    /// Set once it has been deleted; the text then says so.
    pub is_deleted: bool,
    /// What else there is to tell of it; `None`: nothing.
    pub about: Option<Box<About>>,
}

impl Message {
    /// What a protocol shows that knows no more than a text: a forward begins with a line that says
    /// whose words they are, a poll is its question and its numbered options, and what a program wrote
    /// by a hook begins with its name in brackets.
    #[must_use]
    pub fn plain_text(&self) -> Option<Cow<'_, str>> {
        let text = self.text.as_deref();
        let Some(about) = self.about.as_deref() else {
            return text.map(Cow::Borrowed);
        };
        if let Some(poll) = &about.poll {
            let mut shown = poll.question.clone();
            for (n, (option, count)) in poll.options.iter().zip(&poll.counts).enumerate() {
                // Writing to a text does not fail.
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

    /// Bytes that this message will take in an answer, roughly: text, files, and what surrounds them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        /// Keys, ids and times of one message on the wire.
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
    /// Bytes that this content takes on the wire.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self.encoding {
            Encoding::Text => self.bytes.len(),
            Encoding::Base64 => self.bytes.len().div_ceil(3) * 4,
        }
    }
}
