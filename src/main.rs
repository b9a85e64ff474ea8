//! The `morelia` program; everything is in the library.

fn main() {}
