//! Texts about the copies that `backup` makes and `restore` restores.

use std::path::Path;

use serde_json::{Value, json};

use super::error::CliError;
use super::print::count;
use crate::app::backups;
use crate::store::backup::{self, Contents};
use crate::store::backup_files::Tally;

/// The most files of a copy that are listed one by one.
const NAMED: usize = 20;

pub(super) fn files_text(files: &Tally) -> String {
    let number = i64::try_from(files.files).unwrap_or(i64::MAX);
    format!(
        "{} of {} beside it",
        count(number, "large file"),
        size(files.bytes)
    )
}

pub(super) fn files_json(files: &Tally, value: &mut Value) {
    value["files"] = files.files.into();
    value["files_bytes"] = files.bytes.into();
    value["missing"] = files.missing.iter().map(|path| shown(path)).collect();
}

pub(super) fn missing_lines(files: &Tally) -> Vec<String> {
    let named = files.missing.iter().take(NAMED);
    let mut lines: Vec<_> = named
        .map(|path| format!("missing   {}", path.display()))
        .collect();
    if files.missing.len() > NAMED {
        lines.push(format!(
            "missing   and {} more",
            files.missing.len() - NAMED
        ));
    }
    lines
}

/// Reads a whole copy, and compares it with its checksums.
pub(super) fn examine(file: &Path) -> Result<(Contents, bool), CliError> {
    let contents = backup::examine(file)?;
    Ok((contents, backups::compare(file)?.is_some()))
}

pub(super) fn contents_text(contents: &Contents) -> String {
    format!(
        "{}, {}, {}, {}, schema {}",
        count(contents.users, "user"),
        count(contents.flows, "flow"),
        count(contents.messages, "message"),
        size(contents.size_bytes),
        contents.schema
    )
}

pub(super) fn contents_json(contents: &Contents) -> Value {
    json!({
        "users": contents.users,
        "flows": contents.flows,
        "messages": contents.messages,
        "size_bytes": contents.size_bytes,
        "schema": contents.schema,
    })
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns a number of bytes in a form for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}
