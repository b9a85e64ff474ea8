//! WebSocket frames (RFC 6455): bytes to events, and frames to bytes.
//!
//! What belongs here: framing, masking, fragments, UTF-8, and the close code of a violation. What
//! does not: sockets and time (see `socket`), closing (see `ws`).
//!
//! This is our own implementation because the memory for a peer must follow the bytes that it sent. The codec
//! of tungstenite reserves a frame's whole length as soon as its header has arrived, keeps a buffer of that
//! size afterwards, and notices a control frame that is too long only when all of it has arrived.

use bytes::Bytes;

use crate::protocol::Frame;

/// The longest header of a frame: two bytes, eight of length, four of mask.
const HEADER_MAX: usize = 14;

/// The longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_MAX: u64 = 125;

/// The first allocation for a message that has not arrived completely.
const FIRST_BYTES: usize = 4096;

/// An event from a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A complete message.
    Message(Frame),
    /// A ping, which is answered with its payload.
    Ping(Vec<u8>),
    /// A pong: the peer is alive.
    Pong,
    /// A close, with its code if it has one.
    Close(Option<u16>),
}

/// The reason why a connection cannot continue, as a close code and a reason for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Violation {
    /// RFC 6455 close code: 1002, 1007 or 1009.
    pub(super) code: u16,
    /// What the peer did.
    pub(super) reason: &'static str,
}

const fn protocol(reason: &'static str) -> Violation {
    Violation { code: 1002, reason }
}

/// Decodes a peer's bytes into events, however they are split.
#[derive(Debug)]
pub(super) struct Decoder {
    max_bytes: usize,
    header: [u8; HEADER_MAX],
    header_len: u8,
    frame: Option<Header>,
    /// The kind of the message whose fragments are being collected.
    kind: Option<Kind>,
    message: Vec<u8>,
    /// How many bytes of the message are known to be UTF-8.
    checked: usize,
    control: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    opcode: u8,
    last: bool,
    mask: [u8; 4],
    /// Bytes of the payload that are still to come.
    remaining: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

impl Decoder {
    /// Returns a decoder of messages up to a size.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            header: [0; HEADER_MAX],
            header_len: 0,
            frame: None,
            kind: None,
            message: Vec::new(),
            checked: 0,
            control: Vec::new(),
        }
    }

    /// Takes bytes off the front of `input` until an event is complete or none are left.
    ///
    /// # Errors
    /// What the peer did wrong; after an error the decoder cannot be used any more.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        loop {
            let Some(frame) = self.frame else {
                let Some(header) = self.take_header(input)? else {
                    return Ok(None);
                };
                match header.opcode {
                    1 => self.kind = Some(Kind::Text),
                    2 => self.kind = Some(Kind::Binary),
                    _ => {}
                }
                self.frame = Some(header);
                continue;
            };
            let frame = self.take_payload(frame, input);
            if frame.opcode < 8 && self.kind == Some(Kind::Text) {
                self.check_text(frame.last && frame.remaining == 0)?;
            }
            if frame.remaining > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(event) = self.finish(frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// Returns whether a message or frame has begun to arrive and is not complete yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.header_len > 0 || self.frame.is_some() || self.kind.is_some()
    }

    /// Returns how large the arriving message may become, once more than `free` bytes of it are here: the
    /// length that its last frame announces, or the limit while there are fragments to come.
    pub(super) fn large(&self, free: usize) -> Option<usize> {
        if self.message.len() <= free {
            return None;
        }
        match self.frame {
            Some(frame) if frame.opcode < 8 && frame.last => {
                let rest = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
                Some(self.message.len().saturating_add(rest))
            }
            _ => Some(self.max_bytes),
        }
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        loop {
            let have = usize::from(self.header_len);
            let want = header_len(&self.header[..have]);
            let taken = (want - have).min(input.len());
            let (front, rest) = input.split_at(taken);
            self.header[have..have + taken].copy_from_slice(front);
            *input = rest;
            let have = have + taken;
            // At most HEADER_MAX, so it always fits.
            self.header_len = u8::try_from(have).unwrap_or(u8::MAX);
            if have < want {
                return Ok(None);
            }
            // The first two bytes say how long the header is; only then is it known to be complete.
            if header_len(&self.header[..have]) == have {
                self.header_len = 0;
                return self.check(have).map(Some);
            }
        }
    }

    /// Validates a complete header before any byte of its payload is stored.
    fn check(&self, len: usize) -> Result<Header, Violation> {
        let [first, second, ..] = self.header;
        let opcode = first & 0x0f;
        let last = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err(protocol("reserved bits are set"));
        }
        if second & 0x80 == 0 {
            return Err(protocol("a client's frames must be masked"));
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&self.header[len - 4..len]);
        let short = second & 0x7f;
        let remaining = match short {
            126 | 127 => self.header[2..len - 4]
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            _ => u64::from(short),
        };
        // Source: RFC 6455, 5.2: the length has to use the fewest bytes possible.
        if short == 126 && remaining < 126 || short == 127 && u16::try_from(remaining).is_ok() {
            return Err(protocol(
                "a frame's length is not written in the shortest way",
            ));
        }
        if remaining >> 63 != 0 {
            return Err(protocol("a frame's length has its highest bit set"));
        }
        match opcode {
            0 if self.kind.is_none() => return Err(protocol("nothing to continue")),
            1 | 2 if self.kind.is_some() => return Err(protocol("a message is not finished yet")),
            0..=2 => {
                let total = remaining.saturating_add(self.message.len() as u64);
                if total > self.max_bytes as u64 {
                    return Err(Violation {
                        code: 1009,
                        reason: "the message is too large",
                    });
                }
            }
            8..=10 if !last => return Err(protocol("a control frame is fragmented")),
            8..=10 if remaining > CONTROL_MAX => {
                return Err(protocol("a control frame is too long"));
            }
            8..=10 => {}
            _ => return Err(protocol("the opcode is unknown")),
        }
        Ok(Header {
            opcode,
            last,
            mask,
            remaining,
        })
    }

    /// Moves the part of a payload that has arrived, and returns the header with what is still to come.
    fn take_payload(&mut self, mut frame: Header, input: &mut &[u8]) -> Header {
        let taken = usize::try_from(frame.remaining).map_or(input.len(), |n| n.min(input.len()));
        let (front, rest) = input.split_at(taken);
        *input = rest;
        frame.remaining -= taken as u64;
        let target = if frame.opcode < 8 {
            &mut self.message
        } else {
            &mut self.control
        };
        reserve(target, taken, frame.remaining);
        let start = target.len();
        target.extend_from_slice(front);
        unmask(&mut target[start..], frame.mask);
        frame.mask.rotate_left(taken % 4);
        frame
    }

    /// Checks the part of a text that has arrived, so that a long one is refused at its first error.
    fn check_text(&mut self, complete: bool) -> Result<(), Violation> {
        match std::str::from_utf8(&self.message[self.checked..]) {
            Ok(_) => self.checked = self.message.len(),
            // A character may be split between two frames or reads.
            Err(err) if err.error_len().is_none() && !complete => self.checked += err.valid_up_to(),
            Err(_) => {
                return Err(Violation {
                    code: 1007,
                    reason: "the text is not UTF-8",
                });
            }
        }
        Ok(())
    }

    /// Converts a complete frame into its event.
    fn finish(&mut self, frame: Header) -> Result<Option<Event>, Violation> {
        match frame.opcode {
            8 => closing(&std::mem::take(&mut self.control)).map(Some),
            9 => Ok(Some(Event::Ping(std::mem::take(&mut self.control)))),
            10 => {
                self.control = Vec::new();
                Ok(Some(Event::Pong))
            }
            _ if !frame.last => Ok(None),
            _ => {
                self.checked = 0;
                let message = Bytes::from(std::mem::take(&mut self.message));
                Ok(Some(Event::Message(match self.kind.take() {
                    Some(Kind::Text) => Frame::Text(message),
                    _ => Frame::Binary(message),
                })))
            }
        }
    }
}

/// Returns how long a header is, as far as its first bytes say.
fn header_len(known: &[u8]) -> usize {
    let Some(second) = known.get(1) else { return 2 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    2 + length + mask
}

/// Reserves space for bytes that have arrived; the announced length is only an upper limit, never a size.
fn reserve(target: &mut Vec<u8>, arrived: usize, announced: u64) {
    let free = target.capacity() - target.len();
    if free >= arrived {
        return;
    }
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    let ahead = target.len().max(FIRST_BYTES).min(announced);
    target.reserve_exact(arrived + ahead);
}

/// Applies a mask, starting at its first byte.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

fn closing(payload: &[u8]) -> Result<Event, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close(None)),
        [_] => return Err(protocol("a close code has two bytes")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(protocol("the close code is not allowed"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Violation {
            code: 1007,
            reason: "the close reason is not UTF-8",
        });
    }
    Ok(Event::Close(Some(code)))
}

/// The longest header of a frame that a server sends.
pub(super) const HEAD_MAX_BYTES: usize = 10;

/// Appends the header of a frame that a server sends; its payload follows it.
fn head(opcode: u8, len: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    if let Ok(len) = u8::try_from(len)
        && len < 126
    {
        out.push(len);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(126);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

/// Appends the header of a data frame and returns its payload, which is sent after it.
pub(super) fn data(frame: Frame, out: &mut Vec<u8>) -> Bytes {
    let (opcode, payload) = match frame {
        Frame::Text(payload) => (1, payload),
        Frame::Binary(payload) => (2, payload),
    };
    head(opcode, payload.len(), out);
    payload
}

/// Appends a ping without a payload.
pub(super) fn ping(out: &mut Vec<u8>) {
    head(9, 0, out);
}

/// Appends the pong that answers a ping.
pub(super) fn pong(payload: &[u8], out: &mut Vec<u8>) {
    head(10, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends a close; without a code it has no payload.
pub(super) fn close(code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
    let Some(code) = code else {
        return head(8, 0, out);
    };
    // Longer reasons are cut, at a character boundary, to fit into a control frame.
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    head(8, end + 2, out);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}

/// Decodes bytes whole and in pieces of a size, for tests and fuzzing.
///
/// # Panics
/// The two results differ, or an event is invalid.
#[cfg(any(test, fuzzing))]
pub fn decode_any(bytes: &[u8], piece: usize) {
    const MAX_BYTES: usize = 300;
    let decode = |piece: usize| {
        let mut decoder = Decoder::new(MAX_BYTES);
        let mut events = Vec::new();
        for mut input in bytes.chunks(piece.max(1)) {
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(violation) => return (events, Some(violation)),
                }
            }
            assert!(input.is_empty(), "what has arrived is taken");
            assert!(decoder.message.capacity() <= MAX_BYTES + FIRST_BYTES);
            assert!(decoder.control.len() as u64 <= CONTROL_MAX);
        }
        (events, None)
    };
    let whole = decode(bytes.len());
    assert_eq!(decode(piece), whole, "in pieces of {piece}");
    for event in &whole.0 {
        match event {
            Event::Message(Frame::Text(text)) => assert!(std::str::from_utf8(text).is_ok()),
            Event::Message(Frame::Binary(message)) => assert!(message.len() <= MAX_BYTES),
            Event::Close(Some(code)) => assert!((1000..5000).contains(code)),
            Event::Ping(payload) => assert!(payload.len() as u64 <= CONTROL_MAX),
            Event::Close(None) | Event::Pong => {}
        }
    }
    if let Some(violation) = whole.1 {
        assert!(matches!(violation.code, 1002 | 1007 | 1009));
    }
}

#[cfg(test)]
mod tests;
