//! Checks the disk of the database: space, kind, wear.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::admin::copies::size;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::statistics;

const TOPIC: CheckTopic = CheckTopic::Disk;

/// With less space than this the next pictures may not fit.
const TOO_LITTLE_BYTES: u64 = 100 << 20;

/// Network file systems: `SQLite`'s locks and its shared memory do not work across machines.
const NETWORK: [&str; 11] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "fuse.glusterfs",
];

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let database = &config.database.path;
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut found = vec![space(
        &folder,
        statistics::sizes(database).0,
        config.files.reserve,
    )];
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let absolute = std::fs::canonicalize(&folder).unwrap_or(folder);
    if let Some((kind, device)) = mount(&table, &absolute) {
        found.push(medium(kind, device));
    }
    found
}

fn space(folder: &Path, database_bytes: u64, reserve: u64) -> Finding {
    let Ok(free) = fs4::available_space(folder) else {
        return Finding::fail(
            TOPIC,
            format!("{} cannot be checked", folder.display()),
            "create the folder, and give the server's user access to it",
        );
    };
    let text = format!("{} are free on the disk of the database", size(free));
    let remedy = "delete what is not needed, or have old messages deleted with keep in section \
                  [history]";
    if free < TOO_LITTLE_BYTES {
        Finding::fail(TOPIC, text, remedy)
    } else if free < reserve || free < database_bytes {
        Finding::warn(TOPIC, text, remedy)
    } else {
        Finding::ok(TOPIC, text)
    }
}

fn medium(kind: &str, device: &str) -> Finding {
    if NETWORK.contains(&kind) {
        return Finding::fail(
            TOPIC,
            format!("the database is on a network file system ({kind}), where SQLite is not safe"),
            "move it to a disk of this machine: path in section [database]",
        );
    }
    match kind {
        "vfat" | "exfat" | "msdos" => Finding::warn(
            TOPIC,
            format!("the database is on a {kind} file system, which a power cut can damage"),
            "use a disk with ext4",
        ),
        "tmpfs" | "ramfs" => Finding::warn(
            TOPIC,
            "the database is in memory and is lost when the machine restarts",
            "move it to a disk: path in section [database]",
        ),
        _ if device.starts_with("/dev/mmcblk") => Finding::warn(
            TOPIC,
            "the database is on an SD card, and cards wear out",
            "back up to another disk: dir in section [backup]",
        ),
        _ => Finding::ok(
            TOPIC,
            format!("the database is on a local {kind} file system"),
        ),
    }
}

/// Returns the kind and device of the file system of a path, from the kernel's table of mounts.
fn mount<'a>(table: &'a str, path: &Path) -> Option<(&'a str, &'a str)> {
    let mut best: Option<(usize, &str, &str)> = None;
    for line in table.lines() {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.replace("\\040", " ");
        let mut rest = right.split(' ');
        let (kind, device) = (rest.next()?, rest.next()?);
        // Of several mounts on the same point the last one is visible.
        if path.starts_with(&point) && best.is_none_or(|(length, ..)| point.len() >= length) {
            best = Some((point.len(), kind, device));
        }
    }
    best.map(|(_, kind, device)| (kind, device))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    const TABLE: &str = "\
22 1 179:2 / / rw,noatime - ext4 /dev/mmcblk0p2 rw
30 22 0:30 / /mnt/nas rw - nfs4 nas:/chat rw
31 22 0:31 / /mnt/my\\040disk rw - ext4 /dev/sda1 rw
";

    #[test]
    fn the_nearest_mount_counts() {
        let of = |path: &str| mount(TABLE, Path::new(path));
        assert_eq!(of("/var/lib/morelia"), Some(("ext4", "/dev/mmcblk0p2")));
        assert_eq!(of("/mnt/nas/chat"), Some(("nfs4", "nas:/chat")));
        assert_eq!(of("/mnt/nas2"), Some(("ext4", "/dev/mmcblk0p2")));
        assert_eq!(of("/mnt/my disk/x"), Some(("ext4", "/dev/sda1")));
    }

    #[test]
    fn network_and_cards_are_told() {
        assert_eq!(medium("nfs4", "nas:/chat").level, Level::Fail);
        assert_eq!(medium("ext4", "/dev/mmcblk0p2").level, Level::Warn);
        assert_eq!(medium("ext4", "/dev/sda1").level, Level::Ok);
    }
}
