//! Tests of the delivery of events.

use super::*;
use crate::model::{Form, News, PublicId, SessionKind};

pub(super) const LIMITS: QueueLimits = QueueLimits {
    frames: 2,
    bytes: 10_000,
};

pub(super) fn session(id: i64, user: i64) -> Session {
    Session {
        id: SessionId(id),
        user: UserId(user),
        user_uuid: PublicId(1),
        kind: SessionKind::Device,
        scopes: crate::model::Scopes::ALL,
        used_at: Timestamp(0),
        is_admin: false,
        is_bot: false,
        expires_at: Timestamp(i64::MAX),
        token_until: None,
        supersedes: false,
    }
}

pub(super) fn typing(users: &[i64], origin: Option<Origin>) -> Event {
    let users: Vec<_> = users.iter().copied().map(UserId).collect();
    let news = News::Typing {
        flow: PublicId(1),
        user: PublicId(2),
    };
    Event {
        position: None,
        origin,
        audience: Audience::Users(users.into()),
        news,
    }
}

pub(super) fn listening(hub: &Arc<Hub>, id: i64, user: i64) -> Listener {
    let mut listener = hub.connect();
    assert!(listener.sign_in(session(id, user), hub.epoch()));
    listener.listen(Form::Plain);
    listener
}

#[tokio::test]
async fn only_the_audience_hears_and_not_its_origin() {
    let hub = Hub::new(LIMITS);
    let (mut anna, mut boris, mut clara) = (
        listening(&hub, 1, 1),
        listening(&hub, 2, 2),
        listening(&hub, 3, 3),
    );
    hub.publish(typing(&[1, 2], Some(anna.origin())));
    assert!(boris.next().await.is_ok());
    hub.publish(typing(&[1, 3], None));
    assert!(
        anna.next().await.unwrap().event.origin.is_none(),
        "her own came back"
    );
    assert!(clara.next().await.is_ok());
}

#[tokio::test]
async fn who_does_not_keep_up_is_cut_off_and_others_are_not() {
    let hub = Hub::new(LIMITS);
    let (mut slow, mut quick) = (listening(&hub, 1, 1), listening(&hub, 2, 2));
    for _ in 0..3 {
        hub.publish(typing(&[1, 2], None));
        assert!(quick.next().await.is_ok());
    }
    assert_eq!(slow.next().await.unwrap_err(), Ended::Lagged);
}

#[tokio::test]
async fn nothing_is_heard_after_revocation() {
    let hub = Hub::new(LIMITS);
    let (mut anna, mut other) = (listening(&hub, 1, 1), listening(&hub, 2, 1));
    let epoch = hub.epoch();
    hub.publish(typing(&[1], None));
    hub.revoke(&[SessionId(1)]);
    assert_eq!(anna.next().await.unwrap_err(), Ended::Revoked);
    assert!(other.next().await.is_ok());
    assert_ne!(hub.epoch(), epoch);
}

#[tokio::test]
async fn going_away_is_noticed() {
    let hub = Hub::new(LIMITS);
    let listener = listening(&hub, 1, 7);
    assert!(hub.moved().await.contains(&UserId(7)));
    assert_eq!(hub.online(&[UserId(7), UserId(8)]), [UserId(7)]);
    assert!(hub.is_heard_in(Form::Plain) && !hub.is_heard_in(Form::Rich));
    drop(listener);
    assert!(hub.moved().await.contains(&UserId(7)));
    assert!(hub.online(&[UserId(7)]).is_empty());
    assert!(hub.state().connections.is_empty());
}
