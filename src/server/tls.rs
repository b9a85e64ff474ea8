//! TLS: certificates and keys read from files, and reloaded while serving.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::challenge::{self, Challenges};
use super::settings::{ClientCertificates, Tls};

/// The reason why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "cannot read the {what} {} as user {user}: {cause}; give that user permission to read it \
         or name another file under [tls]",
        path.display()
    )]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// The user who tried to read it.
        user: String,
        /// The error of the system.
        cause: io::Error,
    },
    /// A file does not contain what it should.
    #[error(
        "the {what} {} holds no {expected}; name a PEM file that does under [tls]",
        path.display()
    )]
    Content {
        /// What the file is for.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
    },
    /// The key requires a passphrase.
    #[error(
        "the key {} is encrypted with a passphrase, which nobody can type when the server starts; write one \
         without: openssl pkey -in {} -out key.pem", path.display(), path.display()
    )]
    Encrypted {
        /// Its path.
        path: PathBuf,
    },
    /// The certificate and the key do not match, or cannot be used.
    #[error(
        "the certificate {} and the key {} cannot be used: {cause}",
        certificate.display(),
        key.display()
    )]
    Unusable {
        /// The certificate's path.
        certificate: PathBuf,
        /// The key's path.
        key: PathBuf,
        /// The error of rustls.
        cause: String,
    },
    /// Clients' certificates are required, but no authority that signs them is configured.
    #[error("clients' certificates cannot be checked without ca_certs; name a file under [tls]")]
    NoAuthorities,
}

/// The certificate in use; clones share it.
#[derive(Debug, Clone)]
pub struct Certificate {
    shown: Arc<RwLock<Shown>>,
    challenges: Challenges,
}

/// What connections from now on are shown.
#[derive(Debug, Clone)]
struct Shown {
    config: Arc<ServerConfig>,
    /// The server's own certificate, in DER.
    leaf: Arc<[u8]>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file and what to do.
    pub(super) fn load(files: &Tls, challenges: &Challenges) -> Result<Self, TlsError> {
        let challenges = challenges.clone();
        let shown = Arc::new(RwLock::new(read(files, &challenges)?));
        Ok(Self { shown, challenges })
    }

    /// Reloads the files, or reads others, for new connections; after an error the old ones stay in use.
    ///
    /// # Errors
    /// A sentence that names the file and what to do.
    pub fn reload(&self, files: &Tls) -> Result<(), TlsError> {
        let shown = read(files, &self.challenges)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// The certificate that connections from now on are shown, in DER.
    #[must_use]
    pub fn leaf(&self) -> Arc<[u8]> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shown.leaf)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&shown.config))
    }
}

/// Checks the files without serving, to check a configuration.
///
/// # Errors
/// A sentence that names the file and what to do.
pub fn check(files: &Tls) -> Result<(), TlsError> {
    read(files, &Challenges::default()).map(|_| ())
}

/// Shows the server's certificate; to an authority that checks a challenge, the answer to the challenge.
#[derive(Debug)]
struct Resolver {
    own: Arc<CertifiedKey>,
    challenges: Challenges,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.any(|protocol| protocol == challenge::PROTOCOL) {
            return self.challenges.handshake(hello.server_name()?);
        }
        Some(Arc::clone(&self.own))
    }
}

fn read(files: &Tls, challenges: &Challenges) -> Result<Shown, TlsError> {
    let chain = certificates("certificate", &files.certificate)?;
    let leaf = chain.first().map_or(&[][..], |leaf| leaf.as_ref()).into();
    let pem = contents("key", &files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let text = String::from_utf8_lossy(&pem);
        if text.contains("ENCRYPTED") {
            let path = files.key.clone();
            TlsError::Encrypted { path }
        } else {
            content("key", &files.key, "private key")
        }
    })?;
    let unusable = |cause: &dyn std::fmt::Display| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        cause: cause.to_string(),
    };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|err| unusable(&err))?;
    let builder = match client_verifier(files)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let own = CertifiedKey::from_der(chain, key, &provider()).map_err(|err| unusable(&err))?;
    let mut config = builder.with_cert_resolver(Arc::new(Resolver {
        own: Arc::new(own),
        challenges: challenges.clone(),
    }));
    // HTTP/1 only: a WebSocket needs it, and another version would be another attack surface.
    config.alpn_protocols = vec![b"http/1.1".to_vec(), challenge::PROTOCOL.to_vec()];
    Ok(Shown {
        config: Arc::new(config),
        leaf,
    })
}

fn client_verifier(files: &Tls) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if files.client_certificates == ClientCertificates::None {
        return Ok(None);
    }
    let path = files
        .client_authorities
        .as_deref()
        .ok_or(TlsError::NoAuthorities)?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates("ca_certs", path)? {
        roots
            .add(certificate)
            .map_err(|_| content("ca_certs", path, "usable certificate"))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = match files.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    let verifier = builder
        .build()
        .map_err(|_| content("ca_certs", path, "usable certificate"))?;
    Ok(Some(verifier))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = contents(what, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| content(what, path, "certificate"))
}

fn contents(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::Unreadable {
        what,
        path: path.to_owned(),
        user: user(),
        cause,
    })
}

fn content(what: &'static str, path: &Path, expected: &'static str) -> TlsError {
    TlsError::Content {
        what,
        path: path.to_owned(),
        expected,
    }
}

/// Returns the name of the user that this process runs as, or its number.
fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(own) = fs::metadata("/proc/self") else {
        return "of this process".to_owned();
    };
    user_name(own.uid()).unwrap_or_else(|| own.uid().to_string())
}

/// Returns the name of a user, if it is listed on this machine.
#[must_use]
pub fn user_name(id: u32) -> Option<String> {
    let id = id.to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&id)).then(|| name.to_owned())
    })
}
