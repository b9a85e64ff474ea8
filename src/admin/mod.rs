//! The commands of the operator, one file each: they print, and leave the work to others.

pub mod client;
pub mod password;
