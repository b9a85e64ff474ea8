//! The table of the routes, of which the document that describes them is made too.

use serde_json::{Map, Value, json};

use crate::protocol::web::Method;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Describes all of them.
    Describe,
    /// Who asks.
    Me,
    /// The flows of who asks.
    Flows,
    /// Makes a flow.
    AddFlow,
    /// One flow.
    Flow,
    /// Changes a flow.
    EditFlow,
    /// Brings people into a flow.
    AddMembers,
    /// Takes people out of a flow.
    RemoveMembers,
    /// Messages of a flow.
    Messages,
    /// Writes a message.
    Send,
    /// Changes a message.
    Edit,
    /// Deletes a message.
    Delete,
    /// Reacts to a message.
    React,
    /// Takes a reaction back.
    Unreact,
    /// Pins a message.
    Pin,
    /// Unpins a message.
    Unpin,
    /// What happened since.
    Updates,
    /// Finds messages.
    Search,
    /// Finds people.
    Users,
    /// Accounts, for administrators.
    AdminUsers,
    /// Makes an account.
    AdminUser,
    /// Invitations, for administrators.
    AdminInvites,
    /// Makes an invitation.
    AdminInvite,
    /// Makes a copy of the database.
    AdminBackup,
    /// How the server is doing.
    AdminStatus,
}

impl Action {
    /// Whether it is there only where the operator says so, and not over the network without encryption.
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
    /// The method of the other protocol that it stands for, which says what a bot's token needs.
    pub(super) stands_for: &'static str,
    pub(super) about: &'static str,
    /// Parameters of the address: name and type.
    query: &'static [(&'static str, &'static str)],
    /// Fields of the body: name, type, whether it has to be there.
    body: &'static [(&'static str, &'static str, bool)],
}

/// Where all routes are.
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
        "Writes a message. With the header Idempotency-Key a repetition gets the first answer.",
        &[],
        &[
            ("text", "text", false),
            ("format", "format", false),
            ("reply", "string", false),
            ("files", "ids", false),
        ],
    ),
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
    ),
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

/// The routes that there are, with or without those of the administration.
pub(super) fn routes(admin: bool) -> impl Iterator<Item = &'static Entry> {
    let there = move |entry: &&Entry| admin || !entry.action.is_administration();
    TABLE.iter().filter(there)
}

/// Fields of a body of which one has to be there.
fn one_of(action: Action) -> &'static [&'static str] {
    match action {
        Action::EditFlow => &["title", "info"],
        Action::Send => &["text", "files"],
        _ => &[],
    }
}

fn schema(kind: &str) -> Value {
    match kind {
        "array" => json!({"type": "array", "items": {"type": "string"}}),
        "ids" => json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
        "text" => json!({"type": "string", "minLength": 1}),
        "kind" => json!({"type": "string", "enum": ["chat", "group", "channel"]}),
        "format" => json!({"type": "integer", "enum": [0, 1]}),
        "number" => {
            json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX})
        }
        "integer" => {
            json!({"type": "integer", "format": "int64", "minimum": -1, "maximum": i64::MAX})
        }
        kind => json!({"type": kind}),
    }
}

/// The document that describes the routes.
///
/// Source: `OpenAPI` 3.1.
pub(super) fn document(version: &str, admin: bool) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for entry in routes(admin) {
        let mut parameters: Vec<Value> = entry
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        for (name, kind) in entry.query {
            parameters.push(
                json!({"name": name, "in": "query", "required": false, "schema": schema(kind)}),
            );
        }
        let answer = json!({"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}});
        let error = json!({"description": "Not done.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
        let mut operation = json!({
            "summary": entry.about,
            "operationId": format!("{:?}", entry.action),
            "parameters": parameters,
            "responses": {"200": answer, "default": error},
        });
        if entry.action == Action::Describe {
            operation["security"] = json!([]);
        }
        if !entry.body.is_empty() {
            let properties: Map<String, Value> = entry
                .body
                .iter()
                .map(|(name, kind, _)| ((*name).to_owned(), schema(kind)))
                .collect();
            let required: Vec<&str> = entry
                .body
                .iter()
                .filter(|(_, _, needed)| *needed)
                .map(|(name, _, _)| *name)
                .collect();
            let mut schema =
                json!({"type": "object", "properties": properties, "required": required});
            let either = one_of(entry.action).iter();
            let either: Vec<Value> = either.map(|name| json!({"required": [name]})).collect();
            if !either.is_empty() {
                schema["anyOf"] = Value::from(either);
            }
            if entry.action == Action::AddFlow {
                // A chat has one other.
                schema["anyOf"] = json!([
                    {"properties": {"type": {"enum": ["group", "channel"]}}},
                    {"properties": {"users": {"minItems": 1, "maxItems": 1}}, "required": ["users"]},
                ]);
            }
            operation["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
        }
        let path = entry.path.strip_prefix(BASE).unwrap_or(entry.path);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[entry.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Morelia", "version": version},
        "servers": [{"url": BASE}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {"code": {"type": "integer"}, "status": {"type": "string"}, "detail": {"type": "string"}},
                }},
            }},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document() {
        let document = document("0.1.0", true);
        let paths = document["paths"].as_object().unwrap();
        let count: usize = paths.values().map(|it| it.as_object().unwrap().len()).sum();
        assert_eq!(count, TABLE.len());
        for entry in TABLE {
            let path = entry.path.strip_prefix(BASE).unwrap();
            let operation = &paths[path][entry.method.as_str().to_ascii_lowercase()];
            assert_eq!(operation["operationId"], format!("{:?}", entry.action));
            assert!(entry.about.ends_with('.'));
        }
        assert!(
            !super::document("0.1.0", false)
                .to_string()
                .contains("/admin/")
        );
    }
}
