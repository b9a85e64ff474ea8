//! Previews of links: how a page describes itself, for a user who wants to link to it.
//!
//! The server requests the page and its picture, so that the clients of readers need not; only the author of a
//! link triggers this, and the result is sent with the message. The picture goes to the author's client, which
//! makes it smaller and uploads it: the server decodes no picture. A shared cache would reveal what others look
//! at, so each user has a separate one.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Preview, PublicId, UserId};

/// Maximum number of pages that are requested at the same time.
pub const AT_A_TIME: usize = 2;

/// Number of pages that a user may have requested per hour.
const AN_HOUR: u32 = 60;

/// How long a result is cached, and how long it is cached that there is none.
const FOUND: Duration = Duration::from_hours(24);
const NOTHING: Duration = Duration::from_mins(10);

/// Maximum number of cached results of all users together.
const KEPT: usize = 2000;

/// The most that one of them takes without its picture, in bytes: its address twice, a title and a text.
const KEPT_EACH: usize = 8 * 1024;

/// Maximum size of all cached pictures together, in bytes. A picture is wanted once, right after it was
/// fetched, and again only if its link is written again.
const KEPT_PICTURES: usize = 8 * 1024 * 1024;

/// The most memory that cached results take, in bytes.
pub const KEPT_BYTES: usize = KEPT * KEPT_EACH + KEPT_PICTURES;

/// What a page says about itself, and its picture as it came, for the sender's client alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What it says.
    pub preview: Preview,
    /// JPEG, PNG, WebP or GIF.
    pub picture: Option<Bytes>,
}

/// The result of a request for a page, as a future.
pub type Asking = Pin<Box<dyn Future<Output = Option<Fetched>> + Send>>;

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
    found: Option<Fetched>,
    until: Instant,
}

impl Kept {
    /// Returns the size of its picture in bytes.
    fn picture_bytes(&self) -> usize {
        let picture = self.found.as_ref().and_then(|it| it.picture.as_ref());
        picture.map_or(0, Bytes::len)
    }
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
        found.and_then(|(_, kept)| kept.found.as_ref().map(|it| it.preview.clone()))
    }

    /// Returns the cached result for an address; the inner value is `None` if there was no preview.
    fn known(&self, user: UserId, url: &str) -> Option<Option<(PublicId, Fetched)>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(&(user, url.to_owned()))?;
        let found = kept.found.clone().map(|found| (kept.id, found));
        (kept.until > Instant::now()).then_some(found)
    }

    fn keep(&self, user: UserId, url: String, found: Option<Fetched>) -> PublicId {
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
        let mut bytes: usize = kept.values().map(Kept::picture_bytes).sum();
        while bytes > KEPT_PICTURES {
            let with = kept.values_mut().filter(|it| it.picture_bytes() > 0);
            let Some(oldest) = with.min_by_key(|it| it.until) else {
                break;
            };
            bytes -= oldest.picture_bytes();
            if let Some(found) = &mut oldest.found {
                found.picture = None;
            }
        }
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
    ) -> Result<(PublicId, Fetched), ServiceError> {
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

    fn page(n: usize) -> Fetched {
        Fetched {
            preview: Preview {
                url: format!("https://a.example/{n}"),
                title: n.to_string(),
                text: None,
                site: None,
                thumbnail: None,
            },
            picture: None,
        }
    }

    #[test]
    fn what_was_found_is_its_askers_alone() {
        let previews = Previews::default();
        let id = previews.keep(UserId(1), "u".to_owned(), Some(page(1)));
        assert_eq!(previews.given(UserId(1), id), Some(page(1).preview));
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

    #[test]
    fn kept_pictures_have_a_bound_of_their_own() {
        let previews = Previews::default();
        let with_picture = |n: usize| {
            let picture = Some(Bytes::from(vec![0; 2 << 20]));
            Some(Fetched { picture, ..page(n) })
        };
        for n in 0..6 {
            previews.keep(
                UserId(n % 2),
                n.to_string(),
                with_picture(usize::try_from(n).unwrap()),
            );
        }
        let has_picture = |n: i64| {
            let known = previews.known(UserId(n % 2), &n.to_string());
            known.flatten().expect("what it says").1.picture.is_some()
        };
        let found: Vec<_> = (0..6).map(has_picture).collect();
        assert_eq!(found, [false, false, true, true, true, true]);
    }
}
