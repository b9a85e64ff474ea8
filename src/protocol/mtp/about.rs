//! What `data.meta` says about single messages: quotes, forwards, reactions, polls.
//!
//! Source: extensions of this server, `accept`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::file::File;
use super::wire::Id;
use crate::model::{self, Timestamp};

/// The message that another message answers.
#[derive(Serialize)]
pub(super) struct Quote {
    uuid: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<bool>,
}

impl From<&model::Quote> for Quote {
    fn from(quote: &model::Quote) -> Self {
        let original = quote.original.as_ref();
        Self {
            uuid: Id(quote.uuid),
            number: original.map(|it| it.number),
            from_user: original.map(|it| Id(it.author)),
            text: original.and_then(|it| it.text.clone()),
            kind: original.and_then(|it| it.kind),
            gone: original.is_none().then_some(true),
        }
    }
}

/// The origin of a forwarded message.
#[derive(Serialize)]
pub(super) struct Forward {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user: Option<Id>,
    name: String,
    time: i64,
}

impl From<&model::Forward> for Forward {
    fn from(forward: &model::Forward) -> Self {
        Self {
            from_user: forward.author.map(Id),
            name: forward.name.clone(),
            time: forward.at.seconds(),
        }
    }
}

/// The users who react to a message with one emoji.
#[derive(Serialize)]
struct Reaction {
    count: i64,
    users: Vec<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mine: Option<bool>,
}

/// The reactions to a message by emoji, in the order in which the emoji were first used.
pub(super) struct Reactions(Vec<(String, Reaction)>);

impl From<&[model::Reaction]> for Reactions {
    fn from(reactions: &[model::Reaction]) -> Self {
        let one = |reaction: &model::Reaction| {
            let told = Reaction {
                count: reaction.count,
                users: reaction.users.iter().copied().map(Id).collect(),
                mine: reaction.is_mine.then_some(true),
            };
            (reaction.emoji.clone(), told)
        };
        Self(reactions.iter().map(one).collect())
    }
}

impl Serialize for Reactions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (emoji, reaction) in &self.0 {
            map.serialize_entry(emoji, reaction)?;
        }
        map.end()
    }
}

/// A poll.
#[derive(Serialize)]
pub(super) struct Poll {
    question: String,
    options: Vec<String>,
    many: bool,
    anonymous: bool,
    closed: bool,
    counts: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voters: Option<Vec<Vec<Id>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mine: Option<Vec<i64>>,
}

impl From<&model::Poll> for Poll {
    fn from(poll: &model::Poll) -> Self {
        let ids = |users: &Vec<model::PublicId>| users.iter().copied().map(Id).collect();
        let voters = poll.voters.as_ref();
        Self {
            question: poll.question.clone(),
            options: poll.options.clone(),
            many: poll.is_multiple,
            anonymous: poll.is_anonymous,
            closed: poll.is_closed,
            counts: poll.counts.clone(),
            voters: voters.map(|lists| lists.iter().map(ids).collect()),
            mine: poll.mine.clone(),
        }
    }
}

/// What a linked page says about itself.
#[derive(Serialize)]
pub(super) struct Preview {
    url: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<File>,
}

impl From<&model::Preview> for Preview {
    fn from(preview: &model::Preview) -> Self {
        Self {
            url: preview.url.clone(),
            title: preview.title.clone(),
            text: preview.text.clone(),
            site: preview.site.clone(),
            thumbnail: preview.thumbnail.as_deref().map(Into::into),
        }
    }
}

/// The program that wrote a message through a hook.
#[derive(Serialize)]
struct Bot {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<File>,
}

impl From<&model::Program> for Bot {
    fn from(program: &model::Program) -> Self {
        Self {
            name: program.name.clone(),
            avatar: program.avatar.clone(),
            picture: program.picture.as_ref().map(Into::into),
        }
    }
}

/// What there is to say about a message besides its files.
#[derive(Default, Serialize)]
pub(super) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Quote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<Forward>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    everyone: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<Preview>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot: Option<Bot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Poll>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions: Option<Reactions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

impl From<&model::About> for Details {
    fn from(about: &model::About) -> Self {
        let reactions = about.reactions.as_slice();
        Self {
            reply: about.reply.as_ref().map(Into::into),
            forward: about.forward.as_ref().map(Into::into),
            format: about.is_markup.then_some(1),
            mentions: about.mentions.iter().copied().map(Id).collect(),
            everyone: about.everyone.then_some(true),
            preview: about.preview.as_ref().map(Into::into),
            bot: about.bot.as_ref().map(Into::into),
            poll: about.poll.as_ref().map(Into::into),
            reactions: (!reactions.is_empty()).then(|| reactions.into()),
            expires: about.expires_at.map(Timestamp::seconds),
        }
    }
}
