//! `hook out …`: outgoing hooks, which post the events of a flow to an address.

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{names, on_database, result, secret};
use crate::app::callouts;
use crate::cli::{NewOut, OutCommand};
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{Outgoing, OutgoingId, Timestamp};
use crate::service::{OutgoingOrder, Refusal, Service, ServiceError};

/// Runs the command.
///
/// # Errors
/// The named object does not exist, or the database cannot be used.
pub(super) fn run(
    command: &OutCommand,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    match command {
        OutCommand::Add(new) => add(new, sources, output),
        OutCommand::List { flow } => {
            let hooks = on_service(sources, async |service| {
                list(service, flow.as_deref()).await
            })?;
            let documents: Vec<Value> = hooks.iter().map(document).collect();
            result(output, &json!({"outgoing": documents}), &table(&hooks))
        }
        OutCommand::Remove { id } => {
            let id = number(id)?;
            on_service(sources, async |service| {
                known(service.remove_outgoing(id, None).await, id)
            })?;
            result(output, &json!({"removed": 1}), "the hook is removed")
        }
        OutCommand::Test { id } => {
            let id = number(id)?;
            let end = on_service(sources, async |service| {
                known(service.test_outgoing(id, None).await, id)
            })?;
            let document =
                json!({"taken": end.is_taken, "status": end.status, "detail": end.detail});
            result(output, &document, &print::safe(&end.detail))?;
            Ok(if end.is_taken { Exit::Ok } else { Exit::Failed })
        }
    }
}

fn on_service<T>(
    sources: &Sources,
    work: impl AsyncFnOnce(&Service) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let config = sources.load()?.config;
    on_database(&config.database.path, &config, async |service| {
        callouts::attach(&config, &service)?;
        work(&service).await
    })
}

fn missing(id: &str) -> CliError {
    CliError::NotFound(format!(
        "there is no outgoing hook {id:?} that is not disabled; `morelia hook out list` lists all"
    ))
}

fn number(id: &str) -> Result<OutgoingId, CliError> {
    id.parse().map(OutgoingId).map_err(|_| missing(id))
}

fn known<T>(done: Result<T, ServiceError>, id: OutgoingId) -> Result<T, CliError> {
    match done {
        Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(missing(&id.0.to_string())),
        other => Ok(other?),
    }
}

fn add(wanted: &NewOut, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let new = on_service(sources, async |service| {
        let bot = match &wanted.bot {
            Some(login) => Some(names::user(service, login).await?.uuid),
            None => None,
        };
        let order = OutgoingOrder {
            flow: names::flow(service, &wanted.flow).await?.uuid,
            url: wanted.url.clone(),
            topics: wanted.topics,
            has_bots: wanted.has_bots,
            trigger: wanted.trigger.clone(),
            bot,
        };
        Ok(service.make_outgoing(order, None).await?)
    })?;
    let shown = new.secret.shown();
    if output.is_json() {
        let document = json!({"id": new.id.0, "secret": shown});
        return result(output, &document, "");
    }
    let text = format!(
        "id      {}\nsecret  {shown}\n\ntry it: morelia hook out test {}",
        new.id.0, new.id.0
    );
    secret(output, &Value::Null, &text, &shown)
}

async fn list(service: &Service, flow: Option<&str>) -> Result<Vec<Outgoing>, CliError> {
    let flow = match flow {
        Some(flow) => Some(names::flow(service, flow).await?.uuid),
        None => None,
    };
    let mut all: Vec<Outgoing> = Vec::new();
    loop {
        let after = all.last().map(|hook| hook.id);
        let page = service.list_outgoing(flow, after, None).await?;
        all.extend(page.rows);
        if page.is_last {
            return Ok(all);
        }
    }
}

fn document(hook: &Outgoing) -> Value {
    json!({
        "id": hook.id.0,
        "flow": hook.flow.to_string(),
        "title": hook.title,
        "url": hook.url,
        "events": hook.topics.words(),
        "bots": hook.has_bots,
        "trigger": hook.trigger,
        "bot": hook.login,
        "failures": hook.failures,
        "next": (hook.next_at.0 > 0).then(|| hook.next_at.seconds()),
        "disabled": hook.disabled_at.map(Timestamp::seconds),
    })
}

fn table(hooks: &[Outgoing]) -> String {
    let state = |hook: &Outgoing| match (hook.disabled_at, hook.failures) {
        (Some(at), _) => format!("disabled {}", print::time(at)),
        (None, 0) => "works".to_owned(),
        (None, failures) => format!("failed {failures}, again {}", print::time(hook.next_at)),
    };
    let rows: Vec<_> = hooks
        .iter()
        .map(|it| {
            vec![
                it.id.0.to_string(),
                print::cell(it.title.as_deref()),
                print::safe(&it.url),
                it.topics.words().join(","),
                print::cell(it.trigger.as_deref()),
                print::safe(&it.login),
                state(it),
            ]
        })
        .collect();
    let head = ["id", "flow", "url", "on", "trigger", "bot", "state (UTC)"];
    print::table(&head, &rows)
}
