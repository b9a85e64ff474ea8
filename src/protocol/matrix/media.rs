//! Uploads and downloads of files, whole or in part.
//!
//! Downloading a file requires a token, and only readers of a room get the files that it shows. Nothing
//! is decoded here: a thumbnail is the one that came with the file, or a small file itself.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;

use super::super::disposition::disposition;
use super::super::receiving::{Stopped, receive};
use super::super::web::{Body, Content, Method, Range, Request, Response};
use super::trouble::Trouble;
use super::{Matrix, parameter};
use crate::model::PublicId;
use crate::service::{
    FetchError, Media, NewUpload, Pieces, Reader, Refusal, ServiceError, SignedIn, UploadError,
};

/// The largest file that serves as its own thumbnail.
const MOST_THUMBNAIL: u64 = 1 << 20;

/// The policy for files in a browser: they may be shown and played, nothing else.
const POLICY: &str = "sandbox; default-src 'none'; media-src 'self'; img-src 'self'";

/// The types, besides those detected in the content, that run nothing where they are shown.
const PLAIN_TYPES: [&str; 4] = ["text/plain", "text/csv", "text/css", "application/json"];

/// The most characters of a file's name.
const MOST_NAME: usize = 255;

/// An action on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Uploads a file.
    Upload,
    /// Reserves an id for a file that is uploaded later.
    Create,
    /// Uploads a file to a reserved id.
    Fill,
    /// Downloads a file.
    Download,
    /// Downloads a thumbnail of a file.
    Thumbnail,
    /// Returns the size limit of files.
    Limits,
    /// Downloads a file without a token.
    OldDownload,
    /// Downloads a thumbnail of a file without a token.
    OldThumbnail,
}

/// A request without its body.
struct Asked {
    ids: Vec<String>,
    is_head: bool,
    range: Option<Range>,
    if_none_match: Option<String>,
    if_range: Option<String>,
    new: Result<NewUpload, Trouble>,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let header = |name| request.headers.get(name).map(str::to_owned);
        Self {
            ids: request.captured.clone(),
            is_head: request.method == Method::Head,
            range: request.range,
            if_none_match: header("if-none-match"),
            if_range: header("if-range"),
            new: announced(request),
        }
    }
}

impl Matrix {
    /// Performs an action on a file.
    pub(super) async fn media(&self, act: Act, request: Request) -> Result<Response, Trouble> {
        let client = (self.introduce)(&request.peer);
        let token = request.bearer().map(str::to_owned);
        let asked = Asked::from(&request);
        let body = request.body;
        if matches!(act, Act::OldDownload | Act::OldThumbnail) {
            self.service.admit(None, &client, super::WEIGHT)?;
            if !self.has_legacy_media {
                return Err(Trouble::not_found(
                    "files are given with a token only, below /_matrix/client/v1/media",
                ));
            }
            return self.fetch(act, None, &asked).await;
        }
        let Some(token) = token else {
            let words = "a token is needed here: Authorization: Bearer";
            return Err(Trouble::said(401, "M_MISSING_TOKEN", words));
        };
        let user = self.admit(&token, &client).await?;
        let told = match act {
            Act::Limits => json!({"m.upload.size": self.service.limits().files.max_size}),
            Act::Create => {
                let upload = self.service.begin_upload(&user, NewUpload::default()).await;
                let upload = upload.map_err(refused)?;
                json!({
                    "content_uri": self.names.media(upload.id),
                    "unused_expires_at": upload.expires_at.0,
                })
            }
            Act::Upload | Act::Fill => {
                let new = asked.new?;
                let id = match act {
                    Act::Fill => self.filled(&user, &asked.ids, new).await?,
                    _ => {
                        self.service
                            .begin_upload(&user, new)
                            .await
                            .map_err(refused)?
                            .id
                    }
                };
                self.take(user, id, body).await?;
                match act {
                    Act::Fill => json!({}),
                    _ => json!({"content_uri": self.names.media(id)}),
                }
            }
            _ => {
                let reader = Reader {
                    user: user.user(),
                    session: user.session().id,
                    is_matrix: true,
                };
                return self.fetch(act, Some(reader), &asked).await;
            }
        };
        Ok(Response::json(200, &told))
    }

    /// Returns the upload with a reserved id, after recording its size and type.
    async fn filled(
        &self,
        user: &SignedIn,
        ids: &[String],
        new: NewUpload,
    ) -> Result<PublicId, Trouble> {
        let id = self.named_file(ids)?;
        match self.service.measure_upload(user, id, new).await {
            Ok(()) => Ok(id),
            Err(UploadError::Shown) => {
                let words = "this file is there, and no other takes its place";
                Err(Trouble::said(409, "M_CANNOT_OVERWRITE_MEDIA", words))
            }
            Err(UploadError::Locked) => Err(Trouble::forbidden("this name is somebody else's")),
            Err(err) => Err(refused(err)),
        }
    }

    /// Receives the content of an upload. An incomplete upload is removed.
    async fn take(&self, user: SignedIn, id: PublicId, body: Body) -> Result<(), Trouble> {
        let service = Arc::clone(&self.service);
        // A task of its own, so that it removes the upload even if the client disconnects.
        let taking = tokio::spawn(async move {
            let taken = match service.resume_upload(&user, id, 0).await {
                Ok(intake) => receive(intake, body).await,
                Err(err) => Err(Stopped::Upload(err)),
            };
            let trouble = match taken {
                Ok(progress) if progress.is_complete => return Ok(()),
                Ok(_) => Trouble::bad_json("the file is shorter than Content-Length says"),
                Err(Stopped::Upload(err)) => refused(err),
                Err(Stopped::Body(err)) => Trouble::Body(err),
            };
            if let Err(err) = service.remove_upload(&user, id).await {
                log::debug!("what came of a file stays until it expires: {err}");
            }
            Err(trouble)
        });
        taking.await.unwrap_or_else(|_| {
            Err(Trouble::said(
                500,
                "M_UNKNOWN",
                "the file could not be taken",
            ))
        })
    }

    fn named_file(&self, ids: &[String]) -> Result<PublicId, Trouble> {
        let part = |place: usize| ids.get(place).map_or("", String::as_str);
        let id = PublicId::from_hex(part(1)).filter(|_| part(0) == self.names.server());
        id.ok_or_else(|| Trouble::not_found("there is no such file"))
    }

    async fn fetch(
        &self,
        act: Act,
        reader: Option<Reader>,
        asked: &Asked,
    ) -> Result<Response, Trouble> {
        let mut id = self.named_file(&asked.ids)?;
        let is_small = matches!(act, Act::Thumbnail | Act::OldThumbnail);
        let mut has_own = false;
        if is_small && let Some(found) = self.service.media_thumbnail(reader, id).await? {
            (id, has_own) = (found, true);
        }
        let media = match self.service.find_media(reader, id).await {
            Err(ServiceError::Refused(Refusal::NotFound(_))) => {
                return Err(Trouble::not_found("there is no such file"));
            }
            found => found?,
        };
        if is_small && !has_own && !is_picture(&media) {
            return Err(Trouble::not_found("this file has no thumbnail"));
        }
        self.give(asked, (reader, id), media).await
    }

    async fn give(
        &self,
        asked: &Asked,
        (reader, id): (Option<Reader>, PublicId),
        media: Media,
    ) -> Result<Response, Trouble> {
        let file = &media.found;
        let gone = || Trouble::not_found("this file is not on the server any more");
        if self.service.is_lost(file).await {
            return Err(gone());
        }
        let tag = format!("\"{}\"", id.hex());
        let known = asked.if_none_match.as_deref();
        if known.is_some_and(|known| known.trim_start_matches("W/") == tag) {
            return Ok(Response::new(304).with("etag", tag));
        }
        let same = asked.if_range.as_deref().is_none_or(|it| it == tag);
        let range = asked.range.filter(|_| same && !asked.is_head);
        let (status, part) = match range.map(|range| range.of(file.size)) {
            None => (200, 0..file.size),
            Some(Ok(part)) => (206, part),
            Some(Err(_)) => {
                let all = format!("bytes */{}", file.size);
                return Ok(Response::new(416).with("content-range", all));
            }
        };
        let name = asked.ids.get(2).cloned();
        let response = described(Response::new(status), &media, name).with("etag", tag);
        let response = if status == 206 {
            let last = part.end.saturating_sub(1);
            let told = format!("bytes {}-{last}/{}", part.start, file.size);
            response.with("content-range", told)
        } else {
            response
        };
        let length = Some(part.end - part.start);
        if asked.is_head {
            let pieces = stream::empty().boxed();
            return Ok(response.with_content(Content::Stream { length, pieces }));
        }
        let fetched = self
            .service
            .fetch_media((reader, id), media.found, (part.start, part.end))
            .await;
        match fetched {
            Ok(pieces) => {
                let next = async |mut pieces: Pieces| {
                    let piece = pieces.next().await?;
                    Some((piece.map(Bytes::from), pieces))
                };
                let pieces = stream::unfold(pieces, next).boxed();
                Ok(response.with_content(Content::Stream { length, pieces }))
            }
            Err(FetchError::Failed(err)) => Err(err.into()),
            Err(FetchError::Lost) => Err(gone()),
            Err(err @ FetchError::Crowded) => Err(Trouble::Wait(err.to_string())),
        }
    }
}

/// Returns what a request says about a file before its content.
fn announced(request: &Request) -> Result<NewUpload, Trouble> {
    let length = request
        .headers
        .get("content-length")
        .and_then(|text| text.parse().ok());
    // Without a body there is no length, and no content.
    let is_open = request.headers.get("transfer-encoding").is_some();
    if length.is_none() && is_open {
        let words = "the length of a file has to be known: Content-Length";
        return Err(Trouble::said(411, "M_UNKNOWN", words));
    }
    let kind = request.headers.get("content-type");
    let kind = kind.filter(|kind| kind.is_ascii() && kind.len() <= MOST_NAME);
    let name = parameter(&request.query, "filename").filter(|name| !name.is_empty());
    Ok(NewUpload {
        length: length.unwrap_or(0),
        name: name.map(|name| name.chars().take(MOST_NAME).collect()),
        media_type: kind.map(str::to_owned),
    })
}

fn is_picture(media: &Media) -> bool {
    let kind = media.found.media_type.as_deref();
    kind.is_some_and(|kind| kind.starts_with("image/")) && media.found.size <= MOST_THUMBNAIL
}

/// Adds the headers about a file. A file that is not certain to be safe to show is saved.
fn described(response: Response, media: &Media, name: Option<String>) -> Response {
    let name = name
        .filter(|name| !name.is_empty())
        .or_else(|| media.found.name.clone());
    let essence = |kind: &str| {
        kind.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let declared = media.declared.as_deref().filter(|kind| is_type(kind));
    let (kind, inline) = match (&media.found.media_type, declared) {
        (Some(found), _) => (found.as_str(), true),
        (None, Some(declared)) => (declared, PLAIN_TYPES.contains(&essence(declared).as_str())),
        (None, None) => ("application/octet-stream", false),
    };
    response
        .with("content-type", kind)
        .with("content-disposition", disposition(inline, name.as_deref()))
        .with("content-security-policy", POLICY)
        .with("cross-origin-resource-policy", "cross-origin")
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with("cache-control", "private, max-age=31536000, immutable")
        .with("accept-ranges", "bytes")
}

/// Returns whether a text can be a media type.
fn is_type(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._;= \"".contains(&byte);
    text.contains('/') && text.bytes().all(sign)
}

/// Returns the error for a file that was not accepted.
fn refused(err: UploadError) -> Trouble {
    let words = err.to_string();
    match err {
        UploadError::NotFound => Trouble::not_found("there is no such name for a file"),
        UploadError::TooLarge { .. } | UploadError::Surplus { .. } => {
            Trouble::said(413, "M_TOO_LARGE", words)
        }
        UploadError::Quota { .. } => Trouble::forbidden(words),
        UploadError::NoRoom | UploadError::DiskFull => Trouble::said(503, "M_UNKNOWN", words),
        UploadError::TooMany { .. }
        | UploadError::TooManyAtOnce { .. }
        | UploadError::Crowded
        | UploadError::Locked => Trouble::Wait(words),
        UploadError::Offset(_) | UploadError::Shown => {
            Trouble::said(409, "M_CANNOT_OVERWRITE_MEDIA", words)
        }
        UploadError::Failed(err) => err.into(),
    }
}
