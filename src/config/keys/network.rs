//! `[server]`, `[tls]` and `[proxy]`.

use super::{Key, Kind, Section, optional, optional_path, put, show_path, word};
use crate::config::addresses::{IpNetwork, header, host, host_name, list, public_url};
use crate::config::units::{duration, number, show_duration};
use crate::config::words::{ClientCert, Word};
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

pub(super) const TLS: Section = Section {
    name: "tls",
    about: "A certificate of the server's own, for https:// and wss:// without a proxy. The files are \
            read again on SIGHUP, so a renewed certificate needs no restart; switching TLS on or off does.",
    keys: &[
        Key {
            name: "certfile",
            kind: Kind::Text,
            values: "a path; empty for plain HTTP",
            about: "The certificate and its chain, PEM.",
            example: "/etc/letsencrypt/live/chat.example.org/fullchain.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.certfile, optional_path(text, folder)),
            show: |config| show_path(config.tls.certfile.as_ref()),
        },
        Key {
            name: "keyfile",
            kind: Kind::Text,
            values: "a path; needed with certfile",
            about: "The private key, PEM. The user that the server runs as must be able to read it.",
            example: "/etc/letsencrypt/live/chat.example.org/privkey.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.keyfile, optional_path(text, folder)),
            show: |config| show_path(config.tls.keyfile.as_ref()),
        },
        Key {
            name: "ca_certs",
            kind: Kind::Text,
            values: "a path; needed unless cert_reqs is none",
            about: "The authorities whose client certificates are believed, PEM.",
            example: "clients-ca.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.ca_certs, optional_path(text, folder)),
            show: |config| show_path(config.tls.ca_certs.as_ref()),
        },
        Key {
            name: "cert_reqs",
            kind: Kind::Text,
            values: "none, optional or required",
            about: "Whether a client must show a certificate of its own.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.tls.cert_reqs, ClientCert::read(text)),
            show: |config| word(config.tls.cert_reqs),
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
