//! Faces of the service over plain HTTP, each a table of addresses.
//!
//! What belongs here: addresses, headers and status codes of HTTP. What does not: permissions (see
//! [`crate::service`]), and the conversation over a socket, which is another protocol.

pub mod api;
pub mod files;
mod metadata;
pub mod uploads;

use super::web::Response;

/// Returns an answer that says in a sentence what is wrong.
fn problem(status: u16, detail: &str) -> Response {
    let error = serde_json::json!({"error": {"code": status, "detail": detail}});
    Response::json(status, &error)
}
