//! Reads whole flows and accounts, for the operator's export.

use std::collections::HashMap;

use super::messages::login_of;
use crate::model::{FlowEvent, FlowId, Message, MessageId, Position, PublicId, UserId};
use crate::service::{Service, ServiceError};
use crate::store::events;
use crate::store::exports::{self, MessagesOf};
use crate::store::files::Opened;
use crate::store::own::{self, Own};
use crate::store::pins::{self, Pin};

/// Maximum number of messages in memory, and their approximate size in bytes.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Maximum number of events in memory.
const EVENTS_AT_ONCE: i64 = 500;

impl Service {
    /// Returns the next messages after one, with their files and the login of the author; empty if there
    /// are no more. For the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn archive(
        &self,
        of: MessagesOf,
        after: MessageId,
    ) -> Result<Vec<(Message, String)>, ServiceError> {
        self.store
            .read(move |view| {
                let mut logins = HashMap::new();
                let mut page = Vec::new();
                for message in exports::messages(view, of, after, AT_ONCE, BYTES_AT_ONCE)? {
                    let login = login_of(view, &mut logins, message.author)?;
                    page.push((message, login));
                }
                Ok(page)
            })
            .await
    }

    /// Returns the data of a user other than messages, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn own_of(&self, user: UserId) -> Result<Own, ServiceError> {
        self.store.read(move |view| Ok(own::of(view, user)?)).await
    }

    /// Returns the pinned messages of a flow, last pinned first, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn archived_pins(&self, flow: FlowId) -> Result<Vec<Pin>, ServiceError> {
        self.store
            .read(move |view| Ok(pins::of_flow(view, flow)?))
            .await
    }

    /// Opens the content of a message's file, of a thumbnail or of a flow's picture, for the operator; `None`: it does
    /// not exist.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn open_archived(&self, file: PublicId) -> Result<Option<Opened>, ServiceError> {
        self.store
            .read(move |view| Ok(exports::open(view, file)?))
            .await
    }

    /// Returns the next events of a flow after a position; empty if there are no more. For the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn archived_events(
        &self,
        flow: FlowId,
        after: Position,
    ) -> Result<Vec<FlowEvent>, ServiceError> {
        self.store
            .read(move |view| Ok(events::following(view, flow, after, EVENTS_AT_ONCE)?))
            .await
    }

    /// Returns the newest events of a flow, oldest first, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn newest_events(
        &self,
        flow: FlowId,
        limit: i64,
    ) -> Result<Vec<FlowEvent>, ServiceError> {
        self.store
            .read(move |view| Ok(events::newest(view, flow, limit)?))
            .await
    }

    /// Returns the logins of users, for the operator, without unknown users.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn logins(
        &self,
        users: Vec<PublicId>,
    ) -> Result<HashMap<PublicId, String>, ServiceError> {
        self.store
            .read(move |view| {
                let mut logins = HashMap::new();
                for user in users {
                    login_of(view, &mut logins, user)?;
                }
                logins.retain(|_, login| !login.is_empty());
                Ok(logins)
            })
            .await
    }
}
