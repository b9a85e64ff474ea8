//! One's own account: the data that only its owner sees.

use std::sync::Arc;

use super::{Service, ServiceError};
use crate::model::{Event, News, OwnAccount, UserId};
use crate::store::{View, accounts};

impl Service {
    /// Returns the configuration that affects accounts.
    pub(super) fn as_configured(&self) -> Configured {
        Configured {
            members_invite: self.settings.members_invite,
            members_make_bots: self.settings.members_make_bots,
            previews: self.previews.is_on(),
            quota: self.limits().files.user_quota,
        }
    }

    /// Completes an account event with the values that depend on the configuration.
    pub(super) fn complete_account(&self, event: &mut Event) {
        if let News::Account(account) = &mut event.news {
            complete(Arc::make_mut(account), self.as_configured());
        }
    }
}

/// The configuration that affects accounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Configured {
    members_invite: bool,
    members_make_bots: bool,
    previews: bool,
    quota: u64,
}

/// Returns an account as its owner sees it with this configuration.
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
