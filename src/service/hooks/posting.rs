//! Posts through hooks: their rate limits and their processing.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::super::bucket::Rate;
use super::super::messages::require_unblocked;
use super::super::sent_files::{self, Prepared};
use super::super::{Client, Payer, Refusal, Service, ServiceError, Thing};
use super::Use;
use crate::auth::HookSecret;
use crate::model::{
    By, Content, Encoding, FlowKind, Kind, Look, Looks, Loudness, Message, clean_name,
};
use crate::store::attachments::NewFile;
use crate::store::details::{ByHook, NewDetails};
use crate::store::hooks::Living;
use crate::store::{Tx, View, flows, hooks, messages, names, shelf, txns};

/// Number of posts of one hook per minute, and how many of them at once.
const POSTS_PER_MINUTE: f64 = 60.0;
const POSTS_AT_ONCE: f64 = 10.0;

/// Number of files of one hook per minute.
const FILES_PER_MINUTE: u32 = 5;

/// The cost of a request whose sender is not known yet.
const WEIGHT: f64 = 1.0;

/// Maximum length of the name that a program gives itself, in characters.
const MAX_LABEL_CHARS: usize = 80;

/// How long a group of alerts continues in the same message.
const GROUP_LIFETIME: Duration = Duration::from_hours(4);

/// Maximum number of edits of one message of a group before a new message is started.
const GROUP_EDITS: i64 = 100;

/// A post of a program through a hook.
#[derive(Debug, Clone, Default)]
pub struct HookPost {
    /// The text; a text that is too long is truncated.
    pub text: String,
    /// The lines after it, which say where to read more and are kept as long as they leave half of the room.
    pub end: String,
    /// Whether it is markup.
    pub is_markup: bool,
    /// The name that the program gives itself.
    pub label: Option<String>,
    /// The emoji that the program uses as its avatar.
    pub icon: Option<String>,
    /// How loud it is.
    pub loudness: Loudness,
    /// Files.
    pub files: Vec<HookFile>,
    /// Distinguishes a repetition from a new post.
    pub key: Option<String>,
    /// The group of alerts that the post is about.
    pub group: Option<AlertGroup>,
    /// What the answer repeats of the post. It is stored with the key.
    pub answer: Option<String>,
}

impl HookPost {
    /// Returns the text with the lines after it, in at most `limit` bytes.
    pub(crate) fn whole(&self, limit: usize) -> String {
        let mut text = self.text.clone();
        if !self.end.is_empty() {
            let kept = self.end.len() + 1;
            if kept <= limit / 2 {
                cut(&mut text, limit - kept);
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&self.end);
        }
        cut(&mut text, limit);
        text
    }
}

/// A file that is posted through a hook.
#[derive(Debug, Clone)]
pub struct HookFile {
    /// Its name.
    pub name: Option<String>,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// A group of alerts, which is shown in one message for as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertGroup {
    /// Identifies the group.
    pub key: String,
    /// Whether any of the alerts is firing.
    pub is_firing: bool,
    /// The text of the reply that announces a change of state.
    pub headline: String,
}

impl AlertGroup {
    fn state(&self) -> &'static str {
        if self.is_firing { "firing" } else { "resolved" }
    }
}

/// A message that was posted through a hook.
#[derive(Debug)]
pub struct PostedByHook {
    /// The message.
    pub message: Arc<Message>,
    /// Its row number.
    pub id: i64,
    /// What the answer to the first post with the key repeated of it; `None` if this is the first.
    pub answer: Option<String>,
}

impl Service {
    /// Returns the address of a hook.
    #[must_use]
    pub fn address_of_hook(&self, secret: &HookSecret) -> String {
        format!("{}/hook/{}", self.settings.public_url, secret.as_str())
    }

    /// Finds the hook with a secret, and counts a post of it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], without a reason; [`Refusal::Throttled`] for an address that has guessed
    /// too often; [`Refusal::TooManyRequests`].
    pub async fn admit_hook(&self, secret: &str, client: &Client) -> Result<Living, ServiceError> {
        self.admit(None, client, WEIGHT)?;
        let found = match HookSecret::hash_of(secret) {
            Some(hash) => {
                let find = move |view: &View<'_>| Ok::<_, ServiceError>(hooks::find(view, &hash)?);
                self.store.read(find).await?
            }
            None => None,
        };
        let Some(hook) = found else {
            self.guesses
                .missed_code(client.neighbourhood, Instant::now())?;
            return Err(Refusal::NotFound(Thing::Hook).into());
        };
        let rate = Rate::new(POSTS_PER_MINUTE / 60.0, POSTS_AT_ONCE);
        self.spend_hook(&hook, (Use::Posts, 1.0), rate)?;
        Ok(hook)
    }

    fn spend_hook(
        &self,
        hook: &Living,
        (what, amount): (Use, f64),
        rate: Rate,
    ) -> Result<(), ServiceError> {
        let mut rates = self
            .hook_rates
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = rates.take(&(hook.id, what), amount, rate, Instant::now());
        taken.map_err(|wait| {
            log::debug!("hook {} ({}…) posts too often", hook.id.0, hook.hint);
            let payer = Payer::Account;
            Refusal::TooManyRequests { payer, wait }.into()
        })
    }

    /// Writes the post of a program. A post with the same key returns the first message.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a hook that was revoked meanwhile; [`Refusal::EmptyMessage`];
    /// [`Refusal::PartnerDeleted`], [`Refusal::Blocked`]; [`Refusal::QuotaExceeded`];
    /// [`Refusal::TooManyRequests`] for too many files.
    pub async fn post_by_hook(
        &self,
        hook: &Living,
        mut post: HookPost,
    ) -> Result<PostedByHook, ServiceError> {
        let limits = self.limits();
        post.text = post.whole(limits.text_bytes);
        if post.text.trim().is_empty() && post.files.is_empty() {
            return Err(Refusal::EmptyMessage.into());
        }
        let limit = limits.message_files;
        if post.files.len() > limit {
            return Err(Refusal::TooManyFiles { limit }.into());
        }
        if !post.files.is_empty() {
            // One message with more files uses up the limit of a minute.
            let files = u32::try_from(post.files.len()).unwrap_or(u32::MAX);
            let rate = Rate::of(FILES_PER_MINUTE, Duration::from_mins(1));
            self.spend_hook(hook, (Use::Files, files.into()), rate)?;
        }
        let files = std::mem::take(&mut post.files).into_iter();
        let contents = files.map(|file| {
            let content = Content {
                bytes: file.bytes,
                encoding: Encoding::Base64,
            };
            (content, file.name)
        });
        let prepared = self.prepare_contents(contents.collect()).await?;
        let (id, expiring) = (hook.id, Arc::clone(&self.expiring));
        let user_quota = limits.files.user_quota;
        self.write_prepared(prepared, move |tx, prepared| {
            let hook = hooks::by_id(tx, id)?.ok_or(Refusal::NotFound(Thing::Hook))?;
            let scope = format!("hook {}", hook.id.0);
            if let Some(repeated) = repeated(tx, &hook, &scope, post.key.as_deref())? {
                return Ok((repeated, false));
            }
            let access = flows::access(tx, hook.flow_uuid, hook.bot)?;
            let access = access.ok_or(Refusal::NotFound(Thing::Hook))?;
            if access.kind == FlowKind::Chat {
                if !flows::has_living_others(tx, access.id, hook.bot)? {
                    return Err(Refusal::PartnerDeleted.into());
                }
                require_unblocked(tx, access.id, hook.bot)?;
            }
            sent_files::check_quota_of(tx, hook.bot, &prepared, user_quota)?;
            let label = label(tx, &hook, post.label.as_deref())?;
            let details = NewDetails {
                is_markup: post.is_markup,
                hook: Some(ByHook {
                    hook: hook.id,
                    name: label,
                    icon: post.icon,
                }),
                loudness: post.loudness,
                ..NewDetails::default()
            };
            let new = messages::NewMessage {
                flow: access.id,
                flow_uuid: hook.flow_uuid,
                author: hook.bot,
                author_uuid: hook.bot_uuid,
                text: Some(post.text),
                files: Vec::new(),
                stored: shown(tx, &hook, &prepared)?,
                details,
                state: Some(messages::FlowState {
                    first_number: access.first_number,
                    next_number: access.next_number,
                    expire: access.expire,
                }),
            };
            if access.expire > 0 {
                expiring.notify_one();
            }
            let message = match post.group {
                Some(group) => of_group(tx, &hook, &group, new)?,
                None => messages::insert(tx, new, None)?,
            };
            if let Some(key) = post.key {
                let made = txns::Made::Message(message.id, None);
                txns::insert_within(tx, hook.bot, (&scope, &key), made, txns::LIFETIME)?;
                if let Some(answer) = post.answer {
                    txns::set_answer(tx, hook.bot, (&scope, &key), &answer)?;
                }
            }
            hooks::used(tx, hook.id)?;
            Ok((posted(message, None), true))
        })
        .await
    }
}

fn posted(message: Arc<Message>, answer: Option<String>) -> PostedByHook {
    let id = message.id.0;
    PostedByHook {
        message,
        id,
        answer,
    }
}

/// Returns what an earlier post with the same key has made.
fn repeated(
    tx: &Tx<'_>,
    hook: &Living,
    scope: &str,
    key: Option<&str>,
) -> Result<Option<PostedByHook>, ServiceError> {
    let Some(key) = key else { return Ok(None) };
    let Some(txns::Made::Message(id, _)) = txns::find_within(tx, hook.bot, scope, key)? else {
        return Ok(None);
    };
    let Some(message) = messages::by_id(tx, id)? else {
        return Ok(None);
    };
    let answer = txns::answer(tx, hook.bot, (scope, key))?;
    Ok(Some(posted(Arc::new(message), answer)))
}

/// Stores the posted files and returns how a message shows them.
fn shown(tx: &Tx<'_>, hook: &Living, prepared: &Prepared) -> Result<Vec<NewFile>, ServiceError> {
    let mut files = Vec::new();
    for (ready, name) in &prepared.contents {
        files.push(NewFile {
            kind: Kind::of_media_type(ready.media_type),
            file: shelf::keep(tx, ready, Some(hook.bot))?,
            look: Look {
                name: name.clone(),
                ..Look::default()
            },
            thumbnail: None,
        });
    }
    Ok(files)
}

/// Returns the name of the program: the one that it gives itself, unless that is or resembles the name of
/// a user here; otherwise the name of the hook. A separate bot writes under its own name.
fn label(
    view: &View<'_>,
    hook: &Living,
    said: Option<&str>,
) -> Result<Option<String>, ServiceError> {
    if let Some(name) = said.and_then(clean_name) {
        let name: String = name.chars().take(MAX_LABEL_CHARS).collect();
        // Punctuation around a name does not make it a different name.
        let bare = name.trim_matches(|c: char| !c.is_alphanumeric());
        if !names::is_like_anybody(view, &Looks::of(&name))?
            && !names::is_like_anybody(view, &Looks::of(bare))?
        {
            return Ok(Some(name));
        }
    }
    Ok(hook.is_labelled.then(|| hook.name.clone()))
}

/// Reports the state of a group of alerts: in the previous message about it, if that is recent, with one
/// reply each time that the group starts or ends; otherwise in a new message.
fn of_group(
    tx: &Tx<'_>,
    hook: &Living,
    group: &AlertGroup,
    new: messages::NewMessage,
) -> Result<Arc<Message>, ServiceError> {
    let scope = format!("alerts {}", hook.id.0);
    let by = By {
        user: Some(hook.bot),
        origin: None,
    };
    let known = match txns::find_within(tx, hook.bot, &scope, &group.key)? {
        Some(txns::Made::Message(id, _)) => messages::by_id(tx, id)?,
        _ => None,
    };
    let recent = known.filter(|it| {
        !it.is_deleted && it.sent_at.after(GROUP_LIFETIME) > tx.now() && it.flow == hook.flow_uuid
    });
    if let Some(message) = recent
        && let Some(handle) = messages::handle(tx, message.uuid, hook.bot)?
        && handle.edits < GROUP_EDITS
    {
        let before = hooks::group_state(tx, message.id)?;
        let is_news = before.as_deref() != Some(group.state());
        if message.text != new.text {
            let edit = messages::MessageEdit {
                text: new.text,
                ..messages::MessageEdit::default()
            };
            messages::edit(tx, &handle, &edit, by)?;
        }
        if is_news {
            hooks::set_group_state(tx, message.id, group.state())?;
            let answer = messages::NewMessage {
                text: Some(group.headline.clone()),
                details: NewDetails {
                    reply: Some((message.id, message.uuid)),
                    ..new.details
                },
                ..new
            };
            messages::insert(tx, answer, None)?;
        }
        let present = messages::by_id(tx, message.id)?;
        return Ok(Arc::new(present.unwrap_or(message)));
    }
    let message = messages::insert(tx, new, None)?;
    hooks::set_group_state(tx, message.id, group.state())?;
    let made = txns::Made::Message(message.id, None);
    txns::insert_within(tx, hook.bot, (&scope, &group.key), made, GROUP_LIFETIME)?;
    Ok(message)
}

/// Truncates a text that is too long: a monitor must not fail because of a long report.
pub(in crate::service) fn cut(text: &mut String, limit: usize) {
    const END: char = '…';
    if text.len() <= limit {
        return;
    }
    let mut at = limit.saturating_sub(END.len_utf8());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
    text.push(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_after_a_long_text_is_kept() {
        let post = |text: &str, end: &str| HookPost {
            text: text.to_owned(),
            end: end.to_owned(),
            ..HookPost::default()
        };
        for (text, end, expected) in [
            ("abc", "#d", "abc\n#d"),
            ("abcdefghij", "", "abcdefghij"),
            ("abcdefghijk", "", "abcdefg…"),
            ("abcdefghijk", "#d", "abcd…\n#d"),
            ("", "#d", "#d"),
            ("abcdefghijk", "#defghij", "abcdefg…"),
        ] {
            assert_eq!(post(text, end).whole(10), expected, "{text} {end}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (text, limit, expected) in [
            ("abc", 3, "abc"),
            ("abcdef", 5, "ab…"),
            ("жжжж", 7, "жж…"),
            ("жжжж", 6, "ж…"),
        ] {
            let mut text = text.to_owned();
            cut(&mut text, limit);
            assert_eq!(text, expected);
        }
    }
}
