//! `[matrix]`.

use super::{Key, Kind, Section, optional, put, word};
use crate::config::words::Word;

/// The longest name of a server, in bytes.
const MAX_NAME_BYTES: usize = 230;

pub(super) const MATRIX: Section = Section {
    name: "matrix",
    about: "Matrix, a second protocol over the same conversations, for clients such as Element or nheko. \
            See docs/matrix.md.",
    keys: &[
        Key {
            name: "enabled",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether Matrix clients are answered. While this is off, no address of Matrix is there and \
                    nothing is stored for it.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.matrix.enabled, bool::read(text)),
            show: |config| word(config.matrix.enabled),
        },
        Key {
            name: "encryption",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether rooms may be switched to encryption between the clients. This server keeps no keys for \
                    clients yet: no room is encrypted, whatever is set here.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.matrix.encryption, bool::read(text)),
            show: |config| word(config.matrix.encryption),
        },
        Key {
            name: "legacy_media",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether files are given to clients that show no token for them, as old ones do not. Whoever \
                    knows the address of a file then fetches it.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.matrix.legacy_media, bool::read(text)),
            show: |config| word(config.matrix.legacy_media),
        },
        Key {
            name: "server_name",
            kind: Kind::Text,
            values: "a host name; empty for the host of public_url",
            about: "What comes after the colon in the name of every user: `@anna:example.org`. It is fixed \
                    when somebody first signs in by Matrix: clients know people by it.",
            example: "example.org",
            reload: false,
            set: |config, text, _| put(&mut config.matrix.server_name, optional(text, name)),
            show: |config| config.matrix.server_name.clone().unwrap_or_default(),
        },
    ],
};

/// Reads the name of a server: a host, perhaps with a port.
fn name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if name.len() <= MAX_NAME_BYTES && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(format!("`{text}` is no host name"))
    }
}
