//! Users and their sessions, for the operator.

use crate::auth::Password;
use crate::model::{Act, By, FlowSummary, SessionInfo, Timestamp, User, UserId};
use crate::service::AccountChange;
use crate::service::accounts::empty_account;
use crate::service::administration::{note_changes, note_removal};
use crate::service::fields::{check_email, check_info, check_name};
use crate::service::names;
use crate::service::{Field, Refusal, Service, ServiceError, Thing};
use crate::store::audit::{self, Of};
use crate::store::{View, accounts, credentials, flows, localparts, sessions, uploads, users};

/// Changes to an account; `None` keeps the present value.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The name that others read.
    pub username: Option<String>,
    /// The email address, which only the user sees; empty removes it.
    pub email: Option<String>,
    /// A short description of the user.
    pub bio: Option<String>,
    /// Whether the user is an administrator.
    pub is_admin: Option<bool>,
    /// Whether the user is a program.
    pub is_bot: Option<bool>,
    /// Limit of the user's files in bytes; `Some(None)`: as configured.
    pub quota: Option<Option<i64>>,
}

/// An account with its flows, sessions and files.
#[derive(Debug)]
pub struct UserStanding {
    /// The account.
    pub user: User,
    /// The flows that the user is a member of.
    pub flows: Vec<FlowSummary>,
    /// The devices that are signed in.
    pub sessions: Vec<SessionInfo>,
    /// Limit of the user's files in bytes; 0: no limit. `None`: as configured.
    pub quota: Option<i64>,
    /// Number and bytes of the files in the user's messages, without forwarded ones.
    pub files: (i64, i64),
    /// Number and bytes of the user's uploads that no message shows.
    pub uploads: (i64, i64),
    /// The name in Matrix, without the server.
    pub localpart: String,
}

impl Service {
    /// Returns all accounts that are not deleted, oldest first, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, ServiceError> {
        self.store.read(|view| Ok(users::all(view)?)).await
    }

    /// Returns the account with a login, in any spelling, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn user(&self, login: &str) -> Result<User, ServiceError> {
        let login = login.to_owned();
        self.store
            .read(move |view| {
                users::by_login(view, &login)?
                    .ok_or(ServiceError::Refused(Refusal::NotFound(Thing::User)))
            })
            .await
    }

    /// Returns an account with its flows and sessions, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn standing_of(&self, login: &str) -> Result<UserStanding, ServiceError> {
        let login = login.to_owned();
        let now = Timestamp::now();
        self.store
            .read(move |view| {
                let user = users::by_login(view, &login)?.ok_or(Refusal::NotFound(Thing::User))?;
                let account = accounts::of_files(view, user.id)?;
                let (quota, bytes) = account.map_or((None, 0), |it| (it.quota, it.used));
                let named = localparts::of(view, user.id)?;
                Ok(UserStanding {
                    localpart: named.map(|named| named.localpart).unwrap_or_default(),
                    quota,
                    files: (accounts::count_files(view, user.id)?, bytes),
                    uploads: uploads::unshown(view, user.id, now)?,
                    flows: flows::of_user(view, user.id, flows::Roster::Brief)?,
                    sessions: sessions::list(view, Some(user.id), now)?,
                    user,
                })
            })
            .await
    }

    /// Changes an account, for the operator, and informs all users.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or the refusal of values that are too large or malformed.
    pub async fn change_user(
        &self,
        user: UserId,
        change: UserChange,
    ) -> Result<User, ServiceError> {
        check_email(change.email.as_deref().filter(|email| !email.is_empty()))?;
        check_name(Field::Username, change.username.as_deref())?;
        check_info(Field::Bio, change.bio.as_deref())?;
        let rights_change = change.is_admin.is_some();
        let changed = self
            .store
            .write(move |tx| {
                require_present(tx, user)?;
                let seen = AccountChange {
                    suspended: None,
                    admin: change.is_admin,
                    quota: change.quota,
                    username: change.username.clone(),
                };
                note_changes(tx, By::OPERATOR, user, &seen)?;
                if change.email.is_some() || change.bio.is_some() || change.is_bot.is_some() {
                    audit::note(tx, By::OPERATOR, Act::AccountChanged, &Of::user(user))?;
                }
                if let Some(is_admin) = change.is_admin {
                    accounts::set_admin(tx, user, is_admin, By::OPERATOR)?;
                }
                if let Some(is_bot) = change.is_bot {
                    users::set_bot(tx, user, is_bot)?;
                }
                if let Some(quota) = change.quota {
                    accounts::set_quota(tx, user, quota, By::OPERATOR)?;
                }
                let edit = users::ProfileEdit {
                    avatar_name: None,
                    username: names::of_user(tx, user, change.username)?,
                    email: change.email,
                    bio: change.bio,
                    avatar: None,
                };
                Ok(users::edit(tx, user, &edit, None)?)
            })
            .await;
        if rights_change {
            // Signed-in users are cached with their previous rights.
            self.hub.forget_sessions();
        }
        changed
    }

    /// Replaces a password and ends all sessions of the account, for the operator. Returns the number of
    /// sessions.
    ///
    /// # Errors
    /// [`Refusal::WeakPassword`]; [`Refusal::NotFound`].
    pub async fn replace_password(
        &self,
        user: UserId,
        password: Password,
    ) -> Result<usize, ServiceError> {
        let hash = self.hasher.hash(password, Vec::new()).await?;
        self.store
            .write(move |tx| {
                require_present(tx, user)?;
                credentials::set_password(tx, user, &hash)?;
                audit::note(tx, By::OPERATOR, Act::PasswordSet, &Of::user(user))?;
                Ok(sessions::end_all(tx, user, None)?)
            })
            .await
    }

    /// Prevents an account from logging in and ends its sessions, for the operator. Returns the number of
    /// sessions.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn suspend_user(&self, user: UserId) -> Result<usize, ServiceError> {
        self.store
            .write(move |tx| {
                require_present(tx, user)?;
                credentials::set_suspended(tx, user, Some(tx.now()))?;
                audit::note(tx, By::OPERATOR, Act::AccountSuspended, &Of::user(user))?;
                Ok(sessions::end_all(tx, user, None)?)
            })
            .await
    }

    /// Permits a suspended account to log in again, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn resume_user(&self, user: UserId) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                require_present(tx, user)?;
                audit::note(tx, By::OPERATOR, Act::AccountResumed, &Of::user(user))?;
                Ok(credentials::set_suspended(tx, user, None)?)
            })
            .await
    }

    /// Empties an account as its owner could do, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn remove_user(&self, user: UserId) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                require_present(tx, user)?;
                note_removal(tx, By::OPERATOR, user)?;
                empty_account(tx, user, None)
            })
            .await
    }

    /// Ends all sessions of an account, for the operator. Returns the number of sessions.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn end_sessions(&self, user: UserId) -> Result<usize, ServiceError> {
        self.store
            .write(move |tx| {
                audit::note(tx, By::OPERATOR, Act::SessionsEnded, &Of::user(user))?;
                Ok(sessions::end_all(tx, user, None)?)
            })
            .await
    }
}

/// Fails for an account that was deleted meanwhile.
fn require_present(view: &View<'_>, user: UserId) -> Result<(), ServiceError> {
    match users::by_id(view, user)? {
        Some(user) if !user.is_deleted => Ok(()),
        _ => Err(Refusal::NotFound(Thing::User).into()),
    }
}
