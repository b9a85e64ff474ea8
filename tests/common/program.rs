//! The `morelia` program, run to its end or started and kept.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{Cgroup, PATIENCE};

/// A run of the program that is being put together.
pub(crate) struct Program {
    command: Command,
    stdin: String,
}

/// What a finished run left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Asserts the exit code and returns the output.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

impl Program {
    /// Prepares a run in a folder, untouched by the environment of whoever runs the tests.
    pub(crate) fn new(folder: &Path) -> Self {
        let program = std::env::var_os("MORELIA_PROGRAM");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_morelia").into());
        let mut command = Command::new(program);
        command.current_dir(folder).env("HOME", folder);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().into_owned();
            let ours = text.starts_with("MORELIA") || text.starts_with("XDG_");
            if ours || ["NO_COLOR", "NOTIFY_SOCKET", "JOURNAL_STREAM"].contains(&text.as_str()) {
                command.env_remove(name);
            }
        }
        Self {
            command,
            stdin: String::new(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the program in a control group from its first instruction on. To be called last.
    pub(crate) fn inside(mut self, group: &Cgroup) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
            .arg(group.processes())
            .arg(self.command.get_program())
            .args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.command.get_current_dir().unwrap_or(Path::new(".")));
        self.command = command;
        self
    }

    /// Runs the program by another one, which gets these words before it. To be called last.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        let (first, rest) = words.split_first().expect("a program");
        let mut command = Command::new(first);
        // Some hand on no environment but their own.
        command.args(rest).arg("env");
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                let mut pair = name.to_owned();
                pair.push("=");
                pair.push(value);
                command.arg(pair);
            } else {
                command.env_remove(name);
            }
        }
        command
            .arg(self.command.get_program())
            .args(self.command.get_args());
        command.current_dir(self.command.get_current_dir().unwrap_or(Path::new(".")));
        self.command = command;
        self
    }

    /// Sets what the program reads from its standard input.
    pub(crate) fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run(mut self) -> Output {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("morelia starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let text = self.stdin;
        // A program that does not read its input must not stop the test.
        let writer = thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
        let stdout = read_to_end(child.stdout.take().expect("a pipe"));
        let stderr = read_to_end(child.stderr.take().expect("a pipe"));
        let status = wait(&mut child, PATIENCE * 2);
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let output = Output {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().expect("read"),
            stderr: stderr.join().expect("read"),
        };
        let _ = writer.join();
        assert!(
            status.is_some(),
            "{:?} does not end: {output:?}",
            self.command
        );
        output
    }

    /// Starts the program and leaves it running.
    #[track_caller]
    pub(crate) fn start(mut self) -> Running {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("morelia starts");
        let stdin = child.stdin.take();
        let lines = lines(child.stdout.take().expect("a pipe"));
        let said = Arc::default();
        let stderr = child.stderr.take().expect("a pipe");
        let errors = tee(stderr, child.id(), Arc::clone(&said));
        Running {
            child,
            stdin,
            lines: Mutex::new(lines),
            said,
            errors,
        }
    }
}

/// A running program, killed and reaped when dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Mutex<mpsc::Receiver<String>>,
    /// Its diagnostics so far.
    said: Arc<Mutex<String>>,
    errors: thread::JoinHandle<()>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line of the program's output. `None` when it has closed its output.
    #[track_caller]
    pub(crate) fn line(&self) -> Option<String> {
        let lines = self.lines.lock().expect("no panic");
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line within {PATIENCE:?}"),
        }
    }

    /// Reads lines until one contains a text, and returns that one.
    #[track_caller]
    pub(crate) fn line_with(&self, text: &str) -> String {
        loop {
            match self.line() {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("the program ended without a line with {text:?}"),
            }
        }
    }

    /// Waits until the program's diagnostics contain a text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let start = Instant::now();
        while !self.said.lock().expect("no panic").contains(text) {
            assert!(start.elapsed() < PATIENCE, "never said: {text:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal, such as `TERM`, by the system's own `kill`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(status.expect("kill runs").success(), "kill -s {name}");
    }

    /// Waits for the program's own end; returns its exit code and what it wrote to stderr.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let status = wait(&mut self.child, PATIENCE);
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let reader = std::mem::replace(&mut self.errors, thread::spawn(|| ()));
        reader.join().expect("read");
        let errors = std::mem::take(&mut *self.said.lock().expect("no panic"));
        assert!(
            status.is_some(),
            "it does not end by itself; stderr:\n{errors}"
        );
        (status.and_then(|status| status.code()), errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a process to end, without a wait call that has a limit in the standard library.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn read_to_end(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody may be listening any more; the pipe is still emptied.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Copies the program's diagnostics to the test's output, and keeps them.
fn tee(
    pipe: impl Read + Send + 'static,
    pid: u32,
    kept: Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            eprintln!("[morelia {pid}] {line}");
            let mut kept = kept.lock().expect("no panic");
            kept.push_str(&line);
            kept.push('\n');
        }
    })
}
