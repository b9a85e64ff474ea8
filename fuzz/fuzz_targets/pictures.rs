//! Any bytes as a picture that is cleaned: no panic, nothing added, and clean afterwards.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| morelia::service::clean_any(bytes));
