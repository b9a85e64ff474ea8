//! Files beside messages: as rich answers describe them, and as requests name them.
//!
//! Source: extensions of this server, `File`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::MtpError;
use super::request::{Data, Int, List, Object, Text};
use crate::model::{self, Kind, Look, Picture, PublicId};
use crate::service::{MAX_NAME_CHARS, SentFile, SentThumbnail, Source};

/// A file, described without its bytes.
#[derive(Serialize)]
pub(super) struct File {
    /// 32 hexadecimal digits, for `/file/<id>`; absent if there is nothing to fetch.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    size: i64,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blurhash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waveform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<Thumbnail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// A thumbnail of a file.
#[derive(Serialize)]
struct Thumbnail {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<i64>,
    size: i64,
}

impl From<&Picture> for File {
    fn from(picture: &Picture) -> Self {
        Self {
            id: Some(picture.id.hex()),
            kind: Kind::Picture.as_str(),
            name: None,
            size: picture.size,
            media_type: picture.media_type.clone(),
            width: None,
            height: None,
            duration: None,
            blurhash: None,
            waveform: None,
            thumbnail: None,
            text: None,
        }
    }
}

impl From<&model::File> for File {
    fn from(file: &model::File) -> Self {
        let look = &file.look;
        Self {
            id: file.text.is_none().then(|| file.id.hex()),
            kind: file.kind.as_str(),
            name: look.name.clone(),
            size: file.size,
            media_type: file.media_type.clone(),
            width: look.width,
            height: look.height,
            duration: look.duration,
            blurhash: look.blurhash.clone(),
            waveform: look.waveform.as_ref().map(|peaks| STANDARD.encode(peaks)),
            thumbnail: file.thumbnail.as_ref().map(|thumbnail| Thumbnail {
                id: thumbnail.id.hex(),
                width: thumbnail.width,
                height: thumbnail.height,
                size: thumbnail.size,
            }),
            text: file.text.clone(),
        }
    }
}

/// The keys about files read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    about: Option<Object<About<'a>>>,
}

#[derive(Default, Deserialize)]
struct About<'a> {
    #[serde(borrow, default)]
    files: Option<List<Object<Sent<'a>>, 1000>>,
}

/// A file that a request names.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow, default)]
    upload: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(default)]
    width: Option<Int>,
    #[serde(default)]
    height: Option<Int>,
    #[serde(default)]
    duration: Option<Int>,
    #[serde(borrow, default)]
    blurhash: Option<Text<'a>>,
    #[serde(borrow, default)]
    waveform: Option<Text<'a>>,
    #[serde(borrow, default)]
    thumbnail: Option<Object<Small<'a>>>,
}

/// A thumbnail that a request names.
#[derive(Deserialize)]
pub(super) struct Small<'a> {
    #[serde(borrow, default)]
    upload: Option<Text<'a>>,
    #[serde(default)]
    width: Option<Int>,
    #[serde(default)]
    height: Option<Int>,
}

/// The error for a message that includes files and names others.
pub(super) const TWO_WAYS: &str = "a message brings its files along or names them in data.meta.about.files, \
                                   not both";

/// The most pixels across or down.
const MAX_PIXELS: i64 = 65_535;

/// The longest duration, in milliseconds: ten days.
const MAX_DURATION: i64 = 10 * 24 * 3_600_000;

/// The shortest and longest blurhash, in characters.
///
/// Source: the format's own page; it has at most 9 by 9 components.
const BLURHASH: std::ops::RangeInclusive<usize> = 6..=166;

/// The most peaks of a waveform.
const MAX_PEAKS: usize = 100;

/// Returns the files that a request names in `data.meta.about.files`; `None` if it does not mention files.
///
/// # Errors
/// [`MtpError::Malformed`] for anything but such a list, [`MtpError::Missing`] for a file without a source.
pub(super) fn sent(data: &Data<'_>) -> Result<Option<Vec<SentFile>>, MtpError> {
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let Some(files) = meta.about.and_then(|Object(about)| about.files) else {
        return Ok(None);
    };
    let files = files.iter().enumerate();
    let read = files.map(|(n, Object(sent))| {
        let expected =
            |what: &str| MtpError::Malformed(format!("data.meta.about.files[{n}].{what}"));
        read(sent, expected)
    });
    read.collect::<Result<_, _>>().map(Some)
}

fn read(sent: &Sent<'_>, expected: impl Fn(&str) -> MtpError) -> Result<SentFile, MtpError> {
    let source = match (&sent.upload, &sent.id) {
        (Some(upload), _) => Source::Upload(named(upload)),
        (None, Some(id)) => Source::Shown(named(id)),
        (None, None) => {
            return Err(MtpError::Missing(
                "each of data.meta.about.files needs upload, or in a change id",
            ));
        }
    };
    let kind = match &sent.kind {
        None => Kind::Document,
        Some(kind) => Kind::parse(kind).ok_or_else(|| {
            expected("kind: expected picture, video, audio, voice, document or sticker")
        })?,
    };
    if sent
        .name
        .as_ref()
        .is_some_and(|name| name.chars().count() > MAX_NAME_CHARS)
    {
        return Err(expected("name: expected at most 255 characters"));
    }
    let within = |number, range, what| within(number, range, || expected(what));
    let pixels = |number, what| within(number, 1..=MAX_PIXELS, what);
    let blurhash = sent.blurhash.as_deref();
    let is_hash =
        |text: &str| BLURHASH.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if blurhash.is_some_and(|text| !is_hash(text)) {
        return Err(expected("blurhash: expected 6 to 166 signs of a blurhash"));
    }
    let waveform = match sent.waveform.as_deref().map(|text| STANDARD.decode(text)) {
        None => None,
        Some(Ok(peaks)) if peaks.len() <= MAX_PEAKS => Some(peaks),
        Some(_) => return Err(expected("waveform: expected base64 of at most 100 bytes")),
    };
    let thumbnail = match &sent.thumbnail {
        None => None,
        Some(Object(small)) => Some(thumbnail(small, &expected)?),
    };
    let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(SentFile {
        source,
        kind,
        look: Look {
            name: owned(sent.name.as_deref()),
            width: pixels(sent.width, "width: expected 1 to 65535")?,
            height: pixels(sent.height, "height: expected 1 to 65535")?,
            duration: within(
                sent.duration,
                0..=MAX_DURATION,
                "duration: expected 0 to 864000000 milliseconds",
            )?,
            blurhash: owned(blurhash),
            waveform,
        },
        thumbnail,
    })
}

/// Reads a thumbnail that a request names.
pub(super) fn thumbnail(
    small: &Small<'_>,
    expected: impl Fn(&str) -> MtpError,
) -> Result<SentThumbnail, MtpError> {
    let upload = small.upload.as_deref();
    let upload = upload.ok_or_else(|| expected("thumbnail.upload: expected a text"))?;
    let pixels = |number, what| within(number, 1..=MAX_PIXELS, || expected(what));
    let width = pixels(small.width, "thumbnail.width: expected 1 to 65535")?;
    let height = pixels(small.height, "thumbnail.height: expected 1 to 65535")?;
    Ok((named(upload), width, height))
}

fn within(
    number: Option<Int>,
    range: std::ops::RangeInclusive<i64>,
    refused: impl Fn() -> MtpError,
) -> Result<Option<i64>, MtpError> {
    match number {
        Some(Int(number)) if !range.contains(&number) => Err(refused()),
        number => Ok(number.map(|Int(number)| number)),
    }
}

/// Returns the id in a text. Any other text names nothing, like an unknown id.
pub(super) fn named(text: &str) -> PublicId {
    PublicId::from_hex(text).unwrap_or(PublicId::NOTHING)
}
