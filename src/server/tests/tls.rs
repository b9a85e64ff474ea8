//! TLS: certificates, their reload, clients' certificates, and the errors for invalid files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::server::{ClientCertificates, Tls};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls")
        .join(name)
}

fn files(name: &str) -> Tls {
    Tls {
        certificate: file(&format!("{name}.pem")),
        key: file(&format!("{name}.key")),
        client_authorities: None,
        client_certificates: ClientCertificates::None,
    }
}

/// Opens a connection as a client that trusts the authority of the tests.
async fn connect(
    server: &Server,
    name: &'static str,
    own: Option<&str>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file("ca.pem")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(file(&format!("{own}.pem"))).unwrap()],
                PrivateKeyDer::from_pem_file(file(&format!("{own}.key"))).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(name).unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, server.tcp().await);
    timeout(PATIENCE, connecting).await.unwrap()
}

/// Returns whether a connection can be used; in TLS 1.3 a refusal comes after the handshake.
async fn works(connection: std::io::Result<TlsStream<TcpStream>>) -> bool {
    let Ok(mut stream) = connection else {
        return false;
    };
    let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.is_ok() && rest(&mut stream).await.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn socket_and_pages_are_encrypted() {
    let server = Server::start(|settings| settings.tls = Some(files("server"))).await;
    let stream = connect(&server, "localhost", None).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut client = Client::open(stream, "").await;
    client.say("who").await;
    client.hears("127.0.0.1 true").await;
    let large = "x".repeat(3 << 20);
    client.say(&large).await;
    client.hears(&format!("{} bytes", large.len())).await;
    let mut page = connect(&server, "localhost", None).await.unwrap();
    page.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(
        rest(&mut page)
            .await
            .contains("\r\nstrict-transport-security: max-age=")
    );
    assert!(server.stop().await.requests >= 2);
}

#[tokio::test]
async fn close_code_arrives_under_tls() {
    let server = Server::start(|settings| settings.tls = Some(files("server"))).await;
    let mut client = Client::open(connect(&server, "localhost", None).await.unwrap(), "").await;
    client.send(&announce(0x81, 60 << 20)).await;
    client.is_closed(1009).await;
}

#[tokio::test]
async fn handshake_that_never_comes_is_cut_off() {
    let server = Server::start(|settings| {
        settings.tls = Some(files("server"));
        settings.header_timeout = Duration::from_millis(200);
    })
    .await;
    let mut tcp = server.tcp().await;
    assert_eq!(rest(&mut tcp).await, "");
}

#[tokio::test]
async fn certificate_is_reloaded_and_a_bad_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls {
        certificate: folder.path().join("own.pem"),
        key: folder.path().join("own.key"),
        ..files("server")
    };
    let install = |name: &str| {
        fs::copy(file(&format!("{name}.pem")), &tls.certificate).unwrap();
        fs::copy(file(&format!("{name}.key")), &tls.key).unwrap();
    };
    install("server");
    let server = Server::start(|settings| settings.tls = Some(tls.clone())).await;
    let certificate = server.certificate.clone().unwrap();
    let mut old = Client::open(connect(&server, "localhost", None).await.unwrap(), "").await;
    assert!(!works(connect(&server, "second.localhost", None).await).await);

    install("second");
    certificate.reload(&tls).unwrap();
    assert!(works(connect(&server, "second.localhost", None).await).await);
    old.say("still open").await;
    old.hears("still open").await;

    fs::write(&tls.key, "no key").unwrap();
    let err = certificate.reload(&tls).unwrap_err().to_string();
    assert!(
        err.contains("own.key") && err.contains("holds no private key"),
        "{err}"
    );
    assert!(
        works(connect(&server, "second.localhost", None).await).await,
        "the old one stays"
    );
    fs::copy(file("server.key"), &tls.key).unwrap();
    let err = certificate.reload(&tls).unwrap_err().to_string();
    assert!(
        err.contains("cannot be used"),
        "the key is another certificate's: {err}"
    );
    // Other files than before, as if the configuration had changed.
    certificate.reload(&files("server")).unwrap();
    assert!(works(connect(&server, "localhost", None).await).await);
}

#[tokio::test]
async fn clients_certificates_are_asked_for_as_configured() {
    let modes = [
        (ClientCertificates::None, [true, true, true]),
        (ClientCertificates::Optional, [true, true, false]),
        (ClientCertificates::Required, [false, true, false]),
    ];
    for (mode, expected) in modes {
        let server = Server::start(|settings| {
            settings.tls = Some(Tls {
                client_authorities: Some(file("ca.pem")),
                client_certificates: mode,
                ..files("server")
            });
        })
        .await;
        // The third is the server's own, which a client may not use.
        let shown = [None, Some("client"), Some("second")];
        for (own, expected) in shown.into_iter().zip(expected) {
            let found = works(connect(&server, "localhost", own).await).await;
            assert_eq!(found, expected, "{mode:?} with {own:?}");
        }
    }
}

#[tokio::test]
async fn wrong_files_are_sentences_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Tls {
        key: folder.path().join("missing.key"),
        ..files("server")
    };
    let settings = Settings {
        tls: Some(missing),
        ..Settings::default()
    };
    let err = bind(settings, Vec::new()).await.unwrap_err();
    let err = err.to_string();
    assert!(
        err.starts_with("cannot read the key ") && err.contains("missing.key as user "),
        "{err}"
    );

    let secret = folder.path().join("secret.key");
    fs::copy(file("server.key"), &secret).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let hidden = Tls {
        key: secret.clone(),
        ..files("server")
    };
    match check_tls(&hidden) {
        Ok(()) => println!("skipped: this user reads files whatever their permissions"),
        Err(err) => assert!(err.to_string().contains("Permission denied"), "{err}"),
    }

    let empty = Tls {
        certificate: file("server.key"),
        ..files("server")
    };
    let err = check_tls(&empty).unwrap_err().to_string();
    assert!(err.contains("holds no certificate"), "{err}");

    let unnamed = Tls {
        client_certificates: ClientCertificates::Required,
        ..files("server")
    };
    assert!(matches!(check_tls(&unnamed), Err(TlsError::NoAuthorities)));
}
