//! The content of a notification, as its reader chose and the conversation permits.

use super::super::{Service, ServiceError};
use super::bell::{Ring, What};
use crate::model::{PublicId, PushAddress, PushContent, Timestamp};
use crate::store::{marks, push};

/// Maximum number of characters of a text that a notification shows.
const TEXT_CHARS: usize = 120;

/// Maximum number of characters of a name that it shows.
const NAME_CHARS: usize = 80;

/// A notification for one device, before it is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The address of the device.
    pub address: PushAddress,
    /// The flow in question.
    pub flow: PublicId,
    /// The message in question; `None`: the user was added to the flow.
    pub message: Option<PublicId>,
    /// The author and the flow, if they may be shown.
    pub title: Option<String>,
    /// The beginning of the text, if it may be shown.
    pub body: Option<String>,
    /// Number of unread messages of the flow.
    pub count: i64,
    /// Number of unread messages of all flows that are not muted.
    pub badge: i64,
    /// When it happened, in seconds.
    pub time: i64,
}

impl Service {
    /// Returns the present content of a notification. `None`: there is nothing to notify, because the
    /// message was read or deleted, or the flow was left, meanwhile.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn notice(&self, ring: &Ring) -> Result<Option<Notice>, ServiceError> {
        let (ring, now) = (ring.clone(), self.store.now());
        let default = self.courier()?.content;
        self.store
            .read(move |view| {
                let Some((address, chosen)) = push::address_of(view, ring.subscription, now)?
                else {
                    return Ok(None);
                };
                let Some(place) = push::place(view, ring.flow, ring.user)? else {
                    return Ok(None);
                };
                let message = match ring.what {
                    What::Message(id) => match push::message(view, id)? {
                        Some(told) => Some(told),
                        None => return Ok(None),
                    },
                    What::Added => None,
                };
                let mark = marks::read_number(view, ring.flow, ring.user)?;
                if let (Some(message), Some(mark)) = (&message, mark)
                    && mark >= message.number
                {
                    return Ok(None);
                }
                let content = allowed(chosen.unwrap_or(default), ring.most, place.is_discreet);
                let title = match &message {
                    Some(message) if place.is_chat => Some(message.author.clone()),
                    Some(message) => Some(match &place.title {
                        Some(title) => format!("{} · {title}", message.author),
                        None => message.author.clone(),
                    }),
                    None => place.title.clone(),
                };
                let text = message.as_ref().and_then(|message| message.text.as_deref());
                let at = message.as_ref().map_or(now, |message| message.sent_at);
                Ok::<_, ServiceError>(Some(Notice {
                    address,
                    flow: place.uuid,
                    message: message.as_ref().map(|message| message.uuid),
                    title: title
                        .filter(|_| content != PushContent::None)
                        .map(|title| beginning(&title, NAME_CHARS)),
                    body: text
                        .filter(|text| content == PushContent::Full && !text.trim().is_empty())
                        .map(|text| beginning(&without_spoilers(text), TEXT_CHARS)),
                    count: marks::unread_of(view, ring.flow, ring.user)?,
                    badge: push::badge(view, ring.user, now)?,
                    time: Timestamp::seconds(at),
                }))
            })
            .await
    }
}

/// Returns the minimum of what the user wants, what fits, and what the conversation permits.
fn allowed(chosen: PushContent, most: PushContent, is_discreet: bool) -> PushContent {
    let place = if is_discreet {
        PushContent::Names
    } else {
        PushContent::Full
    };
    let rank = |content: &PushContent| match content {
        PushContent::None => 0,
        PushContent::Names => 1,
        PushContent::Full => 2,
    };
    [chosen, most, place]
        .into_iter()
        .min_by_key(rank)
        .unwrap_or_default()
}

/// Replaces the text between `||` and `||` by a placeholder of fixed length, because others may see a
/// notification. Text that only looks hidden is replaced as well.
fn without_spoilers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("||") {
        shown.push_str(before);
        let begins = after.starts_with(|next: char| !next.is_whitespace());
        match after.split_once("||").filter(|_| begins) {
            Some((hidden, then)) if !hidden.is_empty() => {
                shown.push_str("\u{2592}\u{2592}\u{2592}\u{2592}");
                rest = then;
            }
            _ => {
                shown.push_str("||");
                rest = after;
            }
        }
    }
    shown + rest
}

/// Returns the beginning of a text, on one line.
fn beginning(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars {
        return line;
    }
    let mut cut: String = line.chars().take(chars - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_says_more_than_it_may() {
        use PushContent::{Full, Names, None};
        for (chosen, most, discreet, expected) in [
            (Full, Full, false, Full),
            (Full, Full, true, Names),
            (Full, Names, false, Names),
            (None, Full, true, None),
            (Names, None, false, None),
        ] {
            assert_eq!(allowed(chosen, most, discreet), expected);
        }
    }

    #[test]
    fn hidden_words_stay_hidden() {
        for (text, expected) in [
            (
                "it was ||the gardener||, you know",
                "it was \u{2592}\u{2592}\u{2592}\u{2592}, you know",
            ),
            (
                "||a|| and ||b||",
                "\u{2592}\u{2592}\u{2592}\u{2592} and \u{2592}\u{2592}\u{2592}\u{2592}",
            ),
            ("a || b || c", "a || b || c"),
            ("|| |||| ||x", "|| |||| ||x"),
        ] {
            assert_eq!(without_spoilers(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_cut_to_a_line() {
        assert_eq!(beginning("a\n b\tc", 10), "a b c");
        let long = beginning(&"ж".repeat(200), TEXT_CHARS);
        assert_eq!(long.chars().count(), TEXT_CHARS);
        assert!(long.ends_with('…'));
    }
}
