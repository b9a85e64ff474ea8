//! Outgoing hooks: who may make them, their properties, and how they are tested.
//!
//! What belongs here: permissions, and the results of deliveries. What does not: how a post reaches its
//! receiver, which the program around the service knows ([`Messenger`]).

mod delivery;

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::administration::{note, of_flow};
use super::hooks::{governed, governs, writer};
use super::{Field, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::SigningSecret;
use crate::model::{
    Act, Callout, CalloutKind, FlowId, Outgoing, OutgoingId, Page, Position, PublicId, Topics,
};
use crate::store::{View, flows, outgoing, users};

pub use delivery::{CalloutEnd, NextCallout, Sending};

/// Maximum number of outgoing hooks of a flow.
const MAX_HOOKS: i64 = 20;

/// Maximum length of a trigger, in characters.
const MAX_TRIGGER_CHARS: usize = 64;

/// The receiver of a hook's posts.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The address.
    pub url: String,
    /// The secret that signs the posts.
    pub secret: SigningSecret,
    /// Whether it may be a private address that the operator lists: the hook was made by the operator or
    /// an administrator.
    pub is_trusted: bool,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEnd {
    /// The receiver's status; `None`: there was no answer.
    pub status: Option<u16>,
    /// Whether it has accepted the post.
    pub is_taken: bool,
    /// An explanation of the result.
    pub detail: String,
}

/// Checks that an address can be posted to; otherwise returns what is wrong.
type Check = Box<dyn Fn(Recipient) -> BoxFuture<'static, Result<(), &'static str>> + Send + Sync>;

/// Posts at once, and returns the result.
type Try = Box<dyn Fn(Recipient, Callout) -> BoxFuture<'static, TestEnd> + Send + Sync>;

/// The functions that the program provides for outgoing hooks.
pub struct Messenger {
    /// Checks an address.
    pub check: Check,
    /// Tests an address.
    pub test: Try,
}

/// The state of outgoing hooks while the service runs.
#[derive(Default)]
pub(super) struct Desk {
    messenger: OnceLock<Messenger>,
    /// Notified of a commit that hooks may have to be told of.
    pub(super) news: Arc<Notify>,
}

/// An outgoing hook to be made.
#[derive(Debug, Clone)]
pub struct OutgoingOrder {
    /// The flow whose events it receives.
    pub flow: PublicId,
    /// The address that it posts to.
    pub url: String,
    /// The kinds of events that it receives.
    pub topics: Topics,
    /// Whether it receives what other bots write.
    pub has_bots: bool,
    /// The text with which a message has to begin.
    pub trigger: Option<String>,
    /// The bot that answers; `None`: the bot of the flow's hooks.
    pub bot: Option<PublicId>,
}

/// An outgoing hook that has just been made; its secret is not shown again.
#[derive(Debug)]
pub struct NewOutgoing {
    /// Row number.
    pub id: OutgoingId,
    /// The secret that signs the posts.
    pub secret: SigningSecret,
}

impl Service {
    /// Attaches the functions of the program for outgoing hooks; may be called once.
    pub fn attach_messenger(&self, messenger: Messenger) {
        if self.outgoing.messenger.set(messenger).is_err() {
            log::error!("the service was given two messengers");
        }
    }

    /// Creates an outgoing hook, for the owner of a flow or an administrator, or, without a user, for the
    /// operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::NotOwner`]; [`Refusal::HookInChat`], [`Refusal::SavedIsFixed`];
    /// [`Refusal::TooManyHooks`]; [`Refusal::SenderNotMember`] for a bot that is not a member of the
    /// flow; [`Refusal::BadHookUrl`]; the refusal of values that are too large.
    pub async fn make_outgoing(
        &self,
        order: OutgoingOrder,
        by: Option<&SignedIn>,
    ) -> Result<NewOutgoing, ServiceError> {
        let by = by.copied();
        let trigger = trigger(order.trigger.as_deref())?;
        // A user who may not make a hook must not learn which addresses it could post to.
        let flow = order.flow;
        let is_trusted = self
            .store
            .read(move |view| {
                governed(view, flow, by.as_ref())?;
                match by {
                    None => Ok(true),
                    Some(user) => {
                        Ok::<_, ServiceError>(users::is_admin(view, user.user())? == Some(true))
                    }
                }
            })
            .await?;
        let secret = SigningSecret::mint();
        if let Some(messenger) = self.outgoing.messenger.get() {
            let recipient = Recipient {
                url: order.url.clone(),
                secret: secret.clone(),
                is_trusted,
            };
            let checked = (messenger.check)(recipient).await;
            checked.map_err(|what| Refusal::BadHookUrl { what })?;
        }
        let kept = secret.as_bytes().to_vec();
        let id = self
            .store
            .write(move |tx| {
                if let Some(user) = by {
                    // Looking up the host takes time, so the session is checked again.
                    user.require(tx)?;
                }
                let flow = governed(tx, order.flow, by.as_ref())?;
                if outgoing::count(tx, flow)? >= MAX_HOOKS {
                    return Err(Refusal::TooManyHooks { limit: MAX_HOOKS }.into());
                }
                let new = outgoing::NewOutgoing {
                    flow,
                    bot: writer(tx, flow, order.bot, by.as_ref())?,
                    url: order.url,
                    secret: kept,
                    topics: order.topics,
                    has_bots: order.has_bots,
                    trigger,
                    maker: by.map(|user| user.user()),
                };
                note(tx, by.as_ref(), Act::OutgoingMade, &of_flow(tx, flow)?)?;
                Ok::<_, ServiceError>(outgoing::insert(tx, &new)?)
            })
            .await?;
        self.outgoing.news.notify_one();
        log::info!("an outgoing hook was made: {}", id.0);
        Ok(NewOutgoing { id, secret })
    }

    /// Returns the outgoing hooks of a flow, newest first, for its owner or an administrator; for the
    /// operator also those of all flows.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::NotOwner`].
    pub async fn list_outgoing(
        &self,
        flow: Option<PublicId>,
        after: Option<OutgoingId>,
        by: Option<&SignedIn>,
    ) -> Result<Page<Outgoing>, ServiceError> {
        let by = by.copied();
        self.store
            .read(move |view| {
                let flow = match flow {
                    Some(flow) => Some(governed(view, flow, by.as_ref())?),
                    None if by.is_none() => None,
                    None => return Err(Refusal::NotFound(Thing::Flow).into()),
                };
                Ok::<_, ServiceError>(outgoing::page(view, flow, after)?)
            })
            .await
    }

    /// Removes an outgoing hook, for the owner of its flow, an administrator or the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn remove_outgoing(
        &self,
        id: OutgoingId,
        by: Option<&SignedIn>,
    ) -> Result<(), ServiceError> {
        let by = by.copied();
        self.store
            .write(move |tx| {
                if let Some(user) = by {
                    user.require(tx)?;
                }
                let flow = of_caller(tx, id, by.as_ref())?;
                note(tx, by.as_ref(), Act::OutgoingRemoved, &of_flow(tx, flow)?)?;
                outgoing::remove(tx, id)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        log::info!("an outgoing hook was removed: {}", id.0);
        Ok(())
    }

    /// Posts to the address of an outgoing hook at once, so that a user who manages its flow sees whether
    /// it works.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a hook that does not exist or is disabled.
    pub async fn test_outgoing(
        &self,
        id: OutgoingId,
        by: Option<&SignedIn>,
    ) -> Result<TestEnd, ServiceError> {
        let by = by.copied();
        let missing = Refusal::NotFound(Thing::Hook);
        let (hook, callout) = self
            .store
            .read(move |view| {
                let flow = of_caller(view, id, by.as_ref())?;
                let hook = outgoing::by_id(view, id)?.ok_or(missing)?;
                let flow = flows::by_id(view, flow)?.ok_or(missing)?;
                let callout = Callout {
                    hook: id,
                    position: Position(0),
                    what: CalloutKind::Test,
                    flow: flow.uuid,
                    flow_kind: flow.kind.as_str(),
                    title: flow.title,
                    message: None,
                    from: None,
                };
                Ok::<_, ServiceError>((hook, callout))
            })
            .await?;
        let messenger = self.outgoing.messenger.get().ok_or(missing)?;
        Ok((messenger.test)(recipient(&hook), callout).await)
    }
}

/// Returns the receiver of a hook's posts.
fn recipient(hook: &outgoing::Living) -> Recipient {
    Recipient {
        url: hook.url.clone(),
        secret: SigningSecret::of_bytes(hook.secret.clone()),
        is_trusted: hook.is_trusted,
    }
}

/// Returns the flow of a hook that the caller may manage; for other users, the hook does not exist.
fn of_caller(
    view: &View<'_>,
    id: OutgoingId,
    by: Option<&SignedIn>,
) -> Result<FlowId, ServiceError> {
    let missing = Refusal::NotFound(Thing::Hook);
    let flow = outgoing::flow_of(view, id)?.ok_or(missing)?;
    match by {
        Some(user) if !governs(view, flow, user)? => Err(missing.into()),
        _ => Ok(flow),
    }
}

/// Returns the text with which messages have to begin, if any.
fn trigger(wanted: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(trigger) = wanted.map(str::trim).filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    if trigger.chars().count() > MAX_TRIGGER_CHARS {
        let (what, limit) = (Field::Trigger, MAX_TRIGGER_CHARS);
        return Err(Refusal::TooLarge { what, limit }.into());
    }
    Ok(Some(trigger.to_owned()))
}
