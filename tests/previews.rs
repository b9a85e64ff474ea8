//! Previews of links: what the server asks pages for, and whom it tells.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::http::{self, Answer, bearer, tus, upload};
use crate::common::pages::{PICTURE, Pages};
use crate::common::{Person, Reply, Server};
use crate::expiry::{let_time_pass, timer};

/// A server that asks pages by this proxy.
fn server(pages: &Pages) -> Server {
    Server::with(&[("web.previews", "on"), ("outbound.proxy", &pages.proxy())])
}

fn rich(person: &mut Person, method: &str, data: &Value) -> Reply {
    person.ask_with_meta(method, data, &json!({"accept": ["rich"]}))
}

fn preview(person: &mut Person, url: &str) -> Reply {
    rich(person, "preview", &json!({"meta": {"url": url}}))
}

#[test]
fn page_is_asked_once_and_goes_with_the_message() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = anna.group("Family", &[&boris]);
    let url = "http://8.8.8.8/lake";
    let found = preview(&mut anna, url).is(200);
    let meta = &found.data()["meta"];
    assert_eq!(meta["title"], "Lake Ladoga");
    assert_eq!(meta["text"], "The largest lake of Europe");
    assert_eq!(meta["site"], "Lakes");
    let asked = pages.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(" preview\r\n"), "{}", asked[0]);
    assert!(!asked[0].to_lowercase().contains("cookie"), "{}", asked[0]);
    // Asked again, it is known; to somebody else it is not.
    assert_eq!(
        preview(&mut anna, url).is(200).data()["meta"]["id"],
        meta["id"]
    );
    assert!(pages.asked().is_empty());

    let message = |id: &Value| {
        json!({"flow": [{"uuid": family}], "message": [{"text": format!("Look: {url}")}],
               "meta": {"about": {"preview": {"id": id, "title": "forged"}}}})
    };
    let sent = rich(&mut anna, "send_message", &message(&meta["id"])).is(200);
    let uuid = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let expected = json!({"url": url, "title": "Lake Ladoga", "text": "The largest lake of Europe", "site": "Lakes"});
    assert_eq!(sent.data()["meta"]["about"][&uuid]["preview"], expected);
    let page = json!({"flow": [{"uuid": family, "message_start": 0, "message_end": 9}]});
    let read = rich(&mut boris, "all_messages", &page).is(200);
    assert_eq!(read.data()["meta"]["about"][&uuid]["preview"], expected);
    // Plain clients see what was written, and nothing else.
    let plain = boris.ask("all_messages", &page).is(200);
    assert!(!plain.frame().to_string().contains("Ladoga"), "{plain:?}");
    // Forwarded, it goes along, beside what it answers.
    let forward = json!({"flow": [{"uuid": family}], "message": [{}],
        "meta": {"about": {"forward": {"uuid": uuid}, "reply": {"uuid": uuid}}}});
    let forwarded = rich(&mut boris, "send_message", &forward).is(200);
    let copy = forwarded.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let about = &forwarded.data()["meta"]["about"][&copy];
    assert_eq!(about["preview"], expected);
    assert_eq!(about["reply"]["uuid"], json!(uuid));
    // Another's id, or one that never was, keeps no message back.
    let theirs = rich(&mut boris, "send_message", &message(&meta["id"])).is(200);
    assert!(!theirs.frame().to_string().contains("Ladoga"), "{theirs:?}");
    // Nothing is left of it once the message is deleted.
    let gone = json!({"flow": [{"uuid": family}], "message": [{"uuid": uuid}]});
    anna.ask("delete_message", &gone).is(200);
    let read = rich(&mut boris, "all_messages", &page).is(200);
    assert_eq!(read.data()["meta"]["about"][&uuid]["preview"], Value::Null);
    assert!(pages.asked().is_empty(), "whoever reads asks nothing");
}

#[test]
fn only_the_web_is_asked() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut anna = server.register("anna");
    preview(&mut anna, "http://8.8.8.8/moved").is(200);
    assert_eq!(pages.asked().len(), 2);
    for refused in [
        "http://127.0.0.1/lake",
        "http://10.0.0.1/lake",
        "http://[::1]/lake",
        "http://169.254.169.254/latest/meta-data/",
        "http://8.8.8.8:8080/lake",
        "http://anna:secret@8.8.8.8/lake",
        "ftp://8.8.8.8/lake",
        "file:///etc/passwd",
        "lake",
        "",
    ] {
        let reply = preview(&mut anna, refused);
        assert!([404, 415].contains(&reply.code()), "{refused}: {reply:?}");
    }
    assert!(pages.asked().is_empty());
    for nothing in ["inside", "port", "picture", "none", "gone"] {
        preview(&mut anna, &format!("http://8.8.8.8/{nothing}")).is(404);
        assert_eq!(pages.asked().len(), 1, "{nothing}");
        // That nothing was found is known as well.
        preview(&mut anna, &format!("http://8.8.8.8/{nothing}")).is(404);
        assert!(pages.asked().is_empty(), "{nothing}");
    }
}

#[test]
fn pages_are_asked_so_often_and_no_more() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut anna = server.register("anna");
    for n in 0..60 {
        preview(&mut anna, &format!("http://8.8.8.8/lake?{n}")).is(200);
    }
    let refused = preview(&mut anna, "http://8.8.8.8/lake?one").is(429);
    assert_eq!(refused.refusal()["key"], "too_soon");
    // What is known can still be had.
    preview(&mut anna, "http://8.8.8.8/lake?3").is(200);
    let mut boris = server.register("boris");
    preview(&mut boris, "http://8.8.8.8/lake?one").is(200);
}

#[test]
fn no_page_is_asked_unless_that_is_switched_on() {
    let pages = Pages::start();
    let server = Server::with(&[("outbound.proxy", &pages.proxy())]);
    let mut anna = server.register("anna");
    let refused = preview(&mut anna, "http://8.8.8.8/lake").is(403);
    assert_eq!(refused.refusal()["key"], "previews_off");
    // The method is there for every client.
    anna.ask("preview", &json!({"meta": {"url": "https://example.org"}}))
        .is(403);
    let can = rich(&mut anna, "subscribe", &json!({})).is(200).data()["meta"]["me"]["can"].clone();
    assert!(!can.to_string().contains("preview"), "{can}");
    assert!(pages.asked().is_empty());
}

/// Sends a message with a preview, and returns its id and the preview that is told of it.
#[track_caller]
fn send(person: &mut Person, flow: &str, preview: &Value) -> (String, Value) {
    let message = json!({"flow": [{"uuid": flow}], "message": [{"text": "Look"}],
                         "meta": {"about": {"preview": preview}}});
    let sent = rich(person, "send_message", &message).is(200);
    told(&sent)
}

#[track_caller]
fn told(sent: &Reply) -> (String, Value) {
    let uuid = sent.messages()[0]["uuid"].as_str().expect("an id");
    let preview = sent.data()["meta"]["about"][uuid]["preview"].clone();
    (uuid.to_owned(), preview)
}

fn fetch(server: &Server, person: &Person, file: &Value) -> Answer {
    let path = format!("/file/{}", file["id"].as_str().expect("an id"));
    http::ask(server, "GET", &path, &bearer(person))
}

/// A small JPEG with a comment, which is left out of what others get.
fn small(length: usize, comment: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xff\xd8".to_vec();
    if !comment.is_empty() {
        bytes.extend(b"\xff\xfe\0");
        bytes.push(u8::try_from(comment.len() + 2).expect("short"));
        bytes.extend(comment);
    }
    bytes.extend(b"\xff\xda\0\x02");
    bytes.extend(http::content(length, 5).iter().map(|byte| byte & 0x7f));
    bytes.extend(b"\xff\xd9");
    bytes
}

#[test]
fn picture_of_a_page_goes_through_the_sender() {
    let pages = Pages::start();
    let server = server(&pages);
    let [mut boris, mut anna, clara] =
        ["boris", "anna", "clara"].map(|login| server.register(login));
    let family = anna.group("Family", &[&boris]);
    let found = preview(&mut anna, "http://8.8.8.8/shore").is(200);
    let meta = &found.data()["meta"];
    assert_eq!(meta["picture"], json!(STANDARD.encode(PICTURE)));
    let asked = pages.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].contains("/lake.png "), "{}", asked[1]);
    assert!(asked[1].contains(" preview\r\n"), "{}", asked[1]);
    assert!(!asked[1].to_lowercase().contains("cookie"), "{}", asked[1]);
    // What is known is told again.
    let again = preview(&mut anna, "http://8.8.8.8/shore").is(200);
    assert_eq!(again.data()["meta"], *meta);
    assert!(pages.asked().is_empty());

    let up = upload(&server, &anna, &small(3_000, b"GPS 52.52"));
    let wish = json!({"id": meta["id"], "thumbnail": {"upload": up, "width": 480, "height": 240}});
    let (first, shown) = send(&mut anna, &family, &wish);
    let picture = &shown["thumbnail"];
    let size = small(3_000, b"").len();
    assert_eq!(
        *picture,
        json!({"id": picture["id"], "kind": "picture", "size": size, "type": "image/jpeg", "width": 480, "height": 240})
    );
    // Readers see the same, and fetch it from this server alone; the page's picture is not passed on.
    let page = json!({"flow": [{"uuid": family, "message_start": 0, "message_end": 9}]});
    let read = rich(&mut boris, "all_messages", &page).is(200);
    assert_eq!(read.data()["meta"]["about"][&first]["preview"], shown);
    let plain = boris.ask("all_messages", &page).is(200);
    let id = picture["id"].as_str().expect("an id");
    assert!(!plain.frame().to_string().contains(id), "{plain:?}");
    let got = fetch(&server, &boris, picture).is(200);
    assert!(got.body == small(3_000, b""), "cleaned");
    assert_eq!(got.header("content-type"), Some("image/jpeg"));
    fetch(&server, &clara, picture).is(404);
    // Forwarded, it goes along under an id of its own.
    let saved = boris.group("Notes", &[]);
    let forward = json!({"flow": [{"uuid": saved}], "message": [{}],
                         "meta": {"about": {"forward": {"uuid": first}}}});
    let (copy, of_copy) = told(&rich(&mut boris, "send_message", &forward).is(200));
    assert_eq!(of_copy["thumbnail"]["size"], json!(size));
    assert_ne!(of_copy["thumbnail"]["id"], picture["id"]);
    fetch(&server, &boris, &of_copy["thumbnail"]).is(200);
    fetch(&server, &anna, &of_copy["thumbnail"]).is(404);
    // What a message shows stays; deleted, it is gone.
    let count = || {
        let database = rusqlite::Connection::open(server.database()).expect("opens");
        let sql = "SELECT (SELECT COUNT(*) FROM files f WHERE f.reference_count >
                       (SELECT COUNT(*) FROM uploads u WHERE u.file_id = f.id)) * 10
                       + (SELECT COUNT(*) FROM preview_thumbnails)";
        let found = database.query_row(sql, [], |row| row.get::<_, i64>(0));
        found.expect("a number")
    };
    assert_eq!(count(), 12, "one file, shown twice");
    server.command(["db", "check"]).run().exits(0);
    anna.delete(&first).is(200);
    fetch(&server, &anna, picture).is(404);
    fetch(&server, &boris, &of_copy["thumbnail"]).is(200);
    boris.delete(&copy).is(200);
    fetch(&server, &boris, &of_copy["thumbnail"]).is(404);
    assert_eq!(count(), 0);
    let path = format!("/files/{up}");
    http::ask(&server, "DELETE", &path, &tus(&anna)).is(204);
    server.command(["db", "check"]).run().exits(0);
    assert!(pages.asked().is_empty(), "whoever reads asks nothing");
}

#[test]
fn picture_that_cannot_be_had_costs_no_preview() {
    let pages = Pages::start();
    let server = server(&pages);
    let mut anna = server.register("anna");
    for (picture, asked, is_there) in [
        ("moved.png", 3, true),
        ("//9.9.9.9/lake.png", 2, true),
        ("http://9.9.9.9/lake.png?from=http://8.8.8.8/", 2, true),
        ("lake.svg", 2, false),
        ("liar.png", 2, false),
        ("short.png", 2, false),
        ("huge.png", 2, false),
        ("endless.png", 2, false),
        ("silent.png", 2, false),
        ("gone", 2, false),
        ("inside", 2, false),
        ("port", 2, false),
        ("http://127.0.0.1/lake.png", 1, false),
        ("http://[::ffff:10.0.0.1]/lake.png", 1, false),
        ("http://8.8.8.8:8080/lake.png", 1, false),
        ("http://anna:secret@9.9.9.9/lake.png", 1, false),
        ("file:///etc/passwd", 1, false),
        ("data:image/png;base64,iVBORw0KGgo=", 1, false),
    ] {
        let found = preview(&mut anna, &format!("http://8.8.8.8/with?{picture}")).is(200);
        let meta = &found.data()["meta"];
        assert_eq!(meta["title"], "Lake Ladoga", "{picture}");
        assert_eq!(meta.get("picture").is_some(), is_there, "{picture}");
        assert_eq!(pages.asked().len(), asked, "{picture}");
    }
}

#[test]
fn thumbnail_of_a_preview_is_a_small_picture_of_the_sender() {
    let pages = Pages::start();
    let server = server(&pages);
    let [mut anna, boris] = ["anna", "boris"].map(|login| server.register(login));
    let family = anna.group("Family", &[&boris]);
    let found = preview(&mut anna, "http://8.8.8.8/shore").is(200);
    let id = found.data()["meta"]["id"].clone();
    // What is no small picture is left out, and the message stands.
    for wrong in [
        small(140_000, b""),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
        http::content(900, 3),
    ] {
        let up = upload(&server, &anna, &wrong);
        let (_, shown) = send(
            &mut anna,
            &family,
            &json!({"id": id, "thumbnail": {"upload": up}}),
        );
        assert_eq!(shown["title"], "Lake Ladoga");
        assert!(shown.get("thumbnail").is_none(), "{shown}");
    }
    let theirs = upload(&server, &boris, &small(3_000, b""));
    let refused = |preview: Value| {
        json!({"flow": [{"uuid": family}], "message": [{"text": "Look"}],
               "meta": {"about": {"preview": preview}}})
    };
    for unknown in [theirs.as_str(), "0123456789abcdef0123456789abcdef", "x"] {
        let sent = refused(json!({"id": id, "thumbnail": {"upload": unknown}}));
        let reply = rich(&mut anna, "send_message", &sent).is(404);
        let place = "data.meta.about.preview.thumbnail.upload";
        assert!(reply.frame().to_string().contains(place), "{reply:?}");
        // Without a preview nobody looks for its picture.
        let nothing = json!({"id": family, "thumbnail": {"upload": unknown}});
        let (_, shown) = send(&mut anna, &family, &nothing);
        assert_eq!(shown, Value::Null);
    }
    for malformed in [
        json!({}),
        json!({"upload": theirs, "width": 0}),
        json!({"upload": theirs, "height": 70_000}),
    ] {
        let sent = refused(json!({"id": id, "thumbnail": malformed}));
        let reply = rich(&mut anna, "send_message", &sent);
        assert_eq!(reply.code(), 415, "{malformed}: {reply:?}");
    }
    server.command(["db", "check"]).run().exits(0);
}

/// How many pictures of previews there are, and how many files.
fn pictures(database: &Path) -> (i64, i64) {
    let database = rusqlite::Connection::open(database).expect("opens");
    let sql = "SELECT (SELECT COUNT(*) FROM preview_thumbnails), (SELECT COUNT(*) FROM files)";
    let found = database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    found.expect("numbers")
}

/// Sends a message with a preview and its picture, whose upload is forgotten then: its file is the message's alone.
#[track_caller]
fn send_picture(server: &Server, person: &mut Person, flow: &str, content: usize) -> Value {
    let url = format!("http://8.8.8.8/shore?{content}");
    let id = preview(person, &url).is(200).data()["meta"]["id"].clone();
    // Of another length, it is another file; cleaned, another than its upload.
    let up = upload(server, person, &small(2_000 + content, b"GPS 52.52"));
    let (_, shown) = send(
        person,
        flow,
        &json!({"id": id, "thumbnail": {"upload": up}}),
    );
    http::ask(server, "DELETE", &format!("/files/{up}"), &tus(person)).is(204);
    shown["thumbnail"].clone()
}

/// Makes some messages an hour older, and removes what is older than half an hour.
#[track_caller]
fn prune(server: &Server, which: &str) {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let sql = format!("UPDATE messages SET sent_at = sent_at - 3600000 WHERE {which}");
    database.execute(&sql, []).expect("an hour passes");
    drop(database);
    let prune = ["db", "prune", "--older", "30m", "--yes"];
    server.command(prune).run().exits(0);
}

#[test]
fn picture_of_a_preview_goes_with_its_message() {
    let pages = Pages::start();
    let mut server = server(&pages);
    let mut anna = server.register("anna");
    let [brief, family, club] = ["Brief", "Family", "Club"].map(|title| anna.group(title, &[]));
    let expired = send_picture(&server, &mut anna, &family, 1);
    // By the timer of a conversation.
    timer(&mut anna, &brief, 60);
    let brief = send_picture(&server, &mut anna, &brief, 2);
    let kept = send_picture(&server, &mut anna, &club, 3);
    assert_eq!(pictures(&server.database()), (3, 3));
    server.kill();
    let_time_pass(&server);
    server.serve();
    let anna = anna.on(server.connect());
    let start = std::time::Instant::now();
    while fetch(&server, &anna, &brief).status != 404 {
        assert!(start.elapsed() < crate::common::PATIENCE, "it stays");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(pictures(&server.database()), (2, 2));
    server.command(["db", "check"]).run().exits(0);
    // By its age: what is older than an hour.
    let oldest = "(SELECT message_id FROM preview_thumbnails ORDER BY message_id LIMIT 1)";
    prune(&server, &format!("id IN {oldest}"));
    fetch(&server, &anna, &expired).is(404);
    fetch(&server, &anna, &kept).is(200);
    assert_eq!(pictures(&server.database()), (1, 1));
    server.command(["db", "check"]).run().exits(0);
    // With its conversation.
    let remove = ["flow", "remove", "Club", "--yes"];
    server.command(remove).run().exits(0);
    fetch(&server, &anna, &kept).is(404);
    let start = std::time::Instant::now();
    while pictures(&server.database()) != (0, 0) {
        assert!(start.elapsed() < crate::common::PATIENCE, "it stays");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn pictures_of_previews_are_examined_and_saved() {
    let pages = Pages::start();
    let mut server = server(&pages);
    let mut anna = server.register("anna");
    let family = anna.group("Family", &[]);
    for content in 1..=3 {
        send_picture(&server, &mut anna, &family, content);
        anna.send(&family, "between");
    }
    server.stop();
    server.command(["db", "check"]).run().exits(0);
    let sound = fs::read(server.database()).expect("the database");
    let middle = "(SELECT message_id FROM preview_thumbnails ORDER BY message_id LIMIT 1 OFFSET 1)";
    for (what, sql, left) in [
        ("", "SELECT 1".to_owned(), (3, 3)),
        (
            "a row of preview_thumbnails refers to a missing row of messages",
            format!("DELETE FROM messages WHERE id = {middle}"),
            (2, 2),
        ),
        (
            "a row of preview_thumbnails refers to a missing row of files",
            format!(
                "DELETE FROM files WHERE id = (SELECT file_id FROM preview_thumbnails WHERE message_id = {middle})"
            ),
            (2, 2),
        ),
        (
            "is said to be shown 7 times",
            "UPDATE files SET reference_count = 7".to_owned(),
            (3, 3),
        ),
        (
            "is said to be shown 1 times",
            format!("DELETE FROM preview_thumbnails WHERE message_id = {middle}"),
            (2, 2),
        ),
    ] {
        fs::write(server.database(), &sound).expect("restored");
        let database = rusqlite::Connection::open(server.database()).expect("opens");
        let damage =
            format!("PRAGMA foreign_keys = OFF; DROP TRIGGER preview_thumbnails_removed; {sql};");
        database.execute_batch(&damage).expect("damaged");
        let trigger =
            "CREATE TRIGGER preview_thumbnails_removed AFTER DELETE ON preview_thumbnails BEGIN
            UPDATE files SET reference_count = reference_count - 1 WHERE id = OLD.file_id;
            END;";
        database.execute_batch(trigger).expect("put back");
        drop(database);
        let checked = server.command(["--json", "db", "check"]).run();
        assert!(checked.stdout.contains(what), "{what}: {checked:?}");
        assert_eq!(
            checked.code,
            Some(if what.is_empty() { 0 } else { 5 }),
            "{checked:?}"
        );
        let saved = server.folder().join("saved.db");
        let _ = fs::remove_file(&saved);
        let repaired = server.command(["db", "repair", "--to", "saved.db"]).run();
        assert!(matches!(repaired.code, Some(0 | 5)), "{what}: {repaired:?}");
        assert_eq!(pictures(&saved), left, "{what}: {repaired:?}");
        // What was saved is served, and its messages go like any others.
        fs::remove_file(server.database()).expect("removed");
        fs::rename(&saved, server.database()).expect("moved");
        server.command(["db", "check"]).run().exits(0);
        prune(&server, "TRUE");
        assert_eq!(pictures(&server.database()), (0, 0), "{what}");
        server.command(["db", "check"]).run().exits(0);
    }
}
