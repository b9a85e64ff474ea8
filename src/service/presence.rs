//! Presence: when a user goes online or offline, the users who share a flow with them are told, in ticks.

mod rounds;

use std::sync::Weak;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use super::{Service, ServiceError, seen};
use crate::model::{Audience, Event, FlowId, News, UserId};
use crate::store::{blocks, members, seen as stored, users};
use rounds::{Change, rounds};

/// Minimum time between two announcements of one user's presence.
/// Source: MTP extensions of this server, presence.
const LEAST_BETWEEN: Duration = Duration::from_secs(5);

/// Changes within this time are announced together: each announcement costs a frame for every user who
/// shares a flow with one of the changed users.
const TICK: Duration = Duration::from_secs(1);

/// Announces changes of presence, until the service is gone.
pub(super) async fn announce(service: Weak<Service>) {
    let start = Instant::now();
    // The time of the last announcement of each user.
    let mut told: FxHashMap<UserId, Instant> = FxHashMap::default();
    // Users whose presence may have to be announced, and when.
    let mut due: FxHashMap<UserId, Instant> = FxHashMap::default();
    loop {
        let Some(hub) = service.upgrade().map(|service| service.hub.clone()) else {
            return;
        };
        let next = due.values().min().copied();
        let moved = tokio::select! {
            moved = hub.moved() => moved,
            () = wait_until(next) => FxHashSet::default(),
        };
        drop(hub);
        let Some(service) = service.upgrade() else {
            return;
        };
        let now = Instant::now();
        for user in moved {
            service.seen.note(&service.hub, user);
            let last = told.get(&user).map(|at| *at + LEAST_BETWEEN);
            let at = last.map_or(now, |last| now.max(last));
            due.entry(user).or_insert(tick_after(start, at));
        }
        let is_ready = |at: &Instant| *at <= now;
        if !due.values().any(is_ready) {
            continue;
        }
        let ready = due.extract_if(|_, at| is_ready(at)).map(|(user, _)| user);
        // Includes users whose state is the same as before: a user who came online meanwhile may have
        // seen another state.
        let changes: Vec<_> = ready
            .map(|user| (user, service.hub.is_online(user)))
            .collect();
        told.extend(changes.iter().map(|(user, _)| (*user, now)));
        if let Err(err) = service.tell_presence(changes).await {
            log::warn!("telling who came and went failed: {err}");
        }
        told.retain(|_, at| now.duration_since(*at) < LEAST_BETWEEN);
    }
}

/// Returns the end of the tick that contains a time.
fn tick_after(start: Instant, at: Instant) -> Instant {
    let ticks = at.duration_since(start).as_nanos() / TICK.as_nanos() + 1;
    start + TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Service {
    /// Announces changes of presence to the users who share a flow with the changed users.
    async fn tell_presence(&self, changes: Vec<(UserId, bool)>) -> Result<(), ServiceError> {
        if changes.is_empty() {
            return Ok(());
        }
        let companions = std::sync::Arc::clone(&self.companions);
        let as_of = companions.as_of();
        let (changes, flows, hiding) = self
            .store
            .read(move |view| {
                let hiding = stored::hiding(view)?;
                let mut flows: FxHashMap<FlowId, _> = FxHashMap::default();
                let mut found = Vec::with_capacity(changes.len());
                for (user, online) in changes {
                    let Some(uuid) = users::uuid(view, user)? else {
                        continue;
                    };
                    let shared = members::flows_of(view, user)?;
                    for flow in &shared {
                        if !flows.contains_key(flow) {
                            flows.insert(*flow, companions.members(view, *flow, as_of)?);
                        }
                    }
                    found.push(Change {
                        user,
                        uuid,
                        online,
                        flows: shared,
                        // Blocked users do not see whether the blocker is online.
                        blocked: blocks::blocked(view, user)?,
                    });
                }
                Ok::<_, ServiceError>((found, flows, hiding))
            })
            .await?;
        let flows = flows
            .into_iter()
            .map(|(flow, members)| (flow, self.hub.online(&members)))
            .collect();
        for round in rounds(&changes, flows, &hiding, seen::minute()) {
            self.hub.publish(Event {
                position: None,
                origin: None,
                audience: Audience::Users(round.audience.into()),
                news: News::Presence(round.told.into()),
            });
        }
        Ok(())
    }
}
