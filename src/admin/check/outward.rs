//! The way out: whether push services can be reached, where somebody wants to be notified.

use std::time::Duration;

use super::Finding;
use super::database::Pages;
use crate::admin::{on_database, status};
use crate::app::outward;
use crate::cli::CheckTopic;
use crate::config::{AllowPrivate, Config};
use crate::outbound::{OutboundError, Private, Request, Rules};

const TOPIC: CheckTopic = CheckTopic::Net;

/// The push services of the usual browsers.
const SERVICES: [&str; 3] = [
    "https://fcm.googleapis.com/",
    "https://updates.push.services.mozilla.com/",
    "https://web.push.apple.com/",
];

/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.outbound.allow_private == AllowPrivate::On {
        found.push(Finding::warn(
            TOPIC,
            "allow_private is on: every member can make this server send requests into its own \
             network",
            "list the addresses that are needed in allow_private of section [outbound]",
        ));
    }
    if !config.push.enabled || !pages.can_be_read() {
        return found;
    }
    let count = on_database(&config.database.path, config, async |service| {
        Ok(service.count_notified().await?)
    });
    // Nothing is connected to for nobody.
    if !count.is_ok_and(|count| count > 0) {
        return found;
    }
    let client = match outward::client(config) {
        Ok(client) => client,
        Err(err) => {
            found.push(Finding::fail(
                TOPIC,
                err.to_string(),
                "correct ca_file in section [outbound]",
            ));
            return found;
        }
    };
    for service in SERVICES {
        let Ok(url) = service.parse() else { continue };
        let rules = Rules {
            time: PATIENCE,
            ..Rules::new(Private::Refused)
        };
        let asked = status::block_on(client.send(Request::get(url), rules));
        let finding = match asked {
            Ok(answer) => of(service, answer.map(|answer| answer.status)),
            Err(why) => Finding::warn(TOPIC, why, "try again"),
        };
        found.push(finding);
    }
    found
}

/// Whatever a service answers, it can be reached.
fn of(service: &str, answer: Result<u16, OutboundError>) -> Finding {
    let host = service.trim_start_matches("https://").trim_end_matches('/');
    match answer {
        Ok(_) => Finding::ok(TOPIC, format!("the push service {host} can be reached")),
        Err(err) => Finding::warn(
            TOPIC,
            format!("the push service {host} cannot be reached: {err}"),
            "allow connections to it on port 443, or set a proxy in section [outbound]",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn any_answer_is_a_way_out() {
        let reached = of("https://web.push.apple.com/", Ok(404));
        assert_eq!(reached.level, Level::Ok);
        assert!(
            reached.text.contains("service web.push.apple.com can"),
            "{}",
            reached.text
        );
        let host = "web.push.apple.com".to_owned();
        let failed = of(
            "https://web.push.apple.com/",
            Err(OutboundError::TimedOut { host }),
        );
        assert_eq!(failed.level, Level::Warn);
    }
}
