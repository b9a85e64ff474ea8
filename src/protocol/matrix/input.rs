//! Reads the bodies of requests.

use serde_json::{Map, Value};

use super::trouble::Trouble;

/// The largest absolute value of a number.
const MOST: i64 = (1 << 53) - 1;

/// The most bytes of a type, a key, a transaction or the id of a device.
pub(super) const MOST_NAME: usize = 255;

/// The fields of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Body(pub(super) Map<String, Value>);

impl Body {
    /// Reads JSON; a missing body is an empty object.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Trouble> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Trouble::bad_json("the body is no JSON object")),
            Err(err) => {
                let words = format!("the body is no JSON: {err}");
                Err(Trouble::said(400, "M_NOT_JSON", words))
            }
        }
    }

    /// Returns a field; a field that is null counts as absent.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a text field.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Trouble> {
        let wrong = || Trouble::bad_json(format!("{name} is no text"));
        let found = self.field(name);
        found
            .map(|value| value.as_str().ok_or_else(wrong))
            .transpose()
    }

    /// Returns a required text field.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Trouble> {
        self.text(name)?.ok_or_else(|| Trouble::missing(name))
    }

    /// Returns a boolean field.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Trouble> {
        let wrong = || Trouble::bad_json(format!("{name} is neither true nor false"));
        let found = self.field(name);
        let found = found.map(|value| value.as_bool().ok_or_else(wrong));
        Ok(found.transpose()?.unwrap_or(false))
    }

    /// Returns an object field.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Trouble> {
        match self.field(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields.clone()))),
            Some(_) => Err(Trouble::bad_json(format!("{name} is no object"))),
        }
    }

    /// Returns a list field.
    pub(super) fn list(&self, name: &str) -> Result<&[Value], Trouble> {
        match self.field(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Trouble::bad_json(format!("{name} is no list"))),
        }
    }
}

/// Refuses numbers that not every program reads alike: fractions, and numbers that are too large.
pub(super) fn require_plain_numbers(value: &Value) -> Result<(), Trouble> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) if (-MOST..=MOST).contains(&number) => Ok(()),
            _ => Err(Trouble::bad_json(format!(
                "{number} is no integer between -(2^53-1) and 2^53-1"
            ))),
        },
        Value::Array(list) => list.iter().try_for_each(require_plain_numbers),
        Value::Object(fields) => fields.values().try_for_each(require_plain_numbers),
        _ => Ok(()),
    }
}

/// Refuses a name that is too long.
pub(super) fn require_short(what: &str, name: &str) -> Result<(), Trouble> {
    if name.len() <= MOST_NAME {
        Ok(())
    } else {
        let words = format!("{what} has more than {MOST_NAME} bytes");
        Err(Trouble::invalid(words))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_whole_numbers_that_all_read_alike_are_taken() {
        for fine in [json!(0), json!({"a": [MOST, -MOST, "1.5"]}), json!(null)] {
            assert!(require_plain_numbers(&fine).is_ok(), "{fine}");
        }
        for wrong in [
            json!(1.5),
            json!({"a": [MOST + 1]}),
            json!([-MOST - 1]),
            json!(u64::MAX),
        ] {
            assert!(require_plain_numbers(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_body_is_an_empty_object() {
        assert!(Body::read(b" \r\n").is_ok_and(|body| body.0.is_empty()));
        assert!(matches!(
            Body::read(b"{"),
            Err(Trouble::Said(400, "M_NOT_JSON", _))
        ));
        assert!(matches!(
            Body::read(b"[]"),
            Err(Trouble::Said(400, "M_BAD_JSON", _))
        ));
    }
}
