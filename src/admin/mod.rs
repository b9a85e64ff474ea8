//! The commands of the operator, one file each: they print, and leave the work to others.

pub mod client;
pub mod password;
//! The operator's commands, one file each. They make the text of a result; one place prints it.

pub mod completions;
pub mod config;
