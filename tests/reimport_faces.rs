//! What was imported from an export, as previews and Matrix show it.

use serde_json::{Value, json};

use crate::{
    about::rich,
    common::{PASSWORD, Server, http::upload, pages::Pages},
    matrix,
    reimport::{Export, export, family, folder, import, write},
};

#[test]
fn a_preview_keeps_its_picture() {
    let pages = Pages::start();
    let previews = [("web.previews", "on"), ("outbound.proxy", &pages.proxy())];
    let first = Server::with(&previews);
    let mut anna = first.register("anna");
    let group = anna.group("G", &[]);
    let url = json!({"meta": {"url": "http://8.8.8.8/lake"}});
    let found = rich(&mut anna, "preview", &url).is(200);
    let small = b"\xff\xd8\xff\xda\0\x02 lake \xff\xd9";
    let small = json!({"upload": upload(&first, &anna, small), "width": 48, "height": 27});
    let preview = json!({"preview": {"id": found.data()["meta"]["id"], "thumbnail": small}});
    write(&mut anna, &group, "Look", &preview);
    let before = export(&first, &["--all"], "out");
    let second = Server::start();
    import(&second, &folder(&first, "out"));
    let after = export(&second, &["--flow", &group], "out");
    let name = format!("flow-{group}.json");
    let about = |export: &Export| {
        let document = export[&name].as_ref().expect("a document");
        let mut preview = document["messages"][0]["about"]["preview"].clone();
        let path = preview["thumbnail"]["path"].take();
        (preview, export[path.as_str().expect("a picture")].clone())
    };
    assert_eq!(about(&before), about(&after));
    assert_eq!(about(&after).0["title"], "Lake Ladoga");
}

#[test]
fn rooms_and_their_events_keep_their_ids() {
    let first = matrix::server();
    let (group, _) = family(&first);
    export(&first, &["--all"], "out");
    let ids = |server: &Server| {
        let anna = matrix::Client::sign_in(server, "anna");
        let room = matrix::address(&matrix::room_of(&group));
        let read = anna.get(&format!("{room}/messages?dir=b&limit=100"));
        let mut texts: Vec<(Value, Value)> = matrix::events(&read["chunk"])
            .filter(|it| it["type"] == "m.room.message" && it["content"]["body"].is_string())
            .filter(|it| it["content"].get("url").is_none())
            .map(|it| (it["event_id"].clone(), it["sender"].clone()))
            .collect();
        texts.reverse();
        texts
    };
    let before = ids(&first);
    assert!(before.len() >= 6, "{before:?}");
    let second = matrix::server();
    import(&second, &folder(&first, "out"));
    second
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    // An edit was an event of its own there; here it is part of its message.
    let after = ids(&second);
    let kept: Vec<_> = before.into_iter().filter(|it| after.contains(it)).collect();
    assert_eq!(kept, after);
    assert!(kept.len() >= 5, "{after:?}");
}
