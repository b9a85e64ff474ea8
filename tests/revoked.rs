//! Whoever has lost a right writes nothing more, whatever is under way: every method that checks and
//! then writes, against the change that ends what it has checked.

mod acts;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use acts::{
    Act, Things, administration, as_moderator, everything, in_group, programs, with_messages,
};
use serde_json::json;

use crate::{
    administration::confirmed,
    common::{PASSWORD, Person, Server, eventually, push_service::PushService},
    roles::{NOTHING, ask, change},
};

/// Connections over which somebody asks for everything while the right ends.
const SOCKETS: usize = 3;

/// How often each change is tried, with what is asked for first and last by turns.
const ROUNDS: usize = 2;

/// Accounts that come into a group and leave it: more than a write of the usual size has.
const CROWD: usize = 33;

/// Methods that write nothing of what somebody has a right to.
const READS: [&str; 32] = [
    "active",
    "all_flow",
    "all_messages",
    "blocked",
    "file_ticket",
    "find_message",
    "find_user",
    "flow_commands",
    "get_update",
    "list_audit",
    "list_backups",
    "list_bots",
    "list_files",
    "list_hooks",
    "list_flows",
    "list_invitations",
    "list_members",
    "list_outgoing",
    "list_sessions",
    "list_tokens",
    "list_users",
    "message_info",
    "pins",
    "ping_pong",
    "push_key",
    "push_test",
    "seen_flow",
    "server_status",
    "subscribe",
    "test_outgoing",
    "typing",
    "user_info",
];

/// Methods that end something themselves, or are tried by another test: the file of that test.
const ELSEWHERE: [(&str, &str); 13] = [
    ("register_user", "races"),
    ("authentication", "races"),
    ("auth", "races"),
    ("delete_user", "races"),
    ("logout", "races"),
    ("end_session", "devices"),
    ("use_link", "devices"),
    ("use_reset", "administration"),
    // What they leave behind is no row.
    ("link_device", "devices"),
    ("make_backup", "administration"),
    ("export_me", "archives"),
    ("preview", "previews"),
    ("run_check", "administration"),
];

/// What rights permit to write, as far as the server notes none of it by itself.
const TABLES: [&str; 20] = [
    // What is told of reactions and polls is told a moment later.
    "SELECT * FROM changes WHERE kind NOT IN (4, 5)",
    "SELECT id, text, edited_at, deleted_at, edits, change_position FROM messages",
    "SELECT * FROM attachments",
    "SELECT * FROM members",
    "SELECT * FROM flows",
    "SELECT message_id, emoji, user_id FROM reactions",
    "SELECT * FROM votes",
    "SELECT * FROM polls",
    "SELECT * FROM pins",
    "SELECT * FROM blocks",
    "SELECT * FROM hooks",
    "SELECT * FROM bot_commands",
    // Positions move by themselves.
    "SELECT id, flow_id, url FROM outgoing",
    "SELECT * FROM audit",
    "SELECT * FROM invitations",
    "SELECT * FROM password_resets",
    "SELECT endpoint FROM push_subscriptions",
    "SELECT id, username, bio, is_admin, suspended_at, deleted_at FROM users",
    "SELECT id FROM sessions",
    "SELECT * FROM properties WHERE name LIKE 'registration%'",
];

/// What there is in the house.
struct House {
    server: Server,
    /// An administrator, who owns the group.
    boris: Person,
    service: PushService,
    /// So many that adding them to a group is a large write.
    crowd: Vec<String>,
    number: usize,
}

impl House {
    fn new() -> Self {
        let service = PushService::start();
        let many = "1000000";
        let server = Server::with(&[
            ("outbound.allow_private", &service.address()),
            ("auth.members_invite", "on"),
            ("limits.requests_per_second", many),
            ("limits.burst", many),
            ("limits.messages_per_minute", "0"),
            ("limits.profile_changes_per_hour", "0"),
            ("limits.edits_per_message", "0"),
            ("limits.flows_per_day", "0"),
            ("limits.flows_owned", "0"),
            ("limits.invitations", "0"),
            ("limits.members_per_minute", "0"),
        ]);
        let boris = server.register("boris");
        let mut house = Self {
            server,
            boris,
            service,
            crowd: Vec::new(),
            number: 0,
        };
        for number in 0..CROWD {
            let guest = house.server.register(&format!("guest {number}"));
            house.crowd.push(guest.id);
        }
        house.administers("boris", "on");
        house
    }

    fn administers(&self, login: &str, word: &str) {
        self.server
            .command(["user", "set", login, "--admin", word])
            .run()
            .exits(0);
    }

    /// Somebody new with a right to all that is tried, and what it is tried with.
    fn newcomer(&mut self) -> (Person, Things) {
        ask(
            &mut self.boris,
            "registration",
            &json!({"meta": {"mode": "open"}}),
        )
        .is(200);
        self.number += 1;
        let number = self.number;
        let mut anna = self.server.register(&format!("anna {number}"));
        let victim = self.server.register(&format!("victim {number}")).id;
        ask(
            &mut anna,
            "edit_user",
            &json!({"meta": {"ask_first": true}}),
        )
        .is(200);
        let boris = &mut self.boris;
        let group = boris.group("G", &[]);
        let invited = boris.group("I", &[&anna]);
        let [joined, left] = ["J", "L"].map(|title| boris.group(title, &[]));
        let code = |flow: &str, person: &mut Person| {
            let made = ask(
                person,
                "invite",
                &json!({"meta": {"flow": flow, "uses": 10}}),
            )
            .is(200);
            let code = &made.data()["meta"]["code"];
            code.as_str().expect("a code").to_owned()
        };
        for flow in [&group, &left] {
            let code = code(flow, boris);
            ask(
                &mut anna,
                "use_invitation",
                &json!({"meta": {"code": code}}),
            )
            .is(200);
        }
        let to_joined = code(&joined, boris);
        code(&joined, boris);
        let listed = ask(boris, "list_invitations", &NOTHING).is(200);
        let newest = &listed.data()["meta"]["invitations"][0]["id"];
        let invitation = newest.as_str().expect("an id").to_owned();
        change(
            boris,
            &group,
            &json!({"levels": {anna.id.as_str(): 50}, "pin": "owner"}),
        )
        .is(200);
        let message = boris.send(&group, "hello");
        let asked = json!({"poll": {"question": "When?", "options": ["today", "later"]}});
        let data = json!({"flow": [{"uuid": group}], "message": [{"client_id": 1}], "meta": {"about": asked}});
        let polls = [&mut *boris, &mut anna].map(|person| {
            let sent = ask(person, "send_message", &data).is(200);
            sent.messages()[0]["uuid"]
                .as_str()
                .expect("an id")
                .to_owned()
        });
        let [poll, own_poll] = polls;
        let spare = anna.send_many(&group, (0..20).map(|number| format!("spare {number}")));
        let made = programs(&mut anna, boris, number);
        let things = Things {
            own: anna.send(&group, "own"),
            group,
            crowd: self.crowd.clone(),
            blocked: self.crowd[0].clone(),
            victim,
            message,
            poll,
            own_poll,
            spare,
            code: to_joined,
            left,
            invited,
            subscription: self.service.subscription("/ok/anna"),
            invitation,
            ..made
        };
        (anna, things)
    }

    /// Has somebody ask for everything over some connections while `end` ends the right to it, and
    /// checks that nothing is written once that is answered.
    fn tries(&mut self, what: &str, acts: fn(&Things, usize) -> Vec<Act>, end: End) {
        for round in 0..ROUNDS {
            let (anna, things) = self.newcomer();
            if what.contains("administrator") {
                self.administers(&anna.login, "on");
            }
            let mut device = self.server.sign_in(&anna.login);
            let start = Barrier::new(SOCKETS + 1);
            let (over, passes) = (AtomicBool::new(false), AtomicUsize::new(0));
            let (server, things) = (&self.server, &things);
            let spam = |mut person: Person, socket: usize| {
                start.wait();
                let mut number = socket;
                let mut done = BTreeSet::new();
                // One more time when it is over: what was let in before may come after.
                let mut last = false;
                loop {
                    for (method, data) in acts(things, number) {
                        let reply = ask(&mut person, method, &data);
                        if matches!(reply.code(), 200..=206) {
                            assert!(!last, "{what}: {method} was done afterwards: {reply}");
                            done.insert(method);
                        }
                    }
                    if last {
                        return done;
                    }
                    passes.fetch_add(1, Ordering::SeqCst);
                    last = over.load(Ordering::SeqCst);
                    number += SOCKETS;
                }
            };
            let boris = &mut self.boris;
            let done: BTreeSet<_> = thread::scope(|scope| {
                let spam = &spam;
                let threads: Vec<_> = (0..SOCKETS)
                    .map(|socket| {
                        let person = anna.on(server.connect());
                        scope.spawn(move || spam(person, socket))
                    })
                    .collect();
                start.wait();
                if round % 2 == 0 {
                    eventually(|| passes.load(Ordering::SeqCst), |it| *it > SOCKETS);
                } else {
                    thread::sleep(Duration::from_millis(5));
                }
                end(server, boris, &mut device, things);
                let before = written(server);
                over.store(true, Ordering::SeqCst);
                let done = threads.into_iter().flat_map(|it| it.join().expect("asked"));
                let done = done.collect();
                let after = written(server);
                let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
                assert!(
                    new.is_empty() && before.len() == after.len(),
                    "{what}: {new:#?}"
                );
                done
            });
            println!("{what}: {done:?}");
            if round % 2 == 0 {
                // Else nothing has been shown.
                let tried = (0..2).flat_map(|number| acts(things, number));
                let missing: Vec<_> = tried.filter(|(it, _)| !done.contains(it)).collect();
                assert!(missing.is_empty(), "{what}: never done: {missing:?}");
            }
        }
    }
}

/// What ends a right: done by its owner on another device, by the owner of the group, or by a command.
type End = fn(&Server, &mut Person, &mut Person, &Things);

/// What can be seen of all that was written, apart from what the server notes by itself.
fn written(server: &Server) -> Vec<String> {
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database.execute_batch("BEGIN").expect("one state of it");
    let mut rows = Vec::new();
    for sql in TABLES {
        let mut statement = database.prepare(sql).expect("a query");
        let columns = statement.column_count();
        let found = statement.query_map([], |row| {
            let value = |index| row.get::<_, rusqlite::types::Value>(index);
            let values: Result<Vec<_>, _> = (0..columns).map(value).collect();
            Ok(format!("{sql}: {:?}", values?))
        });
        rows.extend(found.expect("rows").map(|row| row.expect("a row")));
    }
    rows
}

#[test]
fn nothing_is_written_by_a_session_that_has_ended() {
    let mut house = House::new();
    let ends: [(&str, End); 5] = [
        ("logout", |_, _, device, _| {
            device
                .ask("logout", &json!({"meta": {"all": true}}))
                .is(200);
        }),
        ("edit_user with a password", |_, _, device, _| {
            let data = json!({
                "user": [{"password": "another horse battery"}],
                "meta": {"old_password": PASSWORD},
            });
            device.ask("edit_user", &data).is(200);
        }),
        ("set_user", |_, boris, device, _| {
            let meta = json!({"user": device.id, "suspended": true});
            ask(boris, "set_user", &json!({"meta": meta})).is(200);
        }),
        ("user suspend", |server, _, device, _| {
            server
                .command(["user", "suspend", &device.login])
                .run()
                .exits(0);
        }),
        ("user remove", |server, _, device, _| {
            server
                .command(["user", "remove", &device.login, "--yes"])
                .run()
                .exits(0);
        }),
    ];
    for (what, end) in ends {
        house.tries(what, everything, end);
    }
}

#[test]
fn nothing_is_written_by_a_right_that_has_ended() {
    let mut house = House::new();
    house.tries(
        "removed from the group",
        in_group,
        |_, boris, anna, things| {
            change(boris, &things.group, &json!({"remove": [anna.id]})).is(200);
        },
    );
    house.tries(
        "no moderator any more",
        as_moderator,
        |_, boris, anna, things| {
            change(
                boris,
                &things.group,
                &json!({"levels": {anna.id.as_str(): 0}}),
            )
            .is(200);
        },
    );
    house.tries("messages deleted", with_messages, |_, boris, _, things| {
        for message in [&things.message, &things.poll, &things.own, &things.own_poll] {
            boris.delete(message).is(200);
        }
    });
    house.tries(
        "no administrator any more",
        administration,
        |_, boris, anna, _| {
            let meta = json!({"user": anna.id, "admin": false});
            confirmed(boris, "set_user", &meta).is(200);
        },
    );
    house.tries(
        "the account of an administrator",
        administration,
        |server, _, anna, _| {
            server
                .command(["user", "set", &anna.login, "--admin", "off"])
                .run()
                .exits(0);
        },
    );
}

/// A method that is added has to be tried here, or said to write nothing.
#[test]
fn every_method_that_writes_is_tried() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/mtp/methods/mod.rs");
    let text = fs::read_to_string(path).expect("the list of methods");
    let arms = text
        .lines()
        .filter(|line| line.contains("signed_in!(") || line.contains("anybody!("));
    let methods: BTreeSet<&str> = arms
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect();
    let things = Things {
        spare: vec![String::new(); 20],
        hooks: vec![NOTHING; acts::SPARE],
        outgoing: vec![NOTHING; acts::SPARE],
        tokens: vec![NOTHING; acts::SPARE],
        ..Things::default()
    };
    let tried = [everything(&things, 0), administration(&things, 0)].concat();
    let known: BTreeSet<&str> = tried
        .iter()
        .map(|(method, _)| *method)
        .chain(READS)
        .chain(ELSEWHERE.map(|(method, _)| method))
        .collect();
    let unknown: Vec<_> = methods.symmetric_difference(&known).collect();
    assert!(methods.len() > 50 && unknown.is_empty(), "{unknown:?}");
    for (method, file) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{file}.rs"));
        let text = fs::read_to_string(path).expect("a test");
        assert!(
            method == "auth" || text.contains(method),
            "{file} does not try {method}"
        );
    }
}
