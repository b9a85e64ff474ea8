//! `message …`: messages, as the operator may read and write them.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{about, confirm, names, result, with_service};
use crate::cli::{MessageCommand, MessageSearch};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{PublicId, Timestamp};
use crate::service::{Line, Refusal, Search, ServiceError};

/// The longest text read from standard input; the configured limit also applies.
const MAX_INPUT_BYTES: u64 = 16 * 1024 * 1024;

/// Runs the command.
///
/// # Errors
/// The named object does not exist, or the database cannot be used.
pub fn run(command: &MessageCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        MessageCommand::List {
            flow,
            limit,
            before,
        } => {
            let before = before.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
            let lines = with_service(sources, async |service, _| {
                let flow = names::flow(service, flow).await?;
                let limit = i64::from(*limit);
                Ok(service.last_messages(flow.id, before, limit).await?)
            })?;
            list(&lines, output)
        }
        MessageCommand::Send { flow, text, sender } => {
            send(flow, text.as_deref(), sender.as_deref(), sources, output)
        }
        MessageCommand::Delete { id, confirmation } => {
            let missing = || {
                CliError::NotFound(format!(
                    "there is no message {id:?}; `morelia message list` shows ids"
                ))
            };
            let uuid = PublicId::parse(id).ok_or_else(missing)?;
            confirm::ask(*confirmation, &format!("Delete the message {id}?"))?;
            with_service(sources, async |service, _| {
                match service.remove_message(uuid).await {
                    Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(missing()),
                    other => Ok(other?),
                }
            })?;
            result(output, &json!({"deleted": id}), "the message is deleted")
        }
        MessageCommand::Search(wanted) => search(wanted, sources, output),
    }
}

fn search(wanted: &MessageSearch, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let ago = |age: Option<Duration>| age.map(|age| Timestamp::now().before(age));
    let lines = with_service(sources, async |service, _| {
        let flow = match &wanted.flow {
            Some(flow) => Some(names::flow(service, flow).await?.id),
            None => None,
        };
        let from = match &wanted.from {
            Some(login) => Some(names::user(service, login).await?.uuid),
            None => None,
        };
        let search = Search {
            text: wanted.query.clone(),
            from,
            kinds: wanted.kinds,
            since: ago(wanted.newer),
            until: ago(wanted.older),
            ..Search::default()
        };
        Ok(service.search_messages(search, flow, limit).await?)
    })?;
    list(&lines, output)
}

fn send(
    flow: &str,
    text: Option<&str>,
    sender: Option<&str>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let text = match text {
        Some(text) => text.to_owned(),
        None => standard_input()?,
    };
    let message = with_service(sources, async |service, _| {
        let flow = names::flow(service, flow).await?;
        let sender = match sender {
            Some(login) => Some(names::user(service, login).await?.id),
            None => None,
        };
        Ok(service.send_as(sender, flow.uuid, text).await?)
    })?;
    let document = json!({
        "uuid": message.uuid.to_string(),
        "flow": message.flow.to_string(),
        "number": message.number,
        "from_user": message.author.to_string(),
        "time": message.sent_at.seconds(),
    });
    let said = format!("sent as number {}, id {}", message.number, message.uuid);
    result(output, &json!({"message": document}), &said)
}

/// Reads a text to its end, without the line end that `echo` adds.
fn standard_input() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut text)
        .map_err(|source| CliError::File {
            path: "standard input".into(),
            source,
        })?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn list(lines: &[Line], output: &Output) -> Result<Exit, CliError> {
    let documents: Vec<Value> = lines.iter().map(document).collect();
    let text: Vec<String> = lines.iter().map(line).collect();
    result(output, &json!({"messages": documents}), &text.join("\n"))
}

fn document(line: &Line) -> Value {
    let message = &line.message;
    json!({
        "uuid": message.uuid.to_string(),
        "flow": message.flow.to_string(),
        "number": message.number,
        "from_user": message.author.to_string(),
        "login": line.author,
        "time": message.sent_at.seconds(),
        "text": message.text,
        "files": message.shown.iter().map(about::file).collect::<Vec<_>>(),
        "about": message.about.as_deref().map(about::document),
        "edited_time": message.edited_at.map(Timestamp::seconds),
        "deleted": message.is_deleted,
    })
}

/// Whose words people see a message as: a program that writes by a hook has a name of its own.
fn author(line: &Line) -> String {
    let login = print::cell(Some(&line.author));
    let about = line.message.about.as_deref();
    match about.and_then(|about| about.bot.as_ref()?.name.as_deref()) {
        Some(name) => format!("{} ({login})", print::cell(Some(name))),
        None => login,
    }
}

fn line(line: &Line) -> String {
    let message = &line.message;
    let plain = message.plain_text().unwrap_or_default();
    let about = message.about.as_deref();
    let is_program = about.is_some_and(|about| about.bot.is_some());
    let is_plain = about.is_none_or(|about| about.poll.is_none() && about.forward.is_none());
    // The name that plain text begins with is that of the author here.
    let text = match message.text.as_deref() {
        text if is_program && is_plain => text.unwrap_or_default(),
        _ => &plain,
    };
    let mut text = print::safe(text);
    for file in &message.shown {
        let name = file.look.name.as_deref();
        let name = name.map_or_else(String::new, |name| format!(" {}", print::cell(Some(name))));
        text = format!("{text} [{}{name}]", file.kind.as_str());
    }
    let mark = match (message.is_deleted, message.edited_at) {
        (true, _) => " (deleted)",
        (false, Some(_)) => " (edited)",
        (false, None) => "",
    };
    format!(
        "{}  {}  #{}  {}{mark}: {}",
        message.uuid,
        print::time(message.sent_at),
        message.number,
        author(line),
        text.trim_start(),
    )
}
