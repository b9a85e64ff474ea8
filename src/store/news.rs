//! The present state of what the rows of the log refer to, for the hub.

use std::sync::Arc;

use super::error::StoreError;
use super::log::{Change, Reach, Subject};
use super::tx::View;
use super::{
    accounts, archives, around, blocks, events, flows, marks, members, messages, pins, settings,
    users,
};
use crate::model::{Audience, Event, FlowNews, News, Timestamp, UserId};

/// Makes events for the hub from changes, each with the present state of its subject.
pub(super) fn events(view: &View<'_>, changes: &[Change]) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(subject) = change.subject() else {
            continue;
        };
        let Some(news) = news(view, change, subject)? else {
            continue;
        };
        let audience = match change.reach {
            Reach::Everyone => Audience::Everyone,
            Reach::Members(flow) => Audience::Users(members::ids(view, flow)?.into()),
            Reach::Private(user) => Audience::Users([user].into()),
        };
        events.push(Event {
            position: Some(change.position),
            origin: None,
            audience,
            news,
        });
    }
    Ok(events)
}

fn news(view: &View<'_>, change: &Change, subject: Subject) -> Result<Option<News>, StoreError> {
    let reader = match change.reach {
        Reach::Private(user) => user,
        _ => UserId(0),
    };
    Ok(match subject {
        Subject::Message(id) => {
            messages::by_id(view, id)?.map(|message| News::Message(Arc::new(message)))
        }
        Subject::Around(id) => {
            around::state(view, id, None)?.map(|around| News::Around(Arc::new(around)))
        }
        Subject::Settings(id) => {
            let set = settings::of(view, id, reader, Timestamp::now())?;
            flows::uuid(view, id)?.map(|flow| News::Settings(flow, set))
        }
        Subject::Flow(id) | Subject::FlowDetail(id) => {
            let shows = matches!(subject, Subject::Flow(_));
            match flows::by_id(view, id)? {
                Some(flow) => {
                    let event = events::at(view, change.position)?;
                    let is_pinned = event.as_ref().is_some_and(|it| it.what.is_about_pins());
                    let events = event.into_iter().collect();
                    let pins = is_pinned.then(|| pins::list(view, id)).transpose()?;
                    Some(News::Flow(Arc::new(FlowNews {
                        flow,
                        events,
                        shows,
                        pins,
                    })))
                }
                None => None,
            }
        }
        Subject::User(id) => users::by_id(view, id)?.map(|user| News::User(Arc::new(user))),
        Subject::Gone(id) => flows::uuid(view, id)?.map(News::Left),
        Subject::Uninvited(id) => flows::uuid(view, id)?.map(News::Uninvited),
        Subject::Read(id) => {
            let flow = flows::uuid(view, id)?;
            let mark = flow.map_or(Ok(None), |flow| marks::mark(view, id, flow, reader))?;
            mark.map(News::Read)
        }
        Subject::Account => {
            accounts::own(view, reader)?.map(|account| News::Account(Arc::new(account)))
        }
        Subject::Blocked => Some(News::Blocked(blocks::of(view, reader)?.into())),
        Subject::Archive => match archives::standing(view, reader)? {
            archives::Standing::Made(file) => Some(News::Archive(Some((*file).into()))),
            archives::Standing::None => Some(News::Archive(None)),
            archives::Standing::Wanted => None,
        },
        Subject::Invitation(id) => {
            members::invitation(view, id, reader)?.map(|invited| News::Invited(Arc::new(invited)))
        }
        Subject::Back(flow, _) => Some(News::Back(flow)),
    })
}
