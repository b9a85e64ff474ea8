//! The end of sessions: a session that has ended has no connection, so that it does not make its user
//! appear online and receives no more events.
//!
//! What belongs here: ending connections, and detecting expired sessions. What does not: who ends a
//! session and why.

use std::sync::MutexGuard;
use std::time::Duration;

use super::{Connection, Hub, REVOKED, State};
use crate::model::{Origin, SessionId, Timestamp, UserId};

/// Maximum time between two checks of the sessions while a user is connected, so that a jump of the clock
/// is noticed.
const LOOK_AFTER: Duration = Duration::from_mins(1);

/// Minimum time between two checks, however short the lifetime of sessions is.
const LEAST_BETWEEN: Duration = Duration::from_millis(200);

impl Hub {
    /// Ends connections whose sessions have ended.
    pub(super) fn end(&self, mut state: MutexGuard<'_, State>, origins: &[Origin]) {
        for origin in origins {
            if let Some(mut connection) = state.remove(*origin) {
                connection.end(REVOKED);
            }
        }
        drop(state);
        if !origins.is_empty() {
            self.movement.notify_one();
        }
    }

    /// Returns the sessions of a user that are connected now.
    #[must_use]
    pub fn sessions_of(&self, user: UserId) -> Vec<SessionId> {
        let state = self.state();
        let origins = state
            .by_user
            .get(&user)
            .map_or(&[][..], |here| &here.origins)
            .iter();
        origins
            .filter_map(|origin| state.connections.get(origin))
            .map(|connection| connection.session)
            .collect()
    }

    /// Records that the lifetime of a session was extended.
    pub fn prolong(&self, user: UserId, session: SessionId, expires_at: Timestamp) {
        let mut state = self.state();
        let State {
            connections,
            by_user,
            ..
        } = &mut *state;
        for origin in by_user.get(&user).map_or(&[][..], |here| &here.origins) {
            if let Some(connection) = connections.get_mut(origin)
                && connection.session == session
            {
                connection.expires_at = expires_at;
            }
        }
    }

    /// Ends the connections of expired sessions. Returns the time until the next check; `None`: no user
    /// is connected.
    pub fn expire(&self, now: Timestamp) -> Option<Duration> {
        let mut state = self.state();
        let over = state.origins(|connection| connection.expires_at <= now);
        let left = state.connections.values();
        let first = left
            .map(|connection| connection.expires_at)
            .filter(|end| *end > now)
            .min();
        let wait = first.map(|end| {
            let left = u64::try_from(end.0.saturating_sub(now.0)).unwrap_or_default();
            Duration::from_millis(left).clamp(LEAST_BETWEEN, LOOK_AFTER)
        });
        state.next_look = wait.map(|wait| now.after(wait));
        self.end(state, &over);
        wait
    }

    /// Waits for a new session that expires before the next check.
    ///
    /// Cancel safe.
    pub async fn expires_sooner(&self) {
        self.expiry.notified().await;
    }
}

impl State {
    /// Returns the connections that satisfy a condition.
    pub(super) fn origins(&self, is: impl Fn(&Connection) -> bool) -> Vec<Origin> {
        let found = self.connections.iter().filter(|(_, it)| is(it));
        found.map(|(origin, _)| *origin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIMITS, listening, session, typing};
    use super::super::{Ended, Hub};
    use crate::model::{Form, SessionId, Timestamp, UserId};
    use std::time::Duration;

    #[tokio::test]
    async fn whose_session_has_ended_is_not_online() {
        let hub = Hub::new(LIMITS);
        let (mut phone, mut desk) = (listening(&hub, 1, 1), listening(&hub, 2, 1));
        hub.revoke(&[SessionId(1)]);
        assert!(!phone.is_signed_in() && desk.is_signed_in());
        assert_eq!(hub.online(&[UserId(1)]), [UserId(1)], "by the other one");
        hub.moved().await;
        hub.revoke(&[SessionId(2)]);
        assert!(hub.online(&[UserId(1)]).is_empty());
        assert!(hub.moved().await.contains(&UserId(1)));
        assert_eq!(phone.next().await.unwrap_err(), Ended::Revoked);
        assert_eq!(desk.next().await.unwrap_err(), Ended::Revoked);
    }

    #[tokio::test]
    async fn an_expired_session_hears_nothing_more() {
        let hub = Hub::new(LIMITS);
        let mut expired = listening(&hub, 1, 1);
        let mut other = listening(&hub, 2, 1);
        hub.prolong(UserId(1), SessionId(1), Timestamp::EPOCH);
        hub.publish(typing(&[1], None));
        assert_eq!(expired.next().await.unwrap_err(), Ended::Revoked);
        assert!(other.next().await.is_ok());
    }

    #[tokio::test]
    async fn a_session_that_expires_in_silence_is_ended_by_the_next_look() {
        let hub = Hub::new(LIMITS);
        assert_eq!(hub.expire(Timestamp(0)), None);
        let mut short = session(1, 1);
        short.expires_at = Timestamp(5_000);
        let mut listener = hub.connect();
        assert!(listener.sign_in(short, hub.epoch()));
        listener.listen(Form::Plain);
        hub.expires_sooner().await;
        assert_eq!(hub.expire(Timestamp(1_000)), Some(Duration::from_secs(4)));
        hub.prolong(UserId(1), SessionId(1), Timestamp(1 << 40));
        assert_eq!(hub.expire(Timestamp(5_000)), Some(Duration::from_mins(1)));
        assert!(listener.is_signed_in());
        assert_eq!(hub.expire(Timestamp(1 << 40)), None);
        assert_eq!(listener.next().await.unwrap_err(), Ended::Revoked);
        assert!(hub.online(&[UserId(1)]).is_empty());
    }

    #[tokio::test]
    async fn a_session_that_ended_while_it_was_looked_up_gets_no_seat() {
        let hub = Hub::new(LIMITS);
        let epoch = hub.epoch();
        let mut listener = hub.connect();
        hub.revoke(&[SessionId(1)]);
        assert!(!listener.sign_in(session(1, 1), epoch));
        assert!(!listener.is_signed_in() && hub.online(&[UserId(1)]).is_empty());
        assert!(listener.sign_in(session(2, 1), hub.epoch()));
    }

    #[tokio::test]
    async fn a_second_sign_in_leaves_the_first_seat() {
        let hub = Hub::new(LIMITS);
        let mut listener = listening(&hub, 1, 1);
        assert!(listener.sign_in(session(2, 2), hub.epoch()));
        assert!(!listener.is_listening());
        assert!(hub.online(&[UserId(1)]).is_empty());
        assert_eq!(hub.online(&[UserId(2)]), [UserId(2)]);
    }
}
