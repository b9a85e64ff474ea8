//! `preview`: fetches what a page says about itself, for a user who is about to link to it.
//!
//! Source: MTP extensions of this server, `preview`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::about::Preview;
use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::wire::Id;
use super::Context;
use crate::service::SignedIn;

/// The longest address, in bytes.
const MAX_BYTES: usize = 2048;

pub(super) struct Input {
    url: String,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Answer {
    id: Id,
    #[serde(flatten)]
    preview: Preview,
    /// For the sender's client, which makes it smaller: base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "preview needs data.meta.url";
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let url = meta.url.ok_or(MtpError::Missing(MISSING))?.into_owned();
    if url.len() > MAX_BYTES {
        let what = "data.meta.url: expected at most 2048 bytes";
        return Err(MtpError::Malformed(what.to_owned()));
    }
    Ok(Input { url })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let (id, found) = cx.service.preview(user, input.url).await?;
    let answer = Answer {
        id: Id(id),
        preview: (&found.preview).into(),
        picture: found.picture.map(|bytes| STANDARD.encode(bytes)),
    };
    Ok(cx.reply_with(codes::OK, answer))
}
