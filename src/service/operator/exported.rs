//! What an export holds, as it is read from its documents: ids instead of row numbers, and files by path.

use std::path::PathBuf;

use crate::model::{
    AccountEdit, Content, FlowKind, FlowSettings, Forward, Kind, Level, Look, NewPoll, Preview,
    PublicId, Timestamp,
};

/// Who somebody is: enough to find the account here, or to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub uuid: PublicId,
    /// The login; empty: unknown, or a deleted account.
    pub login: String,
    /// The display name.
    pub username: Option<String>,
}

/// An account.
#[derive(Debug)]
pub struct ExportedUser {
    /// Who it is.
    pub person: Person,
    /// The e-mail address.
    pub email: Option<String>,
    /// A short text about the user.
    pub bio: Option<String>,
    /// Picture.
    pub avatar: Option<Content>,
    /// Whether it was an administrator.
    pub is_admin: bool,
    /// Set for bots.
    pub is_bot: bool,
    /// Set for a suspended account.
    pub is_suspended: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// What the user chose.
    pub own: Option<OwnChoices>,
}

/// What a user chose.
#[derive(Debug, Clone)]
pub struct OwnChoices {
    /// The users whom the user blocks.
    pub blocked: Vec<PublicId>,
    /// Settings of flows.
    pub settings: Vec<(PublicId, FlowSettings)>,
    /// Privacy and notifications.
    pub account: AccountEdit,
}

/// A member of a flow.
#[derive(Debug)]
pub struct ExportedMember {
    /// Who it is.
    pub person: Person,
    /// The level.
    pub level: Level,
    /// The number of the last message that the member has read, or that nothing was read. `None`: not known.
    pub read: Option<Option<i64>>,
}

/// A flow.
#[derive(Debug)]
pub struct ExportedFlow {
    /// The id.
    pub uuid: PublicId,
    /// The kind.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// The owner.
    pub owner: Option<PublicId>,
    /// Members, in order.
    pub members: Vec<ExportedMember>,
    /// Seconds after which new messages disappear; 0: never.
    pub expire: i64,
    /// Whether its messages cannot be forwarded.
    pub is_protected: bool,
    /// Whether only its owner and moderators pin.
    pub pins_are_restricted: bool,
    /// Whether it holds the saved messages of its owner.
    pub is_saved: bool,
    /// Its picture.
    pub picture: Option<Content>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Pinned messages, last pinned first: who pinned them, and when.
    pub pins: Vec<(PublicId, PublicId, Timestamp)>,
    /// Its events, in order.
    pub events: Vec<ExportedEvent>,
}

/// An event of a flow.
#[derive(Debug, Clone)]
pub struct ExportedEvent {
    /// The id.
    pub uuid: PublicId,
    /// The number of the message that it follows.
    pub after: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub by: Option<Person>,
    /// The word for what happened.
    pub kind: String,
    /// The user that it is about.
    pub user: Option<Person>,
    /// The message that it is about.
    pub message: Option<PublicId>,
    /// The new title, level, seconds or switch.
    pub body: Option<String>,
}

/// A message.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "as an export has them")]
pub struct ExportedMessage {
    /// The id.
    pub uuid: PublicId,
    /// Its number in the flow.
    pub number: i64,
    /// The author.
    pub author: Person,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The text.
    pub text: Option<String>,
    /// When it was last edited or deleted.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// The message that it replies to.
    pub reply: Option<PublicId>,
    /// Where it was forwarded from.
    pub forward: Option<Forward>,
    /// Whether its text is markup.
    pub is_markup: bool,
    /// The users whom it mentions.
    pub mentions: Vec<PublicId>,
    /// Whether it mentions everyone.
    pub everyone: bool,
    /// The preview of the page that it links to.
    pub preview: Option<Preview>,
    /// The picture of that preview.
    pub preview_thumbnail: Option<ExportedThumbnail>,
    /// The name and the emoji of the program that wrote it.
    pub program: Option<(Option<String>, Option<String>)>,
    /// The poll in it.
    pub poll: Option<ExportedPoll>,
    /// Reactions, in order: the emoji, and who reacted with it.
    pub reactions: Vec<(String, Vec<PublicId>)>,
    /// When it is deleted automatically.
    pub expires_at: Option<Timestamp>,
    /// Whether it was deleted automatically.
    pub is_expired: bool,
    /// Its files, in order.
    pub files: Vec<ExportedFile>,
}

/// A poll.
#[derive(Debug)]
pub struct ExportedPoll {
    /// The question and its options.
    pub poll: NewPoll,
    /// Whether it takes no more votes.
    pub is_closed: bool,
    /// Who voted, by option; `None`: an anonymous poll, whose votes are not exported.
    pub voters: Option<Vec<Vec<PublicId>>>,
    /// Whether anybody has voted.
    pub has_votes: bool,
}

/// A file of a message.
#[derive(Debug)]
pub struct ExportedFile {
    /// The id with which it was fetched.
    pub id: Option<PublicId>,
    /// The kind.
    pub kind: Kind,
    /// What its sender says about it.
    pub look: Look,
    /// The content.
    pub content: ExportedContent,
    /// Its thumbnail.
    pub thumbnail: Option<ExportedThumbnail>,
}

/// The content of a file.
#[derive(Debug)]
pub enum ExportedContent {
    /// It is within the document.
    Within(Content),
    /// It is a file beside the documents.
    Beside(PathBuf),
    /// It is not in the export.
    Missing,
}

/// A thumbnail: a file beside the documents, with its size in pixels.
#[derive(Debug)]
pub struct ExportedThumbnail {
    /// The file.
    pub path: PathBuf,
    /// Width in pixels.
    pub width: Option<i64>,
    /// Height in pixels.
    pub height: Option<i64>,
}
