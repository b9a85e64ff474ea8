//! The way to the server: TLS, headers of proxies, systemd, and an orderly end under load.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpStream,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;

use super::common::{PATIENCE, Program, Server, connection::End, program::Running};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls")
        .join(name)
}

/// Sends a request on the level of bytes and returns the whole answer.
pub(crate) fn get(
    stream: &mut (impl std::io::Read + std::io::Write),
    path: &str,
    headers: &str,
) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // A server may close TLS without a word; what came before counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("text")
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Opens a TLS connection that trusts the authority of the tests, to a name.
pub(crate) fn connect_tls(
    stream: TcpStream,
    name: &'static str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        stream,
    )
}

/// Tells whether the server shows a certificate for a name.
fn shows(address: &str, name: &'static str) -> bool {
    let mut stream = connect_tls(connect(address), name);
    while stream.conn.is_handshaking() {
        if stream.conn.complete_io(&mut stream.sock).is_err() {
            return false;
        }
    }
    true
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn becomes(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a server by flags; returns it with the address of its ready line.
fn serve(program: Program) -> (Running, String) {
    let running = program
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .start();
    let address = running
        .line_with("listening on ")
        .replace("listening on ", "");
    (running, address)
}

#[test]
fn certificate_is_served_and_reloaded_on_sighup() {
    let server = Server::initialised("open", &[]);
    let (certificate, key) = (
        server.folder().join("own.pem"),
        server.folder().join("own.key"),
    );
    let install = |name: &str| {
        fs::copy(fixture(&format!("{name}.pem")), &certificate).unwrap();
        fs::copy(fixture(&format!("{name}.key")), &key).unwrap();
    };
    install("server");
    let program = server
        .command([])
        .env("MORELIA__TLS__CERTFILE", &certificate)
        .env("MORELIA__TLS__KEYFILE", &key);
    let (running, url) = serve(program);
    let address = url
        .strip_prefix("https://")
        .expect("the ready line says https")
        .to_owned();
    assert!(
        get(
            &mut connect_tls(connect(&address), "localhost"),
            "/health/live",
            ""
        )
        .contains(" 200 OK\r\n")
    );
    assert!(shows(&address, "localhost") && !shows(&address, "second.localhost"));
    let plain = get(&mut connect(&address), "/health/live", "");
    assert!(
        plain.starts_with("HTTP/1.1 426"),
        "TLS is never left out: {plain}"
    );

    install("second");
    running.signal("HUP");
    becomes("the second certificate", || {
        shows(&address, "second.localhost")
    });

    fs::write(&key, "no key").unwrap();
    running.signal("HUP");
    running.signal("TERM");
    let (code, log) = running.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the old certificate is kept"), "{log}");
    assert!(
        log.contains("own.key") && log.contains("holds no private key"),
        "{log}"
    );
}

#[test]
fn a_certificate_renewed_on_the_disk_is_served_without_a_signal() {
    let server = Server::initialised("open", &[]);
    let (certificate, key) = (
        server.folder().join("own.pem"),
        server.folder().join("own.key"),
    );
    let install = |name: &str| {
        fs::copy(fixture(&format!("{name}.pem")), &certificate).unwrap();
        fs::copy(fixture(&format!("{name}.key")), &key).unwrap();
    };
    install("server");
    let program = server
        .command([])
        .env("MORELIA__TLS__CERTFILE", &certificate)
        .env("MORELIA__TLS__KEYFILE", &key);
    let (running, url) = serve(program);
    let address = url.strip_prefix("https://").expect("https").to_owned();
    assert!(shows(&address, "localhost"));
    install("second");
    becomes("the renewed certificate", || {
        shows(&address, "second.localhost")
    });
    // What is half written, or wrong, is not taken up, and is told of once.
    fs::write(&key, "no key").unwrap();
    thread::sleep(Duration::from_secs(45));
    assert!(shows(&address, "second.localhost"));
    running.signal("TERM");
    let (code, log) = running.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("the old one is kept").count(), 1, "{log}");
}

#[test]
fn tls_is_not_silently_left_out_at_sighup() {
    let mut server = Server::start();
    let text = fs::read_to_string(server.config()).unwrap();
    let text = text.replace("\nframe = 16MB\n", "\nframe = 64KB\n");
    let changed = text.replace(
        "\n[tls]\n",
        &format!(
            "\n[tls]\ncertfile = {}\nkeyfile = {}\n",
            fixture("server.pem").display(),
            fixture("server.key").display()
        ),
    );
    assert_ne!(text, changed);
    fs::write(server.config(), changed).unwrap();
    server.running().signal("HUP");
    becomes("a smaller frame", || {
        // One that comes while the server takes the change over may be refused.
        let Ok(mut connection) = server.try_connect() else {
            return false;
        };
        let _ = connection.send_text("x".repeat(65 << 10));
        connection.try_answer().err() == Some(End::Closed(Some(1009)))
    });
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("TLS is not switched on"), "{log}");
}

/// Prepares the program as a user without rights: nobody, to whom the folder is given, where the
/// tests run as the administrator.
fn unprivileged(server: &Server) -> Command {
    let probe = server.folder().join("probe");
    fs::write(&probe, "x").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_morelia"));
    if fs::read(&probe).is_ok() {
        let given = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(server.folder())
            .status();
        assert!(given.unwrap().success());
        command = Command::new("setpriv");
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            env!("CARGO_BIN_EXE_morelia"),
        ]);
    }
    command
        .current_dir(server.folder())
        .env("HOME", server.folder());
    command
}

#[test]
fn port_that_takes_a_right_stops_the_start() {
    let floor = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if floor.as_ref().is_ok_and(|floor| floor.trim() != "1024") {
        return println!("skipped: here anybody takes any port: {floor:?}");
    }
    let server = Server::initialised("open", &[]);
    let output = unprivileged(&server)
        .arg("--config")
        .arg(server.config())
        .args(["serve", "--host", "127.0.0.1", "--port", "1023"])
        .output();
    let output = match output {
        Ok(output) if !output.stderr.starts_with(b"setpriv: ") => output,
        other => return println!("skipped: nobody cannot run it: {other:?}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("no permission to listen on 127.0.0.1:1023; choose a port from 1024 up"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(77), "{said}");
}

#[test]
fn key_that_cannot_be_read_stops_the_start() {
    let server = Server::initialised("open", &[]);
    let missing = server.folder().join("missing.key");
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .args(["--ssl-certfile".as_ref(), fixture("server.pem").as_os_str()])
        .args(["--ssl-keyfile".as_ref(), missing.as_os_str()])
        .run();
    assert_eq!(output.code, Some(78), "{output:?}");
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("missing.key"), "{}", output.stderr);
    let hidden = server.folder().join("hidden.key");
    fs::copy(fixture("server.key"), &hidden).unwrap();
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator reads everything, so somebody else has to try.
    let mut command = unprivileged(&server);
    let output = command
        .arg("--config")
        .arg(server.config())
        .args([
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--ssl-certfile",
        ])
        .arg(fixture("server.pem"))
        .arg("--ssl-keyfile")
        .arg(&hidden)
        .output();
    let output = match output {
        Ok(output) if !output.stderr.starts_with(b"setpriv: ") => output,
        other => return println!("skipped the rest: nobody cannot run it: {other:?}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("hidden.key as user "), "{said}");
    assert_eq!(output.status.code(), Some(77), "{said}");
}

#[test]
fn header_of_a_proxy_is_believed_only_from_a_trusted_one() {
    let mut server = Server::start();
    for _ in 0..3 {
        let answer = get(
            &mut connect(&server.address()),
            "/health",
            "X-Forwarded-For: 127.0.0.1\r\n",
        );
        assert!(
            answer.ends_with("\r\n\r\n{\"status\":\"ok\"}"),
            "details are hidden: {answer}"
        );
    }
    let local = get(&mut connect(&server.address()), "/health", "");
    assert!(local.contains("\"uptime_seconds\""), "{local}");
    let (_, log) = server.stop();
    let said = log
        .lines()
        .filter(|line| line.contains("[proxy] trusted"))
        .count();
    assert_eq!(said, 1, "mentioned once:\n{log}");
}

#[test]
fn systemd_hears_of_start_life_and_end() {
    let server = Server::initialised("open", &[]);
    let path = server.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let program = server
        .command([])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "300000");
    let (running, _) = serve(program);
    let hear = || {
        let mut buffer = [0; 1024];
        let len = socket.recv(&mut buffer).expect("a notification");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    let hears = |what: &str| while !hear().lines().any(|line| line == what) {};
    let ready = hear();
    assert!(
        ready.contains("READY=1") && ready.contains("STATUS=listening on"),
        "{ready}"
    );
    for _ in 0..3 {
        hears("WATCHDOG=1");
    }
    running.signal("HUP");
    hears("RELOADING=1");
    hears("READY=1");
    running.signal("TERM");
    hears("STOPPING=1");
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn stop_under_load_answers_and_says_goodbye() {
    const SENDERS: usize = 16;
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let flow = anna.group("busy", &[]);
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let mut sender = anna.on(server.connect());
            let frame = super::common::connection::envelope(
                "send_message",
                &sender.signed(&json!({
                    "flow": [{"uuid": flow}],
                    "message": [{"client_id": number, "text": "under load"}],
                })),
            );
            thread::spawn(move || {
                let mut acknowledged = 0;
                loop {
                    if sender.connection.send_text(frame.to_string()).is_err() {
                        return (acknowledged, sender.connection.closed());
                    }
                    match sender.connection.try_answer() {
                        Ok(reply) => {
                            reply.is(200);
                            acknowledged += 1;
                        }
                        Err(end) => return (acknowledged, end),
                    }
                }
            })
        })
        .collect();
    becomes("load", || {
        anna.page(&flow, None).frame()["data"]["message"]
            .as_array()
            .is_some_and(|page| page.len() > 50)
    });
    server.running().signal("TERM");
    let start = Instant::now();
    let mut acknowledged = 0;
    for sender in senders {
        let (count, end) = sender.join().expect("no sender fails");
        assert_eq!(end, End::Closed(Some(1001)));
        acknowledged += count;
    }
    let (code, log) = server.stop_signalled();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
    server.serve();
    let stored = server.sign_in("anna").history(&flow).len();
    println!("{acknowledged} acknowledged, {stored} stored");
    assert!(
        stored >= acknowledged,
        "{acknowledged} acknowledged, {stored} stored"
    );
}

#[test]
fn accept_that_fails_is_tried_again() {
    let server = Server::initialised("open", &[]);
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        return println!("skipped: strace is not installed");
    }
    let mut child = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=accept4",
            "-e",
            "inject=accept4:error=ENOBUFS:when=1..3",
            "-o",
        ])
        .arg(server.folder().join("trace"))
        .arg(env!("CARGO_BIN_EXE_morelia"))
        .arg("--config")
        .arg(server.config())
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .current_dir(server.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let traced = fs::read_to_string(server.folder().join("trace"));
    let Some(address) = line.trim().strip_prefix("listening on http://") else {
        let _ = child.kill();
        let _ = child.wait();
        return println!("skipped: strace cannot trace here: {line:?} {traced:?}");
    };
    let answer = get(&mut connect(address), "/health/live", "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The traced program is stopped, and strace ends with it.
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let pid = fs::read_to_string(children).expect("strace's child");
    Command::new("kill")
        .args(["-s", "TERM", pid.trim()])
        .status()
        .unwrap();
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{log}");
    let said = log
        .lines()
        .filter(|line| line.contains("cannot accept connections"))
        .count();
    assert_eq!(said, 1, "one line for three failures:\n{log}");
}
