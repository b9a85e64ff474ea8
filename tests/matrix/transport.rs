//! How requests come and are answered, whatever they are about.

use serde_json::{Value, json};

use super::{Client, call, document, refused, server};
use crate::common::{Server, http};

#[test]
fn off_there_is_nothing_of_it() {
    let server = Server::start();
    for path in ["/_matrix/client/versions", "/.well-known/matrix/client"] {
        http::ask(&server, "GET", path, "").is(404);
    }
}

#[test]
fn on_it_says_which_versions_it_speaks_and_where_it_is() {
    let server = Server::with(&[
        ("matrix.enabled", "on"),
        ("server.public_url", "https://chat.example.org:8448"),
    ]);
    let versions = document(&http::ask(&server, "GET", "/_matrix/client/versions", "").is(200));
    let list = versions["versions"].as_array().expect("versions");
    assert!(
        list.contains(&json!("v1.1")) && list.contains(&json!("v1.11")),
        "{versions}"
    );
    let known = document(&http::ask(&server, "GET", "/.well-known/matrix/client", "").is(200));
    assert_eq!(
        known["m.homeserver"]["base_url"],
        "https://chat.example.org:8448"
    );
    assert_eq!(known["io.element.e2ee"]["force_disable"], true);
    server.register("anna");
    assert_eq!(
        Client::sign_in(&server, "anna").user,
        "@anna:chat.example.org"
    );
    let nowhere = super::server();
    refused(
        http::ask(&nowhere, "GET", "/.well-known/matrix/client", ""),
        404,
        "M_NOT_FOUND",
    );
    http::ask(&nowhere, "GET", "/.well-known/other", "").is(404);
}

#[test]
fn every_answer_can_be_read_by_a_page_and_options_need_no_token() {
    let server = server();
    for (method, path, status) in [
        ("GET", "/_matrix/client/versions", 200),
        ("GET", "/_matrix/client/v3/nothing", 404),
        ("GET", "/_matrix/client/v3/account/whoami", 401),
        ("OPTIONS", "/_matrix/client/v3/account/whoami", 204),
        ("OPTIONS", "/_matrix/client/v3/no/such/thing", 204),
        ("OPTIONS", "/_matrix/client/v3/rooms/%21a%2Fb/state", 204),
        ("OPTIONS", "/_matrix/media/v3/upload", 204),
        ("OPTIONS", "/.well-known/matrix/client", 204),
        ("GET", "/.well-known/matrix/client", 404),
        ("PATCH", "/_matrix/client/v3/sync", 405),
    ] {
        for headers in ["", "Origin: https://app.example.com\r\n"] {
            let answer = http::ask(&server, method, path, headers).is(status);
            let is = |name: &str, value: &str| {
                assert_eq!(answer.header(name), Some(value), "{path}\n{}", answer.head);
            };
            is("access-control-allow-origin", "*");
            is(
                "access-control-allow-methods",
                "get, post, put, delete, options",
            );
            is(
                "access-control-allow-headers",
                "x-requested-with, content-type, authorization",
            );
        }
    }
}

#[test]
fn what_is_not_there_is_told_from_what_is_asked_wrongly() {
    let server = server();
    server.register("anna");
    let anna = Client::sign_in(&server, "anna");
    let none = &Value::Null;
    refused(
        anna.call("GET", "no/such/thing", none),
        404,
        "M_UNRECOGNIZED",
    );
    refused(
        anna.call("PUT", "account/whoami", none),
        405,
        "M_UNRECOGNIZED",
    );
    refused(
        call(&server, None, "GET", "v3/account/whoami", none),
        401,
        "M_MISSING_TOKEN",
    );
    let by_address = format!("v3/account/whoami?access_token={}", anna.token);
    refused(
        call(&server, None, "GET", &by_address, none),
        401,
        "M_MISSING_TOKEN",
    );
    let unknown = call(&server, Some("nonsense"), "GET", "v3/account/whoami", none);
    let told = refused(unknown, 401, "M_UNKNOWN_TOKEN");
    assert_eq!(told["soft_logout"], false);
    // A token of the other protocol is none here.
    let other = server.sign_in("anna");
    let answer = call(
        &server,
        Some(&other.token),
        "GET",
        "v3/account/whoami",
        none,
    );
    refused(answer, 401, "M_UNKNOWN_TOKEN");
    let send = |body: &[u8]| http::send(&server, "POST", "/_matrix/client/v3/login", "", body);
    refused(send(b"{"), 400, "M_NOT_JSON");
    refused(send(b"\xff\xfe"), 400, "M_NOT_JSON");
    refused(send(b"[1]"), 400, "M_BAD_JSON");
    refused(send(b"{\"type\": 1}"), 400, "M_BAD_JSON");
    refused(send(b""), 400, "M_MISSING_PARAM");
    refused(send(&vec![b' '; 70_000]), 413, "M_TOO_LARGE");
    assert_eq!(
        document(&call(&server, Some(&anna.token), "GET", "r0/account/whoami", none).is(200))["user_id"],
        "@anna:example.org"
    );
}

#[test]
fn what_this_server_has_not_is_answered_as_clients_expect() {
    let server = server();
    server.register("anna");
    let anna = Client::sign_in(&server, "anna");
    assert_eq!(anna.get("account/3pid"), json!({"threepids": []}));
    refused(
        anna.call("POST", "account/3pid/add", &json!({})),
        403,
        "M_THREEPID_DENIED",
    );
    for path in ["voip/turnServer", "thirdparty/protocols"] {
        assert_eq!(anna.get(path), json!({}));
    }
    let room = "rooms/%21x%3Aexample.org";
    let reason = json!({"reason": "spam"});
    anna.call("POST", &format!("{room}/report/%24y"), &reason)
        .is(200);
    for path in [
        "events",
        "initialSync",
        "admin/whois/x",
        "room_keys/version",
        "pushers",
    ] {
        refused(anna.call("GET", path, &Value::Null), 404, "M_UNRECOGNIZED");
    }
    for path in ["knock/%21x", "rooms/%21x/upgrade", "keys/claim"] {
        refused(anna.call("POST", path, &json!({})), 404, "M_UNRECOGNIZED");
    }
    for path in [
        "client/v1/auth_metadata",
        "client/v1/rooms/x/hierarchy",
        "federation/v1/version",
        "key/v2/server",
    ] {
        let answer = http::ask(&server, "GET", &format!("/_matrix/{path}"), "");
        refused(answer, 404, "M_UNRECOGNIZED");
    }
    let versions = &anna.get("capabilities")["capabilities"]["m.room_versions"];
    assert_eq!(
        versions,
        &json!({"default": "11", "available": {"11": "stable"}})
    );
    let rules = anna.get("pushrules/");
    let first = &rules["global"]["override"][0];
    assert_eq!(
        (&first["rule_id"], &first["enabled"]),
        (&json!(".m.rule.master"), &json!(false))
    );
    assert_eq!(anna.get("pushrules/global/")["override"][0], *first);
}

#[test]
fn who_asks_too_often_is_told_for_how_long_to_wait() {
    let server = Server::with(&[
        ("matrix.enabled", "on"),
        ("matrix.server_name", "example.org"),
        ("limits.requests_per_second", "1"),
        ("limits.burst", "3"),
    ]);
    server.register("anna");
    let anna = Client::sign_in(&server, "anna");
    let limited = (0..400)
        .map(|_| anna.call("GET", "account/whoami", &Value::Null))
        .find(|answer| answer.status != 200)
        .expect("a limit");
    assert!(limited.header("retry-after").is_some(), "{}", limited.head);
    let told = refused(limited, 429, "M_LIMIT_EXCEEDED");
    assert!(
        told["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0),
        "{told}"
    );
}
