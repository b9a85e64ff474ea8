//! Limits: what is too long, too large or too much is refused with 403 and stored nowhere.

use serde_json::{Value, json};

use crate::common::{Person, Server, connection::End};

#[test]
fn text_has_a_limit_in_bytes() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.try_send(&group, &"x".repeat(64 << 10)).is(200);
    let refused = anna.try_send(&group, &"x".repeat((64 << 10) + 1)).is(403);
    assert!(
        refused.detail().contains("text"),
        "it names the limit: {refused}"
    );
    anna.try_send(&group, &"я".repeat(32 << 10)).is(200);
    anna.try_send(&group, &"я".repeat((32 << 10) + 1)).is(403);
    let page = anna.page(&group, None).is(200);
    assert_eq!(page.messages().len(), 2, "the refused ones are not stored");
    let id = page.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    anna.edit(&id, &"x".repeat((64 << 10) + 1)).is(403);
    assert_eq!(anna.texts(&group)[0].len(), 64 << 10, "nor is the edit");
}

#[test]
fn files_have_a_limit_together() {
    let server = Server::with(&[("limits.files", "100KB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut send = |picture: usize, video: usize| {
        // No base64, which would be counted as the bytes that it stands for.
        let file = |n: usize| "!".repeat(n);
        let message =
            json!({"client_id": 1, "file_picture": file(picture), "file_video": file(video)});
        anna.ask(
            "send_message",
            &json!({"flow": [{"uuid": group}], "message": [message]}),
        )
    };
    send(50 << 10, 50 << 10).is(200);
    let refused = send(60 << 10, 60 << 10).is(403);
    assert!(refused.detail().contains("file"), "{refused}");
    send(120 << 10, 0).is(403);
    assert_eq!(anna.history(&group).len(), 1);
}

#[test]
fn an_edit_keeps_to_the_limits_of_a_message() {
    let server = Server::with(&[("limits.files", "100KB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let file = |n: usize| "!".repeat(n);
    let message = json!({"file_picture": file(60 << 10)});
    let sent = anna.ask(
        "send_message",
        &json!({"flow": [{"uuid": group}], "message": [message]}),
    );
    let id = sent.is(200).messages()[0]["uuid"].clone();
    let mut edit = |change: serde_json::Value| {
        let mut message = change;
        message["uuid"] = id.clone();
        anna.ask("edited_message", &json!({"message": [message]}))
            .code()
    };
    // Together with what the message has and keeps.
    assert_eq!(edit(json!({"file_video": file(60 << 10)})), 403);
    assert_eq!(edit(json!({"file_picture": file(110 << 10)})), 403);
    assert_eq!(edit(json!({"file_video": file(30 << 10)})), 200);
    let text = anna.send(&group, "text");
    assert_eq!(anna.edit(&text, "").code(), 400);
    assert_eq!(anna.texts(&group)[1], "text");
}

#[test]
fn names_and_descriptions_have_limits() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let title = |n: usize| json!({"flow": [{"type": "group", "title": "я".repeat(n)}]});
    anna.ask("add_flow", &title(256)).is(200);
    anna.ask("add_flow", &title(257)).is(403);
    let info = |n: usize| json!({"flow": [{"type": "group", "info": "x".repeat(n)}]});
    anna.ask("add_flow", &info(4096)).is(200);
    anna.ask("add_flow", &info(4097)).is(403);
    assert_eq!(anna.ask("all_flow", &Value::Null).flows().len(), 2);
    let mut edit = |key: &str, n: usize| {
        anna.ask("edit_user", &json!({"user": [{key: "!".repeat(n)}]}))
            .code()
    };
    assert_eq!((edit("username", 256), edit("username", 257)), (200, 403));
    assert_eq!((edit("bio", 4096), edit("bio", 4097)), (200, 403));
    assert_eq!(
        (edit("avatar", 512 << 10), edit("avatar", (512 << 10) + 4)),
        (200, 403)
    );
}

#[test]
fn a_registration_over_a_limit_makes_nobody() {
    let server = Server::start();
    let mut connection = server.connect();
    let with = |username: String| json!({"user": [{"login": "anna", "password": "p", "username": username}]});
    connection
        .request("register_user", &with("x".repeat(257)))
        .is(403);
    connection
        .request(
            "authentication",
            &json!({"user": [{"login": "anna", "password": "p"}]}),
        )
        .is(401);
    connection
        .request("register_user", &with("x".repeat(256)))
        .is(201);
}

#[test]
fn a_frame_over_the_limit_closes_with_1009() {
    let server = Server::with(&[("limits.frame", "64KB")]);
    let mut connection = server.connect();
    let _ = connection.send_text("x".repeat(65 << 10));
    assert_eq!(connection.closed(), End::Closed(Some(1009)));
    let mut connection = server.connect();
    connection.ask_text("x".repeat(63 << 10)).is(415);
}

#[test]
fn a_frame_of_the_largest_size_is_read() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let file = "x".repeat(10 << 20);
    let data =
        json!({"flow": [{"uuid": group}], "message": [{"client_id": 1, "file_video": file}]});
    anna.ask("send_message", &data).is(200);
    let page = anna.page(&group, None);
    assert_eq!(
        page.messages()[0]["file_video"].as_str().map(str::len),
        Some(10 << 20)
    );
}

#[test]
fn a_group_has_at_most_its_members() {
    // Whether the number or the unknown people are noticed first is the server's choice.
    let server = Server::start();
    let mut anna = server.register("anna");
    let ids: Vec<String> = (0..1001).map(|n| format!("1{n:030}")).collect();
    let reply = anna.ask(
        "add_flow",
        &json!({"flow": [{"type": "group", "users": ids}]}),
    );
    assert!(matches!(reply.code(), 403 | 404), "{reply}");
    anna.ask("all_flow", &Value::Null).is(404);
}

#[test]
fn requests_that_come_too_fast_are_slowed_or_refused() {
    let server = Server::with(&[("limits.requests_per_second", "5"), ("limits.burst", "10")]);
    let mut anna = Person::register(server.connect(), "anna");
    let start = std::time::Instant::now();
    let mut refused = 0;
    for _ in 0..40 {
        let reply = anna.ask("ping_pong", &Value::Null);
        match reply.code() {
            200 => {}
            429 => refused += 1,
            _ => panic!("{reply}"),
        }
    }
    // 10 at once and then 5 a second: 40 take six seconds unless some are refused.
    let took = start.elapsed();
    assert!(
        refused > 0 || took.as_secs() >= 4,
        "40 requests in {took:?} and none refused"
    );
}

#[test]
fn limits_on_what_is_asked_for() {
    let server = Server::with(&[("limits.users", "10")]);
    let mut anna = server.register("anna");
    let id = anna.id.clone();
    let asked = |n: usize| {
        let mut users = vec![json!({})];
        users.resize(n, json!({"uuid": id}));
        json!({"user": users})
    };
    anna.ask("user_info", &asked(10)).is(200);
    anna.ask("user_info", &asked(11)).is(429);
}

#[test]
fn socket_on_which_nobody_signs_in_is_closed() {
    let server = Server::with(&[("limits.sign_in", "1s")]);
    let mut anna = server.register("anna");
    anna.ask("ping_pong", &json!({})).is(200);
    let mut signed_out = server.sign_in("anna");
    signed_out.ask("logout", &json!({})).is(200);
    signed_out.ask("ping_pong", &json!({})).is(401);
    let mut stranger = server.connect();
    assert_eq!(stranger.closed(), End::Closed(Some(1008)));
    assert_eq!(signed_out.connection.closed(), End::Closed(Some(1008)));
    anna.ask("ping_pong", &json!({})).is(200);
}
