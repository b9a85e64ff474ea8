//! The name under which a browser saves a file.

use std::fmt::Write as _;

/// Returns the header `Content-Disposition` of a file: shown in place if `inline`, otherwise saved,
/// under its name if it has one.
///
/// Sources: RFC 6266 (the header), RFC 8187 (names beyond ASCII).
pub(super) fn disposition(inline: bool, name: Option<&str>) -> String {
    let mut header = if inline { "inline" } else { "attachment" }.to_owned();
    let Some(name) = name else {
        return header;
    };
    let name: String = name.chars().map(plain).collect();
    let ascii: String = name
        .chars()
        .map(|c| if c.is_ascii() { c } else { '_' })
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(header, "; filename=\"{ascii}\"");
    header.push_str("; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' => {
                header.push(char::from(byte));
            }
            _ => {
                let _ = write!(header, "%{byte:02X}");
            }
        }
    }
    header
}

/// Returns a character of a name, or `_` for one that could end the header, the name or the folder,
/// or turn the direction of what follows.
fn plain(c: char) -> char {
    let is_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}');
    if c.is_control() || is_mark || matches!(c, '"' | '/' | '\\') {
        '_'
    } else {
        c
    }
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_cannot_leave_its_place() {
        let cases = [
            (None, "attachment"),
            (
                Some("a.txt"),
                "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt",
            ),
            (
                Some("a\"; x=\"b\r\nSet-Cookie: c"),
                "attachment; filename=\"a_; x=_b__Set-Cookie: c\"; filename*=UTF-8''a_%3B%20x%3D_b__Set-Cookie%3A%20c",
            ),
            (
                Some("../../etc/passwd"),
                "attachment; filename=\".._.._etc_passwd\"; filename*=UTF-8''.._.._etc_passwd",
            ),
            (
                Some("gpj.\u{202e}exe"),
                "attachment; filename=\"gpj._exe\"; filename*=UTF-8''gpj._exe",
            ),
            (
                Some("договор.pdf"),
                "attachment; filename=\"_______.pdf\"; filename*=UTF-8''%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.pdf",
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(disposition(false, name), expected);
        }
        assert_eq!(
            disposition(true, Some("a.png")),
            "inline; filename=\"a.png\"; filename*=UTF-8''a.png"
        );
    }
}
