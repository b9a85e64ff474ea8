//! The code and status of each answer. Source: MTP 1.0 revision 17, Errors.

#![deny(clippy::wildcard_enum_match_arm)]

use super::super::wording;
pub(super) use super::super::wording::Code;
use super::super::wording::{BAD_REQUEST, FORBIDDEN, INTERNAL, UNAUTHORIZED, UNSUPPORTED};
use super::error::MtpError;
use crate::model::Page;

pub(super) const OK: Code = (200, "OK");
pub(super) const CREATED: Code = (201, "Created");
pub(super) const ACCEPTED: Code = (202, "Accepted");
pub(super) const PARTIAL: Code = (206, "Partial Content");

pub(super) const METHOD_NOT_ALLOWED: Code = (405, "Method Not Allowed");
pub(super) const REQUEST_TIMEOUT: Code = (408, "Request Timeout");
pub(super) const VERSION: Code = (505, "Version Not Supported");

/// Returns the code of an answer that holds a part of a list.
pub(super) fn of_page<T>(page: &Page<T>) -> Code {
    if page.is_last { OK } else { PARTIAL }
}

/// Returns the code of an error; a new variant does not compile without one.
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
