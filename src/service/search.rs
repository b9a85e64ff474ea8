//! Searching messages.

use std::time::Duration;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::PublicId;
use crate::store::flows;
use crate::store::search::{self, Hits};

/// Messages that one write puts into the index before a search.
const CHUNK: i64 = 500;

/// How long one search may look. A reader is not kept longer than a second, all in all.
const BUDGET: Duration = Duration::from_millis(500);

/// Searches at a time: half of the readers, so that the others are there for everything else.
pub(super) const AT_A_TIME: usize = 2;

impl Service {
    /// Messages that the caller may read and that contain all words of a text, newest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not in.
    pub async fn find_messages(
        &self,
        user: &SignedIn,
        text: String,
        flow: Option<PublicId>,
    ) -> Result<Hits, ServiceError> {
        self.index_all().await?;
        // Nobody closes it, so there is always a permit in the end.
        let _turn = self.searches.acquire().await;
        let id = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let flow = match flow {
                    Some(flow) => Some(
                        flows::access(view, flow, id)?
                            .ok_or(Refusal::NotFound(Thing::Flow))?
                            .id,
                    ),
                    None => None,
                };
                let wanted = search::Wanted {
                    user: id,
                    flow,
                    text: &text,
                    limit: limits.messages,
                    budget_bytes: limits.answer_bytes,
                    budget: BUDGET,
                };
                Ok(search::find(view, &wanted)?)
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
