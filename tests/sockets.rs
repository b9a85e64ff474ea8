//! Ports that systemd opens, and certificates that change under open connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::common::https::{get, get_secure, tcp};
use super::common::port::free_port;
use super::common::{Server, eventually};

#[test]
fn systemd_listens_in_place_of_the_server() {
    if Command::new("systemd-socket-activate")
        .arg("--version")
        .output()
        .is_err()
    {
        return println!("skipped: there is no systemd-socket-activate on this machine");
    }
    // This machine has no such address: the server could not listen there itself.
    let keys = [
        ("server.host", "192.0.2.1"),
        ("tls.local_ca", "on"),
        ("server.http_port", "80"),
    ];
    let server = Server::initialised("open", &keys);
    let alone = server.command(["serve"]).run();
    assert_ne!(alone.code, Some(0), "{alone:?}");
    let (https, http) = (free_port(), free_port());
    let activate = |names: &str| {
        let listen = [https, http].map(|port| format!("--listen=127.0.0.1:{port}"));
        let names = format!("--fdname={names}");
        let words = ["systemd-socket-activate", &listen[0], &listen[1], &names];
        server.command(["serve"]).under(&words)
    };
    let running = activate("https:http").start();
    let (head, _) = eventually(
        || TcpStream::connect(("127.0.0.1", http)).map(|_| get(http, "localhost", "/trust", "")),
        Result::is_ok,
    )
    .expect("it listens");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let line = running.line_with("listening on ");
    assert!(
        line.ends_with(&format!("https://127.0.0.1:{https}")),
        "{line}"
    );
    let root = server.folder().join("tls/local-root.pem");
    let (head, _) = get_secure(https, "localhost", &root, "/health").expect("trusted");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    // The port in clear leads to the one that systemd has opened.
    let (head, _) = get(http, "localhost", "/", "");
    assert!(
        head.contains(&format!("location: https://localhost:{https}/")),
        "{head}"
    );
    drop(running);
    let wrong = activate("https:chat").start();
    eventually(|| TcpStream::connect(("127.0.0.1", http)), Result::is_ok).expect("it listens");
    let (code, errors) = wrong.end();
    assert_eq!(code, Some(78), "{errors}");
    assert!(errors.contains("FileDescriptorName="), "{errors}");
    let script = server
        .command(["service", "unit", "--sockets"])
        .run()
        .exits(0)
        .stdout;
    assert!(script.contains("FileDescriptorName=https"), "{script}");
}

/// A connection with TLS that stays open.
struct Open(StreamOwned<ClientConnection, TcpStream>);

impl Open {
    fn new(port: u16, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(config), name).expect("TLS");
        Self(StreamOwned::new(connection, tcp(port)))
    }

    /// Whether a request on it is answered.
    fn answers(&mut self) -> bool {
        let asked = self
            .0
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = Vec::new();
        let mut byte = [0; 256];
        while asked.is_ok() && !answer.ends_with(b"}") {
            match self.0.read(&mut byte) {
                Ok(read) if read > 0 => answer.extend_from_slice(&byte[..read]),
                _ => break,
            }
        }
        answer.starts_with(b"HTTP/1.1 200")
    }

    /// The certificate that it was opened with.
    fn certificate(&self) -> Vec<u8> {
        let certificates = self.0.conn.peer_certificates().expect("certificates");
        certificates[0].to_vec()
    }
}

#[test]
fn another_certificate_drops_no_connection() {
    let mut server = Server::initialised(
        "open",
        &[
            ("tls.local_ca", "on"),
            ("server.keep_alive", "10m"),
            ("limits.connections", "1100"),
            ("limits.connections_per_ip", "1100"),
        ],
    );
    server.serve();
    let address = server.address();
    let port = address
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number");
    let root = server.folder().join("tls/local-root.pem");
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(root).expect("the root"))
        .expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    // Each asks at once: who has never asked is not waited for as long as all of them take.
    let opened = |_| {
        let mut open = Open::new(port, &config);
        assert!(open.answers(), "it is open");
        open
    };
    let mut open: Vec<Open> = (0..1000).map(opened).collect();
    let before = open[0].certificate();
    server.command(["tls", "renew", "--force"]).run().exits(0);
    server.running().signal("HUP");
    let renewed = || {
        let mut one = Open::new(port, &config);
        assert!(one.answers(), "new ones are served");
        one.certificate()
    };
    assert_ne!(eventually(renewed, |it| *it != before), before);
    let dropped = open
        .iter_mut()
        .filter_map(|one| (!one.answers()).then_some(()))
        .count();
    assert_eq!(dropped, 0);
}
