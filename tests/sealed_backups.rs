//! Encrypted backups: the server has public keys only, and nothing in the folder can be read without the
//! secret one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    backup::{damage, document, path, until},
    common::{
        Person, Server,
        http::{self, bearer, content},
    },
    stored_files::{files, send},
};

/// What stands in messages and nowhere in what is encrypted.
const SECRET: &str = "meet me at the old mill";

struct Kept {
    server: Server,
    anna: Person,
    group: String,
    file: String,
    bytes: Vec<u8>,
    /// Where the secret key is, which is not beside the server.
    away: tempfile::TempDir,
    public: String,
}

impl Kept {
    fn key(&self) -> String {
        self.away.path().join("key").display().to_string()
    }

    fn backups(&self) -> PathBuf {
        self.server.folder().join("backups")
    }
}

fn make_key(server: &Server, away: &Path, name: &str) -> String {
    let file = away.join(name).display().to_string();
    let made = document(server, ["backup", "key", &file], 0);
    assert_eq!(made["file"], file);
    server.command(["backup", "key", &file]).run().exits(4);
    made["public_key"].as_str().expect("a key").to_owned()
}

fn inhabited() -> Kept {
    let mut server = Server::start();
    let away = tempfile::tempdir().expect("a folder");
    let public = make_key(&server, away.path(), "key");
    let mut anna = server.register("anna");
    let group = anna.group("Семья", &[]);
    anna.send(&group, SECRET);
    let bytes = content(400_000, 1);
    let (_, file) = send(&server, &mut anna, &group, &bytes);
    server.set("backup.encrypt_to", &public);
    Kept {
        server,
        anna,
        group,
        file,
        bytes,
        away,
        public,
    }
}

/// Every file below a folder.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn holds(file: &Path, what: &[u8]) -> bool {
    let bytes = fs::read(file).expect("a file");
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn nothing_in_an_encrypted_backup_can_be_read_without_its_key() {
    let mut kept = inhabited();
    let made = document(&kept.server, ["backup"], 0);
    assert_eq!((&made["messages"], &made["files"]), (&2.into(), &1.into()));
    assert_eq!(made["encrypted_to"][0], kept.public.as_str());
    let copy = kept.server.folder().join(path(&made["file"]));
    let name = copy.to_str().expect("UTF-8").to_owned();
    assert_eq!(copy.extension(), Some("age".as_ref()), "{name}");
    for file in all(&kept.backups()) {
        for what in [
            SECRET.as_bytes(),
            b"SQLite format",
            &kept.bytes[1000..1032],
            b"[server]",
        ] {
            assert!(!holds(&file, what), "{} can be read", file.display());
        }
    }
    // Nothing is left beside the database either.
    let beside = fs::read_dir(kept.server.folder()).expect("a folder");
    for entry in beside {
        let entry = entry.expect("an entry").file_name();
        assert!(!entry.to_string_lossy().contains("sealing"), "{entry:?}");
    }
    // The large file is encrypted once, for all backups.
    let pool = all(&kept.backups())
        .into_iter()
        .filter(|it| it.extension().is_some_and(|it| it == "bin"));
    let pool: Vec<_> = pool.collect();
    assert_eq!(pool.len(), 1, "{pool:?}");
    let first = fs::read(&pool[0]).expect("a file");
    kept.anna.send(&kept.group, "after the first");
    document(&kept.server, ["backup"], 0);
    assert_eq!(fs::read(&pool[0]).expect("a file"), first);
    // Without a key: is it what was written?
    let closed = document(&kept.server, ["backup", "verify", &name], 0);
    assert_eq!(
        (&closed["sound"], &closed["encrypted"]),
        (&true.into(), &true.into())
    );
    let key = kept.key();
    let opened = document(
        &kept.server,
        ["backup", "verify", &name, "--restore", "--identity", &key],
        0,
    );
    assert_eq!(
        (&opened["restored"], &opened["messages"]),
        (&true.into(), &2.into())
    );
    let listed = document(&kept.server, ["backup", "list"], 0);
    assert_eq!(listed["backups"][0]["encrypted"], true);
    // The server goes on without the secret key, and is lost with everything but its backups.
    kept.server.stop();
    let place = tempfile::tempdir().expect("a folder");
    let there = |args: &[&str]| {
        crate::common::Program::new(place.path())
            .arg("--config")
            .arg(place.path().join("morelia.ini"))
            .args(args)
    };
    let refused = there(&["restore", &name, "--yes"]).run().exits(1);
    assert!(
        refused.stderr.contains("--identity") && refused.stderr.contains(&kept.public),
        "{refused:?}"
    );
    make_key(&kept.server, kept.away.path(), "other");
    let other = kept.away.path().join("other").display().to_string();
    let refused = there(&["restore", &name, "--yes", "--identity", &other])
        .run()
        .exits(1);
    assert!(
        refused
            .stderr
            .contains("if that key is lost, nobody can open this backup"),
        "{refused:?}"
    );
    assert!(all(place.path()).is_empty(), "{:?}", all(place.path()));
    let secret = fs::read_to_string(&key).expect("the key");
    there(&["restore", &name, "--yes", "--identity", "-"])
        .stdin(secret)
        .run()
        .exits(0);
    for left in fs::read_dir(place.path()).expect("a folder") {
        let left = left.expect("an entry").file_name();
        assert!(!left.to_string_lossy().contains("opened"), "{left:?}");
    }
    let mut restored = Server::adopted(place);
    restored.serve();
    let mut anna = restored.sign_in("anna");
    assert!(anna.texts(&kept.group).contains(&SECRET.to_owned()));
    let address = format!("/file/{}", kept.file);
    let answer = http::ask(&restored, "GET", &address, &bearer(&anna)).is(200);
    assert_eq!(answer.body, kept.bytes);
}

#[test]
fn damage_to_an_encrypted_backup_is_found_without_its_key() {
    let mut kept = inhabited();
    let made = document(&kept.server, ["backup"], 0);
    kept.server.stop();
    let copy = kept.server.folder().join(path(&made["file"]));
    let name = copy.to_str().expect("UTF-8").to_owned();
    let pool = all(&kept.backups())
        .into_iter()
        .find(|it| it.extension().is_some_and(|it| it == "bin"));
    let pool = pool.expect("the large file");
    let (sound, key) = (fs::read(&pool).expect("a file"), kept.key());
    fs::remove_file(&pool).expect("removed");
    let verified = document(&kept.server, ["backup", "verify", &name], 5);
    assert_eq!(
        verified["missing"].as_array().map(Vec::len),
        Some(1),
        "{verified}"
    );
    fs::write(&pool, sound).expect("written");
    damage(&pool);
    document(&kept.server, ["backup", "verify", &name], 0);
    document(
        &kept.server,
        ["backup", "verify", &name, "--deep", "--identity", &key],
        5,
    );
    damage(&copy);
    let verified = document(&kept.server, ["backup", "verify", &name], 5);
    assert_eq!(verified["sound"], false);
    kept.server.command(["check", "backup"]).run().exits(5);
    let before = fs::read(kept.server.database()).expect("the database");
    kept.server
        .command(["restore", &name, "--yes", "--identity", &key])
        .run()
        .exits(74);
    assert_eq!(
        fs::read(kept.server.database()).expect("the database"),
        before
    );
}

#[test]
fn the_server_encrypts_to_new_keys_from_then_on() {
    let mut kept = inhabited();
    let noted = kept.server.folder().join("noted");
    kept.server.stop();
    kept.server.set("backup.interval", "1s");
    kept.server.set("backup.keep", "1");
    kept.server.set(
        "backup.after",
        &format!(
            "echo \"$MORELIA_BACKUP|$MORELIA_BACKUP_CONFIG|$MORELIA_BACKUP_FILES|$MORELIA_BACKUP_KEYS\" > {}",
            noted.display()
        ),
    );
    kept.server.serve();
    let pools = |backups: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(backups).into_iter().flatten().flatten();
        let folders = entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir());
        folders.collect()
    };
    let told = until(|| {
        fs::read_to_string(&noted)
            .ok()
            .filter(|it| it.ends_with('\n'))
    });
    let parts: Vec<_> = told.trim().split('|').collect();
    assert!(
        Path::new(parts[0]).extension() == Some("age".as_ref())
            && parts[1].is_empty()
            && parts[3].is_empty(),
        "{told}"
    );
    let old = pools(&kept.backups());
    assert_eq!(old.len(), 1);
    assert_eq!(
        Path::new(parts[2]),
        std::path::absolute(&old[0]).expect("a path")
    );
    let (_, log) = kept.server.stop();
    assert!(log.contains("the encrypted backup was read again"), "{log}");
    // The key was stolen, say.
    let new = make_key(&kept.server, kept.away.path(), "new");
    kept.server.set("backup.encrypt_to", &new);
    kept.server.serve();
    until(|| {
        let now = pools(&kept.backups());
        (now.len() == 1 && now != old && files(&now[0]).len() == 1).then_some(())
    });
    kept.server.stop();
    let listed = document(&kept.server, ["backup", "list"], 0);
    let name = listed["backups"][0]["file"]
        .as_str()
        .expect("a path")
        .to_owned();
    let key = kept.away.path().join("new").display().to_string();
    document(
        &kept.server,
        ["backup", "verify", &name, "--deep", "--identity", &key],
        0,
    );
    kept.server
        .command(["backup", "verify", &name, "--identity", &kept.key()])
        .run()
        .exits(1);
}

#[test]
fn the_program_age_opens_a_backup_and_its_keys_are_good_here() {
    let kept = inhabited();
    let away = kept.away.path();
    let made = Command::new("age-keygen")
        .arg("-o")
        .arg(away.join("theirs"))
        .output()
        .expect("age-keygen");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    let public = said.trim().rsplit(' ').next().expect("a key").to_owned();
    let made = document(
        &kept.server,
        [
            "backup",
            "--to",
            "both.age",
            "--encrypt-to",
            &public,
            "--encrypt-to",
            &kept.public,
        ],
        0,
    );
    let copy = kept.server.folder().join(path(&made["file"]));
    for key in ["theirs", "key"] {
        let opened = Command::new("age")
            .arg("-d")
            .arg("-i")
            .arg(away.join(key))
            .arg(&copy)
            .stderr(Stdio::inherit())
            .output()
            .expect("age");
        assert!(opened.status.success(), "{key}");
        let archive = opened.stdout;
        assert!(
            archive
                .windows(SECRET.len())
                .any(|it| it == SECRET.as_bytes()),
            "{key}"
        );
        let key = away.join(key).display().to_string();
        let name = copy.to_str().expect("UTF-8");
        document(
            &kept.server,
            ["backup", "verify", name, "--deep", "--identity", &key],
            0,
        );
    }
}

#[test]
fn a_wrong_key_in_the_configuration_is_named() {
    let mut server = Server::initialised("open", &[]);
    for (value, what) in [
        ("age1nonsense", "no public key"),
        (
            "AGE-SECRET-KEY-1QQ",
            "a secret key; it must not be on this machine",
        ),
    ] {
        server.set("backup.encrypt_to", value);
        let refused = server.command(["config", "show"]).run().exits(78);
        assert!(refused.stderr.contains(what), "{refused:?}");
    }
}
