//! `hook …`: incoming hooks, addresses at which programs post.

use std::io::Read as _;
use std::path::Path;

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
use crate::service::{HookChange, HookOrder, HookPicture, Refusal, Service, ServiceError};

/// Runs the command.
///
/// # Errors
/// The named object does not exist, or the database cannot be used.
pub fn run(command: &HookCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        HookCommand::Add {
            flow,
            name,
            bot,
            picture,
        } => {
            let picture = picture.as_deref().map(content).transpose()?;
            let wanted = (name.clone(), bot.as_deref(), picture);
            add(flow, wanted, sources, output)
        }
        HookCommand::Edit { id, name, picture } => {
            let number = number(id)?;
            let picture = match picture {
                Some(Some(path)) => Some(Some(content(path)?)),
                Some(None) => Some(None),
                None => None,
            };
            let name = name.clone();
            let change = HookChange { name, picture };
            with_service(sources, async |service, _| {
                known(service.edit_hook(number, change.clone(), None).await, id)
            })?;
            result(output, &json!({"changed": 1}), "the hook is changed")
        }
        HookCommand::List { flow } => {
            let hooks = with_service(sources, async |service, _| {
                list(service, flow.as_deref()).await
            })?;
            let documents: Vec<Value> = hooks.iter().map(document).collect();
            result(output, &json!({"hooks": documents}), &table(&hooks))
        }
        HookCommand::Revoke { id } => {
            let number = number(id)?;
            with_service(sources, async |service, _| {
                known(service.revoke_hook(number, None).await, id)
            })?;
            result(output, &json!({"revoked": 1}), "the hook is revoked")
        }
        HookCommand::Out(command) => hook_out::run(command, sources, output),
    }
}

fn missing(id: &str) -> CliError {
    CliError::NotFound(format!(
        "there is no hook {id:?}; `morelia hook list` lists all"
    ))
}

fn number(id: &str) -> Result<HookId, CliError> {
    id.parse().map(HookId).map_err(|_| missing(id))
}

fn known<T>(done: Result<T, ServiceError>, id: &str) -> Result<T, CliError> {
    match done {
        Err(ServiceError::Refused(Refusal::NotFound(_))) => Err(missing(id)),
        other => Ok(other?),
    }
}

/// Returns the content of a picture file. A file that is too large for a picture is not read whole.
fn content(path: &Path) -> Result<HookPicture, CliError> {
    const MOST: u64 = 1 << 20;
    let failed = |source| CliError::File {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(HookPicture::Content(bytes))
}

fn add(
    flow: &str,
    (name, bot, picture): (String, Option<&str>, Option<HookPicture>),
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    let (new, config) = with_service(sources, async |service, config| {
        let flow = names::flow(service, flow).await?.uuid;
        let bot = match bot {
            Some(login) => Some(names::user(service, login).await?.uuid),
            None => None,
        };
        let order = HookOrder {
            flow,
            name: name.clone(),
            bot,
            picture: picture.clone(),
        };
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
        "picture": hook.picture.is_some(),
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
