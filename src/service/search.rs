//! Searching messages.

use std::time::Duration;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{FlowId, Form, Message, MessageId, Position, PublicId, Query, Timestamp};
use crate::store::messages::Load;
use crate::store::search::{self, Filter, Hits, Scope, State, Wanted};
use crate::store::{StoreError, View, about, flows, users};

/// How long one search may look. A reader is not kept longer than a second, all in all.
const BUDGET: Duration = Duration::from_millis(500);

/// How long one of the operator's may.
const OPERATOR_BUDGET: Duration = Duration::from_secs(30);

/// Searches at a time: half of the readers, so that the others are there for everything else.
pub(super) const AT_A_TIME: usize = 2;

/// What somebody looks for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The words; see [`Query`].
    pub text: String,
    /// Only in this flow.
    pub flow: Option<PublicId>,
    /// Only from this user.
    pub from: Option<PublicId>,
    /// Only with one of these attachments, a bit each; 0: with any or none.
    pub kinds: i64,
    /// Only sent then or later.
    pub since: Option<Timestamp>,
    /// Only sent before.
    pub until: Option<Timestamp>,
    /// Only at earlier positions: where the answer before ended.
    pub before: Option<Position>,
    /// For frames of which form the messages are read.
    pub form: Form,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct SearchHits {
    /// Messages, newest first.
    pub messages: Vec<Message>,
    /// Where to go on, if there is more.
    pub before: Option<Position>,
    /// Whether the time was over before everything was looked at.
    pub is_out_of_time: bool,
}

impl Service {
    /// Messages that the caller may read and that have everything that is looked for, newest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not in, or nobody's name in `from`;
    /// [`Refusal::SearchUnready`].
    pub async fn find_messages(
        &self,
        user: &SignedIn,
        wanted: Search,
    ) -> Result<SearchHits, ServiceError> {
        self.store.index_all().await?;
        // Nobody closes it, so there is always a permit in the end.
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
            let (mut messages, before) =
                search::read(view, &hits, Load::of(wanted.form), limits.answer_bytes)?;
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

    /// The same over all flows, or one, for the operator: which messages, newest first.
    ///
    /// # Errors
    /// [`Refusal::SearchUnready`]; or the file cannot be read.
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

    /// How far the full-text index is.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn search_state(&self) -> Result<State, ServiceError> {
        self.store.read(|view| Ok(search::state(view)?)).await
    }

    /// Reads with the help of the index; one that turns out to be damaged is given up.
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

    /// Has the full-text index made anew, for a reason that the log is told.
    ///
    /// # Errors
    /// The file cannot be written.
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

/// Asks the index.
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
