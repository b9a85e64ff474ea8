//! Errors of the service.

use crate::auth::HashError;
use crate::model::InvalidLogin;
use crate::service::refusal::Refusal;
use crate::store::StoreError;

/// A refusal, which each face puts into its own words, or a failure, whose cause is only logged.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request was refused.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Too many passwords wait to be checked, so this one is refused.
    #[error("the server has too much to do; try again in a few seconds")]
    Overloaded,
    /// Writing is not possible at present.
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
