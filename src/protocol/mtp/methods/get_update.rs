//! `get_update`: returns what changed since a time, or, for clients written for this server, since
//! a position.
//!
//! Source: MTP 1.0 revision 17, `get_update`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::push::{self, Precision};
use super::super::request::{Data, Int};
use super::super::{codes, seconds};
use super::Context;
use crate::model::Position;
use crate::service::{Cursor, SignedIn, Within};

pub(super) enum Since {
    Second(i64),
    Position(Position),
}

pub(super) fn read(data: Data<'_>) -> Result<Since, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    Ok(match meta.after {
        Some(after) => Since::Position(Position(after.map_or(0, |Int(after)| after.max(0)))),
        None => Since::Second(data.time.map_or(0, |Int(second)| second)),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    since: Since,
) -> Result<Bytes, MtpError> {
    let (updates, time, precision) = match since {
        Since::Position(after) => {
            // A second request for the same position continues where the last answer stopped.
            let stopped = cx.state.stopped.take();
            let from = stopped.filter(|cursor| cursor.after == after);
            let from = from.unwrap_or(Cursor::after(after));
            let within = Within {
                form: cx.form,
                ..Within::default()
            };
            let updates = cx.service.updates_within(user, from, within).await?;
            cx.state.stopped = updates.cursor.inside.map(|_| updates.cursor);
            (updates, 0, Precision::Position)
        }
        Since::Second(second) => {
            let resume = cx.state.resume.take();
            let found = seconds::updates_since(cx.service, user, cx.form, second, resume).await?;
            cx.state.resume = found.resume;
            let precision = if cx.form.is_rich() {
                Precision::Numbers
            } else {
                Precision::Plain
            };
            (found.updates, found.next_second, precision)
        }
    };
    let code = if updates.complete {
        codes::OK
    } else {
        codes::PARTIAL
    };
    Ok(cx.reply(
        code,
        Some(push::data(
            cx.form,
            &updates,
            Some(user.uuid()),
            (time, precision),
            cx.service,
        )),
    ))
}
