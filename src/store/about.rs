//! Reading the details of messages besides their texts and files: for a whole page at a time, and only
//! for those messages whose `slots` say that there are details.

use std::collections::HashMap;

use rusqlite::{Row, named_params};

use super::error::StoreError;
use super::tx::View;
use super::{files, users};
use crate::model::about::{NAMED_REACTORS, bits};
use crate::model::{
    About, File, Forward, KINDS, Kind, Look, Message, MessageId, Original, Poll, Preview, Program,
    PublicId, Quote, Reaction, Timestamp, UserId,
};

/// Flag of a poll that takes several answers.
pub(super) const MULTIPLE: i64 = 1;
/// Flag of a poll that does not show who voted for what.
pub(super) const ANONYMOUS: i64 = 2;

/// Adds the other details to messages, as the `slots` of each say. [`personal`] adds what depends on
/// the reader.
///
/// # Errors
/// The file cannot be read.
pub(super) fn fill(
    view: &View<'_>,
    messages: &mut [Message],
    slots: &[i64],
) -> Result<(), StoreError> {
    const TELLING: i64 = bits::DETAILS | bits::EVERYONE | bits::EXPIRED | bits::AROUND;
    let mut found: HashMap<i64, About> = HashMap::new();
    for (message, slots) in messages.iter().zip(slots) {
        if slots & TELLING != 0 {
            let about = About {
                everyone: slots & bits::EVERYONE != 0,
                is_expired: slots & bits::EXPIRED != 0,
                ..About::default()
            };
            found.insert(message.id.0, about);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let with = |bit: i64| {
        let wanted = messages
            .iter()
            .zip(slots)
            .filter(|(_, slots)| *slots & bit != 0);
        list(wanted.map(|(message, _)| message.id))
    };
    if let Some(ids) = with(bits::DETAILS) {
        details(view, &ids, &mut found)?;
        mentions(view, &ids, &mut found)?;
    }
    if let Some(ids) = with(bits::AROUND) {
        reactions(view, &ids, &mut found)?;
        polls(view, &ids, &mut found)?;
    }
    for message in messages {
        let about = found.remove(&message.id.0);
        message.about = about.filter(|it| *it != About::default()).map(Box::new);
    }
    Ok(())
}

/// Returns row numbers as a JSON list; `None`: there are none.
fn list(ids: impl Iterator<Item = MessageId>) -> Option<String> {
    let mut text = String::new();
    for id in ids {
        text.push(if text.is_empty() { '[' } else { ',' });
        text += &id.0.to_string();
    }
    (!text.is_empty()).then(|| text + "]")
}

/// Reads the picture of a preview from a row of [`details`].
fn thumbnail(row: &Row<'_>) -> rusqlite::Result<Option<File>> {
    let id = row.get::<_, Option<[u8; 16]>>(22)?;
    let size = row.get::<_, Option<i64>>(25)?;
    let Some((id, size)) = id.zip(size) else {
        return Ok(None);
    };
    Ok(Some(File {
        id: PublicId::from_bytes(id),
        kind: Kind::Picture,
        size,
        media_type: row.get(26)?,
        look: Look {
            width: row.get(23)?,
            height: row.get(24)?,
            ..Look::default()
        },
        thumbnail: None,
        text: None,
        is_given: false,
    }))
}

fn details(view: &View<'_>, ids: &str, found: &mut HashMap<i64, About>) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, m.format, m.expires_at, m.forward ->> 'name', m.forward ->> 'time', m.forward_user_id,
                m.extra ->> 'reply', o.uuid, o.number - f.first_number, o.author_id, o.deleted_at,
                coalesce(substr(o.text, 1, 200),
                         (SELECT substr(p.question, 1, 200) FROM polls p WHERE p.message_id = o.id)),
                CASE WHEN o.slots & 255 <> 0 THEN
                    (SELECT a.kind FROM attachments a WHERE a.message_id = o.id ORDER BY a.ordinal LIMIT 1) END,
                m.extra ->> '$.preview.url', m.extra ->> '$.preview.title', m.extra ->> '$.preview.text',
                m.extra ->> '$.preview.site', m.extra ->> 'bot', m.extra ->> 'icon',
                k.picture_public_id, p.size AS picture_size, p.type AS picture_type,
                v.public_id, v.width, v.height, t.size, t.type
         FROM json_each(:ids) j JOIN messages m ON m.id = j.value JOIN flows f ON f.id = m.flow_id
         LEFT JOIN messages o ON o.id = m.reply_to_id
         LEFT JOIN hooks k ON k.id = m.extra ->> 'hook' AND k.flow_id = m.flow_id
         LEFT JOIN files p ON p.id = k.picture_file_id
         LEFT JOIN preview_thumbnails v ON v.message_id = m.id LEFT JOIN files t ON t.id = v.file_id",
    )?;
    let mut rows = statement.query(named_params! {":ids": ids})?;
    while let Some(row) = rows.next()? {
        let Some(about) = found.get_mut(&row.get(0)?) else {
            continue;
        };
        about.is_markup = row.get::<_, Option<i64>>(1)? == Some(1);
        about.expires_at = row.get::<_, Option<i64>>(2)?.map(Timestamp);
        let program = Program {
            name: row.get(17)?,
            avatar: row.get(18)?,
            picture: files::picture(row, ["picture_public_id", "picture_size", "picture_type"])?,
        };
        about.bot = (program != Program::default()).then_some(program);
        if let Some(name) = row.get::<_, Option<String>>(3)? {
            let author = row.get::<_, Option<i64>>(5)?.map(UserId);
            about.forward = Some(Forward {
                author: author.map_or(Ok(None), |author| users::uuid(view, author))?,
                name,
                at: Timestamp(row.get::<_, Option<i64>>(4)?.unwrap_or(0)),
            });
        }
        if let (Some(url), Some(title)) = (row.get(13)?, row.get(14)?) {
            let (text, site) = (row.get(15)?, row.get(16)?);
            about.preview = Some(Preview {
                url,
                title,
                text,
                site,
                thumbnail: thumbnail(row)?.map(Box::new),
            });
        }
        let answered: Option<String> = row.get(6)?;
        let Some(uuid) = answered.as_deref().and_then(PublicId::parse) else {
            continue;
        };
        let is_there = row.get::<_, Option<[u8; 16]>>(7)?.is_some()
            && row.get::<_, Option<i64>>(10)?.is_none();
        let original = if is_there {
            let kind = row.get::<_, Option<u8>>(12)?;
            Some(Original {
                number: row.get(8)?,
                author: users::uuid(view, UserId(row.get(9)?))?.unwrap_or(PublicId::NOTHING),
                text: row.get(11)?,
                kind: kind.and_then(|kind| KINDS.get(usize::from(kind)).copied()),
            })
        } else {
            None
        };
        about.reply = Some(Quote { uuid, original });
    }
    Ok(())
}

fn mentions(view: &View<'_>, ids: &str, found: &mut HashMap<i64, About>) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT n.message_id, n.user_id FROM json_each(:ids) j JOIN mentions n ON n.message_id = j.value
         ORDER BY n.message_id, n.user_id",
    )?;
    let mut rows = statement.query(named_params! {":ids": ids})?;
    while let Some(row) = rows.next()? {
        if let Some(about) = found.get_mut(&row.get(0)?) {
            let user = users::uuid(view, UserId(row.get(1)?))?;
            about.mentions.extend(user);
        }
    }
    Ok(())
}

fn reactions(
    view: &View<'_>,
    ids: &str,
    found: &mut HashMap<i64, About>,
) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT r.message_id, r.emoji, r.user_id FROM json_each(:ids) j
         JOIN reactions r ON r.message_id = j.value ORDER BY r.message_id, r.position",
    )?;
    let mut rows = statement.query(named_params! {":ids": ids})?;
    while let Some(row) = rows.next()? {
        let Some(about) = found.get_mut(&row.get(0)?) else {
            continue;
        };
        let emoji = row.get_ref(1)?.as_str().unwrap_or_default();
        let known = about.reactions.iter_mut().position(|it| it.emoji == emoji);
        let index = known.unwrap_or_else(|| {
            about.reactions.push(Reaction {
                emoji: emoji.to_owned(),
                count: 0,
                users: Vec::new(),
                is_mine: false,
            });
            about.reactions.len() - 1
        });
        let Some(reaction) = about.reactions.get_mut(index) else {
            continue;
        };
        reaction.count += 1;
        if reaction.users.len() < NAMED_REACTORS {
            reaction
                .users
                .extend(users::uuid(view, UserId(row.get(2)?))?);
        }
    }
    Ok(())
}

fn polls(view: &View<'_>, ids: &str, found: &mut HashMap<i64, About>) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT p.message_id, p.question, p.flags, p.closed_at, o.value FROM json_each(:ids) j
         JOIN polls p ON p.message_id = j.value JOIN json_each(p.options) o
         ORDER BY p.message_id, o.key",
    )?;
    let mut rows = statement.query(named_params! {":ids": ids})?;
    let mut has_any = false;
    while let Some(row) = rows.next()? {
        let Some(about) = found.get_mut(&row.get(0)?) else {
            continue;
        };
        has_any = true;
        if about.poll.is_none() {
            let flags: i64 = row.get(2)?;
            let is_anonymous = flags & ANONYMOUS != 0;
            about.poll = Some(Poll {
                question: row.get(1)?,
                options: Vec::new(),
                is_multiple: flags & MULTIPLE != 0,
                is_anonymous,
                is_closed: row.get::<_, Option<i64>>(3)?.is_some(),
                counts: Vec::new(),
                voters: (!is_anonymous).then(Vec::new),
                mine: None,
            });
        }
        if let Some(poll) = &mut about.poll {
            poll.options.push(row.get(4)?);
            poll.counts.push(0);
            if let Some(voters) = &mut poll.voters {
                voters.push(Vec::new());
            }
        }
    }
    if has_any {
        votes(view, ids, found)
    } else {
        Ok(())
    }
}

fn votes(view: &View<'_>, ids: &str, found: &mut HashMap<i64, About>) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT v.message_id, v.option, v.user_id FROM json_each(:ids) j
         JOIN votes v ON v.message_id = j.value ORDER BY v.message_id, v.user_id",
    )?;
    let mut rows = statement.query(named_params! {":ids": ids})?;
    while let Some(row) = rows.next()? {
        let poll = found.get_mut(&row.get(0)?).and_then(|it| it.poll.as_mut());
        let Some(poll) = poll else { continue };
        let option = usize::from(row.get::<_, u8>(1)?);
        if let Some(count) = poll.counts.get_mut(option) {
            *count += 1;
        }
        if let Some(voters) = poll.voters.as_mut().and_then(|it| it.get_mut(option)) {
            voters.extend(users::uuid(view, UserId(row.get(2)?))?);
        }
    }
    Ok(())
}

/// Adds what depends on the reader: which reactions and votes are the reader's own.
///
/// # Errors
/// The file cannot be read.
pub fn personal<'m>(
    view: &View<'_>,
    messages: impl IntoIterator<Item = &'m mut Message>,
    reader: UserId,
) -> Result<(), StoreError> {
    for message in messages {
        let id = message.id;
        if let Some(about) = message.about.as_deref_mut() {
            own(view, id, &mut about.reactions, about.poll.as_mut(), reader)?;
        }
    }
    Ok(())
}

/// Does this for the reactions and the poll of one message. Skips the query if the listed names suffice.
pub(super) fn own(
    view: &View<'_>,
    message: MessageId,
    reactions: &mut [Reaction],
    poll: Option<&mut Poll>,
    reader: UserId,
) -> Result<(), StoreError> {
    let params = named_params! {":message": message.0, ":user": reader.0};
    let named = i64::try_from(NAMED_REACTORS).unwrap_or(i64::MAX);
    if reactions.iter().any(|it| it.count > named) {
        let uuid = users::uuid(view, reader)?;
        let mut statement = view.prepare(
            "SELECT emoji FROM reactions WHERE message_id = :message AND user_id = :user",
        )?;
        let rows = statement.query_map(params, |row| row.get::<_, String>(0))?;
        let mine = rows.collect::<Result<Vec<_>, _>>()?;
        for reaction in reactions {
            let is_named = uuid.is_some_and(|uuid| reaction.users.contains(&uuid));
            reaction.is_mine = !is_named && mine.contains(&reaction.emoji);
        }
    }
    if let Some(poll) = poll {
        let mut statement = view.prepare(
            "SELECT option FROM votes WHERE message_id = :message AND user_id = :user ORDER BY option",
        )?;
        let rows = statement.query_map(params, |row| row.get(0))?;
        poll.mine = Some(rows.collect::<Result<_, _>>()?);
    }
    Ok(())
}
