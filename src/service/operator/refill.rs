//! The meaning of an export's messages and events on this server, and the content of its files.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use super::exported::ExportedMessage;
use crate::model::{self, PublicId, UserId, media_type};
use crate::service::cleaning::Summed;
use crate::store::files::{self, INLINE};
use crate::store::folder::Folder;
use crate::store::imports::Details;
use crate::store::log::Kind;
use crate::store::shelf::{Place, Ready};

/// Returns the kind of event for a word.
pub(super) fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "made" => Kind::Made,
        "title" => Kind::Title,
        "info" => Kind::Info,
        "picture" => Kind::Picture,
        "added" => Kind::Added,
        "joined" => Kind::Joined,
        "left" => Kind::Left,
        "removed" => Kind::Removed,
        "invited" => Kind::Invited,
        "declined" => Kind::Declined,
        "banned" => Kind::Banned,
        "level" => Kind::Level,
        "owner" => Kind::Owner,
        "expire" => Kind::Expire,
        "protect" => Kind::Protect,
        "pinned" => Kind::Pinned,
        "unpinned" => Kind::Unpinned,
        _ => return None,
    })
}

/// Returns the details of a message, without its files. Users who are unknown here are left out.
pub(super) fn details(
    message: &mut ExportedMessage,
    people: &HashMap<PublicId, UserId>,
) -> Details {
    let known = |users: &[PublicId]| -> Vec<UserId> {
        users
            .iter()
            .filter_map(|it| people.get(it).copied())
            .collect()
    };
    let forward = message.forward.take().map(|forward| {
        let author = forward.author.and_then(|it| people.get(&it).copied());
        (forward, author)
    });
    let poll = message.poll.take();
    let mut votes: BTreeMap<UserId, Vec<i64>> = BTreeMap::new();
    let lists = poll.as_ref().and_then(|it| it.voters.as_ref());
    for (option, users) in (0_i64..).zip(lists.into_iter().flatten()) {
        for user in known(users) {
            votes.entry(user).or_default().push(option);
        }
    }
    Details {
        reply: message.reply,
        forward,
        is_markup: message.is_markup,
        mentions: known(&message.mentions),
        everyone: message.everyone,
        preview: message.preview.take(),
        preview_thumbnail: None,
        program: message.program.take(),
        poll: poll.map(|it| (it.poll, it.is_closed)),
        votes: votes.into_iter().collect(),
        reactions: std::mem::take(&mut message.reactions)
            .into_iter()
            .map(|(emoji, users)| (emoji, known(&users)))
            .collect(),
        expires_at: message.expires_at,
        is_expired: message.is_expired,
        files: Vec::new(),
    }
}

/// The content of a file.
pub(super) enum Content {
    /// In memory.
    Within(model::Content),
    /// A file beside the documents.
    Beside(PathBuf),
}

/// Prepares content for its row; large content is put into the folder of files.
///
/// # Errors
/// A sentence: which file cannot be read, or that it cannot be stored.
pub(super) async fn keep(folder: Folder, content: Content) -> Result<Ready, String> {
    let work = move || match content {
        Content::Within(content) if content.bytes.len() <= INLINE => Ok(files::ready(&content)),
        Content::Within(content) => {
            let ready = files::ready(&content);
            let name = folder
                .put(&mut &content.bytes[..])
                .map_err(|err| err.to_string())?;
            let place = Place::Folder(name);
            Ok(Ready { place, ..ready })
        }
        Content::Beside(path) => {
            let failed = |err: io::Error| format!("cannot read {}: {err}", path.display());
            let mut file = File::open(&path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            if size <= INLINE as u64 {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(failed)?;
                return Ok(files::ready(&model::Content {
                    bytes: bytes.into(),
                    encoding: model::Encoding::Base64,
                }));
            }
            let mut head = [0; 64];
            file.read_exact(&mut head).map_err(failed)?;
            let found = media_type(&head);
            let mut whole = Summed::new(head.chain(file));
            let name = folder
                .put(&mut whole)
                .map_err(|err| format!("cannot store {}: {err}", path.display()))?;
            Ok(Ready {
                sha256: whole.sum(),
                size,
                media_type: found,
                place: Place::Folder(name),
            })
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|err| err.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_flow_has_its_kind() {
        let all = (Kind::Made as i64..=Kind::Unpinned as i64).count();
        let words = [
            "made", "title", "info", "picture", "added", "joined", "left", "removed", "invited",
            "declined", "banned", "level", "owner", "expire", "protect", "pinned", "unpinned",
        ];
        let mut kinds: Vec<_> = words.into_iter().filter_map(kind).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), all);
        assert_eq!(kind("later"), None);
    }
}
