//! Standard error where it is systemd's journal: each line tells its priority.

use std::io::{self, Write};

/// Priorities of syslog by the word with which a line begins. Source: sd-daemon(3).
const PRIORITIES: [(&str, &str); 4] = [
    ("[ERROR]", "<3>"),
    ("[WARN]", "<4>"),
    ("[INFO]", "<6>"),
    ("[DEBUG]", "<7>"),
];

/// For lines of any other level.
const LEAST: &str = "<7>";

/// Puts the priority before each line.
#[derive(Default)]
pub(super) struct Journal {
    line: Vec<u8>,
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let mut whole = priority(&line).as_bytes().to_vec();
            whole.extend_from_slice(&line);
            io::stderr().write_all(&whole)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn priority(line: &[u8]) -> &'static str {
    let found = PRIORITIES
        .iter()
        .find(|(word, _)| line.starts_with(word.as_bytes()));
    found.map_or(LEAST, |(_, priority)| priority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_priority_of_its_level() {
        let of = |line: &str| priority(line.as_bytes());
        assert_eq!(of("[ERROR] morelia: the disk is full\n"), "<3>");
        assert_eq!(of("[WARN] morelia: x\n"), "<4>");
        assert_eq!(of("[INFO] morelia: [ERROR] in a text\n"), "<6>");
        assert_eq!(of("[TRACE] morelia: x\n"), "<7>");
    }
}
