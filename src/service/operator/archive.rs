//! Reading whole flows and accounts, for the operator's export.

use std::collections::HashMap;

use super::messages::login_of;
use crate::model::{Message, MessageId};
use crate::service::{Service, ServiceError};
use crate::store::exports::{self, MessagesOf};

/// Messages that are in memory at a time, and how many bytes of them, roughly.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

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
}
