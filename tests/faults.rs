//! Faults of the machine: what fails is said, what was acknowledged stays, and what can go on does.
//!
//! Power cuts are in `power.rs`, kills in `durability.rs`.

mod clock;
mod damage;
mod disk;
mod files;
mod held;
mod import;
mod index;
mod leave;
mod others;
mod panics;
mod salvage;

use std::fs;

use serde_json::json;

use crate::common::{Person, Reply, Server};

/// Sends with a txn, so that sending again does not send twice.
#[track_caller]
fn send_once(person: &mut Person, flow: &str, text: &str) -> Reply {
    let data = json!({"flow": [{"uuid": flow}], "message": [{"client_id": 1, "text": text}]});
    person.ask_with_meta("send_message", &data, &json!({"txn": text}))
}

/// Every file of a server with what is in it.
fn contents(server: &Server) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(server.folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_file() {
            all.push((name, fs::read(path).expect("a file")));
        }
    }
    all.sort();
    all
}
