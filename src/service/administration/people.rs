//! Accounts, for administrators.

use super::{require_administrator, require_another};
use crate::auth::Password;
use crate::model::{AccountInfo, Act, By, Page, PublicId, UserId};
use crate::service::accounts::empty_account;
use crate::service::fields::check_name;
use crate::service::names;
use crate::service::passwords::Proof;
use crate::service::{Client, Field, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::audit::{self, Of};
use crate::store::{StoreError, Tx, View, accounts, credentials, sessions, user_admin, users};
use std::sync::Arc;

/// Changes to an account of another user; `None` keeps the present value.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Whether the account may be used.
    pub suspended: Option<bool>,
    /// Whether its user is an administrator.
    pub admin: Option<bool>,
    /// Limit of its files in bytes; inner `None`: as configured.
    pub quota: Option<Option<i64>>,
    /// The name that others read.
    pub username: Option<String>,
}

impl Service {
    /// Returns the accounts of this server, oldest first: only those whose login or name begins with
    /// `query` if it is given, starting after `after`.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::NotFound`] for an unknown place in the list.
    pub async fn list_users(
        &self,
        user: &SignedIn,
        query: Option<String>,
        after: Option<PublicId>,
    ) -> Result<Page<AccountInfo>, ServiceError> {
        let user = *user;
        let now = self.store.now();
        let directory = Arc::clone(&self.directory);
        let mut page = self
            .store
            .read(move |view| {
                require_administrator(view, &user, now)?;
                let after = after
                    .map(|uuid| user_admin::place(view, uuid))
                    .transpose()?
                    .map(|place| place.ok_or(Refusal::NotFound(Thing::User)))
                    .transpose()?;
                let Some(query) = query.filter(|query| !query.trim().is_empty()) else {
                    return Ok(user_admin::page(view, after)?);
                };
                let found = directory.matching(view, &query)?;
                let rest = found.into_iter().filter(|id| Some(*id) > after);
                let limit = usize::try_from(Page::<AccountInfo>::LIMIT).unwrap_or(usize::MAX);
                let mut rows = Vec::new();
                for id in rest.take(limit) {
                    rows.extend(user_admin::by_id(view, id)?);
                }
                Ok::<_, ServiceError>(Page::of(rows))
            })
            .await?;
        for account in &mut page.rows {
            if !self.hub.sessions_of(account.id).is_empty() {
                account.seen_at = Some(now);
            }
        }
        Ok(page)
    }

    /// Changes an account of another user. Changes to administrator rights require the caller's own password.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`], [`Refusal::PasswordNeeded`], [`Refusal::BadCredentials`],
    /// [`Refusal::NotFound`], [`Refusal::LastAdministrator`], [`Refusal::NameTaken`], the refusal of
    /// values that are too large.
    pub async fn set_user(
        &self,
        user: &SignedIn,
        whom: PublicId,
        change: AccountChange,
        password: Option<Password>,
        client: &Client,
    ) -> Result<AccountInfo, ServiceError> {
        check_name(Field::Username, change.username.as_deref())?;
        let proof = match change.admin {
            Some(_) => Some(self.confirm(user, password, client).await?),
            None => None,
        };
        let user = *user;
        let rights_change = change.admin.is_some();
        let changed = self
            .store
            .write(move |tx| {
                require_administrator(tx, &user, tx.now())?;
                proof.map_or(Ok(()), |proof| proof.require(tx))?;
                let whom = present(tx, whom)?;
                note_changes(tx, user.by(), whom, &change)?;
                if change.admin == Some(false) || change.suspended == Some(true) {
                    require_another(tx, whom)?;
                }
                if let Some(admin) = change.admin {
                    accounts::set_admin(tx, whom, admin, user.by())?;
                }
                if let Some(quota) = change.quota {
                    accounts::set_quota(tx, whom, quota, user.by())?;
                }
                match change.suspended {
                    Some(true) => {
                        credentials::set_suspended(tx, whom, Some(tx.now()))?;
                        sessions::end_all(tx, whom, None)?;
                    }
                    Some(false) => credentials::set_suspended(tx, whom, None)?,
                    None => {}
                }
                if let Some(username) = change.username {
                    let edit = users::ProfileEdit {
                        username: names::of_user(tx, whom, Some(username))?,
                        ..users::ProfileEdit::default()
                    };
                    users::edit(tx, whom, &edit, user.origin)?;
                }
                let changed = user_admin::by_id(tx, whom)?;
                Ok::<_, ServiceError>(changed.ok_or(Refusal::NotFound(Thing::User))?)
            })
            .await;
        if rights_change {
            // Signed-in users are cached with their previous rights.
            self.hub.forget_sessions();
        }
        changed
    }

    /// Empties the account of another user, as its owner could do.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`], [`Refusal::PasswordNeeded`], [`Refusal::BadCredentials`],
    /// [`Refusal::NotFound`], [`Refusal::LastAdministrator`].
    pub async fn remove_account(
        &self,
        user: &SignedIn,
        whom: PublicId,
        password: Option<Password>,
        client: &Client,
    ) -> Result<(), ServiceError> {
        let proof = self.confirm(user, password, client).await?;
        let user = *user;
        self.store
            .write(move |tx| {
                require_administrator(tx, &user, tx.now())?;
                proof.require(tx)?;
                let whom = present(tx, whom)?;
                require_another(tx, whom)?;
                note_removal(tx, user.by(), whom)?;
                empty_account(tx, whom, None)
            })
            .await?;
        log::info!("an administrator removed an account");
        Ok(())
    }

    /// Checks the caller's own password again, for actions that a stolen device must not permit.
    pub(in crate::service) async fn confirm(
        &self,
        user: &SignedIn,
        password: Option<Password>,
        client: &Client,
    ) -> Result<Proof, ServiceError> {
        let (asked, now) = (*user, self.store.now());
        self.store
            .read(move |view| require_administrator(view, &asked, now))
            .await?;
        let password = password.ok_or(Refusal::PasswordNeeded)?;
        let login = self.own_login(user).await?;
        let session = Some(user.session.id);
        self.check_password(&login, password, client, session).await
    }
}

/// Notes what is changed about an account.
///
/// # Errors
/// The file cannot be written.
pub(in crate::service) fn note_changes(
    tx: &Tx<'_>,
    by: By,
    whom: UserId,
    change: &AccountChange,
) -> Result<(), StoreError> {
    let note = |act, detail: Option<String>| audit::note(tx, by, act, &Of::user(whom).now(detail));
    match change.admin {
        Some(true) => note(Act::AdminGiven, None)?,
        Some(false) => note(Act::AdminTaken, None)?,
        None => {}
    }
    if let Some(quota) = change.quota {
        note(Act::QuotaSet, quota.map(|bytes| bytes.to_string()))?;
    }
    match change.suspended {
        Some(true) => note(Act::AccountSuspended, None)?,
        Some(false) => note(Act::AccountResumed, None)?,
        None => {}
    }
    match &change.username {
        Some(username) => note(Act::AccountRenamed, Some(username.clone())),
        None => Ok(()),
    }
}

/// Notes that an account is removed, before it is: what it was called is gone after it.
///
/// # Errors
/// The file cannot be written.
pub(in crate::service) fn note_removal(
    tx: &Tx<'_>,
    by: By,
    whom: UserId,
) -> Result<(), StoreError> {
    let login = users::by_id(tx, whom)?.map(|user| user.login);
    audit::note(tx, by, Act::AccountRemoved, &Of::user(whom).called(login))
}

/// Returns the row number of an account that is not deleted.
pub(in crate::service) fn present(view: &View<'_>, uuid: PublicId) -> Result<UserId, ServiceError> {
    Ok(users::id_of(view, uuid)?.ok_or(Refusal::NotFound(Thing::User))?)
}
