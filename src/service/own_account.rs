//! One's own account: what only its owner sees, and what of it is told.

use std::sync::Arc;

use super::{Service, ServiceError};
use crate::model::{Event, News, OwnAccount, UserId};
use crate::store::{View, accounts};

impl Service {
    /// Fills into news of an account what depends on how the server is configured.
    pub(super) fn complete_account(&self, event: &mut Event) {
        if let News::Account(account) = &mut event.news {
            complete(Arc::make_mut(account), self.settings.members_invite);
        }
    }
}

/// An account as its owner finds it on a server where members may invite, or may not.
pub(super) fn of(
    view: &View<'_>,
    user: UserId,
    members_invite: bool,
) -> Result<Option<OwnAccount>, ServiceError> {
    let mut account = accounts::own(view, user)?;
    if let Some(account) = &mut account {
        complete(account, members_invite);
    }
    Ok(account)
}

fn complete(account: &mut OwnAccount, members_invite: bool) {
    account.may_invite = !account.is_bot && (account.is_admin || members_invite);
}
