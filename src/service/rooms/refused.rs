//! Why a room is not as a request takes it to be.

/// What is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRefusal {
    /// Who is to be invited is a member already.
    AlreadyMember,
    /// Who is to be taken out is no member.
    NotMember,
    /// Who is to be invited is banned.
    IsBanned,
    /// Who is to be let back in is not banned.
    NotBanned,
    /// Only a room that was left is forgotten.
    StillMember,
    /// The user reacts so already.
    SameReaction,
    /// Another room has that name, or the same one.
    NameTaken,
    /// What is to be changed is not there.
    NotKept,
    /// As much is kept for the user as can be.
    TooMuchKept,
}

impl RoomRefusal {
    /// What is so instead, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyMember => "the user is a member already",
            Self::NotMember => "the user is not a member",
            Self::IsBanned => "the user is banned",
            Self::NotBanned => "the user is not banned",
            Self::StillMember => "you are still a member",
            Self::NameTaken => "this name is taken",
            Self::NotKept => "there is nothing of this name",
            Self::TooMuchKept => "as much is kept for you as can be",
            Self::SameReaction => "you have already reacted with this",
        }
    }
}
