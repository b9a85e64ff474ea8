//! `[push]`, `[outbound]` and `[alerts]`.

use super::{Key, Kind, Section, optional, optional_path, put, show_path, word};
use crate::config::outward::{AllowPrivate, contact, hook_url, proxy};
use crate::config::units::{DAY, SECOND, age, number, show_duration};
use crate::config::words::{PushContent, Word};
use std::time::Duration;

/// The longest that a push service keeps a notification: four weeks.
const LONGEST_TTL: Duration = Duration::from_hours(28 * 24);

pub(super) const PUSH: Section = Section {
    name: "push",
    about: "Notifications for phones and browsers on which no client runs. They go to the push service \
            that the device names (Google's, Mozilla's, Apple's or one of your own), encrypted for the \
            device: the service learns when and how much, neither text nor names. Nothing is sent before \
            somebody asks to be notified.",
    keys: &[
        Key {
            name: "enabled",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether devices can ask to be notified.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.push.enabled, bool::read(text)),
            show: |config| word(config.push.enabled),
        },
        Key {
            name: "contact",
            kind: Kind::Text,
            values: "mailto: or https: and an address; empty for admin at the host of public_url",
            about: "Whom a push service may write to when this server misbehaves. Apple's refuses \
                    notifications without a plausible one.",
            example: "mailto:admin@example.org",
            reload: false,
            set: |config, text, _| put(&mut config.push.contact, optional(text, contact)),
            show: |config| config.push.contact.clone().unwrap_or_default(),
        },
        Key {
            name: "content",
            kind: Kind::Text,
            values: "full, names or none",
            about: "What a notification says of a message: the beginning of its text (full), who wrote and \
                    where (names), or only that there is something (none). Everybody can choose otherwise \
                    for themselves. Of protected and disappearing conversations the text is never shown.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.push.content, PushContent::read(text)),
            show: |config| word(config.push.content),
        },
        Key {
            name: "ttl",
            kind: Kind::Text,
            values: "a duration from 1s to 28d",
            about: "How long a push service keeps a notification for a device that is switched off.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.push.ttl, age(text, SECOND..=LONGEST_TTL)),
            show: |config| show_duration(config.push.ttl),
        },
        Key {
            name: "queue",
            kind: Kind::Number,
            values: "1 to 100000",
            about: "Notifications that may wait in memory. When more wait, the oldest of those that are \
                    not urgent is dropped.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.push.queue, number(text, 1..=100_000)),
            show: |config| config.push.queue.to_string(),
        },
    ],
};

pub(super) const OUTBOUND: Section = Section {
    name: "outbound",
    about: "Requests that the server itself makes to other servers: notifications, alerts, certificates. \
            They go to public addresses only, so that nobody uses the server to reach into its network.",
    keys: &[
        Key {
            name: "ca_file",
            kind: Kind::Text,
            values: "a path; empty for the usual authorities",
            about: "Certificate authorities that are believed besides the usual ones, PEM: for a push \
                    service or a hook of your own.",
            example: "own-ca.pem",
            reload: false,
            set: |config, text, folder| {
                put(&mut config.outbound.ca_file, optional_path(text, folder))
            },
            show: |config| show_path(config.outbound.ca_file.as_ref()),
        },
        Key {
            name: "proxy",
            kind: Kind::Text,
            values: "http://, a host and a port; empty for none",
            about: "A proxy by which all of these requests go, where the network demands one. It is asked \
                    for hosts by name (CONNECT). Addresses that allow_private lists are reached without it.",
            example: "http://proxy.example.org:3128",
            reload: false,
            set: |config, text, _| put(&mut config.outbound.proxy, optional(text, proxy)),
            show: |config| config.outbound.proxy.clone().unwrap_or_default(),
        },
        Key {
            name: "allow_private",
            kind: Kind::Text,
            values: "off; on; or networks and addresses with a port, with commas between",
            about: "Private addresses that notifications, and hooks made by administrators, may go to: a \
                    push service in the same house. on allows all of them, so that every member can have \
                    the server send requests into its network.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(&mut config.outbound.allow_private, AllowPrivate::read(text))
            },
            show: |config| config.outbound.allow_private.to_string(),
        },
    ],
};

pub(super) const ALERTS: Section = Section {
    name: "alerts",
    about: "Telling you when something needs you: a backup that failed or is overdue, a disk that is nearly \
            full, a certificate that ends, damage in the database.",
    keys: &[
        Key {
            name: "url",
            kind: Kind::Text,
            values: "http:// or https:// and an address; empty for none",
            about: "Where alerts are posted to: a topic of ntfy, a hook of this or another server, an \
                    incoming webhook of Slack or Mattermost. The form is chosen by the address: /hook/ and \
                    ntfy get plain text, hooks.slack.com and /hooks/ get Slack's form, everything else \
                    gets JSON with title, message and text.",
            example: "https://ntfy.example.org/morelia-alerts",
            reload: false,
            set: |config, text, _| put(&mut config.alerts.url, optional(text, hook_url)),
            show: |config| config.alerts.url.clone().unwrap_or_default(),
        },
        Key {
            name: "every",
            kind: Kind::Text,
            values: "a duration from 1m to 365d",
            about: "The shortest time between two alerts about the same problem.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.alerts.every,
                    age(text, Duration::from_mins(1)..=365 * DAY),
                )
            },
            show: |config| show_duration(config.alerts.every),
        },
    ],
};
