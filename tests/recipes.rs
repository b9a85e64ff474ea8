//! The recipes of docs/bots.md, run as the page has them: only the address of the server and of the hook
//! are put in. Programs that are not to be had here are stood in for by what they post.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    bot_clients::{Running, installed},
    common::{Person, Server, eventually, http, port::free_port},
    hooks::{JSON, hook, last, post},
};

/// The versions that were tried.
const OF_NPM: [&str; 2] = ["ntfy@1.15.6", "gotify@1.1.0"];
const OF_PYPI: &str = "gotify==0.6.0";

/// What stands in a fence below the name of a recipe, with a server and the secret of a hook put in.
#[track_caller]
pub(crate) fn recipe(name: &str, server: &Server, secret: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bots.md");
    let page = fs::read_to_string(page).expect("the page");
    let (_, recipes) = page.split_once("\n## Recipes\n").expect("the recipes");
    let (_, from) = recipes
        .split_once(&format!("\n**{name}**"))
        .unwrap_or_else(|| panic!("no recipe for {name}"));
    let (_, fence) = from.split_once("\n```").expect("a fence");
    let (_, text) = fence.split_once('\n').expect("a line");
    let (text, _) = text.split_once("\n```").expect("its end");
    assert!(text.contains("https://chat.home/hook/tk_…"), "{text}");
    let text = text.replace("https://chat.home", &format!("http://{}", server.address()));
    text.replace("tk_…", secret) + "\n"
}

struct House {
    server: Server,
    anna: Person,
    flow: String,
    secret: String,
    folder: PathBuf,
}

fn house() -> House {
    let server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    let secret = hook(&mut anna, &flow, "Program");
    let folder = server.folder().join("recipe");
    fs::create_dir(&folder).expect("a folder");
    House {
        server,
        anna,
        flow,
        secret,
        folder,
    }
}

impl House {
    fn recipe(&self, name: &str) -> String {
        recipe(name, &self.server, &self.secret)
    }

    /// Runs a line as cron and people do.
    #[track_caller]
    fn sh(&self, line: &str) {
        let mut command = Command::new("sh");
        let output = command
            .args(["-c", line])
            .current_dir(&self.folder)
            .output();
        let output = output.expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).expect("written");
    }

    #[track_caller]
    fn last(&mut self) -> (String, Value) {
        last(&mut self.anna, &self.flow)
    }

    /// The names of the files of the last message.
    fn files(&mut self) -> Vec<String> {
        let files = self.last().1["files"].as_array().cloned();
        let name = |file: &Value| file["name"].as_str().unwrap_or_default().to_owned();
        files.unwrap_or_default().iter().map(name).collect()
    }
}

#[test]
fn cron_tells_of_a_job_that_fails() {
    let mut house = house();
    let line = house.recipe("cron");
    let command = line.splitn(6, ' ').nth(5).expect("a command");
    house.write("backup.sh", b"exit 1\n");
    let failing = command.replace("backup.sh", "sh backup.sh");
    house.sh(&failing);
    assert_eq!(house.last().0, "backup failed");
    house.write("backup.sh", b"exit 0\n");
    house.sh(&failing);
    assert_eq!(house.anna.texts(&house.flow).len(), 1);
}

#[test]
fn git_tells_what_was_pushed() {
    let mut house = house();
    house.sh("git init -q --bare all.git && git init -q mine");
    let script = house.folder.join("all.git/hooks/post-receive");
    fs::write(&script, house.recipe("git")).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("allowed");
    let commit = |words: &str| {
        format!(
            "git -C mine -c user.name=Anna -c user.email=anna@example.org commit -q --allow-empty -m '{words}' && \
             git -C mine push -q ../all.git HEAD:refs/heads/main"
        )
    };
    for words in ["Plant the tree", "Water it"] {
        house.sh(&commit(words));
        assert_eq!(house.last().0, format!("pushed to main: {words}"));
    }
}

#[test]
fn pictures_of_cameras_are_sent() {
    let mut house = house();
    let picture = [b"\xff\xd8\xff\xe0".as_slice(), &http::content(600, 1)].concat();
    house.write("door.jpg", &picture);
    house.write("garden.jpg", &picture);
    house.sh(&house.recipe("A camera's picture"));
    assert_eq!(house.files(), ["door.jpg"]);
    house.sh(&house.recipe("Several pictures in one message"));
    assert_eq!(house.files(), ["door.jpg", "garden.jpg"]);
    assert_eq!(house.last().0, "Somebody is at the door");
}

#[test]
fn a_door_that_opens_is_told_by_its_sensor() {
    let mut house = house();
    let port = free_port();
    let broker = Command::new("/usr/sbin/mosquitto")
        .args(["-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _broker = Running(broker.expect("mosquitto runs"));
    let publish = |body: &str| {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "localhost", "-p", &port.to_string(), "-r"]);
        command.args(["-t", "zigbee2mqtt/front_door", "-m", body]);
        command.stderr(Stdio::null());
        command.status().expect("it runs").success()
    };
    // What is retained is told to who asks later.
    assert!(eventually(
        || publish(r#"{"contact": false, "battery": 90}"#),
        |done| *done
    ));
    let recipe = house.recipe("Zigbee2MQTT");
    let line = recipe.replace("-h localhost", &format!("-h localhost -p {port} -C 2"));
    assert_ne!(line, recipe);
    let mut shell = Command::new("sh");
    let running = shell.args(["-c", &line]).stdout(Stdio::null()).spawn();
    let mut running = Running(running.expect("sh runs"));
    let texts = eventually(|| house.anna.texts(&house.flow), |texts| !texts.is_empty());
    assert_eq!(texts, ["[Program] 🚪 The front door is open"]);
    // A door that is shut is no news; the second message ends the line.
    assert!(publish(r#"{"contact": true}"#));
    assert!(running.0.wait().expect("it ends").success());
    assert_eq!(house.anna.texts(&house.flow).len(), 1);
    assert_eq!(house.last().0, "🚪 The front door is open");
}

/// As its component `rest` of `notify` posts: the method, and what the fields are called, are in the
/// configuration; a title that nobody gives is the program's name.
#[test]
fn home_assistant_notifies() {
    let mut house = house();
    let text = house.recipe("Home Assistant");
    let setting = |name: &str| {
        let found = text.lines().find_map(|line| {
            let (found, value) = line.trim_start_matches(['-', ' ']).split_once(": ")?;
            (found == name).then(|| value.to_owned())
        });
        found.unwrap_or_else(|| panic!("{name} in {text}"))
    };
    assert_eq!(
        (setting("platform"), setting("method")),
        ("rest".to_owned(), "POST_JSON".to_owned())
    );
    let resource = setting("resource");
    let path = &resource[resource.find("/hook/").expect("a path")..];
    for (title, expected) in [
        ("Home Assistant", "**Home Assistant**\nThe window is open"),
        ("Cellar", "**Cellar**\nThe window is open"),
    ] {
        let sent =
            json!({"message": "The window is open", setting("title_param_name").as_str(): title});
        post(&house.server, path, JSON, sent.to_string()).is(200);
        assert_eq!(house.last().0, expected);
    }
}

/// As its provider `ntfy` posts, to the address of the server itself.
#[test]
fn uptime_kuma_tells_what_is_down() {
    let mut house = house();
    let headers = format!("Authorization: Bearer {}\r\n{JSON}", house.secret);
    let test = json!({"topic": "alerts", "title": "alerts [Uptime-Kuma]", "message": "Test", "priority": 4,
        "tags": ["test_tube"]});
    post(&house.server, "/", &headers, test.to_string()).is(200);
    let down = json!({"topic": "alerts", "message": "connect ECONNREFUSED 192.0.2.7:443", "priority": 5,
        "title": "Router Down [Uptime-Kuma]", "tags": ["red_circle", "place: cellar"],
        "actions": [{"action": "view", "label": "Open Router", "url": "https://192.0.2.7/"}]});
    post(&house.server, "/", &headers, down.to_string()).is(200);
    assert_eq!(
        house.last().0,
        "🔴 **Router Down [Uptime-Kuma]**\nconnect ECONNREFUSED 192.0.2.7:443\nOpen Router: https://192.0.2.7/\n#place:_cellar"
    );
    let without = json!({"topic": "alerts", "message": "up", "title": "Router Up [Uptime-Kuma]"});
    post(&house.server, "/", &headers, without.to_string()).is(200);
}

/// As its contact point Webhook posts, which has more fields than Alertmanager.
#[test]
fn grafana_tells_of_its_alerts() {
    let mut house = house();
    let alert = json!({"status": "firing", "labels": {"alertname": "Memory", "instance": "pi"},
        "annotations": {"summary": "Little is left"}, "startsAt": "2026-10-12T09:51:03+02:00",
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "https://grafana.lan/alerting/1/edit", "fingerprint": "c6ea",
        "silenceURL": "https://grafana.lan/silence", "dashboardURL": "", "panelURL": "", "values": {"B": 44.2, "C": 1}});
    let body = json!({"receiver": "family", "status": "firing", "orgId": 1, "alerts": [alert], "groupLabels": {},
        "commonLabels": {"alertname": "Memory"}, "commonAnnotations": {}, "externalURL": "https://grafana.lan/",
        "version": "1", "groupKey": "{}:{}", "truncatedAlerts": 0, "title": "[FIRING:1]", "state": "alerting",
        "message": "**Firing**"});
    let path = format!("/hook/{}", house.secret);
    let answer = post(&house.server, &path, JSON, body.to_string()).is(200);
    assert_eq!(answer.body, b"{}");
    assert_eq!(
        house.last().0,
        "🔥 1 firing: Memory\npi: Little is left https://grafana.lan/alerting/1/edit"
    );
}

/// Takes the addresses of ntfy and of Gotify, the secret and a file.
const SPEAK: &str = "
import { publish } from 'ntfy';
import gotify from 'gotify';
const [ntfy, server, secret, file] = process.argv.slice(2);
const told = await publish({ server: ntfy, topic: 'door', authorization: secret, message: 'by ntfy', title: 'Door',
  tags: ['warning'], priority: 4, actions: [{ type: 'view', label: 'Look', url: 'https://192.0.2.7/' }] });
if (told.event !== 'message' || told.topic !== 'door' || told.priority !== 4) throw new Error(JSON.stringify(told));
await publish({ server: ntfy, topic: 'door', authorization: { username: 'me', password: secret }, fileAttachment: file });
await gotify.gotify({ server, app: secret, title: 'Disk', message: 'by gotify', priority: 8 });
const refused = await publish({ server: ntfy, topic: 'door', authorization: 'tk_nobody', message: 'x' }).catch(() => null);
if (refused !== null) throw new Error('a wrong token is taken');
";

/// Takes the address of Gotify and the secret.
const SPEAK_PYTHON: &str = "
import sys
from gotify import Gotify, GotifyError
client = Gotify(base_url=sys.argv[1], app_token=sys.argv[2], client_token=sys.argv[2])
told = client.create_message('by python', title='Disk', priority=5)
assert told['message'] == 'by python' and told['priority'] == 5, told
assert client.get_version()['version'], 'no version'
assert client.get_health()['health'] == 'green', 'no health'
try:
    Gotify(base_url=sys.argv[1], app_token='tk_nobody').create_message('x')
except GotifyError:
    sys.exit(0)
sys.exit('a wrong token is taken')
";

/// The addresses of ntfy and Gotify as the page names them.
fn bases(server: &Server) -> (String, String) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bots.md");
    let page = fs::read_to_string(page).expect("the page");
    for base in ["`https://chat.home/ntfy/`", "`https://chat.home/gotify`"] {
        assert!(page.contains(base), "{base}");
    }
    let address = server.address();
    (
        format!("http://{address}/ntfy/"),
        format!("http://{address}/gotify"),
    )
}

#[test]
fn clients_of_ntfy_and_gotify_in_javascript_are_understood() {
    let mut house = house();
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("speakers");
    if !tools.join("installed").exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        let done = npm.arg(&tools).args(OF_NPM).status().expect("npm");
        assert!(done.success(), "{OF_NPM:?} are not to be had");
        fs::write(tools.join("installed"), OF_NPM.join(" ")).expect("written");
    }
    let script = tools.join("speak.mjs");
    fs::write(&script, SPEAK).expect("written");
    let (ntfy, gotify) = bases(&house.server);
    let picture = [b"\xff\xd8\xff\xe0".as_slice(), &http::content(600, 2)].concat();
    house.write("door.jpg", &picture);
    let output = Command::new("node")
        .arg(&script)
        .args([&ntfy, &gotify, &house.secret])
        .arg(house.folder.join("door.jpg"))
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let texts = house.anna.texts(&house.flow);
    let expected = [
        "[Program] ⚠️ **Door**\nby ntfy\nLook: https://192.0.2.7/",
        "[Program]",
        "[Program] **Disk**\nby gotify",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn a_client_of_gotify_in_python_is_understood() {
    let mut house = house();
    let python = installed(OF_PYPI).join("python");
    let (_, gotify) = bases(&house.server);
    let output = Command::new(python)
        .args(["-c", SPEAK_PYTHON, &gotify, &house.secret])
        .output()
        .expect("python runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(house.last().0, "**Disk**\nby python");
}
