//! One's own account: what only its owner sees, and what of it is told.

use std::sync::Arc;

use super::{Service, ServiceError};
use crate::model::{Event, News, OwnAccount, UserId};
use crate::store::{View, accounts};

impl Service {
    /// What of accounts depends on how the server is configured.
    pub(super) fn as_configured(&self) -> Configured {
        Configured {
            members_invite: self.settings.members_invite,
            members_make_bots: self.settings.members_make_bots,
            previews: self.previews.is_on(),
            quota: self.limits().files.user_quota,
        }
    }

    /// Fills into news of an account what depends on how the server is configured.
    pub(super) fn complete_account(&self, event: &mut Event) {
        if let News::Account(account) = &mut event.news {
            complete(Arc::make_mut(account), self.as_configured());
        }
    }
}

/// What of accounts depends on how the server is configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Configured {
    members_invite: bool,
    members_make_bots: bool,
    previews: bool,
    quota: u64,
}

/// An account as its owner finds it on a server that is configured so.
pub(super) fn of(
    view: &View<'_>,
    user: UserId,
    configured: Configured,
) -> Result<Option<OwnAccount>, ServiceError> {
    let mut account = accounts::own(view, user)?;
    if let Some(account) = &mut account {
        complete(account, configured);
    }
    Ok(account)
}

fn complete(account: &mut OwnAccount, configured: Configured) {
    account.may_invite = !account.is_bot && (account.is_admin || configured.members_invite);
    account.may_make_bots = !account.is_bot && (account.is_admin || configured.members_make_bots);
    account.may_preview = configured.previews && !account.is_bot;
    let quota = i64::try_from(configured.quota).unwrap_or(i64::MAX);
    account.quota = account.quota.or(Some(quota));
}
