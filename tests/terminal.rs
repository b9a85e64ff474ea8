//! Commands on a terminal: what is typed, what is shown, and what a terminal is left like.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{PASSWORD, PATIENCE, Server};

/// A shell command on a terminal of its own, made by the system's `script`.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    bytes: mpsc::Receiver<Vec<u8>>,
    shown: String,
    /// How much of what was shown has been waited for already.
    seen: usize,
}

impl Terminal {
    /// Starts a line of shell in a server's folder; `morelia` is the program under its
    /// configuration.
    fn start(server: &Server, line: &str) -> Self {
        let morelia = format!(
            "morelia() {{ '{}' --config '{}' \"$@\"; }}; ",
            env!("CARGO_BIN_EXE_morelia"),
            server.config().display()
        );
        Self::start_in(server.folder(), &format!("{morelia}{line}"))
    }

    pub(crate) fn start_in(folder: &Path, line: &str) -> Self {
        let mut child = Command::new("script")
            // Otherwise what is typed would not be shown, since it comes by a pipe.
            .args(["--quiet", "--return", "--echo", "always", "--command", line])
            .arg("/dev/null")
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .env("HOME", folder)
            .env_remove("MORELIA_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("script is a part of every Debian");
        let mut output = child.stdout.take().expect("a pipe");
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keys: child.stdin.take().expect("a pipe"),
            child,
            bytes,
            shown: String::new(),
            seen: 0,
        }
    }

    /// Waits until a text is shown that was not waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> &mut Self {
        let start = Instant::now();
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return self;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.bytes.recv_timeout(left) {
                Ok(more) => self.shown.push_str(&String::from_utf8_lossy(&more)),
                Err(err) => panic!("{text:?} does not come ({err}); shown is:\n{}", self.shown),
            }
        }
    }

    /// Presses keys.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).expect("it listens");
        self.keys.flush().expect("it listens");
        self
    }

    /// Waits for the end; returns the exit code and all that was shown.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        while let Ok(more) = self.bytes.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&more));
            assert!(start.elapsed() < PATIENCE, "no end; {}", self.shown);
        }
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return (status.code(), std::mem::take(&mut self.shown));
            }
            assert!(start.elapsed() < PATIENCE, "no end; {}", self.shown);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_in(server: &Server, password: &str) -> u64 {
    let user = json!({"user": [{"login": "admin", "password": password}]});
    server.connect().request("authentication", &user).code()
}

#[test]
fn a_password_is_typed_twice_and_never_shown() {
    let server = Server::start();
    let mut terminal = Terminal::start(&server, "morelia user passwd admin; echo code=$?");
    terminal
        .shows("Password for admin: ")
        .types("one\x7fe of twoo\x7f\n")
        .shows("The same again: ")
        .types("something else\n")
        .shows("The two differ")
        .shows("Password for admin: ")
        .types("\n")
        .shows("Please type at least one character.")
        .shows("Password for admin: ")
        .types("one of two\n")
        .shows("The same again: ")
        .types("one of two\n")
        .shows("code=0");
    let (_, shown) = terminal.ends();
    for secret in ["one", "twoo", "something"] {
        let typed = shown.replace("Please type at least one character.", "");
        assert!(!typed.contains(secret), "{shown}");
    }
    assert_eq!(log_in(&server, "one of two"), 200);
    assert_eq!(log_in(&server, PASSWORD), 401);
}

#[test]
fn two_passwords_that_go_on_to_differ_change_nothing() {
    let server = Server::start();
    let mut terminal = Terminal::start(&server, "morelia user passwd admin; echo code=$?");
    for _ in 0..3 {
        terminal
            .shows("Password for admin: ")
            .types("the first\n")
            .shows("The same again: ")
            .types("the second\n");
    }
    terminal.shows("the two passwords differ").shows("code=1");
    assert_eq!(log_in(&server, PASSWORD), 200);
}

#[test]
fn an_interrupted_password_leaves_the_terminal_as_it_was() {
    let server = Server::start();
    let line = "stty -a > before; morelia user passwd admin; echo code=$?; stty -a > after";
    let mut terminal = Terminal::start(&server, line);
    terminal
        .shows("Password for admin: ")
        .types("half a pass\x03")
        .shows("code=130");
    let (_, shown) = terminal.ends();
    assert!(!shown.contains("half"), "{shown}");
    let state = |name: &str| std::fs::read_to_string(server.folder().join(name)).expect("a state");
    assert!(state("before").contains(" echo "), "{}", state("before"));
    assert_eq!(state("after"), state("before"));
    assert_eq!(log_in(&server, PASSWORD), 200);
}

#[test]
fn anything_but_yes_leaves_everything_as_it_was() {
    let mut server = Server::initialised("open", &[]);
    for (answer, code) in [
        ("no\n", "code=1"),
        ("\n", "code=1"),
        ("\x04", "code=1"),
        ("\x03", "code=130"),
    ] {
        for (command, question) in [
            ("clean", "morelia.db"),
            ("db delete", "will be deleted"),
            ("user remove admin", "admin"),
        ] {
            // In a shell of its own: the interrupt goes to everybody on the terminal.
            let line = format!("trap : INT; morelia {command}; echo code=$?");
            let mut terminal = Terminal::start(&server, &line);
            terminal
                .shows(question)
                .shows("[y/N] ")
                .types(answer)
                .shows(code);
        }
    }
    server.serve();
    assert_eq!(log_in(&server, PASSWORD), 200);
    server.stop();
    let mut terminal = Terminal::start(&server, "morelia db delete; echo code=$?");
    terminal.shows("[y/N] ").types("Yes\n").shows("code=0");
    let stats = server.command(["db", "stats"]).run();
    assert_ne!(stats.code, Some(0), "{stats:?}");
}

#[test]
fn init_asks_for_what_it_was_not_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("'{}' init; echo code=$?", env!("CARGO_BIN_EXE_morelia"));
    let mut terminal = Terminal::start_in(folder.path(), &line);
    terminal
        .shows("Login of the first administrator")
        .types("anna\n")
        .shows("Password for anna: ")
        .types("secret\n")
        .shows("too short: use at least 8 characters")
        .shows("Password for anna: ")
        .types("Qwerty123\n")
        .shows("most common")
        .shows("Password for anna: ")
        .types("a secret\n")
        .shows("The same again: ")
        .types("a secret\n")
        .shows("Create a local certificate authority?")
        .types("nothing\n")
        .shows("Please type y or n.")
        .shows("Create a local certificate authority?")
        .types("n\n")
        .shows("administrator  anna (created)")
        .shows("code=0");
    let users = crate::common::Program::new(folder.path())
        .args(["user", "list", "--json"])
        .run()
        .exits(0);
    let users: Value = serde_json::from_str(&users.stdout).expect("JSON");
    assert_eq!(users["users"][0]["login"], "anna");
}
