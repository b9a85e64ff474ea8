//! Incoming hooks: who may make them, and their properties.

mod posting;

use std::sync::Mutex;

use super::administration::{note, of_flow};
use super::bucket::Buckets;
use super::fields::check_name;
use super::{Field, Refusal, Service, ServiceError, SignedIn, Thing, UploadPlace};
use super::{cleaning, names, sent_files};
use crate::auth::HookSecret;
use crate::model::{
    Act, By, Content, Encoding, FlowId, FlowKind, Hook, HookId, Level, Login, Page, PublicId,
    UserId, clean_name, media_type,
};
use crate::store::hooks::NewHook;
use crate::store::membership::Entry;
use crate::store::{Tx, View, flow_edits, flows, hooks, members, membership, users};

pub(super) use posting::cut;
pub use posting::{AlertGroup, HookFile, HookPost, PostedByHook};

/// Maximum number of hooks of a flow.
const MAX_HOOKS: i64 = 20;

/// Maximum size of a hook's picture in bytes: it is shown beside messages, and small.
const MAX_PICTURE_BYTES: usize = 128 * 1024;

/// The name of the bot of a flow's hooks.
const BOT_NAME: &str = "Hooks";

/// Number of attempts to find a free login for a bot.
const ATTEMPTS: u32 = 8;

/// Recent use of hooks, for rate limits.
#[derive(Debug, Default)]
pub(super) struct HookRates(Mutex<Buckets<(HookId, Use)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Posts,
    Files,
}

/// A hook to be made.
#[derive(Debug, Clone)]
pub struct HookOrder {
    /// The flow that it writes to.
    pub flow: PublicId,
    /// Its name.
    pub name: String,
    /// The bot that writes; `None`: the bot of the flow's hooks.
    pub bot: Option<PublicId>,
    /// The picture beside its messages.
    pub picture: Option<HookPicture>,
}

/// The picture of a hook.
#[derive(Debug, Clone)]
pub enum HookPicture {
    /// One of the caller's uploads.
    Upload(PublicId),
    /// The content itself.
    Content(Vec<u8>),
}

/// Changes to a hook; `None` keeps the present value.
#[derive(Debug, Clone, Default)]
pub struct HookChange {
    /// Its name.
    pub name: Option<String>,
    /// Its picture; inner `None` removes it.
    pub picture: Option<Option<HookPicture>>,
}

/// A hook that has just been made; its secret cannot be read again later.
#[derive(Debug)]
pub struct NewSecret {
    /// The secret at the end of its address.
    pub secret: HookSecret,
    /// Row number.
    pub id: HookId,
    /// Its name.
    pub name: String,
    /// The address.
    pub url: String,
}

impl Service {
    /// Creates a hook, for the owner of a flow or an administrator, or, without a user, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::NotOwner`]; [`Refusal::HookInChat`], [`Refusal::SavedIsFixed`];
    /// [`Refusal::TooManyHooks`]; [`Refusal::SenderNotMember`] for a bot that is not a member of the
    /// flow; [`Refusal::HookNeedsName`], the refusal of values that are too large.
    pub async fn make_hook(
        &self,
        order: HookOrder,
        by: Option<&SignedIn>,
    ) -> Result<NewSecret, ServiceError> {
        check_name(Field::Username, Some(&order.name))?;
        let name = clean_name(&order.name).ok_or(Refusal::HookNeedsName)?;
        let secret = HookSecret::mint();
        let hash = HookSecret::hash_of(secret.as_str()).ok_or(Refusal::NotFound(Thing::Hook))?;
        let (hint, called) = (secret.hint().to_owned(), name.clone());
        let by = by.copied();
        let id = self
            .store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let flow = governed(tx, order.flow, by.as_ref())?;
                if hooks::count(tx, flow)? >= MAX_HOOKS {
                    return Err(Refusal::TooManyHooks { limit: MAX_HOOKS }.into());
                }
                let bot = writer(tx, flow, order.bot, by.as_ref())?;
                let picture = order.picture.map(|it| picture(tx, it, by.as_ref()));
                let new = NewHook {
                    picture: picture.transpose()?,
                    secret_hash: hash,
                    hint,
                    flow,
                    bot,
                    maker: by.map(|user| user.user()),
                    name: called,
                };
                let of = of_flow(tx, flow)?.now(new.name.clone());
                note(tx, by.as_ref(), Act::HookMade, &of)?;
                Ok::<_, ServiceError>(hooks::insert(tx, &new)?)
            })
            .await?;
        log::info!("a hook was made: {}", id.0);
        let url = self.address_of_hook(&secret);
        Ok(NewSecret {
            secret,
            id,
            name,
            url,
        })
    }

    /// Returns the hooks of a flow, newest first, for its owner or an administrator; for the operator
    /// also those of all flows.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::NotOwner`].
    pub async fn list_hooks(
        &self,
        flow: Option<PublicId>,
        after: Option<HookId>,
        by: Option<&SignedIn>,
    ) -> Result<Page<Hook>, ServiceError> {
        let by = by.copied();
        self.store
            .read(move |view| {
                let flow = match flow {
                    Some(flow) => Some(governed(view, flow, by.as_ref())?),
                    None if by.is_none() => None,
                    None => return Err(Refusal::NotFound(Thing::Flow).into()),
                };
                Ok::<_, ServiceError>(hooks::page(view, flow, after)?)
            })
            .await
    }

    /// Renames a hook or changes its picture, for the owner of its flow, an administrator or the
    /// operator. Earlier messages keep the name under which they were written.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::HookNeedsName`]; [`Refusal::NotPicture`], [`Refusal::NoUpload`];
    /// the refusal of values that are too large.
    pub async fn edit_hook(
        &self,
        id: HookId,
        change: HookChange,
        by: Option<&SignedIn>,
    ) -> Result<(), ServiceError> {
        check_name(Field::Username, change.name.as_deref())?;
        let name = change
            .name
            .map(|name| clean_name(&name).ok_or(Refusal::HookNeedsName))
            .transpose()?;
        let by = by.copied();
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                require_governor(tx, id, by.as_ref())?;
                if let Some(name) = name {
                    hooks::set_name(tx, id, &name)?;
                }
                if let Some(wanted) = change.picture {
                    let new = wanted.map(|it| picture(tx, it, by.as_ref())).transpose()?;
                    hooks::set_picture(tx, id, new.as_ref())?;
                }
                Ok::<_, ServiceError>(())
            })
            .await
    }

    /// Revokes a hook, for the owner of its flow, an administrator or the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn revoke_hook(&self, id: HookId, by: Option<&SignedIn>) -> Result<(), ServiceError> {
        let by = by.copied();
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let flow = require_governor(tx, id, by.as_ref())?;
                let of = of_flow(tx, flow)?.now(hooks::name(tx, id)?);
                note(tx, by.as_ref(), Act::HookRevoked, &of)?;
                hooks::revoke(tx, id)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        log::info!("a hook was revoked: {}", id.0);
        Ok(())
    }
}

/// Returns the content of a hook's picture, without metadata about where it was made.
fn picture(
    tx: &Tx<'_>,
    wanted: HookPicture,
    by: Option<&SignedIn>,
) -> Result<Content, ServiceError> {
    let place = UploadPlace::Picture;
    let (what, limit) = (Field::Picture, MAX_PICTURE_BYTES);
    let bytes = match (wanted, by) {
        (HookPicture::Upload(upload), Some(user)) => {
            return sent_files::picture(tx, user.user(), upload, place, (what, limit));
        }
        (HookPicture::Upload(_), None) => return Err(Refusal::NoUpload { place }.into()),
        (HookPicture::Content(bytes), _) => bytes,
    };
    if bytes.len() > limit {
        return Err(Refusal::TooLarge { what, limit }.into());
    }
    let kind = media_type(&bytes).filter(|kind| kind.starts_with("image/"));
    let kind = kind.ok_or(Refusal::NotPicture)?;
    Ok(Content {
        bytes: cleaning::whole(&bytes, kind).unwrap_or_else(|| bytes.into()),
        encoding: Encoding::Base64,
    })
}

/// Fails for a user who may not change a hook, as if the hook did not exist. The operator may.
///
/// # Errors
/// [`Refusal::NotFound`].
fn require_governor(
    tx: &Tx<'_>,
    id: HookId,
    by: Option<&SignedIn>,
) -> Result<FlowId, ServiceError> {
    let missing = Refusal::NotFound(Thing::Hook);
    let flow = hooks::flow_of(tx, id)?.ok_or(missing)?;
    if let Some(user) = by
        && !governs(tx, flow, user)?
    {
        return Err(missing.into());
    }
    Ok(flow)
}

/// Returns whether a user may manage the programs of a flow: its owner and administrators; in a chat both
/// members.
pub(super) fn governs(
    view: &View<'_>,
    flow: FlowId,
    user: &SignedIn,
) -> Result<bool, ServiceError> {
    if users::is_admin(view, user.user())? == Some(true) {
        return Ok(true);
    }
    let standing = members::standing(view, flow, user.user())?;
    let Some(standing) = standing.filter(|it| it.state == members::State::Joined) else {
        return Ok(false);
    };
    let is_chat =
        || flows::by_id(view, flow).map(|it| it.is_some_and(|it| it.kind == FlowKind::Chat));
    Ok(standing.level >= Level::OWNER || is_chat()?)
}

/// Returns a flow that a user may manage; for a user who is not a member, it does not exist.
pub(super) fn governed(
    view: &View<'_>,
    flow: PublicId,
    by: Option<&SignedIn>,
) -> Result<FlowId, ServiceError> {
    let id = flows::id_of(view, flow)?.ok_or(Refusal::NotFound(Thing::Flow))?;
    let Some(user) = by else { return Ok(id) };
    if governs(view, id, user)? {
        return Ok(id);
    }
    match flows::access(view, flow, user.user())? {
        Some(_) => Err(Refusal::NotOwner.into()),
        None => Err(Refusal::NotFound(Thing::Flow).into()),
    }
}

/// Returns the author of a hook's messages: the named bot, or the bot of the flow's hooks.
pub(super) fn writer(
    tx: &Tx<'_>,
    flow: FlowId,
    named: Option<PublicId>,
    by: Option<&SignedIn>,
) -> Result<UserId, ServiceError> {
    let flow = flows::by_id(tx, flow)?.ok_or(Refusal::NotFound(Thing::Flow))?;
    let Some(named) = named else {
        if flow.kind == FlowKind::Chat {
            return Err(Refusal::HookInChat.into());
        }
        if flow.is_saved {
            return Err(Refusal::SavedIsFixed.into());
        }
        return bot_of_hooks(tx, flow.id, by);
    };
    let missing = Refusal::NotFound(Thing::User);
    let bot = users::by_uuid(tx, named)?
        .filter(|it| !it.is_deleted)
        .ok_or(missing)?;
    // Nobody can make another person the author.
    if !bot.is_bot {
        return Err(missing.into());
    }
    if !members::is_member(tx, flow.id, bot.id)? {
        return Err(Refusal::SenderNotMember.into());
    }
    if let Some(user) = by
        && user.user() != bot.id
        && users::is_admin(tx, user.user())? != Some(true)
        && users::owner_of(tx, bot.id)? != Some(user.user())
    {
        return Err(missing.into());
    }
    Ok(bot.id)
}

/// Returns the bot of a flow's hooks; it is created, or added to the flow again, if necessary.
fn bot_of_hooks(tx: &Tx<'_>, flow: FlowId, by: Option<&SignedIn>) -> Result<UserId, ServiceError> {
    let bot = match hooks::bot_of(tx, flow)? {
        Some(bot) => bot,
        None => new_bot(tx)?,
    };
    if !members::is_member(tx, flow, bot)? {
        let by = by.map_or(By::OPERATOR, |user| By {
            user: Some(user.user()),
            origin: None,
        });
        let events = membership::enter(tx, flow, &[bot], Entry::Added, by)?;
        flow_edits::tell(tx, flow, events, by)?;
    }
    Ok(bot)
}

fn new_bot(tx: &Tx<'_>) -> Result<UserId, ServiceError> {
    for _ in 0..ATTEMPTS {
        let number: u32 = rand::random();
        let login = Login::new(&format!("hooks-{number:08x}"))?;
        if names::require_free(tx, &login).is_err() {
            continue;
        }
        let new = users::NewUser {
            login,
            password_hash: None,
            username: names::of_new(tx, Some(BOT_NAME)).unwrap_or_default(),
            email: None,
            is_admin: false,
            is_bot: true,
        };
        let bot = users::insert(tx, &new, None)?;
        hooks::set_bot(tx, bot.id)?;
        return Ok(bot.id);
    }
    Err(Refusal::LoginTaken.into())
}
