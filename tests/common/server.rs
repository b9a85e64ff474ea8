//! A server with a configuration and a database of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Cgroup, Connection, PASSWORD, Person, Program, program::Running};

/// The limits that would be in the way of tests that send much from one address.
const ROOMY: [(&str, &str); 14] = [
    // Connections of the tests answer only while they wait for something.
    ("MORELIA__SERVER__PING_INTERVAL", "10m"),
    ("MORELIA__LIMITS__REQUESTS_PER_SECOND", "1000000"),
    ("MORELIA__LIMITS__BURST", "1000000"),
    ("MORELIA__LIMITS__FLOWS_PER_DAY", "0"),
    ("MORELIA__LIMITS__FLOWS_OWNED", "0"),
    ("MORELIA__LIMITS__MESSAGES_PER_MINUTE", "0"),
    ("MORELIA__LIMITS__BOT_MESSAGES_PER_MINUTE", "0"),
    ("MORELIA__LIMITS__INVITATIONS", "0"),
    ("MORELIA__LIMITS__EDITS_PER_MESSAGE", "0"),
    ("MORELIA__LIMITS__PROFILE_CHANGES_PER_HOUR", "0"),
    ("MORELIA__LIMITS__MEMBERS_PER_MINUTE", "0"),
    ("MORELIA__LIMITS__CONNECTIONS_PER_IP", "1000"),
    ("MORELIA__AUTH__LOGIN_ATTEMPTS", "100000"),
    ("MORELIA__AUTH__REGISTRATIONS", "0"),
];

/// A server in a temporary folder; killed and removed when dropped.
pub(crate) struct Server {
    folder: TempDir,
    environment: Vec<(String, String)>,
    running: Option<Running>,
    port: u16,
}

impl Server {
    /// Starts a server with open registration, an administrator `admin` and roomy rate limits.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with some keys of the configuration set, as (`section.key`, value).
    #[track_caller]
    pub(crate) fn with(keys: &[(&str, &str)]) -> Self {
        let mut server = Self::initialised("open", keys);
        server.serve();
        server
    }

    /// Makes configuration and database and starts nothing.
    #[track_caller]
    pub(crate) fn initialised(registration: &str, keys: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let environment = ROOMY
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut server = Self {
            folder,
            environment,
            running: None,
            port: 0,
        };
        for (key, value) in keys {
            server.set(key, value);
        }
        server
            .command([
                "init",
                "--admin",
                "admin",
                "--password-stdin",
                "--registration",
                registration,
            ])
            .stdin(format!("{PASSWORD}\n"))
            .run()
            .exits(0);
        server
    }

    /// A server whose configuration and database are in a folder already; starts nothing.
    pub(crate) fn adopted(folder: TempDir) -> Self {
        Self {
            folder,
            environment: ROOMY
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            running: None,
            port: 0,
        }
    }

    /// Sets a key of the configuration (`section.key`) for everything that is started from now on.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let (section, key) = key.split_once('.').expect("section.key");
        let name = format!("MORELIA__{section}__{key}").to_uppercase();
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
    }

    /// Sets a variable of the environment for everything that is started from now on.
    pub(crate) fn environment(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Chooses the port that it serves on.
    pub(crate) fn listen_on(&mut self, port: u16) {
        self.port = port;
    }

    /// Prepares a command on this server's configuration.
    pub(crate) fn command<const N: usize>(&self, args: [&str; N]) -> Program {
        let mut program = Program::new(self.folder())
            .arg("--config")
            .arg(self.config());
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        program.args(args)
    }

    /// Starts serving, on the port of before where there was one.
    #[track_caller]
    pub(crate) fn serve(&mut self) {
        self.serve_as(|program| program);
    }

    /// Starts serving inside a control group.
    #[track_caller]
    pub(crate) fn serve_inside(&mut self, group: &Cgroup) {
        self.serve_as(|program| program.inside(group));
    }

    #[track_caller]
    fn serve_as(&mut self, prepare: impl FnOnce(Program) -> Program) {
        assert!(self.running.is_none(), "it is serving already");
        let port = self.port.to_string();
        let program = self.command(["serve", "--host", "127.0.0.1", "--port", &port]);
        let running = prepare(program).start();
        let ready = running.line_with("listening on ");
        let port = ready
            .rsplit(':')
            .next()
            .and_then(|port| port.trim_end_matches('/').parse().ok());
        self.port = port.unwrap_or_else(|| panic!("no port in {ready:?}"));
        self.running = Some(running);
    }

    /// Ends the server at once, as a power cut does to a process, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take().expect("it is serving"));
    }

    /// Ends the server the friendly way; returns its exit code and diagnostics.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        self.running().signal("TERM");
        self.stop_signalled()
    }

    /// Waits for the end of a server that has been told to stop.
    #[track_caller]
    pub(crate) fn stop_signalled(&mut self) -> (Option<i32>, String) {
        self.running.take().expect("it is serving").end()
    }

    /// Stops the server and starts it again on the same port.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        let (code, errors) = self.stop();
        assert_eq!(code, Some(0), "{errors}");
        self.serve();
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it is serving")
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("morelia.ini")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("morelia.db")
    }

    /// Returns every byte of the database and of the files beside it that SQLite keeps.
    pub(crate) fn database_bytes(&self) -> Vec<u8> {
        let mut bytes = fs::read(self.database()).expect("the database");
        for suffix in ["-wal", "-shm", "-journal"] {
            let beside = self.folder().join(format!("morelia.db{suffix}"));
            bytes.extend(fs::read(beside).unwrap_or_default());
        }
        bytes
    }

    /// Opens a connection.
    #[track_caller]
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.port)
    }

    /// Connects, if the server lets that happen now.
    pub(crate) fn try_connect(&self) -> Result<Connection, String> {
        Connection::try_open(self.port)
    }

    /// Connects as a program that says what it is.
    #[track_caller]
    pub(crate) fn connect_as(&self, user_agent: &str) -> Connection {
        Connection::called(self.port, user_agent)
    }

    /// Connects as a proxy does for somebody at an address.
    #[track_caller]
    pub(crate) fn connect_from(&self, address: &str) -> Connection {
        Connection::from(self.port, address)
    }

    /// Registers a person and returns them on a connection of their own.
    #[track_caller]
    pub(crate) fn register(&self, login: &str) -> Person {
        Person::register(self.connect(), login)
    }

    /// Signs in once more, as from another device.
    #[track_caller]
    pub(crate) fn sign_in(&self, login: &str) -> Person {
        Person::sign_in(self.connect(), login)
    }
}
