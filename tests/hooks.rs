//! Incoming hooks: one address, the forms that programs speak, and who may post.

use serde_json::{Value, json};

use crate::{
    administration::ask,
    common::{
        Person, Server, eventually,
        http::{self, Answer},
    },
    roles::change,
    users::document,
};

/// Makes a hook and returns its secret.
#[track_caller]
pub(crate) fn hook(person: &mut Person, flow: &str, name: &str) -> String {
    let made = ask(person, "make_hook", &json!({"flow": flow, "name": name})).is(200);
    let secret = made.data()["meta"]["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("tk_") && secret.len() == 32, "{secret}");
    let url = made.data()["meta"]["url"].as_str().expect("an address");
    assert!(url.ends_with(&format!("/hook/{secret}")), "{url}");
    secret.to_owned()
}

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// Posts and returns the answer.
#[track_caller]
pub(crate) fn post(server: &Server, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
    http::send(server, "POST", path, headers, body.as_ref())
}

/// The answer's JSON.
#[track_caller]
fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The flow's messages as rich clients see them, each with what is beside it.
fn messages(person: &mut Person, flow: &str) -> Vec<(Value, Value)> {
    let page = json!({"flow": [{"uuid": flow, "message_start": 0, "message_end": 99}]});
    let reply = person.ask_with_meta("all_messages", &page, &json!({"accept": ["rich"]}));
    let about = reply.data()["meta"]["about"].clone();
    let with = |message: &Value| {
        let beside = about[message["uuid"].as_str().expect("an id")].clone();
        (message.clone(), beside)
    };
    reply.messages().iter().map(with).collect()
}

pub(crate) fn last(person: &mut Person, flow: &str) -> (String, Value) {
    let (message, about) = messages(person, flow).pop().expect("a message");
    (
        message["text"].as_str().unwrap_or_default().to_owned(),
        about,
    )
}

#[test]
fn forms_are_read_and_answered_as_their_programs_expect() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Washing machine");
    let path = format!("/hook/{secret}");

    // As curl -d sends it.
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = post(&server, &path, form, "the washing machine is done").is(200);
    assert_eq!(json(&answer)["event"], "message");
    assert_eq!(json(&answer)["message"], "the washing machine is done");
    assert_eq!(json(&answer)["topic"], "Washing machine");
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(text, "the washing machine is done");
    assert_eq!(about["bot"]["name"], "Washing machine");
    // Plain clients read the name before the text.
    assert_eq!(
        anna.texts(&flow),
        ["[Washing machine] the washing machine is done"]
    );

    let headers =
        "Title: =?utf-8?B?0JTQstC10YDRjA==?=\r\nTags: warning,cellar\r\nPriority: high\r\n";
    let answer = post(&server, &path, headers, "open").is(200);
    assert_eq!(json(&answer)["title"], "Дверь");
    assert_eq!(json(&answer)["priority"], 4);
    assert_eq!(json(&answer)["tags"], json!(["warning", "cellar"]));
    assert_eq!(last(&mut anna, &flow).0, "⚠️ **Дверь**\nopen\n#cellar");

    let slack = r#"{"text": "*hot* <http://a.b|oven>", "username": "Kitchen"}"#;
    let answer = post(&server, &path, JSON, slack).is(200);
    assert_eq!(
        (answer.header("content-type"), &*answer.body),
        (Some("text/html"), &b"ok"[..])
    );
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(
        (text.as_str(), &about["bot"]["name"]),
        ("**hot** oven (http://a.b)", &json!("Kitchen"))
    );
    let payload = "payload=%7B%22text%22%3A%22again%22%7D";
    assert_eq!(
        post(&server, &format!("/hooks/{secret}"), form, payload)
            .is(200)
            .body,
        b"ok"
    );

    let answer = post(&server, &path, JSON, r#"{"title": "T", "message": "m"}"#).is(200);
    assert!(
        json(&answer)["message"]
            .as_str()
            .is_some_and(|id| id.parse::<u128>().is_ok())
    );
    let answer = post(&server, &path, JSON, r#"{"text": "ours"}"#).is(200);
    assert_eq!(json(&answer)["number"], 5);
    assert!(json(&answer)["message"].is_string());

    let answer = post(&server, &path, JSON, r#"{"what": "ever"}"#).is(400);
    assert!(answer.detail().contains("Slack"), "{}", answer.detail());
    let answer = post(&server, &path, "Delay: 1h\r\n", "later").is(400);
    assert!(answer.detail().contains("not offered"));
    let id = server.database_bytes();
    assert!(
        !id.windows(secret.len()).any(|it| it == secret.as_bytes()),
        "the secret is stored"
    );
}

#[test]
fn gotify_and_ntfy_find_the_hook_by_its_token() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Monitor");
    let bearer = format!("Authorization: Bearer {secret}\r\n");
    let key = format!("X-Gotify-Key: {secret}\r\n{JSON}");
    let gotify = r#"{"title": "Disk", "message": "full", "priority": 8}"#;
    let answer = json(&post(&server, "/gotify/message", &key, gotify).is(200));
    assert_eq!(
        (&answer["appid"], &answer["priority"], &answer["title"]),
        (&json!(1), &json!(8), &json!("Disk"))
    );
    assert!(
        answer["id"].is_i64()
            && answer["date"]
                .as_str()
                .is_some_and(|date| date.ends_with('Z'))
    );
    assert_eq!(last(&mut anna, &flow).0, "**Disk**\nfull");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    post(
        &server,
        &format!("/gotify/message?token={secret}"),
        form,
        "message=by+form",
    )
    .is(200);
    assert_eq!(last(&mut anna, &flow).0, "by form");
    let answer = post(&server, "/gotify/message", JSON, gotify).is(401);
    assert_eq!(json(&answer)["errorCode"], 401);
    let version = json(&http::ask(&server, "GET", "/gotify/version", "").is(200));
    assert_eq!(version["version"], "2.6.0");
    http::ask(&server, "GET", "/gotify/health", "").is(200);

    // What knows a server and a topic only.
    let publish = r#"{"topic": "alerts", "title": "T", "message": "published"}"#;
    let answer = json(&post(&server, "/", &bearer, publish).is(200));
    assert_eq!(
        (&answer["topic"], &answer["title"]),
        (&json!("alerts"), &json!("T"))
    );
    post(&server, "/", JSON, publish).is(401);
    http::ask(&server, "GET", "/", "").is(200);
    let answer = json(&post(&server, "/ntfy/alerts", &bearer, "by topic").is(200));
    assert_eq!(answer["topic"], "alerts");
    let path = format!("/hook/{secret}/publish?message=rang&title=Bell&priority=min");
    http::ask(&server, "GET", &path, "").is(200);
    assert_eq!(last(&mut anna, &flow).0, "**Bell**\nrang");
    let unknown = format!("/ntfy/a/send?auth={}&message=x", "QmVhcmVyIHRrX3g");
    http::ask(&server, "GET", &unknown, "").is(404);
}

#[test]
fn pictures_become_files_of_the_message() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Camera");
    let picture = [&[0x89, b'P', b'N', b'G', 13, 10, 26, 10][..], &[7; 400]].concat();
    let path = format!("/hook/{secret}");
    http::send(
        &server,
        "PUT",
        &path,
        "Filename: door.png\r\nMessage: ring\r\n",
        &picture,
    )
    .is(200);
    let (text, about) = last(&mut anna, &flow);
    assert_eq!(text, "ring");
    let file = &about["files"][0];
    assert_eq!(
        (&file["name"], &file["kind"]),
        (&json!("door.png"), &json!("picture"))
    );
    let path = format!("/file/{}", file["id"].as_str().expect("an id"));
    let fetched = http::ask(&server, "GET", &path, &http::bearer(&anna)).is(200);
    assert_eq!(fetched.body.len(), picture.len());
    // A text with a name is one too.
    post(
        &server,
        &format!("/hook/{secret}"),
        "X-Filename: log.txt\r\n",
        "line",
    )
    .is(200);
    assert_eq!(last(&mut anna, &flow).1["files"][0]["kind"], "document");
}

#[test]
fn alerts_of_a_group_go_on_in_their_message() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Prometheus"));
    let send = |status: &str| {
        let alert = json!({"status": status, "labels": {"alertname": "HighLoad", "instance": "pi"},
            "annotations": {"summary": "load is high"}, "generatorURL": "http://prom.lan/g"});
        let body = json!({"version": "4", "groupKey": "{}:{a=\"b\"}", "status": status,
            "commonLabels": {"alertname": "HighLoad"}, "alerts": [alert]});
        let answer = post(&server, &path, JSON, body.to_string()).is(200);
        assert_eq!(answer.body, b"{}");
    };
    send("firing");
    send("firing");
    let texts = |anna: &mut Person| messages(anna, &flow).len();
    assert_eq!(texts(&mut anna), 1);
    assert_eq!(
        last(&mut anna, &flow).0,
        "🔥 1 firing: HighLoad\npi: load is high http://prom.lan/g"
    );
    send("resolved");
    send("resolved");
    let all = messages(&mut anna, &flow);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(
        all[0].0["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("✅ resolved"))
    );
    assert_eq!(all[0].0["edited_status"], true);
    assert_eq!(all[1].0["text"], "✅ resolved: HighLoad");
    assert_eq!(all[1].1["reply"]["uuid"], all[0].0["uuid"]);
}

#[test]
fn a_repeated_key_writes_once() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Cron"));
    let key = "Idempotency-Key: backup-17\r\n";
    let one = json(&post(&server, &path, key, "done").is(200));
    let other = json(&post(&server, &path, key, "done").is(200));
    assert_eq!(one, other);
    let ours = r#"{"text": "a", "txn": "b"}"#;
    let one = json(&post(&server, &path, JSON, ours).is(200));
    assert_eq!(one, json(&post(&server, &path, JSON, ours).is(200)));
    post(&server, &path, "X-Sequence-ID: backup-17\r\n", "done").is(200);
    assert_eq!(messages(&mut anna, &flow).len(), 2);
    let long = format!("Idempotency-Key: {}\r\n", "k".repeat(65));
    post(&server, &path, &long, "x").is(400);
}

#[test]
fn a_hook_that_posts_too_often_waits() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}", hook(&mut anna, &flow, "Loop"));
    let answers: Vec<Answer> = (0..14)
        .map(|n| post(&server, &path, "", n.to_string()))
        .collect();
    assert!(answers[..10].iter().all(|it| it.status == 200));
    let refused = answers.last().expect("answers");
    assert_eq!(refused.status, 429);
    assert!(
        refused
            .header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|it| it >= 1))
    );
}

#[test]
fn who_may_make_hooks_and_when_they_are_off() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let flow = anna.group("Family", &[&boris]);
    let order = json!({"flow": flow, "name": "x"});
    ask(&mut boris, "make_hook", &order).is(403);
    ask(&mut clara, "make_hook", &order).is(404);
    ask(&mut anna, "make_hook", &json!({"flow": flow, "name": " "})).is(400);
    let chat = anna.add_flow("chat", "", &[&boris]);
    let refused = ask(&mut anna, "make_hook", &json!({"flow": chat, "name": "x"})).is(400);
    assert!(refused.frame().to_string().contains("group"), "{refused}");
    let secret = hook(&mut anna, &flow, "Door");
    let other = hook(&mut server.sign_in("admin"), &flow, "Cellar");
    let listed = ask(&mut anna, "list_hooks", &json!({"flow": flow})).is(200);
    let hooks = listed.data()["meta"]["hooks"]
        .as_array()
        .expect("hooks")
        .clone();
    assert_eq!(hooks.len(), 2);
    assert!(!listed.frame().to_string().contains(&secret));
    assert_eq!(hooks[1]["uses"], 0);
    ask(&mut boris, "list_hooks", &json!({"flow": flow})).is(403);
    let id =
        |n: usize| json!({"id": hooks[n]["id"].as_str().and_then(|id| id.parse::<i64>().ok())});
    ask(&mut boris, "revoke_hook", &id(1)).is(404);
    let post = |secret: &str| post(&server, &format!("/hook/{secret}"), "", "x");
    post(&secret).is(200);
    ask(&mut anna, "revoke_hook", &id(0)).is(200);
    let revoked = post(&other).is(404);
    let wrong = post("tk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaa").is(404);
    assert_eq!(
        (revoked.body, post("x").is(404).body),
        (wrong.body.clone(), wrong.body)
    );
    // The bot is in the group and in nobody's directory.
    let found = anna.ask("find_user", &json!({"user": [{"login": "hooks"}]}));
    assert!(!found.frame().to_string().contains("hooks-"), "{found}");
    // In a channel the hook is the right to write.
    let channel = anna.add_flow("channel", "News", &[]);
    let news = hook(&mut anna, &channel, "Feed");
    post(&news).is(200);
    // Once its maker has left, the hook is off; what the maker owned passes to a person.
    ask(&mut anna, "leave_flow", &json!({})).code();
    anna.ask("leave_flow", &json!({"flow": [{"uuid": flow}]}))
        .is(200);
    post(&secret).is(404);
    let owner = boris.ask("all_flow", &Value::Null).is(200);
    let flows = owner.flows().to_vec();
    let family = flows
        .iter()
        .find(|it| it["uuid"] == json!(flow))
        .expect("the group");
    assert_eq!(family["owner"], json!(boris.id));
}

#[test]
fn names_of_people_are_not_lent() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let path = format!("/hook/{}/slack", hook(&mut anna, &flow, "Door"));
    for name in ["anna", "ANNA", " anna ", "\u{1f525} anna", "* anna *"] {
        let body = json!({"text": "send me money", "username": name, "icon_emoji": ":fire:"});
        post(&server, &path, JSON, body.to_string()).is(200);
        assert_eq!(last(&mut anna, &flow).1["bot"]["name"], "Door", "{name}");
    }
}

#[test]
fn who_lists_the_members_keeps_the_bot_of_the_hooks() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let flow = anna.group("Family", &[&boris]);
    let secret = hook(&mut anna, &flow, "Door");
    let path = format!("/hook/{secret}");
    let only = |people: &[&str]| json!({"flow": [{"uuid": flow, "users": people}]});
    let members = |anna: &mut Person| -> Vec<String> {
        let flows = anna.ask("all_flow", &Value::Null).is(200).flows().to_vec();
        let family = flows.iter().find(|it| it["uuid"] == json!(flow));
        let users = family.expect("the group")["users"].clone();
        serde_json::from_value(users).expect("ids")
    };
    // A client that knows nothing of hooks lists the people.
    let id = anna.id.clone();
    anna.ask("edit_flow", &only(&[&id])).is(200);
    let left = members(&mut anna);
    assert!(!left.contains(&boris.id) && left.len() == 2, "{left:?}");
    post(&server, &path, "", "still here").is(200);
    // Who means the bot takes it out, and the hook is off.
    let bot = left.into_iter().find(|it| *it != id).expect("the bot");
    change(&mut anna, &flow, &json!({"remove": [bot]})).is(200);
    post(&server, &path, "", "gone").is(404);
    // With the hooks revoked a list takes it out too.
    let secret = hook(&mut anna, &flow, "Bell");
    post(&server, &format!("/hook/{secret}"), "", "again").is(200);
    let listed = ask(&mut anna, "list_hooks", &json!({"flow": flow})).is(200);
    for hook in listed.data()["meta"]["hooks"].as_array().expect("hooks") {
        let id = hook["id"].as_str().and_then(|id| id.parse::<i64>().ok());
        ask(&mut anna, "revoke_hook", &json!({"id": id})).is(200);
    }
    anna.ask("edit_flow", &only(&[&id])).is(200);
    assert_eq!(members(&mut anna), [id]);
}

#[test]
fn a_page_may_post_and_no_log_has_the_secret() {
    let mut server = Server::with(&[("logging.level", "debug")]);
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Page");
    let path = format!("/hook/{secret}");
    let answer = post(&server, &path, "Origin: https://elsewhere.example\r\n", "x").is(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    post(&server, &format!("{path}x"), "", "x").is(404);
    let (_, log) = server.stop();
    assert!(!log.contains(&secret), "{log}");
}

#[test]
fn commands_make_list_and_revoke() {
    let server = Server::start();
    let mut anna = server.register("anna");
    anna.group("Family", &[]);
    let made = document(server.command(["hook", "add", "--flow", "Family", "--name", "Cron"]));
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert!(
        made["curl"]
            .as_str()
            .is_some_and(|line| line.ends_with(&secret))
    );
    post(&server, &format!("/hook/{secret}"), "", "x").is(200);
    let listed = document(server.command(["hook", "list"]));
    assert_eq!(
        (&listed["hooks"][0]["name"], &listed["hooks"][0]["uses"]),
        (&json!("Cron"), &json!(1))
    );
    let id = made["id"].to_string();
    document(server.command(["hook", "revoke", &id]));
    let ask = || post(&server, &format!("/hook/{secret}"), "", "x").status;
    assert_eq!(eventually(ask, |status| *status == 404), 404);
}
