//! `pins`: lists the messages that are pinned in a flow.
//!
//! Source: MTP extensions of this server, `pins`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

/// The user who pinned a message, and the time.
#[derive(Serialize)]
struct Pin {
    by: reply::Id,
    time: i64,
}

/// The keys of the answer's `data.meta`.
#[derive(Serialize)]
struct Meta {
    pinned: BTreeMap<reply::Id, Pin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<BTreeMap<reply::Id, rich::About>>,
    numbers: BTreeMap<reply::Id, i64>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<PublicId, MtpError> {
    convert::flow_uuid(&mut data)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: PublicId,
) -> Result<Bytes, MtpError> {
    let pinned = cx.service.pins(user, flow, cx.form).await?;
    let pins = pinned.pins.iter().map(|pin| {
        let told = Pin {
            by: reply::Id(pin.by),
            time: pin.at.seconds(),
        };
        (reply::Id(pin.message), told)
    });
    let meta = Meta {
        pinned: pins.collect(),
        about: cx
            .form
            .is_rich()
            .then(|| rich::about(&pinned.messages))
            .flatten(),
        numbers: convert::numbers(&pinned.messages),
    };
    let messages = pinned.messages.iter();
    let data = reply::Data {
        message: Some(
            messages
                .map(|message| convert::message(cx.form, message, cx.service))
                .collect(),
        ),
        meta: Some(meta),
        ..reply::Data::default()
    };
    let code = if pinned.is_cut {
        codes::PARTIAL
    } else {
        codes::OK
    };
    Ok(cx.frame(code, Some(data)))
}
