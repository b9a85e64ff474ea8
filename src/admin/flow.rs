//! `flow …`: chats, groups and channels.

use serde_json::{Value, json};

use super::error::CliError;
use super::print::{self, Output};
use super::{confirm, event, names, result, with_service};
use crate::cli::FlowCommand;
use crate::config::Sources;
use crate::exit::Exit;
use crate::model::{Flow, Level, Timestamp};
use crate::service::{
    Brought, FlowStanding, MemberStanding, NewFlow, Refusal, Service, ServiceError, Thing,
};

/// Runs the command.
///
/// # Errors
/// The named object does not exist, or the database cannot be used.
pub fn run(command: &FlowCommand, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    match command {
        FlowCommand::List { login } => {
            let list = with_service(sources, async |service, _| {
                let user = match login {
                    Some(login) => Some(names::user(service, login).await?.id),
                    None => None,
                };
                Ok(service.all_flows(user).await?)
            })?;
            let documents: Vec<Value> = list
                .iter()
                .map(|(flow, count)| document(flow, *count))
                .collect();
            result(output, &json!({"flows": documents}), &table(&list))
        }
        FlowCommand::Remove { flow, confirmation } => {
            let (flow, removed) = with_service(sources, async |service, _| {
                let flow = names::flow(service, flow).await?;
                let question = format!("Remove {} and all its messages?", name(&flow));
                confirm::ask(*confirmation, &question)?;
                let removed = service.remove_flow(flow.id).await?;
                Ok((flow, removed))
            })?;
            let text = format!(
                "removed {} with {}",
                name(&flow),
                print::count(removed, "message")
            );
            let document = json!({"removed": {"uuid": flow.uuid.to_string(), "messages": removed}});
            result(output, &document, &text)
        }
        FlowCommand::Show {
            flow,
            events: Some(limit),
        } => events(flow, *limit, sources, output),
        _ => {
            let (said, standing) = with_service(sources, async |service, _| {
                let (said, flow) = change(service, command).await?;
                Ok((said, service.flow_standing(flow.id).await?))
            })?;
            let mut whole = document(&standing.flow, standing.count);
            whole["members"] = standing.members.iter().map(member).collect();
            let text = format!("{said}{}", sheet(&standing));
            result(output, &json!({"flow": whole}), &text)
        }
    }
}

/// Prints the latest events of a flow.
fn events(flow: &str, limit: u32, sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let (events, logins) = with_service(sources, async |service, _| {
        let flow = names::flow(service, flow).await?;
        let events = service.newest_events(flow.id, i64::from(limit)).await?;
        let logins = service.logins(event::people(&events)).await?;
        Ok((events, logins))
    })?;
    let documents: Vec<Value> = events
        .iter()
        .map(|event| event::document(event, &logins))
        .collect();
    let name = |id: &Value| {
        let id = id.as_str().unwrap_or_default();
        let login = crate::model::PublicId::parse(id).and_then(|id| logins.get(&id));
        login.map_or_else(|| format!("user {id}"), |login| print::cell(Some(login)))
    };
    let mut lines = String::new();
    for (event, document) in events.iter().zip(&documents) {
        if let Some(sentence) = event::sentence(document, name) {
            lines.extend([print::time(event.at), format!("  {sentence}\n")]);
        }
    }
    if lines.is_empty() {
        lines.push_str("nothing happened yet");
    }
    result(output, &json!({"events": documents}), &lines)
}

/// Performs a command; returns what was done, in words, and the flow.
async fn change(service: &Service, command: &FlowCommand) -> Result<(String, Flow), CliError> {
    match command {
        FlowCommand::Create {
            kind,
            owner,
            title,
            info,
            members,
        } => {
            let owner = names::user(service, owner).await?.id;
            let mut others = Vec::new();
            for login in members {
                others.push(names::user(service, login).await?.id);
            }
            let new = NewFlow {
                kind: *kind,
                title: title.clone(),
                info: info.clone(),
                owner,
                members: others,
            };
            match service.make_flow(new).await {
                Err(ServiceError::Refused(Refusal::ChatExists)) => Err(CliError::AlreadyExists(
                    "these two already have a chat; `morelia flow list --user` shows it".to_owned(),
                )),
                other => Ok(("created\n".to_owned(), other?)),
            }
        }
        FlowCommand::AddMember { flow, login } => {
            let (flow, user) = (
                names::flow(service, flow).await?,
                names::user(service, login).await?,
            );
            match service.add_member(flow.id, user.id).await? {
                Some(Brought::In) => Ok(("added\n".to_owned(), flow)),
                Some(Brought::Invited) => {
                    let said = "invited: this user wants to be asked before being added\n";
                    Ok((said.to_owned(), flow))
                }
                None => Err(CliError::AlreadyExists(format!(
                    "{login:?} is a member of {} already, or invited",
                    name(&flow)
                ))),
            }
        }
        FlowCommand::RemoveMember { flow, login } => {
            let (flow, user) = (
                names::flow(service, flow).await?,
                names::user(service, login).await?,
            );
            if !service.remove_member(flow.id, user.id).await? {
                return Err(CliError::NotFound(format!(
                    "{login:?} is not a member of {}",
                    name(&flow)
                )));
            }
            Ok(("removed\n".to_owned(), flow))
        }
        FlowCommand::Transfer { flow, login } => {
            let (flow, user) = (
                names::flow(service, flow).await?,
                names::user(service, login).await?,
            );
            Ok((
                "transferred\n".to_owned(),
                service.hand_over(flow.id, user.id).await?,
            ))
        }
        FlowCommand::SetLevel { flow, login, level } => {
            let (flow, user) = (
                names::flow(service, flow).await?,
                names::user(service, login).await?,
            );
            match service.set_level(flow.id, user.id, *level).await {
                Err(ServiceError::Refused(Refusal::NotFound(Thing::User))) => Err(
                    CliError::NotFound(format!("{login:?} is not a member of {}", name(&flow))),
                ),
                other => Ok(("level set\n".to_owned(), other?)),
            }
        }
        FlowCommand::Show { flow, .. } | FlowCommand::Remove { flow, .. } => {
            Ok((String::new(), names::flow(service, flow).await?))
        }
        FlowCommand::List { .. } => Err(CliError::Usage("a list names no flow".to_owned())),
    }
}

/// Returns the name of a flow for people.
pub(super) fn name(flow: &Flow) -> String {
    let title = flow.title.as_deref().filter(|title| !title.is_empty());
    title.map_or_else(
        || format!("the {} {}", flow.kind.as_str(), flow.uuid),
        |title| format!("{:?}", print::safe(title)),
    )
}

/// Returns a flow for programs.
pub(super) fn document(flow: &Flow, count: i64) -> Value {
    json!({
        "uuid": flow.uuid.to_string(),
        "type": flow.kind.as_str(),
        "title": flow.title,
        "info": flow.info,
        "owner": flow.owner_uuid.map(|uuid| uuid.to_string()),
        "users": flow.members.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "messages": count,
        "levels": levels(flow),
        "picture": flow.picture.as_ref().map(|picture| json!({
            "id": format!("{:032x}", picture.id.0),
            "size": picture.size,
        })),
        "expire": flow.expire,
        "protect": flow.is_protected,
        "pin": if flow.pins_are_restricted { "owner" } else { "members" },
        "saved": flow.is_saved,
        "created": Timestamp::seconds(flow.created_at),
    })
}

/// Returns the members above the level of a member, as in the protocol.
fn levels(flow: &Flow) -> Value {
    let levels = flow.levels.iter();
    levels
        .map(|(user, level)| (user.to_string(), json!(level.0)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns a member for programs.
pub(super) fn member(member: &MemberStanding) -> Value {
    json!({
        "uuid": member.user.uuid.to_string(),
        "login": member.user.login,
        "level": member.level.0,
    })
}

/// Returns how a flow differs from a new one.
fn settings(flow: &Flow) -> String {
    let expire = (flow.expire > 0).then(|| format!("expire {}", print::span(flow.expire)));
    let switches = [
        (flow.is_protected, "protect"),
        (flow.pins_are_restricted, "restricted pins"),
        (flow.picture.is_some(), "picture"),
        (flow.is_saved, "saved messages"),
    ];
    let set = switches
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, word)| word.to_owned());
    expire.into_iter().chain(set).collect::<Vec<_>>().join(", ")
}

fn table(list: &[(Flow, i64)]) -> String {
    let rows: Vec<_> = list
        .iter()
        .map(|(flow, count)| {
            vec![
                flow.uuid.to_string(),
                flow.kind.as_str().to_owned(),
                print::cell(flow.title.as_deref()),
                flow.members.len().to_string(),
                flow.levels
                    .iter()
                    .filter(|(_, level)| *level < Level::OWNER)
                    .count()
                    .to_string(),
                count.to_string(),
                settings(flow),
            ]
        })
        .collect();
    let head = [
        "flow",
        "type",
        "title",
        "members",
        "moderators",
        "messages",
        "",
    ];
    print::table(&head, &rows)
}

fn sheet(standing: &FlowStanding) -> String {
    let flow = &standing.flow;
    let line = |name: &str, value: String| format!("{name:<10}{value}\n");
    let logins: Vec<String> = standing
        .members
        .iter()
        .map(|member| {
            let rank = match member.level {
                Level::MEMBER => "",
                Level::OWNER => " (owner)",
                _ => " (moderator)",
            };
            format!("{}{rank}", print::cell(Some(&member.user.login)))
        })
        .collect();
    [
        line("flow", flow.uuid.to_string()),
        line("type", flow.kind.as_str().to_owned()),
        line("title", print::cell(flow.title.as_deref())),
        line("info", print::cell(flow.info.as_deref())),
        line("members", logins.join(", ")),
        line("messages", standing.count.to_string()),
        line("settings", print::cell(Some(&settings(flow)))),
        line("since", format!("{} UTC", print::time(flow.created_at))),
    ]
    .concat()
}
