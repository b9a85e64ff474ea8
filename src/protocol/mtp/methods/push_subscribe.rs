//! `push_subscribe`: turns on notifications for the caller's device while no client runs there.
//!
//! Source: MTP extensions of this server, `push_subscribe`.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::Context;
use crate::model::PushAddress;
use crate::service::SignedIn;

/// Browsers write keys without padding, other programs with it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    endpoint: Option<Text<'a>>,
    #[serde(borrow, default)]
    p256dh: Option<Text<'a>>,
    #[serde(borrow, default)]
    auth: Option<Text<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PushAddress, MtpError> {
    const MISSING: MtpError =
        MtpError::Missing("push_subscribe needs data.meta.endpoint, p256dh and auth");
    const NO_KEY: MtpError = MtpError::Missing("data.meta.p256dh and auth are keys in base64url");
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let bytes = |text: Option<Text<'_>>| {
        let text = text.ok_or(MISSING)?;
        BASE64.decode(text.as_bytes()).map_err(|_| NO_KEY)
    };
    Ok(PushAddress {
        endpoint: meta.endpoint.ok_or(MISSING)?.into_owned(),
        p256dh: bytes(meta.p256dh)?,
        auth: bytes(meta.auth)?,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    address: PushAddress,
) -> Result<Bytes, MtpError> {
    cx.require_rich()?;
    cx.service.subscribe_push(user, address).await?;
    Ok(cx.done())
}
