//! Wire protocols, each in its own folder, over one service layer.
//!
//! What belongs here: turning frames and requests into calls of [`crate::service`] and its answers and
//! events back. What does not: sockets (see [`crate::server`]) and rules about who may
//! do what (see [`crate::service`]).
//!
//! [`Conversation`] is all that the transport knows of a protocol on a socket, and [`web::Web`] of
//! one over HTTP.

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

/// One peer's conversation over one socket: frames in, frames out.
///
/// The transport calls [`answer`](Self::answer) for each frame that arrives, one at a time, and
/// between requests waits on [`pushed`](Self::pushed) for what the server has to say unasked.
pub trait Conversation: Send + 'static {
    /// Answers one frame. Frames are answered in the order in which they came.
    ///
    /// Not cancel safe: a frame that has begun to be answered is awaited to its end.
    fn answer(&mut self, frame: Frame) -> impl Future<Output = Answer> + Send;

    /// Waits for the next unasked frame; pending for ever when there will be none.
    ///
    /// Cancel safe: nothing is lost when the future is dropped before it is ready.
    fn pushed(&mut self) -> impl Future<Output = Pushed> + Send;

    /// Tells whether the peer has proved who it is. Strangers share a smaller memory budget.
    fn is_signed_in(&self) -> bool;
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address, as far as trusted proxies tell.
    pub address: IpAddr,
    /// Whether the connection is encrypted here.
    pub tls: bool,
    /// What its program calls itself in `User-Agent`, the beginning of it.
    pub user_agent: Option<String>,
}

/// A data frame as it came from, or goes to, the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text; UTF-8 is guaranteed by whoever makes the frame.
    Text(Bytes),
    /// Binary data.
    Binary(Bytes),
}

/// What the transport is to do with an answered frame.
#[derive(Debug)]
pub struct Answer {
    /// The frame to send back.
    pub frame: Option<Frame>,
    /// Set when the connection is to be closed after that frame.
    pub close: Option<Close>,
}

/// Something that the server says unasked.
#[derive(Debug)]
pub enum Pushed {
    /// A frame to send; its bytes are shared by all its receivers.
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
