//! The forms of ids on the wire: of users, rooms, events, and positions in the log.

use crate::model::{Position, PublicId};

/// The name of this server, which follows the ids of its users and rooms.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn new(server: String) -> Self {
        Self(server)
    }

    /// Returns the name of this server.
    pub(super) fn server(&self) -> &str {
        &self.0
    }

    /// Returns the id of a user.
    pub(super) fn user(&self, localpart: &str) -> String {
        format!("@{localpart}:{}", self.0)
    }

    /// Returns the name in the id of a user of this server; `None` if the text is not such an id.
    pub(super) fn localpart<'a>(&self, id: &'a str) -> Option<&'a str> {
        let (name, server) = id.strip_prefix('@')?.split_once(':')?;
        (server == self.0 && !name.is_empty()).then_some(name)
    }

    /// Returns the id of a room.
    pub(super) fn room(&self, id: PublicId) -> String {
        format!("!{}:{}", id.hex(), self.0)
    }

    /// Returns the room of an id. Any other text names none, like an unknown id.
    pub(super) fn parse_room(&self, id: &str) -> PublicId {
        let found = || {
            let (hex, server) = id.strip_prefix('!')?.split_once(':')?;
            PublicId::from_hex(hex).filter(|_| server == self.0)
        };
        found().unwrap_or(PublicId::NOTHING)
    }

    /// Returns the name of a room without `#` and the server.
    pub(super) fn alias<'a>(&self, id: &'a str) -> Option<&'a str> {
        let (name, server) = id.strip_prefix('#')?.split_once(':')?;
        (server == self.0 && !name.is_empty()).then_some(name)
    }

    /// Returns the address of a file.
    pub(super) fn media(&self, id: PublicId) -> String {
        format!("mxc://{}/{}", self.0, id.hex())
    }

    /// Returns the file of an address; `None` if it is not a file of this server.
    pub(super) fn parse_media(&self, address: &str) -> Option<PublicId> {
        let (server, id) = address.strip_prefix("mxc://")?.split_once('/')?;
        PublicId::from_hex(id).filter(|_| server == self.0)
    }

    /// Returns the key of a state event as it is stored: users of this server without its name.
    pub(super) fn stored_key(&self, key: &str) -> String {
        self.localpart(key)
            .map_or_else(|| key.to_owned(), |name| format!("@{name}"))
    }

    /// Returns the key of a state event as clients know it.
    pub(super) fn told_key(&self, key: &str) -> String {
        match key.strip_prefix('@') {
            Some(name) if !name.is_empty() && !name.contains(':') => self.user(name),
            _ => key.to_owned(),
        }
    }
}

/// Returns the id of an event.
pub(super) fn event(id: PublicId) -> String {
    format!("${}", id.hex())
}

/// Returns the event of an id, and the number of the message's file if it has one.
pub(super) fn parse_event(id: &str) -> Option<(PublicId, Option<usize>)> {
    let text = id.strip_prefix('$')?;
    match text.split_once('_') {
        Some((hex, part)) => Some((PublicId::from_hex(hex)?, Some(part.parse().ok()?))),
        None => Some((PublicId::from_hex(text)?, None)),
    }
}

/// Returns a position in the log as a token of `/sync`.
pub(super) fn sync_token(at: Position, count: u64) -> String {
    format!("s{}.{count}", at.0)
}

/// Returns the number of the last change of typing and presence, if a token has one.
pub(super) fn parse_count(token: &str) -> Option<u64> {
    let (_, count) = token.strip_prefix('s')?.split_once('.')?;
    count.parse().ok()
}

/// Returns a position in the log as a token of pages.
pub(super) fn page_token(at: Position) -> String {
    format!("t{}", at.0)
}

/// Returns the position of a token; either kind is accepted.
pub(super) fn parse_token(token: &str) -> Option<Position> {
    let number = match token.strip_prefix('s') {
        Some(rest) => {
            let (number, counter) = rest.split_once('.')?;
            counter.parse::<u64>().ok()?;
            number
        }
        None => token.strip_prefix('t')?,
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| digits).map(Position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let names = Names::new("example.org".to_owned());
        let id = PublicId::random();
        assert_eq!(names.parse_room(&names.room(id)), id);
        assert_eq!(names.localpart(&names.user("anna")), Some("anna"));
        for other in ["anna", "@anna", "@anna:elsewhere.org", "@:example.org", ""] {
            assert_eq!(names.localpart(other), None, "{other}");
        }
        for other in ["", "!", "!abc:example.org", "!abc", "!ä:example.org"] {
            assert_eq!(names.parse_room(other), PublicId::NOTHING, "{other}");
        }
        assert_eq!(names.stored_key("@anna:example.org"), "@anna");
        assert_eq!(names.told_key("@anna"), "@anna:example.org");
        for same in ["", "x", "@anna:elsewhere.org", "@"] {
            assert_eq!(names.told_key(same), same);
            assert_eq!(names.stored_key(same), same);
        }
        assert_eq!(parse_event(&event(id)), Some((id, None)));
        assert_eq!(
            parse_event(&format!("{}_2", event(id))),
            Some((id, Some(2)))
        );
        assert_eq!(parse_event("$x"), None);
    }

    #[test]
    fn tokens_of_both_kinds_are_read() {
        for (text, at) in [("s12.0", Some(12)), ("t0", Some(0)), ("t7", Some(7))] {
            assert_eq!(parse_token(text), at.map(Position), "{text}");
        }
        for text in [
            "",
            "s",
            "t",
            "s1",
            "s1.x",
            "t-1",
            "s-1.0",
            "t+1",
            "12",
            "x1",
            "t1.5",
            "t99999999999999999999",
        ] {
            assert_eq!(parse_token(text), None, "{text}");
        }
    }
}
