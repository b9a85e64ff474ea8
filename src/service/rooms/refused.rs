//! Refusals because of the state of a room.

/// The condition that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRefusal {
    /// The user to be invited is already a member.
    AlreadyMember,
    /// The user to be removed is not a member.
    NotMember,
    /// Who is to be invited is banned.
    IsBanned,
    /// The user to be unbanned is not banned.
    NotBanned,
    /// Only a room that the user has left can be forgotten.
    StillMember,
    /// The user already reacts in this way.
    SameReaction,
    /// The name is taken by this room or another one.
    NameTaken,
    /// The data to be changed does not exist.
    NotKept,
    /// The maximum amount of data is stored for the user.
    TooMuchKept,
}

impl RoomRefusal {
    /// Returns the reason, for people.
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
