//! `find_message`: full-text search over what the caller may read.
//!
//! Source: MTP extensions of this server, `find_message`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, List, Text};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::{Search, SignedIn};

pub(super) struct Input {
    text: String,
    flow: Option<PublicId>,
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
    Ok(Input {
        text: Text::into_owned(text),
        flow: flow.as_ref().map(convert::id),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let wanted = Search {
        text: input.text,
        flow: input.flow,
        form: cx.form,
        ..Search::default()
    };
    let hits = cx.service.find_messages(user, wanted).await?;
    let code = if hits.is_out_of_time {
        codes::PARTIAL
    } else {
        codes::OK
    };
    let found = hits.messages;
    let data = reply::Data {
        message: Some(
            found
                .iter()
                .map(|message| convert::message(cx.form, message))
                .collect(),
        ),
        meta: Some(reply::DataMeta {
            about: cx.form.is_rich().then(|| rich::about(&found)).flatten(),
            numbers: Some(convert::numbers(&found)),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    Ok(cx.reply(code, Some(data)))
}
