//! Changes a value in the text of a configuration, and nothing around it.

/// Sets a key. Its line is replaced, be it commented out or not; where there is none, one is put at the
/// end of the section, and the section at the end of the file.
#[must_use]
pub fn set(text: &str, section: &str, key: &str, value: &str) -> String {
    let line = if value.is_empty() {
        format!("#{key} =")
    } else if value.contains(['#', ';']) || value.trim() != value {
        format!("{key} = \"{value}\"")
    } else {
        format!("{key} = {value}")
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let header = |line: &str| {
        let inner = line.trim().strip_prefix('[')?.strip_suffix(']')?;
        Some(inner.trim().to_lowercase())
    };
    let Some(begin) = lines
        .iter()
        .position(|line| header(line).as_deref() == Some(section))
    else {
        if lines.last().is_some_and(|line| !line.trim().is_empty()) {
            lines.push(String::new());
        }
        lines.push(format!("[{section}]"));
        lines.push(line);
        return joined(&lines);
    };
    let end = lines[begin + 1..]
        .iter()
        .position(|line| header(line).is_some())
        .map_or(lines.len(), |next| begin + 1 + next);
    let names = |line: &str, commented: bool| {
        let line = line.trim();
        let line = match (line.strip_prefix(['#', ';']), commented) {
            (Some(rest), true) => rest,
            (None, false) => line,
            _ => return false,
        };
        // Prose in a comment has spaces before its equals sign.
        line.split_once('=')
            .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(key))
    };
    let found = [false, true].into_iter().find_map(|commented| {
        let inside = lines[begin + 1..end].iter();
        inside
            .enumerate()
            .find(|(_, line)| names(line, commented))
            .map(|(at, _)| begin + 1 + at)
    });
    if let Some(at) = found {
        lines[at] = line;
    } else {
        // Before the empty lines and the comment that belong to the next section.
        let inside = &lines[begin..end];
        let last = inside
            .iter()
            .rposition(|line| {
                let line = line.trim();
                !line.is_empty() && (end == lines.len() || !line.starts_with(['#', ';']))
            })
            .unwrap_or(0);
        lines.insert(begin + last + 1, line);
    }
    joined(&lines)
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_changes_and_the_rest_stays() {
        let text = "# mine\n[server]\n# the port = 1\nport = 8000\n#public_url = x\n\n# about tls\n[tls]\n";
        let changed = set(text, "server", "port", "443");
        assert_eq!(changed, text.replace("port = 8000", "port = 443"));
        let url = set(text, "server", "public_url", "https://x");
        assert_eq!(
            url,
            text.replace("#public_url = x", "public_url = https://x")
        );
        assert_eq!(
            set(text, "server", "port", ""),
            text.replace("port = 8000", "#port =")
        );
        let added = set(text, "server", "http_port", "80");
        assert!(
            added.contains("port = 8000\nhttp_port = 80\n#public_url"),
            "{added}"
        );
        let last = set(text, "tls", "local_ca", "on");
        assert!(last.ends_with("[tls]\nlocal_ca = on\n"), "{last}");
        let section = set("[server]\nport = 1", "backup", "dir", "/mnt/a # b");
        assert_eq!(
            section,
            "[server]\nport = 1\n\n[backup]\ndir = \"/mnt/a # b\"\n"
        );
    }

    #[test]
    fn every_key_of_the_example_can_be_set() {
        let example = super::super::describe::example();
        let changed = set(&example, "tls", "acme", "chat.example.org");
        assert_eq!(example.lines().count(), changed.lines().count());
        assert!(changed.contains("\nacme = chat.example.org\n"));
    }
}
