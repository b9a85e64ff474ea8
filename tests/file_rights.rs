//! Who may have which files, how much of them, and what is taken out of them.

use serde_json::json;

use crate::{
    common::{
        Person, Server,
        http::{self, bearer, content, tus, upload},
    },
    roles::{NOTHING, ask, change},
    sent_files::{files, newest_plain, picture, send},
};

#[test]
fn pictures_of_people_and_flows_are_uploaded() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    let face = picture(400_000, 11);
    let id = upload(&server, &anna, &face);
    let changed = ask(
        &mut anna,
        "edit_user",
        &json!({"meta": {"avatar": {"upload": id}}}),
    )
    .is(200);
    let avatar = changed.data()["meta"]["avatars"][&anna.id].clone();
    assert_eq!(avatar["size"], 400_000);
    let changed = change(&mut anna, &group, &json!({"picture": {"upload": id}})).is(200);
    let shown = changed.data()["meta"]["flows"][&group]["picture"].clone();
    for file in [&avatar, &shown] {
        let path = format!("/file/{}", file["id"].as_str().expect("an id"));
        assert!(
            http::ask(&server, "GET", &path, &bearer(&boris))
                .is(200)
                .body
                == face
        );
    }
    // Plain clients get it within the profile.
    let asked = json!({"user": [{"uuid": boris.id}, {"uuid": anna.id}]});
    let profile = boris.ask("user_info", &asked);
    assert!(
        profile
            .users()
            .iter()
            .any(|user| user["avatar"].as_str().is_some_and(|it| it.len() > 500_000))
    );
    let large = upload(&server, &anna, &picture(524_289, 12));
    let noise = upload(&server, &anna, b"no picture");
    for id in [large, noise] {
        ask(
            &mut anna,
            "edit_user",
            &json!({"meta": {"avatar": {"upload": id}}}),
        )
        .is(403);
        change(&mut anna, &group, &json!({"picture": {"upload": id}})).is(403);
    }
    let unknown = json!({"avatar": {"upload": "0".repeat(32)}});
    ask(&mut anna, "edit_user", &json!({"meta": unknown})).is(404);
    change(
        &mut boris,
        &group,
        &json!({"picture": {"upload": "0".repeat(32)}}),
    )
    .is(403);
}

#[test]
fn a_quota_counts_files_however_they_come() {
    let server = Server::with(&[("files.user_quota", "1MB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let used = |person: &mut Person| {
        let subscribed = ask(person, "subscribe", &NOTHING).is(200);
        subscribed.data()["meta"]["me"].clone()
    };
    let id = upload(&server, &anna, &content(400_000, 13));
    assert_eq!(used(&mut anna)["used"], 400_000);
    assert_eq!(used(&mut anna)["quota"], 1_048_576);
    // Shown, it counts once; shown twice, twice.
    let files_of = json!([{"upload": id, "kind": "document"}]);
    send(&mut anna, &group, "", &files_of).is(200);
    assert_eq!(used(&mut anna)["used"], 400_000);
    send(&mut anna, &group, "", &files_of).is(200);
    assert_eq!(used(&mut anna)["used"], 800_000);
    let refused = send(&mut anna, &group, "", &files_of).is(403);
    assert!(refused.detail().contains("800000 are used"), "{refused}");
    let within =
        json!({"flow": [{"uuid": group}], "message": [{"file_document": vec![7; 300_000]}]});
    ask(&mut anna, "send_message", &within).is(403);
    let headers = format!("{}Upload-Length: 300000\r\n", tus(&anna));
    http::ask(&server, "POST", "/files", &headers).is(413);
}

#[test]
fn a_ticket_lets_a_page_fetch_files() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let mut clara = server.register("clara");
    let group = anna.group("G", &[&boris]);
    let all = picture(400_000, 14);
    let id = upload(&server, &anna, &all);
    let sent = send(
        &mut anna,
        &group,
        "",
        &json!([{"upload": id, "kind": "picture"}]),
    )
    .is(200);
    let path = format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"));
    let ticket = |person: &mut Person| {
        let made = person.ask("file_ticket", &NOTHING).is(200);
        let meta = &made.data()["meta"];
        let left =
            meta["expires"].as_i64().expect("a time") - made.data()["time"].as_i64().expect("now");
        assert!((6 * 3600 - 5..=6 * 3600).contains(&left), "{left}");
        meta["ticket"].as_str().expect("a ticket").to_owned()
    };
    let get = |ticket: &str, headers: &str| {
        http::ask(&server, "GET", &format!("{path}?t={ticket}"), headers)
    };
    let good = ticket(&mut boris);
    assert!(get(&good, "").is(200).body == all);
    assert_eq!(
        get(&good, "Range: bytes=-10\r\n").is(206).body,
        all[all.len() - 10..]
    );
    let saved = http::ask(&server, "GET", &format!("{path}?download=1&t={good}"), "").is(200);
    assert_eq!(saved.header("content-disposition"), Some("attachment"));
    // It is good for files and nothing else.
    http::ask(
        &server,
        "HEAD",
        &format!("/files/{id}?t={good}"),
        "Tus-Resumable: 1.0.0\r\n",
    )
    .is(401);
    // Another site's page shows nothing.
    get(&good, "Sec-Fetch-Site: cross-site\r\n").is(403);
    get(&good, "Sec-Fetch-Site: same-origin\r\n").is(200);
    // A stranger, a wrong signature, what is none: one and the same.
    let unknown = http::ask(
        &server,
        "GET",
        &format!("/file/{}?t={good}", "0".repeat(32)),
        "",
    )
    .is(404);
    let mut wrong = good.clone().into_bytes();
    let last = wrong.len() - 3;
    wrong[last] = if wrong[last] == b'A' { b'B' } else { b'A' };
    let wrong = String::from_utf8(wrong).expect("text");
    let strange = ticket(&mut clara);
    for text in [&*strange, &*wrong, "", "x", &good[1..]] {
        assert_eq!(get(text, "").is(404).body, unknown.body, "{text}");
    }
    // An ex-member; a session that has ended.
    change(&mut anna, &group, &json!({"remove": [boris.id]})).is(200);
    assert_eq!(get(&good, "").is(404).body, unknown.body);
    let own = ticket(&mut anna);
    get(&own, "").is(200);
    anna.ask("logout", &NOTHING).is(200);
    assert_eq!(get(&own, "").is(404).body, unknown.body);
    http::ask(&server, "GET", &path, "").is(401);
}

#[test]
fn a_file_that_was_lost_is_told_of() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(400_000, 15);
    let id = upload(&server, &anna, &all);
    let files_of = json!([{"upload": id, "kind": "document"}]);
    let sent = send(&mut anna, &group, "see", &files_of).is(200);
    let path = format!("/file/{}", files(&sent)[0]["id"].as_str().expect("an id"));
    let place = server
        .folder()
        .join("morelia.db-files")
        .join(&id[..2])
        .join(format!("{id}.bin"));
    std::fs::remove_file(&place).expect("it lies there");
    let gone = http::ask(&server, "GET", &path, &bearer(&anna)).is(410);
    assert!(
        gone.detail().contains("not on the server any more"),
        "{}",
        gone.detail()
    );
    // The message stays, for old clients with a line instead of the file.
    let page = ask(
        &mut anna,
        "all_messages",
        &json!({"flow": [{"uuid": group}]}),
    )
    .is(200);
    assert_eq!(page.messages()[0]["text"], "see");
    newest_plain(&mut anna, &group);
    // The same content brought again heals it.
    upload(&server, &anna, &all);
    assert!(
        http::ask(&server, "GET", &path, &bearer(&anna))
            .is(200)
            .body
            == all
    );
}

#[test]
fn what_came_within_a_large_message_lies_in_the_folder() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let data = json!({"flow": [{"uuid": group}], "message": [{"file_document": vec![9; 300_000]}]});
    anna.ask("send_message", &data).is(200);
    let sound = newest_plain(&mut anna, &group);
    assert_eq!(sound["file_document"].as_str().map(str::len), Some(400_000));
    let count = || {
        let folder = server.folder().join("morelia.db-files");
        let shelves = std::fs::read_dir(folder).expect("the folder");
        shelves
            .map(|shelf| shelf.expect("an entry").path())
            .filter(|path| path.is_dir() && !path.ends_with("part"))
            .map(|path| std::fs::read_dir(path).expect("a shelf").count())
            .sum::<usize>()
    };
    assert_eq!(count(), 1);
    // Refused, nothing remains of it.
    let data = json!({"flow": [{"uuid": "7"}], "message": [{"file_document": vec![8; 300_000]}]});
    anna.ask("send_message", &data).is(404);
    assert_eq!(count(), 1);
}

#[test]
fn a_picture_loses_what_says_where_it_was_made() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let photo = |length: usize, comment: &[u8]| {
        let mut bytes = b"\xff\xd8".to_vec();
        if !comment.is_empty() {
            bytes.extend(b"\xff\xfe");
            bytes.extend(
                u16::try_from(comment.len() + 2)
                    .expect("short")
                    .to_be_bytes(),
            );
            bytes.extend(comment);
        }
        bytes.extend(b"\xff\xda\0\x02");
        bytes.extend(content(length, 16).iter().map(|byte| byte & 0x7f));
        bytes.extend(b"\xff\xd9");
        bytes
    };
    for length in [1_000, 400_000] {
        let (shot, clean) = (photo(length, b"GPS 52.52 N 13.40 E"), photo(length, b""));
        let id = upload(&server, &anna, &shot);
        let files_of =
            json!([{"upload": id, "kind": "picture"}, {"upload": id, "kind": "document"}]);
        let sent = send(&mut anna, &group, "", &files_of).is(200);
        let told = files(&sent);
        for (file, expected) in told.iter().zip([&clean, &shot]) {
            let path = format!("/file/{}", file["id"].as_str().expect("an id"));
            let found = http::ask(&server, "GET", &path, &bearer(&anna)).is(200);
            assert!(
                found.body == *expected,
                "{} of {}",
                found.body.len(),
                expected.len()
            );
            assert_eq!(file["size"], expected.len(), "{file}");
        }
    }
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_picture_shown_twice_is_kept_and_a_thumbnail_is_cleaned_as_well() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let photo = |length: usize, words: &[u8]| {
        let mut bytes = b"\xff\xd8".to_vec();
        if !words.is_empty() {
            bytes.extend(b"\xff\xfe\0");
            bytes.push(u8::try_from(words.len() + 2).expect("short"));
            bytes.extend(words);
        }
        bytes.extend(b"\xff\xda\0\x02");
        bytes.extend(content(length, 21).iter().map(|byte| byte & 0x7f));
        bytes.extend(b"\xff\xd9");
        bytes
    };
    let [large, small] =
        [400_000, 3_000].map(|length| upload(&server, &anna, &photo(length, b"GPS 52.52")));
    let thumbnail = json!({"upload": small, "width": 48, "height": 48});
    let sent = send(
        &mut anna,
        &group,
        "",
        &json!([
            {"upload": large, "kind": "picture", "thumbnail": thumbnail},
            {"upload": large, "kind": "picture"},
            {"upload": small, "kind": "sticker"},
        ]),
    )
    .is(200);
    let told = files(&sent);
    server.restart();
    let anna = anna.on(server.connect());
    // Time for whoever removes what nothing names.
    std::thread::sleep(std::time::Duration::from_millis(500));
    for (file, length) in [
        (&told[0], 400_000),
        (&told[1], 400_000),
        (&told[2], 3_000),
        (&told[0]["thumbnail"], 3_000),
    ] {
        let path = format!("/file/{}", file["id"].as_str().expect("an id"));
        let found = http::ask(&server, "GET", &path, &bearer(&anna)).is(200);
        assert!(found.body == photo(length, b""), "{file}");
    }
}

#[test]
fn the_operator_gives_an_account_a_quota_of_its_own() {
    let server = Server::with(&[("files.user_quota", "1MB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let id = upload(&server, &anna, &content(400_000, 22));
    let headers = format!("{}Upload-Length: 900000\r\n", tus(&anna));
    let begin = |status| drop(http::ask(&server, "POST", "/files", &headers).is(status));
    begin(413);
    let set = |quota: &str| {
        let run = server.command(["user", "set", "anna", "--quota", quota]);
        run.run()
    };
    set("2MB").exits(0);
    begin(201);
    set("default").exits(0);
    begin(413);
    set("0").exits(0);
    begin(201);
    set("much").exits(2);
    send(
        &mut anna,
        &group,
        "",
        &json!([{"upload": id, "kind": "document"}]),
    )
    .is(200);
    let shown = server.command(["user", "show", "anna", "--json"]).run();
    let shown: serde_json::Value =
        serde_json::from_str(&shown.exits(0).stdout).expect("one document");
    assert_eq!(shown["user"]["quota"], 0, "{shown}");
    assert_eq!(
        shown["user"]["files"],
        json!({"count": 1, "bytes": 400_000})
    );
    assert_eq!(
        shown["user"]["uploads"],
        json!({"count": 2, "bytes": 1_800_000})
    );
    let said = server.command(["user", "show", "anna"]).run().exits(0);
    assert!(
        said.stdout
            .contains("1 file (390.6 KiB), 2 waiting uploads (1.7 MiB)"),
        "{}",
        said.stdout
    );
}
