//! Identifiers: row numbers inside the database, and the public ids that leave the server.

use std::fmt;

use uuid::Uuid;

/// Defines a newtype around SQLite's 64-bit row number.
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
    /// Row number of a device that receives notifications.
    SubscriptionId
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
    /// Row number of an incoming hook.
    HookId
);
row_id!(
    /// Row number of an outgoing hook.
    OutgoingId
);
row_id!(
    /// Place of a change in the log of the whole server; starts at 1 and grows by one with each change.
    Position
);

impl Default for Position {
    /// Returns the position before the first change.
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
    /// An id that names nothing: a generated id contains the time, so it is never 0.
    pub const NOTHING: Self = Self(0);

    /// Generates a new id, larger than all that this process generated before.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().as_u128())
    }

    /// Parses the decimal text of an id; `None` for any other text, which names nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text == "0" || (!text.starts_with(['0', '+']) && !text.is_empty());
        canonical.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// Returns an id that reveals nothing, not even when it was made.
    #[must_use]
    pub fn random() -> Self {
        Self::from_bytes(rand::random())
    }

    /// Returns the 32 hexadecimal digits of the id, as used in addresses.
    #[must_use]
    pub fn hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// Parses the result of [`hex`](Self::hex); `None` for any other text, which names nothing.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let canonical = text.len() == 32 && text.bytes().all(digit);
        canonical
            .then(|| u128::from_str_radix(text, 16).ok().map(Self))
            .flatten()
    }

    /// Returns the bytes that are stored, most significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Returns the id with these stored bytes.
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

/// Maximum number of digits of an id.
const MAX_DIGITS: usize = 39;

/// Returns the digits of a number below 10^8, all computed at the same time: two groups of four, then
/// four groups of two, then eight digits, each in its own lane.
fn eight_digits(number: u64) -> [u8; 8] {
    const LANES_OF_TWO: u64 = 0x0000_007f_0000_007f;
    const LANES_OF_ONE: u64 = 0x000f_000f_000f_000f;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // While a group of four has at most 14 bits, this is a division by 100; below, by 10.
    let hundreds = ((fours * 10_486) >> 20) & LANES_OF_TWO;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & LANES_OF_ONE;
    let ones = tens | ((twos - 10 * tens) << 8);
    (ones + u64::from_le_bytes([b'0'; 8])).to_le_bytes()
}

/// The decimal text of an id in quotation marks: the same as `Display`, for code that writes many ids.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    /// A buffer that ends with the text.
    text: [u8; MAX_DIGITS + 2],
    /// Position of the first quotation mark.
    start: usize,
}

impl Digits {
    /// Formats an id.
    #[must_use]
    pub fn of(id: PublicId) -> Self {
        /// The largest power of ten in 64 bits: an id has one digit and two groups of nineteen.
        const PART: u128 = 10_000_000_000_000_000_000;
        let mut digits = Self {
            text: [b'0'; MAX_DIGITS + 2],
            start: 0,
        };
        let mut upper = id.0 / PART;
        digits.put::<{ MAX_DIGITS - 18 }>(id.0 - upper * PART);
        // At most three rounds, which is faster than a division.
        while upper >= PART {
            upper -= PART;
            digits.text[1] += 1;
        }
        digits.put::<{ MAX_DIGITS - 37 }>(upper);
        // The last digit stays, even if it is 0.
        let zeros = digits.text[1..MAX_DIGITS].iter();
        digits.start = zeros.take_while(|digit| **digit == b'0').count();
        digits.text[digits.start] = b'"';
        digits.text[MAX_DIGITS + 1] = b'"';
        digits
    }

    /// Writes nineteen digits, starting at a place.
    fn put<const PLACE: usize>(&mut self, number: u128) {
        const EIGHT: u64 = 100_000_000;
        let number = u64::try_from(number).unwrap_or(0);
        let (rest, last) = (number / EIGHT, number % EIGHT);
        let (first, middle) = (rest / EIGHT, rest % EIGHT);
        let [.., hundreds, tens, ones] = eight_digits(first);
        self.text[PLACE..PLACE + 3].copy_from_slice(&[hundreds, tens, ones]);
        self.text[PLACE + 3..PLACE + 11].copy_from_slice(&eight_digits(middle));
        self.text[PLACE + 11..PLACE + 19].copy_from_slice(&eight_digits(last));
    }

    /// Returns the digits in quotation marks.
    #[must_use]
    pub fn quoted(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// Returns the digits.
    #[must_use]
    pub fn bare(&self) -> &[u8] {
        self.text
            .get(self.start + 1..=MAX_DIGITS)
            .unwrap_or_default()
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
    fn digits_are_those_of_the_number() {
        let part = 10_u128.pow(19);
        let edges = [
            0,
            9,
            10,
            99,
            100,
            part - 1,
            part,
            part + 7,
            part * part,
            u128::MAX,
        ];
        let many = (0..128).map(|bits| u128::MAX >> bits);
        for number in edges.into_iter().chain(many) {
            let digits = Digits::of(PublicId(number));
            assert_eq!(digits.bare(), number.to_string().as_bytes());
            assert_eq!(digits.quoted(), format!("\"{number}\"").as_bytes());
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
