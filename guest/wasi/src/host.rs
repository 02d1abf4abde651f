//! What WASI needs from below: the image gives it through hypercalls, the tests through plain Rust.

use crate::fs::FileSystem;

/// Standard output, as in the ABI's ring records.
pub const STDOUT: u32 = 1;
/// Standard error.
pub const STDERR: u32 = 2;

/// The world below WASI. No method may unwind; a call that the host ends does not return.
pub trait Host {
    /// Give bytes to `STDOUT` or `STDERR`. All of them are taken.
    fn write(&mut self, stream: u32, data: &[u8]);

    /// Read at most `buf.len()` bytes of standard input, at least one; 0 is the end of file.
    fn read_stdin(&mut self, buf: &mut [u8]) -> usize;

    /// Nanoseconds since 1970.
    fn realtime(&mut self) -> u64;

    /// Nanoseconds of a clock that never steps back.
    fn monotonic(&mut self) -> u64;

    /// Fill with unpredictable bytes.
    fn random(&mut self, buf: &mut [u8]);

    /// Wait. May return early only when the program is about to be ended.
    fn sleep(&mut self, nanoseconds: u64);

    /// A deferred file is about to be opened for the first time: mount, put files and set quotas on
    /// `fs` now; the open then looks its path up again and goes on. `fs` is whole and consistent.
    fn deferred(&mut self, fs: &mut FileSystem);
}

/// The three things that a function works on, borrowed for one call.
pub struct Call<'a, H: Host> {
    /// The file system of the VM.
    pub fs: &'a mut FileSystem,
    /// The world below.
    pub host: &'a mut H,
    /// The caller's linear memory; empty when it has none.
    pub mem: &'a mut [u8],
}
