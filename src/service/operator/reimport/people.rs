//! The people of an export: accounts that are here, and accounts that are created.

use super::super::exported::{ExportedUser, OwnChoices, Person};
use super::super::legacy::{login_like, numbered};
use super::{NOBODY, Reimport};
use crate::model::{By, DELETED_LOGIN, Login, PublicId, Timestamp, User, UserId};
use crate::service::ServiceError;
use crate::store::{accounts, imports, users};

impl Reimport<'_> {
    /// Imports an account.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn user(&mut self, user: ExportedUser) -> Result<(), ServiceError> {
        let own = user.own.clone();
        let is_admin = user.is_admin;
        let id = self.account(user).await?;
        if let Some(own) = own {
            self.choices.push((id, own));
        }
        if is_admin
            && self.created.contains(&id)
            && let Some(login) = self.without_password.last()
        {
            self.admins.push(login.clone());
        }
        Ok(())
    }

    /// Sets what a user chose whose account is in this export.
    pub fn own(&mut self, user: PublicId, own: OwnChoices) {
        if let Some(id) = self.people.get(&user) {
            self.choices.push((*id, own));
        }
    }

    /// Returns the account of somebody, which is created if it does not exist.
    pub(super) async fn known(&mut self, person: &Person) -> Result<UserId, ServiceError> {
        if let Some(id) = self.people.get(&person.uuid) {
            return Ok(*id);
        }
        let user = ExportedUser {
            person: person.clone(),
            email: None,
            bio: None,
            avatar: None,
            is_admin: false,
            is_bot: false,
            is_suspended: false,
            created_at: Timestamp::now(),
            own: None,
        };
        self.account(user).await
    }

    async fn account(&mut self, user: ExportedUser) -> Result<UserId, ServiceError> {
        let Person {
            uuid,
            login,
            username,
        } = user.person;
        if let Some(id) = self.people.get(&uuid) {
            return Ok(*id);
        }
        let is_deleted = login.is_empty() || login == DELETED_LOGIN;
        let (by_id, by_login) = self.present(uuid, &login).await?;
        if let Some(present) = by_id {
            self.report.users.present += 1;
            self.people.insert(uuid, present.id);
            return Ok(present.id);
        }
        if let Some(present) = by_login.filter(|it| it.is_bot == user.is_bot && !is_deleted) {
            self.report.users.present += 1;
            self.report.notes.push(format!(
                "user {login:?} has another id here: the account with that login is taken as the same"
            ));
            self.people.insert(uuid, present.id);
            return Ok(present.id);
        }
        let free = if is_deleted {
            None
        } else {
            Some(self.free_login(&login).await?)
        };
        if let Some(free) = free.as_ref().filter(|_| !user.is_bot) {
            self.without_password.push(free.as_str().to_owned());
        }
        self.report.users.taken += 1;
        let id = if self.dry_run {
            NOBODY
        } else {
            let new = imports::User {
                uuid,
                username: if is_deleted {
                    Some(DELETED_LOGIN.to_owned())
                } else {
                    username
                },
                login: free,
                password_hash: None,
                email: user.email,
                bio: user.bio,
                avatar: user.avatar.filter(|_| !is_deleted),
                is_bot: user.is_bot,
                is_suspended: user.is_suspended,
                created_at: user.created_at,
            };
            let store = &self.service.store;
            store
                .write(move |tx| Ok::<_, ServiceError>(imports::user(tx, &new)?))
                .await?
        };
        self.created.insert(id);
        self.people.insert(uuid, id);
        Ok(id)
    }

    /// Returns the accounts here with an id and with a login.
    async fn present(
        &self,
        uuid: PublicId,
        login: &str,
    ) -> Result<(Option<User>, Option<User>), ServiceError> {
        let login = login.to_owned();
        self.service
            .store
            .read(move |view| Ok((users::by_uuid(view, uuid)?, users::by_login(view, &login)?)))
            .await
    }

    /// Returns a login that nobody has here, as similar to the given one as possible.
    async fn free_login(&mut self, wanted: &str) -> Result<Login, ServiceError> {
        let like = login_like(wanted, i64::try_from(self.people.len()).unwrap_or(0));
        let mut count = 1;
        loop {
            let login = numbered(&like, count)?;
            let (_, taken) = self.present(PublicId::NOTHING, login.as_str()).await?;
            if taken.is_none() && self.logins.insert(login.key()) {
                if login.as_str() != wanted {
                    self.report.notes.push(format!(
                        "user {wanted:?} signs in as {:?} from now on",
                        login.as_str()
                    ));
                }
                return Ok(login);
            }
            count += 1;
        }
    }

    pub(super) async fn choose(&self, user: UserId, own: OwnChoices) -> Result<(), ServiceError> {
        let blocked = own.blocked.iter().filter_map(|it| self.people.get(it));
        let settings = own
            .settings
            .iter()
            .filter_map(|(flow, chosen)| Some((*self.flows.get(flow)?, *chosen)));
        let choices = imports::Choices {
            blocked: blocked.copied().collect(),
            settings: settings.collect(),
        };
        let store = &self.service.store;
        store
            .write(move |tx| {
                // The account may be of a run that was interrupted; one that is in use keeps what it chose here.
                if imports::choose(tx, user, &choices)? {
                    accounts::edit(tx, user, &own.account, By::OPERATOR)?;
                }
                Ok::<_, ServiceError>(())
            })
            .await
    }
}
