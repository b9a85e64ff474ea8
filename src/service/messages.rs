//! Messages: posting, reading, editing, deleting.

use std::sync::Arc;

use super::company::require_company;
use super::details::{self, DraftDetails};
use super::rights::{Action, may};
use super::rooms::{RoomDraft, earlier, name_file};
use super::sent_files::{self, SentFile};
use super::{
    Field, Limits, Quota, Refusal, Service, ServiceError, SignedIn, Thing, UploadPlace, thumbnails,
};
use crate::model::file::told;
use crate::model::{Attachment, FlowId, FlowKind, Form, Message, PublicId, Timestamp, UserId};
use crate::store::{
    Tx, View, about, attachments, blocks, events, flows, log, message_parts, messages, polls,
    properties, room_events, room_parts, txns, users,
};

/// A new message, or changes to a message.
#[derive(Debug, Default)]
pub struct Draft {
    /// Its text.
    pub text: Option<String>,
    /// Its files, at most one per slot; in a change, empty content removes the file.
    pub files: Vec<Attachment>,
    /// Files that are already on the server, in their order; in a change, the complete new list.
    pub sent: Option<Vec<SentFile>>,
    /// Its other details.
    pub details: DraftDetails,
    /// The corresponding room event, if it comes from Matrix.
    pub room: Option<Box<RoomDraft>>,
}

/// A message that was written to disk.
#[derive(Debug)]
pub struct Posted {
    /// The message.
    pub message: Arc<Message>,
    /// The number that the client gave the message.
    pub client_id: Option<i64>,
}

/// A request for messages of a flow.
#[derive(Debug, Clone, Copy)]
pub struct HistoryRange {
    /// Only messages sent at or after this time.
    pub since: Timestamp,
    /// Number of the first message, counted from 0 among the messages since that time.
    pub start: i64,
    /// Maximum number of messages; at most a page is returned.
    pub count: i64,
    /// In rich form, events between the messages are included, and files are not read.
    pub form: Form,
}

/// The number of events that come before every message.
const BEFORE_ALL: i64 = -1;

/// Messages of a flow, oldest first.
#[derive(Debug)]
pub struct HistoryPage {
    /// The page.
    pub messages: Vec<Message>,
    /// Number of its first message within the request.
    pub start: i64,
    /// Total number of messages within the request.
    pub total: i64,
    /// The events between the messages, if they were requested.
    pub events: events::Page,
}

impl Service {
    /// Appends a message to a flow. A request with the same `txn` returns the first one.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of, [`Refusal::NotWriter`] if the
    /// caller may not write there, the refusal of values that are too large; [`Refusal::UsedUp`].
    pub async fn post_message(
        &self,
        user: &SignedIn,
        flow: PublicId,
        draft: Draft,
        client_id: Option<i64>,
        txn: Option<String>,
    ) -> Result<Posted, ServiceError> {
        let user = *user;
        // A preview that is no longer stored does not prevent the message.
        let preview = draft.details.preview;
        let preview = preview.and_then(|id| self.previews.given(user.user(), id));
        let picture = draft.details.preview_thumbnail;
        // A forwarded message has the picture of the original.
        let picture = picture.filter(|_| preview.is_some() && draft.details.forward.is_none());
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let expiring = Arc::clone(&self.expiring);
        let size = Size::of(&draft);
        let sent = draft.sent.unwrap_or_default();
        let prepared = self
            .prepare_files(user.user(), draft.files, &sent, picture)
            .await?;
        let notified = self.push_position_due();
        self.write_prepared(prepared, move |tx, prepared| {
            user.require(tx)?;
            if let Some(posted) = repeated(tx, &user, txn.as_deref())? {
                return Ok((posted, false));
            }
            if let Some(posted) = sent_before(tx, &user, flow, draft.room.as_deref())? {
                return Ok((posted, false));
            }
            let access =
                flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
            require_writer(tx, &access, user.user())?;
            require_company(tx, access.id, &user)?;
            size.check(&limits)?;
            let mut details = details::of_new(tx, &access, &user, draft.details, preview, &limits)?;
            counts.message(user.user(), user.session.is_bot, &limits)?;
            let stored = sent_files::resolve(tx, user.user(), &sent, &prepared, None)?;
            sent_files::check_quota(tx, user.user(), &prepared, &stored, &limits)?;
            if let Some(sent) = picture {
                let place = UploadPlace::Preview;
                details.preview_thumbnail =
                    thumbnails::resolve(tx, user.user(), sent, &prepared.cleaned, place)?;
            }
            let new = messages::NewMessage {
                flow: access.id,
                flow_uuid: flow,
                author: user.user(),
                author_uuid: user.uuid(),
                text: draft.text,
                files: prepared.brought,
                stored: stored.into_iter().filter_map(Result::err).collect(),
                details,
                state: Some(messages::FlowState {
                    first_number: access.first_number,
                    next_number: access.next_number,
                    expire: access.expire,
                }),
            };
            let message = messages::insert(tx, new, user.origin)?;
            if access.expire > 0 {
                expiring.notify_one();
            }
            if let Some(room) = &draft.room {
                room_events::of_new_message(tx, message.id, &room.event(&user))?;
                if let Some(file) = &room.file {
                    name_file(tx, message.id, file)?;
                }
            }
            if let Some(position) = notified {
                properties::set_number(tx, properties::PUSH_POSITION, position)?;
            }
            if let Some(txn) = txn {
                txns::insert(
                    tx,
                    user.user(),
                    &txn,
                    txns::Made::Message(message.id, client_id),
                )?;
            }
            Ok((Posted { message, client_id }, true))
        })
        .await
    }

    /// Reads a page of a flow's history.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn history(
        &self,
        user: &SignedIn,
        flow: PublicId,
        range: HistoryRange,
    ) -> Result<HistoryPage, ServiceError> {
        let user = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let limit = i64::try_from(limits.messages).unwrap_or(i64::MAX);
                let start = range.start.max(0);
                let count = range.count.clamp(1, limit);
                // Numbers are relative to the first message at or after the requested time.
                let base = if range.since > Timestamp::EPOCH {
                    let logged = log::before(view, range.since)?;
                    let first = messages::first_after(view, &access, logged)?;
                    // Messages imported from another server are older than their place in the log.
                    messages::first_since(view, &access, first, range.since)?
                } else {
                    access.first_number
                };
                let first = base.saturating_add(start);
                let last = first.saturating_add(count - 1);
                let load = messages::Load::of(range.form, limits.files_bytes);
                let mut messages =
                    messages::by_number(view, access.id, (first, last), load, limits.answer_bytes)?;
                if range.form.is_rich() {
                    about::personal(view, &mut messages, user)?;
                }
                let total = access.next_number - base;
                let given = i64::try_from(messages.len()).unwrap_or(i64::MAX);
                let is_cut = given < count.min(total - start);
                let events = if range.form.is_rich() {
                    // Events before the first message are included with it.
                    let from = if start == 0 && base == access.first_number {
                        BEFORE_ALL
                    } else {
                        first
                    };
                    let to = if is_cut { first + given - 1 } else { last };
                    events::between_messages(view, access.id, from, to)?
                } else {
                    events::Page::default()
                };
                Ok(HistoryPage {
                    messages,
                    start,
                    total,
                    events,
                })
            })
            .await
    }

    /// Edits a message of the caller.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a message that is deleted or in a flow that the caller is not a member
    /// of, [`Refusal::NotAuthor`] for a message of another user, [`Refusal::NotEditable`],
    /// [`Refusal::Blocked`], the refusal of values that are too large or would leave nothing.
    pub async fn edit_message(
        &self,
        user: &SignedIn,
        message: PublicId,
        mut draft: Draft,
    ) -> Result<(), ServiceError> {
        let user = *user;
        let limits = self.limits();
        let max_files = limits.files_bytes;
        let size = Size::of(&draft);
        let sent = draft.sent.as_deref().unwrap_or_default();
        let came = std::mem::take(&mut draft.files);
        let prepared = self.prepare_files(user.user(), came, sent, None).await?;
        let page = self.page_of_message(message);
        self.write_prepared(prepared, move |tx, prepared| {
            user.require(tx)?;
            let handle = visible(tx, message, user.user())?;
            if handle.is_deleted {
                return Err(Refusal::NotFound(Thing::Message).into());
            }
            if handle.author != user.user() {
                return Err(Refusal::NotAuthor.into());
            }
            require_unblocked(tx, handle.flow, user.user())?;
            if handle.is_forward || polls::ballot(tx, handle.id)?.is_some() {
                return Err(Refusal::NotEditable.into());
            }
            size.check(&limits)?;
            draft.text = match draft.text {
                Some(text) => Some(without_told(tx, &handle, text, max_files, page.as_deref())?),
                None => None,
            };
            let arranged = match &draft.sent {
                Some(sent) => {
                    let id = Some(handle.id);
                    Some(sent_files::resolve(tx, user.user(), sent, &prepared, id)?)
                }
                None => None,
            };
            let of_message = arranged.as_deref().unwrap_or_default();
            sent_files::check_quota(tx, user.user(), &prepared, of_message, &limits)?;
            let limit = limits.quotas.edits_per_message;
            if limit > 0 && handle.edits >= limit.into() {
                return Err(Quota::Edits.used_up(limit, None));
            }
            let access = flows::access(tx, handle.flow_uuid, user.user())?
                .ok_or(Refusal::NotFound(Thing::Message))?;
            let has_come = !prepared.brought.is_empty();
            let edit = messages::MessageEdit {
                text: draft.text,
                files: prepared.brought,
                given_bytes: max_files,
                arranged,
                details: details::of_edit(tx, &access, &draft.details, &limits)?,
            };
            if let Some(room) = draft.room.take() {
                tx.say(room.said(&user));
            }
            messages::edit(tx, &handle, &edit, user.by())?;
            let left = messages::by_id(tx, handle.id)?;
            if left
                .is_some_and(|it| it.text.is_none_or(|text| text.is_empty()) && it.shown.is_empty())
            {
                return Err(Refusal::EmptyMessage.into());
            }
            // Each part fits, but they also have to fit together.
            if has_come && attachments::size_of_slots(tx, handle.id, max_files)? > max_files {
                return Err(too_large(Field::Files, max_files));
            }
            Ok(((), true))
        })
        .await
    }

    /// Deletes a message; deleting it twice is no error.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a message in a flow that the caller is not a member of, or not in the
    /// named flow; [`Refusal::NotRemover`] for a user who is neither its author, an administrator, nor
    /// allowed to delete messages of others there.
    pub async fn delete_message(
        &self,
        user: &SignedIn,
        message: PublicId,
        flow: Option<PublicId>,
    ) -> Result<(), ServiceError> {
        self.redact_message(user, message, flow, None).await
    }

    /// Does the same with the data that Matrix adds. If a part is named, only that part is removed, and
    /// with the last part the message.
    pub(super) async fn redact_message(
        &self,
        user: &SignedIn,
        message: PublicId,
        flow: Option<PublicId>,
        room: Option<(RoomDraft, Option<String>)>,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let handle = visible(tx, message, user.user())?;
                if flow.is_some_and(|flow| flow != handle.flow_uuid) {
                    return Err(Refusal::NotFound(Thing::Message).into());
                }
                let is_own = handle.author == user.user();
                // The cached session may be older than the permission.
                if !is_own && users::is_admin(tx, user.user())? != Some(true) {
                    let access = flows::access(tx, handle.flow_uuid, user.user())?
                        .ok_or(Refusal::NotFound(Thing::Message))?;
                    may(&access, Action::Delete { is_own })?;
                }
                if !handle.is_deleted {
                    let mut only = None;
                    if let Some((room, part)) = room {
                        tx.say(room.said(&user));
                        let parts = room_parts::of(tx, handle.id)?;
                        let has = |part: &String| part == room_parts::TEXT || parts.contains(part);
                        if !part.as_ref().is_none_or(has) {
                            return Err(Refusal::NotFound(Thing::Message).into());
                        }
                        only = part.filter(|part| parts.len() > 1 && parts.contains(part));
                    }
                    match only {
                        Some(part) => message_parts::take_back(tx, &handle, &part, user.by())?,
                        None => messages::delete(tx, &handle, user.by())?,
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Returns the message that a session has already sent with the same transaction id.
fn sent_before(
    tx: &Tx<'_>,
    user: &SignedIn,
    flow: PublicId,
    draft: Option<&RoomDraft>,
) -> Result<Option<Posted>, ServiceError> {
    let Some(draft) = draft else { return Ok(None) };
    let Some(uuid) = earlier(tx, user, flow, draft)? else {
        return Ok(None);
    };
    let Some((id, _)) = room_events::message_of(tx, uuid)? else {
        return Ok(None);
    };
    let message = messages::by_id(tx, id)?.ok_or(Refusal::NotFound(Thing::Message))?;
    Ok(Some(Posted {
        message: Arc::new(message),
        client_id: None,
    }))
}

/// Returns the message of an earlier request with the same `txn`.
fn repeated(
    tx: &Tx<'_>,
    user: &SignedIn,
    txn: Option<&str>,
) -> Result<Option<Posted>, ServiceError> {
    let Some(txn) = txn else { return Ok(None) };
    match txns::find(tx, user.user(), txn)? {
        Some(txns::Made::Message(id, client_id)) => {
            let message = messages::by_id(tx, id)?.ok_or(Refusal::NotFound(Thing::Message))?;
            let message = Arc::new(message);
            Ok(Some(Posted { message, client_id }))
        }
        Some(txns::Made::Flow(_)) => Err(Refusal::TxnMadeFlow.into()),
        None => Ok(None),
    }
}

/// Returns a message in a flow that a user is a member of; for other users it does not exist.
pub(super) fn visible(
    view: &View<'_>,
    message: PublicId,
    user: UserId,
) -> Result<messages::Handle, ServiceError> {
    let handle = messages::handle(view, message, user)?.filter(|handle| handle.level.is_some());
    Ok(handle.ok_or(Refusal::NotFound(Thing::Message))?)
}

pub(super) fn require_writer(
    view: &View<'_>,
    flow: &flows::Access,
    user: UserId,
) -> Result<(), ServiceError> {
    may(flow, Action::Write)?;
    if flow.kind != FlowKind::Chat {
        return Ok(());
    }
    if !flows::has_living_others(view, flow.id, user)? {
        return Err(Refusal::PartnerDeleted.into());
    }
    require_unblocked(view, flow.id, user)
}

/// Fails if a flow is a chat in which one of the two users blocks the other.
pub(super) fn require_unblocked(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<(), ServiceError> {
    if blocks::stand_in_chat(view, flow, user)? {
        return Err(Refusal::Blocked.into());
    }
    Ok(())
}

/// Removes the line about files that the message does not contain from the end of a text, if it is
/// unchanged: clients that know nothing else about files send it back.
fn without_told(
    view: &View<'_>,
    message: &messages::Handle,
    mut text: String,
    max_bytes: usize,
    page: Option<&str>,
) -> Result<String, ServiceError> {
    let shown = attachments::shown_by(view, message.id, max_bytes)?;
    if let Some(told) = told(&shown, page)
        && let Some(rest) = text.strip_suffix(&told)
    {
        let length = rest.strip_suffix('\n').unwrap_or(rest).len();
        text.truncate(length);
    }
    Ok(text)
}

/// The size of a message that a user wants to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    text: usize,
    files: usize,
    sent: usize,
}

impl Size {
    pub(super) fn of(draft: &Draft) -> Self {
        let files = draft.files.iter();
        Self {
            text: draft.text.as_ref().map_or(0, String::len),
            files: files.map(|file| file.content.bytes.len()).sum(),
            sent: draft.sent.as_ref().map_or(0, Vec::len),
        }
    }

    /// Fails if it exceeds the limits.
    pub(super) fn check(self, limits: &Limits) -> Result<(), ServiceError> {
        if self.text > limits.text_bytes {
            return Err(too_large(Field::Text, limits.text_bytes));
        }
        if self.files > limits.files_bytes {
            return Err(too_large(Field::Files, limits.files_bytes));
        }
        let limit = limits.message_files;
        if self.sent > limit {
            return Err(Refusal::TooManyFiles { limit }.into());
        }
        Ok(())
    }
}

fn too_large(what: Field, limit: usize) -> ServiceError {
    Refusal::TooLarge { what, limit }.into()
}
