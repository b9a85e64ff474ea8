//! What can go wrong between a client and a server, each told apart by who has to act.

use std::{io, path::PathBuf};

/// Why a client could not do what it was asked to.
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
        /// What the network said.
        cause: String,
    },
    /// The connection was there and is not any more.
    #[error("{address} closed the connection: {reason}")]
    Closed {
        /// The server's URL.
        address: String,
        /// The WebSocket close code, where the server sent one.
        code: Option<u16>,
        /// The close code and reason, or what the network said.
        reason: String,
    },
    /// The server was reached and has not answered in time.
    #[error("{address} has not answered within {waited_s} seconds")]
    TimedOut {
        /// The server's URL.
        address: String,
        /// How long the client waited.
        waited_s: u64,
    },
    /// Something else than an MTP server answers there.
    #[error("{address} does not speak MTP: {cause}")]
    NotMtp {
        /// The server's URL.
        address: String,
        /// What was seen instead.
        cause: String,
    },
    /// The server understood, and said no.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// There is no kept sign-in for this server.
    #[error("not signed in to {address}: run `morelia client login` first")]
    NotSignedIn {
        /// The server's URL.
        address: String,
    },
    /// A kept sign-in could not be read or written.
    #[error("cannot use the kept sign-in {}: {cause}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is no folder to keep sign-ins in.
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
    /// The server's sentence for a person.
    pub detail: String,
    /// The server's word for programs, for clients that accept it.
    pub key: Option<String>,
}
