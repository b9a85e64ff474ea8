//! Identifiers: row numbers inside the file, and the public ids that leave the server.

use std::fmt;

use uuid::Uuid;

/// Makes a newtype around SQLite's 64-bit row number.
macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
    };
}

row_id!(
    /// Number of a user's row.
    UserId
);
row_id!(
    /// Number of a flow's row.
    FlowId
);
row_id!(
    /// Number of a message's row, which is the position at which it was sent.
    MessageId
);
row_id!(
    /// Number of a session's row.
    SessionId
);
row_id!(
    /// Number of a stored file's row.
    FileId
);
row_id!(
    /// Number of an invitation's row.
    InvitationId
);
row_id!(
    /// Place of a change in the server-wide log; grows by one with each change, from 1.
    Position
);

impl Default for Position {
    /// Before the first change.
    fn default() -> Self {
        Self(0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id by which clients know a user, a flow or a message: 128 bits, time-ordered (`UUIDv7`).
///
/// Its text is decimal, as MTP clients have always seen ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(pub u128);

impl PublicId {
    /// Names nothing: an id that is made holds the time, and so is never 0.
    pub const NOTHING: Self = Self(0);

    /// Makes a new id, larger than all that this process made before.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().as_u128())
    }

    /// Reads the decimal text of an id; `None` for any other text, which names nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text == "0" || (!text.starts_with(['0', '+']) && !text.is_empty());
        canonical.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The bytes that are stored, most significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id whose stored bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_decimals_are_ids() {
        assert_eq!(PublicId::parse("12345"), Some(PublicId(12345)));
        assert_eq!(
            PublicId::parse("340282366920938463463374607431768211455"),
            Some(PublicId(u128::MAX))
        );
        for text in [
            "",
            "x",
            "007",
            "+7",
            "-7",
            " 7",
            "340282366920938463463374607431768211456",
        ] {
            assert_eq!(PublicId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_grow_and_survive_storage() {
        let ids: Vec<_> = (0..1000).map(|_| PublicId::generate()).collect();
        assert!(ids.is_sorted());
        assert_eq!(PublicId::from_bytes(ids[7].to_bytes()), ids[7]);
        assert_eq!(PublicId::parse(&ids[7].to_string()), Some(ids[7]));
    }
}
