//! Any calls of WASI 0.2 with any arguments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hypercell_wasi::fuzz::components(data));
