//! `get_update` by time: pages that end at the end of a second, since the next page is requested by second.
//!
//! Source: MTP 1.0 revision 17, `get_update`.

use super::error::MtpError;
use crate::model::{Form, Timestamp};
use crate::service::{Cursor, Service, SignedIn, Updates, Within};

/// The most messages that an answer by time may hold in order to end at the end of a second.
const MAX_IN_A_SECOND: usize = 1000;

/// The place where an answer by time stopped inside a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resume {
    /// The second; a request for it again continues after `after`.
    second: i64,
    /// How far into that second the answers have come.
    after: Cursor,
}

/// What changed since a time.
pub(super) struct BySecond {
    /// What changed.
    pub(super) updates: Updates,
    /// The second from which to ask next.
    pub(super) next_second: i64,
    /// Set if that second is the one in which this answer stopped.
    pub(super) resume: Option<Resume>,
}

/// Returns what changed at or after a second, up to the end of a second if possible.
///
/// # Errors
/// The database cannot be read.
pub(super) async fn updates_since(
    service: &Service,
    user: &SignedIn,
    form: Form,
    second: i64,
    resume: Option<Resume>,
) -> Result<BySecond, MtpError> {
    let ends = |updates: Updates, next_second: i64| BySecond {
        updates,
        next_second,
        resume: None,
    };
    // Taken before the read, so that no change falls between what it shows and this time.
    let now = service.settled_until().seconds();
    let after = match resume {
        Some(resume) if resume.second == second => resume.after,
        _ => Cursor::after(service.position_before(second).await?),
    };
    let all = Within {
        form,
        ..Within::default()
    };
    let page = service.updates_within(user, after, all).await?;
    let (Some(last), Some(next)) = (page.last_at, page.next_at) else {
        return Ok(ends(page, now));
    };
    let (last, next) = (last.seconds(), next.seconds());
    if next > last {
        return Ok(ends(page, next));
    }
    // The last second continues after this page: leave it to the next answer,
    let before_it = Within {
        before: Some(Timestamp::from_seconds(last)),
        ..all
    };
    let whole = service.updates_within(user, after, before_it).await?;
    if whole.last_at.is_some() {
        return Ok(ends(whole, last));
    }
    // or, if there is no other second in this page, take all of it,
    let all_of_it = Within {
        before: Some(Timestamp::from_seconds(last.saturating_add(1))),
        max_messages: Some(MAX_IN_A_SECOND),
        ..all
    };
    let longer = service.updates_within(user, after, all_of_it).await?;
    match longer.next_at.map(Timestamp::seconds) {
        None => Ok(ends(longer, now)),
        Some(next) if next > last => Ok(ends(longer, next)),
        // or record where this page ended.
        Some(_) => Ok(BySecond {
            next_second: last,
            resume: Some(Resume {
                second: last,
                after: page.cursor,
            }),
            updates: page,
        }),
    }
}
