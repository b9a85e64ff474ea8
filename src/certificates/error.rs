//! Why there is no certificate.

use std::io;
use std::path::PathBuf;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} does not hold a usable {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key of the root was taken off this machine.
    #[error(
        "the key of this server's own authority is not on this machine; put it back as {}, or make \
         a new authority with `morelia tls local-root --new`", .0.display()
    )]
    Offline(PathBuf),
    /// Making it failed.
    #[error("the certificate cannot be made: {0}")]
    Made(String),
}

impl From<rcgen::Error> for CertificateError {
    fn from(err: rcgen::Error) -> Self {
        Self::Made(err.to_string())
    }
}
