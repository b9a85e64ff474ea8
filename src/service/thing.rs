//! The things that requests are about, by the names that the protocol gives them.

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
    /// A link that lets somebody in once.
    Link,
    /// What a page says of itself.
    Preview,
    /// An incoming hook.
    Hook,
}

impl Thing {
    /// The thing's name in the protocol.
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

/// Something whose size is limited.
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
    /// What a user says of oneself.
    Bio,
    /// The picture of a user.
    Avatar,
    /// The picture of a flow.
    Picture,
    /// Words about an invitation.
    Note,
    /// What messages begin with that a hook is told of.
    Trigger,
}

/// In what a size is counted.
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
    /// The field's name in the protocol.
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

    /// In what its size is counted.
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
    /// The unit's name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Characters => "characters",
            Self::Users => "users",
        }
    }
}
