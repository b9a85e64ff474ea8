//! Wire protocols, each in its own folder, over one service layer.
//!
//! What belongs here: turning frames and requests into calls of [`crate::service`] and its answers and events
//! back. What does not: sockets (see [`crate::server`]) and permissions (see [`crate::service`]).
//!
//! [`Conversation`] is all that the transport knows of a protocol on a socket, and [`web::Web`] of one
//! over HTTP.

pub mod alert;
mod disposition;
pub mod hooks;
pub mod matrix;
pub mod mtp;
pub mod notice;
mod receiving;
pub mod rest;
pub mod web;
mod wording;

use std::future::Future;
use std::net::IpAddr;

use bytes::Bytes;

/// The conversation with one peer over one socket: frames in, frames out.
///
/// The transport calls [`answer`](Self::answer) for each frame that arrives, one at a time, and
/// between requests waits on [`pushed`](Self::pushed) for unsolicited frames.
pub trait Conversation: Send + 'static {
    /// Answers one frame. Frames are answered in the order in which they came.
    ///
    /// Not cancel safe: once started, the future is awaited to its end.
    fn answer(&mut self, frame: Frame) -> impl Future<Output = Answer> + Send;

    /// Waits for the next unsolicited frame; pending forever if there is none.
    ///
    /// Cancel safe: nothing is lost when the future is dropped before it is ready.
    fn pushed(&mut self) -> impl Future<Output = Pushed> + Send;

    /// Returns whether the peer has signed in. Peers that have not share a smaller memory budget.
    fn is_signed_in(&self) -> bool;
}

/// The peer of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address, as reported by trusted proxies.
    pub address: IpAddr,
    /// Whether the connection is encrypted at this server.
    pub tls: bool,
    /// The beginning of its `User-Agent`.
    pub user_agent: Option<String>,
}

/// A data frame from or to the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text; the maker of the frame guarantees UTF-8.
    Text(Bytes),
    /// Binary data.
    Binary(Bytes),
}

/// The result of answering a frame, for the transport.
#[derive(Debug)]
pub struct Answer {
    /// The frame to send back.
    pub frame: Option<Frame>,
    /// Set if the connection is to be closed after that frame.
    pub close: Option<Close>,
}

/// Something that the server sends unsolicited.
#[derive(Debug)]
pub enum Pushed {
    /// A frame to send; all its receivers share the bytes.
    Frame(Frame),
    /// The end of the conversation.
    Close(Close),
}

/// A WebSocket close code with a reason for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// RFC 6455 close code.
    pub code: u16,
    /// At most 123 bytes of UTF-8.
    pub reason: &'static str,
}
