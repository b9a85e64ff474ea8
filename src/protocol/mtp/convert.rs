//! Conversions between the wire and the domain, in both directions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::MtpError;
use super::{about, reply, request, rich};
use crate::auth::Password;
use crate::model::file::told;
use crate::model::{
    Around, Attachment, Content, Encoding, Flow, Form, Message, PublicId, ReadMark, Slot, User,
};
use crate::service::{Draft, Service};

/// Returns the id in a text. Any other text names nothing, like an unknown id.
pub(super) fn id(id: &request::Id<'_>) -> PublicId {
    named(id)
}

/// Does the same for the text itself.
pub(super) fn named(text: &str) -> PublicId {
    PublicId::parse(text).unwrap_or(PublicId::NOTHING)
}

/// Returns content as a client sent it.
pub(super) fn content(blob: request::Blob<'_>) -> Content {
    match blob {
        request::Blob::Bytes(bytes) => Content {
            bytes: bytes.into(),
            encoding: Encoding::Base64,
        },
        request::Blob::Text(text) => Content::of_text(&text),
    }
}

/// Returns the content of a message. In a change, empty files are kept, since they remove a file.
pub(super) fn draft(message: request::Message<'_>) -> Draft {
    let slots = [
        (Slot::Picture, message.file_picture),
        (Slot::Video, message.file_video),
        (Slot::Audio, message.file_audio),
        (Slot::Document, message.file_document),
        (Slot::Emoji, message.emoji),
    ];
    let files = slots
        .into_iter()
        .filter_map(|(slot, blob)| {
            blob.map(|blob| Attachment {
                slot,
                content: content(blob),
            })
        })
        .collect();
    Draft {
        text: message.text.map(request::Text::into_owned),
        files,
        ..Draft::default()
    }
}

/// Returns the first flow of a request, or an error that says what is missing.
pub(super) fn first_flow<'a>(
    data: &mut request::Data<'a>,
    missing: &'static str,
) -> Result<request::Flow<'a>, MtpError> {
    data.flow
        .take()
        .and_then(request::List::into_first)
        .ok_or(MtpError::Missing(missing))
}

/// Returns the id of the flow that a request names in `flow[0].uuid`.
pub(super) fn flow_uuid(data: &mut request::Data<'_>) -> Result<PublicId, MtpError> {
    const MISSING: &str = "this method needs flow[0].uuid";
    let flow = first_flow(data, MISSING)?;
    flow.uuid.as_ref().map(id).ok_or(MtpError::Missing(MISSING))
}

/// Returns the first message of a request, or an error that says what is missing.
pub(super) fn first_message<'a>(
    data: &mut request::Data<'a>,
    missing: &'static str,
) -> Result<request::Message<'a>, MtpError> {
    data.message
        .take()
        .and_then(request::List::into_first)
        .ok_or(MtpError::Missing(missing))
}

/// Returns the id of the message that a request names in `message[0].uuid`, or an error that says
/// what is missing.
pub(super) fn message_uuid(
    data: &mut request::Data<'_>,
    missing: &'static str,
) -> Result<PublicId, MtpError> {
    let message = first_message(data, missing)?;
    message
        .uuid
        .as_ref()
        .map(id)
        .ok_or(MtpError::Missing(missing))
}

/// Returns read marks, and in rich frames how many messages are unread after them.
pub(super) fn read<'m>(
    form: Form,
    marks: impl IntoIterator<Item = &'m ReadMark>,
) -> reply::DataMeta {
    let mut meta = reply::DataMeta {
        read: Some(BTreeMap::new()),
        unread: form.is_rich().then(BTreeMap::new),
        unread_mentions: form.is_rich().then(BTreeMap::new),
        ..reply::DataMeta::default()
    };
    for mark in marks {
        for (list, number) in [
            (&mut meta.read, mark.number),
            (&mut meta.unread, mark.unread),
            (&mut meta.unread_mentions, mark.mentions),
        ] {
            if let Some(list) = list {
                list.insert(reply::Id(mark.flow), number);
            }
        }
    }
    meta
}

/// Returns the pinned messages of flows.
pub(super) fn pinned<'p>(
    flows: impl IntoIterator<Item = &'p (PublicId, Vec<PublicId>)>,
) -> BTreeMap<reply::Id, Vec<reply::Id>> {
    let ids = |list: &[PublicId]| list.iter().copied().map(reply::Id).collect();
    let flows = flows.into_iter();
    flows
        .map(|(flow, list)| (reply::Id(*flow), ids(list)))
        .collect()
}

/// Returns the reactions to messages and the polls, as `data.meta` lists them on their own.
pub(super) fn around<'a>(all: impl IntoIterator<Item = &'a Around>) -> reply::DataMeta {
    let (mut reactions, mut polls) = (BTreeMap::new(), BTreeMap::new());
    for around in all {
        let id = reply::Id(around.message);
        reactions.insert(id, about::Reactions::from(around.reactions.as_slice()));
        polls.extend(
            around
                .poll
                .as_ref()
                .map(|poll| (id, about::Poll::from(poll))),
        );
    }
    reply::DataMeta {
        reactions: Some(reactions).filter(|it| !it.is_empty()),
        polls: Some(polls).filter(|it| !it.is_empty()),
        ..reply::DataMeta::default()
    }
}

/// Returns the password that is sent beside the token or instead of one; an empty password counts as none.
pub(super) fn own_password(data: &mut request::Data<'_>) -> Option<Password> {
    let user = data.user.take().and_then(request::List::into_first)?;
    let password = user.password.filter(|password| !password.is_empty())?;
    Some(Password::new(password.into_owned()))
}

/// Returns the first number and the count of the messages that a request asks for by first and last number.
///
/// Source: MTP 1.0 revision 17, `all_messages`: 0–99 and 0–100 both give the first hundred; a span
/// of more than the limit, a negative number and an end before the start are refused.
///
/// # Errors
/// [`MtpError::BadRange`].
pub(super) fn page(
    start: Option<i64>,
    end: Option<i64>,
    limit: i64,
) -> Result<(i64, i64), MtpError> {
    let start = start.unwrap_or(0);
    let end = end.unwrap_or(start.saturating_add(limit - 1));
    if start < 0 || end < 0 {
        return Err(MtpError::BadRange(
            "message_start and message_end count from 0",
        ));
    }
    if end < start {
        return Err(MtpError::BadRange("message_end lies before message_start"));
    }
    if end - start > limit {
        return Err(MtpError::BadRange(
            "more messages asked for than one answer holds; ask for a page at a time",
        ));
    }
    Ok((start, (end - start).saturating_add(1).min(limit)))
}

/// Returns the text of a message for clients that get files only within messages: its last line
/// lists the files that the message does not include.
fn plain_text<'m>(message: &'m Message, service: &Service) -> Option<Cow<'m, str>> {
    let text = message.plain_text();
    if message.shown.iter().all(|file| file.is_given) {
        return text;
    }
    let page = service.page_of_message(message.uuid);
    let told = told(&message.shown, page.as_deref())?;
    Some(match text {
        Some(text) if !text.is_empty() => Cow::Owned(format!("{text}\n{told}")),
        _ => Cow::Owned(told),
    })
}

/// Returns a message for the wire. A deleted message has every file, and each is empty; in rich
/// frames files are not part of messages.
pub(super) fn message<'m>(
    form: Form,
    message: &'m Message,
    service: &Service,
) -> reply::Message<'m> {
    let file = |slot| {
        if form.is_rich() {
            return None;
        }
        let found = message.files.iter().find(|file| file.slot == slot);
        found
            .map(|file| reply::Blob::Content(&file.content))
            .or(message.is_deleted.then_some(reply::Blob::Emptied))
    };
    let text = if form.is_rich() {
        message.text.as_deref().map(Cow::Borrowed)
    } else {
        plain_text(message, service)
    };
    reply::Message {
        uuid: reply::Id(message.uuid),
        client_id: None,
        text,
        from_user: reply::Id(message.author),
        from_flow: reply::Id(message.flow),
        time: Some(message.sent_at.seconds()),
        file_picture: file(Slot::Picture),
        file_video: file(Slot::Video),
        file_audio: file(Slot::Audio),
        file_document: file(Slot::Document),
        emoji: file(Slot::Emoji),
        edited_time: message.edited_at.map(crate::model::Timestamp::seconds),
        edited_status: Some(message.edited_at.is_some()),
    }
}

/// Returns a flow for the wire. For a large flow, rich frames that are shared by all receivers name
/// only the members with a level above 0; an answer also names the reader.
pub(super) fn flow(form: Form, flow: &Flow, reader: Option<PublicId>) -> reply::Flow<'_> {
    let is_brief = form.is_rich() && is_large(flow);
    let counts = |user: &PublicId| {
        reader == Some(*user) || flow.levels.iter().any(|(other, _)| other == user)
    };
    let members = flow.members.iter().copied();
    let users = members.filter(|user| !is_brief || counts(user));
    reply::Flow {
        uuid: reply::Id(flow.uuid),
        time: Some(flow.created_at.seconds()),
        kind: Some(flow.kind.as_str()),
        title: flow.title.as_deref(),
        info: flow.info.as_deref(),
        owner: flow.owner_uuid.map(reply::Id),
        users: Some(users.map(reply::Id).collect()),
        message_start: None,
        message_end: None,
    }
}

/// Returns whether rich frames name only some of a flow's members.
pub(super) fn is_large(flow: &Flow) -> bool {
    flow.member_count > LARGE
}

/// The largest number of members of which rich frames list all.
const LARGE: i64 = 50;

/// Returns the answer to a method that created or changed a flow.
pub(super) fn one_flow(form: Form, changed: &Flow, reader: PublicId) -> reply::Data<'_> {
    let meta = form.is_rich().then(|| reply::DataMeta {
        flows: Some(rich::flows([changed])),
        ..reply::DataMeta::default()
    });
    reply::Data {
        flow: Some(vec![flow(form, changed, Some(reader))]),
        meta,
        ..reply::Data::default()
    }
}

/// Returns the numbers of messages in their flows.
pub(super) fn numbers<'m>(
    messages: impl IntoIterator<Item = &'m Message>,
) -> BTreeMap<reply::Id, i64> {
    messages
        .into_iter()
        .map(|message| (reply::Id(message.uuid), message.number))
        .collect()
}

/// Returns a profile for the wire, with the fields that only its owner sees when `own` is set. In
/// rich frames pictures are not part of profiles.
pub(super) fn user(form: Form, user: &User, own: bool) -> reply::User<'_> {
    let avatar = || {
        let picture = user.avatar_content.as_ref().map(reply::Blob::Content);
        picture.or(user.is_deleted.then_some(reply::Blob::Emptied))
    };
    reply::User {
        uuid: reply::Id(user.uuid),
        login: Some(&user.login),
        username: user.username.as_deref(),
        is_bot: Some(user.is_bot),
        auth_id: None,
        token_ttl: None,
        email: user.email.as_deref().filter(|_| own),
        avatar: if form.is_rich() { None } else { avatar() },
        bio: user.bio.as_deref(),
        time_created: Some(user.created_at.seconds()),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use proptest::prelude::*;

    fn goes_out_as(content: &Content) -> String {
        serde_json::to_value(reply::Blob::Content(content))
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    proptest! {
        #[test]
        fn a_text_comes_back_as_it_was(text in "\\PC{0,40}|[A-Za-z0-9+/]{0,40}={0,2}") {
            let stored = content(request::Blob::Text(text.as_str().into()));
            prop_assert_eq!(goes_out_as(&stored), text);
        }
    }

    fn page_of(start: Option<i64>, end: Option<i64>) -> Option<(i64, i64)> {
        page(start, end, 100).ok()
    }

    #[test]
    fn a_page_is_a_hundred_however_it_is_asked_for() {
        assert_eq!(page_of(None, None), Some((0, 100)));
        assert_eq!(page_of(Some(0), Some(99)), Some((0, 100)));
        assert_eq!(page_of(Some(0), Some(100)), Some((0, 100)));
        assert_eq!(page_of(Some(250), None), Some((250, 100)));
        assert_eq!(page_of(None, Some(10)), Some((0, 11)));
        assert_eq!(page_of(Some(7), Some(7)), Some((7, 1)));
        assert!(page_of(Some(i64::MAX), None).is_some());
    }

    #[test]
    fn impossible_ranges_are_refused() {
        for (start, end) in [(0, 101), (-1, 5), (5, 4), (-5, -1), (0, i64::MAX)] {
            assert_eq!(page_of(Some(start), Some(end)), None, "{start} to {end}");
        }
        assert_eq!(page_of(None, Some(101)), None);
    }

    #[test]
    fn the_same_picture_is_stored_once_however_it_was_sent() {
        let bytes = vec![137, 80, 78, 71, 0, 255];
        let text = STANDARD.encode(&bytes);
        let one = content(request::Blob::Bytes(bytes));
        let other = content(request::Blob::Text(text.as_str().into()));
        assert_eq!(one, other);
        assert_eq!(goes_out_as(&one), text);
    }
}
