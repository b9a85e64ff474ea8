//! Checks the clock: whether a time server sets it, and whether it is ahead of the log.

use std::process::Command;

use super::Finding;
use super::database::Pages;
use crate::app;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::model::Timestamp;

const TOPIC: CheckTopic = CheckTopic::Clock;

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let path = &config.database.path;
    let last = pages
        .can_be_read()
        .then(|| {
            crate::admin::on_database(path, config, async |service| {
                Ok(service.last_change().await?)
            })
            .ok()
        })
        .flatten()
        .unwrap_or(Timestamp::EPOCH);
    if let Some(trouble) = app::clock_trouble(Timestamp::now(), last) {
        return vec![Finding::fail(
            TOPIC,
            format!("the clock is {trouble}"),
            "set it with `timedatectl set-ntp true`, or wait for the network after a start; if it \
             is right now but was wrong before, stop the server and run `morelia db repair --times`",
        )];
    }
    vec![match synchronised() {
        Some(true) => Finding::ok(TOPIC, "a time server sets the clock"),
        Some(false) => Finding::warn(
            TOPIC,
            "no time server sets the clock",
            "run `timedatectl set-ntp true`; a Raspberry Pi has no clock of its own",
        ),
        None => Finding::ok(
            TOPIC,
            "the clock is not behind the last change; whether a time server sets it is unknown",
        ),
    }]
}

/// Returns whether systemd says that a time server sets the clock.
fn synchronised() -> Option<bool> {
    let output = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output()
        .ok()?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
