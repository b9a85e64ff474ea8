//! `seen_flow`: returns how far the other members of a flow have read.
//!
//! Source: MTP extensions of this server, `seen_flow`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply};
use super::Context;
use crate::model::{PublicId, Timestamp};
use crate::service::SignedIn;

/// How far a member has read, and when.
#[derive(Serialize)]
struct Seen {
    number: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
}

/// The keys of the answer's `data.meta`.
#[derive(Serialize)]
struct Meta {
    seen: BTreeMap<reply::Id, Seen>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<PublicId, MtpError> {
    convert::flow_uuid(&mut data)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: PublicId,
) -> Result<Bytes, MtpError> {
    let receipts = cx.service.seen_flow(user, flow).await?;
    let seen = receipts.iter().map(|receipt| {
        let seen = Seen {
            number: receipt.number,
            time: receipt.at.map(Timestamp::seconds),
        };
        (reply::Id(receipt.user), seen)
    });
    let seen = seen.collect();
    Ok(cx.reply_with(codes::OK, Meta { seen }))
}
