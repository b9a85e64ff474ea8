//! Accounts: registration, profiles, passwords, deletion.

use std::sync::Arc;

use std::time::Instant;

use super::administration::{note, registration_mode, require_administrator};
use super::fields::{check_avatar, check_email, check_info, check_name};
use super::hashing::require_strong;
use super::invitations::{Newcomers, admit, join_new};
use super::names;
use super::passwords::askers;
use super::settings::MAX_AVATAR_BYTES;
use super::{
    Client, Field, Opened, Refusal, Service, ServiceError, SignedIn, UploadPlace, own_account,
    sent_files,
};
use crate::auth::{InviteCode, Password, Token};
use crate::config::Registration as Mode;
use crate::model::{
    AccountEdit, Act, By, Content, Flow, FlowId, Form, Login, Origin, OwnAccount, PublicId, User,
    UserId,
};
use crate::store::audit::Of;
use crate::store::{
    self, StoreError, Tx, accounts, bots, credentials, flow_edits, flows, invitations, members,
    membership, room_leaving, sessions, users,
};

/// The data with which a user registers.
#[derive(Debug)]
pub struct Registration {
    /// The login as typed.
    pub login: String,
    /// The password as sent.
    pub password: Password,
    /// The name that others read.
    pub username: Option<String>,
    /// The email address, which only the user sees.
    pub email: Option<String>,
    /// Whether the account belongs to a program.
    pub is_bot: bool,
    /// The invitation code.
    pub invitation: Option<String>,
    /// Whether any password is good: the client knows no more than revision 17.
    pub is_plain: bool,
}

/// An account that the operator creates.
#[derive(Debug)]
pub struct Account {
    /// The login as typed.
    pub login: String,
    /// Its password.
    pub password: Password,
    /// The name that others read.
    pub username: Option<String>,
    /// The email address, which only the user sees.
    pub email: Option<String>,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// Whether the account belongs to a program.
    pub is_bot: bool,
}

/// Changes to one's own profile; `None` keeps the present value.
#[derive(Debug, Default)]
pub struct ProfileChange {
    /// The name that others read.
    pub username: Option<String>,
    /// The email address, which only the user sees.
    pub email: Option<String>,
    /// A short description by the user.
    pub bio: Option<String>,
    /// The picture; empty removes it.
    pub avatar: Option<Content>,
    /// Id of one of the user's uploads that becomes the picture.
    pub avatar_upload: Option<PublicId>,
    /// Whether the picture keeps the id of the upload.
    pub keeps_name: bool,
    /// The old and the new password.
    pub password: Option<(Password, Password)>,
    /// Whether the other sessions survive a change of the password.
    pub keeps_sessions: bool,
    /// Changes that only the user sees.
    pub account: AccountEdit,
}

impl ProfileChange {
    /// Returns whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_seen_by_others() && self.account == AccountEdit::default()
    }

    /// Returns whether there is a change that everybody is told of.
    fn is_seen_by_others(&self) -> bool {
        self.username.is_some()
            || self.email.is_some()
            || self.bio.is_some()
            || self.avatar.is_some()
            || self.avatar_upload.is_some()
            || self.password.is_some()
    }
}

impl Service {
    /// Creates an account if the configuration permits it, and opens its first session.
    ///
    /// # Errors
    /// The rule of registration, logins or sizes that the request breaks; [`Refusal::LoginTaken`],
    /// [`Refusal::NameTaken`].
    pub async fn register(
        &self,
        wanted: Registration,
        client: &Client,
        origin: Option<Origin>,
    ) -> Result<Opened, ServiceError> {
        let login = Login::new(&wanted.login)?;
        check_email(wanted.email.as_deref())?;
        check_name(Field::Username, wanted.username.as_deref())?;
        let code = self.entry(wanted.invitation, client).await?;
        self.require_free(&login, wanted.username.as_deref())
            .await?;
        if !wanted.is_plain {
            require_strong(&wanted.password)?;
        }
        if code.is_none() {
            self.registrations.take(client.neighbourhood)?;
        }
        let askers = askers(None, client);
        let hash = self.hasher.hash_any(wanted.password, askers).await?;
        let mut new = users::NewUser {
            login,
            password_hash: Some(hash),
            username: wanted.username,
            email: wanted.email,
            is_admin: false,
            is_bot: wanted.is_bot,
        };
        let token = Token::mint();
        let mut session = self.new_session(UserId(0), &token, client);
        let configured = self.settings.registration;
        let members_invite = self.settings.members_invite;
        let user = self
            .store
            .write(move |tx| {
                let flow = enter(tx, code.as_ref(), configured, members_invite)?;
                names::require_free(tx, &new.login)?;
                new.username = names::of_new(tx, new.username.as_deref())?;
                let user = users::insert(tx, &new, origin).map_err(taken)?;
                session.user = user.id;
                sessions::insert(tx, &session)?;
                if let Some(flow) = flow {
                    join_new(tx, flow, user.id)?;
                }
                Ok::<_, ServiceError>(user)
            })
            .await?;
        log::info!("a user registered");
        Ok(Opened {
            uuid: user.uuid,
            token,
            ttl: self.settings.token_ttl,
        })
    }

    /// Checks whether registration is possible with this code. Returns the stored hash of a code that is
    /// to be used.
    async fn entry(
        &self,
        code: Option<String>,
        client: &Client,
    ) -> Result<Option<[u8; 32]>, ServiceError> {
        let hash = code.as_deref().map(InviteCode::hash_of);
        let (configured, now) = (self.settings.registration, self.store.now());
        let (mode, holds) = self
            .store
            .read(move |view| {
                let mode = registration_mode(view, configured)?;
                let found = hash
                    .map(|hash| invitations::find(view, &hash, now))
                    .transpose()?;
                let holds = found.flatten().is_some_and(|found| found.holds);
                Ok::<_, ServiceError>((mode, holds))
            })
            .await?;
        match mode {
            Mode::Closed => Err(Refusal::RegistrationClosed.into()),
            // The code is not needed, but it may lead to a flow.
            Mode::Open => Ok(hash.filter(|_| holds)),
            Mode::Invite => {
                let hash = hash.ok_or(Refusal::InvitationRequired)?;
                // Checked first, so that a guessed code costs no hashing.
                if holds {
                    return Ok(Some(hash));
                }
                self.guesses
                    .missed_code(client.neighbourhood, Instant::now())?;
                Err(Refusal::InvitationRequired.into())
            }
        }
    }

    /// Checks before a password is hashed; the transaction that creates the account checks again.
    async fn require_free(
        &self,
        login: &Login,
        username: Option<&str>,
    ) -> Result<(), ServiceError> {
        let (login, username) = (login.clone(), username.map(str::to_owned));
        self.store
            .read(move |view| {
                names::require_free(view, &login)?;
                names::of_new(view, username.as_deref()).map(drop)
            })
            .await
    }

    /// Creates an account for the operator, whatever the rule of registration.
    ///
    /// # Errors
    /// The rule of logins that the login breaks; [`Refusal::LoginTaken`], [`Refusal::NameTaken`].
    pub async fn add_account(&self, account: Account) -> Result<User, ServiceError> {
        self.insert_account(account, None, None).await
    }

    /// Creates an account for an administrator, whatever the rule of registration.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; those of [`add_account`](Self::add_account).
    pub async fn make_account(
        &self,
        user: &SignedIn,
        account: Account,
        client: &Client,
    ) -> Result<User, ServiceError> {
        let (by, now) = (*user, self.store.now());
        // A user who may not create accounts must not learn which exist.
        self.store
            .read(move |view| require_administrator(view, &by, now))
            .await?;
        let made = self.insert_account(account, Some(by), Some(client));
        let made = made.await?;
        log::info!("an administrator made an account");
        Ok(made)
    }

    async fn insert_account(
        &self,
        account: Account,
        by: Option<SignedIn>,
        client: Option<&Client>,
    ) -> Result<User, ServiceError> {
        let login = Login::new(&account.login)?;
        check_email(account.email.as_deref())?;
        check_name(Field::Username, account.username.as_deref())?;
        self.require_free(&login, account.username.as_deref())
            .await?;
        let askers = client.map_or_else(Vec::new, |client| askers(None, client));
        let mut new = users::NewUser {
            login,
            password_hash: Some(self.hasher.hash(account.password, askers).await?),
            username: account.username,
            email: account.email,
            is_admin: account.is_admin,
            is_bot: account.is_bot,
        };
        self.store
            .write(move |tx| {
                if let Some(by) = by {
                    require_administrator(tx, &by, tx.now())?;
                }
                names::require_free(tx, &new.login)?;
                new.username = names::of_new(tx, new.username.as_deref())?;
                let made = users::insert(tx, &new, None).map_err(taken)?;
                note(tx, by.as_ref(), Act::AccountMade, &Of::user(made.id))?;
                Ok(made)
            })
            .await
    }

    /// Changes one's own profile, and the password, which by default ends all other sessions. Returns the
    /// profile, with its picture in plain form, and the data that only its owner sees.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] for a wrong old password; [`Refusal::NameTaken`];
    /// [`Refusal::NoUpload`]; the refusal of values that are too large or malformed.
    pub async fn edit_profile(
        &self,
        user: &SignedIn,
        change: ProfileChange,
        client: &Client,
        form: Form,
    ) -> Result<(User, OwnAccount), ServiceError> {
        check_email(change.email.as_deref().filter(|email| !email.is_empty()))?;
        check_name(Field::Username, change.username.as_deref())?;
        check_info(Field::Bio, change.bio.as_deref())?;
        check_avatar(change.avatar.as_ref())?;
        let (is_seen, account) = (change.is_seen_by_others(), change.account);
        let password = match change.password {
            Some((old, new)) => {
                let login = self.own_login(user).await?;
                let session = Some(user.session.id);
                let proof = self.check_password(&login, old, client, session).await?;
                let askers = askers(Some(&Login::key_of(&login)), client);
                // Revision 17 accepts any password, and some of its clients send a hash.
                let hash = if form.is_rich() {
                    self.hasher.hash(new, askers).await?
                } else {
                    self.hasher.hash_any(new, askers).await?
                };
                Some((proof, hash))
            }
            None => None,
        };
        let upload = change.avatar_upload;
        let mut edit = users::ProfileEdit {
            username: change.username,
            email: change.email,
            bio: change.bio,
            avatar: change.avatar,
            avatar_name: upload.filter(|_| change.keeps_name),
        };
        let user = *user;
        let (session, by) = (user.session, user.by());
        let configured = self.as_configured();
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write(move |tx| {
                user.require(tx)?;
                counts.profile_change(session.user, &limits)?;
                if let Some(upload) = upload {
                    let (place, user) = (UploadPlace::Avatar, session.user);
                    let bounds = (Field::Avatar, MAX_AVATAR_BYTES);
                    edit.avatar = Some(sent_files::picture(tx, user, upload, place, bounds)?);
                }
                edit.username = names::of_user(tx, session.user, edit.username)?;
                if let Some((proof, hash)) = password {
                    proof.require(tx)?;
                    credentials::set_password(tx, session.user, &hash)?;
                    if !change.keeps_sessions {
                        sessions::end_all(tx, session.user, Some(session.id))?;
                    }
                }
                accounts::edit(tx, session.user, &account, by)?;
                let user = if is_seen {
                    Some(users::edit(tx, session.user, &edit, by.origin)?)
                } else {
                    users::by_id(tx, session.user)?
                };
                let mut user = user.ok_or(Refusal::NoSession)?;
                if !form.is_rich() {
                    users::load_avatar(tx, &mut user)?;
                }
                let account = own_account::of(tx, session.user, configured)?;
                Ok((user, account.ok_or(Refusal::NoSession)?))
            })
            .await
    }

    pub(super) async fn own_login(&self, user: &SignedIn) -> Result<String, ServiceError> {
        let id = user.user();
        let found = self
            .store
            .read(move |view| Ok::<_, ServiceError>(users::by_id(view, id)?))
            .await?;
        Ok(found.ok_or(Refusal::NoSession)?.login)
    }

    /// Deletes one's own account, which requires the login and the password again.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] if they are not this user's.
    pub async fn delete_account(
        &self,
        user: &SignedIn,
        login: &str,
        password: Password,
        client: &Client,
    ) -> Result<(), ServiceError> {
        let session = Some(user.session.id);
        let proof = self
            .check_password(login, password, client, session)
            .await?;
        if proof.user() != user.user() {
            return Err(Refusal::BadCredentials.into());
        }
        let user = *user;
        let flows = self
            .store
            .read(move |view| Ok::<_, ServiceError>(members::flows_of(view, user.user())?))
            .await?;
        self.store
            .write_sized(Self::size_of(&user, flows.len()), move |tx| {
                user.require(tx)?;
                proof.require(tx)?;
                empty_account(tx, user.user(), user.origin)
            })
            .await?;
        log::info!("a user deleted the account");
        Ok(())
    }
}

/// Empties an account, ends its sessions, and hands over the flows that it owns.
pub(super) fn empty_account(
    tx: &Tx<'_>,
    user: UserId,
    origin: Option<Origin>,
) -> Result<(), ServiceError> {
    sessions::end_all(tx, user, None)?;
    bots::end_tokens(tx, user)?;
    let by = By {
        user: Some(user),
        origin,
    };
    for summary in flows::of_user(tx, user, flows::Roster::Brief)? {
        let flow = summary.flow;
        // A chat stays unchanged for the other user.
        if flow.kind == crate::model::FlowKind::Chat {
            if tx.keeps_rooms() {
                room_leaving::leave(tx, flow.id, user)?;
            }
        } else {
            leave(tx, &flow, user, membership::Exit::Left, by)?;
        }
    }
    for (flow, invited) in members::invitations(tx, user)? {
        let events = membership::uninvite(tx, flow, invited.flow, &[user], by)?;
        flow_edits::tell(tx, flow, events, by)?;
    }
    users::empty(tx, user, origin)?;
    Ok(())
}

/// Removes a user from a flow, and tells its members; a flow that the user owned passes on.
pub(super) fn leave(
    tx: &Tx<'_>,
    flow: &Flow,
    user: UserId,
    exit: membership::Exit,
    by: By,
) -> Result<(), ServiceError> {
    let events = membership::leave_to_heir(tx, flow, user, exit, by)?;
    flow_edits::edit(tx, flow.id, &flow_edits::FlowEdit::default(), events, by)?;
    Ok(())
}

/// Admits a new user by the present rule of registration, with a code if there is one. Returns the flow
/// to join.
fn enter(
    tx: &Tx<'_>,
    code: Option<&[u8; 32]>,
    configured: Mode,
    members_invite: bool,
) -> Result<Option<FlowId>, ServiceError> {
    match (registration_mode(tx, configured)?, code) {
        (Mode::Closed, _) => Err(Refusal::RegistrationClosed.into()),
        (Mode::Open, None) => Ok(None),
        // The code is not needed, so an invalid one does not prevent registration.
        (Mode::Open, Some(code)) => match admit(tx, code, Newcomers::Anybody) {
            Err(ServiceError::Refused(_)) => Ok(None),
            other => other,
        },
        (Mode::Invite, None) => Err(Refusal::InvitationRequired.into()),
        (Mode::Invite, Some(code)) => admit(tx, code, Newcomers::OfInviters { members_invite }),
    }
}

fn taken(err: StoreError) -> ServiceError {
    match err {
        store::StoreError::Conflict(_) => Refusal::LoginTaken.into(),
        other => other.into(),
    }
}
