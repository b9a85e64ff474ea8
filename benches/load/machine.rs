//! What the figures were measured on, without which they say nothing.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

/// Describes machine, program and command.
pub(crate) fn about(disk: &Path) -> Value {
    json!({
        "processor": processor(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_mib": memory_mib(),
        "kernel": read("/proc/sys/kernel/osrelease"),
        "filesystem": filesystem(disk),
        "load_before": load(),
        "commit": commit(),
        "date": output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "command": command(),
    })
}

/// The load averages of one, five and fifteen minutes: what else the machine does.
pub(crate) fn load() -> String {
    let all = read("/proc/loadavg");
    all.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The description in lines for people.
pub(crate) fn lines(about: &Value) -> String {
    let text = |key: &str| about[key].as_str().unwrap_or_default().to_owned();
    format!(
        "{}, {} processors, {} MiB, Linux {}, {}; load average {} before, {} after\n\
         commit {}, {}, `{}`\n",
        text("processor"),
        about["processors"],
        about["memory_mib"],
        text("kernel"),
        text("filesystem"),
        text("load_before"),
        text("load_after"),
        text("commit"),
        text("date"),
        text("command"),
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |err| format!("unknown ({err})"),
        |it| String::from_utf8_lossy(&it.stdout).trim().to_owned(),
    )
}

fn processor() -> String {
    let info = read("/proc/cpuinfo");
    let line = info.lines().find(|line| {
        ["model name", "Model", "Hardware"]
            .iter()
            .any(|key| line.starts_with(key))
    });
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn filesystem(disk: &Path) -> String {
    let disk = disk.display().to_string();
    let kind = output("df", &["--output=fstype", &disk]);
    kind.lines().last().unwrap_or_default().to_owned()
}

fn memory_mib() -> u64 {
    let info = read("/proc/meminfo");
    let total = info.lines().find(|line| line.starts_with("MemTotal:"));
    let kib = total.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse().ok()).unwrap_or(0) / 1024
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    if output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        commit
    } else {
        format!("{commit} with changes")
    }
}

fn command() -> String {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|it| !it.starts_with("--"))
        .collect();
    let quick = if crate::is_quick() { " QUICK=1" } else { "" };
    if arguments.is_empty() {
        format!("make bench{quick}")
    } else {
        format!("make bench{quick} PARTS=\"{}\"", arguments.join(" "))
    }
}
