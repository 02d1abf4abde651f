//! Any bytes as a layer and as a home.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut tar = data.to_vec();
    hypercell_wasi::fuzz::seal(&mut tar);
    // SAFETY: the file systems that borrow from it are gone when `layers` returns, before `tar` is.
    let lasting: &'static [u8] = unsafe { core::slice::from_raw_parts(tar.as_ptr(), tar.len()) };
    hypercell_wasi::fuzz::layers(lasting);
});
