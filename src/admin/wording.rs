//! The commands' words for refusals of the service.

use crate::service::{Field, Refusal, Unit};

/// Returns the words for the operator. A refusal that no command can meet is shown by its key.
pub(super) fn of_refusal(refusal: &Refusal) -> String {
    let words = match refusal {
        Refusal::LoginTaken => "this login is taken; choose another",
        Refusal::NameTaken => "this name is, or looks like, somebody's login; choose another",
        Refusal::BadLogin(rule) => return rule.to_string(),
        Refusal::WeakPassword(why) => return why.to_string(),
        Refusal::BadEmail => "this is no e-mail address",
        // Membership does not matter for the operator, who sees everything.
        Refusal::NotFound(thing) => return format!("there is no such {}", thing.as_str()),
        Refusal::TooLarge { what, limit } => return too_large(*what, *limit),
        Refusal::EmptyMessage => "the message is empty",
        Refusal::NotWriter => "only the owner writes in a channel",
        Refusal::PartnerDeleted => "the other side of this chat has deleted the account",
        Refusal::Blocked => "one of the two in this chat blocks the other",
        Refusal::OwnerMustBeMember => {
            "only a member can become the owner: `morelia flow add-member` first"
        }
        Refusal::ChatIsFixed => "the two members of a chat are fixed",
        Refusal::SavedIsFixed => "nobody but its owner is in a flow of saved messages",
        Refusal::OwnerKeepsLevel => {
            "the owner is above the moderators: `morelia flow transfer` makes somebody else the owner"
        }
        Refusal::NotTwoMembers => "a chat has exactly two members: give --owner and one --member",
        Refusal::ChatExists => "these two already have a chat",
        Refusal::InvitationToChat => "nobody can be invited to a chat, which has two members",
        Refusal::InvitationUses { limit } => {
            return format!("an invitation has 1 to {limit} uses");
        }
        Refusal::AmbiguousInvitation => "several invitations begin like this: give the whole code",
        Refusal::SearchUnready { percent } => {
            return format!(
                "the search index is being rebuilt, {percent} % is done: try again in a minute"
            );
        }
        Refusal::TooManyTokens { limit } => {
            return format!("a bot has at most {limit} tokens: revoke one first");
        }
        Refusal::ExpiresInPast => "the time at which this is to end has passed",
        Refusal::HookInChat => {
            "a hook into a chat writes as the bot that is one of the two: name it with --as, or make a group"
        }
        Refusal::HookNeedsName => "a hook needs a name that can be read: give --name",
        Refusal::BadHookUrl { what } => return format!("the hook cannot post there: {what}"),
        Refusal::TooManyHooks { limit } => {
            return format!("a flow has at most {limit} hooks: revoke one first");
        }
        Refusal::SenderNotMember => "the sender is not a member of this flow",
        Refusal::NoAdministratorInChat => {
            "no administrator is in this chat: say with --as which of the two sends"
        }
        Refusal::NoAdministrator => {
            "there is no administrator: say with --as who sends, or make one with `morelia user set`"
        }
        other => return format!("refused: {other}"),
    };
    words.to_owned()
}

fn too_large(what: Field, limit: usize) -> String {
    let what_words = match what {
        Field::Text => "the text",
        Field::Files => "the files of a message",
        Field::Title => "the title",
        Field::Info => "the info",
        Field::Members => "the list of members",
        Field::Username => "the username",
        Field::Bio => "the bio",
        Field::Avatar => "the avatar",
        Field::Picture => "the picture",
        Field::Note => "the note",
        Field::Trigger => "the trigger",
    };
    let limit = match what.unit() {
        Unit::Bytes => format!("{} KiB", limit / 1024),
        Unit::Characters => format!("{limit} characters"),
        Unit::Users => format!("{limit} users"),
    };
    format!("{what_words} is larger than the limit of {limit}")
}
