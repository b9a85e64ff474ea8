//! Reading whole flows and accounts, for the operator's export.

use std::collections::HashMap;

use super::messages::login_of;
use crate::model::{FlowEvent, FlowId, Message, MessageId, Position, PublicId, UserId};
use crate::service::{Service, ServiceError};
use crate::store::events;
use crate::store::exports::{self, MessagesOf};
use crate::store::files::Opened;
use crate::store::own::{self, Own};

/// Messages that are in memory at a time, and how many bytes of them, roughly.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Events that are in memory at a time.
const EVENTS_AT_ONCE: i64 = 500;

impl Service {
    /// The next messages after one, with their files, each with the login of its author; none when
    /// there are no more. For the operator.
    ///
    /// # Errors
    /// The file cannot be read.
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

    /// What a user did and chose that is no message, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn own_of(&self, user: UserId) -> Result<Own, ServiceError> {
        self.store.read(move |view| Ok(own::of(view, user)?)).await
    }

    /// Opens the content of a file that a message shows, for the operator; `None`: it is not there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn open_archived(&self, file: PublicId) -> Result<Option<Opened>, ServiceError> {
        self.store
            .read(move |view| Ok(exports::open(view, file)?))
            .await
    }

    /// The next events of a flow after a position; none when there are no more. For the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn archived_events(
        &self,
        flow: FlowId,
        after: Position,
    ) -> Result<Vec<FlowEvent>, ServiceError> {
        self.store
            .read(move |view| Ok(events::following(view, flow, after, EVENTS_AT_ONCE)?))
            .await
    }

    /// The newest events of a flow, oldest first, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn newest_events(
        &self,
        flow: FlowId,
        limit: i64,
    ) -> Result<Vec<FlowEvent>, ServiceError> {
        self.store
            .read(move |view| Ok(events::newest(view, flow, limit)?))
            .await
    }

    /// The logins of users, for the operator; those of unknown users are left out.
    ///
    /// # Errors
    /// The file cannot be read.
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
