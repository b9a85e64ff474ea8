//! Files as programs in the field move them: `tus-js-client`, `tuspy` and `curl`, through a network
//! that breaks.
//!
//! `MORELIA_TRANSFER_MIB` is how large the files are; `make interop` says 300.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    common::{
        Person, Server,
        cutting::Cutting,
        http::{bearer, content, upload},
    },
    sent_files,
};

/// What is installed, each into a folder of the build's own when it is not there.
const TUS_JS_CLIENT: &str = "tus-js-client@4.3.1";
const TUSPY: &str = "tuspy==1.1.0";

/// Sends a file and prints the address of the upload.
const JAVASCRIPT: &str = r"
const fs = require('fs');
const tus = require('tus-js-client');
const [path, endpoint, token] = process.argv.slice(1);
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint,
  headers: {Authorization: `Bearer ${token}`},
  metadata: {filename: 'Ferien.mp4', filetype: 'video/mp4'},
  retryDelays: Array(60).fill(100),
  removeFingerprintOnSuccess: true,
  onError(error) { console.error(String(error)); process.exit(1); },
  onSuccess() { console.log(upload.url); },
});
upload.start();
";

/// The same.
const PYTHON: &str = r"
import sys
from tusclient.client import TusClient
path, endpoint, token = sys.argv[1:]
client = TusClient(endpoint, headers={'Authorization': 'Bearer ' + token})
uploader = client.uploader(path, chunk_size=4 << 20, retries=60, retry_delay=0.1,
                           metadata={'filename': 'Ferien.mp4', 'filetype': 'video/mp4'})
uploader.upload()
print(uploader.url)
";

/// How many bytes are sent.
fn size() -> usize {
    let mib = std::env::var("MORELIA_TRANSFER_MIB").ok();
    mib.map_or(24, |mib| mib.parse().expect("a number")) << 20
}

/// Where programs are installed.
fn tools(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn run(command: &mut Command) -> Result<Output, String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(err) => Err(format!("{command:?}: {err}")),
    }
}

/// The folder in which `node` finds the client.
fn tus_js_client() -> Result<PathBuf, String> {
    let tools = tools("tus-js-client");
    if !tools.join("node_modules/tus-js-client").exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        run(npm.arg(&tools).arg(TUS_JS_CLIENT))?;
    }
    Ok(tools)
}

/// The Python that finds the client.
fn tuspy() -> Result<PathBuf, String> {
    let tools = tools("tuspy");
    let python = tools.join("bin/python");
    if !tools.join("installed").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
        run(Command::new(tools.join("bin/pip")).args(["install", "--quiet", TUSPY]))?;
        fs::write(tools.join("installed"), TUSPY).map_err(|err| err.to_string())?;
    }
    Ok(python)
}

/// A server, somebody, a file, and a network that breaks about eight times while it is sent.
struct Scene {
    server: Server,
    anna: Person,
    network: Cutting,
    folder: TempDir,
    content: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let anna = server.register("anna");
        let all = content(size(), 31);
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("film"), &all).expect("written");
        let every = if size() > 100 << 20 {
            20 << 20
        } else {
            size() / 8
        };
        Self {
            network: Cutting::before(&server, every),
            server,
            anna,
            folder,
            content: all,
        }
    }

    /// Adds what every client is told: which file, to whom, and as who.
    fn arguments(&self, command: &mut Command) -> Output {
        let endpoint = format!("http://{}/files", self.network.address());
        command
            .arg(self.folder.path().join("film"))
            .arg(endpoint)
            .arg(&self.anna.token);
        run(command).unwrap_or_else(|err| panic!("after {} cuts: {err}", self.network.cuts()))
    }

    /// Sends what was uploaded with a message, and fetches it.
    fn arrives(mut self, output: &Output) {
        let said = String::from_utf8_lossy(&output.stdout);
        let id = said.trim().rsplit('/').next().expect("an address");
        assert!(self.network.cuts() >= 7, "{} cuts", self.network.cuts());
        let group = self.anna.group("G", &[]);
        let files = json!([{"upload": id, "kind": "video"}]);
        let sent = sent_files::send(&mut self.anna, &group, "", &files).is(200);
        let told = &sent_files::files(&sent)[0];
        assert_eq!(told["name"], "Ferien.mp4");
        let got = self.folder.path().join("got");
        let fetched = Curl::of(
            &self.server,
            &self.anna,
            told["id"].as_str().expect("an id"),
        )
        .get(&["-o", got.to_str().expect("UTF-8")]);
        assert_eq!(fetched.0, 200);
        assert!(
            fs::read(got).expect("a file") == self.content,
            "other bytes"
        );
    }
}

#[test]
fn tus_js_client_sends_through_a_network_that_breaks() {
    let tools = match tus_js_client() {
        Ok(tools) => tools,
        Err(reason) => return println!("skipped: tus-js-client cannot be installed: {reason}"),
    };
    let scene = Scene::new();
    let mut node = Command::new("node");
    node.current_dir(tools).args(["-e", JAVASCRIPT, "--"]);
    let output = scene.arguments(&mut node);
    scene.arrives(&output);
}

#[test]
fn tuspy_sends_through_a_network_that_breaks() {
    let python = match tuspy() {
        Ok(python) => python,
        Err(reason) => return println!("skipped: tuspy cannot be installed: {reason}"),
    };
    let scene = Scene::new();
    let mut command = Command::new(python);
    command.args(["-c", PYTHON]);
    let output = scene.arguments(&mut command);
    scene.arrives(&output);
}

/// One file, as `curl` fetches it.
struct Curl {
    url: String,
    bearer: String,
}

impl Curl {
    fn of(server: &Server, person: &Person, file: &str) -> Self {
        Self {
            url: format!("http://{}/file/{file}", server.address()),
            bearer: bearer(person).trim().to_owned(),
        }
    }

    /// Fetches it; returns the status and the body.
    #[track_caller]
    fn get(&self, arguments: &[&str]) -> (u16, Vec<u8>) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-w", "%{stderr}%{http_code}", "-H", &self.bearer])
            .args(arguments);
        let output = run(curl.arg(&self.url)).expect("curl runs");
        let code = String::from_utf8_lossy(&output.stderr).into_owned();
        (code.trim().parse().expect("a status"), output.stdout)
    }
}

#[test]
fn curl_fetches_parts_of_files_of_either_place() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for length in [5_000_usize, 700_000] {
        let all = content(length, 32);
        let id = upload(&server, &anna, &all);
        let files = json!([{"upload": id, "kind": "document"}]);
        let sent = sent_files::send(&mut anna, &group, "", &files).is(200);
        let id = sent_files::files(&sent)[0]["id"].clone();
        let id = id.as_str().expect("an id");
        let curl = Curl::of(&server, &anna, id);
        let last = length - 1;
        let hit = format!("If-Range: \"{id}\"");
        let parts: [(&[&str], u16, &[u8]); 12] = [
            (&[], 200, &all),
            (&["-r", "0-0"], 206, &all[..1]),
            (&["-r", "0-99"], 206, &all[..100]),
            (&["-r", &format!("{last}-")], 206, &all[last..]),
            (&["-r", &format!("{last}-{last}")], 206, &all[last..]),
            (&["-r", "-500"], 206, &all[length - 500..]),
            (&["-r", "-99999999"], 206, &all),
            (&["-r", "100-99999999"], 206, &all[100..]),
            (&["-r", &format!("{length}-")], 416, b""),
            (&["-r", "0-1,3-4"], 200, &all),
            (&["-r", "0-99", "-H", &hit], 206, &all[..100]),
            (&["-r", "0-99", "-H", "If-Range: \"other\""], 200, &all),
        ];
        for (arguments, code, body) in parts {
            let found = curl.get(arguments);
            assert_eq!(found.0, code, "{arguments:?}");
            assert!(found.1 == body, "{arguments:?}: {} bytes", found.1.len());
        }
        // Broken off, and gone on with.
        let folder = tempfile::tempdir().expect("a folder");
        let half = folder.path().join("half");
        fs::write(&half, &all[..length / 3]).expect("written");
        let path = half.to_str().expect("UTF-8");
        assert_eq!(curl.get(&["-C", "-", "-o", path]).0, 206);
        assert!(fs::read(&half).expect("a file") == all);
    }
}
