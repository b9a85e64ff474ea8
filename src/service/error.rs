//! Why the service does not do what it was asked.

use std::time::Duration;

use crate::auth::HashError;
use crate::model::InvalidLogin;
use crate::store::StoreError;

/// A refusal or failure, in words that a user may read; what is for the log alone is in the source.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Wrong login or password; never says which.
    #[error("wrong login or password")]
    BadCredentials,
    /// No session of that user has this token.
    #[error("this session is unknown or has ended; log in again")]
    NoSession,
    /// Too many failed attempts.
    #[error("too many failed attempts; try again in {} seconds", .0.as_secs().max(1))]
    Throttled(Duration),
    /// Too many accounts were made from that address, or by everybody.
    #[error("too many accounts were made lately; try again in {} minutes", .0.as_secs().div_ceil(60).max(1))]
    TooManyAccounts(Duration),
    /// Somebody has that login.
    #[error("this login is taken; choose another")]
    LoginTaken,
    /// The login breaks a rule.
    #[error("{0}")]
    InvalidLogin(#[from] InvalidLogin),
    /// The address is none.
    #[error("this is no e-mail address")]
    InvalidEmail,
    /// Nobody can register.
    #[error("registration is closed on this server; ask its administrator for an account")]
    RegistrationClosed,
    /// An invitation is needed, and there is none or it is used up.
    #[error("this server registers by invitation; ask a member for a code that is still good")]
    InvitationRequired,
    /// No such thing, or none that this user may know of.
    #[error("no such {0}; it may have been removed, or you are not a member")]
    NotFound(&'static str),
    /// The user may know of it, but not do this.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Something larger than the server takes.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// The request lacks something, or it makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// More users asked for than the server gives.
    #[error("more than {0} users in one request; ask for fewer")]
    TooManyUsers(usize),
    /// That chat between the two exists.
    #[error("there is a chat of these two already; look for it in all_flow")]
    ChatExists,
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

impl From<StoreError> for ServiceError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Busy
            | StoreError::Overloaded
            | StoreError::Unwritable(_)
            | StoreError::SyncFailed(_)
            | StoreError::Stopped(_)
            | StoreError::Closed => Self::Unavailable(err),
            other => Self::Store(other),
        }
    }
}
