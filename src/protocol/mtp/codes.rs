//! Which answer has which code and status. Source: MTP 1.0 revision 17, Errors.

#![deny(clippy::wildcard_enum_match_arm)]

use super::error::MtpError;
use super::wording;
use crate::model::Page;

/// A code with its status text.
pub(super) type Code = (u16, &'static str);

pub(super) const OK: Code = (200, "OK");
pub(super) const CREATED: Code = (201, "Created");
pub(super) const ACCEPTED: Code = (202, "Accepted");
pub(super) const PARTIAL: Code = (206, "Partial Content");

pub(super) const BAD_REQUEST: Code = (400, "Bad Request");
pub(super) const UNAUTHORIZED: Code = (401, "Unauthorized");
pub(super) const FORBIDDEN: Code = (403, "Forbidden");
pub(super) const NOT_FOUND: Code = (404, "Not Found");
pub(super) const METHOD_NOT_ALLOWED: Code = (405, "Method Not Allowed");
pub(super) const REQUEST_TIMEOUT: Code = (408, "Request Timeout");
pub(super) const CONFLICT: Code = (409, "Conflict");
pub(super) const UNSUPPORTED: Code = (415, "Unsupported Media Type");
pub(super) const TOO_MANY: Code = (429, "Too Many Requests");
pub(super) const INTERNAL: Code = (500, "Internal Server Error");
pub(super) const UNAVAILABLE: Code = (503, "Service Unavailable");
pub(super) const VERSION: Code = (505, "Version Not Supported");

/// The code of an answer with a part of a list.
pub(super) fn of_page<T>(page: &Page<T>) -> Code {
    if page.is_last { OK } else { PARTIAL }
}

/// The code of an error; a new variant does not compile without one.
pub(super) fn of(err: &MtpError) -> Code {
    match err {
        MtpError::Malformed(_) => UNSUPPORTED,
        MtpError::Version { .. } => VERSION,
        MtpError::UnknownMethod => METHOD_NOT_ALLOWED,
        MtpError::Missing(_) => BAD_REQUEST,
        MtpError::NoToken => UNAUTHORIZED,
        MtpError::TimedOut => REQUEST_TIMEOUT,
        MtpError::Panicked => INTERNAL,
        MtpError::BadRange(_) => FORBIDDEN,
        MtpError::Service(err) => wording::of_service(err).0,
    }
}
