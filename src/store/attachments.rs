//! Files of messages: which message shows which content, and how.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::files::{self, encoding, encoding_number};
use super::shelf::{self, Ready};
use super::tx::{Tx, View};
use crate::model::{
    Attachment, Content, Encoding, File, FileId, Kind, Look, MessageId, PublicId, Thumbnail,
    UserId, file, media_type,
};

/// The bits of `messages.slots` that say which kinds of files a message has.
pub(super) const KINDS: i64 = 0xff;

/// A stored file that a message shows.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The kind of the file.
    pub kind: Kind,
    /// The content.
    pub file: FileId,
    /// What its sender says about it.
    pub look: Look,
    /// A small picture that stands for it: content, width and height in pixels.
    pub thumbnail: Option<(FileId, Option<i64>, Option<i64>)>,
}

/// Content that came within a message: as it was sent, and as prepared for its row if that has been
/// done.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The content as it was sent.
    pub attachment: Attachment,
    /// The prepared content; `None`: it is prepared when it is attached.
    pub ready: Option<Ready>,
}

impl Brought {
    /// Returns its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.attachment.content.bytes.len() as u64
    }
}

impl From<Attachment> for Brought {
    fn from(attachment: Attachment) -> Self {
        Self {
            attachment,
            ready: None,
        }
    }
}

/// Attaches content that came with a message. Returns what is known about the file.
///
/// # Errors
/// The file cannot be written.
pub(super) fn attach(
    tx: &Tx<'_>,
    message: MessageId,
    brought: &Brought,
    owner: Option<UserId>,
) -> Result<File, StoreError> {
    let Attachment { slot, content } = &brought.attachment;
    let file = match &brought.ready {
        Some(ready) => shelf::keep(tx, ready, owner)?,
        None => files::store(tx, content)?,
    };
    let kind = Kind::from(*slot);
    let new = NewFile {
        kind,
        file,
        look: Look::default(),
        thumbnail: None,
    };
    let [id, _] = insert(tx, message, &new, content.encoding)?;
    Ok(File {
        id,
        kind,
        size: i64::try_from(content.bytes.len()).unwrap_or(i64::MAX),
        // Other text than base64 is returned as it came, and is never shown.
        media_type: media_type(&content.bytes)
            .filter(|_| content.encoding == Encoding::Base64)
            .map(|found| kind.served_as(found).to_owned()),
        look: Look::default(),
        thumbnail: None,
        text: feeling(kind, content),
        is_given: true,
    })
}

/// Attaches a stored file to a message.
///
/// # Errors
/// The file cannot be written.
pub fn show(tx: &Tx<'_>, message: MessageId, new: &NewFile) -> Result<(), StoreError> {
    insert(tx, message, new, Encoding::Base64).map(drop)
}

/// Attaches a stored file to a message, under an id that it had before if no other has it.
///
/// # Errors
/// The file cannot be written.
pub(super) fn show_as(
    tx: &Tx<'_>,
    message: MessageId,
    new: &NewFile,
    encoding: Encoding,
    id: Option<PublicId>,
) -> Result<(), StoreError> {
    let [given, _] = insert(tx, message, new, encoding)?;
    if let Some(id) = id {
        tx.prepare("UPDATE OR IGNORE attachments SET public_id = :id WHERE public_id = :given")?
            .execute(named_params! {":id": id.to_bytes(), ":given": given.to_bytes()})?;
    }
    Ok(())
}

/// Returns the number of the next file of a message: one that no file has, or has had as an event.
fn next(view: &View<'_>, message: MessageId) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 + max(coalesce((SELECT max(ordinal) FROM attachments WHERE message_id = :message), -1),
                        coalesce((SELECT max(CAST(key AS INTEGER)) FROM room_events WHERE message_id = :message
                                  AND relation IN ('redaction', 'part') AND key <> 'text'), -1))",
    )?;
    Ok(statement.query_row(named_params! {":message": message.0}, |row| row.get(0))?)
}

/// Returns the public ids of the file and of its thumbnail; without a thumbnail the second is unused.
fn insert(
    tx: &Tx<'_>,
    message: MessageId,
    new: &NewFile,
    encoding: Encoding,
) -> Result<[PublicId; 2], StoreError> {
    let ids = [files::public_id(), files::public_id()];
    let (thumb, thumb_width, thumb_height) = match new.thumbnail {
        Some((file, width, height)) => (Some(file.0), width, height),
        None => (None, None, None),
    };
    tx.prepare(
        "INSERT INTO attachments (message_id, ordinal, kind, file_id, encoding, public_id, name, width, height,
                                  duration, blurhash, waveform, thumb_file_id, thumb_public_id, thumb_width, thumb_height)
         VALUES (:message, :ordinal,
                 :kind, :file, :encoding, :public, :name, :width, :height, :duration, :blurhash, :waveform,
                 :thumb, :thumb_public, :thumb_width, :thumb_height)",
    )?
    .execute(named_params! {
        ":message": message.0,
        ":ordinal": next(tx, message)?,
        ":kind": new.kind.number(),
        ":file": new.file.0,
        ":encoding": encoding_number(encoding),
        ":public": ids[0],
        ":name": new.look.name,
        ":width": new.look.width,
        ":height": new.look.height,
        ":duration": new.look.duration,
        ":blurhash": new.look.blurhash,
        ":waveform": new.look.waveform,
        ":thumb": thumb,
        ":thumb_public": thumb.map(|_| ids[1]),
        ":thumb_width": thumb_width,
        ":thumb_height": thumb_height,
    })?;
    Ok(ids.map(PublicId::from_bytes))
}

/// Returns the text of a sticker file that is a short text.
fn feeling(kind: Kind, content: &Content) -> Option<String> {
    /// The longest text, in bytes, that is sent with the message.
    const MAX: usize = 32;
    let is_text = kind == Kind::Sticker && content.encoding == Encoding::Text;
    let text = std::str::from_utf8(&content.bytes).ok()?;
    (is_text && text.len() <= MAX).then(|| text.to_owned())
}

/// A file as a message shows it.
struct Shown {
    ordinal: i64,
    kind: Kind,
    size: i64,
}

/// Returns what a message shows, in order, and for each file whether it is sent with the message.
fn shown(
    view: &View<'_>,
    message: MessageId,
    max_bytes: usize,
) -> Result<Vec<(Shown, bool)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT a.ordinal, a.kind, f.size FROM attachments a JOIN files f ON f.id = a.file_id
         WHERE a.message_id = :message ORDER BY a.ordinal",
    )?;
    let rows = statement.query_map(named_params! {":message": message.0}, |row| {
        Ok(Shown {
            ordinal: row.get(0)?,
            kind: kind(row.get(1)?),
            size: row.get(2)?,
        })
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let given = file::given(
        rows.iter().map(|row| (row.kind.slot(), row.size)),
        max_bytes,
    );
    Ok(rows.into_iter().zip(given).collect())
}

/// Returns the kind for a number in a table; a kind of a later version is an ordinary file.
fn kind(number: i64) -> Kind {
    Kind::from_number(number).unwrap_or(Kind::Document)
}

/// Replaces the file that a message carries in a slot, or removes it if the content is empty. The
/// new file takes the place of the old one. The same content again changes nothing.
///
/// # Errors
/// The file cannot be written.
pub(super) fn replace(
    tx: &Tx<'_>,
    message: MessageId,
    brought: &Brought,
    owner: Option<UserId>,
    max_bytes: usize,
) -> Result<(), StoreError> {
    let Attachment { slot, content } = &brought.attachment;
    let all = shown(tx, message, max_bytes)?;
    let present = all
        .iter()
        .find(|(row, given)| *given && row.kind.slot() == *slot);
    if let Some((row, _)) = present {
        let sha256 = brought
            .ready
            .as_ref()
            .map_or_else(|| files::ready(content).sha256, |ready| ready.sha256);
        let mut same = tx.prepare(
            "SELECT 1 FROM attachments a JOIN files f ON f.id = a.file_id
             WHERE a.message_id = :message AND a.ordinal = :ordinal AND f.sha256 = :sha256 AND a.encoding = :encoding",
        )?;
        let is_same = same.exists(named_params! {
            ":message": message.0,
            ":ordinal": row.ordinal,
            ":sha256": sha256,
            ":encoding": encoding_number(content.encoding),
        })?;
        if is_same && !content.bytes.is_empty() {
            return Ok(());
        }
    }
    // First, so that it gets its own number.
    if !content.bytes.is_empty() {
        attach(tx, message, brought, owner)?;
    }
    if let Some((row, _)) = present {
        remove(tx, message, &row.ordinal.to_string())?;
        if !content.bytes.is_empty() {
            let later = all.iter().filter(|(it, _)| it.ordinal > row.ordinal);
            for (it, _) in later {
                renumber(tx, message, it.ordinal, next(tx, message)?)?;
            }
        }
    }
    Ok(())
}

/// Removes a file of a message by its number, given as text.
pub(super) fn remove(tx: &Tx<'_>, message: MessageId, ordinal: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM attachments WHERE message_id = :message AND ordinal = CAST(:ordinal AS INTEGER)")?
        .execute(named_params! {":message": message.0, ":ordinal": ordinal})?;
    Ok(())
}

/// Returns the bits of the kinds of files that a message has.
///
/// # Errors
/// The file cannot be read.
pub(super) fn kinds(view: &View<'_>, message: MessageId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT DISTINCT kind FROM attachments WHERE message_id = :message")?;
    let rows = statement.query_map(named_params! {":message": message.0}, |row| {
        row.get::<_, i64>(0)
    })?;
    let mut bits = 0;
    for number in rows {
        bits |= kind(number?).bit();
    }
    Ok(bits)
}

/// Puts the files of a message into another order, and adds new ones: each entry is the public id of a
/// present file, or a new file. Files that are not listed are removed. Files keep their numbers up to the
/// first that is new or has moved.
///
/// # Errors
/// The file cannot be written.
pub fn rearrange(
    tx: &Tx<'_>,
    message: MessageId,
    wanted: &[Result<PublicId, NewFile>],
) -> Result<(), StoreError> {
    let (mut last, mut stay) = (-1, true);
    let mut numbers = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let number = next(tx, message)?;
        match wanted {
            Ok(id) => {
                let Some(present) = number_of(tx, message, *id)? else {
                    continue;
                };
                stay &= present > last;
                last = if stay { present } else { number };
                if !stay {
                    renumber(tx, message, present, number)?;
                }
            }
            Err(new) => {
                show(tx, message, new)?;
                (last, stay) = (number, false);
            }
        }
        numbers.push(last.to_string());
    }
    tx.prepare(
        "DELETE FROM attachments WHERE message_id = :message AND ordinal NOT IN (SELECT value FROM json_each(:numbers))",
    )?
    .execute(named_params! {":message": message.0, ":numbers": format!("[{}]", numbers.join(","))})?;
    Ok(())
}

fn number_of(view: &View<'_>, message: MessageId, id: PublicId) -> Result<Option<i64>, StoreError> {
    let mut statement = view.prepare(
        "SELECT ordinal FROM attachments WHERE message_id = :message AND public_id = :id",
    )?;
    let params = named_params! {":message": message.0, ":id": id.to_bytes()};
    Ok(statement.query_row(params, |row| row.get(0)).optional()?)
}

fn renumber(tx: &Tx<'_>, message: MessageId, from: i64, to: i64) -> Result<(), StoreError> {
    let params = named_params! {":message": message.0, ":from": from, ":to": to};
    for sql in [
        "UPDATE attachments SET ordinal = :to WHERE message_id = :message AND ordinal = :from",
        "UPDATE room_media SET ordinal = :to WHERE message_id = :message AND ordinal = :from",
    ] {
        tx.prepare(sql)?.execute(params)?;
    }
    Ok(())
}

/// Returns whether a message shows the file with a public id.
///
/// # Errors
/// The file cannot be read.
pub fn has(view: &View<'_>, message: MessageId, id: PublicId) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM attachments WHERE message_id = :message AND public_id = :id")?;
    Ok(statement.exists(named_params! {":message": message.0, ":id": id.to_bytes()})?)
}

/// Returns the files that a message carries, within a limit of bytes. A file that is no longer in the
/// folder is left out.
///
/// # Errors
/// The file cannot be read.
pub(super) fn of_message(
    view: &View<'_>,
    message: MessageId,
    max_bytes: usize,
) -> Result<Vec<Attachment>, StoreError> {
    let mut read = view.prepare(
        "SELECT a.encoding, f.size, f.name AS file_name, f.content FROM attachments a JOIN files f ON f.id = a.file_id
         WHERE a.message_id = :message AND a.ordinal = :ordinal",
    )?;
    let mut files = Vec::new();
    for (row, given) in shown(view, message, max_bytes)? {
        if !given {
            continue;
        }
        let params = named_params! {":message": message.0, ":ordinal": row.ordinal};
        let mut found = read.query(params)?;
        if let Some(found) = found.next()?
            && let Some(content) = files::content(view, found, encoding(found.get("encoding")?))?
        {
            let slot = row.kind.slot();
            files.push(Attachment { slot, content });
        }
    }
    Ok(files)
}

/// Returns what is known about the files of a message, which carries those that fit into a limit of bytes.
///
/// # Errors
/// The file cannot be read.
pub fn shown_by(
    view: &View<'_>,
    message: MessageId,
    max_bytes: usize,
) -> Result<Vec<File>, StoreError> {
    // Only the content of a sticker that may be a short text is read.
    let mut statement = view.prepare(
        "SELECT a.public_id, a.kind, f.size, CASE WHEN a.encoding THEN coalesce(a.type, f.type) END, a.encoding,
                CASE WHEN a.kind = 4 AND f.size <= 32 THEN f.content END,
                a.name, a.width, a.height, a.duration, a.blurhash, a.waveform,
                a.thumb_public_id, a.thumb_width, a.thumb_height, t.size
         FROM attachments a JOIN files f ON f.id = a.file_id LEFT JOIN files t ON t.id = a.thumb_file_id
         WHERE a.message_id = :message ORDER BY a.ordinal",
    )?;
    let rows = statement.query_map(named_params! {":message": message.0}, known)?;
    let mut files = rows.collect::<Result<Vec<_>, _>>()?;
    let sizes = files.iter().map(|file| (file.kind.slot(), file.size));
    let given = file::given(sizes, max_bytes);
    for (file, given) in files.iter_mut().zip(given) {
        file.is_given = given;
    }
    Ok(files)
}

fn known(row: &Row<'_>) -> rusqlite::Result<File> {
    let kind = kind(row.get(1)?);
    let found: Option<String> = row.get(3)?;
    let content = row.get::<_, Option<Vec<u8>>>(5)?;
    let encoding = encoding(row.get(4)?);
    let thumbnail = row.get::<_, Option<[u8; 16]>>(12)?;
    let thumbnail = thumbnail.map(|id| {
        Ok::<_, rusqlite::Error>(Thumbnail {
            id: PublicId::from_bytes(id),
            width: row.get(13)?,
            height: row.get(14)?,
            size: row.get::<_, Option<i64>>(15)?.unwrap_or(0),
        })
    });
    Ok(File {
        id: PublicId::from_bytes(row.get(0)?),
        kind,
        size: row.get(2)?,
        media_type: found.map(|found| kind.served_as(&found).to_owned()),
        look: Look {
            name: row.get(6)?,
            width: row.get(7)?,
            height: row.get(8)?,
            duration: row.get(9)?,
            blurhash: row.get(10)?,
            waveform: row.get(11)?,
        },
        thumbnail: thumbnail.transpose()?,
        text: content.and_then(|bytes| {
            let bytes = bytes.into();
            feeling(kind, &Content { bytes, encoding })
        }),
        is_given: false,
    })
}

/// Returns the bytes stored for the files of a message.
pub(super) fn size_of_message(view: &View<'_>, message: MessageId) -> Result<usize, StoreError> {
    let all = shown(view, message, 0)?;
    Ok(sum(all.iter().map(|(row, _)| row.size)))
}

/// Returns the size in bytes of the files that a message carries.
pub(super) fn size_given(
    view: &View<'_>,
    message: MessageId,
    max_bytes: usize,
) -> Result<usize, StoreError> {
    let all = shown(view, message, max_bytes)?;
    Ok(sum(all
        .iter()
        .filter(|(_, given)| *given)
        .map(|(row, _)| row.size)))
}

/// Returns the bytes in the slots of a message: for each slot, the first file that fits by itself.
///
/// # Errors
/// The file cannot be read.
pub fn size_of_slots(
    view: &View<'_>,
    message: MessageId,
    max_bytes: usize,
) -> Result<usize, StoreError> {
    let max = i64::try_from(max_bytes).unwrap_or(i64::MAX);
    let all = shown(view, message, 0)?;
    let small = all.iter().map(|(row, _)| row).filter(|row| row.size <= max);
    let first = small.clone().map(|row| (row.kind.slot(), row.size));
    let given = file::given(first, usize::MAX);
    Ok(sum(small
        .zip(given)
        .filter(|(_, given)| *given)
        .map(|(row, _)| row.size)))
}

fn sum(sizes: impl Iterator<Item = i64>) -> usize {
    usize::try_from(sizes.sum::<i64>()).unwrap_or(usize::MAX)
}
