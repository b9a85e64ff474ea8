//! Bots and hooks with the programs that people have: a shell bot, and a client of four forms.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    bots::bot,
    common::{Person, Server, eventually, port::free_port, receiver::Receiver},
    hooks::hook,
    outgoing::out,
    recipes::recipe,
};

/// The versions that were tried.
const APPRISE: &str = "apprise==2.3.0";
const EXAMINER: &str = "schemathesis==4.32.5";
const VERIFIER: &str = "standardwebhooks==1.1.0";

pub(crate) struct Running(pub(crate) Child);

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
    let texts = answered(
        Command::new("sh").arg(script),
        &server,
        &helper,
        (&mut anna, &flow),
        "!time",
    );
    assert!(texts[1].starts_with("It is "), "{texts:?}");
}

#[test]
fn a_bot_in_python_answers() {
    let server = Server::start();
    let mut admin = server.sign_in("admin");
    let mut anna = server.register("anna");
    let helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let flow = anna.group("Family", &[&helper]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bot.py");
    let texts = answered(
        Command::new("python3").arg(script),
        &server,
        &helper,
        (&mut anna, &flow),
        "!dice",
    );
    assert!(texts[1].starts_with("You have thrown a "), "{texts:?}");
}

/// What is said once somebody has said a word to a bot that this command is.
#[track_caller]
fn answered(
    command: &mut Command,
    server: &Server,
    helper: &Person,
    (person, flow): (&mut Person, &str),
    word: &str,
) -> Vec<String> {
    let mut program = command
        .env("MORELIA", format!("http://{}", server.address()))
        .env("TOKEN", &helper.token)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let output = program.stdout.take().expect("its output");
    let _program = Running(program);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    person.send(flow, word);
    eventually(|| person.texts(flow), |texts| texts.len() == 2)
}

/// Where the programs of a package from `PyPI` are, which is installed once.
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

/// Takes the secret and the headers as arguments, the body as input, and fails unless they fit together.
const VERIFY: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
body = sys.stdin.buffer.read()
told = Webhook(sys.argv[1]).verify(body, json.loads(sys.argv[2]))
assert told['message']['text'] == 'hello', told
try:
    Webhook(sys.argv[1]).verify(body.replace(b'hello', b'jello'), json.loads(sys.argv[2]))
except Exception:
    sys.exit(0)
sys.exit('a forgery is accepted')
";

#[test]
fn the_reference_library_accepts_what_is_posted() {
    let python = installed(VERIFIER).join("python");
    let receiver = Receiver::start();
    let server = Server::with(&[("outbound.allow_private", &receiver.address())]);
    let mut admin = server.sign_in("admin");
    let flow = admin.group("Family", &[]);
    let (_, secret) = out(&mut admin, &flow, &receiver.url(), json!({}));
    admin.send(&flow, "hello");
    let post = receiver.next();
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<String, Value> = headers
        .into_iter()
        .map(|name| (name.to_owned(), post.header(name).into()))
        .collect();
    let mut verifier = Command::new(python)
        .args(["-c", VERIFY, &secret, &Value::from(headers).to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = verifier.stdin.take().expect("its input");
    input.write_all(&post.body).expect("written");
    drop(input);
    assert!(verifier.wait().expect("it ends").success());
}

#[test]
fn alertmanager_tells_of_a_group_that_begins_and_ends() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Monitor");
    let place = tempfile::tempdir().expect("a folder");
    let config = place.path().join("alertmanager.yml");
    let receivers = recipe("Alertmanager", &server, &secret);
    let text = format!(
        "route:\n  receiver: family\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n{receivers}"
    );
    fs::write(&config, text).expect("written");
    let port = free_port();
    let monitor = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", place.path().display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stderr(Stdio::null())
        .spawn()
        .expect("alertmanager runs");
    let _monitor = Running(monitor);
    let amtool = |more: &[&str]| {
        let url = format!("--alertmanager.url=http://127.0.0.1:{port}");
        let alert = [
            "alert",
            "add",
            "HighLoad",
            "instance=pi",
            "--annotation=summary=Load is 9",
        ];
        let mut command = Command::new("amtool");
        let output = command.arg(url).args(alert).args(more).output();
        output.expect("amtool runs").status.success()
    };
    assert!(
        eventually(|| amtool(&[]), |done| *done),
        "it takes an alert"
    );
    let texts = eventually(|| anna.texts(&flow), |texts| !texts.is_empty());
    assert!(
        texts[0].contains("1 firing: HighLoad") && texts[0].contains("pi: Load is 9"),
        "{texts:?}"
    );
    // It ends after it began, in whole seconds.
    std::thread::sleep(Duration::from_secs(2));
    let now = Command::new("date").args(["-u", "+%FT%TZ"]).output();
    let now = String::from_utf8(now.expect("date runs").stdout).expect("a time");
    let end = format!("--end={}", now.trim());
    assert!(amtool(&[&end]));
    // The message that told of it changes, and is answered once.
    let texts = eventually(|| anna.texts(&flow), |texts| texts.len() == 2);
    assert!(
        texts.iter().all(|text| text.contains("resolved")),
        "{texts:?}"
    );
}

#[test]
fn the_routes_are_what_their_document_says() {
    let examiner = installed(EXAMINER).join("st");
    let server = Server::with(&[
        ("limits.requests_per_second", "1000000"),
        ("limits.burst", "1000000"),
    ]);
    let mut admin = server.sign_in("admin");
    let helper = bot(&server, &mut admin, "helper", &["read", "write", "manage"]);
    let output = Command::new(examiner)
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", server.address()))
        .args([
            "--header",
            &format!("Authorization: Bearer {}", helper.token),
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "5",
        ])
        // An answer that is held back for a minute is no use here, and no pattern says what is an emoji.
        .args(["--exclude-path", "/updates"])
        .args(["--exclude-path", "/messages/{id}/reactions/{emoji}"])
        .args(["--generation-deterministic", "--no-color"])
        .current_dir(server.folder())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

/// The lines for curl that docs/bots.md begins with do what it says.
#[test]
fn the_first_lines_of_the_page_work() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Washing machine");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bots.md");
    let page = fs::read_to_string(page).expect("the page");
    let lines = page
        .lines()
        .take_while(|line| !line.starts_with("## Recipes"))
        .filter(|line| line.starts_with("curl ") && line.contains("/hook/tk_…"));
    let mut count = 0;
    for line in lines {
        let line = line
            .replace("https://chat.home", &format!("http://{}", server.address()))
            .replace("tk_…", &secret);
        let status = Command::new("sh")
            .args(["-c", &format!("{line} --fail -s")])
            .status();
        assert!(status.expect("sh runs").success(), "{line}");
        count += 1;
    }
    assert!(count > 0);
    assert_eq!(anna.texts(&flow).len(), count);
    let token = format!("Authorization: Bearer {}", anna.token);
    let url = format!("http://{}/api/v1/flows/{flow}/messages", server.address());
    let status = Command::new("curl")
        .args([
            "-s",
            "--fail",
            "-H",
            &token,
            "-d",
            r#"{"text": "hello"}"#,
            &url,
        ])
        .status();
    assert!(status.expect("curl runs").success());
    assert_eq!(anna.texts(&flow).len(), count + 1);
}
