//! Reads `data.meta.about` of messages that are sent or edited.

use serde::Deserialize;

use super::convert;
use super::error::MtpError;
use super::file::{self, Small};
use super::request::{Data, Id, Int, List, Object, Text};
use crate::model::NewPoll;
use crate::service::DraftDetails;

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    about: Option<About<'a>>,
}

#[derive(Default, Deserialize)]
struct About<'a> {
    #[serde(borrow, default)]
    reply: Option<Named<'a>>,
    #[serde(borrow, default)]
    forward: Option<Named<'a>>,
    #[serde(default)]
    format: Option<Int>,
    #[serde(borrow, default)]
    mentions: Option<List<Id<'a>, 1000>>,
    #[serde(default)]
    everyone: Option<bool>,
    #[serde(borrow, default)]
    poll: Option<Poll<'a>>,
    #[serde(borrow, default)]
    preview: Option<Given<'a>>,
}

/// A preview that the server gave to the sender.
#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow, default)]
    id: Option<Id<'a>>,
    #[serde(borrow, default)]
    thumbnail: Option<Object<Small<'a>>>,
}

/// A reference to another message.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    uuid: Option<Id<'a>>,
}

#[derive(Deserialize)]
struct Poll<'a> {
    #[serde(borrow, default)]
    question: Option<Text<'a>>,
    #[serde(borrow, default)]
    options: Option<List<Text<'a>, 100>>,
    #[serde(default)]
    many: Option<bool>,
    #[serde(default)]
    anonymous: Option<bool>,
}

/// Returns what a request says about a message besides its text and files.
pub(super) fn details(data: &Data<'_>) -> Result<DraftDetails, MtpError> {
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let about = meta.about.unwrap_or_default();
    let named = |named: Option<Named<'_>>, missing: &'static str| {
        let uuid = |named: Named<'_>| {
            let id = named.uuid.as_ref().map(convert::id);
            id.ok_or(MtpError::Missing(missing))
        };
        named.map(uuid).transpose()
    };
    let is_markup = match about.format {
        None => None,
        Some(Int(0)) => Some(false),
        Some(Int(1)) => Some(true),
        Some(_) => {
            let what = "data.meta.about.format: expected 0 or 1";
            return Err(MtpError::Malformed(what.to_owned()));
        }
    };
    let poll = about.poll.map(|poll| NewPoll {
        question: poll.question.map_or_else(String::new, Text::into_owned),
        options: poll
            .options
            .iter()
            .flat_map(|list| list.iter())
            .map(|text| text.to_string())
            .collect(),
        is_multiple: poll.many.unwrap_or(false),
        is_anonymous: poll.anonymous.unwrap_or(false),
    });
    let (mut preview, mut preview_thumbnail) = (None, None);
    if let Some(given) = about.preview {
        const MISSING: MtpError = MtpError::Missing("data.meta.about.preview needs id");
        preview = Some(given.id.as_ref().map(convert::id).ok_or(MISSING)?);
        if let Some(Object(small)) = &given.thumbnail {
            let expected =
                |what: &str| MtpError::Malformed(format!("data.meta.about.preview.{what}"));
            preview_thumbnail = Some(file::thumbnail(small, expected)?);
        }
    }
    let ids = |list: List<Id<'_>, 1000>| list.iter().map(convert::id).collect();
    Ok(DraftDetails {
        reply: named(about.reply, "data.meta.about.reply needs uuid")?,
        forward: named(about.forward, "data.meta.about.forward needs uuid")?,
        is_markup,
        mentions: about.mentions.map(ids),
        everyone: about.everyone,
        calls_room: false,
        poll,
        preview,
        preview_thumbnail,
    })
}
