//! `all_messages`: returns a page of a flow's history.
//!
//! Source: MTP 1.0 revision 17, `all_messages`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::{PublicId, Timestamp};
use crate::service::{HistoryRange, SignedIn};

pub(super) struct Input {
    flow: PublicId,
    since: Timestamp,
    start: Option<i64>,
    end: Option<i64>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "all_messages needs flow[0].uuid";
    let flow = convert::first_flow(&mut data, MISSING)?;
    let uuid = flow
        .uuid
        .as_ref()
        .map(convert::id)
        .ok_or(MtpError::Missing(MISSING))?;
    Ok(Input {
        flow: uuid,
        since: Timestamp::from_seconds(data.time.map_or(0, |time| time.0)),
        start: flow.message_start.map(|start| start.0),
        end: flow.message_end.map(|end| end.0),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let limit = i64::try_from(cx.service.limits().messages).unwrap_or(i64::MAX);
    let (start, count) = match convert::page(input.start, input.end, limit) {
        Ok(page) => page,
        Err(refused) => {
            // For a user who is not a member the flow does not exist, whatever the request asks.
            cx.service.require_member(user, input.flow).await?;
            return Err(refused);
        }
    };
    let range = HistoryRange {
        since: input.since,
        start,
        count,
        form: cx.form,
    };
    let page = cx.service.history(user, input.flow, range).await?;
    let given = i64::try_from(page.messages.len()).unwrap_or(i64::MAX);
    // There is more than an answer may hold, by number of messages or, on this page, by bytes.
    let cut = given < count.min(page.total - page.start);
    let partial = page.total > limit || cut;
    let flow = reply::Flow {
        uuid: reply::Id(input.flow),
        message_start: partial.then_some(page.start),
        message_end: partial.then_some(page.total),
        ..reply::Flow::default()
    };
    let messages = page.messages.iter();
    let data = reply::Data {
        flow: Some(vec![flow]),
        message: Some(
            messages
                .map(|message| convert::message(cx.form, message, cx.service))
                .collect(),
        ),
        meta: cx.form.is_rich().then(|| reply::DataMeta {
            about: rich::about(&page.messages),
            numbers: Some(convert::numbers(&page.messages)),
            events: Some(rich::events(&page.events.events, &page.events.more)),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    Ok(cx.reply(if partial { codes::PARTIAL } else { codes::OK }, Some(data)))
}
