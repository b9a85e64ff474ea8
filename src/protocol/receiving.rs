//! Bodies that are files: from a request into an upload.

use super::web::{Body, BodyError};
use crate::service::{Intake, Progress, UploadError};

/// Why a body did not become what was announced. What came of it is kept.
pub(super) enum Stopped {
    /// The service refuses or fails.
    Upload(UploadError),
    /// The body ended too early.
    Body(BodyError),
}

/// Takes a body into an upload, until it ends, is more than enough, or somebody else wants to go on.
pub(super) async fn receive(mut intake: Intake, mut body: Body) -> Result<Progress, Stopped> {
    let mut trouble = None;
    loop {
        let piece = tokio::select! {
            piece = body.next() => piece,
            () = intake.ended() => Some(Err(BodyError::Silent)),
        };
        match piece {
            None => break,
            Some(Ok(piece)) => {
                if let Err(err) = intake.push(&piece).await {
                    trouble = Some(Stopped::Upload(err));
                    break;
                }
            }
            Some(Err(err)) => {
                trouble = Some(Stopped::Body(err));
                break;
            }
        }
        if intake.is_failed() {
            break;
        }
    }
    drop(body);
    let progress = intake.finish().await.map_err(Stopped::Upload)?;
    match trouble {
        Some(trouble) => Err(trouble),
        None => Ok(progress),
    }
}
