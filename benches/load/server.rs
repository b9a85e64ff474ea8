//! The programs that are measured: the product and the echo, each a process of its own.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The product, built with the settings of a release.
const PROGRAM: &str = env!("CARGO_BIN_EXE_morelia");

/// The program that is measured: the product, or the one that `$BENCH_PROGRAM` names, to compare
/// two versions of it.
fn program() -> OsString {
    std::env::var_os("BENCH_PROGRAM").unwrap_or_else(|| PROGRAM.into())
}

/// Limits that would be in the way of one address that sends all it can.
const ROOMY: [(&str, &str); 6] = [
    ("MORELIA__SERVER__HOST", "127.0.0.1"),
    ("MORELIA__SERVER__PORT", "0"),
    ("MORELIA__LIMITS__REQUESTS_PER_SECOND", "1000000"),
    ("MORELIA__LIMITS__BURST", "1000000"),
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

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process has nothing to do: an index to fill, a file to examine.
    pub(crate) fn settle(&self) {
        let start = Instant::now();
        let mut before = self.cpu_ticks();
        while start.elapsed() < Duration::from_mins(5) {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu_ticks();
            // A hundredth of a second each: four percent of one processor.
            if now - before <= 2 {
                return;
            }
            before = now;
        }
        println!("  (process {} never came to rest)", self.pid());
    }

    /// Processor time used so far, in hundredths of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the process");
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
    }
}

/// The product's folder, with a database in it; removed when dropped.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// Makes configuration and database, and fills it.
    pub(crate) fn new(messages: u64) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("morelia-bench-")
            .tempdir_in(disk())
            .expect("a folder");
        initialise(folder.path());
        crate::seed::fill(&folder.path().join("morelia.db"), messages);
        Self { folder }
    }

    /// Starts the server.
    pub(crate) fn serve(&self) -> Process {
        Process::start(serve(self.folder.path()))
    }
}

/// Makes a configuration and an empty database.
fn initialise(folder: &Path) {
    let output = Command::new(program())
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

fn serve(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .current_dir(folder)
        .args(["--config", "morelia.ini", "serve", "--log-level", "error"])
        .envs(ROOMY);
    command
}

/// Where databases are made: the disk that is measured.
pub(crate) fn disk() -> PathBuf {
    let folder = std::env::var_os("BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).expect("the folder for measurements");
    folder.canonicalize().expect("a folder")
}

/// Builds the echo, with the settings that this program and the product were built with.
pub(crate) fn build_echo() {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--example", "echo"])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the echo does not build");
}

fn echo_program() -> PathBuf {
    Path::new(PROGRAM).with_file_name("examples").join("echo")
}
