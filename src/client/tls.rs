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
}

impl Trust {
    /// Returns the TLS configuration of connections with this trust.
    ///
    /// # Errors
    /// [`ClientError::Certificates`] if there is no usable certificate.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, ClientError> {
        let path = self.path()?;
        let broken = |cause: String| ClientError::Certificates {
            path: path.clone(),
            cause,
        };
        let certificates = read(&path).map_err(broken)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        // A bundle may contain certificates that the verifier does not support; the others are still valid.
        roots.add_parsable_certificates(certificates.iter().cloned());
        let chain = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
            .build()
            .map_err(|error| broken(error.to_string()))?;
        let pinned = match self {
            Self::System => Vec::new(),
            Self::File(_) => certificates,
        };
        let verifier = Verifier {
            chain,
            pinned,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    fn path(&self) -> Result<PathBuf, ClientError> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::System => env::var_os("SSL_CERT_FILE")
                .map(PathBuf::from)
                .or_else(|| {
                    SYSTEM_BUNDLES
                        .iter()
                        .map(PathBuf::from)
                        .find(|path| path.exists())
                })
                .ok_or_else(|| ClientError::Certificates {
                    path: PathBuf::from(SYSTEM_BUNDLES[0]),
                    cause: "this system has no bundle of certificates; name one with --ca"
                        .to_owned(),
                }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("it holds no certificate in PEM form".to_owned());
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
    chain: Arc<WebPkiServerVerifier>,
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
        self.chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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
        self.chain.supported_verify_schemes()
    }
}
