//! `edit_hook`: renames an incoming hook, or changes its picture.
//!
//! Source: MTP extensions of this server, `edit_hook`.

use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use super::super::error::MtpError;
use super::super::file;
use super::super::request::{Data, Int, Text};
use super::Context;
use crate::model::HookId;
use crate::service::{HookChange, HookPicture, SignedIn};

/// An uploaded picture.
#[derive(Deserialize)]
pub(super) struct Picture<'a> {
    #[serde(borrow)]
    upload: Text<'a>,
}

impl From<Picture<'_>> for HookPicture {
    fn from(picture: Picture<'_>) -> Self {
        Self::Upload(file::named(&picture.upload))
    }
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    id: Option<Int>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    /// Outer `None`: not given. Inner `None`: `null`, no picture.
    #[serde(borrow, default, deserialize_with = "given")]
    picture: Option<Option<Picture<'a>>>,
}

/// Reads a key that is present, `null` or not.
fn given<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Picture<'a>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) struct Input {
    id: HookId,
    change: HookChange,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("edit_hook needs data.meta.id"))?;
    if arguments.name.is_none() && arguments.picture.is_none() {
        return Err(MtpError::Missing(
            "edit_hook needs data.meta.name or data.meta.picture",
        ));
    }
    let change = HookChange {
        name: arguments.name.map(Text::into_owned),
        picture: arguments.picture.map(|it| it.map(Into::into)),
    };
    let id = HookId(id);
    Ok(Input { id, change })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service
        .edit_hook(input.id, input.change, Some(user))
        .await?;
    Ok(cx.done())
}
