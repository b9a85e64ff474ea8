//! `hook …`: addresses at which programs post.

use serde_json::{Value, json};

use super::error::CliError;
use super::invite::qr;
use super::print::{self, Output};
use super::{hook_out, names, result, secret, with_service};
use crate::app::links;
use crate::cli::HookCommand;
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{Hook, HookId, Timestamp};
use crate::service::{HookOrder, Refusal, Service, ServiceError};

/// Runs the command.
///
/// # Errors
/// What was named is not there, or the database cannot be used.
pub fn run(command: &HookCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        HookCommand::Add { flow, name, bot } => {
            add(flow, name.clone(), bot.as_deref(), sources, output)
        }
        HookCommand::List { flow } => {
            let hooks = with_service(sources, async |service, _| {
                list(service, flow.as_deref()).await
            })?;
            let documents: Vec<Value> = hooks.iter().map(document).collect();
            result(output, &json!({"hooks": documents}), &table(&hooks))
        }
        HookCommand::Revoke { id } => {
            let missing = || {
                CliError::NotFound(format!(
                    "there is no hook {id:?}; `morelia hook list` lists all"
                ))
            };
            let number = id.parse().map_err(|_| missing())?;
            with_service(sources, async |service, _| {
                match service.revoke_hook(HookId(number), None).await {
                    Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(missing()),
                    other => Ok(other?),
                }
            })?;
            result(output, &json!({"revoked": 1}), "the hook is revoked")
        }
        HookCommand::Out(command) => hook_out::run(command, sources, output),
    }
}

fn add(
    flow: &str,
    name: String,
    bot: Option<&str>,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let (new, config) = with_service(sources, async |service, config| {
        let flow = names::flow(service, flow).await?.uuid;
        let bot = match bot {
            Some(login) => Some(names::user(service, login).await?.uuid),
            None => None,
        };
        let order = HookOrder { flow, name, bot };
        Ok((service.make_hook(order, None).await?, config.clone()))
    })?;
    let url = format!("{}/hook/{}", links::base(&config), new.secret.as_str());
    let curl = format!("curl -d \"It works\" {url}");
    if output.is_json() {
        let document = json!({
            "id": new.id.0,
            "name": new.name,
            "secret": new.secret.as_str(),
            "url": url,
            "curl": curl,
        });
        return result(output, &document, "");
    }
    let text = format!("url   {url}\ncurl  {curl}\n\n{}", qr(&url)?);
    secret(output, &Value::Null, &text, &url)
}

async fn list(service: &Service, flow: Option<&str>) -> Result<Vec<Hook>, CliError> {
    let flow = match flow {
        Some(flow) => Some(names::flow(service, flow).await?.uuid),
        None => None,
    };
    let mut all: Vec<Hook> = Vec::new();
    loop {
        let after = all.last().map(|hook| hook.id);
        let page = service.list_hooks(flow, after, None).await?;
        all.extend(page.rows);
        if page.is_last {
            return Ok(all);
        }
    }
}

fn document(hook: &Hook) -> Value {
    json!({
        "id": hook.id.0,
        "name": hook.name,
        "hint": hook.hint,
        "flow": hook.flow.to_string(),
        "title": hook.title,
        "bot": hook.login,
        "created": hook.created_at.seconds(),
        "used": hook.used_at.map(Timestamp::seconds),
        "uses": hook.uses,
    })
}

fn table(hooks: &[Hook]) -> String {
    let rows: Vec<_> = hooks
        .iter()
        .map(|it| {
            vec![
                it.id.0.to_string(),
                print::safe(&it.name),
                format!("{}…", it.hint),
                print::cell(it.title.as_deref()),
                print::safe(&it.login),
                it.used_at.map_or_else(|| "never".to_owned(), print::time),
                it.uses.to_string(),
            ]
        })
        .collect();
    let head = ["id", "name", "secret", "flow", "bot", "used (UTC)", "uses"];
    print::table(&head, &rows)
}
