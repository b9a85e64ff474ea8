//! Forms sent by browsers and scripts: text fields and files.
//!
//! Source: RFC 7578, multipart/form-data; the URL standard, urlencoded forms.

use serde_json::{Map, Value};

use super::said::{Complaint, Held, SaidFile};

/// The most parts that are read from one form.
const MAX_PARTS: usize = 128;

/// The fields of a form, and its files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) fields: Map<String, Value>,
    pub(super) files: Vec<SaidFile>,
}

/// Reads a form whose fields are urlencoded.
pub(super) fn of_urlencoded(body: &[u8]) -> Form {
    let pairs = form_urlencoded::parse(body).take(MAX_PARTS);
    Form {
        fields: pairs
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect(),
        files: Vec::new(),
    }
}

/// Returns the boundary that a content type names, if it is that of a form in parts.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty()).then_some(value)
    })
}

/// Reads a form in parts. A truncated part is ignored.
///
/// # Errors
/// It has more parts than are read.
pub(super) fn of_parts(body: &[u8], boundary: &str) -> Result<Form, Complaint> {
    let mark = format!("--{boundary}");
    let mut form = Form::default();
    let mut at = 0;
    let next = |from: usize| {
        find(body.get(from..).unwrap_or_default(), mark.as_bytes()).map(|it| from + it)
    };
    let Some(first) = next(0) else {
        return Ok(form);
    };
    at += first + mark.len();
    for _ in 0..MAX_PARTS {
        let Some(end) = next(at) else { break };
        part(body, (at, end), &mut form);
        at = end + mark.len();
        if body.get(at..).is_some_and(|rest| rest.starts_with(b"--")) {
            return Ok(form);
        }
    }
    if next(at).is_some() {
        let words = format!("a form has at most {MAX_PARTS} parts");
        return Err(Complaint::bad(words));
    }
    Ok(form)
}

/// Reads the part between two offsets of a body.
fn part(body: &[u8], (from, to): (usize, usize), form: &mut Form) {
    let Some(bytes) = body.get(from..to) else {
        return;
    };
    let Some(split) = find(bytes, b"\r\n\r\n") else {
        return;
    };
    let head = String::from_utf8_lossy(bytes.get(..split).unwrap_or_default()).into_owned();
    let begin = from + split + 4;
    let end = if bytes.ends_with(b"\r\n") { to - 2 } else { to };
    if end < begin {
        return;
    }
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    });
    let Some(disposition) = disposition else {
        return;
    };
    let parameter = |wanted: &str| {
        disposition.split(';').skip(1).find_map(|it| {
            let (name, value) = it.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| value.to_owned())
        })
    };
    let Some(name) = parameter("name") else {
        return;
    };
    match parameter("filename") {
        // A browser also sends a file field if no file was chosen.
        Some(filename) if filename.is_empty() && begin == end => {}
        Some(filename) => form.files.push(SaidFile {
            name: Some(filename).filter(|it| !it.is_empty()),
            held: Held::Place(begin, end),
        }),
        None => {
            let value = String::from_utf8_lossy(body.get(begin..end).unwrap_or_default());
            form.fields.insert(name, Value::from(value.into_owned()));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_fields_and_a_file() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhello\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: a/b\r\n\r\n\x00\x01\r\n--x--\r\n";
        let kind = "multipart/form-data; boundary=x";
        let mut form = of_parts(body, boundary(kind).unwrap()).unwrap();
        assert_eq!(form.fields["message"], "hello");
        let file = form.files.remove(0);
        assert_eq!(file.name.as_deref(), Some("a.bin"));
        assert_eq!(&*file.bytes(body), b"\x00\x01");
        assert_eq!(boundary("text/plain; boundary=x"), None);
        assert_eq!(
            of_urlencoded(b"title=a+b&message=%C3%A4").fields["message"],
            "ä"
        );
    }

    proptest! {
        #[test]
        fn any_body_is_taken(body in proptest::collection::vec(prop_oneof![Just(b'-'), Just(b'x'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)) {
            for file in of_parts(&body, "x").map_or_else(|_| Vec::new(), |form| form.files) {
                let Held::Place(from, to) = file.held else { panic!("{file:?}") };
                prop_assert!(from <= to && to <= body.len());
            }
        }
    }
}
