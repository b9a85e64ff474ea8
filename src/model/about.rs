//! The details of a message besides its text and files: the message it answers, whom it mentions, where
//! it was forwarded from, and its reactions.

use super::{File, Picture, PublicId, Timestamp};

/// Bits of `messages.slots` besides the kinds of files.
pub mod bits {
    /// The kinds of the message's files.
    pub const FILES: i64 = 0xff;
    /// The message is or was pinned.
    pub const PINNED: i64 = 1 << 11;
    /// The message mentions everyone.
    pub const EVERYONE: i64 = 1 << 12;
    /// The message has other details: a reply, mentions, a forward, markup or a timer.
    pub const DETAILS: i64 = 1 << 13;
    /// The message was deleted by its timer.
    pub const EXPIRED: i64 = 1 << 14;
    /// The message has reactions or a poll.
    pub const AROUND: i64 = 1 << 15;
}

/// Number of characters of a message that a quote shows.
pub const QUOTE_CHARS: usize = 200;

/// Number of users who are named for each emoji of a message's reactions.
pub const NAMED_REACTORS: usize = 50;

/// The details of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The message that this one answers.
    pub reply: Option<Quote>,
    /// The origin of a forwarded message.
    pub forward: Option<Forward>,
    /// Whether the text is markup.
    pub is_markup: bool,
    /// Users whom the message mentions by name.
    pub mentions: Vec<PublicId>,
    /// Whether the message mentions everyone.
    pub everyone: bool,
    /// How the page that the message links to describes itself.
    pub preview: Option<Preview>,
    /// The program that wrote the message through a hook.
    pub bot: Option<Program>,
    /// The poll that the message is.
    pub poll: Option<Poll>,
    /// Reactions to the message, in the order in which the emoji were first used.
    pub reactions: Vec<Reaction>,
    /// When the message is deleted automatically.
    pub expires_at: Option<Timestamp>,
    /// Whether it was deleted automatically.
    pub is_expired: bool,
}

/// The program that wrote a message through a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The name that the program gives itself; `None`: the name of the bot that writes.
    pub name: Option<String>,
    /// The emoji that the program uses as its avatar.
    pub avatar: Option<String>,
    /// The picture of the hook.
    pub picture: Option<Picture>,
}

/// A message that another message answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Its id.
    pub uuid: PublicId,
    /// Its content; `None`: it is deleted.
    pub original: Option<Original>,
}

/// The part of a message that a quote shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Its number in the flow.
    pub number: i64,
    /// Who wrote it.
    pub author: PublicId,
    /// The beginning of its text.
    pub text: Option<String>,
    /// The kind of its first file.
    pub kind: Option<&'static str>,
}

/// The origin of a forwarded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The original author; `None`: not a user of this server.
    pub author: Option<PublicId>,
    /// The author's name at that time.
    pub name: String,
    /// When it was written.
    pub at: Timestamp,
}

/// How a page described itself when a message that links to it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its address, as written.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its description.
    pub text: Option<String>,
    /// The name of its site.
    pub site: Option<String>,
    /// Its picture, as the sender's client made it smaller.
    pub thumbnail: Option<Box<File>>,
}

/// The users who reacted to a message with one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// The number of users.
    pub count: i64,
    /// The first of these users, in the order in which they reacted.
    pub users: Vec<PublicId>,
    /// Whether the reader is one of the users who are not listed.
    pub is_mine: bool,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The question.
    pub question: String,
    /// The options to choose from.
    pub options: Vec<String>,
    /// Whether several answers are allowed.
    pub is_multiple: bool,
    /// Whether the poll hides who voted for what.
    pub is_anonymous: bool,
    /// Whether the poll takes no more votes.
    pub is_closed: bool,
    /// The number of votes for each option.
    pub counts: Vec<i64>,
    /// The voters of each option; `None` if the poll hides them.
    pub voters: Option<Vec<Vec<PublicId>>>,
    /// The options that the reader voted for; `None`: there is no particular reader.
    pub mine: Option<Vec<i64>>,
}

/// A poll that a user wants to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPoll {
    /// The question.
    pub question: String,
    /// The options to choose from.
    pub options: Vec<String>,
    /// Whether several answers are allowed.
    pub is_multiple: bool,
    /// Whether the poll hides who voted for what.
    pub is_anonymous: bool,
}

/// The reactions and the poll of a message: their complete present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The message.
    pub message: PublicId,
    /// Its reactions.
    pub reactions: Vec<Reaction>,
    /// Its poll.
    pub poll: Option<Poll>,
}

impl Poll {
    /// Returns the approximate number of bytes that the poll takes in an answer.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let voters = self.voters.iter().flatten().map(Vec::len).sum::<usize>();
        let words = self.options.iter().map(String::len).sum::<usize>();
        256 + self.question.len() + words + voters * ID_BYTES
    }
}

/// Bytes of an id as text, with its surroundings.
const ID_BYTES: usize = 44;

/// Returns the approximate number of bytes that reactions take in an answer.
fn reactions_bytes(reactions: &[Reaction]) -> usize {
    let each = |reaction: &Reaction| 64 + reaction.users.len() * ID_BYTES;
    reactions.iter().map(each).sum()
}

impl Around {
    /// Returns the approximate number of bytes that this takes in an answer.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let poll = self.poll.as_ref().map_or(0, Poll::size_bytes);
        256 + reactions_bytes(&self.reactions) + poll
    }
}

impl About {
    /// Returns the approximate number of bytes that the details take in an answer.
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
