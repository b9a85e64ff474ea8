//! The permissions of a bot's token: the one place that is checked for every method of every face.
//!
//! Source: extensions of this server, bots.

use super::{Refusal, ServiceError, SignedIn};
use crate::model::{Scopes, SessionKind};

/// The requirement of a method on a bot's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing except a valid token.
    Nothing,
    /// A scope.
    Scope(u8),
    /// The token must not be a bot's.
    Person,
}

/// Returns the requirement of a method on a bot's token, by its name in MTP; the faces over HTTP name the
/// method that each of their routes corresponds to. A method that is not listed is not available to bots.
fn needs(method: &str) -> Needs {
    match method {
        "ping_pong" | "logout" => Needs::Nothing,
        // Methods that change nothing.
        "get_update" | "subscribe" | "all_flow" | "user_info" | "find_user" | "find_message"
        | "all_messages" | "list_members" | "seen_flow" | "message_info" | "list_files"
        | "pins" | "file_ticket" | "active" | "flow_commands" => Needs::Scope(Scopes::READ),
        // Messages and everything that belongs to them.
        "send_message" | "edited_message" | "delete_message" | "react" | "vote" | "close_poll"
        | "read_flow" | "typing" | "flow_settings" | "set_commands" | "upload" => {
            Needs::Scope(Scopes::WRITE)
        }
        // The bot's own flows and their hooks.
        "add_flow" | "edit_flow" | "remove_flow" | "leave_flow" | "join_flow" | "make_hook"
        | "edit_hook" | "list_hooks" | "revoke_hook" | "make_outgoing" | "list_outgoing"
        | "remove_outgoing" | "test_outgoing" => Needs::Scope(Scopes::MANAGE),
        _ => Needs::Person,
    }
}

impl SignedIn {
    /// Fails for a bot's token that does not permit a method.
    ///
    /// # Errors
    /// [`Refusal::NotForBots`], [`Refusal::OutOfScope`].
    pub fn permit(&self, method: &str) -> Result<(), ServiceError> {
        if self.session.kind != SessionKind::Bot {
            return Ok(());
        }
        match needs(method) {
            Needs::Nothing => Ok(()),
            Needs::Scope(scope) if self.session.scopes.has(scope) => Ok(()),
            Needs::Scope(_) => Err(Refusal::OutOfScope.into()),
            Needs::Person => Err(Refusal::NotForBots.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_closed_to_bots() {
        assert_eq!(needs("edit_user"), Needs::Person);
        assert_eq!(needs("anything"), Needs::Person);
        assert_eq!(needs("all_messages"), Needs::Scope(Scopes::READ));
    }
}
