//! Situations of addresses and ports.

use std::net::TcpListener;

use super::{Situation, good_files};
use crate::common::Server;

pub(super) const NETWORK: &[Situation] = &[
    Situation {
        name: "no other device can reach the server",
        make: |server| server.set("server.host", "127.0.0.1"),
        says: ("warn", "config"),
        text: "no other device can reach it",
        remedy: "host = 0.0.0.0",
        mend: Some(|server| server.set("server.host", "0.0.0.0")),
    },
    Situation {
        name: "the address is another machine's",
        make: |server| server.set("server.host", "203.0.113.9"),
        says: ("FAIL", "net"),
        text: "nothing can listen on 203.0.113.9",
        remedy: "an address of this machine",
        mend: Some(|server| server.set("server.host", "127.0.0.1")),
    },
    Situation {
        name: "another program has the port",
        make: |server| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            // It stays until the tests end.
            std::mem::forget(listener);
            server.set("server.port", &port.to_string());
        },
        says: ("FAIL", "net"),
        text: "another program listens on",
        remedy: "ss -ltnp",
        mend: Some(|server| server.set("server.port", "0")),
    },
    Situation {
        name: "a port leads to TLS that is not there",
        make: |server| server.set("server.http_port", "8081"),
        says: ("FAIL", "config"),
        text: "is a second port beside one with TLS",
        remedy: "correct it",
        mend: Some(|server| server.set("server.http_port", "0")),
    },
    Situation {
        name: "a port is for old clients of a server without TLS",
        make: |server| server.set("server.plain_port", "8082"),
        says: ("FAIL", "config"),
        text: "[server] plain_port",
        remedy: "correct it",
        mend: Some(good_files),
    },
    Situation {
        name: "the public address was not tried",
        make: |server| server.set("server.public_url", "http://localhost:8000"),
        says: ("warn", "net"),
        text: "was not checked because the server is not running",
        remedy: "start it",
        mend: Some(Server::serve),
    },
];

pub(super) const HABITS: &[Situation] = &[
    Situation {
        name: "the log tells everything",
        make: |server| server.set("logging.level", "debug"),
        says: ("warn", "config"),
        text: "the log level is debug",
        remedy: "level = info",
        mend: Some(|server| server.set("logging.level", "info")),
    },
    Situation {
        name: "one backup is kept",
        make: |server| {
            server.set("backup.interval", "24h");
            server.set("backup.keep", "1");
        },
        says: ("warn", "config"),
        text: "only one backup is kept",
        remedy: "keep = 7",
        mend: Some(|server| server.set("backup.keep", "7")),
    },
    Situation {
        name: "messages go before they are in a backup",
        make: |server| {
            server.set("backup.interval", "30d");
            server.set("history.keep", "7d");
        },
        says: ("warn", "config"),
        text: "some are in no backup",
        remedy: "below keep of section [history]",
        mend: Some(|server| server.set("backup.interval", "1d")),
    },
    Situation {
        name: "the files of a message are larger than answers",
        make: |server| server.set("limits.answer", "2MB"),
        says: ("warn", "config"),
        text: "larger than four whole answers",
        remedy: "set answer in section [limits] higher",
        mend: Some(|server| server.set("limits.answer", "8MB")),
    },
];
