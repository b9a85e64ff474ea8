//! Files that are uploaded and sent with messages: what everybody sees of them, in either form.

use serde_json::{Value, json};

use crate::{
    common::{
        Person, Reply, Server,
        http::{self, bearer, content, tus, upload},
    },
    push::{subscribe, told},
    roles::ask,
    users::document,
};

/// A PNG's first bytes and some more.
pub(crate) fn picture(length: usize, seed: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(content(length - 8, seed));
    bytes
}

/// Sends files that were uploaded, with a text.
#[track_caller]
pub(crate) fn send(person: &mut Person, flow: &str, text: &str, files: &Value) -> Reply {
    let mut message = json!({"client_id": 1});
    if !text.is_empty() {
        message["text"] = json!(text);
    }
    let data = json!({
        "flow": [{"uuid": flow}], "message": [message], "meta": {"about": {"files": files}},
    });
    ask(person, "send_message", &data)
}

/// The files of the message that an answer is about.
#[track_caller]
pub(crate) fn files(reply: &Reply) -> Vec<Value> {
    let message = reply.messages()[0]["uuid"].as_str().expect("an id");
    let files = &reply.data()["meta"]["about"][message]["files"];
    files.as_array().expect("files").clone()
}

/// The newest message of a flow, as a client sees it that does not ask for more.
#[track_caller]
pub(crate) fn newest_plain(person: &mut Person, flow: &str) -> Value {
    let page = person.page(flow, None).is(200);
    page.messages().last().expect("a message").clone()
}

#[test]
fn thumbnails_are_not_counted_as_files() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let count = || document(server.command(["status"]))["files"].clone();
    let [film, small, other] = [700_000, 2_000, 3_000].map(|length| picture(length, 1));
    let [film, small, other] = [&film, &small, &other].map(|bytes| upload(&server, &anna, bytes));
    let shown = |upload: &String, thumbnail: &String| {
        let thumbnail = json!({"upload": thumbnail, "width": 9, "height": 9});
        json!([{"upload": upload, "kind": "picture", "thumbnail": thumbnail}])
    };
    send(&mut anna, &group, "", &shown(&film, &small)).is(200);
    send(&mut anna, &group, "", &shown(&film, &other)).is(200);
    assert_eq!(count(), json!(1));
    // Sent by itself, it is a file like others.
    let itself = json!([{"upload": other, "kind": "picture"}]);
    send(&mut anna, &group, "", &itself).is(200);
    assert_eq!(count(), json!(2));
}

#[test]
fn an_album_is_sent_and_fetched() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let (large, small) = (picture(700_000, 1), picture(2_000, 2));
    let film = content(400_000, 3);
    let [a, b, c] = [&large, &small, &film].map(|bytes| upload(&server, &anna, bytes));
    let sent = send(
        &mut anna,
        &group,
        "look",
        &json!([
            {
                "upload": a, "kind": "picture", "name": "Ferien.png", "width": 4000, "height": 3000,
                "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
                "thumbnail": {"upload": b, "width": 480, "height": 360},
            },
            {"upload": b, "kind": "picture"},
            {"upload": c, "kind": "voice", "duration": 61_000, "waveform": "AAH/"},
            {"upload": c, "kind": "document", "name": "b.bin"},
        ]),
    )
    .is(200);
    let told = files(&sent);
    assert_eq!(told.len(), 4);
    let first = &told[0];
    for (key, value) in [
        ("kind", json!("picture")),
        ("name", json!("Ferien.png")),
        ("type", json!("image/png")),
        ("size", json!(700_000)),
        ("width", json!(4000)),
        ("height", json!(3000)),
        ("blurhash", json!("LEHV6nWB2yk8pyo0adR*.7kCMdnj")),
    ] {
        assert_eq!(first[key], value, "{first}");
    }
    assert_eq!(first["thumbnail"]["width"], 480);
    assert_eq!(first["thumbnail"]["size"], 2_000);
    assert_eq!(told[2]["kind"], "voice");
    assert_eq!(told[2]["duration"], 61_000);
    assert_eq!(told[2]["waveform"], "AAH/");
    assert_eq!(told[3]["name"], "b.bin");
    assert!(told[3].get("type").is_none(), "{}", told[3]);

    // Others see the same, and fetch it: whole, in part, and the thumbnail.
    let page = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    assert_eq!(files(&page), told);
    let fetch = |person: &Person, id: &Value, range: &str| {
        let path = format!("/file/{}", id.as_str().expect("an id"));
        http::ask(&server, "GET", &path, &format!("{}{range}", bearer(person)))
    };
    let whole = fetch(&boris, &first["id"], "").is(200);
    assert!(whole.body == large);
    assert_eq!(whole.header("content-type"), Some("image/png"));
    assert_eq!(
        whole.header("content-disposition"),
        Some("inline; filename=\"ferien.png\"; filename*=utf-8''ferien.png")
    );
    assert_eq!(whole.header("no-vary-search"), Some("params=(\"t\")"));
    assert_eq!(whole.header("referrer-policy"), Some("no-referrer"));
    let part = fetch(&boris, &first["id"], "Range: bytes=300000-300099\r\n").is(206);
    assert_eq!(part.body, &large[300_000..300_100]);
    let thumbnail = fetch(&boris, &first["thumbnail"]["id"], "").is(200);
    assert_eq!(thumbnail.body, small);
    let saved = fetch(&boris, &told[3]["id"], "").is(200);
    assert_eq!(
        saved.header("content-disposition"),
        Some("attachment; filename=\"b.bin\"; filename*=utf-8''b.bin")
    );
    let head = http::ask(
        &server,
        "HEAD",
        &format!("/file/{}", first["id"].as_str().expect("an id")),
        &bearer(&boris),
    )
    .is(200);
    assert_eq!(head.header("content-length"), Some("700000"));
    let stranger = server.register("clara");
    for id in [&first["id"], &first["thumbnail"]["id"]] {
        fetch(&stranger, id, "").is(404);
    }
    // What shows a file keeps it, whatever becomes of the upload.
    let path = format!("/files/{a}");
    let refused = http::ask(&server, "DELETE", &path, &tus(&anna)).is(403);
    assert!(
        refused.detail().contains("delete that message"),
        "{}",
        refused.detail()
    );
    // Deleted, it is gone.
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    anna.delete(&message).is(200);
    fetch(&boris, &first["id"], "").is(404);
    fetch(&anna, &first["thumbnail"]["id"], "").is(404);
    http::ask(&server, "DELETE", &path, &tus(&anna)).is(204);
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let server = Server::with(&[("limits.message_files", "3")]);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let one = upload(&server, &anna, b"0123456789");
    let headers = format!("{}Upload-Length: 5\r\n", tus(&anna));
    let begun = http::ask(&server, "POST", "/files", &headers).is(201);
    let begun = begun
        .header("location")
        .expect("a path")
        .replace("/files/", "");
    let theirs = upload(&server, &boris, b"9876543210");
    let document = |id: &str| json!({"upload": id, "kind": "document"});
    for id in [&*begun, &*theirs, &"0".repeat(32), "x"] {
        let refused = send(
            &mut anna,
            &group,
            "",
            &json!([document(&one), document(id)]),
        )
        .is(404);
        assert!(
            refused.detail().contains("data.meta.about.files[1].upload"),
            "{refused}"
        );
        let thumbnail = json!([{"upload": one, "kind": "video", "thumbnail": {"upload": id}}]);
        let refused = send(&mut anna, &group, "", &thumbnail).is(404);
        let place = "data.meta.about.files[0].thumbnail.upload";
        assert!(refused.detail().contains(place), "{refused}");
    }
    for (bad, code) in [
        (json!([{"kind": "picture"}]), 400),
        (json!([{"upload": one, "kind": "film"}]), 415),
        (json!([{"upload": one, "kind": "picture", "width": 0}]), 415),
        (
            json!([{"upload": one, "kind": "picture", "height": 65536}]),
            415,
        ),
        (
            json!([{"upload": one, "kind": "voice", "duration": -1}]),
            415,
        ),
        (
            json!([{"upload": one, "kind": "voice", "waveform": "%"}]),
            415,
        ),
        (
            json!([{"upload": one, "kind": "picture", "blurhash": "x"}]),
            415,
        ),
        (
            json!([{"upload": one, "kind": "document", "name": "n".repeat(256)}]),
            415,
        ),
        (json!({"upload": one}), 415),
        (
            json!([
                document(&one),
                document(&one),
                document(&one),
                document(&one)
            ]),
            403,
        ),
    ] {
        send(&mut anna, &group, "", &bad).is(code);
    }
    // A message brings its files along or names them; and says something.
    let data = json!({
        "flow": [{"uuid": group}], "message": [{"file_document": "AAAA"}],
        "meta": {"about": {"files": [document(&one)]}},
    });
    ask(&mut anna, "send_message", &data).is(400);
    send(&mut anna, &group, "", &json!([])).is(400);
    // A thumbnail that is none is left out, and the message stands.
    let noise = upload(&server, &anna, &content(1_000, 5));
    let large = upload(&server, &anna, &picture(131_073, 6));
    for id in [noise, large] {
        let files_of = json!([{"upload": one, "kind": "video", "thumbnail": {"upload": id}}]);
        let sent = send(&mut anna, &group, "", &files_of).is(200);
        assert!(files(&sent)[0].get("thumbnail").is_none(), "{sent}");
    }
    assert_eq!(boris.page(&group, None).is(200).messages().len(), 2);
}

#[test]
fn an_upload_is_sent_as_often_as_wanted_and_once_with_a_txn() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = upload(&server, &anna, &content(500_000, 7));
    let data = json!({
        "flow": [{"uuid": group}], "message": [{}],
        "meta": {"about": {"files": [{"upload": id, "kind": "document"}]}},
    });
    let mut of = |txn: &str| {
        let meta = json!({"accept": ["rich"], "txn": txn});
        files(&anna.ask_with_meta("send_message", &data, &meta).is(200))[0]["id"].clone()
    };
    let first = of("one");
    assert_eq!(of("one"), first);
    assert_ne!(of("two"), first);
    assert_eq!(anna.page(&group, None).is(200).messages().len(), 2);
}

#[test]
fn plain_clients_get_what_fits_and_are_told_of_the_rest() {
    let url = "https://chat.example";
    let keys = [("limits.files", "1MB"), ("server.public_url", url)];
    let server = Server::with(&keys);
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    subscribe(&mut boris);
    let shot = picture(300_000, 8);
    let [small, large] = [&shot, &picture(1_200_000, 9)].map(|bytes| upload(&server, &anna, bytes));
    let files_of = json!([
        {"upload": large, "kind": "picture", "name": "IMG_2.jpg"},
        {"upload": small, "kind": "picture", "name": "IMG_1.jpg"},
        {"upload": small, "kind": "picture"},
        {"upload": small, "kind": "document"},
    ]);
    let sent = send(&mut anna, &group, "look", &files_of).is(200);
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    // The first that fits is in its slot; the others are told in the last line.
    let line = format!("IMG_2.jpg (1.2 MB), +1 file: {url}/#/m/{message}");
    let pushed = told(&mut boris);
    let page = newest_plain(&mut boris, &group);
    for shown in [&pushed.messages()[0], &page] {
        assert_eq!(
            shown["text"],
            json!(format!("look\n{line}")),
            "{}",
            shown["text"]
        );
        let encoded = shown["file_picture"].as_str().expect("a picture");
        assert_eq!(encoded.len(), 400_000);
        assert!(shown.get("file_document").is_some());
        assert!(shown.get("about").is_none());
    }
    // Who asks for more sees the text as it is.
    let rich = ask(
        &mut boris,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    assert_eq!(rich.messages()[0]["text"], "look");
    assert!(rich.messages()[0].get("file_picture").is_none());

    // What it sends back of that line is not taken for words.
    let plain = |person: &mut Person, text: &str| {
        let data = json!({"message": [{"uuid": message, "text": text}]});
        person.ask("edited_message", &data).is(200);
        newest_plain(person, &group)["text"].clone()
    };
    assert_eq!(
        plain(&mut anna, &format!("look here\n{line}")),
        json!(format!("look here\n{line}"))
    );
    assert_eq!(plain(&mut anna, "mine"), json!(format!("mine\n{line}")));
    // A file that it sends takes the place of the one in that slot; the same changes nothing.
    let with = |person: &mut Person, value: Value| {
        let data = json!({"message": [{"uuid": message, "file_picture": value}]});
        person.ask("edited_message", &data).is(200);
        let page = ask(person, "all_messages", &json!({"flow": [{"uuid": group}]})).is(200);
        files(&page)
    };
    let before = files(&ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    ));
    let same = with(&mut anna, page["file_picture"].clone());
    assert_eq!(same, before);
    let other = with(&mut anna, json!("iVBORw0KGgowMTIzNDU2Nzg5"));
    assert_eq!(other.len(), 4);
    assert_eq!(
        other[1]["size"], 18,
        "it stands where the old one stood: {other:?}"
    );
    assert!(!other.iter().any(|file| file["name"] == "IMG_1.jpg"));
    assert!(other.iter().any(|file| file["name"] == "IMG_2.jpg"));
}

#[test]
fn the_files_of_a_message_are_put_into_another_order() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let uploads = [1, 2, 3].map(|n| upload(&server, &anna, &content(100 + n, 10)));
    let all: Vec<_> = uploads[..2]
        .iter()
        .map(|id| json!({"upload": id, "kind": "document"}))
        .collect();
    let sent = send(&mut anna, &group, "", &json!(all)).is(200);
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let told = files(&sent);
    let mut arrange = |files: Value| {
        let data = json!({"message": [{"uuid": message}], "meta": {"about": {"files": files}}});
        ask(&mut anna, "edited_message", &data)
    };
    arrange(json!([
        {"upload": uploads[2], "kind": "audio"},
        {"id": told[1]["id"]},
    ]))
    .is(200);
    arrange(json!([{"id": told[0]["id"]}])).is(404);
    arrange(json!([])).is(400);
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    let sizes: Vec<_> = files(&page)
        .iter()
        .map(|file| file["size"].clone())
        .collect();
    assert_eq!(sizes, [103, 102]);
    // It is found as what it is now.
    server.command(["db", "check"]).run().exits(0);
}
