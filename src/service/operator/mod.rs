//! What the operator may do on the machine itself, whatever the permissions of users.
//!
//! A user who runs a command can read and write the database, so no token is needed here. The rules of
//! the domain still apply: a chat has two members, and ordinary members do not write in a channel.

mod archive;
mod exported;
mod flows;
mod legacy;
mod messages;
mod people;
mod refill;
mod reimport;
mod takeover;

pub use exported::{
    ExportedContent, ExportedEvent, ExportedFile, ExportedFlow, ExportedMember, ExportedMessage,
    ExportedPoll, ExportedThumbnail, ExportedUser, OwnChoices, Person,
};
pub(super) use flows::remove_some;
pub use flows::{Brought, FlowStanding, MemberStanding, NewFlow};
pub use messages::Line;
pub use people::{UserChange, UserStanding};
pub use reimport::Reimport;
pub use takeover::{Takeover, Tally};
