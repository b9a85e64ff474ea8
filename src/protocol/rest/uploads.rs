//! Uploads: `/files`, by the protocol of resumable uploads.
//!
//! Source: tus 1.0.0, core with the extensions creation, creation-with-upload, expiration and termination.

use std::sync::Arc;

use super::super::receiving::{Stopped, receive};
use super::metadata::{self, Metadata};
use super::problem;
use crate::model::PublicId;
use crate::protocol::web::{Body, BodyError, Method, Request, Response, Route, Takes, Web};
use crate::service::{
    Client, NewUpload, Progress, Refusal, Service, ServiceError, SignedIn, Upload, UploadError,
};

/// The version of the protocol.
const VERSION: &str = "1.0.0";

/// The extensions that are supported.
const EXTENSIONS: &str = "creation,creation-with-upload,expiration,termination";

/// The type of a body that is a part of a file.
const PART_TYPE: &str = "application/offset+octet-stream";

/// The face of uploads.
pub struct Uploads {
    service: Arc<Service>,
}

/// The actions of this face.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Returns the supported version and extensions.
    Describe,
    /// Creates an upload.
    Begin,
    /// Returns how far an upload has come.
    Stand,
    /// Continues an upload.
    Go,
    /// Continues an upload, requested by another method.
    Override,
    /// Removes an upload.
    Remove,
}

/// A request without its body.
struct Asked {
    client: Client,
    token: Option<String>,
    id: Option<PublicId>,
    is_spoken: bool,
    is_part: bool,
    offset: Option<String>,
    length: Option<String>,
    is_deferred: bool,
    metadata: Option<String>,
    overridden: Option<String>,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let header = |name| request.headers.get(name);
        let owned = |name| header(name).map(str::to_owned);
        let kind = header("content-type").and_then(|kind| kind.split(';').next());
        Self {
            client: Client {
                neighbourhood: request.peer.address.into(),
                ..Client::default()
            },
            token: request.bearer().map(str::to_owned),
            id: request
                .captured
                .first()
                .and_then(|text| PublicId::from_hex(text)),
            is_spoken: header("tus-resumable") == Some(VERSION),
            is_part: kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(PART_TYPE)),
            offset: owned("upload-offset"),
            length: owned("upload-length"),
            is_deferred: header("upload-defer-length").is_some(),
            metadata: owned("upload-metadata"),
            overridden: owned("x-http-method-override"),
        }
    }
}

/// An answer that is not a success.
enum Refused {
    /// Refused by the protocol.
    Status(u16, &'static str),
    /// Refused by the service.
    Upload(UploadError),
    /// The body ended too early; the bytes that arrived are kept.
    Body(BodyError),
}

impl From<UploadError> for Refused {
    fn from(err: UploadError) -> Self {
        Self::Upload(err)
    }
}

impl From<ServiceError> for Refused {
    fn from(err: ServiceError) -> Self {
        Self::Upload(err.into())
    }
}

impl From<Stopped> for Refused {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Upload(err) => Self::Upload(err),
            Stopped::Body(err) => Self::Body(err),
        }
    }
}

impl Uploads {
    /// Returns the face.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    fn max_size(&self) -> String {
        self.service.limits().files.max_size.to_string()
    }

    fn describe(&self) -> Response {
        Response::new(204)
            .with("tus-version", VERSION)
            .with("tus-extension", EXTENSIONS)
            .with("tus-max-size", self.max_size())
    }

    async fn user(&self, asked: &Asked) -> Result<SignedIn, Refused> {
        let token = asked.token.as_deref().unwrap_or_default();
        let user = self.service.admit_bearer(token, &asked.client).await?;
        user.permit("upload")?;
        Ok(user)
    }

    async fn act(&self, action: Action, asked: Asked, body: Body) -> Result<Response, Refused> {
        let user = self.user(&asked).await?;
        if !asked.is_spoken {
            return Err(Refused::Status(
                412,
                "this server speaks tus 1.0.0; say so in Tus-Resumable",
            ));
        }
        match action {
            Action::Describe => Ok(self.describe()),
            Action::Begin => self.begin(&user, &asked, body).await,
            Action::Stand => self.stand(&user, &asked).await,
            Action::Go => self.go(&user, &asked, body).await,
            Action::Override if asked.overridden.as_deref() == Some(Method::Patch.as_str()) => {
                self.go(&user, &asked, body).await
            }
            Action::Override => Err(Refused::Status(
                405,
                "an upload goes on by PATCH, or by POST with X-HTTP-Method-Override: PATCH",
            )),
            Action::Remove => {
                let id = asked.id.ok_or(UploadError::NotFound)?;
                self.service.remove_upload(&user, id).await?;
                Ok(Response::new(204))
            }
        }
    }

    async fn begin(&self, user: &SignedIn, asked: &Asked, body: Body) -> Result<Response, Refused> {
        if asked.is_deferred {
            return Err(Refused::Status(
                400,
                "the length has to be known: Upload-Defer-Length is not offered",
            ));
        }
        let length = number(asked.length.as_deref()).ok_or(Refused::Status(
            400,
            "Upload-Length is missing, or no number of bytes",
        ))?;
        let metadata = asked.metadata.as_deref().unwrap_or_default();
        let Metadata { name, media_type } =
            Metadata::read(metadata).ok_or(Refused::Status(400, metadata::EXPECTED))?;
        let new = NewUpload {
            length,
            name,
            media_type,
        };
        let upload = self.service.begin_upload(user, new).await?;
        let mut response =
            Response::new(201).with("location", format!("/files/{}", upload.id.hex()));
        let mut expires_at = upload.expires_at;
        if asked.is_part || length == 0 {
            let offset = match self.first_part(user, &upload, body).await {
                Ok(progress) => {
                    expires_at = progress.expires_at;
                    progress.offset
                }
                Err(Refused::Upload(err @ UploadError::Surplus { .. })) => return Err(err.into()),
                // The upload exists and its owner gets its address: otherwise the client would
                // create another one, forever. The reason why its bytes are not accepted is
                // reported when the client continues.
                Err(_) => self.service.find_upload(user, upload.id).await?.offset,
            };
            response = response.with("upload-offset", offset.to_string());
        }
        Ok(response.with("upload-expires", expires_at.http_date()))
    }

    /// Receives the part that came with the creation of an upload.
    async fn first_part(
        &self,
        user: &SignedIn,
        upload: &Upload,
        body: Body,
    ) -> Result<Progress, Refused> {
        let intake = self.service.resume_upload(user, upload.id, 0).await?;
        Ok(receive(intake, body).await?)
    }

    async fn stand(&self, user: &SignedIn, asked: &Asked) -> Result<Response, Refused> {
        let id = asked.id.ok_or(UploadError::NotFound)?;
        let upload = self.service.find_upload(user, id).await?;
        let metadata = Metadata {
            name: upload.name,
            media_type: upload.media_type,
        };
        let mut response = Response::new(200)
            .with("upload-offset", upload.offset.to_string())
            .with("upload-length", upload.length.to_string())
            .with("upload-expires", upload.expires_at.http_date())
            .with("cache-control", "no-store");
        if let Some(metadata) = metadata.to_header() {
            response = response.with("upload-metadata", metadata);
        }
        Ok(response)
    }

    async fn go(&self, user: &SignedIn, asked: &Asked, body: Body) -> Result<Response, Refused> {
        let id = asked.id.ok_or(UploadError::NotFound)?;
        // First checks whether the upload exists, then whether the request is valid.
        self.service.find_upload(user, id).await?;
        if !asked.is_part {
            return Err(Refused::Status(
                415,
                "a part of a file has the type application/offset+octet-stream",
            ));
        }
        let offset = number(asked.offset.as_deref()).ok_or(Refused::Status(
            400,
            "Upload-Offset is missing, or no number of bytes",
        ))?;
        let intake = self.service.resume_upload(user, id, offset).await?;
        let progress = receive(intake, body).await?;
        Ok(Response::new(204)
            .with("upload-offset", progress.offset.to_string())
            .with("upload-expires", progress.expires_at.http_date()))
    }

    fn refused(&self, refused: Refused) -> Response {
        let (status, detail) = match refused {
            Refused::Status(status, detail) => (status, detail.to_owned()),
            Refused::Body(err) => (err.status(), err.to_string()),
            Refused::Upload(err) => (status_of(&err), told(&err)),
        };
        let mut response = problem(status, &detail);
        response = match status {
            401 => response.with("www-authenticate", "Bearer"),
            412 => response.with("tus-version", VERSION),
            413 => response
                .with("tus-max-size", self.max_size())
                // The rest of the body is not read.
                .with("connection", "close"),
            423 | 429 | 503 => response.with("retry-after", "1"),
            _ => response,
        };
        response
    }
}

fn status_of(err: &UploadError) -> u16 {
    match err {
        UploadError::NotFound => 404,
        UploadError::Locked => 423,
        UploadError::Offset(_) => 409,
        UploadError::TooLarge { .. }
        | UploadError::Surplus { .. }
        | UploadError::Quota { .. }
        | UploadError::NoRoom => 413,
        UploadError::DiskFull => 507,
        UploadError::TooMany { .. }
        | UploadError::TooManyAtOnce { .. }
        | UploadError::Failed(ServiceError::Refused(Refusal::TooManyRequests { .. })) => 429,
        UploadError::Shown
        | UploadError::Failed(ServiceError::Refused(Refusal::OutOfScope | Refusal::NotForBots)) => {
            403
        }
        UploadError::Failed(ServiceError::Refused(_)) => 401,
        UploadError::Crowded | UploadError::Failed(_) => 503,
    }
}

fn told(err: &UploadError) -> String {
    match err {
        UploadError::Failed(ServiceError::Refused(Refusal::TooManyRequests { .. })) => {
            "too many requests".to_owned()
        }
        UploadError::Failed(ServiceError::Refused(Refusal::OutOfScope)) => {
            "this token does not let its bot send files".to_owned()
        }
        UploadError::Failed(ServiceError::Refused(_)) => {
            "this session is unknown or has ended".to_owned()
        }
        UploadError::Failed(err) => {
            log::error!("an upload failed: {err}");
            "the file cannot be stored at present".to_owned()
        }
        err => err.to_string(),
    }
}

/// Reads digits and nothing else.
fn number(text: Option<&str>) -> Option<u64> {
    let text = text?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // The stored number is signed.
    let number: Option<i64> = digits.then(|| text.parse().ok()).flatten();
    number.map(i64::unsigned_abs)
}

impl Web for Uploads {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        // The allowed length of a body depends on the upload.
        let pieces = Takes::Pieces(u64::MAX);
        let route = |method, pattern| Route::new(method, pattern).with_bearer();
        vec![
            (Route::new(Method::Options, "/files"), Action::Describe),
            (Route::new(Method::Options, "/files/{id}"), Action::Describe),
            (route(Method::Post, "/files").takes(pieces), Action::Begin),
            (route(Method::Head, "/files/{id}"), Action::Stand),
            (
                route(Method::Patch, "/files/{id}").takes(pieces),
                Action::Go,
            ),
            (
                route(Method::Post, "/files/{id}").takes(pieces),
                Action::Override,
            ),
            (route(Method::Delete, "/files/{id}"), Action::Remove),
        ]
    }

    async fn answer(&self, action: Action, mut request: Request) -> Response {
        if let Action::Describe = action {
            return self.describe();
        }
        let asked = Asked::from(&request);
        let body = std::mem::replace(&mut request.body, Body::empty());
        drop(request);
        let answered = self.act(action, asked, body).await;
        answered
            .unwrap_or_else(|refused| self.refused(refused))
            .with("tus-resumable", VERSION)
    }

    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        Some(problem(status, detail).with("tus-resumable", VERSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_that_can_be_stored() {
        assert_eq!(number(Some("0")), Some(0));
        assert_eq!(number(Some("9223372036854775807")), Some(i64::MAX as u64));
        for text in ["", "-1", "+1", "1.0", "9223372036854775808", " 1", "x"] {
            assert_eq!(number(Some(text)), None, "{text}");
        }
    }
}
