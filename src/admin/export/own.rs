//! A user's actions and settings other than messages, as a document for programs.

use serde_json::{Map, Value, json};

use crate::model::{FlowSettings, OwnAccount};
use crate::store::own::Own;

/// Returns the reactions, votes, blocked users and settings of a user.
pub(super) fn document(own: &Own) -> Value {
    let reactions = own.reactions.iter().map(|one| {
        json!({
            "message": one.message.to_string(), "from_flow": one.flow.to_string(), "reaction": one.emoji,
        })
    });
    let votes = own.votes.iter().map(|one| {
        json!({
            "message": one.message.to_string(), "from_flow": one.flow.to_string(),
            "question": one.question, "option": one.option,
        })
    });
    let mut document = choices(own);
    document["reactions"] = reactions.collect();
    document["votes"] = votes.collect();
    document
}

/// Returns only the blocked users and settings of a user.
pub(super) fn choices(own: &Own) -> Value {
    let settings = own
        .settings
        .iter()
        .map(|(flow, chosen)| (flow.to_string(), set_up(chosen)));
    json!({
        "blocked": own.blocked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "settings": settings.collect::<Map<_, _>>(),
        "privacy": own.account.as_ref().map(privacy),
    })
}

fn set_up(chosen: &FlowSettings) -> Value {
    json!({
        "muted_until": chosen.muted_until,
        "mentions_only": chosen.mentions_only,
        "archived": chosen.archived,
        "pinned": chosen.pinned,
        "unread": chosen.unread,
        "hidden": chosen.hidden,
    })
}

fn privacy(account: &OwnAccount) -> Value {
    json!({
        "ask_first": account.ask_first,
        "share_seen": account.share_seen,
        "share_read": account.share_read,
        "push_content": account.push_content.as_str(),
    })
}
