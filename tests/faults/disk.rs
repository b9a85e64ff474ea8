//! The disk fails: writes, syncs, space.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::send_once;
use crate::common::{
    Server,
    connection::End,
    health::{health, until},
    shim::{DATABASE, EIO, ENOSPC, Knob, LOG, Shim},
};

/// A server between which and the disk a test stands.
fn shimmed(keys: &[(&str, &str)]) -> (Server, Shim) {
    let mut server = Server::initialised("open", keys);
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    (server, shim)
}

#[test]
fn a_write_that_fails_is_503_and_everything_else_goes_on() {
    let (mut server, shim) = shimmed(&[]);
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    let kept = anna.send(&group, "before");
    for (round, error) in [EIO, ENOSPC, EIO].into_iter().enumerate() {
        shim.set(Knob::Scope, DATABASE | LOG);
        shim.set(Knob::WriteError, error);
        let text = format!("during {round}");
        let refused = send_once(&mut anna, &group, &text).is(503);
        assert!(refused.detail().contains("try again"), "{refused}");
        anna.edit(&kept, "edited").is(503);
        anna.delete(&kept).is(503);
        let flow = serde_json::json!({"flow": [{"type": "group", "title": "half"}]});
        anna.ask("add_flow", &flow).is(503);
        let user = serde_json::json!({"user": [{"login": "clara", "password": "a password"}]});
        server.connect().request("register_user", &user).is(503);
        // Reading goes on, and nothing is half done.
        let mut expected = vec!["before".to_owned()];
        expected.extend((0..round).map(|n| format!("during {n}")));
        assert_eq!(boris.texts(&group), expected);
        assert_eq!(anna.ask("all_flow", &Value::Null).is(200).flows().len(), 1);
        anna.ask("ping_pong", &Value::Null).is(200);
        let (code, said) = health(&server);
        assert_eq!(code, 503, "{said}");
        assert_eq!(said["checks"]["database"], "cannot be written to", "{said}");
        // It tries by itself, without anybody asking for it.
        let tried = shim.get(Knob::Hits);
        until("it tries to write", || {
            (shim.get(Knob::Hits) > tried + 1).then_some(())
        });
        assert_eq!(health(&server).0, 503);
        shim.set(Knob::WriteError, 0);
        until("it is well again", || {
            (health(&server).0 == 200).then_some(())
        });
        send_once(&mut anna, &group, &text).is(200);
        send_once(&mut anna, &group, &text).is(200);
    }
    assert_eq!(
        anna.texts(&group),
        ["before", "during 0", "during 1", "during 2"]
    );
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    let told = errors.matches("serving reads only").count();
    assert_eq!(told, 3, "once for each time:\n{errors}");
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn what_a_full_disk_has_refused_is_gone_also_from_memory() {
    let (mut server, shim) = shimmed(&[]);
    let [mut anna, mut boris, clara] =
        ["anna", "boris", "clara"].map(|login| server.register(login));
    let group = anna.group("G", &[&boris]);
    anna.send(&group, "before");
    boris.ask("subscribe", &Value::Null).is(200);
    let mut clara_hears = clara.on(server.connect());
    clara_hears.ask("subscribe", &Value::Null).is(200);
    shim.set(Knob::Scope, DATABASE | LOG);
    shim.set(Knob::WriteError, ENOSPC);
    anna.try_send(&group, "refused").is(503);
    let add = serde_json::json!({"flow": [{"uuid": group}], "meta": {"add": [clara.id]}});
    anna.ask("edit_flow", &add).is(503);
    let remove = serde_json::json!({"flow": [{"uuid": group}], "meta": {"remove": [boris.id]}});
    anna.ask("edit_flow", &remove).is(503);
    shim.set(Knob::WriteError, 0);
    until("it is well again", || {
        (health(&server).0 == 200).then_some(())
    });
    anna.send(&group, "after");
    // Who was to be a member is none, and who was to be none is one.
    let heard = loop {
        let pushed = boris.connection.pushed();
        if !pushed.messages().is_empty() {
            break pushed;
        }
    };
    assert_eq!(heard.texts(), ["after"]);
    assert_eq!(anna.texts(&group), ["before", "after"]);
    let own = anna.group("Own", &[&clara]);
    anna.send(&own, "mark");
    let heard = loop {
        let pushed = clara_hears.connection.pushed();
        if !pushed.messages().is_empty() {
            break pushed;
        }
    };
    assert_eq!(heard.texts(), ["mark"], "and nothing of the other group");
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_checkpoint_that_fails_stops_nobody() {
    let (mut server, shim) = shimmed(&[]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    shim.set(Knob::Scope, DATABASE);
    shim.set(Knob::WriteError, ENOSPC);
    // A deleted text has the log emptied, soon.
    let gone = anna.send(&group, "gone");
    anna.delete(&gone).is(200);
    until("the log cannot be copied", || {
        (shim.get(Knob::Hits) > 2).then_some(())
    });
    anna.send(&group, "kept");
    assert_eq!(anna.texts(&group), ["Message deleted", "kept"]);
    let (code, said) = health(&server);
    assert_eq!(code, 200, "{said}");
    assert_ne!(said["checks"]["database"], "ok", "it is told: {said}");
    shim.set(Knob::WriteError, 0);
    until("the log is copied", || {
        (health(&server).1["checks"]["database"] == "ok").then_some(())
    });
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    let complaints = errors.lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(complaints, 1, "said once:\n{errors}");
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_sync_that_fails_ends_the_server_and_loses_nothing() {
    for scope in [LOG, DATABASE] {
        let (mut server, shim) = shimmed(&[]);
        let mut anna = server.register("anna");
        let boris = server.register("boris");
        let group = anna.group("G", &[&boris]);
        let mut others: Vec<_> = (0..3).map(|_| anna.on(server.connect())).collect();
        anna.send_many(&group, (0..20).map(|n| format!("before {n}")));
        let gone = anna.send(&group, "gone");
        shim.set(Knob::Scope, scope);
        shim.set(Knob::SyncError, EIO);
        let mut acknowledged: Vec<String> = (0..20).map(|n| format!("before {n}")).collect();
        if anna.delete(&gone).code() == 200 {
            acknowledged.push("Message deleted".to_owned());
        }
        // Requests that are on their way when it happens.
        let mut ended = false;
        for n in 0..100_000 {
            let text = format!("during {n}");
            for other in &mut others {
                let data = other.signed(
                    &serde_json::json!({"flow": [{"uuid": group}], "message": [{"text": text}]}),
                );
                let frame = crate::common::connection::envelope("send_message", &data);
                ended |= other.connection.send_text(frame.to_string()).is_err();
            }
            for other in &mut others {
                match other.connection.try_answer() {
                    Ok(reply) if reply.code() == 200 => {
                        assert_eq!(scope, DATABASE, "the log is not synced: {reply}");
                        acknowledged.push(text.clone());
                    }
                    Ok(reply) => {
                        let _ = reply.is(503);
                    }
                    Err(End::Closed(code)) => {
                        assert_eq!(code, Some(1001));
                        ended = true;
                    }
                    Err(End::Broken) => ended = true,
                }
            }
            if ended {
                break;
            }
        }
        let (code, errors) = server.stop_signalled();
        assert_eq!(code, Some(74), "{errors}");
        assert!(
            errors.contains("failed to keep what was written"),
            "{errors}"
        );
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(shim.get(Knob::Hits) > 0);
        shim.set(Knob::SyncError, 0);
        server.serve();
        let texts = anna.on(server.connect()).texts(&group);
        for text in &acknowledged {
            let wanted = acknowledged.iter().filter(|it| *it == text).count();
            let found = texts.iter().filter(|it| *it == text).count();
            assert!(found >= wanted, "{text} was acknowledged: {texts:?}");
        }
        server.stop();
        server.command(["db", "check"]).run().exits(0);
    }
}

/// A file system of a few megabytes, mounted where there is leave to.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir(at).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached at once: whoever still has a file open keeps it until then.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_503_until_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("disk");
    let Some(_disk) = SmallDisk::mount(&place, "6m") else {
        eprintln!("skipped: no leave to mount a file system here");
        return;
    };
    let database = place.join("morelia.db");
    let path = database.to_str().expect("UTF-8");
    let server = Server::with(&[("database.path", path)]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    let ballast = place.join("ballast");
    fs::write(&ballast, vec![1; 3 << 20]).expect("written");
    let long = "x".repeat(60_000);
    let mut sent = vec!["before".to_owned()];
    let refused = loop {
        let text = format!("{} {long}", sent.len());
        let reply = anna.try_send(&group, &text);
        if reply.code() != 200 {
            break reply.is(503);
        }
        sent.push(text);
        assert!(sent.len() < 200, "the disk is never full");
    };
    assert!(refused.detail().contains("cannot store"), "{refused}");
    // What is small may still fit; the disk is as full as before.
    for n in 0..20 {
        let text = format!("tiny {n}");
        if anna.try_send(&group, &text).code() == 200 {
            sent.push(text);
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        let (code, said) = health(&server);
        assert_eq!(code, 503, "{said}");
    }
    assert!(
        anna.texts(&group) == sent,
        "reading goes on, nothing is half done"
    );
    let mut again = anna.on(server.connect());
    assert_eq!(again.ask("all_flow", &Value::Null).is(200).flows().len(), 1);
    let status = server.command(["status"]).run();
    assert_eq!(status.code, Some(0), "{status:?}");
    fs::remove_file(&ballast).expect("removed");
    until("it is well again", || {
        (health(&server).0 == 200).then_some(())
    });
    let text = format!("{} {long}", sent.len());
    anna.send(&group, &text);
    sent.push(text);
    anna.send(&group, "after");
    sent.push("after".to_owned());
    assert!(anna.texts(&group) == sent);
    server.command(["db", "check"]).run().exits(0);
}

/// The names in a folder, in their order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn backups_on_a_full_disk_leave_nothing_half_done_and_never_the_last_one() {
    let outside = tempfile::tempdir().expect("a folder");
    let place = outside.path().join("stick");
    let server = Server::with(&[
        ("backup.dir", place.to_str().expect("UTF-8")),
        ("backup.keep", "2"),
        ("backup.interval", "0"),
    ]);
    let size = fs::metadata(server.database()).expect("the database").len();
    // Two copies fit, three don't.
    let Some(_disk) = SmallDisk::mount(&place, &format!("{}", size * 5 / 2 + 100_000)) else {
        eprintln!("skipped: no leave to mount a file system here");
        return;
    };
    let first = names(&place);
    assert!(first.is_empty());
    let make = || server.command(["backup", "--json"]).run();
    make().exits(0);
    let oldest = names(&place);
    make().exits(0);
    let both = names(&place);
    assert_eq!((oldest.len(), both.len()), (3, 6), "{both:?}");
    // The oldest has to go anyway, and goes before.
    make().exits(0);
    let now = names(&place);
    assert_eq!(now.len(), 6, "{now:?}");
    assert!(now.iter().all(|name| !oldest.contains(name)), "{now:?}");
    // The only one there is stays, and nothing half done comes to it.
    let stem = |name: &str| name.split('.').next().map(str::to_owned);
    let kept = stem(&now[0]);
    for name in now.iter().filter(|name| stem(name) != kept) {
        fs::remove_file(place.join(name)).expect("removed");
    }
    let mut ballast = fs::File::create(place.join("ballast")).expect("a file");
    while ballast.write_all(&[1; 4096]).is_ok() {}
    let before = names(&place);
    assert_eq!(before.len(), 4, "{before:?}");
    for _ in 0..3 {
        let refused = make().exits(74);
        for part in ["stick/morelia-", "the disk is full", "free some space"] {
            assert!(refused.stderr.contains(part), "{refused:?}");
        }
        assert_eq!(names(&place), before);
    }
}
