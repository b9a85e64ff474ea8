//! Search in messages.

use std::time::Duration;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{FlowId, Form, Message, MessageId, Position, PublicId, Query, Timestamp};
use crate::store::messages::Load;
use crate::store::search::{self, Filter, Hits, Scope, State, Wanted};
use crate::store::{StoreError, View, about, flows, users};

/// Maximum duration of one search, so that a reader is occupied for no longer than a second in total.
const BUDGET: Duration = Duration::from_millis(500);

/// Maximum duration of a search by the operator.
const OPERATOR_BUDGET: Duration = Duration::from_secs(30);

/// Maximum number of concurrent searches: half of the readers, so that the others are free for everything
/// else.
pub(super) const AT_A_TIME: usize = 2;

/// A search request.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The search text; see [`Query`].
    pub text: String,
    /// Only in this flow.
    pub flow: Option<PublicId>,
    /// Only from this user.
    pub from: Option<PublicId>,
    /// Only with one of these kinds of attachments (one bit for each); 0: no restriction.
    pub kinds: i64,
    /// Only sent at this time or later.
    pub since: Option<Timestamp>,
    /// Only sent before this time.
    pub until: Option<Timestamp>,
    /// Only at earlier positions: where the previous answer ended.
    pub before: Option<Position>,
    /// The form of the frames for which the messages are read.
    pub form: Form,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct SearchHits {
    /// Messages, newest first.
    pub messages: Vec<Message>,
    /// Where to continue, if there is more.
    pub before: Option<Position>,
    /// Whether the time limit was reached before everything was searched.
    pub is_out_of_time: bool,
}

impl Service {
    /// Returns the messages that the caller may read and that match a search, newest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of, or an unknown user in `from`;
    /// [`Refusal::SearchUnready`].
    pub async fn find_messages(
        &self,
        user: &SignedIn,
        wanted: Search,
    ) -> Result<SearchHits, ServiceError> {
        self.store.index_all().await?;
        // The semaphore is never closed, so a permit becomes available eventually.
        let _turn = self.searches.acquire().await;
        let id = user.user();
        let limits = self.limits();
        self.search(move |view| {
            let scope = match wanted.flow {
                Some(flow) => Scope::Flow(
                    flows::access(view, flow, id)?
                        .ok_or(Refusal::NotFound(Thing::Flow))?
                        .id,
                ),
                None => Scope::Of(id),
            };
            let hits = find(view, scope, &wanted, limits.messages, BUDGET)?;
            let load = Load::of(wanted.form, limits.files_bytes);
            let (mut messages, before) = search::read(view, &hits, load, limits.answer_bytes)?;
            if wanted.form.is_rich() {
                about::personal(view, &mut messages, id)?;
            }
            Ok(SearchHits {
                messages,
                before,
                is_out_of_time: hits.is_out_of_time,
            })
        })
        .await
    }

    /// Searches all flows, or one, for the operator; returns the messages, newest first.
    ///
    /// # Errors
    /// [`Refusal::SearchUnready`]; fails if the database cannot be read.
    pub(super) async fn find_anywhere(
        &self,
        wanted: Search,
        flow: Option<FlowId>,
        limit: usize,
    ) -> Result<Vec<MessageId>, ServiceError> {
        self.store.index_all().await?;
        self.search(move |view| {
            let scope = flow.map_or(Scope::Everywhere, Scope::Flow);
            let hits = find(view, scope, &wanted, limit, OPERATOR_BUDGET)?;
            Ok(hits.found)
        })
        .await
    }

    /// Returns the state of the full-text index.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn search_state(&self) -> Result<State, ServiceError> {
        self.store.read(|view| Ok(search::state(view)?)).await
    }

    /// Reads with the index; if it turns out to be damaged, it is rebuilt.
    async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&View<'_>) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        match self.store.read(work).await {
            Err(ServiceError::Store(StoreError::SearchDamaged(what))) => {
                self.rebuild_search(what).await?;
                Err(Refusal::SearchUnready { percent: 0 }.into())
            }
            result => result,
        }
    }

    /// Triggers a rebuild of the full-text index, for a reason that is logged.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn rebuild_search(&self, why: String) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                if search::give_up(tx)? {
                    log::error!("the search index is damaged and will be rebuilt: {why}");
                }
                Ok(())
            })
            .await
    }
}

/// Queries the index.
fn find(
    view: &View<'_>,
    scope: Scope,
    wanted: &Search,
    limit: usize,
    budget: Duration,
) -> Result<Hits, ServiceError> {
    let from = match wanted.from {
        Some(uuid) => {
            let user = users::by_uuid(view, uuid)?;
            Some(user.ok_or(Refusal::NotFound(Thing::User))?.id)
        }
        None => None,
    };
    let filter = Filter {
        from,
        kinds: wanted.kinds,
        since: wanted.since,
        until: wanted.until,
        before: wanted.before,
    };
    let wanted = Wanted {
        scope,
        query: &Query::new(&wanted.text),
        filter: &filter,
        limit,
        budget,
    };
    Ok(search::find(view, &wanted)?)
}
