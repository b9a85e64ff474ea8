//! Checks outgoing connections: whether push services can be reached, if any device uses notifications.

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

/// How long to wait for one.
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
    // No connections are made if no device uses notifications.
    if !count.is_ok_and(|count| count > 0) {
        return found;
    }
    found.extend(nobody_to_write_to(config));
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

/// Returns a finding if a push service would find nobody to write to.
fn nobody_to_write_to(config: &Config) -> Option<Finding> {
    let finding = || {
        Finding::warn(
            TOPIC,
            "push services have nobody to write to; Apple's refuses the notifications of such a server",
            "set contact = mailto:… in section [push], or public_url in section [server]",
        )
    };
    outward::push_contact(config).is_none().then(finding)
}

/// Returns a finding: whatever a service answers, it can be reached.
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
    fn somebody_answers_for_the_server() {
        let mut config = Config::default();
        let found = nobody_to_write_to(&config).map(|it| it.level);
        assert_eq!(found, Some(Level::Warn));
        config.server.public_url = Some("https://192.168.1.7".to_owned());
        assert!(nobody_to_write_to(&config).is_some());
        config.push.contact = Some("mailto:anna@example.org".to_owned());
        assert!(nobody_to_write_to(&config).is_none());
        config.push.contact = None;
        config.server.public_url = Some("https://chat.example.org".to_owned());
        assert!(nobody_to_write_to(&config).is_none());
    }

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
