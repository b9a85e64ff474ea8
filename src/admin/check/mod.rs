//! `check`: examines everything an operator can get wrong, one line each, with what to do about it.

mod backup;
mod certificate;
mod clock;
mod database;
mod disk;
mod names;
mod net;
mod outward;

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{Output, count};
use super::{document, text};
use crate::app;
use crate::cli::CheckTopic;
use crate::config::{Config, Loaded, Registration, Sources, Word};
use crate::exit::Exit;
use crate::service::CheckRow;
use database::Pages;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One line of the result.
#[derive(Debug)]
pub(super) struct Finding {
    topic: CheckTopic,
    level: Level,
    text: String,
    /// What to do about it.
    remedy: Option<String>,
}

impl Finding {
    fn ok(topic: CheckTopic, text: impl Into<String>) -> Self {
        Self {
            topic,
            level: Level::Ok,
            text: text.into(),
            remedy: None,
        }
    }

    fn warn(topic: CheckTopic, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            topic,
            level: Level::Warn,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn fail(topic: CheckTopic, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Fail,
            ..Self::warn(topic, text, remedy)
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The result cannot be printed.
pub fn run(
    topic: Option<CheckTopic>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let findings = findings(topic, sources);
    let failed = findings.iter().any(|found| found.level == Level::Fail);
    if output.is_json() {
        let list: Vec<Value> = findings
            .iter()
            .map(|found| {
                json!({
                    "topic": found.topic.word(),
                    "result": found.level.word(),
                    "text": found.text,
                    "remedy": found.remedy,
                })
            })
            .collect();
        document(output, &json!({"ok": !failed, "checks": list}))?;
    } else {
        let lines: Vec<String> = findings.iter().map(line).collect();
        text(&lines.join("\n"))?;
    }
    Ok(if failed {
        Exit::ProblemsFound
    } else {
        Exit::Ok
    })
}

/// What the command finds, for who asks from elsewhere.
#[must_use]
pub fn rows(sources: &Sources) -> Vec<CheckRow> {
    let found = findings(None, sources).into_iter();
    found
        .map(|found| CheckRow {
            topic: found.topic.word(),
            result: found.level.word(),
            text: found.text,
            remedy: found.remedy,
        })
        .collect()
}

fn findings(topic: Option<CheckTopic>, sources: &Sources) -> Vec<Finding> {
    match sources.load() {
        Ok(loaded) => examine(topic, &loaded),
        Err(err) => err
            .to_string()
            .lines()
            .map(|line| {
                let remedy = "mend it; `morelia config example` shows every key with its values";
                Finding::fail(CheckTopic::Config, line, remedy)
            })
            .collect(),
    }
}

fn line(found: &Finding) -> String {
    let Finding {
        topic,
        level,
        text,
        remedy,
    } = found;
    let start = format!("{:<4}  {:<8}  {text}", level.word(), topic.word());
    match remedy {
        Some(remedy) => format!("{start}: {remedy}"),
        None => start,
    }
}

fn examine(topic: Option<CheckTopic>, loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let topics: Vec<CheckTopic> = match topic {
        Some(topic) => vec![topic],
        None => CheckTopic::WORDS.iter().map(|(_, topic)| *topic).collect(),
    };
    let pages = Pages::new(&config.database.path);
    let mut findings = Vec::new();
    for topic in topics {
        findings.extend(match topic {
            CheckTopic::Config => configuration(loaded),
            CheckTopic::Database => {
                let mut found = database::examine(config, &pages);
                found.extend(names::examine(config, &pages));
                found
            }
            CheckTopic::Tls => certificate::examine(config),
            CheckTopic::Net => {
                let mut found = net::examine(config);
                found.extend(outward::examine(config));
                found
            }
            CheckTopic::Clock => clock::examine(config, &pages),
            CheckTopic::Disk => disk::examine(config),
            CheckTopic::Backup => backup::examine(config, &pages),
        });
    }
    findings
}

fn configuration(loaded: &Loaded) -> Vec<Finding> {
    const TOPIC: CheckTopic = CheckTopic::Config;
    let config = &loaded.config;
    let mut found = vec![match &loaded.file {
        Some(file) => Finding::ok(TOPIC, format!("{} has no mistakes", file.display())),
        None => Finding::warn(
            TOPIC,
            "there is no configuration file, defaults hold",
            "make one with `morelia init`",
        ),
    }];
    if config.auth.registration == Registration::Open {
        found.push(Finding::warn(
            TOPIC,
            "anybody who reaches this server can register",
            "set registration = invite in section [auth]",
        ));
    }
    found.push(memory(config));
    found
}

/// What clients can make the server hold at most.
fn memory(config: &Config) -> Finding {
    let text = format!(
        "{} can make the server hold {}",
        count(config.limits.connections, "connection"),
        app::WorstCase::of(config)
    );
    Finding::ok(CheckTopic::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_level_topic_and_remedy() {
        let found = Finding::fail(CheckTopic::Disk, "no space", "make some");
        assert_eq!(line(&found), "FAIL  disk      no space: make some");
        assert_eq!(
            line(&Finding::ok(CheckTopic::Net, "fine")),
            "ok    net       fine"
        );
    }
}
