//! Unsolicited frames for a subscriber, in the form of `get_update`'s answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::file::File;
use super::reply::{Data, DataMeta, Id, Presence, PushMeta, Reply, Typing};
use super::rows::{Session, Sessions};
use super::{codes, convert, rich};
use crate::hub::{Frames, Naming};
use crate::model::{self, Event, Form, News, PublicId, SessionInfo, Timestamp};
use crate::service::{Service, Updates};

const METHOD: &str = "get_update";
const DETAIL: &str = "Something happened.";

/// The most users who may come or go at once and still get one frame each in rich form.
const FEW: usize = 8;

/// Returns the frames that report an event that has just happened.
pub(super) fn frames(form: Form, event: &Event, service: &Service) -> Frames {
    match &event.news {
        News::Presence(list) => presence(form, list),
        News::Flow(news) if form.is_rich() && news.shows && convert::is_large(&news.flow) => {
            naming(event, &news.flow, service)
        }
        _ => self::event(form, event, None, service).map_or(Frames::None, Frames::One),
    }
}

/// Returns the frames about a large flow: of its members they name those with a level, and the receiver.
fn naming(event: &Event, flow: &model::Flow, service: &Service) -> Frames {
    // The frame is made once, for a placeholder whose id is found in it and replaced.
    let somebody = PublicId::random();
    let digits = somebody.to_string();
    let shared = self::event(Form::Rich, event, None, service);
    let own = self::event(Form::Rich, event, Some(somebody), service);
    let (Some(shared), Some(own)) = (shared, own) else {
        return Frames::None;
    };
    let place = own
        .windows(digits.len())
        .position(|part| part == digits.as_bytes());
    let Some(place) = place else {
        return Frames::One(shared);
    };
    Frames::Naming(Arc::new(Naming {
        named: flow.levels.iter().map(|(user, _)| *user).collect(),
        shared,
        around: [own.slice(..place), own.slice(place + digits.len()..)],
    }))
}

/// Returns the frames for users who came or went: one each, or, in rich form, one for all if they are many.
fn presence(form: Form, list: &[model::Presence]) -> Frames {
    let now = Timestamp::now().seconds();
    let told = |presence: &model::Presence| {
        let seen_at = presence.seen_at.filter(|_| form.is_rich());
        Presence {
            user: Id(presence.user),
            online: presence.online,
            seen_at: seen_at.map(Timestamp::seconds),
        }
    };
    let frame = |meta: PushMeta| {
        let mut reply: Reply<'_> = Reply::new(METHOD, codes::OK, DETAIL, now);
        reply.meta = Some(meta);
        reply.to_frame()
    };
    if form.is_rich() && list.len() > FEW {
        return Frames::One(frame(PushMeta {
            presences: Some(list.iter().map(told).collect()),
            ..PushMeta::default()
        }));
    }
    let each = list.iter().map(|presence| {
        let meta = PushMeta {
            presence: Some(told(presence)),
            ..PushMeta::default()
        };
        (presence.user, frame(meta))
    });
    Frames::Each(each.collect())
}

/// Returns the frame for an event that has just happened, or `None` if that form does not report it.
///
/// With `hearer`, the frame of a large flow names that member too.
fn event(form: Form, event: &Event, hearer: Option<PublicId>, service: &Service) -> Option<Bytes> {
    let now = Timestamp::now().seconds();
    let mut meta = PushMeta {
        position: event.position.map(|position| position.0),
        ..PushMeta::default()
    };
    let mut data = Data {
        time: now,
        ..Data::default()
    };
    match &event.news {
        News::Device(info) => return form.is_rich().then(|| device(info, now, meta)),
        News::Message(message) => {
            data.message = Some(vec![convert::message(form, message, service)]);
            let numbers = Some(convert::numbers([&**message]));
            data.meta = Some(DataMeta {
                about: form.is_rich().then(|| rich::about([&**message])).flatten(),
                numbers,
                ..DataMeta::default()
            });
        }
        News::Flow(news) if form.is_rich() || news.shows => {
            if news.shows {
                let mut flow = convert::flow(form, &news.flow, None);
                if let (Some(users), Some(hearer)) = (&mut flow.users, hearer) {
                    users.push(Id(hearer));
                }
                data.flow = Some(vec![flow]);
            }
            data.meta = form.is_rich().then(|| DataMeta {
                flows: Some(rich::flows([&news.flow])),
                events: Some(rich::events(&news.events, &[])),
                pinned: (news.pins.clone()).map(|pins| convert::pinned([&(news.flow.uuid, pins)])),
                ..DataMeta::default()
            });
        }
        News::Around(_)
        | News::Settings(..)
        | News::Seen { .. }
        | News::Account(_)
        | News::Invited(_)
        | News::Uninvited(_)
        | News::Blocked(_)
        | News::Archive(_)
            if form.is_rich() =>
        {
            data.meta = more(&event.news);
        }
        News::Flow(_)
        | News::Around(_)
        | News::Settings(..)
        | News::Seen { .. }
        | News::Uninvited(_)
        | News::Invited(_)
        | News::Account(_)
        | News::Blocked(_)
        | News::Archive(_)
        | News::Back(_)
        | News::Room(_)
        | News::Presence(_) => {
            return None;
        }
        News::User(user) => {
            data.user = Some(vec![convert::user(form, user, false)]);
            data.meta = rich::avatars(form, [&**user]).map(DataMeta::of_avatars);
        }
        News::Left(flow) => {
            data.meta = Some(DataMeta {
                left: Some(vec![Id(*flow)]),
                ..DataMeta::default()
            });
        }
        News::Read(mark) => {
            data.meta = Some(convert::read(form, [mark]));
        }
        News::Typing { flow, user } => {
            meta.typing = Some(Typing {
                flow: Id(*flow),
                user: Id(*user),
            });
        }
    }
    let passing = meta.typing.is_some();
    let mut reply = Reply::new(METHOD, codes::OK, DETAIL, now);
    reply.data = (!passing).then_some(data);
    reply.meta = Some(meta);
    Some(reply.to_frame())
}

/// Returns what only the rich form reports, all of it in `data.meta`.
fn more(news: &News) -> Option<DataMeta> {
    let mut meta = DataMeta::default();
    match news {
        News::Around(around) => return Some(convert::around([&**around])),
        News::Settings(flow, settings) => {
            meta.settings = Some([(Id(*flow), settings.into())].into());
        }
        News::Seen { flow, user, number } => {
            meta.seen = Some([(Id(*flow), [(Id(*user), *number)].into())].into());
        }
        News::Account(account) => meta.me = Some((&**account).into()),
        News::Invited(invited) => meta.invited = Some(vec![(&**invited).into()]),
        News::Uninvited(flow) => meta.left = Some(vec![Id(*flow)]),
        News::Archive(made) => meta.export = Some(made.as_deref().map(File::from)),
        News::Blocked(users) => meta.blocked = Some(users.iter().copied().map(Id).collect()),
        _ => return None,
    }
    Some(meta)
}

/// Returns the frame for a device that signed in.
fn device(info: &SessionInfo, now: i64, meta: PushMeta) -> Bytes {
    let mut reply = Reply::new(METHOD, codes::OK, DETAIL, now);
    reply.data = Some(Data {
        time: now,
        meta: Some(Sessions {
            sessions: vec![Session::of(info, None)],
        }),
        ..Data::default()
    });
    reply.meta = Some(meta);
    reply.to_frame()
}

/// Returns the frame for what a subscriber missed, or `None` if that form does not report it.
pub(super) fn page(
    form: Form,
    updates: &Updates,
    reader: PublicId,
    service: &Service,
) -> Option<Bytes> {
    let is_empty = match form {
        Form::Plain => updates.is_empty(),
        Form::Rich => updates.is_wholly_empty(),
    };
    if is_empty {
        return None;
    }
    let now = Timestamp::now().seconds();
    let mut reply = Reply::new(METHOD, codes::OK, DETAIL, now);
    reply.data = Some(data(
        form,
        updates,
        Some(reader),
        (now, Precision::Numbers),
        service,
    ));
    reply.meta = Some(PushMeta {
        position: Some(updates.position.0),
        ..PushMeta::default()
    });
    Some(reply.to_frame())
}

/// How much an answer reports beside the objects themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// Nothing that clients of other servers would not know.
    Plain,
    /// Numbers of messages, read marks and the flows that the reader left.
    Numbers,
    /// All of that, and the position from which to ask next.
    Position,
}

/// Returns changes for the wire.
pub(super) fn data<'u>(
    form: Form,
    updates: &'u Updates,
    reader: Option<PublicId>,
    (time, precision): (i64, Precision),
    service: &Service,
) -> Data<'u> {
    let messages = updates.messages.iter();
    let messages = messages
        .map(|message| convert::message(form, message, service))
        .collect();
    let is_rich = form.is_rich();
    let uninvited = updates.uninvited.iter().filter(|_| is_rich);
    let left = updates.left.iter().chain(uninvited);
    let left: Vec<_> = left.copied().map(Id).collect();
    let flows = || rich::flows(updates.flows.iter().chain(&updates.details));
    let read = convert::read(form, &updates.read);
    let invited = updates.invited.iter().map(rich::Invited::from);
    let settings = updates.settings.iter();
    let settings: BTreeMap<_, _> = settings
        .map(|(flow, settings)| (Id(*flow), settings.into()))
        .collect();
    let meta = DataMeta {
        settings: Some(settings).filter(|it| !it.is_empty()),
        pinned: Some(convert::pinned(&updates.pinned)).filter(|it| !it.is_empty()),
        about: is_rich.then(|| rich::about(&updates.messages)).flatten(),
        flows: is_rich.then(flows).filter(|flows| !flows.is_empty()),
        events: is_rich
            .then(|| rich::events(&updates.events, &[]))
            .filter(|events| !events.is_empty()),
        invited: (is_rich && !updates.invited.is_empty()).then(|| invited.collect()),
        reset: updates.reset.then_some(true),
        position: (precision == Precision::Position).then_some(updates.position.0),
        numbers: Some(convert::numbers(&updates.messages)),
        read: read.read.filter(|it| !it.is_empty()),
        unread: read.unread.filter(|it| !it.is_empty()),
        unread_mentions: read.unread_mentions.filter(|it| !it.is_empty()),
        left: Some(left).filter(|left| !left.is_empty()),
        avatars: rich::avatars(form, &updates.users).filter(|avatars| !avatars.is_empty()),
        export: (updates.archive.as_ref().filter(|_| is_rich))
            .map(|made| made.as_ref().map(File::from)),
        blocked: (updates.blocked.as_ref().filter(|_| is_rich))
            .map(|users| users.iter().copied().map(Id).collect()),
        me: (updates.account.as_ref().filter(|_| is_rich)).map(rich::Me::from),
        ..convert::around(updates.around.iter().filter(|_| is_rich))
    };
    Data {
        time,
        flow: Some(
            updates
                .flows
                .iter()
                .map(|flow| convert::flow(form, flow, reader))
                .collect(),
        ),
        message: Some(messages),
        user: Some(
            updates
                .users
                .iter()
                .map(|user| convert::user(form, user, false))
                .collect(),
        ),
        meta: (is_rich || precision != Precision::Plain).then_some(meta),
    }
}
