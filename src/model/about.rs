//! What there is to tell of a message besides its words and files: what it answers, whom it
//! mentions, where it comes from, how people react to it.

use super::{Picture, PublicId, Timestamp};

/// What `messages.slots` says besides which kinds of files a message has.
pub mod bits {
    /// Kinds of files.
    pub const FILES: i64 = 0xff;
    /// It is pinned, or was.
    pub const PINNED: i64 = 1 << 11;
    /// It mentions everyone.
    pub const EVERYONE: i64 = 1 << 12;
    /// It has something else to tell: an answer, mentions, a forward, markup, a timer.
    pub const DETAILS: i64 = 1 << 13;
    /// It was deleted by its timer.
    pub const EXPIRED: i64 = 1 << 14;
    /// It has reactions or a poll.
    pub const AROUND: i64 = 1 << 15;
}

/// Characters of a message that a quote shows.
pub const QUOTE_CHARS: usize = 200;

/// Users that are named of those who reacted with one emoji.
pub const NAMED_REACTORS: usize = 50;

/// What there is to tell of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The message that it answers.
    pub reply: Option<Quote>,
    /// Where it comes from.
    pub forward: Option<Forward>,
    /// Whether its text is markup.
    pub is_markup: bool,
    /// Whom it mentions by name.
    pub mentions: Vec<PublicId>,
    /// Whether it mentions everyone.
    pub everyone: bool,
    /// What the page says of itself that it links to.
    pub preview: Option<Preview>,
    /// The program that wrote it by a hook.
    pub bot: Option<Program>,
    /// The poll that it is.
    pub poll: Option<Poll>,
    /// How people react to it, in the order in which the emoji came.
    pub reactions: Vec<Reaction>,
    /// When it is deleted by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether that has happened.
    pub is_expired: bool,
}

/// What a message that came by a hook tells of the program that wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// What it calls itself; `None`: as the bot that writes.
    pub name: Option<String>,
    /// The emoji that it calls itself by.
    pub avatar: Option<String>,
    /// The picture of the hook.
    pub picture: Option<Picture>,
}

/// The message that another answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Its id.
    pub uuid: PublicId,
    /// What it says; `None`: it is deleted.
    pub original: Option<Original>,
}

/// What a quote shows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its number in the flow.
    pub number: i64,
    /// Who wrote it.
    pub author: PublicId,
    /// The beginning of what it says.
    pub text: Option<String>,
    /// The kind of its first file.
    pub kind: Option<&'static str>,
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Who wrote it first; `None`: somebody who is not known here.
    pub author: Option<PublicId>,
    /// What that person was called then.
    pub name: String,
    /// When it was written.
    pub at: Timestamp,
}

/// What a page said of itself when a message that links to it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its address, as it was written.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub text: Option<String>,
    /// Whose it is.
    pub site: Option<String>,
}

/// Who reacts to a message with one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// How many.
    pub count: i64,
    /// The first of them, in the order of reacting.
    pub users: Vec<PublicId>,
    /// Whether the reader is one of the others.
    pub is_mine: bool,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// What is asked.
    pub question: String,
    /// What can be answered.
    pub options: Vec<String>,
    /// Whether several answers are allowed.
    pub is_multiple: bool,
    /// Whether nobody is told who voted for what.
    pub is_anonymous: bool,
    /// Whether it takes no more votes.
    pub is_closed: bool,
    /// Votes for each option.
    pub counts: Vec<i64>,
    /// Who voted for each option; `None` where nobody is told.
    pub voters: Option<Vec<Vec<PublicId>>>,
    /// What the reader voted for; `None`: nobody in particular reads.
    pub mine: Option<Vec<i64>>,
}

/// A poll to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPoll {
    /// What is asked.
    pub question: String,
    /// What can be answered.
    pub options: Vec<String>,
    /// Whether several answers are allowed.
    pub is_multiple: bool,
    /// Whether nobody is told who voted for what.
    pub is_anonymous: bool,
}

/// How people react to a message, and its poll: the whole of it, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The message.
    pub message: PublicId,
    /// Who reacts how.
    pub reactions: Vec<Reaction>,
    /// Its poll.
    pub poll: Option<Poll>,
}

impl Poll {
    /// Bytes that it takes in an answer, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let voters = self.voters.iter().flatten().map(Vec::len).sum::<usize>();
        let words = self.options.iter().map(String::len).sum::<usize>();
        256 + self.question.len() + words + voters * ID_BYTES
    }
}

/// An id as text, with what stands around it.
const ID_BYTES: usize = 44;

/// Bytes that reactions take in an answer, roughly.
fn reactions_bytes(reactions: &[Reaction]) -> usize {
    let each = |reaction: &Reaction| 64 + reaction.users.len() * ID_BYTES;
    reactions.iter().map(each).sum()
}

impl Around {
    /// Bytes that it takes in an answer, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let poll = self.poll.as_ref().map_or(0, Poll::size_bytes);
        256 + reactions_bytes(&self.reactions) + poll
    }
}

impl About {
    /// Bytes that it takes in an answer, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let reply = self.reply.as_ref().map_or(0, |quote| {
            let text = quote.original.as_ref().and_then(|it| it.text.as_ref());
            256 + text.map_or(0, String::len)
        });
        let forward = self.forward.as_ref().map_or(0, |it| 128 + it.name.len());
        let poll = self.poll.as_ref().map_or(0, Poll::size_bytes);
        64 + reply
            + forward
            + poll
            + self.mentions.len() * ID_BYTES
            + reactions_bytes(&self.reactions)
    }
}
