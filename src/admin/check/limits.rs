//! Checks for settings that contradict each other or the limits of the system.

use std::net::IpAddr;

use log::LevelFilter;

use super::Finding;
use crate::cli::CheckTopic;
use crate::config::{Config, Encryption, IpNetwork, Registration};
use crate::store::ServerLock;

const TOPIC: CheckTopic = CheckTopic::Config;

/// File descriptors besides those of connections.
const OTHER_FILES: usize = 256;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let limits = &config.limits;
    let mut found = Vec::new();
    let mut warn = |text: String, remedy: &str| found.push(Finding::warn(TOPIC, text, remedy));
    if limits.connections_per_ip > limits.connections {
        warn(
            format!(
                "connections_per_ip is {}, but there are at most {} connections",
                limits.connections_per_ip, limits.connections
            ),
            "set connections_per_ip in section [limits] below connections: now one address can use \
             all of them",
        );
    }
    if limits.text_bytes > limits.frame_bytes {
        warn(
            format!(
                "a text may have {} bytes, but the frame around it only {}",
                limits.text_bytes, limits.frame_bytes
            ),
            "set text in section [limits] below frame",
        );
    }
    // In a frame, files are encoded as base64.
    if limits.files_bytes / 3 * 4 > limits.frame_bytes {
        warn(
            format!(
                "the files of a message may have {} bytes, which do not fit into a frame of {}",
                limits.files_bytes, limits.frame_bytes
            ),
            "set files in section [limits] to at most three quarters of frame",
        );
    }
    if limits.files_bytes > limits.answer_bytes.saturating_mul(4) {
        warn(
            "the files of one message may be larger than four whole answers".to_owned(),
            "set answer in section [limits] higher, or files lower: old clients get such a message \
             in an answer of its own",
        );
    }
    if config.web.metrics_listen.is_some() && !config.web.metrics {
        warn(
            "metrics_listen is set, but metrics is off".to_owned(),
            "set metrics = on in section [web], or remove metrics_listen",
        );
    }
    if config.encryption() != Encryption::None
        && config
            .server
            .public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("http://"))
    {
        warn(
            "public_url begins with http://, but the server encrypts".to_owned(),
            "change public_url in section [server] to https://, since links and invitations use it",
        );
    }
    for network in &config.proxy.trusted {
        if is_wide(network) {
            found.push(Finding::fail(
                TOPIC,
                format!(
                    "everybody in {network} is trusted as a proxy and can pretend to be any \
                         address"
                ),
                "set trusted in section [proxy] to the proxy's own address, 127.0.0.1 if it runs \
                 here",
            ));
        }
    }
    found.extend(descriptors(config));
    found.extend(habits(config));
    found
}

/// Checks whether the server listens where others cannot reach it.
pub(super) fn reach(config: &Config) -> Option<Finding> {
    let host = config.server.host.as_str();
    let is_loopback =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    (is_loopback && config.proxy.trusted.is_empty()).then(|| {
        Finding::warn(
            TOPIC,
            format!("the server listens only on {host}: no other device can reach it"),
            "set host = 0.0.0.0 in section [server]; if people connect through a proxy on this \
             machine, set trusted = 127.0.0.1 in section [proxy]",
        )
    })
}

/// Checks for settings that are allowed but often regretted.
fn habits(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut warn = |text: String, remedy: &str| found.push(Finding::warn(TOPIC, text, remedy));
    if config.logging.level >= LevelFilter::Debug {
        warn(
            format!(
                "the log level is {}: the log grows fast and slows the server down",
                config.logging.level.as_str().to_lowercase()
            ),
            "set level = info in section [logging]",
        );
    }
    let backup = &config.backup;
    if !backup.interval.is_zero() && backup.keep < 2 {
        warn(
            "only one backup is kept: what was damaged or deleted before it was made is lost"
                .to_owned(),
            "set keep = 7 in section [backup]",
        );
    }
    if !backup.interval.is_zero()
        && config
            .history
            .keep
            .is_some_and(|keep| keep < backup.interval)
    {
        warn(
            "messages are deleted before the next backup is made: some are in no backup".to_owned(),
            "set interval in section [backup] below keep of section [history]",
        );
    }
    found
}

/// Returns whether a network contains far more than proxies.
fn is_wide(network: &IpNetwork) -> bool {
    if network.address().is_ipv4() {
        network.prefix() < 8
    } else {
        network.prefix() < 32
    }
}

/// Checks whether the running server may open as many files as it may have connections.
fn descriptors(config: &Config) -> Option<Finding> {
    let pid = ServerLock::pid(&config.database.path)?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let most = open_files(&text)?;
    let needed = config.limits.connections.saturating_add(OTHER_FILES);
    (most < needed).then(|| {
        Finding::fail(
            TOPIC,
            format!(
                "the server may have {most} files open, but {} connections need {needed}",
                config.limits.connections
            ),
            "install the unit that `morelia service unit` prints, raise LimitNOFILE in yours, or \
             lower connections in section [limits]",
        )
    })
}

/// Returns the soft limit of open files from the kernel's table for a process.
fn open_files(text: &str) -> Option<usize> {
    let line = text
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let value = line.split_whitespace().nth(3)?;
    match value {
        "unlimited" => None,
        number => number.parse().ok(),
    }
}

/// Checks whether a user can sign in, and whether there is an administrator.
pub(super) fn people(registration: Registration, users: usize, admins: usize) -> Vec<Finding> {
    let topic = CheckTopic::Database;
    let mut found = Vec::new();
    if users == 0 && registration == Registration::Closed {
        found.push(Finding::fail(
            topic,
            "there is no account, and registration is closed: nobody can sign in",
            "create one: `morelia user add LOGIN --admin`",
        ));
    } else if admins == 0 {
        found.push(Finding::warn(
            topic,
            "there is no administrator",
            "create one: `morelia user add LOGIN --admin`, or `morelia user set LOGIN --admin on`",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_table_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             31435                31435                processes \n\
                    Max open files            1024                 1048576              files     \n";
        assert_eq!(open_files(text), Some(1024));
        assert_eq!(
            open_files("Max open files            unlimited            unlimited files"),
            None
        );
    }

    #[test]
    fn the_defaults_agree_with_each_other() {
        assert!(examine(&Config::default()).is_empty());
    }
}
