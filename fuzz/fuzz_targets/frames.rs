//! Any bytes into the decoder of frames: the same comes out however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((piece, bytes)) = data.split_first() {
        morelia::server::decode_any(bytes, usize::from(*piece));
    }
});
