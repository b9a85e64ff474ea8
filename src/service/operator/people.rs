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

/// Changes to an account; `None` leaves as it is.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The name that others read.
    pub username: Option<String>,
    /// Known to the user alone; empty removes it.
    pub email: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// Whether the user is an administrator.
    pub is_admin: Option<bool>,
    /// Whether the user is a program.
    pub is_bot: Option<bool>,
    /// How many bytes of files the user may have; `Some(None)`: as configured.
    pub quota: Option<Option<i64>>,
}

/// An account with what belongs to it.
#[derive(Debug)]
pub struct UserStanding {
    /// The account.
    pub user: User,
    /// The flows that the user is in.
    pub flows: Vec<FlowSummary>,
    /// The devices that are signed in.
    pub sessions: Vec<SessionInfo>,
    /// Bytes of files that the user may have; 0: any number. `None`: as configured.
    pub quota: Option<i64>,
    /// Files that the user's messages show, forwarded ones left out, and bytes of them.
    pub files: (i64, i64),
    /// Uploads of the user that nothing shows, and bytes of them.
    pub uploads: (i64, i64),
    /// The name in Matrix, without the server.
    pub localpart: String,
}

impl Service {
    /// All accounts that are not deleted, oldest first, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, ServiceError> {
        self.store.read(|view| Ok(users::all(view)?)).await
    }

    /// The account with a login, however it is typed, for the operator.
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

    /// An account with its flows and sessions, for the operator.
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

    /// Changes an account, for the operator, and tells everybody.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or what is too large or malformed.
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
            // Who is signed in is remembered with the rights of before.
            self.hub.forget_sessions();
        }
        changed
    }

    /// Replaces a password and ends all sessions of the account, for the operator. Returns how many
    /// there were.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
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

    /// Keeps an account from logging in and ends its sessions, for the operator. Returns how many
    /// there were.
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

    /// Lets a suspended account log in again, for the operator.
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

    /// Empties an account as its owner could, for the operator.
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

    /// Ends all sessions of an account, for the operator. Returns how many there were.
    ///
    /// # Errors
    /// The file cannot be written.
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
