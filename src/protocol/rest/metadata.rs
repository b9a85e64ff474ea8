//! The header `Upload-Metadata`: the name and type of a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::service::MAX_NAME_CHARS;

/// The longest header, in bytes.
const MAX_BYTES: usize = 2 * 1024;

/// The error for a header that cannot be read.
pub(super) const EXPECTED: &str = "Upload-Metadata holds at most 2 KiB of pairs of a key and a \
                                   base64 value, which is UTF-8";

/// The values of a header; other keys are ignored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    pub(super) media_type: Option<String>,
}

impl Metadata {
    /// Reads a header; `None` if it is invalid.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut read = Self::default();
        if text.len() > MAX_BYTES {
            return None;
        }
        if text.trim().is_empty() {
            return Some(read);
        }
        for pair in text.split(',') {
            let mut parts = pair.split_ascii_whitespace();
            let key = parts.next()?;
            let value = parts.next().unwrap_or_default();
            let bytes = STANDARD.decode(value).ok()?;
            let value = String::from_utf8(bytes).ok()?;
            if parts.next().is_some() {
                return None;
            }
            let place = match key {
                "filename" => &mut read.name,
                "filetype" => &mut read.media_type,
                _ => continue,
            };
            // Cut to the longest name in a message.
            let value: String = value.chars().take(MAX_NAME_CHARS).collect();
            *place = Some(value).filter(|value| !value.is_empty());
        }
        Some(read)
    }

    /// Returns the header with these values; `None` if there are none.
    pub(super) fn to_header(&self) -> Option<String> {
        let pairs = [("filename", &self.name), ("filetype", &self.media_type)];
        let told: Vec<_> = pairs
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key} {}", STANDARD.encode(value.as_ref()?))))
            .collect();
        (!told.is_empty()).then(|| told.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_written() {
        let text = "filename 0LAuanBn,other eA==,filetype aW1hZ2UvanBlZw==,empty";
        let read = Metadata::read(text).unwrap();
        assert_eq!(read.name.as_deref(), Some("а.jpg"));
        assert_eq!(read.media_type.as_deref(), Some("image/jpeg"));
        let header = read.to_header().unwrap();
        assert_eq!(header, "filename 0LAuanBn,filetype aW1hZ2UvanBlZw==");
        assert_eq!(Metadata::read(&header).unwrap(), read);
        assert_eq!(Metadata::read("").unwrap(), Metadata::default());
        assert_eq!(Metadata::default().to_header(), None);
    }

    #[test]
    fn a_name_is_no_longer_than_in_a_message() {
        let header = format!("filename {}", STANDARD.encode("x".repeat(300)));
        let name = Metadata::read(&header).unwrap().name.unwrap();
        assert_eq!(name.len(), MAX_NAME_CHARS);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        let long = format!("filename {}", "A".repeat(2048));
        for text in [
            "filename %%%",
            "filename /w==",
            "filename eA== eA==",
            ",",
            &long,
        ] {
            assert_eq!(Metadata::read(text), None, "{text}");
        }
    }
}
