//! The documents of an export as the service takes them.

use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::documents::{self, Id};
use crate::model::{
    AccountEdit, Content, Encoding, FlowKind, FlowSettings, Forward, Kind, Level, Look, NewPoll,
    Preview, PublicId, PushContent, Slot, Timestamp,
};
use crate::service::{
    ExportedContent, ExportedEvent, ExportedFile, ExportedFlow, ExportedMember, ExportedMessage,
    ExportedPoll, ExportedThumbnail, ExportedUser, OwnChoices, Person,
};

/// The largest picture of a flow, in bytes, that is imported.
const MAX_PICTURE_BYTES: u64 = 16 << 20;

fn ids(list: &[Id]) -> Vec<PublicId> {
    list.iter().map(|id| id.0).collect()
}

/// Returns an account.
pub(super) fn user(user: documents::User) -> ExportedUser {
    ExportedUser {
        person: Person {
            uuid: user.uuid.0,
            login: user.login,
            username: user.username,
        },
        email: user.email,
        bio: user.bio,
        avatar: user
            .avatar
            .filter(|it| !it.is_empty())
            .map(|it| Content::of_text(&it)),
        is_admin: user.admin,
        is_bot: user.bot,
        is_suspended: user.suspended,
        created_at: time(user.created),
        own: user.own.map(own),
    }
}

/// Returns the time of a second; of none that is known, the present.
fn time(second: i64) -> Timestamp {
    if second > 0 {
        Timestamp::from_seconds(second)
    } else {
        Timestamp::now()
    }
}

/// Returns what a user chose.
pub(super) fn own(own: documents::Own) -> OwnChoices {
    let settings = own.settings.into_iter().filter_map(|(flow, chosen)| {
        let chosen = FlowSettings {
            muted_until: chosen.muted_until,
            mentions_only: chosen.mentions_only,
            archived: chosen.archived,
            pinned: chosen.pinned,
            unread: chosen.unread,
            hidden: chosen.hidden,
        };
        Some((PublicId::parse(&flow)?, chosen))
    });
    let privacy = own.privacy;
    let privacy = privacy.as_ref();
    OwnChoices {
        blocked: ids(&own.blocked),
        settings: settings.collect(),
        account: AccountEdit {
            ask_first: privacy.and_then(|it| it.ask_first),
            share_seen: privacy.and_then(|it| it.share_seen),
            share_read: privacy.and_then(|it| it.share_read),
            push_content: privacy
                .and_then(|it| it.push_content.as_deref())
                .and_then(PushContent::parse),
        },
    }
}

/// Returns a flow. `folder` is that of the export.
pub(super) fn flow(
    flow: documents::Flow,
    events: Vec<documents::Event>,
    folder: &Path,
) -> ExportedFlow {
    let picture = flow.picture.and_then(|it| it.path);
    let picture = picture.and_then(|path| inside(folder, &path));
    let members = flow.members.into_iter().map(|member| ExportedMember {
        person: Person {
            uuid: member.uuid.0,
            login: member.login,
            username: member.username,
        },
        level: Level(member.level),
        read: member.read,
    });
    let pins = flow.pins.iter();
    ExportedFlow {
        uuid: flow.uuid.0,
        kind: FlowKind::parse(&flow.kind).unwrap_or(FlowKind::Group),
        title: flow.title,
        info: flow.info,
        owner: flow.owner.map(|it| it.0),
        members: members.collect(),
        expire: flow.expire.max(0),
        is_protected: flow.protect,
        pins_are_restricted: flow.pin.as_deref() == Some("owner"),
        is_saved: flow.saved,
        picture: picture.and_then(|path| picture_at(&path)),
        created_at: time(flow.created),
        pins: pins
            .map(|pin| (pin.message.0, pin.by.0, time(pin.time)))
            .collect(),
        events: events.into_iter().map(event).collect(),
    }
}

fn picture_at(path: &Path) -> Option<Content> {
    let size = path.metadata().ok()?.len();
    let bytes = (size <= MAX_PICTURE_BYTES).then(|| std::fs::read(path).ok())??;
    Some(Content {
        bytes: bytes.into(),
        encoding: Encoding::Base64,
    })
}

fn event(event: documents::Event) -> ExportedEvent {
    let person = |id: Option<Id>, login: Option<String>| {
        id.map(|id| Person {
            uuid: id.0,
            login: login.unwrap_or_default(),
            username: None,
        })
    };
    ExportedEvent {
        uuid: event.id.0,
        after: event.after,
        at: time(event.time),
        by: person(event.by, event.by_login),
        kind: event.kind,
        user: person(event.user, event.user_login),
        message: event.message.map(|it| it.0),
        body: event
            .title
            .or(event.level.map(|it| it.to_string()))
            .or(event.seconds.map(|it| it.to_string()))
            .or(event.on.map(|on| i64::from(on).to_string())),
    }
}

/// Returns a message. `folder` is that of the export.
pub(super) fn message(mut message: documents::Message, folder: &Path) -> ExportedMessage {
    let files = files(&mut message, folder);
    let about = message.about;
    let preview_thumbnail = about.preview.as_ref().and_then(|it| it.thumbnail.as_ref());
    let preview_thumbnail = preview_thumbnail.and_then(|it| thumbnail(it, folder));
    ExportedMessage {
        uuid: message.uuid.0,
        number: message.number,
        author: Person {
            uuid: message.from_user.0,
            login: message.login,
            username: None,
        },
        sent_at: time(message.time),
        text: message.text,
        edited_at: message.edited_time.map(time),
        is_deleted: message.deleted,
        reply: about.reply.map(|it| it.uuid.0),
        forward: about.forward.map(|it| Forward {
            author: it.from_user.map(|user| user.0),
            name: it.name,
            at: time(it.time),
        }),
        is_markup: about.format == Some(1),
        mentions: ids(&about.mentions),
        everyone: about.everyone,
        preview: about.preview.map(|it| Preview {
            url: it.url,
            title: it.title,
            text: it.text,
            site: it.site,
            thumbnail: None,
        }),
        preview_thumbnail,
        program: about.bot.map(|it| (it.name, it.avatar)),
        poll: about.poll.map(|it| ExportedPoll {
            poll: NewPoll {
                question: it.question,
                options: it.options,
                is_multiple: it.many,
                is_anonymous: it.anonymous,
            },
            is_closed: it.closed,
            voters: it
                .voters
                .map(|lists| lists.iter().map(|users| ids(users)).collect()),
            has_votes: it.counts.iter().any(|count| *count > 0),
        }),
        reactions: about.reactions.iter().map(reaction).collect(),
        expires_at: about.expires.map(time),
        is_expired: about.deleted.as_deref() == Some("expired"),
        files,
    }
}

fn reaction((emoji, told): (&String, &serde_json::Value)) -> (String, Vec<PublicId>) {
    let users = told["users"].as_array().into_iter().flatten();
    let users = users.filter_map(|user| PublicId::parse(user.as_str()?));
    (emoji.clone(), users.collect())
}

/// Returns the files of a message: those that are described, and content within the message that is not.
fn files(message: &mut documents::Message, folder: &Path) -> Vec<ExportedFile> {
    let mut within = [
        (Slot::Picture, message.file_picture.take()),
        (Slot::Video, message.file_video.take()),
        (Slot::Audio, message.file_audio.take()),
        (Slot::Document, message.file_document.take()),
        (Slot::Emoji, message.emoji.take()),
    ]
    .map(|(slot, text)| (slot, text.filter(|it| !it.is_empty())));
    let mut found = Vec::new();
    for file in std::mem::take(&mut message.about.files) {
        let kind = Kind::parse(&file.kind).unwrap_or(Kind::Document);
        let content = match file.path.as_deref() {
            Some(path) => {
                inside(folder, path).map_or(ExportedContent::Missing, ExportedContent::Beside)
            }
            None => within
                .iter_mut()
                .find(|(slot, _)| *slot == kind.slot())
                .and_then(|(_, text)| text.take())
                .map_or(ExportedContent::Missing, |text| {
                    ExportedContent::Within(Content::of_text(&text))
                }),
        };
        found.push(ExportedFile {
            id: file.id.as_deref().and_then(PublicId::from_hex),
            kind,
            look: Look {
                name: file.name,
                width: file.width,
                height: file.height,
                duration: file.duration,
                blurhash: file.blurhash,
                waveform: file.waveform.and_then(|peaks| STANDARD.decode(peaks).ok()),
            },
            content,
            thumbnail: file.thumbnail.as_ref().and_then(|it| thumbnail(it, folder)),
        });
    }
    for (slot, text) in within {
        if let Some(text) = text {
            found.push(ExportedFile {
                id: None,
                kind: slot.into(),
                look: Look::default(),
                content: ExportedContent::Within(Content::of_text(&text)),
                thumbnail: None,
            });
        }
    }
    found
}

fn thumbnail(picture: &documents::Picture, folder: &Path) -> Option<ExportedThumbnail> {
    Some(ExportedThumbnail {
        path: inside(folder, picture.path.as_deref()?)?,
        width: picture.width,
        height: picture.height,
    })
}

/// Returns the path of a file in the folder of the export; `None`: it is not there. A document cannot name a file of
/// this machine outside of that folder, not even by a symbolic link.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let is_plain = relative
        .components()
        .all(|it| matches!(it, Component::Normal(_)));
    let whole = folder.join(relative).canonicalize().ok()?;
    let is_inside = is_plain && whole.starts_with(folder) && whole.is_file();
    is_inside.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_only_into_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("files")).unwrap();
        std::fs::write(real.join("files/a"), "a").unwrap();
        std::os::unix::fs::symlink(outside.path(), real.join("files/b")).unwrap();
        assert_eq!(inside(&real, "files/a"), Some(real.join("files/a")));
        let above = format!("../{}", outside.path().file_name().unwrap().display());
        let absolute = outside.path().to_str().unwrap();
        for path in [
            above.as_str(),
            absolute,
            "files/b",
            "files",
            "files/c",
            "files/../files/a",
            "",
        ] {
            assert_eq!(inside(&real, path), None, "{path}");
        }
    }
}
