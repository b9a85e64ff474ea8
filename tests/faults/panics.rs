//! A bug that panics, in the real program: what it hits is answered with 500, and nobody else
//! notices.
//!
//! The program has no switch that makes it panic. But tokio panics when the system refuses it a
//! thread for good, in the midst of whatever request needs one; so that is what happens here.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::common::{
    PASSWORD, Reply, Server,
    health::{health, until},
    shim::{EPERM, Knob, Shim},
};

/// Clients that need a thread at the same time: more than there are idle ones.
const CLIENTS: usize = 12;

#[test]
fn a_request_that_panics_is_500_with_an_id_and_hurts_nobody_else() {
    let mut server = Server::initialised("open", &[]);
    let shim = Shim::before(&mut server);
    server.serve();
    shim.is_there();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    shim.set(Knob::ThreadError, EPERM);
    let done = AtomicBool::new(false);
    let failed: Vec<Reply> = thread::scope(|scope| {
        let (done, tell) = (&done, &done);
        let threads: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(move || {
                    let user = json!({"user": [{"login": "anna", "password": PASSWORD}]});
                    let mut failed = Vec::new();
                    for _ in 0..200 {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let reply = client.request("authentication", &user);
                        match reply.code() {
                            200 => {}
                            500 => {
                                tell.store(true, Ordering::Relaxed);
                                failed.push(reply);
                            }
                            // Many passwords at the same time.
                            _ => drop(reply.is(503)),
                        }
                    }
                    // The same connection goes on.
                    client.request("ping_pong", &Value::Null);
                    failed
                })
            })
            .collect();
        // Who needs no new thread is served meanwhile.
        until("something panics", || {
            anna.ask("ping_pong", &Value::Null);
            done.load(Ordering::Relaxed).then_some(())
        });
        threads
            .into_iter()
            .flat_map(|it| it.join().expect("every request was answered"))
            .collect()
    });
    shim.set(Knob::ThreadError, 0);
    assert!(!failed.is_empty() && shim.get(Knob::Hits) > 0);
    anna.send(&group, "after");
    assert_eq!(anna.texts(&group), ["before", "after"]);
    assert_eq!(health(&server).0, 200);
    // As many at the same time as ever: nothing that is counted was lost with a panic.
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(move || {
                let user = json!({"user": [{"login": "anna", "password": PASSWORD}]});
                until("logging in works", || {
                    (client.request("authentication", &user).code() == 200).then_some(())
                });
            });
        }
    });
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    for reply in failed {
        let id = reply.detail().trim_end_matches('.').rsplit(' ').next();
        let id = id.expect("an id");
        assert_eq!(id.len(), 8, "{reply}");
        let told: Vec<_> = errors.lines().filter(|line| line.contains(id)).collect();
        assert_eq!(told.len(), 1, "{reply} is told once: {told:?}");
        assert!(told[0].contains("authentication"), "{told:?}");
    }
}
