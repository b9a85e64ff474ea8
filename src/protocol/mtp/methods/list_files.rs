//! `list_files`: the messages of a flow that have files, newest first.
//!
//! Source: MTP extensions of this server, `list_files`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply, rich};
use super::{Context, find_message};
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    kinds: i64,
    before: Option<i64>,
}

/// Every kind of file.
const ALL_KINDS: i64 = 0xff;

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    let kinds = find_message::kinds(meta.kinds.as_deref().unwrap_or_default())?;
    Ok(Input {
        flow: convert::flow_uuid(&mut data)?,
        kinds: if kinds == 0 { ALL_KINDS } else { kinds },
        before: meta.before.flatten().map(|before| before.0),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let Input {
        flow,
        kinds,
        before,
    } = input;
    let found = cx.service.list_files(user, flow, kinds, before).await?;
    let messages = found.messages.iter();
    // Files are what is asked about, so they are told of in either form, and never come along.
    let data = reply::Data {
        message: Some(
            messages
                .map(|message| convert::message(crate::model::Form::Rich, message, cx.service))
                .collect(),
        ),
        meta: Some(reply::DataMeta {
            about: rich::about(&found.messages),
            numbers: Some(convert::numbers(&found.messages)),
            before: found.before,
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    let code = if found.before.is_some() {
        codes::PARTIAL
    } else {
        codes::OK
    };
    Ok(cx.reply(code, Some(data)))
}
