//! Receives files: from the body of a request into an upload.

use super::web::{Body, BodyError};
use crate::service::{Intake, Progress, UploadError};

/// The reason why a body was not received in full. The bytes that arrived are kept.
pub(super) enum Stopped {
    /// The service refused or failed.
    Upload(UploadError),
    /// The body ended too early.
    Body(BodyError),
}

/// Receives a body into an upload, until it ends, is too long, or another request takes over.
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
