//! What the operator may do, on the machine itself: whatever the rights of any user.
//!
//! Who runs a command can read and write the file, so nobody is asked for a token here. The rules
//! of the domain hold all the same: a chat has two members, a channel is written by its owner.

mod archive;
mod flows;
mod legacy;
mod messages;
mod people;
mod takeover;

pub(super) use flows::remove_some;
pub use flows::{Brought, FlowStanding, MemberStanding, NewFlow};
pub use messages::Line;
pub use people::{UserChange, UserStanding};
pub use takeover::{Takeover, Tally};
