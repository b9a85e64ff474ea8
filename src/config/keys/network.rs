//! `[server]` and `[proxy]`.

use super::{Key, Kind, Section, optional, put};
use crate::config::addresses::{IpNetwork, header, host, host_name, list, public_url};
use crate::config::units::{duration, number, show_duration};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

pub(super) const SERVER: Section = Section {
    name: "server",
    about: "Where the server listens and how patiently.",
    keys: &[
        Key {
            name: "host",
            kind: Kind::Text,
            values: "an address or a host name",
            about: "The address to listen on. 0.0.0.0 is every IPv4 address of this machine, :: every \
                    address of both kinds, 127.0.0.1 this machine only (for a proxy on it).",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.server.host, host(text)),
            show: |config| config.server.host.clone(),
        },
        Key {
            name: "port",
            kind: Kind::Number,
            values: "0 to 65535; 0 is any free port",
            about: "The port to listen on. Existing clients expect 8000, and the Android client can \
                    use no other.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.server.port, number(text, 0..=u16::MAX)),
            show: |config| config.server.port.to_string(),
        },
        Key {
            name: "http_port",
            kind: Kind::Number,
            values: "0 to 65535; 0 for none",
            about: "A port for plain HTTP beside the one with TLS, usually 80. It answers the challenges \
                    of a certificate authority and /trust, leads browsers to the address with https, \
                    and refuses everything else, so that no password is sent without encryption.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.server.http_port, number(text, 0..=u16::MAX)),
            show: |config| config.server.http_port.to_string(),
        },
        Key {
            name: "plain_port",
            kind: Kind::Number,
            values: "0 to 65535; 0 for none",
            about: "A port on which everything is served without encryption once there is TLS, for old \
                    clients that know nothing else (the Android client: 8000). Everybody in the same \
                    network can read what they send, passwords too.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.server.plain_port, number(text, 0..=u16::MAX)),
            show: |config| config.server.plain_port.to_string(),
        },
        Key {
            name: "public_url",
            kind: Kind::Text,
            values: "http:// or https://, a host, perhaps a port; empty for none",
            about: "The address that people use, when it is not the one listened on: a name, or a proxy \
                    in front. Invitation links begin with it, and `morelia check net` tries it.",
            example: "https://chat.example.org",
            reload: false,
            set: |config, text, _| put(&mut config.server.public_url, optional(text, public_url)),
            show: |config| config.server.public_url.clone().unwrap_or_default(),
        },
        Key {
            name: "names",
            kind: Kind::Text,
            values: "host names, with commas between; empty for none",
            about: "More names that people reach this server by. A request for another host is answered \
                    with 421, since a web page could otherwise reach the server under a name of its \
                    own. Addresses, this machine's name, the name in public_url, names without a dot \
                    and names that end in .local, .lan, .home, .home.arpa, .internal, .localdomain or \
                    .fritz.box need not be listed. Behind a trusted proxy and without public_url, any \
                    name is accepted.",
            example: "chat.example.org, chat.example.com",
            reload: false,
            set: |config, text, _| put(&mut config.server.names, list(text, host_name)),
            show: |config| config.server.names.join(", "),
        },
        Key {
            name: "backlog",
            kind: Kind::Number,
            values: "1 to 65535",
            about: "How many connections the kernel holds until the server accepts them.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.server.backlog, number(text, 1..=65_535)),
            show: |config| config.server.backlog.to_string(),
        },
        Key {
            name: "keep_alive",
            kind: Kind::Text,
            values: "a duration from 0 to 1h; 0 closes after each answer",
            about: "How long an HTTP connection without a request stays open. WebSockets are not \
                    concerned.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.server.keep_alive,
                    duration(text, Duration::ZERO..=HOUR),
                )
            },
            show: |config| show_duration(config.server.keep_alive),
        },
        Key {
            name: "ping_interval",
            kind: Kind::Text,
            values: "a duration from 100ms to 1h",
            about: "How long a WebSocket may be silent before it is pinged; one that does not answer is \
                    dropped. Keep it below the patience of a proxy in front (nginx: 60s).",
            example: "",
            reload: false,
            set: |config, text, _| {
                let range = Duration::from_millis(100)..=HOUR;
                put(&mut config.server.ping_interval, duration(text, range))
            },
            show: |config| show_duration(config.server.ping_interval),
        },
        Key {
            name: "shutdown_timeout",
            kind: Kind::Text,
            values: "a duration from 0 to 1h",
            about: "How long a stopping server waits for answers that are under way.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.server.shutdown_timeout,
                    duration(text, Duration::ZERO..=HOUR),
                )
            },
            show: |config| show_duration(config.server.shutdown_timeout),
        },
    ],
};

pub(super) const PROXY: Section = Section {
    name: "proxy",
    about: "A proxy in front of the server hides the addresses of the clients; here is said which \
            proxies may name them. Limits for one address then count for the client's.",
    keys: &[
        Key {
            name: "trusted",
            kind: Kind::Text,
            values: "addresses and networks, with commas between; empty for nobody",
            about: "The proxies that are believed. From anybody else the header is ignored, since \
                    anybody can send it.",
            example: "127.0.0.1, ::1",
            reload: false,
            set: |config, text, _| put(&mut config.proxy.trusted, list(text, IpNetwork::read)),
            show: |config| {
                let networks: Vec<String> = config
                    .proxy
                    .trusted
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                networks.join(", ")
            },
        },
        Key {
            name: "header",
            kind: Kind::Text,
            values: "the name of a header",
            about: "The header in which they name it. Of several addresses in it, the right-most that is \
                    not itself a trusted proxy counts.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.proxy.header, header(text)),
            show: |config| config.proxy.header.clone(),
        },
    ],
};
