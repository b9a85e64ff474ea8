//! Morelia.
#![allow(missing_docs)]
pub mod auth;
pub mod hub;
pub mod model;
pub mod protocol;
pub mod store;
