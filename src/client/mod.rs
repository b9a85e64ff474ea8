//! The built-in MTP client, for the `client` commands and for other programs that use this crate.
//!
//! What belongs here: addresses, connections, requests and their answers, watching with reconnect, and the
//! sign-ins stored between two commands. What does not: printing and exit codes (see `admin::client`) and
//! anything of the server; the two share no code, so that they test each other.

mod address;
mod connection;
mod error;
mod http;
mod request;
mod sign_in;
mod tls;
mod watch;

pub use address::Address;
pub use connection::Connection;
pub use error::{ClientError, Refusal};
pub use http::{HttpAnswer, get};
pub use request::{Reply, Request};
pub use sign_in::SignIn;
pub use tls::Trust;
pub use watch::{Happening, Watch};
