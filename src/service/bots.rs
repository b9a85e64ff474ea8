//! Bots and their tokens, and who may make them.

use super::accounts::empty_account;
use super::administration::note;
use super::fields::check_name;
use super::labels::MAX_LABEL_CHARS;
use super::names;
use super::{Field, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::{BotSecret, Token};
use crate::model::{
    Act, Bot, BotToken, Login, PublicId, Scopes, SessionId, SessionKind, Timestamp, User,
    clean_name,
};
use crate::store::audit::Of;
use crate::store::{View, bots, sessions, users};

/// Maximum number of bots of a member.
const MAX_BOTS: i64 = 5;

/// Maximum number of tokens of a bot.
const MAX_TOKENS: usize = 20;

/// Maximum number of bots in a list.
const LISTED: i64 = 1000;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct TokenOrder {
    /// The bot.
    pub bot: PublicId,
    /// What the token is for.
    pub label: Option<String>,
    /// The permissions of the token.
    pub scopes: Scopes,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// A token that has just been made; it cannot be read again later.
#[derive(Debug)]
pub struct NewBotToken {
    /// The token that the bot sends.
    pub token: BotSecret,
    /// Row number.
    pub id: SessionId,
}

impl Service {
    /// Creates a bot, as which nobody can sign in: for an administrator, for a member if the
    /// configuration permits it, or, without a user, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotBotMaker`]; [`Refusal::TooManyBots`]; the rule of logins that the login breaks;
    /// [`Refusal::LoginTaken`], [`Refusal::NameTaken`].
    pub async fn make_bot(
        &self,
        login: &str,
        username: Option<String>,
        by: Option<&SignedIn>,
    ) -> Result<User, ServiceError> {
        let login = Login::new(login)?;
        check_name(Field::Username, username.as_deref())?;
        let (by, members_make) = (by.copied(), self.settings.members_make_bots);
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                    if users::is_admin(tx, user.user())? != Some(true) {
                        if !members_make {
                            return Err(Refusal::NotBotMaker.into());
                        }
                        if bots::count_of(tx, user.user())? >= MAX_BOTS {
                            return Err(Refusal::TooManyBots { limit: MAX_BOTS }.into());
                        }
                    }
                }
                names::require_free(tx, &login)?;
                let new = users::NewUser {
                    login,
                    password_hash: None,
                    username: names::of_new(tx, username.as_deref())?,
                    email: None,
                    is_admin: false,
                    is_bot: true,
                };
                let bot = users::insert(tx, &new, None)?;
                if let Some(user) = by {
                    bots::set_owner(tx, bot.id, user.user())?;
                }
                note(tx, by.as_ref(), Act::BotMade, &Of::user(bot.id))?;
                Ok(bot)
            })
            .await
    }

    /// Returns the bots of the caller; for an administrator or the operator, all bots.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn list_bots(&self, by: Option<&SignedIn>) -> Result<Vec<Bot>, ServiceError> {
        let by = by.copied();
        self.store
            .read(move |view| {
                let owner = match by {
                    Some(user) if users::is_admin(view, user.user())? != Some(true) => {
                        Some(user.user())
                    }
                    _ => None,
                };
                Ok::<_, ServiceError>(bots::list(view, owner, LISTED)?)
            })
            .await
    }

    /// Removes a bot in the same way as an account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn remove_bot(
        &self,
        bot: PublicId,
        by: Option<&SignedIn>,
    ) -> Result<(), ServiceError> {
        let by = by.copied();
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let bot = owned(tx, bot, by.as_ref())?;
                let of = Of::user(bot.id).called(bot.login.clone());
                note(tx, by.as_ref(), Act::BotRemoved, &of)?;
                empty_account(tx, bot.id, None)
            })
            .await
    }

    /// Creates a token of a bot, for its owner, an administrator, or the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::TooManyTokens`]; [`Refusal::ExpiresInPast`]; the refusal of
    /// values that are too large.
    pub async fn make_token(
        &self,
        order: TokenOrder,
        by: Option<&SignedIn>,
    ) -> Result<NewBotToken, ServiceError> {
        let label = order.label.as_deref().and_then(clean_name);
        if label
            .as_ref()
            .is_some_and(|it| it.chars().count() > MAX_LABEL_CHARS)
        {
            let (what, limit) = (Field::Note, MAX_LABEL_CHARS);
            return Err(Refusal::TooLarge { what, limit }.into());
        }
        let token = BotSecret::mint();
        let hash = Token::hash_of(token.as_str());
        let by = by.copied();
        let id = self
            .store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let bot = owned(tx, order.bot, by.as_ref())?;
                if order.expires_at.is_some_and(|time| time <= tx.now()) {
                    return Err(Refusal::ExpiresInPast.into());
                }
                if bots::tokens(tx, bot.id)?.len() >= MAX_TOKENS {
                    return Err(Refusal::TooManyTokens { limit: MAX_TOKENS }.into());
                }
                let of = Of::user(bot.id).called(label.clone());
                note(tx, by.as_ref(), Act::TokenMade, &of)?;
                let new = bots::NewToken {
                    bot: bot.id,
                    hash,
                    label,
                    scopes: order.scopes,
                    expires_at: order.expires_at,
                };
                Ok::<_, ServiceError>(bots::insert_token(tx, &new)?)
            })
            .await?;
        log::info!("a token of a bot was made: {}", id.0);
        Ok(NewBotToken { token, id })
    }

    /// Returns the tokens of a bot, newest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn list_tokens(
        &self,
        bot: PublicId,
        by: Option<&SignedIn>,
    ) -> Result<Vec<BotToken>, ServiceError> {
        let by = by.copied();
        self.store
            .read(move |view| {
                let bot = owned(view, bot, by.as_ref())?;
                Ok::<_, ServiceError>(bots::tokens(view, bot.id)?)
            })
            .await
    }

    /// Revokes a token of a bot.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn revoke_token(
        &self,
        id: SessionId,
        by: Option<&SignedIn>,
    ) -> Result<(), ServiceError> {
        let by = by.copied();
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let missing = Refusal::NotFound(Thing::Session);
                let session = sessions::by_id(tx, id)?.ok_or(missing)?;
                let bot = users::by_login(tx, &session.login)?.ok_or(missing)?;
                let is_owned = owned(tx, bot.uuid, by.as_ref()).is_ok();
                if session.kind != SessionKind::Bot || !is_owned {
                    return Err(missing.into());
                }
                let of = Of::user(bot.id).called(session.label);
                note(tx, by.as_ref(), Act::TokenRevoked, &of)?;
                sessions::end(tx, id)?;
                Ok::<_, ServiceError>(())
            })
            .await
    }
}

/// Returns a bot that the caller may manage: an owner's own bots, or any bot for an administrator and the
/// operator.
pub(super) fn owned(
    view: &View<'_>,
    bot: PublicId,
    by: Option<&SignedIn>,
) -> Result<User, ServiceError> {
    let missing = Refusal::NotFound(Thing::User);
    let bot = users::by_uuid(view, bot)?.filter(|it| it.is_bot && !it.is_deleted);
    let bot = bot.ok_or(missing)?;
    match by {
        Some(user)
            if users::owner_of(view, bot.id)? != Some(user.user())
                && users::is_admin(view, user.user())? != Some(true) =>
        {
            Err(missing.into())
        }
        _ => Ok(bot),
    }
}
