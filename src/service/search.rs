//! Searching messages.

use super::{Service, ServiceError, SignedIn};
use crate::model::{Message, PublicId};
use crate::store::{flows, search};

/// Messages that one write puts into the index before a search.
const CHUNK: i64 = 500;

impl Service {
    /// Messages that the caller may read and that contain all words of a text, newest first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a flow that the caller is not in.
    pub async fn find_messages(
        &self,
        user: &SignedIn,
        text: String,
        flow: Option<PublicId>,
    ) -> Result<Vec<Message>, ServiceError> {
        self.index_all().await?;
        let id = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let flow = match flow {
                    Some(flow) => Some(
                        flows::access(view, flow, id)?
                            .ok_or(ServiceError::NotFound("flow"))?
                            .id,
                    ),
                    None => None,
                };
                Ok(search::find(
                    view,
                    id,
                    flow,
                    &text,
                    limits.messages,
                    limits.answer_bytes,
                )?)
            })
            .await
    }

    /// Brings the full-text index up to the last message.
    pub(super) async fn index_all(&self) -> Result<(), ServiceError> {
        while self
            .store
            .read(|view| Ok::<_, ServiceError>(search::is_pending(view)?))
            .await?
        {
            self.store
                .write(|tx| Ok::<_, ServiceError>(search::index_pending(tx, CHUNK)?))
                .await?;
        }
        Ok(())
    }
}
