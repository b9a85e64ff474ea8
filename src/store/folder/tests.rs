//! Tests of the folder.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::of(&parent.path().join("test.db"));
    folder.prepare(None).unwrap();
    (parent, folder)
}

#[test]
fn a_file_is_private_and_lies_under_its_name() {
    let (_parent, folder) = folder();
    let name = folder.put(&mut &b"content"[..]).unwrap();
    let path = folder.place(name);
    assert_eq!(fs::read(&path).unwrap(), b"content");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    for inner in [
        folder.path(),
        path.parent().unwrap(),
        &folder.path().join(PART),
    ] {
        assert_eq!(mode(inner), 0o700, "{}", inner.display());
    }
    assert!(folder.has(name, 7) && !folder.has(name, 8));
    assert!(folder.open(name, 8).unwrap().is_none());
    folder.remove(name, true).unwrap();
    folder.remove(name, false).unwrap();
    assert!(folder.open(name, 7).unwrap().is_none());
}

#[test]
fn a_part_goes_on_where_it_was_synced() {
    let (_parent, folder) = folder();
    let id = PublicId::random();
    assert!(folder.open_part(id, 5).unwrap().is_none());
    let mut file = folder.open_part(id, 0).unwrap().unwrap();
    file.write_all(b"0123456789").unwrap();
    let mut file = folder.open_part(id, 4).unwrap().unwrap();
    file.write_all(b"x").unwrap();
    assert_eq!(fs::read(folder.part(id)).unwrap(), b"0123x");
    assert!(folder.open_part(id, 6).unwrap().is_none());
    // The file was moved, but that was not recorded.
    folder.settle(id).unwrap();
    assert!(folder.has(id, 5));
    drop(folder.open_part(id, 4).unwrap().unwrap());
    assert!(!folder.has(id, 5));
}

#[test]
fn what_lies_there_is_found_and_nothing_else() {
    let (_parent, folder) = folder();
    let name = folder.put(&mut &b"x"[..]).unwrap();
    let part = PublicId::random();
    drop(folder.open_part(part, 0).unwrap());
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::write(folder.path().join(PART).join("notes.txt"), "mine").unwrap();
    let mut found = folder.entries(Duration::ZERO).unwrap();
    found.sort_by_key(|entry| entry.is_part);
    let found: Vec<_> = found.iter().map(|it| (it.name, it.is_part)).collect();
    assert_eq!(found, [(name, false), (part, true)]);
    assert!(folder.entries(Duration::from_hours(1)).unwrap().is_empty());
}

#[test]
fn files_are_kept_while_somebody_holds_them() {
    let (_parent, folder) = folder();
    let hold = folder.hold().unwrap();
    let other = folder.hold().unwrap();
    assert!(folder.release().unwrap().is_none());
    drop((hold, other));
    assert!(folder.release().unwrap().is_some());
}

#[test]
fn a_folder_elsewhere_is_linked() {
    let parent = tempfile::tempdir().unwrap();
    let folder = Folder::of(&parent.path().join("test.db"));
    folder.prepare(None).unwrap();
    let elsewhere = parent.path().join("elsewhere");
    folder.prepare(Some(&elsewhere)).unwrap();
    folder.prepare(Some(&elsewhere)).unwrap();
    let name = folder.put(&mut &b"x"[..]).unwrap();
    assert!(Folder::at(elsewhere).has(name, 1));
    let third = parent.path().join("third");
    let refused = folder.prepare(Some(&third)).unwrap_err().to_string();
    assert!(refused.contains("move them to"), "{refused}");
}
