//! A real nginx and a real Caddy with the configurations that `proxy-config` prints.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned};
use tokio::net::TcpSocket;

use super::{
    common::{PATIENCE, Server, port::free_port},
    transport::{becomes, connect_tls, fixture},
};

/// A running nginx, with all its processes.
pub(crate) struct Nginx(Child);

impl Nginx {
    /// Starts it with a site; fails where there is none.
    pub(crate) fn start(folder: &Path, site: &str) -> std::io::Result<Self> {
        fs::create_dir(folder)?;
        let configuration = format!(
            "daemon off; pid nginx.pid; error_log stderr warn; worker_processes 1;\n\
             events {{ worker_connections 64; }}\nhttp {{ access_log off;\n\
             client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;\n\
             uwsgi_temp_path u; scgi_temp_path s;\n{site}\n}}\n"
        );
        fs::write(folder.join("nginx.conf"), configuration)?;
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(folder)
            .args(["-c", "nginx.conf"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let complaints = BufReader::new(child.stderr.take().expect("a pipe"));
        thread::spawn(move || {
            for line in complaints.lines().map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        Ok(Self(child))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers go with the master when that is asked; killed, it would leave them.
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.0.wait();
    }
}

/// Returns the printed text on another port, with the certificate of the tests, without the site
/// that sends browsers on to TLS, and with far less patience than usual.
pub(crate) fn adapted(printed: &str, listen: SocketAddr) -> String {
    let (site, _) = printed
        .split_once("\nserver {\n    listen 80;")
        .expect("two sites");
    let mut adapted = String::new();
    for line in site.replace("120s", "3s").lines() {
        let line = match line.split_whitespace().next() {
            Some("ssl_certificate") => {
                format!("ssl_certificate {};", fixture("server.pem").display())
            }
            Some("ssl_certificate_key") => {
                format!("ssl_certificate_key {};", fixture("server.key").display())
            }
            Some("listen") if line.contains("[::]") => continue,
            Some("listen") => format!("listen {listen} ssl;"),
            _ => line.to_owned(),
        };
        adapted.push_str(&line);
        adapted.push('\n');
    }
    adapted
}

/// Connects from one of this machine's many own addresses, as if from another machine.
fn connect_from(source: &str, address: &str) -> TcpStream {
    let (source, address) = (format!("{source}:0"), address.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let connecting = async move {
        let socket = TcpSocket::new_v4()?;
        socket.bind(source.parse().expect("an address"))?;
        socket
            .connect(address.parse().expect("an address"))
            .await?
            .into_std()
    };
    let stream = runtime
        .expect("a runtime")
        .block_on(connecting)
        .expect("a connection");
    stream.set_nonblocking(false).expect("blocking");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Asks for a socket, claiming an address; returns the connection and the head of the answer.
fn open(source: &str, address: &str) -> (StreamOwned<ClientConnection, TcpStream>, String) {
    let mut stream = connect_tls(connect_from(source, address), "localhost");
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nOrigin: https://localhost\r\nX-Forwarded-For: 9.9.9.9\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("text"))
}

/// Starts a server that is to be behind a proxy, and returns it with what is printed for that proxy.
fn behind(proxy: &str) -> (Server, String) {
    let server = Server::with(&[
        ("proxy.trusted", "127.0.0.1"),
        ("server.ping_interval", "1s"),
        ("limits.connections_per_ip", "2"),
    ]);
    let address = server.address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let output = server
        .command(["proxy-config", proxy])
        .env("MORELIA__SERVER__PORT", port)
        .run()
        .exits(0);
    (server, output.stdout)
}

/// Asserts that what is behind a proxy works as it does without.
#[track_caller]
fn carries_sockets_and_addresses(address: &str) {
    let (mut stream, head) = open("127.0.0.7", address);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // Idle for longer than the proxy waits: the server's pings keep the connection.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        let mut ping = [0; 2];
        stream.read_exact(&mut ping).expect("the connection stays");
        assert_eq!(ping, [0x89, 0]);
        stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).expect("sent");
    }
    // Peers count by the address that the proxy saw, whatever they claim: the third is one too
    // many, and one from elsewhere is not.
    let (_second, head) = open("127.0.0.7", address);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let (_third, head) = open("127.0.0.7", address);
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let (_other, head) = open("127.0.0.8", address);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // And the machine's own details stay hidden behind the proxy.
    let mut stream = connect_tls(connect_from("127.0.0.7", address), "localhost");
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut health = Vec::new();
    // A proxy may close TLS without a word; what came before counts.
    let _ = stream.read_to_end(&mut health);
    let health = String::from_utf8(health).expect("text");
    assert!(health.ends_with("{\"status\":\"ok\"}"), "{health}");
}

#[test]
fn nginx_carries_sockets_and_addresses() {
    let (mut server, printed) = behind("nginx");
    let free = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let nginx = match Nginx::start(&server.folder().join("nginx"), &adapted(&printed, free)) {
        Ok(nginx) => nginx,
        Err(err) => return println!("skipped: nginx does not start: {err}"),
    };
    let address = free.to_string();
    becomes("nginx", || TcpStream::connect(&address).is_ok());
    carries_sockets_and_addresses(&address);
    drop(nginx);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}

/// A running Caddy.
struct Caddy(Child);

impl Drop for Caddy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn caddy_carries_sockets_and_addresses() {
    let (mut server, printed) = behind("caddy");
    let free = SocketAddr::from(([127, 0, 0, 1], free_port()));
    // The printed site on another port and with the certificate of the tests; Caddy would fetch
    // one for its name.
    let (remarks, site) = printed.split_once("{\n").expect("a site");
    let name = remarks.lines().last().expect("a name").trim();
    assert!(!name.is_empty() && !name.contains('#'), "{printed}");
    let tls = [fixture("server.pem"), fixture("server.key")].map(|file| file.display().to_string());
    let adapted = format!(
        "{{\n admin off\n auto_https disable_redirects\n}}\nhttps://localhost:{} {{\n bind 127.0.0.1\n \
         tls {}\n{site}",
        free.port(),
        tls.join(" ")
    );
    let file = server.folder().join("Caddyfile");
    fs::write(&file, adapted).expect("written");
    let started = Command::new("caddy")
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .envs([
            ("HOME", server.folder()),
            ("XDG_DATA_HOME", server.folder()),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let caddy = match started {
        Ok(child) => Caddy(child),
        Err(err) => return println!("skipped: there is no Caddy on this machine: {err}"),
    };
    let address = free.to_string();
    becomes("Caddy", || TcpStream::connect(&address).is_ok());
    carries_sockets_and_addresses(&address);
    drop(caddy);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}
