//! `check`: checks everything that an operator can get wrong, with one line each, and says what to
//! do about it.

mod backup;
mod certificate;
mod clock;
mod database;
mod disk;
mod installed;
mod limits;
mod matrix;
mod names;
mod net;
mod outward;
mod place;
mod repair;
mod running;
mod served;

use serde_json::{Value, json};

use super::confirm::ask;
use super::error::CliError;
use super::print::{Output, count};
use super::{document, text};
use crate::app;
use crate::cli::{CheckTopic, Confirmation};
use crate::config::{Config, Loaded, Origin, Registration, Sources, Word};
use crate::exit::Exit;
use crate::service::CheckRow;
use database::Pages;
use repair::Repair;

/// The severity of a finding.
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
    /// What `--fix` would do about it.
    repair: Option<Repair>,
}

impl Finding {
    /// Adds what `--fix` would do.
    fn with(self, repair: Repair) -> Self {
        Self {
            repair: Some(repair),
            ..self
        }
    }

    fn ok(topic: CheckTopic, text: impl Into<String>) -> Self {
        Self {
            topic,
            level: Level::Ok,
            text: text.into(),
            remedy: None,
            repair: None,
        }
    }

    fn warn(topic: CheckTopic, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            topic,
            level: Level::Warn,
            text: text.into(),
            remedy: Some(remedy.into()),
            repair: None,
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
    fix: Option<Confirmation>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let mut findings = findings(topic, sources);
    if let Some(confirmation) = fix
        && mend(&findings, confirmation, output)?
    {
        findings = self::findings(topic, sources);
    }
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

/// Offers the repairs one by one and makes those that the operator confirms. Returns whether there was one.
fn mend(
    findings: &[Finding],
    confirmation: Confirmation,
    output: &Output,
) -> Result<bool, CliError> {
    let mut made: Vec<&Repair> = Vec::new();
    for found in findings {
        let Some(repair) = found.repair.as_ref().filter(|it| !made.contains(it)) else {
            continue;
        };
        let question = format!("{}: {}", found.text, repair.question());
        match ask(confirmation, &question) {
            Ok(()) => {}
            // Without a terminal nothing can be confirmed.
            Err(err @ CliError::Usage(_)) => return Err(err),
            Err(_) => continue,
        }
        repair.make().map_err(|source| CliError::File {
            path: repair.question().into(),
            source,
        })?;
        output.note(&format!("morelia: done: {}", found.text));
        made.push(repair);
    }
    Ok(!made.is_empty())
}

/// Returns the findings of the command, for administrators who use a client.
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
                let remedy = "correct it; `morelia config example` shows every key with its values";
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
        repair: _,
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
    // What lies there is not the server's then, and is not opened beside the server's log.
    let mut replaced = served::database(config);
    let pages = Pages::new(&config.database.path, replaced.is_none());
    let mut findings = Vec::new();
    for topic in topics {
        findings.extend(match topic {
            CheckTopic::Config => {
                let mut found = configuration(loaded, &pages);
                found.extend(limits::examine(config));
                found.extend(installed::examine(loaded));
                found
            }
            CheckTopic::Database if replaced.is_some() => replaced.take().into_iter().collect(),
            CheckTopic::Database => {
                let mut found = database::examine(config, &pages);
                found.extend(names::examine(config, &pages));
                found.extend(people(config, &pages));
                found
            }
            CheckTopic::Tls => certificate::examine(config),
            CheckTopic::Net => {
                let mut found = net::examine(config);
                found.extend(running::examine(loaded));
                found.extend(outward::examine(config, &pages));
                found.extend(matrix::examine(config));
                found
            }
            CheckTopic::Clock => clock::examine(config, &pages),
            CheckTopic::Disk => {
                let mut found = disk::examine(config);
                found.extend(place::examine(config));
                found
            }
            CheckTopic::Backup => backup::examine(config, &pages),
        });
    }
    findings
}

fn configuration(loaded: &Loaded, pages: &Pages<'_>) -> Vec<Finding> {
    const TOPIC: CheckTopic = CheckTopic::Config;
    let config = &loaded.config;
    let mut found = vec![match &loaded.file {
        Some(file) => Finding::ok(TOPIC, format!("{} is valid", file.display())),
        None => Finding::warn(
            TOPIC,
            "there is no configuration file: the defaults apply",
            "create one with `morelia init`",
        ),
    }];
    let registration = registration(config, pages);
    if registration == Registration::Open {
        let remedy = if registration == config.auth.registration {
            "set registration = invite in section [auth]"
        } else {
            "it was set by command: `morelia registration invite`"
        };
        found.push(Finding::warn(
            TOPIC,
            "anybody who reaches this server can register",
            remedy,
        ));
    }
    // An operator who sets it with a flag is experimenting.
    if !matches!(loaded.origin("server", "host"), Origin::Flag(_)) {
        found.extend(limits::reach(config));
    }
    found.push(memory(config));
    found
}

/// Who may register now: what was said since the file was written counts.
fn registration(config: &Config, pages: &Pages<'_>) -> Registration {
    let said = pages.can_be_read().then(|| {
        super::on_database(&config.database.path, config, async |service| {
            Ok(service.registration().await?)
        })
    });
    said.and_then(Result::ok)
        .unwrap_or(config.auth.registration)
}

/// Checks whether users can sign in.
fn people(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    if !pages.can_be_read() {
        return Vec::new();
    }
    let counted = super::on_database(&config.database.path, config, async |service| {
        let users = service.users().await?;
        let admins = users.iter().filter(|user| user.is_admin).count();
        Ok((users.len(), admins, service.registration().await?))
    });
    counted.map_or_else(
        |_| Vec::new(),
        |(users, admins, registration)| limits::people(registration, users, admins),
    )
}

/// Returns the most memory that clients can make the server use.
fn memory(config: &Config) -> Finding {
    let text = format!(
        "{} can make the server use at most {}",
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
