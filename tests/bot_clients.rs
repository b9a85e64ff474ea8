//! Bots and hooks with the programs that people have: a shell bot, and a client of four forms.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    bots::bot,
    common::{Server, eventually},
    hooks::hook,
};

/// The version that was tried.
const APPRISE: &str = "apprise==2.3.0";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_bot_of_twenty_lines_answers() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let flow = anna.group("Family", &[&helper]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bot.sh");
    assert!(
        fs::read_to_string(&script)
            .expect("the script")
            .lines()
            .count()
            <= 24
    );
    let mut program = Command::new("sh")
        .arg(&script)
        .env("MORELIA", format!("http://{}", server.address()))
        .env("TOKEN", &helper.token)
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let output = program.stdout.take().expect("its output");
    let _program = Running(program);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    anna.send(&flow, "!time");
    let texts = eventually(|| anna.texts(&flow), |texts| texts.len() == 2);
    assert!(texts[1].starts_with("It is "), "{texts:?}");
}

/// Where the programs of a package from PyPI are, which is installed once.
pub(crate) fn installed(package: &str) -> PathBuf {
    let name = package.split_once("==").map_or(package, |(name, _)| name);
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !tools.join("installed").exists() {
        let run = |command: &mut Command| assert!(command.status().expect("it runs").success());
        run(Command::new("python3").args(["-m", "venv"]).arg(&tools));
        run(Command::new(tools.join("bin/pip")).args(["install", "--quiet", package]));
        fs::write(tools.join("installed"), package).expect("written");
    }
    tools.join("bin")
}

#[test]
fn apprise_speaks_four_forms() {
    let apprise = installed(APPRISE).join("apprise");
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Apprise");
    let host = server.address();
    let urls = [
        format!("ntfy://{secret}@{host}/alerts?auth=token"),
        format!("gotify://{host}/gotify/{secret}"),
        format!("mmost://{host}/{secret}"),
        format!("json://{host}/hook/{secret}"),
    ];
    for (number, url) in urls.iter().enumerate() {
        let body = format!("message {number}");
        let mut command = Command::new(&apprise);
        let output = command
            .args(["-t", "Title", "-b", &body, url])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{url}: {said}");
        let texts = anna.texts(&flow);
        assert_eq!(texts.len(), number + 1, "{url}");
        assert!(
            texts[number].contains(&body) && texts[number].contains("Title"),
            "{texts:?}"
        );
    }
}
