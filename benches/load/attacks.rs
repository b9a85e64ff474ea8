//! What honest members have while others attack: their messages, and signing in from somewhere new.
//!
//! With the limits as they are shipped, and beside the same at an earlier commit. Addresses are told
//! as a trusted proxy tells them.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::{JoinSet, LocalSet};

use crate::{
    Effort,
    client::{self, Client},
    drive,
    report::Row,
    requests,
    seed::{self, EXTRA, FAMILY, PEOPLE, Rows},
    server::{self, Home, raise_files},
};

/// Limits as they are shipped, over those of the other measurements.
const SHIPPED: [(&str, &str); 14] = [
    ("MORELIA__PROXY__TRUSTED", "127.0.0.1"),
    ("MORELIA__AUTH__REGISTRATION", "open"),
    ("MORELIA__LIMITS__REQUESTS_PER_SECOND", "50"),
    ("MORELIA__LIMITS__BURST", "200"),
    ("MORELIA__LIMITS__FLOWS_PER_DAY", "100"),
    ("MORELIA__LIMITS__FLOWS_OWNED", "500"),
    ("MORELIA__LIMITS__MESSAGES_PER_MINUTE", "300"),
    ("MORELIA__LIMITS__BOT_MESSAGES_PER_MINUTE", "60"),
    ("MORELIA__LIMITS__INVITATIONS", "20"),
    ("MORELIA__LIMITS__EDITS_PER_MESSAGE", "100"),
    ("MORELIA__LIMITS__PROFILE_CHANGES_PER_HOUR", "30"),
    ("MORELIA__LIMITS__MEMBERS_PER_MINUTE", "500"),
    ("MORELIA__LIMITS__CONNECTIONS", "1024"),
    ("MORELIA__LIMITS__CONNECTIONS_PER_IP", "128"),
];

/// Messages in the file.
const MESSAGES: u64 = 1000;

/// Honest members, each of a family of its own, and how often each writes.
const WRITERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// How often somebody signs in from an address that is new.
const SIGN_IN_PAUSE: Duration = Duration::from_millis(400);

/// After this an answer is one that did not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Members of a large group.
const GROUP: usize = 1000;

const PASSWORD: &str = "correct horse battery";

/// The account that signs in, and the one that attacks.
const OWNER: &str = "honest";
const ATTACKER: &str = "mallory";

/// From where attackers come.
const STRANGE: &str = "192.0.2.1";

/// An attack: what one of its sockets does until the end, and how many there are.
#[derive(Clone, Copy)]
enum Attack {
    Nobody,
    /// Signing in with a right password, all the time.
    SignIns,
    /// Guessing the password of somebody.
    Guesses,
    /// Sockets on which nobody signs in.
    Silence,
    /// Changing an avatar of half a megabyte.
    Avatars,
    /// Editing a message with a file of a megabyte.
    Edits,
    /// Filling and emptying groups of a thousand.
    Groups,
    /// Making flows of a hundred.
    Flows,
}

impl Attack {
    const ALL: [(Self, usize, &str); 8] = [
        (Self::Nobody, 0, "nobody attacks"),
        (Self::SignIns, 50, "50 sockets of one address sign in"),
        (Self::Guesses, 8, "8 sockets guess a password"),
        (Self::Silence, 1024, "sockets of 16 addresses say nothing"),
        (Self::Avatars, 4, "4 sockets change avatars"),
        (Self::Edits, 4, "4 sockets edit messages with 1 MiB"),
        (Self::Groups, 4, "4 sockets fill and empty groups of 1,000"),
        (Self::Flows, 4, "4 sockets make flows of 100"),
    ];
}

/// What honest members had.
struct Had {
    latency: Histogram<u64>,
    /// Messages that were refused, or not answered in time.
    refused: usize,
    sign_ins: Vec<Duration>,
    /// Sign-ins that were refused, or not answered in time.
    kept_out: usize,
    resident: f64,
    seconds: f64,
}

impl Had {
    fn ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1000.0
    }

    fn told(&self) -> String {
        let mut times = self.sign_ins.clone();
        times.sort();
        let median = times.get(times.len() / 2);
        let median = median.map_or_else(String::new, |it| format!(" in {} ms", it.as_millis()));
        format!(
            "p50 {:.1} ms, p95 {:.1} ms, {:.0} a second, {} refused; {} of {} sign-ins{median}; {:.0} MiB",
            self.ms(0.5),
            self.ms(0.95),
            self.latency.len() as f64 / self.seconds,
            self.refused,
            self.sign_ins.len(),
            self.sign_ins.len() + self.kept_out,
            self.resident / f64::from(1 << 20),
        )
    }
}

/// Messages and sign-ins of honest members during each attack.
pub(crate) fn attacks(effort: &Effort) -> Vec<Row> {
    if raise_files() < 4096 {
        println!("(too few open files are allowed)");
        return Vec::new();
    }
    let time = effort.time * 4;
    let before = server::program_before(!effort.quick);
    let mut rows = Vec::new();
    for (attack, sockets, what) in Attack::ALL {
        let now = under(&server::program(), attack, sockets, time);
        println!("\n  {what}: {}", now.told());
        let Some(before) = &before else {
            let row = Row::new("attack", what, now.ms(0.95), "ms (p95)");
            rows.push(row.note(now.told()));
            continue;
        };
        let old = under(before.as_os_str(), attack, sockets, time);
        println!("  before: {}", old.told());
        let pairs = vec![(now.ms(0.95), old.ms(0.95))];
        let row = Row::against("attack", what, "ms (p95)", "before", pairs);
        rows.push(row.note(format!("now {}; before {}", now.told(), old.told())));
    }
    rows
}

/// Adds a thousand people and a group of each attacker's.
fn groups(rows: &mut Rows<'_>) {
    (PEOPLE..PEOPLE + GROUP).for_each(|number| rows.person(number));
    for nth in 0..4 {
        rows.group(EXTRA + nth, PEOPLE + nth..PEOPLE + nth + 1);
    }
}

fn under(program: &OsStr, attack: Attack, sockets: usize, time: Duration) -> Had {
    let home = Home::of(program, MESSAGES);
    seed::add(&home.database(), groups);
    let server = home.serve_with(&SHIPPED);
    server.settle();
    let address = server.address;
    drive::runtime().block_on(register(address));
    // The attack has begun when honest members come.
    let begin = Instant::now() + Duration::from_secs(2);
    let until = begin + time;
    let attacking = thread::spawn(move || {
        let tasks = LocalSet::new();
        tasks.block_on(&drive::runtime(), async {
            let mut attackers = JoinSet::new();
            for nth in 0..sockets {
                attackers.spawn_local(async move {
                    // A write that waits for ever ends with the attack.
                    let left = until.saturating_duration_since(Instant::now());
                    let _ = tokio::time::timeout(left, socket(address, attack, nth)).await;
                });
            }
            while attackers.join_next().await.is_some() {}
        });
    });
    thread::sleep(begin.saturating_duration_since(Instant::now()));
    let tasks = LocalSet::new();
    let mut had = tasks.block_on(&drive::runtime(), honest(address, until));
    had.seconds = time.as_secs_f64();
    had.resident = server.resident();
    attacking.join().expect("it ends");
    had
}

async fn register(address: SocketAddr) {
    for login in [OWNER, ATTACKER] {
        let mut client = Client::through(address, STRANGE).await.expect("a socket");
        let account = json!({"user": [{"login": login, "password": PASSWORD}]});
        let made = client
            .ask(&client::request("register_user", &account))
            .await;
        assert_eq!(made["errors"]["code"], 201, "{made}");
    }
}

fn sign_in(login: &str, password: &str) -> Vec<u8> {
    let data = json!({"user": [{"login": login, "password": password}]});
    client::request("authentication", &data)
}

/// What one socket of an attack does, again when it is cut off.
async fn socket(address: SocketAddr, attack: Attack, nth: usize) {
    loop {
        if let Attack::Silence = attack {
            let from = format!("192.0.2.{}", nth % 16);
            if let Some(mut client) = Client::through(address, &from).await {
                while client.try_frame().await.is_some() {}
            }
        } else if let Some(client) = Client::through(address, STRANGE).await {
            attacks_by(client, attack, nth).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn attacks_by(mut client: Client, attack: Attack, nth: usize) {
    let member = seed::person(PEOPLE + nth);
    let frames: Vec<Vec<u8>> = match attack {
        Attack::Nobody | Attack::Silence => return,
        Attack::SignIns => vec![sign_in(ATTACKER, PASSWORD)],
        Attack::Guesses => vec![sign_in(OWNER, "a wrong guess")],
        Attack::Avatars => ["x", "y"]
            .map(|letter| {
                let avatar = letter.repeat(512 * 1024);
                client::request(
                    "edit_user",
                    &member.signed(json!({"user": [{"avatar": avatar}]})),
                )
            })
            .into(),
        Attack::Edits => {
            let message =
                json!([{"client_id": 1, "text": "0", "file_document": "x".repeat(1 << 20)}]);
            let flow = json!([{"uuid": seed::extra(nth)}]);
            let data = member.signed(json!({"flow": flow, "message": message}));
            let Some(sent) = client
                .try_ask(&client::request("send_message", &data))
                .await
            else {
                return;
            };
            let uuid = &sent["data"]["message"][0]["uuid"];
            (0..2)
                .map(|text| {
                    let message = json!([{"uuid": uuid, "text": text.to_string()}]);
                    client::request(
                        "edited_message",
                        &member.signed(json!({"message": message})),
                    )
                })
                .collect()
        }
        Attack::Groups => [PEOPLE..PEOPLE + GROUP, PEOPLE + nth..PEOPLE + nth + 1]
            .map(|members| {
                let users = users(members);
                let flow = json!([{"uuid": seed::extra(nth), "users": users}]);
                client::request("edit_flow", &member.signed(json!({"flow": flow})))
            })
            .into(),
        Attack::Flows => {
            let users = users(PEOPLE..PEOPLE + 100);
            let flow = json!([{"type": "group", "title": "F", "users": users}]);
            vec![client::request(
                "add_flow",
                &member.signed(json!({"flow": flow})),
            )]
        }
    };
    for frame in frames.iter().cycle() {
        if client.try_ask(frame).await.is_none() {
            return;
        }
    }
}

fn users(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers
        .map(|number| seed::person(number).uuid().into())
        .collect()
}

async fn honest(address: SocketAddr, until: Instant) -> Had {
    let mut writing = JoinSet::new();
    for nth in 0..WRITERS {
        writing.spawn_local(write(address, nth, until));
    }
    let mut had = Had {
        latency: drive::new_histogram(),
        refused: 0,
        sign_ins: Vec::new(),
        kept_out: 0,
        resident: 0.0,
        seconds: 0.0,
    };
    let frame = sign_in(OWNER, PASSWORD);
    for number in 0.. {
        if Instant::now() >= until {
            break;
        }
        let start = Instant::now();
        let came = tokio::time::timeout(PATIENCE, async {
            let mut client =
                Client::through(address, &format!("203.0.113.{}", number % 250)).await?;
            let answer = client.try_ask(&frame).await?;
            (answer["errors"]["code"] == 200).then_some(())
        });
        match came.await {
            Ok(Some(())) => had.sign_ins.push(start.elapsed()),
            _ => had.kept_out += 1,
        }
        tokio::time::sleep(SIGN_IN_PAUSE).await;
    }
    while let Some(one) = writing.join_next().await {
        let (latency, refused) = one.expect("a writer");
        had.latency.add(&latency).expect("the same bounds");
        had.refused += refused;
    }
    had
}

/// Writes to a family now and then, over one connection as long as it lasts.
async fn write(address: SocketAddr, nth: usize, until: Instant) -> (Histogram<u64>, usize) {
    let part = (requests::sends().part)(nth * FAMILY);
    let mut latency = drive::new_histogram();
    let mut refused = 0;
    let mut connected: Option<Client> = None;
    for frame in part.frames.iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        let start = Instant::now();
        let sent = tokio::time::timeout(PATIENCE, async {
            let mut client = match connected.take() {
                Some(client) => client,
                None => Client::through(address, &format!("198.51.100.{nth}")).await?,
            };
            let answer = client.try_ask(frame).await?;
            (answer["errors"]["code"] == 200).then_some(client)
        });
        match sent.await {
            Ok(Some(client)) => {
                let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                latency.saturating_record(micros);
                connected = Some(client);
            }
            _ => refused += 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
    (latency, refused)
}
