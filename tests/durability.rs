//! Durability: what was acknowledged is there after a kill, once and in order.

use std::{collections::BTreeMap, sync::mpsc, thread};

use serde_json::json;

use crate::common::{Server, connection::envelope};

/// How many people send at the same time.
const SENDERS: usize = 4;
/// How many requests each keeps unanswered.
const PIPELINE: usize = 16;
/// After so many acknowledged messages the server is killed.
const ENOUGH: usize = 400;

#[test]
fn acknowledged_messages_survive_a_kill_under_load() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let others: Vec<_> = (1..SENDERS)
        .map(|n| server.register(&format!("sender {n}")))
        .collect();
    let group = anna.group("G", &others.iter().collect::<Vec<_>>());
    let people: Vec<_> = std::iter::once(&anna)
        .chain(&others)
        .map(|p| (p.id.clone(), p.token.clone()))
        .collect();
    let mut acknowledged: Vec<Vec<String>> = vec![Vec::new(); SENDERS];
    let mut sent: Vec<usize> = vec![0; SENDERS];
    for round in 0..3 {
        let (heard, hear) = mpsc::channel();
        let senders: Vec<_> = (0..SENDERS).map(|_| server.connect()).collect();
        thread::scope(|scope| {
            let work = senders
                .into_iter()
                .zip(&people)
                .zip(acknowledged.iter_mut().zip(&mut sent));
            for (n, ((mut connection, (id, token)), (acknowledged, sent))) in work.enumerate() {
                let (group, heard) = (&group, heard.clone());
                scope.spawn(move || {
                    let first = *sent;
                    let mut answered = 0;
                    loop {
                        while *sent - first - answered < PIPELINE {
                            let text = format!("{n}/{sent}");
                            let data = json!({"user": [{"uuid": id, "auth_id": token}], "flow": [{"uuid": group}], "message": [{"text": text}]});
                            if connection.send_text(envelope("send_message", &data).to_string()).is_err() {
                                return;
                            }
                            *sent += 1;
                        }
                        let Ok(reply) = connection.try_answer() else {
                            return;
                        };
                        reply.is(200);
                        acknowledged.push(format!("{n}/{}", first + answered));
                        answered += 1;
                        // The test stops listening once it has heard enough.
                        let _ = heard.send(());
                    }
                });
            }
            drop(heard);
            assert_eq!(
                hear.iter().take(ENOUGH).count(),
                ENOUGH,
                "the senders get on"
            );
            server.kill();
        });
        server.serve();
        let mut anna = anna.on(server.connect());
        let texts = anna.texts(&group);
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, text) in texts.iter().enumerate() {
            let before = numbers.insert(text, number);
            assert_eq!(before, None, "round {round}: {text} is there twice");
        }
        for (n, acknowledged) in acknowledged.iter().enumerate() {
            let lost: Vec<_> = acknowledged
                .iter()
                .filter(|text| !numbers.contains_key(text.as_str()))
                .collect();
            assert!(
                lost.is_empty(),
                "round {round}, sender {n}: {} lost, first {:?}",
                lost.len(),
                lost[0]
            );
            // Those that were not acknowledged may be there or not, but never between earlier ones.
            let own: Vec<usize> = (0..sent[n])
                .filter_map(|i| numbers.get(format!("{n}/{i}").as_str()).copied())
                .collect();
            assert!(own.is_sorted(), "round {round}, sender {n}: out of order");
        }
    }
}

#[test]
fn the_file_is_sound_after_a_kill() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..50).map(|n| n.to_string()));
    server.kill();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let check: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checks");
    assert_eq!(check, "ok");
    let violations = database
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut s| s.exists([]))
        .expect("checks");
    assert!(!violations, "foreign keys");
}

#[test]
fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let mode = |path: std::path::PathBuf| {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(server.database()), 0o600);
    assert_eq!(mode(server.config()), 0o640);
}
