//! The subjects of requests, with their names in the protocol.

/// A kind of thing that can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A user.
    User,
    /// A flow.
    Flow,
    /// A message.
    Message,
    /// An invitation.
    Invitation,
    /// A file.
    File,
    /// A session.
    Session,
    /// A link that signs a user in once.
    Link,
    /// The preview of a page.
    Preview,
    /// An incoming hook.
    Hook,
}

impl Thing {
    /// Returns the thing's name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Flow => "flow",
            Self::Message => "message",
            Self::Invitation => "invitation",
            Self::File => "file",
            Self::Session => "session",
            Self::Link => "link",
            Self::Preview => "preview",
            Self::Hook => "hook",
        }
    }
}

/// A value whose size is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The text of a message.
    Text,
    /// The files of a message together.
    Files,
    /// The title of a flow.
    Title,
    /// The description of a flow.
    Info,
    /// The members of a flow.
    Members,
    /// The name of a user.
    Username,
    /// A user's description of themselves.
    Bio,
    /// The picture of a user.
    Avatar,
    /// The picture of a flow.
    Picture,
    /// The note of an invitation.
    Note,
    /// The text with which messages for a hook have to begin.
    Trigger,
}

/// The unit of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Characters.
    Characters,
    /// Users.
    Users,
}

impl Field {
    /// Returns the field's name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Files => "files",
            Self::Title => "title",
            Self::Info => "info",
            Self::Members => "members",
            Self::Username => "username",
            Self::Bio => "bio",
            Self::Avatar => "avatar",
            Self::Picture => "picture",
            Self::Note => "note",
            Self::Trigger => "trigger",
        }
    }

    /// Returns the unit of its size.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Title | Self::Username | Self::Note | Self::Trigger => Unit::Characters,
            Self::Members => Unit::Users,
            Self::Text | Self::Files | Self::Info | Self::Bio | Self::Avatar | Self::Picture => {
                Unit::Bytes
            }
        }
    }
}

impl Unit {
    /// Returns the unit's name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Characters => "characters",
            Self::Users => "users",
        }
    }
}
