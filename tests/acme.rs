//! Certificates of an authority, with Pebble as the authority: Debian's packages `pebble` and `openssl`.
//! Without Pebble on the machine these tests say so and end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::common::https::{get, get_secure, openssl};
use super::common::port::free_port;
use super::common::{Server, eventually};

pub(crate) const NAME: &str = "chat.example.test";

/// An authority that looks for names at an address that can be changed, with its own resolver.
pub(crate) struct Authority {
    folder: TempDir,
    children: Vec<Child>,
    pub(crate) directory: u16,
    management: u16,
    names: u16,
    pub(crate) http: u16,
    tls: u16,
}

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls")
        .join(name)
}

impl Authority {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let mut authority = Self {
            folder: tempfile::tempdir().expect("a folder"),
            children: Vec::new(),
            directory: free_port(),
            management: free_port(),
            names: free_port(),
            http: free_port(),
            tls: free_port(),
        };
        let dns = format!("127.0.0.1:{}", free_port());
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver.args([
            "-dns01",
            &dns,
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
        ]);
        resolver.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        resolver.args(["-management", &format!("127.0.0.1:{}", authority.names)]);
        authority.run(resolver);
        let up = || std::net::TcpStream::connect(("127.0.0.1", authority.names));
        eventually(up, Result::is_ok).expect("the resolver answers");
        let configuration = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{}", authority.directory),
            "managementListenAddress": format!("127.0.0.1:{}", authority.management),
            "certificate": file("server.pem"),
            "privateKey": file("server.key"),
            "httpPort": authority.http,
            "tlsPort": authority.tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let path = authority.folder.path().join("pebble.json");
        fs::write(&path, configuration.to_string()).expect("written");
        // `make test` installs it.
        let mut pebble = Command::new("pebble");
        pebble.arg("-config").arg(&path).args(["-dnsserver", &dns]);
        for (name, value) in [
            ("PEBBLE_VA_NOSLEEP", "1"),
            ("PEBBLE_WFE_NONCEREJECT", "3"),
            ("PEBBLE_AUTHZREUSE", "0"),
        ] {
            pebble.env(name, value);
        }
        authority.run(pebble);
        let up = || get_secure_or(authority.directory, "/dir");
        eventually(up, Option::is_some).expect("Pebble answers");
        authority
    }

    fn run(&mut self, mut command: Command) {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's package pebble is installed");
        self.children.push(child);
    }

    /// The root of what it signs.
    pub(crate) fn root(&self) -> PathBuf {
        let root = get_secure_or(self.management, "/roots/0").expect("a root");
        let path = self.folder.path().join("root.pem");
        fs::write(&path, root).expect("written");
        path
    }

    /// Lets a name lead elsewhere.
    fn lead(&self, address: &str) {
        self.tell("/clear-a", &json!({"host": NAME}));
        self.tell("/add-a", &json!({"host": NAME, "addresses": [address]}));
    }

    /// Tells the resolver something.
    fn tell(&self, path: &str, body: &Value) {
        let body = body.to_string();
        let mut stream = super::common::https::tcp(self.names);
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// A server that has its certificates from here.
    fn server(&self, keys: &[(&str, &str)]) -> Server {
        let directory = format!("https://localhost:{}/dir", self.directory);
        let root = file("ca.pem");
        let root = root.to_str().expect("text");
        let mut all = vec![
            ("tls.acme", NAME),
            ("tls.acme_terms", "agreed"),
            ("tls.acme_contact", "mailto:admin@example.test"),
            ("tls.acme_directory", directory.as_str()),
            ("tls.acme_ca", root),
        ];
        all.extend_from_slice(keys);
        Server::initialised("open", &all)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.children {
            // By its own id, whatever else of that name runs.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks one of Pebble's own ports.
fn get_secure_or(port: u16, path: &str) -> Option<Vec<u8>> {
    if std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        return None;
    }
    get_secure(port, "localhost", &file("ca.pem"), path)
        .ok()
        .map(|(_, body)| body)
}

fn port(server: &Server) -> u16 {
    server
        .address()
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number")
}

fn status(server: &Server) -> Value {
    let shown = server
        .command(["tls", "status", "--json"])
        .run()
        .exits(0)
        .stdout;
    serde_json::from_str(&shown).expect("JSON")
}

#[test]
fn a_name_is_shown_over_http_and_kept() {
    let authority = Authority::start();
    let http = authority.http.to_string();
    let url = format!("https://{NAME}");
    let mut server = authority.server(&[("server.http_port", &http), ("server.public_url", &url)]);
    server.serve();
    let root = authority.root();
    let answer = eventually(
        || get_secure(port(&server), NAME, &root, "/health"),
        Result::is_ok,
    );
    let (head, _) = answer.expect("a certificate that is trusted");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("strict-transport-security"), "{head}");
    // The other port leads there, and answers nothing that could hold a password.
    let (head, _) = get(authority.http, NAME, "/invite/X", "");
    assert!(
        head.contains(&format!("location: {url}/invite/X")),
        "{head}"
    );
    assert!(head.starts_with("HTTP/1.1 308"), "{head}");
    let (head, _) = get(authority.http, NAME, "/ws", "");
    assert!(head.starts_with("HTTP/1.1 426"), "{head}");
    let (head, _) = get(authority.http, NAME, "/.well-known/acme-challenge/x", "");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    let folder = server.folder().join("tls");
    let account = fs::read(folder.join("account.json")).expect("an account");
    let certificate = fs::read(folder.join(format!("{NAME}.pem"))).expect("a certificate");
    let shown = status(&server);
    assert_eq!(shown["way"], "acme");
    assert_eq!(shown["names"], json!([NAME]));
    assert!(
        shown["state"]["error"].is_null() && shown["state"]["failures"] == 0,
        "{shown}"
    );
    // After a restart the same is served, and nothing is asked for.
    server.restart();
    get_secure(port(&server), NAME, &root, "/health").expect("trusted at once");
    assert_eq!(
        fs::read(folder.join(format!("{NAME}.pem"))).expect("it"),
        certificate
    );
    // By force there is another one, for connections from now on.
    server.command(["tls", "renew", "--force"]).run().exits(0);
    let renewed = || fs::read(folder.join(format!("{NAME}.pem"))).expect("it");
    assert_ne!(eventually(renewed, |it| *it != certificate), certificate);
    assert_eq!(fs::read(folder.join("account.json")).expect("it"), account);
    server.command(["tls", "forget", "--yes"]).run().exits(0);
    assert!(!folder.join("account.json").exists());
}

#[test]
fn a_name_is_shown_in_a_handshake() {
    let authority = Authority::start();
    let mut server = authority.server(&[]);
    server.listen_on(authority.tls);
    server.serve();
    let root = authority.root();
    let answer = eventually(
        || get_secure(authority.tls, NAME, &root, "/health"),
        Result::is_ok,
    );
    answer.expect("a certificate that is trusted");
}

#[test]
fn failures_are_waited_for_over_restarts() {
    let authority = Authority::start();
    // Nobody listens there.
    authority.lead("127.0.0.9");
    let http = authority.http.to_string();
    let mut server = authority.server(&[("server.http_port", &http)]);
    server.serve();
    let failed = eventually(|| status(&server), |it| it["state"]["failures"] == 1);
    let error = failed["state"]["error"].as_str().unwrap_or_default();
    assert!(error.contains(NAME), "{failed}");
    let next = failed["state"]["next_at"].as_i64().expect("a time");
    let tried = failed["state"]["tried_at"].as_i64().expect("a time");
    assert!((54..=70).contains(&(next - tried)), "{failed}");
    // Whoever asks is told what to do, and whether there is a certificate at all.
    let remedy = format!("forward port 80 of the router to port {http} of this machine");
    let checked = server.command(["check", "tls"]).run().exits(5).stdout;
    let told = server.command(["tls", "status"]).run().exits(0).stdout;
    let seen = server.command(["status"]).run().exits(0).stdout;
    for said in [&checked, &told, &seen] {
        assert!(said.contains(error) && said.contains(&remedy), "{said}");
    }
    assert!(seen.contains("none yet"), "{seen}");
    // A crash does not make it forget.
    server.kill();
    server.serve();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(status(&server)["state"]["failures"], 1);
    // Meanwhile the page can at least be asked for.
    let placeholder = server.folder().join("tls/placeholder.pem");
    assert!(placeholder.exists());
    authority.lead("127.0.0.1");
    server.command(["tls", "renew", "--force"]).run().exits(0);
    let root = authority.root();
    let answer = eventually(
        || get_secure(port(&server), NAME, &root, "/health"),
        Result::is_ok,
    );
    answer.expect("a certificate that is trusted");
    assert_eq!(status(&server)["state"]["failures"], 0);
    let checked = server.command(["check", "tls"]).run().exits(0).stdout;
    assert!(!checked.contains("router"), "{checked}");
    let seen = server.command(["status"]).run().exits(0).stdout;
    assert!(seen.contains("certificate  valid for"), "{seen}");
}

#[test]
fn an_authority_that_does_not_answer_is_no_matter_of_ports() {
    let directory = format!("https://localhost:{}/dir", free_port());
    let root = file("ca.pem");
    let mut server = Server::initialised(
        "open",
        &[
            ("tls.acme", NAME),
            ("tls.acme_terms", "agreed"),
            ("tls.acme_directory", &directory),
            ("tls.acme_ca", root.to_str().expect("text")),
        ],
    );
    server.serve();
    eventually(|| status(&server), |it| it["state"]["failures"] == 1);
    let checked = server.command(["check", "tls"]).run().exits(5).stdout;
    assert!(
        checked.contains("the authority cannot be reached") && checked.contains("[outbound]"),
        "{checked}"
    );
    assert!(!checked.contains("router"), "{checked}");
}

#[test]
fn an_account_that_was_removed_is_made_anew() {
    let authority = Authority::start();
    let http = authority.http.to_string();
    let mut server = authority.server(&[("server.http_port", &http)]);
    server.serve();
    let account = server.folder().join("tls/account.json");
    eventually(
        || status(&server),
        |it| {
            it["issuer"]
                .as_str()
                .is_some_and(|it| it.contains("Pebble"))
        },
    );
    let before = fs::read_to_string(&account).expect("an account");
    // One that the authority has never heard of.
    let mut other: Value = serde_json::from_str(&before).expect("JSON");
    other["id"] = json!(other["id"].as_str().expect("an id").to_owned() + "0000");
    let other = other.to_string();
    fs::write(&account, &other).expect("written");
    server.command(["tls", "renew", "--force"]).run().exits(0);
    let after = eventually(
        || fs::read_to_string(&account).expect("an account"),
        |it| *it != other,
    );
    assert_ne!(after, other);
    assert_eq!(
        eventually(|| status(&server), |it| it["state"]["failures"] == 0)["state"]["failures"],
        0
    );
}

#[test]
fn nothing_is_asked_for_without_agreement() {
    let server = Server::start();
    let refused = server
        .command(["config", "show"])
        .env("MORELIA__TLS__ACME", NAME)
        .run()
        .exits(78);
    assert!(
        refused.stderr.contains("acme_terms = agreed"),
        "{}",
        refused.stderr
    );
}

/// The directory of Pebble with what it lacks: when certificates are to be renewed. Returns its port, and
/// the paths that were asked for.
fn with_suggestions(pebble: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&asked);
    let chain = CertificateDer::pem_file_iter(file("server.pem")).expect("a file");
    let chain = chain.map(|it| it.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("TLS");
            let mut stream = StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1)
            {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = if path == "/dir" {
                let directory = get_secure_or(pebble, "/dir").expect("Pebble answers");
                let directory = String::from_utf8(directory).expect("text");
                // Pebble names the host that it was asked by, which was without a port.
                let directory = directory.replace(
                    "https://localhost/",
                    &format!("https://localhost:{pebble}/"),
                );
                let mut directory: Value = serde_json::from_str(&directory).expect("JSON");
                directory["renewalInfo"] = json!(format!("https://localhost:{port}/ari"));
                directory
            } else {
                json!({"suggestedWindow": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}})
            };
            noted.lock().expect("alive").push(path);
            let body = body.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 21600\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (port, asked)
}

#[test]
fn the_authority_may_have_a_certificate_renewed_early() {
    let authority = Authority::start();
    let (port, asked) = with_suggestions(authority.directory);
    let http = authority.http.to_string();
    let directory = format!("https://localhost:{port}/dir");
    let mut server = authority.server(&[
        ("server.http_port", &http),
        ("tls.acme_directory", &directory),
    ]);
    server.serve();
    let path = server.folder().join(format!("tls/{NAME}.pem"));
    let first = eventually(|| fs::read(&path).ok(), Option::is_some).expect("a certificate");
    let kept = server.folder().join("first.pem");
    fs::write(&kept, &first).expect("written");
    let second = eventually(|| fs::read(&path).expect("it"), |it| *it != first);
    assert_ne!(second, first, "its time has come, the authority says");
    // It was asked about that very certificate. Source: RFC 9773, 4.1.
    let kept = kept.display().to_string();
    let (_, serial) = openssl(&["x509", "-in", &kept, "-noout", "-serial"]);
    let serial = serial
        .trim()
        .rsplit('=')
        .next()
        .expect("a number")
        .to_owned();
    let bytes: Vec<u8> = (0..serial.len() / 2)
        .map(|at| u8::from_str_radix(&serial[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    let number = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let asked_for = || {
        let asked = asked.lock().expect("alive").clone();
        asked
            .into_iter()
            .filter(|path| path.starts_with("/ari/"))
            .collect::<Vec<_>>()
    };
    let about = asked_for();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(
        about[0].contains('.') && about[0].ends_with(&number),
        "{about:?} {number}"
    );
    // An authority that wants new ones on and on is asked again tomorrow.
    std::thread::sleep(std::time::Duration::from_secs(12));
    assert_eq!(asked_for().len(), 1);
    assert_eq!(fs::read(&path).expect("it"), second);
}
