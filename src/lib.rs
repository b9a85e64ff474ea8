//! Morelia.
#![allow(missing_docs)]
pub mod protocol;
