//! RFC 6455, as the Autobahn test suite sees it, on the very upgrade, buffers and close codes of
//! `/ws`: an echo server made of the transport alone, against the suite's driver kosoku.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// The driver's version: the number of its cases is known.
const KOSOKU: &str = "kosoku==0.1.0";

/// Cases 1 to 10; 12 and 13 are about compression, which this server does not offer.
const CASES: usize = 301;

struct Echo(Child);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the echo server, and returns it with its address.
fn echo() -> (Echo, String) {
    // The tests of one target do not build the examples.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "echo"]);
    // What cargo tells the tests of their package would make a build script of ring's run again,
    // here and, for want of it, in the next build: everything above ring would be built each time.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"];
        if told.iter().any(|it| name.starts_with(it)) {
            cargo.env_remove(&*name);
        }
    }
    let built = cargo.status();
    assert!(
        built.expect("cargo runs").success(),
        "the example does not build"
    );
    let program = Path::new(env!("CARGO_BIN_EXE_morelia"))
        .with_file_name("examples")
        .join("echo");
    let mut child = Command::new(program)
        .stdout(Stdio::piped())
        .env("ECHO_CONNECTIONS", "1000")
        .spawn()
        .expect("the example starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on http://")
        .expect("an address")
        .to_owned();
    (Echo(child), address)
}

/// Returns the driver, installed into the build folder when it is not there.
fn kosoku() -> Result<PathBuf, String> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kosoku");
    let program = tools.join("bin/kosoku");
    if program.exists() {
        return Ok(program);
    }
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(err) => Err(format!("{command:?}: {err}")),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    run(Command::new(tools.join("bin/pip")).args(["install", "--quiet", KOSOKU]))?;
    Ok(program)
}

#[test]
fn autobahn_cases_pass() {
    let kosoku = match kosoku() {
        Ok(kosoku) => kosoku,
        Err(reason) => return println!("skipped: kosoku cannot be installed: {reason}"),
    };
    let (_echo, address) = echo();
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(kosoku)
        .args([
            "--parallelism",
            "4",
            "--exclude",
            "12.*",
            "--exclude",
            "13.*",
            "--outdir",
        ])
        .arg(folder.path())
        .arg(format!("ws://{address}/ws"))
        .output()
        .unwrap();
    let report = fs::read(folder.path().join("index.json")).unwrap_or_else(|err| {
        panic!(
            "no report: {err}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let report: Value = serde_json::from_slice(&report).unwrap();
    let cases = report
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .as_object()
        .unwrap();
    assert_eq!(cases.len(), CASES, "cases");
    let mut informational = 0;
    for (case, result) in cases {
        for part in ["behavior", "behaviorClose"] {
            match result[part].as_str() {
                Some("OK") => {}
                // The suite only asks what we do there: 7.1.6 and 7.13.*.
                Some("INFORMATIONAL") => informational += 1,
                other => panic!("case {case}: {part} is {other:?}: {result}"),
            }
        }
    }
    assert_eq!(informational, 6, "three cases without a verdict");
    println!("{} cases", cases.len());
}
