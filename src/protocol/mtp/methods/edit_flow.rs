//! `edit_flow`: changes the title and description, the owner, the members and the settings of a flow.
//!
//! Source: MTP extensions of this server, `edit_flow`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use super::super::error::MtpError;
use super::super::request::{Blob, Data, Id, Int, List, Text};
use super::super::{codes, convert, file};
use super::{Context, add_flow};
use crate::model::{FlowSwitches, PublicId};
use crate::service::{FlowChange, SignedIn};

pub(super) struct Input {
    flow: PublicId,
    change: FlowChange,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    levels: Option<BTreeMap<Cow<'a, str>, Int>>,
    /// Outer `None`: not given. Inner `None`: `null`, no picture.
    #[serde(borrow, default, deserialize_with = "given")]
    picture: Option<Option<Picture<'a>>>,
    #[serde(default)]
    expire: Option<Int>,
    #[serde(default)]
    protect: Option<bool>,
    #[serde(borrow, default)]
    pin: Option<Text<'a>>,
    #[serde(borrow, default)]
    add: Option<List<Id<'a>, 10_000>>,
    #[serde(borrow, default)]
    remove: Option<List<Id<'a>, 10_000>>,
}

/// A new picture: an uploaded file, or the content itself.
#[derive(Deserialize)]
struct Picture<'a> {
    #[serde(borrow, default)]
    upload: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Blob<'a>>,
}

/// Reads a key that is present, `null` or not.
fn given<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Picture<'a>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: MtpError = MtpError::Missing("edit_flow needs flow[0].uuid");
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let flow = convert::first_flow(&mut data, "edit_flow needs flow[0].uuid")?;
    let uuid = flow.uuid.as_ref().map(convert::id).ok_or(MISSING)?;
    let words = add_flow::draft(flow);
    let ids = |list: Option<List<Id<'_>, 10_000>>| -> Vec<PublicId> {
        list.iter()
            .flat_map(|list| list.iter())
            .map(convert::id)
            .collect()
    };
    let restrict_pins = match meta.pin.as_deref() {
        None => None,
        Some("owner") => Some(true),
        Some("members") => Some(false),
        Some(_) => {
            let what = "data.meta.pin: expected `members` or `owner`";
            return Err(MtpError::Malformed(what.to_owned()));
        }
    };
    let mut picture_upload = None;
    let picture = match meta.picture {
        None => None,
        Some(None) => Some(None),
        Some(Some(given)) => match (given.content, given.upload) {
            (Some(content), _) => Some(Some(convert::content(content))),
            (None, Some(upload)) => {
                picture_upload = Some(file::named(&upload));
                None
            }
            (None, None) => {
                let what = "data.meta.picture: expected an upload, content or null";
                return Err(MtpError::Malformed(what.to_owned()));
            }
        },
    };
    let change = FlowChange {
        words,
        add: ids(meta.add),
        remove: ids(meta.remove),
        levels: meta
            .levels
            .into_iter()
            .flatten()
            .map(|(user, level)| (convert::named(&user), level.0))
            .collect(),
        picture_upload,
        switches: FlowSwitches {
            picture_name: None,
            picture,
            expire: meta.expire.map(|seconds| seconds.0),
            protect: meta.protect,
            restrict_pins,
        },
    };
    if change.is_empty() {
        return Err(MtpError::Missing(
            "edit_flow needs one of flow[0].title, info, owner and users",
        ));
    }
    Ok(Input { flow: uuid, change })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let flow = cx.service.edit_flow(user, input.flow, input.change).await?;
    let answer = convert::one_flow(cx.form, &flow, user.uuid());
    Ok(cx.reply(codes::OK, Some(answer)))
}
