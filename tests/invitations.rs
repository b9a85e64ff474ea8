//! Invitations from a client: who makes which, whom they let in, and who may register at all.

use serde_json::{Value, json};

use crate::{
    administration::{ask, rows},
    common::{PASSWORD, Person, Server},
    devices::become_bot,
    push::{subscribe, told},
    users::document,
};

const NOTHING: Value = Value::Null;

/// Makes an invitation and returns its code.
#[track_caller]
fn invite(person: &mut Person, meta: &Value) -> String {
    let made = ask(person, "invite", meta).is(200);
    let code = made.data()["meta"]["code"].as_str();
    code.expect("a code").to_owned()
}

/// Registers with a code and returns the answer's code.
fn register(server: &Server, login: &str, code: &str) -> u64 {
    let user = json!({"user": [{"login": login, "password": PASSWORD, "auth_id": code}]});
    server.connect().request("register_user", &user).code()
}

#[test]
fn an_owner_always_invites_who_has_an_account() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("Family", &[]);
    server.set("auth.registration", "invite");
    server.restart();
    anna = anna.on(server.connect());
    boris = boris.on(server.connect());
    subscribe(&mut anna);
    let mut asking = anna.on(server.connect());
    let code = invite(&mut asking, &json!({"flow": group, "uses": 3}));
    // Who may not invite to the server brings nobody new.
    assert_eq!(register(&server, "clara", &code), 403);
    let joined = ask(&mut boris, "use_invitation", &json!({"code": code})).is(200);
    assert_eq!(joined.flows()[0]["uuid"], json!(group));
    assert_eq!(joined.data()["meta"]["flows"][&group]["members"], json!(2));
    assert_eq!(
        told(&mut anna).flows()[0]["users"].as_array().map(Vec::len),
        Some(2)
    );
    ask(
        &mut boris,
        "use_invitation",
        &json!({"code": code.to_lowercase()}),
    )
    .is(200);
    let listed = ask(&mut server.sign_in("admin"), "list_invitations", &NOTHING).is(200);
    assert_eq!(rows(&listed, "invitations")[0]["uses"], json!(2));

    server.set("auth.members_invite", "on");
    server.restart();
    assert_eq!(register(&server, "clara", &code), 201);
    let mut clara = server.sign_in("clara");
    let flows = clara.ask("all_flow", &NOTHING).is(200);
    assert_eq!(flows.flows()[0]["uuid"], json!(group));
}

#[test]
fn an_invitation_to_a_flow_leads_there_also_where_none_is_needed() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Family", &[]);
    let code = invite(&mut anna, &json!({"flow": group}));
    assert_eq!(register(&server, "boris", &code), 201);
    let mut boris = server.sign_in("boris");
    assert_eq!(boris.ask("all_flow", &NOTHING).is(200).flows().len(), 1);
    // It is spent, which keeps nobody out of an open server.
    assert_eq!(register(&server, "clara", &code), 201);
    server.sign_in("clara").ask("all_flow", &NOTHING).is(404);
}

#[test]
fn an_invitation_ends_with_the_right_of_its_maker() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let group = anna.group("Family", &[&boris]);
    ask(&mut boris, "invite", &json!({"flow": group})).is(403);
    let levels = |level: i64| json!({"flow": [{"uuid": group}], "meta": {"levels": {boris.id.as_str(): level}}});
    let (up, down) = (levels(50), levels(0));
    anna.ask("edit_flow", &up).is(200);
    let code = invite(&mut boris, &json!({"flow": group, "uses": 5}));
    anna.ask("edit_flow", &down).is(200);
    ask(&mut clara, "use_invitation", &json!({"code": code})).is(404);
    anna.ask("edit_flow", &up).is(200);
    ask(&mut clara, "use_invitation", &json!({"code": code})).is(200);
    // Of one who has gone, too.
    let mut dora = server.register("dora");
    boris
        .ask("leave_flow", &json!({"flow": [{"uuid": group}]}))
        .is(200);
    ask(&mut dora, "use_invitation", &json!({"code": code})).is(404);
}

#[test]
fn who_was_banned_and_bots_stay_outside() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut bot = server.register("robot");
    become_bot(&server, &bot);
    let group = anna.group("Family", &[&boris]);
    let code = json!({"code": invite(&mut anna, &json!({"flow": group, "uses": 5}))});
    let refused = ask(&mut bot, "use_invitation", &code).is(403);
    assert_eq!(refused.refusal()["key"], json!("not_for_bots"));
    ask(&mut bot, "invite", &json!({})).is(403);
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .execute(
            "UPDATE members SET state = 'banned' WHERE user_id = (SELECT id FROM users WHERE login = 'boris')",
            [],
        )
        .expect("written");
    let refused = ask(&mut boris, "use_invitation", &code).is(403);
    assert_eq!(refused.refusal()["key"], json!("banned"));
}

#[test]
fn one_use_is_for_one_however_many_come_at_once() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Family", &[]);
    let code = json!({"meta": {"code": invite(&mut anna, &json!({"flow": group}))}});
    let mut others: Vec<_> = (0..4).map(|n| server.register(&format!("u{n}"))).collect();
    let codes: Vec<u64> = std::thread::scope(|scope| {
        let asking = others.iter_mut().map(|person| {
            let code = &code;
            scope.spawn(move || person.ask("use_invitation", code).code())
        });
        let asking: Vec<_> = asking.collect();
        asking
            .into_iter()
            .map(|it| it.join().expect("alive"))
            .collect()
    });
    assert_eq!(
        codes.iter().filter(|code| **code == 200).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| **code == 404).count(),
        3,
        "{codes:?}"
    );
}

#[test]
fn a_member_has_few_invitations_open() {
    let server = Server::with(&[("limits.invitations", "2"), ("auth.members_invite", "on")]);
    let mut anna = server.register("anna");
    let mut admin = server.sign_in("admin");
    for _ in 0..2 {
        invite(&mut anna, &json!({}));
    }
    let refused = ask(&mut anna, "invite", &json!({})).is(403);
    assert_eq!(
        refused.refusal(),
        &json!({"key": "too_many_invitations", "values": {"limit": 2, "setting": "limits.invitations"}})
    );
    let open = rows(
        &ask(&mut admin, "list_invitations", &NOTHING).is(200),
        "invitations",
    );
    assert_eq!((open.len(), &open[0]["by"]), (2, &json!(anna.id)));
    ask(
        &mut admin,
        "revoke_invitation",
        &json!({"id": open[0]["id"]}),
    )
    .is(200);
    invite(&mut anna, &json!({}));
    for _ in 0..3 {
        invite(&mut admin, &json!({}));
    }
    let long = json!({"note": "я".repeat(257)});
    assert_eq!(
        ask(&mut admin, "invite", &long).is(403).refusal()["key"],
        "too_large"
    );
}

#[test]
fn what_is_said_of_registration_holds_until_the_file_says_something_else() {
    let mut server = Server::start();
    let mut admin = server.sign_in("admin");
    let shown = document(server.command(["registration"]));
    assert_eq!(shown, json!({"registration": "open", "configured": "open"}));
    server.command(["registration", "closed"]).run().exits(0);
    assert_eq!(register(&server, "anna", ""), 403);
    let said = ask(&mut admin, "registration", &NOTHING).is(200);
    assert_eq!(said.data()["meta"]["mode"], json!("closed"));
    server.restart();
    assert_eq!(register(&server, "anna", ""), 403);
    // Another word in the file, and back again: what was said is over.
    for mode in ["invite", "open"] {
        server.set("auth.registration", mode);
        server.restart();
    }
    assert_eq!(register(&server, "anna", ""), 201);
    admin = server.sign_in("admin");
    ask(&mut admin, "registration", &json!({"mode": "invite"})).is(200);
    assert_eq!(register(&server, "boris", ""), 403);
    let shown = document(server.command(["registration"]));
    assert_eq!(
        shown,
        json!({"registration": "invite", "configured": "open"})
    );
    server.command(["registration", "ajar"]).run().exits(2);
}

#[test]
fn a_note_says_whom_an_invitation_is_for() {
    let server = Server::start();
    server
        .command(["invite", "create", "--note", "the cousins"])
        .run()
        .exits(0);
    let mut admin = server.sign_in("admin");
    let endless = ask(&mut admin, "invite", &json!({"expires": 0})).is(200);
    assert_eq!(endless.data()["meta"]["expires"], json!(0), "it never ends");
    let listed = document(server.command(["invite", "list"]));
    let notes = listed["invitations"].as_array().expect("a list");
    assert!(
        notes.iter().any(|it| it["note"] == "the cousins"),
        "{listed}"
    );
    let shown = server.command(["invite", "list"]).run().exits(0);
    assert!(shown.stdout.contains("the cousins"), "{}", shown.stdout);
}

#[test]
fn invitations_that_have_ended_are_listed_nowhere() {
    let server = Server::with(&[("auth.registration", "invite")]);
    let mut admin = server.sign_in("admin");
    let make = |args: [&str; 4]| {
        document(server.command(args))["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    };
    let used = make(["invite", "create", "--uses", "1"]);
    let expired = make(["invite", "create", "--expires", "1s"]);
    let open = make(["invite", "create", "--uses", "2"]);
    assert_eq!(register(&server, "anna", &used), 201);
    assert_eq!(register(&server, "boris", &open), 201);
    let revoked = make(["invite", "create", "--uses", "9"]);
    server
        .command(["invite", "revoke", &revoked])
        .run()
        .exits(0);
    // It lasts a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(register(&server, "clara", &expired), 403);
    let listed = document(server.command(["invite", "list"]));
    let listed = listed["invitations"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["uses_left"], 1, "{listed:?}");
    let told = rows(
        &ask(&mut admin, "list_invitations", &NOTHING).is(200),
        "invitations",
    );
    assert_eq!(told.len(), 1, "{told:?}");
}
