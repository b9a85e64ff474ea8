//! MTP 1.0 revision 17 and the extensions of this server, over text frames.
//!
//! [`Session`] is the conversation with one peer. `request` reads the wire, `reply` writes it,
//! `convert` converts between the wire and the domain, `codes` and `wording` map each error to its code
//! and sentence, and `methods/` holds one file per method.

mod about;
mod callout;
mod codes;
mod convert;
mod draft;
mod error;
mod file;
mod meter;
mod methods;
mod push;
mod reply;
mod request;
mod rich;
mod rows;
mod seconds;
mod session;
mod wire;

pub use callout::{answer_of, text_of};
pub use meter::Meter;
pub use session::{Session, Settings};

/// The protocol version that this server speaks.
pub const VERSION: &str = "1.0";

/// The features of this server beyond that version, by the words that clients look for.
pub const FEATURES: &[&str] = &["rich", "files", "push"];

/// The revision of that version.
pub const REVISION: &str = "17";
