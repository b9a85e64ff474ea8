//! The details of a message besides its text and files: whether they are permitted, and whom they refer to.

use super::settings::Limits;
use super::{Refusal, SentThumbnail, ServiceError, SignedIn, Thing};
use crate::model::{FlowId, FlowKind, NewPoll, Preview, PublicId};
use crate::store::details::{DetailsEdit, NewDetails};
use crate::store::flows::Access;
use crate::store::{View, details, members, messages, users};

/// Number of members above which only the owner and moderators of a group may mention everyone.
const LARGE_GROUP: i64 = 20;

/// Maximum length of a poll's question, in characters.
const MAX_QUESTION_CHARS: usize = 300;

/// Maximum length of a poll's option, in characters.
const MAX_OPTION_CHARS: usize = 100;

/// The details that a user writes besides text and files, or changes to them.
#[derive(Debug, Default)]
pub struct DraftDetails {
    /// The message that is answered.
    pub reply: Option<PublicId>,
    /// The message that is forwarded.
    pub forward: Option<PublicId>,
    /// Whether the text is markup.
    pub is_markup: Option<bool>,
    /// The users who are mentioned.
    pub mentions: Option<Vec<PublicId>>,
    /// Whether everyone is mentioned.
    pub everyone: Option<bool>,
    /// Whether everyone is mentioned if the author may do that.
    pub calls_room: bool,
    /// A poll.
    pub poll: Option<NewPoll>,
    /// The id of a preview that the sender received.
    pub preview: Option<PublicId>,
    /// The picture of that preview; without the preview it says nothing.
    pub preview_thumbnail: Option<SentThumbnail>,
}

impl DraftDetails {
    /// Returns whether there are no details.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reply.is_none()
            && self.forward.is_none()
            && self.poll.is_none()
            && self.is_markup.is_none()
            && self.mentions.is_none()
            && self.everyone.is_none()
            && !self.calls_room
            && self.preview.is_none()
    }

    /// Tells whether it says anything that a poll, which stands alone, does not take.
    #[must_use]
    pub fn accompanies_poll(&self) -> bool {
        self.reply.is_some()
            || self.is_markup == Some(true)
            || self.mentions.as_ref().is_some_and(|it| !it.is_empty())
            || self.everyone == Some(true)
            || self.preview.is_some()
    }
}

/// Resolves the details of a new message, and checks that they are permitted. `preview` is the one that
/// the draft names.
pub(super) fn of_new(
    view: &View<'_>,
    access: &Access,
    user: &SignedIn,
    draft: DraftDetails,
    preview: Option<Preview>,
    limits: &Limits,
) -> Result<NewDetails, ServiceError> {
    if draft.is_empty() {
        return Ok(NewDetails::default());
    }
    let reply = match draft.reply {
        Some(uuid) => {
            let original = messages::handle(view, uuid, user.user())?;
            let original = original.filter(|it| it.flow == access.id && !it.is_deleted);
            Some((original.ok_or(Refusal::NotFound(Thing::Message))?.id, uuid))
        }
        None => None,
    };
    let forward = match draft.forward {
        Some(uuid) => {
            let original = details::forwarding(view, uuid, user.user())?;
            let original = original.filter(|it| !it.is_deleted);
            let original = original.ok_or(Refusal::NotFound(Thing::Message))?;
            if original.is_fixed {
                return Err(Refusal::NotForwardable.into());
            }
            Some(original.id)
        }
        None => None,
    };
    if (draft.poll.as_ref()).is_some_and(|poll| !is_good_poll(poll, limits)) {
        let limit = limits.poll_options;
        return Err(Refusal::BadPoll { limit }.into());
    }
    let everyone = match draft.everyone {
        Some(true) => {
            require_everyone(view, access)?;
            true
        }
        _ => draft.calls_room && may_mention_everyone(view, access)?,
    };
    let mentions = draft.mentions.unwrap_or_default();
    Ok(NewDetails {
        reply,
        forward,
        is_markup: draft.is_markup.unwrap_or(false),
        mentions: mentioned(view, access.id, &mentions, limits)?,
        everyone,
        preview,
        poll: draft.poll,
        ..NewDetails::default()
    })
}

/// Resolves the details of an edit, and checks that they are permitted.
pub(super) fn of_edit(
    view: &View<'_>,
    access: &Access,
    draft: &DraftDetails,
    limits: &Limits,
) -> Result<DetailsEdit, ServiceError> {
    if draft.everyone == Some(true) {
        require_everyone(view, access)?;
    }
    let mentions = draft.mentions.as_deref();
    let mentions = mentions.map(|users| mentioned(view, access.id, users, limits));
    Ok(DetailsEdit {
        is_markup: draft.is_markup,
        mentions: mentions.transpose()?,
        everyone: draft.everyone,
    })
}

/// Returns those of some users who are members of a flow; the others may just have left.
fn mentioned(
    view: &View<'_>,
    flow: FlowId,
    uuids: &[PublicId],
    limits: &Limits,
) -> Result<Vec<crate::model::UserId>, ServiceError> {
    if uuids.len() > limits.mentions {
        let limit = limits.mentions;
        return Err(Refusal::TooManyMentions { limit }.into());
    }
    let mut found = Vec::with_capacity(uuids.len());
    for uuid in uuids {
        if let Some(user) = users::id_of(view, *uuid)?
            && members::is_member(view, flow, user)?
        {
            found.push(user);
        }
    }
    Ok(found)
}

/// Returns whether a user with this access may mention everyone.
fn may_mention_everyone(view: &View<'_>, access: &Access) -> Result<bool, ServiceError> {
    Ok(access.kind == FlowKind::Chat
        || access.level.moderates()
        || members::count(view, access.id)? <= LARGE_GROUP)
}

/// Fails if a user with this access may not mention everyone.
fn require_everyone(view: &View<'_>, access: &Access) -> Result<(), ServiceError> {
    if may_mention_everyone(view, access)? {
        return Ok(());
    }
    Err(Refusal::NotForEveryone {
        members: LARGE_GROUP,
    }
    .into())
}

/// Returns whether the texts of a poll are as long and as many as they may be.
pub(super) fn is_good_poll(poll: &NewPoll, limits: &Limits) -> bool {
    let fits = |text: &String, most: usize| !text.trim().is_empty() && text.chars().count() <= most;
    fits(&poll.question, MAX_QUESTION_CHARS)
        && (2..=limits.poll_options).contains(&poll.options.len())
        && poll.options.iter().all(|it| fits(it, MAX_OPTION_CHARS))
}
