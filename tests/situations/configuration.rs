//! Situations of configuration and unit.

use std::fs;

use super::{Situation, edit, folder, good_files};
use crate::common::Server;

pub(super) const CONFIGURATION: &[Situation] = &[
    Situation {
        name: "a key is misspelt",
        make: |server| edit(server, "\nport = 8000", "\nprot = 8000"),
        says: ("FAIL", "config"),
        text: "prot",
        remedy: "config example",
        mend: Some(|server| edit(server, "\nprot = 8000", "\nport = 8000")),
    },
    Situation {
        name: "a value is none",
        make: |server| edit(server, "\nlevel = info", "\nlevel = loud"),
        says: ("FAIL", "config"),
        text: "loud",
        remedy: "config example",
        mend: Some(|server| edit(server, "\nlevel = loud", "\nlevel = info")),
    },
    Situation {
        name: "a duration in days has no unit",
        make: |server| edit(server, "\ninterval = 0", "\ninterval = 24"),
        says: ("FAIL", "config"),
        text: "24",
        remedy: "config example",
        mend: Some(|server| edit(server, "\ninterval = 24", "\ninterval = 0")),
    },
    Situation {
        name: "anybody can register",
        make: |server| server.set("auth.registration", "open"),
        says: ("warn", "config"),
        text: "anybody who reaches this server can register",
        remedy: "registration = invite",
        mend: Some(|server| server.set("auth.registration", "invite")),
    },
    Situation {
        name: "one address may take all connections",
        make: |server| server.set("limits.connections_per_ip", "5000"),
        says: ("warn", "config"),
        text: "connections_per_ip is 5000",
        remedy: "[limits]",
        mend: Some(|server| server.set("limits.connections_per_ip", "128")),
    },
    Situation {
        name: "a text is longer than its frame",
        make: |server| server.set("limits.text", "32MB"),
        says: ("warn", "config"),
        text: "a text may have",
        remedy: "below frame",
        mend: Some(|server| server.set("limits.text", "64KB")),
    },
    Situation {
        name: "files do not fit into a frame",
        make: |server| server.set("limits.files", "15MB"),
        says: ("warn", "config"),
        text: "do not fit into a frame",
        remedy: "three quarters",
        mend: Some(|server| server.set("limits.files", "10MB")),
    },
    Situation {
        name: "monitors have a listener and no numbers",
        make: |server| server.set("web.metrics_listen", "127.0.0.1:9464"),
        says: ("warn", "config"),
        text: "metrics is off",
        remedy: "metrics = on",
        mend: Some(|server| server.set("web.metrics", "on")),
    },
    Situation {
        name: "links lead to http where TLS is spoken",
        make: |server| {
            good_files(server);
            server.set("server.public_url", "http://localhost:8000");
        },
        says: ("warn", "config"),
        text: "public_url begins with http://",
        remedy: "https://",
        mend: Some(|server| server.set("server.public_url", "https://localhost:8000")),
    },
    Situation {
        name: "everybody is a proxy",
        make: |server| server.set("proxy.trusted", "0.0.0.0/0"),
        says: ("FAIL", "config"),
        text: "can pretend to be any address",
        remedy: "127.0.0.1",
        mend: Some(|server| server.set("proxy.trusted", "127.0.0.1")),
    },
    Situation {
        name: "half of the internet is a proxy",
        make: |server| server.set("proxy.trusted", "128.0.0.0/1"),
        says: ("FAIL", "config"),
        text: "128.0.0.0/1",
        remedy: "proxy's own address",
        mend: Some(|server| server.set("proxy.trusted", "127.0.0.1")),
    },
    Situation {
        name: "all of IPv6 is a proxy",
        make: |server| server.set("proxy.trusted", "2000::/3"),
        says: ("FAIL", "config"),
        text: "2000::/3",
        remedy: "proxy's own address",
        mend: Some(|server| server.set("proxy.trusted", "::1")),
    },
    Situation {
        name: "members can have the server ask its own network",
        make: |server| server.set("outbound.allow_private", "on"),
        says: ("warn", "net"),
        text: "allow_private is on",
        remedy: "list the addresses",
        mend: Some(|server| server.set("outbound.allow_private", "192.168.1.7:80")),
    },
];

pub(super) const UNIT: &[Situation] = &[
    Situation {
        name: "the unit runs as somebody else",
        make: |server| write_unit(server, |unit| unit.replace("\nUser=", "\nUser=x-")),
        says: ("FAIL", "config"),
        text: "runs the server as x-",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit starts a program that is gone",
        make: |server| write_unit(server, |unit| unit.replace("ExecStart=", "ExecStart=/gone")),
        says: ("FAIL", "config"),
        text: "which does not exist",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit permits too few files",
        make: |server| {
            write_unit(server, |unit| {
                unit.replace("LimitNOFILE=1280", "LimitNOFILE=512")
            });
        },
        says: ("FAIL", "config"),
        text: "allows 512 open files",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit does not permit the port",
        make: |server| {
            server.set("server.port", "8000");
            right_unit(server);
            server.set("server.port", "443");
        },
        says: ("FAIL", "config"),
        text: "does not allow the port 443",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit keeps the server out of a folder",
        make: |server| {
            right_unit(server);
            server.set("backup.dir", "/var/backups");
        },
        says: ("FAIL", "config"),
        text: "does not let the server write to /var/backups (ReadWritePaths)",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit hides the folder of the database",
        make: |server| {
            write_unit(server, |unit| {
                unit.replace("PrivateTmp=no", "PrivateTmp=yes")
            });
        },
        says: ("FAIL", "config"),
        text: "hides /tmp",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit kills a server that stops",
        make: |server| {
            right_unit(server);
            server.set("server.shutdown_timeout", "30s");
        },
        says: ("FAIL", "config"),
        text: "kills the server after 15 s",
        remedy: "service unit",
        mend: Some(right_unit),
    },
    Situation {
        name: "the unit leaves a server that has ended",
        make: |server| {
            write_unit(server, |unit| {
                unit.replace("Restart=on-failure", "Restart=no")
            });
        },
        says: ("FAIL", "config"),
        text: "does not restart the server",
        remedy: "service unit",
        mend: Some(right_unit),
    },
];

fn write_unit(server: &mut Server, change: fn(String) -> String) {
    let unit = server.command(["service", "unit"]).run().exits(0).stdout;
    let path = folder(server, "morelia.service");
    fs::write(&path, change(unit)).expect("written");
    server.environment("MORELIA_UNIT", path.display().to_string());
}

fn right_unit(server: &mut Server) {
    write_unit(server, |unit| unit);
}
