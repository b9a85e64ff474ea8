//! `find_message`: searches the full text of the messages that the caller may read.
//!
//! Source: MTP extensions of this server, `find_message`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, Int, List, Text};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::{Form, KINDS, Position, Timestamp, kind_bit};
use crate::service::{Search, SignedIn};

pub(super) struct Input {
    wanted: Search,
    /// Whether the client continues where an answer was cut.
    is_paged: bool,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    let text = meta
        .query
        .ok_or(MtpError::Missing("find_message needs data.meta.query"))?;
    let flow = data
        .flow
        .take()
        .and_then(List::into_first)
        .and_then(|flow| flow.uuid);
    let is_paged = meta.before.is_some()
        || meta.from.is_some()
        || meta.kinds.is_some()
        || meta.since.is_some()
        || meta.until.is_some();
    let seconds = |second: Option<Int>| second.map(|second| Timestamp::from_seconds(second.0));
    let wanted = Search {
        text: Text::into_owned(text),
        flow: flow.as_ref().map(convert::id),
        from: meta.from.as_ref().map(convert::id),
        kinds: kinds(meta.kinds.as_deref().unwrap_or_default())?,
        since: seconds(meta.since),
        until: seconds(meta.until),
        before: meta.before.flatten().map(|before| Position(before.0)),
        form: Form::default(),
    };
    Ok(Input { wanted, is_paged })
}

/// Returns kinds of attachments as one bit each.
pub(super) fn kinds(words: &[Text<'_>]) -> Result<i64, MtpError> {
    let mut bits = 0;
    for (n, word) in words.iter().enumerate() {
        bits |= kind_bit(word).ok_or_else(|| {
            let kinds = KINDS.join(", ");
            MtpError::Malformed(format!("data.meta.kinds[{n}]: expected one of {kinds}"))
        })?;
    }
    Ok(bits)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let wanted = Search {
        form: cx.form,
        ..input.wanted
    };
    let hits = cx.service.find_messages(user, wanted).await?;
    let before = hits.before.filter(|_| input.is_paged || cx.form.is_rich());
    let code = if hits.is_out_of_time || before.is_some() {
        codes::PARTIAL
    } else {
        codes::OK
    };
    let found = hits.messages;
    let data = reply::Data {
        message: Some(
            found
                .iter()
                .map(|message| convert::message(cx.form, message, cx.service))
                .collect(),
        ),
        meta: Some(reply::DataMeta {
            about: cx.form.is_rich().then(|| rich::about(&found)).flatten(),
            numbers: Some(convert::numbers(&found)),
            before: before.map(|before| before.0),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    Ok(cx.reply(code, Some(data)))
}
