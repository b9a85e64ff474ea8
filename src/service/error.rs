//! Why the service does not do what it was asked.

use crate::auth::HashError;
use crate::model::InvalidLogin;
use crate::service::refusal::Refusal;
use crate::store::StoreError;

/// A refusal, which each face words, or a failure, whose cause is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It was refused.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// So many passwords wait to be checked that this one is refused.
    #[error("the server has too much to do; try again in a few seconds")]
    Overloaded,
    /// Writing does not work at present.
    #[error("the server cannot store anything at present; try again later")]
    Unavailable(#[source] StoreError),
    /// The server failed.
    #[error("the server failed")]
    Store(#[source] StoreError),
    /// Hashing a password failed.
    #[error("the server failed")]
    Hash(#[from] HashError),
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<InvalidLogin> for ServiceError {
    fn from(rule: InvalidLogin) -> Self {
        Self::Refused(Refusal::BadLogin(rule))
    }
}

impl From<StoreError> for ServiceError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Busy
            | StoreError::Overloaded
            | StoreError::Unwritable(_)
            | StoreError::SyncFailed(_)
            | StoreError::Stopped(_)
            | StoreError::Closed => Self::Unavailable(err),
            StoreError::SearchUnready(percent) => Refusal::SearchUnready { percent }.into(),
            other => Self::Store(other),
        }
    }
}
