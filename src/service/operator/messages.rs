//! Messages, for the operator.

use std::collections::HashMap;

use crate::model::{Act, By, FlowId, FlowKind, Message, PublicId, UserId};
use crate::service::administration::of_flow;
use crate::service::messages::{Size, require_writer};
use crate::service::{Draft, Refusal, Search, Service, ServiceError, Thing};
use crate::store::audit;
use crate::store::details::NewDetails;
use crate::store::{View, flows, messages, users};

/// A message in a list: without the content of its files.
#[derive(Debug)]
pub struct Line {
    /// The message, with what is known of its files.
    pub message: Message,
    /// Login of its author.
    pub author: String,
}

impl Service {
    /// Returns the last messages of a flow, or the last before a number; oldest first. For the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn last_messages(
        &self,
        flow: FlowId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Line>, ServiceError> {
        self.store
            .read(move |view| {
                let found = messages::last(view, flow, before.unwrap_or(i64::MAX), limit)?;
                lines(view, found)
            })
            .await
    }

    /// Returns messages of all flows, or of one, that match a search; newest first. For the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn search_messages(
        &self,
        wanted: Search,
        flow: Option<FlowId>,
        limit: usize,
    ) -> Result<Vec<Line>, ServiceError> {
        let hits = self.find_anywhere(wanted, flow, limit).await?;
        self.store
            .read(move |view| {
                let mut found = Vec::new();
                for id in hits {
                    found.extend(messages::without_files(view, id)?);
                }
                lines(view, found)
            })
            .await
    }

    /// Writes a message as a user, or as an administrator: one who may write there, or else the first
    /// one, because an announcement must reach groups and channels whoever their members are. For the
    /// operator.
    ///
    /// # Errors
    /// [`Refusal::SenderNotMember`] and any other reason why the user cannot write there;
    /// [`Refusal::EmptyMessage`]; [`Refusal::NoAdministrator`] and [`Refusal::NoAdministratorInChat`] if
    /// no user is named and there is no administrator; the refusal of a text that is too large.
    pub async fn send_as(
        &self,
        sender: Option<UserId>,
        flow: PublicId,
        text: String,
    ) -> Result<Message, ServiceError> {
        if text.trim().is_empty() {
            return Err(Refusal::EmptyMessage.into());
        }
        let limits = self.limits();
        let draft = Draft {
            text: Some(text),
            ..Draft::default()
        };
        Size::of(&draft).check(&limits)?;
        self.store
            .write(move |tx| {
                let id = flows::id_of(tx, flow)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let author = match sender {
                    Some(user) => {
                        let access = flows::access(tx, flow, user)?;
                        let access = access.ok_or(Refusal::SenderNotMember)?;
                        require_writer(tx, &access, user)?;
                        user
                    }
                    None => administrator(tx, id)?,
                };
                let author_uuid = users::by_id(tx, author)?
                    .ok_or(Refusal::NotFound(Thing::User))?
                    .uuid;
                let new = messages::NewMessage {
                    flow: id,
                    flow_uuid: flow,
                    author,
                    author_uuid,
                    text: draft.text,
                    files: Vec::new(),
                    stored: Vec::new(),
                    details: NewDetails::default(),
                    state: None,
                };
                let of = of_flow(tx, id)?.about(author);
                audit::note(tx, By::OPERATOR, Act::MessageSent, &of)?;
                let message = messages::insert(tx, new, None)?;
                Ok(Message::clone(&message))
            })
            .await
    }

    /// Deletes a message, for the operator; deleting it twice is no error.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn remove_message(&self, message: PublicId) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                let handle = messages::handle(tx, message, UserId(0))?
                    .ok_or(Refusal::NotFound(Thing::Message))?;
                if !handle.is_deleted {
                    let of = of_flow(tx, handle.flow)?.about(handle.author);
                    audit::note(tx, By::OPERATOR, Act::MessageDeleted, &of)?;
                    messages::delete(tx, &handle, By::OPERATOR)?;
                }
                Ok(())
            })
            .await
    }
}

/// Returns the administrator who writes in a flow for the operator.
fn administrator(view: &View<'_>, id: FlowId) -> Result<UserId, ServiceError> {
    let flow = flows::by_id(view, id)?.ok_or(Refusal::NotFound(Thing::Flow))?;
    let mut administrators = users::all(view)?;
    administrators.retain(|user| user.is_admin && !user.is_suspended);
    for user in &administrators {
        if let Some(access) = flows::access(view, flow.uuid, user.id)?
            && require_writer(view, &access, user.id).is_ok()
        {
            return Ok(user.id);
        }
    }
    if flow.kind == FlowKind::Chat {
        return Err(Refusal::NoAdministratorInChat.into());
    }
    administrators
        .first()
        .map(|user| user.id)
        .ok_or(Refusal::NoAdministrator.into())
}

/// Returns the login of a user, which is looked up once.
pub(super) fn login_of(
    view: &View<'_>,
    logins: &mut HashMap<PublicId, String>,
    uuid: PublicId,
) -> Result<String, ServiceError> {
    if let Some(login) = logins.get(&uuid) {
        return Ok(login.clone());
    }
    let user = users::by_uuid(view, uuid)?;
    let login = user.map_or_else(String::new, |user| user.login);
    logins.insert(uuid, login.clone());
    Ok(login)
}

fn lines(view: &View<'_>, found: Vec<(Message, i64)>) -> Result<Vec<Line>, ServiceError> {
    let mut logins = HashMap::new();
    let mut lines = Vec::with_capacity(found.len());
    for (message, slots) in found {
        let author = login_of(view, &mut logins, message.author)?;
        let message = messages::whole(view, message, slots, messages::Load::Facts)?;
        lines.push(Line { message, author });
    }
    Ok(lines)
}
