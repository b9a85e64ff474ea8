//! Free space on disks.

use std::path::Path;

/// Returns the free space for an unprivileged user on the disk of a file.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs4::available_space(folder).ok()
}
