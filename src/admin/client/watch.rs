//! `client watch`: prints events as they happen.

use serde_json::{Value, json};

use super::{
    Failure, Server, about,
    people::{Names, USERS_A_REQUEST, question},
    print::{Output, cell, count, line},
    talk::describe,
};
use crate::{
    admin::event::sentence,
    client::{ClientError, Happening, Reply, SignIn, Watch},
    exit::Exit,
};

/// Watches until the session ends or the command is stopped.
pub(super) async fn watch(
    server: &Server,
    output: &Output,
    login: Option<&str>,
) -> Result<Exit, Failure> {
    let caller = SignIn::load(&server.address, login)?;
    let watch = Watch::new(server.address.clone(), server.trust.clone(), caller, None);
    let mut watch = watch.accepting(&server.accept);
    let mut names = Names::default();
    let mut connected = false;
    loop {
        match watch.next().await? {
            Happening::Subscribed {
                resumed,
                reset,
                features,
                ..
            } => {
                if reset {
                    output.note(
                        "the server was restored from a backup: what was said since may be lost",
                    );
                }
                if !connected && server.accept.iter().any(|word| !features.contains(word)) {
                    output.note("this server tells no more than the protocol has");
                }
                let again = if resumed {
                    "connected again to"
                } else {
                    "watching"
                };
                output.note(&format!("{again} {}; Ctrl+C ends it", server.address));
                let flows = ask(&mut watch, &mut names, "all_flow", Value::Null).await?;
                // Later ones are pushed.
                if let Some(flows) = flows.filter(|_| !connected && !output.is_json()) {
                    learn_unknown(&mut watch, &mut names, flows.data()).await?;
                    for told in invitations(flows.data(), &names) {
                        line(&told)?;
                    }
                }
                connected = true;
            }
            // A server that was never reached may simply be a wrong address.
            Happening::Lost { cause, .. } if !connected => return Err(cause.into()),
            Happening::Lost { cause, wait } => {
                output.note(&format!(
                    "{cause}; trying again in {} s",
                    wait.as_secs().max(1)
                ));
            }
            Happening::Pushed(reply) if output.is_json() => {
                line(&reply.text())?;
            }
            Happening::Pushed(reply) => {
                names.learn(reply.data());
                learn_unknown(&mut watch, &mut names, reply.data()).await?;
                for told in lines(&reply, &names) {
                    line(&told)?;
                }
            }
        }
    }
}

/// Requests names. Without them ids are printed, so only an error that ends the watch is returned.
async fn ask(
    watch: &mut Watch,
    names: &mut Names,
    method: &str,
    data: Value,
) -> Result<Option<Reply>, ClientError> {
    match watch.request(method, data).await {
        Ok(reply) => {
            names.learn(reply.data());
            Ok(Some(reply))
        }
        Err(error @ ClientError::NotMtp { .. }) => Err(error),
        // The connection is lost; the next turn of the watch notices and reports it.
        Err(_) => Ok(None),
    }
}

/// Requests the names of users in a frame's `data` that are not known yet.
async fn learn_unknown(
    watch: &mut Watch,
    names: &mut Names,
    data: &Value,
) -> Result<(), ClientError> {
    for ids in names.unknown(data).chunks(USERS_A_REQUEST) {
        ask(watch, names, "user_info", question(ids)).await?;
        names.give_up(ids);
    }
    Ok(())
}

/// Returns the invitations in a frame's `data`, one line each.
fn invitations(data: &Value, names: &Names) -> Vec<String> {
    let invited = data["meta"]["invited"].as_array().into_iter().flatten();
    let line = |invited: &Value| {
        let title = cell(invited["title"].as_str());
        let by = match &invited["by"] {
            Value::Null => "the operator".to_owned(),
            by => names.user(by),
        };
        format!("* {by} invites you to «{title}»")
    };
    invited.map(line).collect()
}

/// Returns the events of flows, one line each.
fn events(data: &Value, names: &Names) -> Vec<String> {
    let events = data["meta"]["events"].as_array().into_iter().flatten();
    let line = |event: &Value| {
        let told = sentence(event, |id| names.user(id))?;
        Some(format!("* {}: {told}", names.flow(&event["flow"])))
    };
    events.filter_map(line).collect()
}

/// Returns the content of a push, one line each.
fn lines(push: &Reply, names: &Names) -> Vec<String> {
    let (data, meta) = (push.data(), push.meta());
    let list = |name: &str| data[name].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    let happened = events(data, names);
    // If the events of a flow are listed, its members need not be counted.
    for flow in list("flow").iter().filter(|_| happened.is_empty()) {
        let listed = flow["users"].as_array().map_or(0, Vec::len);
        let counted = flow["uuid"].as_str().map(|id| &data["meta"]["flows"][id]);
        let counted = counted.and_then(|about| about["members"].as_u64());
        lines.push(format!(
            "* {} has {}",
            names.flow(&flow["uuid"]),
            count(
                counted.unwrap_or(u64::try_from(listed).unwrap_or(u64::MAX)),
                "member"
            )
        ));
    }
    lines.extend(happened);
    lines.extend(invitations(data, names));
    for left in data["meta"]["left"].as_array().into_iter().flatten() {
        lines.push(format!("* {} is left", names.flow(left)));
    }
    for user in list("user") {
        lines.push(format!("* {} has a new profile", names.user(&user["uuid"])));
    }
    lines.extend(about::lines(&data["meta"], names));
    for message in list("message") {
        lines.push(format!(
            "{} | {}",
            names.flow(&message["from_flow"]),
            describe(&message, &data["meta"], names)
        ));
    }
    if let Some(read) = data["meta"]["read"].as_object() {
        for (flow, number) in read {
            lines.push(format!(
                "* {} is read up to {number}",
                names.flow(&json!(flow))
            ));
        }
    }
    let many = meta["presences"].as_array().into_iter().flatten();
    for presence in many.chain([&meta["presence"]]) {
        if let Some(online) = presence["online"].as_bool() {
            let state = if online { "online" } else { "offline" };
            lines.push(format!("* {} is {state}", names.user(&presence["user"])));
        }
    }
    if !meta["typing"]["user"].is_null() {
        let (who, flow) = (
            names.user(&meta["typing"]["user"]),
            names.flow(&meta["typing"]["flow"]),
        );
        lines.push(format!("* {who} is typing in {flow}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_push_is_a_line() {
        let mut names = Names::default();
        names.learn(&json!({
            "user": [{"uuid": "1", "username": "Anna"}],
            "flow": [{"uuid": "9", "type": "group", "title": "Family"}],
        }));
        for (data, meta, line) in [
            (
                json!({"message": [{"from_flow": "9", "from_user": "1", "time": 0, "text": "hi"}]}),
                json!({}),
                "Family | 1970-01-01 00:00:00  Anna: hi",
            ),
            (
                json!({"flow": [{"uuid": "9", "users": ["1"]}]}),
                json!({}),
                "* Family has 1 member",
            ),
            (
                json!({"flow": [{"uuid": "9", "users": ["1"]}], "meta": {"flows": {"9": {"members": 70}}}}),
                json!({}),
                "* Family has 70 members",
            ),
            (
                json!({"flow": [{"uuid": "9", "users": ["1"]}],
                       "meta": {"events": [{"flow": "9", "by": "1", "user": "2", "kind": "added"}]}}),
                json!({}),
                "* Family: Anna added user 2",
            ),
            (
                json!({"meta": {"invited": [{"flow": "8", "title": "Club", "by": "1"}]}}),
                json!({}),
                "* Anna invites you to «Club»",
            ),
            (
                json!({"meta": {"left": ["9"]}}),
                json!({}),
                "* Family is left",
            ),
            (
                json!({"meta": {"read": {"9": 4}}}),
                json!({}),
                "* Family is read up to 4",
            ),
            (
                json!({"user": [{"uuid": "1"}]}),
                json!({}),
                "* Anna has a new profile",
            ),
            (
                Value::Null,
                json!({"presence": {"user": "1", "online": false}}),
                "* Anna is offline",
            ),
            (
                Value::Null,
                json!({"presences": [{"user": "1", "online": true}]}),
                "* Anna is online",
            ),
            (
                Value::Null,
                json!({"typing": {"user": "1", "flow": "9"}}),
                "* Anna is typing in Family",
            ),
        ] {
            let frame =
                json!({"type": "get_update", "data": data, "errors": {"code": 200}, "meta": meta});
            let push = Reply::read(frame).expect("a reply");
            assert_eq!(lines(&push, &names), [line]);
        }
    }
}
