//! What requests cost in instructions of the processor, counted by callgrind around the program
//! itself: about the same number on any machine, however busy.
//!
//! The figures that decide are those of the release binary, which `make bench` gives. Those here are
//! of whatever binary is tested, and wide: they tell that something has become much dearer.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::Prepared;

/// Thousands of instructions of a request that was not built for speed, and of one that was.
const EXPECTED: [(&str, usize, [f64; 2]); 3] = [
    ("send", 60, [525.0, 130.0]),
    ("history", 12, [4_050.0, 850.0]),
    ("catch-up", 12, [5_950.0, 1_240.0]),
];

/// How much more is let pass, in the same order: what the writer does when it finds the time falls
/// into some runs, and a binary that was not built for speed differs with the compiler's settings.
const MARGINS: [f64; 2] = [2.5, 1.5];

/// A server under callgrind.
struct Counted<'a> {
    child: Child,
    prepared: &'a Prepared,
    port: u16,
}

impl<'a> Counted<'a> {
    fn start(prepared: &'a Prepared) -> Self {
        let folder = prepared.folder.path();
        let mut child = Command::new("valgrind")
            .args([
                "--quiet",
                "--tool=callgrind",
                "--callgrind-out-file=counted",
            ])
            .arg(env!("CARGO_BIN_EXE_morelia"))
            .args([
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--log-level",
                "error",
            ])
            .current_dir(folder)
            .env("HOME", folder)
            .env("MORELIA__LIMITS__REQUESTS_PER_SECOND", "1000000")
            .env("MORELIA__LIMITS__BURST", "1000000")
            .env("MORELIA__DATABASE__PATH", "morelia.db")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("valgrind runs");
        let mut ready = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .read_line(&mut ready)
            .expect("the ready line");
        let port = ready.trim().rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        Self {
            port: port.unwrap_or_else(|| panic!("no port in {ready:?}")),
            child,
            prepared,
        }
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let url = format!("ws://127.0.0.1:{}/ws", self.port);
        client(url, stream).expect("an upgrade").0
    }

    /// Waits until what the server does by itself after its start is done, so that it falls into
    /// every life alike, on a fast machine and on a slow one.
    fn settle(&self) {
        let mut before = self.processor_time();
        let mut quiet = 0;
        for _ in 0..600 {
            thread::sleep(Duration::from_millis(100));
            let now = self.processor_time();
            quiet = if now == before { quiet + 1 } else { 0 };
            // Longer than the second after which it is told who has come.
            if quiet == 12 {
                return;
            }
            before = now;
        }
        panic!("the server has been busy for a minute, with nothing to do");
    }

    /// Clock ticks that the server has used.
    fn processor_time(&self) -> u64 {
        let file = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(file).expect("a running server");
        let (_, fields) = text.rsplit_once(')').expect("a name in parentheses");
        let used = fields.split_whitespace().skip(11).take(2);
        used.map(|it| it.parse::<u64>().expect("a number")).sum()
    }

    /// Ends the server and returns how many instructions it has run.
    fn end(mut self) -> f64 {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").arg(&pid).status();
        assert!(told.expect("kill runs").success());
        self.child.wait().expect("an end");
        total(&self.prepared.folder.path().join("counted"))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        // After a failure it is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn total(file: &Path) -> f64 {
    let text = fs::read_to_string(file).expect("what callgrind counted");
    let line = text.lines().rev().find_map(|it| it.strip_prefix("totals:"));
    let number = line.and_then(|it| it.split_whitespace().next());
    number.and_then(|it| it.parse().ok()).expect("a total")
}

/// Instructions of a server's whole life in which a request is answered so often.
fn life(prepared: &Prepared, frame: &Bytes, count: usize) -> f64 {
    let server = Counted::start(prepared);
    let mut socket = server.connect();
    let first = prepared.request("ping");
    for frame in std::iter::once(first).chain(std::iter::repeat_n(frame, count)) {
        let text = String::from_utf8(frame.to_vec()).expect("UTF-8");
        socket.send(Message::text(text)).expect("sent");
        let answer = socket.read().expect("an answer").into_data();
        assert!(super::is_done(&answer), "refused");
    }
    server.settle();
    drop(socket);
    server.end()
}

/// Counts, and returns what is dearer than expected.
pub(super) fn excesses(prepared: &Prepared) -> Vec<String> {
    let found = Command::new("valgrind").arg("--version").output();
    if !found.is_ok_and(|it| it.status.success()) {
        println!("no valgrind: no instructions are counted");
        return Vec::new();
    }
    let nothing = life(prepared, prepared.request("ping"), 0);
    let mut excesses = Vec::new();
    let built = usize::from(!cfg!(debug_assertions));
    for (name, count, expected) in EXPECTED {
        let expected = expected[built];
        let all = life(prepared, prepared.request(name), count);
        let each = (all - nothing) / count as f64 / 1000.0;
        println!("{name}: {each:.0} thousand instructions; expected {expected}");
        if each > expected * MARGINS[built] {
            excesses.push(format!("{name}: {each:.0} thousand, expected {expected}"));
        }
    }
    excesses
}
