//! `flow_settings`: changes the caller's own settings of a flow.
//!
//! Source: MTP extensions of this server, `flow_settings`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::{FlowSettingsEdit, PublicId};
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    edit: FlowSettingsEdit,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    settings: Option<Settings>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    muted_until: Option<Int>,
    #[serde(default)]
    mentions_only: Option<bool>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    pinned: Option<Int>,
    #[serde(default)]
    unread: Option<bool>,
    #[serde(default)]
    hidden: Option<bool>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: MtpError =
        MtpError::Missing("flow_settings needs flow[0].uuid and data.meta.settings");
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    let flow = convert::flow_uuid(&mut data)?;
    let settings = meta.settings.ok_or(MISSING)?;
    let wrong = |what: &str| Err(MtpError::Malformed(format!("data.meta.settings.{what}")));
    if settings.muted_until.is_some_and(|it| it.0 < -1) {
        return wrong("muted_until: expected -1, 0 or a second");
    }
    if settings.pinned.is_some_and(|it| !(0..=5).contains(&it.0)) {
        return wrong("pinned: expected 0 to 5");
    }
    let edit = FlowSettingsEdit {
        muted_until: settings.muted_until.map(|it| it.0),
        mentions_only: settings.mentions_only,
        archived: settings.archived,
        pinned: settings.pinned.map(|it| it.0),
        unread: settings.unread,
        hidden: settings.hidden,
    };
    if edit == FlowSettingsEdit::default() {
        return Err(MISSING);
    }
    Ok(Input { flow, edit })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let settings = cx.service.set_up_flow(user, input.flow, input.edit).await?;
    let data = reply::Data {
        meta: Some(reply::DataMeta {
            settings: Some([(reply::Id(input.flow), rich::Settings::from(&settings))].into()),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    Ok(cx.reply(codes::OK, Some(data)))
}
