//! The table of the routes, from which the document that describes them is generated (see
//! [`super::described`]).

use crate::protocol::web::Method;

/// The action of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Describes all routes.
    Describe,
    /// Returns the user of the token.
    Me,
    /// Lists the user's flows.
    Flows,
    /// Creates a flow.
    AddFlow,
    /// Returns one flow.
    Flow,
    /// Changes a flow.
    EditFlow,
    /// Adds members to a flow.
    AddMembers,
    /// Removes members from a flow.
    RemoveMembers,
    /// Returns messages of a flow.
    Messages,
    /// Sends a message.
    Send,
    /// Changes a message.
    Edit,
    /// Deletes a message.
    Delete,
    /// Reacts to a message.
    React,
    /// Removes a reaction.
    Unreact,
    /// Pins a message.
    Pin,
    /// Unpins a message.
    Unpin,
    /// Returns what happened since a position.
    Updates,
    /// Finds messages.
    Search,
    /// Finds users.
    Users,
    /// Lists accounts, for administrators.
    AdminUsers,
    /// Creates an account.
    AdminUser,
    /// Lists invitations, for administrators.
    AdminInvites,
    /// Creates an invitation.
    AdminInvite,
    /// Makes a copy of the database.
    AdminBackup,
    /// Returns the state of the server.
    AdminStatus,
}

impl Action {
    /// Returns whether the route exists only if the operator says so, and not over the network without
    /// encryption.
    pub(super) fn is_administration(self) -> bool {
        matches!(
            self,
            Self::AdminUsers
                | Self::AdminUser
                | Self::AdminInvites
                | Self::AdminInvite
                | Self::AdminBackup
                | Self::AdminStatus
        )
    }
}

/// A route.
pub(super) struct Entry {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) action: Action,
    /// The MTP method that it corresponds to, which determines the permission that a bot's token needs.
    pub(super) stands_for: &'static str,
    pub(super) about: &'static str,
    /// Parameters of the address: name and type.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// Fields of the body: name, type, whether it is required.
    pub(super) body: &'static [(&'static str, &'static str, bool)],
    /// Headers that it reads: name, type, description.
    pub(super) headers: &'static [(&'static str, &'static str, &'static str)],
    /// Whether the answer may be a stream of events.
    pub(super) is_stream: bool,
}

impl Entry {
    const fn reads(self, headers: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    const fn streams(self) -> Self {
        Self {
            is_stream: true,
            ..self
        }
    }
}

/// The path below which all routes are.
pub(super) const BASE: &str = "/api/v1";

const fn entry(
    (method, path, action): (Method, &'static str, Action),
    stands_for: &'static str,
    about: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: &'static [(&'static str, &'static str, bool)],
) -> Entry {
    Entry {
        method,
        path,
        action,
        stands_for,
        about,
        query,
        body,
        headers: &[],
        is_stream: false,
    }
}

/// All routes.
pub(super) const TABLE: &[Entry] = &[
    entry(
        (Method::Get, "/api/v1/openapi.json", Action::Describe),
        "",
        "This document.",
        &[],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/me", Action::Me),
        "user_info",
        "Who asks.",
        &[],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/flows", Action::Flows),
        "all_flow",
        "The conversations of who asks.",
        &[("after", "string")],
        &[],
    ),
    entry(
        (Method::Post, "/api/v1/flows", Action::AddFlow),
        "add_flow",
        "Makes a conversation.",
        &[],
        &[
            ("type", "kind", true),
            ("title", "string", false),
            ("info", "string", false),
            ("users", "array", false),
        ],
    ),
    entry(
        (Method::Get, "/api/v1/flows/{id}", Action::Flow),
        "all_flow",
        "One conversation.",
        &[],
        &[],
    ),
    entry(
        (Method::Patch, "/api/v1/flows/{id}", Action::EditFlow),
        "edit_flow",
        "Changes a conversation.",
        &[],
        &[("title", "string", false), ("info", "string", false)],
    ),
    entry(
        (
            Method::Post,
            "/api/v1/flows/{id}/members",
            Action::AddMembers,
        ),
        "edit_flow",
        "Brings people into a conversation.",
        &[],
        &[("users", "ids", true)],
    ),
    entry(
        (
            Method::Delete,
            "/api/v1/flows/{id}/members",
            Action::RemoveMembers,
        ),
        "edit_flow",
        "Takes people out of a conversation.",
        &[],
        &[("users", "ids", true)],
    ),
    entry(
        (Method::Get, "/api/v1/flows/{id}/messages", Action::Messages),
        "all_messages",
        "Messages of a conversation, oldest first: the last ones, those before a number or those after one.",
        &[
            ("before", "integer"),
            ("after", "integer"),
            ("limit", "integer"),
        ],
        &[],
    ),
    entry(
        (Method::Post, "/api/v1/flows/{id}/messages", Action::Send),
        "send_message",
        "Writes a message.",
        &[],
        &[
            ("text", "text", false),
            ("format", "format", false),
            ("reply", "string", false),
            ("files", "ids", false),
        ],
    )
    .reads(&[(
        "Idempotency-Key",
        "key",
        "A repetition with the same key gets the first answer, for 48 hours.",
    )]),
    entry(
        (Method::Patch, "/api/v1/messages/{id}", Action::Edit),
        "edited_message",
        "Changes a message of one's own.",
        &[],
        &[("text", "text", true), ("format", "format", false)],
    ),
    entry(
        (Method::Delete, "/api/v1/messages/{id}", Action::Delete),
        "delete_message",
        "Deletes a message.",
        &[],
        &[],
    ),
    entry(
        (
            Method::Put,
            "/api/v1/messages/{id}/reactions/{emoji}",
            Action::React,
        ),
        "react",
        "Reacts to a message.",
        &[],
        &[],
    ),
    entry(
        (
            Method::Delete,
            "/api/v1/messages/{id}/reactions/{emoji}",
            Action::Unreact,
        ),
        "react",
        "Takes a reaction back.",
        &[],
        &[],
    ),
    entry(
        (Method::Put, "/api/v1/messages/{id}/pin", Action::Pin),
        "pin_message",
        "Pins a message.",
        &[],
        &[],
    ),
    entry(
        (Method::Delete, "/api/v1/messages/{id}/pin", Action::Unpin),
        "pin_message",
        "Unpins a message.",
        &[],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/updates", Action::Updates),
        "get_update",
        "What happened after a position; without one, the position. The answer is held back until something happens, or for `wait` seconds. \
         With Accept: text/event-stream it goes on.",
        &[("after", "integer"), ("wait", "integer")],
        &[],
    )
    .reads(&[(
        "Last-Event-ID",
        "integer",
        "Where a stream goes on: the id of the last event that was read, in place of `after`.",
    )])
    .streams(),
    entry(
        (Method::Get, "/api/v1/search", Action::Search),
        "find_message",
        "Finds messages.",
        &[("q", "string"), ("flow", "string"), ("before", "integer")],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/users", Action::Users),
        "find_user",
        "Finds people.",
        &[("q", "string")],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/admin/users", Action::AdminUsers),
        "list_users",
        "Accounts, for administrators.",
        &[("q", "string"), ("after", "string")],
        &[],
    ),
    entry(
        (Method::Post, "/api/v1/admin/users", Action::AdminUser),
        "set_user",
        "Makes an account, for administrators, whatever the rule of registration.",
        &[],
        &[
            ("login", "string", true),
            ("password", "string", true),
            ("username", "string", false),
            ("email", "string", false),
        ],
    ),
    entry(
        (Method::Get, "/api/v1/admin/invites", Action::AdminInvites),
        "list_invitations",
        "Invitations that hold, for administrators.",
        &[("after", "integer")],
        &[],
    ),
    entry(
        (Method::Post, "/api/v1/admin/invites", Action::AdminInvite),
        "invite",
        "Makes an invitation, for administrators; `expires` is a second, 0 for never.",
        &[],
        &[
            ("uses", "number", false),
            ("expires", "number", false),
            ("flow", "string", false),
            ("note", "string", false),
        ],
    ),
    entry(
        (Method::Post, "/api/v1/admin/backup", Action::AdminBackup),
        "make_backup",
        "Makes a copy of the database, for administrators.",
        &[],
        &[],
    ),
    entry(
        (Method::Get, "/api/v1/admin/status", Action::AdminStatus),
        "server_status",
        "How the server is doing, for administrators.",
        &[],
        &[],
    ),
];

/// Returns the routes, with or without those for administrators.
pub(super) fn routes(admin: bool) -> impl Iterator<Item = &'static Entry> {
    let there = move |entry: &&Entry| admin || !entry.action.is_administration();
    TABLE.iter().filter(there)
}
