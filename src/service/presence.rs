//! Telling who is here: who comes and goes is told to those who share a flow.

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::{Service, ServiceError};
use crate::model::{Audience, Event, News, UserId};
use crate::store::{blocks, members, users};

/// A user's coming and going is told at most once in this time.
/// Source: MTP extensions of this server, presence.
const LEAST_BETWEEN: Duration = Duration::from_secs(5);

/// What was told of a user last.
struct Told {
    online: bool,
    at: Instant,
}

/// Tells who comes and goes, until the service is gone.
pub(super) async fn announce(service: Weak<Service>) {
    let mut told: HashMap<UserId, Told> = HashMap::new();
    // Users of whom something may have to be told, and when.
    let mut due: HashMap<UserId, Instant> = HashMap::new();
    loop {
        let Some(hub) = service.upgrade().map(|service| service.hub.clone()) else {
            return;
        };
        let next = due.values().min().copied();
        tokio::select! {
            moved = hub.moved() => {
                let now = Instant::now();
                for user in moved {
                    let at = told.get(&user).map_or(now, |told| now.max(told.at + LEAST_BETWEEN));
                    due.entry(user).or_insert(at);
                }
            }
            () = wait_until(next) => {}
        }
        drop(hub);
        let Some(service) = service.upgrade() else {
            return;
        };
        let now = Instant::now();
        let ready: Vec<UserId> = due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(user, _)| *user)
            .collect();
        for user in ready {
            due.remove(&user);
            let online = !service.hub.online(&[user]).is_empty();
            if told.get(&user).is_some_and(|told| told.online) != online {
                told.insert(user, Told { online, at: now });
                if let Err(err) = tell(&service, user, online).await {
                    log::warn!("telling that a user came or went failed: {err}");
                }
            }
        }
        // Who has been away for long enough need not be remembered.
        told.retain(|_, told| told.online || now.duration_since(told.at) < LEAST_BETWEEN);
    }
}

async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn tell(service: &Service, user: UserId, online: bool) -> Result<(), ServiceError> {
    let found = service
        .store
        .read(move |view| {
            let mut companions = members::companions(view, user)?;
            // Who is blocked does not see who is here.
            let blocked = blocks::blocked(view, user)?;
            companions.retain(|companion| *companion != user && !blocked.contains(companion));
            Ok::<_, ServiceError>((users::by_id(view, user)?, companions))
        })
        .await?;
    if let (Some(user), companions) = found {
        let news = News::Presence {
            user: user.uuid,
            online,
        };
        service.hub.publish(Event {
            position: None,
            origin: None,
            audience: Audience::Users(companions.into()),
            news,
        });
    }
    Ok(())
}
