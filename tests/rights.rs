//! Who may do what, as a table: every kind of flow, every kind of person, every deed.

use serde_json::{Value, json};

use crate::common::{Person, Server};

/// The people of the table, in the order of its columns.
struct Cast {
    owner: Person,
    member: Person,
    stranger: Person,
    admin: Person,
}

impl Cast {
    fn new(server: &Server) -> Self {
        Self {
            owner: server.register("owner"),
            member: server.register("member"),
            stranger: server.register("stranger"),
            admin: server.sign_in("admin"),
        }
    }

    fn all(&mut self) -> [&mut Person; 4] {
        [
            &mut self.owner,
            &mut self.member,
            &mut self.stranger,
            &mut self.admin,
        ]
    }

    fn flow(&mut self, kind: &str) -> String {
        // A second chat of the same two would be a conflict.
        let reply = self.owner.ask("all_flow", &Value::Null);
        let chat = reply
            .flows()
            .iter()
            .find(|flow| kind == "chat" && flow["type"] == "chat");
        match chat {
            Some(chat) => chat["uuid"].as_str().expect("an id").to_owned(),
            None => self.owner.add_flow(kind, "T", &[&self.member]),
        }
    }
}

#[test]
fn writing_follows_the_kind_of_flow() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    for (kind, expected) in [
        ("chat", [200, 200, 404, 404]),
        ("channel", [200, 403, 404, 404]),
        ("group", [200, 200, 404, 404]),
    ] {
        let flow = cast.flow(kind);
        let codes = cast.all().map(|person| person.try_send(&flow, "x").code());
        assert_eq!(
            codes, expected,
            "send_message in a {kind}: owner, member, stranger, administrator"
        );
    }
}

#[test]
fn reading_is_for_members() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    for kind in ["chat", "channel", "group"] {
        let flow = cast.flow(kind);
        cast.owner.send(&flow, "x");
        let named = json!({"flow": [{"uuid": flow}]});
        let search = json!({"flow": [{"uuid": flow}], "meta": {"query": "x"}});
        let read = json!({"flow": [{"uuid": flow, "message_end": 0}]});
        for (method, data) in [
            ("all_messages", &named),
            ("find_message", &search),
            ("read_flow", &read),
        ] {
            let codes = cast.all().map(|person| person.ask(method, data).code());
            assert_eq!(codes, [200, 200, 404, 404], "{method} in a {kind}");
        }
    }
}

#[test]
fn typing_is_for_those_who_may_write() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    for (kind, expected) in [
        ("channel", [200, 403, 404, 404]),
        ("group", [200, 200, 404, 404]),
    ] {
        let named = json!({"flow": [{"uuid": cast.flow(kind)}]});
        let codes = cast.all().map(|person| person.ask("typing", &named).code());
        assert_eq!(codes, expected, "typing in a {kind}");
    }
}

#[test]
fn only_the_author_edits() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    for kind in ["chat", "group"] {
        let flow = cast.flow(kind);
        let message = cast.member.send(&flow, "mine");
        let codes = cast
            .all()
            .map(|person| person.edit(&message, "edited").code());
        assert_eq!(codes[0], 403, "the owner of a {kind}");
        assert_eq!(codes[1], 200, "the author in a {kind}");
        assert_eq!(codes[2], 404, "a stranger to a {kind}");
        assert!(
            matches!(codes[3], 403 | 404),
            "an administrator outside a {kind}: {}",
            codes[3]
        );
    }
}

#[test]
fn author_owner_and_administrator_delete() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    let flow = cast.flow("group");
    for (who, author_is_owner, expected) in [
        (0, false, 200),
        (1, false, 200),
        (2, false, 404),
        (3, false, 404),
        (0, true, 200),
        (1, true, 403),
    ] {
        let message = if author_is_owner {
            cast.owner.send(&flow, "x")
        } else {
            cast.member.send(&flow, "x")
        };
        let reply = cast.all()[who].delete(&message);
        assert_eq!(
            reply.code(),
            expected,
            "person {who}, author is owner: {author_is_owner}: {reply}"
        );
        let last = cast.owner.history(&flow).pop().expect("a message");
        assert_eq!(
            last["text"] == "Message deleted",
            expected == 200,
            "person {who}"
        );
    }
}

#[test]
fn an_administrator_deletes_where_they_are_a_member() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    let flow = cast.flow("group");
    let users = json!([cast.owner.id, cast.member.id, cast.admin.id]);
    let join = json!({"flow": [{"uuid": flow, "users": users}]});
    cast.owner.ask("edit_flow", &join).is(200);
    let message = cast.owner.send(&flow, "x");
    cast.member.delete(&message).is(403);
    cast.admin.edit(&message, "y").is(403);
    cast.admin.delete(&message).is(200);
    assert_eq!(cast.owner.texts(&flow), ["Message deleted"]);
}

#[test]
fn who_was_taken_out_keeps_nothing() {
    let server = Server::start();
    let mut cast = Cast::new(&server);
    let flow = cast.flow("group");
    let message = cast.member.send(&flow, "mine");
    let only_owner = json!({"flow": [{"uuid": flow, "users": [cast.owner.id]}]});
    cast.owner.ask("edit_flow", &only_owner).is(200);
    cast.member.page(&flow, None).is(404);
    cast.member.try_send(&flow, "x").is(404);
    cast.member.edit(&message, "x").is(404);
    cast.member.delete(&message).is(404);
    cast.member.ask("all_flow", &Value::Null).is(404);
    let reply = cast
        .member
        .ask("find_message", &json!({"meta": {"query": "mine"}}));
    assert!(reply.messages().is_empty(), "{reply}");
    let update = cast.member.ask("get_update", &json!({"time": 0})).is(200);
    assert!(update.messages().is_empty(), "{update}");
}

#[test]
fn every_method_wants_the_token() {
    let server = Server::start();
    let mut connection = server.connect();
    let id = "170141183460469231731687303715884105727";
    for (method, data) in [
        ("get_update", json!({})),
        (
            "send_message",
            json!({"flow": [{"uuid": id}], "message": [{"text": "x"}]}),
        ),
        ("all_messages", json!({"flow": [{"uuid": id}]})),
        ("add_flow", json!({"flow": [{"type": "group"}]})),
        ("all_flow", json!({})),
        ("user_info", json!({"user": [{}, {"uuid": id}]})),
        (
            "delete_user",
            json!({"user": [{"login": "admin", "password": "x"}]}),
        ),
        ("delete_message", json!({"message": [{"uuid": id}]})),
        (
            "edited_message",
            json!({"message": [{"uuid": id, "text": "x"}]}),
        ),
        ("ping_pong", json!({})),
        ("subscribe", json!({})),
        ("edit_user", json!({"user": [{"username": "x"}]})),
        ("logout", json!({})),
        ("edit_flow", json!({"flow": [{"uuid": id, "title": "x"}]})),
        ("leave_flow", json!({"flow": [{"uuid": id}]})),
        (
            "read_flow",
            json!({"flow": [{"uuid": id, "message_end": 1}]}),
        ),
        ("typing", json!({"flow": [{"uuid": id}]})),
        ("find_message", json!({"meta": {"query": "x"}})),
        ("find_user", json!({"meta": {"query": "x"}})),
        ("invite", json!({})),
        ("list_sessions", json!({})),
        ("end_session", json!({"meta": {"id": "1"}})),
        ("link_device", json!({})),
        ("use_invitation", json!({"meta": {"code": "x"}})),
        ("list_users", json!({})),
        ("set_user", json!({"meta": {"user": id, "suspended": true}})),
        ("remove_user", json!({"meta": {"user": id}})),
        ("reset_password", json!({"meta": {"user": id}})),
        ("list_invitations", json!({})),
        ("revoke_invitation", json!({"meta": {"id": "1"}})),
        ("registration", json!({})),
        ("list_flows", json!({})),
        ("remove_flow", json!({"meta": {"flow": id}})),
        ("moderate", json!({"meta": {"message": id}})),
        ("list_audit", json!({})),
        ("list_backups", json!({})),
        ("make_backup", json!({})),
        ("run_check", json!({})),
        ("server_status", json!({})),
    ] {
        let reply = connection.request(method, &data);
        assert_eq!(reply.code(), 401, "{method}: {reply}");
        assert_eq!(
            reply.method(),
            method,
            "from the version check on, the method's own name"
        );
    }
}
