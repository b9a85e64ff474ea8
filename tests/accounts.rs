//! Accounts: registration in its three modes, logins, profiles, and the end of an account.

use serde_json::{Value, json};

use crate::common::{PASSWORD, Person, Server};

fn registration(login: &str) -> Value {
    json!({"user": [{"login": login, "password": PASSWORD}]})
}

#[test]
fn registering_gives_an_id_a_token_and_its_lifetime() {
    let server = Server::start();
    let reply = server
        .connect()
        .request("register_user", &registration("anna"))
        .is(201);
    let user = &reply.users()[0];
    let token = user["auth_id"].as_str().expect("a token");
    assert_eq!(token.len(), 64);
    assert!(token.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(
        user["token_ttl"],
        json!(30 * 24 * 3600),
        "30 days by default"
    );
    let keys = user.as_object().expect("an object").iter();
    let given: Vec<_> = keys
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key)
        .collect();
    assert_eq!(given, ["auth_id", "token_ttl", "uuid"], "and nothing else");
}

#[test]
fn logins_differ_by_more_than_case_and_unicode_form() {
    let server = Server::start();
    let mut connection = server.connect();
    // The second of each pair is the first in other letters of the same name.
    for (login, same) in [
        ("anna", "ANNA"),
        ("Борис", "бОРИС"),
        ("Andre\u{301}", "Andr\u{e9}"),
        ("и\u{306}ога", "\u{439}ога"),
    ] {
        connection
            .request("register_user", &registration(login))
            .is(201);
        connection
            .request("register_user", &registration(same))
            .is(409);
        connection
            .request("authentication", &registration(same))
            .is(200);
    }
}

#[test]
fn logins_that_deceive_or_do_not_fit_are_refused() {
    let server = Server::start();
    let mut connection = server.connect();
    let long = "a".repeat(65);
    for login in [
        "",
        " ",
        " anna",
        "anna ",
        "an\u{0}na",
        "an\nna",
        "\u{202e}anna",
        "an\u{200b}na",
        "an\u{200d}na",
        "anna\u{2066}",
        "\u{feff}anna",
        "User deleted",
        "\u{a0}anna",
        &long,
    ] {
        let reply = connection.request("register_user", &registration(login));
        assert!(
            matches!(reply.code(), 400 | 403 | 415),
            "{login:?}: {reply}"
        );
    }
    for login in [
        "a",
        "Иван Иваныч",
        "日本",
        "o'neill",
        "\u{1f600}",
        &"я".repeat(64),
    ] {
        connection
            .request("register_user", &registration(login))
            .is(201);
    }
}

#[test]
fn a_closed_server_registers_nobody() {
    let server = Server::with(&[("auth.registration", "closed")]);
    server
        .connect()
        .request("register_user", &registration("anna"))
        .is(403);
    server
        .sign_in("admin")
        .ask("ping_pong", &Value::Null)
        .is(200);
}

#[test]
fn an_invitation_admits_one_person() {
    let server = Server::with(&[("auth.registration", "invite")]);
    let mut connection = server.connect();
    let refused = connection
        .request("register_user", &registration("anna"))
        .is(403);
    assert!(
        refused.detail().to_lowercase().contains("invit"),
        "{refused}"
    );

    let reply = server.sign_in("admin").ask("invite", &Value::Null).is(200);
    let code = reply.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    assert!(
        reply.data()["meta"]["expires"].as_u64() > Some(reply.time()),
        "{reply}"
    );

    let with = |login: &str, code: &str| json!({"user": [{"login": login, "password": PASSWORD, "auth_id": code}]});
    connection
        .request("register_user", &with("anna", "no such code"))
        .is(403);
    // A login that is taken does not use up the invitation.
    connection
        .request("register_user", &with("admin", &code))
        .is(409);
    connection
        .request("register_user", &with("anna", &code))
        .is(201);
    connection
        .request("register_user", &with("boris", &code))
        .is(403);
}

#[test]
fn members_invite_only_where_they_may() {
    let server = Server::start();
    server.register("anna").ask("invite", &Value::Null).is(403);
    let server = Server::with(&[("auth.members_invite", "true")]);
    server.register("anna").ask("invite", &Value::Null).is(200);
}

#[test]
fn a_wrong_login_and_a_wrong_password_sound_the_same() {
    let server = Server::start();
    server.register("anna");
    let mut connection = server.connect();
    let mut detail = |login: &str, password: &str| {
        let data = json!({"user": [{"login": login, "password": password}]});
        connection
            .request("authentication", &data)
            .is(401)
            .detail()
            .to_owned()
    };
    let wrong_password = detail("anna", "wrong");
    assert_eq!(wrong_password, detail("nobody", PASSWORD));
    assert_eq!(
        wrong_password,
        detail("anna", ""),
        "an empty password is a wrong one"
    );
}

#[test]
fn a_password_is_taken_as_it_is() {
    let server = Server::start();
    let mut connection = server.connect();
    let long = "x".repeat(1000);
    for (login, password) in [
        ("a", " spaces "),
        ("b", "пароль"),
        ("c", "\u{0}\n\u{202e}"),
        ("d", long.as_str()),
        ("e", "\u{e9}"),
    ] {
        let user = |password: &str| json!({"user": [{"login": login, "password": password}]});
        connection.request("register_user", &user(password)).is(201);
        connection
            .request("authentication", &user(password))
            .is(200);
        connection
            .request("authentication", &user(&format!("{password} ")))
            .is(401);
    }
}

#[test]
fn an_address_that_is_none_is_415() {
    let server = Server::start();
    let mut connection = server.connect();
    for email in ["nowhere", "@", "a@", "@b", "a b@c.d"] {
        let mut data = registration("anna");
        data["user"][0]["email"] = json!(email);
        connection.request("register_user", &data).is(415);
    }
    let mut data = registration("anna");
    data["user"][0]["email"] = json!("анна@пример.рф");
    connection.request("register_user", &data).is(201);
}

#[test]
fn a_profile_shows_an_address_to_its_owner_only() {
    let server = Server::start();
    let mut boris = server.register("boris");
    let mut connection = server.connect();
    let data = json!({"user": [{"login": "anna", "password": PASSWORD, "username": "Anna", "email": "anna@example.org"}]});
    connection.request("register_user", &data).is(201);
    let mut anna = Person::sign_in(connection, "anna");

    let seen = boris
        .ask("user_info", &json!({"user": [{}, {"uuid": anna.id}]}))
        .is(200);
    let profile = &seen.users()[0];
    assert_eq!(profile["username"], "Anna");
    assert_eq!(profile["login"], "anna");
    assert!(profile["time_created"].as_u64().is_some(), "{seen}");
    for secret in ["email", "password", "auth_id", "token_ttl"] {
        assert!(profile[secret].is_null(), "{secret}: {seen}");
    }
    let own_id = anna.id.clone();
    let own = anna
        .ask("user_info", &json!({"user": [{}, {"uuid": own_id}]}))
        .is(200);
    assert_eq!(own.users()[0]["email"], "anna@example.org");
    assert!(own.users()[0]["password"].is_null() && own.users()[0]["auth_id"].is_null());
}

#[test]
fn profiles_come_in_the_order_asked() {
    let server = Server::start();
    let mut people: Vec<Person> = ["a", "b", "c"]
        .iter()
        .map(|login| server.register(login))
        .collect();
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let order = [&ids[2], &ids[0], &ids[1]];
    let asked: Vec<Value> = [json!({})]
        .into_iter()
        .chain(order.iter().map(|id| json!({"uuid": id})))
        .collect();
    let reply = people[0].ask("user_info", &json!({"user": asked})).is(200);
    let came: Vec<_> = reply
        .users()
        .iter()
        .map(|user| user["uuid"].as_str().expect("id"))
        .collect();
    assert_eq!(came, order);
}

#[test]
fn at_most_a_hundred_users_are_asked_about() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let asked = |n: usize, id: &str| {
        let mut users = vec![json!({})];
        users.resize(n, json!({"uuid": id}));
        json!({"user": users})
    };
    let id = anna.id.clone();
    anna.ask("user_info", &asked(100, &id)).is(200);
    anna.ask("user_info", &asked(101, &id)).is(429);
}

#[test]
fn a_deleted_user_is_emptied_and_the_login_is_free() {
    let server = Server::start();
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    let chat = anna.add_flow("chat", "", &[&boris]);
    let group = anna.group("Hers", &[&boris]);
    anna.send(&chat, "Goodbye");
    anna.ask("edit_user", &json!({"user": [{"bio": "a bio", "username": "Anna", "email": "anna@example.org", "avatar": "aGk="}]})).is(200);
    let mut other_device = server.sign_in("anna");

    anna.ask(
        "delete_user",
        &json!({"user": [{"login": "anna", "password": "wrong"}]}),
    )
    .is(401);
    let reply = anna
        .ask(
            "delete_user",
            &json!({"user": [{"login": "anna", "password": PASSWORD}]}),
        )
        .is(200);
    assert!(reply.data().is_null(), "{reply}");
    other_device.ask("ping_pong", &Value::Null).is(401);

    let seen = boris
        .ask("user_info", &json!({"user": [{}, {"uuid": anna.id}]}))
        .is(200);
    let profile = &seen.users()[0];
    assert_eq!(profile["login"], "User deleted");
    assert_eq!(profile["username"], "User deleted");
    assert_eq!(profile["bio"], "deleted");
    assert!(
        matches!(profile["avatar"].as_str(), None | Some("")),
        "{seen}"
    );
    assert_eq!(boris.texts(&chat), ["Goodbye"], "the chat stays readable");

    let flows = boris.ask("all_flow", &Value::Null).is(200);
    let hers = flows
        .flows()
        .iter()
        .find(|flow| flow["uuid"] == json!(group))
        .expect("the group stays");
    assert_eq!(hers["owner"], json!(boris.id), "owned groups pass on");
    assert_eq!(hers["users"], json!([boris.id]));

    let data = json!({"user": [{"login": "anna", "password": PASSWORD}]});
    server.connect().request("authentication", &data).is(401);
    let again = server.register("anna");
    assert_ne!(again.id, anna.id);
}

#[test]
fn ownership_passes_to_who_joined_first() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let mut people: Vec<Person> = ["b", "c", "d"]
        .iter()
        .map(|login| server.register(login))
        .collect();
    let group = anna.group("G", &[&people[1]]);
    let members =
        |people: &[&Person]| -> Vec<String> { people.iter().map(|p| p.id.clone()).collect() };
    let full = members(&[&anna, &people[1], &people[0]]);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "users": full}]}),
    )
    .is(200);
    let full = members(&[&anna, &people[2], &people[0], &people[1]]);
    anna.ask(
        "edit_flow",
        &json!({"flow": [{"uuid": group, "users": full}]}),
    )
    .is(200);
    anna.ask(
        "delete_user",
        &json!({"user": [{"login": "anna", "password": PASSWORD}]}),
    )
    .is(200);
    let flows = people[0].ask("all_flow", &Value::Null).is(200);
    assert_eq!(
        flows.flows()[0]["owner"],
        json!(people[1].id),
        "c was there before b and d"
    );
}

#[test]
fn a_profile_is_edited_field_by_field() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let id = anna.id.clone();
    let mut profile = |data: Value| {
        anna.ask("edit_user", &data).is(200);
        let reply = anna
            .ask("user_info", &json!({"user": [{}, {"uuid": id}]}))
            .is(200);
        reply.users()[0].clone()
    };
    profile(json!({"user": [{"username": "Анна", "bio": "hello", "email": "a@example.org"}]}));
    let seen = profile(json!({"user": [{"bio": "changed"}]}));
    assert_eq!(seen["username"], "Анна", "what is absent stays");
    assert_eq!(seen["bio"], "changed");
    assert_eq!(seen["email"], "a@example.org");
    let seen = profile(json!({"user": [{"avatar": [0, 255]}]}));
    assert_eq!(seen["avatar"], "AP8=", "bytes come back as base64");
}

#[test]
fn people_are_found_by_the_beginning_of_a_name() {
    let server = Server::start();
    let mut connection = server.connect();
    for (login, username) in [
        ("anna", "Anna Karenina"),
        ("zed", "Лёва Аннин"),
        ("boris", "Boris"),
    ] {
        let data = json!({"user": [{"login": login, "password": PASSWORD, "username": username, "email": "x@example.org"}]});
        connection.request("register_user", &data).is(201);
    }
    let mut boris = server.sign_in("boris");
    let mut found = |query: &str| -> Vec<String> {
        let reply = boris
            .ask("find_user", &json!({"meta": {"query": query}}))
            .is(200);
        assert!(
            reply
                .users()
                .iter()
                .all(|user| user["email"].is_null() || user["login"] == "boris"),
            "{reply}"
        );
        let mut logins: Vec<String> = reply
            .users()
            .iter()
            .map(|user| user["login"].as_str().expect("a login").to_owned())
            .collect();
        logins.sort();
        logins
    };
    assert_eq!(found("an"), ["anna"]);
    assert_eq!(found("KARE"), ["anna"]);
    assert_eq!(found("анн"), ["zed"]);
    assert_eq!(found("nna"), Vec::<String>::new(), "beginnings only");
    assert_eq!(found("%"), Vec::<String>::new(), "text, no pattern");
    assert!(found("").len() >= 3, "an empty query lists people");
}

#[test]
fn a_password_may_be_typed_on_another_system() {
    // Composed as on most systems, decomposed as on macOS, and with a ligature.
    let forms = ["пароль ё йод ﬁn", "пароль е\u{308} и\u{306}од ﬁn"];
    let server = Server::start();
    let mut connection = server.connect();
    for (number, registered) in forms.into_iter().enumerate() {
        let with = |password: &str| json!({"user": [{"login": format!("anna {number}"), "password": password}]});
        connection
            .request("register_user", &with(registered))
            .is(201);
        for typed in forms {
            connection.request("authentication", &with(typed)).is(200);
        }
        for wrong in ["пароль е йод ﬁn", "ПАРОЛЬ ё йод ﬁn", "пароль ё йод ﬁn "]
        {
            connection.request("authentication", &with(wrong)).is(401);
        }
    }
    // The old password too, when it is changed.
    let mut anna = Person::sign_in_with(server.connect(), "anna 0", forms[1]);
    let change = json!({"user": [{"password": "another one"}], "meta": {"old_password": forms[1]}});
    anna.ask("edit_user", &change).is(200);
}
