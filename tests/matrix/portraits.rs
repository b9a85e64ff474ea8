//! Pictures that members choose, of themselves, of conversations and of hooks: each face bounds them, and takes
//! only uploads that are pictures.

use serde_json::{Value, json};

use super::{Client, media::uploaded, room_of, server};
use crate::{
    about::rich,
    administration::ask,
    common::{Person, Server, http},
    hooks::hook,
};

/// Bytes of an avatar or of the picture of a conversation; a hook has less.
const LIMIT: usize = 512 << 10;

fn png(length: usize) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.resize(length, 7);
    picture
}

/// What each face answers to a file as a picture: the profile by MTP, the conversation by MTP, the profile by
/// Matrix, the conversation by Matrix.
fn codes(server: &Server, anna: &mut Person, flow: &str, kind: &str, bytes: &[u8]) -> [u64; 4] {
    let picture = |person: &Person| json!({"upload": http::upload(server, person, bytes)});
    let (avatar, of_flow) = (picture(anna), picture(anna));
    let profile = json!({"user": [{}], "meta": {"avatar": avatar}});
    let profile = rich(anna, "edit_user", &profile).code();
    let conversation = json!({"flow": [{"uuid": flow}], "meta": {"picture": of_flow}});
    let conversation = rich(anna, "edit_flow", &conversation).code();
    let client = Client::sign_in(server, &anna.login);
    let url = uploaded(&client, kind, bytes);
    let path = format!("profile/{}/avatar_url", client.user);
    let by_matrix = client.call("PUT", &path, &json!({"avatar_url": url}));
    let url = uploaded(&client, kind, bytes);
    let path = format!("rooms/{}/state/m.room.avatar/", room_of(flow));
    let of_room = client.call("PUT", &path, &json!({"url": url}));
    [
        profile,
        conversation,
        by_matrix.status.into(),
        of_room.status.into(),
    ]
}

#[test]
fn pictures_are_pictures_and_bounded_in_every_face() {
    let server = server();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let taken = codes(&server, &mut anna, &flow, "image/png", &png(LIMIT));
    assert_eq!(taken, [200; 4], "a picture of the largest size");
    let kept = shown(&mut anna, &flow);
    for (kind, bytes) in [
        ("image/png", png(LIMIT + 1)),
        ("image/png", b"<svg onload=alert(1)>".to_vec()),
        ("text/html", b"<script>alert(1)</script>".to_vec()),
    ] {
        let refused = codes(&server, &mut anna, &flow, kind, &bytes);
        for (face, code) in ["MTP", "MTP, flow", "Matrix", "Matrix, room"]
            .iter()
            .zip(refused)
        {
            assert!((400..500).contains(&code), "{face}: {code}");
        }
        assert_eq!(shown(&mut anna, &flow), kept, "what was there stays");
    }
    // Within a request it is bounded as well.
    let large = "!".repeat(LIMIT + 4);
    let profile = json!({"user": [{"avatar": large}]});
    anna.ask("edit_user", &profile).is(403);
    let conversation = json!({"flow": [{"uuid": flow}], "meta": {"picture": {"content": large}}});
    rich(&mut anna, "edit_flow", &conversation).is(403);
    // And of a hook.
    hook(&mut anna, &flow, "Door");
    for bytes in [png((128 << 10) + 1), b"text".to_vec()] {
        let upload = http::upload(&server, &anna, &bytes);
        let change = json!({"id": "1", "picture": {"upload": upload}});
        ask(&mut anna, "edit_hook", &change).is(403);
    }
    assert_eq!(shown(&mut anna, &flow), kept);
}

/// The avatar and the picture of the conversation, as clients see them.
fn shown(anna: &mut Person, flow: &str) -> (Value, Value) {
    let data = json!({"user": [{}, {"uuid": anna.id}]});
    let own = rich(anna, "user_info", &data).is(200);
    let avatar = own.data()["meta"]["avatars"][&anna.id].clone();
    let flows = rich(anna, "all_flow", &Value::Null).is(200);
    let picture = flows.data()["meta"]["flows"][flow]["picture"].clone();
    assert!(avatar.is_object(), "{own}");
    assert!(picture.is_object(), "{flows}");
    (avatar, picture)
}
