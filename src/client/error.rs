//! Errors between a client and a server, distinguished by who has to act.

use std::{io, path::PathBuf};

/// The reason why a client could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The text names no server.
    #[error(
        "{0:?} is not the address of a server: write HOST:PORT, ws://HOST:PORT or wss://HOST:PORT"
    )]
    BadAddress(String),
    /// Nothing answers there, or the connection could not be secured.
    #[error("cannot reach {address}: {cause}")]
    Unreachable {
        /// The server's URL.
        address: String,
        /// The error of the network.
        cause: String,
    },
    /// The connection was open and has been closed.
    #[error("{address} closed the connection: {reason}")]
    Closed {
        /// The server's URL.
        address: String,
        /// The WebSocket close code, if the server sent one.
        code: Option<u16>,
        /// The close code and reason, or the error of the network.
        reason: String,
    },
    /// The server was reached but has not answered in time.
    #[error("{address} has not answered within {waited_s} seconds")]
    TimedOut {
        /// The server's URL.
        address: String,
        /// How long the client waited.
        waited_s: u64,
    },
    /// Something other than an MTP server answers there.
    #[error("{address} does not speak MTP: {cause}")]
    NotMtp {
        /// The server's URL.
        address: String,
        /// What was seen instead.
        cause: String,
    },
    /// The server understood the request and refused it.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// There is no stored sign-in for this server.
    #[error("not signed in to {address}: run `morelia client login` first")]
    NotSignedIn {
        /// The server's URL.
        address: String,
    },
    /// A stored sign-in could not be read or written.
    #[error("cannot use the kept sign-in {}: {cause}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// There is no folder to store sign-ins in.
    #[error("no folder to keep sign-ins in: set HOME or XDG_STATE_HOME")]
    NoStateFolder,
    /// A certificate file could not be used.
    #[error("cannot use the certificates in {}: {cause}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// An answer with an error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {status}: {detail}{}", key.as_ref().map_or(String::new(), |key| format!(" ({key})")))]
pub struct Refusal {
    /// MTP error code, 400 or above.
    pub code: u16,
    /// MTP status, the code's name.
    pub status: String,
    /// The server's sentence for people.
    pub detail: String,
    /// The server's key for programs, for clients that accept it.
    pub key: Option<String>,
}
