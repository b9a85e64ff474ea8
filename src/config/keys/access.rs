//! `[auth]` and `[bots]`.

use super::{Key, Kind, Section, put, true_or_false, word};
use crate::config::units::{CENTURY, DAY, SECOND, age, duration, number, show_duration};
use crate::config::words::{Directory, Registration, Word};

pub(super) const AUTH: Section = Section {
    name: "auth",
    about: "Accounts, sessions and attempts to log in.",
    keys: &[
        Key {
            name: "registration",
            kind: Kind::Text,
            values: "open, invite or closed",
            about: "Who may create an account: anybody, people with an invitation (`morelia invite \
                    create`), or nobody but you (`morelia user add`).",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.registration, Registration::read(text)),
            show: |config| word(config.auth.registration),
        },
        Key {
            name: "registrations",
            kind: Kind::Number,
            values: "0 to 1000000; 0 for any number",
            about: "How many accounts one address (of IPv6: one /64) may make in an hour while \
                    registration is open, and all together ten times as many. From this machine itself any \
                    number.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.registrations, number(text, 0..=1_000_000)),
            show: |config| config.auth.registrations.to_string(),
        },
        Key {
            name: "token_ttl",
            kind: Kind::Text,
            values: "a duration with its unit, from 1s",
            about: "How long a device stays logged in after it was last used.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.token_ttl, age(text, SECOND..=CENTURY)),
            show: |config| show_duration(config.auth.token_ttl),
        },
        Key {
            name: "login_attempts",
            kind: Kind::Number,
            values: "1 to 1000000",
            about: "How many failed logins an account has within login_window from addresses that it \
                    does not know; after that, each address has a fifth as many. An address from \
                    which the account was signed in before has as many of its own, so that \
                    strangers cannot lock the owner out. One address has four times as many over \
                    all accounts; this machine has no limit by address.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(&mut config.auth.login_attempts, number(text, 1..=1_000_000))
            },
            show: |config| config.auth.login_attempts.to_string(),
        },
        Key {
            name: "login_window",
            kind: Kind::Text,
            values: "a duration from 1s to 1d",
            about: "The time over which failed logins are counted.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.login_window, duration(text, SECOND..=DAY)),
            show: |config| show_duration(config.auth.login_window),
        },
        Key {
            name: "members_invite",
            kind: Kind::Switch,
            values: "true or false",
            about: "Whether every member may invite others, not only administrators.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.members_invite, bool::read(text)),
            show: |config| true_or_false(config.auth.members_invite),
        },
        Key {
            name: "directory",
            kind: Kind::Text,
            values: "auto, all or search",
            about: "Whom members see who look for people and type nothing: everybody (all), or those with whom they \
                    share a flow (search); others are then found by what their names begin with. \
                    auto is all up to 100 accounts, and search beyond.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.auth.directory, Directory::read(text)),
            show: |config| word(config.auth.directory),
        },
    ],
};

pub(super) const BOTS: Section = Section {
    name: "bots",
    about: "Accounts of programs.",
    keys: &[Key {
        name: "members",
        kind: Kind::Switch,
        values: "true or false",
        about: "Whether every member may make bots, at most five each, not only administrators.",
        example: "",
        reload: false,
        set: |config, text, _| put(&mut config.bots.members, bool::read(text)),
        show: |config| true_or_false(config.bots.members),
    }],
};
