//! The types of single values on the wire: texts, ids, integers, bytes, lists, objects.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// Text, borrowed from the frame if it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol::mtp) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(in crate::protocol::mtp) fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// An id: a text, or an integer of any size, which is read as its decimal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::protocol::mtp) struct Id<'a>(Cow<'a, str>);

impl std::ops::Deref for Id<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "expected a text or an integer";
        // Integers of up to 39 digits would lose digits in any number type of serde_json.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            let text: Text<'de> =
                serde_json::from_str(raw).map_err(|_| D::Error::custom(EXPECTED))?;
            return Ok(Self(text.0));
        }
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(Cow::Borrowed(raw)))
        } else {
            Err(D::Error::custom(EXPECTED))
        }
    }
}

/// An integer, which may also be sent as its decimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::protocol::mtp) struct Int(pub(in crate::protocol::mtp) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}

struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer of 64 bits")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Int, E> {
        Ok(Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Int, E> {
        i64::try_from(value)
            .map(Int)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
        text.parse()
            .map(Int)
            .map_err(|_| E::invalid_value(Unexpected::Other("text"), &self))
    }
}

/// Bytes: a text, by convention base64, or an array of integers from 0 to 255.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::protocol::mtp) enum Blob<'a> {
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BlobVisitor)
    }
}

struct BlobVisitor;

impl<'de> Visitor<'de> for BlobVisitor {
    type Value = Blob<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an array of integers from 0 to 255")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Blob::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Blob::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Blob::Bytes(bytes))
    }
}

/// A list of at most `MAX` entries.
#[derive(Debug)]
pub(in crate::protocol::mtp) struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> std::ops::Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Returns the only entry, or the first of several.
    pub(in crate::protocol::mtp) fn into_first(self) -> Option<T> {
        self.0.into_iter().next()
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData))
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = List<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element()? {
            if entries.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            entries.push(entry);
        }
        Ok(List(entries))
    }
}

/// A value that has to be a JSON object. A derived implementation alone also accepts a list of the values.
pub(in crate::protocol::mtp) struct Object<T>(pub(in crate::protocol::mtp) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

pub(super) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

pub(super) fn maybe_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

pub(super) fn objects<'de, D, T, const MAX: usize>(
    deserializer: D,
) -> Result<Option<List<T, MAX>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Option::<List<Object<T>, MAX>>::deserialize(deserializer)?;
    Ok(list.map(|List(list)| List(list.into_iter().map(|Object(value)| value).collect())))
}
