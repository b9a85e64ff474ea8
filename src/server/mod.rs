//! The transport: accepts connections, speaks TLS, HTTP and WebSocket, and stops gracefully.
//!
//! What belongs here: sockets, limits on peers, frames and close codes, HTTP routes. What does not:
//! the meaning of a frame. A socket carries a [`Conversation`], and that is all that is known of
//! any protocol; over HTTP it is a [`Web`].
//!
//! The accept loop is our own because warp's has no TLS, no limits, no timeout for headers and no
//! backlog, and does not wait for WebSockets when it stops.
//!
//! [`Conversation`]: crate::protocol::Conversation
//! [`Web`]: crate::protocol::web::Web

mod accept;
mod answer;
mod asked;
mod bind;
mod body;
mod budget;
mod challenge;
mod connection;
mod filters;
mod frames;
mod gate;
mod host;
mod http;
mod limits;
mod origin;
mod protect;
mod proxy;
mod punycode;
mod recover;
mod routes;
mod settings;
mod socket;
mod stop;
mod strangers;
mod stream;
pub mod systemd;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod trust;
mod upgrade;
mod web;
mod ws;

pub use accept::{Statistics, Summary};
pub use bind::{BindError, Bound, bind};
pub use challenge::Challenges;
#[cfg(any(test, fuzzing))]
pub use frames::decode_any;
pub use http::{Boxed, Checks, Health, Protocol, Reloads, Served, Site, Source, Version};
pub use limits::Limits;
pub use routes::Face;
pub use settings::{ClientCertificates, Network, Origins, Proxy, Settings, Tls};
pub use tls::{Certificate, TlsError, check as check_tls, user_name};
pub use trust::{Authority, Trust};

/// The most memory of one connection besides its messages, in bytes: its task, its write batch, one
/// read ahead, and before that the buffers of HTTP.
const CONNECTION_BYTES: usize = 64 * 1024;

/// The additional memory of TLS: 64 KiB that are encrypted and not written yet, a record of 16 KiB
/// that is arriving and one that is decrypted.
const TLS_BYTES: usize = 96 * 1024;
