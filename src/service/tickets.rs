//! Tickets, with which files can be fetched by their address alone.

use std::time::Duration;

use super::{Reader, Refusal, Service, ServiceError, SignedIn};
use crate::auth::{Ticket, TicketKey};
use crate::model::Timestamp;
use crate::store::{properties, sessions};

/// The lifetime of a ticket: long enough for a video with a break, and no longer than a leaked address
/// should be valid.
const LIFE: Duration = Duration::from_hours(6);

/// A ticket that has just been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// The text for addresses.
    pub text: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Service {
    /// Creates a ticket for the caller's session.
    ///
    /// # Errors
    /// Fails if the key cannot be read or created.
    pub async fn file_ticket(&self, user: &SignedIn) -> Result<NewTicket, ServiceError> {
        let key = self.ticket_key().await?;
        let user = *user;
        let hash = self
            .store
            .read(move |view| {
                let hash = sessions::token_hash(view, user.session.id)?;
                Ok::<_, ServiceError>(hash.ok_or(Refusal::NoSession)?)
            })
            .await?;
        // In whole seconds, as in the ticket.
        let expires_at = Timestamp::from_seconds(self.store.now().after(LIFE).seconds());
        let text = TicketKey::new(key).sign(user.session.id, expires_at, &hash);
        self.tickets.remember(&text);
        Ok(NewTicket { text, expires_at })
    }

    /// Returns the reader that a ticket stands for; `None`: the ticket is not valid.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) async fn redeem_ticket(&self, text: &str) -> Result<Option<Reader>, ServiceError> {
        let now = self.store.now();
        let Some(ticket) = Ticket::read(text).filter(|ticket| ticket.expires_at > now) else {
            return Ok(None);
        };
        self.store
            .read(move |view| {
                let Some(key) = properties::bytes(view, properties::TICKET_KEY)? else {
                    return Ok(None);
                };
                let Some((user, hash)) = sessions::living(view, ticket.session, now)? else {
                    return Ok(None);
                };
                let session = ticket.session;
                let is_true = ticket.is_true(&TicketKey::new(key), &hash);
                Ok(is_true.then_some(Reader {
                    user,
                    session,
                    is_matrix: false,
                }))
            })
            .await
    }

    /// Returns the key that signs tickets; it is created when it is first needed.
    async fn ticket_key(&self) -> Result<[u8; TicketKey::LENGTH], ServiceError> {
        let found: Option<[u8; TicketKey::LENGTH]> = self
            .store
            .read(|view| Ok::<_, ServiceError>(properties::bytes(view, properties::TICKET_KEY)?))
            .await?;
        if let Some(key) = found {
            return Ok(key);
        }
        self.store
            .write(|tx| {
                // Another request may have been faster.
                if let Some(key) = properties::bytes(tx, properties::TICKET_KEY)? {
                    return Ok(key);
                }
                let key: [u8; TicketKey::LENGTH] = rand::random();
                properties::set_bytes(tx, properties::TICKET_KEY, &key)?;
                Ok(key)
            })
            .await
    }
}
