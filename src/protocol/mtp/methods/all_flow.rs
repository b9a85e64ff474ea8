//! `all_flow`: lists the flows of which the caller is a member, as many as fit into an answer.
//!
//! Source: MTP 1.0 revision 17, `all_flow`; `data.meta`: extensions of this server, `read_flow`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::reply::Id;
use super::super::request::{self, Data};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::{FlowSettings, PublicId};
use crate::service::{Refusal, SignedIn, Thing};

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    after: Option<request::Id<'a>>,
}

/// Returns the flow after which to continue.
pub(super) fn read(data: Data<'_>) -> Result<Option<PublicId>, MtpError> {
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(meta.after.as_ref().map(convert::id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    after: Option<PublicId>,
) -> Result<Bytes, MtpError> {
    let list = cx.service.flows(user, cx.form, after).await?;
    // Source: MTP 1.0 revision 17, `all_flow`.
    if list.flows.is_empty() && after.is_none() && !cx.form.is_rich() {
        return Err(Refusal::NotFound(Thing::Flow).into());
    }
    let is_rich = cx.form.is_rich();
    let flows = list.flows.iter();
    let newest = || flows.clone().filter_map(|entry| entry.last.as_ref());
    let meta = reply::DataMeta {
        position: Some(list.position.0),
        count: Some(
            flows
                .clone()
                .map(|entry| (Id(entry.flow.uuid), entry.count))
                .collect(),
        ),
        read: Some(
            flows
                .clone()
                .filter_map(|entry| Some((Id(entry.flow.uuid), entry.read?)))
                .collect(),
        ),
        flows: is_rich.then(|| rich::flows(flows.clone().map(|entry| &entry.flow))),
        unread: is_rich.then(|| {
            flows
                .clone()
                .map(|entry| (Id(entry.flow.uuid), entry.unread))
                .collect()
        }),
        settings: is_rich.then(|| {
            let set = flows
                .clone()
                .filter(|entry| entry.settings != FlowSettings::default());
            set.map(|entry| (Id(entry.flow.uuid), (&entry.settings).into()))
                .collect()
        }),
        seen: is_rich.then(|| {
            let seen = flows.clone().filter(|entry| !entry.seen.is_empty());
            let marks =
                |seen: &[(PublicId, i64)]| seen.iter().map(|(id, n)| (Id(*id), *n)).collect();
            seen.map(|entry| (Id(entry.flow.uuid), marks(&entry.seen)))
                .collect()
        }),
        pins: is_rich.then(|| {
            let pinned = flows.clone().filter(|entry| entry.pins > 0);
            pinned
                .map(|entry| (Id(entry.flow.uuid), entry.pins))
                .collect()
        }),
        last: is_rich.then(|| {
            let newest = flows.clone().filter_map(|entry| {
                let message = entry.last.as_ref()?;
                Some((Id(entry.flow.uuid), Id(message.uuid)))
            });
            newest.collect()
        }),
        about: is_rich.then(|| rich::about(newest())).flatten(),
        numbers: is_rich.then(|| convert::numbers(newest())),
        unread_mentions: is_rich.then(|| {
            let mentioning = flows.clone().filter(|entry| entry.mentions > 0);
            mentioning
                .map(|entry| (Id(entry.flow.uuid), entry.mentions))
                .collect()
        }),
        invited: is_rich.then(|| list.invited.iter().map(rich::Invited::from).collect()),
        ..reply::DataMeta::default()
    };
    let messages = newest().map(|message| convert::message(cx.form, message, cx.service));
    let message = is_rich.then(|| messages.collect());
    let reader = Some(user.uuid());
    let flow = Some(
        flows
            .map(|entry| convert::flow(cx.form, &entry.flow, reader))
            .collect(),
    );
    Ok(cx.reply(
        if list.incomplete {
            codes::PARTIAL
        } else {
            codes::OK
        },
        Some(reply::Data {
            flow,
            message,
            meta: Some(meta),
            ..reply::Data::default()
        }),
    ))
}
