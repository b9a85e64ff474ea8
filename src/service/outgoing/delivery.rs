//! Delivery to outgoing hooks: what they are sent next, and its result. The log is the queue: nothing
//! waits in memory, and a position records up to where everything is delivered.

use std::sync::Arc;
use std::time::Duration;

use super::super::company::ANSWERS_IN_A_ROW;
use super::super::messages::require_unblocked;
use super::super::upkeep::tell_person;
use super::super::{Service, ServiceError};
use super::{Recipient, recipient};
use crate::model::{
    Callout, CalloutKind, FlowKind, Form, Happening, MessageId, OutgoingId, Position, Timestamp,
    Topics, User,
};
use crate::store::details::NewDetails;
use crate::store::follower::Follower;
use crate::store::log::{Change, Kind, last};
use crate::store::messages::{Fitting, Load};
use crate::store::outgoing::Living;
use crate::store::{Tx, View, events, flows, members, messages, outgoing, users};

/// Delays before a delivery is retried; after the last one the hook is disabled.
const AGAIN: [Duration; 6] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(6),
];

/// Maximum number of changes that a hook may be behind; if it is further behind, it continues from now.
const MOST_BEHIND: i64 = 10_000;

/// Number of rows of the log that are checked in one read.
const AT_ONCE: usize = 256;

/// Number of skipped changes after which the position is recorded: no more than this is checked again
/// after a start.
const NOTED_EVERY: i64 = 1000;

/// A callout to be posted.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The receiver.
    pub recipient: Recipient,
    /// The content.
    pub callout: Callout,
}

/// The next callout of a hook.
#[derive(Debug)]
pub enum NextCallout {
    /// There is a callout.
    Send(Box<Sending>),
    /// There is none up to a position, which is the end of the log.
    Nothing(Position),
    /// There is none up to a position, and more to be checked.
    More(Position),
    /// The hook is disabled.
    Off,
}

/// The result of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalloutEnd {
    /// The receiver has accepted it, and may answer with a text.
    Taken(Option<String>),
    /// The receiver wants no more posts.
    Gone,
    /// It failed for this reason, perhaps temporarily.
    Failed(String),
}

impl Service {
    /// Waits for a commit that hooks may have to be told of.
    pub async fn outgoing_news(&self) {
        self.outgoing.news.notified().await;
    }

    /// Returns the active hooks, and when each is tried next.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn living_outgoing(&self) -> Result<Vec<(OutgoingId, Timestamp)>, ServiceError> {
        self.store.read(|view| Ok(outgoing::living(view)?)).await
    }

    /// Returns what a hook is sent next, if everything up to a position was checked.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn next_callout(
        &self,
        id: OutgoingId,
        passed: Position,
    ) -> Result<NextCallout, ServiceError> {
        let found = self.store.read(move |view| next(view, id, passed)).await?;
        let (end, behind) = match found {
            Found::Next(next) => return Ok(next),
            Found::Behind(end, behind) => (end, behind),
            Found::Passed(end, is_all) => {
                self.store
                    .write(move |tx| Ok::<_, ServiceError>(outgoing::pass(tx, id, end)?))
                    .await?;
                return Ok(if is_all {
                    NextCallout::Nothing(end)
                } else {
                    NextCallout::More(end)
                });
            }
        };
        log::warn!(
            "the outgoing hook {} is {behind} changes behind and goes on from now",
            id.0
        );
        self.store
            .write(move |tx| {
                outgoing::pass(tx, id, end)?;
                let text = format!(
                    "The outgoing hook {} fell {behind} changes behind. What happened meanwhile is not delivered; it goes \
                     on from now.",
                    id.0
                );
                match outgoing::by_id(tx, id)? {
                    Some(hook) => tell_maker(tx, &hook, &text),
                    None => Ok(()),
                }
            })
            .await?;
        Ok(NextCallout::Nothing(end))
    }

    /// Records the result of posting what [`next_callout`](Self::next_callout) returned.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn settle_callout(
        &self,
        callout: Callout,
        end: CalloutEnd,
    ) -> Result<(), ServiceError> {
        let (id, position) = (callout.hook, callout.position);
        let limits = self.limits();
        let (counts, expiring) = (Arc::clone(&self.counts), Arc::clone(&self.expiring));
        self.store
            .write(move |tx| {
                let Some(hook) = outgoing::by_id(tx, id)? else {
                    return Ok(());
                };
                if hook.position >= position {
                    return Ok(());
                }
                match end {
                    CalloutEnd::Taken(answer) => {
                        outgoing::pass(tx, id, position)?;
                        if let Some(text) = answer.filter(|text| !text.trim().is_empty()) {
                            if counts.message(hook.bot, true, &limits).is_err() {
                                log::warn!(
                                    "an answer of the outgoing hook {} is dropped: 429",
                                    id.0
                                );
                                return Ok(());
                            }
                            answer_with(tx, &hook, &callout, text, limits.text_bytes)?;
                            expiring.notify_one();
                        }
                    }
                    CalloutEnd::Gone => give_up(tx, &hook, "its receiver answers 410 Gone")?,
                    CalloutEnd::Failed(why) => {
                        let tries = usize::try_from(hook.failures).unwrap_or(usize::MAX);
                        match AGAIN.get(tries) {
                            Some(wait) => {
                                let wait = wait.mul_f64(rand::random_range(0.9..1.1));
                                outgoing::put_off(tx, id, tx.now().after(wait))?;
                            }
                            None => give_up(tx, &hook, &why)?,
                        }
                    }
                }
                Ok(())
            })
            .await
    }
}

/// The result of a read.
enum Found {
    Next(NextCallout),
    /// The end of the log; the hook is too far behind.
    Behind(Position, i64),
    /// Nothing up to a position that should be recorded, and whether it is the end.
    Passed(Position, bool),
}

fn next(view: &View<'_>, id: OutgoingId, passed: Position) -> Result<Found, ServiceError> {
    let Some(hook) = outgoing::by_id(view, id)? else {
        return Ok(Found::Next(NextCallout::Off));
    };
    let (end, _) = last(view)?;
    let from = hook.position.max(passed);
    let behind = end.0.saturating_sub(from.0);
    if behind > MOST_BEHIND {
        return Ok(Found::Behind(end, behind));
    }
    let nothing = |until: Position, is_all: bool| {
        Ok(if until.0.saturating_sub(hook.position.0) >= NOTED_EVERY {
            Found::Passed(until, is_all)
        } else if is_all {
            Found::Next(NextCallout::Nothing(until))
        } else {
            Found::Next(NextCallout::More(until))
        })
    };
    let flows = members::followed(view, hook.bot, from)?;
    let Some(flow) = flows.iter().find(|it| it.place.flow == hook.flow) else {
        return nothing(end, true);
    };
    let mut follower = Follower::of_flow(view, flow, from)?;
    let mut looked = 0;
    while let Some(change) = follower.peek().copied() {
        if looked == AT_ONCE {
            return nothing(Position(change.position.0 - 1), false);
        }
        looked += 1;
        if let Some(callout) = callout(view, &hook, &change)? {
            return Ok(Found::Next(NextCallout::Send(Box::new(Sending {
                recipient: recipient(&hook),
                callout,
            }))));
        }
        follower.advance(AT_ONCE - looked)?;
    }
    nothing(end, true)
}

/// Returns the callout for a change; `None`: the hook is not told of it.
fn callout(
    view: &View<'_>,
    hook: &Living,
    change: &Change,
) -> Result<Option<Callout>, ServiceError> {
    let (what, topic) = match change.kind {
        Some(Kind::Sent) => (CalloutKind::Created, Topics::MESSAGE),
        Some(Kind::Edited) => (CalloutKind::Edited, Topics::EDIT),
        Some(Kind::Deleted) => (CalloutKind::Deleted, Topics::DELETE),
        Some(Kind::Added | Kind::Joined) => (CalloutKind::Joined, Topics::JOIN),
        Some(Kind::Left | Kind::Removed | Kind::Banned) => (CalloutKind::Left, Topics::JOIN),
        Some(Kind::Reacted) => (CalloutKind::Reacted, Topics::REACTION),
        _ => return Ok(None),
    };
    if !hook.topics.has(topic) {
        return Ok(None);
    }
    let (message, from) = match what {
        CalloutKind::Joined | CalloutKind::Left => (None, moved(view, change)?),
        _ => match told(view, hook, change, what)? {
            Some((message, from)) => (Some(message), from),
            None => return Ok(None),
        },
    };
    let Some(from) = from else { return Ok(None) };
    let is_own = from.id == hook.bot && what != CalloutKind::Reacted;
    if is_own || from.is_bot && !hook.has_bots && from.id != hook.bot {
        return Ok(None);
    }
    let Some(flow) = flows::by_id(view, hook.flow)? else {
        return Ok(None);
    };
    Ok(Some(Callout {
        hook: hook.id,
        position: change.position,
        what,
        flow: hook.flow_uuid,
        flow_kind: flow.kind.as_str(),
        title: flow.title,
        message,
        from: Some(from),
    }))
}

type Told = (Box<crate::model::Message>, Option<Box<User>>);

/// Returns the message that a change is about, and its author.
fn told(
    view: &View<'_>,
    hook: &Living,
    change: &Change,
    what: CalloutKind,
) -> Result<Option<Told>, ServiceError> {
    let id = match what {
        CalloutKind::Created => MessageId(change.position.0),
        _ => match change.message {
            Some(id) => id,
            None => return Ok(None),
        },
    };
    let load = Load::of(Form::Rich, 0);
    // Of several changes of one message only the last is sent.
    if matches!(what, CalloutKind::Edited | CalloutKind::Deleted) {
        match messages::by_id_within(view, id, change.position, load, usize::MAX)? {
            Some(Fitting::Superseded) | None => return Ok(None),
            Some(_) => {}
        }
    }
    let Some(message) = messages::by_id_as(view, id, load)? else {
        return Ok(None);
    };
    if message.is_deleted && what != CalloutKind::Deleted {
        return Ok(None);
    }
    let begins = |trigger: &String| {
        let text = message.text.as_deref().unwrap_or_default();
        !message.is_deleted && text.starts_with(trigger.as_str())
    };
    if !hook.trigger.as_ref().is_none_or(begins) {
        return Ok(None);
    }
    let from = users::by_uuid(view, message.author)?.map(Box::new);
    Ok(Some((Box::new(message), from)))
}

/// Returns the user who joined or left.
fn moved(view: &View<'_>, change: &Change) -> Result<Option<Box<User>>, ServiceError> {
    let event = events::at(view, change.position)?;
    let uuid = event.and_then(|event| match event.what {
        Happening::Added(user)
        | Happening::Joined(user)
        | Happening::Left(user)
        | Happening::Removed(user)
        | Happening::Banned(user) => Some(user),
        _ => None,
    });
    let Some(uuid) = uuid else { return Ok(None) };
    Ok(users::by_uuid(view, uuid)?.map(Box::new))
}

/// Posts the text in a receiver's answer as the hook's bot.
fn answer_with(
    tx: &Tx<'_>,
    hook: &Living,
    callout: &Callout,
    mut text: String,
    limit: usize,
) -> Result<(), ServiceError> {
    super::super::hooks::cut(&mut text, limit);
    let newest = outgoing::answers_among_newest(tx, hook.flow, ANSWERS_IN_A_ROW)?;
    if newest >= ANSWERS_IN_A_ROW {
        log::warn!(
            "an answer of the outgoing hook {} is dropped: nobody but receivers of hooks has written {ANSWERS_IN_A_ROW} \
             times (429)",
            hook.id.0
        );
        return Ok(());
    }
    let Some(access) = flows::access(tx, hook.flow_uuid, hook.bot)? else {
        return Ok(());
    };
    if access.kind == FlowKind::Chat
        && (!flows::has_living_others(tx, access.id, hook.bot)?
            || require_unblocked(tx, access.id, hook.bot).is_err())
    {
        return Ok(());
    }
    let answered = callout.message.as_ref().filter(|it| !it.is_deleted);
    let new = messages::NewMessage {
        flow: access.id,
        flow_uuid: hook.flow_uuid,
        author: hook.bot,
        author_uuid: hook.bot_uuid,
        text: Some(text),
        files: Vec::new(),
        stored: Vec::new(),
        details: NewDetails {
            reply: answered.map(|it| (it.id, it.uuid)),
            ..NewDetails::default()
        },
        state: None,
    };
    let message = messages::insert(tx, new, None)?;
    outgoing::mark_answer(tx, message.id)?;
    Ok(())
}

/// Disables a hook and tells its maker.
fn give_up(tx: &Tx<'_>, hook: &Living, why: &str) -> Result<(), ServiceError> {
    outgoing::disable(tx, hook.id)?;
    log::warn!("the outgoing hook {} is given up: {why}", hook.id.0);
    let text = format!(
        "The outgoing hook {} is disabled: {why}. Remove it and make another when its receiver works again.",
        hook.id.0
    );
    tell_maker(tx, hook, &text)
}

/// Tells the maker of a hook, who may have several, something about it.
fn tell_maker(tx: &Tx<'_>, hook: &Living, text: &str) -> Result<(), ServiceError> {
    let Some(maker) = hook.maker else {
        return Ok(());
    };
    let title = flows::by_id(tx, hook.flow)?.and_then(|flow| flow.title);
    let title = title.unwrap_or_else(|| "a chat".to_owned());
    let text = format!("{text}\nIt posts from {title} to {}.", host(&hook.url));
    tell_person(tx, maker, &text)
}

/// Returns the host of an address, whose path may be a secret.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_of_an_address_is_told() {
        for (url, expected) in [
            ("https://home.example.org/chat/secret", "home.example.org"),
            ("http://[::1]:80?secret", "[::1]:80"),
            ("https://a:secret@b.example#x", "b.example"),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
