//! Any WASI calls with any arguments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hypercell_wasi::fuzz::calls(data));
