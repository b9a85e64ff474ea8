//! Files of messages: conversions between Matrix's form and this server's.

use serde_json::{Value, json};

use super::input::Body;
use super::names::Names;
use crate::model::{File, Kind, Look};
use crate::service::RoomFile;

/// The most pixels across or down that are accepted.
const MOST_PIXELS: i64 = 65_535;

/// The longest duration of a file that is accepted, in milliseconds.
const MOST_DURATION: i64 = 864_000_000;

/// The most characters of a file's name.
const MOST_NAME_CHARS: usize = 255;

/// Returns the file of a message, and the caption; `None` if it has no file of this server.
pub(super) fn read(kind: &str, body: &Body, names: &Names) -> Option<(RoomFile, Option<String>)> {
    let text = |name: &str| body.0.get(name).and_then(Value::as_str);
    let kind = match (kind, text("msgtype")) {
        ("m.sticker", _) => Kind::Sticker,
        ("m.room.message", Some("m.image")) => Kind::Picture,
        ("m.room.message", Some("m.video")) => Kind::Video,
        ("m.room.message", Some("m.audio")) if body.0.contains_key("org.matrix.msc3245.voice") => {
            Kind::Voice
        }
        ("m.room.message", Some("m.audio")) => Kind::Audio,
        ("m.room.message", Some("m.file")) => Kind::Document,
        _ => return None,
    };
    let sealed = body.0.get("file").and_then(|file| file["url"].as_str());
    let sealed = sealed.filter(|_| text("url").is_none());
    let media = names.parse_media(sealed.or_else(|| text("url"))?)?;
    // Some clients encrypt files in every room; a file that only clients can read is a document here.
    let kind = sealed.map_or(kind, |_| Kind::Document);
    let said = text("body").unwrap_or_default();
    let name = text("filename").filter(|name| !name.is_empty());
    let caption = name.filter(|name| *name != said).map(|_| said.to_owned());
    let name: String = name.unwrap_or(said).chars().take(MOST_NAME_CHARS).collect();
    let info = body.0.get("info").unwrap_or(&Value::Null);
    let within =
        |value: &Value, most: i64| value.as_i64().filter(|number| (1..=most).contains(number));
    let thumbnail = info["thumbnail_url"].as_str();
    let thumbnail = thumbnail.and_then(|url| names.parse_media(url)).map(|id| {
        let size = &info["thumbnail_info"];
        (
            id,
            within(&size["w"], MOST_PIXELS),
            within(&size["h"], MOST_PIXELS),
        )
    });
    let media_type = info["mimetype"].as_str().filter(|_| sealed.is_none());
    let file = RoomFile {
        media,
        kind,
        look: Look {
            name: (!name.is_empty() && kind != Kind::Sticker).then_some(name),
            width: within(&info["w"], MOST_PIXELS),
            height: within(&info["h"], MOST_PIXELS),
            duration: within(&info["duration"], MOST_DURATION),
            blurhash: None,
            waveform: None,
        },
        media_type: media_type.map(|name| name.chars().take(MOST_NAME_CHARS).collect()),
        thumbnail,
        otherwise: said.to_owned(),
    };
    Some((file, caption.filter(|text| !text.is_empty())))
}

/// Returns the picture at an address; `None` if it is not a file of this server.
pub(super) fn picture(url: &str, names: &Names) -> Option<RoomFile> {
    names.parse_media(url).map(|media| RoomFile {
        media,
        kind: Kind::Picture,
        look: Look::default(),
        media_type: None,
        thumbnail: None,
        otherwise: String::new(),
    })
}

/// Returns the content of the event that stands for a file sent over MTP.
pub(super) fn told(file: &File, names: &Names) -> Value {
    let kind = match file.kind {
        Kind::Picture => Some("m.image"),
        Kind::Video => Some("m.video"),
        Kind::Audio | Kind::Voice => Some("m.audio"),
        Kind::Document => Some("m.file"),
        Kind::Sticker => None,
    };
    let mut info = json!({"size": file.size});
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            info[name] = value;
        }
    };
    put("mimetype", file.media_type.as_ref().map(|kind| json!(kind)));
    put("w", file.look.width.map(Value::from));
    put("h", file.look.height.map(Value::from));
    put("duration", file.look.duration.map(Value::from));
    put(
        "xyz.amorgan.blurhash",
        file.look.blurhash.as_ref().map(|hash| json!(hash)),
    );
    if let Some(thumbnail) = &file.thumbnail {
        let mut size = json!({"size": thumbnail.size});
        for (name, pixels) in [("w", thumbnail.width), ("h", thumbnail.height)] {
            if let Some(pixels) = pixels {
                size[name] = json!(pixels);
            }
        }
        put("thumbnail_url", Some(json!(names.media(thumbnail.id))));
        put("thumbnail_info", Some(size));
    }
    let name = file.look.name.clone().or_else(|| file.text.clone());
    let mut content = json!({
        "body": name.unwrap_or_else(|| "file".to_owned()),
        "url": names.media(file.id),
        "info": info,
    });
    if let Some(kind) = kind {
        content["msgtype"] = json!(kind);
    }
    if file.kind == Kind::Voice {
        content["org.matrix.msc3245.voice"] = json!({});
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(content: Value) -> Option<(RoomFile, Option<String>)> {
        let Value::Object(fields) = content else {
            return None;
        };
        read(
            "m.room.message",
            &Body(fields),
            &Names::new("example.org".to_owned()),
        )
    }

    #[test]
    fn a_file_is_one_of_this_server_and_its_body_its_name_or_what_is_said_of_it() {
        let url = "mxc://example.org/000102030405060708090a0b0c0d0e0f";
        let (file, said) = read_from(json!({
            "msgtype": "m.image", "body": "cat.png", "url": url, "info": {"w": 3, "h": -1, "mimetype": "image/png"},
        }))
        .expect("a file");
        assert_eq!((file.kind, said), (Kind::Picture, None));
        assert_eq!(file.look.name.as_deref(), Some("cat.png"));
        assert_eq!((file.look.width, file.look.height), (Some(3), None));
        let (file, said) = read_from(json!({
            "msgtype": "m.file", "body": "look", "filename": "a.pdf", "url": url,
        }))
        .expect("a file");
        assert_eq!(said.as_deref(), Some("look"));
        assert_eq!(file.look.name.as_deref(), Some("a.pdf"));
        for url in [
            "mxc://elsewhere.org/000102030405060708090a0b0c0d0e0f",
            "mxc://example.org/x",
            "http://x",
        ] {
            assert!(read_from(json!({"msgtype": "m.file", "body": "a", "url": url})).is_none());
        }
        assert!(read_from(json!({"msgtype": "m.text", "body": "a", "url": url})).is_none());
    }
}
