//! `[limits]`.

use super::{Key, Kind, Section, put};
use crate::config::units::{
    DAY, GB, KB, MB, SECOND, duration, number, show_duration, show_size, size,
};
use crate::config::{Config, SendQueue};

/// A frame is held in memory whole, so none may be larger than what a small machine has.
const MAX_FRAME: usize = GB;

/// Values of what an account may use. Past it, the error says what is used up.
const ANY_NUMBER: &str = "0 to 1000000; 0 is any number";

pub(super) const LIMITS: Section = Section {
    name: "limits",
    about: "What one client may ask of the server, so that none can starve the others. A KB is 1024 \
            bytes.",
    keys: &[
        Key {
            name: "connections",
            kind: Kind::Number,
            values: "1 to 1000000",
            about: "Connections at a time; one more is answered with 503. A service's LimitNOFILE has to \
                    allow them: `morelia service unit` prints it for the number here.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.connections, number(text, 1..=1_000_000)),
            show: |config| config.limits.connections.to_string(),
        },
        Key {
            name: "connections_per_ip",
            kind: Kind::Number,
            values: "1 to 1000000",
            about: "Connections at a time from one address (of IPv6: one /64). A household shares one \
                    address.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.connections_per_ip,
                    number(text, 1..=1_000_000),
                )
            },
            show: |config| config.limits.connections_per_ip.to_string(),
        },
        Key {
            name: "sign_in",
            kind: Kind::Text,
            values: "a duration from 1s to 1d",
            about: "How long a WebSocket may stay open without anybody signing in on it. When there are \
                    more of these than a quarter of all connections, or more than 16 from one address, \
                    the oldest is closed at once.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.sign_in, duration(text, SECOND..=DAY)),
            show: |config| show_duration(config.limits.sign_in),
        },
        Key {
            name: "requests_per_second",
            kind: Kind::Number,
            values: "1 to 1000000",
            about: "Requests a second that one connection may keep up; beyond, it is answered with 429.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.requests_per_second,
                    number(text, 1..=1_000_000),
                )
            },
            show: |config| config.limits.requests_per_second.to_string(),
        },
        Key {
            name: "burst",
            kind: Kind::Number,
            values: "1 to 1000000",
            about: "Requests that one connection may send at once before that rate holds.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.burst, number(text, 1..=1_000_000)),
            show: |config| config.limits.burst.to_string(),
        },
        Key {
            name: "flows_per_day",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Flows that one account may make within a day, chats among them.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.flows_per_day,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.flows_per_day.to_string(),
        },
        Key {
            name: "flows_owned",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Groups and channels that one account may own; what the operator made for it \
                    is not counted.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.flows_owned, number(text, 0..=1_000_000)),
            show: |config| config.limits.flows_owned.to_string(),
        },
        Key {
            name: "messages_per_minute",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Messages that one account may send within a minute, from all its devices \
                    together. Pins, changes of groups and blocks count as messages.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.messages_per_minute,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.messages_per_minute.to_string(),
        },
        Key {
            name: "bot_messages_per_minute",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "The same for a bot.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.bot_messages_per_minute,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.bot_messages_per_minute.to_string(),
        },
        Key {
            name: "invitations",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Invitations of one account that somebody can still use. Administrators make any number.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.invitations, number(text, 0..=1_000_000)),
            show: |config| config.limits.invitations.to_string(),
        },
        Key {
            name: "edits_per_message",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "How often one message may be edited.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.edits_per_message,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.edits_per_message.to_string(),
        },
        Key {
            name: "profile_changes_per_hour",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Changes of its profile that one account may make within an hour. Everybody \
                    is notified of each.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.profile_changes_per_hour,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.profile_changes_per_hour.to_string(),
        },
        Key {
            name: "members_per_minute",
            kind: Kind::Number,
            values: ANY_NUMBER,
            about: "Members whom one account may add to groups and channels within a minute, and \
                    in one request.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.members_per_minute,
                    number(text, 0..=1_000_000),
                )
            },
            show: |config| config.limits.members_per_minute.to_string(),
        },
        Key {
            name: "messages",
            kind: Kind::Number,
            values: "1 to 10000",
            about: "Messages in one answer. Clients of the protocol count on 100.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.messages, number(text, 1..=10_000)),
            show: |config| config.limits.messages.to_string(),
        },
        Key {
            name: "users",
            kind: Kind::Number,
            values: "1 to 10000",
            about: "Users that one request may ask about.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.users, number(text, 1..=10_000)),
            show: |config| config.limits.users.to_string(),
        },
        Key {
            name: "sessions_per_user",
            kind: Kind::Number,
            values: "1 to 10000",
            about: "Devices that one account is signed in on at a time. One more signs out the one \
                    that was used longest ago, of those that are not connected if there are any.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.limits.sessions_per_user,
                    number(text, 1..=10_000),
                )
            },
            show: |config| config.limits.sessions_per_user.to_string(),
        },
        Key {
            name: "frame",
            kind: Kind::Text,
            values: "a size from 1KB to 1GB",
            about: "The largest request. A message with files is one request, so this bounds them too.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.frame_bytes, size(text, KB..=MAX_FRAME)),
            show: |config| show_size(config.limits.frame_bytes),
        },
        Key {
            name: "message_files",
            kind: Kind::Number,
            values: "1 to 100",
            about: "Files that one message shows, of those that are sent over HTTP.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.message_files, number(text, 1..=100)),
            show: |config| config.limits.message_files.to_string(),
        },
        Key {
            name: "text",
            kind: Kind::Text,
            values: "a size from 1 to 64MB",
            about: "The text of one message.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.text_bytes, size(text, 1..=64 * MB)),
            show: |config| show_size(config.limits.text_bytes),
        },
        Key {
            name: "files",
            kind: Kind::Text,
            values: "a size from 0 to 1GB; 0 refuses files",
            about: "All files of one message together.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.files_bytes, size(text, 0..=MAX_FRAME)),
            show: |config| show_size(config.limits.files_bytes),
        },
        Key {
            name: "answer",
            kind: Kind::Text,
            values: "a size from 1KB to 1GB",
            about: "About how large an answer gets before it is cut and the client asks for the rest; \
                    one message always fits.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.answer_bytes, size(text, KB..=MAX_FRAME)),
            show: |config| show_size(config.limits.answer_bytes),
        },
        Key {
            name: "reactions",
            kind: Kind::Number,
            values: "1 to 100",
            about: "Different emoji with which people react to one message.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.reactions, number(text, 1..=100)),
            show: |config| config.limits.reactions.to_string(),
        },
        Key {
            name: "mentions",
            kind: Kind::Number,
            values: "1 to 1000",
            about: "People whom one message mentions by name.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.mentions, number(text, 1..=1000)),
            show: |config| config.limits.mentions.to_string(),
        },
        Key {
            name: "pins",
            kind: Kind::Number,
            values: "1 to 1000",
            about: "Messages pinned in one flow.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.pins, number(text, 1..=1000)),
            show: |config| config.limits.pins.to_string(),
        },
        Key {
            name: "polls",
            kind: Kind::Number,
            values: "2 to 100",
            about: "Options of one poll.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.polls, number(text, 2..=100)),
            show: |config| config.limits.polls.to_string(),
        },
        Key {
            name: "send_queue",
            kind: Kind::Text,
            values: "frames (1 to 1000000) and a size (1KB to 1GB): `256 frames or 8MB`, short `256 8MB`",
            about: "How much may wait for a client that reads too slowly. Past either bound its \
                    connection is closed; it catches up when it comes back.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.limits.send_queue, send_queue(text)),
            show: |Config { limits, .. }| {
                let SendQueue { frames, bytes } = limits.send_queue;
                format!("{frames} frames or {}", show_size(bytes))
            },
        },
    ],
};

fn send_queue(text: &str) -> Result<SendQueue, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ([frames, "frames", "or", bytes] | [frames, bytes]) = words[..] else {
        return Err(format!(
            "`{text}` is not two bounds such as `256 frames or 8MB`"
        ));
    };
    Ok(SendQueue {
        frames: number(frames, 1..=1_000_000)?,
        bytes: size(bytes, KB..=MAX_FRAME)?,
    })
}
