//! Bots: who makes them, what their tokens let them do, and when these rest.

use serde_json::{Value, json};

use crate::{
    administration::ask,
    common::{Person, Server, eventually, http},
    roles::NOTHING,
    users::document,
};

/// A bot of somebody's with a token that has these scopes.
#[track_caller]
pub(crate) fn bot(server: &Server, owner: &mut Person, login: &str, scopes: &[&str]) -> Person {
    let made = ask(owner, "make_bot", &json!({"login": login})).is(200);
    let id = made.data()["meta"]["bot"]
        .as_str()
        .expect("an id")
        .to_owned();
    let order = json!({"bot": id, "label": "test", "scopes": scopes});
    let made = ask(owner, "make_token", &order).is(200);
    let token = made.data()["meta"]["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert!(token.starts_with("mb_") && token.len() == 46, "{token}");
    Person {
        login: login.to_owned(),
        id,
        token,
        connection: server.connect(),
    }
}

#[test]
fn a_token_does_what_its_scopes_say() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut reader = bot(&server, &mut admin, "reader", &["read"]);
    let mut writer = bot(&server, &mut admin, "writer", &["read", "write"]);
    let mut manager = bot(&server, &mut admin, "manager", &["manage"]);
    let flow = admin.group("Family", &[&reader, &writer, &manager]);
    admin.send(&flow, "hello");
    assert_eq!(reader.texts(&flow), ["hello"]);
    let refused = reader.try_send(&flow, "no").is(403);
    assert_eq!(refused.detail(), "This token does not let its bot do this.");
    let message = writer.send(&flow, "yes");
    writer.edit(&message, "yes!").is(200);
    writer
        .ask(
            "add_flow",
            &json!({"flow": [{"type": "group", "title": "x"}]}),
        )
        .is(403);
    manager.page(&flow, None).is(403);
    let own = manager.group("Own", &[]);
    ask(
        &mut manager,
        "make_hook",
        &json!({"flow": own, "name": "x"}),
    )
    .is(200);
    // The account itself, invitations, tokens and the server are closed to all of them.
    for method in [
        "edit_user",
        "delete_user",
        "invite",
        "use_invitation",
        "make_bot",
        "make_token",
        "list_tokens",
        "list_sessions",
        "list_users",
        "server_status",
        "export_me",
        "link_device",
        "block_user",
        "pin_message",
    ] {
        let data = json!({"meta": {"login": "x", "bot": manager.id, "code": "x", "id": "1"},
            "user": [{}, {"uuid": admin.id}], "message": [{"uuid": message}]});
        let code = writer
            .ask_with_meta(method, &data, &json!({"accept": ["rich"]}))
            .code();
        assert!(matches!(code, 400 | 403), "{method}: {code}");
    }
    // The faces over HTTP ask the same.
    let tus = "Tus-Resumable: 1.0.0\r\nUpload-Length: 1\r\n";
    let begin = |person: &Person| {
        let headers = format!("{}{tus}", http::bearer(person));
        http::send(&server, "POST", "/files", &headers, b"").status
    };
    assert_eq!((begin(&reader), begin(&writer)), (403, 201));
}

#[test]
fn nobody_signs_in_as_a_bot_and_tokens_are_listed_and_end() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let login = json!({"user": [{"login": "helper", "password": "correct horse battery"}]});
    server.connect().request("authentication", &login).is(401);
    helper.ask("ping_pong", &NOTHING).is(200);
    let listed = ask(&mut admin, "list_tokens", &json!({"bot": helper.id})).is(200);
    let token = listed.data()["meta"]["tokens"][0].clone();
    assert_eq!(
        (&token["label"], &token["scopes"]),
        (&json!("test"), &json!(["read", "write"]))
    );
    assert!(
        token["used"].is_i64() && token["expires"].is_null(),
        "{token}"
    );
    assert!(!listed.frame().to_string().contains(&helper.token));
    let bots = ask(&mut admin, "list_bots", &Value::Null).is(200);
    assert_eq!(bots.data()["meta"]["bots"][0]["owner"], "admin");
    ask(&mut admin, "revoke_token", &json!({"id": token["id"]})).is(200);
    let mut again = helper.on(server.connect());
    again.ask("ping_pong", &NOTHING).is(401);
    ask(
        &mut admin,
        "make_token",
        &json!({"bot": helper.id, "expires": 5}),
    )
    .is(400);
    let own = json!({"bot": admin.id});
    ask(&mut admin, "make_token", &own).is(404);
    ask(&mut admin, "remove_bot", &json!({"bot": helper.id})).is(200);
    ask(&mut admin, "remove_bot", &json!({"bot": helper.id})).is(404);
}

#[test]
fn tokens_rest_with_their_owner() {
    let mut server = Server::with(&[("bots.members", "on")]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    for number in 0..5 {
        ask(
            &mut anna,
            "make_bot",
            &json!({"login": format!("robot{number}")}),
        )
        .is(200);
    }
    ask(&mut anna, "make_bot", &json!({"login": "robot9"})).is(403);
    let mut helper = bot(&server, &mut boris, "helper", &["read"]);
    ask(&mut anna, "list_tokens", &json!({"bot": helper.id})).is(404);
    helper.ask("ping_pong", &NOTHING).is(200);
    document(server.command(["user", "suspend", "boris"]));
    let code = |helper: &Person, server: &Server| {
        let mut helper = helper.on(server.connect());
        helper.ask("ping_pong", &NOTHING).code()
    };
    assert_eq!(
        eventually(|| code(&helper, &server), |code| *code == 401),
        401
    );
    document(server.command(["user", "resume", "boris"]));
    assert_eq!(
        eventually(|| code(&helper, &server), |code| *code == 200),
        200
    );
    document(server.command(["user", "remove", "boris", "--yes"]));
    assert_eq!(
        eventually(|| code(&helper, &server), |code| *code == 401),
        401
    );
    server.set("bots.members", "off");
    server.restart();
    let mut anna = anna.on(server.connect());
    ask(&mut anna, "make_bot", &json!({"login": "another"})).is(403);
}

#[test]
fn commands_make_bots_and_tokens() {
    let server = Server::start();
    let made = document(server.command(["bot", "add", "helper", "--username", "The helper"]));
    let token = document(server.command(["bot", "token", "add", "helper", "--scopes", "read"]));
    assert_eq!(token["scopes"], json!(["read"]));
    let mut helper = Person {
        login: "helper".to_owned(),
        id: made["id"].as_str().expect("an id").to_owned(),
        token: token["token"].as_str().expect("a token").to_owned(),
        connection: server.connect(),
    };
    helper.ask("ping_pong", &NOTHING).is(200);
    let listed = document(server.command(["bot", "token", "list", "helper"]));
    assert_eq!(listed["tokens"][0]["id"], token["id"]);
    assert_eq!(
        document(server.command(["bot", "list"]))["bots"][0]["tokens"],
        1
    );
    document(server.command(["bot", "token", "revoke", &token["id"].to_string()]));
    document(server.command(["bot", "remove", "helper", "--yes"]));
    assert_eq!(document(server.command(["bot", "list"]))["bots"], json!([]));
}
