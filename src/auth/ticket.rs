//! Tickets: what lets a browser fetch files by an address alone, for some hours.
//!
//! A picture or a film in a page cannot show a token. A ticket stands in the address instead, says
//! which session it is of and until when it is good, and is signed with a key of the server and the
//! hash of that session's token: it ends with the session, also where a row number is given again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::model::{SessionId, Timestamp};

/// What is signed begins with this, so that the key can sign other things too.
const PURPOSE: &[u8] = b"file";

/// Bytes of the signature that are kept.
const SIGNATURE: usize = 16;

/// What tickets are signed with.
pub struct TicketKey(hmac::Key);

impl TicketKey {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// The key of these bytes, which are secret.
    #[must_use]
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// Makes the text of a ticket.
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

/// What a ticket says; whether it is true is asked by [`is_true`](Self::is_true).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Whose session.
    pub session: SessionId,
    /// When it ends.
    pub expires_at: Timestamp,
    claims: [u8; 12],
    signature: [u8; SIGNATURE],
}

impl Ticket {
    /// Reads a ticket; `None`: the text is none.
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

    /// Tells whether the server has made it, for the session of a token. Takes the same time whatever
    /// the signature is.
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
        // The row number given again; another server's key.
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
