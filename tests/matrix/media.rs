//! Files: sent by either protocol, fetched by the other.

use serde_json::{Value, json};

use super::{Client, address, document, events, parsed, people, refused, room_of, server};
use crate::{
    about::rich,
    common::{
        Server,
        http::{self, Answer, bearer, content, upload},
    },
    sent_files::{files, picture, send},
};

/// Sends bytes to an address of files.
#[track_caller]
pub(super) fn put(
    client: &Client<'_>,
    method: &str,
    path: &str,
    kind: &str,
    bytes: &[u8],
) -> Answer {
    let headers = format!(
        "Authorization: Bearer {}\r\nContent-Type: {kind}\r\n",
        client.token
    );
    let whole = format!("/_matrix/media/{path}");
    let answer = http::send(client.server, method, &whole, &headers, bytes);
    parsed::check(method, &format!("media/{path}"), &answer);
    answer
}

/// The address of bytes that are uploaded.
#[track_caller]
pub(super) fn uploaded(client: &Client<'_>, kind: &str, bytes: &[u8]) -> String {
    let told = document(&put(client, "POST", "v3/upload?filename=a.png", kind, bytes).is(200));
    told["content_uri"].as_str().expect("an address").to_owned()
}

/// Fetches a file, or its thumbnail.
#[track_caller]
pub(super) fn fetch(client: &Client<'_>, what: &str, mxc: &str) -> Answer {
    fetch_with(client.server, Some(&client.token), what, mxc, "")
}

#[track_caller]
fn fetch_with(
    server: &Server,
    token: Option<&str>,
    what: &str,
    mxc: &str,
    headers: &str,
) -> Answer {
    let token = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let path = mxc.strip_prefix("mxc://").expect("an address");
    let path = format!("{what}/{path}");
    let whole = format!("/_matrix/{path}");
    let answer = http::send(server, "GET", &whole, &format!("{token}{headers}"), b"");
    parsed::check("GET", path.trim_start_matches("client/"), &answer);
    answer
}

const DOWNLOAD: &str = "client/v1/media/download";
const THUMBNAIL: &str = "client/v1/media/thumbnail";

#[test]
fn a_file_is_uploaded_and_fetched_by_whoever_is_signed_in() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let text = b"hello <b>".to_vec();
    let mxc = uploaded(&anna, "text/plain", &text);
    assert!(mxc.starts_with("mxc://example.org/"), "{mxc}");
    let answer = fetch(&boris, DOWNLOAD, &mxc).is(200);
    assert_eq!(answer.body, text);
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("inline; filename=\"a.png\"; filename*=utf-8''a.png")
    );
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    let policy = answer.header("content-security-policy");
    assert!(policy.is_some_and(|policy| policy.starts_with("sandbox")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let token = Some(boris.token.as_str());
    let part = fetch_with(&server, token, DOWNLOAD, &mxc, "Range: bytes=1-4\r\n").is(206);
    assert_eq!(part.body, text[1..=4]);
    let page = uploaded(&anna, "text/html", b"<script>");
    let answer = fetch(&anna, DOWNLOAD, &page).is(200);
    let saved = answer.header("content-disposition");
    assert!(saved.is_some_and(|saved| saved.starts_with("attachment")));
    refused(
        fetch_with(&server, None, DOWNLOAD, &mxc, ""),
        401,
        "M_MISSING_TOKEN",
    );
    refused(
        fetch_with(&server, None, "media/v3/download", &mxc, ""),
        404,
        "M_NOT_FOUND",
    );
    let elsewhere = mxc.replace("example.org", "elsewhere.org");
    refused(fetch(&anna, DOWNLOAD, &elsewhere), 404, "M_NOT_FOUND");
    refused(fetch(&anna, THUMBNAIL, &mxc), 404, "M_NOT_FOUND");
    let limits = document(&call_media(&anna, "config").is(200));
    assert!(
        limits["m.upload.size"]
            .as_u64()
            .is_some_and(|size| size > 0)
    );
}

#[track_caller]
fn call_media(client: &Client<'_>, path: &str) -> Answer {
    let path = format!("v1/media/{path}");
    super::call(
        client.server,
        Some(&client.token),
        "GET",
        &path,
        &Value::Null,
    )
}

#[test]
fn a_name_is_given_before_the_file_and_filled_once_by_its_owner() {
    let server = server();
    let [anna, boris] = people(&server, ["anna", "boris"]);
    let made = document(&put(&anna, "POST", "v1/create", "application/json", b"").is(200));
    assert!(made["unused_expires_at"].is_u64());
    let mxc = made["content_uri"].as_str().expect("an address").to_owned();
    refused(fetch(&anna, DOWNLOAD, &mxc), 404, "M_NOT_FOUND");
    let path = mxc.strip_prefix("mxc://").expect("an address");
    let path = format!("v3/upload/{path}");
    let fill = |who: &Client<'_>| put(who, "PUT", &path, "image/png", &picture(900, 1));
    refused(fill(&boris), 403, "M_FORBIDDEN");
    fill(&anna).is(200);
    refused(fill(&anna), 409, "M_CANNOT_OVERWRITE_MEDIA");
    let answer = fetch(&boris, THUMBNAIL, &mxc).is(200);
    assert_eq!(answer.body, picture(900, 1));
    assert_eq!(answer.header("content-type"), Some("image/png"));
    let none = path.replace(&path[path.len() - 8..], "00000000");
    let answer = put(&anna, "PUT", &none, "image/png", b"x");
    refused(answer, 404, "M_NOT_FOUND");
}

#[test]
fn a_picture_of_a_room_is_for_its_readers_and_goes_with_its_message() {
    let server = server();
    let mut boris = server.register("boris");
    let [anna, carol] = people(&server, ["anna", "carol"]);
    let room = anna.create(&json!({"invite": [], "name": "G"}));
    anna.done(
        "POST",
        &format!("{room}/invite"),
        &json!({"user_id": "@boris:example.org"}),
    );
    let bytes = picture(300_000, 7);
    let small = picture(1_000, 8);
    let mxc = uploaded(&anna, "image/png", &bytes);
    let thumbnail = uploaded(&anna, "image/png", &small);
    let sent = json!({
        "msgtype": "m.image", "body": "the cat", "filename": "cat.png", "url": mxc,
        "info": {"w": 30, "h": 20, "mimetype": "image/png", "size": bytes.len(), "thumbnail_url": thumbnail,
                 "thumbnail_info": {"w": 3, "h": 2}},
    });
    let event = anna.send(&room, "m.room.message", "1", &sent);
    let flows = boris.ask("all_flow", &Value::Null).is(200);
    let flow = flows.flows()[0]["uuid"].as_str().expect("an id").to_owned();
    // The other protocol sees a picture with its words.
    let rich = crate::roles::ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    )
    .is(200);
    assert_eq!(rich.messages()[0]["text"], "the cat");
    let shown = files(&rich);
    assert_eq!(
        (&shown[0]["kind"], &shown[0]["name"], &shown[0]["width"]),
        (&json!("picture"), &json!("cat.png"), &json!(30))
    );
    let path = format!("/file/{}", shown[0]["id"].as_str().expect("an id"));
    let by_file = http::send(&server, "GET", &path, &bearer(&boris), b"").is(200);
    assert_eq!(by_file.body, bytes);
    // What was sent comes back as it was, and is for the readers of the room.
    let told = anna.get(&format!("{room}/event/{event}"));
    assert_eq!(told["content"], sent);
    assert_eq!(fetch(&anna, DOWNLOAD, &mxc).is(200).body, bytes);
    assert_eq!(fetch(&anna, THUMBNAIL, &mxc).is(200).body, small);
    for what in [DOWNLOAD, THUMBNAIL] {
        refused(fetch(&carol, what, &mxc), 404, "M_NOT_FOUND");
    }
    refused(fetch(&carol, DOWNLOAD, &thumbnail), 404, "M_NOT_FOUND");
    // Sent on by its address it is shown there too.
    let other = anna.create(&json!({"name": "H"}));
    anna.done(
        "POST",
        &format!("{other}/invite"),
        &json!({"user_id": carol.user}),
    );
    carol.done("POST", &format!("{other}/join"), &json!({}));
    anna.send(&other, "m.room.message", "2", &sent);
    assert_eq!(fetch(&carol, DOWNLOAD, &mxc).is(200).body, bytes);
    anna.done("PUT", &format!("{room}/redact/{event}/3"), &json!({}));
    assert_eq!(fetch(&carol, DOWNLOAD, &mxc).is(200).body, bytes);
    let gone = http::send(&server, "GET", &path, &bearer(&boris), b"");
    assert_eq!(gone.status, 404);
}

#[test]
fn a_file_of_the_other_protocol_is_an_event_with_its_address() {
    let server = server();
    let mut boris = server.register("boris");
    let anna = server.register("anna");
    let group = boris.group("G", &[&anna]);
    let anna = Client::sign_in(&server, "anna");
    let room = address(&room_of(&group));
    let (bytes, small) = (picture(40_000, 1), picture(500, 2));
    let [a, b] = [&bytes, &small].map(|bytes| upload(&server, &boris, bytes));
    let c = upload(&server, &boris, &content(300, 3));
    send(
        &mut boris,
        &group,
        "look",
        &json!([
            {"upload": a, "kind": "picture", "name": "a.png", "width": 4, "height": 3,
             "thumbnail": {"upload": b, "width": 2, "height": 1}},
        ]),
    )
    .is(200);
    send(
        &mut boris,
        &group,
        "",
        &json!([{"upload": c, "kind": "document", "name": "c.bin"}]),
    )
    .is(200);
    let page = anna.get(&format!("{room}/messages?dir=b&limit=10"));
    let told: Vec<_> = events(&page["chunk"])
        .filter(|event| event["type"] == "m.room.message")
        .collect();
    let [document, image] = told.as_slice() else {
        panic!("{page:#}");
    };
    assert_eq!(document["content"]["msgtype"], "m.file");
    assert_eq!(document["content"]["body"], "c.bin");
    let content = &image["content"];
    assert_eq!(
        (&content["msgtype"], &content["body"], &content["filename"]),
        (&json!("m.image"), &json!("look"), &json!("a.png"))
    );
    assert_eq!(
        (&content["info"]["w"], &content["info"]["h"]),
        (&json!(4), &json!(3))
    );
    let url = content["url"].as_str().expect("an address");
    assert_eq!(fetch(&anna, DOWNLOAD, url).is(200).body, bytes);
    assert_eq!(fetch(&anna, THUMBNAIL, url).is(200).body, small);
    let thumbnail = content["info"]["thumbnail_url"]
        .as_str()
        .expect("an address");
    assert_eq!(fetch(&anna, DOWNLOAD, thumbnail).is(200).body, small);
    // Replies name the event that clients have, here and when it became a stored one.
    let all = rich(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    );
    let ids: Vec<_> = all
        .messages()
        .iter()
        .map(|message| message["uuid"].clone())
        .collect();
    let mut replies = Vec::new();
    for id in &ids {
        let body = json!({"flow": [{"uuid": group}], "message": [{"text": "nice"}], "meta": {"about": {"reply": {"uuid": id}}}});
        let sent = rich(&mut boris, "send_message", &body).is(200);
        replies.push(
            sent.messages()[0]["uuid"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
    }
    for _ in 0..2 {
        let page = anna.get(&format!("{room}/messages?dir=b&limit=10"));
        let named: Vec<_> = events(&page["chunk"])
            .map(|event| &event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"])
            .filter(|id| !id.is_null())
            .collect();
        assert_eq!(
            named,
            [&document["event_id"], &image["event_id"]],
            "{page:#}"
        );
        boris.delete(ids[0].as_str().expect("an id"));
        for id in &replies {
            boris.edit(id, "very nice").is(200);
        }
    }
}

#[test]
fn a_file_that_only_clients_read_stays_with_its_message() {
    let server = server();
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.group("Family", &[&boris]);
    let room = address(&room_of(&flow));
    let [client, reader] = ["anna", "boris"].map(|login| Client::sign_in(&server, login));
    let mxc = uploaded(&client, "application/octet-stream", b"sealed");
    let sealed = json!({
        "msgtype": "m.image", "body": "dot.png", "info": {"mimetype": "image/png"},
        "file": {"url": mxc, "key": {}, "iv": "", "hashes": {}, "v": "v2"},
    });
    let path = format!("{room}/send/m.room.message/1");
    client.done("PUT", &path, &sealed);
    let page = rich(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": flow}]}),
    );
    let message = page.messages()[0]["uuid"].as_str().expect("an id");
    let file = &page.data()["meta"]["about"][message]["files"][0];
    assert_eq!(
        (&file["kind"], &file["size"]),
        (&json!("document"), &json!(6))
    );
    assert_eq!(fetch(&reader, DOWNLOAD, &mxc).is(200).body, b"sealed");
    anna.delete(message).is(200);
    refused(fetch(&reader, DOWNLOAD, &mxc), 404, "M_NOT_FOUND");
}
