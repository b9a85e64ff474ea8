//! MTP 1.0 revision 17 and the extensions of this server, over text frames.
//!
//! [`Session`] is one peer's conversation. `request` reads the wire, `reply` writes it, `convert`
//! turns one into the domain's words and back, `codes` and `wording` say which error has which code and
//! sentence, and `methods/` holds a file per method.

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

/// Protocol version that this server speaks.
pub const VERSION: &str = "1.0";

/// What this server has beyond that, by the words that clients look for.
pub const FEATURES: &[&str] = &["rich", "files", "push"];

/// Revision of that version.
pub const REVISION: &str = "17";
