//! The servers that are trusted on an encrypted connection.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::ClientError;

/// The files with the certificates that a system trusts; the first that exists is used.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates that a client trusts.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those that the system trusts (`$SSL_CERT_FILE`, or else the system's bundle).
    #[default]
    System,
    /// Only those in this PEM file: authorities, or a server's own self-signed certificate.
    File(PathBuf),
    /// Whatever is shown. Only for the server of this machine, at the address that it has written down
    /// itself: which certificate it shows is what is to be found out.
    ThisMachine,
}

impl Trust {
    /// Returns the TLS configuration of connections with this trust.
    ///
    /// # Errors
    /// [`ClientError::Certificates`] if there is no usable certificate.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (chain, pinned) = match self {
            Self::ThisMachine => (None, Vec::new()),
            Self::File(path) => {
                let certificates = read(path)?;
                (Some(chain(path, &certificates, &provider)?), certificates)
            }
            Self::System => {
                let path = bundle()?;
                let certificates = read(&path)?;
                (Some(chain(&path, &certificates, &provider)?), Vec::new())
            }
        };
        let verifier = Verifier {
            chain,
            pinned,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(Path::new("TLS"), error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn broken(path: &Path, cause: String) -> ClientError {
    ClientError::Certificates {
        path: path.to_owned(),
        cause,
    }
}

/// The usual verification, by the authorities in a file.
fn chain(
    path: &Path,
    certificates: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ClientError> {
    let mut roots = RootCertStore::empty();
    // A bundle may hold certificates too odd for the verifier; the others are still good.
    roots.add_parsable_certificates(certificates.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .map_err(|error| broken(path, error.to_string()))
}

/// What the system trusts.
fn bundle() -> Result<PathBuf, ClientError> {
    let systems = || SYSTEM_BUNDLES.iter().map(PathBuf::from);
    let named = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named
        .or_else(|| systems().find(|path| path.exists()))
        .ok_or_else(|| {
            let cause = "this system has no bundle of certificates; name one with --ca";
            broken(Path::new(SYSTEM_BUNDLES[0]), cause.to_owned())
        })
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| broken(path, error.to_string()))?;
    if certificates.is_empty() {
        return Err(broken(
            path,
            "it holds no certificate in PEM form".to_owned(),
        ));
    }
    Ok(certificates)
}

/// The usual verification, and in addition the exact certificates in the user's file.
///
/// A home server's certificate is its own authority, which the usual verification refuses as the certificate
/// of a server. A byte-by-byte match is stronger than any signature over the certificate, so its name and
/// dates do not matter then; the peer still proves that it holds the key.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.chain {
            None => Ok(ServerCertVerified::assertion()),
            Some(chain) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
