//! Requests over HTTP and TLS by hand, and what OpenSSL says of certificates.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;

/// Opens a connection.
#[track_caller]
pub(crate) fn tcp(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

/// Asks for a path as a browser at a host does, and returns head and body.
#[track_caller]
pub(crate) fn get(port: u16, host: &str, path: &str, more: &str) -> (String, Vec<u8>) {
    let mut stream = tcp(port);
    ask(&mut stream, host, path, more)
}

fn ask(stream: &mut (impl Read + Write), host: &str, path: &str, more: &str) -> (String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    // Some end TLS without saying so, and some keep the connection whatever they were asked.
    while !is_whole(&answer) {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => answer.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    let end = head_end(&answer);
    let end = end.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(&answer)));
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    (head, answer[end + 4..].to_vec())
}

fn head_end(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|it| it == b"\r\n\r\n")
}

/// Whether an answer that names its length is here. One without ends with its connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = head_end(answer) else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        value.trim().parse::<usize>().ok().filter(|_| is_length)
    });
    length.is_some_and(|length| answer.len() >= end + 4 + length)
}

/// The same over TLS, by a name, as somebody who trusts these authorities alone.
///
/// # Errors
/// The server is not trusted.
pub(crate) fn get_secure(
    port: u16,
    name: &str,
    authorities: &Path,
    path: &str,
) -> Result<(String, Vec<u8>), String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(authorities).expect("a file") {
        roots.add(root.expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerName::try_from(name.to_owned()).expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), server).expect("TLS");
    let mut stream = tcp(port);
    while connection.is_handshaking() {
        connection
            .complete_io(&mut stream)
            .map_err(|err| err.to_string())?;
    }
    let mut stream = StreamOwned::new(connection, stream);
    Ok(ask(&mut stream, name, path, ""))
}

/// Runs OpenSSL and returns what it says.
pub(crate) fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("openssl");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}
