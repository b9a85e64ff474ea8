//! The programs that are measured: the product and the echo, each a process of its own.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::{
    broadcast,
    folder::{self, Folder},
    seed,
};

/// The product, built with the settings of a release.
const PROGRAM: &str = env!("CARGO_BIN_EXE_morelia");

/// The program that is measured: the product, or the one that `$BENCH_PROGRAM` names, to compare
/// two versions of it.
pub(crate) fn program() -> OsString {
    std::env::var_os("BENCH_PROGRAM").unwrap_or_else(|| PROGRAM.into())
}

/// The commit that figures are compared with: the last one before what is described in
/// docs/performance.md as the present core.
const BEFORE: &str = "3de0e64";

/// The program at the commit that figures are compared with; `None` when git does not have it, or
/// when it is not built and is not to be.
pub(crate) fn program_before(build: bool) -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("BENCH_BEFORE") {
        return Some(program.into());
    }
    let folder = folder::disk().join(format!("before-{BEFORE}"));
    let program = folder.join("target/release/morelia");
    if program.exists() {
        return Some(program);
    }
    if !build {
        println!("(no program of {BEFORE} yet; building it takes minutes)");
        return None;
    }
    println!("(building {BEFORE} to compare with, once)");
    fs::create_dir_all(&folder).expect("a folder");
    let sources = Command::new("git")
        .args(["archive", "--format=tar", "--output"])
        .arg(folder.join("sources.tar"))
        .arg(BEFORE)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    if !sources.is_ok_and(|it| it.success()) {
        println!("(git does not have {BEFORE}: nothing is compared with it)");
        return None;
    }
    let unpacked = Command::new("tar")
        .args(["-xf", "sources.tar"])
        .current_dir(&folder)
        .status();
    assert!(unpacked.is_ok_and(|it| it.success()), "tar unpacks");
    let mut cargo = cargo();
    cargo
        .args(["build", "--quiet", "--release", "--locked"])
        .args(["--target-dir", "target"])
        .current_dir(&folder);
    assert!(cargo.status().is_ok_and(|it| it.success()), "it builds");
    Some(program)
}

/// Limits that would be in the way of one address that sends all it can.
const ROOMY: [(&str, &str); 14] = [
    ("MORELIA__SERVER__HOST", "127.0.0.1"),
    ("MORELIA__SERVER__PORT", "0"),
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
    ("MORELIA__LIMITS__CONNECTIONS", "100000"),
    ("MORELIA__LIMITS__CONNECTIONS_PER_IP", "100000"),
];

/// A process with an address; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start to the ready line.
    pub(crate) ready: Duration,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let start = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("{command:?}: {err}"));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the ready line");
        let ready = start.elapsed();
        folder::started(child.id());
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{command:?} said {line:?}"));
        Self {
            child,
            address,
            ready,
        }
    }

    /// Starts the echo, with more arguments where there are any.
    pub(crate) fn echo(arguments: &[&str]) -> Self {
        let mut command = Command::new(echo_program());
        command
            .arg("127.0.0.1:0")
            .args(arguments)
            .env("ECHO_CONNECTIONS", "100000");
        Self::start(command)
    }

    /// Starts the bare loop that broadcasts.
    pub(crate) fn broadcast(receivers: usize, frame_bytes: usize) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = Command::new(this);
        command
            .arg(broadcast::ARGUMENT)
            .args([receivers.to_string(), frame_bytes.to_string()]);
        Self::start(command)
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process without its end in hand, to look at it from elsewhere.
    pub(crate) fn watch(&self) -> Watch {
        Watch { pid: self.pid() }
    }

    /// Waits until the process has nothing to do.
    pub(crate) fn settle(&self) {
        self.watch().settle();
    }

    /// Processor time used so far, in microseconds, to a hundredth of a second.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.watch().cpu_ticks() as f64 * 10_000.0
    }

    /// Memory of the process that is in use, in bytes.
    pub(crate) fn resident(&self) -> f64 {
        1024.0 * self.watch().figure("status", "VmRSS:")
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn end(mut self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), Signal::TERM).expect("a signal");
        self.child.wait().expect("an end");
    }

    /// What the process has read from files, in bytes, wherever the system had it.
    pub(crate) fn read(&self) -> f64 {
        self.watch().figure("io", "rchar:")
    }

    /// How often threads of the process have waited for something so far.
    pub(crate) fn waits(&self) -> f64 {
        self.watch().waits()
    }

    /// What the process has caused to be written to disks, in bytes.
    pub(crate) fn written(&self) -> f64 {
        self.watch().figure("io", "write_bytes:")
    }
}

/// A process, seen from outside.
pub(crate) struct Watch {
    pid: u32,
}

impl Watch {
    /// Waits until the process has nothing to do: an index to fill, a file to examine.
    pub(crate) fn settle(&self) {
        let start = Instant::now();
        let mut before = self.cpu_ticks();
        while start.elapsed() < Duration::from_mins(5) {
            // Longer than the second after which it is told who has come.
            std::thread::sleep(Duration::from_millis(1200));
            let now = self.cpu_ticks();
            // A hundredth of a second each: four percent of one processor.
            if now - before <= 2 {
                return;
            }
            before = now;
        }
        println!("  (process {} never came to rest)", self.pid);
    }

    fn figure(&self, file: &str, key: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid)).expect("the process");
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|it| it.parse().ok()).expect("a figure")
    }

    fn waits(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).expect("the process");
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|it| it.trim().parse::<f64>().ok())
        };
        tasks.flatten().filter_map(of_task).sum()
    }

    /// Processor time used so far, in hundredths of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("the process");
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        folder::ended(self.pid());
    }
}

/// The product's folder, with a database in it; removed when dropped, unless it is to be kept.
pub(crate) struct Home {
    path: PathBuf,
    program: OsString,
    _folder: Option<Folder>,
}

impl Home {
    /// Makes configuration and database, and fills it.
    pub(crate) fn new(messages: u64) -> Self {
        Self::of(&program(), messages)
    }

    /// The same for another program than the one that is measured.
    pub(crate) fn of(program: &OsStr, messages: u64) -> Self {
        let folder = Self::filled(program, messages);
        Self {
            path: folder.path().to_owned(),
            program: program.to_owned(),
            _folder: Some(folder),
        }
    }

    /// As [`new`](Self::new), but the file is kept for the next time; `None` when there is none and
    /// none is to be made.
    pub(crate) fn kept(messages: u64, make: bool) -> Option<Self> {
        let path = folder::disk().join(format!("{messages}-messages-{}", seed::version()));
        if !path.exists() {
            if !make {
                println!("(no file of {messages} messages yet; making one takes minutes)");
                return None;
            }
            println!("(making a file of {messages} messages, once)");
            Self::filled(&program(), messages).keep(&path);
        }
        seed::renew_sessions(&path.join("morelia.db"));
        Some(Self {
            path,
            program: program(),
            _folder: None,
        })
    }

    fn filled(program: &OsStr, messages: u64) -> Folder {
        let folder = Folder::new();
        initialise(program, folder.path());
        seed::fill(&folder.path().join("morelia.db"), messages);
        folder
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("morelia.db")
    }

    /// Whether a person has been added already.
    pub(crate) fn has_person(&self, number: usize) -> bool {
        let conn = rusqlite::Connection::open(self.database()).expect("the database");
        conn.query_row(
            "SELECT COUNT(*) FROM users WHERE id = ?1",
            [number as i64 + 1],
            |row| row.get::<_, i64>(0),
        )
        .expect("a number")
            > 0
    }

    /// Starts the server.
    pub(crate) fn serve(&self) -> Process {
        self.serve_with(&[])
    }

    /// Starts the server with more in its environment.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Process {
        let mut command = Command::new(&self.program);
        self.complete(&mut command);
        command.envs(known(&self.program, environment));
        Process::start(command)
    }

    /// Starts the server in another program, the words of which come before its own.
    pub(crate) fn serve_under(&self, tool: &[&OsStr]) -> Process {
        let mut words = tool.iter();
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).arg(&self.program);
        self.complete(&mut command);
        Process::start(command)
    }

    fn complete(&self, command: &mut Command) {
        command
            .current_dir(&self.path)
            .args(["--config", "morelia.ini", "serve", "--log-level", "error"])
            .envs(known(&self.program, &ROOMY));
    }
}

/// Makes a configuration and an empty database.
fn initialise(program: &OsStr, folder: &Path) {
    let output = Command::new(program)
        .current_dir(folder)
        .args(["--config", "morelia.ini", "init", "--if-needed"])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "init: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Those settings that a program has: an older one refuses others.
fn known<'s>(program: &OsStr, settings: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    let output = Command::new(program)
        .args(["config", "example"])
        .output()
        .expect("the program runs");
    let example = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let has = |name: &str| {
        if !name.starts_with("MORELIA__") {
            return true;
        }
        let key = name.rsplit("__").next().unwrap_or_default().to_lowercase();
        let lines = example
            .lines()
            .map(|line| line.trim_start_matches(['#', ' ']));
        lines
            .filter_map(|line| line.split_once('='))
            .any(|(it, _)| it.trim() == key)
    };
    settings
        .iter()
        .copied()
        .filter(|(name, _)| has(name))
        .collect()
}

/// Builds the echo, with the settings that this program and the product were built with.
pub(crate) fn build_echo() {
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--release", "--example", "echo"]);
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the echo does not build");
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this program of its package would make a build script of ring's run again,
    // here and, for want of it, in the next build: everything above ring would be built each time.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
        if told.iter().any(|it| name.starts_with(it)) {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

fn echo_program() -> PathBuf {
    Path::new(PROGRAM).with_file_name("examples").join("echo")
}

/// Raises the number of files that this process and those that it starts may have open, as far as
/// the system lets it. Returns the number.
pub(crate) fn raise_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
