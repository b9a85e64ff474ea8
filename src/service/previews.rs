//! Previews of links: how a page describes itself, for a user who wants to link to it.
//!
//! The server requests the page, so that the clients of readers need not; only the author of a link
//! triggers this, and the result is sent with the message. A shared cache would reveal what others look
//! at, so each user has a separate one.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Preview, PublicId, UserId};

/// Maximum number of pages that are requested at the same time.
const AT_A_TIME: usize = 2;

/// Number of pages that a user may have requested per hour.
const AN_HOUR: u32 = 60;

/// How long a result is cached, and how long it is cached that there is none.
const FOUND: Duration = Duration::from_hours(24);
const NOTHING: Duration = Duration::from_mins(10);

/// Maximum number of cached results of all users together: a few megabytes.
const KEPT: usize = 2000;

/// The result of a request for a page, as a future.
pub type Asking = Pin<Box<dyn Future<Output = Option<Preview>> + Send>>;

/// Requests a page by its address and returns how it describes itself.
pub type Ask = Box<dyn Fn(String) -> Asking + Send + Sync>;

/// The cached previews, by user and address.
pub(super) struct Previews {
    ask: OnceLock<Ask>,
    turns: Semaphore,
    kept: Mutex<HashMap<(UserId, String), Kept>>,
}

struct Kept {
    id: PublicId,
    found: Option<Preview>,
    until: Instant,
}

impl Default for Previews {
    fn default() -> Self {
        Self {
            ask: OnceLock::new(),
            turns: Semaphore::new(AT_A_TIME),
            kept: Mutex::default(),
        }
    }
}

impl Previews {
    /// Returns whether this server requests pages.
    pub(super) fn is_on(&self) -> bool {
        self.ask.get().is_some()
    }

    /// Returns the preview that a user received under an id.
    pub(super) fn given(&self, user: UserId, id: PublicId) -> Option<Preview> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept
            .iter()
            .find(|((owner, _), kept)| *owner == user && kept.id == id);
        found.and_then(|(_, kept)| kept.found.clone())
    }

    /// Returns the cached result for an address; the inner value is `None` if there was no preview.
    fn known(&self, user: UserId, url: &str) -> Option<Option<(PublicId, Preview)>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(&(user, url.to_owned()))?;
        let found = kept.found.clone().map(|found| (kept.id, found));
        (kept.until > Instant::now()).then_some(found)
    }

    fn keep(&self, user: UserId, url: String, found: Option<Preview>) -> PublicId {
        let now = Instant::now();
        let id = PublicId::random();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, it| it.until > now);
        }
        if kept.len() >= KEPT {
            let first = kept.iter().min_by_key(|(_, it)| it.until);
            if let Some(key) = first.map(|(key, _)| key.clone()) {
                kept.remove(&key);
            }
        }
        let time = if found.is_some() { FOUND } else { NOTHING };
        let until = now + time;
        kept.insert((user, url), Kept { id, found, until });
        id
    }
}

impl Service {
    /// Attaches the function that requests pages, if the server does so; may be called once.
    pub fn ask_pages(&self, ask: Ask) {
        if self.previews.ask.set(ask).is_err() {
            log::error!("the service was told twice how pages are asked");
        }
    }

    /// Returns how a page describes itself, and the id with which the caller's next messages can show it.
    ///
    /// # Errors
    /// [`Refusal::PreviewsOff`], [`Refusal::NotForBots`], [`Refusal::NotFound`] if there is no preview,
    /// [`Refusal::TooSoon`] after too many requests.
    pub async fn preview(
        &self,
        user: &SignedIn,
        url: String,
    ) -> Result<(PublicId, Preview), ServiceError> {
        user.require_person()?;
        let ask = self.previews.ask.get().ok_or(Refusal::PreviewsOff)?;
        let missing = || ServiceError::from(Refusal::NotFound(Thing::Preview));
        if let Some(known) = self.previews.known(user.user(), &url) {
            return known.ok_or_else(missing);
        }
        self.counts.preview(user.user(), AN_HOUR)?;
        let turn = self.previews.turns.acquire().await;
        let found = ask(url.clone()).await;
        drop(turn);
        let id = self.previews.keep(user.user(), url, found.clone());
        found.map(|found| (id, found)).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: usize) -> Preview {
        Preview {
            url: format!("https://a.example/{n}"),
            title: n.to_string(),
            text: None,
            site: None,
        }
    }

    #[test]
    fn what_was_found_is_its_askers_alone() {
        let previews = Previews::default();
        let id = previews.keep(UserId(1), "u".to_owned(), Some(page(1)));
        assert_eq!(previews.given(UserId(1), id), Some(page(1)));
        assert_eq!(previews.given(UserId(2), id), None);
        assert!(previews.known(UserId(2), "u").is_none());
        assert_eq!(previews.known(UserId(1), "u"), Some(Some((id, page(1)))));
        previews.keep(UserId(1), "v".to_owned(), None);
        assert_eq!(
            previews.known(UserId(1), "v"),
            Some(None),
            "nor asked again at once"
        );
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let previews = Previews::default();
        for n in 0..KEPT + 50 {
            previews.keep(UserId(1), n.to_string(), Some(page(n)));
        }
        assert_eq!(previews.kept.lock().unwrap().len(), KEPT);
        let newest = (KEPT + 49).to_string();
        assert!(previews.known(UserId(1), &newest).is_some());
    }
}
