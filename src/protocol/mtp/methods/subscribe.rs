//! `subscribe`: turns on unsolicited frames about events on this connection.
//!
//! Source: MTP extensions of this server, subscribe.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::super::session::Subscription;
use super::super::{FEATURES, codes, reply, rich};
use super::Context;
use crate::model::Position;
use crate::service::{Feed, SignedIn};

pub(super) enum From {
    Now,
    Second(i64),
    Position(Position),
}

pub(super) fn read(data: Data<'_>) -> Result<From, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    Ok(match (meta.after, data.time) {
        (Some(after), _) => From::Position(Position(after.map_or(0, |Int(after)| after.max(0)))),
        (None, Some(Int(second))) => From::Second(second),
        (None, None) => From::Now,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    from: From,
) -> Result<Bytes, MtpError> {
    cx.state.subscription = None;
    if matches!(from, From::Now) {
        // Listen first: events between this and the read of the log are then in both.
        cx.state.listener.listen(cx.form);
    }
    let form = cx.form;
    let standing = cx.service.standing(user, form).await?;
    let end = standing.position;
    let mut reset = None;
    let (told, feed) = match from {
        From::Now => (end, Feed::live(*user, form, end)),
        From::Position(after) if form.is_rich() && cx.service.is_void(after).await? => {
            reset = Some(true);
            (end, Feed::after(*user, form, end))
        }
        From::Position(after) => (after, Feed::after(*user, form, after)),
        From::Second(second) => {
            let after = cx.service.position_before(second).await?;
            (after, Feed::after(*user, form, after))
        }
    };
    cx.state.subscription = Some(Subscription::new(feed));
    let meta = reply::DataMeta {
        reset,
        position: Some(told.0),
        features: cx.form.is_rich().then_some(FEATURES),
        me: standing.account.as_ref().map(rich::Me::from),
        online: Some(standing.online.into_iter().collect()),
        ..reply::DataMeta::default()
    };
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            meta: Some(meta),
            ..reply::Data::default()
        }),
    ))
}
