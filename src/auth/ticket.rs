//! Tickets, with which a browser can fetch files by their address alone for some hours.
//!
//! A picture or a video in a page cannot send a token. Instead, the address contains a ticket. It names
//! its session and its expiry, and is signed with a key of the server and the hash of that session's
//! token. So it ends with the session, even if the row number is reused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::model::{SessionId, Timestamp};

/// The prefix of everything that is signed, so that the key can be used for other purposes too.
const PURPOSE: &[u8] = b"file";

/// Number of bytes of the signature that are kept.
const SIGNATURE: usize = 16;

/// The key that signs tickets.
pub struct TicketKey(hmac::Key);

impl TicketKey {
    /// Length of a key in bytes.
    pub const LENGTH: usize = 32;

    /// Creates the key with these secret bytes.
    #[must_use]
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// Creates the text of a ticket.
    #[must_use]
    pub fn sign(&self, session: SessionId, expires_at: Timestamp, token_hash: &[u8; 32]) -> String {
        let seconds = u32::try_from(expires_at.seconds()).unwrap_or(u32::MAX);
        let mut bytes = session.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&seconds.to_be_bytes());
        let signature = self.signature(&bytes, token_hash);
        bytes.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn signature(&self, claims: &[u8], token_hash: &[u8; 32]) -> [u8; SIGNATURE] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [PURPOSE, claims, token_hash] {
            context.update(part);
        }
        let mut signature = [0; SIGNATURE];
        for (to, from) in signature.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        signature
    }
}

/// The claims of a ticket, which are verified by [`is_true`](Self::is_true).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The session.
    pub session: SessionId,
    /// When the ticket expires.
    pub expires_at: Timestamp,
    claims: [u8; 12],
    signature: [u8; SIGNATURE],
}

impl Ticket {
    /// Parses a ticket; `None`: the text is not a ticket.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let claims: [u8; 12] = bytes.get(..12)?.try_into().ok()?;
        let signature = bytes.get(12..)?.try_into().ok()?;
        let session = i64::from_be_bytes(claims.get(..8)?.try_into().ok()?);
        let seconds = u32::from_be_bytes(claims.get(8..)?.try_into().ok()?);
        Some(Self {
            session: SessionId(session),
            expires_at: Timestamp::from_seconds(seconds.into()),
            claims,
            signature,
        })
    }

    /// Returns whether the server made this ticket for the session with a token. The time does not depend
    /// on the signature.
    #[must_use]
    pub fn is_true(&self, key: &TicketKey, token_hash: &[u8; 32]) -> bool {
        let right = key.signature(&self.claims, token_hash);
        let pairs = right.iter().zip(&self.signature);
        pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_ticket_is_of_one_session_until_its_end() {
        let key = TicketKey::new([7; 32]);
        let text = key.sign(SessionId(5), END, &[1; 32]);
        assert_eq!(text.len(), 38, "{text}");
        let ticket = Ticket::read(&text).unwrap();
        assert_eq!((ticket.session, ticket.expires_at), (SessionId(5), END));
        assert!(ticket.is_true(&key, &[1; 32]));
        // A reused row number; the key of another server.
        assert!(!ticket.is_true(&key, &[2; 32]));
        assert!(!ticket.is_true(&TicketKey::new([8; 32]), &[1; 32]));
    }

    #[test]
    fn a_ticket_that_was_changed_is_none() {
        let key = TicketKey::new([7; 32]);
        let text = key.sign(SessionId(5), END, &[1; 32]);
        for place in 0..text.len() - 1 {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let ticket = Ticket::read(&changed).unwrap();
            assert!(!ticket.is_true(&key, &[1; 32]), "{place}");
        }
        for text in ["", "x", "!", &text[..37], &format!("{text}AA")] {
            assert_eq!(Ticket::read(text), None, "{text}");
        }
    }
}
