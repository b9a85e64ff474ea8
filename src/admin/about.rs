//! What a message says besides its text, as a document for programs, in the terms of the protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::model::{About, File, PublicId, Timestamp};

fn ids(users: &[PublicId]) -> Vec<String> {
    users.iter().map(PublicId::to_string).collect()
}

/// What is known of a file of a message.
pub(super) fn file(file: &File) -> Value {
    let mut document = json!({
        "id": file.id.hex(),
        "kind": file.kind.as_str(),
        "name": file.look.name,
        "type": file.media_type,
        "size": file.size,
        "width": file.look.width,
        "height": file.look.height,
        "duration": file.look.duration,
        "blurhash": file.look.blurhash,
        "waveform": file.look.waveform.as_ref().map(|peaks| STANDARD.encode(peaks)),
    });
    if let Value::Object(fields) = &mut document {
        fields.retain(|_, value| !value.is_null());
    }
    document
}

/// Returns what a message says besides its text.
pub(super) fn document(about: &About) -> Value {
    let mut document = Map::new();
    let mut tell = |key: &str, value: Value| document.insert(key.to_owned(), value);
    if let Some(quote) = &about.reply {
        tell("reply", json!({"uuid": quote.uuid.to_string()}));
    }
    if let Some(forward) = &about.forward {
        let author = forward.author.map(|author| author.to_string());
        let time = Timestamp::seconds(forward.at);
        tell(
            "forward",
            json!({"from_user": author, "name": forward.name, "time": time}),
        );
    }
    if let Some(preview) = &about.preview {
        let told = json!({
            "url": preview.url, "title": preview.title, "text": preview.text, "site": preview.site,
        });
        tell("preview", told);
    }
    if about.is_markup {
        tell("format", json!(1));
    }
    if !about.mentions.is_empty() {
        tell("mentions", json!(ids(&about.mentions)));
    }
    if about.everyone {
        tell("everyone", json!(true));
    }
    if let Some(bot) = &about.bot {
        let picture = bot.picture.as_ref().map(|picture| picture.id.hex());
        tell(
            "bot",
            json!({"name": bot.name, "avatar": bot.avatar, "picture": picture}),
        );
    }
    if let Some(poll) = &about.poll {
        let voters = poll.voters.as_ref();
        let voters = voters.map(|lists| lists.iter().map(|users| ids(users)).collect::<Vec<_>>());
        tell(
            "poll",
            json!({
                "question": poll.question, "options": poll.options, "many": poll.is_multiple,
                "anonymous": poll.is_anonymous, "closed": poll.is_closed, "counts": poll.counts,
                "voters": voters,
            }),
        );
    }
    if !about.reactions.is_empty() {
        let reactions = about.reactions.iter().map(|reaction| {
            let told = json!({"count": reaction.count, "users": ids(&reaction.users)});
            (reaction.emoji.clone(), told)
        });
        tell("reactions", Value::Object(reactions.collect()));
    }
    if let Some(expires_at) = about.expires_at {
        tell("expires", json!(Timestamp::seconds(expires_at)));
    }
    if about.is_expired {
        tell("deleted", json!("expired"));
    }
    Value::Object(document)
}
