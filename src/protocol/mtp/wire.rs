//! The values that every frame writes, and how frames are written.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use crate::model::{Digits, PublicId};

/// An id as decimal text.
///
/// It is passed to the serializer as a number, which [`Frames`] writes as a text: an answer has
/// hundreds of ids, and searching them for characters to escape costs as much as writing them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) PublicId);

impl Default for Id {
    fn default() -> Self {
        Self(PublicId::NOTHING)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u128(self.0.0)
    }
}

/// A list of ids that is already serialized.
pub(super) struct Ids(Vec<u8>);

impl FromIterator<Digits> for Ids {
    fn from_iter<T: IntoIterator<Item = Digits>>(ids: T) -> Self {
        let mut list = vec![b'['];
        for (place, id) in ids.into_iter().enumerate() {
            if place > 0 {
                list.push(b',');
            }
            list.extend_from_slice(id.quoted());
        }
        list.push(b']');
        Self(list)
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// The format of frames: without blanks; numbers of 128 bits, which are ids, as texts; and bytes,
/// which are JSON that is already serialized, as they are.
#[derive(Default)]
pub(super) struct Frames {
    /// Keys are in quotation marks already.
    in_key: bool,
}

impl Formatter for Frames {
    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.in_key = true;
        if first {
            Ok(())
        } else {
            writer.write_all(b",")
        }
    }

    fn end_object_key<W: io::Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    fn write_byte_array<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        writer.write_all(value)
    }

    fn write_u128<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        let digits = Digits::of(PublicId(value));
        writer.write_all(if self.in_key {
            digits.bare()
        } else {
            digits.quoted()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn ids_are_texts_as_values_and_as_keys() {
        let ids = BTreeMap::from([
            (Id(PublicId(7)), Id(PublicId(0))),
            (Id(PublicId(12)), Id(PublicId(u128::MAX))),
        ]);
        let lists =
            [0, 1, 2].map(|count| (0..count).map(PublicId).map(Digits::of).collect::<Ids>());
        let mut frame = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut frame, Frames::default());
        ("a", ids, lists).serialize(&mut writer).unwrap();
        assert_eq!(
            String::from_utf8(frame).unwrap(),
            r#"["a",{"7":"0","12":"340282366920938463463374607431768211455"},[[],["0"],["0","1"]]]"#
        );
    }
}
