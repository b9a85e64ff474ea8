//! The words for what the service refuses, in whatever face: a code and a sentence each. Source: MTP
//! 1.0 revision 17, Errors.
//!
//! The writer of the answer adds the capital letter and the full stop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::borrow::Cow;
use std::time::Duration;

use crate::service::{Field, Payer, Quota, Refusal, ServiceError, Thing, Unit};

/// A code with its status text.
pub(super) type Code = (u16, &'static str);

pub(super) const BAD_REQUEST: Code = (400, "Bad Request");
pub(super) const UNAUTHORIZED: Code = (401, "Unauthorized");
pub(super) const FORBIDDEN: Code = (403, "Forbidden");
pub(super) const NOT_FOUND: Code = (404, "Not Found");
pub(super) const CONFLICT: Code = (409, "Conflict");
pub(super) const UNSUPPORTED: Code = (415, "Unsupported Media Type");
pub(super) const TOO_MANY: Code = (429, "Too Many Requests");
pub(super) const INTERNAL: Code = (500, "Internal Server Error");
pub(super) const UNAVAILABLE: Code = (503, "Service Unavailable");

/// Returns the status text of a code over HTTP.
pub(super) fn status(code: u16) -> &'static str {
    let all = [
        BAD_REQUEST,
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        CONFLICT,
        (413, "Payload Too Large"),
        UNSUPPORTED,
        TOO_MANY,
        UNAVAILABLE,
    ];
    let found = all.into_iter().find(|(known, _)| *known == code);
    found.map_or(INTERNAL.1, |(_, status)| status)
}

/// A code and a sentence.
pub(super) type Wording = (Code, Cow<'static, str>);

/// Returns the code and sentence of an error; a new variant does not compile without words.
pub(super) fn of_service(err: &ServiceError) -> Wording {
    let (code, words) = match err {
        ServiceError::Refused(refusal) => return of_refusal(refusal),
        ServiceError::Overloaded => (
            UNAVAILABLE,
            "the server has too much to do; try again in a few seconds",
        ),
        ServiceError::Unavailable(_) => (
            UNAVAILABLE,
            "the server cannot store anything at present; try again later",
        ),
        ServiceError::Store(_) | ServiceError::Hash(_) => (INTERNAL, "the server failed"),
    };
    (code, words.into())
}

#[expect(
    clippy::too_many_lines,
    reason = "one line a refusal, all in one table"
)]
fn of_refusal(refusal: &Refusal) -> Wording {
    let (code, words) = match refusal {
        Refusal::BadCredentials => (UNAUTHORIZED, "wrong login or password"),
        Refusal::NoSession => (
            UNAUTHORIZED,
            "this session is unknown or has ended; log in again",
        ),
        Refusal::Throttled(wait) => return throttled(*wait),
        Refusal::TooManyAccounts(wait) => return too_many_accounts(*wait),
        Refusal::TooManyRequests { payer, wait } => return too_many_requests(*payer, *wait),
        Refusal::UsedUp { quota, limit, wait } => return used_up(*quota, *limit, *wait),
        Refusal::LoginTaken => (CONFLICT, "this login is taken; choose another"),
        Refusal::NameTaken => (
            CONFLICT,
            "this name is, or looks like, somebody's login; choose another",
        ),
        Refusal::BadLogin(rule) => return (UNSUPPORTED, rule.to_string().into()),
        Refusal::WeakPassword(why) => return (FORBIDDEN, why.to_string().into()),
        Refusal::BadEmail => (UNSUPPORTED, "this is no e-mail address"),
        Refusal::RegistrationClosed => (
            FORBIDDEN,
            "registration is closed on this server; ask its administrator for an account",
        ),
        Refusal::InvitationRequired => (
            FORBIDDEN,
            "this server registers by invitation; ask a member for a code that is still good",
        ),
        Refusal::NotFound(thing) => return not_found(*thing),
        Refusal::NoUpload { place } => {
            let words = format!(
                "no such upload of yours as in {place}; it may have expired, or it is not complete"
            );
            return (NOT_FOUND, words.into());
        }
        Refusal::QuotaExceeded { limit, used } => {
            let words = format!(
                "your files would take more than the {limit} bytes that an account may use here; {used} are used"
            );
            return (FORBIDDEN, words.into());
        }
        Refusal::TooManyFiles { limit } => {
            let words =
                format!("a message shows at most {limit} files; send the others with another");
            return (FORBIDDEN, words.into());
        }
        Refusal::NotPicture => (
            FORBIDDEN,
            "this is no picture that browsers show: JPEG, PNG, GIF, WebP or AVIF",
        ),
        Refusal::TooManyUsers { limit } => return too_many_users(*limit),
        Refusal::TooLarge { what, limit } => return too_large(*what, *limit),
        Refusal::EmptyMessage => (
            BAD_REQUEST,
            "a message needs text or a file; to remove it, delete it",
        ),
        Refusal::NotWriter => (FORBIDDEN, "only the owner writes in a channel"),
        Refusal::PartnerDeleted => (
            FORBIDDEN,
            "the other side of this chat has deleted the account",
        ),
        Refusal::Blocked => (
            FORBIDDEN,
            "nobody writes in this chat while one of the two blocks the other",
        ),
        Refusal::BlocksSelf => (FORBIDDEN, "you cannot block yourself"),
        Refusal::TooManyBlocked { limit } => {
            let words = format!("you block {limit} people already; lift a block first");
            return (FORBIDDEN, words.into());
        }
        Refusal::NotForwardable => (
            FORBIDDEN,
            "this message is not forwarded: its flow is protected, or it is a poll or disappears",
        ),
        Refusal::NotPinner => (
            FORBIDDEN,
            "only the owner and moderators pin messages in this flow",
        ),
        Refusal::TooManyPins { limit } => {
            let words = format!("at most {limit} messages are pinned in a flow; unpin one first");
            return (FORBIDDEN, words.into());
        }
        Refusal::NotHideable => (
            FORBIDDEN,
            "only a chat can be hidden; leave a group instead",
        ),
        Refusal::NotEditable => (
            FORBIDDEN,
            "a forwarded message or a poll cannot be edited, only deleted",
        ),
        Refusal::TooManyMentions { limit } => {
            let words = format!("a message mentions at most {limit} people by name");
            return (FORBIDDEN, words.into());
        }
        Refusal::NotForEveryone { members } => {
            let words = format!(
                "in a group of more than {members} only the owner and moderators mention everyone"
            );
            return (FORBIDDEN, words.into());
        }
        Refusal::BadPoll { limit } => {
            let words = format!(
                "a poll has a question of 1 to 300 characters and 2 to {limit} options of 1 to 100"
            );
            return (BAD_REQUEST, words.into());
        }
        Refusal::BadVote => (
            BAD_REQUEST,
            "a vote names options of the poll by index, one unless the poll takes several",
        ),
        Refusal::PollClosed => (FORBIDDEN, "this poll is closed"),
        Refusal::NotPollOwner => (
            FORBIDDEN,
            "only its author or the flow's owner can close a poll",
        ),
        Refusal::BadReaction => (BAD_REQUEST, "a reaction is one emoji"),
        Refusal::TooManyReactions { limit } => {
            let words = format!("you react to one message with at most {limit} emoji");
            return (FORBIDDEN, words.into());
        }
        Refusal::TooManyEmoji { limit } => {
            let words = format!("a message has at most {limit} different reactions");
            return (FORBIDDEN, words.into());
        }
        Refusal::NotAuthor => (FORBIDDEN, "only its author can edit a message"),
        Refusal::NotRemover => (
            FORBIDDEN,
            "only its author, the flow's owner or an administrator can delete a message",
        ),
        Refusal::NotOwner => (FORBIDDEN, "only the owner can change this flow"),
        Refusal::Outranked => (
            FORBIDDEN,
            "only the owner can remove a moderator; nobody removes the owner",
        ),
        Refusal::SavedIsFixed => (
            FORBIDDEN,
            "saved messages are yours alone: they cannot be renamed, shared or left",
        ),
        Refusal::BadLevel => (FORBIDDEN, "a level is 0 for a member or 50 for a moderator"),
        Refusal::OwnerKeepsLevel => (
            FORBIDDEN,
            "the owner's level cannot change; hand the flow over first",
        ),
        Refusal::BadTimer { least, most } => return bad_timer(*least, *most),
        Refusal::OwnerMustBeMaker => (FORBIDDEN, "only you can own the flows that you make"),
        Refusal::OwnerMustBeMember => (FORBIDDEN, "only a member can become the owner"),
        Refusal::ChatIsFixed => (FORBIDDEN, "the two members of a chat are fixed"),
        Refusal::NotTwoMembers => (BAD_REQUEST, "Must be two users only"),
        Refusal::ChatExists => (
            CONFLICT,
            "there is a chat of these two already; look for it in all_flow",
        ),
        Refusal::NegativeNumber => (FORBIDDEN, "message_end counts from 0"),
        Refusal::TxnMadeFlow => (BAD_REQUEST, "this txn was used for a flow"),
        Refusal::TxnMadeMessage => (BAD_REQUEST, "this txn was used for a message"),
        Refusal::NotInviter => (FORBIDDEN, "only an administrator can invite on this server"),
        Refusal::NotAdministrator => (FORBIDDEN, "only an administrator can do this"),
        Refusal::NotForBots => (FORBIDDEN, "a bot cannot do this"),
        Refusal::LastAdministrator => (
            FORBIDDEN,
            "this is the last administrator; make somebody else one first",
        ),
        Refusal::PasswordNeeded => (
            UNAUTHORIZED,
            "this needs your own password again, in user[0].password",
        ),
        Refusal::Suspended => (
            FORBIDDEN,
            "this account is suspended; let it in again first",
        ),
        Refusal::InvitationToChat => (
            FORBIDDEN,
            "nobody can be invited to a chat, which has two members",
        ),
        Refusal::InvitationUses { limit } => return invitation_uses(*limit),
        Refusal::InvitationTooWide { uses, days } => return invitation_too_wide(*uses, *days),
        Refusal::ExpiresInPast => (BAD_REQUEST, "the time at which this is to end has passed"),
        Refusal::InvitationWithoutFlow => (
            CONFLICT,
            "this invitation leads into no group; you have an account already",
        ),
        Refusal::Room(why) => return (FORBIDDEN, why.as_str().into()),
        Refusal::Banned => (FORBIDDEN, "you were banned from this group"),
        Refusal::AlreadyRunning => (CONFLICT, "this is being done at the moment"),
        Refusal::TooSoon(wait) => return too_soon(*wait),
        Refusal::BackupFailed => (
            UNAVAILABLE,
            "the backups cannot be read or made; the server's log says why",
        ),
        Refusal::PushOff => (FORBIDDEN, "this server sends no notifications"),
        Refusal::PreviewsOff => (FORBIDDEN, "this server fetches no previews"),
        Refusal::BadSubscription { what } => {
            let words = format!("notifications cannot be sent there: {what}");
            return (BAD_REQUEST, words.into());
        }
        Refusal::PushMissing => (
            NOT_FOUND,
            "this device has not asked for notifications; switch them on first",
        ),
        Refusal::PushGone => (
            NOT_FOUND,
            "the push service does not know this device any more; switch notifications off and on again",
        ),
        Refusal::PushRefused { status } => {
            let words = format!(
                "the push service refuses this server's notifications (HTTP {status}); its operator should \
                 look at the clock and at [push] contact"
            );
            return (FORBIDDEN, words.into());
        }
        Refusal::PushUnreachable => (
            FORBIDDEN,
            "the push service of this device cannot be reached from this server",
        ),
        Refusal::AmbiguousInvitation => (
            BAD_REQUEST,
            "several invitations begin so; give the whole code",
        ),
        Refusal::SearchUnready { percent } => return search_unready(*percent),
        Refusal::OutOfScope => (FORBIDDEN, "this token does not let its bot do this"),
        Refusal::NotBotMaker => (FORBIDDEN, "only an administrator makes bots on this server"),
        Refusal::TooManyBots { limit } => {
            let words = format!("you have at most {limit} bots; remove one first");
            return (FORBIDDEN, words.into());
        }
        Refusal::TooManyTokens { limit } => {
            let words = format!("a bot has at most {limit} tokens; revoke one first");
            return (FORBIDDEN, words.into());
        }
        Refusal::HookInChat => (
            BAD_REQUEST,
            "a hook into a chat writes as the bot that is one of the two; make a group instead",
        ),
        Refusal::HookNeedsName => (BAD_REQUEST, "a hook needs a name that can be read"),
        Refusal::BadCommands { limit } => {
            let words = format!(
                "a command is 1 to 32 of a to z, digits and _, once, with a description of 1 to 100 characters; a bot has \
                 at most {limit}"
            );
            return (BAD_REQUEST, words.into());
        }
        Refusal::BadHookUrl { what } => {
            let words = format!("the hook cannot post there: {what}");
            return (BAD_REQUEST, words.into());
        }
        Refusal::TooManyHooks { limit } => {
            let words = format!("a flow has at most {limit} hooks; revoke one first");
            return (FORBIDDEN, words.into());
        }
        Refusal::SenderNotMember => (FORBIDDEN, "the sender is not a member of this flow"),
        Refusal::NoAdministratorInChat => (BAD_REQUEST, "no administrator is in this chat"),
        Refusal::NoAdministrator => (BAD_REQUEST, "there is no administrator"),
    };
    (code, words.into())
}

fn throttled(wait: Duration) -> Wording {
    let seconds = wait.as_secs().max(1);
    let words = format!("too many failed attempts; try again in {seconds} seconds");
    (TOO_MANY, words.into())
}

fn too_soon(wait: Duration) -> Wording {
    let seconds = wait.as_secs().max(1);
    let words = format!("this was done a moment ago; try again in {seconds} seconds");
    (TOO_MANY, words.into())
}

fn too_many_accounts(wait: Duration) -> Wording {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    let words = format!("too many accounts were made lately; try again in {minutes} minutes");
    (TOO_MANY, words.into())
}

fn too_many_requests(payer: Payer, wait: Duration) -> Wording {
    let of = match payer {
        Payer::Connection => "",
        Payer::Account => " from all devices of this account",
        Payer::Address => " from this address",
    };
    let seconds = wait.as_secs().max(1);
    let words = format!("too many requests{of}; try again in {seconds} seconds");
    (TOO_MANY, words.into())
}

/// Returns what is used up, when there is more, and who can change it.
fn used_up(quota: Quota, limit: u32, wait: Option<Duration>) -> Wording {
    let what = match quota {
        Quota::FlowsPerDay => format!("an account makes at most {limit} flows a day"),
        Quota::FlowsOwned => {
            format!("an account owns at most {limit} groups and channels; end one or hand it over")
        }
        Quota::Invitations => {
            format!(
                "an account has at most {limit} open invitations; revoke one, or wait for its end"
            )
        }
        Quota::Edits => {
            format!("a message is edited at most {limit} times; write another")
        }
        Quota::Messages | Quota::BotMessages => {
            format!("an account sends at most {limit} messages a minute from all its devices")
        }
        Quota::Members => format!("an account adds at most {limit} members a minute"),
        Quota::ProfileChanges => format!("a profile changes at most {limit} times an hour"),
    };
    let setting = quota.setting();
    let by = format!("the operator of this server can raise {setting}");
    match wait {
        Some(wait) => {
            let when = duration(wait);
            (
                TOO_MANY,
                format!("{what}; try again in {when}; {by}").into(),
            )
        }
        None => (FORBIDDEN, format!("{what}; {by}").into()),
    }
}

/// Returns a time to wait, in the largest unit that is still precise enough.
fn duration(wait: Duration) -> String {
    let seconds = wait.as_secs().max(1);
    match seconds {
        ..=1 => "1 second".to_owned(),
        2..=120 => format!("{seconds} seconds"),
        121..=7200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3600)),
    }
}

fn not_found(thing: Thing) -> Wording {
    let what = thing.as_str();
    let words = match thing {
        Thing::Session => "no such session; it may have ended".to_owned(),
        Thing::Link => "this link is not good any more; ask for another".to_owned(),
        Thing::Preview => "this page says nothing of itself, or cannot be asked".to_owned(),
        Thing::Hook => "no such hook; it may have been revoked".to_owned(),
        Thing::User | Thing::Flow | Thing::Message | Thing::Invitation | Thing::File => {
            format!("no such {what}; it may have been removed, or you are not a member")
        }
    };
    (NOT_FOUND, words.into())
}

fn too_many_users(limit: usize) -> Wording {
    let words = format!("more than {limit} users in one request; ask for fewer");
    (TOO_MANY, words.into())
}

fn too_large(what: Field, limit: usize) -> Wording {
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
    let words = format!("{what_words} is larger than the limit of {limit}");
    (FORBIDDEN, words.into())
}

fn bad_timer(least: i64, most: i64) -> Wording {
    let words =
        format!("the timer of disappearing messages is 0 (off) or {least} to {most} seconds");
    (FORBIDDEN, words.into())
}

fn search_unready(percent: u8) -> Wording {
    let words = format!("the search is being rebuilt, {percent} % is done; try again in a minute");
    (UNAVAILABLE, words.into())
}

fn invitation_too_wide(uses: i64, days: i64) -> Wording {
    let words =
        format!("a member's invitation has at most {uses} uses and lasts at most {days} days");
    (FORBIDDEN, words.into())
}

fn invitation_uses(limit: i64) -> Wording {
    let words = format!("an invitation has 1 to {limit} uses");
    (BAD_REQUEST, words.into())
}
