//! Morelia.
#![allow(missing_docs)]
pub mod model;
pub mod protocol;
pub mod store;
