//! `client send` and `client history`.

use serde_json::{Value, json};

use super::{
    Failure, Server, about, not_mtp,
    people::{Names, USERS_A_REQUEST, question},
    print::{Output, cell, count, line, safe},
};
use crate::{
    admin::event::sentence,
    client::{Connection, Request, SignIn},
    exit::Exit,
    model::Timestamp,
};

/// The number of messages that one `all_messages` requests.
const PAGE: u64 = 100;

/// A message to send.
pub(super) struct Said<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// The id of the message that it answers.
    pub(super) reply: Option<&'a str>,
}

/// Reacts to a message, and prints all reactions to it.
pub(super) async fn react(
    server: &Server,
    output: &Output,
    login: Option<&str>,
    message: &str,
    reaction: Value,
) -> Result<Exit, Failure> {
    let (mut connection, caller) = server.open_as(login).await?;
    let data = json!({"message": [{"uuid": message}], "meta": reaction});
    let request = Request::signed("react", &caller, data).accepting(&server.accept);
    let reply = connection.request(&request).await?.success()?;
    let meta = &reply.data()["meta"];
    if output.is_json() {
        output.document(&json!({"reactions": meta["reactions"]}))?;
    } else {
        for told in about::lines(meta, &Names::default()) {
            line(&told)?;
        }
    }
    connection.close().await;
    Ok(Exit::Ok)
}

/// Sends a text, and prints the message's id.
pub(super) async fn send(
    server: &Server,
    output: &Output,
    login: Option<&str>,
    flow: &str,
    said: Said<'_>,
) -> Result<Exit, Failure> {
    let (mut connection, caller) = server.open_as(login).await?;
    let flow = find_flow(&mut connection, &caller, flow).await?;
    let message = json!({"client_id": 1, "text": said.text});
    let mut data = json!({"flow": [{"uuid": flow}], "message": [message]});
    if let Some(answered) = said.reply {
        data["meta"] = json!({"about": {"reply": {"uuid": answered}}});
    }
    let request = Request::signed("send_message", &caller, data).accepting(&server.accept);
    let reply = connection.request(&request).await?.success()?;
    let id = reply.data()["message"][0]["uuid"].as_str();
    let id = id.ok_or_else(|| not_mtp(server, &reply))?;
    if output.is_json() {
        let mut sent = json!({"uuid": id, "from_flow": flow, "from_user": caller.uuid});
        if !server.accept.is_empty() {
            sent["number"] = reply.data()["meta"]["numbers"][id].clone();
        }
        output.document(&sent)?;
    } else {
        line(id)?;
    }
    connection.close().await;
    Ok(Exit::Ok)
}

/// Prints all messages of a flow, oldest first.
pub(super) async fn history(
    server: &Server,
    output: &Output,
    login: Option<&str>,
    flow: &str,
) -> Result<Exit, Failure> {
    let (mut connection, caller) = server.open_as(login).await?;
    let flow = find_flow(&mut connection, &caller, flow).await?;
    let mut names = Names::default();
    let mut number: u64 = 0;
    let mut printed = Printed {
        is_json: output.is_json(),
        count: 0,
    };
    if output.is_json() {
        line("[")?;
    }
    loop {
        let range =
            json!({"uuid": flow, "message_start": number, "message_end": number + PAGE - 1});
        let request = Request::signed("all_messages", &caller, json!({"flow": [range]}))
            .accepting(&server.accept);
        let reply = connection.request(&request).await?.success()?;
        let messages = reply.data()["message"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let unknown = names.unknown(reply.data());
        for ids in unknown.chunks(USERS_A_REQUEST) {
            let request = Request::signed("user_info", &caller, question(ids));
            // Names are optional; without them the ids are printed.
            names.learn(connection.request(&request).await?.data());
            names.give_up(ids);
        }
        let meta = &reply.data()["meta"];
        let events = meta["events"].as_array().cloned().unwrap_or_default();
        let mut events = events.iter().peekable();
        let following = |event: &&Value, number| event["after"].as_i64() < Some(number);
        let first = i64::try_from(number).unwrap_or(i64::MAX);
        for (here, message) in (first..).zip(&messages) {
            while let Some(event) = events.next_if(|event| following(event, here)) {
                printed.event(event, &names)?;
            }
            printed.message(message, meta, &names)?;
            number += 1;
        }
        for event in events {
            printed.event(event, &names)?;
        }
        let total = reply.data()["flow"][0]["message_end"].as_u64();
        if messages.is_empty() || total.is_none_or(|total| number >= total) {
            break;
        }
    }
    if output.is_json() {
        line("]")?;
    }
    connection.close().await;
    Ok(Exit::Ok)
}

/// Prints a history: a list of messages, and of events of the flow between them.
struct Printed {
    is_json: bool,
    count: u64,
}

impl Printed {
    fn message(&mut self, message: &Value, meta: &Value, names: &Names) -> Result<(), Failure> {
        if self.is_json {
            self.entry(message)
        } else {
            Ok(line(&describe(message, meta, names))?)
        }
    }

    fn event(&mut self, event: &Value, names: &Names) -> Result<(), Failure> {
        if self.is_json {
            return self.entry(&json!({"event": event}));
        }
        if let Some(more) = event["more"].as_u64() {
            line(&format!("* {} before this", count(more, "older event")))?;
        }
        if let Some(sentence) = sentence(event, |id| names.user(id)) {
            line(&format!("{}  * {sentence}", time(&event["time"])))?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Value) -> Result<(), Failure> {
        let comma = if self.count == 0 { " " } else { "," };
        self.count += 1;
        Ok(line(&format!("{comma}{entry}"))?)
    }
}

/// Returns a second in a form for people.
fn time(second: &Value) -> String {
    Timestamp::from_seconds(second.as_i64().unwrap_or_default()).date_time()
}

/// Returns a message as a line: time, sender, text; `meta` adds more if the server sends it.
pub(super) fn describe(message: &Value, meta: &Value, names: &Names) -> String {
    let time = time(&message["time"]);
    let text = safe(message["text"].as_str().unwrap_or_default());
    let files = [
        "file_picture",
        "file_video",
        "file_audio",
        "file_document",
        "emoji",
    ];
    let has = |file: &&&str| {
        message[**file]
            .as_str()
            .is_some_and(|file| !file.is_empty())
    };
    let inline = files.iter().filter(has).map(|file| match *file {
        "emoji" => "sticker".to_owned(),
        file => file.trim_start_matches("file_").to_owned(),
    });
    let id = message["uuid"].as_str().unwrap_or_default();
    let told = &meta["about"][id];
    let before = about::before(told, names);
    let after = about::after(told);
    let files = told["files"].as_array().into_iter().flatten();
    let told_of = files.filter_map(|file| {
        let kind = safe(file["kind"].as_str()?);
        let name = file["name"].as_str().filter(|name| !name.is_empty());
        Some(name.map_or_else(
            || kind.clone(),
            |name| format!("{kind} {}", cell(Some(name))),
        ))
    });
    let files: Vec<String> = inline.chain(told_of).collect();
    let files = if files.is_empty() {
        String::new()
    } else {
        format!(" [{}]", files.join(", "))
    };
    let edited = if message["edited_status"] == json!(true) {
        " (edited)"
    } else {
        ""
    };
    // A program that writes by a hook has a name of its own.
    let who = match told["bot"]["name"].as_str() {
        Some(name) => cell(Some(name)),
        None => names.user(&message["from_user"]),
    };
    format!("{time}  {who}: {before}{text}{files}{edited}{after}")
}

/// Returns the id of the flow with an id or a title.
async fn find_flow(
    connection: &mut Connection,
    caller: &SignIn,
    named: &str,
) -> Result<String, Failure> {
    if named
        .parse::<u128>()
        .is_ok_and(|id| id > u128::from(u64::MAX))
    {
        return Ok(named.to_owned());
    }
    let request = Request::signed("all_flow", caller, Value::Null);
    let reply = connection.request(&request).await?;
    if reply.code() == 404 {
        return Err(Failure::NoFlow(named.to_owned()));
    }
    let reply = reply.success()?;
    let flows = reply.data()["flow"].as_array().cloned().unwrap_or_default();
    let mut ids = flows
        .iter()
        .filter(|flow| flow["uuid"] == json!(named) || flow["title"] == json!(named))
        .filter_map(|flow| flow["uuid"].as_str());
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (None, _) => Err(Failure::NoFlow(named.to_owned())),
        (Some(_), Some(_)) => Err(Failure::ManyFlows(named.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line_of_when_who_and_what() {
        let mut names = Names::default();
        names.learn(&json!({"user": [{"uuid": "1", "username": "Anna"}]}));
        let message = json!({"time": 0, "from_user": "1", "text": "hi\u{1b}", "file_video": "eA==", "edited_status": true});
        assert_eq!(
            describe(&message, &Value::Null, &names),
            "1970-01-01 00:00:00  Anna: hi\u{fffd} [video] (edited)"
        );
        let message = json!({"uuid": "7", "time": 0, "from_user": "1", "text": "hi"});
        let meta = json!({"about": {"7": {"files": [{"kind": "audio"}]}}});
        assert_eq!(
            describe(&message, &meta, &names),
            "1970-01-01 00:00:00  Anna: hi [audio]"
        );
        let files = json!([{"kind": "picture", "name": "a\nb.jpg"}, {"kind": "picture"}]);
        let meta = json!({"about": {"7": {"bot": {"name": "Camera"}, "files": files}}});
        assert_eq!(
            describe(&message, &meta, &names),
            "1970-01-01 00:00:00  Camera: hi [picture a b.jpg, picture]"
        );
        let message = json!({"time": 0, "from_user": "1", "text": "", "emoji": "eA=="});
        assert_eq!(
            describe(&message, &Value::Null, &names),
            "1970-01-01 00:00:00  Anna:  [sticker]"
        );
    }
}
