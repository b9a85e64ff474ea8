//! `send_message`: appends a message to a flow and delivers it to the members.
//!
//! Source: MTP 1.0 revision 17, `send_message`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, draft, file, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::{Draft, SignedIn};

pub(super) struct Input {
    flow: PublicId,
    client_id: Option<i64>,
    draft: Draft,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "send_message needs message[0] with text or a file";
    let sent = file::sent(&data)?;
    let details = draft::details(&data)?;
    let flow = convert::flow_uuid(&mut data)?;
    if data
        .message
        .as_ref()
        .is_some_and(|messages| messages.len() > 1)
    {
        return Err(MtpError::Missing(
            "send_message takes one message at a time; send the others by themselves",
        ));
    }
    let message = convert::first_message(&mut data, MISSING)?;
    let client_id = message.client_id.map(|id| id.0);
    let mut draft = convert::draft(message);
    draft.text = draft.text.filter(|text| !text.is_empty());
    draft.files.retain(|file| !file.content.bytes.is_empty());
    draft.sent = sent.filter(|sent| !sent.is_empty());
    if draft.sent.is_some() && !draft.files.is_empty() {
        return Err(MtpError::Missing(file::TWO_WAYS));
    }
    let is_empty = draft.text.is_none() && draft.files.is_empty() && draft.sent.is_none();
    let is_accompanied = !is_empty && details.forward.is_some()
        || details.poll.is_some() && (!is_empty || details.accompanies_poll());
    if is_accompanied {
        return Err(MtpError::Missing(
            "nothing stands beside a forward or a poll; send it as a message of its own",
        ));
    }
    if is_empty && details.forward.is_none() && details.poll.is_none() {
        return Err(MtpError::Missing(MISSING));
    }
    if details.forward.is_some() && details.poll.is_some() {
        return Err(MtpError::Missing(
            "a message is a forward or a poll, not both",
        ));
    }
    draft.details = details;
    Ok(Input {
        flow,
        client_id,
        draft,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    // A client that sends a txn or accepts more understands the other keys of the answer.
    let is_extended = cx.txn.is_some() || cx.form.is_rich();
    let posted = cx
        .service
        .post_message(
            user,
            input.flow,
            input.draft,
            input.client_id,
            cx.txn.take(),
        )
        .await?;
    let message = reply::Message {
        uuid: reply::Id(posted.message.uuid),
        client_id: Some(posted.client_id),
        from_user: reply::Id(posted.message.author),
        from_flow: reply::Id(posted.message.flow),
        ..reply::Message::default()
    };
    let meta = is_extended.then(|| reply::DataMeta {
        about: cx
            .form
            .is_rich()
            .then(|| rich::about([&*posted.message]))
            .flatten(),
        numbers: Some([(reply::Id(posted.message.uuid), posted.message.number)].into()),
        ..reply::DataMeta::default()
    });
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            message: Some(vec![message]),
            meta,
            ..reply::Data::default()
        }),
    ))
}
