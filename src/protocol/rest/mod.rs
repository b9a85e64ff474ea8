//! Faces of the service over plain HTTP, each a table of addresses.
//!
//! What belongs here: addresses, headers and status codes of HTTP. What does not: who may do what
//! (see [`crate::service`]), and the conversation over a socket, which is another protocol.

mod disposition;
pub mod files;
