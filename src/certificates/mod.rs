//! Certificates and keys as files: reading what a certificate says, making the house's own, and what
//! an authority needs to make one.
//!
//! What belongs here: X.509, PEM, the folder they lie in. What does not: the network (see
//! [`crate::outbound`]), when something is renewed (see [`crate::app`]), serving.

mod acme;
mod addresses;
mod error;
mod files;
mod local;
mod read;
mod state;

pub use acme::{Request, alpn_challenge, placeholder, standing_in_since};
pub use addresses::private_addresses;
pub use error::CertificateError;
pub use files::Folder;
pub use local::{Leaf, Names, Root};
pub use read::{Facts, der_of_pem, fingerprint, grouped};
pub use state::State;
