//! Signing in and out.

use serde_json::{Value, json};

use super::{Client, call, document, refused, server};
use crate::common::{PASSWORD, Server, eventually};

fn login(server: &Server, user: &str, password: &str) -> crate::common::http::Answer {
    let body = json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
    });
    call(server, None, "POST", "v3/login", &body)
}

#[test]
fn a_device_signs_in_and_out() {
    let server = server();
    server.register("Anna");
    let flows = document(&call(&server, None, "GET", "v3/login", &Value::Null).is(200));
    assert_eq!(flows, json!({"flows": [{"type": "m.login.password"}]}));
    let anna = Client::sign_in(&server, "anna");
    assert_eq!(anna.user, "@anna:example.org");
    assert!(
        anna.device.len() == 10 && anna.device.bytes().all(|it| it.is_ascii_uppercase()),
        "{}",
        anna.device
    );
    assert_eq!(
        anna.get("account/whoami"),
        json!({"user_id": anna.user, "device_id": anna.device, "is_guest": false})
    );
    anna.call("POST", "logout", &Value::Null).is(200);
    refused(
        anna.call("GET", "account/whoami", &Value::Null),
        401,
        "M_UNKNOWN_TOKEN",
    );
}

#[test]
fn a_known_device_ends_its_old_token_and_all_end_at_once() {
    let server = server();
    server.register("anna");
    let body = json!({
        "type": "m.login.password", "user": "anna", "password": PASSWORD, "device_id": "PHONE",
        "initial_device_display_name": "A phone",
    });
    let sign_in = || document(&call(&server, None, "POST", "r0/login", &body).is(200));
    let whoami = |told: &Value| {
        let token = told["access_token"].as_str();
        call(&server, token, "GET", "v3/account/whoami", &Value::Null)
    };
    let (first, second) = (sign_in(), sign_in());
    assert_eq!(second["device_id"], "PHONE");
    refused(whoami(&first), 401, "M_UNKNOWN_TOKEN");
    whoami(&second).is(200);
    let other = Client::sign_in(&server, "anna");
    other.call("POST", "logout/all", &json!({})).is(200);
    refused(whoami(&second), 401, "M_UNKNOWN_TOKEN");
}

#[test]
fn who_cannot_sign_in_does_not_learn_why() {
    let server = server();
    server.register("anna");
    server.register("boris");
    server.command(["user", "suspend", "boris"]).run().exits(0);
    let wrong = login(&server, "anna", "wrong").is(403);
    for (user, password) in [
        ("nobody", PASSWORD),
        ("@nobody:example.org", PASSWORD),
        ("@anna:elsewhere.org", PASSWORD),
        ("boris", PASSWORD),
        ("", PASSWORD),
    ] {
        let answer = login(&server, user, password).is(403);
        assert_eq!(answer.body, wrong.body, "{user}");
    }
    refused(wrong, 403, "M_FORBIDDEN");
    let kind = json!({"type": "m.login.sso", "user": "anna"});
    refused(
        call(&server, None, "POST", "v3/login", &kind),
        400,
        "M_UNKNOWN",
    );
}

#[test]
fn a_token_that_has_only_expired_says_so() {
    let server = server();
    server.register("anna");
    let anna = Client::sign_in(&server, "anna");
    let file = rusqlite::Connection::open(server.database()).expect("the database");
    file.execute("UPDATE sessions SET expires_at = 1 WHERE kind = 2", [])
        .expect("changed");
    drop(file);
    let told = eventually(
        || anna.call("GET", "account/whoami", &Value::Null),
        |answer| answer.status == 401,
    );
    assert_eq!(refused(told, 401, "M_UNKNOWN_TOKEN")["soft_logout"], true);
}

#[test]
fn tokens_that_are_renewed_end_once_the_new_one_is_used() {
    let server = server();
    server.register("anna");
    let body = json!({
        "type": "m.login.password", "user": "anna", "password": PASSWORD, "device_id": "D",
        "refresh_token": true,
    });
    let told = document(&call(&server, None, "POST", "v3/login", &body).is(200));
    assert_eq!(told["expires_in_ms"], 3_600_000);
    let pair = |told: &Value| {
        ["access_token", "refresh_token"].map(|key| told[key].as_str().expect("one").to_owned())
    };
    let refresh = |token: &str| {
        let body = json!({"refresh_token": token});
        call(&server, None, "POST", "v3/refresh", &body)
    };
    let whoami = |token: &str| {
        call(
            &server,
            Some(token),
            "GET",
            "v3/account/whoami",
            &Value::Null,
        )
    };
    let [first, renewing] = pair(&told);
    whoami(&first).is(200);
    let lost = pair(&document(&refresh(&renewing).is(200)));
    // Who has not got the answer asks again; what was in it is good no more.
    let [second, then] = pair(&document(&refresh(&renewing).is(200)));
    refused(whoami(&lost[0]), 401, "M_UNKNOWN_TOKEN");
    refused(refresh(&lost[1]), 401, "M_UNKNOWN_TOKEN");
    whoami(&first).is(200);
    let told = document(&whoami(&second).is(200));
    assert_eq!(told["device_id"], "D");
    // Now the new one is in use.
    let gone = refused(whoami(&first), 401, "M_UNKNOWN_TOKEN");
    assert_eq!(gone["soft_logout"], false);
    refused(refresh(&renewing), 401, "M_UNKNOWN_TOKEN");
    refused(refresh("x"), 401, "M_UNKNOWN_TOKEN");

    // A token that has only ended says so, and is renewed.
    let [third, then] = pair(&document(&refresh(&then).is(200)));
    let file = rusqlite::Connection::open(server.database()).expect("the database");
    file.execute("UPDATE sessions SET token_until = 1 WHERE kind = 2", [])
        .expect("changed");
    drop(file);
    let ended = eventually(|| whoami(&third), |answer| answer.status == 401);
    assert_eq!(refused(ended, 401, "M_UNKNOWN_TOKEN")["soft_logout"], true);
    let [fourth, _] = pair(&document(&refresh(&then).is(200)));
    // That does not bring it back, not even until the next is used.
    let ended = refused(whoami(&third), 401, "M_UNKNOWN_TOKEN");
    assert_eq!(ended["soft_logout"], true);
    let told = document(&whoami(&fourth).is(200));
    assert_eq!(told["user_id"], "@anna:example.org");

    // What is kept of them is hashes.
    let kept = server.database_bytes();
    for token in [&fourth, &then] {
        let token = token.as_bytes();
        assert!(!kept.windows(token.len()).any(|it| it == token));
    }
}
