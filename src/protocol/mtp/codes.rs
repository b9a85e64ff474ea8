//! Which answer has which code and status. Source: MTP 1.0 revision 17, Errors.

#![deny(clippy::wildcard_enum_match_arm)]

use super::error::MtpError;
use crate::service::ServiceError;

/// A code with its status text.
pub(super) type Code = (u16, &'static str);

pub(super) const OK: Code = (200, "OK");
pub(super) const CREATED: Code = (201, "Created");
pub(super) const PARTIAL: Code = (206, "Partial Content");

const BAD_REQUEST: Code = (400, "Bad Request");
const UNAUTHORIZED: Code = (401, "Unauthorized");
const FORBIDDEN: Code = (403, "Forbidden");
const NOT_FOUND: Code = (404, "Not Found");
const METHOD_NOT_ALLOWED: Code = (405, "Method Not Allowed");
const REQUEST_TIMEOUT: Code = (408, "Request Timeout");
const CONFLICT: Code = (409, "Conflict");
const UNSUPPORTED: Code = (415, "Unsupported Media Type");
const TOO_MANY: Code = (429, "Too Many Requests");
const INTERNAL: Code = (500, "Internal Server Error");
const UNAVAILABLE: Code = (503, "Service Unavailable");
const VERSION: Code = (505, "Version Not Supported");

/// The code of an error; a new variant does not compile without one.
pub(super) fn of(err: &MtpError) -> Code {
    match err {
        MtpError::Malformed(_) => UNSUPPORTED,
        MtpError::Version { .. } => VERSION,
        MtpError::UnknownMethod => METHOD_NOT_ALLOWED,
        MtpError::Missing(_) => BAD_REQUEST,
        MtpError::NoToken => UNAUTHORIZED,
        MtpError::TooManyRequests(_) => TOO_MANY,
        MtpError::TimedOut => REQUEST_TIMEOUT,
        MtpError::Panicked => INTERNAL,
        MtpError::Service(err) => of_service(err),
    }
}

fn of_service(err: &ServiceError) -> Code {
    match err {
        ServiceError::BadCredentials | ServiceError::NoSession => UNAUTHORIZED,
        ServiceError::Throttled(_)
        | ServiceError::TooManyAccounts(_)
        | ServiceError::TooManyUsers(_) => TOO_MANY,
        ServiceError::LoginTaken | ServiceError::ChatExists => CONFLICT,
        ServiceError::InvalidLogin(_) | ServiceError::InvalidEmail => UNSUPPORTED,
        ServiceError::RegistrationClosed
        | ServiceError::InvitationRequired
        | ServiceError::NotAllowed(_)
        | ServiceError::TooLarge { .. } => FORBIDDEN,
        ServiceError::NotFound(_) => NOT_FOUND,
        ServiceError::Invalid(_) => BAD_REQUEST,
        ServiceError::Overloaded | ServiceError::Unavailable(_) => UNAVAILABLE,
        ServiceError::Store(_) | ServiceError::Hash(_) => INTERNAL,
    }
}
